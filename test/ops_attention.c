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
    double most = -INFINITY, sum;

    for (size_t j = 0; j < test->keys; j++) {
        double score = 0.0;

        for (size_t d = 0; d < test->width; d++)
            score += q[d] * k[j * k_pitch + d];
        weight[j] = sees(test, sample, i, j) ? scale * score : -INFINITY;
        most = fmax(most, weight[j]);
    }
    if (test->options.zero_keys > 0)
        most = fmax(most, 0.0);
    sum = (double)test->options.zero_keys * exp(-most);
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

/* Where there is one key all scores' gradients are 0, but for the rounding of a difference; large scores are rounded by more. */
static double gradient_tolerance(const struct attention_case *test)
{
    return test->keys == 1 || test->options.scale > 1.0f ? 2e-3 : 0.0;
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
        .gradient_tolerance = gradient_tolerance(&test),
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

/* Also where all others are masked. */
START_TEST(keys_of_zeros)
{
    for (int masked = 0; masked <= 2; masked += 2)
        check_attention((struct attention_case){ .options = { .heads = 2, .zero_keys = 7 },
                                                 .batch = 2,
                                                 .queries = 18,
                                                 .keys = 33,
                                                 .width = 5,
                                                 .value_width = 35,
                                                 .masked = masked });
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

/* No exponential overflows, and what is far below the largest score is 0. */
START_TEST(large_scores)
{
    check_attention((struct attention_case){
        .options = { .heads = 1, .scale = 12.0f }, .batch = 1, .queries = 18, .keys = 33, .width = 5, .value_width = 35 });
}
END_TEST

START_TEST(dropped_weights)
{
    check_attention((struct attention_case){
        .options = { .heads = 3, .dropout = 0.3f }, .batch = 2, .queries = 21, .keys = 75, .width = 5, .value_width = 35 });
}
END_TEST

/* ---- one value for all -------------------------------------------------------------------------------------------------------------- */

enum { SAMPLES = 6, TOKENS = 29, HEADS = 2, HEAD = 32, WIDTH = HEADS * HEAD, SAMPLE = TOKENS * 3 * WIDTH };

/* Queries, keys and values side by side, as one linear layer makes them. */
struct side {
    float dropout;
    size_t first, count; /* samples of the batch */
    bool placed;         /* and not as though they were all */
};

struct results {
    float *y, *dx;
    size_t launches;
};

static struct results run_side(const float *x, struct side side)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value input = clmix_batch_input(graph, "x", CLMIX_F32, 3, (size_t[]){ side.count, TOKENS, 3 * (size_t)WIDTH }), y;
    clmix_value dy = clmix_batch_input(graph, "dy", CLMIX_F32, 3, (size_t[]){ side.count, TOKENS, WIDTH });
    float *ones = ops_floats(side.count * TOKENS * WIDTH, 0, 1.0f, 1.0f);
    struct results results;
    clmix_plan *plan;

    clmix_want_gradient(input);
    y = clmix_attention(clmix_slice(input, -1, 0, WIDTH), clmix_slice(input, -1, WIDTH, WIDTH),
                        clmix_slice(input, -1, 2 * (size_t)WIDTH, WIDTH), (clmix_value){ 0 },
                        (clmix_attention_options){ .heads = HEADS, .dropout = side.dropout });
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    clmix_output(graph, "dx", clmix_gradient_of(input));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "x", x + side.first * SAMPLE, side.count * SAMPLE);
    ops_write(plan, "dy", ones, side.count * TOKENS * WIDTH);
    if (side.placed)
        ops_ok(clmix_plan_set_place(plan, side.first, SAMPLES));
    ops_ok(clmix_plan_set_step(plan, 5, 6));
    ops_ok(clmix_plan_run(plan));
    results = (struct results){ .y = ops_read(plan, "y", side.count * TOKENS * WIDTH),
                                .dx = ops_read(plan, "dx", side.count * SAMPLE),
                                .launches = ops_launches(plan) };
    clmix_plan_free(plan);
    free(ones);
    return results;
}

static void free_results(struct results results)
{
    free(results.y);
    free(results.dx);
}

static bool are_equal(const struct results *whole, const struct results *share, struct side side)
{
    return memcmp(share->y, whole->y + side.first * TOKENS * WIDTH, side.count * TOKENS * WIDTH * sizeof(float)) == 0 &&
           memcmp(share->dx, whole->dx + side.first * SAMPLE, side.count * SAMPLE * sizeof(float)) == 0;
}

