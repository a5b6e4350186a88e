/* Concatenation. Along the last axis one kernel writes whole rows, and takes in a following addition; along other axes every input is
 * copied to its place, one that stands in every sample to many. In both cases but for what the planner had produced there. Kernels:
 * cl/shape.cl. */
#include "base/status.h"
#include "ops/column_sum.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/shape.h"
#include "ops/split.h"
#include "ops/table.h"

#include <clmix/ops.h>
#include <stdio.h>

#define MOST_INPUTS 8 /* of one launch */

/* Along an axis in the middle a value whose first axis is 1 stands in every sample: how many there are is what the others say. */
static size_t samples_of(const clmix_graph *graph, const struct clmix_node *node)
{
    size_t samples = 1;

    for (int i = 0; i < node->input_count && samples == 1; i++)
        samples = clmix_node_input(graph, node, i)->shape.size[0];
    return samples;
}

static bool in_the_middle(clmix_shape shape, int axis)
{
    return axis > 0 && axis < shape.rank - 1;
}

static clmix_status concat_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_concat_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_input(graph, node, 0)->shape;
    int axis = attributes->axis;
    char first[64], other[64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    if (axis < 0 || axis >= shape.rank)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "concatenation along axis %d of %s, which has %d axes", axis,
                          clmix_shape_text(shape, first), shape.rank);
    if (in_the_middle(shape, axis))
        shape.size[0] = samples_of(graph, node);
    for (int i = 1; i < node->input_count; i++) {
        clmix_shape next = clmix_node_input(graph, node, i)->shape, same = next;

        if (next.rank == shape.rank)
            same.size[axis] = shape.size[axis];
        if (in_the_middle(same, axis) && same.size[0] == 1)
            same.size[0] = shape.size[0];
        if (!clmix_shape_equal(same, shape))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "concatenation along axis %d of %s and, as input %d, %s; all other axes must agree",
                              axis, clmix_shape_text(shape, first), i, clmix_shape_text(next, other));
        shape.size[axis] += next.size[axis];
    }
    return clmix_node_declare(graph, node, CLMIX_F32, shape);
}

static bool along_rows(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct clmix_concat_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_result(graph, node, 0)->shape;

    return attributes->axis == shape.rank - 1 && clmix_shape_rows(shape) > 1;
}

/* Whether dy's parts are so narrow that one pass should make them dense. */
static bool splits(const clmix_graph *graph, const struct clmix_node *node, struct clmix_split_attributes *parts)
{
    *parts = (struct clmix_split_attributes){ .count = node->input_count };
    if (!along_rows(graph, node) || node->input_count > CLMIX_SPLIT_PARTS)
        return false;
    for (int i = 0; i < node->input_count; i++) {
        parts->width[i] = clmix_shape_columns(clmix_node_input(graph, node, i)->shape);
        if (parts->width[i] * sizeof(float) >= CLMIX_SPLIT_LINE_BYTES)
            return false;
    }
    return true;
}

/* Its slice of dy; where it stands in every sample, the sum of these. */
static clmix_value part_gradient(clmix_scope at, clmix_value dy, int axis, size_t begin, clmix_shape part)
{
    clmix_value slice = clmix_slice(dy, axis, begin, part.size[axis]);

    return clmix_is_value(slice) && clmix_shape_of(slice).size[0] != part.size[0] && axis > 0 ? clmix_sum_of_parts(at, slice, part) : slice;
}

/* The gradient of each input is its part of dy. */
static clmix_status concat_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct clmix_concat_attributes *attributes = node->attributes;
    clmix_value dy = clmix_backward_gradient(backward, node, 0);
    struct clmix_split_attributes parts;
    bool dense = splits(clmix_backward_graph(backward), node, &parts);
    clmix_value first = dense && clmix_is_value(dy) ? clmix_split(clmix_backward_scope(backward, node), dy, &parts) : dy;
    size_t begin = 0;

    for (int i = 0; i < node->input_count && clmix_is_value(first); i++) {
        clmix_shape part = clmix_node_input(clmix_backward_graph(backward), node, i)->shape;

        if (clmix_backward_wants(backward, node, i))
            CLMIX_TRY(clmix_backward_give(backward, node, i,
                                          dense ? clmix_node_output(first, i)
                                                : part_gradient(clmix_backward_scope(backward, node), dy, attributes->axis, begin, part)));
        begin += part.size[attributes->axis];
    }
    return CLMIX_OK;
}

/* Takes in "+ residual" where rows are written whole. */
static bool concat_absorb(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    return next->op == &clmix_op_add && clmix_planner_absorbed(planner, node, 0) == NULL && next->inputs[0] != next->inputs[1] &&
           along_rows(clmix_planner_graph(planner), node);
}

/* `count` inputs from `begin` on, into the columns from `first` on. Their widths are constants of the program, so that runs of
 * a few channels become a few vector moves. Returns the column behind. */
