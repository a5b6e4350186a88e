/* Launches of attention within chosen blocks in the simt form. Kernels: cl/block_attention_simt.cl, cl/block_attention_simt_grad.cl, cl/block_columns.cl. */
#include "ops/block_attention.h"

#include "base/size.h"
#include "base/status.h"
#include "ops/attention_tile.h"
#include "ops/gemm_internal.h"
#include "ops/row_launch.h"

/* No larger than a block, where the device takes so many work-items. */
static struct clmix_attention_tile choose_tile(const clmix_device_info *info, const struct clmix_block_attention *attention)
{
    size_t lanes = 4;

    while (lanes < 16 && CLMIX_ATTENTION_ITEM * lanes < attention->block && 4 * lanes * lanes <= info->max_work_group)
        lanes *= 2;
    return (struct clmix_attention_tile){ lanes, lanes, !clmix_simt_makes_vectors(info) };
}

/* A launch whose groups own tiles of a block's rows, and its first arguments. */
static struct clmix_record *launch_tiles(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel,
                                         const struct clmix_attention_tile *tile, const struct clmix_block_attention *attention,
                                         size_t column_parts)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, file, kernel);
    const size_t parts = clmix_ceil_div(attention->block, CLMIX_ATTENTION_ITEM * tile->rows);

    clmix_attention_define_tile(record, tile, attention->width, attention->value_width);
    clmix_record_define(record, "MASKED", attention->masked);
    clmix_record_define(record, "REST", attention->rest);
    clmix_record_grid(record, attention->batch * attention->blocks * parts, attention->heads, column_parts, 1);
    clmix_record_group(record, tile->lanes, tile->rows);
    clmix_record_uint(record, attention->tokens);
    clmix_record_uint(record, attention->block);
    clmix_record_uint(record, attention->blocks);
    clmix_record_uint(record, parts);
    clmix_record_uint(record, attention->count);
    clmix_record_float(record, attention->scale);
    return record;
}

static void record_mask(struct clmix_record *record, const struct clmix_node *node)
{
    if (node->inputs[CLMIX_BLOCKS_MASK] != CLMIX_NONE)
        clmix_record_value(record, node->inputs[CLMIX_BLOCKS_MASK]);
}

clmix_status clmix_block_attention_simt(struct clmix_planner *planner, const struct clmix_node *node,
                                        const struct clmix_block_attention *attention)
{
    const struct clmix_attention_tile tile = choose_tile(clmix_planner_device(planner), attention);
    struct clmix_record *record = launch_tiles(planner, node, "block_attention_simt.cl", "block_attention_simt", &tile, attention,
                                               clmix_attention_column_parts(&tile, attention->value_width));

    for (int i = CLMIX_BLOCKS_Q; i <= CLMIX_BLOCKS_V; i++)
        clmix_record_pitched(planner, record, node->inputs[i]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_CHOSEN]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_BEGINS]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_BLOCKS_REST]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_SUM]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_MOST]);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_BLOCKS_Y]);
    clmix_record_value(record, node->outputs[CLMIX_BLOCKS_LOG_SUM]);
    record_mask(record, node);
    return CLMIX_OK;
}

/* ---- gradients -------------------------------------------------------------------------------------------------------------------------- */

/* What the gradient has in scratch memory: each query's delta, and the chosen blocks by columns. */
struct scratch {
    int32_t delta, rows, begins;
};

static void launch_delta(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_block_attention *attention,
                         int32_t delta)
{
    struct clmix_record *record =
        clmix_record_elements(planner, node, "block_columns.cl", "block_delta", attention->batch * attention->tokens * attention->heads, 1);

    clmix_record_uint(record, attention->tokens);
    clmix_record_uint(record, attention->heads);
    clmix_record_uint(record, attention->value_width);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_BLOCKS_DY]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_BLOCKS_Y_AGAIN]);
    clmix_record_value(record, delta);
    clmix_record_flops(record, 0);
}

static void launch_columns(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_block_attention *attention,
                           const struct scratch *scratch)
{
    struct clmix_record *record = clmix_record_elements(planner, node, "block_columns.cl", "block_columns",
                                                        attention->batch * attention->heads * attention->blocks, 1);

    clmix_record_uint(record, attention->blocks);
    clmix_record_uint(record, attention->count);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_CHOSEN]);
    clmix_record_value(record, scratch->rows);
    clmix_record_value(record, scratch->begins);
    clmix_record_flops(record, 0);
}

