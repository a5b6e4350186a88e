/* What can be asked of a graph without a plan: its inputs and ops, one op alone, what the authors' modules own and put out. */
#include <check.h>
#include <clmix/clmix.h>
#include <string.h>

#include "graph/graph.h"
#include "support_suite.h"

/* ---- inputs and ops -------------------------------------------------------------------------------------------------------------------- */

#define PARTS 5

/* Five linear layers side by side, a norm of them, and the gradients: the concatenation's is one op of five outputs. */
static clmix_graph *parts_graph(void)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 2, (size_t[]){ 6, 3 }), parts[PARTS], y, gradient;

    for (int i = 0; i < PARTS; i++)
        parts[i] = clmix_linear(clmix_in(clmix_root(graph), "part%d", i), x, (size_t)i + 1, false);
    y = clmix_softmax(clmix_batch_norm(clmix_in(clmix_root(graph), "norm"), clmix_concat(parts, PARTS, -1), 1e-5f, 0.1f), -1);
    gradient = clmix_input(graph, "gradient", CLMIX_F32, 2, (size_t[]){ 6, 15 });
    clmix_backward(graph, 1, &y, &gradient);
    clmix_output(graph, "y", y);
    ck_assert_msg(clmix_graph_check(graph) == CLMIX_OK, "%s", clmix_error());
    return graph;
}

START_TEST(inputs_and_ops_are_listed)
{
    clmix_graph *graph = parts_graph();
    clmix_input_info input;
    clmix_node_info node;
    char text[64];

    ck_assert_uint_eq(clmix_graph_input_count(graph), 2);
    ck_assert_int_eq(clmix_graph_input(graph, 1, &input), CLMIX_OK);
    ck_assert(strcmp(input.name, "gradient") == 0 && input.type == CLMIX_F32);
    ck_assert_str_eq(clmix_shape_text(input.shape, text), "6x15");
    ck_assert_int_eq(clmix_graph_input(graph, 2, &input), CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "input 2 of a graph that has 2"));

    ck_assert_int_eq(clmix_graph_node(graph, 2, &node), CLMIX_OK);
    ck_assert(strcmp(node.op, "linear") == 0 && strcmp(node.path, "part2") == 0 && !node.view && !node.backward);
    ck_assert_str_eq(clmix_shape_text(node.operands[0], text), "6x3");
    ck_assert_str_eq(clmix_shape_text(node.operands[1], text), "3x3");
    ck_assert_str_eq(clmix_shape_text(node.result, text), "6x3");
    ck_assert(node.parameters == 9 && node.flops == 2 * 6 * 3 * 3 && node.bytes == (6 * 3 + 9 + 6 * 3) * sizeof(float));
    ck_assert_int_eq(clmix_graph_node(graph, clmix_graph_node_count(graph) - 1, &node), CLMIX_OK);
    ck_assert(node.backward);
    ck_assert_int_eq(clmix_graph_node(graph, clmix_graph_node_count(graph), &node), CLMIX_ERROR_ARGUMENT);
    clmix_graph_free(graph);
}
END_TEST

START_TEST(every_op_stands_alone_with_all_its_outputs)
{
    clmix_graph *graph = parts_graph();
    size_t most = 0;

    for (size_t i = 0; i < clmix_graph_node_count(graph); i++) {
        clmix_graph *alone = clmix_graph_isolate(graph, i);
        clmix_node_info node, of_alone;

        ck_assert_msg(clmix_graph_check(alone) == CLMIX_OK, "%s", clmix_error());
        ck_assert_int_eq(clmix_graph_node(graph, i, &node), CLMIX_OK);
        ck_assert_int_eq(clmix_graph_node(alone, 0, &of_alone), CLMIX_OK);
        ck_assert_str_eq(of_alone.op, node.op);
        ck_assert(clmix_shape_equal(of_alone.result, node.result) && of_alone.flops == node.flops && of_alone.parameters == 0);
        for (size_t outputs = 0; outputs < (size_t)alone->nodes[0]->output_count; outputs++) {
            ck_assert_ptr_nonnull(alone->tensors[alone->tensors[alone->nodes[0]->outputs[outputs]]->base]->output);
            most = outputs + 1 > most ? outputs + 1 : most;
        }
        clmix_graph_free(alone);
    }
    ck_assert_uint_eq(most, PARTS);
    ck_assert_ptr_null(clmix_graph_isolate(graph, clmix_graph_node_count(graph)));
    clmix_graph_free(graph);
}
END_TEST

