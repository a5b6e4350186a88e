/* Tiles of the simt form: what a work-group and a work-item own, and parts of the depth where there are too few tiles. */
#include "ops/gemm.h"

#include "base/size.h"

bool clmix_gemm_choose_simt(const clmix_device_info *info, const struct clmix_gemm *gemm, int variant, struct clmix_gemm_tile *tile)
{
    size_t batch = clmix_gemm_batches(gemm), tiles, wanted = 4 * (size_t)clmix_larger(info->compute_units, 1);
    bool small = info->max_work_group < 256;

    tile->tile_columns = gemm->columns <= 16 ? 16 : gemm->columns <= 32 || small ? 32 : 64;
    tile->tile_rows = gemm->rows <= 32 || small ? 32 : tile->tile_columns < 64 && gemm->rows >= 512 ? 128 : 64;
    tile->item_rows = tile->item_columns = 4;
    tile->runs = (info->type & CL_DEVICE_TYPE_CPU) == 0;
    if (!tile->runs) {
        tile->tile_rows = tile->item_rows = info->vector_width >= 16 ? 16 : 8;
        tile->item_columns = 1;
    }
    tile->groups[0] = clmix_ceil_div(gemm->rows, (size_t)tile->tile_rows);
    tile->groups[1] = clmix_ceil_div(gemm->columns, (size_t)tile->tile_columns);
    tile->work_group = (size_t)(tile->tile_rows / tile->item_rows * (tile->tile_columns / tile->item_columns));
    tiles = tile->groups[0] * tile->groups[1] * batch;
    if (2 * tiles <= wanted && gemm->depth >= 512)
        clmix_gemm_split_depth(gemm, tiles, wanted, tile);
    return variant == 0;
}
