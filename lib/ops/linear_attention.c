/* Linear attention (Katharopoulos et al. 2020) of features: sums over keys first, so that work and memory grow with the tokens and not with
 * their square. Forward keeps each head's sums (the state) and each token's divisor; cl/linear_attention.cl has the gradients' formulas.
 * The wide form reads features through and takes in what they send back: they are never in memory. */
#include "ops/linear_attention.h"
#include "base/size.h"
#include "base/status.h"
#include "ops/features.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <math.h>

enum { Y, STATE, NORM };                        /* outputs of the op */
enum { DY, DY_NORM, DY_BACK, DY_LAST };         /* inputs of gradients: dy, the divisor and its gradient, and: */
                                                /* for the state's, the queries' features; for that of these, the state */
enum { KEYS_VALUES, KEYS_STATE, KEYS_WEIGHTS }; /* of that of the keys' features: KEYS_STATE is the state's gradient */
enum {
    VALUES_PHI,
    VALUES_STATE,
    VALUES_WEIGHTS,
    VALUES_VALUES
}; /* of that of the values and of the weights: the keys' features, the same */

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

/* Floats of a head's state, as the kernels have it. */
static size_t state_size(const struct clmix_linear *attributes)
{
    return clmix_padded(attributes->features) * (clmix_padded(attributes->values) + attributes->values + 1);
}

clmix_status clmix_linear_check(const clmix_graph *graph, const struct clmix_node *node)
{
    static const char *const names[] = { "features of queries", "features of keys", "values" };
    const struct clmix_linear *attributes = node->attributes;
    const struct clmix_tensor *weights = clmix_node_input(graph, node, CLMIX_LINEAR_WEIGHTS);
    const size_t heads = attributes->heads;
    clmix_shape shapes[3];
    char text[3][64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    for (int i = CLMIX_LINEAR_QUERIES; i <= CLMIX_LINEAR_VALUES; i++) {
        shapes[i] = clmix_node_input(graph, node, i)->shape;
        clmix_shape_text(shapes[i], text[i]);
        if (shapes[i].rank != 3 || shapes[i].size[2] % heads != 0)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the %s are (batch, tokens, %zu head%s side by side); these are %s", names[i], heads,
                              heads == 1 ? "" : "s", text[i]);
    }
    if (shapes[0].size[0] != shapes[1].size[0] || shapes[1].size[0] != shapes[2].size[0] || shapes[1].size[1] != shapes[2].size[1] ||
        shapes[0].size[2] != shapes[1].size[2])
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "features of queries %s and of keys %s and values %s need one batch, as many features, and keys and values one "
                          "length",
                          text[0], text[1], text[2]);
    if (weights != NULL && (weights->shape.rank != 3 || weights->shape.size[0] != shapes[1].size[0] || weights->shape.size[1] != heads ||
                            weights->shape.size[2] != shapes[1].size[1]))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "weights of keys are (batch, heads, tokens), here %zu x %zu x %zu, and these are %s",
                          shapes[1].size[0], heads, shapes[1].size[1], clmix_shape_text(weights->shape, text[0]));
    if (attributes->divisor < CLMIX_DIVISOR_ADDED || attributes->divisor > CLMIX_DIVISOR_NONE)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a divisor of %d; there is none", (int)attributes->divisor);
    if (attributes->causal && shapes[0].size[1] != shapes[1].size[1])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "causal attention of features of queries %s and of keys %s; both need one length", text[0],
                          text[1]);
    if (2 * (clmix_padded(shapes[1].size[2] / heads) + clmix_padded(shapes[2].size[2] / heads)) > CLMIX_TILE_MOST)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu features and values of width %zu a head; both together may be %d",
                          shapes[1].size[2] / heads, shapes[2].size[2] / heads, CLMIX_TILE_MOST / 2 - 32);
    return CLMIX_OK;
}

