/* Performer's features and linear attention against the host in double precision, alone and one behind the other, where the wide form has no
 * features in memory; maxima that several elements have; other lengths and widths, pitches, sentences. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support_ops.h"
#include "support_suite.h"

struct sizes {
    size_t batch, queries, keys, heads, width, features, values;
    clmix_performer_options options; /* of the keys; queries have a maximum a token */
};

/* A projection of both signs, that host and device have alike. */
static float projection_at(size_t i)
{
    return (float)((double)((i * 7919 + 13) % 1009) / 504.0 - 1.0);
}

static clmix_status fill_projection(void *values, clmix_shape shape, const void *data)
{
    (void)data;
    for (size_t i = 0; i < clmix_shape_count(shape); i++)
        ((float *)values)[i] = projection_at(i);
    return CLMIX_OK;
}

static clmix_value projection_of(clmix_graph *graph, const struct sizes *sizes)
{
    return clmix_constant(graph, CLMIX_F32, 2, (size_t[]){ sizes->features, sizes->width }, fill_projection, NULL, 0);
}

/* ---- the host ------------------------------------------------------------------------------------------------------------------------ */

static double product_at(const struct sizes *sizes, const double *row, size_t feature)
{
    double sum = 0.0;

    for (size_t k = 0; k < sizes->width; k++)
        sum += row[k] * (double)projection_at(feature * sizes->width + k);
    return sum / pow((double)sizes->width, 0.25);
}

/* The largest product of rows first .. first + count - 1, a row being a token in a head. */
static double peak_of(const struct sizes *sizes, const double *x, size_t first, size_t count)
{
    double most = -INFINITY;

    for (size_t r = first; r < first + count; r++)
        for (size_t j = 0; j < sizes->features; j++)
            most = fmax(most, product_at(sizes, x + r * sizes->width, j));
    return most;
}

static void host_features(const struct sizes *sizes, clmix_performer_options options, const double *x, size_t tokens, double *phi)
{
    const size_t sample = tokens * sizes->heads, rows = sizes->batch * sample;

    for (size_t r = 0; r < rows; r++) {
        const double *row = x + r * sizes->width;
        double norm = 0.0, peak = 0.0;

        for (size_t k = 0; k < sizes->width; k++)
            norm += row[k] * row[k] / (2.0 * sqrt((double)sizes->width));
        if (options.kernel == CLMIX_PERFORMER_SOFTMAX && options.maximum == CLMIX_MAXIMUM_TOKEN)
            peak = peak_of(sizes, x, r, 1);
        else if (options.kernel == CLMIX_PERFORMER_SOFTMAX && options.maximum == CLMIX_MAXIMUM_SAMPLE)
            peak = peak_of(sizes, x, r / sample * sample, sample);
        else if (options.kernel == CLMIX_PERFORMER_SOFTMAX)
            peak = peak_of(sizes, x, 0, rows);
        for (size_t j = 0; j < sizes->features; j++) {
            const double u = product_at(sizes, row, j);

            phi[r * sizes->features + j] = options.kernel == CLMIX_PERFORMER_RELU
                                               ? fmax(u, 0.0) + 1e-3
                                               : (exp(u - norm - peak) + 1e-4) / sqrt((double)sizes->features);
        }
    }
}

static void host_attention(const struct sizes *sizes, const double *phi_q, const double *phi_k, const double *v, double *y)
{
    const size_t heads = sizes->heads, m = sizes->features, d = sizes->values;

    memset(y, 0, sizes->batch * sizes->queries * heads * d * sizeof *y);
    for (size_t s = 0; s < sizes->batch; s++)
        for (size_t h = 0; h < heads; h++)
            for (size_t i = 0; i < sizes->queries; i++) {
                const double *q = phi_q + ((s * sizes->queries + i) * heads + h) * m;
                double *to = y + ((s * sizes->queries + i) * heads + h) * d, norm = 0.0;

                for (size_t j = 0; j < sizes->keys; j++) {
                    const double *k = phi_k + ((s * sizes->keys + j) * heads + h) * m, *from = v + ((s * sizes->keys + j) * heads + h) * d;
                    double weight = 0.0;

                    for (size_t f = 0; f < m; f++)
                        weight += q[f] * k[f];
                    norm += weight;
                    for (size_t c = 0; c < d; c++)
                        to[c] += weight * from[c];
                }
                for (size_t c = 0; c < d; c++)
                    to[c] /= norm;
            }
}

