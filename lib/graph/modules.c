/* Counting what modules own and put out. */
#include "graph/modules.h"

#include "graph/graph.h"

#include <string.h>

clmix_value clmix_module(clmix_value x)
{
    return clmix_module_values(x, clmix_shape_count(clmix_shape_of(x)));
}

clmix_value clmix_module_values(clmix_value x, size_t values)
{
    if (clmix_is_value(x))
        x.graph->beyond.outputs += values;
    return x;
}

/* "bias" of "layers.0.ff1.bias". */
static bool is_called(const char *name, const char *last)
{
    const char *dot = strrchr(name, '.');

    return strcmp(dot == NULL ? name : dot + 1, last) == 0;
}

static bool is_counted(const char *name)
{
    return is_called(name, "weight") || is_called(name, "bias");
}

void clmix_module_calls(clmix_scope at, size_t calls)
{
    const char *path;
    size_t length;

    if (at.graph == NULL || calls == 0)
        return;
    path = clmix_path_text(at.graph, at.path);
    length = strlen(path);
    for (size_t i = at.graph->parameter_count; i-- > 0;) {
        const clmix_tensor_info *info = &at.graph->parameters[i].info;

        if (strncmp(info->name, path, length) != 0 || info->name[length] != '.')
            break;
        if (is_counted(info->name))
            at.graph->beyond.parameters += (calls - 1) * clmix_shape_count(info->file_shape);
    }
}

/* The parameter that input `index` of a node is, or is a view of; NULL where it is something else. */
static const struct clmix_tensor *parameter_read(const clmix_graph *graph, const struct clmix_node *node, int index)
{
    const struct clmix_tensor *input = clmix_node_input(graph, node, index);

    if (input != NULL)
        input = graph->tensors[input->base];
    return input != NULL && input->kind == CLMIX_VALUE_PARAMETER ? input : NULL;
}

static void count_node(const clmix_graph *graph, const struct clmix_node *node, struct clmix_module_count *count)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *read = parameter_read(graph, node, i);

        if (read == NULL || !is_counted(read->name))
            continue;
        count->parameters += clmix_shape_count(read->shape);
        if (is_called(read->name, "weight")) /* a bias is its module's, and may be added by another op */
            count->outputs += clmix_shape_count(clmix_node_result(graph, node, 0)->shape);
    }
}

struct clmix_module_count clmix_graph_modules(const clmix_graph *graph)
{
    struct clmix_module_count count = { 0, 0 };

    if (graph == NULL)
        return count;
    count = graph->beyond;
    for (size_t i = 0; i < graph->node_count; i++)
        if ((graph->nodes[i]->op->flags & CLMIX_OP_VIEW) == 0)
            count_node(graph, graph->nodes[i], &count);
    return count;
}
