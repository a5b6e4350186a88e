/* Launches of attention in the wide form: how queries and keys are cut into blocks. Kernels: cl/attention_wide.cl, cl/attention_wide_grad.cl. */
#include "ops/attention.h"

#include "base/size.h"
#include "base/status.h"
#include "ops/attention_sum.h"
#include "ops/row_launch.h"

#define VECTORS      2                       /* across a register tile */
#define STEP         8                       /* blocks of keys and of queries are multiples of it */
#define CACHE_FLOATS ((size_t)48 << 10 >> 2) /* of a core's first cache */
#define LONG_BYTES   ((size_t)1 << 20)       /* of a head's keys and values: more than a core's second cache has room for */

/* How a kernel cuts its work: room in local memory, and the blocks that lengths are best cut into. */
struct cut {
    size_t vector, rows; /* of a register tile: floats, rows */
    size_t head, value;  /* widths in whole vectors */
    size_t most_keys, most_queries;
    size_t keys, queries; /* a block */
};

/* As long as others of at most `most`, in multiples of `step`. */
static size_t even_block(size_t length, size_t most, size_t step)
{
    return clmix_round_up(clmix_ceil_div(length, clmix_ceil_div(length, most)), step);
}

static struct cut cut_vectors(const struct clmix_planner *planner, const struct clmix_attention *attention)
{
    const size_t native = clmix_planner_device(planner)->vector_width, vector = native >= 16 ? 16 : native >= 8 ? 8 : 4;

    return (struct cut){
        .vector = vector,
        .rows = vector == 8 ? 4 : 8, /* processors with vectors of 8 have half the registers */
        .head = clmix_round_up(attention->width, vector),
        .value = clmix_round_up(attention->value_width, vector),
    };
}

/* Floats of local memory that a block may take. */
static size_t local_floats(const struct clmix_planner *planner)
{
    const size_t bytes = clmix_planner_device(planner)->local_bytes;

    return clmix_smaller(clmix_larger(bytes, (size_t)32 << 10), (size_t)512 << 10) / 4 * 3 / sizeof(float);
}

/* So many queries that `floats` hold `fixed` and `each` for every one of them; 0 where that is not a vector of them. */
static size_t queries_in(const struct cut *cut, size_t floats, size_t fixed, size_t each, size_t most)
{
    const size_t step = clmix_larger(cut->vector, STEP);

    return floats < fixed ? 0 : clmix_smaller((floats - fixed) / each / step * step, most);
}

static clmix_status too_wide(const struct clmix_attention *attention)
{
    return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "heads %zu and %zu wide do not fit this device's local memory; take more and narrower heads",
                      attention->width, attention->value_width);
}

/* Keys and values of a block and the scores of a panel should fit the first cache. */
static struct cut cut_forward(const struct clmix_planner *planner, const struct clmix_attention *attention)
{
    struct cut cut = cut_vectors(planner, attention);
    const size_t panel = VECTORS * cut.vector, wider = clmix_larger(cut.head, cut.value);
    size_t keys = CACHE_FLOATS / (cut.head + cut.value + panel) / STEP * STEP;

    cut.most_keys = keys = clmix_larger(clmix_smaller(keys, 128), STEP);
    cut.most_queries = queries_in(&cut, local_floats(planner), keys * (cut.head + cut.value + panel + 1) + panel * (attention->width + 3),
                                  wider + attention->width + 2, 384);
    return cut;
}

/* Of a block of queries and one of keys the weights and their gradients should fit it, but where keys and values come from further away each time:
 * then blocks are twice as long. */
static struct cut cut_backward(const struct clmix_planner *planner, const struct clmix_attention *attention)
{
    struct cut cut = cut_vectors(planner, attention);
    const size_t panel = VECTORS * cut.vector, floats = local_floats(planner);
    const size_t shorter = attention->keys * (attention->width + attention->value_width) * sizeof(float) > LONG_BYTES ? 1 : 2;

    for (cut.most_keys = 128; cut.most_keys >= STEP; cut.most_keys /= 2) {
        cut.most_queries =
            queries_in(&cut, floats, cut.most_keys * (cut.head + cut.value + 1) + panel * (attention->width + attention->value_width + 1),
                       2 * cut.head + cut.value + attention->width + attention->value_width + 2 * cut.most_keys + 2, 192);
        if (cut.most_queries >= cut.most_keys)
            break;
    }
    if (cut.most_queries == 0)
        return cut;
    cut.queries = clmix_smaller(cut.most_queries, 192 / shorter);
    cut.queries = clmix_smaller(even_block(attention->queries, cut.queries, cut.vector), cut.queries);
    cut.keys = even_block(attention->keys, clmix_smaller(cut.most_keys, 128 / shorter), STEP);
    return cut;
}

