/* How values carry the batch: for each value of a graph the parts that its samples lie in, as far as ops can tell. */
#include "graph/planner.h"

#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* Of one node: more inputs or outputs than any op has but very wide concatenations. */
#define MOST_VALUES 16

/* ---- rules that ops share ----------------------------------------------------------------------------------------------------------- */

bool clmix_parts_equal(const struct clmix_parts *a, const struct clmix_parts *b)
{
    return a->count == b->count && memcmp(a->rows, b->rows, (size_t)a->count * sizeof *a->rows) == 0;
}

bool clmix_parts_by_row(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                        struct clmix_parts *outputs)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    const struct clmix_parts *first = NULL;
    size_t rows = 0;

    for (int i = 0; i < node->input_count; i++) {
        if (inputs[i].count == 0)
            continue;
        if (first != NULL && !clmix_parts_equal(first, &inputs[i]))
            return false;
        first = &inputs[i];
        rows = clmix_shape_rows(clmix_node_input(graph, node, i)->shape);
    }
    for (int i = 0; i < node->input_count && first != NULL;
         i++) { /* what has no batch but a row for each of theirs would be cut with them */
        const struct clmix_tensor *input = clmix_node_input(graph, node, i);

        if (inputs[i].count == 0 && input != NULL && clmix_shape_rows(input->shape) == rows)
            return false;
    }
    for (int i = 0; first != NULL && i < node->output_count; i++)
        outputs[i] = *first;
    return first != NULL;
}

bool clmix_parts_by_sample(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                           struct clmix_parts *outputs)
{
    const clmix_shape result = clmix_node_result(clmix_planner_graph(planner), node, 0)->shape;
    bool carried = false;

    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *input = clmix_node_input(clmix_planner_graph(planner), node, i);

        if (inputs[i].count > 1)
            return false;
        if (inputs[i].count == 0 && input != NULL && input->shape.rank == result.rank && input->shape.size[0] == result.size[0])
            return false; /* what has no batch but looks as if it had would be cut with the others */
        carried |= inputs[i].count == 1;
    }
    for (int i = 0; i < node->output_count; i++) {
        size_t rows = clmix_shape_rows(clmix_node_result(clmix_planner_graph(planner), node, i)->shape);

        outputs[i] = (struct clmix_parts){ .count = 1, .rows = { rows / clmix_planner_batch(planner) } };
    }
    return carried;
}

/* ---- a graph's values --------------------------------------------------------------------------------------------------------------- */

/* The same for all samples: weights, states, constants. */
static bool is_weight(const clmix_graph *graph, const struct clmix_tensor *value)
{
    enum clmix_value_kind kind = graph->tensors[value->base]->kind;

    return kind == CLMIX_VALUE_PARAMETER || kind == CLMIX_VALUE_STATE || kind == CLMIX_VALUE_CONSTANT;
}

/* Whether a value can be cut as these parts say: all its rows are theirs, and its first axis has the batch in it. */
static bool fit(const struct clmix_tensor *value, const struct clmix_parts *parts, size_t batch)
{
    size_t rows = 0;

    for (int i = 0; i < parts->count; i++)
        rows += parts->rows[i];
    return value->shape.rank >= 2 && value->shape.size[0] % batch == 0 && rows * batch == clmix_shape_rows(value->shape);
}

/* Parts of a node's outputs; false, and none, where the op does not work sample by sample or an input other than a weight carries no batch. */
static bool part_node(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = planner->graph;
    struct clmix_parts inputs[MOST_VALUES] = { { .count = 0 } }, outputs[MOST_VALUES] = { { .count = 0 } };

    if (node->op->parts == NULL || node->input_count > MOST_VALUES || node->output_count > MOST_VALUES)
        return false;
    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *input = clmix_node_input(graph, node, i);

        if (input == NULL || is_weight(graph, input))
            continue;
        inputs[i] = planner->slices.parts[node->inputs[i]];
        if (inputs[i].count == 0)
            return false;
    }
    if (!node->op->parts(planner, node, inputs, outputs))
        return false;
    for (int i = 0; i < node->output_count; i++)
        if (outputs[i].count > 0 && !fit(clmix_node_result(graph, node, i), &outputs[i], planner->slices.batch))
            return false;
    for (int i = 0; i < node->output_count; i++)
        planner->slices.parts[node->outputs[i]] = outputs[i];
    return node->op->mixes == NULL || !node->op->mixes(planner, node);
}

/* Whether a node's launch reads or leaves out a value that is read through: slices know nothing of these. */
static bool is_read_through(const struct clmix_planner *planner, const struct clmix_node *node)
{
    bool found = planner->read_through[node->number];

    for (int i = 0; i < node->input_count; i++)
        found |= clmix_planner_maker(planner, node, i) != NULL;
    return found;
}

clmix_status clmix_plan_part_values(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    struct clmix_slices *slices = &planner->slices;

    slices->parts = calloc(graph->tensor_count + 1, sizeof *slices->parts);
    slices->by_sample = calloc(graph->node_count + 1, sizeof *slices->by_sample);
    if (slices->parts == NULL || slices->by_sample == NULL)
        return clmix_fail_memory("a plan");
    slices->batch = graph->batch;
    if (slices->batch == 0)
        return CLMIX_OK;
    for (size_t i = 0; i < graph->tensor_count; i++) {
        const struct clmix_tensor *value = graph->tensors[i];

        if (value->batched && value->shape.rank >= 2)
            slices->parts[i] = (struct clmix_parts){ .count = 1, .rows = { clmix_shape_rows(value->shape) / slices->batch } };
    }
    for (size_t n = 0; n < graph->node_count; n++)
        slices->by_sample[n] = planner->live[n] && part_node(planner, graph->nodes[n]) && !is_read_through(planner, graph->nodes[n]);
    return CLMIX_OK;
}
