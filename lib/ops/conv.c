/* Convolution (cross-correlation), channels last. Weights on the device are [kh][kw][in / groups][out]. Without groups the work is the
 * window sums' (window.h); with groups it is that of simple kernels along the channels; and a 1x1 window of stride 1 is a linear layer. */
#include "ops/conv_form.h"
#include "ops/conv_op.h"
#include "ops/row_launch.h"
#include "ops/table.h"

#include "base/status.h"

/* Everything about one convolution. */
struct conv {
    struct clmix_conv_map map; /* big: the input, small: the output */
    size_t groups;
};

static struct conv conv_of(const struct clmix_conv_attributes *attributes)
{
    const clmix_window *window = &attributes->window;
    struct conv conv = { .groups = window->groups };

    conv.map.batch = attributes->x.size[0];
    conv.map.big_channels = attributes->x.size[3];
    conv.map.small_channels = attributes->weight.size[3];
    for (int i = 0; i < 2; i++) {
        conv.map.kernel[i] = window->kernel[i];
        conv.map.stride[i] = window->stride[i];
        conv.map.padding[i] = window->padding[i];
        conv.map.big[i] = attributes->x.size[1 + i];
        conv.map.small[i] = (conv.map.big[i] + 2 * window->padding[i] - window->kernel[i]) / window->stride[i] + 1;
    }
    return conv;
}

static clmix_shape output_shape(const struct conv *conv)
{
    return clmix_shape_make(4, (const size_t[]){ conv->map.batch, conv->map.small[0], conv->map.small[1], conv->map.small_channels });
}

/* The steps of weights [kh][kw][in][out]; big: in, small: out. */
static struct clmix_conv_weights weights_of(const struct conv *conv, int32_t value)
{
    const long outputs = (long)conv->map.small_channels, inputs = (long)(conv->map.big_channels / conv->groups);
    const long kx_step = inputs * outputs;

    return (struct clmix_conv_weights){
        .value = value, .ky_step = kx_step * (long)conv->map.kernel[1], .kx_step = kx_step, .big_step = outputs, .small_step = 1
    };
}

/* ---- groups -------------------------------------------------------------------------------------------------------------------------- */

/* Channels convolved by themselves, to one output or two, have kernels of their own, which go through memory in rows of the map. */
static bool is_depthwise(const struct conv *conv)
{
    return conv->map.big_channels == conv->groups && conv->map.small_channels <= 2 * conv->groups;
}

#define MOST_TAPS 7 /* that the wide form takes together */

/* A launch of the kernel for the convolution at hand: of `file`, or where it is not depthwise of the one that does all. `taps`: of a row, that
 * pixels away from the border all have. */
static struct clmix_record *record_grouped(struct clmix_planner *planner, const struct clmix_node *node, const struct conv *conv,
                                           const char *file, const char *kernel, const char *grouped, size_t taps)
{
    const size_t inputs = conv->map.big_channels / conv->groups, outputs = conv->map.small_channels / conv->groups;
    const size_t most_taps = clmix_planner_wide(planner) ? MOST_TAPS : 1;
    const bool depthwise = is_depthwise(conv);
    struct clmix_record *record = clmix_record_kernel(planner, node, depthwise ? file : "conv_grouped.cl", depthwise ? kernel : grouped);

    clmix_record_define(record, "WG", (long)clmix_group_size(planner, 64));
    clmix_record_define(record, "OUT", (long)outputs);
    if (depthwise) {
        clmix_record_define(record, "TAPS", (long)(taps <= most_taps ? taps : 1));
        clmix_record_define(record, "STRIDE", (long)(conv->map.stride[1] <= 2 ? conv->map.stride[1] : 0));
    } else
        clmix_record_define(record, "IN", (long)inputs);
    return record;
}

/* The last argument and the grid of a launch over `lines` rows of pixels through all samples: a group a row, or depthwise so many a group. */
static void launch_lines(struct clmix_planner *planner, struct clmix_record *record, const struct conv *conv, size_t lines)
{
    const struct clmix_chunks cut = clmix_chunks_of(planner, lines, 1, 1, 0);

    if (is_depthwise(conv))
        clmix_record_int(record, (long)cut.chunk);
    clmix_record_grid(record, is_depthwise(conv) ? cut.groups : lines, 1, 1, clmix_group_size(planner, 64));
}

