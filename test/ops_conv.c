/* Convolution and transposed convolution, forward and all gradients, against sums written out in double precision. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"
#include "support_device.h"
#include "support_ops.h"
#include "support_suite.h"

/* One layer. `beside` further channels lie beside the input's and the output gradient's in memory. */
struct layer {
    bool transposed;
    size_t batch, height, width, channels, outputs;
    clmix_window window;
    bool bias;
    size_t beside;
};

#define WINDOW(kh, kw, sy, sx, py, px, g)                                              \
    {                                                                                  \
        .kernel = { kh, kw }, .stride = { sy, sx }, .padding = { py, px }, .groups = g \
    }
#define SQUARE(k, s, p) WINDOW(k, k, s, s, p, p, 1)

/* ---- the reference ------------------------------------------------------------------------------------------------------------------- */

/* A result and, for its tolerance, the sum of its terms' magnitudes. */
struct sums {
    size_t count;
    double *value, *magnitude;
};

static struct sums new_sums(size_t count)
{
    struct sums sums = { .count = count, .value = calloc(count, sizeof(double)), .magnitude = calloc(count, sizeof(double)) };

    ck_assert(sums.value != NULL && sums.magnitude != NULL);
    return sums;
}

static void free_sums(struct sums *sums)
{
    free(sums->value);
    free(sums->magnitude);
}

static void add_term(struct sums *sums, size_t at, double term)
{
    sums->value[at] += term;
    sums->magnitude[at] += fabs(term);
}

struct reference {
    size_t out[2];                     /* height and width of the output */
    struct sums y, dx, dweight, dbias; /* dweight in the file's order */
};

/* Input pixel (iy, ix) meets output pixel (oy, ox) at tap (ky, kx); weights in the file's shape. */
static void add_tap(const struct layer *layer, const float *x, const float *weight, const float *dy, size_t in_pixel, size_t out_pixel,
                    size_t ky, size_t kx, struct reference *reference)
{
    const size_t groups = layer->window.groups, group_in = layer->channels / groups, group_out = layer->outputs / groups;

    for (size_t o = 0; o < layer->outputs; o++)
        for (size_t i = 0; i < group_in; i++) {
            const size_t c = o / group_out * group_in + i;
            const size_t row = layer->transposed ? c * layer->outputs + o : o * group_in + i;
            const size_t w = (row * layer->window.kernel[0] + ky) * layer->window.kernel[1] + kx;
            const size_t in = in_pixel * layer->channels + c, out = out_pixel * layer->outputs + o;

            add_term(&reference->y, out, (double)x[in] * (double)weight[w]);
            add_term(&reference->dx, in, (double)dy[out] * (double)weight[w]);
            add_term(&reference->dweight, w, (double)x[in] * (double)dy[out]);
        }
}

static void output_size(const struct layer *layer, size_t out[2])
{
    const size_t in[2] = { layer->height, layer->width };

    for (int i = 0; i < 2; i++) {
        const size_t k = layer->window.kernel[i], s = layer->window.stride[i], p = layer->window.padding[i];

        out[i] = layer->transposed ? (in[i] - 1) * s + k - 2 * p : (in[i] + 2 * p - k) / s + 1;
    }
}

static size_t weight_count(const struct layer *layer)
{
    return layer->channels / layer->window.groups * layer->outputs * layer->window.kernel[0] * layer->window.kernel[1];
}

static struct reference compute(const struct layer *layer, const float *x, const float *weight, const float *bias, const float *dy)
{
    const size_t in[2] = { layer->height, layer->width };
    struct reference reference;
    size_t small[2], big[2];

