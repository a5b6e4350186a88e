/* What Nystrom attention is made of, against the host in double precision: pseudo-inverse, means of segments, convolutions along tokens. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support_ops.h"
#include "support_suite.h"

/* ---- pseudo-inverse ------------------------------------------------------------------------------------------------------------------ */

struct pinv_case {
    size_t heads;
    int iterations;
    clmix_inverse_maxima maxima;
    bool sliced;
};

/* `sliced`: the matrices are columns in the middle of the input. */
static clmix_value build_pinv(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct pinv_case *test = attributes;
    const clmix_shape shape = clmix_shape_of(inputs[0]);
    const size_t columns = test->heads * shape.size[1];

    (void)at;
    return clmix_pseudo_inverse(test->sliced ? clmix_slice(inputs[0], -1, 3, columns) : inputs[0], test->heads, test->iterations,
                                test->maxima);
}

/* c = a b, of `pitch` and `step` elements from row to row of a and from column to column. */
static void times(size_t m, const double *a, const double *b, double *c)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++) {
            double sum = 0.0;

            for (size_t k = 0; k < m; k++)
                sum += a[i * m + k] * b[k * m + j];
            c[i * m + j] = sum;
        }
}

/* y = factor I - x. */
static void less_than(size_t m, double factor, const double *x, double *y)
{
    for (size_t i = 0; i < m * m; i++)
        y[i] = (i % (m + 1) == 0 ? factor : 0.0) - x[i];
}

static void invert(size_t m, int iterations, const double *s, double factor, double *z)
{
    double *x = malloc(3 * m * m * sizeof *x), *a = x + m * m, *b = a + m * m;

    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < m * m; i++)
        z[i] = factor * s[i % m * m + i / m];
    for (int k = 0; k < iterations; k++) {
        times(m, s, z, x);
        less_than(m, 7.0, x, a);
        times(m, x, a, b);
        less_than(m, 15.0, b, a);
        times(m, x, a, b);
        less_than(m, 13.0, b, a);
        times(m, z, a, b);
        for (size_t i = 0; i < m * m; i++)
            z[i] = b[i] / 4.0;
    }
    free(x);
}

/* Which matrices share their maxima with matrix n. */
static size_t set_of(const struct pinv_case *test, size_t n)
{
    return test->maxima == CLMIX_INVERSE_MATRIX ? n : test->maxima == CLMIX_INVERSE_SAMPLE ? n / test->heads : 0;
}

static void pinv_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct pinv_case *test = attributes;
    const size_t batch = shapes[0].size[0], m = shapes[0].size[1], pitch = shapes[0].size[2], heads = test->heads;
    double *s = malloc(batch * heads * m * m * sizeof *s), *z = malloc(m * m * sizeof *z), *most = calloc(2 * batch * heads, sizeof *most);

    ck_assert(s != NULL && z != NULL && most != NULL);
    for (size_t n = 0; n < batch * heads; n++)
        for (size_t i = 0; i < m; i++) {
            double row = 0.0, column = 0.0;
            double *of = most + 2 * set_of(test, n);

            for (size_t j = 0; j < m; j++) {
                const double *x = inputs[0] + n / heads * m * pitch + (test->sliced ? 3 : 0) + n % heads * m;

                s[(n * m + i) * m + j] = x[i * pitch + j];
                row += fabs(x[i * pitch + j]);
                column += fabs(x[j * pitch + i]);
            }
            of[0] = fmax(of[0], row);
            of[1] = fmax(of[1], column);
        }
    for (size_t n = 0; n < batch * heads; n++) {
        const double *of = most + 2 * set_of(test, n);

        invert(m, test->iterations, s + n * m * m, 1.0 / (of[0] * of[1]), z);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < m; j++)
                out[(n / heads * m + i) * heads * m + n % heads * m + j] = z[i * m + j];
    }
    free(s);
    free(z);
    free(most);
}

static void check_pinv(size_t batch, size_t m, struct pinv_case test)
{
    ops_run_check(&(struct ops_check){ .what = "pseudo-inverse",
                                       .build = build_pinv,
                                       .reference = pinv_reference,
                                       .attributes = &test,
                                       .input_count = 1,
                                       .shapes = { { 3, { batch, m, test.heads * m + (test.sliced ? 5 : 0) } } },
                                       .tolerance = 1e-5,
                                       .gradient_tolerance = 2e-4 });
}

