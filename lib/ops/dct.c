/* Orthonormal cosine transforms along the tokens (type II; DCT-Former, Scribano et al. 2023), row index = frequency:
 *
 *     D[k][t] = a_k cos(pi (2t + 1) k / (2 N)),  a_0 = sqrt(1 / N),  a_k = sqrt(2 / N),  k = 0 .. n - 1,  t = 0 .. N - 1
 *
 * forward y = D x, of which the first n of N coefficients are kept; inverse y = D^T x, the others being zeros. D D^T is 1: the gradient of each is
 * the other. Two ways (dct_route.c chooses):
 *
 * 1. The product with the matrix D, a constant: 2 n N multiply-adds and additions a channel.
 * 2. Makhoul 1980: with w = the tokens of even number, then those of odd number backwards, and W their Fourier transform of N points,
 *    y_k = a_k Re(W_k e(-k / (4 N))), e(t) = exp(2 pi i t). That in two stages (Cooley and Tukey 1965), N = P Q, t = j Q + m, k = l + P r:
 *        z[l, m] = sum_j w[j Q + m] e(-j l / P)                        of l <= P / 2 alone: w is real, z[P - l, m] the conjugate of z[l, m]
 *        y_k = a_k Re sum_m z[l, m] e(-(4m + 1) k / (4 N))             of k < n alone
 *    as products of real matrices (constants too, of 2 columns P and 2 n Q numbers), which are some 2 P N + 4 n Q a channel.
 *    Where N is prime there is no such way.
 *
 * Along the channels, for transforms of both axes, it is the matrix. Kernels: those of gemm.h, cl/dct.cl. */
#include "base/size.h"
#include "base/status.h"
#include "ops/arithmetic.h"
#include "ops/dct_internal.h"
#include "ops/table.h"

#include <clmix/mixing.h>

/* ---- the ops' rules -------------------------------------------------------------------------------------------------------------------- */

static bool is_inverse(const struct clmix_node *node)
{
    return node->op == &clmix_op_dct_inverse;
}

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, CLMIX_DCT_X);
    const struct clmix_dct_attributes *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32,
                              clmix_shape_make(3, (size_t[]){ x->shape.size[0], is_inverse(node) ? attributes->tokens : attributes->kept,
                                                              x->shape.size[2] }));
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct clmix_dct_attributes attributes = *(const struct clmix_dct_attributes *)node->attributes;
    const struct clmix_op *other = is_inverse(node) ? &clmix_op_dct : &clmix_op_dct_inverse;
    clmix_value inputs[CLMIX_DCT_INPUTS] = { clmix_backward_gradient(backward, node, 0) };

    if (!clmix_is_value(inputs[CLMIX_DCT_X]) || !clmix_backward_wants(backward, node, CLMIX_DCT_X))
        return CLMIX_OK;
    for (int i = CLMIX_DCT_TABLE; i < CLMIX_DCT_INPUTS; i++)
        inputs[i] = clmix_backward_input(backward, node, i);
    return clmix_backward_give(backward, node, CLMIX_DCT_X,
                               clmix_node_add(clmix_backward_scope(backward, node), other, &attributes, sizeof attributes, inputs,
                                              CLMIX_DCT_INPUTS));
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct clmix_dct_attributes *attributes = node->attributes;
    const struct clmix_dct_stages stages = clmix_dct_stages_of(attributes->tokens, attributes->kept);
    const clmix_shape x = clmix_node_input(graph, node, CLMIX_DCT_X)->shape;

    *flops = clmix_dct_flops(&stages, clmix_dct_usual_way(&stages)) * x.size[0] * x.size[2];
    *bytes = (uint64_t)x.size[0] * x.size[2] * (attributes->tokens + attributes->kept) * sizeof(float);
}

/* ---- launches ---------------------------------------------------------------------------------------------------------------------------- */

static bool adds_bias(const clmix_graph *graph, const struct clmix_node *node, const struct clmix_node *next)
{
    const clmix_shape y = clmix_node_result(graph, node, 0)->shape;

    return next->op == &clmix_op_add_repeated && clmix_shape_count(clmix_node_input(graph, next, 1)->shape) == y.size[2];
}

