/* Compiling: from a graph to an ordered list of launches.
 *
 * 1. Nodes that no result or gradient needs are left out.  2. An op may absorb the only consumer of its result (linear + GELU), or read its
 * input through the op that made it.  3. Values get a host: their own storage, or a place inside another's (liveness.c).  4. Runs of steps
 * that work image by image may be cut into slices of the batch (chain.c, slice.c).  5. Each op appends its launches.  6. Storages are laid
 * out in slabs by their lifetimes.  7. What all that costs is added up (cost.c). */
#include "graph/plan.h"

#include "base/array.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *clmix_plan_string(struct clmix_plan *plan, const char *text)
{
    char *copy;

    if (text == NULL)
        return NULL;
    copy = strdup(text);
    if (copy == NULL || !CLMIX_PUSH(plan->strings, plan->string_count, plan->string_capacity, copy)) {
        free(copy);
        return NULL;
    }
    return copy;
}

/* ---- what is needed ----------------------------------------------------------------------------------------------------------------- */

static bool is_asked_for(const struct clmix_tensor *value)
{
    return value->output != NULL || value->gradient_of != CLMIX_NONE;
}

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
        if (is_asked_for(graph->tensors[i]))
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

/* ---- absorption --------------------------------------------------------------------------------------------------------------------- */