void clmix_linear_settle(const clmix_graph *graph, struct clmix_node *node)
{
    struct clmix_linear *attributes = node->attributes;

    attributes->features = clmix_node_input(graph, node, CLMIX_LINEAR_QUERIES)->shape.size[2] / attributes->heads;
    attributes->values = clmix_node_input(graph, node, CLMIX_LINEAR_VALUES)->shape.size[2] / attributes->heads;
}

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_linear *attributes = node->attributes;
    clmix_shape q;

    CLMIX_TRY(clmix_linear_check(graph, node));
    clmix_linear_settle(graph, node);
    q = clmix_node_input(graph, node, CLMIX_LINEAR_QUERIES)->shape;
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32,
                                 clmix_shape_make(3, (size_t[]){ q.size[0], q.size[1], attributes->heads * attributes->values })));
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32,
                                 clmix_shape_make(2, (size_t[]){ q.size[0], attributes->heads * state_size(attributes) })));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(3, (size_t[]){ q.size[0], q.size[1], attributes->heads }));
}

static clmix_status state_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_linear *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32,
                              clmix_shape_make(2, (size_t[]){ clmix_node_input(graph, node, 0)->shape.size[0],
                                                              attributes->heads * state_size(attributes) }));
}

/* Like the tokens of input 0, with features or values for their channels. */
clmix_status clmix_linear_declare(clmix_graph *graph, struct clmix_node *node, size_t width)
{
    const clmix_shape tokens = clmix_node_input(graph, node, 0)->shape;

    return clmix_node_declare(graph, node, CLMIX_F32,
                              clmix_shape_make(3, (size_t[]){ tokens.size[0], tokens.size[1],
                                                              ((const struct clmix_linear *)node->attributes)->heads * width }));
}

static clmix_status norm_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, 2)->shape);
}

static clmix_status features_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_linear_declare(graph, node, ((const struct clmix_linear *)node->attributes)->features);
}

static clmix_status values_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *weights = clmix_node_input(graph, node, VALUES_WEIGHTS);

    CLMIX_TRY(clmix_linear_declare(graph, node, ((const struct clmix_linear *)node->attributes)->values));
    return weights == NULL ? CLMIX_OK : clmix_node_declare(graph, node, CLMIX_F32, weights->shape);
}

/* ---- backward ----------------------------------------------------------------------------------------------------------------------- */

/* Gives input `index` what `op` makes of `count` values. */
static clmix_status give(struct clmix_backward *backward, const struct clmix_node *node, int index, const struct clmix_op *op,
                         const clmix_value *inputs, int count)
{
    const struct clmix_linear attributes = *(const struct clmix_linear *)node->attributes;

    if (!clmix_backward_wants(backward, node, index))
        return CLMIX_OK;
    return clmix_backward_give(backward, node, index,
                               clmix_node_add(clmix_backward_scope(backward, node), op, &attributes, sizeof attributes, inputs, count));
}

