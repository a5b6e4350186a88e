/* Linear attention with weights, other divisors and causal, features that maps make, and the ops on whole tokens that mixers are made of, against
 * the host in double precision: alone and one behind the other, with masks that have holes, leave one token or none. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support_ops.h"
#include "support_suite.h"

/* Tokens of the mask that all tests have: in sample 0 with holes, in sample 1 one alone, in sample 2 none. */
static bool is_token(size_t sample, size_t token, size_t tokens)
{
    return sample == 0 ? token % 3 != 1 : sample == 1 && token == tokens / 2;
}

static clmix_value mask_of(clmix_graph *graph, bool masked, size_t batch, size_t tokens)
{
    return ops_mask(graph, masked ? is_token : NULL, batch, tokens);
}

static double *doubles(size_t count)
{
    double *values = calloc(count + 1, sizeof *values);

    ck_assert_ptr_nonnull(values);
    return values;
}

/* ---- attention of features -------------------------------------------------------------------------------------------------------------- */

struct attention_case {
    size_t batch, queries, keys, heads, features, values;
    clmix_kernel_options options;
    bool weighed;
};

static double divided_by(double sum, double of_features, const clmix_kernel_options *options)
{
    switch (options->divisor) {
    case CLMIX_DIVISOR_ADDED: return sum + (double)options->epsilon;
    case CLMIX_DIVISOR_CLAMPED: return fmax(sum, (double)options->epsilon);
    case CLMIX_DIVISOR_EACH: return sum + (double)options->epsilon * of_features;
    default: return 1.0;
    }
}

/* A row of y of a row of features of queries; `row` counts tokens and heads. */
static void attend_row(const struct attention_case *test, const double *phi_q, const double *phi_k, const double *v, const double *weights,
                       size_t row, double *to)
{
    const size_t heads = test->heads, m = test->features, d = test->values, head = row % heads, i = row / heads % test->queries,
                 sample = row / heads / test->queries, seen = test->options.causal ? i + 1 : test->keys;
    double sum = 0.0, all = 0.0;

    memset(to, 0, d * sizeof *to);
    for (size_t f = 0; f < m; f++)
        all += phi_q[row * m + f];
    for (size_t j = 0; j < seen; j++) {
        const size_t key = (sample * test->keys + j) * heads + head;
        double weight = 0.0;

        for (size_t f = 0; f < m; f++)
            weight += phi_q[row * m + f] * phi_k[key * m + f];
        weight *= weights == NULL ? 1.0 : weights[(sample * heads + head) * test->keys + j];
        sum += weight;
        for (size_t c = 0; c < d; c++)
            to[c] += weight * v[key * d + c];
    }
    for (size_t c = 0; c < d && divided_by(sum, all, &test->options) != 0.0; c++)
        to[c] /= divided_by(sum, all, &test->options);
}

static void attention_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct attention_case *test = attributes;

    (void)shapes;
    for (size_t row = 0; row < test->batch * test->queries * test->heads; row++)
        attend_row(test, inputs[0], inputs[1], inputs[2], test->weighed ? inputs[3] : NULL, row, out + row * test->values);
}

static clmix_value build_attention(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct attention_case *test = attributes;

    (void)at;
    return clmix_kernel_attention(inputs[0], inputs[1], inputs[2], test->weighed ? inputs[3] : (clmix_value){ .graph = NULL },
                                  test->options);
}

static void check_attention(struct attention_case test)
{
    test.options.heads = test.heads;
    ops_run_check(&(struct ops_check){ .what = test.options.causal ? "causal attention" : "attention",
                                       .build = build_attention,
                                       .reference = attention_reference,
                                       .attributes = &test,
                                       .input_count = test.weighed ? 4 : 3,
                                       .shapes = { { 3, { test.batch, test.queries, test.heads * test.features } },
                                                   { 3, { test.batch, test.keys, test.heads * test.features } },
                                                   { 3, { test.batch, test.keys, test.heads * test.values } },
                                                   { 3, { test.batch, test.heads, test.keys } } },
                                       .low = 0.1f,
                                       .high = 1.0f });
}