/* Launches where queries, keys and values are three inputs, with a gradient each. */
static size_t launches_apart(void)
{
    static const char *const names[] = { "q", "k", "v" }, *const gradients[] = { "dq", "dk", "dv" };
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[3], y, dy = clmix_batch_input(graph, "dy", CLMIX_F32, 3, (size_t[]){ SAMPLES, TOKENS, WIDTH });
    clmix_plan *plan;
    size_t launches;

    for (int i = 0; i < 3; i++) {
        inputs[i] = clmix_batch_input(graph, names[i], CLMIX_F32, 3, (size_t[]){ SAMPLES, TOKENS, WIDTH });
        clmix_want_gradient(inputs[i]);
    }
    y = clmix_attention(inputs[0], inputs[1], inputs[2], (clmix_value){ 0 }, (clmix_attention_options){ .heads = HEADS });
    clmix_output(graph, "y", y);
    clmix_backward(graph, 1, &y, &dy);
    for (int i = 0; i < 3; i++)
        clmix_output(graph, gradients[i], clmix_gradient_of(inputs[i]));
    plan = ops_plan(graph, CLMIX_TRAINING);
    launches = ops_launches(plan);
    clmix_plan_free(plan);
    return launches;
}

/* Gradients are made in the columns where they belong: nothing is copied, neither on the way in nor out. */
START_TEST(columns_of_one_value)
{
    float *x = ops_floats((size_t)SAMPLES * SAMPLE, 1, -1.0f, 1.0f);
    const struct side all = { .count = SAMPLES };
    struct results first = run_side(x, all), again = run_side(x, all);

    ck_assert_uint_eq(first.launches, launches_apart());
    ck_assert(are_equal(&first, &again, all));
    free_results(first);
    free_results(again);
    free(x);
}
END_TEST

/* No split of a batch changes which weights are dropped, forward or backward. */
START_TEST(dropped_by_the_place_in_the_batch)
{
    float *x = ops_floats((size_t)SAMPLES * SAMPLE, 1, -1.0f, 1.0f);
    struct results whole = run_side(x, (struct side){ .dropout = 0.25f, .count = SAMPLES });

    for (size_t first = 0; first < SAMPLES; first += 3)
        for (int placed = 0; placed < 2; placed++) {
            const struct side side = { .dropout = 0.25f, .first = first, .count = 3, .placed = placed };
            struct results share = run_side(x, side);

            ck_assert_msg(are_equal(&whole, &share, side) == (placed || first == 0), "samples from %zu on, %splaced", first,
                          placed ? "" : "not ");
            free_results(share);
        }
    free_results(whole);
    free(x);
}
END_TEST

/* In slices of the batch, with a mask that is cut with it. */
START_TEST(slices_of_the_batch)
{
    const size_t count = (size_t)SAMPLES * TOKENS * WIDTH;
    float *x = ops_floats((size_t)SAMPLES * SAMPLE, 1, -1.0f, 1.0f), *y[2];
    int32_t mask[SAMPLES * TOKENS];

    for (size_t i = 0; i < SAMPLES * TOKENS; i++)
        mask[i] = i % 5 != 2;
    for (int sliced = 0; sliced < 2; sliced++) {
        clmix_graph *graph = clmix_graph_new();
        clmix_value input = clmix_batch_input(graph, "x", CLMIX_F32, 3, (size_t[]){ SAMPLES, TOKENS, 3 * (size_t)WIDTH });
        clmix_value keys = clmix_batch_input(graph, "mask", CLMIX_I32, 2, (size_t[]){ SAMPLES, TOKENS });
        clmix_plan *plan;

        input = clmix_relu(input);
        clmix_output(graph, "y",
                     clmix_relu(clmix_attention(clmix_slice(input, -1, 0, WIDTH), clmix_slice(input, -1, WIDTH, WIDTH),
                                                clmix_slice(input, -1, 2 * (size_t)WIDTH, WIDTH), keys,
                                                (clmix_attention_options){ .heads = HEADS })));
        ops_slice(sliced ? "4" : "off");
        plan = ops_plan(graph, CLMIX_INFERENCE);
        ops_slice(NULL);
        ops_write(plan, "x", x, (size_t)SAMPLES * SAMPLE);
        ops_ok(clmix_plan_write(plan, "mask", mask, sizeof mask));
        ops_ok(clmix_plan_run(plan));
        y[sliced] = ops_read(plan, "y", count);
        clmix_plan_free(plan);
    }
    ck_assert_int_eq(memcmp(y[0], y[1], count * sizeof(float)), 0);
    free(y[0]);
    free(y[1]);
    free(x);
}
END_TEST

