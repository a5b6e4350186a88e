/* The activations, functions of one element: each a row here, its formulas in a row of cl/activation.cl, and its public function declared in
 * include/clmix/ops.h. */
#ifndef CLMIX_OPS_ACTIVATION_H
#define CLMIX_OPS_ACTIVATION_H

/* Name; what the gradient reads, which is the INPUT or the RESULT, that the next op keeps anyway; flags of struct clmix_op beside IN_PLACE. */
#define CLMIX_ACTIVATIONS(ROW)               \
    ROW(elu, RESULT, 0)                      \
    ROW(exp, RESULT, 0)                      \
    ROW(gelu, INPUT, CLMIX_OP_REBUILD)       \
    ROW(hard_swish, INPUT, CLMIX_OP_REBUILD) \
    ROW(relu, RESULT, 0)                     \
    ROW(sigmoid, RESULT, 0)                  \
    ROW(tanh, RESULT, 0)

#endif
