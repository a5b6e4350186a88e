/* Ops over elements and windows: activations, softmax, sums, pooling, dropout, normalisation of pictures. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* Odd, tiny, and across the chunks of a launch. */
static const clmix_shape shapes[] = {
    { 2, { 1, 1 } }, { 1, { 3 } }, { 4, { 1, 33, 17, 1 } }, { 4, { 2, 3, 5, 16 } }, { 3, { 3, 7, 33 } }, { 2, { 1, 65 } },
};
#define SHAPES (sizeof shapes / sizeof *shapes)

/* ---- activations --------------------------------------------------------------------------------------------------------------------- */

static clmix_value build_activation(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const char *which = attributes;

    (void)at;
    return *which == 'g' ? clmix_gelu(inputs[0]) : *which == 'r' ? clmix_relu(inputs[0]) : clmix_sigmoid(inputs[0]);
}

static void activation_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    const char *which = attributes;

    for (size_t i = 0; i < clmix_shape_count(of[0]); i++) {
        double x = inputs[0][i];

        out[i] = *which == 'g' ? x / 2.0 * (1.0 + erf(x / sqrt(2.0))) : *which == 'r' ? fmax(x, 0.0) : 1.0 / (1.0 + exp(-x));
    }
}

START_TEST(activations)
{
    static const char *const names[] = { "gelu", "relu", "sigmoid" };

    for (size_t n = 0; n < 3; n++) {
        for (size_t i = 0; i < SHAPES; i++)
            ops_run_check(&(struct ops_check){ .what = names[n],
                                               .build = build_activation,
                                               .reference = activation_reference,
                                               .attributes = names[n],
                                               .input_count = 1,
                                               .shapes = { shapes[i] },
                                               .low = -6.0f,
                                               .high = 6.0f });
        if (!ops_small_effort())
            ops_run_check(&(struct ops_check){ .what = names[n],
                                               .build = build_activation,
                                               .reference = activation_reference,
                                               .attributes = names[n],
                                               .input_count = 1,
                                               .shapes = { ops_shape2(10007, 3) },
                                               .low = -6.0f,
                                               .high = 6.0f });
    }
}
END_TEST

/* Below -17 sigmoid is the exponential to half an ulp, so its relative error there is that of exp with one division's. */
START_TEST(exponential_to_the_ulp)
{
    enum { COUNT = 70001 };
    clmix_graph *graph = clmix_graph_new();
    float *data = malloc(COUNT * sizeof *data), *out;
    double worst = 0.0;
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_sigmoid(clmix_input(graph, "x", CLMIX_F32, 1, (size_t[]){ COUNT })));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < COUNT; i++)
        data[i] = -17.0f - 1e-3f * (float)i;
    ops_write(plan, "x", data, COUNT);
    ops_ok(clmix_plan_run(plan));
    out = ops_read(plan, "y", COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        double exact = 1.0 / (1.0 + exp(-(double)data[i]));

        worst = fmax(worst, fabs(out[i] - exact) / exact);
    }
    ck_assert_msg(worst < 1.5e-7, "relative error %.3g", worst);
    free(out);
    free(data);
    clmix_plan_free(plan);
}
END_TEST

START_TEST(activations_of_what_is_not_finite)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(1, 40));
    float data[40] = { 0 }, *out;
    clmix_plan *plan;

    clmix_output(graph, "gelu", clmix_gelu(x));
    clmix_output(graph, "relu", clmix_relu(x));
    clmix_output(graph, "sigmoid", clmix_sigmoid(x));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    data[0] = data[39] = NAN; /* in a vector and in the tail */
    data[1] = -1000.0f;
    data[2] = 1000.0f;
    data[3] = INFINITY;
    ops_write(plan, "x", data, 40);
    ops_ok(clmix_plan_run(plan));
    out = ops_read(plan, "gelu", 40);
    ck_assert(isnan(out[0]) && isnan(out[39]) && out[1] == 0.0f && out[2] == 1000.0f && isinf(out[3]));
    free(out);
    out = ops_read(plan, "relu", 40);
    ck_assert(isnan(out[0]) && isnan(out[39]) && out[1] == 0.0f && out[2] == 1000.0f && isinf(out[3]));
    free(out);
    out = ops_read(plan, "sigmoid", 40);
    ck_assert(isnan(out[0]) && isnan(out[39]) && out[1] == 0.0f && out[2] == 1.0f && out[3] == 1.0f && out[4] == 0.5f);
    free(out);
    clmix_plan_free(plan);
}
END_TEST