/* ---- dropped weights: how many -------------------------------------------------------------------------------------------------------- */

/* Of scores and values that are all 0 and 1, y is the share of weights that are kept, divided by 1 - rate. */
START_TEST(share_of_dropped_weights)
{
    enum { QUERIES = 61, KEYS = 100, ALL = 2 * QUERIES * KEYS };
    static const float rates[] = { 0.1f, 0.5f };

    for (size_t r = 0; r < 2; r++) {
        clmix_graph *graph = clmix_graph_new();
        clmix_value q = clmix_input(graph, "q", CLMIX_F32, 3, (size_t[]){ 1, QUERIES, 10 });
        clmix_value k = clmix_input(graph, "k", CLMIX_F32, 3, (size_t[]){ 1, KEYS, 10 });
        clmix_value v = clmix_input(graph, "v", CLMIX_F32, 3, (size_t[]){ 1, KEYS, 70 });
        float *zeros = ops_floats(KEYS * 10, 0, 0.0f, 0.0f), *ones = ops_floats(KEYS * 70, 0, 1.0f, 1.0f), *y;
        const double std = sqrt((double)rates[r] / (1.0 - (double)rates[r]) / (double)ALL);
        double mean = 0.0, squares = 0.0;
        clmix_plan *plan;

        clmix_output(graph, "y",
                     clmix_attention(q, k, v, (clmix_value){ 0 }, (clmix_attention_options){ .heads = 2, .dropout = rates[r] }));
        plan = ops_plan(graph, CLMIX_TRAINING);
        ops_write(plan, "q", zeros, (size_t)QUERIES * 10);
        ops_write(plan, "k", zeros, (size_t)KEYS * 10);
        ops_write(plan, "v", ones, (size_t)KEYS * 70);
        ops_ok(clmix_plan_set_step(plan, 1, 2));
        ops_ok(clmix_plan_run(plan));
        y = ops_read(plan, "y", (size_t)QUERIES * 70);
        for (size_t i = 0; i < 2 * QUERIES; i++) {
            const double share = (double)y[i * 35];

            mean += share / (2 * QUERIES);
            squares += (share - 1.0) * (share - 1.0) / (2 * QUERIES);
        }
        ck_assert_double_eq_tol(mean, 1.0, 4.0 * std);
        /* rows differ as independent draws do: their variance is that of one weight by the number of keys, within 6 of its own deviations */
        ck_assert_double_eq_tol(squares / (std * std * 2.0 * (double)QUERIES), 1.0, 6.0 / sqrt((double)QUERIES));
        free(zeros);
        free(ones);
        free(y);
        clmix_plan_free(plan);
    }
}
END_TEST

/* ---- memory and limits ---------------------------------------------------------------------------------------------------------------- */

static clmix_status plan_training(clmix_plan **plan, size_t tokens, size_t width)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_batch_input(graph, "x", CLMIX_F32, 3, (size_t[]){ 2, tokens, width }), y, dy;
    clmix_status status;

    clmix_want_gradient(x);
    dy = clmix_batch_input(graph, "dy", CLMIX_F32, 3, (size_t[]){ 2, tokens, width });
    y = clmix_attention(x, x, x, (clmix_value){ 0 }, (clmix_attention_options){ .heads = 1 });
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    status = clmix_plan_compile(plan, graph, ops_device, CLMIX_TRAINING);
    clmix_graph_free(graph);
    return status;
}

/* Sixty-four times the tokens need sixty-four times the memory, of which parts of gradients are some: no matrix of weights, 1 GiB a sample. */
START_TEST(memory_is_linear_in_tokens)
{
    size_t first = 0;

    for (size_t tokens = 256; tokens <= 16384; tokens *= 4) {
        clmix_plan_cost cost;
        clmix_plan *plan;

        ops_ok(plan_training(&plan, tokens, 32));
        clmix_plan_costs(plan, &cost);
        first = tokens == 256 ? cost.peak_bytes : first;
        ck_assert_msg(cost.peak_bytes <= tokens / 256 * first * 5 / 4, "%zu tokens: %zu bytes, 256 tokens: %zu", tokens, cost.peak_bytes,
                      first);
        clmix_plan_free(plan);
    }
}
END_TEST

