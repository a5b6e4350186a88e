/* Attention within chosen blocks, for its launches: what block_attention.c tells block_attention_wide.c and block_attention_simt.c. */
#ifndef CLMIX_OPS_BLOCK_ATTENTION_H
#define CLMIX_OPS_BLOCK_ATTENTION_H

#include "graph/op.h"

/* Inputs and outputs of the two ops. The mask may be CLMIX_NONE, and so may the last three, all of them: what a row of blocks gets of the blocks that
 * are not chosen, as ops/block_choice.h has it: REST, f32 (B, nb, heads * dv), SUM and MOST, f32 (B, heads, nb). LOG_SUM, f32 (B, heads, N), is
 * for each query the logarithm of what its weights are divided by; infinity where the query is masked. */
enum {
    CLMIX_BLOCKS_Q,
    CLMIX_BLOCKS_K,
    CLMIX_BLOCKS_V,
    CLMIX_BLOCKS_MASK,
    CLMIX_BLOCKS_CHOSEN,
    CLMIX_BLOCKS_BEGINS,
    CLMIX_BLOCKS_REST,
    CLMIX_BLOCKS_SUM,
    CLMIX_BLOCKS_MOST,
    CLMIX_BLOCKS_INPUTS,
    CLMIX_BLOCKS_DY = CLMIX_BLOCKS_INPUTS, /* of the gradient, besides */
    CLMIX_BLOCKS_Y_AGAIN,
    CLMIX_BLOCKS_LOG_SUM_AGAIN,
    CLMIX_BLOCKS_GRAD_INPUTS
};
enum { CLMIX_BLOCKS_Y, CLMIX_BLOCKS_LOG_SUM };
enum { CLMIX_BLOCKS_DQ, CLMIX_BLOCKS_DK, CLMIX_BLOCKS_DV, CLMIX_BLOCKS_DREST, CLMIX_BLOCKS_DSUM };

/* A node of either op. */
struct clmix_block_attention {
    size_t batch, tokens, heads;
    size_t width, value_width; /* of a head: d, dv */
    size_t block, blocks;      /* tokens of a block, blocks of a row or column: nb */
    size_t count;              /* chosen blocks of a head */
    float scale;
    bool masked; /* there is a mask */
    bool rest;   /* there are REST, SUM, MOST */
};

/* Forward and gradient. */
clmix_status clmix_block_attention_wide(struct clmix_planner *planner, const struct clmix_node *node,
                                        const struct clmix_block_attention *attention);
clmix_status clmix_block_attention_wide_grad(struct clmix_planner *planner, const struct clmix_node *node,
                                             const struct clmix_block_attention *attention);
clmix_status clmix_block_attention_simt(struct clmix_planner *planner, const struct clmix_node *node,
                                        const struct clmix_block_attention *attention);
clmix_status clmix_block_attention_simt_grad(struct clmix_planner *planner, const struct clmix_node *node,
                                             const struct clmix_block_attention *attention);

/* The op: values in the order of the inputs -> f32 (B, N, heads * dv). Scores are times 1 / sqrt(d). */
clmix_value clmix_block_attention(const clmix_value inputs[CLMIX_BLOCKS_INPUTS], size_t heads, size_t block);

#endif
