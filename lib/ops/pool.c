/* Global average pooling and maximum pooling. Kernels: cl/pool.cl. */
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

/* ---- global average ------------------------------------------------------------------------------------------------------------------ */

struct average_attributes {
    clmix_shape shape; /* of the input, which the gradient takes again */
};

static clmix_status average_shape(clmix_graph *graph, struct clmix_node *node)
{
    struct average_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_input(graph, node, 0)->shape;
    char text[64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    if (shape.rank < 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "global average pooling of %s; it takes (batch, height, width, channels) or (batch, tokens, channels)",
                          clmix_shape_text(shape, text));
    attributes->shape = shape;
    return clmix_node_declare(graph, node, CLMIX_F32, (clmix_shape){ .rank = 2, .size = { shape.size[0], clmix_shape_columns(shape) } });
}

static clmix_status average_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct average_attributes *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32, attributes->shape);
}

static clmix_status average_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    struct average_attributes attributes = *(const struct average_attributes *)node->attributes;

    return clmix_give_through(backward, node, &clmix_op_global_average_pool_grad, &attributes, sizeof attributes, clmix_no_value());
}

/* A group a sample and block of columns; few samples are cut into more blocks, so that all cores have work. */
static clmix_status average_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct average_attributes *attributes = node->attributes;
    size_t samples = attributes->shape.size[0], columns = clmix_shape_columns(attributes->shape), group = clmix_group_size(planner, 64),
           block;
    size_t blocks = samples >= 16 ? 1 : 16 / samples;
    struct clmix_record *record = clmix_record_kernel(planner, node, "pool.cl", "average_pixels");

    block = (columns / blocks + 63) / 64 * 64;
    block = block < 64 ? 64 : block;
    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, samples, (columns + block - 1) / block, 1, group);
    clmix_record_uint(record, clmix_shape_rows(attributes->shape) / samples);
    clmix_record_uint(record, columns);
    clmix_record_uint(record, block);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status average_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct average_attributes *attributes = node->attributes;
    size_t rows = clmix_shape_rows(attributes->shape);
    struct clmix_record *record =
        clmix_record_rows(planner, node, "pool.cl", "average_pixels_grad", rows, clmix_shape_columns(attributes->shape), false);

    clmix_record_uint(record, rows / attributes->shape.size[0]);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

static void average_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct average_attributes *attributes = node->attributes;

    clmix_cost_moved(graph, node, flops, bytes);
    *flops = clmix_shape_count(attributes->shape);
}

static void average_cut(void *attributes, size_t batch, size_t samples)
{
    struct average_attributes *average = attributes;

    clmix_shape_cut(&average->shape, batch, samples);
}

const struct clmix_op clmix_op_global_average_pool = {
    .name = "global_average_pool",
    .shape = average_shape,
    .backward = average_backward,
    .launch = average_launch,
    .cost = average_cost,
    .parts = clmix_parts_by_sample,
    .cut = average_cut,
};
const struct clmix_op clmix_op_global_average_pool_grad = {
    .name = "global_average_pool_grad",
    .shape = average_grad_shape,
    .launch = average_grad_launch,
    .cost = average_cost,
    .parts = clmix_parts_by_sample,
    .cut = average_cut,
};

clmix_value clmix_global_average_pool(clmix_value x)
{
    struct average_attributes attributes = { .shape = { .rank = 0 } };

    return clmix_node_add(clmix_here(x.graph), &clmix_op_global_average_pool, &attributes, sizeof attributes, &x, 1);
}

/* ---- maximum of windows -------------------------------------------------------------------------------------------------------------- */

/* Padding of at most half the window: every window then holds a pixel of the map, and has a maximum. */
static clmix_status window_size(const clmix_window *window, clmix_shape in, size_t out[2])
{
    static const char *const name[2] = { "height", "width" };

    for (int i = 0; i < 2; i++) {
        size_t kernel = window->kernel[i], padded = in.size[1 + i] + 2 * window->padding[i];

        if (kernel == 0 || window->stride[i] == 0 || 2 * window->padding[i] > kernel || kernel > 65535 || window->stride[i] > 65535)
            return clmix_fail(CLMIX_ERROR_ARGUMENT,
                              "a pooling window of %s %zu, stride %zu, padding %zu; kernel and stride are at least 1 and the padding at "
                              "most half the kernel",
                              name[i], kernel, window->stride[i], window->padding[i]);
        if (padded < kernel)
            return clmix_fail(CLMIX_ERROR_ARGUMENT,
                              "a pooling window of %s %zu over %zu pixels with padding %zu; the window is larger than the map", name[i],
                              kernel, in.size[1 + i], window->padding[i]);
        out[i] = (padded - kernel) / window->stride[i] + 1;
    }
    return CLMIX_OK;
}

