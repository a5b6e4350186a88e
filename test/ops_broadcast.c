/* Additions of values of two shapes: the smaller one to each part of the larger one, its gradient the sum over these parts; next to linear
 * layers, which take in additions of one shape only; in slices of the batch; and what is refused. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"

/* ---- sums and gradients --------------------------------------------------------------------------------------------------------------- */

static clmix_value build_sum(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    (void)attributes;
    return clmix_add(inputs[0], inputs[1]);
}

/* Whichever is smaller begins anew behind its last element. */
static void sum_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t first = clmix_shape_count(shapes[0]), second = clmix_shape_count(shapes[1]);

    (void)attributes;
    for (size_t i = 0; i < (first > second ? first : second); i++)
        out[i] = inputs[0][i % first] + inputs[1][i % second];
}

static const struct {
    clmix_shape a, b;
} pairs[] = {
    { { 3, { 3, 5, 16 } }, { 2, { 5, 16 } } },
    { { 3, { 3, 5, 16 } }, { 1, { 16 } } },
    { { 3, { 3, 5, 16 } }, { 3, { 1, 5, 16 } } },
    { { 3, { 2, 7, 33 } }, { 2, { 7, 33 } } },
    { { 2, { 7, 33 } }, { 3, { 4, 7, 33 } } },
    { { 4, { 2, 17, 9, 3 } }, { 1, { 3 } } },
    { { 4, { 2, 17, 9, 3 } }, { 4, { 1, 1, 1, 3 } } },
    { { 2, { 37, 1 } }, { 1, { 1 } } },
    { { 3, { 3, 5, 7 } }, { 0, { 0 } } },
    { { 0, { 0 } }, { 2, { 3, 5 } } },
    { { 3, { 1, 5, 7 } }, { 2, { 5, 7 } } },
    { { 2, { 5, 7 } }, { 3, { 1, 5, 7 } } },
    { { 2, { 5, 7 } }, { 4, { 1, 1, 5, 7 } } },
    { { 3, { 70, 5, 29 } }, { 2, { 5, 29 } } },
};
#define PAIRS (int)(sizeof pairs / sizeof *pairs)

START_TEST(sums_and_their_gradients)
{
    ops_run_check(&(struct ops_check){ .what = "sum of two shapes",
                                       .build = build_sum,
                                       .reference = sum_reference,
                                       .input_count = 2,
                                       .shapes = { pairs[_i].a, pairs[_i].b } });
}
END_TEST

/* Across chunks of a launch, and rows so long that their sums are cut into tiles of columns. */
START_TEST(long_rows)
{
    ops_run_check(&(struct ops_check){ .what = "sum of two shapes",
                                       .build = build_sum,
                                       .reference = sum_reference,
                                       .input_count = 2,
                                       .shapes = { { 3, { 37, 81, 43 } }, { 2, { 81, 43 } } } });
}
END_TEST

START_TEST(shapes_of_results)
{
    static const struct {
        clmix_shape a, b, y;
    } cases[] = {
        { { 3, { 1, 5, 7 } }, { 2, { 5, 7 } }, { 3, { 1, 5, 7 } } }, { { 2, { 5, 7 } }, { 3, { 1, 5, 7 } }, { 3, { 1, 5, 7 } } },
        { { 2, { 5, 7 } }, { 3, { 2, 5, 7 } }, { 3, { 2, 5, 7 } } }, { { 1, { 1 } }, { 0, { 0 } }, { 1, { 1 } } },
        { { 4, { 1, 1, 1, 7 } }, { 2, { 5, 7 } }, { 2, { 5, 7 } } },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clmix_graph *graph = clmix_graph_new();
        clmix_shape y = clmix_shape_of(clmix_add(ops_input(graph, "a", cases[i].a), ops_input(graph, "b", cases[i].b)));

        ops_ok(clmix_graph_check(graph));
        ck_assert_int_eq(y.rank, cases[i].y.rank);
        ck_assert_mem_eq(y.size, cases[i].y.size, (size_t)y.rank * sizeof *y.size);
        clmix_graph_free(graph);
    }
}
END_TEST

