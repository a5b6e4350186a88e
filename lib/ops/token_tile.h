/* Launches of kernels that go through tokens of a head a tile at a time (cl/token_tile.h). */
#ifndef CLMIX_OPS_TOKEN_TILE_H
#define CLMIX_OPS_TOKEN_TILE_H

#include "base/size.h"
#include "graph/op.h"

/* The tokens of a value (batch, tokens, heads * width), as chunks of each head: a group each. */
struct clmix_token_tiles {
    size_t batch, tokens, heads;
    size_t tile, group;   /* TOKENS and WG */
    size_t chunk, chunks; /* chunk: a multiple of `tile` */
};

/* Tiles that need local memory for `floats` a token, in chunks of at least `least` tokens, or where that is 1 and the form is simt of one tile;
 * `blocks` groups to a chunk. More floats than CLMIX_TILE_MOST fit no device. */
#define CLMIX_TILE_MOST 7168
struct clmix_token_tiles clmix_token_tiles_of(const struct clmix_planner *planner, clmix_shape tokens, size_t heads, size_t floats,
                                              size_t least, size_t blocks);
/* A launch with TOKENS and WG defined and the grid set; the first arguments (const uint tokens, const uint chunk, const uint heads) are
 * passed. */
struct clmix_record *clmix_record_tiles(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel,
                                        const struct clmix_token_tiles *tiles, size_t blocks);

/* A pitch in tables and tiles: PADDED of cl/token_tile.h. */
static inline size_t clmix_padded(size_t columns)
{
    return clmix_round_up(columns, 16);
}

#endif
