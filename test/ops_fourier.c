/* Fourier mixing against the double sum, lengths of every kind: 1, primes, powers, products of two and more; what is cut into pieces; clFFT's way. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/fourier_internal.h"
#include "runtime/runtime.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tuning.h"

static const double tau = 6.283185307179586476925286766559;

static clmix_value build(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    (void)attributes;
    return clmix_fourier_mix(inputs[0]);
}

/* Part (cosine or sine) of the transform along an axis of `length`, elements `step` apart. */
static void transform(const double *x, double *y, size_t length, size_t step, double (*part)(double))
{
    double *values = malloc(length * sizeof *values);

    for (size_t i = 0; i < length; i++)
        values[i] = part(tau * (double)i / (double)length);
    for (size_t k = 0; k < length; k++) {
        double sum = 0.0;

        for (size_t i = 0, at = 0; i < length; i++, at = at + k < length ? at + k : at + k - length)
            sum += x[i * step] * values[at];
        y[k * step] = sum;
    }
    free(values);
}

/* Along the features, then of each of their columns along the tokens. */
static void reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t tokens = shapes[0].size[1], features = shapes[0].size[2], sample = tokens * features;
    double *once = malloc(sample * sizeof *once), *twice = malloc(sample * sizeof *twice);

    (void)attributes;
    for (size_t s = 0; s < shapes[0].size[0]; s++)
        for (int imaginary = 0; imaginary < 2; imaginary++) {
            double (*part)(double) = imaginary ? sin : cos;

            for (size_t a = 0; a < tokens; a++)
                transform(inputs[0] + s * sample + a * features, once + a * features, features, 1, part);
            for (size_t k = 0; k < features; k++)
                transform(once + k, twice + k, tokens, features, part);
            for (size_t i = 0; i < sample; i++)
                out[s * sample + i] = imaginary ? out[s * sample + i] - twice[i] : twice[i];
        }
    free(once);
    free(twice);
}

static void check_mix(size_t batch, size_t tokens, size_t features, bool no_gradient)
{
    ops_run_check(&(struct ops_check){ .what = "fourier_mix",
                                       .build = build,
                                       .reference = reference,
                                       .input_count = 1,
                                       .shapes = { { 3, { batch, tokens, features } } },
                                       .no_gradient = no_gradient });
}

START_TEST(every_kind_of_length)
{
    static const size_t sizes[][3] = { { 2, 1, 1 },  { 1, 1, 5 },  { 3, 5, 1 },  { 2, 2, 2 },   { 3, 7, 6 },  { 1, 12, 9 },
                                       { 2, 16, 4 }, { 2, 49, 3 }, { 1, 26, 7 }, { 2, 65, 16 }, { 1, 97, 34 } };

    for (size_t i = 0; i < (ops_small_effort() ? 7 : sizeof sizes / sizeof *sizes); i++)
        check_mix(sizes[i][0], sizes[i][1], sizes[i][2], false);
}
END_TEST

/* 1025 = 25 x 41, the papers' length. */
START_TEST(a_class_token_and_a_picture)
{
    check_mix(2, ops_small_effort() ? 65 : 1025, 6, true);
}
END_TEST

/* Matrices of angles that are made a piece at a time: rows of one of 1031, two of three of 719; and more samples than products of one batch. */
START_TEST(in_pieces)
{
    if (ops_small_effort())
        return;
    check_mix(1, 2062, 1, true);
    check_mix(1, 2157, 1, true);
    check_mix(20001, 2, 2, true);
}
END_TEST

static clmix_value build_block(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    (void)attributes;
    return clmix_add(inputs[1], clmix_fourier_mix(inputs[0]));
}

static void block_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    reference(inputs, shapes, out, attributes);
    for (size_t i = 0; i < clmix_shape_count(shapes[0]); i++)
        out[i] += inputs[1][i];
}

static size_t launches_of(ops_build make)
{
    static const clmix_shape shapes[] = { { 3, { 3, 10, 11 } }, { 3, { 3, 10, 11 } } };

    return ops_launches_of(make, shapes, 2);
}

/* What is added is added on the way. */
START_TEST(with_a_residual)
{
    const clmix_shape shape = { 3, { 3, 10, 11 } };

    ops_run_check(&(struct ops_check){
        .what = "block", .build = build_block, .reference = block_reference, .input_count = 2, .shapes = { shape, shape } });
    ck_assert_uint_eq(launches_of(build_block), launches_of(build));
}
END_TEST

