/* Launch records of all steps, one after another, and of a chain slice by slice: each op describes its own. */
#include "graph/planner.h"

#include "base/status.h"

/* The node's flops are its first launch's, where the op did not share them out itself. */
static void give_flops(struct clmix_planner *planner, const struct clmix_node *node, size_t first)
{
    struct clmix_plan *plan = planner->plan;

    if (first < plan->launcher_count && !plan->launchers[first]->has_flops)
        plan->launchers[first]->flops = clmix_plan_step_flops(planner, node);
}

static clmix_status launch_node(struct clmix_planner *planner, const struct clmix_node *node)
{
    size_t first = planner->plan->launcher_count;
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

/* The steps of a chain in the slice at hand. */
static clmix_status launch_nodes(struct clmix_planner *planner)
{
    const struct clmix_slices *slices = &planner->slices;

    for (size_t k = 0; k < slices->node_count; k++)
        if (planner->absorber[slices->nodes[k]] == slices->nodes[k])
            CLMIX_TRY(launch_node(planner, planner->graph->nodes[slices->nodes[k]]));
    return CLMIX_OK;
}

static clmix_status launch_chain(struct clmix_planner *planner, const struct clmix_chain *chain)
{
    clmix_status status = clmix_slices_start(planner, chain);

    for (size_t first = 0; status == CLMIX_OK && first < planner->slices.batch; first += chain->images) {
        status = clmix_slices_enter(planner, chain, first);
        if (status == CLMIX_OK)
            status = launch_nodes(planner);
        clmix_slices_leave(planner);
    }
    return status;
}

clmix_status clmix_plan_make_launches(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    int32_t done = -1;

    for (size_t n = 0; n < graph->node_count; n++) {
        const struct clmix_chain *chain;

        if (!clmix_planner_leads(planner, n) || planner->position[n] <= done)
            continue;
        chain = clmix_slices_at(planner, planner->position[n]);
        CLMIX_TRY(chain == NULL ? launch_node(planner, graph->nodes[n]) : launch_chain(planner, chain));
        done = chain == NULL ? planner->position[n] : chain->last;
    }
    return CLMIX_OK;
}