static void launch_rest(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_block_attention *attention,
                        int32_t delta)
{
    struct clmix_record *record =
        clmix_record_elements(planner, node, "block_columns.cl", "block_rest_sums",
                              attention->batch * attention->blocks * attention->heads * attention->value_width, 1);

    clmix_record_uint(record, attention->tokens);
    clmix_record_uint(record, attention->block);
    clmix_record_uint(record, attention->blocks);
    clmix_record_uint(record, attention->heads);
    clmix_record_uint(record, attention->value_width);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_BLOCKS_DY]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_LOG_SUM_AGAIN]);
    clmix_record_value(record, delta);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_MOST]);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_BLOCKS_DREST]);
    clmix_record_value(record, node->outputs[CLMIX_BLOCKS_DSUM]);
    clmix_record_flops(record, 0);
}

static void record_tensors(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_node *node, int32_t delta,
                           int32_t chosen, int32_t begins)
{
    for (int i = CLMIX_BLOCKS_Q; i <= CLMIX_BLOCKS_V; i++)
        clmix_record_pitched(planner, record, node->inputs[i]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_BLOCKS_DY]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_LOG_SUM_AGAIN]);
    clmix_record_value(record, delta);
    clmix_record_value(record, chosen);
    clmix_record_value(record, begins);
}

static void launch_queries(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention_tile *tile,
                           const struct clmix_block_attention *attention, int32_t delta, bool of_v)
{
    struct clmix_record *record = launch_tiles(planner, node, "block_attention_simt_grad.cl", "block_attention_simt_queries", tile,
                                               attention, clmix_attention_column_parts(tile, attention->width));

    clmix_attention_define_gradients(record, true, of_v);
    record_tensors(planner, record, node, delta, node->inputs[CLMIX_BLOCKS_CHOSEN], node->inputs[CLMIX_BLOCKS_BEGINS]);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_BLOCKS_DQ]);
    record_mask(record, node);
    clmix_attention_claim_fifths(planner, node, record, 2);
}

/* dk, dv, or both. */
static void launch_keys(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention_tile *tile,
                        const struct clmix_block_attention *attention, const struct scratch *scratch, bool of_k, bool of_v)
{
    struct clmix_record *record = launch_tiles(planner, node, "block_attention_simt_grad.cl", "block_attention_simt_keys", tile, attention,
                                               clmix_attention_column_parts(tile, of_k ? attention->width : attention->value_width));

    clmix_attention_define_gradients(record, of_k, of_v);
    record_tensors(planner, record, node, scratch->delta, scratch->rows, scratch->begins);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_BLOCKS_DK]);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_BLOCKS_DV]);
    record_mask(record, node);
    clmix_attention_claim_fifths(planner, node, record, (of_k ? 2U : 0U) + (of_v ? 1U : 0U));
}

clmix_status clmix_block_attention_simt_grad(struct clmix_planner *planner, const struct clmix_node *node,
                                             const struct clmix_block_attention *attention)
{
    const struct clmix_attention_tile tile = choose_tile(clmix_planner_device(planner), attention);
    const bool together = clmix_attention_sums_fit(&tile, attention->width, attention->value_width);
    const size_t heads = attention->batch * attention->heads;
    struct scratch scratch;

    scratch.delta = clmix_planner_scratch(planner, node, heads * attention->tokens * sizeof(float));
    scratch.rows = clmix_planner_scratch(planner, node, heads * attention->count * sizeof(int32_t));
    scratch.begins = clmix_planner_scratch(planner, node, heads * (attention->blocks + 1) * sizeof(int32_t));
    launch_delta(planner, node, attention, scratch.delta);
    launch_columns(planner, node, attention, &scratch);
    if (attention->rest)
        launch_rest(planner, node, attention, scratch.delta);
    launch_queries(planner, node, &tile, attention, scratch.delta, together);
    launch_keys(planner, node, &tile, attention, &scratch, true, together);
    if (!together)
        launch_keys(planner, node, &tile, attention, &scratch, false, true);
    return CLMIX_OK;
}
