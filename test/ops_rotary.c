/* Rotary position embedding: both forms against the host, of slices as of whole values, backward as the turn back; the papers' table; what is
 * refused; a plan that launches a few samples at a time. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

struct turn {
    size_t batch, tokens, heads, width;
    size_t more; /* columns in front of the heads' and behind them: then x is a slice */
    size_t rows; /* of the table, beyond the tokens */
    clmix_rotary_form form;
};

static const struct turn turns[] = {
    { .batch = 1, .tokens = 1, .heads = 1, .width = 2 },
    { .batch = 1, .tokens = 1, .heads = 1, .width = 2, .form = CLMIX_ROTARY_HALVES },
    { .batch = 3, .tokens = 7, .heads = 2, .width = 6, .rows = 2, .more = 5 },
    { .batch = 3, .tokens = 7, .heads = 2, .width = 6, .rows = 2, .more = 5, .form = CLMIX_ROTARY_HALVES },
    { .batch = 2, .tokens = 37, .heads = 3, .width = 50, .more = 150 },
    { .batch = 2, .tokens = 37, .heads = 3, .width = 50, .more = 150, .form = CLMIX_ROTARY_HALVES },
    { .batch = 2, .tokens = 301, .heads = 4, .width = 32, .rows = 1 },
    { .batch = 2, .tokens = 301, .heads = 4, .width = 32, .form = CLMIX_ROTARY_HALVES },
};

static clmix_shape shape_of(const struct turn *turn)
{
    return (clmix_shape){ 3, { turn->batch, turn->tokens, turn->heads * turn->width + 2 * turn->more } };
}

static clmix_value build_turn(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct turn *turn = attributes;
    clmix_value x = turn->more > 0 ? clmix_slice(inputs[0], -1, turn->more, turn->heads * turn->width) : inputs[0];

    return clmix_rotary(x, clmix_rotary_table(at.graph, turn->tokens + turn->rows, turn->width), turn->heads, turn->form);
}

static void turn_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    const struct turn *turn = attributes;
    const size_t half = turn->width / 2, columns = turn->heads * turn->width;

    for (size_t i = 0; i < turn->batch * turn->tokens * turn->heads * half; i++) {
        const size_t j = i % half, head = i / half % turn->heads, row = i / half / turn->heads;
        const double angle = (double)(row % turn->tokens) * pow(10000.0, -2.0 * (double)j / (double)turn->width);
        const size_t first = head * turn->width + (turn->form == CLMIX_ROTARY_HALVES ? j : 2 * j),
                     second = first + (turn->form == CLMIX_ROTARY_HALVES ? half : 1);
        const double *x = inputs[0] + row * of[0].size[2] + turn->more;

        out[row * columns + first] = x[first] * cos(angle) - x[second] * sin(angle);
        out[row * columns + second] = x[second] * cos(angle) + x[first] * sin(angle);
    }
}

START_TEST(pairs_are_turned)
{
    if (ops_small_effort() && turns[_i].tokens > 100)
        return;
    ops_run_check(&(struct ops_check){ .what = "rotary",
                                       .build = build_turn,
                                       .reference = turn_reference,
                                       .attributes = &turns[_i],
                                       .input_count = 1,
                                       .shapes = { shape_of(&turns[_i]) },
                                       .tolerance = 2e-5 }); /* the table's angles are float32, up to 301 */
}
END_TEST

/* Angles up to 3000 in float32, as far from the exact ones as half a last place of the angle. */
START_TEST(the_table)
{
    enum { ROWS = 3001, WIDTH = 10 };
    float *table = malloc(sizeof *table * ROWS * WIDTH);

    ck_assert_ptr_nonnull(table);
    ops_ok(clmix_rotary_fill(table, ops_shape2(ROWS, WIDTH), NULL));
    for (size_t p = 0; p < ROWS; p++)
        for (size_t j = 0; j < WIDTH / 2; j++) {
            const double angle = (double)p * pow(10000.0, -2.0 * (double)j / (double)WIDTH), near = 1e-7 + angle * 2e-7;

            ck_assert_double_eq_tol(table[p * WIDTH + j], sin(angle), near);
            ck_assert_double_eq_tol(table[p * WIDTH + WIDTH / 2 + j], cos(angle), near);
        }
    free(table);
}
END_TEST

/* Turned and turned back by the gradient, a sample at a time and all at once: the same bits. */
static float *run_sliced(const char *wish)
{
    const size_t size[3] = { 4, 9, 12 };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_batch_input(graph, "x", CLMIX_F32, 3, size);
    float *data = ops_centred_floats(4 * 9 * 12, 1), *y;
    clmix_plan *plan;

    ops_slice(wish);
    clmix_output(graph, "y", clmix_gelu(clmix_rotary(clmix_gelu(x), clmix_rotary_table(graph, 9, 4), 3, CLMIX_ROTARY_PAIRS)));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_slice(NULL);
    ops_write(plan, "x", data, 4 * 9 * 12);
    ops_ok(clmix_plan_run(plan));
    y = ops_read(plan, "y", 4 * 9 * 12);
    clmix_plan_free(plan);
    free(data);
    return y;
}

START_TEST(a_few_samples_at_a_time)
{
    float *whole = run_sliced("off"), *sliced = run_sliced("1");

    ck_assert_mem_eq(whole, sliced, sizeof *whole * 4 * 9 * 12);
    free(whole);
    free(sliced);
}
END_TEST

static const struct {
    clmix_shape x, table;
    size_t heads;
    int form;
    const char *sentence;
} refused[] = {
    { { 2, { 5, 8 } }, { 2, { 5, 4 } }, 2, 0, "tokens (batch, tokens, channels) are turned, and these values are 5x8" },
    { { 3, { 1, 5, 8 } }, { 2, { 5, 4 } }, 3, 0, "the channels of 1x5x8 cannot be cut into 3 heads of even width" },
    { { 3, { 1, 5, 6 } }, { 2, { 5, 3 } }, 2, 0, "the channels of 1x5x6 cannot be cut into 2 heads of even width" },
    { { 3, { 1, 5, 8 } }, { 2, { 4, 4 } }, 2, 0, "has at least 5 rows of 4 sines and cosines; this one is 4x4" },
    { { 3, { 1, 5, 8 } }, { 2, { 5, 8 } }, 2, 0, "this one is 5x8" },
    { { 3, { 1, 5, 8 } }, { 2, { 5, 4 } }, 2, 2, "a rotary form of 2; there is none" },
};

START_TEST(what_does_not_fit)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_rotary(ops_input(graph, "x", refused[_i].x), ops_input(graph, "table", refused[_i].table), refused[_i].heads,
                 (clmix_rotary_form)refused[_i].form);
    ops_refused(graph, refused[_i].sentence);
}
END_TEST

START_TEST(a_table_of_odd_width)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_rotary_table(graph, 4, 5);
    ops_refused(graph, "a rotary table for heads of width 5; pairs need an even one");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rotary");
    TCase *all = tcase_create("rotary");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, pairs_are_turned, 0, sizeof turns / sizeof *turns);
    tcase_add_test(all, the_table);
    tcase_add_test(all, a_few_samples_at_a_time);
    tcase_add_loop_test(all, what_does_not_fit, 0, sizeof refused / sizeof *refused);
    tcase_add_test(all, a_table_of_odd_width);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