clmix_status clmix_linear_give_values(struct clmix_backward *backward, const struct clmix_node *node, clmix_value dv)
{
    if (clmix_backward_wants(backward, node, CLMIX_LINEAR_WEIGHTS) && clmix_is_value(dv))
        CLMIX_TRY(clmix_backward_give(backward, node, CLMIX_LINEAR_WEIGHTS, clmix_node_output(dv, 1)));
    return clmix_backward_give(backward, node, CLMIX_LINEAR_VALUES, dv);
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct clmix_linear attributes = *(const struct clmix_linear *)node->attributes;
    const clmix_value dy = clmix_backward_gradient(backward, node, Y);
    const bool wants_keys = clmix_backward_wants(backward, node, CLMIX_LINEAR_KEYS),
               wants_values =
                   clmix_backward_wants(backward, node, CLMIX_LINEAR_VALUES) || clmix_backward_wants(backward, node, CLMIX_LINEAR_WEIGHTS);
    clmix_value norm, back, state, values, weights;

    if (!clmix_is_value(dy))
        return CLMIX_OK;
    norm = clmix_backward_output(backward, node, NORM);
    back = clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_linear_norm_grad, &attributes, sizeof attributes,
                          (clmix_value[]){ dy, clmix_backward_output(backward, node, Y), norm }, 3);
    values = clmix_backward_input(backward, node, CLMIX_LINEAR_VALUES);
    weights = clmix_backward_input(backward, node, CLMIX_LINEAR_WEIGHTS);
    CLMIX_TRY(give(backward, node, CLMIX_LINEAR_QUERIES, &clmix_op_linear_queries_grad,
                   (clmix_value[]){ dy, norm, back, clmix_backward_output(backward, node, STATE) }, 4));
    if (!wants_keys && !wants_values)
        return CLMIX_OK;
    state = clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_linear_state_grad, &attributes, sizeof attributes,
                           (clmix_value[]){ dy, norm, back, clmix_backward_input(backward, node, CLMIX_LINEAR_QUERIES) }, 4);
    if (wants_keys)
        CLMIX_TRY(give(backward, node, CLMIX_LINEAR_KEYS, &clmix_op_linear_keys_grad, (clmix_value[]){ values, state, weights }, 3));
    if (!wants_values)
        return CLMIX_OK;
    return clmix_linear_give_values(backward, node,
                                    clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_linear_values_grad, &attributes,
                                                   sizeof attributes,
                                                   (clmix_value[]){ clmix_backward_input(backward, node, CLMIX_LINEAR_KEYS), state, weights,
                                                                    clmix_is_value(weights) ? values : clmix_no_value() },
                                                   4));
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
static size_t floats_of(const struct clmix_planner *planner, const struct clmix_linear *attributes, const struct clmix_node *maker)
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
    const struct clmix_linear *attributes = node->attributes;

    return clmix_token_tiles_of(planner, clmix_tensor_at(clmix_planner_graph(planner), tokens)->shape, attributes->heads,
                                floats_of(planner, attributes, maker), least, blocks);
}

static struct clmix_record *launch_tiles(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel,
                                         const struct clmix_token_tiles *tiles, size_t blocks, const struct clmix_node *maker, bool values,
                                         bool weighed)
{
    const struct clmix_linear *attributes = node->attributes;
    struct clmix_record *record = clmix_record_tiles(planner, node, "linear_attention.cl", kernel, tiles, blocks);

    if (maker != NULL) {
        const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), maker);

        clmix_record_define(record, "THROUGH", 1);
        clmix_features_define(record, &features);
    } else
        clmix_record_define(record, "M", (long)attributes->features);
    clmix_record_define(record, "V", (long)attributes->values);
    clmix_record_define(record, "VALUES", values);
    clmix_record_define(record, "WEIGHED", weighed);
    return record;
}

static void push_features(struct clmix_planner *planner, struct clmix_record *record, const struct source *source)
{
    if (source->maker != NULL)
        clmix_features_push(planner, record, source->maker, source->table);
    else
        clmix_record_pitched(planner, record, source->value);
}

/* A right side: values and weights, or dy, the divisor and its gradient. */
static void push_keys(struct clmix_planner *planner, struct clmix_record *record, int32_t values, int32_t weights)
{
    clmix_record_pitched(planner, record, values);
    clmix_record_value(record, weights);
}

static void push_queries(struct clmix_planner *planner, struct clmix_record *record, const int32_t *inputs)
{
    clmix_record_pitched(planner, record, inputs[DY]);
    clmix_record_value(record, inputs[DY_NORM]);
    clmix_record_value(record, inputs[DY_BACK]);
}

/* The work of a launch that multiplies the features of `tokens`, and forms them, or what they send back, in so many products. */
static void record_work(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_node *node, int32_t tokens,
                        const struct clmix_node *maker, uint64_t products)
{
    const struct clmix_linear *attributes = node->attributes;
    const clmix_graph *graph = clmix_planner_graph(planner);
    const clmix_shape shape = clmix_tensor_at(graph, tokens)->shape;

    clmix_record_flops(record,
                       (uint64_t)2 * shape.size[0] * shape.size[1] * attributes->heads * attributes->features * (attributes->values + 1) +
                           (maker == NULL ? 0 : products * clmix_features_flops(graph, maker)));
}