/* ---- against it ---------------------------------------------------------------------------------------------------------------------- */

static clmix_value build_features(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct sizes *sizes = attributes;

    return clmix_performer_features(inputs[0], projection_of(at.graph, sizes), sizes->heads, sizes->options);
}

static void features_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct sizes *sizes = attributes;

    (void)shapes;
    host_features(sizes, sizes->options, inputs[0], sizes->keys, out);
}

static clmix_value build_attention(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    return clmix_linear_attention(inputs[0], inputs[1], inputs[2], ((const struct sizes *)attributes)->heads);
}

static void attention_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    (void)shapes;
    host_attention(attributes, inputs[0], inputs[1], inputs[2], out);
}

static clmix_performer_options query_options(const struct sizes *sizes)
{
    return (clmix_performer_options){ .kernel = sizes->options.kernel, .maximum = CLMIX_MAXIMUM_TOKEN };
}

static clmix_value build_performer(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct sizes *sizes = attributes;
    const clmix_value projection = projection_of(at.graph, sizes);

    return clmix_linear_attention(clmix_performer_features(inputs[0], projection, sizes->heads, query_options(sizes)),
                                  clmix_performer_features(inputs[1], projection, sizes->heads, sizes->options), inputs[2], sizes->heads);
}

static void performer_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct sizes *sizes = attributes;
    const size_t row = sizes->batch * sizes->heads * sizes->features;
    double *phi_q = malloc(row * sizes->queries * sizeof *phi_q), *phi_k = malloc(row * sizes->keys * sizeof *phi_k);

    (void)shapes;
    ck_assert_ptr_nonnull(phi_q);
    ck_assert_ptr_nonnull(phi_k);
    host_features(sizes, query_options(sizes), inputs[0], sizes->queries, phi_q);
    host_features(sizes, sizes->options, inputs[1], sizes->keys, phi_k);
    host_attention(sizes, phi_q, phi_k, inputs[2], out);
    free(phi_q);
    free(phi_k);
}

static clmix_shape tokens_of(const struct sizes *sizes, size_t tokens, size_t width)
{
    return (clmix_shape){ 3, { sizes->batch, tokens, sizes->heads * width } };
}

/* Features, attention of features, and both together. */
static void check_all(struct sizes sizes)
{
    ops_run_check(&(struct ops_check){ .what = "features",
                                       .build = build_features,
                                       .reference = features_reference,
                                       .attributes = &sizes,
                                       .input_count = 1,
                                       .shapes = { tokens_of(&sizes, sizes.keys, sizes.width) },
                                       .low = -1.5f,
                                       .high = 1.5f });
    ops_run_check(
        &(struct ops_check){ .what = "linear attention",
                             .build = build_attention,
                             .reference = attention_reference,
                             .attributes = &sizes,
                             .input_count = 3,
                             .shapes = { tokens_of(&sizes, sizes.queries, sizes.features), tokens_of(&sizes, sizes.keys, sizes.features),
                                         tokens_of(&sizes, sizes.keys, sizes.values) },
                             .low = 0.1f,
                             .high = 1.0f });
    ops_run_check(
        &(struct ops_check){ .what = "performer",
                             .build = build_performer,
                             .reference = performer_reference,
                             .attributes = &sizes,
                             .input_count = 3,
                             .shapes = { tokens_of(&sizes, sizes.queries, sizes.width), tokens_of(&sizes, sizes.keys, sizes.width),
                                         tokens_of(&sizes, sizes.keys, sizes.values) },
                             .low = -1.5f,
                             .high = 1.5f });
}

