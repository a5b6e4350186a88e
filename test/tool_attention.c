/* clmix-bench attention: a row for every mixer, figures that agree with what mixers are, plots, misuse. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "bench/attention.h"
#include "support_bench.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"

/* The objects in the program's lines. */
static cJSON *rows_of(const char *arguments)
{
    return tool_rows("clmix-bench attention %s --quick --json", arguments);
}

static void check_pass(const cJSON *row, const char *pass)
{
    char keys[4][64];
    static const char *const names[] = { "ms_min", "ms", "bytes", "flops" };

    for (int i = 0; i < 4; i++) {
        snprintf(keys[i], sizeof keys[i], "%s_%s", pass, names[i]);
        ck_assert_msg(json_number(row, keys[i]) > 0.0, "%s of %s", keys[i], json_text(row, "mixer"));
    }
    ck_assert(json_number(row, keys[0]) <= json_number(row, keys[1]));
    ck_assert(json_number(row, keys[2]) >= 4.0 * 24 * 8 * sizeof(float)); /* operands and the result */
}

/* In the table's order; what does not keep all of softmax attention differs from it. */
START_TEST(a_row_for_every_mixer)
{
    cJSON *rows = rows_of("--tokens 24 --head-dim 8"), *row = rows->child;

    for (size_t i = 0; clmix_token_mixer_tables[i] != NULL; i++, row = row->next) {
        const char *kind = clmix_token_mixer_tables[i]->name;

        ck_assert_msg(row != NULL, "no row for '%s'", kind);
        ck_assert_str_eq(json_text(cJSON_GetObjectItem(row, "keys"), "kind"), kind);
        ck_assert_double_eq(json_number(row, "tokens"), 24.0);
        check_pass(row, "forward");
        check_pass(row, "training");
        check_signed(row);
        ck_assert(json_number(row, "entropy") > 1.0);
        /* of 24 tokens all blocks are chosen, and each is a landmark */
        ck_assert_int_eq(json_number(row, "error") < 1e-5,
                         strcmp(kind, "softmax") == 0 || strcmp(kind, "nystrom") == 0 || strncmp(kind, "mra2", 4) == 0);
    }
    ck_assert_ptr_null(row);
    cJSON_Delete(rows);
}
END_TEST

/* All coefficients are softmax attention, of several heads and samples too; N/8 are an eighth of the tokens. */
START_TEST(keys_are_those_that_are_given)
{
    cJSON *rows = rows_of(
        "dct:where=ideal,coefficients=20 dct:where=ideal,ratio=0.5 nystrom:landmarks=N/8 --tokens 20 --heads 2 --head-dim 8 --batch 2");
    const cJSON *keys = cJSON_GetObjectItem(cJSON_GetArrayItem(rows, 2), "keys");

    ck_assert_int_eq(cJSON_GetArraySize(rows), 3);
    ck_assert(json_number(cJSON_GetArrayItem(rows, 0), "error") < 1e-5);
    ck_assert(json_number(cJSON_GetArrayItem(rows, 1), "error") > 1e-3);
    ck_assert_double_eq(json_number(keys, "landmarks"), 2.0);
    cJSON_Delete(rows);
}
END_TEST

/* Values of a larger range have weights of less entropy, and plots of both over it. */
START_TEST(ranges_and_plots)
{
    static const char *const files[] = { "time-forward", "time-training", "memory-forward", "memory-training",
                                         "error",        "error-entropy", "error-time" };
    char arguments[512];
    cJSON *rows;

    snprintf(arguments, sizeof arguments, "kerformer efficient --tokens 20,30 --head-dim 8 --range 1,4 --plots '%s/plots'", bench_folder);
    rows = rows_of(arguments);
    ck_assert_int_eq(cJSON_GetArraySize(rows), 8);
    ck_assert(json_number(cJSON_GetArrayItem(rows, 4), "entropy") < json_number(cJSON_GetArrayItem(rows, 0), "entropy"));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char name[64], *plot;

        snprintf(name, sizeof name, "plots/%s.svg", files[i]);
        read_bench_file(name, &plot);
        ck_assert_msg(strncmp(plot, "<svg ", 5) == 0 && strstr(plot, ">kerformer</text>") != NULL &&
                          strstr(plot, ">efficient</text>") != NULL,
                      "%s: %s", name, plot);
        ck_assert_str_eq(plot + strlen(plot) - 7, "</svg>\n");
        free(plot);
    }
    cJSON_Delete(rows);
}
END_TEST

