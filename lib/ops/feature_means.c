/* Means over the tokens of the features that a map makes: what squeeze-and-excitation begins with. The features are formed while they are
 * summed, and again on the way back. Kernels: cl/feature_means.cl. */
#include "base/status.h"
#include "ops/arithmetic.h"
#include "ops/features.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

struct means_attributes {
    size_t heads;
    clmix_map map;
};

enum { X, PEAKS, MASK, DMEAN, SHARE }; /* inputs; the last two of the gradient */

static struct clmix_features features_of(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct means_attributes *attributes = node->attributes;
    const size_t width = clmix_node_input(graph, node, X)->shape.size[2] / attributes->heads;

    return (struct clmix_features){ .heads = attributes->heads,
                                    .width = width,
                                    .features = width,
                                    .mapped = true,
                                    .map = attributes->map,
                                    .masked = node->inputs[MASK] != CLMIX_NONE };
}

static clmix_status means_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct means_attributes *attributes = node->attributes;
    const struct clmix_tensor *x = clmix_node_input(graph, node, X);
    char text[64];

    clmix_shape_text(x->shape, text);
    if (x->type != CLMIX_F32 || x->shape.rank != 3 || x->shape.size[2] % attributes->heads != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "means are of f32 tokens (batch, tokens, %zu heads side by side), and these values are %s",
                          attributes->heads, text);
    if (attributes->map < CLMIX_MAP_IDENTITY || attributes->map > CLMIX_MAP_SOFTMAX_TOKENS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a map of %d; there is none", (int)attributes->map);
    CLMIX_TRY(clmix_expect_mask(clmix_node_input(graph, node, MASK), x->shape));
    CLMIX_TRY(clmix_features_check_room(x->shape.size[2] / attributes->heads, x->shape.size[2] / attributes->heads));
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(2, (size_t[]){ x->shape.size[0], x->shape.size[2] })));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(2, (size_t[]){ x->shape.size[0], attributes->heads }));
}

static clmix_status means_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, X)->shape);
}

static clmix_status means_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct means_attributes attributes = *(const struct means_attributes *)node->attributes;
    const clmix_value dmean = clmix_backward_gradient(backward, node, 0);

    if (attributes.map == CLMIX_MAP_SOFTMAX_TOKENS) /* its sum over the tokens is 1 */
        return CLMIX_OK;
    if (!clmix_is_value(dmean) || !clmix_backward_wants(backward, node, X))
        return CLMIX_OK;
    return clmix_backward_give(
        backward, node, X,
        clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_feature_means_grad, &attributes, sizeof attributes,
                       (clmix_value[]){ clmix_backward_input(backward, node, X), clmix_backward_input(backward, node, PEAKS),
                                        clmix_backward_input(backward, node, MASK), dmean, clmix_backward_output(backward, node, 1) },
                       5));
}

static clmix_status means_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_features features = features_of(clmix_planner_graph(planner), node);

    clmix_features_plan_sums(planner, node, &features,
                             &(struct clmix_feature_sums){ .x = node->inputs[X],
                                                           .peaks = node->inputs[PEAKS],
                                                           .mask = node->inputs[MASK],
                                                           .result = node->outputs[0],
                                                           .share = node->outputs[1] });
    return CLMIX_OK;
}

static clmix_status means_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_features features = features_of(clmix_planner_graph(planner), node);
    const struct clmix_token_tiles tiles = clmix_token_tiles_of(planner, clmix_node_input(clmix_planner_graph(planner), node, X)->shape,
                                                                features.heads, clmix_features_floats(&features), 1, 1);
    const int32_t other = clmix_other_term(planner, node), result = clmix_planner_result(planner, node);
    struct clmix_record *record = clmix_record_tiles(planner, node, "feature_means.cl", "feature_means_grad", &tiles, 1);

    clmix_features_define(record, &features);
    clmix_record_pitched(planner, record, node->inputs[X]);
    clmix_record_value(record, CLMIX_NONE);
    clmix_record_value(record, node->inputs[PEAKS]);
    clmix_record_value(record, node->inputs[MASK]);
    clmix_record_value(record, node->inputs[DMEAN]);
    clmix_record_value(record, node->inputs[SHARE]);
    clmix_record_pitched(planner, record, other);
    clmix_record_uint(record, other != CLMIX_NONE);
    clmix_record_pitched(planner, record, result);
    return CLMIX_OK;
}

static void means_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops = 20 * clmix_shape_count(clmix_node_input(graph, node, X)->shape);
}

const struct clmix_op clmix_op_feature_means = {
    .name = "feature_means",
    .flags = CLMIX_OP_STRIDED,
    .dense = 1U << PEAKS | 1U << MASK,
    .shape = means_shape,
    .backward = means_backward,
    .launch = means_launch,
    .cost = means_cost,
    .parts = clmix_parts_of_samples,
};

const struct clmix_op clmix_op_feature_means_grad = {
    .name = "feature_means_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << PEAKS | 1U << MASK | 1U << DMEAN | 1U << SHARE,
    .shape = means_grad_shape,
    .launch = means_grad_launch,
    .absorb = clmix_absorb_addition, /* the tokens have other gradients too */
    .cost = means_cost,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_feature_means(clmix_value x, clmix_value mask, size_t heads, clmix_map map)
{
    const struct means_attributes attributes = { .heads = heads > 0 ? heads : 1, .map = map };
    clmix_value inputs[3] = { x, clmix_no_value(), mask };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_feature_means, inputs, 1);
    if (clmix_is_value(x) && map == CLMIX_MAP_SOFTMAX_TOKENS)
        inputs[PEAKS] = clmix_feature_shift(x, mask, attributes.heads);
    return clmix_node_add(at, &clmix_op_feature_means, &attributes, sizeof attributes, inputs, 3);
}