    output_size(layer, reference.out);
    for (int i = 0; i < 2; i++) {
        small[i] = layer->transposed ? in[i] : reference.out[i];
        big[i] = layer->transposed ? reference.out[i] : in[i];
    }
    reference.y = new_sums(layer->batch * reference.out[0] * reference.out[1] * layer->outputs);
    reference.dx = new_sums(layer->batch * in[0] * in[1] * layer->channels);
    reference.dweight = new_sums(weight_count(layer));
    reference.dbias = new_sums(layer->outputs);
    for (size_t at = 0; at < reference.y.count; at++) {
        if (layer->bias)
            add_term(&reference.y, at, (double)bias[at % layer->outputs]);
        add_term(&reference.dbias, at % layer->outputs, (double)dy[at]);
    }
    for (size_t b = 0; b < layer->batch; b++)
        for (size_t y = 0; y < small[0]; y++)
            for (size_t xx = 0; xx < small[1]; xx++)
                for (size_t ky = 0; ky < layer->window.kernel[0]; ky++)
                    for (size_t kx = 0; kx < layer->window.kernel[1]; kx++) {
                        const size_t big_y = y * layer->window.stride[0] + ky - layer->window.padding[0];
                        const size_t big_x = xx * layer->window.stride[1] + kx - layer->window.padding[1];
                        const size_t small_pixel = (b * small[0] + y) * small[1] + xx, big_pixel = (b * big[0] + big_y) * big[1] + big_x;

                        if (big_y < big[0] && big_x < big[1]) /* what would be negative is huge */
                            add_tap(layer, x, weight, dy, layer->transposed ? small_pixel : big_pixel,
                                    layer->transposed ? big_pixel : small_pixel, ky, kx, &reference);
                    }
    return reference;
}

/* ---- the layer on the device --------------------------------------------------------------------------------------------------------- */

static float *random_floats(size_t count, unsigned seed)
{
    float *values = malloc(count * sizeof *values);
    uint32_t state = seed * 2654435761u + 12345u;

    ck_assert_ptr_nonnull(values);
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    return values;
}

/* `rows` rows of `columns` values as they lie among `beside` others, NaNs, which nothing may read. */
static float *spread(const float *dense, size_t rows, size_t columns, size_t beside)
{
    const size_t pitch = columns + beside, first = beside / 2;
    float *values = malloc(rows * pitch * sizeof *values);

    ck_assert_ptr_nonnull(values);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < pitch; j++)
            values[i * pitch + j] = j >= first && j < first + columns ? dense[i * columns + j - first] : NAN;
    return values;
}

/* Check notes every assertion in a file, so that none may stand in a loop over elements. */
static void check_sums(const struct layer *layer, const char *what, const float *found, const struct sums *expected)
{
    const clmix_window *w = &layer->window;

    for (size_t i = 0; i < expected->count; i++) {
        const double error = fabs((double)found[i] - expected->value[i]), limit = 2e-6 * expected->magnitude[i] + 1e-9;

        if (!(error <= limit)) /* NaN too */
            ck_abort_msg("%s of %s %zux%zux%zux%zu -> %zu, kernel %zux%zu stride %zux%zu padding %zux%zu groups %zu beside %zu: element "
                         "%zu is %g, not %g",
                         what, layer->transposed ? "transposed" : "conv", layer->batch, layer->height, layer->width, layer->channels,
                         layer->outputs, w->kernel[0], w->kernel[1], w->stride[0], w->stride[1], w->padding[0], w->padding[1], w->groups,
                         layer->beside, i, (double)found[i], expected->value[i]);
    }
}

static clmix_value slice_beside(clmix_value value, const struct layer *layer, size_t channels)
{
    return layer->beside == 0 ? value : clmix_slice(value, 3, layer->beside / 2, channels);
}