static const struct clmix_node *only_consumer(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = planner->graph;
    const int32_t *begin = &planner->reader_begin[node->outputs[0]];

    if (node->output_count != 1 || begin[1] - begin[0] != 1 || is_asked_for(graph->tensors[node->outputs[0]]))
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

/* ---- reading through ----------------------------------------------------------------------------------------------------------------- */

static bool all_read_through(const struct clmix_planner *planner, const struct clmix_node *maker)
{
    const clmix_graph *graph = planner->graph;
    const int32_t *begin = &planner->reader_begin[maker->outputs[0]];

    if (is_asked_for(graph->tensors[maker->outputs[0]]) || begin[0] == begin[1])
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
        planner->read_through[n] =
            planner->live[n] && planner->absorber[n] == (int32_t)n && !(graph->nodes[n]->op->flags & CLMIX_OP_VIEW) &&
            clmix_planner_absorbed(planner, graph->nodes[n], 0) == NULL && all_read_through(planner, graph->nodes[n]);
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

/* ---- what ops may ask about absorption ----------------------------------------------------------------------------------------------- */

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

/* ---- what ops may ask --------------------------------------------------------------------------------------------------------------- */

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

bool clmix_planner_in_place(const struct clmix_planner *planner, const struct clmix_node *node, int index)
{
    const struct clmix_tensor *input = clmix_node_input(planner->graph, node, index);
    const struct clmix_tensor *output = clmix_node_result(planner->graph, node, 0);
    size_t ignored, part = 0;

    if (input == NULL || clmix_plan_host(planner, input->base, &ignored) != clmix_plan_host(planner, output->base, &ignored))
        return false;
    for (int i = 0; i < index && node->op == clmix_graph_ops.concat; i++)
        part += clmix_shape_count(clmix_node_input(planner->graph, node, i)->shape);
    return clmix_slices_offset(planner, node->inputs[index]) == clmix_slices_offset(planner, node->outputs[0]) + part;
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

/* The node's flops are its first launch's, where the op did not share them out itself. */
static void give_flops(struct clmix_planner *planner, const struct clmix_node *node, size_t first)
{
    struct clmix_plan *plan = planner->plan;

    if (first < plan->launcher_count && !plan->launchers[first]->has_flops)
        plan->launchers[first]->flops = clmix_plan_step_flops(planner, node);
}

clmix_status clmix_plan_launch_node(struct clmix_planner *planner, const struct clmix_node *node)
{
    size_t first = planner->plan->launcher_count;
    clmix_status status;

    planner->now = node->number;
    planner->slices.scratches = 0;
    status = node->op->launch(planner, node);
    if (status == CLMIX_OK && planner->status != CLMIX_OK)
        status = clmix_fail(planner->status, "%s", planner->error);
    if (status != CLMIX_OK)
        return clmix_fail_at(status, "%s%s%s", node->path, *node->path == '\0' ? "" : " ", node->op->name);
    give_flops(planner, node, first);
    return CLMIX_OK;
}

/* Steps one after another, and those of a chain slice by slice. */
static clmix_status make_launches(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    int32_t done = -1;

    for (size_t n = 0; n < graph->node_count; n++) {
        const struct clmix_chain *chain;

        if (!planner->live[n] || planner->absorber[n] != (int32_t)n || (graph->nodes[n]->op->flags & CLMIX_OP_VIEW) ||
            planner->position[n] <= done)
            continue;
        chain = clmix_slices_at(planner, planner->position[n]);
        CLMIX_TRY(chain == NULL ? clmix_plan_launch_node(planner, graph->nodes[n]) : clmix_slices_launch(planner, chain));
        done = chain == NULL ? planner->position[n] : chain->last;
    }
    return CLMIX_OK;
}

/* ---- compile ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status number_steps(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    int32_t step = 0;

    for (size_t n = 0; n < graph->node_count; n++)
        if (planner->live[n] && planner->absorber[n] == (int32_t)n && !(graph->nodes[n]->op->flags & CLMIX_OP_VIEW)) {
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
        if (planner->live[n] && !(graph->nodes[n]->op->flags & CLMIX_OP_VIEW))
            begin[planner->position[n] + 2]++;
    for (size_t i = 2; i < steps + 2; i++)
        begin[i] += begin[i - 1];
    for (size_t n = 0; n < graph->node_count; n++)
        if (planner->live[n] && !(graph->nodes[n]->op->flags & CLMIX_OP_VIEW))
            nodes[begin[planner->position[n] + 1]++] = (int32_t)n;
    return CLMIX_OK;
}

static clmix_status compile(struct clmix_planner *planner)
{
    mark_live(planner);
    CLMIX_TRY(list_readers(planner));
    absorb(planner);
    find_read_through(planner);
    CLMIX_TRY(number_steps(planner));
    CLMIX_TRY(list_steps(planner));
    CLMIX_TRY(clmix_slices_find(planner));
    CLMIX_TRY(clmix_plan_place_values(planner));
    CLMIX_TRY(clmix_plan_add_random(planner));
    CLMIX_TRY(make_launches(planner));
    CLMIX_TRY(clmix_plan_lay_out(planner));
    return clmix_plan_add_costs(planner);
}

static bool allocate(struct clmix_planner *planner)
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
    planner->first = malloc(tensors * sizeof *planner->first);
    planner->last = malloc(tensors * sizeof *planner->last);
    if (planner->live == NULL || planner->absorber == NULL || planner->read_through == NULL || planner->position == NULL ||
        planner->absorbed == NULL || planner->reader_begin == NULL || planner->host == NULL || planner->host_offset == NULL ||
        planner->first == NULL || planner->last == NULL)
        return false;
    for (size_t n = 0; n < nodes; n++) {
        planner->absorber[n] = (int32_t)n;
        planner->position[n] = planner->absorbed[n] = -1;
    }
    return true;
}

static void release(struct clmix_planner *planner)
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
    free(planner->first);
    free(planner->last);
    clmix_slices_free(planner);
}

clmix_status clmix_plan_compile(clmix_plan **plan, const clmix_graph *graph, clmix_device *device, clmix_mode mode)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(device);

    struct clmix_planner planner = { .graph = graph, .device = device, .mode = mode };
    clmix_status status;

    *plan = NULL;
    CLMIX_TRY(clmix_graph_check(graph));
    if (device->real)
        CLMIX_TRY(clmix_graph_ops.settle(device));
    planner.plan = calloc(1, sizeof *planner.plan);
    if (planner.plan == NULL)
        return clmix_fail_memory("a plan");
    planner.plan->device = device;
    planner.plan->mode = mode;
    status = allocate(&planner) ? compile(&planner) : clmix_fail_memory("a plan");
    release(&planner);
    if (status != CLMIX_OK) {
        clmix_plan_free(planner.plan);
        return status;
    }
    *plan = planner.plan;
    return CLMIX_OK;
}
