/* Launches of attention within chosen blocks in the wide form. Kernels: cl/block_attention_wide.cl, cl/block_attention_wide_grad.cl. */
#include "ops/block_attention.h"

#include "base/size.h"
#include "base/status.h"
#include "ops/attention_sum.h"
#include "ops/row_launch.h"

#define VECTORS      2                       /* across a register tile */
#define STEP         8                       /* keys and queries at a time are multiples of it */
#define CACHE_FLOATS ((size_t)48 << 10 >> 2) /* of a core's first cache */
#define MOST_KEYS    64
#define MOST_QUERIES 128

/* How many keys and queries a kernel has in local memory. */
struct cut {
    size_t vector, rows; /* of a register tile: floats, rows */
    size_t head, value;  /* widths in whole vectors */
    size_t keys, queries;
};

/* Floats of local memory that a kernel may take, and those that it takes. */
static size_t local_floats(const struct clmix_planner *planner)
{
    const size_t bytes = clmix_planner_device(planner)->local_bytes;

    return clmix_smaller(clmix_larger(bytes, (size_t)32 << 10), (size_t)512 << 10) / 4 * 3 / sizeof(float);
}

static size_t floats_of(const struct cut *cut, const struct clmix_block_attention *attention, bool gradient)
{
    const size_t keys = cut->keys + cut->rows, panel = VECTORS * cut->vector, turned = cut->queries + panel, both = cut->head + cut->value,
                 widths = attention->width + attention->value_width;

    if (gradient)
        return keys * (both + 2 * cut->queries + 1) + cut->queries * (both + cut->head + 2) + turned * widths + cut->value + cut->rows;
    return keys * (both + panel + 1) + cut->queries * clmix_larger(cut->head, cut->value) + turned * (attention->width + 4) + panel;
}

/* Whole blocks of keys, as many as fit the first cache beside what is made of them; then less where local memory is small. 0 keys: even the least do
 * not fit. */
static struct cut cut_blocks(const struct clmix_planner *planner, const struct clmix_block_attention *attention, bool gradient)
{
    const size_t native = clmix_planner_device(planner)->vector_width,
                 vector = native >= 16  ? 16
                          : native >= 8 ? 8
                                        : 4,
                 step = clmix_larger(vector, STEP), floats = local_floats(planner);
    struct cut cut = {
        .vector = vector,
        .rows = vector == 8 ? 4 : 8, /* processors with vectors of 8 have half the registers */
        .head = clmix_round_up(attention->width, vector),
        .value = clmix_round_up(attention->value_width, vector),
        .queries = clmix_smaller(clmix_round_up(attention->block, step), MOST_QUERIES),
    };

    cut.keys = CACHE_FLOATS / (cut.head + cut.value + (gradient ? 2 * cut.queries : VECTORS * vector));
    cut.keys = clmix_larger(clmix_smaller(cut.keys, MOST_KEYS) / STEP * STEP, STEP);
    if (attention->block < cut.keys)
        cut.keys = clmix_round_up(cut.keys / attention->block * attention->block, STEP);
    while (cut.keys > 0 && floats_of(&cut, attention, gradient) > floats) {
        if (cut.queries > clmix_larger(step, cut.keys))
            cut.queries = clmix_round_up(cut.queries / 2, step);
        else
            cut.keys = cut.keys / 2 / STEP * STEP;
    }
    return cut;
}

static clmix_status too_wide(const struct clmix_block_attention *attention)
{
    return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "heads %zu and %zu wide do not fit this device's local memory; take more and narrower heads",
                      attention->width, attention->value_width);
}

static struct clmix_record *record_kernel(struct clmix_planner *planner, const struct clmix_node *node, const char *file,
                                          const char *kernel, const struct clmix_block_attention *attention, const struct cut *cut)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, file, kernel);

    clmix_record_define(record, "VW", (long)cut->vector);
    clmix_record_define(record, "MR", (long)cut->rows);
    clmix_record_define(record, "HEAD", (long)attention->width);
    clmix_record_define(record, "VALUE", (long)attention->value_width);
    clmix_record_define(record, "KEYS", (long)cut->keys);
    clmix_record_define(record, "QUERIES", (long)cut->queries);
    clmix_record_define(record, "MASKED", attention->masked);
    clmix_record_define(record, "REST", attention->rest);
    return record;
}