static clmix_status forward_grouped(struct clmix_planner *planner, const struct clmix_node *node, const struct conv *conv,
                                    struct clmix_conv_pixels x, int32_t weight, int32_t bias, struct clmix_conv_pixels y)
{
    const struct clmix_conv_map *map = &conv->map;
    const size_t lines = map->batch * map->small[0];
    struct clmix_record *record;

    CLMIX_TRY(clmix_conv_check(map, x.pitch, y.pitch));
    record = record_grouped(planner, node, conv, "conv_depthwise.cl", "depthwise", "conv_grouped", map->kernel[1]);
    clmix_record_stream(planner, record, lines * map->small[1] * y.pitch);
    clmix_record_value(record, x.value);
    clmix_record_value(record, weight);
    clmix_record_value(record, bias);
    clmix_record_value(record, y.value);
    clmix_record_int(record, (long)map->batch);
    clmix_conv_push_map(record, map->big, map->big_channels, x.pitch);
    clmix_conv_push_map(record, map->small, map->small_channels, y.pitch);
    clmix_conv_push(record, map);
    clmix_record_int(record, bias != CLMIX_NONE);
    launch_lines(planner, record, conv, lines);
    return CLMIX_OK;
}

static clmix_status grad_input_grouped(struct clmix_planner *planner, const struct clmix_node *node, const struct conv *conv,
                                       struct clmix_conv_pixels gradient, int32_t weight, struct clmix_conv_pixels x)
{
    const struct clmix_conv_map *map = &conv->map;
    const size_t lines = map->batch * map->big[0];
    struct clmix_record *record;

    CLMIX_TRY(clmix_conv_check(map, x.pitch, gradient.pitch));
    record = record_grouped(planner, node, conv, "conv_depthwise.cl", "depthwise_input", "conv_grouped_input",
                            map->stride[1] == 1 ? map->kernel[1] : 1);
    clmix_record_stream(planner, record, lines * map->big[1] * x.pitch);
    clmix_record_value(record, gradient.value);
    clmix_record_value(record, weight);
    clmix_record_value(record, x.value);
    clmix_record_int(record, (long)map->batch);
    clmix_conv_push_map(record, map->small, map->small_channels, gradient.pitch);
    clmix_conv_push_map(record, map->big, map->big_channels, x.pitch);
    clmix_conv_push(record, map);
    launch_lines(planner, record, conv, lines);
    return CLMIX_OK;
}

/* A group a chunk of rows, or a tap of a chunk where that is so many more groups: those of GPUs, and of kernels that take a tap at a time. */
static clmix_status grad_weight_grouped(struct clmix_planner *planner, const struct clmix_node *node, const struct conv *conv,
                                        struct clmix_conv_pixels x, struct clmix_conv_pixels gradient, int32_t weight)
{
    const struct clmix_conv_map *map = &conv->map;
    const bool together = is_depthwise(conv) && clmix_planner_wide(planner);
    const size_t taps = map->kernel[0] * map->kernel[1], lines = map->batch * map->small[0];
    const size_t wanted = clmix_ceil_div(clmix_conv_groups(clmix_planner_device(planner)), together ? 1 : taps);
    const size_t rows = clmix_ceil_div(lines, wanted), chunks = clmix_ceil_div(lines, rows);
    struct clmix_conv_map reduced = *map;
    struct clmix_record *record;
    int32_t partial;

    CLMIX_TRY(clmix_conv_check(map, x.pitch, gradient.pitch));
    reduced.big_channels = map->big_channels / conv->groups; /* the weights of a group's inputs only */
    partial = clmix_planner_scratch(planner, node, chunks * taps * reduced.big_channels * map->small_channels * sizeof(float));
    record = record_grouped(planner, node, conv, "conv_depthwise_weight.cl", "depthwise_weight", "conv_grouped_weight", map->kernel[1]);
    clmix_record_value(record, x.value);
    clmix_record_value(record, gradient.value);
    clmix_record_value(record, partial);
    clmix_record_int(record, (long)map->batch);
    clmix_conv_push_map(record, map->big, map->big_channels, x.pitch);
    clmix_conv_push_map(record, map->small, map->small_channels, gradient.pitch);
    clmix_conv_push(record, map);
    clmix_record_int(record, (long)rows);
    if (together)
        clmix_record_grid(record, chunks, 1, 1, 1);
    else
        clmix_record_grid(record, taps, chunks, 1, clmix_group_size(planner, 64));
    clmix_conv_reduce(planner, node, &reduced, partial, chunks, weights_of(conv, weight));
    return CLMIX_OK;
}

