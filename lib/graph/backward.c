/* The backward pass: more graph.
 *
 * Nodes are visited in reverse; each op appends the nodes that compute its inputs' gradients and gives them over. Gradients are kept for
 * storage, not for views: what reaches a view is a contribution to a rectangle (rows x columns) of the value it is a view of, and when that
 * value's gradient is needed the contributions are added and put side by side. So slices and reshapes need no backward of their own. */
#include "graph/graph.h"

#include "base/array.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* A gradient for rows row.. row + rows - 1, columns column.. column + columns - 1 of value `of`, seen as a matrix. */
struct contribution {
    int32_t of;
    int32_t gradient;
    int32_t next; /* to the same value, or CLMIX_NONE */
    size_t row, rows, column, columns;
};

/* The contributions to one value, in the order in which they were given. */
struct contributions {
    int32_t first, last; /* CLMIX_NONE: none */
    size_t count;
};

struct clmix_backward {
    clmix_graph *graph;
    struct contribution *contributions;
    size_t contribution_count, contribution_capacity;
    struct contributions *to; /* for each forward value */
    int32_t *rebuilt;         /* for each forward value: what stands for it in the backward pass, or CLMIX_NONE while unknown */
    size_t forward_values;
};

clmix_graph *clmix_backward_graph(struct clmix_backward *backward)
{
    return backward->graph;
}

clmix_scope clmix_backward_scope(struct clmix_backward *backward, const struct clmix_node *node)
{
    return clmix_node_scope(backward->graph, node);
}

/* ---- contributions ------------------------------------------------------------------------------------------------------------------ */

/* Where a view lies in its base, as a rectangle of rows and columns of the base. */
static clmix_status rectangle_of(const clmix_graph *graph, const struct clmix_tensor *tensor, struct contribution *part)
{
    size_t width = clmix_shape_columns(graph->tensors[tensor->base]->shape);
    size_t columns = clmix_shape_columns(tensor->shape), rows = clmix_shape_rows(tensor->shape), count = rows * columns;

    part->of = tensor->base;
    part->row = tensor->offset / width;
    part->column = tensor->offset % width;
    if (tensor->pitch == width || rows == 1) {
        part->rows = rows;
        part->columns = columns;
    }
    if ((tensor->pitch == columns || rows == 1) && part->column == 0 && count % width == 0) {
        part->rows = count / width;
        part->columns = width;
    } else if (!(tensor->pitch == width || rows == 1) || part->column + columns > width)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED,
                          "the gradient of a view that is no rectangle of rows and columns of what it looks at; make it dense first");
    return CLMIX_OK;
}

static clmix_status contribute(struct clmix_backward *backward, int32_t value, clmix_value gradient)
{
    const clmix_graph *graph = backward->graph;
    struct contribution part = { .gradient = gradient.id, .next = CLMIX_NONE };
    int32_t number = (int32_t)backward->contribution_count;
    struct contributions *to;

    if (!clmix_is_value(gradient))
        return graph->status != CLMIX_OK ? clmix_graph_check(graph) : clmix_fail(CLMIX_ERROR_INTERNAL, "an op gave no gradient");
    if (clmix_shape_count(clmix_shape_of(gradient)) != clmix_shape_count(graph->tensors[value]->shape))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a gradient of %zu elements for a value of %zu",
                          clmix_shape_count(clmix_shape_of(gradient)), clmix_shape_count(graph->tensors[value]->shape));
    CLMIX_TRY(rectangle_of(graph, graph->tensors[value], &part));
    if (!CLMIX_PUSH(backward->contributions, backward->contribution_count, backward->contribution_capacity, part))
        return clmix_fail_memory("the backward pass");
    to = &backward->to[part.of];
    if (to->count++ == 0)
        to->first = number;
    else
        backward->contributions[to->last].next = number;
    to->last = number;
    return CLMIX_OK;
}

clmix_status clmix_backward_give(struct clmix_backward *backward, const struct clmix_node *node, int input, clmix_value gradient)
{
    if (!clmix_backward_wants(backward, node, input))
        return CLMIX_OK;
    return contribute(backward, node->inputs[input], gradient);
}

bool clmix_backward_wants(struct clmix_backward *backward, const struct clmix_node *node, int input)
{
    return input < node->input_count && node->inputs[input] >= 0 && backward->graph->tensors[node->inputs[input]]->wants_gradient;
}

/* ---- assembly ----------------------------------------------------------------------------------------------------------------------- */