static void must(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

struct built {
    clmix_graph *graph;
    clmix_plan *plan;
    cl_mem gradients;
};

static struct built build(const struct layer *layer, const size_t out[2])
{
    struct built built = { .graph = clmix_graph_new() };
    clmix_graph *graph = built.graph;
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 4,
                                (const size_t[]){ layer->batch, layer->height, layer->width, layer->channels + layer->beside });
    clmix_value dy =
        clmix_input(graph, "dy", CLMIX_F32, 4, (const size_t[]){ layer->batch, out[0], out[1], layer->outputs + layer->beside });
    clmix_value gradient = slice_beside(dy, layer, layer->outputs), y;
    cl_int code;

    clmix_want_gradient(x);
    y = (layer->transposed ? clmix_conv_transpose2d : clmix_conv2d)(clmix_in(clmix_root(graph), "layer"),
                                                                    slice_beside(x, layer, layer->channels), layer->outputs, layer->window,
                                                                    layer->bias);
    clmix_output(graph, "y", y);
    clmix_backward(graph, 1, &y, &gradient);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    must(clmix_plan_compile(&built.plan, graph, test_device, CLMIX_TRAINING));
    built.gradients =
        clCreateBuffer(clmix_device_context(test_device), CL_MEM_READ_WRITE, clmix_graph_weight_count(graph) * sizeof(float), NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    must(clmix_plan_bind_arena(built.plan, CLMIX_GRADIENTS, built.gradients));
    must(clmix_plan_prepare(built.plan));
    return built;
}

static void free_built(struct built *built)
{
    clmix_plan_free(built->plan);
    clReleaseMemObject(built->gradients);
    clmix_graph_free(built->graph);
}

/* File order to device order, or back. */
static void reorder(const clmix_tensor_info *info, const float *from, float *to, bool to_device)
{
    const size_t count = clmix_shape_count(info->file_shape);

    for (size_t at = 0; at < count; at++) { /* `at` counts device elements */
        size_t index[CLMIX_MAX_RANK] = { 0 }, rest = at, file = 0;

        for (int i = info->device_shape.rank - 1; i >= 0; i--) {
            index[info->order[i]] = rest % info->device_shape.size[i];
            rest /= info->device_shape.size[i];
        }
        for (int i = 0; i < info->file_shape.rank; i++)
            file = file * info->file_shape.size[i] + index[i];
        to[to_device ? at : file] = from[to_device ? file : at];
    }
}

static void write_parameter(struct built *built, const char *name, const float *values)
{
    for (size_t i = 0; i < clmix_graph_tensor_count(built->graph); i++) {
        clmix_tensor_info info;
        float *ordered;

        must(clmix_graph_tensor(built->graph, i, &info));
        if (strcmp(info.name, name) != 0)
            continue;
        ordered = malloc(clmix_shape_count(info.file_shape) * sizeof *ordered);
        reorder(&info, values, ordered, true);
        must(clmix_plan_write(built->plan, name, ordered, clmix_shape_count(info.file_shape) * sizeof *ordered));
        free(ordered);
    }
}

static void check_parameter_gradient(const struct layer *layer, struct built *built, const char *name, const struct sums *expected)
{
    for (size_t i = 0; i < clmix_graph_tensor_count(built->graph); i++) {
        clmix_tensor_info info;
        float *found, *ordered;

        must(clmix_graph_tensor(built->graph, i, &info));
        if (strcmp(info.name, name) != 0)
            continue;
        found = malloc(expected->count * sizeof *found);
        ordered = malloc(expected->count * sizeof *ordered);
        ck_assert_uint_eq(expected->count, clmix_shape_count(info.file_shape));
        ck_assert_int_eq(clEnqueueReadBuffer(clmix_device_queue(test_device), built->gradients, CL_TRUE, info.offset * sizeof(float),
                                             expected->count * sizeof(float), found, 0, NULL, NULL),
                         CL_SUCCESS);
        reorder(&info, found, ordered, false);
        check_sums(layer, name, ordered, expected);
        free(found);
        free(ordered);
    }
}

/* Reads a map and takes out the layer's channels; those beside must have a gradient of zero. */
static void check_map(const struct layer *layer, struct built *built, const char *name, size_t columns, size_t beside,
                      const struct sums *expected)
{
    const size_t rows = expected->count / columns, pitch = columns + beside, first = beside / 2;
    float *found = malloc(rows * pitch * sizeof *found), *dense = malloc(expected->count * sizeof *dense);

    ck_assert(found != NULL && dense != NULL);
    must(clmix_plan_read(built->plan, name, found, rows * pitch * sizeof *found));
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < pitch; j++)
            if (j >= first && j < first + columns)
                dense[i * columns + j - first] = found[i * pitch + j];
            else if (found[i * pitch + j] != 0.0f)
                ck_abort_msg("%s beside the layer's channels is %g", name, (double)found[i * pitch + j]);
    check_sums(layer, name, dense, expected);
    free(found);
    free(dense);
}

