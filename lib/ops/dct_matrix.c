/* A cosine transform as the product with its matrix; lib/ops/dct.c has the formulas. */
#include "ops/dct_internal.h"

/* A value's samples, one a product. */
static struct clmix_matrix samples_of(const struct clmix_planner *planner, int32_t value, size_t rows)
{
    const size_t pitch = value == CLMIX_NONE ? 0 : clmix_planner_layout(planner, value).pitch;

    return (struct clmix_matrix){ .value = value, .pitch = pitch, .outer_stride = rows * pitch };
}

struct clmix_gemm clmix_dct_product(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_dct_call *call)
{
    const struct clmix_dct_stages *stages = &call->stages;
    const size_t rows = call->inverse ? stages->tokens : stages->kept, depth = call->inverse ? stages->kept : stages->tokens;

    return (struct clmix_gemm){ .rows = rows,
                                .columns = call->width,
                                .depth = depth,
                                .outer_batch = call->batch,
                                .a = { .value = node->inputs[CLMIX_DCT_TABLE], .pitch = stages->tokens },
                                .b = samples_of(planner, call->x, depth),
                                .c = samples_of(planner, call->y, rows),
                                .residual = samples_of(planner, call->residual, rows),
                                .transpose_a = call->inverse,
                                .bias = call->bias };
}
