/* Products of two values, matrix by matrix: y = scale a b, batches and heads as strides. The gradients are such products too:
 * with op(x) the transpose or not,  da = dy op(b)^T  or, of a stored transpose, op(b) dy^T;  db = op(a)^T dy  or  dy^T op(a).
 * What has no batch gets the sum over it. Kernels: those of gemm.h. */
#include "base/status.h"
#include "ops/gemm.h"
#include "ops/table.h"

#include <clmix/ops.h>

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

static bool has_batch(clmix_shape shape)
{
    return shape.rank == 3;
}

/* Of one head as stored. */
static size_t stored_rows(clmix_shape shape)
{
    return shape.size[shape.rank - 2];
}

static size_t stored_columns(clmix_shape shape, size_t heads)
{
    return shape.size[shape.rank - 1] / heads;
}

/* Sizes of one head's product. */
struct sizes {
    size_t batch, heads; /* batch: 1 without one */
    size_t rows, depth, depth_b, columns;
};

static struct sizes sizes_of(clmix_shape a, clmix_shape b, const clmix_product *product)
{
    size_t a_size[2] = { stored_rows(a), stored_columns(a, product->heads) },
           b_size[2] = { stored_rows(b), stored_columns(b, product->heads) };

    return (struct sizes){
        .batch = has_batch(a)   ? a.size[0]
                 : has_batch(b) ? b.size[0]
                                : 1,
        .heads = product->heads,
        .rows = a_size[product->transpose_a],
        .depth = a_size[!product->transpose_a],
        .depth_b = b_size[product->transpose_b],
        .columns = b_size[!product->transpose_b],
    };
}

static clmix_status check_operands(const struct clmix_tensor *a, const struct clmix_tensor *b, const clmix_product *product)
{
    char text[2][64];

    clmix_shape_text(a->shape, text[0]);
    clmix_shape_text(b->shape, text[1]);
    if (a->type != CLMIX_F32 || b->type != CLMIX_F32)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a matrix product needs two float32 values");
    if (a->shape.rank < 2 || a->shape.rank > 3 || b->shape.rank < 2 || b->shape.rank > 3)
        return clmix_fail(
            CLMIX_ERROR_ARGUMENT,
            "a matrix product takes values of two axes (rows, columns), or of three with the batch first; these are %s and %s", text[0],
            text[1]);
    if (clmix_shape_columns(a->shape) % product->heads != 0 || clmix_shape_columns(b->shape) % product->heads != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the last axes of %s and %s cannot both be cut into %zu heads", text[0], text[1],
                          product->heads);
    if (has_batch(a->shape) && has_batch(b->shape) && a->shape.size[0] != b->shape.size[0])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the batches of %s and %s differ; a value that is the same for all samples has two axes",
                          text[0], text[1]);
    if (product->sum_batch && !(has_batch(a->shape) && has_batch(b->shape)))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a sum over the batch needs one in both values, and these are %s and %s", text[0], text[1]);
    return CLMIX_OK;
}

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *a = clmix_node_input(graph, node, 0), *b = clmix_node_input(graph, node, 1);
    const clmix_product *product = node->attributes;
    struct sizes sizes;
    char text[2][64];

    CLMIX_TRY(check_operands(a, b, product));
    sizes = sizes_of(a->shape, b->shape, product);
    if (sizes.depth != sizes.depth_b)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "%s%s times %s%s with %zu head%s is a product of %zux%zu by %zux%zu matrices, whose inner sizes differ",
                          clmix_shape_text(a->shape, text[0]), product->transpose_a ? " transposed" : "",
                          clmix_shape_text(b->shape, text[1]), product->transpose_b ? " transposed" : "", sizes.heads,
                          sizes.heads == 1 ? "" : "s", sizes.rows, sizes.depth, sizes.depth_b, sizes.columns);
    if (product->sum_batch || !(has_batch(a->shape) || has_batch(b->shape)))
        return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(2, (size_t[]){ sizes.rows, sizes.heads * sizes.columns }));
    return clmix_node_declare(graph, node, CLMIX_F32,
                              clmix_shape_make(3, (size_t[]){ sizes.batch, sizes.rows, sizes.heads * sizes.columns }));
}

