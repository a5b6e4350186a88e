/* Linear layers: y = x W^T + b over the last axis, with a following activation, residual addition and scale done while the sums are stored.
 * On the device the weight is [in][out]: then all three products (y, dx, dW) read and write it along its rows. */
#include "base/status.h"
#include "ops/arithmetic.h"
#include "ops/column_sum.h"
#include "ops/gemm.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

#include <math.h>
#include <string.h>

/* What the gradients' ops make: the shape of x, or of the weight. */
struct gradient_attributes {
    clmix_shape shape;
};

/* ---- building ----------------------------------------------------------------------------------------------------------------------- */

clmix_value clmix_linear_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias)
{
    const clmix_value inputs[3] = { x, weight, bias };

    clmix_expect_values(at, &clmix_op_linear, inputs, 2);
    return clmix_node_add(at, &clmix_op_linear, NULL, 0, inputs, 3);
}

clmix_value clmix_linear(clmix_scope at, clmix_value x, size_t features, bool bias)
{
    static const int transposed[2] = { 1, 0 };
    clmix_shape shape = clmix_shape_of(x);
    size_t in = clmix_shape_columns(shape);
    float bound = in == 0 ? 0.0f : 1.0f / sqrtf((float)in);
    clmix_value weight, shift = clmix_no_value();

    if (!clmix_is_value(x))
        return x;
    if (shape.rank < 1)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "a linear layer needs an input with at least one axis, and this one is a scalar");
    if (features == 0)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "a linear layer needs at least one feature");
    weight = clmix_parameter(at, "weight", 2, (size_t[]){ features, in }, transposed,
                             (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = bound });
    if (bias)
        shift = clmix_parameter(at, "bias", 1, &features, NULL, (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = bound });
    return clmix_linear_with(at, x, weight, shift);
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0), *weight = clmix_node_input(graph, node, 1),
                              *bias = clmix_node_input(graph, node, 2);
    clmix_shape result = x->shape;
    char text[2][64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    if (weight->shape.rank < 2)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the weight %s should have at least two axes (in x out)",
                          clmix_shape_text(weight->shape, text[0]));
    if (x->shape.rank < 1 || clmix_shape_columns(x->shape) != clmix_shape_rows(weight->shape))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the input %s does not fit the weight %s (in x out)", clmix_shape_text(x->shape, text[0]),
                          clmix_shape_text(weight->shape, text[1]));
    if (bias != NULL && (bias->shape.rank != 1 || bias->shape.size[0] != clmix_shape_columns(weight->shape)))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the bias %s does not fit the weight %s (in x out)", clmix_shape_text(bias->shape, text[0]),
                          clmix_shape_text(weight->shape, text[1]));
    result.size[result.rank - 1] = clmix_shape_columns(weight->shape);
    return clmix_node_declare(graph, node, CLMIX_F32, result);
}

