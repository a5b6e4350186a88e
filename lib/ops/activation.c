/* Activations: descriptors, gradients and public functions from the rows of activation.h. Kernels: cl/activation.cl. */
#include "ops/activation.h"

#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

#include <stdio.h>

enum kept { INPUT, RESULT };

/* Kernel `name`: the inputs in order, then the result. */
static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node, const char *name)
{
    size_t count = clmix_result_count(clmix_planner_graph(planner), node, 0);
    struct clmix_record *record = clmix_record_elements(planner, node, "activation.cl", name, count, 64);

    for (int i = 0; i < node->input_count; i++)
        clmix_record_value(record, node->inputs[i]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status forward_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    char name[32];

    snprintf(name, sizeof name, "%s_forward", node->op->name);
    return launch(planner, node, name);
}

static clmix_status gradient_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    return launch(planner, node, node->op->name);
}

static clmix_status give_back(struct clmix_backward *backward, const struct clmix_node *node, const struct clmix_op *gradient,
                              enum kept kept)
{
    return clmix_give_through(backward, node, gradient, NULL, 0,
                              kept == INPUT ? clmix_backward_input(backward, node, 0) : clmix_backward_output(backward, node, 0));
}

/* Gradients take dy first, whose storage the result may have. */
#define DEFINE(function, kept, more_flags)                                                                  \
    static clmix_status function##_backward(struct clmix_backward *backward, const struct clmix_node *node) \
    {                                                                                                       \
        return give_back(backward, node, &clmix_op_##function##_grad, kept);                                \
    }                                                                                                       \
    const struct clmix_op clmix_op_##function = {                                                           \
        .name = #function,                                                                                  \
        .flags = CLMIX_OP_IN_PLACE | (more_flags),                                                          \
        .shape = clmix_shape_like_inputs,                                                                   \
        .backward = function##_backward,                                                                    \
        .launch = forward_launch,                                                                           \
        .cost = clmix_cost_moved,                                                                           \
        .parts = clmix_parts_by_row,                                                                        \
    };                                                                                                      \
    const struct clmix_op clmix_op_##function##_grad = {                                                    \
        .name = #function "_grad",                                                                          \
        .flags = CLMIX_OP_IN_PLACE,                                                                         \
        .shape = clmix_shape_like_inputs,                                                                   \
        .launch = gradient_launch,                                                                          \
        .cost = clmix_cost_moved,                                                                           \
        .parts = clmix_parts_by_row,                                                                        \
    };                                                                                                      \
    clmix_value clmix_##function(clmix_value x)                                                             \
    {                                                                                                       \
        return clmix_node_add(clmix_here(x.graph), &clmix_op_##function, NULL, 0, &x, 1);                   \
    }
CLMIX_ACTIVATIONS(DEFINE)
