/* How clmix's own kernels cut a product up: tiles, blocks for the caches, and parts of the depth where there are too few tiles to keep
 * the device busy. */
#include "ops/gemm.h"

static size_t ceiling(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static size_t round_up(size_t a, size_t b)
{
    return ceiling(a, b) * b;
}

static size_t at_least_one(size_t batch)
{
    return batch == 0 ? 1 : batch;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Parts of the depth that bring `groups` work-groups up to `wanted`: no part below 256 steps, and at most 64 MiB of partial sums. */
static void split_depth(const struct clmix_gemm *gemm, size_t groups, size_t wanted, struct clmix_gemm_tile *tile)
{
    size_t outputs = gemm->rows * gemm->columns * at_least_one(gemm->outer_batch) * at_least_one(gemm->inner_batch);
    size_t splits = smaller(ceiling(wanted, groups), gemm->depth / 256);

    splits = smaller(splits, ((size_t)16 << 20) / outputs);
    if (splits <= 1)
        return;
    tile->chunk = round_up(ceiling(gemm->depth, splits), 32);
    tile->splits = ceiling(gemm->depth, tile->chunk);
}

/* ---- wide --------------------------------------------------------------------------------------------------------------------------- */

/* Floats in a vector: what the device calls native, of those the kernels have a tile for. */
static size_t vector_width(const clmix_device_info *info)
{
    return info->vector_width >= 16 ? 16 : info->vector_width >= 8 ? 8 : 4;
}

/* Register tile: as many accumulators as the registers hold beside a step of B and a broadcast of A. Narrow results take one vector
 * across; few rows take the height that wastes least. */
static void register_tile(size_t width, const struct clmix_gemm *gemm, struct clmix_gemm_tile *tile)
{
    tile->width = (long)width;
    if (width >= 16) {
        tile->vectors = 2;
        tile->rows = round_up(gemm->rows, 12) * 10 <= round_up(gemm->rows, 8) * 11 ? 12 : 8;
    } else {
        tile->vectors = width >= 8 ? 2 : 3;
        tile->rows = width >= 8 ? 6 : 8;
    }
    if (gemm->columns <= width)
        tile->vectors = 1;
}

/* The packed block of B takes at most half of local memory. Transposed A is read a row of the stored matrix a step, so a slab's rows
 * must stay within reach of the caches and page tables. */
static void blocks(const clmix_device_info *info, size_t panel_columns, const struct clmix_gemm *gemm, struct clmix_gemm_tile *tile)
{
    size_t steps = smaller(gemm->depth, 512);

    tile->panel = (long)(smaller(larger(info->local_bytes, (size_t)32 << 10), (size_t)1 << 20) / 2 / sizeof(float));
    if (gemm->transpose_a)
        steps = smaller(steps, larger(128, ((size_t)64 << 10) / gemm->rows));
    tile->slab = smaller(steps, (size_t)tile->panel / panel_columns);
    tile->column_block = smaller(round_up(gemm->columns, panel_columns), (size_t)tile->panel / tile->slab / panel_columns * panel_columns);
}

static void choose_wide(const clmix_device_info *info, const struct clmix_gemm *gemm, struct clmix_gemm_tile *tile)
{
    size_t width = vector_width(info), batch = at_least_one(gemm->outer_batch) * at_least_one(gemm->inner_batch);
    size_t wanted = 8 * (size_t)larger(info->compute_units, 1), across, most, height, down;

    register_tile(width, gemm, tile);
    tile->prefetching = (info->type & (CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR)) ==
                        CL_DEVICE_TYPE_CPU; /* a device that is everything is a simulator */
    height = (size_t)tile->rows;
    blocks(info, (size_t)tile->vectors * width, gemm, tile);
    across = ceiling(gemm->columns, tile->column_block) * batch;
    most = ceiling(gemm->rows, 4 * height); /* a block packs B for itself: worth it from a few tiles on */
    down = smaller(larger(wanted / across, 1), most);
    if (across * most < wanted && gemm->depth >= 512) {
        /* Transposed A is best read in whole rows, so its parts are parts of the depth alone. */
        down = gemm->transpose_a && gemm->depth / 256 >= wanted ? 1 : smaller(down, ceiling(gemm->rows, 8 * height));
        split_depth(gemm, across * down, wanted, tile);
    }
    tile->row_block = round_up(ceiling(gemm->rows, down), height);
    tile->groups[0] = ceiling(gemm->rows, tile->row_block);
    tile->groups[1] = ceiling(gemm->columns, tile->column_block);
    tile->work_group = 1;
    /* Several slabs keep their sums in C, which the residual may share: then the parts go to memory of their own. */
    if (gemm->residual.value != CLMIX_NONE && tile->splits == 1 && gemm->depth > tile->slab) {
        tile->chunk = round_up(ceiling(gemm->depth, 2), 32);
        tile->splits = ceiling(gemm->depth, tile->chunk);
    }
}

/* ---- simt --------------------------------------------------------------------------------------------------------------------------- */

static void choose_simt(const clmix_device_info *info, const struct clmix_gemm *gemm, struct clmix_gemm_tile *tile)
{
    size_t batch = at_least_one(gemm->outer_batch) * at_least_one(gemm->inner_batch), tiles,
           wanted = 4 * (size_t)larger(info->compute_units, 1);
    bool small = info->max_work_group < 256;

    tile->tile_columns = gemm->columns <= 16 ? 16 : gemm->columns <= 32 || small ? 32 : 64;
    tile->tile_rows = gemm->rows <= 32 || small ? 32 : tile->tile_columns < 64 && gemm->rows >= 512 ? 128 : 64;
    tile->item_rows = tile->item_columns = 4;
    tile->runs = (info->type & CL_DEVICE_TYPE_CPU) == 0;
    if (!tile->runs) {
        tile->tile_rows = tile->item_rows = info->vector_width >= 16 ? 16 : 8;
        tile->item_columns = 1;
    }
    tile->groups[0] = ceiling(gemm->rows, (size_t)tile->tile_rows);
    tile->groups[1] = ceiling(gemm->columns, (size_t)tile->tile_columns);
    tile->work_group = (size_t)(tile->tile_rows / tile->item_rows * (tile->tile_columns / tile->item_columns));
    tiles = tile->groups[0] * tile->groups[1] * batch;
    if (2 * tiles <= wanted && gemm->depth >= 512)
        split_depth(gemm, tiles, wanted, tile);
}

void clmix_gemm_choose_tile(const clmix_device_info *info, bool wide, const struct clmix_gemm *gemm, struct clmix_gemm_tile *tile)
{
    *tile = (struct clmix_gemm_tile){ .wide = wide, .splits = 1, .chunk = gemm->depth };
    if (wide)
        choose_wide(info, gemm, tile);
    else
        choose_simt(info, gemm, tile);
    tile->groups[2] = at_least_one(gemm->outer_batch) * at_least_one(gemm->inner_batch) * tile->splits;
}
