/* Linear attention (Katharopoulos et al. 2020) of features: sums over keys first, so that work and memory grow with the tokens and not with
 * their square. Forward keeps each head's sums (the state) and each token's normaliser; cl/linear_attention.cl has the gradients' formulas.
 * The wide form reads Performer's features through and takes in what they send back: they are never in memory. */
#include "base/size.h"
#include "base/status.h"
#include "ops/features.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

struct attributes {
    size_t heads, features, values; /* features and values: of a head, settled by the shape rule */
};

enum { PHI_Q, PHI_K, VALUES };          /* inputs of the op */
enum { Y, STATE, NORM };                /* its outputs */
enum { DY, DY_NORM, DY_BACK, DY_LAST }; /* inputs of gradients: dy, the normaliser and its gradient, and: */
                                        /* for the state's, the queries' features; for that of these, the state */
enum { KEYS_STATE = 1 };                /* of that of the keys' features: values, the state's gradient */
enum { VALUES_PHI, VALUES_STATE };      /* of that of the values: the keys' features, the state's gradient */

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

/* Floats of a head's state, as the kernels have it. */
static size_t state_size(const struct attributes *attributes)
{
    return clmix_padded(attributes->features) * (clmix_padded(attributes->values) + attributes->values + 1);
}

static clmix_status check(const clmix_graph *graph, const struct clmix_node *node)
{
    static const char *const names[] = { "features of queries", "features of keys", "values" };
    const size_t heads = ((const struct attributes *)node->attributes)->heads;
    clmix_shape shapes[3];
    char text[3][64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    for (int i = PHI_Q; i <= VALUES; i++) {
        shapes[i] = clmix_node_input(graph, node, i)->shape;
        clmix_shape_text(shapes[i], text[i]);
        if (shapes[i].rank != 3 || shapes[i].size[2] % heads != 0)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the %s are (batch, tokens, %zu head%s side by side); these are %s", names[i], heads,
                              heads == 1 ? "" : "s", text[i]);
    }
    if (shapes[PHI_Q].size[0] != shapes[PHI_K].size[0] || shapes[PHI_K].size[0] != shapes[VALUES].size[0] ||
        shapes[PHI_K].size[1] != shapes[VALUES].size[1] || shapes[PHI_Q].size[2] != shapes[PHI_K].size[2])
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "features of queries %s and of keys %s and values %s need one batch, as many features, and keys and values one "
                          "length",
                          text[PHI_Q], text[PHI_K], text[VALUES]);
    if (2 * (clmix_padded(shapes[PHI_K].size[2] / heads) + clmix_padded(shapes[VALUES].size[2] / heads)) > CLMIX_TILE_MOST)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu features and values of width %zu a head; both together may be %d",
                          shapes[PHI_K].size[2] / heads, shapes[VALUES].size[2] / heads, CLMIX_TILE_MOST / 2 - 32);
    return CLMIX_OK;
}

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    struct attributes *attributes = node->attributes;
    clmix_shape q;

    CLMIX_TRY(check(graph, node));
    q = clmix_node_input(graph, node, PHI_Q)->shape;
    attributes->features = q.size[2] / attributes->heads;
    attributes->values = clmix_node_input(graph, node, VALUES)->shape.size[2] / attributes->heads;
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32,
                                 clmix_shape_make(3, (size_t[]){ q.size[0], q.size[1], attributes->heads * attributes->values })));
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32,
                                 clmix_shape_make(2, (size_t[]){ q.size[0], attributes->heads * state_size(attributes) })));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(3, (size_t[]){ q.size[0], q.size[1], attributes->heads }));
}

static clmix_status state_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32,
                              clmix_shape_make(2, (size_t[]){ clmix_node_input(graph, node, 0)->shape.size[0],
                                                              attributes->heads * state_size(attributes) }));
}

