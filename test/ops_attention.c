/* Softmax attention against the host in double precision: odd lengths and widths, several blocks of queries and keys, shared heads, masks, causal
 * and in windows, dropped weights; bits, shares of a batch, sentences. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support_ops.h"
#include "support_suite.h"

/* ---- against the host --------------------------------------------------------------------------------------------------------------- */

struct attention_case {
    clmix_attention_options options;
    size_t batch, queries, keys, width, value_width;
    int masked; /* every third key of the first sample is left out; 2: all of its keys */
};

static bool key_exists(int masked, size_t sample, size_t key)
{
    return masked == 0 || sample > 0 || (masked == 1 && key % 3 != 1);
}

static clmix_status fill_mask(void *values, clmix_shape shape, const void *data)
{
    int32_t *mask = values;

    for (size_t i = 0; i < shape.size[0] * shape.size[1]; i++)
        mask[i] = key_exists(*(const int *)data, i / shape.size[1], i % shape.size[1]) ? 7 : 0;
    return CLMIX_OK;
}

static clmix_value mask_of(clmix_graph *graph, const struct attention_case *test)
{
    return test->masked == 0
               ? (clmix_value){ 0 }
               : clmix_constant(graph, CLMIX_I32, 2, (size_t[]){ test->batch, test->keys }, fill_mask, &test->masked, sizeof test->masked);
}

static clmix_value build_attention(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct attention_case *test = attributes;

    (void)at;
    return clmix_attention(inputs[0], inputs[1], inputs[2], mask_of(inputs[0].graph, test), test->options);
}

/* By the words of a seed and step of 0 and the number 0 of the first node; `matrix` numbers samples' heads. */
static double kept_of(const struct attention_case *test, size_t matrix, size_t i, size_t j)
{
    uint32_t words[4], counter[4] = { (uint32_t)matrix, 0, 0, 0 };
    const double steps = floor((double)test->options.dropout * 65536.0);
    uint64_t key;

    if (test->options.dropout == 0.0f)
        return 1.0;
    clmix_philox(0, counter, words);
    key = (uint64_t)words[1] << 32 | words[0];
    counter[0] = (uint32_t)(j / 8);
    counter[1] = (uint32_t)i;
    clmix_philox(key, counter, words);
    return (words[j % 8 / 2] >> (j % 2 * 16) & 0xFFFFu) < steps ? 0.0 : 1.0 / (1.0 - steps / 65536.0);
}

static bool sees(const struct attention_case *test, size_t sample, size_t i, size_t j)
{
    const size_t window = test->options.window;

    if (!key_exists(test->masked, sample, j) || (test->options.causal && j > i))
        return false;
    return window == 0 || (j / window + 1 >= i / window && j / window <= i / window + 1);
}

/* One query of a head: the weights of all keys, normalised. */
static void weigh(const struct attention_case *test, size_t sample, size_t i, const double *q, const double *k, size_t k_pitch,
                  double *weight)
{
    const double scale = test->options.scale == 0.0f ? 1.0 / sqrt((double)test->width) : (double)test->options.scale;
    double most = -INFINITY, sum = 0.0;

    for (size_t j = 0; j < test->keys; j++) {
        double score = 0.0;

        for (size_t d = 0; d < test->width; d++)
            score += q[d] * k[j * k_pitch + d];
        weight[j] = sees(test, sample, i, j) ? scale * score : -INFINITY;
        most = fmax(most, weight[j]);
    }
    for (size_t j = 0; j < test->keys && isfinite(most); j++)
        sum += exp(weight[j] - most);
    for (size_t j = 0; j < test->keys; j++)
        weight[j] = sum > 0.0 ? exp(weight[j] - most) / sum : 0.0;
}