/* Divisors that are half of them clamped, and large beside what they are added to. */
static clmix_kernel_options divisor_of(int index, size_t keys, size_t features, bool causal)
{
    static const clmix_divisor divisors[] = { CLMIX_DIVISOR_ADDED, CLMIX_DIVISOR_CLAMPED, CLMIX_DIVISOR_EACH, CLMIX_DIVISOR_NONE };

    return (clmix_kernel_options){ .divisor = divisors[index], .epsilon = 0.17f * (float)(keys * features), .causal = causal };
}

START_TEST(divisors)
{
    check_attention((struct attention_case){ 2, 19, 23, 2, 11, 6, divisor_of(_i, 23, 11, false), true });
    check_attention((struct attention_case){ 2, 19, 19, 2, 11, 6, divisor_of(_i, 10, 11, true), _i % 2 == 0 });
}
END_TEST

/* Several chunks, the last of them not full; widths that are no whole vectors, and such that are. */
START_TEST(causal_chunks)
{
    check_attention((struct attention_case){ 1, 150, 150, 1, 20, 9, divisor_of(0, 1, 1, true), true });
    check_attention((struct attention_case){ 1, 1, 1, 3, 5, 1, divisor_of(0, 1, 1, true), true });
    if (ops_small_effort())
        return;
    check_attention((struct attention_case){ 2, 129, 129, 2, 16, 32, divisor_of(2, 1, 1, true), false });
    check_attention((struct attention_case){ 1, 64, 64, 2, 33, 64, divisor_of(3, 1, 1, true), true });
}
END_TEST

/* ---- maps ----------------------------------------------------------------------------------------------------------------------------- */

struct map_case {
    size_t batch, tokens, heads, width;
    clmix_map map;
    bool turned, masked;
};

static double mapped(clmix_map map, double x)
{
    switch (map) {
    case CLMIX_MAP_SIGMOID: return 1.0 / (1.0 + exp(-x));
    case CLMIX_MAP_RELU: return fmax(x, 0.0);
    case CLMIX_MAP_ELU: return x > 0.0 ? x + 1.0 : exp(x);
    case CLMIX_MAP_IDENTITY: return x;
    default: return exp(x);
    }
}

static bool there(const struct map_case *test, size_t sample, size_t token)
{
    return !test->masked || is_token(sample, token, test->tokens);
}

/* What the features of channel c of a head are divided by. */
static double total_of(const struct map_case *test, const double *x, size_t sample, size_t token, size_t head, size_t c)
{
    const size_t columns = test->heads * test->width;
    double sum = 0.0;

    if (test->map == CLMIX_MAP_SOFTMAX)
        for (size_t k = 0; k < test->width; k++)
            sum += exp(x[(sample * test->tokens + token) * columns + head * test->width + k]);
    else if (test->map == CLMIX_MAP_SOFTMAX_TOKENS)
        for (size_t n = 0; n < test->tokens; n++)
            sum += there(test, sample, n) ? exp(x[(sample * test->tokens + n) * columns + head * test->width + c]) : 0.0;
    else
        sum = 1.0;
    return sum;
}

static void host_map(const struct map_case *test, const double *x, double *phi)
{
    const size_t width = test->width, features = (test->turned ? 2 : 1) * width;

    for (size_t i = 0; i < test->batch * test->tokens * test->heads * width; i++) {
        const size_t c = i % width, head = i / width % test->heads, token = i / width / test->heads % test->tokens,
                     sample = i / width / test->heads / test->tokens;
        const double angle = acos(-1.0) / 2.0 * (double)(token + 1) / (double)test->tokens;
        const double y = there(test, sample, token) ? mapped(test->map, x[i]) / total_of(test, x, sample, token, head, c) : 0.0;
        double *to = phi + i / width * features + c;

        to[0] = test->turned ? y * sin(angle) : y;
        if (test->turned)
            to[width] = y * cos(angle);
    }
}

static clmix_value build_map(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct map_case *test = attributes;

    return clmix_feature_map(inputs[0], mask_of(at.graph, test->masked, test->batch, test->tokens), test->heads, test->map, test->turned);
}

static void map_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    (void)shapes;
    host_map(attributes, inputs[0], out);
}

static clmix_value build_means(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct map_case *test = attributes;

    return clmix_feature_means(inputs[0], mask_of(at.graph, test->masked, test->batch, test->tokens), test->heads, test->map);
}

