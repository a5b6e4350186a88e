/* Attention of each block of queries to the blocks of keys that are chosen for it, with what the other blocks add as a whole (MRA-2, Zeng et al. 2022).
 * With F = scale q k^T on chosen blocks, M each row's maximum of it, A = e^(F - M) V and Z the sums of e^(F - M), and of a row's block a = REST,
 * w = SUM, r = MOST:
 *     y = (A e^(M - s) + a e^(r - s)) / D,   D = Z e^(M - s) + w e^(r - s) + 1e-6,   s = max(M, r);  log sum = s + log D
 * Without a rest s is M. Masked keys count in M with F = 0, and have weights of 0; masked queries give zeros. Where a row of blocks has none chosen
 * M is -1e5. The gradient forms the weights again, P = e^(F - log sum), and with dP = dy v^T, delta = rowsum(dy y), and for a block's rows
 * alpha = e^(r - log sum):
 *     dS = P (dP - delta),  dq = scale dS k,  dk = scale dS^T q,  dv = P^T dy,  da = sum of alpha dy,  dw = - sum of alpha delta.
 * Launches: block_attention_wide.c, block_attention_simt.c. */
#include "ops/block_attention.h"

#include "base/size.h"
#include "base/status.h"
#include "ops/features.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <math.h>

struct attributes {
    size_t heads, block;
};

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status check_tokens(const clmix_graph *graph, const struct clmix_node *node)
{
    static const char *const names[] = { "queries", "keys", "values" };
    const struct attributes *attributes = node->attributes;
    clmix_shape shapes[3];
    char text[3][64];

    for (int i = CLMIX_BLOCKS_Q; i <= CLMIX_BLOCKS_V; i++) {
        const struct clmix_tensor *input = clmix_node_input(graph, node, i);

        shapes[i] = input->shape;
        clmix_shape_text(input->shape, text[i]);
        if (input->type != CLMIX_F32 || input->shape.rank != 3)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the %s must be f32 of three axes (batch, tokens, columns); these are %s", names[i],
                              text[i]);
    }
    if (attributes->heads == 0 || attributes->block == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu heads and blocks of %zu tokens; there is at least one of both", attributes->heads,
                          attributes->block);
    if (shapes[0].size[0] != shapes[1].size[0] || shapes[1].size[0] != shapes[2].size[0] || shapes[0].size[1] != shapes[1].size[1] ||
        shapes[1].size[1] != shapes[2].size[1] || shapes[0].size[2] != shapes[1].size[2])
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "queries %s, keys %s and values %s need one batch and one length, and queries and keys one "
                          "width",
                          text[0], text[1], text[2]);
    if (shapes[0].size[2] % attributes->heads != 0 || shapes[2].size[2] % attributes->heads != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the last axes of queries %s and values %s cannot be cut into %zu heads", text[0], text[2],
                          attributes->heads);
    return clmix_expect_mask(clmix_node_input(graph, node, CLMIX_BLOCKS_MASK), shapes[0]);
}

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    clmix_shape v;

    CLMIX_TRY(check_tokens(graph, node));
    v = clmix_node_input(graph, node, CLMIX_BLOCKS_V)->shape;
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, v));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(3, (size_t[]){ v.size[0], attributes->heads, v.size[1] }));
}

static clmix_status gradient_shape(clmix_graph *graph, struct clmix_node *node)
{
    for (int i = CLMIX_BLOCKS_Q; i <= CLMIX_BLOCKS_V; i++)
        CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, i)->shape));
    for (int i = CLMIX_BLOCKS_REST; i <= CLMIX_BLOCKS_SUM && node->inputs[i] != CLMIX_NONE; i++)
        CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, i)->shape));
    return CLMIX_OK;
}

/* ---- backward ----------------------------------------------------------------------------------------------------------------------- */

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    static const int of_input[CLMIX_BLOCKS_INPUTS] = {
        [CLMIX_BLOCKS_Q] = CLMIX_BLOCKS_DQ,       [CLMIX_BLOCKS_K] = CLMIX_BLOCKS_DK,     [CLMIX_BLOCKS_V] = CLMIX_BLOCKS_DV,
        [CLMIX_BLOCKS_MASK] = CLMIX_NONE,         [CLMIX_BLOCKS_CHOSEN] = CLMIX_NONE,     [CLMIX_BLOCKS_BEGINS] = CLMIX_NONE,
        [CLMIX_BLOCKS_REST] = CLMIX_BLOCKS_DREST, [CLMIX_BLOCKS_SUM] = CLMIX_BLOCKS_DSUM, [CLMIX_BLOCKS_MOST] = CLMIX_NONE
    };
    const struct attributes attributes = *(const struct attributes *)node->attributes;
    clmix_value inputs[CLMIX_BLOCKS_GRAD_INPUTS], dq;

    inputs[CLMIX_BLOCKS_DY] = clmix_backward_gradient(backward, node, CLMIX_BLOCKS_Y);
    if (!clmix_is_value(inputs[CLMIX_BLOCKS_DY]))
        return CLMIX_OK;
    for (int i = 0; i < CLMIX_BLOCKS_INPUTS; i++)
        inputs[i] = node->inputs[i] == CLMIX_NONE ? clmix_no_value() : clmix_backward_input(backward, node, i);
    inputs[CLMIX_BLOCKS_Y_AGAIN] = clmix_backward_output(backward, node, CLMIX_BLOCKS_Y);
    inputs[CLMIX_BLOCKS_LOG_SUM_AGAIN] = clmix_backward_output(backward, node, CLMIX_BLOCKS_LOG_SUM);
    dq = clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_block_attention_grad, &attributes, sizeof attributes, inputs,
                        CLMIX_BLOCKS_GRAD_INPUTS);
    for (int i = 0; i < CLMIX_BLOCKS_INPUTS; i++)
        if (of_input[i] != CLMIX_NONE && node->inputs[i] != CLMIX_NONE && clmix_backward_wants(backward, node, i))
            CLMIX_TRY(clmix_backward_give(backward, node, i, of_input[i] == CLMIX_BLOCKS_DQ ? dq : clmix_node_output(dq, of_input[i])));
    return CLMIX_OK;
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

