/* Rows of a table by their numbers, and the gradient of the table: against the host, in order, for numbers that are none; picking tokens along
 * a middle axis. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"

/* ---- a plan that picks and gives the gradient of the table ----------------------------------------------------------------------------- */

struct pick {
    size_t rows, columns, batch, tokens;
    bool strided;  /* table and numbers are slices of wider values */
    bool repeated; /* the table is read twice: its gradient is a sum */
};

struct outcome {
    float *y, *gradient;
};

static clmix_value build_pick(const struct pick *pick, clmix_value table, clmix_value index)
{
    clmix_value y = clmix_gather(pick->strided ? clmix_slice(table, -1, 3, pick->columns) : table,
                                 pick->strided ? clmix_slice(index, -1, 1, pick->tokens) : index);

    return pick->repeated ? clmix_add(y, clmix_scale(clmix_gather(table, index), 2.0f)) : y;
}

static struct outcome run(struct pick pick, const float *table_data, const int32_t *numbers, const float *dy_data)
{
    const size_t more = pick.strided ? 5 : 0, columns = pick.columns + more, wide = pick.tokens + (pick.strided ? 2 : 0),
                 count = pick.batch * pick.tokens * pick.columns;
    clmix_graph *graph = clmix_graph_new();
    clmix_value table = ops_input(graph, "table", ops_shape2(pick.rows, columns)),
                index = clmix_input(graph, "index", CLMIX_I32, 2, (size_t[]){ pick.batch, wide }), y, dy;
    struct outcome outcome;
    clmix_plan *plan;

    clmix_want_gradient(table);
    y = build_pick(&pick, table, index);
    dy = ops_input(graph, "dy", clmix_shape_of(y));
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    clmix_output(graph, "gradient", clmix_gradient_of(table));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "table", table_data, pick.rows * columns);
    ops_ok(clmix_plan_write(plan, "index", numbers, pick.batch * wide * sizeof *numbers));
    ops_write(plan, "dy", dy_data, count);
    ops_ok(clmix_plan_run(plan));
    ops_ok(clmix_plan_run(plan));
    outcome.y = ops_read(plan, "y", count);
    outcome.gradient = ops_read(plan, "gradient", pick.rows * columns);
    clmix_plan_free(plan);
    return outcome;
}

