/* What a plan costs: the work of its ops, the bytes that its launches move, and the least that any plan of the graph must move. */
#include "graph/planner.h"

#include "base/status.h"

#include <stdlib.h>

/* ---- work --------------------------------------------------------------------------------------------------------------------------- */

static uint64_t flops_of(const struct clmix_planner *planner, const struct clmix_node *node)
{
    uint64_t flops = 0, ignored = 0;

    if (node->op->cost != NULL)
        node->op->cost(planner->graph, node, &flops, &ignored);
    return flops;
}

uint64_t clmix_plan_step_flops(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_node *absorbed;
    uint64_t flops = flops_of(planner, node);

    for (int i = 0; (absorbed = clmix_planner_absorbed(planner, node, i)) != NULL; i++)
        flops += flops_of(planner, absorbed);
    return flops;
}

static void add_flops(struct clmix_planner *planner)
{
    for (size_t n = 0; n < planner->graph->node_count; n++)
        if (clmix_planner_has_work(planner, n))
            planner->plan->cost.flops += flops_of(planner, planner->graph->nodes[n]);
}

/* ---- bytes moved -------------------------------------------------------------------------------------------------------------------- */

static uint64_t bytes_of(clmix_shape shape, clmix_type type)
{
    return (uint64_t)clmix_shape_count(shape) * clmix_type_bytes(type);
}

/* Whether an argument before number `index` is the same value. */
static bool is_repeated(const struct clmix_record *record, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (record->arguments[i].kind == CLMIX_ARGUMENT_VALUE && record->arguments[i].value == record->arguments[index].value)
            return true;
    return false;
}

/* All of each value that a launch is given: its inputs are read, its results written, scratch is one or the other. An op in place reads one
 * value and writes another, in the same memory. */
static uint64_t bytes_of_values(const struct clmix_plan *plan, const struct clmix_record *record)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < record->argument_count; i++) {
        const struct clmix_argument *argument = &record->arguments[i];

        if (argument->kind == CLMIX_ARGUMENT_VALUE && argument->value >= 0 && !is_repeated(record, i))
            bytes += bytes_of(plan->places[argument->value].shape, plan->places[argument->value].type);
    }
    return bytes;
}

static void add_moved_bytes(struct clmix_plan *plan)
{
    for (size_t i = 0; i < plan->record_count; i++) {
        struct clmix_record *record = plan->records[i];

        if (!record->has_bytes)
            record->bytes = bytes_of_values(plan, record);
        plan->cost.moved_bytes += record->bytes;
    }
}

/* ---- the least bytes ---------------------------------------------------------------------------------------------------------------- */

/* For each value that is no view: bytes of its largest part (all of it, or a view) that a live node reads; and that one of the backward pass
 * does. */
struct reads {
    uint64_t ever, backward;
    bool moved; /* a state that an op writes in training */
};

static size_t first_backward(const clmix_graph *graph)
{
    return graph->forward_count == 0 ? graph->node_count : graph->forward_count;
}

static void find_reads(const struct clmix_planner *planner, struct reads *reads)
{
    const clmix_graph *graph = planner->graph;

    for (size_t n = 0; n < graph->node_count; n++) {
        const struct clmix_node *node = graph->nodes[n];

        for (int i = 0; clmix_planner_has_work(planner, n) && i < node->input_count; i++) {
            const struct clmix_tensor *input = clmix_node_input(graph, node, i);
            const uint64_t bytes = input == NULL ? 0 : bytes_of(input->shape, clmix_planner_type(planner, node->inputs[i]));

            if (input != NULL && bytes > reads[input->base].ever)
                reads[input->base].ever = bytes;
            if (input != NULL && n >= first_backward(graph) && bytes > reads[input->base].backward)
                reads[input->base].backward = bytes;
            if (input != NULL && (node->op->flags & CLMIX_OP_MOVES_STATES))
                reads[input->base].moved = true;
        }
    }
}

/* What must be moved of a value that is no view: nothing of one that is formed again wherever it is read, or of a constant that no launch reads. What the plan is given is read,
 * and states that training moves are written again; results and gradients are written; what the forward pass makes for the backward pass is written
 * and read. */
static uint64_t least_bytes(const struct clmix_planner *planner, int32_t value, const struct reads *reads)
{
    const clmix_graph *graph = planner->graph;
    const struct clmix_tensor *tensor = graph->tensors[value];
    uint64_t written = 0, read;

    if (tensor->producer >= 0 && planner->read_through[tensor->producer] && graph->nodes[tensor->producer]->outputs[0] == value)
        return 0;
    if (tensor->kind == CLMIX_VALUE_CONSTANT && planner->plan->places[value].storage == CLMIX_NONE)
        return 0;
    if (tensor->kind != CLMIX_VALUE_RESULT) {
        read = reads->ever;
        return tensor->kind == CLMIX_VALUE_STATE && reads->moved && !tensor->frozen && planner->mode == CLMIX_TRAINING ? 2 * read : read;
    }
    read = (size_t)tensor->producer < first_backward(graph) ? reads->backward : 0;
    if (clmix_planner_is_asked_for(planner, value))
        written = bytes_of(tensor->shape, clmix_planner_type(planner, value));
    return read + (written > read ? written : read);
}

static clmix_status add_least_bytes(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    struct reads *reads = calloc(graph->tensor_count + 1, sizeof *reads);

    if (reads == NULL)
        return clmix_fail_memory("a plan");
    find_reads(planner, reads);
    for (size_t i = 0; i < graph->tensor_count; i++)
        if (graph->tensors[i]->base == (int32_t)i)
            planner->plan->cost.least_bytes += least_bytes(planner, (int32_t)i, &reads[i]);
    free(reads);
    return CLMIX_OK;
}

clmix_status clmix_plan_add_costs(struct clmix_planner *planner)
{
    add_flops(planner);
    add_moved_bytes(planner->plan);
    planner->plan->cost.launches = planner->plan->record_count;
    return add_least_bytes(planner);
}
