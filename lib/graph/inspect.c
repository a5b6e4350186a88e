/* What a graph is made of, for those who list its ops or time them one by one. */
#include "graph/graph.h"

#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- inputs ------------------------------------------------------------------------------------------------------------------------- */

size_t clmix_graph_input_count(const clmix_graph *graph)
{
    size_t count = 0;

    for (size_t i = 0; graph != NULL && i < graph->tensor_count; i++)
        count += graph->tensors[i]->kind == CLMIX_VALUE_INPUT;
    return count;
}

clmix_status clmix_graph_input(const clmix_graph *graph, size_t index, clmix_input_info *info)
{
    size_t count = 0;

    CLMIX_NEED(info);
    for (size_t i = 0; graph != NULL && i < graph->tensor_count; i++) {
        const struct clmix_tensor *tensor = graph->tensors[i];

        if (tensor->kind == CLMIX_VALUE_INPUT && count++ == index) {
            *info = (clmix_input_info){ tensor->name, tensor->type, tensor->shape };
            return CLMIX_OK;
        }
    }
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "input %zu of a graph that has %zu", index, count);
}

/* ---- ops ---------------------------------------------------------------------------------------------------------------------------- */

size_t clmix_graph_node_count(const clmix_graph *graph)
{
    return graph == NULL ? 0 : graph->node_count;
}

static clmix_status find_node(const clmix_graph *graph, size_t index, const struct clmix_node **node)
{
    if (index >= clmix_graph_node_count(graph))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "op %zu of a graph that has %zu", index, clmix_graph_node_count(graph));
    *node = graph->nodes[index];
    return (*node)->output_count == 0 ? clmix_graph_check(graph) : CLMIX_OK; /* its shape rule failed */
}

static size_t parameters_of(const clmix_graph *graph, const struct clmix_node *node)
{
    size_t sum = 0;

    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *input = clmix_node_input(graph, node, i);

        if (input != NULL && graph->tensors[input->base]->kind == CLMIX_VALUE_PARAMETER)
            sum += clmix_shape_count(input->shape);
    }
    return sum;
}

clmix_status clmix_graph_node(const clmix_graph *graph, size_t index, clmix_node_info *info)
{
    const struct clmix_node *node = NULL;

    CLMIX_NEED(info);
    CLMIX_TRY(find_node(graph, index, &node));
    *info = (clmix_node_info){
        .op = node->op->name,
        .path = node->path,
        .view = (node->op->flags & CLMIX_OP_VIEW) != 0,
        .backward = graph->forward_count > 0 && index >= graph->forward_count,
        .operands = { { .rank = -1 }, { .rank = -1 } },
        .result = clmix_node_result(graph, node, 0)->shape,
        .parameters = parameters_of(graph, node),
    };
    for (int i = 0; i < 2; i++)
        if (clmix_node_input(graph, node, i) != NULL)
            info->operands[i] = clmix_node_input(graph, node, i)->shape;
    if (node->op->cost != NULL)
        node->op->cost(graph, node, &info->flops, &info->bytes);
    return CLMIX_OK;
}

bool clmix_graph_reads(const clmix_graph *graph, size_t index)
{
    for (size_t i = 0; i < clmix_graph_node_count(graph); i++)
        for (int k = 0; k < graph->nodes[i]->input_count; k++) {
            const struct clmix_tensor *input = clmix_node_input(graph, graph->nodes[i], k);

            if (input != NULL && graph->tensors[input->base]->parameter == (int32_t)index)
                return true;
        }
    return false;
}

/* ---- one op alone ------------------------------------------------------------------------------------------------------------------- */

clmix_graph *clmix_graph_isolate(const clmix_graph *graph, size_t index)
{
    const struct clmix_node *node = NULL;
    clmix_graph *alone;
    clmix_value *inputs, result;
    void *attributes;
    char name[24];

    if (find_node(graph, index, &node) != CLMIX_OK)
        return NULL;
    inputs = malloc(((size_t)node->input_count + 1) * sizeof *inputs);
    attributes = clmix_attributes_copy(node->attributes, node->attribute_bytes);
    if (inputs == NULL || attributes == NULL) {
        free(inputs);
        free(attributes);
        (void)clmix_fail_memory("a graph");
        return NULL;
    }
    alone = clmix_graph_create(graph->ops);
    for (int i = 0; alone != NULL && i < node->input_count; i++) {
        const struct clmix_tensor *tensor = clmix_node_input(graph, node, i);

        snprintf(name, sizeof name, "in%d", i);
        if (tensor == NULL)
            inputs[i] = clmix_no_value();
        else if (tensor->kind == CLMIX_VALUE_STATE) /* which the op may write */
            inputs[i] = clmix_state(clmix_root(alone), name, tensor->shape.rank, tensor->shape.size,
                                    graph->parameters[tensor->parameter].info.initializer);
        else
            inputs[i] = clmix_input(alone, name, tensor->type, tensor->shape.rank, tensor->shape.size);
    }
    if (node->op->detach != NULL)
        node->op->detach(attributes);
    result = clmix_node_add(clmix_root(alone), node->op, attributes, node->attribute_bytes, inputs, node->input_count);
    for (int i = 0; i < node->output_count && clmix_is_value(result); i++) {
        snprintf(name, sizeof name, "out%d", i);
        clmix_output(alone, name, clmix_node_output(result, i));
    }
    free(attributes);
    free(inputs);
    return alone;
}
