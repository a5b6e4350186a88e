/* Linear attention as applications call it: of all tokens (linear_attention.c), or of those before (linear_causal.c). */
#include "ops/linear_attention.h"
#include "ops/table.h"

clmix_value clmix_kernel_attention(clmix_value query_features, clmix_value key_features, clmix_value values, clmix_value weights,
                                   clmix_kernel_options options)
{
    const struct clmix_linear attributes = {
        .heads = options.heads > 0 ? options.heads : 1, .divisor = options.divisor, .epsilon = options.epsilon, .causal = options.causal
    };
    const clmix_value inputs[4] = { query_features, key_features, values, weights };
    const struct clmix_op *op = options.causal ? &clmix_op_linear_causal : &clmix_op_linear_attention;
    const clmix_scope at = clmix_here(query_features.graph);

    clmix_expect_values(at, op, inputs, 3);
    return clmix_node_add(at, op, &attributes, sizeof attributes, inputs, 4);
}

clmix_value clmix_linear_attention(clmix_value query_features, clmix_value key_features, clmix_value values, size_t heads)
{
    return clmix_kernel_attention(query_features, key_features, values, clmix_no_value(), (clmix_kernel_options){ .heads = heads });
}