/* Dropout knows the value that its mask is drawn for: far down a graph, the number of that value means nothing in a graph of one op. */
START_TEST(ops_that_know_of_others_stand_alone)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ 2, 5, 8 }), y, gradient;
    clmix_device *device;
    size_t gradients = 0;

    clmix_want_gradient(x);
    y = clmix_gelu(clmix_linear(clmix_in(clmix_root(graph), "first"), x, 8, true));
    y = clmix_drop_path(clmix_dropout(y, 0.5f), 0.5f);
    y = clmix_attention(y, y, y, clmix_no_value(), (clmix_attention_options){ .heads = 2, .dropout = 0.5f });
    gradient = clmix_input(graph, "gradient", CLMIX_F32, 3, (size_t[]){ 2, 5, 8 });
    clmix_backward(graph, 1, &y, &gradient);
    ck_assert_msg(clmix_graph_check(graph) == CLMIX_OK, "%s", clmix_error());
    ck_assert_int_eq(clmix_device_generic(&device), CLMIX_OK);
    for (size_t i = 0; i < clmix_graph_node_count(graph); i++) {
        clmix_graph *alone = clmix_graph_isolate(graph, i);
        clmix_node_info node;
        clmix_plan *plan;

        ck_assert_int_eq(clmix_graph_node(alone, 0, &node), CLMIX_OK);
        gradients +=
            strcmp(node.op, "attention_grad") == 0 || strcmp(node.op, "dropout_grad") == 0 || strcmp(node.op, "drop_path_grad") == 0;
        ck_assert_msg(clmix_plan_compile(&plan, alone, device, CLMIX_TRAINING) == CLMIX_OK, "%s: %s", node.op, clmix_error());
        clmix_plan_free(plan);
        clmix_graph_free(alone);
    }
    ck_assert_uint_eq(gradients, 3);
    clmix_device_close(device);
    clmix_graph_free(graph);
}
END_TEST

/* ---- the papers' counting rule --------------------------------------------------------------------------------------------------------- */

/* x (2, 5, 4) -> a linear layer of 3, GELU, a learned position, and a product along the tokens with a bias that another op adds. */
static clmix_graph *mixing_graph(size_t calls)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_scope tokens = clmix_in(clmix_root(graph), "tokens");
    clmix_value y = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ 2, 5, 4 }), weight, bias;

    y = clmix_module(clmix_gelu(clmix_linear(clmix_in(clmix_root(graph), "to"), y, 3, true)));
    y = clmix_add(y, clmix_parameter(clmix_root(graph), "pos", 2, (size_t[]){ 5, 3 }, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS }));
    weight = clmix_parameter(clmix_in(tokens, "0"), "weight", 3, (size_t[]){ 7, 5, 1 }, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });
    bias = clmix_parameter(clmix_in(tokens, "0"), "bias", 1, (size_t[]){ 7 }, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });
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
    TCase *listing = tcase_create("listing"), *counting = tcase_create("counting");
    Suite *suite = suite_create("inspect");

    tcase_add_test(listing, inputs_and_ops_are_listed);
    tcase_add_test(listing, every_op_stands_alone_with_all_its_outputs);
    tcase_add_test(listing, ops_that_know_of_others_stand_alone);
    suite_add_tcase(suite, listing);
    tcase_add_test(counting, modules_are_counted_where_ops_read_their_weights);
    tcase_add_test(counting, modules_that_are_called_several_times_count_as_often);
    suite_add_tcase(suite, counting);
    return support_run(suite);
}