size_t clmix_linear_side(size_t values, size_t group)
{
    size_t lanes = 2;

    while (lanes < 64 && 8 * lanes <= values)
        lanes *= 2;
    return group / clmix_smaller(lanes, group) * 4;
}

/* The sums of features times right sides over all tokens: of `keys` (values, weights), or of what `queries` (dy, the divisor, its gradient) are. `added`
 * goes to each sum of features. */
static void plan_state(struct clmix_planner *planner, const struct clmix_node *node, const int32_t *keys, const int32_t *queries,
                       const struct source *source, float added, int32_t state)
{
    const struct clmix_linear *attributes = node->attributes;
    const int32_t tokens = keys != NULL ? keys[0] : queries[0];
    const size_t block = clmix_linear_side(attributes->values, clmix_group_size(planner, 128)),
                 blocks = clmix_planner_wide(planner) ? 1 : clmix_ceil_div(attributes->features, block),
                 floats = clmix_padded(attributes->features) * (clmix_padded(attributes->values) + 1);
    const struct clmix_token_tiles tiles = tiles_of(planner, node, tokens, source->maker, 64, blocks);
    const size_t matrices = tiles.batch * tiles.heads;
    const int32_t partial = clmix_planner_scratch(planner, node, matrices * tiles.chunks * floats * sizeof(float));
    struct clmix_record *record =
        launch_tiles(planner, node, "linear_state", &tiles, blocks, source->maker, keys != NULL, keys != NULL && keys[1] != CLMIX_NONE);

    if (keys != NULL)
        push_keys(planner, record, keys[0], keys[1]);
    else
        push_queries(planner, record, queries);
    push_features(planner, record, source);
    clmix_record_value(record, partial);
    record_work(planner, record, node, tokens, source->maker, 1);
    record = clmix_record_elements(planner, node, "linear_attention.cl", "linear_state_sum", matrices * state_size(attributes), 1);
    clmix_record_define(record, "M", (long)attributes->features);
    clmix_record_define(record, "V", (long)attributes->values);
    clmix_record_uint(record, tiles.chunks);
    clmix_record_float(record, added);
    clmix_record_value(record, partial);
    clmix_record_value(record, state);
    clmix_record_flops(record, 0);
}

/* Features times a state: over the divisor, which is kept, where there is a place for it; or going back to values and weights. */
static void plan_output(struct clmix_planner *planner, const struct clmix_node *node, const struct source *source, int32_t tokens,
                        int32_t state, int32_t norm)
{
    const struct clmix_linear *attributes = node->attributes;
    const bool back = norm == CLMIX_NONE, weighed = back && node->inputs[VALUES_WEIGHTS] != CLMIX_NONE;
    const struct clmix_token_tiles tiles = tiles_of(planner, node, tokens, source->maker, 1, 1);
    struct clmix_record *record = launch_tiles(planner, node, "linear_output", &tiles, 1, source->maker, true, weighed);

    clmix_record_stream(planner, record, clmix_result_count(clmix_planner_graph(planner), node, 0));
    push_features(planner, record, source);
    clmix_record_value(record, state);
    clmix_record_uint(record, back ? 0 : clmix_linear_divisor(attributes));
    clmix_record_float(record, clmix_linear_epsilon(attributes));
    clmix_record_value(record, norm);
    if (weighed) {
        push_keys(planner, record, node->inputs[VALUES_VALUES], node->inputs[VALUES_WEIGHTS]);
        clmix_record_value(record, node->outputs[1]);
    }
    clmix_record_pitched(planner, record, node->outputs[0]);
    record_work(planner, record, node, tokens, source->maker, 1);
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct source keys = source_of(planner, node, CLMIX_LINEAR_KEYS), queries = source_of(planner, node, CLMIX_LINEAR_QUERIES);

    plan_state(planner, node, &node->inputs[CLMIX_LINEAR_VALUES], NULL, &keys, clmix_linear_added(node->attributes), node->outputs[STATE]);
    plan_output(planner, node, &queries, node->inputs[CLMIX_LINEAR_QUERIES], node->outputs[STATE], node->outputs[NORM]);
    return CLMIX_OK;
}

