/* Splits of the depth, where there are too few tiles to keep the device busy. */
#include "ops/gemm_internal.h"

#include "base/size.h"

void clmix_gemm_split_depth(const struct clmix_gemm *gemm, size_t groups, size_t wanted, struct clmix_gemm_tile *tile)
{
    size_t outputs = gemm->rows * gemm->columns * clmix_gemm_batches(gemm);
    size_t splits = clmix_smaller(clmix_ceil_div(wanted, groups), gemm->depth / 256);

    splits = clmix_smaller(splits, ((size_t)16 << 20) / outputs);
    if (splits <= 1)
        return;
    tile->chunk = clmix_round_up(clmix_ceil_div(gemm->depth, splits), 32);
    tile->splits = clmix_ceil_div(gemm->depth, tile->chunk);
}