/* ---- backward ----------------------------------------------------------------------------------------------------------------------- */

/* Gives input `index` the product of two values as its gradient. */
static clmix_status give(struct clmix_backward *backward, const struct clmix_node *node, int index, clmix_value left, bool transpose_left,
                         clmix_value right, bool transpose_right)
{
    const clmix_graph *graph = clmix_backward_graph(backward);
    const clmix_product *forward = node->attributes;
    clmix_value inputs[2] = { left, right };
    clmix_product product = {
        .heads = forward->heads,
        .transpose_a = transpose_left,
        .transpose_b = transpose_right,
        .sum_batch = !has_batch(clmix_node_input(graph, node, index)->shape) && has_batch(clmix_node_result(graph, node, 0)->shape),
        .scale = forward->scale,
    };

    return clmix_backward_give(backward, node, index,
                               clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_matmul, &product, sizeof product, inputs, 2));
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const clmix_product forward = *(const clmix_product *)node->attributes;
    const bool ta = forward.transpose_a, tb = forward.transpose_b;
    clmix_value gradient = clmix_backward_gradient(backward, node, 0), other;

    if (!clmix_is_value(gradient))
        return CLMIX_OK;
    if (clmix_backward_wants(backward, node, 0)) {
        other = clmix_backward_input(backward, node, 1);
        CLMIX_TRY(ta ? give(backward, node, 0, other, tb, gradient, true) : give(backward, node, 0, gradient, false, other, !tb));
    }
    if (clmix_backward_wants(backward, node, 1)) {
        other = clmix_backward_input(backward, node, 0);
        CLMIX_TRY(tb ? give(backward, node, 1, gradient, true, other, ta) : give(backward, node, 1, other, !ta, gradient, false));
    }
    return CLMIX_OK;
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

/* The heads of a value: rows lie one pitch apart, through the whole batch. */
static struct clmix_matrix heads_of(const struct clmix_planner *planner, int32_t value, size_t heads)
{
    clmix_shape shape = clmix_tensor_at(clmix_planner_graph(planner), value)->shape;
    size_t pitch = clmix_planner_layout(planner, value).pitch;

    return (struct clmix_matrix){
        .value = value,
        .pitch = pitch,
        .outer_stride = has_batch(shape) ? stored_rows(shape) * pitch : 0,
        .inner_stride = stored_columns(shape, heads),
    };
}

/* Whether `next` adds the same matrix to the product of every sample, such as a bias that each row or column has its own of. */
static bool adds_to_samples(const clmix_graph *graph, const struct clmix_node *node, const struct clmix_node *next)
{
    const clmix_shape whole = clmix_node_result(graph, node, 0)->shape;

    return next->op == &clmix_op_add_repeated && next->inputs[0] == node->outputs[0] && has_batch(whole) &&
           clmix_shape_count(clmix_node_input(graph, next, 1)->shape) == whole.size[1] * whole.size[2];
}

/* Takes in an addition, as where two gradients of one value meet, or of a bias, or, where the product is the gradient behind an activation, the
 * derivative of that. */
static bool absorb(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    if (clmix_planner_absorbed(planner, node, 0) != NULL)
        return false;
    if (next->op == &clmix_op_gelu_grad || next->op == &clmix_op_relu_grad)
        return next->inputs[0] == node->outputs[0] && next->inputs[1] != node->outputs[0];
    return (next->op == &clmix_op_add && next->inputs[0] != next->inputs[1]) || adds_to_samples(clmix_planner_graph(planner), node, next);
}