static clmix_value reshaped(clmix_scope at, clmix_value value, clmix_shape shape)
{
    struct clmix_reshape_attributes attributes = { .shape = shape };

    if (clmix_shape_equal(clmix_shape_of(value), shape))
        return value;
    return clmix_node_add(at, at.graph->ops->reshape, &attributes, sizeof attributes, &value, 1);
}

static clmix_shape matrix(size_t rows, size_t columns)
{
    return (clmix_shape){ .rank = 2, .size = { rows, columns } };
}

static clmix_value zeros(clmix_scope at, size_t rows, size_t columns)
{
    struct clmix_fill_attributes attributes = { .shape = matrix(rows, columns) };

    return clmix_node_add(at, at.graph->ops->zeros, &attributes, sizeof attributes, NULL, 0);
}

static clmix_value joined(clmix_scope at, const clmix_value *values, int count, int axis)
{
    struct clmix_concat_attributes attributes = { .axis = axis };

    return count == 1 ? values[0] : clmix_node_add(at, at.graph->ops->concat, &attributes, sizeof attributes, values, count);
}

static clmix_value sum(clmix_scope at, clmix_value a, clmix_value b)
{
    clmix_value both[2] = { a, b };

    return clmix_node_add(at, at.graph->ops->add, NULL, 0, both, 2);
}

/* A part along one axis, with its gradient as a matrix. */
struct piece {
    size_t begin, length;
    size_t row, rows; /* only while pieces are columns: the rows they belong to */
    clmix_value value;
};

