/* What is needed: the nodes that no result or gradient needs are left out, and who reads which value is listed. */
#include "graph/planner.h"

#include "base/status.h"

#include <stdlib.h>

static void need(struct clmix_planner *planner, int32_t tensor)
{
    const clmix_graph *graph = planner->graph;
    int32_t producer = tensor < 0 ? -1 : graph->tensors[tensor]->producer;

    if (producer >= 0)
        planner->live[producer] = true;
}

static void mark_live(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;

    for (size_t i = 0; i < graph->tensor_count; i++)
        if (clmix_planner_is_asked_for(planner, (int32_t)i))
            need(planner, (int32_t)i);
    for (size_t n = graph->node_count; n-- > 0;)
        if (planner->live[n])
            for (int i = 0; i < graph->nodes[n]->input_count; i++)
                need(planner, graph->nodes[n]->inputs[i]);
}

/* Calls for each input of a live node, in the nodes' order. */
static void each_read(struct clmix_planner *planner, void (*visit)(struct clmix_planner *planner, int32_t value, int32_t node))
{
    const clmix_graph *graph = planner->graph;

    for (size_t n = 0; n < graph->node_count; n++)
        for (int i = 0; planner->live[n] && i < graph->nodes[n]->input_count; i++)
            if (graph->nodes[n]->inputs[i] >= 0)
                visit(planner, graph->nodes[n]->inputs[i], (int32_t)n);
}

static void count_reader(struct clmix_planner *planner, int32_t value, int32_t node)
{
    (void)node;
    planner->reader_begin[value + 1]++;
}

/* reader_begin[value] is where the value's next reader goes, and so in the end where the next value's begin. */
static void enter_reader(struct clmix_planner *planner, int32_t value, int32_t node)
{
    planner->readers[planner->reader_begin[value]++] = node;
}

/* Readers of each value; a view reads its base. A node that reads a value twice is there twice. */
static clmix_status list_readers(struct clmix_planner *planner)
{
    const size_t tensors = planner->graph->tensor_count;
    int32_t *begin = planner->reader_begin;

    each_read(planner, count_reader);
    for (size_t i = 0; i < tensors; i++)
        begin[i + 1] += begin[i];
    planner->readers = malloc(((size_t)begin[tensors] + 1) * sizeof *planner->readers);
    if (planner->readers == NULL)
        return clmix_fail_memory("a plan");
    each_read(planner, enter_reader);
    for (size_t i = tensors; i > 0; i--)
        begin[i] = begin[i - 1];
    begin[0] = 0;
    return CLMIX_OK;
}

clmix_status clmix_plan_find_needed(struct clmix_planner *planner)
{
    mark_live(planner);
    return list_readers(planner);
}
