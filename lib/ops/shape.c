/* Views (reshape, slices of the first and last axis), copies (dense, slices of other axes and their gradient). Kernels: cl/shape.cl. */
#include "ops/shape.h"

#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

/* ---- copying runs -------------------------------------------------------------------------------------------------------------------- */

/* Neighbouring runs that are contiguous on both sides are one longer run. */
static struct clmix_runs merged(struct clmix_runs runs)
{
    if (runs.from.inner == runs.columns && runs.to.inner == runs.columns) {
        runs.columns *= runs.inner;
        runs.inner = 1;
    }
    if (runs.inner == 1 && runs.from.outer == runs.columns && runs.to.outer == runs.columns) {
        runs.columns *= runs.outer;
        runs.outer = 1;
    }
    return runs;
}

void clmix_record_copy(struct clmix_planner *planner, const struct clmix_node *node, struct clmix_runs runs, int32_t from, int32_t to)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "shape.cl", "copy_runs");
    size_t group = clmix_group_size(planner, 128), least = clmix_planner_wide(planner) ? 4096 : 16 * group, count;
    struct clmix_chunks rows, blocks;

    runs = merged(runs);
    count = runs.outer * runs.inner;
    rows = clmix_chunks_of(planner, count, 1, least / runs.columns + 1, 0);
    blocks = clmix_chunks_of(planner, runs.columns, 64, rows.groups >= 16 ? runs.columns : least, 0);
    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, rows.groups, blocks.groups, 1, group);
    clmix_record_uint(record, count);
    clmix_record_uint(record, rows.chunk);
    clmix_record_uint(record, runs.inner);
    clmix_record_uint(record, runs.columns);
    clmix_record_uint(record, blocks.chunk);
    clmix_record_value(record, from);
    clmix_record_uint(record, runs.from.first);
    clmix_record_uint(record, runs.from.outer);
    clmix_record_uint(record, runs.from.inner);
    clmix_record_value(record, to);
    clmix_record_uint(record, runs.to.first);
    clmix_record_uint(record, runs.to.outer);
    clmix_record_uint(record, runs.to.inner);
    clmix_record_bytes(record, (uint64_t)count * runs.columns * 8);
}

void clmix_part_runs(clmix_shape shape, size_t whole_pitch, int axis, size_t begin, size_t length, size_t part_pitch,
                     struct clmix_runs *runs, struct clmix_run_places *whole, struct clmix_run_places *part)
{
    size_t between = 1;

    *runs = (struct clmix_runs){ .outer = 1, .inner = clmix_shape_rows(shape), .columns = clmix_shape_columns(shape) };
    if (axis == shape.rank - 1) {
        runs->columns = length;
        *whole = (struct clmix_run_places){ .first = begin, .inner = whole_pitch };
        *part = (struct clmix_run_places){ .inner = part_pitch };
    } else {
        for (int i = 0; i < axis; i++)
            runs->outer *= shape.size[i];
        for (int i = axis + 1; i + 1 < shape.rank; i++)
            between *= shape.size[i];
        runs->inner = length * between;
        *whole = (struct clmix_run_places){ .first = begin * between * whole_pitch,
                                            .outer = shape.size[axis] * between * whole_pitch,
                                            .inner = whole_pitch };
        *part = (struct clmix_run_places){ .outer = length * between * part_pitch, .inner = part_pitch };
    }
}

int clmix_axis_of(clmix_value x, int axis)
{
    int rank = clmix_shape_of(x).rank, from_start = axis < 0 ? axis + rank : axis;

    return from_start < 0 || from_start >= rank ? -1 : from_start;
}

static clmix_status expect_words(const struct clmix_node *node, const struct clmix_tensor *x)
{
    if (x->type == CLMIX_U8)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED,
                          "%s copies f32 and i32 values; the input holds u8, convert it with clmix_normalize first", node->op->name);
    return CLMIX_OK;
}

static void move_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = 0;
    *bytes = clmix_result_count(graph, node, 0) * 8;
}

/* ---- dense --------------------------------------------------------------------------------------------------------------------------- */

static clmix_status copy_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0);

    CLMIX_TRY(expect_words(node, x));
    return clmix_node_declare(graph, node, x->type, x->shape);
}

static clmix_status copy_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    clmix_value dy = clmix_backward_gradient(backward, node, 0);

    return clmix_is_value(dy) ? clmix_backward_give(backward, node, 0, dy) : CLMIX_OK;
}

