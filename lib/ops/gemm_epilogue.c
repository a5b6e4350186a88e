/* What follows a product: in its own kernel or, where the depth is split or CLBlast multiplies, in one behind it. */
#include "ops/gemm_internal.h"

#include "base/size.h"

void clmix_gemm_push_matrix(struct clmix_record *record, const struct clmix_planner *planner, const struct clmix_matrix *matrix)
{
    size_t pitch = matrix->pitch;

    if (pitch == 0 && matrix->value != CLMIX_NONE)
        pitch = clmix_planner_layout(planner, matrix->value).pitch;
    clmix_record_value(record, matrix->value);
    clmix_record_uint(record, matrix->offset);
    clmix_record_uint(record, pitch);
    clmix_record_uint(record, matrix->outer_stride);
    clmix_record_uint(record, matrix->inner_stride);
}

void clmix_gemm_define_epilogue(struct clmix_record *record, const struct clmix_gemm *gemm, bool plain)
{
    if (plain)
        return;
    if (gemm->bias != CLMIX_NONE)
        clmix_record_define(record, "BIAS", 1);
    if (gemm->activation != CLMIX_ACTIVATION_NONE)
        clmix_record_define(record, "ACTIVATION", (long)gemm->activation);
    if (gemm->residual.value != CLMIX_NONE)
        clmix_record_define(record, "RESIDUAL", gemm->residual_use == 0 ? CLMIX_RESIDUAL_ADDED : (long)gemm->residual_use);
    if (gemm->scale_place != CLMIX_SCALE_NONE)
        clmix_record_define(record, "SCALE", (long)gemm->scale_place);
}

void clmix_gemm_plan_reduce(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                            const struct clmix_matrix *sums, size_t splits, size_t split_stride)
{
    const clmix_device_info *info = clmix_planner_device(planner);
    bool wide = clmix_planner_wide(planner);
    size_t wanted = 8 * (size_t)(info->compute_units == 0 ? 1 : info->compute_units), chunk = (gemm->rows + wanted - 1) / wanted;
    struct clmix_record *record = clmix_record_kernel(planner, node, "gemm_reduce.cl", "gemm_reduce");

    clmix_record_define(record, "WG", wide ? 1 : 64);
    if (!wide)
        clmix_record_define(record, "VW", 4);
    clmix_gemm_define_epilogue(record, gemm, false);
    clmix_record_uint(record, gemm->rows);
    clmix_record_uint(record, gemm->columns);
    clmix_record_uint(record, clmix_at_least_one(gemm->inner_batch));
    clmix_record_uint(record, splits);
    clmix_record_uint(record, chunk);
    clmix_gemm_push_matrix(record, planner, sums);
    clmix_record_uint(record, split_stride);
    clmix_gemm_push_matrix(record, planner, &gemm->c);
    clmix_gemm_push_matrix(record, planner, &gemm->residual);
    clmix_record_value(record, gemm->bias);
    clmix_record_float(record, gemm->scale);
    clmix_record_grid(record, clmix_ceil_div(gemm->rows, chunk), clmix_gemm_batches(gemm), 1, wide ? 1 : 64);
}