/* ---- sums ---------------------------------------------------------------------------------------------------------------------------- */

static clmix_value build_sum(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    (void)attributes;
    return clmix_scale(clmix_add(clmix_add(inputs[0], inputs[1]), inputs[0]), 0.75f);
}

static void sum_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    (void)attributes;
    for (size_t i = 0; i < clmix_shape_count(of[0]); i++)
        out[i] = 0.75 * (2.0 * inputs[0][i] + inputs[1][i]);
}

START_TEST(sums)
{
    for (size_t i = 0; i < SHAPES; i++)
        ops_run_check(&(struct ops_check){ .what = "add and scale",
                                           .build = build_sum,
                                           .reference = sum_reference,
                                           .input_count = 2,
                                           .shapes = { shapes[i], shapes[i] } });
}
END_TEST

START_TEST(sums_of_different_shapes_are_refused)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_add(ops_input(graph, "a", ops_shape2(2, 3)), ops_input(graph, "b", ops_shape2(3, 2)));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "input 0 is 2x3 and input 1 is 3x2") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

/* ---- softmax ------------------------------------------------------------------------------------------------------------------------- */

static clmix_value build_softmax(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const int *axis = attributes;

    (void)at;
    return clmix_softmax(inputs[0], *axis);
}

static void softmax_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    const int *wanted = attributes;
    size_t outer = 1, length, inner = 1;
    int axis = *wanted < 0 ? *wanted + of[0].rank : *wanted;

    for (int i = 0; i < axis; i++)
        outer *= of[0].size[i];
    for (int i = axis + 1; i < of[0].rank; i++)
        inner *= of[0].size[i];
    length = of[0].size[axis];
    for (size_t i = 0; i < outer * inner; i++) {
        const double *x = inputs[0] + i / inner * length * inner + i % inner;
        double most = x[0], sum = 0.0;

        for (size_t k = 0; k < length; k++)
            most = fmax(most, x[k * inner]);
        for (size_t k = 0; k < length; k++)
            sum += exp(x[k * inner] - most);
        for (size_t k = 0; k < length; k++)
            (out + (x - inputs[0]))[k * inner] = exp(x[k * inner] - most) / sum;
    }
}

START_TEST(softmax_along_every_axis)
{
    static const clmix_shape of[] = { { 2, { 1, 1 } },     { 2, { 5, 10 } },       { 3, { 2, 65, 1 } },
                                      { 3, { 3, 7, 33 } }, { 4, { 2, 3, 5, 16 } }, { 2, { 67, 130 } },
                                      { 2, { 37, 5 } },    { 2, { 70, 3 } },       { 3, { 2, 3, 1100 } } };

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (int axis = -1; axis < of[i].rank - 1; axis++)
            ops_run_check(&(struct ops_check){ .what = "softmax",
                                               .build = build_softmax,
                                               .reference = softmax_reference,
                                               .attributes = &axis,
                                               .input_count = 1,
                                               .shapes = { of[i] },
                                               .low = -3.0f,
                                               .high = 3.0f });
}
END_TEST

START_TEST(softmax_of_large_values)
{
    for (int axis = 0; axis < 2; axis++)
        ops_run_check(&(struct ops_check){ .what = "softmax, large",
                                           .build = build_softmax,
                                           .reference = softmax_reference,
                                           .attributes = &axis,
                                           .input_count = 1,
                                           .shapes = { ops_shape2(9, 21) },
                                           .low = -1000.0f,
                                           .high = 1000.0f,
                                           .gradient_tolerance = 1e-4 });
}
END_TEST

/* ---- pooling ------------------------------------------------------------------------------------------------------------------------- */

static clmix_value build_average(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    (void)attributes;
    return clmix_global_average_pool(inputs[0]);
}

static void average_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    size_t images = of[0].size[0], columns = of[0].size[of[0].rank - 1], pixels = clmix_shape_count(of[0]) / images / columns;

    (void)attributes;
    for (size_t i = 0; i < images * columns; i++) {
        out[i] = 0.0;
        for (size_t p = 0; p < pixels; p++)
            out[i] += inputs[0][(i / columns * pixels + p) * columns + i % columns] / (double)pixels;
    }
}

