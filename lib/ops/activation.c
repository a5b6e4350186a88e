/* GELU, ReLU and sigmoid. Kernels: cl/activation.cl. GELU's gradient needs its input, the others' their result, which the next op keeps
 * anyway. */
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

/* One kernel named like the op: the inputs in order, then the result. */
static clmix_status activation_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    size_t count = clmix_result_count(clmix_planner_graph(planner), node, 0);
    struct clmix_record *record = clmix_record_elements(planner, node, "activation.cl", node->op->name, count, 64);

    for (int i = 0; i < node->input_count; i++)
        clmix_record_value(record, node->inputs[i]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status gelu_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    return clmix_give_through(backward, node, &clmix_op_gelu_grad, NULL, 0, clmix_backward_input(backward, node, 0));
}

static clmix_status relu_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    return clmix_give_through(backward, node, &clmix_op_relu_grad, NULL, 0, clmix_backward_output(backward, node, 0));
}

static clmix_status sigmoid_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    return clmix_give_through(backward, node, &clmix_op_sigmoid_grad, NULL, 0, clmix_backward_output(backward, node, 0));
}

const struct clmix_op clmix_op_gelu = {
    .name = "gelu",
    .flags = CLMIX_OP_REBUILD | CLMIX_OP_IN_PLACE,
    .shape = clmix_shape_like_inputs,
    .backward = gelu_backward,
    .launch = activation_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
};
const struct clmix_op clmix_op_relu = {
    .name = "relu",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = clmix_shape_like_inputs,
    .backward = relu_backward,
    .launch = activation_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
};
const struct clmix_op clmix_op_sigmoid = {
    .name = "sigmoid",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = clmix_shape_like_inputs,
    .backward = sigmoid_backward,
    .launch = activation_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
};

/* Gradients take dy first, whose storage the result may have. */
const struct clmix_op clmix_op_gelu_grad = {
    .name = "gelu_grad",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = clmix_shape_like_inputs,
    .launch = activation_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
};
const struct clmix_op clmix_op_relu_grad = {
    .name = "relu_grad",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = clmix_shape_like_inputs,
    .launch = activation_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
};
const struct clmix_op clmix_op_sigmoid_grad = {
    .name = "sigmoid_grad",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = clmix_shape_like_inputs,
    .launch = activation_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
};

static clmix_value activation(clmix_value x, const struct clmix_op *op)
{
    return clmix_node_add(clmix_here(x.graph), op, NULL, 0, &x, 1);
}

clmix_value clmix_gelu(clmix_value x)
{
    return activation(x, &clmix_op_gelu);
}

clmix_value clmix_relu(clmix_value x)
{
    return activation(x, &clmix_op_relu);
}

clmix_value clmix_sigmoid(clmix_value x)
{
    return activation(x, &clmix_op_sigmoid);
}
