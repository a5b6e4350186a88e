/* Launches of kernels that go through tokens of a head a tile at a time. */
#include "ops/token_tile.h"

#include "base/size.h"
#include "ops/row_launch.h"

#define MOST_TOKENS 16

/* Local memory for tiles: what OpenCL 1.2 promises but 2 KiB for sums over the group; half of what a processor has, which is a cache. */
static size_t local_floats(const struct clmix_planner *planner)
{
    const size_t bytes = clmix_planner_device(planner)->local_bytes;

    if (!clmix_planner_wide(planner))
        return ((size_t)30 << 10) / sizeof(float);
    return clmix_smaller(clmix_larger(bytes, (size_t)64 << 10) / 2, (size_t)128 << 10) / sizeof(float);
}

struct clmix_token_tiles clmix_token_tiles_of(const struct clmix_planner *planner, clmix_shape tokens, size_t heads, size_t floats,
                                              size_t least, size_t blocks)
{
    const size_t units = clmix_planner_device(planner)->compute_units;
    const size_t wanted = clmix_planner_wide(planner) ? clmix_larger(64, 4 * units) : 4096;
    struct clmix_token_tiles tiles = {
        .batch = tokens.size[0], .tokens = tokens.size[1], .heads = heads, .tile = MOST_TOKENS, .group = clmix_group_size(planner, 128)
    };
    size_t chunks = clmix_ceil_div(wanted, tiles.batch * heads * blocks);

    while (tiles.tile > 1 && (tiles.tile * floats > local_floats(planner) || (tiles.group > 1 && tiles.tile > tiles.group)))
        tiles.tile /= 2;
    chunks = clmix_smaller(chunks, clmix_ceil_div(tiles.tokens, clmix_larger(least, tiles.tile)));
    tiles.chunk = least == 1 && tiles.group > 1 ? tiles.tile : clmix_round_up(clmix_ceil_div(tiles.tokens, chunks), tiles.tile);
    tiles.chunks = clmix_ceil_div(tiles.tokens, tiles.chunk);
    return tiles;
}

struct clmix_record *clmix_record_tiles(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel,
                                        const struct clmix_token_tiles *tiles, size_t blocks)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, file, kernel);

    clmix_record_define(record, "TOKENS", (long)tiles->tile);
    clmix_record_define(record, "WG", (long)tiles->group);
    clmix_record_grid(record, tiles->chunks * blocks, tiles->heads, tiles->batch, tiles->group);
    clmix_record_uint(record, tiles->tokens);
    clmix_record_uint(record, tiles->chunk);
    clmix_record_uint(record, tiles->heads);
    return record;
}
