/* What is done to whole tokens: masks; a scale for each channel of a sample. Kernels: cl/tokens.cl. */
#include "base/size.h"
#include "base/status.h"
#include "ops/features.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#define CHANNELS 4 /* that a work-item goes through all tokens with */

/* ---- masks -------------------------------------------------------------------------------------------------------------------------- */

static clmix_status mask_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0);
    char text[64];

    if (x->type != CLMIX_F32 || x->shape.rank != 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "f32 tokens (batch, tokens, channels) are masked, and these values are %s",
                          clmix_shape_text(x->shape, text));
    CLMIX_TRY(clmix_expect_mask(clmix_node_input(graph, node, 1), x->shape));
    return clmix_node_declare(graph, node, CLMIX_F32, x->shape);
}

static clmix_status mask_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    return clmix_give_through(backward, node, &clmix_op_mask_tokens, NULL, 0, clmix_backward_input(backward, node, 1));
}

static clmix_status mask_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_layout y = clmix_planner_layout(planner, node->outputs[0]);
    struct clmix_record *record = clmix_record_rows(planner, node, "tokens.cl", "mask_tokens", y.rows, y.columns, false);

    clmix_record_pitched(planner, record, node->inputs[0]);
    clmix_record_value(record, node->inputs[1]);
    clmix_record_pitched(planner, record, node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_mask_tokens = {
    .name = "mask_tokens",
    .flags = CLMIX_OP_REBUILD | CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << 1,
    .shape = mask_shape,
    .backward = mask_backward,
    .launch = mask_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_mask_tokens(clmix_value x, clmix_value mask)
{
    const clmix_value inputs[2] = { x, mask };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_mask_tokens, inputs, 1);
    return mask.graph == NULL ? x : clmix_node_add(at, &clmix_op_mask_tokens, NULL, 0, inputs, 2);
}

/* ---- scales of channels ---------------------------------------------------------------------------------------------------------------- */

static clmix_status scale_shape(clmix_graph *graph, struct clmix_node *node)
{
    const clmix_shape x = clmix_node_input(graph, node, 0)->shape, scale = clmix_node_input(graph, node, 1)->shape;
    char text[2][64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    if (x.rank != 3 || scale.rank != 2 || scale.size[0] != x.size[0] || scale.size[1] != x.size[2])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "tokens (batch, tokens, channels) have a scale (batch, channels); these are %s and %s",
                          clmix_shape_text(x, text[0]), clmix_shape_text(scale, text[1]));
    return clmix_node_declare(graph, node, CLMIX_F32, x);
}

static clmix_status dots_shape(clmix_graph *graph, struct clmix_node *node)
{
    const clmix_shape x = clmix_node_input(graph, node, 0)->shape;

    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(2, (size_t[]){ x.size[0], x.size[2] }));
}

static clmix_status scale_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const clmix_scope at = clmix_backward_scope(backward, node);
    clmix_value inputs[2] = { clmix_backward_gradient(backward, node, 0) };

    if (!clmix_is_value(inputs[0]))
        return CLMIX_OK;
    if (clmix_backward_wants(backward, node, 0)) {
        inputs[1] = clmix_backward_input(backward, node, 1);
        CLMIX_TRY(clmix_backward_give(backward, node, 0, clmix_node_add(at, &clmix_op_scale_channels, NULL, 0, inputs, 2)));
    }
    if (!clmix_backward_wants(backward, node, 1))
        return CLMIX_OK;
    inputs[1] = clmix_backward_input(backward, node, 0);
    return clmix_backward_give(backward, node, 1, clmix_node_add(at, &clmix_op_channel_dots, NULL, 0, inputs, 2));
}

static clmix_status scale_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_layout y = clmix_planner_layout(planner, node->outputs[0]);
    struct clmix_record *record = clmix_record_rows(planner, node, "tokens.cl", "scale_channels", y.rows, y.columns, false);

    clmix_record_uint(record, clmix_node_result(clmix_planner_graph(planner), node, 0)->shape.size[1]);
    clmix_record_pitched(planner, record, node->inputs[0]);
    clmix_record_value(record, node->inputs[1]);
    clmix_record_pitched(planner, record, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status dots_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_shape x = clmix_node_input(clmix_planner_graph(planner), node, 0)->shape;
    struct clmix_record *record =
        clmix_record_elements(planner, node, "tokens.cl", "channel_dots", x.size[0] * clmix_ceil_div(x.size[2], CHANNELS), 1);

    clmix_record_define(record, "VW", CHANNELS);
    clmix_record_uint(record, x.size[1]);
    clmix_record_uint(record, x.size[2]);
    clmix_record_pitched(planner, record, node->inputs[0]);
    clmix_record_pitched(planner, record, node->inputs[1]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_scale_channels = {
    .name = "scale_channels",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << 1,
    .shape = scale_shape,
    .backward = scale_backward,
    .launch = scale_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};

const struct clmix_op clmix_op_channel_dots = {
    .name = "channel_dots",
    .flags = CLMIX_OP_STRIDED,
    .shape = dots_shape,
    .launch = dots_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_scale_channels(clmix_value x, clmix_value scale)
{
    const clmix_value inputs[2] = { x, scale };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_scale_channels, inputs, 2);
    return clmix_node_add(at, &clmix_op_scale_channels, NULL, 0, inputs, 2);
}
