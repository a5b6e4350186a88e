/* Steps: the nodes that are launched, in order, each with those whose work it does. */
#include "graph/planner.h"

#include "base/status.h"

#include <stdlib.h>

static clmix_status number_steps(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    int32_t step = 0;

    for (size_t n = 0; n < graph->node_count; n++)
        if (clmix_planner_leads(planner, n)) {
            if (graph->nodes[n]->op->launch == NULL)
                return clmix_fail(CLMIX_ERROR_INTERNAL, "%s: op '%s' cannot be launched", graph->nodes[n]->path, graph->nodes[n]->op->name);
            planner->position[n] = step++;
        }
    for (size_t n = 0; n < graph->node_count; n++)
        if (planner->absorber[n] != (int32_t)n)
            planner->position[n] = planner->position[planner->absorber[n]];
    planner->plan->steps = step;
    return CLMIX_OK;
}

/* The nodes that do a step's work, alone or with others. */
static clmix_status list_steps(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    const size_t steps = (size_t)planner->plan->steps;
    int32_t *begin = calloc(steps + 2, sizeof *begin), *nodes = malloc((graph->node_count + 1) * sizeof *nodes);

    planner->step_begin = begin;
    planner->step_nodes = nodes;
    if (begin == NULL || nodes == NULL)
        return clmix_fail_memory("a plan");
    for (size_t n = 0; n < graph->node_count; n++)
        if (clmix_planner_has_work(planner, n))
            begin[planner->position[n] + 2]++;
    for (size_t i = 2; i < steps + 2; i++)
        begin[i] += begin[i - 1];
    for (size_t n = 0; n < graph->node_count; n++)
        if (clmix_planner_has_work(planner, n))
            nodes[begin[planner->position[n] + 1]++] = (int32_t)n;
    return CLMIX_OK;
}

clmix_status clmix_plan_number_steps(struct clmix_planner *planner)
{
    CLMIX_TRY(number_steps(planner));
    return list_steps(planner);
}
