/* Constants: zeros and ones. Kernel: cl/fill.cl. */
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

static clmix_status fill_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_fill_attributes *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32, attributes->shape);
}

static clmix_status fill_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_layout y = clmix_planner_layout(planner, node->outputs[0]);
    const bool dense = y.pitch == y.columns;
    struct clmix_record *record = dense ? clmix_record_elements(planner, node, "fill.cl", "fill_values", y.rows * y.columns, 64)
                                        : clmix_record_rows(planner, node, "fill.cl", "fill_rows", y.rows, y.columns, false);

    clmix_record_value(record, node->outputs[0]);
    if (!dense)
        clmix_record_uint(record, y.pitch);
    clmix_record_float(record, node->op == &clmix_op_ones ? 1.0f : 0.0f);
    return CLMIX_OK;
}

static void fill_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = 0;
    *bytes = clmix_result_count(graph, node, 0) * 4;
}

const struct clmix_op clmix_op_zeros = {
    .name = "zeros", .flags = CLMIX_OP_STRIDED_OUTPUT, .shape = fill_shape, .launch = fill_launch, .cost = fill_cost
};
const struct clmix_op clmix_op_ones = {
    .name = "ones", .flags = CLMIX_OP_STRIDED_OUTPUT, .shape = fill_shape, .launch = fill_launch, .cost = fill_cost
};
