/* How clmix's own kernels cut a product up: tiles, blocks for the caches, and splits of the depth where there are too few tiles to keep
 * the device busy. */
#include "ops/gemm_internal.h"

#include "base/size.h"

#include <stdio.h>

bool clmix_gemm_choose_tile(const clmix_device_info *info, bool wide, const struct clmix_gemm *gemm, int variant,
                            struct clmix_gemm_tile *tile)
{
    *tile = (struct clmix_gemm_tile){ .wide = wide, .splits = 1, .chunk = gemm->depth };
    if (!(wide ? clmix_gemm_choose_wide(info, gemm, variant, tile) : clmix_gemm_choose_simt(info, gemm, variant, tile)))
        return false;
    tile->groups[2] = clmix_gemm_batches(gemm) * tile->splits;
    return true;
}

int clmix_gemm_name_kernel(const struct clmix_gemm_tile *tile, char *text, size_t bytes)
{
    if (tile->wide)
        return snprintf(text, bytes, "wide %ldx%ldx%ld%s%s", tile->rows, tile->vectors, tile->width, tile->in_place ? " in place" : "",
                        tile->copy_a ? " copied" : "");
    return snprintf(text, bytes, "simt %ldx%ld/%ldx%ld%s", tile->tile_rows, tile->tile_columns, tile->item_rows, tile->item_columns,
                    tile->runs ? " runs" : "");
}

void clmix_gemm_name_tile(const struct clmix_gemm_tile *tile, char *text, size_t bytes)
{
    int length = clmix_gemm_name_kernel(tile, text, bytes);

    if (tile->wide && length >= 0 && (size_t)length < bytes)
        snprintf(text + length, bytes - (size_t)length, " %zux%zux%zu", tile->row_block, tile->column_block, tile->slab);
}
