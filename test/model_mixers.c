/* Token mixers alone, against their equations. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "io/json.h"
#include "models/mixers/mixer.h"
#include "support_ops.h"
#include "support_suite.h"

/* `text` is what a configuration has under "mixer", of a backbone with so many heads. */
static struct clmix_mixer read_mixer_of(const char *text, size_t heads, size_t head_dim)
{
    struct clmix_mixer mixer = { .heads = heads, .head_dim = head_dim };
    cJSON *json = cJSON_Parse(text);

    ops_ok(clmix_keys_read(&mixer.mixer, json, "mixer", "kind", NULL, clmix_mixer_tables));
    cJSON_Delete(json);
    ops_ok(clmix_mixer_settle(&mixer, "mixer"));
    return mixer;
}

static struct clmix_mixer read_mixer(const char *text)
{
    return read_mixer_of(text, 0, 0);
}

/* Weights of mixers of 2 heads of width 4, up to one of no elements. */
struct weight {
    const char *name;
    size_t count;
};
static const struct weight nystrom_weights[] = {
    { "to_qkv.weight", 3 * 64 }, { "res_conv.weight", 2 * 33 }, { "to_out.0.weight", 64 }, { "to_out.0.bias", 8 }, { NULL, 0 }
};
static const struct weight performer_weights[] = {
    { "to_q.weight", 64 },
    { "to_q.bias", 8 },
    { "to_k.weight", 64 },
    { "to_k.bias", 8 },
    { "to_v.weight", 64 },
    { "to_v.bias", 8 },
    { "to_out.weight", 64 },
    { "to_out.bias", 8 },
    { "fast_attention.projection_matrix", 5 * 4 },
    { NULL, 0 },
};

static void write_weights(clmix_plan *plan, const struct weight *weights, uint64_t stream)
{
    for (size_t i = 0; weights[i].count > 0; i++) {
        float *values = ops_floats(weights[i].count, stream + i, -0.7f, 0.7f);

        ops_write(plan, weights[i].name, values, weights[i].count);
        free(values);
    }
}

/* ---- against their equations ----------------------------------------------------------------------------------------------------------- */

static clmix_value build_alone(clmix_scope at, const clmix_value *inputs, const void *mixer)
{
    struct clmix_sequence tokens = { .value = inputs[0] };

    return clmix_mix(at, &tokens, mixer);
}

static double gelu(double x)
{
    return x / 2 * (1 + erf(x / sqrt(2)));
}

/* y = W2 gelu(W1 x + b1) + b2 along the tokens: x, W1, b1, W2, b2. */
static void mlp_reference(const double *const *inputs, const clmix_shape *shapes, double *output, const void *attributes)
{
    size_t tokens = shapes[0].size[1], columns = shapes[0].size[2], hidden = shapes[2].size[0];
    double *active = malloc(hidden * sizeof *active);

    (void)attributes;
    for (size_t b = 0; b < shapes[0].size[0]; b++)
        for (size_t c = 0; c < columns; c++) {
            const double *x = inputs[0] + b * tokens * columns + c;
            double *y = output + b * tokens * columns + c;

            for (size_t h = 0; h < hidden; h++) {
                double sum = inputs[2][h];

                for (size_t i = 0; i < tokens; i++)
                    sum += inputs[1][h * tokens + i] * x[i * columns];
                active[h] = gelu(sum);
            }
            for (size_t j = 0; j < tokens; j++) {
                double sum = inputs[4][j];

                for (size_t h = 0; h < hidden; h++)
                    sum += inputs[3][j * hidden + h] * active[h];
                y[j * columns] = sum;
            }
        }
    free(active);
}

static const struct {
    const char *mixer;
    size_t batch, tokens, channels;
} mlps[] = {
    { "{\"kind\":\"mlp\"}", 2, 5, 3 },
    { "{\"kind\":\"mlp\",\"expansion\":1}", 3, 13, 8 },
    { "{\"kind\":\"mlp\",\"expansion\":2}", 1, 1, 7 },
    { "{\"kind\":\"mlp\",\"expansion\":3}", 2, 4, 1 },
};

