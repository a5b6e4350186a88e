/* Addition and scaling. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <string.h>

static clmix_value build_sum(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    (void)attributes;
    return clmix_scale(clmix_add(clmix_add(inputs[0], inputs[1]), inputs[0]), 0.75f);
}

static void sum_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    (void)attributes;
    for (size_t i = 0; i < clmix_shape_count(of[0]); i++)
        out[i] = 0.75 * (2.0 * inputs[0][i] + inputs[1][i]);
}

START_TEST(sums)
{
    for (size_t i = 0; i < OPS_SHAPES; i++)
        ops_run_check(&(struct ops_check){ .what = "add and scale",
                                           .build = build_sum,
                                           .reference = sum_reference,
                                           .input_count = 2,
                                           .shapes = { ops_shapes[i], ops_shapes[i] } });
}
END_TEST

START_TEST(sums_of_different_shapes_are_refused)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_add(ops_input(graph, "a", ops_shape2(2, 3)), ops_input(graph, "b", ops_shape2(3, 2)));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "these are 2x3 and 3x2") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arithmetic");
    TCase *all = tcase_create("arithmetic");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, sums);
    tcase_add_test(all, sums_of_different_shapes_are_refused);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
