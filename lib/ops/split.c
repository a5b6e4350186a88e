/* Parting of the last axis into dense values, the reverse of a concatenation. Slices are views and free, but where they are narrower than a
 * cache line every reader of one drags its neighbours through memory too; one pass that makes them dense is then cheaper (measured on
 * WaveMix-32's gradients: 8 of 32 channels). Kernel: cl/split.cl. */
#include "ops/split.h"

#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/table.h"

#include <stdio.h>

static clmix_status split_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_split_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_input(graph, node, 0)->shape;
    size_t sum = 0;

    for (int i = 0; i < attributes->count; i++)
        sum += attributes->width[i];
    if (shape.rank < 1 || sum != clmix_shape_columns(shape))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "parts of %zu columns in all of a value with %zu", sum, clmix_shape_columns(shape));
    for (int i = 0; i < attributes->count; i++) {
        shape.size[shape.rank - 1] = attributes->width[i];
        CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, shape));
    }
    return CLMIX_OK;
}

static clmix_status split_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_split_attributes *attributes = node->attributes;
    const struct clmix_layout x = clmix_planner_layout(planner, node->inputs[0]);
    size_t group = clmix_group_size(planner, 64);
    struct clmix_record *record = clmix_record_kernel(planner, node, "split.cl", "split_columns");
    struct clmix_chunks cut = clmix_chunks_of(planner, x.rows, 1, (clmix_planner_wide(planner) ? 4096 : 16 * group) / x.columns + 1, 0);

    for (int i = 0; i < CLMIX_SPLIT_PARTS; i++) {
        char name[8];

        snprintf(name, sizeof name, "W%d", i);
        clmix_record_define(record, name, i < attributes->count ? (long)attributes->width[i] : 0);
    }
    clmix_record_define(record, "COUNT", attributes->count);
    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, cut.groups, 1, 1, group);
    clmix_record_uint(record, x.rows);
    clmix_record_uint(record, cut.chunk);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_uint(record, x.pitch);
    for (int i = 0; i < CLMIX_SPLIT_PARTS; i++)
        clmix_record_value(record, i < attributes->count ? node->outputs[i] : CLMIX_NONE);
    return CLMIX_OK;
}

static void split_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = 0;
    *bytes = clmix_shape_count(clmix_node_input(graph, node, 0)->shape) * 8;
}

const struct clmix_op clmix_op_split = {
    .name = "split",
    .flags = CLMIX_OP_STRIDED,
    .shape = split_shape,
    .launch = split_launch,
    .cost = split_cost,
    .parts = clmix_parts_by_row,
};

clmix_value clmix_split(clmix_scope at, clmix_value x, const struct clmix_split_attributes *attributes)
{
    return clmix_node_add(at, &clmix_op_split, attributes, sizeof *attributes, &x, 1);
}
