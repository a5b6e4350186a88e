/* Cosine transforms against their sums, by both ways: lengths of every kind, every number of coefficients, both axes, what is cut into pieces, what
 * is taken in, which tables a plan has, and which way it takes. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"
#include "ops/dct_internal.h"
#include "runtime/runtime.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tuning.h"

static const char *const ways[] = { "matrix", "fourier" };

struct attributes {
    bool inverse;
    size_t size; /* coefficients, or of an inverse transform tokens */
};

static clmix_value build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct attributes *attributes = given;

    (void)at;
    return attributes->inverse ? clmix_dct_inverse(inputs[0], attributes->size) : clmix_dct(inputs[0], attributes->size);
}

/* Element (k, t) of D. */
static double cosine(size_t tokens, size_t k, size_t t)
{
    const double pi = 3.14159265358979323846;

    return sqrt((k == 0 ? 1.0 : 2.0) / (double)tokens) * cos(pi * (double)((2 * t + 1) * k % (4 * tokens)) / (double)(2 * tokens));
}

static void reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *given)
{
    const struct attributes *attributes = given;
    const size_t in = shapes[0].size[1], columns = shapes[0].size[2], tokens = attributes->inverse ? attributes->size : in,
                 size = attributes->inverse || attributes->size < in ? attributes->size : in;

    for (size_t s = 0; s < shapes[0].size[0]; s++)
        for (size_t i = 0; i < size; i++)
            for (size_t c = 0; c < columns; c++) {
                double sum = 0.0;

                for (size_t j = 0; j < in; j++)
                    sum += inputs[0][(s * in + j) * columns + c] * (attributes->inverse ? cosine(tokens, j, i) : cosine(tokens, i, j));
                out[(s * size + i) * columns + c] = sum;
            }
}

/* 1, primes, powers, products of two and more; P of 2 and of 3, where frequencies have no or one pair; few coefficients and all. */
static const size_t sizes[][4] = { { 2, 1, 3, 1 },   { 1, 2, 5, 2 },    { 3, 7, 6, 9 },     { 2, 14, 4, 5 },  { 2, 9, 3, 2 },
                                   { 1, 9, 17, 9 },  { 2, 16, 4, 16 },  { 3, 12, 9, 1 },    { 1, 45, 5, 11 }, { 2, 31, 8, 20 },
                                   { 1, 64, 33, 3 }, { 2, 63, 70, 40 }, { 1, 100, 18, 100 } };

static void check_sizes(const size_t size[4])
{
    const struct attributes forward = { false, size[3] }, inverse = { true, size[1] };
    const size_t kept = size[3] < size[1] ? size[3] : size[1];

    ops_run_check(&(struct ops_check){ .what = "dct",
                                       .build = build,
                                       .reference = reference,
                                       .attributes = &forward,
                                       .input_count = 1,
                                       .shapes = { { 3, { size[0], size[1], size[2] } } } });
    ops_run_check(&(struct ops_check){ .what = "inverse dct",
                                       .build = build,
                                       .reference = reference,
                                       .attributes = &inverse,
                                       .input_count = 1,
                                       .shapes = { { 3, { size[0], kept, size[2] } } } });
}

START_TEST(every_kind_of_length)
{
    setenv("CLMIX_DCT", ways[_i], 1);
    for (size_t i = 0; i < (ops_small_effort() ? 6 : sizeof sizes / sizeof *sizes); i++)
        check_sizes(sizes[i]);
}
END_TEST

/* ---- both axes ------------------------------------------------------------------------------------------------------------------------- */

static clmix_value build_both(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct attributes *attributes = given;

    (void)at;
    return attributes->inverse ? clmix_dct2_inverse(inputs[0], 10, 7) : clmix_dct2(inputs[0], 6, 5);
}

