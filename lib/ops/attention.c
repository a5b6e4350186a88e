/* Softmax attention without its matrix of weights. Forward keeps the logarithm of each row's sum of exponentials; the gradient forms the weights
 * again from it, P = e^(scale q k^T - log sum), and with dP = dy v^T and delta = rowsum(dy y)
 *     dS = P (dP - delta),   dq = scale dS k,   dk = scale dS^T q,   dv = P^T dy.
 * Dropped weights: z, 0 or 1 / (1 - rate), is drawn again, P z takes P's place in y and dv, and z dP that of dP.
 * Launches: attention_wide.c, attention_simt.c. */
#include "ops/attention.h"

#include "base/size.h"
#include "base/status.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/mixing.h>

#include <math.h>

/* The key is the forward op's number: its gradient carries a copy, and so draws the same weights. */
struct attributes {
    clmix_attention_options options; /* kv_heads and scale settled */
    int32_t key;
};

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status check_types(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct clmix_tensor *mask = clmix_node_input(graph, node, CLMIX_ATTENTION_MASK);
    static const char *const names[] = { "queries", "keys", "values" };
    char text[64];

    for (int i = CLMIX_ATTENTION_Q; i <= CLMIX_ATTENTION_V; i++) {
        const struct clmix_tensor *input = clmix_node_input(graph, node, i);

        if (input->type != CLMIX_F32 || input->shape.rank != 3)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the %s must be f32 of three axes (batch, tokens, columns); these are %s%s", names[i],
                              clmix_shape_text(input->shape, text), input->type == CLMIX_F32 ? "" : " of integers");
    }
    if (mask != NULL && mask->type != CLMIX_I32)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the mask must be i32; this one is %s", mask->type == CLMIX_F32 ? "f32" : "u8");
    return CLMIX_OK;
}

static clmix_status check_shapes(const clmix_graph *graph, const struct clmix_node *node, const clmix_attention_options *options)
{
    const clmix_shape q = clmix_node_input(graph, node, CLMIX_ATTENTION_Q)->shape,
                      k = clmix_node_input(graph, node, CLMIX_ATTENTION_K)->shape,
                      v = clmix_node_input(graph, node, CLMIX_ATTENTION_V)->shape;
    const struct clmix_tensor *mask = clmix_node_input(graph, node, CLMIX_ATTENTION_MASK);
    char text[3][64];

    clmix_shape_text(q, text[0]);
    clmix_shape_text(k, text[1]);
    clmix_shape_text(v, text[2]);
    if (q.size[0] != k.size[0] || k.size[0] != v.size[0] || k.size[1] != v.size[1])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "queries %s, keys %s and values %s need one batch, and keys and values one length", text[0],
                          text[1], text[2]);
    if (q.size[2] % options->heads != 0 || k.size[2] % options->kv_heads != 0 || v.size[2] % options->kv_heads != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "the last axes of queries %s, keys %s and values %s cannot be cut into %zu, %zu and %zu heads", text[0], text[1],
                          text[2], options->heads, options->kv_heads, options->kv_heads);
    if (q.size[2] / options->heads != k.size[2] / options->kv_heads)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu heads of queries %s are %zu wide, and %zu of keys %s are %zu; they must be as wide",
                          options->heads, text[0], q.size[2] / options->heads, options->kv_heads, text[1], k.size[2] / options->kv_heads);
    if ((options->causal || options->window > 0) && q.size[1] != k.size[1])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu queries and %zu keys; what is causal or in windows needs as many of both", q.size[1],
                          k.size[1]);
    if (mask != NULL && (mask->shape.rank != 2 || mask->shape.size[0] != k.size[0] || mask->shape.size[1] != k.size[1]))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the mask is %s; keys %s need %zux%zu", clmix_shape_text(mask->shape, text[0]), text[1],
                          k.size[0], k.size[1]);
    return CLMIX_OK;
}

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    struct attributes *attributes = node->attributes;
    clmix_attention_options *options = &attributes->options;
    clmix_shape q, v;

    if (options->heads == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "attention of 0 heads; it needs at least 1");
    if (options->kv_heads == 0)
        options->kv_heads = options->heads;
    if (options->heads % options->kv_heads != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu heads of keys and values do not divide %zu heads of queries", options->kv_heads,
                          options->heads);
    if (!(options->dropout >= 0.0f && options->dropout < 1.0f))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a dropout rate of %g; it must be at least 0 and less than 1", (double)options->dropout);
    if (!isfinite(options->scale))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a scale of %g; it must be a number", (double)options->scale);
    CLMIX_TRY(check_types(graph, node));
    CLMIX_TRY(check_shapes(graph, node, options));
    q = clmix_node_input(graph, node, CLMIX_ATTENTION_Q)->shape;
    v = clmix_node_input(graph, node, CLMIX_ATTENTION_V)->shape;
    if (options->scale == 0.0f)
        options->scale = 1.0f / sqrtf((float)(q.size[2] / options->heads));
    CLMIX_TRY(
        clmix_node_declare(graph, node, CLMIX_F32,
                           clmix_shape_make(3, (size_t[]){ q.size[0], q.size[1], options->heads * (v.size[2] / options->kv_heads) })));
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(3, (size_t[]){ q.size[0], options->heads, q.size[1] })));
    attributes->key = node->number;
    return CLMIX_OK;
}

