/* What can be asked of a graph without a plan: what the authors' modules own and put out. */
#include <check.h>
#include <clmix/clmix.h>

#include "graph/modules.h"
#include "support_suite.h"

/* ---- the papers' counting rule --------------------------------------------------------------------------------------------------------- */

/* x (2, 5, 4) -> a linear layer of 3, GELU, a learned position, and a product along the tokens with a bias that another op adds. */
static clmix_graph *mixing_graph(size_t calls)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_scope tokens = clmix_in(clmix_root(graph), "tokens");
    clmix_value y = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ 2, 5, 4 }), weight, bias;

    y = clmix_module(clmix_gelu(clmix_linear(clmix_in(clmix_root(graph), "to"), y, 3, true)));
    y = clmix_add(y, clmix_parameter(clmix_root(graph), "pos", 2, (size_t[]){ 5, 3 }, NULL, CLMIX_ZEROS, 0.0f));
    weight = clmix_parameter(clmix_in(tokens, "0"), "weight", 3, (size_t[]){ 7, 5, 1 }, NULL, CLMIX_ZEROS, 0.0f);
    bias = clmix_parameter(clmix_in(tokens, "0"), "bias", 1, (size_t[]){ 7 }, NULL, CLMIX_ZEROS, 0.0f);
    y = clmix_matmul(clmix_reshape(weight, 2, (size_t[]){ 7, 5 }), y, (clmix_product){ 0 });
    y = clmix_add(y, clmix_matmul(clmix_reshape(bias, 2, (size_t[]){ 7, 1 }), clmix_input(graph, "ones", CLMIX_F32, 2, (size_t[]){ 1, 3 }),
                                  (clmix_product){ 0 }));
    clmix_module_calls(tokens, calls);
    clmix_output(graph, "y", y);
    ck_assert_msg(clmix_graph_check(graph) == CLMIX_OK, "%s", clmix_error());
    return graph;
}

START_TEST(modules_are_counted_where_ops_read_their_weights)
{
    clmix_graph *graph = mixing_graph(1);
    struct clmix_module_count count = clmix_graph_modules(graph);

    ck_assert_uint_eq(count.parameters, (4 * 3 + 3) + (7 * 5 + 7)); /* and not the position */
    ck_assert_uint_eq(count.outputs, 2 * 5 * 3 + 2 * 5 * 3 + 2 * 7 * 3);
    clmix_graph_free(graph);
}
END_TEST

START_TEST(modules_that_are_called_several_times_count_as_often)
{
    clmix_graph *graph = mixing_graph(3);

    ck_assert_uint_eq(clmix_graph_modules(graph).parameters, (4 * 3 + 3) + 3 * (7 * 5 + 7));
    clmix_graph_free(graph);
    ck_assert_uint_eq(clmix_graph_modules(NULL).parameters, 0);
}
END_TEST

int main(void)
{
    TCase *counting = tcase_create("counting");
    Suite *suite = suite_create("inspect");

    tcase_add_test(counting, modules_are_counted_where_ops_read_their_weights);
    tcase_add_test(counting, modules_that_are_called_several_times_count_as_often);
    suite_add_tcase(suite, counting);
    return support_run(suite);
}