static clmix_status gradient_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct gradient_attributes *attributes = node->attributes;

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
        struct gradient_attributes attributes = { clmix_node_input(clmix_backward_graph(backward), node, 0)->shape };

        CLMIX_TRY(clmix_backward_give(backward, node, 0,
                                      clmix_node_add(at, &clmix_op_linear_grad_input, &attributes, sizeof attributes, inputs, 2)));
    }
    if (clmix_backward_wants(backward, node, 1)) {
        clmix_value inputs[2] = { clmix_backward_input(backward, node, 0), gradient };
        struct gradient_attributes attributes = { clmix_node_input(clmix_backward_graph(backward), node, 1)->shape };

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

/* Layer and channel norm are read through: their rows are normalised while the product reads them. In inference the wide form wins
 * nothing by it and would lose slices of the batch, which need no memory for these rows either (README.md). */
static bool reads_through(const struct clmix_planner *planner, const struct clmix_node *node, int index, const struct clmix_node *maker)
{
    (void)node;
    return index == 0 && (is(maker, "layer_norm") || is(maker, "channel_norm")) &&
           !(clmix_planner_wide(planner) && clmix_planner_mode(planner) == CLMIX_INFERENCE);
}

/* The matrix A: input 0, or what it is the norm of. */
static void read_input(const struct clmix_planner *planner, const struct clmix_node *node, struct clmix_gemm *gemm)
{
    const struct clmix_node *maker = clmix_planner_maker(planner, node, 0);

    gemm->a = clmix_matrix_of(maker == NULL ? node->inputs[0] : maker->inputs[0]);
    gemm->has_prologue = maker != NULL;
    if (maker != NULL)
        gemm->prologue = (struct clmix_prologue){ .stats = maker->outputs[1], .weight = maker->inputs[1], .bias = maker->inputs[2] };
}

/* What a product has taken in. */
struct taken {
    bool activation, residual, scale;
};

static bool is_residual(const struct clmix_node *node)
{
    return is(node, "add") || is(node, "gelu_grad") || is(node, "relu_grad");
}

static struct taken taken_in(const struct clmix_planner *planner, const struct clmix_node *node)
{
    struct taken taken = { false, false, false };
    const struct clmix_node *absorbed;

    for (int i = 0; (absorbed = clmix_planner_absorbed(planner, node, i)) != NULL; i++) {
        taken.residual |= is_residual(absorbed);
        taken.scale |= is(absorbed, "scale");
        taken.activation |= is(absorbed, "gelu") || is(absorbed, "relu");
    }
    return taken;
}

/* An activation, then one thing that reads a matrix of the result's shape; anywhere behind the bias one scale. */
static bool absorb(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    struct taken taken = taken_in(planner, node);

    if (is(next, "gelu") || is(next, "relu"))
        return !taken.activation && !taken.residual;
    if (is(next, "add"))
        return !taken.residual && next->input_count == 2 && next->inputs[0] != next->inputs[1];
    return is(next, "scale") && !taken.scale;
}

/* What takes the gradient further: the derivative of an activation stands where a residual would. */
static bool absorb_gradient(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    if (is(next, "gelu_grad") || is(next, "relu_grad"))
        return !taken_in(planner, node).residual;
    return (is(next, "add") || is(next, "scale")) && absorb(planner, node, next);
}

/* Result, activation, residual and scale of the product, from the node and what it has absorbed. */
static void finish(const struct clmix_planner *planner, const struct clmix_node *node, struct clmix_gemm *gemm)
{
    const struct clmix_node *absorbed, *before = node;

    gemm->residual = clmix_matrix_of(CLMIX_NONE);
    for (int i = 0; (absorbed = clmix_planner_absorbed(planner, node, i)) != NULL; i++) {
        if (is(absorbed, "add"))
            gemm->residual = clmix_matrix_of(absorbed->inputs[absorbed->inputs[0] == before->outputs[0] ? 1 : 0]);
        else if (is_residual(absorbed)) {
            gemm->residual = clmix_matrix_of(absorbed->inputs[1]);
            gemm->residual_use = is(absorbed, "gelu_grad") ? CLMIX_RESIDUAL_GELU_INPUT : CLMIX_RESIDUAL_RELU_RESULT;
        } else if (is(absorbed, "scale")) {
            gemm->scale = clmix_scale_factor(absorbed);
            gemm->scale_place = gemm->residual.value != CLMIX_NONE          ? CLMIX_SCALE_ADDED
                                : gemm->activation != CLMIX_ACTIVATION_NONE ? CLMIX_SCALE_ACTIVATED
                                                                            : CLMIX_SCALE_BIASED;
        } else
            gemm->activation = is(absorbed, "gelu") ? CLMIX_ACTIVATION_GELU : CLMIX_ACTIVATION_RELU;
        before = absorbed;
    }
    gemm->c = clmix_matrix_of(clmix_planner_result(planner, node));
}

static struct clmix_gemm product(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    clmix_shape x = clmix_node_input(graph, node, 0)->shape, weight = clmix_node_input(graph, node, 1)->shape;
    struct clmix_gemm gemm = {
        .rows = clmix_shape_rows(x),
        .columns = clmix_shape_columns(weight),
        .depth = clmix_shape_columns(x),
        .b = clmix_matrix_of(node->inputs[1]),
        .bias = node->inputs[2],
    };

    read_input(planner, node, &gemm);
    finish(planner, node, &gemm);
    return gemm;
}

/* dx = dy W: W is [in][out], so it is read transposed. */
static struct clmix_gemm product_grad_input(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    clmix_shape gradient = clmix_node_input(graph, node, 0)->shape, weight = clmix_node_input(graph, node, 1)->shape;
    struct clmix_gemm gemm = {
        .rows = clmix_shape_rows(gradient),
        .columns = clmix_shape_rows(weight),
        .depth = clmix_shape_columns(gradient),
        .a = clmix_matrix_of(node->inputs[0]),
        .b = clmix_matrix_of(node->inputs[1]),
        .transpose_b = true,
        .bias = CLMIX_NONE,
    };

    finish(planner, node, &gemm);
    return gemm;
}

/* dW = x^T dy. */
static struct clmix_gemm product_grad_weight(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    clmix_shape x = clmix_node_input(graph, node, 0)->shape, gradient = clmix_node_input(graph, node, 1)->shape;
    struct clmix_gemm gemm = {
        .rows = clmix_shape_columns(x),
        .columns = clmix_shape_columns(gradient),
        .depth = clmix_shape_rows(x),
        .b = clmix_matrix_of(node->inputs[1]),
        .c = clmix_matrix_of(clmix_planner_result(planner, node)),
        .residual = clmix_matrix_of(CLMIX_NONE),
        .transpose_a = true,
        .bias = CLMIX_NONE,
    };

    read_input(planner, node, &gemm);
    return gemm;
}

static struct clmix_gemm product_of(const struct clmix_planner *planner, const struct clmix_node *node)
{
    return node->op == &clmix_op_linear              ? product(planner, node)
           : node->op == &clmix_op_linear_grad_input ? product_grad_input(planner, node)
                                                     : product_grad_weight(planner, node);
}

static clmix_status measure(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_gemm gemm = product_of(planner, node);

    return clmix_gemm_measure(planner, node, &gemm);
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_gemm gemm = product_of(planner, node);

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

static void cut_gradient(void *attributes, size_t batch, size_t samples)
{
    struct gradient_attributes *gradient = attributes;

    clmix_shape_cut(&gradient->shape, batch, samples);
}

/* Row by row, of a weight that is the same for all samples. */
static bool parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                  struct clmix_parts *outputs)
{
    (void)planner;
    (void)node;
    outputs[0] = inputs[0];
    return inputs[0].count > 0 && inputs[1].count == 0;
}

const struct clmix_op clmix_op_linear = {
    .name = "linear",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = shape,
    .backward = backward,
    .measure = measure,
    .launch = launch,
    .absorb = absorb,
    .reads_through = reads_through,
    .cost = cost,
    .parts = parts,
};

const struct clmix_op clmix_op_linear_grad_input = {
    .name = "linear_grad_input",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = gradient_shape,
    .measure = measure,
    .launch = launch,
    .absorb = absorb_gradient,
    .cost = cost,
    .parts = parts,
    .cut = cut_gradient,
};

const struct clmix_op clmix_op_linear_grad_weight = {
    .name = "linear_grad_weight",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = gradient_shape,
    .measure = measure,
    .launch = launch,
    .reads_through = reads_through,
    .cost = cost_grad_weight,
};
