/* Values, scopes and nodes: what a graph is made of while a model is written down. */
#include "graph/graph.h"

#include "base/array.h"
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- life and errors ---------------------------------------------------------------------------------------------------------------- */

clmix_graph *clmix_graph_create(const struct clmix_graph_ops *ops)
{
    clmix_graph *graph = calloc(1, sizeof *graph);

    if (graph == NULL) {
        clmix_fail_memory("a graph");
        return NULL;
    }
    graph->ops = ops;
    if (clmix_graph_string(graph, "") == NULL) { /* path 0: the root */
        clmix_graph_free(graph);
        return NULL;
    }
    return graph;
}

void clmix_graph_free(clmix_graph *graph)
{
    if (graph == NULL)
        return;
    for (size_t i = 0; i < graph->node_count; i++) {
        free(graph->nodes[i]->inputs);
        free(graph->nodes[i]->outputs);
        free(graph->nodes[i]->attributes);
        free(graph->nodes[i]);
    }
    for (size_t i = 0; i < graph->tensor_count; i++)
        free(graph->tensors[i]);
    for (size_t i = 0; i < graph->string_count; i++)
        free(graph->strings[i]);
    free(graph->nodes);
    free(graph->tensors);
    free(graph->strings);
    free(graph->parameters);
    for (size_t i = 0; i < graph->constant_count; i++)
        free(graph->constants[i].data);
    free(graph->constants);
    clmix_names_clear(&graph->constant_names);
    clmix_names_clear(&graph->parameter_names);
    clmix_names_clear(&graph->port_names);
    free(graph);
}

/* Keeps the stored sentence as the graph's error, unless there is one already: only the first matters, the rest follow from it. */
static void keep_error(clmix_graph *graph, clmix_status status)
{
    if (graph == NULL || graph->status != CLMIX_OK)
        return;
    graph->status = status;
    snprintf(graph->error, sizeof graph->error, "%s", clmix_error());
}

clmix_status clmix_graph_check(const clmix_graph *graph)
{
    if (graph == NULL)
        return clmix_fail_memory("a graph");
    if (graph->status != CLMIX_OK)
        return clmix_fail(graph->status, "%s", graph->error);
    return CLMIX_OK;
}

static clmix_value poisoned(clmix_graph *graph)
{
    return (clmix_value){ .graph = graph, .id = CLMIX_POISON };
}

clmix_value clmix_poison(clmix_scope at, clmix_status status, const char *format, ...)
{
    char text[1024];
    const char *path = at.graph == NULL ? "" : clmix_path_text(at.graph, at.path);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    keep_error(at.graph, clmix_fail(status, "%s%s%s", path, *path == '\0' ? "" : ": ", text));
    return poisoned(at.graph);
}

clmix_value clmix_poison_null(clmix_scope at, const char *function, const char *parameter)
{
    return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "%s: '%s' is NULL and must not be", function, parameter);
}

const char *clmix_graph_string(clmix_graph *graph, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL || !CLMIX_PUSH(graph->strings, graph->string_count, graph->string_capacity, copy)) {
        free(copy);
        keep_error(graph, clmix_fail_memory("a graph's names"));
        return NULL;
    }
    return copy;
}

/* ---- scopes ------------------------------------------------------------------------------------------------------------------------- */

const char *clmix_path_text(const clmix_graph *graph, int32_t path)
{
    return graph->strings[path];
}

clmix_scope clmix_root(clmix_graph *graph)
{
    return (clmix_scope){ .graph = graph, .path = 0 };
}

clmix_scope clmix_in(clmix_scope at, const char *format, ...)
{
    char name[256], path[512];
    va_list arguments;

    if (at.graph == NULL)
        return at;
    if (format == NULL) {
        (void)clmix_poison_null(at, "clmix_in", "format");
        return at;
    }
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    snprintf(path, sizeof path, "%s%s%s", clmix_path_text(at.graph, at.path), at.path == 0 ? "" : ".", name);
    if (clmix_graph_string(at.graph, path) == NULL)
        return at;
    return (clmix_scope){ .graph = at.graph, .path = (int32_t)at.graph->string_count - 1, .shared = at.shared };
}

void clmix_at(clmix_scope at)
{
    if (at.graph != NULL)
        at.graph->here = at.path;
}

