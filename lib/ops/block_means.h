/* Means of blocks of tokens, and how many tokens of a block there are. */
#ifndef CLMIX_OPS_BLOCK_MEANS_H
#define CLMIX_OPS_BLOCK_MEANS_H

#include "graph/op.h"

/* x f32 (B, N, C) -> (B, nb, C), nb = ceil(N / block): the means over each block's tokens whose mask, i32 (B, N) or no value, is not 0; zeros where
 * there are none. Output 1: how many they are, f32 (B, nb), without gradient. */
clmix_value clmix_block_means(clmix_value x, clmix_value mask, size_t block);

#endif
