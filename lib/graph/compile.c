/* Compiling: from a graph to an ordered list of launches, pass by pass. */
#include "graph/planner.h"

#include "base/status.h"

#include <stdlib.h>

/* What a plan is made by. */
static clmix_status compile(struct clmix_planner *planner)
{
    CLMIX_TRY(clmix_plan_find_needed(planner));
    clmix_plan_fuse(planner);
    CLMIX_TRY(clmix_plan_number_steps(planner));
    CLMIX_TRY(clmix_plan_part_values(planner));
    CLMIX_TRY(clmix_plan_find_chains(planner));
    CLMIX_TRY(clmix_plan_place_values(planner));
    CLMIX_TRY(clmix_plan_add_random(planner));
    CLMIX_TRY(clmix_plan_measure(planner));
    CLMIX_TRY(clmix_plan_make_launches(planner));
    CLMIX_TRY(clmix_plan_add_constants(planner));
    CLMIX_TRY(clmix_plan_lay_out(planner));
    return clmix_plan_add_costs(planner);
}

clmix_status clmix_plan_make(clmix_plan **plan, const clmix_graph *graph, clmix_device *device, clmix_mode mode)
{
    struct clmix_planner planner = { .graph = graph, .device = device, .mode = mode };
    clmix_status status;

    *plan = NULL;
    CLMIX_TRY(clmix_graph_check(graph));
    planner.plan = calloc(1, sizeof *planner.plan);
    if (planner.plan == NULL)
        return clmix_fail_memory("a plan");
    planner.plan->device = device;
    planner.plan->mode = mode;
    status = clmix_planner_start(&planner) ? compile(&planner) : clmix_fail_memory("a plan");
    clmix_planner_clear(&planner);
    if (status != CLMIX_OK) {
        clmix_plan_free(planner.plan);
        return status;
    }
    *plan = planner.plan;
    return CLMIX_OK;
}