clmix_scope clmix_here(clmix_graph *graph)
{
    return (clmix_scope){ .graph = graph, .path = graph == NULL ? 0 : graph->here };
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------- */

clmix_value clmix_no_value(void)
{
    return (clmix_value){ .graph = NULL, .id = CLMIX_NONE };
}

bool clmix_is_value(clmix_value value)
{
    return value.graph != NULL && value.id >= 0 && (size_t)value.id < value.graph->tensor_count;
}

const struct clmix_op *clmix_maker_of(clmix_value value)
{
    const struct clmix_tensor *tensor = value.graph->tensors[value.id];

    return tensor->producer >= 0 ? value.graph->nodes[tensor->producer]->op : NULL;
}

bool clmix_is_ones(clmix_value value)
{
    const struct clmix_tensor *base;

    if (!clmix_is_value(value))
        return false;
    base = value.graph->tensors[value.graph->tensors[value.id]->base];
    return base->producer >= 0 && value.graph->nodes[base->producer]->op == value.graph->ops->ones;
}

clmix_value clmix_value_of(clmix_graph *graph, int32_t id)
{
    return id == CLMIX_NONE ? clmix_no_value() : (clmix_value){ .graph = graph, .id = id };
}

const struct clmix_tensor *clmix_tensor_at(const clmix_graph *graph, int32_t value)
{
    return graph->tensors[value];
}

const struct clmix_tensor *clmix_node_input(const clmix_graph *graph, const struct clmix_node *node, int index)
{
    if (index >= node->input_count || node->inputs[index] < 0)
        return NULL;
    return graph->tensors[node->inputs[index]];
}

const struct clmix_tensor *clmix_node_result(const clmix_graph *graph, const struct clmix_node *node, int index)
{
    return graph->tensors[node->outputs[index]];
}

clmix_shape clmix_shape_of(clmix_value value)
{
    if (!clmix_is_value(value))
        return (clmix_shape){ .rank = -1 };
    return value.graph->tensors[value.id]->shape;
}

int32_t clmix_graph_add_tensor(clmix_graph *graph, enum clmix_value_kind kind, clmix_type type, clmix_shape shape, int32_t producer)
{
    struct clmix_tensor *tensor = calloc(1, sizeof *tensor);

    if (tensor == NULL || !CLMIX_PUSH(graph->tensors, graph->tensor_count, graph->tensor_capacity, tensor)) {
        free(tensor);
        keep_error(graph, clmix_fail_memory("a graph's values"));
        return CLMIX_POISON;
    }
    *tensor = (struct clmix_tensor){
        .kind = kind,
        .type = type,
        .shape = shape,
        .base = (int32_t)graph->tensor_count - 1,
        .pitch = clmix_shape_columns(shape),
        .producer = producer,
        .gradient = CLMIX_NONE,
        .gradient_of = CLMIX_NONE,
        .parameter = -1,
    };
    return tensor->base;
}

clmix_status clmix_graph_check_shape(clmix_shape shape)
{
    size_t count = 1;

    if (shape.rank < 0 || shape.rank > CLMIX_MAX_RANK)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "rank %d is outside 0..%d", shape.rank, CLMIX_MAX_RANK);
    for (int i = 0; i < shape.rank; i++) {
        if (shape.size[i] == 0)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "axis %d has size 0; every size must be at least 1", i);
        if (shape.size[i] > (size_t)UINT32_MAX / count)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "more than 2^32 - 1 elements in one value; use a smaller batch");
        count *= shape.size[i];
    }
    return CLMIX_OK;
}

bool clmix_graph_has_name(const clmix_graph *graph, const char *name)
{
    size_t ignored;

    return clmix_names_find(&graph->port_names, name, &ignored) || clmix_names_find(&graph->parameter_names, name, &ignored);
}

/* Gives an input or a result its name. */
static const char *name_port(clmix_graph *graph, const char *name, int32_t id)
{
    const char *copy = clmix_graph_string(graph, name);

    if (copy != NULL && !clmix_names_add(&graph->port_names, copy, (size_t)id))
        keep_error(graph, clmix_fail_memory("a graph's names"));
    return copy;
}

