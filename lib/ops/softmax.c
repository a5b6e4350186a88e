/* Softmax along any axis. Kernels: cl/softmax.cl. The gradient needs the result only. */
#include "base/status.h"
#include "ops/elementwise.h"
#include "ops/table.h"

#include <clmix/ops.h>

struct softmax_attributes {
    int axis; /* from 0 */
};

static clmix_status softmax_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct softmax_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_input(graph, node, 0)->shape;
    char text[64];

    if (attributes->axis < 0 || attributes->axis >= shape.rank)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a softmax along an axis that %s does not have", clmix_shape_text(shape, text));
    return clmix_shape_like_inputs(graph, node);
}

static clmix_status softmax_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    struct softmax_attributes attributes = *(const struct softmax_attributes *)node->attributes;

    return clmix_give_through(backward, node, &clmix_op_softmax_grad, &attributes, sizeof attributes,
                              clmix_backward_output(backward, node, 0));
}

/* Where nothing follows the axis, rows are contiguous. */
static clmix_status softmax_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct softmax_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_result(clmix_planner_graph(planner), node, 0)->shape;
    bool backward = node->op == &clmix_op_softmax_grad;
    size_t outer = 1, length = shape.size[attributes->axis], inner = 1;
    struct clmix_launcher *launcher;

    for (int i = 0; i < shape.rank; i++)
        *(i < attributes->axis ? &outer : &inner) *= i == attributes->axis ? 1 : shape.size[i];
    if (inner == 1)
        launcher = clmix_launch_rows(planner, node, "softmax.cl", backward ? "softmax_rows_grad" : "softmax_rows", outer, length, true);
    else {
        size_t group = clmix_group_size(planner, 64), bundles = outer * ((inner + 3) / 4);
        struct clmix_chunks cut = clmix_chunks_of(planner, bundles, 1, clmix_planner_wide(planner) ? 1024 / length + 1 : group, 0);

        launcher = clmix_launch_kernel(planner, node, "softmax.cl", backward ? "softmax_axis_grad" : "softmax_axis");
        clmix_launch_define(launcher, "WG", (long)group);
        clmix_launch_grid(launcher, cut.groups, 1, 1, group);
        clmix_launch_uint(launcher, outer);
        clmix_launch_uint(launcher, length);
        clmix_launch_uint(launcher, inner);
    }
    for (int i = 0; i < node->input_count; i++)
        clmix_launch_value(launcher, node->inputs[i]);
    clmix_launch_value(launcher, node->outputs[0]);
    return CLMIX_OK;
}

/* Subtraction, exponential, sum and scaling; backward two products, a sum and a difference. */
static void softmax_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops *= 4;
}

static bool softmax_parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                          struct clmix_parts *outputs)
{
    const struct softmax_attributes *attributes = node->attributes;
    int last = clmix_node_result(clmix_planner_graph(planner), node, 0)->shape.rank - 1;

    if (attributes->axis == last)
        return clmix_parts_by_row(planner, node, inputs, outputs);
    return attributes->axis > 0 && clmix_parts_by_image(planner, node, inputs, outputs);
}

const struct clmix_op clmix_op_softmax = {
    .name = "softmax",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = softmax_shape,
    .backward = softmax_backward,
    .launch = softmax_launch,
    .cost = softmax_cost,
    .parts = softmax_parts,
};
const struct clmix_op clmix_op_softmax_grad = {
    .name = "softmax_grad",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = softmax_shape,
    .launch = softmax_launch,
    .cost = softmax_cost,
    .parts = softmax_parts,
};

clmix_value clmix_softmax(clmix_value x, int axis)
{
    struct softmax_attributes attributes = { .axis = axis < 0 ? axis + clmix_shape_of(x).rank : axis };

    return clmix_node_add(clmix_here(x.graph), &clmix_op_softmax, &attributes, sizeof attributes, &x, 1);
}
