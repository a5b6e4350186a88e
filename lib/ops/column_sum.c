/* Sums over rows, in two stages: chunks of rows in parallel, then their sums. */
#include "ops/column_sum.h"

#include "base/size.h"
#include "base/status.h"

#include <clmix/ops.h>

#define TILE 1024 /* columns of the wide form's groups where rows are long and few */

/* Launches one stage; gives the number of chunks. */
static size_t stage(struct clmix_planner *planner, const struct clmix_node *node, int32_t x, size_t rows, size_t columns, size_t pitch,
                    size_t chunk, int32_t out)
{
    bool wide = clmix_planner_wide(planner);
    size_t work_group = wide ? 1 : 64, width = !wide                                               ? 1
                                               : clmix_planner_device(planner)->vector_width >= 16 ? 16
                                               : clmix_planner_device(planner)->vector_width >= 8  ? 8
                                                                                                   : 4;
    size_t chunks = (rows + chunk - 1) / chunk, units = clmix_planner_device(planner)->compute_units,
           tile = !wide                ? work_group * width
                  : chunks < 4 * units ? TILE
                                       : columns;
    struct clmix_record *record = clmix_record_kernel(planner, node, "column_sum.cl", "column_sum");

    clmix_record_define(record, "WG", (long)work_group);
    clmix_record_define(record, "VW", (long)width);
    clmix_record_uint(record, rows);
    clmix_record_uint(record, columns);
    clmix_record_uint(record, chunk);
    clmix_record_uint(record, tile);
    clmix_record_value(record, x);
    clmix_record_uint(record, pitch);
    clmix_record_value(record, out);
    clmix_record_grid(record, chunks, clmix_ceil_div(columns, tile), 1, work_group);
    return chunks;
}

void clmix_column_sum_plan(struct clmix_planner *planner, const struct clmix_node *node, int32_t x, size_t rows, size_t columns,
                           int32_t out)
{
    const clmix_device_info *info = clmix_planner_device(planner);
    size_t pitch = clmix_planner_layout(planner, x).pitch, units = info->compute_units == 0 ? 1 : info->compute_units;
    size_t folded = 1, chunk, chunks;
    int32_t sums;

    /* Dense narrow rows: several are taken as one wide row, so that vectors and work-groups are full; the second stage adds the folds up
     * too. */
    while (pitch == columns && folded * columns < 64 && rows % (2 * folded) == 0)
        folded *= 2;
    rows /= folded;
    chunk = (rows + 16 * units - 1) / (16 * units);
    if (chunk < 32)
        chunk = 32;
    if (folded == 1 && rows <= chunk) {
        stage(planner, node, x, rows, columns, pitch, chunk, out);
        return;
    }
    chunks = (rows + chunk - 1) / chunk;
    sums = clmix_planner_scratch(planner, node, chunks * folded * columns * sizeof(float));
    stage(planner, node, x, rows, folded * columns, folded == 1 ? pitch : folded * columns, chunk, sums);
    stage(planner, node, sums, chunks * folded, columns, columns, chunks * folded, out);
}

/* ---- the op ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0);
    size_t columns = clmix_shape_columns(x->shape);

    if (x->type != CLMIX_F32)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "column sums are of float32 values");
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(1, &columns));
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(clmix_planner_graph(planner), node, 0);

    clmix_column_sum_plan(planner, node, node->inputs[0], clmix_shape_rows(x->shape), clmix_shape_columns(x->shape),
                          clmix_planner_result(planner, node));
    return CLMIX_OK;
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_shape x = clmix_node_input(graph, node, 0)->shape;

    *flops = clmix_shape_count(x);
    *bytes = (clmix_shape_count(x) + clmix_shape_columns(x)) * sizeof(float);
}

const struct clmix_op clmix_op_column_sum = {
    .name = "column_sum",
    .flags = CLMIX_OP_STRIDED,
    .shape = shape,
    .launch = launch,
    .cost = cost,
};

clmix_value clmix_column_sum(clmix_scope at, clmix_value x)
{
    return clmix_node_add(at, &clmix_op_column_sum, NULL, 0, &x, 1);
}

/* What dy has for each element of `part`, side by side in rows; then the sum of its rows. */
clmix_value clmix_sum_of_parts(clmix_scope at, clmix_value dy, clmix_shape part)
{
    const size_t count = clmix_shape_count(part), rows = clmix_shape_count(clmix_shape_of(dy)) / count;

    if (rows == 1)
        return dy;
    if (count != clmix_shape_columns(clmix_shape_of(dy)))
        dy = clmix_reshape(dy, 2, (size_t[]){ rows, count });
    return clmix_column_sum(at, dy);
}