static void attention_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct attention_case *test = attributes;
    const size_t heads = test->options.heads, kv_heads = test->options.kv_heads == 0 ? heads : test->options.kv_heads;
    const size_t q_pitch = heads * test->width, k_pitch = kv_heads * test->width, v_pitch = kv_heads * test->value_width;
    double *weight = malloc(test->keys * sizeof *weight);

    (void)shapes;
    ck_assert_ptr_nonnull(weight);
    for (size_t s = 0; s < test->batch; s++)
        for (size_t h = 0; h < heads; h++)
            for (size_t i = 0; i < test->queries; i++) {
                const size_t shared = h / (heads / kv_heads);
                const double *v = inputs[2] + s * test->keys * v_pitch + shared * test->value_width;
                double *y = out + ((s * test->queries + i) * heads + h) * test->value_width;

                weigh(test, s, i, inputs[0] + (s * test->queries + i) * q_pitch + h * test->width,
                      inputs[1] + s * test->keys * k_pitch + shared * test->width, k_pitch, weight);
                memset(y, 0, test->value_width * sizeof *y);
                for (size_t j = 0; j < test->keys; j++)
                    for (size_t d = 0; d < test->value_width; d++)
                        y[d] += weight[j] * kept_of(test, s * heads + h, i, j) * v[j * v_pitch + d];
            }
    free(weight);
}

static void check_attention(struct attention_case test)
{
    const size_t heads = test.options.heads, kv_heads = test.options.kv_heads == 0 ? heads : test.options.kv_heads;

    ops_run_check(&(struct ops_check){
        .what = "attention",
        .build = build_attention,
        .reference = attention_reference,
        .attributes = &test,
        .input_count = 3,
        .shapes = { { 3, { test.batch, test.queries, heads * test.width } },
                    { 3, { test.batch, test.keys, kv_heads * test.width } },
                    { 3, { test.batch, test.keys, kv_heads * test.value_width } } },
        .low = -2.0f,
        .high = 2.0f,
        .gradient_tolerance = test.keys == 1 ? 1e-3 : 0.0, /* all scores' gradients are 0, but for the rounding of a difference */
        .mode = test.options.dropout > 0.0f ? CLMIX_TRAINING : CLMIX_INFERENCE,
    });
}

START_TEST(lengths_of_every_kind)
{
    static const size_t lengths[][2] = { { 1, 1 }, { 7, 70 }, { 37, 5 }, { 65, 66 } };

    for (size_t i = 0; i < (ops_small_effort() ? 2 : 4); i++)
        check_attention((struct attention_case){
            .options = { .heads = 2 }, .batch = 2, .queries = lengths[i][0], .keys = lengths[i][1], .width = 32, .value_width = 32 });
}
END_TEST

/* More than one block of each, and the last ones short. */
START_TEST(several_blocks)
{
    if (!ops_small_effort())
        check_attention((struct attention_case){
            .options = { .heads = 1, .scale = 0.3f }, .batch = 1, .queries = 211, .keys = 150, .width = 32, .value_width = 32 });
}
END_TEST

/* Widths that are no whole vectors, keys and values that heads share. */
START_TEST(widths_and_shared_heads)
{
    for (size_t kv_heads = 1; kv_heads <= 4; kv_heads *= 2)
        check_attention((struct attention_case){
            .options = { .heads = 4, .kv_heads = kv_heads }, .batch = 2, .queries = 19, .keys = 23, .width = 5, .value_width = 35 });
}
END_TEST

START_TEST(masked_keys)
{
    for (int masked = 1; masked <= 2; masked++)
        check_attention((struct attention_case){
            .options = { .heads = 2 }, .batch = 2, .queries = 18, .keys = 33, .width = 5, .value_width = 35, .masked = masked });
}
END_TEST

START_TEST(ranges_of_keys)
{
    static const size_t windows[] = { 0, 3, 16, 90 };

    for (size_t w = 0; w < (ops_small_effort() ? 2 : 4); w++)
        for (int causal = w == 0; causal < 2; causal++)
            check_attention((struct attention_case){ .options = { .heads = 1, .causal = causal, .window = windows[w] },
                                                     .batch = 1,
                                                     .queries = 75,
                                                     .keys = 75,
                                                     .width = 5,
                                                     .value_width = 35 });
}
END_TEST

START_TEST(dropped_weights)
{
    check_attention((struct attention_case){
        .options = { .heads = 3, .dropout = 0.3f }, .batch = 2, .queries = 21, .keys = 75, .width = 5, .value_width = 35 });
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attention");
    TCase *all = tcase_create("attention");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, lengths_of_every_kind);
    tcase_add_test(all, several_blocks);
    tcase_add_test(all, widths_and_shared_heads);
    tcase_add_test(all, masked_keys);
    tcase_add_test(all, ranges_of_keys);
    tcase_add_test(all, dropped_weights);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