START_TEST(global_average)
{
    static const clmix_shape of[] = {
        { 4, { 1, 1, 1, 1 } }, { 4, { 2, 33, 17, 3 } }, { 3, { 5, 9, 16 } }, { 4, { 20, 4, 4, 33 } }, { 3, { 1, 7, 200 } }
    };

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        ops_run_check(&(struct ops_check){
            .what = "global_average_pool", .build = build_average, .reference = average_reference, .input_count = 1, .shapes = { of[i] } });
}
END_TEST

static clmix_value build_max(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const clmix_window *window = attributes;

    (void)at;
    return clmix_max_pool2d(inputs[0], *window);
}

static void max_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    const clmix_window *window = attributes;
    size_t height = of[0].size[1], width = of[0].size[2], channels = of[0].size[3];
    size_t h = (height + 2 * window->padding[0] - window->kernel[0]) / window->stride[0] + 1,
           w = (width + 2 * window->padding[1] - window->kernel[1]) / window->stride[1] + 1;

    for (size_t i = 0; i < of[0].size[0] * h * w * channels; i++) {
        size_t c = i % channels, x = i / channels % w, y = i / channels / w % h, image = i / channels / w / h;

        out[i] = -INFINITY;
        for (size_t k = 0; k < window->kernel[0] * window->kernel[1]; k++) {
            size_t at_y = y * window->stride[0] + k / window->kernel[1], at_x = x * window->stride[1] + k % window->kernel[1];

            if (at_y >= window->padding[0] && at_y < height + window->padding[0] && at_x >= window->padding[1] &&
                at_x < width + window->padding[1])
                out[i] = fmax(out[i],
                              inputs[0][((image * height + at_y - window->padding[0]) * width + at_x - window->padding[1]) * channels + c]);
        }
    }
}

START_TEST(max_pooling)
{
    static const clmix_window windows[] = {
        { { 1, 1 }, { 1, 1 }, { 0, 0 }, 0 }, { { 2, 2 }, { 2, 2 }, { 0, 0 }, 0 }, { { 3, 3 }, { 2, 2 }, { 1, 1 }, 0 },
        { { 3, 2 }, { 1, 3 }, { 1, 0 }, 0 }, { { 3, 3 }, { 1, 1 }, { 1, 1 }, 0 }, { { 2, 1 }, { 3, 2 }, { 1, 0 }, 0 },
    };
    static const clmix_shape of[] = {
        { 4, { 1, 3, 3, 1 } }, { 4, { 2, 7, 5, 3 } }, { 4, { 1, 9, 8, 16 } }, { 4, { 3, 4, 6, 33 } }, { 4, { 1, 41, 4, 2 } }
    };

    for (size_t w = 0; w < sizeof windows / sizeof *windows; w++)
        for (size_t i = 0; i < sizeof of / sizeof *of; i++)
            ops_run_check(&(struct ops_check){ .what = "max_pool2d",
                                               .build = build_max,
                                               .reference = max_reference,
                                               .attributes = &windows[w],
                                               .input_count = 1,
                                               .shapes = { of[i] } });
}
END_TEST

/* All pixels equal: the first of each window, in row-major order, takes its gradient; windows add up. */
static void pool_ties(size_t n)
{
    const size_t channels = 17, out = (n + 1) / 2;
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape4(1, n, n, channels)), y, dy;
    float *ones = ops_floats(n * n * channels, 0, 1.0f, 1.0f), *dx;
    float *wanted = ops_floats(n * n, 0, 0.0f, 0.0f);
    clmix_plan *plan;

    clmix_want_gradient(x);
    y = clmix_max_pool2d(x, clmix_square(3, 2, 1)); /* 3 x 3 windows that begin at -1, 1, 3 */
    dy = ops_input(graph, "dy", clmix_shape_of(y));
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "x", ones, n * n * channels);
    ops_write(plan, "dy", ones, out * out * channels);
    ops_ok(clmix_plan_run(plan));
    for (size_t i = 0; i < out * out; i++)
        wanted[(i / out == 0 ? 0 : i / out * 2 - 1) * n + (i % out == 0 ? 0 : i % out * 2 - 1)] += 1.0f;
    dx = ops_read(plan, "dx", n * n * channels);
    for (size_t i = 0; i < n * n * channels; i++)
        ck_assert_msg(dx[i] == wanted[i / channels], "pixel %zu of channel %zu", i / channels, i % channels);
    free(wanted);
    free(ones);
    free(dx);
    clmix_plan_free(plan);
}

START_TEST(max_pooling_of_ties)
{
    pool_ties(5);
    pool_ties(41); /* in strips */
}
END_TEST

