/* Rules that many ops share: of shapes, of costs, of what flows back. */
#include "ops/rules.h"

#include "base/status.h"

/* ---- shapes and costs ---------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_expect_f32(const clmix_graph *graph, const struct clmix_node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *input = clmix_node_input(graph, node, i);

        if (input != NULL && input->type != CLMIX_F32)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "f32 values are needed, and input %d holds %s", i,
                              input->type == CLMIX_I32 ? "i32" : "u8");
    }
    return CLMIX_OK;
}

clmix_status clmix_shape_like_inputs(clmix_graph *graph, struct clmix_node *node)
{
    clmix_shape shape = clmix_node_input(graph, node, 0)->shape;

    CLMIX_TRY(clmix_expect_f32(graph, node));
    for (int i = 1; i < node->input_count; i++) {
        char first[64], other[64];
        clmix_shape found = clmix_node_input(graph, node, i)->shape;

        if (!clmix_shape_equal(shape, found))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "values of one shape are needed, and input 0 is %s and input %d is %s",
                              clmix_shape_text(shape, first), i, clmix_shape_text(found, other));
    }
    return clmix_node_declare(graph, node, CLMIX_F32, shape);
}

size_t clmix_result_count(const clmix_graph *graph, const struct clmix_node *node, int index)
{
    return clmix_shape_count(clmix_node_result(graph, node, index)->shape);
}

void clmix_cost_moved(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = clmix_result_count(graph, node, 0);
    *bytes = 0;
    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *input = clmix_node_input(graph, node, i);

        if (input != NULL)
            *bytes += clmix_shape_count(input->shape) * (input->type == CLMIX_U8 ? 1 : 4);
    }
    for (int i = 0; i < node->output_count; i++)
        *bytes += clmix_result_count(graph, node, i) * 4;
}

bool clmix_parts_of_samples(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                            struct clmix_parts *outputs)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != CLMIX_NONE && (inputs[i].count == 0) != ((node->op->same >> i & 1) != 0))
            return false;
    return clmix_parts_by_sample(planner, node, inputs, outputs);
}

/* ---- backward ------------------------------------------------------------------------------------------------------------------------ */

clmix_status clmix_give_through(struct clmix_backward *backward, const struct clmix_node *node, const struct clmix_op *op,
                                const void *attributes, size_t attributes_bytes, clmix_value kept)
{
    clmix_value inputs[2] = { clmix_backward_gradient(backward, node, 0), kept };
    clmix_value gradient;

    if (!clmix_is_value(inputs[0]) || !clmix_backward_wants(backward, node, 0))
        return CLMIX_OK;
    gradient = clmix_node_add(clmix_backward_scope(backward, node), op, attributes, attributes_bytes, inputs, clmix_is_value(kept) ? 2 : 1);
    return clmix_backward_give(backward, node, 0, gradient);
}
