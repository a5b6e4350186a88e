/* Steps one after another, and a chain's slice by slice: its nodes are planned once for each slice, against a graph whose values have the
 * samples of that slice only. Ops need not know. */
#include "graph/planner.h"

#include "base/array.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* ---- the graph of a slice ----------------------------------------------------------------------------------------------------------- */

/* The nodes of a chain, in the order of the graph. */
static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

static clmix_status list_nodes(struct clmix_planner *planner, const struct clmix_chain *chain)
{
    struct clmix_slices *slices = &planner->slices;
    const int32_t begin = planner->step_begin[chain->first], end = planner->step_begin[chain->last + 1];

    slices->node_count = 0;
    if (!clmix_array_reserve((void **)&slices->nodes, &slices->node_capacity, (size_t)(end - begin), sizeof *slices->nodes))
        return clmix_fail_memory("a plan");
    for (int32_t at = begin; at < end; at++)
        slices->nodes[slices->node_count++] = planner->step_nodes[at];
    qsort(slices->nodes, slices->node_count, sizeof *slices->nodes, by_number);
    return CLMIX_OK;
}

static struct clmix_tensor *cut_tensor(const struct clmix_planner *planner, int32_t tensor, size_t samples)
{
    struct clmix_tensor *cut = malloc(sizeof *cut);

    if (cut == NULL)
        return NULL;
    *cut = *planner->graph->tensors[tensor];
    cut->shape.size[0] = cut->shape.size[0] / planner->slices.batch * samples;
    if (planner->slices.inner[cut->base] != CLMIX_NONE)
        cut->offset = clmix_slices_view_offset(planner, tensor, samples);
    return cut;
}

static struct clmix_node *cut_node(const struct clmix_planner *planner, const struct clmix_node *node, size_t samples)
{
    struct clmix_node *cut = malloc(sizeof *cut);

    if (cut == NULL)
        return NULL;
    *cut = *node;
    cut->attributes = clmix_attributes_copy(node->attributes, node->attribute_bytes);
    if (cut->attributes == NULL) {
        free(cut);
        return NULL;
    }
    if (node->op->cut != NULL)
        node->op->cut(cut->attributes, planner->slices.batch, samples);
    return cut;
}

/* One value of the slice's graph, the value that it is a view of, and those between the two. */
static clmix_status cut_value(struct clmix_planner *planner, int32_t tensor)
{
    struct clmix_slices *slices = &planner->slices;
    const clmix_graph *graph = slices->graph;

    while (tensor >= 0 && slices->cut->tensors[tensor] == graph->tensors[tensor] && slices->parts[tensor].count > 0) {
        struct clmix_tensor *cut = cut_tensor(planner, tensor, slices->samples);

        if (cut == NULL || !CLMIX_PUSH(slices->cut_tensors, slices->cut_count, slices->cut_capacity, tensor)) {
            free(cut);
            return clmix_fail_memory("a plan");
        }
        slices->cut->tensors[tensor] = cut;
        tensor = cut->base == tensor ? CLMIX_NONE : graph->nodes[cut->producer]->inputs[0];
    }
    return CLMIX_OK;
}

/* The whole graph's nodes and values stand in the slice's again. */
static void mend_graph(struct clmix_slices *slices)
{
    const clmix_graph *graph = slices->graph;

    for (size_t i = 0; i < slices->cut_count; i++) {
        free(slices->cut->tensors[slices->cut_tensors[i]]);
        slices->cut->tensors[slices->cut_tensors[i]] = graph->tensors[slices->cut_tensors[i]];
    }
    slices->cut_count = 0;
    for (size_t i = 0; i < slices->node_count; i++) {
        struct clmix_node **node = &slices->cut->nodes[slices->nodes[i]];

        if (*node == graph->nodes[slices->nodes[i]])
            continue;
        free((*node)->attributes);
        free(*node);
        *node = graph->nodes[slices->nodes[i]];
    }
}

/* The slice's graph, which shares everything with the whole one as yet. */
static clmix_status copy_graph(struct clmix_slices *slices)
{
    const clmix_graph *graph = slices->graph;
    clmix_graph *cut = malloc(sizeof *cut);

    if (cut == NULL)
        return clmix_fail_memory("a plan");
    *cut = *graph;
    cut->tensors = malloc((graph->tensor_count + 1) * sizeof *cut->tensors);
    cut->nodes = malloc((graph->node_count + 1) * sizeof *cut->nodes);
    slices->cut = cut;
    if (cut->tensors == NULL || cut->nodes == NULL)
        return clmix_fail_memory("a plan");
    memcpy(cut->tensors, graph->tensors, graph->tensor_count * sizeof *cut->tensors);
    memcpy(cut->nodes, graph->nodes, graph->node_count * sizeof *cut->nodes);
    return CLMIX_OK;
}

/* In the slice's graph every node of the chain, and every value that carries the batch and that such a node touches, is one of the slice's
 * samples. */
static clmix_status cut_graph(struct clmix_planner *planner)
{
    struct clmix_slices *slices = &planner->slices;
    const clmix_graph *graph = slices->graph;

    for (size_t k = 0; k < slices->node_count; k++) {
        const struct clmix_node *node = graph->nodes[slices->nodes[k]];
        struct clmix_node *cut = cut_node(planner, node, slices->samples);

        if (cut == NULL)
            return clmix_fail_memory("a plan");
        slices->cut->nodes[slices->nodes[k]] = cut;
        for (int i = 0; i < node->input_count; i++)
            CLMIX_TRY(cut_value(planner, node->inputs[i]));
        for (int i = 0; i < node->output_count; i++)
            CLMIX_TRY(cut_value(planner, node->outputs[i]));
    }
    return CLMIX_OK;
}