START_TEST(mlp_mixes_tokens_as_its_equation_says)
{
    struct clmix_mixer mixer = read_mixer(mlps[_i].mixer);
    struct ops_check check = {
        .what = mlps[_i].mixer,
        .build = build_alone,
        .reference = mlp_reference,
        .attributes = &mixer,
        .input_count = 1,
        .shapes = { { .rank = 3, .size = { mlps[_i].batch, mlps[_i].tokens, mlps[_i].channels } } },
        .parameters = { "0.weight", "0.bias", "3.weight", "3.bias" },
    };

    ops_run_check(&check);
    clmix_keys_free(&mixer.mixer);
}
END_TEST

START_TEST(what_a_mixer_cannot_take_is_refused)
{
    struct clmix_mixer mixer = read_mixer("{\"kind\":\"mlp\"}");

    for (int what = 0; what < 3; what++) {
        static const char *const sentences[] = { "mix: the mixer 'mlp' takes no mask", "mix: the mixer 'mlp' has no queries",
                                                 "mix: a mixer takes tokens (batch, tokens, channels), and this is 2x6" };
        clmix_graph *graph = clmix_graph_new();
        struct clmix_sequence tokens = { .value = clmix_input(graph, "x", CLMIX_F32, what == 2 ? 2 : 3, (size_t[]){ 2, 6, 4 }) };

        if (what == 0)
            tokens.mask = clmix_input(graph, "mask", CLMIX_I32, 2, (size_t[]){ 2, 6 });
        if (what == 1)
            tokens.position = clmix_input(graph, "position", CLMIX_F32, 2, (size_t[]){ 6, 4 });
        ck_assert(!clmix_is_value(clmix_mix(clmix_in(clmix_root(graph), "mix"), &tokens, &mixer)));
        ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
        ck_assert_msg(strstr(clmix_error(), sentences[what]) != NULL, "%s", clmix_error());
        clmix_graph_free(graph);
    }
    clmix_keys_free(&mixer.mixer);
}
END_TEST

/* Heads that a backbone lacks, and keys that do not fit. */
START_TEST(what_does_not_go_with_a_backbone_is_refused)
{
    static const struct {
        const char *mixer;
        size_t heads;
        const char *sentence;
    } refused[] = {
        { "{\"kind\":\"nystrom\"}", 0, "here: the mixer 'nystrom' has heads, and this model has none" },
        { "{\"kind\":\"linformer\"}", 0, "here: the mixer 'linformer' has heads, and this model has none" },
        { "{\"kind\":\"performer\"}", 0, "here: the mixer 'performer' has heads, and this model has none" },
        { "{\"kind\":\"performer\",\"local_heads\":3}", 2, "here: 'local_heads' is 3, and there are 2 heads" },
        { "{\"kind\":\"nystrom\",\"residual_conv_kernel\":4}", 2, "here: 'residual_conv_kernel' is 4; an odd number" },
        { "{\"kind\":\"efficient\"}", 0, "here: the mixer 'efficient' has heads, and this model has none" },
        { "{\"kind\":\"kerformer\",\"causal\":true,\"k_activation\":\"softmax_position\"}", 2, "which mixes all tokens" },
        { "{\"kind\":\"kerformer\",\"causal\":true,\"se\":\"n_from_n\"}", 2, "'se' n_from_n, which sees all tokens" },
        { "{\"kind\":\"kerformer\",\"causal\":true,\"se\":\"d_from_d\"}", 2, "'se' d_from_d, which sees all tokens" },
        { "{\"kind\":\"dct\",\"coefficients\":4}", 0, "here: the mixer 'dct' has heads, and this model has none" },
        { "{\"kind\":\"dct\"}", 2, "here: the mixer 'dct' needs 'coefficients', or 'ratio'" },
        { "{\"kind\":\"dct\",\"coefficients\":4,\"ratio\":0.5}", 2, "here: the mixer 'dct' has both 'coefficients' and 'ratio'" },
        { "{\"kind\":\"dct\",\"coefficients\":4,\"where\":\"qkv\",\"mask_input\":true}", 2, "here: 'mask_input' goes with 'where' x" },
        { "{\"kind\":\"mra2\"}", 2, "here: the mixer 'mra2' takes 'blocks_per_row' or 'num_blocks', and this has neither" },
        { "{\"kind\":\"mra2_sparse\",\"blocks_per_row\":2,\"num_blocks\":2}", 2, "'num_blocks', and this has both" },
        { "{\"kind\":\"mra2\",\"num_blocks\":2,\"input_shape\":[8,12]}", 2, "'input_shape' is 8x12; the height must be a multiple of 4" },
        { "{\"kind\":\"mra2\",\"num_blocks\":2}", 0, "here: the mixer 'mra2' has heads, and this model has none" },
    };

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct clmix_mixer mixer = { .heads = refused[i].heads, .head_dim = 4 };
        cJSON *json = cJSON_Parse(refused[i].mixer);

        ops_ok(clmix_keys_read(&mixer.mixer, json, "mixer", "kind", NULL, clmix_mixer_tables));
        cJSON_Delete(json);
        ck_assert_int_eq(clmix_mixer_settle(&mixer, "here"), CLMIX_ERROR_FORMAT);
        ck_assert_msg(strstr(clmix_error(), refused[i].sentence) != NULL, "%s", clmix_error());
        clmix_keys_free(&mixer.mixer);
    }
}
END_TEST

