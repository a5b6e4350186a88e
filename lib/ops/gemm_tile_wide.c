/* Tiles of the wide form: registers, blocks for the caches, and parts of the depth where there are too few tiles to keep the device busy. */
#include "ops/gemm.h"

#include "base/size.h"

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
        tile->rows = clmix_round_up(gemm->rows, 12) * 10 <= clmix_round_up(gemm->rows, 8) * 11 ? 12 : 8;
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
    size_t steps = clmix_smaller(gemm->depth, 512);

    tile->panel = (long)(clmix_smaller(clmix_larger(info->local_bytes, (size_t)32 << 10), (size_t)1 << 20) / 2 / sizeof(float));
    if (gemm->transpose_a)
        steps = clmix_smaller(steps, clmix_larger(128, ((size_t)64 << 10) / gemm->rows));
    tile->slab = clmix_smaller(steps, (size_t)tile->panel / panel_columns);
    tile->column_block =
        clmix_smaller(clmix_round_up(gemm->columns, panel_columns), (size_t)tile->panel / tile->slab / panel_columns * panel_columns);
}

bool clmix_gemm_choose_wide(const clmix_device_info *info, const struct clmix_gemm *gemm, int variant, struct clmix_gemm_tile *tile)
{
    size_t width = vector_width(info), batch = clmix_gemm_batches(gemm);
    size_t wanted = 8 * (size_t)clmix_larger(info->compute_units, 1), across, most, height, down;

    register_tile(width, gemm, tile);
    tile->prefetching = (info->type & (CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR)) ==
                        CL_DEVICE_TYPE_CPU; /* a device that is everything is a simulator */
    height = (size_t)tile->rows;
    blocks(info, (size_t)tile->vectors * width, gemm, tile);
    across = clmix_ceil_div(gemm->columns, tile->column_block) * batch;
    most = clmix_ceil_div(gemm->rows, 4 * height); /* a block packs B for itself: worth it from a few tiles on */
    down = clmix_smaller(clmix_larger(wanted / across, 1), most);
    if (across * most < wanted && gemm->depth >= 512) {
        /* Transposed A is best read in whole rows, so its parts are parts of the depth alone. */
        down = gemm->transpose_a && gemm->depth / 256 >= wanted ? 1 : clmix_smaller(down, clmix_ceil_div(gemm->rows, 8 * height));
        clmix_gemm_split_depth(gemm, across * down, wanted, tile);
    }
    tile->row_block = clmix_round_up(clmix_ceil_div(gemm->rows, down), height);
    tile->groups[0] = clmix_ceil_div(gemm->rows, tile->row_block);
    tile->groups[1] = clmix_ceil_div(gemm->columns, tile->column_block);
    /* Several slabs keep their sums in C, which the residual may share: then the parts go to memory of their own. */
    if (gemm->residual.value != CLMIX_NONE && tile->splits == 1 && gemm->depth > tile->slab) {
        tile->chunk = clmix_round_up(clmix_ceil_div(gemm->depth, 2), 32);
        tile->splits = clmix_ceil_div(gemm->depth, tile->chunk);
    }
    return variant == 0;
}