START_TEST(sentences)
{
    clmix_graph *graph = clmix_graph_new();
    const size_t size[3] = { 2, 3, 4 };

    ops_poisoned(graph, clmix_fourier_mix(ops_input(graph, "x", ops_shape2(3, 4))),
                 "Fourier mixing takes f32 tokens (batch, tokens, features), and this is 3x4");
    graph = clmix_graph_new();
    ops_poisoned(graph, clmix_fourier_mix(clmix_input(graph, "x", CLMIX_I32, 3, size)), "and this is 2x3x4 of integers");
}
END_TEST

/* ---- clFFT ---------------------------------------------------------------------------------------------------------------------------- */

enum { BATCH = 16, TOKENS = 128, WIDTH = 128, COUNT = BATCH * TOKENS * WIDTH };

/* The tuning file in a folder of the test's own, in which `way` is what was measured. */
static void remember(const char *way)
{
    const char *form = clmix_form_name(clmix_device_describe(ops_device)->form);
    char *path;
    FILE *file;

    path = clmix_tuning_path(ops_device);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "clmix tuning 2: made by a test\ndevice x\nclfft 1 %s\tmeasured\t\nfourier 1 %s %dx%d\t%s\t\n", form, form, TOKENS, WIDTH,
            way);
    fclose(file);
    free(path);
}

static float *transformed(const float *x, size_t *launches)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value input = ops_input(graph, "x", (clmix_shape){ 3, { BATCH, TOKENS, WIDTH } });
    clmix_plan *plan;
    float *y;

    clmix_output(graph, "y", clmix_fourier_mix(input));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    *launches = ops_launches(plan);
    ops_write(plan, "x", x, COUNT);
    ops_ok(clmix_plan_run(plan));
    ops_ok(clmix_plan_run(plan));
    y = ops_read(plan, "y", COUNT);
    clmix_plan_free(plan);
    return y;
}

static void compare_ways(void)
{
    float *x = ops_centred_floats(COUNT, 3), *own, *other;
    size_t launches;

    remember("own");
    own = transformed(x, &launches);
    ck_assert_uint_gt(launches, 2);
    remember("clfft");
    other = transformed(x, &launches);
    ck_assert_uint_eq(launches, 2);
    ops_compare_floats("clFFT", other, own, COUNT, 1e-6);
    free(x);
    free(own);
    free(other);
}

/* On a device that it fails on the own way is taken. Elsewhere it is right, and taken where it is remembered as the faster way: two launches. */
START_TEST(clfft_where_it_was_faster)
{
    const struct clmix_fourier fourier = {
        .batch = BATCH, .tokens = TOKENS, .features = WIDTH, .kept = WIDTH / 2 + 1, .first = 8, .second = 16
    };
    enum clmix_fourier_way way = CLMIX_FOURIER_CLFFT;
    double seconds;

    if (ops_small_effort() || !clmix_fourier_clfft_can(&fourier))
        return;
    (void)begin_own_tuning();
    if (clmix_fourier_probe(ops_device, &fourier, CLMIX_FOURIER_CLFFT, &seconds) == CLMIX_OK) {
        ck_assert_msg(seconds > 0.0, "clFFT is wrong");
        compare_ways();
    } else {
        ops_ok(clmix_fourier_choose_way(ops_device, clmix_device_describe(ops_device)->form == CLMIX_WIDE, &fourier, &way));
        ck_assert_int_eq(way, CLMIX_FOURIER_OWN);
    }
    end_own_tuning();
}
END_TEST

/* Lengths with a factor beyond 13 are not clFFT's. */
START_TEST(lengths_of_clfft)
{
    const struct clmix_fourier papers = { .tokens = 1025, .features = 128 }, wide = { .tokens = 1024, .features = 17 },
                               none = { .tokens = 1024, .features = 90090 };
    const bool has = clmix_fourier_clfft_can(&none);

    ck_assert(!clmix_fourier_clfft_can(&papers) && !clmix_fourier_clfft_can(&wide));
#ifdef CLMIX_HAVE_CLFFT
    ck_assert(has);
#else
    ck_assert(!has);
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fourier");
    TCase *all = tcase_create("fourier");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, every_kind_of_length);
    tcase_add_test(all, a_class_token_and_a_picture);
    tcase_add_test(all, in_pieces);
    tcase_add_test(all, with_a_residual);
    tcase_add_test(all, sentences);
    tcase_add_test(all, clfft_where_it_was_faster);
    tcase_add_test(all, lengths_of_clfft);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