/* One head of keys for all heads of queries cannot turn with each of them. */
START_TEST(linformer_turns_keys_of_each_head_only)
{
    struct clmix_mixer mixer = read_mixer_of("{\"kind\":\"linformer\"}", 2, 4);
    clmix_graph *graph = clmix_graph_new();
    struct clmix_sequence tokens = { .value = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ 2, 6, 8 }),
                                     .position = clmix_input(graph, "position", CLMIX_F32, 2, (size_t[]){ 6, 4 }) };

    ops_poisoned(graph, clmix_mix(clmix_in(clmix_root(graph), "mix"), &tokens, &mixer), "mix: positions turn each head's keys");
    clmix_keys_free(&mixer.mixer);
}
END_TEST

/* What is made for so many tokens serves fewer, and not more. */
START_TEST(more_tokens_than_weights_are_refused)
{
    static const char *const mixers[][2] = { { "{\"kind\":\"kerformer\"}", "mixer: 9 tokens, and the mixer 'kerformer' has weights for 8" },
                                             { "{\"kind\":\"linformer\"}", "mixer: 9 tokens, and the mixer 'linformer' projects 8" } };

    for (size_t tokens = 8; tokens <= 9; tokens++) {
        struct clmix_mixer mixer = { .heads = 2, .head_dim = 4, .longest = 8 };
        clmix_graph *graph = clmix_graph_new();
        const struct clmix_sequence x = { .value = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ 2, tokens, 8 }) };
        cJSON *json = cJSON_Parse(mixers[_i][0]);

        ops_ok(clmix_keys_read(&mixer.mixer, json, "mixer", "kind", NULL, clmix_token_mixer_tables));
        cJSON_Delete(json);
        ops_ok(clmix_mixer_settle(&mixer, "mixer"));
        if (tokens == 8) {
            clmix_mix(clmix_root(graph), &x, &mixer);
            ops_ok(clmix_graph_check(graph));
            clmix_graph_free(graph);
        } else
            ops_poisoned(graph, clmix_mix(clmix_root(graph), &x, &mixer), mixers[_i][1]);
        clmix_keys_free(&mixer.mixer);
    }
}
END_TEST

