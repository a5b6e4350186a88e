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
    size_t count = clmix_result_count(clmix_planner_graph(planner), node, 0);
    struct clmix_record *record = clmix_record_elements(planner, node, "fill.cl", "fill_values", count, 64);

    clmix_record_value(record, node->outputs[0]);
    clmix_record_float(record, node->op == &clmix_op_ones ? 1.0f : 0.0f);
    return CLMIX_OK;
}

static void fill_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = 0;
    *bytes = clmix_result_count(graph, node, 0) * 4;
}

const struct clmix_op clmix_op_zeros = { .name = "zeros", .shape = fill_shape, .launch = fill_launch, .cost = fill_cost };
const struct clmix_op clmix_op_ones = { .name = "ones", .shape = fill_shape, .launch = fill_launch, .cost = fill_cost };
