/* Linear layers, for ops that are one in another shape (a 1x1 convolution). */
#ifndef CLMIX_OPS_LINEAR_H
#define CLMIX_OPS_LINEAR_H

#include "graph/op.h"

/* clmix_linear with weights that files keep as (out, in) for `file_rank` 2, or (out, in, 1, 1) for 4. */
clmix_value clmix_linear_with(clmix_scope at, clmix_value x, size_t features, bool bias, int file_rank);

/* What the gradients' ops (clmix_op_linear_grad_input, clmix_op_linear_grad_weight) make: the shape of x, or of the weight. */
struct clmix_linear_gradient {
    clmix_shape shape;
};

#endif