/* Numbers of rows, some of them again and again and some never. */
static int32_t *numbers_of(size_t count, size_t rows, uint64_t stream)
{
    float *draw = ops_floats(count, stream, 0.0f, 1.0f);
    int32_t *numbers = malloc(count * sizeof *numbers);

    ck_assert_ptr_nonnull(numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = i % 3 == 0 ? (int32_t)(rows / 2) : (int32_t)((float)rows * draw[i]) % (int32_t)rows;
    free(draw);
    return numbers;
}

static void check_pick(struct pick pick)
{
    const size_t skip = pick.strided ? 3 : 0, columns = pick.columns + (pick.strided ? 5 : 0), wide = pick.tokens + (pick.strided ? 2 : 0),
                 places = pick.batch * pick.tokens;
    float *table = ops_floats(pick.rows * columns, 1, -1.0f, 1.0f), *dy = ops_floats(places * pick.columns, 2, -1.0f, 1.0f);
    int32_t *numbers = numbers_of(pick.batch * wide, pick.rows, 3);
    const float factor = pick.repeated ? 3.0f : 1.0f;
    struct outcome outcome = run(pick, table, numbers, dy), again = run(pick, table, numbers, dy);
    double *gradient = calloc(pick.rows * columns, sizeof *gradient);

    ck_assert_ptr_nonnull(gradient);
    for (size_t i = 0; i < places; i++) {
        const size_t row = (size_t)numbers[i / pick.tokens * wide + i % pick.tokens + (pick.strided ? 1 : 0)];

        for (size_t c = 0; c < pick.columns; c++) {
            ck_assert_float_eq_tol(outcome.y[i * pick.columns + c], factor * table[row * columns + skip + c], 1e-6f);
            gradient[row * columns + skip + c] += (double)(factor * dy[i * pick.columns + c]);
        }
    }
    ops_compare("gradient of the table", outcome.gradient, gradient, pick.rows * columns, 5e-6);
    ck_assert_mem_eq(outcome.gradient, again.gradient, pick.rows * columns * sizeof(float));
    free(outcome.y);
    free(outcome.gradient);
    free(again.y);
    free(again.gradient);
    free(gradient);
    free(numbers);
    free(table);
    free(dy);
}

static const struct pick picks[] = {
    { .rows = 1, .columns = 1, .batch = 1, .tokens = 1 },
    { .rows = 7, .columns = 3, .batch = 2, .tokens = 5 },
    { .rows = 33, .columns = 20, .batch = 3, .tokens = 17 },
    { .rows = 33, .columns = 20, .batch = 3, .tokens = 17, .strided = true },
    { .rows = 9, .columns = 33, .batch = 4, .tokens = 16, .repeated = true },
    { .rows = 70, .columns = 300, .batch = 5, .tokens = 41 },
    { .rows = 3001, .columns = 37, .batch = 13, .tokens = 401 },
};

START_TEST(rows_and_their_gradients)
{
    if (!ops_small_effort() || picks[_i].rows < 50)
        check_pick(picks[_i]);
}
END_TEST

/* ---- numbers that are none ------------------------------------------------------------------------------------------------------------- */

/* Their rows are NaN, which a run's check finds and names; the gradient is that of the others, and nothing is read out of bounds. */
START_TEST(numbers_outside_the_table)
{
    enum { ROWS = 5, COLUMNS = 19, TOKENS = 8 };
    static const int32_t numbers[TOKENS] = { 4, -1, 0, 5, INT32_MAX, 4, INT32_MIN, 2 };
    float *table = ops_floats(ROWS * COLUMNS, 1, -1.0f, 1.0f), dy[TOKENS * COLUMNS];
    struct outcome outcome;

    for (int i = 0; i < TOKENS * COLUMNS; i++)
        dy[i] = 1.0f;
    outcome = run((struct pick){ .rows = ROWS, .columns = COLUMNS, .batch = 2, .tokens = TOKENS / 2 }, table, numbers, dy);
    for (int i = 0; i < TOKENS; i++)
        for (int c = 0; c < COLUMNS; c++)
            if (numbers[i] < 0 || numbers[i] >= ROWS)
                ck_assert(isnan(outcome.y[i * COLUMNS + c]));
            else
                ck_assert_float_eq(outcome.y[i * COLUMNS + c], table[numbers[i] * COLUMNS + c]);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        ck_assert_float_eq(outcome.gradient[i], i / COLUMNS == 4 ? 2.0f : i / COLUMNS == 0 || i / COLUMNS == 2 ? 1.0f : 0.0f);
    free(outcome.y);
    free(outcome.gradient);
    free(table);
}
END_TEST

/* The gradient in memory of the application's own, with a row in front of it and one behind that nobody writes. */
START_TEST(nothing_is_written_outside_the_gradient)
{
    enum { ROWS = 5, COLUMNS = 19, PLACES = 8 };
    static const int32_t numbers[PLACES] = { 4, -1, 0, 5, INT32_MAX, 4, INT32_MIN, 6 };
    clmix_graph *graph = clmix_graph_new();
    clmix_value table = ops_input(graph, "table", ops_shape2(ROWS, COLUMNS)), index, y,
                dy = ops_input(graph, "dy", ops_shape2(PLACES, COLUMNS));
    float *ones = ops_floats(PLACES * COLUMNS, 1, 1.0f, 1.0f), guarded[(ROWS + 2) * COLUMNS];
    cl_mem memory = NULL;
    clmix_plan *plan;

    index = clmix_input(graph, "index", CLMIX_I32, 1, (size_t[]){ PLACES });
    clmix_want_gradient(table);
    y = clmix_gather(table, index);
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "gradient", clmix_gradient_of(table));
    for (int i = 0; i < (ROWS + 2) * COLUMNS; i++)
        guarded[i] = 77.0f;
    ops_ok(clmix_buffer_create(ops_device, sizeof guarded, "a guarded gradient", &memory));
    ops_ok(clmix_buffer_write(ops_device, memory, 0, guarded, sizeof guarded));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_ok(clmix_plan_bind(plan, "gradient", memory, COLUMNS * sizeof(float)));
    ops_write(plan, "dy", ones, PLACES * COLUMNS);
    ops_ok(clmix_plan_write(plan, "index", numbers, sizeof numbers));
    ops_ok(clmix_plan_run(plan));
    ops_ok(clmix_buffer_read(ops_device, memory, 0, guarded, sizeof guarded));
    for (int i = 0; i < COLUMNS; i++) {
        ck_assert_float_eq(guarded[i], 77.0f);
        ck_assert_float_eq(guarded[COLUMNS + i], 1.0f);
        ck_assert_float_eq(guarded[(ROWS + 1) * COLUMNS + i], 77.0f);
    }
    clmix_plan_free(plan);
    clmix_buffer_release(ops_device, memory);
    free(ones);
}
END_TEST

