/* When values are needed, and whose storage they lie in: their own, a concatenation's, that of a value they are written over. */
#include "graph/planner.h"

#include "base/array.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* ---- lifetimes ---------------------------------------------------------------------------------------------------------------------- */

static void extend(struct clmix_planner *planner, int32_t tensor, int32_t step)
{
    if (planner->first[tensor] > step)
        planner->first[tensor] = step;
    if (planner->last[tensor] < step)
        planner->last[tensor] = step;
}

/* What a node reads through its inputs' makers: the makers' own inputs, and their other outputs. The value between is never in memory. */
static void extend_read_through(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = planner->graph;

    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_node *maker = clmix_planner_maker(planner, node, i);

        for (int k = 0; maker != NULL && k < maker->input_count; k++)
            if (maker->inputs[k] >= 0)
                extend(planner, graph->tensors[maker->inputs[k]]->base, planner->position[node->number]);
        for (int k = 1; maker != NULL && k < maker->output_count; k++)
            extend(planner, maker->outputs[k], planner->position[node->number]);
    }
}

static void forget(struct clmix_planner *planner, int32_t tensor)
{
    planner->first[tensor] = CLMIX_FOREVER;
    planner->last[tensor] = -1;
}

/* Steps between which each value that is no view holds something needed. A result that an absorber passes over, or that is read through, is
 * never in memory: it has no steps at all. */
static void find_lifetimes(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;

    for (size_t i = 0; i < graph->tensor_count; i++) {
        planner->first[i] = CLMIX_FOREVER;
        planner->last[i] = -1;
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct clmix_node *node = graph->nodes[n];
        bool launched = clmix_planner_has_work(planner, n);

        for (int i = 0; launched && i < node->output_count; i++)
            extend(planner, node->outputs[i], planner->position[n]);
        for (int i = 0; launched && i < node->input_count; i++)
            if (node->inputs[i] >= 0)
                extend(planner, graph->tensors[node->inputs[i]]->base, planner->position[n]);
        if (launched)
            extend_read_through(planner, node);
    }
    for (size_t i = 0; i < graph->tensor_count; i++) {
        if (graph->tensors[i]->kind != CLMIX_VALUE_RESULT) {
            planner->first[i] = 0;
            planner->last[i] = CLMIX_FOREVER;
        } else if (clmix_planner_is_asked_for(planner, (int32_t)i))
            planner->last[i] = CLMIX_FOREVER;
    }
    for (size_t n = 0; n < graph->node_count; n++)
        if (planner->read_through[n])
            forget(planner, graph->nodes[n]->outputs[0]);
    for (size_t n = 0; n < graph->node_count; n++) /* between an absorber and what it absorbed nothing is written */
        if (planner->live[n] && planner->absorber[n] != (int32_t)n)
            for (int i = 0; i < graph->nodes[n]->input_count; i++) {
                int32_t value = graph->nodes[n]->inputs[i], producer = value < 0 ? -1 : graph->tensors[value]->producer;

                if (producer >= 0 && !(graph->nodes[producer]->op->flags & CLMIX_OP_VIEW) &&
                    planner->absorber[producer] == planner->absorber[n])
                    forget(planner, value);
            }
}

/* ---- hosts -------------------------------------------------------------------------------------------------------------------------- */

/* Columns of a concatenation are made in place where they are a cache line wide and begin and end with one, or so wide that the lines
 * shared with their neighbours are few. Narrower ones cost more: each line would be fetched and written once for each part of it. */
#define LINE_BYTES 64
#define WIDE_BYTES 512
/* And where they are made shortly before: the whole concatenation is in memory from its first part on. */
#define NEAR_STEPS 32

static bool has_own_storage(const struct clmix_planner *planner, int32_t tensor)
{
    const struct clmix_tensor *value = planner->graph->tensors[tensor];

    return value->kind == CLMIX_VALUE_RESULT && value->base == tensor && !clmix_planner_is_asked_for(planner, tensor) &&
           planner->host[tensor] == tensor;
}

/* Whether `value` shows all of its base, densely. */
static bool shows_all(const clmix_graph *graph, const struct clmix_tensor *value)
{
    const struct clmix_tensor *base = graph->tensors[value->base];

    return value->offset == 0 && value->pitch == clmix_shape_columns(value->shape) &&
           clmix_shape_count(value->shape) == clmix_shape_count(base->shape);
}