/* ---- forward ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status forward_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct conv conv = conv_of(node->attributes);

    return clmix_node_declare(graph, node, CLMIX_F32, output_shape(&conv));
}

static clmix_status forward_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct conv conv = conv_of(node->attributes);
    const struct clmix_conv_pixels x = clmix_conv_pixels_of(planner, node->inputs[CLMIX_CONV_X]),
                                   y = clmix_conv_pixels_of(planner, clmix_planner_result(planner, node));

    if (conv.groups > 1)
        return forward_grouped(planner, node, &conv, x, node->inputs[CLMIX_CONV_WEIGHT], node->inputs[CLMIX_CONV_BIAS], y);
    return clmix_conv_gather(planner, node, &conv.map, x, weights_of(&conv, node->inputs[CLMIX_CONV_WEIGHT]), node->inputs[CLMIX_CONV_BIAS],
                             y);
}

static void conv_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct conv conv = conv_of(node->attributes);

    clmix_conv_cost(graph, node, &conv.map, output_shape(&conv), flops, bytes);
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    return clmix_conv_backward(backward, node, &clmix_op_conv2d_grad_input, &clmix_op_conv2d_grad_weight);
}

const struct clmix_op clmix_op_conv2d = {
    .name = "conv2d",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << CLMIX_CONV_WEIGHT,
    .shape = forward_shape,
    .backward = backward,
    .launch = forward_launch,
    .cost = conv_cost,
    .parts = clmix_conv_parts,
    .cut = clmix_conv_cut,
};

/* ---- gradients ----------------------------------------------------------------------------------------------------------------------- */

/* With stride 1 the input gradient is itself a convolution, of the output's gradient with the kernel turned round; gathering is cheaper
 * than scattering. */
static clmix_status grad_input_unit_stride(struct clmix_planner *planner, const struct clmix_node *node, const struct conv *conv,
                                           struct clmix_conv_pixels gradient, struct clmix_conv_pixels x)
{
    const struct clmix_conv_weights weights = weights_of(conv, node->inputs[1]);
    struct clmix_conv_weights turned = weights;
    struct clmix_conv_map map = conv->map;

    for (int i = 0; i < 2; i++) {
        map.big[i] = conv->map.small[i];
        map.small[i] = conv->map.big[i];
        map.padding[i] = conv->map.kernel[i] - 1 - conv->map.padding[i];
    }
    map.big_channels = conv->map.small_channels;
    map.small_channels = conv->map.big_channels;
    turned.base = (long)(map.kernel[0] - 1) * weights.ky_step + (long)(map.kernel[1] - 1) * weights.kx_step;
    turned.ky_step = -weights.ky_step;
    turned.kx_step = -weights.kx_step;
    turned.big_step = weights.small_step;
    turned.small_step = weights.big_step;
    return clmix_conv_gather(planner, node, &map, gradient, turned, CLMIX_NONE, x);
}

static clmix_status grad_input_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct conv conv = conv_of(node->attributes);
    const struct clmix_conv_pixels gradient = clmix_conv_pixels_of(planner, node->inputs[0]),
                                   x = clmix_conv_pixels_of(planner, clmix_planner_result(planner, node));
    const bool unit_stride = conv.map.stride[0] == 1 && conv.map.stride[1] == 1;

    if (conv.groups > 1)
        return grad_input_grouped(planner, node, &conv, gradient, node->inputs[1], x);
    if (unit_stride && conv.map.padding[0] < conv.map.kernel[0] && conv.map.padding[1] < conv.map.kernel[1])
        return grad_input_unit_stride(planner, node, &conv, gradient, x);
    return clmix_conv_scatter(planner, node, &conv.map, gradient, weights_of(&conv, node->inputs[1]), CLMIX_NONE, x);
}

const struct clmix_op clmix_op_conv2d_grad_input = {
    .name = "conv2d_grad_input",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << CLMIX_CONV_WEIGHT,
    .shape = clmix_conv_grad_input_shape,
    .launch = grad_input_launch,
    .cost = conv_cost,
    .parts = clmix_conv_parts,
    .cut = clmix_conv_cut,
};

static clmix_status grad_weight_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct conv conv = conv_of(node->attributes);
    const struct clmix_conv_pixels x = clmix_conv_pixels_of(planner, node->inputs[0]),
                                   gradient = clmix_conv_pixels_of(planner, node->inputs[1]);
    const int32_t weight = clmix_planner_result(planner, node);

    if (conv.groups > 1)
        return grad_weight_grouped(planner, node, &conv, x, gradient, weight);
    return clmix_conv_weight(planner, node, &conv.map, x, gradient, weights_of(&conv, weight));
}