static int by_begin(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Puts sorted, disjoint pieces side by side along `axis` into `total`, gaps filled with zeros; `other` is the size along the other axis.
 * `values` has room for 2 count + 1. */
static clmix_value tile(clmix_scope at, const struct piece *pieces, size_t count, size_t total, size_t other, int axis, clmix_value *values)
{
    size_t end = 0;
    int used = 0;

    for (size_t i = 0; i <= count; i++) {
        size_t begin = i < count ? pieces[i].begin : total;

        if (begin > end)
            values[used++] = axis == 0 ? zeros(at, begin - end, other) : zeros(at, other, begin - end);
        if (i < count) {
            values[used++] = pieces[i].value;
            end = begin + pieces[i].length;
        }
    }
    return joined(at, values, used, axis);
}

/* Disjoint along their axis, when sorted; equal pieces have been added up before. */
static bool disjoint(const struct piece *pieces, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (pieces[i].begin < pieces[i - 1].begin + pieces[i - 1].length)
            return false;
    return true;
}

static bool is_whole(clmix_shape shape, const struct contribution *part)
{
    return part->rows == clmix_shape_rows(shape) && part->columns == clmix_shape_columns(shape);
}

/* Contributions to one value, equal rectangles added up, as pieces of columns. Returns their number. What covers the whole keeps the
 * value's shape, and others are added in the shape that they came in: with no view in between, the op that makes one can take in the
 * addition. */
static size_t gather(struct clmix_backward *backward, clmix_scope at, int32_t value, struct piece *pieces)
{
    clmix_shape shape = backward->graph->tensors[value]->shape;
    size_t count = 0;

    for (int32_t i = backward->to[value].first; i != CLMIX_NONE; i = backward->contributions[i].next) {
        const struct contribution *part = &backward->contributions[i];
        clmix_value gradient = clmix_value_of(backward->graph, part->gradient);
        size_t same = 0;

        while (same < count && !(pieces[same].begin == part->column && pieces[same].length == part->columns &&
                                 pieces[same].row == part->row && pieces[same].rows == part->rows))
            same++;
        if (is_whole(shape, part))
            gradient = reshaped(at, gradient, shape);
        if (same < count)
            pieces[same].value = sum(at, pieces[same].value, reshaped(at, gradient, clmix_shape_of(pieces[same].value)));
        else
            pieces[count++] =
                (struct piece){ .begin = part->column, .length = part->columns, .row = part->row, .rows = part->rows, .value = gradient };
    }
    for (size_t i = 0; i < count; i++)
        if (pieces[i].rows != clmix_shape_rows(shape) || pieces[i].length != clmix_shape_columns(shape))
            pieces[i].value = reshaped(at, pieces[i].value, matrix(pieces[i].rows, pieces[i].length));
    return count;
}

/* Joins the columns of each band of rows; false when bands overlap without being equal. */
static bool join_columns(clmix_scope at, struct piece *pieces, size_t *count, size_t width, clmix_value *values)
{
    size_t bands = 0;

    qsort(pieces, *count, sizeof *pieces, by_begin);
    for (size_t first = 0, next; first < *count; first = next) {
        struct piece band = pieces[first];

        next = first + 1;
        while (next < *count && pieces[next].row == band.row && pieces[next].rows == band.rows)
            next++;
        if (!disjoint(pieces + first, next - first))
            return false;
        band.value = tile(at, pieces + first, next - first, width, band.rows, 1, values);
        band.begin = band.row;
        band.length = band.rows;
        band.row = 0;
        pieces[bands++] = band;
    }
    *count = bands;
    return disjoint(pieces, bands);
}

/* Overlapping parts: each is completed to the whole with zeros, and the wholes are added. */
static clmix_value add_wholes(clmix_scope at, struct piece *pieces, size_t count, size_t height, size_t width, clmix_value *values)
{
    clmix_value whole = clmix_no_value();

    for (size_t i = 0; i < count; i++) {
        struct piece row = pieces[i];

        row.value = tile(at, &pieces[i], 1, width, pieces[i].rows, 1, values);
        row.begin = pieces[i].row;
        row.length = pieces[i].rows;
        row.value = reshaped(at, tile(at, &row, 1, height, width, 0, values), matrix(height, width));
        whole = i == 0 ? row.value : sum(at, whole, row.value);
    }
    return whole;
}

/* One contribution to the whole, in the value's own shape, is the gradient as it stands: even a slice, which a reshape would have to copy.
 */
static bool sole_gradient(const struct clmix_backward *backward, int32_t value, int32_t *gradient)
{
    const clmix_graph *graph = backward->graph;
    const struct contributions *to = &backward->to[value];

    if (to->count != 1 ||
        !clmix_shape_equal(graph->tensors[backward->contributions[to->first].gradient]->shape, graph->tensors[value]->shape))
        return false;
    *gradient = backward->contributions[to->first].gradient;
    return true;
}

/* The gradient of a value that is no view: its contributions, added and put side by side. CLMIX_NONE in `gradient` when there are none. */
static clmix_status assemble(struct clmix_backward *backward, clmix_scope at, int32_t value, int32_t *gradient)
{
    clmix_shape shape = backward->graph->tensors[value]->shape;
    size_t height = clmix_shape_rows(shape), width = clmix_shape_columns(shape), count = backward->to[value].count;
    struct piece *pieces, *copies;
    clmix_value *values, whole;

    *gradient = CLMIX_NONE;
    if (count == 0 || sole_gradient(backward, value, gradient))
        return CLMIX_OK;
    pieces = malloc(2 * count * sizeof *pieces);
    values = malloc((2 * count + 1) * sizeof *values);
    if (pieces == NULL || values == NULL) {
        free(pieces);
        free(values);
        return clmix_fail_memory("the backward pass");
    }
    count = gather(backward, at, value, pieces);
    copies = pieces + count;
    memcpy(copies, pieces, count * sizeof *pieces);
    {
        size_t bands = count;

        if (join_columns(at, copies, &bands, width, values))
            whole = tile(at, copies, bands, height, width, 0, values);
        else
            whole = add_wholes(at, pieces, count, height, width, values);
    }
    whole = reshaped(at, whole, shape);
    free(pieces);
    free(values);
    if (!clmix_is_value(whole))
        return clmix_graph_check(backward->graph);
    *gradient = whole.id;
    return CLMIX_OK;
}

clmix_value clmix_backward_gradient(struct clmix_backward *backward, const struct clmix_node *node, int index)
{
    return clmix_value_of(backward->graph, backward->graph->tensors[node->outputs[index]]->gradient);
}

/* ---- forward values ------------------------------------------------------------------------------------------------------------------ */

/* What stands for a forward value in the backward pass: itself, or a clone of the cheap ops that make it, so that it need not be kept. */
static int32_t rebuild(struct clmix_backward *backward, int32_t value)
{
    clmix_graph *graph = backward->graph;
    struct clmix_tensor *tensor = graph->tensors[value];
    struct clmix_node *node;
    clmix_value *inputs, first;
    bool changed = false;

    if ((size_t)value >= backward->forward_values || tensor->kind != CLMIX_VALUE_RESULT)
        return value;
    if (backward->rebuilt[value] != CLMIX_NONE)
        return backward->rebuilt[value];
    backward->rebuilt[value] = value;
    node = graph->nodes[tensor->producer];
    if (!(node->op->flags & (CLMIX_OP_VIEW | CLMIX_OP_REBUILD)))
        return value;
    inputs = calloc((size_t)node->input_count + 1, sizeof *inputs);
    if (inputs == NULL)
        return clmix_poison(clmix_node_scope(graph, node), clmix_fail_memory("the backward pass"), "%s", clmix_error()).id;
    for (int i = 0; i < node->input_count; i++) {
        int32_t input = node->inputs[i] < 0 ? node->inputs[i] : rebuild(backward, node->inputs[i]);

        changed |= input != node->inputs[i];
        inputs[i] = clmix_value_of(graph, input);
    }
    if (changed || (node->op->flags & CLMIX_OP_REBUILD)) {
        first = clmix_node_again(graph, node, inputs);
        for (int i = 0; i < node->output_count; i++)
            backward->rebuilt[node->outputs[i]] = clmix_node_output(first, i).id;
    }
    free(inputs);
    return backward->rebuilt[value];
}

clmix_value clmix_backward_input(struct clmix_backward *backward, const struct clmix_node *node, int input)
{
    if (input >= node->input_count || node->inputs[input] < 0)
        return clmix_no_value();
    return clmix_value_of(backward->graph, rebuild(backward, node->inputs[input]));
}

clmix_value clmix_backward_output(struct clmix_backward *backward, const struct clmix_node *node, int output)
{
    return clmix_value_of(backward->graph, rebuild(backward, node->outputs[output]));
}

/* ---- the pass ----------------------------------------------------------------------------------------------------------------------- */

void clmix_want_gradient(clmix_value input)
{
    if (clmix_is_value(input))
        input.graph->tensors[input.id]->wants_gradient = true;
}

/* Parameters, inputs asked for, and everything that depends on them through ops that have a backward. */
static void mark_wanted(clmix_graph *graph)
{
    for (size_t i = 0; i < graph->parameter_count; i++)
        if (graph->parameters[i].info.trainable && !graph->tensors[graph->parameters[i].value]->frozen)
            graph->tensors[graph->parameters[i].value]->wants_gradient = true;
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct clmix_node *node = graph->nodes[n];
        bool wanted = false;

        if (node->op->backward == NULL && !(node->op->flags & CLMIX_OP_VIEW))
            continue;
        for (int i = 0; i < node->input_count; i++)
            wanted |= node->inputs[i] >= 0 && graph->tensors[node->inputs[i]]->wants_gradient;
        for (int i = 0; i < node->output_count; i++)
            graph->tensors[node->outputs[i]]->wants_gradient = wanted;
    }
}