static clmix_status norm_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_linear *attributes = node->attributes;
    struct clmix_record *record = clmix_record_elements(planner, node, "linear_attention.cl", "linear_norm_grad",
                                                        clmix_result_count(clmix_planner_graph(planner), node, 0), 1);

    clmix_record_define(record, "M", (long)attributes->features);
    clmix_record_define(record, "V", (long)attributes->values);
    clmix_record_uint(record, attributes->heads);
    clmix_record_pitched(planner, record, node->inputs[0]);
    clmix_record_pitched(planner, record, node->inputs[1]);
    clmix_record_value(record, node->inputs[2]);
    clmix_record_float(record, attributes->divisor == CLMIX_DIVISOR_NONE      ? INFINITY
                               : attributes->divisor == CLMIX_DIVISOR_CLAMPED ? attributes->epsilon
                                                                              : -INFINITY);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status state_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct source queries = source_of(planner, node, DY_LAST);

    plan_state(planner, node, NULL, node->inputs, &queries, 0.0f, node->outputs[0]);
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
    struct clmix_record *record =
        launch_tiles(planner, node, "linear_back", &tiles, 1, taken, values, values && node->inputs[KEYS_WEIGHTS] != CLMIX_NONE);

    if (values)
        push_keys(planner, record, node->inputs[KEYS_VALUES], node->inputs[KEYS_WEIGHTS]);
    else
        push_queries(planner, record, node->inputs);
    clmix_record_value(record, state);
    if (taken != NULL) {
        clmix_features_push(planner, record, taken, table);
        clmix_record_value(record, partial);
    }
    clmix_record_pitched(planner, record, result);
    record_work(planner, record, node, node->inputs[0], taken, 2);
    if (taken != NULL)
        clmix_features_plan_rest(planner, node, taken, &tiles, table, partial, result);
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
    return maker->op == &clmix_op_features && can_form(planner, node, maker);
}

static bool absorb(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    return next->op == &clmix_op_features_grad && next->inputs[CLMIX_FEATURES_DPHI] == node->outputs[0] &&
           clmix_planner_absorbed(planner, node, 0) == NULL && can_form(planner, node, next);
}

/* ---- cost ---------------------------------------------------------------------------------------------------------------------------- */

/* A product of each token's features and values or right side. */
static uint64_t product_flops(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct clmix_linear *attributes = node->attributes;
    const clmix_shape tokens = clmix_node_input(graph, node, 0)->shape;

    return (uint64_t)2 * tokens.size[0] * tokens.size[1] * attributes->heads * attributes->features * (attributes->values + 1);
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct clmix_linear *attributes = node->attributes;
    const clmix_shape keys = clmix_node_input(graph, node, CLMIX_LINEAR_KEYS)->shape;

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
    .dense = 1U << CLMIX_LINEAR_WEIGHTS,
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
    .dense = 1U << KEYS_STATE | 1U << KEYS_WEIGHTS,
    .shape = features_grad_shape,
    .launch = features_grad_launch,
    .absorb = absorb,
    .cost = gradient_cost,
    .parts = clmix_parts_by_sample,
};

const struct clmix_op clmix_op_linear_values_grad = {
    .name = "linear_values_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << VALUES_STATE | 1U << VALUES_WEIGHTS,
    .shape = values_grad_shape,
    .launch = values_grad_launch,
    .reads_through = reads_through,
    .cost = gradient_cost,
    .parts = clmix_parts_by_sample,
};
