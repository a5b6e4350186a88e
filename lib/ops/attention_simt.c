/* Launches of attention in the simt form: tiles of rows by tiles of columns. Forward a group owns queries; backward the deltas come first, then
 * groups that own queries give dq and groups that own keys give dk and dv. */
#include "ops/attention.h"

#include "base/size.h"
#include "base/status.h"
#include "ops/attention_tile.h"
#include "ops/gemm_internal.h"
#include "ops/row_launch.h"
#include "runtime/runtime.h"

static struct clmix_attention_tile choose_tile(const clmix_device_info *info)
{
    if (clmix_simt_makes_vectors(info)) /* rows of work-items are vectors */
        return (struct clmix_attention_tile){ info->vector_width >= 16 ? 16 : 8, 16, false };
    if (info->max_work_group >= 256)
        return (struct clmix_attention_tile){ 16, 16, true };
    if (info->max_work_group >= 64)
        return (struct clmix_attention_tile){ 8, 8, true };
    return (struct clmix_attention_tile){ 4, 4, true };
}

/* What the programs of a node are compiled with; DROPOUT follows. */
static void define(struct clmix_record *record, const struct clmix_attention_tile *tile, const struct clmix_attention *attention)
{
    clmix_attention_define_tile(record, tile, attention->width, attention->value_width);
    clmix_record_define(record, "MASKED", attention->masked);
    clmix_record_define(record, "CAUSAL", attention->causal);
    clmix_record_define(record, "WINDOWED", attention->window > 0);
}

/* The grid of a launch whose groups own tiles of `rows` rows, and its first arguments. */
static void launch_tiles(struct clmix_record *record, const struct clmix_attention_tile *tile, const struct clmix_attention *attention,
                         size_t rows, size_t heads, size_t parts)
{
    const size_t tiles = clmix_ceil_div(rows, CLMIX_ATTENTION_ITEM * tile->rows);

    clmix_record_grid(record, attention->batch * tiles, heads, parts, 1);
    clmix_record_group(record, tile->lanes, tile->rows);
    clmix_record_uint(record, attention->queries);
    clmix_record_uint(record, attention->keys);
    clmix_record_uint(record, tiles);
    clmix_record_uint(record, attention->group);
    clmix_record_uint(record, clmix_smaller(attention->window, attention->keys)); /* a larger one is one window too */
    clmix_record_float(record, attention->scale);
}

static void record_choices(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_attention *attention,
                           int32_t mask)
{
    if (attention->masked)
        clmix_record_value(record, mask);
    clmix_attention_record_random(planner, record, attention);
}

clmix_status clmix_attention_simt(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention *attention)
{
    const struct clmix_attention_tile tile = choose_tile(clmix_planner_device(planner));
    struct clmix_record *record = clmix_record_kernel(planner, node, "attention_simt.cl", "attention_simt");

    define(record, &tile, attention);
    launch_tiles(record, &tile, attention, attention->queries, attention->heads,
                 clmix_attention_column_parts(&tile, attention->value_width));
    clmix_record_float(record, (float)attention->zero_keys);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_Q]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_K]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_V]);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_ATTENTION_Y]);
    clmix_record_value(record, node->outputs[CLMIX_ATTENTION_LOG_SUM]);
    record_choices(planner, record, attention, node->inputs[CLMIX_ATTENTION_MASK]);
    return CLMIX_OK;
}

/* ---- gradients -------------------------------------------------------------------------------------------------------------------------- */

static int32_t launch_delta(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention_tile *tile,
                            const struct clmix_attention *attention, bool of_v)
{
    const size_t count = attention->batch * attention->queries * attention->heads;
    const int32_t delta = clmix_planner_scratch(planner, node, count * sizeof(float));
    struct clmix_record *record = clmix_record_kernel(planner, node, "attention_simt_grad.cl", "attention_delta");

    define(record, tile, attention);
    clmix_attention_define_gradients(record, true, of_v);
    clmix_record_define(record, "DROPOUT", attention->dropping);
    clmix_record_grid(record, clmix_ceil_div(count, tile->lanes * tile->rows), 1, 1, 1);
    clmix_record_group(record, tile->lanes, tile->rows);
    clmix_record_uint(record, count);
    clmix_record_uint(record, attention->queries);
    clmix_record_uint(record, attention->heads);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_GRAD_DY]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_GRAD_Y]);
    clmix_record_value(record, delta);
    clmix_record_flops(record, 0);
    return delta;
}

static void record_tensors(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_node *node, int32_t delta)
{
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_GRAD_Q]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_GRAD_K]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_GRAD_V]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_GRAD_DY]);
    clmix_record_value(record, node->inputs[CLMIX_ATTENTION_GRAD_LOG_SUM]);
    clmix_record_value(record, delta);
}

static void launch_queries(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention_tile *tile,
                           const struct clmix_attention *attention, int32_t delta, bool of_v)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "attention_simt_grad.cl", "attention_simt_queries");

    define(record, tile, attention);
    clmix_attention_define_gradients(record, true, of_v);
    launch_tiles(record, tile, attention, attention->queries, attention->heads, clmix_attention_column_parts(tile, attention->width));
    record_tensors(planner, record, node, delta);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_ATTENTION_DQ]);
    record_choices(planner, record, attention, node->inputs[CLMIX_ATTENTION_GRAD_MASK]);
    clmix_attention_claim_fifths(planner, node, record, 2);
}

/* dk, dv, or both. */
static void launch_keys(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention_tile *tile,
                        const struct clmix_attention *attention, int32_t delta, bool of_k, bool of_v)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "attention_simt_grad.cl", "attention_simt_keys");

    define(record, tile, attention);
    clmix_attention_define_gradients(record, of_k, of_v);
    launch_tiles(record, tile, attention, attention->keys, attention->kv_heads,
                 clmix_attention_column_parts(tile, of_k ? attention->width : attention->value_width));
    record_tensors(planner, record, node, delta);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_ATTENTION_DK]);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_ATTENTION_DV]);
    record_choices(planner, record, attention, node->inputs[CLMIX_ATTENTION_GRAD_MASK]);
    clmix_attention_claim_fifths(planner, node, record, (of_k ? 2U : 0U) + (of_v ? 1U : 0U));
}

clmix_status clmix_attention_simt_grad(struct clmix_planner *planner, const struct clmix_node *node,
                                       const struct clmix_attention *attention)
{
    const struct clmix_attention_tile tile = choose_tile(clmix_planner_device(planner));
    const bool together = clmix_attention_sums_fit(&tile, attention->width, attention->value_width);
    const int32_t delta = launch_delta(planner, node, &tile, attention, together);

    launch_queries(planner, node, &tile, attention, delta, together);
    launch_keys(planner, node, &tile, attention, delta, true, together);
    if (!together)
        launch_keys(planner, node, &tile, attention, delta, false, true);
    return CLMIX_OK;
}