static void means_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct map_case *test = attributes;
    const size_t columns = test->heads * test->width;
    double *phi = doubles(clmix_shape_count(shapes[0]));

    host_map(test, inputs[0], phi);
    for (size_t i = 0; i < test->batch * columns; i++) {
        double sum = 0.0, count = 0.0;

        for (size_t n = 0; n < test->tokens; n++) {
            sum += phi[(i / columns * test->tokens + n) * columns + i % columns];
            count += there(test, i / columns, n);
        }
        out[i] = sum / fmax(count, 1.0);
    }
    free(phi);
}

static void check_map(struct map_case test)
{
    const clmix_shape tokens = { 3, { test.batch, test.tokens, test.heads * test.width } };

    ops_run_check(&(struct ops_check){ .what = "features of a map",
                                       .build = build_map,
                                       .reference = map_reference,
                                       .attributes = &test,
                                       .input_count = 1,
                                       .shapes = { tokens },
                                       .low = -1.5f,
                                       .high = 1.5f });
    if (!test.turned)
        ops_run_check(&(struct ops_check){ .what = "means of features",
                                           .build = build_means,
                                           .reference = means_reference,
                                           .attributes = &test,
                                           .input_count = 1,
                                           .shapes = { tokens },
                                           .low = -1.5f,
                                           .high = 1.5f,
                                           .no_gradient = test.map == CLMIX_MAP_SOFTMAX_TOKENS }); /* a softmax's sum is 1: none flows */
}

START_TEST(maps)
{
    check_map((struct map_case){ 3, 19, 2, 6, (clmix_map)_i, false, true });
    check_map((struct map_case){ 1, 70, 1, 17, (clmix_map)_i, false, false });
    if (_i <= CLMIX_MAP_ELU)
        check_map((struct map_case){ 3, 19, 2, 6, (clmix_map)_i, true, true });
}
END_TEST

/* ---- attention of mapped tokens -------------------------------------------------------------------------------------------------------- */

struct mixer_case {
    struct map_case q, k;
    clmix_kernel_options options;
};
static const struct mixer_case mixers[] = {
    { { 3, 37, 2, 6, CLMIX_MAP_SIGMOID, false, false },
      { 3, 37, 2, 6, CLMIX_MAP_SOFTMAX, false, true },
      { 2, CLMIX_DIVISOR_ADDED, 0.1f, false } },
    { { 3, 37, 2, 6, CLMIX_MAP_ELU, false, false }, { 3, 37, 2, 6, CLMIX_MAP_ELU, false, true }, { 2, CLMIX_DIVISOR_ADDED, 0.1f, true } },
    { { 3, 37, 2, 6, CLMIX_MAP_SOFTMAX, false, false },
      { 3, 37, 2, 6, CLMIX_MAP_SOFTMAX_TOKENS, false, true },
      { 2, CLMIX_DIVISOR_NONE, 0.0f, false } },
    { { 3, 37, 2, 6, CLMIX_MAP_RELU, true, false },
      { 3, 37, 2, 6, CLMIX_MAP_RELU, true, true },
      { 2, CLMIX_DIVISOR_CLAMPED, 0.1f, false } },
    /* nothing is added, and there are queries that see no key */
    { { 3, 37, 2, 6, CLMIX_MAP_SIGMOID, false, false },
      { 3, 37, 2, 6, CLMIX_MAP_SIGMOID, false, true },
      { 2, CLMIX_DIVISOR_ADDED, 0.0f, false } },
    { { 3, 37, 2, 6, CLMIX_MAP_SIGMOID, false, false },
      { 3, 37, 2, 6, CLMIX_MAP_SIGMOID, false, true },
      { 2, CLMIX_DIVISOR_EACH, 0.0f, true } },
};

static clmix_value build_mixer(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct mixer_case *test = attributes;

    return clmix_kernel_attention(build_map(at, &inputs[0], &test->q), build_map(at, &inputs[1], &test->k), inputs[2],
                                  (clmix_value){ .graph = NULL }, test->options);
}

