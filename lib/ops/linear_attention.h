/* What linear attention of all tokens (linear_attention.c) and of those before (linear_causal.c) share. */
#ifndef CLMIX_OPS_LINEAR_ATTENTION_H
#define CLMIX_OPS_LINEAR_ATTENTION_H

#include "graph/op.h"

#include <clmix/mixing.h>

struct clmix_linear {
    size_t heads, features, values; /* features and values: of a head, settled by the shape rule */
    clmix_divisor divisor;
    float epsilon;
    bool causal;
};

/* Inputs of both ops. */
enum { CLMIX_LINEAR_QUERIES, CLMIX_LINEAR_KEYS, CLMIX_LINEAR_VALUES, CLMIX_LINEAR_WEIGHTS };

/* For shape rules: what the inputs must be; then features and values of a head; a result like the tokens of input 0, with heads of so many columns. */
clmix_status clmix_linear_check(const clmix_graph *graph, const struct clmix_node *node);
void clmix_linear_settle(const clmix_graph *graph, struct clmix_node *node);
clmix_status clmix_linear_declare(clmix_graph *graph, struct clmix_node *node, size_t width);

/* Gives the values' gradient, and the weights', which is the second output of the node that made it. */
clmix_status clmix_linear_give_values(struct clmix_backward *backward, const struct clmix_node *node, clmix_value dv);

/* Features that a group of the simt form sums: BLOCK of cl/linear_attention.cl. */
size_t clmix_linear_side(size_t values, size_t group);

/* The divisor as cl/linear_attention.h numbers it, the epsilon that it gets, and what each sum of features begins with. */
static inline size_t clmix_linear_divisor(const struct clmix_linear *attributes)
{
    return attributes->divisor == CLMIX_DIVISOR_NONE ? 3 : attributes->divisor == CLMIX_DIVISOR_CLAMPED ? 2 : 1;
}

static inline float clmix_linear_epsilon(const struct clmix_linear *attributes)
{
    return attributes->divisor == CLMIX_DIVISOR_EACH ? 0.0f : attributes->epsilon;
}

static inline float clmix_linear_added(const struct clmix_linear *attributes)
{
    return attributes->divisor == CLMIX_DIVISOR_EACH ? attributes->epsilon : 0.0f;
}

#endif