static clmix_status max_shape(clmix_graph *graph, struct clmix_node *node)
{
    clmix_shape in = clmix_node_input(graph, node, 0)->shape;
    size_t out[2];
    char text[64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    if (in.rank != 4)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "maximum pooling of %s; it takes maps (batch, height, width, channels)",
                          clmix_shape_text(in, text));
    CLMIX_TRY(window_size(node->attributes, in, out));
    return clmix_node_declare(graph, node, CLMIX_F32, (clmix_shape){ .rank = 4, .size = { in.size[0], out[0], out[1], in.size[3] } });
}

static clmix_status max_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, 1)->shape);
}

static clmix_status max_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    clmix_window window = *(const clmix_window *)node->attributes;
    clmix_value inputs[3] = { clmix_backward_gradient(backward, node, 0) }, dx;

    if (!clmix_is_value(inputs[0]) || !clmix_backward_wants(backward, node, 0))
        return CLMIX_OK;
    inputs[1] = clmix_backward_input(backward, node, 0);
    inputs[2] = clmix_backward_output(backward, node, 0);
    dx = clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_max_pool2d_grad, &window, sizeof window, inputs, 3);
    return clmix_backward_give(backward, node, 0, dx);
}

static void launch_window(struct clmix_record *record, const struct clmix_node *node, clmix_shape in, clmix_shape out)
{
    const clmix_window *window = node->attributes;

    clmix_record_uint(record, in.size[1]);
    clmix_record_uint(record, in.size[2]);
    clmix_record_uint(record, out.size[1]);
    clmix_record_uint(record, out.size[2]);
    for (int i = 0; i < 2; i++)
        clmix_record_int(record, (long)window->kernel[i]);
    for (int i = 0; i < 2; i++)
        clmix_record_int(record, (long)window->stride[i]);
    for (int i = 0; i < 2; i++)
        clmix_record_int(record, (long)window->padding[i]);
    for (int i = 0; i < node->input_count; i++)
        clmix_record_value(record, node->inputs[i]);
    clmix_record_value(record, node->outputs[0]);
}

static clmix_status max_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    clmix_shape in = clmix_node_input(graph, node, 0)->shape, out = clmix_node_result(graph, node, 0)->shape;

    launch_window(clmix_record_rows(planner, node, "pool.cl", "max_windows", clmix_shape_rows(out), out.size[3], false), node, in, out);
    return CLMIX_OK;
}

/* Units of the wide form: whole samples, or strips of them where samples alone leave cores without work. What the windows on two strips' border
 * compare is compared twice. */
static struct clmix_record *launch_strips(struct clmix_planner *planner, const struct clmix_node *node, clmix_shape in)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "pool.cl", "max_windows_grad");
    size_t wanted = 8 * (size_t)clmix_planner_device(planner)->compute_units, strip = in.size[1], units;
    struct clmix_chunks cut;

    while (strip > 16 && in.size[0] * ((in.size[1] + strip - 1) / strip) < wanted)
        strip = (strip + 1) / 2;
    units = in.size[0] * ((in.size[1] + strip - 1) / strip);
    cut = clmix_chunks_of(planner, units, 1, 4096 / (strip * in.size[2] * in.size[3]) + 1, 0);
    clmix_record_define(record, "WG", 1);
    clmix_record_grid(record, cut.groups, 1, 1, 1);
    clmix_record_uint(record, units);
    clmix_record_uint(record, cut.chunk);
    clmix_record_uint(record, in.size[3]);
    clmix_record_uint(record, strip);
    return record;
}

static clmix_status max_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    clmix_shape in = clmix_node_input(graph, node, 1)->shape, out = clmix_node_input(graph, node, 2)->shape;

    launch_window(clmix_planner_wide(planner)
                      ? launch_strips(planner, node, in)
                      : clmix_record_rows(planner, node, "pool.cl", "max_windows_grad", clmix_shape_rows(in), in.size[3], false),
                  node, in, out);
    return CLMIX_OK;
}

/* A comparison for each element of each window. */
static void max_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const clmix_window *window = node->attributes;
    const struct clmix_tensor *out =
        node->op == &clmix_op_max_pool2d ? clmix_node_result(graph, node, 0) : clmix_node_input(graph, node, 2);

    clmix_cost_moved(graph, node, flops, bytes);
    *flops = (uint64_t)clmix_shape_count(out->shape) * window->kernel[0] * window->kernel[1];
}

const struct clmix_op clmix_op_max_pool2d = {
    .name = "max_pool2d",
    .shape = max_shape,
    .backward = max_backward,
    .launch = max_launch,
    .cost = max_cost,
    .parts = clmix_parts_by_sample,
};
const struct clmix_op clmix_op_max_pool2d_grad = {
    .name = "max_pool2d_grad",
    .shape = max_grad_shape,
    .launch = max_grad_launch,
    .cost = max_cost,
    .parts = clmix_parts_by_sample,
};

clmix_value clmix_max_pool2d(clmix_value x, clmix_window window)
{
    return clmix_node_add(clmix_here(x.graph), &clmix_op_max_pool2d, &window, sizeof window, &x, 1);
}