START_TEST(misuse)
{
    static const struct {
        const char *arguments, *sentence;
    } calls[] = {
        { "attention nothing", "has no kind 'nothing'" },
        { "attention kerformer:eps", "is not key=value" },
        { "attention linformer:landmarks=3", "landmarks" },
        { "attention dct:where=qkv", "needs 'coefficients', or 'ratio'" },
        { "attention dct:coefficients=3 --tokens 20 --quick", "'where' x transforms tokens" },
        { "attention softmax --tokens 20,x", "--tokens takes numbers from 1 to" },
        { "attention softmax --tokens 2.5", "which is no whole number" },
        { "attention softmax --range 0", "--range takes numbers" },
        { "attention softmax --heads -2", "--heads and --head-dim are from 1" },
        { "attention softmax --batch 0", "--batch is 0 and must be 1 or more" },
        { "ceilings --tokens 20", "are of attention" },
    };

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char *output;
        const int status = run_tool(&output, "clmix-bench %s 2>&1", calls[i].arguments);

        ck_assert_msg(status == 2 && strstr(output, calls[i].sentence) != NULL, "%s: %d, %s", calls[i].arguments, status, output);
        free(output);
    }
}
END_TEST

static struct bench_attention attention_of(const char *keys, size_t tokens)
{
    struct bench_attention of = { .mixer = { .heads = 2, .head_dim = 32, .longest = tokens }, .batch = 1, .tokens = tokens };
    cJSON *json = cJSON_Parse(keys);

    ops_ok(clmix_keys_read(&of.mixer.mixer, json, "mixer", "kind", NULL, clmix_token_mixer_tables));
    ops_ok(clmix_mixer_settle(&of.mixer, "mixer"));
    cJSON_Delete(json);
    return of;
}

static const struct {
    const char *keys;
    bool linear;
} kinds[] = {
    { "{\"kind\":\"softmax\"}", false },
    { "{\"kind\":\"kerformer\"}", true },
    { "{\"kind\":\"efficient\"}", true },
    { "{\"kind\":\"linear_elu\"}", true },
    { "{\"kind\":\"cosformer\"}", true },
    { "{\"kind\":\"performer\"}", true },
    { "{\"kind\":\"nystrom\"}", true },
    { "{\"kind\":\"linformer\"}", true },
    { "{\"kind\":\"dct\",\"where\":\"qkv\",\"coefficients\":64}", true },
    { "{\"kind\":\"dct\",\"where\":\"qkv\",\"ratio\":0.25}", false },
};

/* What a million tokens are tried with. */
START_TEST(what_is_linear)
{
    struct bench_attention of = attention_of(kinds[_i].keys, 65536);

    ck_assert_msg(bench_attention_is_linear(&of) == kinds[_i].linear, "%s", kinds[_i].keys);
    clmix_keys_free(&of.mixer.mixer);
}
END_TEST

/* Planned memory of all of them: the weights of softmax attention are never in memory, but the matrices of cosine transforms are. */
START_TEST(memory_grows_with_the_tokens)
{
    clmix_device *generic;

    ops_ok(clmix_device_generic(&generic));
    for (int training = 0; training < 2; training++) {
        double bytes[2];

        for (size_t i = 0; i < 2; i++) {
            struct bench_attention of = attention_of(kinds[_i].keys, (size_t)8192 << i);
            clmix_plan_cost cost;

            ops_ok(bench_attention_cost(generic, &of, training != 0, &cost));
            bytes[i] = (double)cost.peak_bytes;
            clmix_keys_free(&of.mixer.mixer);
        }
        ck_assert_msg(bytes[1] <= 2.1 * bytes[0] || !(kinds[_i].linear || _i == 0), "%s: %g and %g bytes", kinds[_i].keys, bytes[0],
                      bytes[1]);
    }
    clmix_device_close(generic);
}
END_TEST

int main(void)
{
    TCase *all = tcase_create("attention");
    Suite *suite = suite_create("attention");

    tcase_add_checked_fixture(all, make_bench_folder, remove_bench_folder);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, a_row_for_every_mixer);
    tcase_add_test(all, keys_are_those_that_are_given);
    tcase_add_test(all, ranges_and_plots);
    tcase_add_test(all, misuse);
    tcase_add_loop_test(all, what_is_linear, 0, (int)(sizeof kinds / sizeof *kinds));
    tcase_add_loop_test(all, memory_grows_with_the_tokens, 0, (int)(sizeof kinds / sizeof *kinds));
    suite_add_tcase(suite, all);
    return support_run(suite);
}