const struct clmix_op clmix_op_conv2d_grad_weight = {
    .name = "conv2d_grad_weight",
    .flags = CLMIX_OP_STRIDED,
    .shape = clmix_conv_grad_weight_shape,
    .launch = grad_weight_launch,
    .cost = conv_cost,
};

/* ---- building ------------------------------------------------------------------------------------------------------------------------ */

clmix_window clmix_square(size_t kernel, size_t stride, size_t padding)
{
    return (clmix_window){ .kernel = { kernel, kernel }, .stride = { stride, stride }, .padding = { padding, padding }, .groups = 1 };
}

/* CLMIX_OK when the convolution makes sense, else the sentence that says what does not. */
static clmix_status check(clmix_value x, size_t channels, const clmix_window *window)
{
    const clmix_shape shape = clmix_shape_of(x);
    char text[64];

    if (shape.rank != 4 || clmix_tensor_at(x.graph, x.id)->type != CLMIX_F32)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a convolution takes float32 maps (batch, height, width, channels), not %s",
                          clmix_shape_text(shape, text));
    if (channels == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a convolution to 0 channels");
    if (shape.size[3] % window->groups != 0 || channels % window->groups != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu groups do not divide %zu input and %zu output channels evenly", window->groups,
                          shape.size[3], channels);
    for (int i = 0; i < 2; i++) {
        const size_t padded = shape.size[1 + i] + 2 * window->padding[i];

        if (window->kernel[i] == 0 || window->stride[i] == 0)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "kernel %zux%zu and stride %zux%zu must be at least 1", window->kernel[0],
                              window->kernel[1], window->stride[0], window->stride[1]);
        if (window->kernel[i] > padded)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the kernel, %zux%zu, is larger than the input, %zux%zu with padding %zux%zu",
                              window->kernel[0], window->kernel[1], shape.size[1], shape.size[2], window->padding[0], window->padding[1]);
    }
    return CLMIX_OK;
}

/* Whether the convolution is a linear layer of each pixel. */
static bool is_linear(const clmix_window *window)
{
    return window->groups == 1 && window->kernel[0] * window->kernel[1] * window->stride[0] * window->stride[1] == 1 &&
           window->padding[0] + window->padding[1] == 0;
}

static clmix_window whole_window(clmix_window window)
{
    window.groups = window.groups == 0 ? 1 : window.groups;
    return window;
}

clmix_value clmix_conv2d_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias, clmix_window window)
{
    const clmix_value inputs[3] = { x, weight, bias };
    struct clmix_conv_attributes attributes = { .window = whole_window(window), .x = clmix_shape_of(x) };
    const size_t channels = clmix_shape_columns(clmix_shape_of(weight));
    clmix_status status;

    clmix_expect_values(at, &clmix_op_conv2d, inputs, 2);
    if (!clmix_is_value(x) || !clmix_is_value(weight))
        return clmix_node_add(at, &clmix_op_conv2d, NULL, 0, inputs, 3); /* which says why, or passes the poison on */
    status = check(x, channels, &attributes.window);
    if (status == CLMIX_OK)
        status =
            clmix_conv_check_weights(weight, bias,
                                     clmix_shape_make(4, (const size_t[]){ window.kernel[0], window.kernel[1],
                                                                           attributes.x.size[3] / attributes.window.groups, channels }));
    if (status != CLMIX_OK)
        return clmix_poison(at, status, "%s", clmix_error());
    if (is_linear(&attributes.window))
        return clmix_linear_with(at, x, weight, bias);
    return clmix_conv_add(at, &clmix_op_conv2d, attributes, x, weight, bias);
}

clmix_value clmix_conv2d(clmix_scope at, clmix_value x, size_t channels, clmix_window window, bool bias)
{
    const clmix_window whole = whole_window(window);
    struct clmix_conv_layer layer;
    clmix_status status;

    if (!clmix_is_value(x))
        return x;
    status = check(x, channels, &whole);
    if (status != CLMIX_OK)
        return clmix_poison(at, status, "%s", clmix_error());
    layer = clmix_conv_make(at, (const size_t[]){ channels, clmix_shape_of(x).size[3] / whole.groups, whole.kernel[0], whole.kernel[1] },
                            (const int[]){ 2, 3, 1, 0 }, channels, bias);
    return clmix_conv2d_with(at, x, layer.weight, layer.bias, whole);
}