static struct clmix_block_attention describe(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    const clmix_shape q = clmix_node_input(graph, node, CLMIX_BLOCKS_Q)->shape, v = clmix_node_input(graph, node, CLMIX_BLOCKS_V)->shape;
    const size_t width = q.size[2] / attributes->heads;

    return (struct clmix_block_attention){
        .batch = q.size[0],
        .tokens = q.size[1],
        .heads = attributes->heads,
        .width = width,
        .value_width = v.size[2] / attributes->heads,
        .block = attributes->block,
        .blocks = clmix_ceil_div(q.size[1], attributes->block),
        .count = clmix_node_input(graph, node, CLMIX_BLOCKS_CHOSEN)->shape.size[2],
        .scale = 1.0f / sqrtf((float)width),
        .masked = node->inputs[CLMIX_BLOCKS_MASK] != CLMIX_NONE,
        .rest = node->inputs[CLMIX_BLOCKS_REST] != CLMIX_NONE,
    };
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_block_attention attention = describe(clmix_planner_graph(planner), node);

    return clmix_planner_wide(planner) ? clmix_block_attention_wide(planner, node, &attention)
                                       : clmix_block_attention_simt(planner, node, &attention);
}

static clmix_status gradient_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_block_attention attention = describe(clmix_planner_graph(planner), node);

    return clmix_planner_wide(planner) ? clmix_block_attention_wide_grad(planner, node, &attention)
                                       : clmix_block_attention_simt_grad(planner, node, &attention);
}

/* ---- cost ---------------------------------------------------------------------------------------------------------------------------- */

/* Pairs of a query and a key in chosen blocks, of which the last ones may be shorter. */
static uint64_t pairs_of(const struct clmix_block_attention *attention)
{
    const uint64_t pairs = (uint64_t)attention->count * attention->block * attention->block,
                   all = (uint64_t)attention->tokens * attention->tokens;

    return (uint64_t)attention->batch * attention->heads * (pairs < all ? pairs : all);
}

/* Two products of all pairs. */
static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct clmix_block_attention attention = describe(graph, node);

    clmix_cost_moved(graph, node, flops, bytes);
    *flops = 2 * pairs_of(&attention) * (attention.width + attention.value_width);
}

/* Five products: the scores again, dP, and the three gradients. */
static void gradient_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct clmix_block_attention attention = describe(graph, node);

    clmix_cost_moved(graph, node, flops, bytes);
    *flops = 2 * pairs_of(&attention) * (3 * attention.width + 2 * attention.value_width);
}

/* ---- the ops ------------------------------------------------------------------------------------------------------------------------- */

#define DENSE \
    (1U << CLMIX_BLOCKS_MASK | 1U << CLMIX_BLOCKS_CHOSEN | 1U << CLMIX_BLOCKS_BEGINS | 1U << CLMIX_BLOCKS_SUM | 1U << CLMIX_BLOCKS_MOST)

const struct clmix_op clmix_op_block_attention = {
    .name = "block_attention",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = DENSE,
    .shape = shape,
    .backward = backward,
    .launch = launch,
    .cost = cost,
    .parts = clmix_parts_of_samples,
};

const struct clmix_op clmix_op_block_attention_grad = {
    .name = "block_attention_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = DENSE | 1U << CLMIX_BLOCKS_LOG_SUM_AGAIN,
    .shape = gradient_shape,
    .launch = gradient_launch,
    .cost = gradient_cost,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_block_attention(const clmix_value inputs[CLMIX_BLOCKS_INPUTS], size_t heads, size_t block)
{
    const struct attributes attributes = { heads, block };

    return clmix_node_add(clmix_here(inputs[CLMIX_BLOCKS_Q].graph), &clmix_op_block_attention, &attributes, sizeof attributes, inputs,
                          CLMIX_BLOCKS_INPUTS);
}
