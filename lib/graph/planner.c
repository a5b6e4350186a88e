/* What ops and passes may ask of the planner: whom it plans for, who does whose work, where values lie in the batch or slice at hand. The
 * bottom of the compiler: calls no pass. */
#include "graph/planner.h"

#include "base/array.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- life --------------------------------------------------------------------------------------------------------------------------- */

bool clmix_planner_start(struct clmix_planner *planner)
{
    size_t nodes = planner->graph->node_count + 1, tensors = planner->graph->tensor_count + 1;

    planner->live = calloc(nodes, sizeof *planner->live);
    planner->absorber = malloc(nodes * sizeof *planner->absorber);
    planner->read_through = calloc(nodes, sizeof *planner->read_through);
    planner->position = malloc(nodes * sizeof *planner->position);
    planner->absorbed = malloc(nodes * sizeof *planner->absorbed);
    planner->reader_begin = calloc(tensors, sizeof *planner->reader_begin);
    planner->host = malloc(tensors * sizeof *planner->host);
    planner->host_offset = calloc(tensors, sizeof *planner->host_offset);
    planner->host_pitch = calloc(tensors, sizeof *planner->host_pitch);
    planner->first = malloc(tensors * sizeof *planner->first);
    planner->last = malloc(tensors * sizeof *planner->last);
    planner->choice = malloc(nodes * sizeof *planner->choice);
    planner->slices.graph = planner->graph;
    if (planner->live == NULL || planner->absorber == NULL || planner->read_through == NULL || planner->position == NULL ||
        planner->absorbed == NULL || planner->reader_begin == NULL || planner->host == NULL || planner->host_offset == NULL ||
        planner->host_pitch == NULL || planner->first == NULL || planner->last == NULL || planner->choice == NULL)
        return false;
    for (size_t n = 0; n < nodes; n++) {
        planner->absorber[n] = (int32_t)n;
        planner->position[n] = planner->absorbed[n] = -1;
        planner->choice[n] = CLMIX_NONE;
    }
    return true;
}

static void free_slices(struct clmix_slices *slices)
{
    free(slices->parts);
    free(slices->by_sample);
    free(slices->chain);
    free(slices->inner);
    free(slices->places);
    free(slices->chains);
    free(slices->scratch);
    free(slices->node_scratch);
    free(slices->nodes);
    free(slices->cut_tensors);
    if (slices->cut != NULL) {
        free(slices->cut->tensors);
        free(slices->cut->nodes);
    }
    free(slices->cut);
}

void clmix_planner_clear(struct clmix_planner *planner)
{
    free(planner->live);
    free(planner->absorber);
    free(planner->read_through);
    free(planner->position);
    free(planner->absorbed);
    free(planner->reader_begin);
    free(planner->readers);
    free(planner->step_begin);
    free(planner->step_nodes);
    free(planner->host);
    free(planner->host_offset);
    free(planner->host_pitch);
    free(planner->first);
    free(planner->last);
    for (size_t i = 0; i < planner->choice_count; i++)
        free(planner->choices[i].data);
    free(planner->choices);
    free(planner->choice);
    free_slices(&planner->slices);
}

void clmix_planner_keep_error(struct clmix_planner *planner, clmix_status status)
{
    if (planner == NULL || planner->status != CLMIX_OK)
        return;
    planner->status = status;
    snprintf(planner->error, sizeof planner->error, "%s", clmix_error());
}

/* ---- whom it plans for -------------------------------------------------------------------------------------------------------------- */

const clmix_graph *clmix_planner_graph(const struct clmix_planner *planner)
{
    return planner->graph;
}

const clmix_device_info *clmix_planner_device(const struct clmix_planner *planner)
{
    return &planner->device->info;
}

clmix_device *clmix_planner_open_device(const struct clmix_planner *planner)
{
    return planner->device->real ? planner->device : NULL;
}

clmix_mode clmix_planner_mode(const struct clmix_planner *planner)
{
    return planner->mode;
}

bool clmix_planner_wide(const struct clmix_planner *planner)
{
    return planner->device->info.form == CLMIX_WIDE;
}

size_t clmix_planner_batch(const struct clmix_planner *planner)
{
    return planner->slices.batch;
}

/* ---- who does whose work ------------------------------------------------------------------------------------------------------------ */

bool clmix_planner_is_asked_for(const struct clmix_planner *planner, int32_t value)
{
    const struct clmix_tensor *tensor = planner->graph->tensors[value];

    return tensor->output != NULL || tensor->gradient_of != CLMIX_NONE;
}

