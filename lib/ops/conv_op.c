/* What the ops of convolutions and of transposed convolutions share: parameters, cost, the backward pass. */
#include "ops/conv_op.h"

#include "base/status.h"
#include "ops/column_sum.h"

#include <math.h>

clmix_value clmix_conv_add(clmix_scope at, const struct clmix_op *op, struct clmix_conv_attributes attributes, clmix_value x,
                           clmix_value weight, clmix_value bias)
{
    const clmix_value inputs[3] = { x, weight, bias };

    attributes.weight = clmix_shape_of(weight);
    return clmix_node_add(at, op, &attributes, sizeof attributes, inputs, 3);
}

struct clmix_conv_layer clmix_conv_make(clmix_scope at, const size_t size[4], const int order[4], size_t channels, bool bias)
{
    const float bound = 1.0f / sqrtf((float)(size[1] * size[2] * size[3]));
    struct clmix_conv_layer layer = { .bias = clmix_no_value() };

    layer.weight = clmix_parameter(at, "weight", 4, size, order, (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = bound });
    if (bias)
        layer.bias = clmix_parameter(at, "bias", 1, &channels, NULL, (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = bound });
    return layer;
}

clmix_status clmix_conv_check_weights(clmix_value weight, clmix_value bias, clmix_shape wanted)
{
    const size_t channels = wanted.size[3];
    const bool is_float = clmix_tensor_at(weight.graph, weight.id)->type == CLMIX_F32 &&
                          (!clmix_is_value(bias) || clmix_tensor_at(bias.graph, bias.id)->type == CLMIX_F32);
    const clmix_shape shape = clmix_shape_of(weight), shift = clmix_shape_of(bias);
    char text[2][64];

    if (!is_float)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "weights and biases must be float32");
    if (!clmix_shape_equal(shape, wanted))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the weight is %s, and this window of this input needs %s",
                          clmix_shape_text(shape, text[0]), clmix_shape_text(wanted, text[1]));
    if (clmix_is_value(bias) && (shift.rank != 1 || shift.size[0] != channels))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the bias is %s, and the weight makes %zu channels", clmix_shape_text(shift, text[0]),
                          channels);
    return CLMIX_OK;
}

bool clmix_conv_parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                      struct clmix_parts *outputs)
{
    const int weight = 1; /* of the op, and of its input's gradient */
    const size_t rows = clmix_shape_rows(clmix_node_result(clmix_planner_graph(planner), node, 0)->shape);

    outputs[0] = (struct clmix_parts){ .count = 1, .rows = { rows / clmix_planner_batch(planner) } };
    return inputs[0].count == 1 && inputs[weight].count == 0;
}

struct clmix_conv_pixels clmix_conv_pixels_of(const struct clmix_planner *planner, int32_t value)
{
    return (struct clmix_conv_pixels){ .value = value, .pitch = clmix_planner_layout(planner, value).pitch };
}

void clmix_conv_cost(const clmix_graph *graph, const struct clmix_node *node, const struct clmix_conv_map *map, clmix_shape output,
                     uint64_t *flops, uint64_t *bytes)
{
    const struct clmix_conv_attributes *attributes = node->attributes;
    const uint64_t inputs = clmix_shape_count(attributes->x), weights = clmix_shape_count(attributes->weight),
                   outputs = clmix_shape_count(output);

    *flops = 2 * (uint64_t)map->batch * map->small[0] * map->small[1] * weights;
    *bytes = (inputs + weights + outputs) * sizeof(float);
    if (node->input_count > CLMIX_CONV_BIAS && clmix_node_input(graph, node, CLMIX_CONV_BIAS) != NULL) {
        *flops += outputs;
        *bytes += output.size[3] * sizeof(float);
    }
}

clmix_status clmix_conv_backward(struct clmix_backward *backward, const struct clmix_node *node, const struct clmix_op *grad_input,
                                 const struct clmix_op *grad_weight)
{
    const struct clmix_conv_attributes attributes = *(const struct clmix_conv_attributes *)node->attributes;
    const clmix_value gradient = clmix_backward_gradient(backward, node, 0);
    const clmix_scope at = clmix_backward_scope(backward, node);

    if (!clmix_is_value(gradient))
        return CLMIX_OK;
    if (clmix_backward_wants(backward, node, CLMIX_CONV_X)) {
        const clmix_value inputs[] = { gradient, clmix_backward_input(backward, node, CLMIX_CONV_WEIGHT) };

        CLMIX_TRY(
            clmix_backward_give(backward, node, CLMIX_CONV_X, clmix_node_add(at, grad_input, &attributes, sizeof attributes, inputs, 2)));
    }
    if (clmix_backward_wants(backward, node, CLMIX_CONV_WEIGHT)) {
        const clmix_value inputs[] = { clmix_backward_input(backward, node, CLMIX_CONV_X), gradient };

        CLMIX_TRY(clmix_backward_give(backward, node, CLMIX_CONV_WEIGHT,
                                      clmix_node_add(at, grad_weight, &attributes, sizeof attributes, inputs, 2)));
    }
    if (clmix_backward_wants(backward, node, CLMIX_CONV_BIAS))
        CLMIX_TRY(clmix_backward_give(backward, node, CLMIX_CONV_BIAS, clmix_column_sum(at, gradient)));
    return CLMIX_OK;
}

void clmix_conv_cut(void *attributes, size_t batch, size_t samples)
{
    struct clmix_conv_attributes *window = attributes;

    clmix_shape_cut(&window->x, batch, samples);
}

clmix_status clmix_conv_grad_input_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_conv_attributes *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32, attributes->x);
}

clmix_status clmix_conv_grad_weight_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_conv_attributes *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32, attributes->weight);
}