/* With maxima of each sample a picture's answer is its own; with those of the batch it is not. */
START_TEST(maxima_of_samples_and_of_the_batch)
{
    enum { TOKENS = 10, DIM = 8, ALL = 2 * TOKENS * DIM };
    static const char *const mixers[2][2] = {
        { "{\"kind\":\"nystrom\",\"landmarks\":4,\"maxima\":\"sample\"}", "{\"kind\":\"nystrom\",\"landmarks\":4}" },
        { "{\"kind\":\"performer\",\"maxima\":\"sample\"}", "{\"kind\":\"performer\"}" },
    };
    const char *const *kinds = mixers[_i];
    float *x = ops_floats(ALL, 5, -3.0f, 3.0f);

    for (size_t i = ALL / 2; i < ALL; i++) /* the second sample has the maxima */
        x[i] *= 1.5f;
    for (int kind = 0; kind < 2; kind++) {
        struct clmix_mixer mixer = read_mixer_of(kinds[kind], 2, 4);
        float *y[2], away = 0.0f;

        ck_assert_int_eq(clmix_mixer_across(&mixer.mixer), kind == 1);
        ck_assert_uint_eq(clmix_mixer_length(&mixer, TOKENS), _i == 0 ? 12 : TOKENS);
        for (size_t batch = 1; batch <= 2; batch++) {
            clmix_graph *graph = clmix_graph_new();
            struct clmix_sequence tokens = { .value = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ batch, TOKENS, DIM }) };
            clmix_plan *plan;

            clmix_output(graph, "y", clmix_mix(clmix_root(graph), &tokens, &mixer));
            plan = ops_plan(graph, CLMIX_INFERENCE);
            write_weights(plan, _i == 0 ? nystrom_weights : performer_weights, 7);
            ops_write(plan, "x", x, batch * TOKENS * DIM);
            ops_ok(clmix_plan_run(plan));
            y[batch - 1] = ops_read(plan, "y", batch * TOKENS * DIM);
            clmix_plan_free(plan);
        }
        for (size_t i = 0; i < (size_t)TOKENS * DIM; i++)
            away = fmaxf(away, fabsf(y[0][i] - y[1][i]));
        ck_assert_msg(kind == 0 ? away < 1e-6f : away > 1e-5f, "'%s': %g away from the answer alone", kinds[kind], (double)away);
        free(y[0]);
        free(y[1]);
        clmix_keys_free(&mixer.mixer);
    }
    free(x);
}
END_TEST

/* ---- cosine space ------------------------------------------------------------------------------------------------------------------------- */

/* Of 10 tokens of random numbers, mixed by a kind with no weights of its own (queries, keys and values are one linear layer's). */
static float *mixed(const char *text, float attention_dropout, clmix_mode mode)
{
    enum { TOKENS = 10, DIM = 8, ALL = 2 * TOKENS * DIM };
    static const struct weight weights[] = { { "to_qkv.weight", 3 * 64 }, { "to_out.0.weight", 64 }, { "to_out.0.bias", 8 }, { NULL, 0 } };
    struct clmix_mixer mixer = read_mixer_of(text, 2, 4);
    clmix_graph *graph = clmix_graph_new();
    const struct clmix_sequence tokens = { .value = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ 2, TOKENS, DIM }) };
    float *x = ops_floats(ALL, 5, -3.0f, 3.0f), *y;
    clmix_plan *plan;

    mixer.attention_dropout = attention_dropout;
    clmix_output(graph, "y", clmix_mix(clmix_root(graph), &tokens, &mixer));
    plan = ops_plan(graph, mode);
    write_weights(plan, weights, 7);
    ops_write(plan, "x", x, ALL);
    ops_ok(clmix_plan_run(plan));
    y = ops_read(plan, "y", ALL);
    clmix_plan_free(plan);
    clmix_keys_free(&mixer.mixer);
    free(x);
    return y;
}

static bool same(float *a, float *b)
{
    const bool is_same = memcmp(a, b, 2 * 10 * 8 * sizeof *a) == 0;

    free(a);
    free(b);
    return is_same;
}

/* In float32 0.7 of 10 is less than 7. */
START_TEST(ratios_are_decimal)
{
    ck_assert(same(mixed("{\"kind\":\"dct\",\"where\":\"qkv\",\"ratio\":0.7}", 0.0f, CLMIX_INFERENCE),
                   mixed("{\"kind\":\"dct\",\"where\":\"qkv\",\"coefficients\":7}", 0.0f, CLMIX_INFERENCE)));
    ck_assert(same(mixed("{\"kind\":\"dct\",\"ratio\":0.01}", 0.0f, CLMIX_INFERENCE),
                   mixed("{\"kind\":\"dct\",\"coefficients\":1}", 0.0f, CLMIX_INFERENCE)));
}
END_TEST