START_TEST(pseudo_inverses)
{
    check_pinv(2, 5, (struct pinv_case){ .heads = 3, .iterations = 3 });
    check_pinv(2, 5, (struct pinv_case){ .heads = 2, .iterations = 3, .maxima = CLMIX_INVERSE_MATRIX });
    check_pinv(2, 1, (struct pinv_case){ .heads = 2, .iterations = 2 });
    check_pinv(3, 17, (struct pinv_case){ .heads = 2, .iterations = 4, .maxima = CLMIX_INVERSE_SAMPLE });
    if (ops_small_effort())
        return;
    check_pinv(1, 16, (struct pinv_case){ .heads = 3, .iterations = 1, .sliced = true });
    check_pinv(2, 64, (struct pinv_case){ .heads = 1, .iterations = 6 });
    check_pinv(1, 70, (struct pinv_case){ .heads = 2, .iterations = 2, .sliced = true, .maxima = CLMIX_INVERSE_SAMPLE });
}
END_TEST

static clmix_value with_gradient(clmix_graph *graph, const char *name, clmix_shape shape)
{
    clmix_value x = ops_input(graph, name, shape);

    clmix_want_gradient(x);
    return x;
}

/* d of the sum of all elements of the pseudo-inverse of one matrix, or of the same one twice, of which each is told. */
static void gradients(int count, size_t m, const float *x, float *out[2])
{
    const clmix_shape shape = { 3, { 1, m, m } };
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[2], z, ones;
    clmix_plan *plan;

    for (int i = 0; i < count; i++)
        inputs[i] = with_gradient(graph, i == 0 ? "x" : "twin", shape);
    z = clmix_pseudo_inverse(clmix_concat(inputs, count, 0), 1, 4, CLMIX_INVERSE_BATCH);
    ones = ops_input(graph, "ones", clmix_shape_of(z));
    clmix_backward(graph, 1, &z, &ones);
    for (int i = 0; i < count; i++)
        clmix_output(graph, i == 0 ? "dx" : "dtwin", clmix_scale(clmix_gradient_of(inputs[i]), 1.0f));
    plan = ops_plan(graph, CLMIX_TRAINING);
    for (int i = 0; i < count; i++)
        ops_write(plan, i == 0 ? "x" : "twin", x, m * m);
    {
        float *one = ops_floats((size_t)count * m * m, 0, 1.0f, 1.0f);

        ops_write(plan, "ones", one, (size_t)count * m * m);
        free(one);
    }
    ops_ok(clmix_plan_run(plan));
    for (int i = 0; i < count; i++)
        out[i] = ops_read(plan, i == 0 ? "dx" : "dtwin", m * m);
    clmix_plan_free(plan);
}

/* Two samples that are the same have the same maxima: each takes half of what flows to them, as much as one alone takes of its own. */
START_TEST(ties_share)
{
    enum { M = 6 };
    float *x = ops_floats((size_t)M * M, 3, 0.1f, 1.0f), *alone[2], *both[2];

    gradients(1, M, x, alone);
    gradients(2, M, x, both);
    ops_compare_floats("gradient of the first twin", both[0], alone[0], (size_t)M * M, 1e-5);
    ops_compare_floats("gradient of the second twin", both[1], alone[0], (size_t)M * M, 1e-5);
    free(x);
    free(alone[0]);
    free(both[0]);
    free(both[1]);
}
END_TEST

/* ---- segments ------------------------------------------------------------------------------------------------------------------------- */

struct means_case {
    size_t segments;
    bool behind; /* where the zero rows are */
};

static clmix_value build_means(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct means_case *test = attributes;
    const clmix_shape shape = clmix_shape_of(inputs[0]);
    const clmix_value x = clmix_slice(inputs[0], -1, 1, shape.size[2] - 1);

    (void)at;
    return test->behind ? clmix_segment_means_behind(x, test->segments) : clmix_segment_means(x, test->segments);
}

