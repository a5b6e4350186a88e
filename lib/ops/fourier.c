/* Fourier mixing: the real part of the discrete transform over tokens and features (FNet, Lee-Thorp et al. 2021),
 *     y[n, k] = sum over a, b of x[a, b] cos(2 pi (a n / N + b k / D)),
 * The map is symmetric: its gradient is itself. Computed by clFFT where the device has been found to be faster with it (fourier_route.c), and
 * else as products of matrices, exact for every length. Kernels: those of gemm.h, cl/fourier.cl.
 *
 * 1. Features. X[a, k] = sum_b x[a, b] e(-b k / D), e(t) = exp(2 pi i t), for k = 0 .. D/2 alone: x is real, so that X[a, D - k] is the
 *    conjugate of X[a, k], and y[n, D - k] = y[N - n, k].
 * 2. Tokens, where N = P Q: with a = j Q + m, n = l + P r (Cooley and Tukey 1965)
 *        Z[l, m] = sum_j X[j Q + m] e(-j l / P).
 * 3. y[l + P r] = Re sum_m Z[l, m] e(-m (l + P r) / N): for each l a matrix, with what Cooley and Tukey call twiddle factors inside.
 * Where N is prime P is 1, and 2 is left out. Complex numbers are two planes, so that each step is a product of real matrices, whose rows and
 * columns are the real and imaginary parts side by side. These matrices are made on the device from tables of N and of D angles, a piece at a
 * time: memory is linear in the tokens. */
#include "base/status.h"
#include "ops/arithmetic.h"
#include "ops/fourier_internal.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/mixing.h>
#include <math.h>

#define TAU 6.283185307179586476925286766559

/* ---- the op's rules ------------------------------------------------------------------------------------------------------------------ */

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, CLMIX_FOURIER_X);
    char text[64];

    if (x->type != CLMIX_F32 || x->shape.rank != 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "Fourier mixing takes f32 tokens (batch, tokens, features), and this is %s%s",
                          clmix_shape_text(x->shape, text), x->type == CLMIX_F32 ? "" : " of integers");
    return clmix_node_declare(graph, node, CLMIX_F32, x->shape);
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    clmix_value inputs[CLMIX_FOURIER_INPUTS] = { clmix_backward_gradient(backward, node, 0) };

    if (!clmix_is_value(inputs[CLMIX_FOURIER_X]) || !clmix_backward_wants(backward, node, CLMIX_FOURIER_X))
        return CLMIX_OK;
    for (int i = CLMIX_FOURIER_TOKENS; i < CLMIX_FOURIER_INPUTS; i++)
        inputs[i] = clmix_backward_input(backward, node, i);
    return clmix_backward_give(backward, node, CLMIX_FOURIER_X,
                               clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_fourier_mix, NULL, 0, inputs,
                                              CLMIX_FOURIER_INPUTS));
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct clmix_fourier fourier = clmix_fourier_of(graph, node);

    clmix_cost_moved(graph, node, flops, bytes);
    *flops = clmix_fourier_flops(&fourier);
}

/* ---- launches ------------------------------------------------------------------------------------------------------------------------- */

struct choice {
    enum clmix_fourier_way way;
    struct clmix_fourier_products products; /* of the own one */
};

static clmix_status measure(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_fourier fourier = clmix_fourier_of(clmix_planner_graph(planner), node);
    struct choice choice = { .way = CLMIX_FOURIER_OWN };

    CLMIX_TRY(clmix_fourier_choose_way(clmix_planner_open_device(planner), clmix_planner_wide(planner), &fourier, &choice.way));
    if (choice.way == CLMIX_FOURIER_OWN)
        CLMIX_TRY(clmix_fourier_choose_products(planner, node, &choice.products));
    return clmix_planner_settle(planner, node, &choice, sizeof choice);
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct choice *choice = clmix_planner_settled(planner, node);

    if (choice != NULL && choice->way == CLMIX_FOURIER_CLFFT)
        return clmix_fourier_plan_clfft(planner, node);
    return clmix_fourier_plan_own(planner, node, choice == NULL ? NULL : &choice->products);
}

const struct clmix_op clmix_op_fourier_mix = {
    .name = "fourier_mix",
    .shape = shape,
    .backward = backward,
    .measure = measure,
    .launch = launch,
    .absorb = clmix_absorb_addition, /* mostly of the block's input */
    .parts = clmix_parts_by_sample,
    .cost = cost,
};

/* ---- public -------------------------------------------------------------------------------------------------------------------------- */

/* (n, 2): cosine and sine of 2 pi m / n. */
static clmix_status fill_angles(void *values, clmix_shape of, const void *data)
{
    float *angles = values;

    (void)data;
    for (size_t m = 0; m < of.size[0]; m++) {
        const double angle = TAU * (double)m / (double)of.size[0];

        angles[2 * m] = (float)cos(angle);
        angles[2 * m + 1] = (float)sin(angle);
    }
    return CLMIX_OK;
}

clmix_value clmix_fourier_mix(clmix_value x)
{
    const clmix_shape of = clmix_shape_of(x);
    clmix_value inputs[CLMIX_FOURIER_INPUTS] = { x, clmix_no_value(), clmix_no_value() };

    if (!clmix_is_value(x))
        return x;
    for (int i = CLMIX_FOURIER_TOKENS; i < CLMIX_FOURIER_INPUTS && of.rank == 3; i++)
        inputs[i] = clmix_constant(x.graph, CLMIX_F32, 2, (size_t[]){ of.size[i], 2 }, fill_angles, NULL, 0);
    return clmix_node_add(clmix_here(x.graph), &clmix_op_fourier_mix, NULL, 0, inputs, CLMIX_FOURIER_INPUTS);
}