static void both_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *given)
{
    const bool inverse = ((const struct attributes *)given)->inverse;
    const size_t *in = shapes[0].size, rows = inverse ? 10 : 6, columns = inverse ? 7 : 5;

    for (size_t s = 0; s < in[0]; s++)
        for (size_t i = 0; i < rows; i++)
            for (size_t c = 0; c < columns; c++) {
                double sum = 0.0;

                for (size_t j = 0; j < in[1]; j++)
                    for (size_t d = 0; d < in[2]; d++)
                        sum += inputs[0][(s * in[1] + j) * in[2] + d] *
                               (inverse ? cosine(rows, j, i) * cosine(columns, d, c) : cosine(in[1], i, j) * cosine(in[2], c, d));
                out[(s * rows + i) * columns + c] = sum;
            }
}

START_TEST(along_both_axes)
{
    const struct attributes forward = { false, 0 }, inverse = { true, 0 };

    setenv("CLMIX_DCT", ways[_i], 1);
    ops_run_check(&(struct ops_check){ .what = "dct2",
                                       .build = build_both,
                                       .reference = both_reference,
                                       .attributes = &forward,
                                       .input_count = 1,
                                       .shapes = { { 3, { 2, 10, 7 } } } });
    ops_run_check(&(struct ops_check){ .what = "inverse dct2",
                                       .build = build_both,
                                       .reference = both_reference,
                                       .attributes = &inverse,
                                       .input_count = 1,
                                       .shapes = { { 3, { 2, 6, 5 } } } });
}
END_TEST

/* ---- what is taken in, and where values lie ------------------------------------------------------------------------------------------------ */

/* A bias and a residual behind the inverse transform of columns of a wider value. */
static clmix_value build_block(clmix_scope at, const clmix_value *inputs, const void *given)
{
    (void)at;
    (void)given;
    return clmix_add(inputs[2], clmix_add(clmix_dct_inverse(clmix_slice(inputs[0], -1, 3, 5), 12), inputs[1]));
}

static void block_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *given)
{
    (void)given;
    for (size_t s = 0; s < shapes[0].size[0]; s++)
        for (size_t t = 0; t < 12; t++)
            for (size_t c = 0; c < 5; c++) {
                double sum = inputs[1][c] + inputs[2][(s * 12 + t) * 5 + c];

                for (size_t k = 0; k < 7; k++)
                    sum += inputs[0][(s * 7 + k) * 11 + 3 + c] * cosine(12, k, t);
                out[(s * 12 + t) * 5 + c] = sum;
            }
}

static clmix_value build_alone(clmix_scope at, const clmix_value *inputs, const void *given)
{
    (void)at;
    (void)given;
    return clmix_dct_inverse(clmix_slice(inputs[0], -1, 3, 5), 12);
}

static size_t launches_of(ops_build make)
{
    static const clmix_shape shapes[] = { { 3, { 2, 7, 11 } }, { 1, { 5 } }, { 3, { 2, 12, 5 } } };

    return ops_launches_of(make, shapes, 3);
}

START_TEST(bias_and_residual_are_added_on_the_way)
{
    setenv("CLMIX_DCT", ways[_i], 1);
    ops_run_check(&(struct ops_check){ .what = "block",
                                       .build = build_block,
                                       .reference = block_reference,
                                       .input_count = 3,
                                       .shapes = { { 3, { 2, 7, 11 } }, { 1, { 5 } }, { 3, { 2, 12, 5 } } } });
    ck_assert_uint_eq(launches_of(build_block), launches_of(build_alone));
    ck_assert_uint_eq(launches_of(build_alone), _i == 0 ? 1 : 4);
}
END_TEST

/* ---- pieces ------------------------------------------------------------------------------------------------------------------------------ */

/* There and back: the tokens again where all coefficients are kept, and of fewer the same by both ways. */
static float *there_and_back(const char *way, const float *x, const size_t size[3], size_t kept)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value input = ops_input(graph, "x", (clmix_shape){ 3, { size[0], size[1], size[2] } });
    clmix_plan *plan;
    float *y;

    setenv("CLMIX_DCT", way, 1);
    clmix_output(graph, "y", clmix_dct_inverse(clmix_dct(input, kept), size[1]));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_write(plan, "x", x, size[0] * size[1] * size[2]);
    ops_ok(clmix_plan_run(plan));
    y = ops_read(plan, "y", size[0] * size[1] * size[2]);
    clmix_plan_free(plan);
    return y;
}

