/* Launches of a chain, slice by slice: its nodes are planned once for each slice, against a graph whose values have the images of that
 * slice only. Ops need not know. */
#include "graph/plan.h"

#include "base/array.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* ---- where values lie --------------------------------------------------------------------------------------------------------------- */

static bool is_inner(const struct clmix_planner *planner, int32_t base)
{
    return planner->slices.inner[base] != CLMIX_NONE;
}

size_t clmix_slices_size(const struct clmix_planner *planner, int32_t base, size_t size)
{
    const struct clmix_slices *slices = &planner->slices;

    return is_inner(planner, base) ? size / slices->batch * slices->chains[slices->inner[base]].images : size;
}

clmix_shape clmix_slices_shape(const struct clmix_planner *planner, int32_t tensor)
{
    clmix_shape shape = planner->graph->tensors[tensor]->shape;

    if (planner->slices.parts[tensor].count > 0)
        shape.size[0] = clmix_slices_size(planner, planner->graph->tensors[tensor]->base, shape.size[0]);
    return shape;
}

/* Elements from the start of an inner value to a view of it, in a batch of `images`. What picks a part of several lies behind fewer images
 * then; columns are where they were. */
static size_t view_offset(const struct clmix_planner *planner, int32_t view, size_t images)
{
    const clmix_graph *graph = planner->slices.graph;
    const struct clmix_parts *parts = planner->slices.parts;
    int32_t from;
    size_t offset;

    if (graph->tensors[view]->base == view)
        return 0;
    from = graph->nodes[graph->tensors[view]->producer]->inputs[0];
    offset = graph->tensors[view]->offset - graph->tensors[from]->offset;
    return view_offset(planner, from, images) + (parts[from].count != parts[view].count ? offset / planner->slices.batch * images : offset);
}

size_t clmix_slices_offset(const struct clmix_planner *planner, int32_t tensor)
{
    const struct clmix_slices *slices = &planner->slices;
    const struct clmix_tensor *value = slices->graph->tensors[tensor];
    size_t offset, images;

    clmix_plan_host(planner, value->base, &offset);
    if (!is_inner(planner, value->base))
        return offset + value->offset;
    images = slices->number > 0 ? slices->images : slices->chains[slices->inner[value->base]].images;
    return offset / slices->batch * images + view_offset(planner, tensor, images);
}

int32_t clmix_slices_place(const struct clmix_planner *planner, int32_t value)
{
    const struct clmix_slices *slices = &planner->slices;
    bool placed = slices->number > 0 && value >= 0 && (size_t)value < planner->graph->tensor_count;

    return placed && slices->places[value] != CLMIX_NONE ? slices->places[value] : value;
}

/* The place of a value in the slice at hand: where its images begin. */
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
    place.shape.size[0] = place.shape.size[0] / slices->batch * slices->images;
    place.slice = slices->number;
    place.of = value->base;
    place.offset = clmix_slices_offset(planner, tensor);
    if (!is_inner(planner, value->base))
        place.offset += slices->first * slices->parts[tensor].rows[0] * value->pitch;
    if (!CLMIX_PUSH(plan->places, plan->place_count, plan->place_capacity, place))
        return clmix_fail_memory("a plan");
    slices->places[tensor] = (int32_t)plan->place_count - 1;
    return CLMIX_OK;
}

/* ---- the graph of a slice ----------------------------------------------------------------------------------------------------------- */

static bool in_chain(const struct clmix_planner *planner, const struct clmix_chain *chain, size_t n)
{
    return planner->live[n] && !(planner->graph->nodes[n]->op->flags & CLMIX_OP_VIEW) && planner->position[n] >= chain->first &&
           planner->position[n] <= chain->last;
}

static void free_cut(clmix_graph *cut, const clmix_graph *graph)
{
    for (size_t i = 0; cut != NULL && cut->tensors != NULL && i < graph->tensor_count; i++)
        if (cut->tensors[i] != graph->tensors[i])
            free(cut->tensors[i]);
    for (size_t n = 0; cut != NULL && cut->nodes != NULL && n < graph->node_count; n++)
        if (cut->nodes[n] != graph->nodes[n]) {
            free(cut->nodes[n]->attributes);
            free(cut->nodes[n]);
        }
    if (cut != NULL) {
        free(cut->tensors);
        free(cut->nodes);
    }
    free(cut);
}

static struct clmix_tensor *cut_tensor(const struct clmix_planner *planner, int32_t tensor, size_t images)
{
    struct clmix_tensor *cut = malloc(sizeof *cut);

    if (cut == NULL)
        return NULL;
    *cut = *planner->graph->tensors[tensor];
    cut->shape.size[0] = cut->shape.size[0] / planner->slices.batch * images;
    if (is_inner(planner, cut->base))
        cut->offset = view_offset(planner, tensor, images);
    return cut;
}

