/* Haar wavelets: the bands against the definition, perfect reconstruction, adjointness, gradients, what is taken in by the adjoint, and
 * refusals. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reference ----------------------------------------------------------------------------------------------------------------------- */

struct levels {
    int levels;
};

/* One level of (samples, height, width, channels) -> rows of 4 channels in the order of ops.h. */
static void one_level(const double *x, size_t samples, size_t height, size_t width, size_t channels, double *bands)
{
    size_t h = (height + 1) / 2, w = (width + 1) / 2;

    for (size_t i = 0; i < samples * h * w; i++)
        for (size_t c = 0; c < channels; c++) {
            size_t left = i % w * 2, top = i / w % h * 2, sample = i / w / h;
            const double *at = x + ((sample * height + top) * width + left) * channels + c;
            bool right = left + 1 < width, down = top + 1 < height;
            double p = at[0], q = right ? at[channels] : 0.0, r = down ? at[width * channels] : 0.0,
                   s = right && down ? at[(width + 1) * channels] : 0.0;
            double *row = bands + i * 4 * channels;

            row[c] = (p + q + r + s) / 2.0;
            row[channels + 3 * c] = (p + q - r - s) / 2.0;
            row[channels + 3 * c + 1] = (p - q + r - s) / 2.0;
            row[channels + 3 * c + 2] = (p - q - r + s) / 2.0;
        }
}

static void bands_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct levels *levels = attributes;
    size_t samples = shapes[0].size[0], height = shapes[0].size[1], width = shapes[0].size[2], channels = shapes[0].size[3];
    double *map = malloc(clmix_shape_count(shapes[0]) * sizeof *map);

    ck_assert_ptr_nonnull(map);
    memcpy(map, inputs[0], clmix_shape_count(shapes[0]) * sizeof *map);
    for (int level = 0; level < levels->levels; level++) {
        one_level(map, samples, height, width, channels, out);
        height = (height + 1) / 2;
        width = (width + 1) / 2;
        for (size_t i = 0; i < samples * height * width; i++)
            memcpy(map + i * channels, out + i * 4 * channels, channels * sizeof *map);
        out += samples * height * width * 4 * channels;
    }
    free(map);
}

static clmix_value build_bands(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct levels *levels = attributes;

    (void)at;
    return clmix_haar_bands(inputs[0], levels->levels);
}

/* ---- bands --------------------------------------------------------------------------------------------------------------------------- */

static void check_bands(size_t samples, size_t height, size_t width, size_t channels, int levels)
{
    struct levels attributes = { levels };

    ops_run_check(&(struct ops_check){ .what = "haar_bands",
                                       .build = build_bands,
                                       .reference = bands_reference,
                                       .attributes = &attributes,
                                       .input_count = 1,
                                       .shapes = { ops_shape4(samples, height, width, channels) } });
}

START_TEST(bands_of_odd_and_tiny_maps)
{
    static const size_t channels[] = { 1, 3, 4, 5, 16, 33 };

    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
        check_bands(1, 1, 1, channels[c], 1);
        check_bands(2, 7, 5, channels[c], 3);
        check_bands(9, 3, 2, channels[c], 2);
    }
    check_bands(1, 33, 17, 3, 4);
    check_bands(1, 1, 9, 2, 5);
    check_bands(5, 6, 6, 20, 3);
}
END_TEST

START_TEST(bands_of_wavemix)
{
    check_bands(64, 32, 32, 32, 4);
}
END_TEST

/* ---- reconstruction ------------------------------------------------------------------------------------------------------------------ */

static clmix_value build_round_trip(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct levels *levels = attributes;
    clmix_shape shape = clmix_shape_of(inputs[0]);
    clmix_value details[8], low = clmix_haar_dwt(inputs[0], levels->levels, details);

    (void)at;
    return clmix_haar_idwt(low, levels->levels, details, shape.size[1], shape.size[2]);
}

static void identity(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    (void)attributes;
    memcpy(out, inputs[0], clmix_shape_count(shapes[0]) * sizeof *out);
}

static void check_round_trip(size_t samples, size_t height, size_t width, size_t channels, int levels, bool gradient)
{
    struct levels attributes = { levels };

    ops_run_check(&(struct ops_check){ .what = "haar_idwt(haar_dwt)",
                                       .build = build_round_trip,
                                       .reference = identity,
                                       .attributes = &attributes,
                                       .input_count = 1,
                                       .shapes = { ops_shape4(samples, height, width, channels) },
                                       .no_gradient = !gradient });
}

START_TEST(every_size_is_reconstructed)
{
    size_t most = ops_small_effort() ? 9 : 33;

    for (size_t n = 1; n <= most; n++) {
        check_round_trip(2, n, n, 5, 3, n < 10);
        check_round_trip(1, n, most + 1 - n, 3, 4, false);
    }
    check_round_trip(6, 13, 11, 16, 3, true);
}
END_TEST