bool clmix_planner_has_work(const struct clmix_planner *planner, size_t node)
{
    return planner->live[node] && !(planner->graph->nodes[node]->op->flags & CLMIX_OP_VIEW);
}

bool clmix_planner_leads(const struct clmix_planner *planner, size_t node)
{
    return clmix_planner_has_work(planner, node) && planner->absorber[node] == (int32_t)node;
}

bool clmix_planner_is_read_through(const struct clmix_planner *planner, const struct clmix_node *node)
{
    return planner->read_through[node->number];
}

const struct clmix_node *clmix_planner_maker(const struct clmix_planner *planner, const struct clmix_node *node, int index)
{
    const struct clmix_tensor *input = clmix_node_input(planner->graph, node, index);

    return input != NULL && input->producer >= 0 && planner->read_through[input->producer] ? planner->graph->nodes[input->producer] : NULL;
}

const struct clmix_node *clmix_planner_absorbed(const struct clmix_planner *planner, const struct clmix_node *node, int index)
{
    int32_t next = planner->absorber[node->number] == node->number ? planner->absorbed[node->number] : -1;

    while (next >= 0 && index-- > 0)
        next = planner->absorbed[next];
    return next < 0 ? NULL : planner->graph->nodes[next];
}

int32_t clmix_planner_result(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_node *last = node, *next;

    for (int i = 0; (next = clmix_planner_absorbed(planner, node, i)) != NULL; i++)
        last = next;
    return last->outputs[0];
}

/* ---- what is settled ---------------------------------------------------------------------------------------------------------------- */

static size_t slice_samples(const struct clmix_planner *planner)
{
    return planner->slices.number > 0 ? planner->slices.samples : 0;
}

clmix_status clmix_planner_settle(struct clmix_planner *planner, const struct clmix_node *node, const void *data, size_t bytes)
{
    struct clmix_choice choice = { .samples = slice_samples(planner), .next = planner->choice[node->number], .data = malloc(bytes) };

    if (choice.data == NULL || !CLMIX_PUSH(planner->choices, planner->choice_count, planner->choice_capacity, choice)) {
        free(choice.data);
        return clmix_fail_memory("a plan");
    }
    memcpy(choice.data, data, bytes);
    planner->choice[node->number] = (int32_t)planner->choice_count - 1;
    return CLMIX_OK;
}

const void *clmix_planner_settled(const struct clmix_planner *planner, const struct clmix_node *node)
{
    for (int32_t i = planner->choice[node->number]; i != CLMIX_NONE; i = planner->choices[i].next)
        if (planner->choices[i].samples == slice_samples(planner))
            return planner->choices[i].data;
    return NULL;
}

/* ---- where values lie, and as what ----------------------------------------------------------------------------------------------------- */

/* The one place where the type that a value is kept in is decided: as yet the one that the graph computes it in. */
clmix_type clmix_planner_type(const struct clmix_planner *planner, int32_t value)
{
    return planner->graph->tensors[value]->type;
}

int32_t clmix_planner_host(const struct clmix_planner *planner, int32_t tensor, size_t *offset)
{
    *offset = 0;
    while (planner->host[tensor] != tensor) {
        *offset += planner->host_offset[tensor];
        tensor = planner->host[tensor];
    }
    return tensor;
}

static bool is_inner(const struct clmix_planner *planner, int32_t base)
{
    return planner->slices.inner[base] != CLMIX_NONE;
}

size_t clmix_slices_size(const struct clmix_planner *planner, int32_t base, size_t size)
{
    const struct clmix_slices *slices = &planner->slices;

    return is_inner(planner, base) ? size / slices->batch * slices->chains[slices->inner[base]].samples : size;
}

clmix_shape clmix_slices_shape(const struct clmix_planner *planner, int32_t tensor)
{
    clmix_shape shape = planner->graph->tensors[tensor]->shape;

    if (planner->slices.parts[tensor].count > 0)
        shape.size[0] = clmix_slices_size(planner, planner->graph->tensors[tensor]->base, shape.size[0]);
    return shape;
}

/* Elements from the start of an inner value to a view of it, in a batch of `samples`. What picks a part of several lies behind fewer samples
 * then; columns are where they were. */
size_t clmix_slices_view_offset(const struct clmix_planner *planner, int32_t view, size_t samples)
{
    const clmix_graph *graph = planner->slices.graph;
    const struct clmix_parts *parts = planner->slices.parts;
    int32_t from;
    size_t offset;

    if (graph->tensors[view]->base == view)
        return 0;
    from = graph->nodes[graph->tensors[view]->producer]->inputs[0];
    offset = graph->tensors[view]->offset - graph->tensors[from]->offset;
    return clmix_slices_view_offset(planner, from, samples) +
           (parts[from].count != parts[view].count ? offset / planner->slices.batch * samples : offset);
}