/* Like the tokens of input 0, with features or values for their channels. */
static clmix_status declare_heads(clmix_graph *graph, struct clmix_node *node, size_t width)
{
    const clmix_shape tokens = clmix_node_input(graph, node, 0)->shape;

    return clmix_node_declare(graph, node, CLMIX_F32,
                              clmix_shape_make(3, (size_t[]){ tokens.size[0], tokens.size[1],
                                                              ((const struct attributes *)node->attributes)->heads * width }));
}

static clmix_status norm_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, 2)->shape);
}

static clmix_status features_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return declare_heads(graph, node, ((const struct attributes *)node->attributes)->features);
}

static clmix_status values_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return declare_heads(graph, node, ((const struct attributes *)node->attributes)->values);
}

/* ---- backward ----------------------------------------------------------------------------------------------------------------------- */

/* Gives input `index` what `op` makes of `count` values. */
static clmix_status give(struct clmix_backward *backward, const struct clmix_node *node, int index, const struct clmix_op *op,
                         const clmix_value *inputs, int count)
{
    const struct attributes attributes = *(const struct attributes *)node->attributes;

    if (!clmix_backward_wants(backward, node, index))
        return CLMIX_OK;
    return clmix_backward_give(backward, node, index,
                               clmix_node_add(clmix_backward_scope(backward, node), op, &attributes, sizeof attributes, inputs, count));
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct attributes attributes = *(const struct attributes *)node->attributes;
    const clmix_value dy = clmix_backward_gradient(backward, node, Y);
    clmix_value norm, back, state;

    if (!clmix_is_value(dy))
        return CLMIX_OK;
    norm = clmix_backward_output(backward, node, NORM);
    back = clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_linear_norm_grad, &attributes, sizeof attributes,
                          (clmix_value[]){ dy, clmix_backward_output(backward, node, Y), norm }, 3);
    CLMIX_TRY(give(backward, node, PHI_Q, &clmix_op_linear_queries_grad,
                   (clmix_value[]){ dy, norm, back, clmix_backward_output(backward, node, STATE) }, 4));
    if (!clmix_backward_wants(backward, node, PHI_K) && !clmix_backward_wants(backward, node, VALUES))
        return CLMIX_OK;
    state = clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_linear_state_grad, &attributes, sizeof attributes,
                           (clmix_value[]){ dy, norm, back, clmix_backward_input(backward, node, PHI_Q) }, 4);
    CLMIX_TRY(
        give(backward, node, PHI_K, &clmix_op_linear_keys_grad, (clmix_value[]){ clmix_backward_input(backward, node, VALUES), state }, 2));
    return give(backward, node, VALUES, &clmix_op_linear_values_grad, (clmix_value[]){ clmix_backward_input(backward, node, PHI_K), state },
                2);
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

/* Features that a launch reads: a value in memory, or what `maker` would make, for which there is a table. */
struct source {
    int32_t value;
    const struct clmix_node *maker;
    int32_t table;
};

static struct source source_of(struct clmix_planner *planner, const struct clmix_node *node, int index)
{
    struct source source = { .value = node->inputs[index], .maker = clmix_planner_maker(planner, node, index), .table = CLMIX_NONE };

    if (source.maker != NULL)
        source.table = clmix_features_plan_table(planner, node, source.maker);
    return source;
}

/* Floats of local memory for a token. */
static size_t floats_of(const struct clmix_planner *planner, const struct attributes *attributes, const struct clmix_node *maker)
{
    const size_t right = clmix_padded(attributes->values) + 4;
    struct clmix_features features;

    if (maker == NULL)
        return 2 * (clmix_padded(attributes->features) + right - 4);
    features = clmix_features_of(clmix_planner_graph(planner), maker);
    return clmix_features_floats(&features) + right;
}

static struct clmix_token_tiles tiles_of(const struct clmix_planner *planner, const struct clmix_node *node, int32_t tokens,
                                         const struct clmix_node *maker, size_t least, size_t blocks)
{
    const struct attributes *attributes = node->attributes;

    return clmix_token_tiles_of(planner, clmix_tensor_at(clmix_planner_graph(planner), tokens)->shape, attributes->heads,
                                floats_of(planner, attributes, maker), least, blocks);
}