static clmix_status copy_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(clmix_planner_graph(planner), node, 0);
    size_t columns = clmix_shape_columns(x->shape);
    struct clmix_runs runs = { .outer = 1,
                               .inner = clmix_shape_rows(x->shape),
                               .columns = columns,
                               .from = { .inner = clmix_planner_layout(planner, node->inputs[0]).pitch },
                               .to = { .inner = clmix_planner_layout(planner, node->outputs[0]).pitch } };

    clmix_record_copy(planner, node, runs, node->inputs[0], node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_copy = {
    .name = "copy",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = copy_shape,
    .backward = copy_backward,
    .launch = copy_launch,
    .cost = move_cost,
    .parts = clmix_parts_by_row,
};

/* ---- reshape ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status reshape_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_reshape_attributes *attributes = node->attributes;
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0);
    char from[64], to[64];

    if (attributes->shape.rank < 0 || attributes->shape.rank > CLMIX_MAX_RANK)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a reshape to rank %d; ranks go from 0 to %d", attributes->shape.rank, CLMIX_MAX_RANK);
    if (clmix_shape_count(x->shape) != clmix_shape_count(attributes->shape))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%s has %zu elements and cannot be seen as %s with %zu", clmix_shape_text(x->shape, from),
                          clmix_shape_count(x->shape), clmix_shape_text(attributes->shape, to), clmix_shape_count(attributes->shape));
    return clmix_node_declare_view(graph, node, attributes->shape, 0, clmix_shape_columns(attributes->shape));
}

/* Samples of one part stay one after another, whatever their shape; of several parts only rows that stay as they are can be told apart. */
static bool reshape_parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                          struct clmix_parts *outputs)
{
    const clmix_graph *graph = clmix_planner_graph(planner);

    if (inputs[0].count == 1)
        return clmix_parts_by_sample(planner, node, inputs, outputs);
    return clmix_shape_columns(clmix_node_input(graph, node, 0)->shape) == clmix_shape_columns(clmix_node_result(graph, node, 0)->shape) &&
           clmix_parts_by_row(planner, node, inputs, outputs);
}

const struct clmix_op clmix_op_reshape = {
    .name = "reshape",
    .flags = CLMIX_OP_VIEW,
    .shape = reshape_shape,
    .parts = reshape_parts,
};

clmix_value clmix_reshape(clmix_value x, int rank, const size_t *size)
{
    struct clmix_reshape_attributes attributes = { .shape = clmix_shape_make(rank, size) };

    if (rank > 0 && size == NULL)
        return clmix_poison_null(clmix_here(x.graph), "clmix_reshape", "size");
    return clmix_node_add(clmix_here(x.graph), &clmix_op_reshape, &attributes, sizeof attributes, &x, 1);
}

/* ---- slices -------------------------------------------------------------------------------------------------------------------------- */

static clmix_status sliced_shape(const struct clmix_slice_attributes *attributes, clmix_shape whole, clmix_shape *part)
{
    char text[64];

    if (attributes->axis < 0 || attributes->axis >= whole.rank)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a slice along axis %d of %s, which has %d axes", attributes->axis,
                          clmix_shape_text(whole, text), whole.rank);
    if (attributes->length == 0 || attributes->begin > whole.size[attributes->axis] ||
        attributes->length > whole.size[attributes->axis] - attributes->begin)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a slice of %zu elements from %zu on along axis %d of %s, which has %zu there",
                          attributes->length, attributes->begin, attributes->axis, clmix_shape_text(whole, text),
                          whole.size[attributes->axis]);
    *part = whole;
    part->size[attributes->axis] = attributes->length;
    return CLMIX_OK;
}

/* Along the last axis the pitch stays and the offset moves by columns; along the first one it moves by whole rows. */
static clmix_status slice_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_slice_attributes *attributes = node->attributes;
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0);
    size_t pitch = x->pitch, offset = attributes->begin;
    clmix_shape shape;

    CLMIX_TRY(sliced_shape(attributes, x->shape, &shape));
    if (attributes->axis < x->shape.rank - 1)
        offset *= clmix_shape_rows(x->shape) / x->shape.size[0] * pitch;
    if (clmix_shape_rows(shape) == 1)
        pitch = clmix_shape_columns(shape);
    return clmix_node_declare_view(graph, node, shape, offset, pitch);
}

/* Columns of every row; or of the first axis, one whole part of several. */
static bool slice_parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                        struct clmix_parts *outputs)
{
    const struct clmix_slice_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_input(clmix_planner_graph(planner), node, 0)->shape;
    size_t begin = 0;

    if (attributes->axis == shape.rank - 1)
        return shape.rank > 1 && clmix_parts_by_row(planner, node, inputs, outputs);
    for (int i = 0; shape.rank == 2 && inputs[0].count > 1 && i < inputs[0].count; i++) {
        size_t length = inputs[0].rows[i] * clmix_planner_batch(planner);

        if (attributes->begin == begin && attributes->length == length) {
            outputs[0] = (struct clmix_parts){ .count = 1, .rows = { inputs[0].rows[i] } };
            return true;
        }
        begin += length;
    }
    return false;
}