/* Kernels are compiled for width, features and kind: few of these, and lengths and batches that share them. */
START_TEST(every_kind)
{
    static const clmix_performer_options options[] = { { .kernel = CLMIX_PERFORMER_SOFTMAX, .maximum = CLMIX_MAXIMUM_BATCH },
                                                       { .kernel = CLMIX_PERFORMER_SOFTMAX, .maximum = CLMIX_MAXIMUM_SAMPLE },
                                                       { .kernel = CLMIX_PERFORMER_SOFTMAX, .maximum = CLMIX_MAXIMUM_TOKEN },
                                                       { .kernel = CLMIX_PERFORMER_RELU, .maximum = CLMIX_MAXIMUM_TOKEN } };

    check_all((struct sizes){ 3, 19, 19, 2, 6, 11, 6, options[_i] });
    check_all((struct sizes){ 1, 2, 3, 1, 6, 11, 6, options[_i] });
}
END_TEST

START_TEST(other_shapes)
{
    const clmix_performer_options options = { .kernel = CLMIX_PERFORMER_SOFTMAX, .maximum = CLMIX_MAXIMUM_BATCH };

    check_all((struct sizes){ 2, 70, 37, 1, 32, 110, 40, options });
    if (!ops_small_effort())
        check_all((struct sizes){ 1, 3, 131, 2, 1, 2, 3, options });
}
END_TEST

/* ---- ties ---------------------------------------------------------------------------------------------------------------------------- */

enum { TIED = 2, TOKENS = 21, HEADS = 2, WIDTH = 6, FEATURES = 11 };

/* dx of loss = sum(features * weight) in a batch of equal samples. */
static float *tied_gradient(clmix_performer_maximum maximum, const float *x, const float *weight)
{
    const struct sizes sizes = { TIED,  TOKENS,   TOKENS, HEADS,
                                 WIDTH, FEATURES, WIDTH,  { .kernel = CLMIX_PERFORMER_SOFTMAX, .maximum = maximum } };
    clmix_graph *graph = clmix_graph_new();
    const clmix_value in = ops_input(graph, "x", tokens_of(&sizes, TOKENS, WIDTH)),
                      up = ops_input(graph, "up", tokens_of(&sizes, TOKENS, FEATURES));
    const clmix_value phi = build_features(clmix_root(graph), &in, &sizes);
    clmix_plan *plan;
    float *dx;

    clmix_want_gradient(in);
    clmix_backward(graph, 1, &phi, &up);
    clmix_output(graph, "dx", clmix_gradient_of(in));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "x", x, TIED * TOKENS * HEADS * WIDTH);
    ops_write(plan, "up", weight, TIED * TOKENS * HEADS * FEATURES);
    ops_ok(clmix_plan_run(plan));
    dx = ops_read(plan, "dx", TIED * TOKENS * HEADS * WIDTH);
    clmix_plan_free(plan);
    return dx;
}

/* Samples that are alike share the batch's maximum, and each gets what its own maximum would bring. */
START_TEST(equal_shares)
{
    const size_t x_sample = TOKENS * HEADS * WIDTH, up_sample = TOKENS * HEADS * FEATURES;
    float *x = ops_floats(TIED * x_sample, 1, -1.0f, 1.0f), *up = ops_floats(TIED * up_sample, 2, 0.0f, 1.0f), *batch, *sample;

    for (size_t s = 1; s < TIED; s++) {
        memcpy(x + s * x_sample, x, x_sample * sizeof *x);
        memcpy(up + s * up_sample, up, up_sample * sizeof *up);
    }
    batch = tied_gradient(CLMIX_MAXIMUM_BATCH, x, up);
    sample = tied_gradient(CLMIX_MAXIMUM_SAMPLE, x, up);
    ops_compare_floats("gradient of a tied maximum", batch, sample, TIED * x_sample, 2e-6);
    free(x);
    free(up);
    free(batch);
    free(sample);
}
END_TEST

/* ---- slices and launches --------------------------------------------------------------------------------------------------------------- */

/* Queries, keys and values that are columns of one value. */
static clmix_value build_sliced(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct sizes *sizes = attributes;
    const size_t columns = sizes->heads * sizes->width;
    clmix_value parts[3];

    for (size_t i = 0; i < 3; i++)
        parts[i] = clmix_slice(inputs[0], -1, i * columns, columns);
    return build_performer(at, parts, attributes);
}

