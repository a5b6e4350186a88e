/* Linear attention of tokens that see themselves and those before them: a scan of chunks, whose states are summed from the first to the last, and
 * backwards from the last to the first. Forward keeps the result and each token's divisor; the gradients sum the states again. Kernels:
 * cl/linear_causal.cl and, for the chunks' states, cl/linear_attention.cl. */
#include "ops/linear_attention.h"

#include "base/size.h"
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"
#include "ops/token_tile.h"

enum { Y, NORM };                  /* outputs of the op */
enum { DY, DY_NORM, DY_BACK };     /* of all gradients the first inputs: dy, the divisor and its gradient; then: */
enum { PHI = DY_BACK + 1, OTHER }; /* features that are summed; of the values' gradient, those of the keys */
enum { GRAD_VALUES = 5, GRAD_WEIGHTS };

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_linear *attributes = node->attributes;
    clmix_shape q;

    CLMIX_TRY(clmix_linear_check(graph, node));
    clmix_linear_settle(graph, node);
    q = clmix_node_input(graph, node, CLMIX_LINEAR_QUERIES)->shape;
    CLMIX_TRY(clmix_linear_declare(graph, node, attributes->values));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(3, (size_t[]){ q.size[0], q.size[1], attributes->heads }));
}

static clmix_status features_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_linear_declare(graph, node, ((const struct clmix_linear *)node->attributes)->features);
}

static clmix_status values_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *weights = clmix_node_input(graph, node, GRAD_WEIGHTS);

    CLMIX_TRY(clmix_linear_declare(graph, node, ((const struct clmix_linear *)node->attributes)->values));
    return weights == NULL ? CLMIX_OK : clmix_node_declare(graph, node, CLMIX_F32, weights->shape);
}

/* ---- backward ----------------------------------------------------------------------------------------------------------------------- */

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct clmix_linear attributes = *(const struct clmix_linear *)node->attributes;
    const clmix_scope at = clmix_backward_scope(backward, node);
    clmix_value inputs[7] = { clmix_backward_gradient(backward, node, Y) }, queries, keys;

    if (!clmix_is_value(inputs[DY]))
        return CLMIX_OK;
    inputs[DY_NORM] = clmix_backward_output(backward, node, NORM);
    inputs[DY_BACK] = clmix_node_add(at, &clmix_op_linear_norm_grad, &attributes, sizeof attributes,
                                     (clmix_value[]){ inputs[DY], clmix_backward_output(backward, node, Y), inputs[DY_NORM] }, 3);
    queries = clmix_backward_input(backward, node, CLMIX_LINEAR_QUERIES);
    keys = clmix_backward_input(backward, node, CLMIX_LINEAR_KEYS);
    inputs[OTHER] = clmix_no_value();
    inputs[GRAD_VALUES] = clmix_backward_input(backward, node, CLMIX_LINEAR_VALUES);
    inputs[GRAD_WEIGHTS] = clmix_backward_input(backward, node, CLMIX_LINEAR_WEIGHTS);
    if (clmix_backward_wants(backward, node, CLMIX_LINEAR_QUERIES)) {
        inputs[PHI] = keys;
        CLMIX_TRY(clmix_backward_give(backward, node, CLMIX_LINEAR_QUERIES,
                                      clmix_node_add(at, &clmix_op_linear_causal_queries_grad, &attributes, sizeof attributes, inputs, 7)));
    }
    inputs[PHI] = queries;
    if (clmix_backward_wants(backward, node, CLMIX_LINEAR_KEYS))
        CLMIX_TRY(clmix_backward_give(backward, node, CLMIX_LINEAR_KEYS,
                                      clmix_node_add(at, &clmix_op_linear_causal_keys_grad, &attributes, sizeof attributes, inputs, 7)));
    if (!clmix_backward_wants(backward, node, CLMIX_LINEAR_VALUES) && !clmix_backward_wants(backward, node, CLMIX_LINEAR_WEIGHTS))
        return CLMIX_OK;
    inputs[OTHER] = keys;
    return clmix_linear_give_values(backward, node,
                                    clmix_node_add(at, &clmix_op_linear_causal_values_grad, &attributes, sizeof attributes, inputs, 7));
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

#define SIMT_CHUNK 64 /* tokens: a chunk's state is then about as large as the tokens */

/* What is scanned: features and right sides, of keys (from the first token on) or of queries (from the last one back). */
struct scan {
    bool keys; /* VALUES */
    int32_t features, values, weights;
    const int32_t *dy; /* DY and what follows */
    bool turned;
    float added; /* to each sum of features */
};

