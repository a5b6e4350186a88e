/* Matrix products: the entries for ops. */
#include "ops/gemm_internal.h"

#include "base/status.h"

/* What is settled for a product. */
struct choice {
    enum clmix_gemm_route route;
    struct clmix_gemm_tile tile; /* on the own one */
};

clmix_status clmix_gemm_measure(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm)
{
    struct choice choice;

    CLMIX_TRY(clmix_gemm_choose_route(planner, gemm, &choice.route, &choice.tile));
    return clmix_planner_settle(planner, node, &choice, sizeof choice);
}

clmix_status clmix_gemm_plan(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm)
{
    const struct choice *choice = clmix_planner_settled(planner, node);
    enum clmix_gemm_route route = choice == NULL ? CLMIX_GEMM_OWN : choice->route;
    const struct clmix_gemm_tile *tile = choice == NULL ? NULL : &choice->tile;

    if (gemm->rows == 0 || gemm->columns == 0 || gemm->depth == 0)
        return clmix_fail(CLMIX_ERROR_INTERNAL, "a matrix product of %zux%zu by %zux%zu has nothing in it", gemm->rows, gemm->depth,
                          gemm->depth, gemm->columns);
    return clmix_gemm_plan_route(planner, node, gemm, route, tile);
}