static struct clmix_node *cut_node(const struct clmix_planner *planner, const struct clmix_node *node, size_t images)
{
    struct clmix_node *cut = malloc(sizeof *cut);

    if (cut == NULL)
        return NULL;
    *cut = *node;
    cut->attributes = malloc(node->attribute_bytes + 1);
    if (cut->attributes == NULL) {
        free(cut);
        return NULL;
    }
    memcpy(cut->attributes, node->attributes, node->attribute_bytes);
    if (node->op->cut != NULL)
        node->op->cut(cut->attributes, planner->slices.batch, images);
    return cut;
}

/* A copy of the graph in which every value that carries the batch, and every node of the chain, is one of `images`; all else is shared.
 * NULL without memory. */
static clmix_graph *cut_graph(const struct clmix_planner *planner, const struct clmix_chain *chain, size_t images)
{
    const clmix_graph *graph = planner->graph;
    clmix_graph *cut = malloc(sizeof *cut);
    bool whole = cut != NULL;

    if (cut == NULL)
        return NULL;
    *cut = *graph;
    cut->tensors = malloc((graph->tensor_count + 1) * sizeof *cut->tensors);
    cut->nodes = malloc((graph->node_count + 1) * sizeof *cut->nodes);
    whole = cut->tensors != NULL && cut->nodes != NULL;
    for (size_t i = 0; cut->tensors != NULL && i < graph->tensor_count; i++)
        cut->tensors[i] = graph->tensors[i];
    for (size_t n = 0; cut->nodes != NULL && n < graph->node_count; n++)
        cut->nodes[n] = graph->nodes[n];
    for (size_t i = 0; whole && i < graph->tensor_count; i++)
        if (planner->slices.parts[i].count > 0) {
            struct clmix_tensor *tensor = cut_tensor(planner, (int32_t)i, images);

            whole = tensor != NULL;
            cut->tensors[i] = whole ? tensor : graph->tensors[i];
        }
    for (size_t n = 0; whole && n < graph->node_count; n++)
        if (in_chain(planner, chain, n)) {
            struct clmix_node *node = cut_node(planner, graph->nodes[n], images);

            whole = node != NULL;
            cut->nodes[n] = whole ? node : graph->nodes[n];
        }
    if (whole)
        return cut;
    free_cut(cut, graph);
    return NULL;
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

static clmix_status add_places(struct clmix_planner *planner, const struct clmix_chain *chain)
{
    const clmix_graph *graph = planner->graph;

    for (size_t i = 0; i < graph->tensor_count; i++)
        planner->slices.places[i] = CLMIX_NONE;
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct clmix_node *node = graph->nodes[n];

        for (int i = 0; in_chain(planner, chain, n) && i < node->input_count; i++)
            CLMIX_TRY(add_place(planner, node->inputs[i]));
        for (int i = 0; in_chain(planner, chain, n) && i < node->output_count; i++)
            CLMIX_TRY(add_place(planner, node->outputs[i]));
    }
    return CLMIX_OK;
}

static clmix_status launch_nodes(struct clmix_planner *planner, const struct clmix_chain *chain)
{
    for (size_t n = 0; n < planner->graph->node_count; n++)
        if (in_chain(planner, chain, n) && planner->absorber[n] == (int32_t)n)
            CLMIX_TRY(clmix_plan_launch_node(planner, planner->graph->nodes[n]));
    return CLMIX_OK;
}

/* One slice, planned against the cut graph. */
static clmix_status launch_slice(struct clmix_planner *planner, const struct clmix_chain *chain)
{
    const clmix_graph *graph = planner->graph;
    clmix_graph *cut;
    clmix_status status;

    CLMIX_TRY(add_places(planner, chain));
    cut = cut_graph(planner, chain, planner->slices.images);
    if (cut == NULL)
        return clmix_fail_memory("a plan");
    planner->graph = cut;
    status = launch_nodes(planner, chain);
    planner->graph = graph;
    free_cut(cut, graph);
    return status;
}

clmix_status clmix_slices_launch(struct clmix_planner *planner, const struct clmix_chain *chain)
{
    struct clmix_slices *slices = &planner->slices;
    clmix_status status = CLMIX_OK;

    for (slices->first = 0; status == CLMIX_OK && slices->first < slices->batch; slices->first += chain->images) {
        slices->number++;
        slices->images = slices->batch - slices->first < chain->images ? slices->batch - slices->first : chain->images;
        status = launch_slice(planner, chain);
    }
    slices->number = 0;
    return status;
}

size_t clmix_planner_first_element(const struct clmix_planner *planner, int32_t value)
{
    const struct clmix_slices *slices = &planner->slices;
    const struct clmix_tensor *tensor = planner->graph->tensors[value];

    return slices->number == 0 ? 0 : slices->first * slices->parts[value].rows[0] * clmix_shape_columns(tensor->shape);
}