static struct clmix_token_tiles tiles_of(const struct clmix_planner *planner, const struct clmix_node *node, int32_t tokens)
{
    const struct clmix_linear *attributes = node->attributes;
    const size_t floats = 2 * (clmix_padded(attributes->features) + clmix_padded(attributes->values) + 4) + 16;
    struct clmix_token_tiles tiles = clmix_token_tiles_of(planner, clmix_tensor_at(clmix_planner_graph(planner), tokens)->shape,
                                                          attributes->heads, floats, SIMT_CHUNK, 1);

    if (tiles.group > 1) {
        tiles.chunk = SIMT_CHUNK;
        tiles.chunks = clmix_ceil_div(tiles.tokens, SIMT_CHUNK);
    }
    return tiles;
}

static void push_keys(struct clmix_planner *planner, struct clmix_record *record, const struct scan *scan)
{
    clmix_record_pitched(planner, record, scan->values);
    clmix_record_value(record, scan->weights);
}

static void push_queries(struct clmix_planner *planner, struct clmix_record *record, const struct scan *scan)
{
    clmix_record_pitched(planner, record, scan->dy[DY]);
    clmix_record_value(record, scan->dy[DY_NORM]);
    clmix_record_value(record, scan->dy[DY_BACK]);
}

static void push_right(struct clmix_planner *planner, struct clmix_record *record, const struct scan *scan)
{
    if (scan->keys)
        push_keys(planner, record, scan);
    else
        push_queries(planner, record, scan);
}

static void define(struct clmix_record *record, const struct clmix_node *node, const struct scan *scan)
{
    const struct clmix_linear *attributes = node->attributes;

    clmix_record_define(record, "M", (long)attributes->features);
    clmix_record_define(record, "V", (long)attributes->values);
    clmix_record_define(record, "VALUES", scan->keys);
    clmix_record_define(record, "WEIGHED", scan->weights != CLMIX_NONE);
}

static uint64_t work_of(const struct clmix_node *node, const struct clmix_token_tiles *tiles)
{
    const struct clmix_linear *attributes = node->attributes;

    return (uint64_t)2 * tiles->batch * tiles->tokens * tiles->heads * attributes->features * (attributes->values + 1);
}

/* The states that chunks begin with: scratch of them. */
static int32_t plan_prefix(struct clmix_planner *planner, const struct clmix_node *node, const struct scan *scan,
                           const struct clmix_token_tiles *tiles)
{
    const struct clmix_linear *attributes = node->attributes;
    const size_t group = clmix_group_size(planner, 128), side = clmix_linear_side(attributes->values, group),
                 blocks = clmix_planner_wide(planner) ? 1 : clmix_ceil_div(attributes->features, side),
                 floats = tiles->batch * tiles->heads * clmix_padded(attributes->features) * (clmix_padded(attributes->values) + 1),
                 bytes = floats * tiles->chunks * sizeof(float);
    const int32_t prefix = clmix_planner_scratch(planner, node, bytes);
    int32_t partial = prefix; /* of a single chunk, which is not read */
    struct clmix_record *record;

    if (tiles->chunks > 1) {
        partial = clmix_planner_scratch(planner, node, bytes);
        record = clmix_record_tiles(planner, node, "linear_attention.cl", "linear_state", tiles, blocks);
        define(record, node, scan);
        push_right(planner, record, scan);
        clmix_record_pitched(planner, record, scan->features);
        clmix_record_value(record, partial);
        clmix_record_flops(record, work_of(node, tiles));
    }
    record = clmix_record_elements(planner, node, "linear_causal.cl", "causal_prefix", floats, 1);
    define(record, node, scan);
    clmix_record_uint(record, tiles->chunks);
    clmix_record_uint(record, scan->turned);
    clmix_record_float(record, scan->added);
    clmix_record_value(record, partial);
    clmix_record_value(record, prefix);
    clmix_record_flops(record, 0);
    return prefix;
}

/* The grid: a group a chunk, or in the simt form a tile. */
static struct clmix_record *record_scan(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel,
                                        const struct scan *scan, struct clmix_token_tiles tiles)
{
    const size_t tiles_of_all = clmix_ceil_div(tiles.tokens, tiles.tile);
    struct clmix_record *record;

    if (tiles.group > 1)
        tiles.chunks = tiles_of_all;
    record = clmix_record_tiles(planner, node, "linear_causal.cl", kernel, &tiles, 1);
    define(record, node, scan);
    clmix_record_flops(record, 2 * work_of(node, &tiles));
    return record;
}