static struct clmix_record *launch_tiles(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel,
                                         const struct clmix_token_tiles *tiles, size_t blocks, const struct clmix_node *maker, bool values)
{
    const struct attributes *attributes = node->attributes;
    struct clmix_record *record = clmix_record_tiles(planner, node, "linear_attention.cl", kernel, tiles, blocks);

    if (maker != NULL) {
        const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), maker);

        clmix_record_define(record, "THROUGH", 1);
        clmix_features_define(record, &features);
    } else
        clmix_record_define(record, "M", (long)attributes->features);
    clmix_record_define(record, "V", (long)attributes->values);
    clmix_record_define(record, "VALUES", values);
    return record;
}

static void push_features(struct clmix_planner *planner, struct clmix_record *record, const struct source *source)
{
    if (source->maker != NULL)
        clmix_features_push(planner, record, source->maker, source->table);
    else
        clmix_record_pitched(planner, record, source->value);
}

/* A right side: the values, or dy, the normaliser and its gradient. */
static void push_right(struct clmix_planner *planner, struct clmix_record *record, const int32_t *right, bool values)
{
    clmix_record_pitched(planner, record, right[0]);
    for (int i = DY_NORM; !values && i <= DY_BACK; i++)
        clmix_record_value(record, right[i]);
}

/* The work of a launch that multiplies the features of `tokens`, and forms them, or what they send back, in so many products. */
static void record_work(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_node *node, int32_t tokens,
                        const struct clmix_node *maker, uint64_t products)
{
    const struct attributes *attributes = node->attributes;
    const clmix_graph *graph = clmix_planner_graph(planner);
    const clmix_shape shape = clmix_tensor_at(graph, tokens)->shape;

    clmix_record_flops(record,
                       (uint64_t)2 * shape.size[0] * shape.size[1] * attributes->heads * attributes->features * (attributes->values + 1) +
                           (maker == NULL ? 0 : products * clmix_features_flops(graph, maker)));
}

/* Features that a group of the simt form sums: BLOCK of cl/linear_attention.cl. */
static size_t block_of(size_t values, size_t group)
{
    size_t lanes = 2;

    while (lanes < 64 && 8 * lanes <= values)
        lanes *= 2;
    return group / clmix_smaller(lanes, group) * 4;
}

/* The sums of features times right sides over all tokens: chunks of them, and the sum of these. */
static void plan_state(struct clmix_planner *planner, const struct clmix_node *node, const int32_t *right, bool values,
                       const struct source *source, int32_t state)
{
    const struct attributes *attributes = node->attributes;
    const size_t block = block_of(attributes->values, clmix_group_size(planner, 128)),
                 blocks = clmix_planner_wide(planner) ? 1 : clmix_ceil_div(attributes->features, block),
                 floats = clmix_padded(attributes->features) * (clmix_padded(attributes->values) + 1);
    const struct clmix_token_tiles tiles = tiles_of(planner, node, right[0], source->maker, 64, blocks);
    const size_t matrices = tiles.batch * tiles.heads;
    const int32_t partial = clmix_planner_scratch(planner, node, matrices * tiles.chunks * floats * sizeof(float));
    struct clmix_record *record = launch_tiles(planner, node, "linear_state", &tiles, blocks, source->maker, values);

    push_right(planner, record, right, values);
    push_features(planner, record, source);
    clmix_record_value(record, partial);
    record_work(planner, record, node, right[0], source->maker, 1);
    record = clmix_record_elements(planner, node, "linear_attention.cl", "linear_state_sum", matrices * state_size(attributes), 1);
    clmix_record_define(record, "M", (long)attributes->features);
    clmix_record_define(record, "V", (long)attributes->values);
    clmix_record_uint(record, tiles.chunks);
    clmix_record_value(record, partial);
    clmix_record_value(record, state);
    clmix_record_flops(record, 0);
}