static struct clmix_record *record_kernel(struct clmix_planner *planner, const struct clmix_node *node, const char *file,
                                          const char *kernel, const struct clmix_attention *attention, const struct cut *cut)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, file, kernel);

    clmix_record_define(record, "VW", (long)cut->vector);
    clmix_record_define(record, "MR", (long)cut->rows);
    clmix_record_define(record, "HEAD", (long)attention->width);
    clmix_record_define(record, "VALUE", (long)attention->value_width);
    clmix_record_define(record, "KEYS", (long)cut->most_keys);
    clmix_record_define(record, "QUERIES", (long)cut->most_queries);
    clmix_record_define(record, "RANGED", attention->causal || attention->window > 0);
    clmix_record_define(record, "MASKED", attention->masked);
    return record;
}

static void record_ranges(struct clmix_record *record, const struct clmix_attention *attention)
{
    clmix_record_uint(record, attention->window);
    clmix_record_uint(record, attention->causal);
    clmix_record_float(record, attention->scale);
}

/* Behind all other arguments. */
static void record_choice(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_attention *attention, int32_t mask)
{
    if (attention->masked)
        clmix_record_value(record, mask);
    clmix_attention_record_random(planner, record, attention);
}

clmix_status clmix_attention_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention *attention)
{
    struct cut cut = cut_forward(planner, attention);
    const size_t units = attention->batch * attention->heads, wanted = 8 * (size_t)clmix_planner_device(planner)->compute_units;
    struct clmix_record *record;

    if (cut.most_queries == 0)
        return too_wide(attention);
    /* Every block of queries reads all keys: many where there are few heads, but no narrower than a panel. */
    cut.queries = clmix_smaller(cut.most_queries, clmix_larger(clmix_ceil_div(attention->queries * units, wanted), VECTORS * cut.vector));
    cut.queries = clmix_smaller(even_block(attention->queries, cut.queries, cut.vector), cut.most_queries);
    cut.keys = even_block(attention->keys, cut.most_keys, STEP);
    record = record_kernel(planner, node, "attention_wide.cl", "attention", attention, &cut);
    clmix_record_grid(record, clmix_ceil_div(attention->queries, cut.queries), attention->heads, attention->batch, 1);
    clmix_record_uint(record, attention->queries);
    clmix_record_uint(record, attention->keys);
    clmix_record_uint(record, attention->group);
    clmix_record_uint(record, cut.queries);
    clmix_record_uint(record, cut.keys);
    record_ranges(record, attention);
    clmix_record_float(record, (float)attention->zero_keys);
    for (int i = CLMIX_ATTENTION_Q; i <= CLMIX_ATTENTION_V; i++)
        clmix_record_pitched(planner, record, node->inputs[i]);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_ATTENTION_Y]);
    clmix_record_value(record, node->outputs[CLMIX_ATTENTION_LOG_SUM]);
    record_choice(planner, record, attention, node->inputs[CLMIX_ATTENTION_MASK]);
    return CLMIX_OK;
}

/* ---- gradient ------------------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_attention_wide_grad(struct clmix_planner *planner, const struct clmix_node *node,
                                       const struct clmix_attention *attention)
{
    struct cut cut = cut_backward(planner, attention);
    int32_t parts[2];
    size_t ranges, blocks;
    struct clmix_record *record;

    if (cut.most_queries == 0)
        return too_wide(attention);
    /* Ranges of queries, each with dk and dv of its own. */
    ranges = clmix_attention_ranges(planner, attention->batch * attention->kv_heads,
                                    attention->keys * (attention->width + attention->value_width) * sizeof(float),
                                    clmix_ceil_div(attention->queries, cut.queries));
    blocks = clmix_ceil_div(clmix_ceil_div(attention->queries, cut.queries), ranges);
    ranges = clmix_ceil_div(attention->queries, blocks * cut.queries);
    for (int i = 0; i < 2; i++)
        parts[i] = clmix_attention_parts(planner, node, node->outputs[CLMIX_ATTENTION_DK + i], ranges);
    record = record_kernel(planner, node, "attention_wide_grad.cl", "attention_grad", attention, &cut);
    clmix_record_grid(record, ranges, attention->kv_heads, attention->batch, 1);
    clmix_record_uint(record, attention->queries);
    clmix_record_uint(record, attention->keys);
    clmix_record_uint(record, attention->group);
    clmix_record_uint(record, blocks * cut.queries);
    clmix_record_uint(record, cut.queries);
    clmix_record_uint(record, cut.keys);
    record_ranges(record, attention);
    for (int i = CLMIX_ATTENTION_GRAD_Q; i <= CLMIX_ATTENTION_GRAD_V; i++)
        clmix_record_pitched(planner, record, node->inputs[i]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_GRAD_DY]);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_ATTENTION_GRAD_Y]);
    clmix_record_value(record, node->inputs[CLMIX_ATTENTION_GRAD_LOG_SUM]);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_ATTENTION_DQ]);
    clmix_attention_record_part(planner, record, node->outputs[CLMIX_ATTENTION_DK], parts[0]);
    clmix_attention_record_part(planner, record, node->outputs[CLMIX_ATTENTION_DV], parts[1]);
    record_choice(planner, record, attention, node->inputs[CLMIX_ATTENTION_GRAD_MASK]);
    for (int i = 0; i < 2; i++)
        clmix_attention_record_sum(planner, node, node->outputs[CLMIX_ATTENTION_DK + i], parts[i], ranges);
    return CLMIX_OK;
}
