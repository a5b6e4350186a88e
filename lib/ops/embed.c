/* Embeddings: rows of a few tables added for each token, in one pass. The gradient of a table is that of picking its rows (gather.c), or of adding it
 * to every sample (broadcast.c). Kernel: cl/embed.cl. */
#include "base/status.h"
#include "ops/column_sum.h"
#include "ops/gather.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>
#include <clmix/sequence.h>

/* Inputs: each lookup's table and ids. */
#define TABLE(t) (2 * (t))
#define IDS(t)   (2 * (t) + 1)

static int lookups_of(const struct clmix_node *node)
{
    return node->input_count / 2;
}

/* ---- shapes -------------------------------------------------------------------------------------------------------------------------- */

static clmix_status check_table(const clmix_graph *graph, const struct clmix_node *node, int t, size_t columns)
{
    const struct clmix_tensor *table = clmix_node_input(graph, node, TABLE(t));
    char text[64];

    if (table->type != CLMIX_F32 || table->shape.rank != 2 || table->shape.size[1] != columns)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a table is f32 of two axes (rows, columns), all of as many columns; table %d is %s%s", t,
                          clmix_shape_text(table->shape, text), table->type == CLMIX_F32 ? "" : " of integers");
    return CLMIX_OK;
}

static clmix_status check_ids(const clmix_graph *graph, const struct clmix_node *node, int t, clmix_shape tokens)
{
    const struct clmix_tensor *ids = clmix_node_input(graph, node, IDS(t));
    const size_t rows = clmix_node_input(graph, node, TABLE(t))->shape.size[0];
    char text[2][64];

    if (ids == NULL && rows != 1 && rows != tokens.size[1])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a table without ids has a row a token, %zu, or one row for all; table %d has %zu",
                          tokens.size[1], t, rows);
    if (ids != NULL && (ids->type != CLMIX_I32 || !clmix_shape_equal(ids->shape, tokens)))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "ids are i32 of one shape (batch, tokens), %s; those of table %d are %s%s",
                          clmix_shape_text(tokens, text[0]), t, clmix_shape_text(ids->shape, text[1]),
                          ids->type == CLMIX_I32 ? "" : " and not i32");
    return CLMIX_OK;
}

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *ids = clmix_node_input(graph, node, IDS(0));
    const size_t columns = clmix_shape_columns(clmix_node_input(graph, node, TABLE(0))->shape);
    clmix_shape shape;
    char text[64];

    if (ids == NULL || ids->shape.rank != 2)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the first table's rows are taken by ids i32 (batch, tokens); these are %s",
                          ids == NULL ? "left out" : clmix_shape_text(ids->shape, text));
    for (int t = 0; t < lookups_of(node); t++) {
        CLMIX_TRY(check_table(graph, node, t, columns));
        CLMIX_TRY(check_ids(graph, node, t, ids->shape));
    }
    shape = clmix_shape_make(3, (size_t[]){ ids->shape.size[0], ids->shape.size[1], columns });
    return clmix_node_declare(graph, node, CLMIX_F32, shape);
}

/* ---- backward ------------------------------------------------------------------------------------------------------------------------ */

static clmix_value gradient_of(struct clmix_backward *backward, const struct clmix_node *node, int t, clmix_value dy)
{
    const clmix_scope at = clmix_backward_scope(backward, node);
    const clmix_shape table = clmix_node_input(clmix_backward_graph(backward), node, TABLE(t))->shape;

    if (node->inputs[IDS(t)] != CLMIX_NONE)
        return clmix_gather_gradient(at, dy, clmix_backward_input(backward, node, IDS(t)), table);
    return clmix_reshape(clmix_sum_of_parts(at, dy, table), 2, table.size);
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const clmix_value dy = clmix_backward_gradient(backward, node, 0);

    for (int t = 0; clmix_is_value(dy) && t < lookups_of(node); t++)
        if (clmix_backward_wants(backward, node, TABLE(t)))
            CLMIX_TRY(clmix_backward_give(backward, node, TABLE(t), gradient_of(backward, node, t, dy)));
    return CLMIX_OK;
}

/* ---- launch -------------------------------------------------------------------------------------------------------------------------- */

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    const struct clmix_layout y = clmix_planner_layout(planner, node->outputs[0]);
    struct clmix_record *record = clmix_record_rows(planner, node, "embed.cl", "embed", y.rows, y.columns, false);
    const int count = lookups_of(node);
    uint64_t bytes = (uint64_t)4 * y.rows * y.columns;

    clmix_record_define(record, "LOOKUPS", count);
    clmix_record_uint(record, clmix_node_input(graph, node, IDS(0))->shape.size[1]);
    for (int i = 0; i < CLMIX_MOST_LOOKUPS; i++) {
        const int t = i < count ? i : 0; /* the others are not looked at */
        const bool named = node->inputs[IDS(t)] != CLMIX_NONE;
        const size_t rows = clmix_planner_layout(planner, node->inputs[TABLE(t)]).rows;

        clmix_record_pitched(planner, record, node->inputs[TABLE(t)]);
        clmix_record_uint(record, rows);
        clmix_record_value(record, node->inputs[IDS(t)]);
        clmix_record_uint(record, named);
        if (i < count)
            bytes += (uint64_t)4 * ((named ? y.rows : rows) * y.columns + (named ? y.rows : 0));
    }
    clmix_record_pitched(planner, record, node->outputs[0]);
    clmix_record_bytes(record, bytes);
    return CLMIX_OK;
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const size_t count = clmix_result_count(graph, node, 0), columns = clmix_shape_columns(clmix_node_result(graph, node, 0)->shape);

    *flops = (uint64_t)(lookups_of(node) - 1) * count;
    *bytes = (uint64_t)4 * count;
    for (int t = 0; t < lookups_of(node); t++)
        *bytes += node->inputs[IDS(t)] != CLMIX_NONE ? (uint64_t)4 * (count + count / columns)
                                                     : (uint64_t)4 * clmix_shape_count(clmix_node_input(graph, node, TABLE(t))->shape);
}

const struct clmix_op clmix_op_embed = {
    .name = "embed",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << IDS(0) | 1U << IDS(1) | 1U << IDS(2),
    .shape = shape,
    .backward = backward,
    .launch = launch,
    .cost = cost,
    .parts = clmix_parts_of_samples,
    .same = 1U << TABLE(0) | 1U << TABLE(1) | 1U << TABLE(2),
};

clmix_value clmix_embed(const clmix_lookup *lookups, int count)
{
    clmix_value inputs[2 * CLMIX_MOST_LOOKUPS];
    clmix_scope at;

    if (lookups == NULL || count < 1)
        return clmix_no_value();
    at = clmix_here(lookups[0].table.graph);
    if (count > CLMIX_MOST_LOOKUPS)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "an embedding of %d tables; it is of 1 to %d", count, CLMIX_MOST_LOOKUPS);
    for (int t = 0; t < count; t++) {
        inputs[TABLE(t)] = lookups[t].table;
        inputs[IDS(t)] = lookups[t].ids;
        clmix_expect_values(at, &clmix_op_embed, &lookups[t].table, 1);
    }
    return clmix_node_add(at, &clmix_op_embed, NULL, 0, inputs, 2 * count);
}