static void host_at(struct clmix_planner *planner, int32_t tensor, int32_t host, size_t offset)
{
    size_t ignored;
    int32_t root = clmix_planner_host(planner, host, &ignored);

    planner->host[tensor] = host;
    planner->host_offset[tensor] = offset;
    if (planner->first[root] > planner->first[tensor])
        planner->first[root] = planner->first[tensor];
    if (planner->last[root] < planner->last[tensor])
        planner->last[root] = planner->last[tensor];
}

/* Whether an input may lie in a concatenation as far as the two values are concerned. */
static bool can_lie_in(const struct clmix_planner *planner, const struct clmix_tensor *input, const struct clmix_tensor *output)
{
    return has_own_storage(planner, input->base) && shows_all(planner->graph, input) &&
           clmix_planner_type(planner, input->base) == clmix_planner_type(planner, output->base) &&
           planner->slices.inner[input->base] == planner->slices.inner[output->base];
}

/* Parts of a concatenation along the outermost axis are produced where they will lie. */
static void host_rows(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_tensor *output)
{
    size_t offset = 0;

    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *input = clmix_node_input(planner->graph, node, i);

        if (can_lie_in(planner, input, output))
            host_at(planner, input->base, node->outputs[0], offset);
        offset += clmix_shape_count(input->shape);
    }
}

/* Whether the launch that makes a value can write its rows further apart. */
static bool is_made_with_a_pitch(const struct clmix_planner *planner, int32_t value)
{
    const struct clmix_node *maker = planner->graph->nodes[planner->graph->tensors[value]->producer],
                            *leader = planner->graph->nodes[planner->absorber[maker->number]];

    return (leader->op->flags & CLMIX_OP_STRIDED_OUTPUT) &&
           (clmix_planner_result(planner, leader) == value || (maker == leader && maker->outputs[0] != value));
}

static bool reads_with_a_pitch(const struct clmix_node *reader, int32_t value)
{
    for (int i = 0; i < reader->input_count; i++)
        if (reader->inputs[i] == value && !clmix_op_takes_strided(reader->op, i))
            return false;
    return true;
}

/* Whether all who read a value of so many columns, or a view of it, can do so with its rows further apart. */
static bool is_read_with_a_pitch(const struct clmix_planner *planner, int32_t value, size_t columns)
{
    const clmix_graph *graph = planner->graph;

    for (int32_t r = planner->reader_begin[value]; r < planner->reader_begin[value + 1]; r++) {
        const struct clmix_node *reader = graph->nodes[planner->readers[r]];

        if (!(reader->op->flags & CLMIX_OP_VIEW) && !reads_with_a_pitch(reader, value))
            return false;
        if ((reader->op->flags & CLMIX_OP_VIEW) &&
            (graph->tensors[reader->outputs[0]]->pitch != columns || !is_read_with_a_pitch(planner, reader->outputs[0], columns)))
            return false;
    }
    return true;
}

static bool is_worth_a_pitch(size_t column, size_t columns, size_t pitch, size_t bytes)
{
    return columns * bytes >= WIDE_BYTES ||
           (columns * bytes % LINE_BYTES == 0 && column * bytes % LINE_BYTES == 0 && pitch * bytes % LINE_BYTES == 0);
}

/* So are parts of rows where all who know them can do with a pitch, and where it pays. */
static void host_columns(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_tensor *output)
{
    const size_t pitch = clmix_shape_columns(output->shape), bytes = clmix_type_bytes(clmix_planner_type(planner, node->outputs[0]));
    size_t column = 0;

    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *input = clmix_node_input(planner->graph, node, i);
        const size_t columns = clmix_shape_columns(input->shape);
        const int32_t base = input->base;

        if (can_lie_in(planner, input, output) && columns == clmix_shape_columns(planner->graph->tensors[base]->shape) &&
            planner->position[node->number] - planner->first[base] <= NEAR_STEPS && is_worth_a_pitch(column, columns, pitch, bytes) &&
            is_made_with_a_pitch(planner, base) && is_read_with_a_pitch(planner, base, columns)) {
            host_at(planner, base, node->outputs[0], column);
            planner->host_pitch[base] = pitch;
        }
        column += columns;
    }
}

static void host_concatenated(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_concat_attributes *attributes = node->attributes;
    const struct clmix_tensor *output = clmix_node_result(planner->graph, node, 0);
    bool outermost = true;

    if (output->base != node->outputs[0] || clmix_planner_absorbed(planner, node, 0) != NULL)
        return;
    for (int axis = 0; axis < attributes->axis; axis++)
        outermost &= output->shape.size[axis] == 1;
    if (outermost)
        host_rows(planner, node, output);
    else if (attributes->axis == output->shape.rank - 1)
        host_columns(planner, node, output);
}