static clmix_status gradient_shape(clmix_graph *graph, struct clmix_node *node)
{
    for (int i = CLMIX_ATTENTION_GRAD_Q; i <= CLMIX_ATTENTION_GRAD_V; i++)
        CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, i)->shape));
    return CLMIX_OK;
}

/* ---- backward ----------------------------------------------------------------------------------------------------------------------- */

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct attributes attributes = *(const struct attributes *)node->attributes;
    clmix_value dy = clmix_backward_gradient(backward, node, CLMIX_ATTENTION_Y), dq;

    if (!clmix_is_value(dy))
        return CLMIX_OK;
    dq = clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_attention_grad, &attributes, sizeof attributes,
                        (clmix_value[CLMIX_ATTENTION_GRAD_INPUTS]){
                            [CLMIX_ATTENTION_GRAD_Q] = clmix_backward_input(backward, node, CLMIX_ATTENTION_Q),
                            [CLMIX_ATTENTION_GRAD_K] = clmix_backward_input(backward, node, CLMIX_ATTENTION_K),
                            [CLMIX_ATTENTION_GRAD_V] = clmix_backward_input(backward, node, CLMIX_ATTENTION_V),
                            [CLMIX_ATTENTION_GRAD_MASK] = node->inputs[CLMIX_ATTENTION_MASK] == CLMIX_NONE
                                                              ? clmix_no_value()
                                                              : clmix_backward_input(backward, node, CLMIX_ATTENTION_MASK),
                            [CLMIX_ATTENTION_GRAD_DY] = dy,
                            [CLMIX_ATTENTION_GRAD_Y] = clmix_backward_output(backward, node, CLMIX_ATTENTION_Y),
                            [CLMIX_ATTENTION_GRAD_LOG_SUM] = clmix_backward_output(backward, node, CLMIX_ATTENTION_LOG_SUM),
                        },
                        CLMIX_ATTENTION_GRAD_INPUTS);
    for (int i = CLMIX_ATTENTION_Q; i <= CLMIX_ATTENTION_V; i++)
        if (clmix_backward_wants(backward, node, i))
            CLMIX_TRY(clmix_backward_give(backward, node, i, clmix_node_output(dq, i)));
    return CLMIX_OK;
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

