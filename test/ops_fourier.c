/* Fourier mixing against the double sum, lengths of every kind: 1, primes, powers, products of two and more; what is cut into pieces. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "support_ops.h"
#include "support_suite.h"

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
    const clmix_shape shape = { 3, { 3, 10, 11 } };
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[2] = { ops_input(graph, "x", shape), ops_input(graph, "r", shape) };
    clmix_plan *plan;
    size_t launches;

    clmix_output(graph, "y", make(clmix_root(graph), inputs, NULL));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    launches = ops_launches(plan);
    clmix_plan_free(plan);
    return launches;
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
    suite_add_tcase(suite, all);
    return support_run(suite);
}
