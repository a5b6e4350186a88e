/* Linear layers: y = x W^T + b over the last axis, with a following activation and residual addition done while the sums are stored.
 * On the device the weight is [in][out]: then all three products (y, dx, dW) read and write it along its rows. */
#include "ops/linear.h"

#include "base/status.h"
#include "ops/column_sum.h"
#include "ops/gemm.h"
#include "ops/table.h"

#include <clmix/ops.h>

#include <math.h>
#include <string.h>

/* ---- building ----------------------------------------------------------------------------------------------------------------------- */

clmix_value clmix_linear_with(clmix_scope at, clmix_value x, size_t features, bool bias, int file_rank)
{
    static const int flat[2] = { 1, 0 }, deep[4] = { 1, 2, 3, 0 };
    clmix_shape shape = clmix_shape_of(x);
    size_t in = clmix_shape_columns(shape), size[4] = { features, in, 1, 1 };
    float bound = in == 0 ? 0.0f : 1.0f / sqrtf((float)in);
    clmix_value inputs[3] = { x, clmix_no_value(), clmix_no_value() };

    if (!clmix_is_value(x))
        return x;
    if (shape.rank < 1)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "a linear layer needs an input with at least one axis, and this one is a scalar");
    if (features == 0)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "a linear layer needs at least one feature");
    inputs[1] = clmix_parameter(at, "weight", file_rank, size, file_rank == 4 ? deep : flat, CLMIX_UNIFORM, bound);
    if (bias)
        inputs[2] = clmix_parameter(at, "bias", 1, &features, NULL, CLMIX_UNIFORM, bound);
    return clmix_node_add(at, &clmix_op_linear, NULL, 0, inputs, 3);
}

clmix_value clmix_linear(clmix_scope at, clmix_value x, size_t features, bool bias)
{
    return clmix_linear_with(at, x, features, bias, 2);
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0), *weight = clmix_node_input(graph, node, 1),
                              *bias = clmix_node_input(graph, node, 2);
    clmix_shape result = x->shape;
    char text[2][64];

    if (x->type != CLMIX_F32)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a linear layer needs a float32 input");
    if (x->shape.rank < 1 || clmix_shape_columns(x->shape) != clmix_shape_rows(weight->shape))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the input %s does not fit the weight %s (in x out)", clmix_shape_text(x->shape, text[0]),
                          clmix_shape_text(weight->shape, text[1]));
    if (bias != NULL && clmix_shape_count(bias->shape) != clmix_shape_columns(weight->shape))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the bias %s does not fit the weight %s (in x out)", clmix_shape_text(bias->shape, text[0]),
                          clmix_shape_text(weight->shape, text[1]));
    result.size[result.rank - 1] = clmix_shape_columns(weight->shape);
    return clmix_node_declare(graph, node, CLMIX_F32, result);
}

static clmix_status gradient_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_linear_gradient *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32, attributes->shape);
}

/* ---- backward ----------------------------------------------------------------------------------------------------------------------- */

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    clmix_value gradient = clmix_backward_gradient(backward, node, 0);
    clmix_scope at = clmix_backward_scope(backward, node);

    if (!clmix_is_value(gradient))
        return CLMIX_OK;
    if (clmix_backward_wants(backward, node, 0)) {
        clmix_value inputs[2] = { gradient, clmix_backward_input(backward, node, 1) };
        struct clmix_linear_gradient attributes = { clmix_node_input(clmix_backward_graph(backward), node, 0)->shape };

        CLMIX_TRY(clmix_backward_give(backward, node, 0,
                                      clmix_node_add(at, &clmix_op_linear_grad_input, &attributes, sizeof attributes, inputs, 2)));
    }
    if (clmix_backward_wants(backward, node, 1)) {
        clmix_value inputs[2] = { clmix_backward_input(backward, node, 0), gradient };
        struct clmix_linear_gradient attributes = { clmix_node_input(clmix_backward_graph(backward), node, 1)->shape };

        CLMIX_TRY(clmix_backward_give(backward, node, 1,
                                      clmix_node_add(at, &clmix_op_linear_grad_weight, &attributes, sizeof attributes, inputs, 2)));
    }
    if (node->inputs[2] != CLMIX_NONE && clmix_backward_wants(backward, node, 2))
        CLMIX_TRY(clmix_backward_give(backward, node, 2, clmix_column_sum(at, gradient)));
    return CLMIX_OK;
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

static bool is(const struct clmix_node *node, const char *name)
{
    return strcmp(node->op->name, name) == 0;
}

/* A residual addition, if nothing after the product has been taken in but an activation. */
static bool absorb_add(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    const struct clmix_node *taken;

    for (int i = 0; (taken = clmix_planner_absorbed(planner, node, i)) != NULL; i++)
        if (is(taken, "add") || is(taken, "gelu_grad") || is(taken, "relu_grad"))
            return false;
    return is(next, "add") && next->input_count == 2 && next->inputs[0] != next->inputs[1];
}

/* What takes the gradient further, through an activation or by an addition: one of them, since both read a matrix of the result's shape.
 */
static bool absorb_gradient(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    if (is(next, "gelu_grad") || is(next, "relu_grad"))
        return clmix_planner_absorbed(planner, node, 0) == NULL;
    return absorb_add(planner, node, next);
}

static bool absorb(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    if (is(next, "gelu") || is(next, "relu"))
        return clmix_planner_absorbed(planner, node, 0) == NULL;
    return absorb_add(planner, node, next);
}