static void mixer_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct mixer_case *test = attributes;
    const size_t features = (test->q.turned ? 2 : 1) * test->q.width, count = test->q.batch * test->q.tokens * test->q.heads * features;
    const struct attention_case attention = { test->q.batch, test->q.tokens, test->k.tokens, test->q.heads,
                                              features,      test->q.width,  test->options,  false };
    double *phi = doubles(2 * count);

    host_map(&test->q, inputs[0], phi);
    host_map(&test->k, inputs[1], phi + count);
    attention_reference((const double *const[]){ phi, phi + count, inputs[2] }, shapes, out, &attention);
    free(phi);
}

START_TEST(mapped_tokens)
{
    const clmix_shape tokens = { 3, { 3, 37, 12 } };

    ops_run_check(&(struct ops_check){ .what = "attention of mapped tokens",
                                       .build = build_mixer,
                                       .reference = mixer_reference,
                                       .attributes = &mixers[_i],
                                       .input_count = 3,
                                       .shapes = { tokens, tokens, tokens },
                                       .low = -1.5f,
                                       .high = 1.5f });
}
END_TEST

/* ---- whole tokens ------------------------------------------------------------------------------------------------------------------------ */

static clmix_value build_masked(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const clmix_shape shape = clmix_shape_of(inputs[0]);

    (void)attributes;
    return clmix_mask_tokens(inputs[0], mask_of(at.graph, true, shape.size[0], shape.size[1]));
}

static void masked_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t tokens = shapes[0].size[1], columns = shapes[0].size[2];

    (void)attributes;
    for (size_t i = 0; i < clmix_shape_count(shapes[0]); i++)
        out[i] = is_token(i / columns / tokens, i / columns % tokens, tokens) ? inputs[0][i] : 0.0;
}

static clmix_value build_scaled(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at, (void)attributes;
    return clmix_scale_channels(inputs[0], inputs[1]);
}

static void scaled_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t tokens = shapes[0].size[1], columns = shapes[0].size[2];

    (void)attributes;
    for (size_t i = 0; i < clmix_shape_count(shapes[0]); i++)
        out[i] = inputs[0][i] * inputs[1][i / columns / tokens * columns + i % columns];
}

static clmix_value build_running(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const clmix_shape shape = clmix_shape_of(inputs[0]);

    return clmix_running_means(inputs[0], mask_of(at.graph, *(const bool *)attributes, shape.size[0], shape.size[1]));
}

static void running_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t tokens = shapes[0].size[1], columns = shapes[0].size[2];
    const bool masked = *(const bool *)attributes;

    for (size_t i = 0; i < shapes[0].size[0] * columns; i++) {
        double sum = 0.0, count = 0.0;

        for (size_t n = 0; n < tokens; n++) {
            const size_t at = (i / columns * tokens + n) * columns + i % columns;
            const bool is = !masked || is_token(i / columns, n, tokens);

            sum += is ? inputs[0][at] : 0.0;
            count += is;
            out[at] = sum / fmax(count, 1.0);
        }
    }
}

static clmix_value build_dots(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    return clmix_token_dots(inputs[0], inputs[1], *(const size_t *)attributes);
}

static void dots_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t batch = shapes[0].size[0], tokens = shapes[0].size[1], heads = *(const size_t *)attributes, width = shapes[1].size[0];

    for (size_t i = 0; i < batch * heads * tokens; i++) {
        const size_t n = i % tokens, head = i / tokens % heads, sample = i / tokens / heads;

        out[i] = 0.0;
        for (size_t c = 0; c < width; c++)
            out[i] += inputs[0][((sample * tokens + n) * heads + head) * width + c] * inputs[1][c * tokens + n];
    }
}

static void check_tokens(const char *what, ops_build build, ops_reference reference, const void *attributes, clmix_shape x,
                         clmix_shape other)
{
    ops_run_check(&(struct ops_check){ .what = what,
                                       .build = build,
                                       .reference = reference,
                                       .attributes = attributes,
                                       .input_count = other.rank > 0 ? 2 : 1,
                                       .shapes = { x, other } });
}

