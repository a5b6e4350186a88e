/* Products summed over the outer batch: so many side by side in scratch memory as it takes, and their sum in order behind them. */
#include "ops/gemm_internal.h"

#include "base/size.h"
#include "base/status.h"

#define MOST_ELEMENTS ((size_t)16 << 20) /* of products that wait to be added, 64 MiB */

/* Products of one round: rounds are alike, so that what is settled holds for all. */
static size_t round_of(const struct clmix_gemm *gemm)
{
    size_t batch = clmix_at_least_one(gemm->outer_batch), each = gemm->rows * gemm->columns * clmix_at_least_one(gemm->inner_batch), count;

    for (count = batch; count > 1; count--)
        if (batch % count == 0 && count * each <= MOST_ELEMENTS)
            break;
    return count;
}

struct clmix_gemm clmix_gemm_summands(const struct clmix_gemm *gemm)
{
    struct clmix_gemm summands = *gemm;
    size_t pitch = gemm->columns * clmix_at_least_one(gemm->inner_batch);

    summands.sum = false;
    summands.scale_place = CLMIX_SCALE_NONE;
    summands.outer_batch = round_of(gemm);
    summands.c =
        (struct clmix_matrix){ .value = CLMIX_NONE, .pitch = pitch, .outer_stride = gemm->rows * pitch, .inner_stride = gemm->columns };
    return summands;
}

clmix_status clmix_gemm_plan_sum(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                                 enum clmix_gemm_route route, const struct clmix_gemm_tile *tile)
{
    struct clmix_gemm summands = clmix_gemm_summands(gemm), sum = *gemm;
    size_t count = summands.outer_batch, batch = clmix_at_least_one(gemm->outer_batch), product = summands.c.outer_stride;

    sum.outer_batch = 1;
    summands.c.value = clmix_planner_scratch(planner, node, count * product * sizeof(float));
    for (size_t first = 0; first < batch; first += count) {
        summands.a.offset = gemm->a.offset + first * gemm->a.outer_stride;
        summands.b.offset = gemm->b.offset + first * gemm->b.outer_stride;
        if (first > 0)
            sum.residual = gemm->c;
        CLMIX_TRY(clmix_gemm_plan_route(planner, node, &summands, route, tile));
        clmix_gemm_plan_reduce(planner, node, &sum, &summands.c, count, product);
    }
    return CLMIX_OK;
}