/* Channels of a sample that go by twos and threes, and samples that do. */
START_TEST(in_pieces)
{
    static const size_t large[][3] = { { 2, 4096, 330 }, { 41, 1000, 64 } };

    for (size_t i = 0; i < 2 && !ops_small_effort(); i++) {
        const size_t count = large[i][0] * large[i][1] * large[i][2];
        float *x = ops_centred_floats(count, i), *y = there_and_back("fourier", x, large[i], large[i][1]),
              *few = there_and_back("fourier", x, large[i], 100), *few_again = there_and_back("matrix", x, large[i], 100);

        ops_compare_floats("there and back", y, x, count, 4e-6);
        ops_compare_floats("100 coefficients", few, few_again, count, 4e-6);
        free(x);
        free(y);
        free(few);
        free(few_again);
    }
}
END_TEST

/* ---- tables ------------------------------------------------------------------------------------------------------------------------------ */

static size_t constant_bytes(const char *way)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", (clmix_shape){ 3, { 2, 64, 8 } });
    clmix_plan_cost cost;
    clmix_plan *plan;

    setenv("CLMIX_DCT", way, 1);
    clmix_output(graph, "y", clmix_dct_inverse(clmix_dct(x, 32), 64));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    clmix_plan_costs(plan, &cost);
    clmix_plan_free(plan);
    return cost.arena_bytes[CLMIX_CONSTANTS];
}

/* A transform and its inverse have one set of tables, that of the way that is taken. */
START_TEST(tables_of_the_way_that_is_taken)
{
    const struct clmix_dct_stages stages = clmix_dct_stages_of(64, 32);
    const size_t first = 2 * stages.columns * stages.first, second = stages.columns * stages.sides * stages.rows * 2 * stages.second;

    ck_assert(clmix_dct_is_open(&stages));
    ck_assert_uint_eq(constant_bytes("matrix"), 32 * 64 * sizeof(float));
    ck_assert_uint_eq(constant_bytes("fourier"), clmix_slab_aligned(first * sizeof(float)) + clmix_slab_aligned(second * sizeof(float)));
}
END_TEST

/* In float32 an angle of 999 * 1999 quarter turns would be wrong in its fourth digit. */
START_TEST(the_matrix)
{
    clmix_graph *graph = clmix_graph_new();
    double wanted[1000];
    clmix_plan *plan;
    float *y;

    clmix_output(graph, "y", clmix_slice(clmix_dct_matrix(graph, 1000, 1000), 0, 999, 1));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_ok(clmix_plan_run(plan));
    y = ops_read(plan, "y", 1000);
    for (size_t t = 0; t < 1000; t++)
        wanted[t] = cosine(1000, 999, t);
    ops_compare("the last row", y, wanted, 1000, 1e-7);
    free(y);
    clmix_plan_free(plan);
}
END_TEST

/* ---- ways -------------------------------------------------------------------------------------------------------------------------------- */

enum { TOKENS = 1024, KEPT = 512, WIDTH = 64, BATCH = 3 };

static size_t launches_of_choice(void)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_plan *plan;
    size_t launches;

    clmix_output(graph, "y", clmix_dct(ops_input(graph, "x", (clmix_shape){ 3, { BATCH, TOKENS, WIDTH } }), KEPT));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    launches = ops_launches(plan);
    clmix_plan_free(plan);
    return launches;
}