/* The matrix that is read at the end, and what for, with what is taken in. */
static void read_residual(const struct clmix_planner *planner, const struct clmix_node *node, struct clmix_gemm *gemm)
{
    const struct clmix_node *next = clmix_planner_absorbed(planner, node, 0);
    const bool gelu = next != NULL && next->op == &clmix_op_gelu_grad, relu = next != NULL && next->op == &clmix_op_relu_grad;

    gemm->residual = clmix_matrix_of(CLMIX_NONE);
    if (next == NULL)
        return;
    gemm->residual = heads_of(planner, next->inputs[gelu || relu || next->inputs[0] == node->outputs[0]], gemm->inner_batch);
    gemm->residual_use = gelu ? CLMIX_RESIDUAL_GELU_INPUT : relu ? CLMIX_RESIDUAL_RELU_RESULT : CLMIX_RESIDUAL_ADDED;
    gemm->residual_apart = next->op != &clmix_op_add; /* of which the sum may take the place */
    if (next->op == &clmix_op_add_repeated)
        gemm->residual.outer_stride = 0;
}

static struct clmix_gemm product_of(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    const clmix_product *product = node->attributes;
    clmix_shape a = clmix_node_input(graph, node, 0)->shape, b = clmix_node_input(graph, node, 1)->shape;
    struct sizes sizes = sizes_of(a, b, product);
    struct clmix_gemm gemm = {
        .rows = sizes.rows,
        .columns = sizes.columns,
        .depth = sizes.depth,
        .outer_batch = sizes.batch,
        .inner_batch = sizes.heads,
        .a = heads_of(planner, node->inputs[0], sizes.heads),
        .b = heads_of(planner, node->inputs[1], sizes.heads),
        .c = heads_of(planner, clmix_planner_result(planner, node), sizes.heads),
        .transpose_a = product->transpose_a,
        .transpose_b = product->transpose_b,
        .bias = CLMIX_NONE,
        .scale_place = product->scale == 1.0f ? CLMIX_SCALE_NONE : CLMIX_SCALE_BIASED,
        .scale = product->scale,
    };

    read_residual(planner, node, &gemm);
    if (product->sum_batch) { /* a deeper product; where depth is the rows of both the samples lie one behind the other */
        gemm.segment = gemm.transpose_a && !gemm.transpose_b ? 0 : sizes.depth;
        gemm.depth *= sizes.batch;
        gemm.outer_batch = 1;
    } else if (has_batch(a) && !has_batch(b) && !gemm.transpose_a &&
               (gemm.residual.value == CLMIX_NONE || gemm.residual.outer_stride != 0)) { /* along the rows: a taller one */
        gemm.rows *= sizes.batch;
        gemm.outer_batch = 1;
    }
    return gemm;
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

/* Sample by sample, where the three axes begin with the batch of the plan and two axes are weights. */
static bool parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                  struct clmix_parts *outputs)
{
    const clmix_product *product = node->attributes;

    for (int i = 0; i < node->input_count; i++)
        if (has_batch(clmix_node_input(clmix_planner_graph(planner), node, i)->shape) != (inputs[i].count == 1))
            return false;
    return !product->sum_batch && clmix_parts_by_sample(planner, node, inputs, outputs);
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_shape a = clmix_node_input(graph, node, 0)->shape, b = clmix_node_input(graph, node, 1)->shape;
    struct sizes sizes = sizes_of(a, b, node->attributes);

    *flops = (uint64_t)2 * sizes.batch * sizes.heads * sizes.rows * sizes.columns * sizes.depth;
    *bytes = ((uint64_t)clmix_shape_count(a) + clmix_shape_count(b) + clmix_shape_count(clmix_node_result(graph, node, 0)->shape)) *
             sizeof(float);
}

const struct clmix_op clmix_op_matmul = {
    .name = "matmul",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = shape,
    .backward = backward,
    .measure = measure,
    .launch = launch,
    .absorb = absorb,
    .cost = cost,
    .parts = parts,
};

clmix_value clmix_matmul(clmix_value a, clmix_value b, clmix_product product)
{
    clmix_value inputs[2] = { a, b };

    if (!clmix_is_value(b))
        return b;
    if (product.heads == 0)
        product.heads = 1;
    if (product.scale == 0.0f)
        product.scale = 1.0f;
    return clmix_node_add(clmix_here(a.graph), &clmix_op_matmul, &product, sizeof product, inputs, 2);
}