/* A bias, then a residual or another gradient of the same value. */
static bool absorb(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    const struct clmix_node *first = clmix_planner_absorbed(planner, node, 0);

    if (first == NULL && adds_bias(clmix_planner_graph(planner), node, next))
        return true;
    return (first == NULL || (first->op == &clmix_op_add_repeated && clmix_planner_absorbed(planner, node, 1) == NULL)) &&
           next->op == &clmix_op_add && next->inputs[0] != next->inputs[1];
}

static struct clmix_dct_call call_of(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_dct_attributes *attributes = node->attributes;
    const clmix_shape x = clmix_node_input(clmix_planner_graph(planner), node, CLMIX_DCT_X)->shape;
    const struct clmix_node *taken, *before = node;
    struct clmix_dct_call call = { .inverse = is_inverse(node),
                                   .stages = clmix_dct_stages_of(attributes->tokens, attributes->kept),
                                   .batch = x.size[0],
                                   .width = x.size[2],
                                   .x = node->inputs[CLMIX_DCT_X],
                                   .y = clmix_planner_result(planner, node),
                                   .bias = CLMIX_NONE,
                                   .residual = CLMIX_NONE };

    for (int i = 0; (taken = clmix_planner_absorbed(planner, node, i)) != NULL; i++) {
        if (taken->op == &clmix_op_add_repeated)
            call.bias = taken->inputs[1];
        else
            call.residual = taken->inputs[taken->inputs[0] == before->outputs[0]];
        before = taken;
    }
    return call;
}

struct choice {
    enum clmix_dct_way way;
    enum clmix_gemm_route route; /* of the matrix */
    struct clmix_gemm_tile tile;
};

static clmix_status measure(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_dct_call call = call_of(planner, node);
    const struct clmix_gemm gemm = clmix_dct_product(planner, node, &call);
    struct choice choice = { .way = CLMIX_DCT_MATRIX };

    CLMIX_TRY(clmix_dct_choose_way(planner, &call, &choice.way));
    if (choice.way == CLMIX_DCT_MATRIX)
        CLMIX_TRY(clmix_gemm_choose_route(planner, &gemm, &choice.route, &choice.tile));
    return clmix_planner_settle(planner, node, &choice, sizeof choice);
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_dct_call call = call_of(planner, node);
    const struct clmix_gemm gemm = clmix_dct_product(planner, node, &call);
    const struct choice *choice = clmix_planner_settled(planner, node);

    if ((choice != NULL ? choice->way : clmix_dct_usual_way(&call.stages)) == CLMIX_DCT_FOURIER)
        return clmix_dct_plan_fourier(planner, node, &call);
    return clmix_gemm_plan_route(planner, node, &gemm, choice != NULL ? choice->route : CLMIX_GEMM_OWN,
                                 choice != NULL ? &choice->tile : NULL);
}

#define TABLES (1U << CLMIX_DCT_TABLE | 1U << CLMIX_DCT_FIRST | 1U << CLMIX_DCT_SECOND)

const struct clmix_op clmix_op_dct = {
    .name = "dct",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = TABLES,
    .shape = shape,
    .backward = backward,
    .measure = measure,
    .launch = launch,
    .absorb = absorb,
    .parts = clmix_parts_by_sample,
    .cost = cost,
};

const struct clmix_op clmix_op_dct_inverse = {
    .name = "dct_inverse",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = TABLES,
    .shape = shape,
    .backward = backward,
    .measure = measure,
    .launch = launch,
    .absorb = absorb,
    .parts = clmix_parts_by_sample,
    .cost = cost,
};

/* ---- public ------------------------------------------------------------------------------------------------------------------------------ */