static clmix_value add_input(clmix_graph *graph, const char *function, const char *name, clmix_type type, int rank, const size_t *size)
{
    clmix_shape shape = clmix_shape_make(rank, size);
    clmix_scope root = clmix_root(graph);
    int32_t id;

    if (graph == NULL)
        return poisoned(NULL);
    if (name == NULL || (rank > 0 && size == NULL))
        return clmix_poison_null(root, function, name == NULL ? "name" : "size");
    if (clmix_graph_check_shape(shape) != CLMIX_OK)
        return clmix_poison(root, CLMIX_ERROR_ARGUMENT, "input '%s': %s", name, clmix_error());
    if (clmix_graph_has_name(graph, name))
        return clmix_poison(root, CLMIX_ERROR_ARGUMENT, "input '%s': there is an input, an output or a weight of this name; give another",
                            name);
    id = clmix_graph_add_tensor(graph, CLMIX_VALUE_INPUT, type, shape, -1);
    if (id >= 0)
        graph->tensors[id]->name = name_port(graph, name, id);
    return (clmix_value){ .graph = graph, .id = id };
}

clmix_value clmix_input(clmix_graph *graph, const char *name, clmix_type type, int rank, const size_t *size)
{
    return add_input(graph, "clmix_input", name, type, rank, size);
}

clmix_value clmix_batch_input(clmix_graph *graph, const char *name, clmix_type type, int rank, const size_t *size)
{
    clmix_value value = add_input(graph, "clmix_batch_input", name, type, rank, size);

    if (!clmix_is_value(value))
        return value;
    if (rank == 0)
        return clmix_poison(clmix_root(graph), CLMIX_ERROR_ARGUMENT, "input '%s': what has no axes carries no batch", name);
    if (graph->batch != 0 && graph->batch != size[0])
        return clmix_poison(clmix_root(graph), CLMIX_ERROR_ARGUMENT, "input '%s': a batch of %zu where another input has one of %zu", name,
                            size[0], graph->batch);
    graph->batch = size[0];
    graph->tensors[value.id]->batched = true;
    return value;
}

void clmix_output(clmix_graph *graph, const char *name, clmix_value value)
{
    const struct clmix_tensor *tensor;

    if (graph == NULL)
        return;
    if (name == NULL) {
        (void)clmix_poison_null(clmix_here(graph), "clmix_output", "name");
        return;
    }
    if (value.graph != graph) {
        clmix_poison(clmix_root(graph), CLMIX_ERROR_ARGUMENT, "output '%s': %s", name,
                     value.graph == NULL ? "there is no value" : "the value belongs to another graph");
        return;
    }
    if (!clmix_is_value(value))
        return; /* poisoned: its own error is already kept */
    if (clmix_graph_has_name(graph, name)) {
        clmix_poison(clmix_root(graph), CLMIX_ERROR_ARGUMENT,
                     "output '%s': there is an input, an output or a weight of this name; give another", name);
        return;
    }
    tensor = graph->tensors[value.id];
    if (tensor->kind != CLMIX_VALUE_RESULT || tensor->output != NULL ||
        clmix_shape_count(tensor->shape) != clmix_shape_count(graph->tensors[tensor->base]->shape))
        value = clmix_node_add(clmix_here(graph), graph->ops->copy, NULL, 0, &value,
                               1); /* a result is memory of its own, which an application may bind */
    if (clmix_is_value(value))
        graph->tensors[graph->tensors[value.id]->base]->output = name_port(graph, name, graph->tensors[value.id]->base);
}

/* ---- nodes -------------------------------------------------------------------------------------------------------------------------- */

static clmix_status declare(clmix_graph *graph, struct clmix_node *node, clmix_type type, clmix_shape shape, int32_t *id)
{
    int32_t *outputs;

    CLMIX_TRY(clmix_graph_check_shape(shape));
    outputs = realloc(node->outputs, (size_t)(node->output_count + 1) * sizeof *outputs);
    if (outputs == NULL)
        return clmix_fail_memory("a graph's nodes");
    node->outputs = outputs;
    *id = clmix_graph_add_tensor(graph, CLMIX_VALUE_RESULT, type, shape, node->number);
    if (*id < 0)
        return graph->status;
    node->outputs[node->output_count++] = *id;
    return CLMIX_OK;
}

clmix_status clmix_node_declare(clmix_graph *graph, struct clmix_node *node, clmix_type type, clmix_shape shape)
{
    int32_t id;

    return declare(graph, node, type, shape, &id);
}

clmix_status clmix_node_declare_view(clmix_graph *graph, struct clmix_node *node, clmix_shape shape, size_t offset, size_t pitch)
{
    const struct clmix_tensor *from = clmix_node_input(graph, node, 0);
    int32_t id = CLMIX_POISON;

    CLMIX_TRY(declare(graph, node, from->type, shape, &id));
    graph->tensors[id]->base = from->base;
    graph->tensors[id]->offset = from->offset + offset;
    graph->tensors[id]->pitch = pitch;
    return CLMIX_OK;
}