static void check_layer(const struct layer *given)
{
    struct layer layer = *given;
    size_t out[2], in_rows, out_rows;
    float *x, *weight, *bias, *dy, *wide_x, *wide_dy;
    struct reference reference;
    struct built built;

    layer.window.groups = layer.window.groups == 0 ? 1 : layer.window.groups;
    output_size(&layer, out);
    in_rows = layer.batch * layer.height * layer.width;
    out_rows = layer.batch * out[0] * out[1];
    x = random_floats(in_rows * layer.channels, 1);
    weight = random_floats(weight_count(&layer), 2);
    bias = random_floats(layer.outputs, 3);
    dy = random_floats(out_rows * layer.outputs, 4);
    wide_x = spread(x, in_rows, layer.channels, layer.beside);
    wide_dy = spread(dy, out_rows, layer.outputs, layer.beside);
    reference = compute(&layer, x, weight, bias, dy);

    built = build(&layer, out);
    write_parameter(&built, "layer.weight", weight);
    write_parameter(&built, "layer.bias", bias);
    must(clmix_plan_write(built.plan, "x", wide_x, in_rows * (layer.channels + layer.beside) * sizeof *x));
    must(clmix_plan_write(built.plan, "dy", wide_dy, out_rows * (layer.outputs + layer.beside) * sizeof *dy));
    must(clmix_plan_run(built.plan));
    must(clmix_plan_wait(built.plan));

    check_map(&layer, &built, "y", layer.outputs, 0, &reference.y);
    check_map(&layer, &built, "dx", layer.channels, layer.beside, &reference.dx);
    check_parameter_gradient(&layer, &built, "layer.weight", &reference.dweight);
    if (layer.bias)
        check_parameter_gradient(&layer, &built, "layer.bias", &reference.dbias);

    free_built(&built);
    free_sums(&reference.y);
    free_sums(&reference.dx);
    free_sums(&reference.dweight);
    free_sums(&reference.dbias);
    free(x);
    free(weight);
    free(bias);
    free(dy);
    free(wide_x);
    free(wide_dy);
}

/* ---- cases --------------------------------------------------------------------------------------------------------------------------- */

/* The first ones are small enough for a simulator. */
static const struct layer small_layers[] = {
    { false, 2, 5, 4, 3, 5, SQUARE(3, 1, 1), true, 0 },
    { false, 3, 6, 5, 4, 6, SQUARE(3, 2, 1), true, 3 },
    { false, 2, 4, 5, 3, 6, SQUARE(1, 2, 0), true, 0 },  /* phases without taps */
    { false, 2, 3, 4, 3, 16, SQUARE(3, 1, 1), true, 1 }, /* few channels: the weights' vectors run along the outputs */
    { true, 2, 3, 2, 5, 3, SQUARE(4, 2, 1), true, 2 },
    { true, 3, 2, 2, 4, 2, SQUARE(6, 4, 1), false, 0 },
    { false, 2, 5, 3, 4, 8, WINDOW(3, 3, 2, 2, 1, 1, 4), true, 0 },
    { false, 2, 4, 7, 18, 18, WINDOW(3, 3, 1, 1, 1, 1, 18), true, 2 },
    { false, 1, 3, 4, 2, 6, WINDOW(2, 3, 1, 1, 1, 1, 2), true, 0 },
};