/* `cut`: blocks of a range, or parts of a block. */
static void record_sizes(struct clmix_record *record, const struct clmix_block_attention *attention, const struct cut *cut, size_t pieces)
{
    clmix_record_uint(record, attention->tokens);
    clmix_record_uint(record, attention->block);
    clmix_record_uint(record, attention->blocks);
    clmix_record_uint(record, pieces);
    clmix_record_uint(record, cut->keys);
    clmix_record_uint(record, attention->count);
    clmix_record_float(record, attention->scale);
}

static void record_inputs(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_node *node)
{
    for (int i = CLMIX_BLOCKS_Q; i <= CLMIX_BLOCKS_V; i++)
        clmix_record_pitched(planner, record, node->inputs[i]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_CHOSEN]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_BEGINS]);
}

static void record_mask(struct clmix_record *record, const struct clmix_node *node)
{
    if (node->inputs[CLMIX_BLOCKS_MASK] != CLMIX_NONE)
        clmix_record_value(record, node->inputs[CLMIX_BLOCKS_MASK]);
}

clmix_status clmix_block_attention_wide(struct clmix_planner *planner, const struct clmix_node *node,
                                        const struct clmix_block_attention *attention)
{
    const struct cut cut = cut_blocks(planner, attention, false);
    const size_t parts = cut.keys == 0 ? 0 : clmix_ceil_div(attention->block, cut.queries);
    struct clmix_record *record;

    if (parts == 0)
        return too_wide(attention);
    record = record_kernel(planner, node, "block_attention_wide.cl", "block_attention", attention, &cut);
    clmix_record_grid(record, attention->blocks * parts, attention->heads, attention->batch, 1);
    record_sizes(record, attention, &cut, parts);
    record_inputs(planner, record, node);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_BLOCKS_REST]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_SUM]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_MOST]);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_BLOCKS_Y]);
    clmix_record_value(record, node->outputs[CLMIX_BLOCKS_LOG_SUM]);
    record_mask(record, node);
    return CLMIX_OK;
}

/* ---- gradient ------------------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_block_attention_wide_grad(struct clmix_planner *planner, const struct clmix_node *node,
                                             const struct clmix_block_attention *attention)
{
    const struct cut cut = cut_blocks(planner, attention, true);
    /* Ranges of blocks of queries, each with dk and dv of its own. */
    const size_t most = clmix_attention_ranges(planner, attention->batch * attention->heads,
                                               attention->tokens * (attention->width + attention->value_width) * sizeof(float),
                                               attention->blocks),
                 range = clmix_ceil_div(attention->blocks, most), ranges = clmix_ceil_div(attention->blocks, range);
    int32_t parts[2];
    struct clmix_record *record;

    if (cut.keys == 0)
        return too_wide(attention);
    for (int i = 0; i < 2; i++)
        parts[i] = clmix_attention_parts(planner, node, node->outputs[CLMIX_BLOCKS_DK + i], ranges);
    record = record_kernel(planner, node, "block_attention_wide_grad.cl", "block_attention_grad", attention, &cut);
    clmix_record_grid(record, ranges, attention->heads, attention->batch, 1);
    record_sizes(record, attention, &cut, range);
    record_inputs(planner, record, node);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_MOST]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_BLOCKS_DY]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_BLOCKS_Y_AGAIN]);
    clmix_record_value(record, node->inputs[CLMIX_BLOCKS_LOG_SUM_AGAIN]);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_BLOCKS_DQ]);
    clmix_attention_record_part(planner, record, node->outputs[CLMIX_BLOCKS_DK], parts[0]);
    clmix_attention_record_part(planner, record, node->outputs[CLMIX_BLOCKS_DV], parts[1]);
    clmix_record_pitched(planner, record, attention->rest ? node->outputs[CLMIX_BLOCKS_DREST] : CLMIX_NONE);
    clmix_record_value(record, attention->rest ? node->outputs[CLMIX_BLOCKS_DSUM] : CLMIX_NONE);
    record_mask(record, node);
    for (int i = 0; i < 2; i++)
        clmix_attention_record_sum(planner, node, node->outputs[CLMIX_BLOCKS_DK + i], parts[i], ranges);
    return CLMIX_OK;
}
