/* Trees of ListOps (Nangia & Bowman 2018, as the long-range arena has them): drawn, and their values (inside lib/data). */
#ifndef CLMIX_DATA_TREES_H
#define CLMIX_DATA_TREES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What trees are drawn. */
struct clmix_tree_options {
    uint64_t seed;
    size_t shortest, longest; /* lengths are above the one and below the other: tokens, without parentheses */
    int depth, arguments;     /* operators stand at depths 1 to depth - 1, and have 2 to `arguments` of them, which is at most 64 */
};

/* Draw `number` of the seed: its text, tokens with blanks between, into `text`, which has room for CLMIX_TREE_TOKEN bytes for each token below `longest`.
 * The result is its length, 0 where it is not within bounds; *value is what the tree comes to. */
#define CLMIX_TREE_TOKEN 5
size_t clmix_tree_draw(const struct clmix_tree_options *options, uint64_t number, char *text, int *value);

/* What a tree comes to, written with or without parentheses; NULL, or what is wrong with it. */
const char *clmix_tree_value(const char *text, size_t bytes, int *value);

#endif
