/* Which blocks of a matrix of scores are worth computing in full, and what is left of the others (MRA-2, Zeng et al. 2022). */
#ifndef CLMIX_OPS_BLOCK_CHOICE_H
#define CLMIX_OPS_BLOCK_CHOICE_H

#include "graph/op.h"

struct clmix_block_choice {
    size_t heads, count; /* count: blocks that are taken of each head, at most all; more count as all */
    size_t first;        /* blocks (i, j) with i or j below it come before others, with both before those */
    size_t beside;       /* and so do blocks with |i - j| below it; a block counts both */
    bool alone;          /* the other blocks are left out: there are outputs BLOCKS and BEGINS alone */
};

/* BLOCKS, i32 (B, heads, count): i nb + j, ascending. BEGINS, i32 (B, heads, nb + 1): where those of row i begin. REST, f32 (B, nb, heads * nb): c_j
 * e^(score - MOST_i) of blocks that are not taken, 0 of those that are. SUM, f32 (B, heads, nb): their sums over j. MOST, f32 (B, heads, nb): the
 * largest score of each row. */
enum { CLMIX_CHOICE_BLOCKS, CLMIX_CHOICE_BEGINS, CLMIX_CHOICE_REST, CLMIX_CHOICE_SUM, CLMIX_CHOICE_MOST };

/* Scores f32 (B, nb, heads * nb), a head's columns side by side, and how many tokens each block has, f32 (B, nb): the `count` blocks of each head whose
 * scores are closest to the largest one of their row; of equals those with the least i nb + j. Blocks without tokens come last, and where there is
 * a block as large as the last one that is taken, REST has neither. The gradient takes MOST for constant. */
clmix_value clmix_block_choice(clmix_value scores, clmix_value counts, struct clmix_block_choice choice);

#endif
