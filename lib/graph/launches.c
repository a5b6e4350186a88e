/* Launch records of all steps, one after another, and of a chain slice by slice: each op describes its own. */
#include "graph/planner.h"

#include "base/status.h"

/* The node's flops are its first launch's, where the op did not share them out itself. */
static void give_flops(struct clmix_planner *planner, const struct clmix_node *node, size_t first)
{
    struct clmix_plan *plan = planner->plan;

    if (first < plan->record_count && !plan->records[first]->has_flops)
        plan->records[first]->flops = clmix_plan_step_flops(planner, node);
}

static clmix_status launch_node(struct clmix_planner *planner, const struct clmix_node *node)
{
    size_t first = planner->plan->record_count;
    clmix_status status;

    planner->slices.scratches = 0;
    status = node->op->launch(planner, node);
    if (status == CLMIX_OK && planner->status != CLMIX_OK)
        status = clmix_fail(planner->status, "%s", planner->error);
    if (status != CLMIX_OK)
        return clmix_fail_at(status, "%s%s%s", node->path, *node->path == '\0' ? "" : " ", node->op->name);
    give_flops(planner, node, first);
    return CLMIX_OK;
}

clmix_status clmix_plan_make_launches(struct clmix_planner *planner)
{
    return clmix_plan_visit_steps(planner, CLMIX_VISIT_SLICES, launch_node);
}