static clmix_status visit(struct clmix_backward *backward, const struct clmix_node *node)
{
    clmix_graph *graph = backward->graph;
    bool reached = false;

    if ((node->op->flags & CLMIX_OP_VIEW) || node->op->backward == NULL)
        return CLMIX_OK;
    for (int i = 0; i < node->output_count; i++) {
        struct clmix_tensor *output = graph->tensors[node->outputs[i]];

        if (!output->wants_gradient)
            continue;
        CLMIX_TRY(assemble(backward, clmix_node_scope(graph, node), node->outputs[i], &output->gradient));
        reached |= output->gradient != CLMIX_NONE;
    }
    if (!reached)
        return CLMIX_OK;
    clmix_at(clmix_node_scope(graph, node));
    CLMIX_TRY(node->op->backward(backward, node));
    return clmix_graph_check(graph);
}

/* A parameter's gradient must be a value of its own, which the plan can place in the gradient arena. */
static clmix_status settle_parameter(struct clmix_backward *backward, struct clmix_parameter *parameter)
{
    clmix_graph *graph = backward->graph;
    struct clmix_tensor *tensor = graph->tensors[parameter->value];
    clmix_scope at = clmix_in(clmix_root(graph), "%s", parameter->info.name);
    int32_t gradient;

    CLMIX_TRY(assemble(backward, at, parameter->value, &gradient));
    if (gradient == CLMIX_NONE)
        return CLMIX_OK;
    {
        const struct clmix_tensor *found = graph->tensors[gradient];
        const struct clmix_tensor *base = graph->tensors[found->base];
        bool whole = clmix_shape_count(base->shape) == clmix_shape_count(found->shape);

        if (base->kind == CLMIX_VALUE_RESULT && whole && base->gradient_of == CLMIX_NONE && base->output == NULL)
            gradient = found->base;
        else {
            clmix_value value = clmix_value_of(graph, gradient);

            value = clmix_node_add(at, at.graph->ops->copy, NULL, 0, &value, 1);
            CLMIX_TRY(clmix_graph_check(graph));
            gradient = value.id;
        }
    }
    graph->tensors[gradient]->gradient_of = parameter->value;
    tensor->gradient = gradient;
    return CLMIX_OK;
}

