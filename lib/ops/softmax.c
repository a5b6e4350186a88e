/* Softmax along any axis. Kernels: cl/softmax.cl. The gradient needs the result only. */
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
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

/* What the wide form of softmax_axis takes through its passes at once: as many neighbouring rows as leave it in a core's cache, but whole
 * cache lines, and units for all cores. */
#define AXIS_BLOCK 1024
#define AXIS_BYTES ((size_t)256 << 10)

static struct clmix_record *launch_axis_wide(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel, size_t outer,
                                             size_t length, size_t inner)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "softmax.cl", kernel);
    size_t least = 4 * (size_t)clmix_planner_device(planner)->compute_units, block = AXIS_BLOCK, units;
    struct clmix_chunks cut;

    while (block > 64 &&
           (block >= 2 * inner || length * block * sizeof(float) > AXIS_BYTES || outer * ((inner + block - 1) / block) < least))
        block /= 2;
    units = outer * ((inner + block - 1) / block);
    cut = clmix_chunks_of(planner, units, 1, 4096 / (length * block) + 1, 0);
    clmix_record_define(record, "WG", 1);
    clmix_record_define(record, "AXIS_BLOCK", AXIS_BLOCK);
    clmix_record_grid(record, cut.groups, 1, 1, 1);
    clmix_record_uint(record, units);
    clmix_record_uint(record, cut.chunk);
    clmix_record_uint(record, length);
    clmix_record_uint(record, inner);
    clmix_record_uint(record, block);
    return record;
}

static struct clmix_record *launch_axis_simt(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel, size_t outer,
                                             size_t length, size_t inner)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "softmax.cl", kernel);
    size_t group = clmix_group_size(planner, 64);
    struct clmix_chunks cut = clmix_chunks_of(planner, outer * ((inner + 3) / 4), 1, 1, group);

    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, cut.groups, 1, 1, group);
    clmix_record_uint(record, outer);
    clmix_record_uint(record, length);
    clmix_record_uint(record, inner);
    return record;
}

/* Where nothing follows the axis, rows are contiguous. */
static clmix_status softmax_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct softmax_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_result(clmix_planner_graph(planner), node, 0)->shape;
    bool backward = node->op == &clmix_op_softmax_grad;
    const char *axis_kernel = backward ? "softmax_axis_grad" : "softmax_axis";
    size_t outer = 1, length = shape.size[attributes->axis], inner = 1;
    struct clmix_record *record;

    for (int i = 0; i < shape.rank; i++)
        *(i < attributes->axis ? &outer : &inner) *= i == attributes->axis ? 1 : shape.size[i];
    if (inner == 1 && backward && clmix_planner_wide(planner))
        record = clmix_record_rows(planner, node, "softmax.cl", "softmax_rows_grad", outer, length, true);
    else if (inner == 1)
        record = clmix_record_few(planner, node, "softmax.cl", backward ? "softmax_rows_grad" : "softmax_rows",
                                  backward ? "softmax_few_grad" : "softmax_few", outer, length);
    else if (clmix_planner_wide(planner))
        record = launch_axis_wide(planner, node, axis_kernel, outer, length, inner);
    else
        record = launch_axis_simt(planner, node, axis_kernel, outer, length, inner);
    for (int i = 0; i < node->input_count; i++)
        clmix_record_value(record, node->inputs[i]);
    clmix_record_value(record, node->outputs[0]);
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
    return attributes->axis > 0 && clmix_parts_by_sample(planner, node, inputs, outputs);
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
