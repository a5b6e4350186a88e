// What the kernels of attention within chosen blocks share on GPUs. A group owns TM rows of one block of one head, and goes through the blocks that are
// chosen for it TN tokens at a time; the rest is as in attention_simt.h.
#ifndef CLMIX_BLOCK_ATTENTION_SIMT_H
#define CLMIX_BLOCK_ATTENTION_SIMT_H

#include "attention_simt.h"

#ifndef REST
#define REST 1    // 0: blocks that are not chosen add nothing
#endif

// Where a group stands: g of `blocks` * `parts` groups a sample. Rows behind the block or the tokens are not inside.
#define GROUP_PLACE(g)                                                                                                   \
    const uint head = get_group_id(1), heads = get_num_groups(1), sample = (g) / (blocks * parts), part = (g) % parts;   \
    const uint own = (g) / parts % blocks, matrix = sample * heads + head, row0 = own * block + part * TM;               \
    const int rows_inside = clamp((int)min((own + 1) * block, tokens) - (int)row0, 0, (int)TM);

// Of the token `key` of a sample, `at` of its block: whether it is there.
#if MASKED
#define TOKEN_COUNTS(at, key) ((at) < block && (key) < tokens && mask[key] != 0)
#else
#define TOKEN_COUNTS(at, key) ((at) < block && (key) < tokens)
#endif
// How many rows of a tile from `at` of the block `j` on there are.
#define TOKENS_INSIDE(j, at) ((int)min(((j) + 1) * block, tokens) - (int)((j) * block + (at)))

#endif
