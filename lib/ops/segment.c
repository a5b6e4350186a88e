/* Means of segments of tokens: the landmarks of Nystrom attention. Kernels: cl/segment.cl. */
#include "base/size.h"
#include "base/status.h"
#include "ops/arithmetic.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/mixing.h>

struct segment_attributes {
    size_t segments, tokens;
    bool behind; /* where the zero rows are */
};

static size_t length_of(const struct segment_attributes *attributes)
{
    return clmix_ceil_div(attributes->tokens, attributes->segments);
}

static clmix_status means_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct segment_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_input(graph, node, 0)->shape;
    char text[64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    if (shape.rank != 3 || attributes->segments == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "means of %zu segments of %s; segments are of tokens (batch, tokens, channels), at least one",
                          attributes->segments, clmix_shape_text(shape, text));
    shape.size[1] = attributes->segments;
    return clmix_node_declare(graph, node, CLMIX_F32, shape);
}

static clmix_status means_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    clmix_shape shape = clmix_node_input(graph, node, 0)->shape;

    shape.size[1] = ((const struct segment_attributes *)node->attributes)->tokens;
    return clmix_node_declare(graph, node, CLMIX_F32, shape);
}

static clmix_status means_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct segment_attributes attributes = *(const struct segment_attributes *)node->attributes;

    return clmix_give_through(backward, node, &clmix_op_segment_means_grad, &attributes, sizeof attributes, clmix_no_value());
}

static clmix_status means_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct segment_attributes *attributes = node->attributes;
    const int32_t result = clmix_planner_result(planner, node);
    const struct clmix_layout out = clmix_planner_layout(planner, result);
    const int32_t residual = clmix_other_term(planner, node);
    const bool backward = node->op == &clmix_op_segment_means_grad;
    struct clmix_record *record =
        clmix_record_rows(planner, node, "segment.cl", backward ? "segment_means_grad" : "segment_means", out.rows, out.columns, false);

    clmix_record_uint(record, attributes->segments);
    clmix_record_uint(record, length_of(attributes));
    clmix_record_uint(record, attributes->behind ? 0 : length_of(attributes) * attributes->segments - attributes->tokens);
    clmix_record_uint(record, attributes->tokens);
    clmix_record_pitched(planner, record, node->inputs[0]);
    if (backward) {
        clmix_record_pitched(planner, record, residual);
        clmix_record_uint(record, residual != CLMIX_NONE);
    }
    clmix_record_pitched(planner, record, result);
    return CLMIX_OK;
}

static void means_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    if (node->op == &clmix_op_segment_means)
        *flops = clmix_shape_count(clmix_node_input(graph, node, 0)->shape);
}

const struct clmix_op clmix_op_segment_means = {
    .name = "segment_means",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = means_shape,
    .backward = means_backward,
    .launch = means_launch,
    .cost = means_cost,
    .parts = clmix_parts_by_sample,
};
const struct clmix_op clmix_op_segment_means_grad = {
    .name = "segment_means_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = means_grad_shape,
    .launch = means_launch,
    .absorb = clmix_absorb_addition, /* tokens have other gradients too */
    .cost = means_cost,
    .parts = clmix_parts_by_sample,
};

static clmix_value means(clmix_value x, size_t segments, bool behind)
{
    const clmix_shape shape = clmix_shape_of(x);
    struct segment_attributes attributes = { .segments = segments, .tokens = shape.rank == 3 ? shape.size[1] : 0, .behind = behind };

    return clmix_node_add(clmix_here(x.graph), &clmix_op_segment_means, &attributes, sizeof attributes, &x, 1);
}

clmix_value clmix_segment_means(clmix_value x, size_t segments)
{
    return means(x, segments, false);
}

clmix_value clmix_segment_means_behind(clmix_value x, size_t segments)
{
    return means(x, segments, true);
}