START_TEST(the_search_for_a_nan_names_them)
{
    clmix_graph *graph = clmix_graph_new();
    float *table = ops_floats(12, 1, -1.0f, 1.0f);
    clmix_plan *plan;

    clmix_at(clmix_in(clmix_root(graph), "words"));
    clmix_output(graph, "y",
                 clmix_gather(ops_input(graph, "table", ops_shape2(4, 3)), clmix_input(graph, "index", CLMIX_I32, 1, (size_t[]){ 2 })));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_write(plan, "table", table, 12);
    ops_ok(clmix_plan_write(plan, "index", (const int32_t[]){ 1, 4 }, 2 * sizeof(int32_t)));
    ck_assert_int_eq(clmix_plan_find_not_finite(plan), CLMIX_ERROR_NOT_FINITE);
    ck_assert_str_eq(clmix_error(), "words gather makes a NaN from finite values");
    clmix_plan_free(plan);
    free(table);
}
END_TEST

/* ---- what it costs --------------------------------------------------------------------------------------------------------------------- */

/* A launch each way, whose bytes are those of the rows picked, not of the table. */
START_TEST(bytes_of_what_is_picked)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value table = ops_input(graph, "table", ops_shape2(30000, 64)),
                index = clmix_input(graph, "index", CLMIX_I32, 2, (size_t[]){ 4, 16 }), y, dy;
    clmix_plan_cost cost;
    clmix_plan *plan = NULL;

    clmix_want_gradient(table);
    y = clmix_gather(table, index);
    dy = ops_input(graph, "dy", clmix_shape_of(y));
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    clmix_output(graph, "gradient", clmix_gradient_of(table));
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, CLMIX_TRAINING));
    clmix_plan_costs(plan, &cost);
    ck_assert_uint_eq(cost.launches, 2);
    ck_assert_uint_eq(cost.moved_bytes, 64 * (8 * 64 + 4) + 4 * (30000 * 64 + 3 * 64 * 64 + 64));
    clmix_plan_free(plan);
    clmix_graph_free(graph);
}
END_TEST

/* What else reaches the table is taken in: no addition, and no zeros. */
START_TEST(another_gradient_is_taken_in)
{
    enum { ROWS = 50, COLUMNS = 37, PLACES = 12, MORE = 6 };
    clmix_graph *graph = clmix_graph_new();
    clmix_value table = ops_input(graph, "table", ops_shape2(ROWS, COLUMNS)), index, results[2], fed[2];
    float *x = ops_floats(MORE * COLUMNS, 1, -1.0f, 1.0f), *ones = ops_floats(PLACES * COLUMNS, 1, 1.0f, 1.0f), *dy, *gradient;
    int32_t *numbers = numbers_of(PLACES, ROWS, 3);
    double *wanted = calloc((size_t)ROWS * COLUMNS, sizeof *wanted);
    clmix_plan *plan;

    clmix_want_gradient(table);
    index = clmix_input(graph, "index", CLMIX_I32, 1, (size_t[]){ PLACES });
    results[0] = clmix_gather(table, index);
    results[1] = clmix_matmul(ops_input(graph, "x", ops_shape2(MORE, COLUMNS)), table, (clmix_product){ .transpose_b = true });
    for (int i = 0; i < 2; i++)
        fed[i] = ops_input(graph, i == 0 ? "dy" : "dz", clmix_shape_of(results[i]));
    clmix_backward(graph, 2, results, fed);
    clmix_output(graph, "gradient", clmix_gradient_of(table));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ck_assert_uint_eq(ops_launches(plan), 2);
    dy = ops_floats(MORE * ROWS, 2, -1.0f, 1.0f);
    ops_write(plan, "x", x, MORE * COLUMNS);
    ops_write(plan, "dy", ones, PLACES * COLUMNS);
    ops_write(plan, "dz", dy, MORE * ROWS);
    ops_ok(clmix_plan_write(plan, "index", numbers, PLACES * sizeof *numbers));
    ops_ok(clmix_plan_run(plan));
    gradient = ops_read(plan, "gradient", (size_t)ROWS * COLUMNS);
    for (size_t c = 0; c < COLUMNS; c++) {
        for (size_t i = 0; i < PLACES; i++)
            wanted[(size_t)numbers[i] * COLUMNS + c] += 1.0;
        for (size_t r = 0; r < (size_t)ROWS * MORE; r++)
            wanted[r % ROWS * COLUMNS + c] += (double)dy[r] * (double)x[r / ROWS * COLUMNS + c];
    }
    ops_compare("gradient of the table", gradient, wanted, (size_t)ROWS * COLUMNS, 5e-6);
    clmix_plan_free(plan);
    free(x);
    free(ones);
    free(dy);
    free(gradient);
    free(numbers);
    free(wanted);
}
END_TEST

/* ---- slices of the batch ---------------------------------------------------------------------------------------------------------------- */

