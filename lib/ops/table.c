/* The ops that clmix has. A new op gets its row here, its file beside this one and its kernels in cl/. */
#include "ops/table.h"

const struct clmix_graph_ops clmix_graph_ops = {
    .copy = &clmix_op_copy,
    .add = &clmix_op_add,
    .concat = &clmix_op_concat,
    .reshape = &clmix_op_reshape,
    .zeros = &clmix_op_zeros,
};