/* ---- places in a slice -------------------------------------------------------------------------------------------------------------- */

/* The place of a value in the slice at hand: where its samples begin. */
static clmix_status add_place(struct clmix_planner *planner, int32_t tensor)
{
    const struct clmix_tensor *value = tensor < 0 ? NULL : planner->graph->tensors[tensor];
    struct clmix_slices *slices = &planner->slices;
    struct clmix_plan *plan = planner->plan;
    struct clmix_place place;

    if (value == NULL || slices->parts[tensor].count == 0 || slices->places[tensor] != CLMIX_NONE)
        return CLMIX_OK;
    place = plan->places[tensor];
    place.name = NULL;
    place.shape.size[0] = place.shape.size[0] / slices->batch * slices->samples;
    place.slice = slices->number;
    place.of = value->base;
    place.pitch = clmix_planner_layout(planner, tensor).pitch;
    place.offset = clmix_slices_offset(planner, tensor);
    if (slices->inner[value->base] == CLMIX_NONE)
        place.offset += slices->first * slices->parts[tensor].rows[0] * place.pitch;
    if (!CLMIX_PUSH(plan->places, plan->place_count, plan->place_capacity, place))
        return clmix_fail_memory("a plan");
    slices->places[tensor] = (int32_t)plan->place_count - 1;
    return CLMIX_OK;
}

static clmix_status add_places(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->slices.graph;
    const struct clmix_slices *slices = &planner->slices;

    for (size_t k = 0; k < slices->node_count; k++) {
        const struct clmix_node *node = graph->nodes[slices->nodes[k]];

        for (int i = 0; i < node->input_count; i++)
            CLMIX_TRY(add_place(planner, node->inputs[i]));
        for (int i = 0; i < node->output_count; i++)
            CLMIX_TRY(add_place(planner, node->outputs[i]));
    }
    return CLMIX_OK;
}

/* The values have no places in a slice any more. */
static void drop_places(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->slices.graph;
    struct clmix_slices *slices = &planner->slices;

    for (size_t k = 0; k < slices->node_count; k++) {
        const struct clmix_node *node = graph->nodes[slices->nodes[k]];

        for (int i = 0; i < node->input_count; i++)
            if (node->inputs[i] >= 0)
                slices->places[node->inputs[i]] = CLMIX_NONE;
        for (int i = 0; i < node->output_count; i++)
            slices->places[node->outputs[i]] = CLMIX_NONE;
    }
}

/* ---- steps, one after another ---------------------------------------------------------------------------------------------------------- */

/* Makes the planner's graph that of the slice from sample `first` of the batch on, until it is left. */
static clmix_status enter(struct clmix_planner *planner, const struct clmix_chain *chain, size_t first, enum clmix_visit kind)
{
    struct clmix_slices *slices = &planner->slices;

    slices->number = (int)(first / chain->samples) + 1;
    slices->first = first;
    slices->samples = slices->batch - first < chain->samples ? slices->batch - first : chain->samples;
    if (kind == CLMIX_VISIT_SLICES)
        CLMIX_TRY(add_places(planner));
    CLMIX_TRY(cut_graph(planner));
    planner->graph = slices->cut;
    return CLMIX_OK;
}

static void leave(struct clmix_planner *planner)
{
    planner->graph = planner->slices.graph;
    mend_graph(&planner->slices);
    drop_places(planner);
    planner->slices.number = 0;
}

static clmix_status visit_slice(struct clmix_planner *planner, const struct clmix_chain *chain, size_t first, enum clmix_visit kind,
                                clmix_visitor visit)
{
    const struct clmix_slices *slices = &planner->slices;
    clmix_status status = enter(planner, chain, first, kind);

    for (size_t k = 0; status == CLMIX_OK && k < slices->node_count; k++)
        if (planner->absorber[slices->nodes[k]] == slices->nodes[k])
            status = visit(planner, planner->graph->nodes[slices->nodes[k]]);
    leave(planner);
    return status;
}

static clmix_status visit_chain(struct clmix_planner *planner, const struct clmix_chain *chain, enum clmix_visit kind, clmix_visitor visit)
{
    const size_t last = (planner->slices.batch - 1) / chain->samples * chain->samples;

    CLMIX_TRY(list_nodes(planner, chain));
    if (planner->slices.cut == NULL)
        CLMIX_TRY(copy_graph(&planner->slices));
    for (size_t first = 0; first <= last; first += chain->samples)
        if (kind == CLMIX_VISIT_SLICES || first == 0 || first == last)
            CLMIX_TRY(visit_slice(planner, chain, first, kind, visit));
    return CLMIX_OK;
}

clmix_status clmix_plan_visit_steps(struct clmix_planner *planner, enum clmix_visit kind, clmix_visitor visit)
{
    const clmix_graph *graph = planner->graph;
    int32_t done = -1;

    for (size_t n = 0; n < graph->node_count; n++) {
        const struct clmix_chain *chain;

        if (!clmix_planner_leads(planner, n) || planner->position[n] <= done)
            continue;
        chain = clmix_slices_at(planner, planner->position[n]);
        CLMIX_TRY(chain == NULL ? visit(planner, graph->nodes[n]) : visit_chain(planner, chain, kind, visit));
        done = chain == NULL ? planner->position[n] : chain->last;
    }
    return CLMIX_OK;
}
