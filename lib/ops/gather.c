/* Rows of a table by their numbers: y[i] = table[index[i]], as embeddings are read. The gradient of a row of the table is the sum over the
 * places that picked it, in their order. Kernels: cl/gather.cl. */
#include "ops/gather.h"
#include "base/size.h"
#include "base/status.h"
#include "ops/arithmetic.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

#define MOST_GROUPS 1024 /* of the gradient's table rows in the simt form: each reads all indices */

struct gradient_attributes {
    clmix_shape table;
};

/* ---- picking ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *table = clmix_node_input(graph, node, 0), *index = clmix_node_input(graph, node, 1);
    clmix_shape picked = index->shape;
    char text[64];

    if (table->type != CLMIX_F32 || table->shape.rank != 2)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the table must be f32 of two axes (rows, columns); this one is %s%s",
                          clmix_shape_text(table->shape, text), table->type == CLMIX_F32 ? "" : " of integers");
    if (index->type != CLMIX_I32)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the numbers of rows must be i32; these are %s", index->type == CLMIX_F32 ? "f32" : "u8");
    if (picked.rank == CLMIX_MAX_RANK)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the numbers %s have %d axes, and the result would have one more; %d is the most",
                          clmix_shape_text(picked, text), picked.rank, CLMIX_MAX_RANK);
    picked.size[picked.rank++] = table->shape.size[1];
    return clmix_node_declare(graph, node, CLMIX_F32, picked);
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const clmix_value dy = clmix_backward_gradient(backward, node, 0);

    if (!clmix_is_value(dy) || !clmix_backward_wants(backward, node, 0))
        return CLMIX_OK;
    return clmix_backward_give(backward, node, 0,
                               clmix_gather_gradient(clmix_backward_scope(backward, node), dy, clmix_backward_input(backward, node, 1),
                                                     clmix_node_input(clmix_backward_graph(backward), node, 0)->shape));
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_layout table = clmix_planner_layout(planner, node->inputs[0]), y = clmix_planner_layout(planner, node->outputs[0]);
    struct clmix_record *record = clmix_record_rows(planner, node, "gather.cl", "gather_rows", y.rows, y.columns, false);

    clmix_record_value(record, node->inputs[0]);
    clmix_record_uint(record, table.pitch);
    clmix_record_uint(record, table.rows);
    clmix_record_value(record, node->inputs[1]);
    clmix_record_value(record, node->outputs[0]);
    clmix_record_uint(record, y.pitch);
    clmix_record_bytes(record, (uint64_t)y.rows * (8 * y.columns + 4));
    return CLMIX_OK;
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = 0;
    *bytes = clmix_result_count(graph, node, 0) * 8 + clmix_shape_count(clmix_node_input(graph, node, 1)->shape) * 4;
}

const struct clmix_op clmix_op_gather = {
    .name = "gather",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << 1,
    .shape = shape,
    .backward = backward,
    .launch = launch,
    .cost = cost,
    .parts = clmix_parts_of_samples,
    .same = 1U << 0, /* every sample has numbers of its own, and all have one table */
};

clmix_value clmix_gather(clmix_value table, clmix_value index)
{
    const clmix_value inputs[2] = { table, index };

    if (!clmix_is_value(index))
        return index;
    return clmix_node_add(clmix_here(table.graph), &clmix_op_gather, NULL, 0, inputs, 2);
}

/* ---- gradient of the table ------------------------------------------------------------------------------------------------------------ */

static clmix_status gradient_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, ((const struct gradient_attributes *)node->attributes)->table);
}

/* Wide: whole rows. Simt: as many columns a group as its work-items hold, a vector of 4 each. */
static clmix_status gradient_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_layout dy = clmix_planner_layout(planner, node->inputs[0]), table = clmix_planner_layout(planner, node->outputs[0]);
    const int32_t others = clmix_other_term(planner, node);
    const bool wide = clmix_planner_wide(planner);
    const size_t group = clmix_group_size(planner, 64), tile = wide ? table.columns : 4 * group,
                 least = wide ? 4096 / table.columns + 1 : clmix_ceil_div(table.rows, MOST_GROUPS);
    const struct clmix_chunks cut = clmix_chunks_of(planner, table.rows, 1, least, 0);
    struct clmix_record *record = clmix_record_kernel(planner, node, "gather.cl", "gather_gradient");

    clmix_record_define(record, "WG", (long)group);
    if (!wide)
        clmix_record_define(record, "VW", 4);
    clmix_record_grid(record, cut.groups, clmix_ceil_div(table.columns, tile), 1, group);
    clmix_record_uint(record, table.rows);
    clmix_record_uint(record, cut.chunk);
    clmix_record_uint(record, table.columns);
    clmix_record_uint(record, tile);
    clmix_record_uint(record, dy.rows);
    clmix_record_value(record, node->inputs[1]);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_uint(record, dy.pitch);
    clmix_record_pitched(planner, record, others);
    clmix_record_value(record, clmix_planner_result(planner, node));
    clmix_record_bytes(record,
                       (uint64_t)4 * ((others != CLMIX_NONE ? 2 : 1) * table.rows * table.columns + 3 * dy.rows * dy.columns + dy.rows));
    return CLMIX_OK;
}

static void gradient_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops = clmix_shape_count(clmix_node_input(graph, node, 0)->shape);
}

const struct clmix_op clmix_op_gather_grad = {
    .name = "gather_grad",
    .flags = CLMIX_OP_STRIDED,
    .dense = 1U << 1,
    .shape = gradient_shape,
    .launch = gradient_launch,
    .absorb = clmix_absorb_addition, /* a matrix of scores may be the table, too */
    .cost = gradient_cost,
};

clmix_value clmix_gather_gradient(clmix_scope at, clmix_value dy, clmix_value index, clmix_shape table)
{
    const struct gradient_attributes attributes = { table };

    return clmix_node_add(at, &clmix_op_gather_grad, &attributes, sizeof attributes, (clmix_value[]){ dy, index }, 2);
}