/* ---- inverse ------------------------------------------------------------------------------------------------------------------------- */

static void inverse_step(const double *low, const double *high, size_t samples, size_t h, size_t w, size_t channels, size_t height,
                         size_t width, double *out)
{
    for (size_t i = 0; i < samples * height * width; i++)
        for (size_t c = 0; c < channels; c++) {
            size_t x = i % width, y = i / width % height, from = (i / width / height * h + y / 2) * w + x / 2;
            const double *d = high + from * 3 * channels + 3 * c;
            double across = x % 2 == 0 ? 1.0 : -1.0, along = y % 2 == 0 ? 1.0 : -1.0;

            out[i * channels + c] = (low[from * channels + c] + along * d[0] + across * d[1] + along * across * d[2]) / 2.0;
        }
}

/* Inputs: approximation, details of levels 1 and 2. */
static void inverse_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t *size = attributes;
    size_t samples = shapes[0].size[0], channels = shapes[0].size[3], h1 = shapes[1].size[1], w1 = shapes[1].size[2];
    double *map = malloc(samples * h1 * w1 * channels * sizeof *map);

    ck_assert_ptr_nonnull(map);
    inverse_step(inputs[0], inputs[2], samples, shapes[2].size[1], shapes[2].size[2], channels, h1, w1, map);
    inverse_step(map, inputs[1], samples, h1, w1, channels, size[0] == 0 ? 2 * h1 : size[0], size[1] == 0 ? 2 * w1 : size[1], out);
    free(map);
}

static clmix_value build_inverse(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const size_t *size = attributes;

    (void)at;
    return clmix_haar_idwt(inputs[0], 2, inputs + 1, size[0], size[1]);
}

START_TEST(inverse_of_any_coefficients)
{
    static const size_t sizes[][2] = { { 0, 0 }, { 5, 6 }, { 6, 5 }, { 5, 5 } };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes;
         i++) /* details of 3 x 3 pixels: the intermediate approximation of 4 x 4 loses a row and a column */
        ops_run_check(&(struct ops_check){ .what = "haar_idwt",
                                           .build = build_inverse,
                                           .reference = inverse_reference,
                                           .attributes = sizes[i],
                                           .input_count = 3,
                                           .shapes = { ops_shape4(2, 2, 2, 5), ops_shape4(2, 3, 3, 15), ops_shape4(2, 2, 2, 15) } });
}
END_TEST

/* ---- adjoint ------------------------------------------------------------------------------------------------------------------------- */

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0.0;

    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

START_TEST(adjoint_identity)
{
    static const size_t shapes[][5] = { { 1, 33, 17, 3, 5 }, { 8, 16, 12, 16, 4 }, { 3, 5, 9, 33, 2 }, { 1, 1, 1, 1, 1 } };

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t *s = shapes[i];
        clmix_graph *graph = clmix_graph_new();
        clmix_shape shape = ops_shape4(s[0], s[1], s[2], s[3]);
        clmix_value x = ops_input(graph, "x", shape), bands, y;
        size_t count = clmix_shape_count(shape), rows_count;
        clmix_plan *plan;
        float *in, *up, *out, *back;

        clmix_want_gradient(x);
        bands = clmix_haar_bands(x, (int)s[4]);
        rows_count = clmix_shape_count(clmix_shape_of(bands));
        y = ops_input(graph, "y", clmix_shape_of(bands));
        clmix_backward(graph, 1, &bands, &y);
        clmix_output(graph, "bands", bands);
        clmix_output(graph, "dx", clmix_gradient_of(x));
        plan = ops_plan(graph, CLMIX_TRAINING);
        in = ops_floats(count, 1, -1.0f, 1.0f);
        up = ops_floats(rows_count, 2, -1.0f, 1.0f);
        ops_write(plan, "x", in, count);
        ops_write(plan, "y", up, rows_count);
        ops_ok(clmix_plan_run(plan));
        out = ops_read(plan, "bands", rows_count);
        back = ops_read(plan, "dx", count);
        ck_assert_double_eq_tol(dot(out, up, rows_count), dot(in, back, count), 1e-5 * (double)count);
        free(in);
        free(up);
        free(out);
        free(back);
        clmix_plan_free(plan);
    }
}
END_TEST

static clmix_value build_sum(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct levels *levels = attributes;
    size_t columns = clmix_shape_of(inputs[0]).size[3];
    clmix_value bands = clmix_haar_bands(inputs[0], levels->levels), level = clmix_haar_level(bands, inputs[0], 1);

    (void)at; /* the finest approximations added to what they are made of, and the map used twice: its gradient is adjoint + other */
    return clmix_concat((clmix_value[]){ clmix_reshape(inputs[0], 2,
                                                       (size_t[]){ clmix_shape_count(clmix_shape_of(inputs[0])) / columns, columns }),
                                         clmix_reshape(clmix_slice(level, -1, 0, columns), 2,
                                                       (size_t[]){ clmix_shape_count(clmix_shape_of(level)) / 4 / columns, columns }) },
                        2, 0);
}