static void means_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct means_case *test = attributes;
    const size_t segments = test->segments, tokens = shapes[0].size[1], columns = shapes[0].size[2] - 1,
                 length = (tokens + segments - 1) / segments, front = test->behind ? 0 : segments * length - tokens;

    memset(out, 0, shapes[0].size[0] * segments * columns * sizeof *out);
    for (size_t r = 0; r < shapes[0].size[0] * tokens; r++)
        for (size_t c = 0; c < columns; c++)
            out[(r / tokens * segments + (r % tokens + front) / length) * columns + c] +=
                inputs[0][r * (columns + 1) + 1 + c] / (double)length;
}

START_TEST(means_of_segments)
{
    static const size_t sizes[][4] = { { 2, 12, 5, 4 }, { 3, 13, 34, 4 }, { 2, 5, 3, 8 }, { 1, 65, 70, 64 } };

    for (size_t i = 0; i < 2 * (sizeof sizes / sizeof *sizes); i++) {
        const size_t *size = sizes[i / 2];

        ops_run_check(&(struct ops_check){ .what = "means of segments",
                                           .build = build_means,
                                           .reference = means_reference,
                                           .attributes = &(struct means_case){ .segments = size[3], .behind = i % 2 == 1 },
                                           .input_count = 1,
                                           .shapes = { { 3, { size[0], size[1], size[2] } } } });
    }
}
END_TEST

/* ---- convolutions --------------------------------------------------------------------------------------------------------------------- */

struct conv_case {
    size_t heads, taps;
};

static clmix_value build_conv(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct conv_case *test = attributes;
    const clmix_shape shape = clmix_shape_of(inputs[0]);

    return clmix_token_conv(at, clmix_slice(inputs[0], -1, 0, shape.size[2] - 2), test->heads, test->taps);
}

static void conv_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct conv_case *test = attributes;
    const size_t tokens = shapes[0].size[1], pitch = shapes[0].size[2], columns = pitch - 2, half = test->taps / 2;

    for (size_t r = 0; r < shapes[0].size[0] * tokens; r++)
        for (size_t c = 0; c < columns; c++) {
            double sum = 0.0;

            for (size_t t = 0; t < test->taps; t++)
                if (r % tokens + t >= half && r % tokens + t - half < tokens)
                    sum += inputs[1][c / (columns / test->heads) * test->taps + t] * inputs[0][(r + t - half) * pitch + c];
            out[r * columns + c] = sum;
        }
}

START_TEST(convolutions_of_heads)
{
    static const struct conv_case cases[] = { { 2, 33 }, { 3, 5 }, { 1, 1 }, { 2, 13 } };
    static const size_t sizes[][3] = { { 2, 67, 66 }, { 3, 29, 17 }, { 2, 9, 6 }, { 1, 131, 26 } };

    for (size_t i = 0; i < (ops_small_effort() ? 2 : 4); i++)
        ops_run_check(&(struct ops_check){ .what = "convolution along tokens",
                                           .build = build_conv,
                                           .reference = conv_reference,
                                           .attributes = &cases[i],
                                           .input_count = 1,
                                           .shapes = { { 3, { sizes[i][0], sizes[i][1], sizes[i][2] } } },
                                           .parameters = { "weight" } });
}
END_TEST

/* Behind an addition of the input: taken in, forward and backward, where the input's two gradients meet. */
static clmix_value build_residual(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    return clmix_add(clmix_gelu(inputs[0]), clmix_token_conv(at, inputs[0], 2, *(const size_t *)attributes));
}

static void residual_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t tokens = shapes[0].size[1], columns = shapes[0].size[2], taps = *(const size_t *)attributes;

    for (size_t r = 0; r < shapes[0].size[0] * tokens; r++)
        for (size_t c = 0; c < columns; c++) {
            const double x = inputs[0][r * columns + c];
            double sum = x / 2.0 * (1.0 + erf(x / sqrt(2.0)));

            for (size_t t = 0; t < taps; t++)
                if (r % tokens + t >= taps / 2 && r % tokens + t - taps / 2 < tokens)
                    sum += inputs[1][c / (columns / 2) * taps + t] * inputs[0][(r + t - taps / 2) * columns + c];
            out[r * columns + c] = sum;
        }
}