/* What was measured is taken, and what was not is measured. */
START_TEST(the_way_that_was_faster)
{
    const char *form = clmix_form_name(clmix_device_describe(ops_device)->form);
    char text[4096], question[128];

    if (ops_small_effort())
        return;
    unsetenv("CLMIX_DCT");
    (void)begin_own_tuning();
    snprintf(question, sizeof question, "dct 2 %s %d of %d, %d wide", form, KEPT, TOKENS, WIDTH);
    for (int way = 0; way < CLMIX_DCT_WAYS; way++) {
        snprintf(text, sizeof text, "clmix tuning 2: made by a test\ndevice x\n%s\t%s\t\n", question, ways[way]);
        write_tuning(ops_device, text);
        ck_assert_int_eq(launches_of_choice() > 2, way == CLMIX_DCT_FOURIER);
    }
    write_tuning(ops_device, "clmix tuning 2: made by a test\ndevice x\n");
    (void)launches_of_choice();
    read_tuning(ops_device, text);
    ck_assert_msg(strstr(text, question) != NULL && strstr(text, "matrix wrong") == NULL && strstr(text, "fourier wrong") == NULL, "%s",
                  text);
    end_own_tuning();
}
END_TEST

/* Unmeasured, few coefficients and lengths that are prime take the matrix, and most of many Makhoul's way. */
START_TEST(the_usual_way)
{
    static const struct {
        size_t tokens, kept;
        enum clmix_dct_way way;
    } usual[] = { { 128, 64, CLMIX_DCT_MATRIX },     { 4096, 16, CLMIX_DCT_MATRIX },     { 4099, 4099, CLMIX_DCT_MATRIX },
                  { 4096, 1024, CLMIX_DCT_FOURIER }, { 16384, 4096, CLMIX_DCT_FOURIER }, { 1, 1, CLMIX_DCT_MATRIX } };

    unsetenv("CLMIX_DCT");
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        const struct clmix_dct_stages stages = clmix_dct_stages_of(usual[i].tokens, usual[i].kept);

        ck_assert_int_eq(clmix_dct_usual_way(&stages), usual[i].way);
    }
}
END_TEST

START_TEST(sentences)
{
    clmix_graph *graph = clmix_graph_new();

    ops_poisoned(graph, clmix_dct(ops_input(graph, "x", ops_shape2(3, 4)), 2),
                 "a cosine transform takes f32 tokens (batch, tokens, channels), and this is 3x4");
    graph = clmix_graph_new();
    ops_poisoned(graph, clmix_dct2(clmix_input(graph, "x", CLMIX_I32, 3, (size_t[]){ 2, 3, 4 }), 2, 2), "and this is 2x3x4 of integers");
    graph = clmix_graph_new();
    ops_poisoned(graph, clmix_dct(ops_input(graph, "x", (clmix_shape){ 3, { 2, 3, 4 } }), 0), "a cosine transform to 0 coefficients");
    graph = clmix_graph_new();
    ops_poisoned(graph, clmix_dct_inverse(ops_input(graph, "x", (clmix_shape){ 3, { 2, 3, 4 } }), 2),
                 "an inverse cosine transform of 3 coefficients to 2 tokens, which have no more than 2");
    graph = clmix_graph_new();
    ops_poisoned(graph, clmix_dct2_inverse(ops_input(graph, "x", (clmix_shape){ 3, { 2, 3, 4 } }), 5, 3),
                 "an inverse cosine transform of 4 coefficients to 3 columns");
    graph = clmix_graph_new();
    ops_poisoned(graph, clmix_dct_matrix(graph, 5, 4), "a cosine transform of 4 tokens has 1 to 4 coefficients, not 5");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dct");
    TCase *all = tcase_create("dct");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, every_kind_of_length, 0, 2);
    tcase_add_loop_test(all, along_both_axes, 0, 2);
    tcase_add_loop_test(all, bias_and_residual_are_added_on_the_way, 0, 2);
    tcase_add_test(all, in_pieces);
    tcase_add_test(all, tables_of_the_way_that_is_taken);
    tcase_add_test(all, the_matrix);
    tcase_add_test(all, the_way_that_was_faster);
    tcase_add_test(all, the_usual_way);
    tcase_add_test(all, sentences);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