/* Features times a state; over the normaliser, which is kept, where there is a place for it. */
static void plan_output(struct clmix_planner *planner, const struct clmix_node *node, const struct source *source, int32_t tokens,
                        int32_t state, int32_t norm)
{
    const struct clmix_token_tiles tiles = tiles_of(planner, node, tokens, source->maker, 1, 1);
    struct clmix_record *record = launch_tiles(planner, node, "linear_output", &tiles, 1, source->maker, true);

    push_features(planner, record, source);
    clmix_record_value(record, state);
    clmix_record_uint(record, norm != CLMIX_NONE);
    clmix_record_value(record, norm);
    clmix_record_pitched(planner, record, node->outputs[0]);
    record_work(planner, record, node, tokens, source->maker, 1);
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct source keys = source_of(planner, node, PHI_K), queries = source_of(planner, node, PHI_Q);

    plan_state(planner, node, &node->inputs[VALUES], true, &keys, node->outputs[STATE]);
    plan_output(planner, node, &queries, node->inputs[PHI_Q], node->outputs[STATE], node->outputs[NORM]);
    return CLMIX_OK;
}

static clmix_status norm_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    struct clmix_record *record = clmix_record_elements(planner, node, "linear_attention.cl", "linear_norm_grad",
                                                        clmix_result_count(clmix_planner_graph(planner), node, 0), 1);

    clmix_record_define(record, "M", (long)attributes->features);
    clmix_record_define(record, "V", (long)attributes->values);
    clmix_record_uint(record, attributes->heads);
    clmix_record_pitched(planner, record, node->inputs[0]);
    clmix_record_pitched(planner, record, node->inputs[1]);
    clmix_record_value(record, node->inputs[2]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status state_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct source queries = source_of(planner, node, DY_LAST);

    plan_state(planner, node, node->inputs, false, &queries, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status values_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct source keys = source_of(planner, node, VALUES_PHI);

    plan_output(planner, node, &keys, node->inputs[VALUES_PHI], node->inputs[VALUES_STATE], CLMIX_NONE);
    return CLMIX_OK;
}

/* The gradient of queries' or keys' features, or that of the tokens that they are features of. */
static clmix_status features_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const bool values = node->op == &clmix_op_linear_keys_grad;
    const struct clmix_node *taken = clmix_planner_absorbed(planner, node, 0);
    const struct clmix_token_tiles tiles = tiles_of(planner, node, node->inputs[0], taken, 1, 1);
    const int32_t state = node->inputs[values ? (int)KEYS_STATE : (int)DY_LAST], result = clmix_planner_result(planner, node);
    const int32_t table = taken == NULL ? CLMIX_NONE : clmix_features_plan_table(planner, node, taken),
                  partial = taken == NULL
                                ? CLMIX_NONE
                                : clmix_planner_scratch(planner, node, 2 * tiles.batch * tiles.heads * tiles.chunks * sizeof(float));
    struct clmix_record *record = launch_tiles(planner, node, "linear_back", &tiles, 1, taken, values);

    push_right(planner, record, node->inputs, values);
    clmix_record_value(record, state);
    if (taken != NULL) {
        clmix_features_push(planner, record, taken, table);
        clmix_record_value(record, partial);
    }
    clmix_record_pitched(planner, record, result);
    record_work(planner, record, node, node->inputs[0], taken, 2);
    if (taken != NULL)
        clmix_features_plan_peak_grad(planner, node, taken, &tiles, table, partial, result);
    return CLMIX_OK;
}

/* ---- without features in memory -------------------------------------------------------------------------------------------------------- */

#define LEAST_TILE 4 /* tokens: below, products of a tile are too low for the form's registers */