START_TEST(whole_tokens)
{
    static const bool masks[] = { false, true };
    static const size_t heads = 3;
    const clmix_shape none = { 0, { 0 } };

    for (size_t i = 0; i < 2; i++) {
        const clmix_shape x = { 3, { 3, i == 0 ? 5 : 200, i == 0 ? 1 : 9 } };

        check_tokens("masked tokens", build_masked, masked_reference, NULL, x, none);
        check_tokens("scaled channels", build_scaled, scaled_reference, NULL, x, ops_shape2(3, x.size[2]));
        check_tokens("running means", build_running, running_reference, &masks[0], x, none);
        check_tokens("running means of some", build_running, running_reference, &masks[1], x, none);
    }
    check_tokens("dots with a table", build_dots, dots_reference, &heads, (clmix_shape){ 3, { 2, 37, 6 } }, ops_shape2(2, 37));
}
END_TEST

/* ---- sentences --------------------------------------------------------------------------------------------------------------------------- */

#define REFUSED(call, sentence)                                                                           \
    do {                                                                                                  \
        clmix_graph *graph = clmix_graph_new();                                                           \
        const clmix_value x = ops_input(graph, "x", (clmix_shape){ 3, { 2, 9, 12 } }),                    \
                          table = ops_input(graph, "table", ops_shape2(2, 12)), none = { .graph = NULL }; \
        const clmix_value mask = clmix_input(graph, "mask", CLMIX_I32, 2, (size_t[]){ 2, 8 });            \
                                                                                                          \
        (void)x, (void)table, (void)none, (void)mask;                                                     \
        ops_poisoned(graph, call, sentence);                                                              \
    } while (0)

START_TEST(what_does_not_fit)
{
    REFUSED(clmix_kernel_attention(x, x, x, x, (clmix_kernel_options){ .heads = 2 }),
            "weights of keys are (batch, heads, tokens), here 2 x 2 x 9");
    REFUSED(clmix_kernel_attention(x, x, x, none, (clmix_kernel_options){ .divisor = (clmix_divisor)7 }), "a divisor of 7");
    REFUSED(clmix_kernel_attention(clmix_slice(x, 1, 0, 4), x, x, none, (clmix_kernel_options){ .causal = true }), "both need one length");
    REFUSED(clmix_feature_map(x, mask, 2, CLMIX_MAP_ELU, false), "a mask is i32 (batch, tokens), and that of tokens 2x9x12 is 2x8");
    REFUSED(clmix_feature_map(x, none, 5, CLMIX_MAP_ELU, false), "features of 5 heads of 2x9x12");
    REFUSED(clmix_feature_map(x, none, 2, (clmix_map)9, false), "a map of 9");
    REFUSED(clmix_feature_map(x, none, 2, CLMIX_MAP_SOFTMAX, true), "a softmax is not turned by angles");
    REFUSED(clmix_feature_map(table, none, 2, CLMIX_MAP_ELU, false), "these values are 2x12");
    REFUSED(clmix_feature_means(table, none, 2, CLMIX_MAP_ELU), "these values are 2x12");
    REFUSED(clmix_feature_means(x, none, 2, (clmix_map)9), "a map of 9");
    REFUSED(clmix_feature_means(x, mask, 2, CLMIX_MAP_ELU), "a mask is i32 (batch, tokens)");
    REFUSED(clmix_mask_tokens(x, mask), "a mask is i32 (batch, tokens)");
    REFUSED(clmix_mask_tokens(table, mask), "f32 tokens (batch, tokens, channels) are masked, and these values are 2x12");
    REFUSED(clmix_scale_channels(x, x), "have a scale (batch, channels); these are 2x9x12 and 2x9x12");
    REFUSED(clmix_running_means(table, none), "running means are of f32 tokens");
    REFUSED(clmix_running_means(x, mask), "a mask is i32 (batch, tokens)");
    REFUSED(clmix_token_dots(x, table, 3), "have a table (width of a head, tokens); these are 2x9x12 and 2x12");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernel attention");
    TCase *tests = tcase_create("kernel attention");

    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, divisors, 0, 4);
    tcase_add_test(tests, causal_chunks);
    tcase_add_loop_test(tests, maps, 0, 6);
    tcase_add_loop_test(tests, mapped_tokens, 0, (int)(sizeof mixers / sizeof *mixers));
    tcase_add_test(tests, whole_tokens);
    tcase_add_test(tests, what_does_not_fit);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