static void sum_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    size_t count = clmix_shape_count(shapes[0]), channels = shapes[0].size[3];
    double *bands = malloc(4 * 4 * count * sizeof *bands);

    ck_assert_ptr_nonnull(bands);
    bands_reference(inputs, shapes, bands, attributes);
    memcpy(out, inputs[0], count * sizeof *out);
    for (size_t i = 0; i < shapes[0].size[0] * ((shapes[0].size[1] + 1) / 2) * ((shapes[0].size[2] + 1) / 2); i++)
        memcpy(out + count + i * channels, bands + i * 4 * channels, channels * sizeof *out);
    free(bands);
}

START_TEST(adjoint_with_a_second_gradient)
{
    struct levels levels = { 2 };

    ops_run_check(&(struct ops_check){ .what = "haar_bands, used twice",
                                       .build = build_sum,
                                       .reference = sum_reference,
                                       .attributes = &levels,
                                       .input_count = 1,
                                       .shapes = { ops_shape4(1, 6, 5, 4) } });
    ops_run_check(&(struct ops_check){ .what = "haar_bands, used twice",
                                       .build = build_sum,
                                       .reference = sum_reference,
                                       .attributes = &levels,
                                       .input_count = 1,
                                       .shapes = { ops_shape4(7, 6, 4, 32) } });
}
END_TEST

/* The block of WaveMix, y = f(bands(x)) + x: the adjoint takes in the addition of the residual's gradient, and nothing else is launched
 * for it. */
START_TEST(adjoint_takes_in_the_residual)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_shape shape = ops_shape4(2, 8, 8, 4);
    clmix_value x = ops_input(graph, "x", shape), both[2], gradients[2];
    clmix_plan *plan;
    size_t count = clmix_shape_count(shape);
    float *one, *two, *dx;

    clmix_want_gradient(x);
    both[0] = clmix_haar_bands(x, 1);
    both[1] = clmix_scale(x, 1.0f);
    gradients[0] = clmix_reshape(ops_input(graph, "g0", shape), 2, (size_t[]){ 2 * 4 * 4, 16 });
    gradients[1] = ops_input(graph, "g1", shape);
    clmix_backward(graph, 2, both, gradients);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ck_assert_uint_eq(ops_launches(plan), 2); /* the gradient of scale, the adjoint */
    one = ops_floats(count, 1, -1.0f, 1.0f);
    two = ops_floats(count, 2, -1.0f, 1.0f);
    ops_write(plan, "g0", one, count);
    ops_write(plan, "g1", two, count);
    ops_ok(clmix_plan_run(plan));
    dx = ops_read(plan, "dx", count);
    for (size_t sample = 0; sample < 2; sample++)
        for (size_t c = 0; c < 4; c++) { /* one pixel of each sample, by hand */
            const float *row = one + sample * 4 * 4 * 16;
            float wanted = (row[c] + row[4 + 3 * c] + row[4 + 3 * c + 1] + row[4 + 3 * c + 2]) / 2.0f + two[sample * 256 + c];

            ck_assert_float_eq_tol(dx[sample * 256 + c], wanted, 1e-6f);
        }
    free(one);
    free(two);
    free(dx);
    clmix_plan_free(plan);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(refusals)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x;

    clmix_haar_bands(ops_input(graph, "x", ops_shape2(4, 4)), 1);
    ops_refused(graph, "4x4");
    graph = clmix_graph_new();
    clmix_haar_bands(ops_input(graph, "x", ops_shape4(1, 4, 4, 1)), 0);
    ops_refused(graph, "0 levels");
    graph = clmix_graph_new();
    x = ops_input(graph, "x", ops_shape4(1, 4, 4, 1));
    clmix_haar_level(clmix_haar_bands(x, 2), x, 3);
    ops_refused(graph, "level 3");
    graph = clmix_graph_new();
    x = ops_input(graph, "high", ops_shape4(1, 3, 2, 3));
    clmix_haar_idwt(ops_input(graph, "low", ops_shape4(1, 2, 2, 1)), 1, &x, 0, 0);
    ops_refused(graph, "1x3x2x1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wavelet");
    TCase *all = tcase_create("wavelet");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, bands_of_odd_and_tiny_maps);
    if (!ops_small_effort())
        tcase_add_test(all, bands_of_wavemix);
    tcase_add_test(all, every_size_is_reconstructed);
    tcase_add_test(all, inverse_of_any_coefficients);
    tcase_add_test(all, adjoint_identity);
    tcase_add_test(all, adjoint_with_a_second_gradient);
    tcase_add_test(all, adjoint_takes_in_the_residual);
    tcase_add_test(all, refusals);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