static bool is_strided(const struct clmix_tensor *tensor)
{
    return tensor->pitch != clmix_shape_columns(tensor->shape) && clmix_shape_rows(tensor->shape) > 1;
}

bool clmix_op_takes_strided(const struct clmix_op *op, int index)
{
    return (op->flags & CLMIX_OP_STRIDED) && (index >= 32 || (op->dense >> index & 1U) == 0);
}

void *clmix_attributes_copy(const void *attributes, size_t bytes)
{
    void *copy = malloc(bytes + 1);

    if (copy != NULL && bytes > 0)
        memcpy(copy, attributes, bytes);
    return copy;
}

/* A node with its inputs, strided ones made dense where the op cannot read them; NULL when out of memory. */
static struct clmix_node *new_node(clmix_scope at, const struct clmix_op *op, const void *attributes, size_t bytes,
                                   const clmix_value *inputs, int count)
{
    clmix_graph *graph = at.graph;
    struct clmix_node *node = calloc(1, sizeof *node);

    if (node == NULL)
        return NULL;
    node->op = op;
    node->path = clmix_path_text(graph, at.path);
    node->scope = at.path;
    node->inputs = malloc(((size_t)count + 1) * sizeof *node->inputs);
    node->attributes = clmix_attributes_copy(attributes, bytes);
    if (node->inputs == NULL || node->attributes == NULL) {
        free(node->inputs);
        free(node->attributes);
        free(node);
        return NULL;
    }
    node->attribute_bytes = bytes;
    for (int i = 0; i < count; i++) {
        clmix_value input = inputs[i];

        if (clmix_is_value(input) && !clmix_op_takes_strided(op, i) && is_strided(graph->tensors[input.id]))
            input = clmix_node_add(at, at.graph->ops->copy, NULL, 0, &input, 1);
        node->inputs[i] = input.graph == NULL ? CLMIX_NONE : input.id;
    }
    node->input_count = count;
    return node;
}

clmix_value clmix_node_add(clmix_scope at, const struct clmix_op *op, const void *attributes, size_t attributes_bytes,
                           const clmix_value *inputs, int input_count)
{
    clmix_graph *graph = at.graph;
    struct clmix_node *node;

    if (graph == NULL || graph->status != CLMIX_OK)
        return poisoned(graph);
    for (int i = 0; i < input_count; i++) {
        if (inputs[i].graph == NULL)
            continue;
        if (inputs[i].graph != graph)
            return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "%s: input %d belongs to another graph", op->name, i);
        if (!clmix_is_value(inputs[i]))
            return poisoned(graph);
    }
    node = new_node(at, op, attributes, attributes_bytes, inputs, input_count);
    if (node == NULL || !CLMIX_PUSH(graph->nodes, graph->node_count, graph->node_capacity, node)) {
        if (node != NULL) {
            free(node->inputs);
            free(node->attributes);
        }
        free(node);
        return clmix_poison(at, clmix_fail_memory("a graph's nodes"), "%s", clmix_error());
    }
    node->number = (int32_t)graph->node_count - 1;
    if (graph->status != CLMIX_OK)
        return poisoned(graph);
    {
        clmix_status status = op->shape(graph, node);

        if (status != CLMIX_OK)
            return clmix_poison(at, status, "%s: %s", op->name, clmix_error());
    }
    return (clmix_value){ .graph = graph, .id = node->outputs[0] };
}

void clmix_expect_values(clmix_scope at, const struct clmix_op *op, const clmix_value *inputs, int count)
{
    for (int i = 0; i < count; i++)
        if (inputs[i].graph == NULL)
            (void)clmix_poison(at, CLMIX_ERROR_ARGUMENT, "%s: input %d is no value of a graph", op->name, i);
}

clmix_value clmix_node_output(clmix_value first, int index)
{
    const struct clmix_node *node;

    if (!clmix_is_value(first))
        return first;
    node = first.graph->nodes[first.graph->tensors[first.id]->producer];
    return (clmix_value){ .graph = first.graph, .id = node->outputs[index] };
}

clmix_scope clmix_node_scope(clmix_graph *graph, const struct clmix_node *node)
{
    return (clmix_scope){ .graph = graph, .path = node->scope };
}

clmix_value clmix_node_again(clmix_graph *graph, const struct clmix_node *node, const clmix_value *inputs)
{
    return clmix_node_add(clmix_node_scope(graph, node), node->op, node->attributes, node->attribute_bytes, inputs, node->input_count);
}