static const struct layer layers[] = {
    { false, 1, 1, 1, 1, 1, SQUARE(1, 2, 0), false, 0 },
    { false, 2, 7, 9, 1, 1, SQUARE(2, 1, 0), true, 0 },
    { false, 5, 19, 17, 3, 16, SQUARE(3, 1, 1), true, 0 },
    { false, 2, 16, 16, 16, 32, SQUARE(3, 1, 1), true, 0 },
    { false, 3, 13, 11, 7, 40, SQUARE(5, 1, 2), true, 5 },
    { false, 2, 12, 15, 33, 17, SQUARE(3, 2, 1), false, 7 },
    { false, 1, 18, 18, 5, 24, SQUARE(7, 4, 3), true, 0 },
    { false, 2, 11, 6, 10, 9, WINDOW(5, 2, 3, 1, 2, 0, 1), true, 0 },
    { false, 2, 6, 11, 9, 12, WINDOW(1, 7, 1, 2, 0, 3, 1), true, 4 },
    { false, 4, 8, 8, 12, 20, SQUARE(1, 2, 0), true, 0 },
    { false, 2, 5, 5, 6, 4, SQUARE(2, 1, 3), true, 0 }, /* padding beyond the kernel */
    { false, 2, 9, 9, 6, 4, SQUARE(2, 3, 1), true, 0 }, /* stride beyond the kernel */
    { false, 1, 19, 19, 4, 8, SQUARE(18, 1, 0), true, 0 },
    { false, 3, 16, 16, 4, 8, SQUARE(16, 16, 0), true, 8 },
    { false, 67, 4, 4, 3, 8, SQUARE(3, 1, 1), true, 0 },
    { false, 9, 21, 18, 3, 37, WINDOW(5, 3, 2, 1, 2, 1, 1), true, 2 }, /* kernel rows of few floats, joined for the weights */
    { false, 2, 9, 14, 5, 24, WINDOW(4, 5, 1, 3, 3, 2, 1), true, 0 },
    { false, 37, 12, 6, 3, 32, SQUARE(3, 1, 1), true, 3 },
    { false, 2, 13, 11, 3, 16, WINDOW(5, 7, 2, 2, 2, 3, 1), true, 0 },
    { false, 3, 11, 7, 2, 64, WINDOW(2, 3, 3, 1, 0, 1, 1), true, 1 },
    { false, 1, 4, 5, 1, 48, SQUARE(3, 1, 1), true, 0 },
};

static const struct layer transposed_layers[] = {
    { true, 3, 16, 16, 16, 8, SQUARE(4, 2, 1), true, 24 },
    { true, 5, 8, 8, 16, 8, SQUARE(6, 4, 1), true, 24 },
    { true, 5, 4, 4, 16, 8, SQUARE(10, 8, 1), true, 24 },
    { true, 7, 2, 2, 16, 8, SQUARE(18, 16, 1), true, 24 },
    { true, 9, 1, 1, 16, 8, SQUARE(34, 32, 1), true, 24 },
    { true, 13, 4, 4, 16, 4, SQUARE(4, 2, 1), true, 12 },
    { true, 2, 4, 4, 17, 7, SQUARE(10, 8, 1), true, 2 },
    { true, 3, 7, 5, 9, 1, SQUARE(4, 2, 1), true, 0 },
    { true, 3, 5, 7, 2, 19, SQUARE(3, 1, 1), true, 0 },
    { true, 2, 6, 3, 33, 16, WINDOW(2, 5, 3, 2, 0, 2, 1), true, 3 },
    { true, 2, 3, 6, 1, 2, WINDOW(7, 3, 2, 4, 3, 0, 1), false, 0 },
    { true, 1, 19, 18, 4, 40, SQUARE(2, 2, 0), true, 0 },
    { true, 65, 2, 2, 8, 2, SQUARE(18, 16, 1), true, 6 },
    { true, 6, 5, 7, 32, 1, SQUARE(4, 2, 1), true, 2 },
};

