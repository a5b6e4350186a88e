/* Attention for its launches: what attention.c tells attention_wide.c and attention_simt.c, which both serve clmix_op_attention and its
 * gradient. */
#ifndef CLMIX_OPS_ATTENTION_H
#define CLMIX_OPS_ATTENTION_H

#include "graph/op.h"

/* Inputs and outputs of the two ops. The mask may be CLMIX_NONE. LOG_SUM, f32 (B, heads, N), is for each query the logarithm of the sum of
 * e^score over the keys that it sees, so that a weight is e^(score - LOG_SUM); infinity where it sees none. */
enum { CLMIX_ATTENTION_Q, CLMIX_ATTENTION_K, CLMIX_ATTENTION_V, CLMIX_ATTENTION_MASK, CLMIX_ATTENTION_INPUTS };
enum { CLMIX_ATTENTION_Y, CLMIX_ATTENTION_LOG_SUM };
enum {
    CLMIX_ATTENTION_GRAD_Q,
    CLMIX_ATTENTION_GRAD_K,
    CLMIX_ATTENTION_GRAD_V,
    CLMIX_ATTENTION_GRAD_MASK,
    CLMIX_ATTENTION_GRAD_DY,
    CLMIX_ATTENTION_GRAD_Y,
    CLMIX_ATTENTION_GRAD_LOG_SUM,
    CLMIX_ATTENTION_GRAD_INPUTS
};
enum { CLMIX_ATTENTION_DQ, CLMIX_ATTENTION_DK, CLMIX_ATTENTION_DV };

/* A node of either op, as attention.c describes it. All pitches are the planner's (clmix_planner_layout); the mask and LOG_SUM are dense. */
struct clmix_attention {
    size_t batch, queries, keys;   /* B, N, M: samples of the slice at hand */
    size_t heads, kv_heads, group; /* group: heads of queries to a head of keys */
    size_t width, value_width;     /* of a head: d, dv */
    float scale;                   /* never 0 */
    bool masked;                   /* there is a mask */
    bool causal;                   /* query i sees keys 0 .. i alone */
    size_t window;                 /* query i sees keys (i / window - 1) window .. (i / window + 2) window - 1 alone; 0: all */
    size_t zero_keys;              /* so many times e^0 in each query's sum */
    bool dropping;                 /* weights are dropped; then: */
    float rate;                    /* in steps of 2^-16 */
    int32_t key, value;            /* number of the forward op, and its result */
};

#define CLMIX_ATTENTION_STEPS 65536.0 /* of a rate: a weight is drawn by 16 bits */
/* attention_drop.c: where weights are dropped, appends what cl/attention_dropout.h needs: the words of clmix_planner_random(), then uint op, uint threshold
 * (of 16 bits), float factor (of what is kept), uint share (samples of this op to a sample of the plan), uint first (of these samples in the
 * slice at hand). DROPOUT is defined as 0 or 1. */
void clmix_attention_record_random(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_attention *attention);

/* Launches of both ops, forward and gradient. */
clmix_status clmix_attention_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention *attention);
clmix_status clmix_attention_wide_grad(struct clmix_planner *planner, const struct clmix_node *node,
                                       const struct clmix_attention *attention);
clmix_status clmix_attention_simt(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention *attention);
clmix_status clmix_attention_simt_grad(struct clmix_planner *planner, const struct clmix_node *node,
                                       const struct clmix_attention *attention);

#endif