static bool can_form(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *maker)
{
    return clmix_planner_wide(planner) && tiles_of(planner, node, node->inputs[0], maker, 1, 1).tile >= LEAST_TILE;
}

static bool reads_through(const struct clmix_planner *planner, const struct clmix_node *node, int index, const struct clmix_node *maker)
{
    (void)index;
    return maker->op == &clmix_op_performer_features && can_form(planner, node, maker);
}

static bool absorb(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    return next->op == &clmix_op_performer_features_grad && next->inputs[CLMIX_FEATURES_DPHI] == node->outputs[0] &&
           clmix_planner_absorbed(planner, node, 0) == NULL && can_form(planner, node, next);
}

/* ---- cost ---------------------------------------------------------------------------------------------------------------------------- */

/* A product of each token's features and values or right side. */
static uint64_t product_flops(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    const clmix_shape tokens = clmix_node_input(graph, node, 0)->shape;

    return (uint64_t)2 * tokens.size[0] * tokens.size[1] * attributes->heads * attributes->features * (attributes->values + 1);
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct attributes *attributes = node->attributes;
    const clmix_shape keys = clmix_node_input(graph, node, PHI_K)->shape;

    clmix_cost_moved(graph, node, flops, bytes);
    *flops = product_flops(graph, node) +
             (uint64_t)2 * keys.size[0] * keys.size[1] * attributes->heads * attributes->features * (attributes->values + 1);
}

static void gradient_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops = product_flops(graph, node);
}

/* ---- the ops ------------------------------------------------------------------------------------------------------------------------- */

const struct clmix_op clmix_op_linear_attention = {
    .name = "linear_attention",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = shape,
    .backward = backward,
    .launch = launch,
    .reads_through = reads_through,
    .cost = cost,
    .parts = clmix_parts_by_sample,
};

const struct clmix_op clmix_op_linear_norm_grad = {
    .name = "linear_norm_grad",
    .flags = CLMIX_OP_STRIDED,
    .dense = 1U << 2,
    .shape = norm_grad_shape,
    .launch = norm_grad_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_sample,
};

const struct clmix_op clmix_op_linear_state_grad = {
    .name = "linear_state_grad",
    .flags = CLMIX_OP_STRIDED,
    .dense = 1U << DY_NORM | 1U << DY_BACK,
    .shape = state_grad_shape,
    .launch = state_grad_launch,
    .reads_through = reads_through,
    .cost = gradient_cost,
    .parts = clmix_parts_by_sample,
};

const struct clmix_op clmix_op_linear_queries_grad = {
    .name = "linear_queries_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << DY_NORM | 1U << DY_BACK | 1U << DY_LAST,
    .shape = features_grad_shape,
    .launch = features_grad_launch,
    .absorb = absorb,
    .cost = gradient_cost,
    .parts = clmix_parts_by_sample,
};

const struct clmix_op clmix_op_linear_keys_grad = {
    .name = "linear_keys_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << KEYS_STATE,
    .shape = features_grad_shape,
    .launch = features_grad_launch,
    .absorb = absorb,
    .cost = gradient_cost,
    .parts = clmix_parts_by_sample,
};

const struct clmix_op clmix_op_linear_values_grad = {
    .name = "linear_values_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << VALUES_STATE,
    .shape = values_grad_shape,
    .launch = values_grad_launch,
    .reads_through = reads_through,
    .cost = gradient_cost,
    .parts = clmix_parts_by_sample,
};

clmix_value clmix_linear_attention(clmix_value query_features, clmix_value key_features, clmix_value values, size_t heads)
{
    const struct attributes attributes = { .heads = heads > 0 ? heads : 1 };
    const clmix_value inputs[3] = { query_features, key_features, values };
    const clmix_scope at = clmix_here(query_features.graph);

    clmix_expect_values(at, &clmix_op_linear_attention, inputs, 3);
    return clmix_node_add(at, &clmix_op_linear_attention, &attributes, sizeof attributes, inputs, 3);
}