static void sliced_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct sizes *sizes = attributes;
    const size_t columns = sizes->heads * sizes->width, rows = sizes->batch * sizes->keys;
    double *parts = malloc(3 * rows * columns * sizeof *parts);

    ck_assert_ptr_nonnull(parts);
    for (size_t i = 0; i < 3; i++)
        for (size_t r = 0; r < rows; r++)
            memcpy(parts + (i * rows + r) * columns, inputs[0] + (r * 3 + i) * columns, columns * sizeof *parts);
    performer_reference((const double *const[]){ parts, parts + rows * columns, parts + 2 * rows * columns }, shapes, out, attributes);
    free(parts);
}

START_TEST(slices_of_one_value)
{
    struct sizes sizes = { 2, 19, 19, 2, 6, 11, 6, { .kernel = CLMIX_PERFORMER_RELU, .maximum = CLMIX_MAXIMUM_TOKEN } };

    ops_run_check(&(struct ops_check){ .what = "performer of slices",
                                       .build = build_sliced,
                                       .reference = sliced_reference,
                                       .attributes = &sizes,
                                       .input_count = 1,
                                       .shapes = { tokens_of(&sizes, 19, (size_t)3 * 6) },
                                       .low = -1.5f,
                                       .high = 1.5f });
}
END_TEST

/* ---- sentences ----------------------------------------------------------------------------------------------------------------------- */

static void refuse_features(clmix_shape x, clmix_shape projection, size_t heads, clmix_performer_options options, const char *sentence)
{
    clmix_graph *graph = clmix_graph_new();

    ops_poisoned(graph, clmix_performer_features(ops_input(graph, "x", x), ops_input(graph, "p", projection), heads, options), sentence);
}

static void refuse_attention(clmix_shape q, clmix_shape k, clmix_shape v, size_t heads, const char *sentence)
{
    clmix_graph *graph = clmix_graph_new();

    ops_poisoned(graph, clmix_linear_attention(ops_input(graph, "q", q), ops_input(graph, "k", k), ops_input(graph, "v", v), heads),
                 sentence);
}

START_TEST(what_does_not_fit)
{
    const clmix_shape tokens = { 3, { 2, 9, 12 } }, other = { 3, { 2, 8, 12 } }, wide = { 3, { 2, 9, 8192 } };
    const clmix_performer_options options = { .kernel = CLMIX_PERFORMER_SOFTMAX, .maximum = CLMIX_MAXIMUM_BATCH };

    refuse_features(ops_shape2(2, 12), ops_shape2(5, 12), 1, options, "tokens (batch, tokens, channels), and these values are 2x12");
    refuse_features(tokens, ops_shape2(5, 3), 2, options, "the projection for 2 heads of 2x9x12 is (features, 6); this one is 5x3");
    refuse_features(tokens, ops_shape2(4000, 6), 2, options, "4000 features of heads of width 6; both together may be 3552");
    refuse_features(tokens, ops_shape2(5, 6), 2, (clmix_performer_options){ .kernel = (clmix_performer_kernel)7 },
                    "a performer kernel of 7");
    refuse_features(tokens, ops_shape2(5, 6), 2, (clmix_performer_options){ .maximum = (clmix_performer_maximum)9 }, "a maximum of 9");
    refuse_attention(tokens, tokens, tokens, 5, "the features of queries are (batch, tokens, 5 heads side by side); these are 2x9x12");
    refuse_attention(tokens, tokens, other, 2, "features of queries 2x9x12 and of keys 2x9x12 and values 2x8x12 need one batch");
    refuse_attention(wide, wide, tokens, 2, "4096 features and values of width 6 a head");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("performer");
    TCase *tests = tcase_create("performer");

    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, every_kind, 0, 4);
    tcase_add_test(tests, other_shapes);
    tcase_add_test(tests, equal_shares);
    tcase_add_test(tests, slices_of_one_value);
    tcase_add_test(tests, what_does_not_fit);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
