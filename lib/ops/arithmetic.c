/* Element by element: addition and scaling. Kernels: cl/arithmetic.cl. */
#include "ops/arithmetic.h"

#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

/* ---- add ----------------------------------------------------------------------------------------------------------------------------- */

/* Every term has the gradient of the sum. */
static clmix_status sum_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    clmix_value dy = clmix_backward_gradient(backward, node, 0);

    for (int i = 0; i < node->input_count && clmix_is_value(dy); i++)
        CLMIX_TRY(clmix_backward_give(backward, node, i, dy));
    return CLMIX_OK;
}

static clmix_status add_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    size_t count = clmix_result_count(clmix_planner_graph(planner), node, 0);
    struct clmix_record *record = clmix_record_elements(planner, node, "arithmetic.cl", "add", count, 64);

    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->inputs[1]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_add = {
    .name = "add",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = clmix_shape_like_inputs,
    .backward = sum_backward,
    .launch = add_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
};

/* ---- scale --------------------------------------------------------------------------------------------------------------------------- */

struct scale_attributes {
    float factor;
};

float clmix_scale_factor(const struct clmix_node *node)
{
    return ((const struct scale_attributes *)node->attributes)->factor;
}

static clmix_status scale_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    struct scale_attributes attributes = *(const struct scale_attributes *)node->attributes;

    return clmix_give_through(backward, node, &clmix_op_scale, &attributes, sizeof attributes, clmix_no_value());
}

static clmix_status scale_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    size_t count = clmix_result_count(clmix_planner_graph(planner), node, 0);
    struct clmix_record *record = clmix_record_elements(planner, node, "arithmetic.cl", "scale", count, 64);

    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->outputs[0]);
    clmix_record_float(record, clmix_scale_factor(node));
    return CLMIX_OK;
}

const struct clmix_op clmix_op_scale = {
    .name = "scale",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = clmix_shape_like_inputs,
    .backward = scale_backward,
    .launch = scale_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
};

clmix_value clmix_scale(clmix_value x, float factor)
{
    struct scale_attributes attributes = { .factor = factor };

    return clmix_node_add(clmix_here(x.graph), &clmix_op_scale, &attributes, sizeof attributes, &x, 1);
}

/* ---- additions taken in --------------------------------------------------------------------------------------------------------------- */

bool clmix_absorb_addition(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    return next->op == &clmix_op_add && clmix_planner_absorbed(planner, node, 0) == NULL && next->inputs[0] != next->inputs[1];
}

int32_t clmix_other_term(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_node *sum = clmix_planner_absorbed(planner, node, 0);

    return sum == NULL ? CLMIX_NONE : sum->inputs[sum->inputs[0] == node->outputs[0]];
}