static const struct layer grouped_layers[] = {
    { false, 2, 9, 7, 16, 16, WINDOW(3, 3, 1, 1, 1, 1, 16), true, 0 },
    { false, 3, 8, 9, 12, 12, WINDOW(3, 3, 2, 2, 1, 1, 12), true, 5 },
    { false, 2, 7, 7, 5, 10, WINDOW(3, 3, 2, 2, 1, 1, 5), true, 0 },
    { false, 2, 33, 4, 2, 2, WINDOW(33, 1, 1, 1, 16, 0, 2), false, 0 },
    { false, 2, 6, 5, 12, 18, WINDOW(2, 3, 1, 2, 0, 1, 3), true, 3 },
    { false, 3, 5, 5, 8, 8, WINDOW(1, 1, 1, 1, 0, 0, 8), true, 0 },
    { false, 2, 19, 23, 37, 37, WINDOW(3, 3, 1, 1, 1, 1, 37), true, 3 },
    { false, 3, 16, 18, 40, 80, WINDOW(3, 3, 2, 2, 1, 1, 40), true, 16 },
    { false, 2, 5, 21, 6, 12, WINDOW(5, 7, 1, 1, 2, 3, 6), true, 0 },
    { false, 1, 9, 11, 17, 34, WINDOW(3, 2, 3, 3, 2, 0, 17), false, 0 },
    { false, 2, 4, 9, 70, 70, WINDOW(1, 1, 2, 3, 0, 0, 70), true, 0 },
    { false, 2, 3, 5, 4, 4, WINDOW(2, 2, 1, 1, 3, 3, 4), true, 0 },
    { false, 3, 9, 8, 4, 12, WINDOW(3, 3, 1, 2, 1, 1, 4), true, 1 },
    { false, 2, 33, 33, 3, 6, WINDOW(9, 9, 4, 2, 4, 4, 3), true, 0 },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void check_all(const struct layer *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_layer(&list[i]);
}

START_TEST(small_layers_are_right)
{
    check_all(small_layers, COUNT(small_layers));
}
END_TEST

START_TEST(convolutions_are_right)
{
    if (!ops_small_effort())
        check_all(layers, COUNT(layers));
}
END_TEST

START_TEST(transposed_convolutions_are_right)
{
    if (!ops_small_effort())
        check_all(transposed_layers, COUNT(transposed_layers));
}
END_TEST

START_TEST(grouped_convolutions_are_right)
{
    if (!ops_small_effort())
        check_all(grouped_layers, COUNT(grouped_layers));
}
END_TEST

/* Sizes drawn at random, with few channel counts so that programs are few. */
START_TEST(random_layers_are_right)
{
    static const size_t channels[] = { 1, 3, 4, 8, 8, 16, 32 }, strides[] = { 1, 1, 2, 2, 3, 4, 8 };
    uint32_t state = 2026;

    for (int i = 0; i < (ops_small_effort() ? 0 : 16); i++) {
        size_t draw[12];
        struct layer layer = { .transposed = i % 2 == 1 };

        for (int j = 0; j < 12; j++) {
            state = state * 1664525u + 1013904223u;
            draw[j] = state >> 16;
        }
        layer.batch = 1 + draw[0] % 5;
        layer.height = 1 + draw[1] % (layer.transposed ? 6 : 19);
        layer.width = 1 + draw[2] % (layer.transposed ? 6 : 19);
        layer.channels = channels[draw[3] % 7];
        layer.outputs = channels[draw[4] % 7];
        layer.bias = draw[5] % 4 != 0;
        layer.beside = draw[6] % 3 == 0 ? 1 + draw[6] % 7 : 0;
        layer.window.groups = 1;
        for (int k = 0; k < 2; k++) {
            const size_t size = k == 0 ? layer.height : layer.width;

            layer.window.stride[k] = strides[draw[7 + k] % 7];
            layer.window.padding[k] = draw[9] % 4;
            layer.window.kernel[k] = 1 + draw[10 + k] % 7;
            if (layer.transposed)
                layer.window.kernel[k] += 2 * layer.window.padding[k]; /* something is always left */
            else if (layer.window.kernel[k] > size + 2 * layer.window.padding[k])
                layer.window.kernel[k] = size + 2 * layer.window.padding[k];
        }
        check_layer(&layer);
    }
}
END_TEST

/* Little local memory means other cuts, and at last the other form; the results keep their tolerance. 32 KiB are what a GPU has, and the wide form
 * is not for it. */
START_TEST(little_local_memory_is_enough)
{
    static const size_t local_bytes[] = { 32768, 6144, 0 };
    static const struct layer tight[] = {
        { false, 3, 17, 19, 16, 8, SQUARE(3, 1, 1), true, 0 }, { false, 2, 16, 16, 16, 16, SQUARE(7, 2, 3), true, 3 },
        { true, 3, 4, 4, 16, 8, SQUARE(10, 8, 1), true, 8 },   { true, 3, 8, 8, 16, 8, SQUARE(4, 2, 1), true, 0 },
        { false, 3, 17, 60, 3, 8, SQUARE(3, 1, 1), true, 0 },  { false, 5, 7, 30, 3, 32, SQUARE(3, 1, 1), true, 0 },
    };
    const size_t given = test_device->info.local_bytes;

    for (size_t i = test_device->info.form == CLMIX_WIDE; i < COUNT(local_bytes) && !ops_small_effort(); i++) {
        test_device->info.local_bytes = local_bytes[i];
        check_all(tight, COUNT(tight));
    }
    test_device->info.local_bytes = given;
}
END_TEST

/* The tiles that GPUs get, which no CPU whose compiler makes vectors chooses by itself. */
START_TEST(tiles_of_gpus)
{
    const cl_device_type given = test_device->info.type;

    test_device->info.type = CL_DEVICE_TYPE_GPU;
    if (test_device->info.form == CLMIX_SIMT)
        check_all(small_layers, COUNT(small_layers));
    if (test_device->info.form == CLMIX_SIMT && !ops_small_effort()) {
        check_all(layers, COUNT(layers));
        check_all(transposed_layers, COUNT(transposed_layers));
    }
    test_device->info.type = given;
}
END_TEST

/* ---- what cannot be built ------------------------------------------------------------------------------------------------------------ */

static void check_refused(bool transposed, size_t channels, size_t outputs, clmix_window window, clmix_status expected, const char *words)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 4, (const size_t[]){ 1, 4, 4, channels });
    clmix_value y = (transposed ? clmix_conv_transpose2d : clmix_conv2d)(clmix_in(clmix_root(graph), "stem"), x, outputs, window, true);

    ck_assert_int_eq(clmix_shape_of(y).rank, -1);
    ck_assert_int_eq(clmix_graph_check(graph), expected);
    ck_assert_msg(strncmp(clmix_error(), "stem: ", 6) == 0 && strstr(clmix_error(), words) != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}