/* Where an element of a value that is no view lies behind the value's first one: rows are further apart in columns of a host. */
static size_t pitched(const struct clmix_planner *planner, int32_t base, size_t offset)
{
    const size_t pitch = planner->host_pitch[base], columns = clmix_shape_columns(planner->graph->tensors[base]->shape);

    return pitch == 0 ? offset : offset / columns * pitch + offset % columns;
}

/* Columns are where they are, whole rows behind fewer samples in a slice. */
size_t clmix_slices_offset(const struct clmix_planner *planner, int32_t tensor)
{
    const struct clmix_slices *slices = &planner->slices;
    const struct clmix_tensor *value = slices->graph->tensors[tensor];
    size_t offset = value->offset, samples = slices->batch;

    if (is_inner(planner, value->base)) {
        samples = slices->number > 0 ? slices->samples : slices->chains[slices->inner[value->base]].samples;
        offset = clmix_slices_view_offset(planner, tensor, samples);
    }
    offset = pitched(planner, value->base, offset);
    for (int32_t at = value->base; planner->host[at] != at; at = planner->host[at])
        offset += samples == slices->batch || planner->host_pitch[at] != 0 ? planner->host_offset[at]
                                                                           : planner->host_offset[at] / slices->batch * samples;
    return offset;
}

int32_t clmix_slices_place(const struct clmix_planner *planner, int32_t value)
{
    const struct clmix_slices *slices = &planner->slices;
    bool placed = slices->number > 0 && value >= 0 && (size_t)value < planner->graph->tensor_count;

    return placed && slices->places[value] != CLMIX_NONE ? slices->places[value] : value;
}

struct clmix_parts clmix_planner_parts(const struct clmix_planner *planner, int32_t value)
{
    return planner->slices.parts[value];
}

size_t clmix_planner_first_element(const struct clmix_planner *planner, int32_t value)
{
    const struct clmix_slices *slices = &planner->slices;
    const struct clmix_tensor *tensor = planner->graph->tensors[value];

    return slices->number == 0 ? 0 : slices->first * slices->parts[value].rows[0] * clmix_shape_columns(tensor->shape);
}

const struct clmix_chain *clmix_slices_at(const struct clmix_planner *planner, int32_t step)
{
    const struct clmix_slices *slices = &planner->slices;

    return slices->chain[step] >= 0 ? &slices->chains[slices->chain[step]] : NULL;
}

struct clmix_layout clmix_planner_layout(const struct clmix_planner *planner, int32_t value)
{
    const struct clmix_tensor *tensor = planner->graph->tensors[value];
    const size_t rows = clmix_shape_rows(tensor->shape), columns = clmix_shape_columns(tensor->shape),
                 pitch = planner->host_pitch[tensor->base] != 0 ? planner->host_pitch[tensor->base] : tensor->pitch;

    return (struct clmix_layout){
        .type = clmix_planner_type(planner, value), .rows = rows, .columns = columns, .pitch = rows > 1 ? pitch : columns
    };
}

/* Elements from the first of a concatenation to that of an input. */
static size_t part_offset(const struct clmix_planner *planner, const struct clmix_node *node, int index)
{
    const struct clmix_concat_attributes *attributes = node->attributes;
    const struct clmix_tensor *output = clmix_node_result(planner->graph, node, 0);
    const bool columns = attributes->axis == output->shape.rank - 1;
    size_t offset = 0;

    for (int i = 0; i < index; i++) {
        clmix_shape shape = clmix_node_input(planner->graph, node, i)->shape;

        offset += columns ? clmix_shape_columns(shape) : clmix_shape_count(shape);
    }
    return offset;
}

bool clmix_planner_in_place(const struct clmix_planner *planner, const struct clmix_node *node, int index)
{
    const struct clmix_tensor *input = clmix_node_input(planner->graph, node, index);
    const struct clmix_tensor *output = clmix_node_result(planner->graph, node, 0);
    size_t ignored, part = node->op == planner->graph->ops->concat ? part_offset(planner, node, index) : 0;

    if (input == NULL || clmix_planner_host(planner, input->base, &ignored) != clmix_planner_host(planner, output->base, &ignored))
        return false;
    return clmix_slices_offset(planner, node->inputs[index]) == clmix_slices_offset(planner, node->outputs[0]) + part;
}