static float *activated(const char *wish, const int32_t *numbers, size_t *launches)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value index = clmix_batch_input(graph, "index", CLMIX_I32, 2, (size_t[]){ 7, 5 }), table;
    float *data = ops_floats((size_t)11 * 20, 1, -1.0f, 1.0f), *y;
    clmix_plan *plan;

    table = clmix_parameter(clmix_root(graph), "table", 2, (size_t[]){ 11, 20 }, NULL,
                            (clmix_initializer){ .kind = CLMIX_NORMAL, .std = 1.0f });
    clmix_output(graph, "y", clmix_scale(clmix_gelu(clmix_gather(table, index)), 2.0f));
    ops_slice(wish);
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_slice(NULL);
    *launches = ops_launches(plan);
    ops_write(plan, "table", data, (size_t)11 * 20);
    ops_ok(clmix_plan_write(plan, "index", numbers, 35 * sizeof *numbers));
    ops_ok(clmix_plan_run(plan));
    y = ops_read(plan, "y", (size_t)35 * 20);
    clmix_plan_free(plan);
    free(data);
    return y;
}

START_TEST(slices_pick_the_same)
{
    int32_t *numbers = numbers_of(35, 11, 3);
    size_t launches;
    float *whole = activated("off", numbers, &launches), *sliced;

    ck_assert_uint_eq(launches, 3);
    sliced = activated("3", numbers, &launches);
    ck_assert_uint_eq(launches, 9);
    ck_assert_mem_eq(whole, sliced, (size_t)35 * 20 * sizeof *whole);
    free(whole);
    free(sliced);
    free(numbers);
}
END_TEST

/* ---- picking tokens -------------------------------------------------------------------------------------------------------------------- */

/* The first of N tokens, as a classifier reads it: one copy of it; its gradient two launches, zeros and the token. */
static clmix_value build_token(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    clmix_shape shape = clmix_shape_of(inputs[0]);

    (void)at;
    return clmix_reshape(clmix_slice(inputs[0], 1, *(const size_t *)attributes, 1), 2, (size_t[]){ shape.size[0], shape.size[2] });
}

static void token_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t tokens = shapes[0].size[1], columns = shapes[0].size[2];

    for (size_t i = 0; i < shapes[0].size[0] * columns; i++)
        out[i] = inputs[0][(i / columns * tokens + *(const size_t *)attributes) * columns + i % columns];
}

START_TEST(a_token_of_each_sample)
{
    for (size_t token = 0; token < 9; token += 4)
        ops_run_check(&(struct ops_check){ .what = "a token",
                                           .build = build_token,
                                           .reference = token_reference,
                                           .attributes = &token,
                                           .input_count = 1,
                                           .shapes = { { 3, { 5, 9, 21 } } } });
}
END_TEST

START_TEST(a_token_is_one_copy)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", (clmix_shape){ 3, { 8, 65, 32 } });
    clmix_plan_cost cost;
    clmix_plan *plan;

    clmix_output(graph, "y", build_token(clmix_root(graph), &x, &(size_t){ 0 }));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    clmix_plan_costs(plan, &cost);
    ck_assert_uint_eq(cost.launches, 1);
    ck_assert_uint_eq(cost.moved_bytes, 8 * 32 * 2 * sizeof(float));
    clmix_plan_free(plan);
}
END_TEST

/* ---- refusals -------------------------------------------------------------------------------------------------------------------------- */

static void refuse(clmix_value y, const char *sentence)
{
    ops_refused(y.graph, sentence);
}

START_TEST(what_does_not_fit)
{
    clmix_graph *graph = clmix_graph_new();

    refuse(clmix_gather(ops_input(graph, "t", (clmix_shape){ 3, { 2, 3, 4 } }), clmix_input(graph, "i", CLMIX_I32, 1, (size_t[]){ 2 })),
           "gather: the table must be f32 of two axes (rows, columns); this one is 2x3x4");
    graph = clmix_graph_new();
    refuse(clmix_gather(ops_input(graph, "t", ops_shape2(3, 4)), ops_input(graph, "i", ops_shape2(3, 4))),
           "gather: the numbers of rows must be i32; these are f32");
    graph = clmix_graph_new();
    refuse(clmix_gather(ops_input(graph, "t", ops_shape2(3, 4)),
                        clmix_input(graph, "i", CLMIX_I32, CLMIX_MAX_RANK, (size_t[CLMIX_MAX_RANK]){ 1, 1, 1, 1, 1 })),
           "axes, and the result would have one more");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gather");
    TCase *all = tcase_create("gather");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, rows_and_their_gradients, 0, (int)(sizeof picks / sizeof *picks));
    tcase_add_test(all, numbers_outside_the_table);
    tcase_add_test(all, nothing_is_written_outside_the_gradient);
    tcase_add_test(all, the_search_for_a_nan_names_them);
    tcase_add_test(all, bytes_of_what_is_picked);
    tcase_add_test(all, another_gradient_is_taken_in);
    tcase_add_test(all, slices_pick_the_same);
    tcase_add_test(all, a_token_of_each_sample);
    tcase_add_test(all, a_token_is_one_copy);
    tcase_add_test(all, what_does_not_fit);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