/* An elementwise op writes over an input that nothing needs afterwards. */
static void host_in_place(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = planner->graph;
    const struct clmix_tensor *input = clmix_node_input(graph, node, 0);
    int32_t result = clmix_planner_result(planner, node), root;
    size_t offset;

    if (input == NULL || !shows_all(graph, input) || !has_own_storage(planner, result) ||
        clmix_planner_type(planner, result) != clmix_planner_type(planner, input->base))
        return;
    root = clmix_planner_host(planner, input->base, &offset);
    if (offset != 0 || !has_own_storage(planner, root) || planner->last[root] != planner->position[node->number])
        return;
    if (clmix_shape_count(graph->tensors[root]->shape) != clmix_shape_count(graph->tensors[result]->shape) ||
        planner->slices.inner[root] != planner->slices.inner[result])
        return;
    for (int i = 1; i < node->input_count; i++) {
        size_t ignored;

        if (node->inputs[i] >= 0 && clmix_planner_host(planner, graph->tensors[node->inputs[i]]->base, &ignored) == root)
            return;
    }
    if (planner->host[result] == result && result != root)
        host_at(planner, result, root, 0);
}

/* What a chain's slices read or write a part at a time is needed from the first slice to the last. */
static void extend_over_chains(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;

    for (size_t n = 0; n < graph->node_count; n++) {
        const struct clmix_node *node = graph->nodes[n];
        int32_t chain = clmix_planner_has_work(planner, n) ? planner->slices.chain[planner->position[n]] : -1;

        for (int i = 0; chain >= 0 && i < node->input_count + node->output_count; i++) {
            int32_t value = i < node->input_count ? node->inputs[i] : node->outputs[i - node->input_count], root;
            size_t ignored;

            if (value < 0 || planner->slices.inner[graph->tensors[value]->base] >= 0)
                continue;
            root = clmix_planner_host(planner, graph->tensors[value]->base, &ignored);
            if (planner->last[root] < 0)
                continue; /* never in memory */
            extend(planner, root, planner->slices.chains[chain].first);
            extend(planner, root, planner->slices.chains[chain].last);
        }
    }
}

/* One place for each value of the graph, with what a plan must remember of it once the graph is gone. */
static clmix_status add_places(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    struct clmix_plan *plan = planner->plan;

    if (!clmix_array_reserve((void **)&plan->places, &plan->place_capacity, graph->tensor_count, sizeof *plan->places))
        return clmix_fail_memory("a plan");
    for (size_t i = 0; i < graph->tensor_count; i++) {
        const struct clmix_tensor *value = graph->tensors[i];
        const struct clmix_node *node = value->producer < 0 ? NULL : graph->nodes[value->producer];
        const char *name = value->output != NULL ? value->output : value->name;

        plan->places[i] = (struct clmix_place){
            .storage = CLMIX_NONE,
            .type = clmix_planner_type(planner, (int32_t)i),
            .shape = value->shape,
            .name = clmix_plan_string(plan, name),
            .path = clmix_plan_string(plan, node == NULL ? NULL : node->path),
            .op = node == NULL ? NULL : node->op->name,
            .position = node == NULL ? -1 : planner->position[node->number],
        };
        if ((name != NULL && plan->places[i].name == NULL) || (node != NULL && plan->places[i].path == NULL))
            return clmix_fail_memory("a plan");
    }
    plan->place_count = graph->tensor_count;
    return CLMIX_OK;
}

clmix_status clmix_plan_place_values(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;

    CLMIX_TRY(add_places(planner));
    for (size_t i = 0; i < graph->tensor_count; i++)
        planner->host[i] = (int32_t)i;
    find_lifetimes(planner);
    for (size_t n = 0; n < graph->node_count; n++)
        if (clmix_planner_leads(planner, n) && graph->nodes[n]->op == graph->ops->concat)
            host_concatenated(planner, graph->nodes[n]);
    for (size_t n = 0; n < graph->node_count; n++)
        if (clmix_planner_leads(planner, n) && (graph->nodes[n]->op->flags & CLMIX_OP_IN_PLACE))
            host_in_place(planner, graph->nodes[n]);
    extend_over_chains(planner);
    return CLMIX_OK;
}
