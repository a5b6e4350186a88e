/* Multiresolution attention: block means, their scores, the choice of blocks, and attention within them. */
#include "base/size.h"
#include "ops/block_attention.h"
#include "ops/block_choice.h"
#include "ops/block_means.h"
#include "ops/table.h"

#include <clmix/mixing.h>

#include <math.h>

clmix_value clmix_multiresolution_attention(clmix_value q, clmix_value k, clmix_value v, clmix_value mask,
                                            clmix_multiresolution_options options)
{
    const clmix_value tokens[] = { q, k, v };
    const size_t heads = clmix_at_least_one(options.heads), block = options.block == 0 ? 32 : options.block;
    const clmix_shape shape = clmix_shape_of(q);
    const struct clmix_block_choice choice = { .heads = heads,
                                               .count = options.blocks,
                                               .first = options.first_blocks,
                                               .beside = options.diagonal_blocks == 0 ? 0 : options.diagonal_blocks / 2 + 1,
                                               .alone = options.sparse };
    clmix_value inputs[CLMIX_BLOCKS_INPUTS] = { q, k, v, mask }, means[2], chosen;
    const clmix_scope at = clmix_here(q.graph);

    clmix_expect_values(at, &clmix_op_block_attention, tokens, 3);
    means[0] = clmix_block_means(q, mask, block);
    means[1] = clmix_block_means(k, mask, block);
    chosen =
        clmix_block_choice(clmix_matmul(means[0], means[1],
                                        (clmix_product){
                                            .heads = heads, .transpose_b = true, .scale = 1.0f / sqrtf((float)(shape.size[2] / heads)) }),
                           clmix_node_output(means[1], 1), choice);
    inputs[CLMIX_BLOCKS_CHOSEN] = chosen;
    inputs[CLMIX_BLOCKS_BEGINS] = clmix_node_output(chosen, CLMIX_CHOICE_BEGINS);
    if (!options.sparse) {
        inputs[CLMIX_BLOCKS_REST] = clmix_matmul(clmix_node_output(chosen, CLMIX_CHOICE_REST), clmix_block_means(v, mask, block),
                                                 (clmix_product){ .heads = heads });
        inputs[CLMIX_BLOCKS_SUM] = clmix_node_output(chosen, CLMIX_CHOICE_SUM);
        inputs[CLMIX_BLOCKS_MOST] = clmix_node_output(chosen, CLMIX_CHOICE_MOST);
    }
    return clmix_block_attention(inputs, heads, block);
}
