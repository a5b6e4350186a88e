/* What follows a product: in its own kernel or, where the depth is split or CLBlast multiplies, in one behind it. */
#include "ops/gemm_internal.h"

#include "base/size.h"

void clmix_gemm_push_matrix(struct clmix_launcher *launcher, const struct clmix_planner *planner, const struct clmix_matrix *matrix)
{
    size_t pitch = matrix->pitch;

    if (pitch == 0 && matrix->value != CLMIX_NONE)
        pitch = clmix_planner_layout(planner, matrix->value).pitch;
    clmix_launch_value(launcher, matrix->value);
    clmix_launch_uint(launcher, matrix->offset);
    clmix_launch_uint(launcher, pitch);
    clmix_launch_uint(launcher, matrix->outer_stride);
    clmix_launch_uint(launcher, matrix->inner_stride);
}

void clmix_gemm_define_epilogue(struct clmix_launcher *launcher, const struct clmix_gemm *gemm, bool plain)
{
    if (plain)
        return;
    if (gemm->bias != CLMIX_NONE)
        clmix_launch_define(launcher, "BIAS", 1);
    if (gemm->activation != CLMIX_ACTIVATION_NONE)
        clmix_launch_define(launcher, "ACTIVATION", (long)gemm->activation);
    if (gemm->residual.value != CLMIX_NONE)
        clmix_launch_define(launcher, "RESIDUAL", gemm->residual_use == 0 ? CLMIX_RESIDUAL_ADDED : (long)gemm->residual_use);
    if (gemm->scale_place != CLMIX_SCALE_NONE)
        clmix_launch_define(launcher, "SCALE", (long)gemm->scale_place);
}

void clmix_gemm_plan_reduce(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                            const struct clmix_matrix *parts, size_t splits, size_t part_split)
{
    const clmix_device_info *info = clmix_planner_device(planner);
    bool wide = clmix_planner_wide(planner);
    size_t wanted = 8 * (size_t)(info->compute_units == 0 ? 1 : info->compute_units), chunk = (gemm->rows + wanted - 1) / wanted;
    struct clmix_launcher *launcher = clmix_launch_kernel(planner, node, "gemm_reduce.cl", "gemm_reduce");

    clmix_launch_define(launcher, "WG", wide ? 1 : 64);
    if (!wide)
        clmix_launch_define(launcher, "VW", 4);
    clmix_gemm_define_epilogue(launcher, gemm, false);
    clmix_launch_uint(launcher, gemm->rows);
    clmix_launch_uint(launcher, gemm->columns);
    clmix_launch_uint(launcher, clmix_at_least_one(gemm->inner_batch));
    clmix_launch_uint(launcher, splits);
    clmix_launch_uint(launcher, chunk);
    clmix_gemm_push_matrix(launcher, planner, parts);
    clmix_launch_uint(launcher, part_split);
    clmix_gemm_push_matrix(launcher, planner, &gemm->c);
    clmix_gemm_push_matrix(launcher, planner, &gemm->residual);
    clmix_launch_value(launcher, gemm->bias);
    clmix_launch_float(launcher, gemm->scale);
    clmix_launch_grid(launcher, clmix_ceil_div(gemm->rows, chunk), clmix_gemm_batches(gemm), 1, wide ? 1 : 64);
}
