/* Transposed convolution (up-sampling), channels last. Weights on the device are [in][kh][kw][out]: what one input pixel adds to a row of
 * the output is one contiguous run of kw out. */
#include "ops/conv_op.h"
#include "ops/table.h"

#include "base/status.h"

/* small: the input, big: the output. */
static struct clmix_conv_map map_of(const struct clmix_conv_attributes *attributes)
{
    const clmix_window *window = &attributes->window;
    struct clmix_conv_map map = { .batch = attributes->x.size[0],
                                  .big_channels = attributes->weight.size[3],
                                  .small_channels = attributes->x.size[3] };

    for (int i = 0; i < 2; i++) {
        map.kernel[i] = window->kernel[i];
        map.stride[i] = window->stride[i];
        map.padding[i] = window->padding[i];
        map.small[i] = attributes->x.size[1 + i];
        map.big[i] = (map.small[i] - 1) * window->stride[i] + window->kernel[i] - 2 * window->padding[i];
    }
    return map;
}

static clmix_shape output_shape(const struct clmix_conv_map *map)
{
    return clmix_shape_make(4, (const size_t[]){ map->batch, map->big[0], map->big[1], map->big_channels });
}

static struct clmix_conv_weights weights_of(const struct clmix_conv_map *map, int32_t value)
{
    const long outputs = (long)map->big_channels, ky_step = outputs * (long)map->kernel[1];

    return (struct clmix_conv_weights){
        .value = value, .ky_step = ky_step, .kx_step = outputs, .big_step = 1, .small_step = ky_step * (long)map->kernel[0]
    };
}

static void transpose_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct clmix_conv_map map = map_of(node->attributes);

    clmix_conv_cost(graph, node, &map, output_shape(&map), flops, bytes);
}

/* ---- forward ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status forward_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_conv_map map = map_of(node->attributes);

    return clmix_node_declare(graph, node, CLMIX_F32, output_shape(&map));
}

static clmix_status forward_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_conv_map map = map_of(node->attributes);

    return clmix_conv_scatter(planner, node, &map, clmix_conv_pixels_of(planner, node->inputs[CLMIX_CONV_X]),
                              weights_of(&map, node->inputs[CLMIX_CONV_WEIGHT]), node->inputs[CLMIX_CONV_BIAS],
                              clmix_conv_pixels_of(planner, clmix_planner_result(planner, node)));
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    return clmix_conv_backward(backward, node, &clmix_op_conv_transpose2d_grad_input, &clmix_op_conv_transpose2d_grad_weight);
}

const struct clmix_op clmix_op_conv_transpose2d = {
    .name = "conv_transpose2d",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << CLMIX_CONV_WEIGHT,
    .shape = forward_shape,
    .backward = backward,
    .launch = forward_launch,
    .cost = transpose_cost,
    .parts = clmix_conv_parts,
    .cut = clmix_conv_cut,
};

/* ---- gradients ----------------------------------------------------------------------------------------------------------------------- */

static clmix_status grad_input_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_conv_map map = map_of(node->attributes);

    return clmix_conv_gather(planner, node, &map, clmix_conv_pixels_of(planner, node->inputs[0]), weights_of(&map, node->inputs[1]),
                             CLMIX_NONE, clmix_conv_pixels_of(planner, clmix_planner_result(planner, node)));
}

const struct clmix_op clmix_op_conv_transpose2d_grad_input = {
    .name = "conv_transpose2d_grad_input",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << CLMIX_CONV_WEIGHT,
    .shape = clmix_conv_grad_input_shape,
    .launch = grad_input_launch,
    .cost = transpose_cost,
    .parts = clmix_conv_parts,
    .cut = clmix_conv_cut,
};

static clmix_status grad_weight_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_conv_map map = map_of(node->attributes);

    return clmix_conv_weight(planner, node, &map, clmix_conv_pixels_of(planner, node->inputs[1]),
                             clmix_conv_pixels_of(planner, node->inputs[0]), weights_of(&map, clmix_planner_result(planner, node)));
}

const struct clmix_op clmix_op_conv_transpose2d_grad_weight = {
    .name = "conv_transpose2d_grad_weight",
    .flags = CLMIX_OP_STRIDED,
    .shape = clmix_conv_grad_weight_shape,
    .launch = grad_weight_launch,
    .cost = transpose_cost,
};

/* ---- building ------------------------------------------------------------------------------------------------------------------------ */

/* CLMIX_OK when the transposed convolution makes sense, else the sentence that says what does not. */
static clmix_status check(clmix_value x, size_t channels, const clmix_window *window)
{
    const clmix_shape shape = clmix_shape_of(x);
    char text[64];

    if (shape.rank != 4 || clmix_tensor_at(x.graph, x.id)->type != CLMIX_F32)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a transposed convolution takes float32 maps (batch, height, width, channels), not %s",
                          clmix_shape_text(shape, text));
    if (channels == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a transposed convolution to 0 channels");
    if (window->groups > 1)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "a transposed convolution in %zu groups; only 1 is supported", window->groups);
    for (int i = 0; i < 2; i++) {
        if (window->kernel[i] == 0 || window->stride[i] == 0)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "kernel %zux%zu and stride %zux%zu must be at least 1", window->kernel[0],
                              window->kernel[1], window->stride[0], window->stride[1]);
        if ((shape.size[1 + i] - 1) * window->stride[i] + window->kernel[i] <= 2 * window->padding[i])
            return clmix_fail(
                CLMIX_ERROR_ARGUMENT,
                "up-sampling %zux%zu with kernel %zux%zu and stride %zux%zu leaves nothing once padding %zux%zu is cut off both sides",
                shape.size[1], shape.size[2], window->kernel[0], window->kernel[1], window->stride[0], window->stride[1],
                window->padding[0], window->padding[1]);
    }
    return CLMIX_OK;
}

clmix_value clmix_conv_transpose2d_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias, clmix_window window)
{
    const clmix_value inputs[3] = { x, weight, bias };
    const struct clmix_conv_attributes attributes = { .window = window, .x = clmix_shape_of(x) };
    const size_t channels = clmix_shape_columns(clmix_shape_of(weight));
    clmix_status status;

    clmix_expect_values(at, &clmix_op_conv_transpose2d, inputs, 2);
    if (!clmix_is_value(x) || !clmix_is_value(weight))
        return clmix_node_add(at, &clmix_op_conv_transpose2d, NULL, 0, inputs, 3); /* which says why, or passes the poison on */
    status = check(x, channels, &window);
    if (status == CLMIX_OK)
        status = clmix_conv_check_weights(weight, bias,
                                          clmix_shape_make(4, (const size_t[]){ attributes.x.size[3], window.kernel[0], window.kernel[1],
                                                                                channels }));
    if (status != CLMIX_OK)
        return clmix_poison(at, status, "%s", clmix_error());
    return clmix_conv_add(at, &clmix_op_conv_transpose2d, attributes, x, weight, bias);
}

clmix_value clmix_conv_transpose2d(clmix_scope at, clmix_value x, size_t channels, clmix_window window, bool bias)
{
    struct clmix_conv_layer layer;
    clmix_status status;

    if (!clmix_is_value(x))
        return x;
    status = check(x, channels, &window);
    if (status != CLMIX_OK)
        return clmix_poison(at, status, "%s", clmix_error());
    layer = clmix_conv_make(at, (const size_t[]){ clmix_shape_of(x).size[3], channels, window.kernel[0], window.kernel[1] },
                            (const int[]){ 0, 2, 3, 1 }, channels, bias);
    return clmix_conv_transpose2d_with(at, x, layer.weight, layer.bias, window);
}