/* Result, activation and residual of the product, from the node and what it has absorbed. */
static void finish(const struct clmix_planner *planner, const struct clmix_node *node, struct clmix_gemm *gemm)
{
    const struct clmix_node *taken, *before = node;

    gemm->residual = clmix_matrix_of(CLMIX_NONE);
    for (int i = 0; (taken = clmix_planner_absorbed(planner, node, i)) != NULL; i++) {
        if (is(taken, "add"))
            gemm->residual = clmix_matrix_of(taken->inputs[taken->inputs[0] == before->outputs[0] ? 1 : 0]);
        else if (is(taken, "gelu_grad") || is(taken, "relu_grad")) {
            gemm->residual = clmix_matrix_of(taken->inputs[1]);
            gemm->residual_use = is(taken, "gelu_grad") ? CLMIX_RESIDUAL_GELU_INPUT : CLMIX_RESIDUAL_RELU_RESULT;
        } else
            gemm->activation = is(taken, "gelu") ? CLMIX_ACTIVATION_GELU : CLMIX_ACTIVATION_RELU;
        before = taken;
    }
    gemm->c = clmix_matrix_of(clmix_planner_result(planner, node));
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    clmix_shape x = clmix_node_input(graph, node, 0)->shape, weight = clmix_node_input(graph, node, 1)->shape;
    struct clmix_gemm gemm = {
        .rows = clmix_shape_rows(x),
        .columns = clmix_shape_columns(weight),
        .depth = clmix_shape_columns(x),
        .a = clmix_matrix_of(node->inputs[0]),
        .b = { .value = node->inputs[1], .pitch = clmix_shape_columns(weight) },
        .bias = node->inputs[2],
    };

    finish(planner, node, &gemm);
    return clmix_gemm_plan(planner, node, &gemm);
}

/* dx = dy W: W is [in][out], so it is read transposed. */
static clmix_status launch_grad_input(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    clmix_shape gradient = clmix_node_input(graph, node, 0)->shape, weight = clmix_node_input(graph, node, 1)->shape;
    struct clmix_gemm gemm = {
        .rows = clmix_shape_rows(gradient),
        .columns = clmix_shape_rows(weight),
        .depth = clmix_shape_columns(gradient),
        .a = clmix_matrix_of(node->inputs[0]),
        .b = { .value = node->inputs[1], .pitch = clmix_shape_columns(weight) },
        .transpose_b = true,
        .bias = CLMIX_NONE,
    };

    finish(planner, node, &gemm);
    return clmix_gemm_plan(planner, node, &gemm);
}

/* dW = x^T dy. */
static clmix_status launch_grad_weight(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    clmix_shape x = clmix_node_input(graph, node, 0)->shape, gradient = clmix_node_input(graph, node, 1)->shape;
    struct clmix_gemm gemm = {
        .rows = clmix_shape_columns(x),
        .columns = clmix_shape_columns(gradient),
        .depth = clmix_shape_rows(x),
        .a = clmix_matrix_of(node->inputs[0]),
        .b = clmix_matrix_of(node->inputs[1]),
        .c = { .value = clmix_planner_result(planner, node), .pitch = clmix_shape_columns(gradient) },
        .residual = clmix_matrix_of(CLMIX_NONE),
        .transpose_a = true,
        .bias = CLMIX_NONE,
    };

    return clmix_gemm_plan(planner, node, &gemm);
}

/* ---- costs -------------------------------------------------------------------------------------------------------------------------- */

static uint64_t bytes_of(const clmix_graph *graph, const struct clmix_node *node)
{
    uint64_t count = clmix_shape_count(clmix_node_result(graph, node, 0)->shape);

    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != CLMIX_NONE)
            count += clmix_shape_count(clmix_node_input(graph, node, i)->shape);
    return count * sizeof(float);
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = (uint64_t)2 * clmix_shape_count(clmix_node_result(graph, node, 0)->shape) *
             clmix_shape_columns(clmix_node_input(graph, node, 0)->shape);
    *bytes = bytes_of(graph, node);
}

static void cost_grad_weight(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = (uint64_t)2 * clmix_shape_count(clmix_node_result(graph, node, 0)->shape) *
             clmix_shape_rows(clmix_node_input(graph, node, 0)->shape);
    *bytes = bytes_of(graph, node);
}

static void cut_gradient(void *attributes, size_t batch, size_t images)
{
    struct clmix_linear_gradient *gradient = attributes;

    clmix_shape_cut(&gradient->shape, batch, images);
}

const struct clmix_op clmix_op_linear = {
    .name = "linear",
    .flags = CLMIX_OP_STRIDED,
    .shape = shape,
    .backward = backward,
    .launch = launch,
    .absorb = absorb,
    .cost = cost,
    .parts = clmix_parts_by_row,
};

const struct clmix_op clmix_op_linear_grad_input = {
    .name = "linear_grad_input",
    .flags = CLMIX_OP_STRIDED,
    .shape = gradient_shape,
    .launch = launch_grad_input,
    .absorb = absorb_gradient,
    .cost = cost,
    .parts = clmix_parts_by_row,
    .cut = cut_gradient,
};

const struct clmix_op clmix_op_linear_grad_weight = {
    .name = "linear_grad_weight",
    .flags = CLMIX_OP_STRIDED,
    .shape = gradient_shape,
    .launch = launch_grad_weight,
    .cost = cost_grad_weight,
};