/* The same bits every time, also of a gradient summed in two stages. */
START_TEST(gradients_repeat)
{
    enum { BATCH = 150, TOKENS = 11, WIDTH = 19 };
    float *dx = ops_floats((size_t)BATCH * TOKENS * WIDTH, 1, -1.0f, 1.0f), *result[2];

    for (int i = 0; i < 2; i++) {
        clmix_graph *graph = clmix_graph_new();
        clmix_value x = ops_input(graph, "x", (clmix_shape){ 3, { BATCH, TOKENS, WIDTH } }), position, y;
        clmix_plan *plan;

        position = ops_input(graph, "position", ops_shape2(TOKENS, WIDTH));
        clmix_want_gradient(position);
        y = clmix_add(x, position);
        clmix_backward(graph, 1, &y, &x);
        clmix_output(graph, "dp", clmix_gradient_of(position));
        plan = ops_plan(graph, CLMIX_TRAINING);
        ops_write(plan, "x", dx, (size_t)BATCH * TOKENS * WIDTH);
        ops_ok(clmix_plan_run(plan));
        ops_ok(clmix_plan_run(plan));
        result[i] = ops_read(plan, "dp", TOKENS * WIDTH);
        clmix_plan_free(plan);
    }
    ck_assert_mem_eq(result[0], result[1], TOKENS * WIDTH * sizeof(float));
    free(result[0]);
    free(result[1]);
    free(dx);
}
END_TEST

/* ---- among other ops ------------------------------------------------------------------------------------------------------------------ */

/* y = (x W + b) + positions: a linear layer takes in additions, but this one has no matrix of its result's shape. */
static clmix_value build_positions(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)attributes;
    return clmix_add(clmix_linear(clmix_in(at, "fc"), inputs[0], 6, true), inputs[1]);
}

static void positions_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t rows = shapes[0].size[0] * shapes[0].size[1];

    (void)attributes;
    ops_affine(inputs[0], inputs[2], inputs[3], rows, shapes[0].size[2], 6, out);
    for (size_t i = 0; i < rows * 6; i++)
        out[i] += inputs[1][i % clmix_shape_count(shapes[1])];
}

START_TEST(behind_a_linear_layer)
{
    ops_run_check(&(struct ops_check){ .what = "linear layer and positions",
                                       .build = build_positions,
                                       .reference = positions_reference,
                                       .input_count = 2,
                                       .shapes = { { 3, { 3, 5, 7 } }, { 2, { 5, 6 } } },
                                       .parameters = { "fc.weight", "fc.bias" } });
}
END_TEST

/* The sum takes the larger value's memory where that is not needed afterwards: two values in one, and a launch each. */
START_TEST(in_place)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", (clmix_shape){ 3, { 3, 128, 64 } }), p = ops_input(graph, "p", ops_shape2(128, 64));
    clmix_plan_cost cost;
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_scale(clmix_add(p, clmix_scale(x, 2.0f)), 3.0f));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    clmix_plan_costs(plan, &cost);
    ck_assert_uint_eq(cost.launches, 3);
    ck_assert_uint_lt(cost.arena_bytes[CLMIX_ACTIVATIONS], (3 * 3 + 1) * 128 * 64 * sizeof(float) + 1024); /* x, what is made, y; p */
    clmix_plan_free(plan);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------- */

static void refuse(clmix_shape a, clmix_shape b, const char *shapes)
{
    static const char rule[] = "add: values of one shape are needed, or two of which one has the last axes of the other; these are ";
    clmix_graph *graph = clmix_graph_new();
    const char *found;

    clmix_add(ops_input(graph, "a", a), ops_input(graph, "b", b));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    found = strstr(clmix_error(), rule);
    ck_assert_msg(found != NULL && strcmp(found + strlen(rule), shapes) == 0, "'%s' instead of '%s'", clmix_error(), shapes);
    clmix_graph_free(graph);
}

START_TEST(what_does_not_fit)
{
    const clmix_shape tokens = { 3, { 2, 5, 7 } };

    refuse(tokens, ops_shape2(4, 7), "2x5x7 and 4x7");
    refuse(ops_shape2(2, 5), tokens, "2x5 and 2x5x7");
    refuse(tokens, (clmix_shape){ 3, { 2, 1, 7 } }, "2x5x7 and 2x1x7");
    refuse(tokens, (clmix_shape){ 2, { 5, 1 } }, "2x5x7 and 5x1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("broadcast");
    TCase *sums = tcase_create("sums");

    tcase_add_unchecked_fixture(sums, ops_open, ops_close);
    tcase_set_timeout(sums, 600);
    tcase_add_loop_test(sums, sums_and_their_gradients, 0, PAIRS);
    if (!ops_small_effort())
        tcase_add_test(sums, long_rows);
    tcase_add_test(sums, shapes_of_results);
    tcase_add_test(sums, gradients_repeat);
    tcase_add_test(sums, behind_a_linear_layer);
    tcase_add_test(sums, in_place);
    tcase_add_test(sums, what_does_not_fit);
    suite_add_tcase(suite, sums);
    return support_run(suite);
}