/* Algorithm 1 calls softmax attention, which drops weights; the others do not. */
START_TEST(weights_are_dropped_in_algorithm_1_alone)
{
    static const char *const kinds[] = { "{\"kind\":\"dct\",\"coefficients\":6}", "{\"kind\":\"dct\",\"coefficients\":6,\"where\":\"qkv\"}",
                                         "{\"kind\":\"dct\",\"coefficients\":6,\"where\":\"ideal\"}" };

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(same(mixed(kinds[i], 0.5f, CLMIX_TRAINING), mixed(kinds[i], 0.0f, CLMIX_TRAINING)), i > 0);
}
END_TEST

/* The weights of all coefficients of both kinds are those of softmax attention. */
START_TEST(ideally_all_coefficients_are_attention)
{
    static const char *const kinds[] = { "{\"kind\":\"dct\",\"coefficients\":10,\"where\":\"ideal\"}",
                                         "{\"kind\":\"dct\",\"coefficients\":10,\"where\":\"ideal\",\"ideal_keep\":\"lshape\"}" };
    float *wanted = mixed("{\"kind\":\"softmax\"}", 0.0f, CLMIX_INFERENCE);

    for (int i = 0; i < 2; i++) {
        float *y = mixed(kinds[i], 0.0f, CLMIX_INFERENCE);

        ops_compare_floats(kinds[i], y, wanted, 2 * 10 * 8, 4e-6);
        free(y);
    }
    free(wanted);
}
END_TEST

/* Coefficients have no positions, and where queries, keys and values are all that there is, no tokens. */
START_TEST(algorithm_1_works_on_tokens)
{
    struct clmix_mixer mixer = read_mixer_of("{\"kind\":\"dct\",\"coefficients\":3}", 2, 4);
    clmix_graph *graph = clmix_graph_new();
    struct clmix_sequence tokens = { .value = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ 2, 6, 8 }),
                                     .position = clmix_input(graph, "position", CLMIX_F32, 2, (size_t[]){ 6, 4 }) };
    struct clmix_heads heads;

    ops_poisoned(graph, clmix_mix(clmix_in(clmix_root(graph), "mix"), &tokens, &mixer),
                 "mix: the mixer 'dct' with 'where' x has queries and keys");
    graph = clmix_graph_new();
    heads = (struct clmix_heads){ .q = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ 2, 6, 8 }) };
    heads.k = heads.v = heads.q;
    ops_poisoned(graph, clmix_attend(clmix_root(graph), &heads, &mixer), "the mixer 'dct' with 'where' x transforms tokens");
    clmix_keys_free(&mixer.mixer);
}
END_TEST

int main(void)
{
    TCase *alone = tcase_create("alone");
    Suite *suite = suite_create("mixers");

    tcase_add_unchecked_fixture(alone, ops_open, ops_close);
    tcase_add_loop_test(alone, mlp_mixes_tokens_as_its_equation_says, 0, (int)(sizeof mlps / sizeof *mlps));
    tcase_add_test(alone, what_a_mixer_cannot_take_is_refused);
    tcase_add_test(alone, what_does_not_go_with_a_backbone_is_refused);
    tcase_add_test(alone, linformer_turns_keys_of_each_head_only);
    tcase_add_loop_test(alone, maxima_of_samples_and_of_the_batch, 0, 2);
    tcase_add_loop_test(alone, more_tokens_than_weights_are_refused, 0, 2);
    tcase_add_test(alone, ratios_are_decimal);
    tcase_add_test(alone, weights_are_dropped_in_algorithm_1_alone);
    tcase_add_test(alone, ideally_all_coefficients_are_attention);
    tcase_add_test(alone, algorithm_1_works_on_tokens);
    suite_add_tcase(suite, alone);
    return support_run(suite);
}
