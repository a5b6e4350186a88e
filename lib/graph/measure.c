/* Measuring: an op that can be computed in several ways settles on one before launch records are made, for each size of slice. */
#include "graph/planner.h"

#include "base/status.h"

static clmix_status measure_node(struct clmix_planner *planner, const struct clmix_node *node)
{
    clmix_status status = node->op->measure == NULL ? CLMIX_OK : node->op->measure(planner, node);

    return status == CLMIX_OK ? CLMIX_OK : clmix_fail_at(status, "%s%s%s", node->path, *node->path == '\0' ? "" : " ", node->op->name);
}

clmix_status clmix_plan_measure(struct clmix_planner *planner)
{
    return clmix_plan_visit_steps(planner, CLMIX_VISIT_SIZES, measure_node);
}