START_TEST(pooling_refuses)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_max_pool2d(ops_input(graph, "x", ops_shape4(1, 4, 4, 1)), clmix_square(3, 1, 2));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "padding 2") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
    graph = clmix_graph_new();
    clmix_max_pool2d(ops_input(graph, "x", ops_shape4(1, 2, 9, 1)), clmix_square(3, 1, 0));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "larger than the picture") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

/* ---- dropout ------------------------------------------------------------------------------------------------------------------------- */

/* Of ones: y = dropout(x), dx for dy = 1, and the mask of a second dropout; `training` or not. */
struct drops {
    float *y, *dx, *other;
};

static struct drops drop(size_t count, float rate, clmix_mode mode, uint64_t seed, uint64_t step)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(1, count)), y, dy = ops_input(graph, "dy", ops_shape2(1, count));
    float *ones = ops_floats(count, 0, 1.0f, 1.0f);
    struct drops drops;
    clmix_plan *plan;

    clmix_want_gradient(x);
    y = clmix_dropout(x, rate);
    clmix_output(graph, "other", clmix_dropout(x, rate));
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, mode);
    ops_write(plan, "x", ones, count);
    ops_write(plan, "dy", ones, count);
    ops_ok(clmix_plan_set_step(plan, seed, step));
    ops_ok(clmix_plan_run(plan));
    drops = (struct drops){ ops_read(plan, "y", count), ops_read(plan, "dx", count), ops_read(plan, "other", count) };
    free(ones);
    clmix_plan_free(plan);
    return drops;
}

static void free_drops(struct drops drops)
{
    free(drops.y);
    free(drops.dx);
    free(drops.other);
}

static size_t differences(const float *a, const float *b, size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += a[i] != b[i];
    return found;
}

START_TEST(dropout_statistics)
{
    const size_t count = 30011; /* no multiple of a vector */
    static const float rates[] = { 0.1f, 0.5f, 0.9f };

    for (size_t r = 0; r < 3; r++) {
        struct drops drops = drop(count, rates[r], CLMIX_TRAINING, 1, 0);
        double kept = 0.0, std = sqrt((double)rates[r] * (1.0 - (double)rates[r]) / (double)count);

        for (size_t i = 0; i < count; i++) {
            ck_assert(drops.y[i] == 0.0f || drops.y[i] == 1.0f / (1.0f - rates[r]));
            kept += drops.y[i] != 0.0f;
        }
        ck_assert_double_eq_tol(kept / (double)count, 1.0 - (double)rates[r], 4.0 * std);
        ck_assert_uint_eq(differences(drops.y, drops.dx, count), 0);
        ck_assert_uint_gt(differences(drops.y, drops.other, count), count / 20);
        free_drops(drops);
    }
}
END_TEST

START_TEST(dropout_depends_on_seed_and_step)
{
    const size_t count = 4099;
    struct drops first = drop(count, 0.5f, CLMIX_TRAINING, 5, 7), again = drop(count, 0.5f, CLMIX_TRAINING, 5, 7);
    struct drops step = drop(count, 0.5f, CLMIX_TRAINING, 5, 8), seed = drop(count, 0.5f, CLMIX_TRAINING, (uint64_t)1 << 32 | 5, 7);

    ck_assert_uint_eq(differences(first.y, again.y, count), 0);
    ck_assert_uint_gt(differences(first.y, step.y, count), count / 4);
    ck_assert_uint_gt(differences(first.y, seed.y, count), count / 4);
    free_drops(first);
    free_drops(again);
    free_drops(step);
    free_drops(seed);
}
END_TEST

/* The host draws the same mask: counter (element / 4, op, step), key the seed. The op is the first node of the graph. */
START_TEST(dropout_draws_the_hosts_numbers)
{
    const size_t count = 211;
    const uint64_t seed = 0x123456789abcdef0u, step = 0x300000002u;
    struct drops drops = drop(count, 0.25f, CLMIX_TRAINING, seed, step);

    for (size_t i = 0; i < count; i++) {
        uint32_t counter[4] = { (uint32_t)(i / 4), 0, (uint32_t)step, (uint32_t)(step >> 32) }, words[4];

        clmix_philox(seed, counter, words);
        ck_assert_msg((drops.y[i] != 0.0f) == (words[i % 4] >= 0x40000000u), "element %zu", i);
    }
    free_drops(drops);
}
END_TEST