/* A transform, of N tokens and n coefficients, of one of which x is. */
static clmix_value transform(const struct clmix_op *op, clmix_value x, size_t tokens, size_t kept)
{
    const struct clmix_dct_attributes attributes = { .tokens = tokens, .kept = kept };
    const struct clmix_dct_stages stages = clmix_dct_stages_of(tokens, kept);
    const clmix_value inputs[CLMIX_DCT_INPUTS] = { [CLMIX_DCT_X] = x,
                                                   [CLMIX_DCT_TABLE] = clmix_dct_table(x.graph, tokens, kept),
                                                   [CLMIX_DCT_FIRST] = clmix_dct_first(x.graph, &stages),
                                                   [CLMIX_DCT_SECOND] = clmix_dct_second(x.graph, &stages) };

    return clmix_node_add(clmix_here(x.graph), op, &attributes, sizeof attributes, inputs, CLMIX_DCT_INPUTS);
}

/* Poisons x where it is not what a transform takes. */
static clmix_value expect(clmix_value x, size_t size, const char *what)
{
    const clmix_shape of = clmix_shape_of(x);
    char text[64];

    if (!clmix_is_value(x))
        return x;
    if (clmix_tensor_at(x.graph, x.id)->type != CLMIX_F32 || of.rank != 3)
        return clmix_poison(clmix_here(x.graph), CLMIX_ERROR_ARGUMENT,
                            "a cosine transform takes f32 tokens (batch, tokens, channels), and this is %s%s", clmix_shape_text(of, text),
                            clmix_tensor_at(x.graph, x.id)->type == CLMIX_F32 ? "" : " of integers");
    if (size == 0)
        return clmix_poison(clmix_here(x.graph), CLMIX_ERROR_ARGUMENT, "a cosine transform to 0 %s; there is at least one", what);
    return x;
}

/* Whether `size` coefficients can be made longer again to `length`; else poisons. */
static clmix_value expect_longer(clmix_value x, size_t size, size_t length, const char *what)
{
    if (!clmix_is_value(x) || size <= length)
        return x;
    return clmix_poison(clmix_here(x.graph), CLMIX_ERROR_ARGUMENT,
                        "an inverse cosine transform of %zu coefficients to %zu %s, which have no more than %zu", size, length, what,
                        length);
}

clmix_value clmix_dct(clmix_value x, size_t coefficients)
{
    x = expect(x, coefficients, "coefficients");
    if (!clmix_is_value(x))
        return x;
    return transform(&clmix_op_dct, x, clmix_shape_of(x).size[1], clmix_smaller(coefficients, clmix_shape_of(x).size[1]));
}

clmix_value clmix_dct_inverse(clmix_value x, size_t tokens)
{
    x = expect(x, tokens, "tokens");
    if (clmix_is_value(x))
        x = expect_longer(x, clmix_shape_of(x).size[1], tokens, "tokens");
    if (!clmix_is_value(x))
        return x;
    return transform(&clmix_op_dct_inverse, x, tokens, clmix_shape_of(x).size[1]);
}

clmix_value clmix_dct2(clmix_value x, size_t rows, size_t columns)
{
    x = expect(expect(x, rows, "rows"), columns, "columns");
    if (!clmix_is_value(x))
        return x;
    columns = clmix_smaller(columns, clmix_shape_of(x).size[2]);
    return clmix_matmul(clmix_dct(x, rows), clmix_dct_table(x.graph, clmix_shape_of(x).size[2], columns),
                        (clmix_product){ .transpose_b = true });
}

clmix_value clmix_dct2_inverse(clmix_value x, size_t rows, size_t columns)
{
    x = expect(expect(x, rows, "rows"), columns, "columns");
    if (clmix_is_value(x))
        x = expect_longer(x, clmix_shape_of(x).size[2], columns, "columns");
    if (!clmix_is_value(x))
        return x;
    return clmix_dct_inverse(clmix_matmul(x, clmix_dct_table(x.graph, columns, clmix_shape_of(x).size[2]), (clmix_product){ .heads = 1 }),
                             rows);
}

clmix_value clmix_dct_matrix(clmix_graph *graph, size_t coefficients, size_t tokens)
{
    if (coefficients == 0 || coefficients > tokens)
        return clmix_poison(clmix_here(graph), CLMIX_ERROR_ARGUMENT, "a cosine transform of %zu tokens has 1 to %zu coefficients, not %zu",
                            tokens, tokens, coefficients);
    return clmix_dct_table(graph, tokens, coefficients);
}