static struct clmix_attention describe(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    const clmix_attention_options *options = &attributes->options;
    const clmix_shape q = clmix_node_input(graph, node, CLMIX_ATTENTION_Q)->shape,
                      k = clmix_node_input(graph, node, CLMIX_ATTENTION_K)->shape,
                      v = clmix_node_input(graph, node, CLMIX_ATTENTION_V)->shape;

    return (struct clmix_attention){
        .batch = q.size[0],
        .queries = q.size[1],
        .keys = k.size[1],
        .heads = options->heads,
        .kv_heads = options->kv_heads,
        .group = options->heads / options->kv_heads,
        .width = q.size[2] / options->heads,
        .value_width = v.size[2] / options->kv_heads,
        .scale = options->scale,
        .masked = node->inputs[CLMIX_ATTENTION_MASK] != CLMIX_NONE,
        .causal = options->causal,
        .window = options->window < k.size[1] ? options->window : 0,
        .zero_keys = options->zero_keys,
        .rate = (float)(floor((double)options->dropout * CLMIX_ATTENTION_STEPS) / CLMIX_ATTENTION_STEPS),
        .key = attributes->key,
        .value = node->op == &clmix_op_attention_grad ? node->inputs[CLMIX_ATTENTION_GRAD_Y] : node->outputs[CLMIX_ATTENTION_Y],
    };
}

static struct clmix_attention attention_of(const struct clmix_planner *planner, const struct clmix_node *node)
{
    struct clmix_attention attention = describe(clmix_planner_graph(planner), node);

    attention.dropping = clmix_planner_mode(planner) == CLMIX_TRAINING && attention.rate > 0.0f;
    return attention;
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_attention attention = attention_of(planner, node);

    return clmix_planner_wide(planner) ? clmix_attention_wide(planner, node, &attention) : clmix_attention_simt(planner, node, &attention);
}

static clmix_status gradient_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_attention attention = attention_of(planner, node);

    return clmix_planner_wide(planner) ? clmix_attention_wide_grad(planner, node, &attention)
                                       : clmix_attention_simt_grad(planner, node, &attention);
}

/* ---- cost ---------------------------------------------------------------------------------------------------------------------------- */

/* Pairs of a query and a key that it sees, of one head. */
static uint64_t pairs_of(const struct clmix_attention *attention)
{
    uint64_t pairs = 0;

    if (!attention->causal && attention->window == 0)
        return (uint64_t)attention->queries * attention->keys;
    for (size_t i = 0; i < attention->queries; i++) {
        const size_t own = attention->window == 0 ? 0 : i / attention->window;
        const size_t first = own < 2 ? 0 : (own - 1) * attention->window;
        size_t end = attention->window == 0 ? attention->keys : clmix_smaller(attention->keys, (own + 2) * attention->window);

        end = attention->causal ? i + 1 : end;
        pairs += end - first;
    }
    return pairs;
}

/* Two products of all pairs. */
static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct clmix_attention attention = describe(graph, node);

    clmix_cost_moved(graph, node, flops, bytes);
    *flops = 2 * attention.batch * attention.heads * pairs_of(&attention) * (attention.width + attention.value_width);
}

/* Five products: the scores again, dP, and the three gradients. */
static void gradient_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct clmix_attention attention = describe(graph, node);

    clmix_cost_moved(graph, node, flops, bytes);
    *flops = 2 * attention.batch * attention.heads * pairs_of(&attention) * (3 * attention.width + 2 * attention.value_width);
}

/* ---- the ops ------------------------------------------------------------------------------------------------------------------------- */

const struct clmix_op clmix_op_attention = {
    .name = "attention",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << CLMIX_ATTENTION_MASK,
    .shape = shape,
    .backward = backward,
    .launch = launch,
    .cost = cost,
    .parts = clmix_parts_of_samples,
};

const struct clmix_op clmix_op_attention_grad = {
    .name = "attention_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << CLMIX_ATTENTION_GRAD_MASK | 1U << CLMIX_ATTENTION_GRAD_LOG_SUM,
    .shape = gradient_shape,
    .launch = gradient_launch,
    .cost = gradient_cost,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_attention(clmix_value q, clmix_value k, clmix_value v, clmix_value mask, clmix_attention_options options)
{
    const struct attributes attributes = { .options = options };
    const clmix_value inputs[CLMIX_ATTENTION_INPUTS] = { q, k, v, mask };
    const clmix_scope at = clmix_here(q.graph);

    clmix_expect_values(at, &clmix_op_attention, inputs, CLMIX_ATTENTION_MASK);
    return clmix_node_add(at, &clmix_op_attention, &attributes, sizeof attributes, inputs, CLMIX_ATTENTION_INPUTS);
}
