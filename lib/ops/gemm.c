/* Matrix products: the entry for ops. */
#include "ops/gemm_internal.h"

#include "base/status.h"

clmix_status clmix_gemm_plan(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm)
{
    enum clmix_gemm_route route;
    struct clmix_gemm_tile tile;

    if (gemm->rows == 0 || gemm->columns == 0 || gemm->depth == 0)
        return clmix_fail(CLMIX_ERROR_INTERNAL, "a matrix product of %zux%zu by %zux%zu has nothing in it", gemm->rows, gemm->depth,
                          gemm->depth, gemm->columns);
    CLMIX_TRY(clmix_gemm_choose_route(planner, gemm, &route, &tile));
    return clmix_gemm_plan_route(planner, node, gemm, route, &tile);
}