const struct clmix_op clmix_op_slice = {
    .name = "slice",
    .flags = CLMIX_OP_VIEW | CLMIX_OP_STRIDED,
    .shape = slice_shape,
    .parts = slice_parts,
};

/* A slice along an axis in the middle is no matrix with a pitch, so it is copied. */
struct slice_grad_attributes {
    struct clmix_slice_attributes part;
    clmix_shape whole;
};

static clmix_status slice_copy_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0);
    clmix_shape shape;

    CLMIX_TRY(expect_words(node, x));
    CLMIX_TRY(sliced_shape(node->attributes, x->shape, &shape));
    return clmix_node_declare(graph, node, x->type, shape);
}

static clmix_status slice_copy_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct clmix_slice_attributes *attributes = node->attributes;
    struct slice_grad_attributes more = { .part = *attributes, .whole = clmix_node_input(clmix_backward_graph(backward), node, 0)->shape };

    return clmix_give_through(backward, node, &clmix_op_slice_grad, &more, sizeof more, clmix_no_value());
}

static clmix_status slice_copy_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_slice_attributes *attributes = node->attributes;
    const struct clmix_tensor *x = clmix_node_input(clmix_planner_graph(planner), node, 0);
    struct clmix_runs runs;

    clmix_part_runs(x->shape, clmix_planner_layout(planner, node->inputs[0]).pitch, attributes->axis, attributes->begin, attributes->length,
                    clmix_planner_layout(planner, node->outputs[0]).pitch, &runs, &runs.from, &runs.to);
    clmix_record_copy(planner, node, runs, node->inputs[0], node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_slice_copy = {
    .name = "slice_copy",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = slice_copy_shape,
    .backward = slice_copy_backward,
    .launch = slice_copy_launch,
    .cost = move_cost,
    .parts = clmix_parts_by_sample,
};

static clmix_status slice_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct slice_grad_attributes *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32, attributes->whole);
}

/* Zeros, then the part. */
static clmix_status slice_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct slice_grad_attributes *attributes = node->attributes;
    struct clmix_record *record = clmix_record_elements(planner, node, "fill.cl", "fill_values", clmix_shape_count(attributes->whole), 64);
    struct clmix_runs runs;

    clmix_record_value(record, node->outputs[0]);
    clmix_record_float(record, 0.0f);
    clmix_part_runs(attributes->whole, clmix_shape_columns(attributes->whole), attributes->part.axis, attributes->part.begin,
                    attributes->part.length, clmix_planner_layout(planner, node->inputs[0]).pitch, &runs, &runs.to, &runs.from);
    clmix_record_copy(planner, node, runs, node->inputs[0], node->outputs[0]);
    return CLMIX_OK;
}

static void slice_grad_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = 0;
    *bytes = (clmix_result_count(graph, node, 0) + clmix_shape_count(clmix_node_input(graph, node, 0)->shape)) * 4;
}

static void slice_grad_cut(void *attributes, size_t batch, size_t samples)
{
    struct slice_grad_attributes *gradient = attributes;

    clmix_shape_cut(&gradient->whole, batch, samples);
}

const struct clmix_op clmix_op_slice_grad = {
    .name = "slice_grad",
    .flags = CLMIX_OP_STRIDED,
    .shape = slice_grad_shape,
    .launch = slice_grad_launch,
    .cost = slice_grad_cost,
    .parts = clmix_parts_by_sample,
    .cut = slice_grad_cut,
};

clmix_value clmix_slice(clmix_value x, int axis, size_t begin, size_t length)
{
    struct clmix_slice_attributes attributes = { .axis = clmix_axis_of(x, axis), .begin = begin, .length = length };
    clmix_shape shape = clmix_shape_of(x);
    bool is_view = attributes.axis == 0 || attributes.axis == shape.rank - 1;

    if (clmix_is_value(x) && attributes.axis < 0)
        return clmix_poison(clmix_here(x.graph), CLMIX_ERROR_ARGUMENT, "a slice along axis %d of a value with %d axes", axis, shape.rank);
    if (clmix_is_value(x) && begin == 0 && length == shape.size[attributes.axis])
        return x;
    return clmix_node_add(clmix_here(x.graph), is_view ? &clmix_op_slice : &clmix_op_slice_copy, &attributes, sizeof attributes, &x, 1);
}