/* The wide form needs room for whole rows. */
START_TEST(heads_wider_than_local_memory)
{
    clmix_plan *plan = NULL;
    clmix_status status = plan_training(&plan, 16, 1 << 16);

    if (clmix_device_describe(ops_device)->form != CLMIX_WIDE) {
        ops_ok(status);
        clmix_plan_free(plan);
        return;
    }
    ck_assert(status == CLMIX_ERROR_UNSUPPORTED && plan == NULL);
    ck_assert_msg(strstr(clmix_error(), "take more and narrower heads") != NULL, "%s", clmix_error());
}
END_TEST

/* ---- sentences ------------------------------------------------------------------------------------------------------------------------ */

static void refuse(const clmix_shape shapes[3], clmix_type type, clmix_shape mask, clmix_attention_options options, const char *sentence)
{
    static const char *const names[] = { "q", "k", "v" };
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[3], keys = { 0 };

    for (int i = 0; i < 3; i++)
        inputs[i] = clmix_input(graph, names[i], i == 1 ? type : CLMIX_F32, shapes[i].rank, shapes[i].size);
    if (mask.rank > 0)
        keys = clmix_input(graph, "mask", CLMIX_I32, mask.rank, mask.size);
    ops_poisoned(graph, clmix_attention(inputs[0], inputs[1], inputs[2], keys, options), sentence);
}

START_TEST(what_does_not_fit)
{
    const clmix_shape none = { 0, { 0 } }, tokens = { 3, { 2, 9, 12 } }, fewer = { 3, { 2, 7, 12 } }, more = { 3, { 3, 9, 12 } },
                      half = { 3, { 2, 9, 6 } };
    const clmix_attention_options heads = { .heads = 3 };

    refuse((clmix_shape[]){ tokens, tokens, tokens }, CLMIX_F32, none, (clmix_attention_options){ 0 }, "attention of 0 heads");
    refuse((clmix_shape[]){ tokens, tokens, tokens }, CLMIX_F32, none, (clmix_attention_options){ .heads = 4, .kv_heads = 3 },
           "3 heads of keys and values do not divide 4 heads of queries");
    refuse((clmix_shape[]){ tokens, tokens, tokens }, CLMIX_F32, none, (clmix_attention_options){ .heads = 3, .dropout = 1.0f },
           "a dropout rate of 1;");
    refuse((clmix_shape[]){ tokens, tokens, tokens }, CLMIX_F32, none, (clmix_attention_options){ .heads = 3, .scale = INFINITY },
           "a scale of inf");
    refuse((clmix_shape[]){ tokens, tokens, tokens }, CLMIX_I32, none, heads, "the keys must be f32 of three axes");
    refuse((clmix_shape[]){ ops_shape2(9, 12), tokens, tokens }, CLMIX_F32, none, heads, "the queries must be f32 of three axes");
    refuse((clmix_shape[]){ tokens, more, more }, CLMIX_F32, none, heads, "queries 2x9x12, keys 3x9x12 and values 3x9x12 need one batch");
    refuse((clmix_shape[]){ tokens, tokens, fewer }, CLMIX_F32, none, heads, "and keys and values one length");
    refuse((clmix_shape[]){ tokens, tokens, tokens }, CLMIX_F32, none, (clmix_attention_options){ .heads = 5 },
           "cannot be cut into 5, 5 and 5");
    refuse((clmix_shape[]){ tokens, half, half }, CLMIX_F32, none, heads,
           "3 heads of queries 2x9x12 are 4 wide, and 3 of keys 2x9x6 are 2");
    refuse((clmix_shape[]){ tokens, fewer, fewer }, CLMIX_F32, none, (clmix_attention_options){ .heads = 3, .causal = true },
           "9 queries and 7 keys;");
    refuse((clmix_shape[]){ tokens, tokens, tokens }, CLMIX_F32, ops_shape2(2, 8), heads, "the mask is 2x8; keys 2x9x12 need 2x9");
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
    tcase_add_test(all, keys_of_zeros);
    tcase_add_test(all, masked_keys);
    tcase_add_test(all, ranges_of_keys);
    tcase_add_test(all, large_scores);
    tcase_add_test(all, dropped_weights);
    tcase_add_test(all, columns_of_one_value);
    tcase_add_test(all, dropped_by_the_place_in_the_batch);
    tcase_add_test(all, slices_of_the_batch);
    tcase_add_test(all, share_of_dropped_weights);
    tcase_add_test(all, memory_is_linear_in_tokens);
    tcase_add_test(all, heads_wider_than_local_memory);
    tcase_add_test(all, what_does_not_fit);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
