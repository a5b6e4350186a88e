/* Means of blocks of tokens, of those that a mask leaves in. Second output: how many these are. Kernels: cl/block_means.cl. */
#include "ops/block_means.h"

#include "base/size.h"
#include "base/status.h"
#include "ops/arithmetic.h"
#include "ops/features.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

struct attributes {
    size_t block, tokens;
};

enum { X, MASK };                /* inputs */
enum { DY, DY_MASK, DY_COUNTS }; /* of the gradient */
enum { MEANS, COUNTS };          /* outputs */

static clmix_status means_shape(clmix_graph *graph, struct clmix_node *node)
{
    struct attributes *attributes = node->attributes;
    const struct clmix_tensor *x = clmix_node_input(graph, node, X);
    clmix_shape shape = x->shape;
    char text[64];

    if (x->type != CLMIX_F32 || shape.rank != 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "means of blocks are of f32 tokens (batch, tokens, channels), and these values are %s",
                          clmix_shape_text(shape, text));
    if (attributes->block == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "blocks of 0 tokens; a block has at least one");
    CLMIX_TRY(clmix_expect_mask(clmix_node_input(graph, node, MASK), shape));
    attributes->tokens = shape.size[1];
    shape.size[1] = clmix_ceil_div(shape.size[1], attributes->block);
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, shape));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(2, shape.size));
}

static clmix_status means_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    clmix_shape shape = clmix_node_input(graph, node, DY)->shape;

    shape.size[1] = ((const struct attributes *)node->attributes)->tokens;
    return clmix_node_declare(graph, node, CLMIX_F32, shape);
}

static clmix_status means_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct attributes attributes = *(const struct attributes *)node->attributes;
    const clmix_value dy = clmix_backward_gradient(backward, node, MEANS);

    if (!clmix_is_value(dy) || !clmix_backward_wants(backward, node, X))
        return CLMIX_OK;
    return clmix_backward_give(
        backward, node, X,
        clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_block_means_grad, &attributes, sizeof attributes,
                       (clmix_value[]){ dy, clmix_backward_input(backward, node, MASK), clmix_backward_output(backward, node, COUNTS) },
                       3));
}

static struct clmix_record *launch_rows(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel, int32_t result,
                                        int32_t counts)
{
    const struct attributes *attributes = node->attributes;
    const struct clmix_layout out = clmix_planner_layout(planner, result);
    struct clmix_record *record = clmix_record_rows(planner, node, "block_means.cl", kernel, out.rows, out.columns, false);

    clmix_record_define(record, "MASKED", node->inputs[MASK] != CLMIX_NONE);
    clmix_record_uint(record, attributes->block);
    clmix_record_uint(record, attributes->tokens);
    clmix_record_pitched(planner, record, node->inputs[X]);
    clmix_record_value(record, node->inputs[MASK]);
    clmix_record_value(record, counts);
    return record;
}

static clmix_status means_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    struct clmix_record *record = launch_rows(planner, node, "block_means", node->outputs[MEANS], node->outputs[COUNTS]);

    clmix_record_pitched(planner, record, node->outputs[MEANS]);
    return CLMIX_OK;
}

static clmix_status means_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const int32_t result = clmix_planner_result(planner, node), residual = clmix_other_term(planner, node);
    struct clmix_record *record = launch_rows(planner, node, "block_means_grad", result, node->inputs[DY_COUNTS]);

    clmix_record_pitched(planner, record, residual);
    clmix_record_uint(record, residual != CLMIX_NONE);
    clmix_record_pitched(planner, record, result);
    return CLMIX_OK;
}

static void means_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    if (node->op == &clmix_op_block_means)
        *flops = clmix_shape_count(clmix_node_input(graph, node, X)->shape);
}

const struct clmix_op clmix_op_block_means = {
    .name = "block_means",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << MASK,
    .shape = means_shape,
    .backward = means_backward,
    .launch = means_launch,
    .cost = means_cost,
    .parts = clmix_parts_of_samples,
};
const struct clmix_op clmix_op_block_means_grad = {
    .name = "block_means_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << DY_MASK | 1U << DY_COUNTS,
    .shape = means_grad_shape,
    .launch = means_grad_launch,
    .absorb = clmix_absorb_addition, /* tokens have other gradients too */
    .cost = means_cost,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_block_means(clmix_value x, clmix_value mask, size_t block)
{
    const struct attributes attributes = { .block = block };
    const clmix_value inputs[] = { x, mask };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_block_means, inputs, 1);
    return clmix_node_add(at, &clmix_op_block_means, &attributes, sizeof attributes, inputs, 2);
}
