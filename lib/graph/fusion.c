/* Fusion: who does whose work. An op may absorb the only consumer of its result (linear + GELU), and may read its input through the op that
 * made it (linear behind layer norm). */
#include "graph/planner.h"

/* ---- absorption --------------------------------------------------------------------------------------------------------------------- */

static const struct clmix_node *only_consumer(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = planner->graph;
    const int32_t *begin = &planner->reader_begin[node->outputs[0]];

    if (node->output_count != 1 || begin[1] - begin[0] != 1 || clmix_planner_is_asked_for(planner, node->outputs[0]))
        return NULL;
    return graph->nodes[planner->readers[begin[0]]];
}

/* All other inputs of `next` exist by the time `node` runs. */
static bool is_ready(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next, int32_t result)
{
    const clmix_graph *graph = planner->graph;

    for (int i = 0; i < next->input_count; i++) {
        const struct clmix_tensor *base;

        if (next->inputs[i] < 0 || next->inputs[i] == result)
            continue;
        base = graph->tensors[graph->tensors[next->inputs[i]]->base];
        if (base->kind == CLMIX_VALUE_RESULT && planner->absorber[base->producer] >= node->number)
            return false;
    }
    return true;
}

static void absorb(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;

    for (size_t n = 0; n < graph->node_count; n++) {
        const struct clmix_node *node = graph->nodes[n], *last = node, *next;

        if (!planner->live[n] || planner->absorber[n] != (int32_t)n || node->op->absorb == NULL)
            continue;
        while ((next = only_consumer(planner, last)) != NULL && !(next->op->flags & CLMIX_OP_VIEW) && next->output_count == 1 &&
               is_ready(planner, node, next, last->outputs[0]) && node->op->absorb(planner, node, next)) {
            planner->absorber[next->number] = (int32_t)n;
            planner->absorbed[last->number] = next->number;
            last = next;
        }
    }
}

/* ---- reading through ---------------------------------------------------------------------------------------------------------------- */

static bool all_read_through(const struct clmix_planner *planner, const struct clmix_node *maker)
{
    const clmix_graph *graph = planner->graph;
    const int32_t *begin = &planner->reader_begin[maker->outputs[0]];

    if (clmix_planner_is_asked_for(planner, maker->outputs[0]) || begin[0] == begin[1])
        return false;
    for (int32_t r = begin[0]; r < begin[1]; r++) {
        const struct clmix_node *node = graph->nodes[planner->readers[r]];

        for (int i = 0; i < node->input_count; i++)
            if (node->inputs[i] == maker->outputs[0] &&
                (node->op->reads_through == NULL || planner->absorber[node->number] != node->number ||
                 !node->op->reads_through(planner, node, i, maker)))
                return false;
    }
    return true;
}

static void find_read_through(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;

    for (size_t n = 0; n < graph->node_count; n++)
        planner->read_through[n] = clmix_planner_leads(planner, n) && clmix_planner_absorbed(planner, graph->nodes[n], 0) == NULL &&
                                   all_read_through(planner, graph->nodes[n]);
}

void clmix_plan_fuse(struct clmix_planner *planner)
{
    absorb(planner);
    find_read_through(planner);
}
