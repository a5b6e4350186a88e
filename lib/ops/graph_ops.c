/* The few ops that a graph appends itself, and graphs that know them. */
#include "ops/table.h"

static const struct clmix_graph_ops graph_ops = {
    .copy = &clmix_op_copy,
    .add = &clmix_op_add,
    .concat = &clmix_op_concat,
    .reshape = &clmix_op_reshape,
    .zeros = &clmix_op_zeros,
    .ones = &clmix_op_ones,
};

clmix_graph *clmix_graph_new(void)
{
    return clmix_graph_create(&graph_ops);
}