START_TEST(impossible_windows_are_refused)
{
    check_refused(false, 4, 8, (clmix_window)SQUARE(7, 1, 1), CLMIX_ERROR_ARGUMENT, "larger than the input");
    check_refused(false, 4, 6, (clmix_window)WINDOW(3, 3, 1, 1, 1, 1, 4), CLMIX_ERROR_ARGUMENT, "do not divide");
    check_refused(false, 4, 8, (clmix_window)SQUARE(3, 0, 1), CLMIX_ERROR_ARGUMENT, "at least 1");
    check_refused(false, 4, 0, (clmix_window)SQUARE(3, 1, 1), CLMIX_ERROR_ARGUMENT, "0 channels");
    check_refused(true, 4, 8, (clmix_window)SQUARE(2, 1, 4), CLMIX_ERROR_ARGUMENT, "leaves nothing");
    check_refused(true, 4, 8, (clmix_window)WINDOW(3, 3, 1, 1, 1, 1, 2), CLMIX_ERROR_UNSUPPORTED, "only 1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conv");
    TCase *on_device = tcase_create("device"), *building = tcase_create("building");

    tcase_set_timeout(on_device, 600);
    tcase_add_checked_fixture(on_device, open_test_device, close_test_device);
    tcase_add_test(on_device, small_layers_are_right);
    tcase_add_test(on_device, convolutions_are_right);
    tcase_add_test(on_device, transposed_convolutions_are_right);
    tcase_add_test(on_device, grouped_convolutions_are_right);
    tcase_add_test(on_device, random_layers_are_right);
    tcase_add_test(on_device, little_local_memory_is_enough);
    tcase_add_test(on_device, tiles_of_gpus);
    tcase_add_test(building, impossible_windows_are_refused);
    suite_add_tcase(suite, on_device);
    suite_add_tcase(suite, building);
    return support_run(suite);
}
