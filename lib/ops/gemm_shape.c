/* What a matrix product is, whatever computes it. */
#include "ops/gemm_internal.h"

#include "base/size.h"

struct clmix_matrix clmix_matrix_of(int32_t value)
{
    return (struct clmix_matrix){ .value = value };
}

size_t clmix_gemm_batches(const struct clmix_gemm *gemm)
{
    return clmix_at_least_one(gemm->outer_batch) * clmix_at_least_one(gemm->inner_batch);
}

bool clmix_gemm_has_epilogue(const struct clmix_gemm *gemm)
{
    return gemm->bias != CLMIX_NONE || gemm->activation != CLMIX_ACTIVATION_NONE || gemm->residual.value != CLMIX_NONE ||
           gemm->scale_place != CLMIX_SCALE_NONE;
}