START_TEST(convolution_and_residual)
{
    const size_t taps = 5;

    ops_run_check(&(struct ops_check){ .what = "convolution and residual",
                                       .build = build_residual,
                                       .reference = residual_reference,
                                       .attributes = &taps,
                                       .input_count = 1,
                                       .shapes = { { 3, { 2, 21, 12 } } },
                                       .parameters = { "weight" } });
}
END_TEST

static clmix_value build_conv1d(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    return clmix_conv1d(at, inputs[0], 6, *(const clmix_window *)attributes, true);
}

static void conv1d_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const clmix_window *window = attributes;
    const size_t tokens = shapes[0].size[1], in = shapes[0].size[2], taps = window->kernel[0], group = in / window->groups,
                 rows = (tokens + 2 * window->padding[0] - taps) / window->stride[0] + 1;

    for (size_t r = 0; r < shapes[0].size[0] * rows; r++)
        for (size_t o = 0; o < 6; o++) {
            const double *x = inputs[0] + r / rows * tokens * in, *weight = inputs[1];
            double sum = inputs[2][o];

            for (size_t t = 0; t < taps; t++)
                for (size_t i = 0; i < group; i++) {
                    const size_t place = r % rows * window->stride[0] + t, channel = o / (6 / window->groups) * group + i;

                    if (place >= window->padding[0] && place - window->padding[0] < tokens)
                        sum += x[(place - window->padding[0]) * in + channel] * weight[(t * group + i) * 6 + o];
                }
            out[r * 6 + o] = sum;
        }
}

START_TEST(convolutions_along_tokens)
{
    clmix_window window = clmix_line(3, 2, 1);

    for (window.groups = 1; window.groups <= 2; window.groups++)
        ops_run_check(&(struct ops_check){ .what = "conv1d",
                                           .build = build_conv1d,
                                           .reference = conv1d_reference,
                                           .attributes = &window,
                                           .input_count = 1,
                                           .shapes = { { 3, { 2, 11, 4 } } },
                                           .parameters = { "weight", "bias" } });
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(refusals)
{
    const clmix_shape tokens = { 3, { 2, 6, 8 } };
    clmix_graph *graph;
    clmix_value x;

#define REFUSED(call, sentence)              \
    do {                                     \
        graph = clmix_graph_new();           \
        x = ops_input(graph, "x", tokens);   \
        ops_poisoned(graph, call, sentence); \
    } while (0)
    REFUSED(clmix_pseudo_inverse(x, 2, 6, CLMIX_INVERSE_BATCH), "square matrices");
    REFUSED(clmix_pseudo_inverse(clmix_slice(x, -1, 0, 6), 1, 0, CLMIX_INVERSE_BATCH), "1 to 64");
    REFUSED(clmix_segment_means(x, 0), "segments");
    REFUSED(clmix_token_conv(clmix_root(graph), x, 3, 5), "of 3 heads");
    REFUSED(clmix_token_conv(clmix_root(graph), x, 2, 4), "an odd number");
    REFUSED(clmix_token_conv(clmix_root(graph), x, 2, 0), "at least one tap");
    REFUSED(clmix_token_conv_with(clmix_root(graph), x, clmix_slice(x, 0, 0, 1), 2), "must be (heads, taps)");
    REFUSED(clmix_conv1d(clmix_root(graph), x, 5, clmix_line(0, 1, 0), true), "0 taps");
    REFUSED(clmix_conv1d_with(clmix_root(graph), x, clmix_slice(clmix_reshape(x, 2, (size_t[]){ 12, 8 }), 0, 0, 3), (clmix_value){ 0 },
                              clmix_line(3, 1, 0)),
            "(taps, in, out)");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nystrom");
    TCase *all = tcase_create("nystrom");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, pseudo_inverses);
    tcase_add_test(all, ties_share);
    tcase_add_test(all, means_of_segments);
    tcase_add_test(all, convolutions_of_heads);
    tcase_add_test(all, convolution_and_residual);
    tcase_add_test(all, convolutions_along_tokens);
    tcase_add_test(all, refusals);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