/* The gradient 1 of a scalar: a constant like any other, which ops that save work by it recognise (clmix_is_ones). */
static clmix_value one(clmix_value scalar)
{
    struct clmix_fill_attributes attributes = { .shape = clmix_shape_of(scalar) };

    return clmix_node_add(clmix_root(scalar.graph), scalar.graph->ops->ones, &attributes, sizeof attributes, NULL, 0);
}

static clmix_status run_backward(struct clmix_backward *backward, int count, const clmix_value *of, const clmix_value *gradient)
{
    clmix_graph *graph = backward->graph;

    mark_wanted(graph);
    for (int i = 0; i < count; i++) {
        if (!clmix_is_value(of[i]) || of[i].graph != graph)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the backward pass was asked for something that is no value of this graph");
        if (gradient[i].graph != NULL && gradient[i].graph != graph)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the backward pass was given a gradient that is a value of another graph");
        if (gradient[i].graph == NULL && clmix_shape_count(clmix_shape_of(of[i])) != 1)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "only a scalar may have the gradient 1; give a gradient of the value's shape");
        CLMIX_TRY(contribute(backward, of[i].id, gradient[i].graph == NULL ? one(of[i]) : gradient[i]));
    }
    for (size_t n = graph->forward_count; n-- > 0;)
        CLMIX_TRY(visit(backward, graph->nodes[n]));
    for (size_t i = 0; i < graph->parameter_count; i++)
        if (graph->parameters[i].info.trainable)
            CLMIX_TRY(settle_parameter(backward, &graph->parameters[i]));
    for (size_t v = 0; v < backward->forward_values; v++) {
        struct clmix_tensor *tensor = graph->tensors[v];

        if (tensor->kind == CLMIX_VALUE_INPUT && tensor->wants_gradient)
            CLMIX_TRY(assemble(backward, clmix_root(graph), (int32_t)v, &tensor->gradient));
    }
    return CLMIX_OK;
}

void clmix_backward(clmix_graph *graph, int count, const clmix_value *of, const clmix_value *gradient)
{
    struct clmix_backward backward = { .graph = graph };
    clmix_status status;

    if (graph == NULL || graph->status != CLMIX_OK)
        return;
    if (count > 0 && (of == NULL || gradient == NULL)) {
        (void)clmix_poison_null(clmix_root(graph), "clmix_backward", of == NULL ? "of" : "gradient");
        return;
    }
    if (graph->forward_count != 0) {
        clmix_poison(clmix_root(graph), CLMIX_ERROR_ARGUMENT, "this graph already has its backward pass; build a new graph");
        return;
    }
    graph->forward_count = graph->node_count;
    backward.forward_values = graph->tensor_count;
    backward.rebuilt = malloc((graph->tensor_count + 1) * sizeof *backward.rebuilt);
    backward.to = malloc((graph->tensor_count + 1) * sizeof *backward.to);
    if (backward.rebuilt == NULL || backward.to == NULL)
        status = clmix_fail_memory("the backward pass");
    else {
        for (size_t i = 0; i < graph->tensor_count; i++) {
            backward.rebuilt[i] = CLMIX_NONE;
            backward.to[i] = (struct contributions){ CLMIX_NONE, CLMIX_NONE, 0 };
        }
        status = run_backward(&backward, count, of, gradient);
    }
    if (status != CLMIX_OK)
        clmix_poison(clmix_root(graph), status, "%s", clmix_error());
    free(backward.contributions);
    free(backward.to);
    free(backward.rebuilt);
}

clmix_value clmix_gradient_of(clmix_value input)
{
    const struct clmix_tensor *tensor;

    if (!clmix_is_value(input))
        return input;
    tensor = input.graph->tensors[input.id];
    if (tensor->gradient == CLMIX_NONE) {
        struct clmix_fill_attributes attributes = { .shape = tensor->shape };

        return clmix_node_add(clmix_root(input.graph), input.graph->ops->zeros, &attributes, sizeof attributes, NULL, 0);
    }
    return clmix_value_of(input.graph, tensor->gradient);
}