static size_t launch_columns(struct clmix_planner *planner, const struct clmix_node *node, int begin, int count, size_t first,
                             int32_t residual)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    clmix_shape shape = clmix_node_result(graph, node, 0)->shape;
    size_t group = clmix_group_size(planner, 64), rows = clmix_shape_rows(shape), behind = first;
    struct clmix_record *record = clmix_record_kernel(planner, node, "shape.cl", "concat_columns");
    struct clmix_chunks cut;

    for (int i = 0; i < MOST_INPUTS; i++) {
        size_t width = i < count ? clmix_shape_columns(clmix_node_input(graph, node, begin + i)->shape) : 0;
        char name[8];

        snprintf(name, sizeof name, "W%d", i);
        clmix_record_define(record, name, (long)width);
        behind += width;
    }
    cut = clmix_chunks_of(planner, rows, 1, (clmix_planner_wide(planner) ? 4096 : 16 * group) / (behind - first) + 1, 0);
    clmix_record_define(record, "COUNT", count);
    clmix_record_define(record, "RESIDUAL", residual != CLMIX_NONE);
    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, cut.groups, 1, 1, group);
    clmix_record_uint(record, rows);
    clmix_record_uint(record, cut.chunk);
    clmix_record_uint(record, first);
    clmix_record_uint(record, clmix_shape_columns(shape));
    clmix_record_value(record, clmix_planner_result(planner, node));
    clmix_record_value(record, residual);
    for (int i = 0; i < MOST_INPUTS; i++) {
        clmix_record_value(record, i < count ? node->inputs[begin + i] : CLMIX_NONE);
        clmix_record_uint(record, i < count ? clmix_planner_layout(planner, node->inputs[begin + i]).pitch : 0);
    }
    clmix_record_bytes(record, (uint64_t)rows * (behind - first) * (residual != CLMIX_NONE ? 12 : 8));
    return behind;
}

/* Columns that were not produced in place. */
static void launch_rows(struct clmix_planner *planner, const struct clmix_node *node, int32_t residual)
{
    size_t first = 0;
    int count;

    for (int begin = 0; begin < node->input_count; begin += count) {
        bool in_place = clmix_planner_in_place(planner, node, begin);

        for (count = 1; !in_place && count < MOST_INPUTS && begin + count < node->input_count; count++)
            if (clmix_planner_in_place(planner, node, begin + count))
                break;
        if (in_place)
            first += clmix_shape_columns(clmix_node_input(clmix_planner_graph(planner), node, begin)->shape);
        else
            first = launch_columns(planner, node, begin, count, first, residual);
    }
}

static void launch_parts(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    const struct clmix_concat_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_result(graph, node, 0)->shape;
    size_t begin = 0;

    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *input = clmix_node_input(graph, node, i);
        size_t length = input->shape.size[attributes->axis];
        struct clmix_runs runs;

        clmix_part_runs(shape, clmix_shape_columns(shape), attributes->axis, begin, length,
                        clmix_planner_layout(planner, node->inputs[i]).pitch, &runs, &runs.to, &runs.from);
        if (attributes->axis > 0 && input->shape.size[0] < shape.size[0])
            runs.from.outer = 0;
        if (!clmix_planner_in_place(planner, node, i))
            clmix_record_copy(planner, node, runs, node->inputs[i], node->outputs[0]);
        begin += length;
    }
}

static clmix_status concat_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_node *sum = clmix_planner_absorbed(planner, node, 0);

    if (!along_rows(clmix_planner_graph(planner), node)) {
        launch_parts(planner, node);
        return CLMIX_OK;
    }
    launch_rows(planner, node, sum == NULL ? CLMIX_NONE : sum->inputs[sum->inputs[0] == node->outputs[0]]);
    return CLMIX_OK;
}

static void concat_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = 0;
    *bytes = clmix_result_count(graph, node, 0) * 8;
}

/* Along the first axis the parts of all inputs follow one another. */
static bool concat_parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                         struct clmix_parts *outputs)
{
    const struct clmix_concat_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_result(clmix_planner_graph(planner), node, 0)->shape;

    if (attributes->axis == shape.rank - 1)
        return shape.rank > 1 && clmix_parts_by_row(planner, node, inputs, outputs);
    if (attributes->axis > 0)
        return clmix_parts_by_sample(planner, node, inputs, outputs);
    for (int i = 0; i < node->input_count; i++) {
        if (outputs[0].count + inputs[i].count > CLMIX_MOST_PARTS)
            return false;
        for (int j = 0; j < inputs[i].count; j++)
            outputs[0].rows[outputs[0].count++] = inputs[i].rows[j];
    }
    return shape.rank == 2;
}

const struct clmix_op clmix_op_concat = {
    .name = "concat",
    .flags = CLMIX_OP_STRIDED,
    .shape = concat_shape,
    .backward = concat_backward,
    .launch = concat_launch,
    .absorb = concat_absorb,
    .cost = concat_cost,
    .parts = concat_parts,
};

clmix_value clmix_concat(const clmix_value *values, int count, int axis)
{
    struct clmix_concat_attributes attributes;

    if (count < 1 || values == NULL)
        return clmix_no_value();
    attributes.axis = clmix_axis_of(values[0], axis);
    if (clmix_is_value(values[0]) && attributes.axis < 0)
        return clmix_poison(clmix_here(values[0].graph), CLMIX_ERROR_ARGUMENT, "concatenation along axis %d of values with %d axes", axis,
                            clmix_shape_of(values[0]).rank);
    return count == 1 ? values[0]
                      : clmix_node_add(clmix_here(values[0].graph), &clmix_op_concat, &attributes, sizeof attributes, values, count);
}