START_TEST(dropout_does_nothing_in_inference)
{
    struct drops drops = drop(1001, 0.5f, CLMIX_INFERENCE, 1, 1);

    for (size_t i = 0; i < 1001; i++)
        ck_assert(drops.y[i] == 1.0f && drops.dx[i] == 1.0f);
    free_drops(drops);
}
END_TEST

/* y = gelu(dropout(x)): in the backward pass the dropout is done again for the GELU's gradient, with the same mask. */
START_TEST(dropout_is_rebuilt_with_its_mask)
{
    const size_t count = 500;
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(1, count)), dropped, y, dy = ops_input(graph, "dy", ops_shape2(1, count));
    float *data = ops_floats(count, 1, 0.5f, 1.0f), *ones = ops_floats(count, 0, 1.0f, 1.0f), *mask, *dx;
    clmix_plan *plan;

    clmix_want_gradient(x);
    clmix_output(graph, "unused", clmix_scale(x, 2.0f)); /* so that numbers of nodes differ from those of dropouts */
    dropped = clmix_dropout(x, 0.5f);
    y = clmix_gelu(dropped);
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "dropped", dropped);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "x", data, count);
    ops_write(plan, "dy", ones, count);
    ops_ok(clmix_plan_set_step(plan, 3, 4));
    ops_ok(clmix_plan_run(plan));
    mask = ops_read(plan, "dropped", count);
    dx = ops_read(plan, "dx", count);
    for (size_t i = 0; i < count; i++) {
        double v = 2.0 * (double)data[i], slope = 0.5 * (1.0 + erf(v / sqrt(2.0))) + v * exp(-v * v / 2.0) / sqrt(2.0 * acos(-1.0));

        ck_assert_double_eq_tol((double)dx[i], mask[i] == 0.0f ? 0.0 : 2.0 * slope, 1e-5);
    }
    free(data);
    free(ones);
    free(mask);
    free(dx);
    clmix_plan_free(plan);
}
END_TEST

START_TEST(dropout_refuses)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_dropout(ops_input(graph, "x", ops_shape2(2, 2)), 1.0f);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "rate of 1") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

/* ---- pictures ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(pictures_are_normalised)
{
    static const float mean[] = { 0.4914f, 0.4822f, 0.4465f, 0.5f }, std[] = { 0.247f, 0.2435f, 0.2616f, 0.1f };

    for (size_t channels = 1; channels <= 4; channels++) {
        const size_t count = 5 * 33 * 17 * channels;
        clmix_graph *graph = clmix_graph_new();
        clmix_value x = clmix_input(graph, "x", CLMIX_U8, 4, (size_t[]){ 5, 33, 17, channels });
        uint8_t *bytes = malloc(count);
        double *wanted = malloc(count * sizeof *wanted);
        clmix_plan *plan;
        float *out;

        ck_assert(bytes != NULL && wanted != NULL);
        for (size_t i = 0; i < count; i++) {
            bytes[i] = (uint8_t)(i * 37 % 256);
            wanted[i] = ((double)bytes[i] / 255.0 - (double)mean[i % channels]) / (double)std[i % channels];
        }
        clmix_output(graph, "y", clmix_normalize(x, mean, std));
        plan = ops_plan(graph, CLMIX_INFERENCE);
        ops_ok(clmix_plan_write(plan, "x", bytes, count));
        ops_ok(clmix_plan_run(plan));
        out = ops_read(plan, "y", count);
        ops_compare("normalize", out, wanted, count, 1e-6);
        free(bytes);
        free(wanted);
        free(out);
        clmix_plan_free(plan);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("misc");
    TCase *all = tcase_create("misc");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, activations);
    tcase_add_test(all, activations_of_what_is_not_finite);
    tcase_add_test(all, exponential_to_the_ulp);
    tcase_add_test(all, sums);
    tcase_add_test(all, sums_of_different_shapes_are_refused);
    tcase_add_test(all, softmax_along_every_axis);
    tcase_add_test(all, softmax_of_large_values);
    tcase_add_test(all, global_average);
    tcase_add_test(all, max_pooling);
    tcase_add_test(all, max_pooling_of_ties);
    tcase_add_test(all, pooling_refuses);
    tcase_add_test(all, dropout_statistics);
    tcase_add_test(all, dropout_depends_on_seed_and_step);
    tcase_add_test(all, dropout_draws_the_hosts_numbers);
    tcase_add_test(all, dropout_does_nothing_in_inference);
    tcase_add_test(all, dropout_is_rebuilt_with_its_mask);
    tcase_add_test(all, dropout_refuses);
    tcase_add_test(all, pictures_are_normalised);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