/* Features times their token's state: the output, or going back the gradient of values and weights. */
static void plan_output(struct clmix_planner *planner, const struct clmix_node *node, const struct scan *scan, int32_t features,
                        int32_t norm)
{
    const struct clmix_linear *attributes = node->attributes;
    const struct clmix_token_tiles tiles = tiles_of(planner, node, features);
    const int32_t prefix = plan_prefix(planner, node, scan, &tiles);
    struct clmix_record *record = record_scan(planner, node, "causal_output", scan, tiles);

    clmix_record_pitched(planner, record, features);
    clmix_record_pitched(planner, record, scan->features);
    push_right(planner, record, scan);
    clmix_record_value(record, prefix);
    clmix_record_uint(record, tiles.chunks);
    clmix_record_uint(record, scan->keys ? clmix_linear_divisor(attributes) : 0);
    clmix_record_float(record, clmix_linear_epsilon(attributes));
    clmix_record_value(record, norm);
    if (!scan->keys && scan->weights != CLMIX_NONE) {
        push_keys(planner, record, scan);
        clmix_record_value(record, node->outputs[1]);
    }
    clmix_record_pitched(planner, record, node->outputs[0]);
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct scan scan = { .keys = true,
                               .features = node->inputs[CLMIX_LINEAR_KEYS],
                               .values = node->inputs[CLMIX_LINEAR_VALUES],
                               .weights = node->inputs[CLMIX_LINEAR_WEIGHTS],
                               .added = clmix_linear_added(node->attributes) };

    plan_output(planner, node, &scan, node->inputs[CLMIX_LINEAR_QUERIES], node->outputs[NORM]);
    return CLMIX_OK;
}

static struct scan scan_of(const struct clmix_node *node, bool keys)
{
    return (struct scan){ .keys = keys,
                          .features = node->inputs[PHI],
                          .values = node->inputs[GRAD_VALUES],
                          .weights = node->inputs[GRAD_WEIGHTS],
                          .dy = node->inputs };
}

static clmix_status values_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct scan scan = scan_of(node, false);

    plan_output(planner, node, &scan, node->inputs[OTHER], CLMIX_NONE);
    return CLMIX_OK;
}

/* A token's state times its right side. */
static clmix_status features_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const bool queries = node->op == &clmix_op_linear_causal_queries_grad;
    struct scan scan = scan_of(node, queries);
    const struct clmix_token_tiles tiles = tiles_of(planner, node, node->inputs[DY]);
    struct clmix_record *record;
    int32_t prefix;

    scan.turned = true;
    scan.added = queries ? clmix_linear_added(node->attributes) : 0.0f;
    prefix = plan_prefix(planner, node, &scan, &tiles);
    record = record_scan(planner, node, "causal_back", &scan, tiles);
    clmix_record_pitched(planner, record, scan.features);
    push_keys(planner, record, &scan);
    push_queries(planner, record, &scan);
    clmix_record_value(record, prefix);
    clmix_record_uint(record, tiles.chunks);
    clmix_record_pitched(planner, record, node->outputs[0]);
    return CLMIX_OK;
}

/* ---- cost ---------------------------------------------------------------------------------------------------------------------------- */

/* Two products of each token's features and right side. */
static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct clmix_linear *attributes = node->attributes;
    const clmix_shape tokens = clmix_node_input(graph, node, 0)->shape;

    clmix_cost_moved(graph, node, flops, bytes);
    *flops = (uint64_t)4 * tokens.size[0] * tokens.size[1] * attributes->heads * attributes->features * (attributes->values + 1);
}

/* ---- the ops ------------------------------------------------------------------------------------------------------------------------- */

const struct clmix_op clmix_op_linear_causal = {
    .name = "linear_causal",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << CLMIX_LINEAR_WEIGHTS,
    .shape = shape,
    .backward = backward,
    .launch = launch,
    .cost = cost,
    .parts = clmix_parts_by_sample,
};

#define DENSE (1U << DY_NORM | 1U << DY_BACK | 1U << GRAD_WEIGHTS)

const struct clmix_op clmix_op_linear_causal_queries_grad = {
    .name = "linear_causal_queries_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = DENSE,
    .shape = features_grad_shape,
    .launch = features_grad_launch,
    .cost = cost,
    .parts = clmix_parts_by_sample,
};

const struct clmix_op clmix_op_linear_causal_keys_grad = {
    .name = "linear_causal_keys_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = DENSE,
    .shape = features_grad_shape,
    .launch = features_grad_launch,
    .cost = cost,
    .parts = clmix_parts_by_sample,
};

const struct clmix_op clmix_op_linear_causal_values_grad = {
    .name = "linear_causal_values_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = DENSE,
    .shape = values_grad_shape,
    .launch = values_grad_launch,
    .cost = cost,
    .parts = clmix_parts_by_sample,
};
