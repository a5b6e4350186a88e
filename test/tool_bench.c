/* clmix-bench measures: the documented keys, sensible figures, misuse. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "bench/bench.h"
#include "support_bench.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"

static cJSON *bench(const char *arguments)
{
    char *output;
    cJSON *json;

    ck_assert_msg(run_tool(&output, "clmix-bench %s --json", arguments) == 0, "%s", output);
    json = cJSON_Parse(output);
    ck_assert_msg(json != NULL, "%s", output);
    free(output);
    return json;
}

/* The first keys, in order; more may follow. */
static void ck_keys(const cJSON *json, const char *const *keys, int count)
{
    ck_assert_int_ge(cJSON_GetArraySize(json), count);
    for (int i = 0; i < count; i++)
        ck_assert_str_eq(cJSON_GetArrayItem(json, i)->string, keys[i]);
}

static void ck_spread(const cJSON *json, const char *time)
{
    char least[32], low[32], high[32];

    snprintf(least, sizeof least, "%s_min", time);
    snprintf(low, sizeof low, "%s_q1", time);
    snprintf(high, sizeof high, "%s_q3", time);
    ck_assert(json_number(json, least) > 0.0 && json_number(json, least) <= json_number(json, low));
    ck_assert(json_number(json, low) <= json_number(json, time) && json_number(json, time) <= json_number(json, high));
    ck_assert(json_number(json, "runs") >= 2.0);
}

/* Work on the device: fraction_of_ceiling is what gflops, the least bytes and launches say, whichever is most, and bound_by says which. */
static void ck_bound(const cJSON *json, const cJSON *ceilings)
{
    const double arithmetic = json_number(json, "gflops") / json_number(ceilings, "fma_gflops"),
                 memory = 1e-6 * json_number(json, "least_bytes") / json_number(json, "ms") / json_number(ceilings, "copy_gbs"),
                 launches = json_number(json, "launches") * json_number(ceilings, "launch_us") / (1e3 * json_number(json, "ms"));
    const char *by = json_text(json, "bound_by");
    const double fraction = strcmp(by, "launches") == 0 ? launches : strcmp(by, "memory") == 0 ? memory : arithmetic;

    ck_assert(strcmp(by, "launches") == 0 || strcmp(by, "memory") == 0 || strcmp(by, "multiply-adds") == 0);
    ck_assert_double_eq_tol(json_number(json, "fraction_of_ceiling"), fraction, 1e-3 * fraction);
    ck_assert(fraction >= 0.999 * arithmetic && fraction >= 0.999 * memory && fraction >= 0.999 * launches);
    ck_assert_int_eq(cJSON_HasObjectItem(json, "below_tenth"), json_number(json, "fraction_of_ceiling") < 0.1);
}

START_TEST(ceilings_have_the_documented_keys)
{
    static const char *const keys[] = { "device", "fma_gflops", "copy_gbs", "launch_us", "sync_launch_us" };
    cJSON *json = bench("ceilings");

    ck_keys(json, keys, 5);
    for (int i = 1; i < 5; i++)
        ck_assert(json_number(json, keys[i]) > 0.0);
    check_signed(json);
    cJSON_Delete(json);
}
END_TEST

static const char *const modes[] = { "infer", "forward", "backward", "train" };

/* A batch of four pictures goes to the device whole, with little beside it, and the host takes a part of the step. */
static void ck_host(const cJSON *json, bool labelled)
{
    const double batch = 4 * (32 * 32 * 3 + (labelled ? 4 : 0));

    ck_assert(json_number(json, "host_ms") > 0.0 && json_number(json, "host_share") < 1.0);
    ck_assert_double_eq_tol(json_number(json, "host_share") * json_number(json, "step_ms"), json_number(json, "host_ms"),
                            1e-3 * json_number(json, "host_ms"));
    ck_assert_double_eq(json_number(json, "uploads"), 1);
    ck_assert(json_number(json, "upload_bytes") >= batch && json_number(json, "upload_bytes") <= batch + 1024.0);
}

/* What clmix-bench and clmix-summary say of a mode agrees; gives gflops times the time, which is what the mode must do. */
static double check_mode(const char *mode)
{
    static const char *const keys[] = {
        "peer",       "model",      "mode",   "batch",  "step_ms",         "step_ms_min", "images_per_second",
        "peak_bytes", "parameters", "device", "gflops", "fraction_of_peak"
    };
    char arguments[128], *output;
    cJSON *json, *plan;
    double work;

    snprintf(arguments, sizeof arguments, "model wavemix-16 --batch 4 --mode %s --seconds 0.1 --quick", mode);
    json = bench(arguments);
    ck_keys(json, keys, 12);
    check_signed(json);
    ck_spread(json, "step_ms");
    ck_assert_str_eq(json_text(json, "mode"), mode);
    ck_assert_double_eq(json_number(json, "batch"), 4);
    ck_assert_double_eq(json_number(json, "parameters"), 133914);
    ck_assert_double_eq_tol(json_number(json, "images_per_second") * json_number(json, "step_ms"), 4e3, 2.0);
    ck_assert(json_number(json, "gflops") > 0.0 && json_number(json, "fraction_of_peak") > 0.0);
    ck_assert(json_number(json, "gbs") > 0.0 && json_number(json, "fraction_of_copy") > 0.0);
    ck_assert(json_number(json, "least_bytes") > 0.0 && json_number(json, "moved_bytes") >= json_number(json, "least_bytes"));
    ck_assert_double_eq(json_number(json, "peak_bytes"), json_number(json, "planned_bytes"));
    ck_host(json, strcmp(mode, "infer") != 0);
    ck_assert_int_eq(run_tool(&output, "clmix-summary wavemix-16 --batch 4 --json"), 0);
    plan = cJSON_Parse(output);
    if (strcmp(mode, "train") == 0)
        ck_assert_double_eq(json_number(json, "peak_bytes"), json_number(plan, "peak_bytes_training"));
    if (strcmp(mode, "infer") == 0)
        ck_assert_double_eq(json_number(json, "peak_bytes"), json_number(plan, "peak_bytes_inference"));
    work = json_number(json, "gflops") * json_number(json, "step_ms");
    cJSON_Delete(plan);
    free(output);
    cJSON_Delete(json);
    return work;
}

START_TEST(modes_have_the_documented_keys_and_do_more_and_more_work)
{
    double work[4];

    for (int i = 0; i < 4; i++)
        work[i] = check_mode(modes[i]);
    ck_assert_double_eq_tol(work[1], work[0], 0.01 * work[0]); /* the same forward pass */
    ck_assert_double_gt(work[2], 2.5 * work[1]);
    ck_assert_double_eq_tol(work[3], work[2], 0.01 * work[2]); /* the optimizer's is not counted */
}
END_TEST

/* Without a device, and more work for more depth; the two lines can be compared, and results of other depths do not pass for theirs. */
START_TEST(plans_are_timed)
{
    double launches[2];

    for (int i = 0; i < 2; i++) {
        char *output, *second;
        cJSON *train, *infer;

        ck_assert_int_eq(run_tool(&output, "clmix-bench plan wavemix-16 --set depth=%d --batch 4 --seconds 0 --device generic --json",
                                  i + 1),
                         0);
        second = strchr(output, '\n');
        ck_assert_ptr_nonnull(second);
        train = cJSON_ParseWithLength(output, (size_t)(second - output));
        infer = cJSON_Parse(second);
        ck_assert_str_eq(json_text(train, "mode"), "plan train");
        ck_assert_str_eq(json_text(infer, "mode"), "plan infer");
        ck_assert_str_eq(json_text(train, "model"), i == 0 ? "wavemix-16, depth=1" : "wavemix-16, depth=2");
        ck_assert(json_number(train, "step_ms") >= json_number(train, "step_ms_min") && json_number(train, "step_ms_min") > 0.0);
        ck_assert(json_number(train, "planned_bytes") > json_number(infer, "planned_bytes") && json_number(infer, "values") > 0.0);
        launches[i] = json_number(train, "launches");
        ck_assert(launches[i] > json_number(infer, "launches"));
        cJSON_Delete(train);
        cJSON_Delete(infer);
        free(output);
    }
    ck_assert_double_gt(launches[1], launches[0]);
}
END_TEST

/* A model of tokens, as small as it gets: two layers of 16 numbers. */
#define TOKENS "'{\"model\":\"bert\",\"vocab\":70,\"max_len\":48,\"dim\":16,\"depth\":2,\"heads\":2,\"mlp_dim\":32,\"head\":\"mlm\"}'"

/* Sequences have the length that is asked for, and the most that the model takes without; in every mode. */
START_TEST(sequences_have_a_length)
{
    char *output;
    double bytes[2];
    cJSON *json;

    for (int i = 0; bench_modes[i] != NULL; i++) {
        ck_assert_msg(run_tool(&output, "clmix-bench model " TOKENS " --length 24 --batch 3 --seconds 0 --quick --json --mode %s",
                               bench_modes[i]) == 0,
                      "%s", output);
        json = cJSON_Parse(output);
        ck_assert_double_eq(json_number(json, "length"), 24);
        ck_assert_double_eq(json_number(json, "batch"), 3);
        ck_assert(json_number(json, "step_ms") > 0.0 && json_number(json, "fraction_of_peak") > 0.0);
        ck_assert(json_number(json, "peak_bytes") <= json_number(json, "planned_bytes"));
        cJSON_Delete(json);
        free(output);
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(run_tool(&output, "clmix-bench plan " TOKENS " %s --batch 3 --seconds 0 --device generic --json",
                                  i == 0 ? "--length 24" : ""),
                         0);
        *strchr(output, '\n') = '\0';
        json = cJSON_Parse(output);
        ck_assert_double_eq(json_number(json, "length"), i == 0 ? 24 : 48);
        bytes[i] = json_number(json, "planned_bytes");
        cJSON_Delete(json);
        free(output);
    }
    ck_assert(bytes[1] > bytes[0]);
    ck_assert_int_eq(run_tool(&output, "clmix-bench plan " TOKENS " --length 24 --batch 3 --seconds 0 --device generic"), 0);
    ck_assert_msg(strstr(output, "batch of 3 x 24 tokens") != NULL, "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-bench model " TOKENS " --length 49 2>&1"), 2);
    ck_assert_msg(strstr(output, "up to 48 tokens") != NULL, "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-bench model wavemix-16 --length 4 2>&1"), 2);
    ck_assert_msg(strstr(output, "reads pictures") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(a_start_is_cold_once)
{
    for (int i = 0; i < 2; i++) {
        char arguments[512], *output;
        cJSON *json;

        snprintf(arguments, sizeof arguments, "CLMIX_CACHE_DIR=%s/cache clmix-bench start wavemix-16 --batch 1 --mode infer --json",
                 bench_folder);
        ck_assert_msg(run_tool(&output, "%s", arguments) == 0, "%s", output);
        json = cJSON_Parse(output);
        ck_assert_str_eq(json_text(json, "start"), i == 0 ? "cold" : "warm");
        ck_assert_int_eq(json_number(json, "programs_compiled") > 0.0, i == 0);
        ck_assert(json_number(json, "start_ms") > 0.0);
        check_signed(json);
        cJSON_Delete(json);
        free(output);
    }
}
END_TEST

START_TEST(ops_are_measured_in_both_passes)
{
    char *output;
    int forward = 0, backward = 0;

    ck_assert_msg(run_tool(&output, "clmix-bench ops --quick --filter 'layer norm' --json") == 0, "%s", output);
    for (const char *line = output; *line != '\0'; line = strchr(line, '\n') + 1) {
        cJSON *json = cJSON_ParseWithOpts(line, NULL, 0);

        ck_assert_str_eq(json_text(json, "op"), "layer norm");
        ck_assert_str_eq(json_text(json, "size"), "64x256x128");
        forward += strcmp(json_text(json, "pass"), "forward") == 0;
        backward += strcmp(json_text(json, "pass"), "backward") == 0;
        ck_assert(json_number(json, "ms") > 0.0 && json_number(json, "gbs") > 0.0 && json_number(json, "fraction_of_ceiling") > 0.0);
        ck_spread(json, "ms");
        check_signed(json);
        cJSON_Delete(json);
    }
    ck_assert_int_eq(forward, 1);
    ck_assert_int_eq(backward, 1);
    free(output);
}
END_TEST

/* The gradient's products of a layer of WaveMix-32, one of each kind, and the layer itself. */
START_TEST(ops_are_those_of_the_presets)
{
    static const char *const lines[] = { "\"linear_grad_input\",\"size\":\"340x32 by 1x1x128x32 to 340x128\",\"pass\":\"gradient\"",
                                         "\"linear_grad_weight\",\"size\":\"340x128 by 340x32 to 1x1x128x32\",\"pass\":\"gradient\"",
                                         "\"linear\",\"size\":\"340x128 by 1x1x128x32 to 340x32\",\"pass\":\"forward\"" };
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-bench ops --quick --batch 1 --filter linear --json") == 0, "%s", output);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(strstr(output, lines[i]) != NULL, "%s is not in %.1500s", lines[i], output);
    free(output);
}
END_TEST

START_TEST(profile_sums_to_one_and_writes_a_trace)
{
    char *output, path[300];
    double share = 0.0, kernels = 0.0;
    bool optimizer = false, summed = false;
    void *trace;
    size_t bytes;
    cJSON *json;

    snprintf(path, sizeof path, "%s/trace.json", bench_folder);
    ck_assert_msg(run_tool(&output, "clmix-bench profile wavemix-16 --batch 2 --quick --trace %s --json", path) == 0, "%s", output);
    for (const char *line = output; *line != '\0'; line = strchr(line, '\n') + 1) {
        json = cJSON_ParseWithOpts(line, NULL, 0);
        ck_assert_str_eq(json_text(json, "model"), "wavemix-16");
        check_signed(json);
        if (cJSON_HasObjectItem(json, "kernels_ms")) {
            summed = true;
            ck_assert_double_eq_tol(json_number(json, "kernels_ms"), kernels, 0.2 * kernels); /* a median of sums, and a sum of medians */
            ck_assert(json_number(json, "free_ms") > 0.0 && json_number(json, "ceiling_ms") > 0.0);
        } else {
            share += json_number(json, "share");
            kernels += json_number(json, "ms");
            ck_spread(json, "ms");
            ck_assert(json_text(json, "bound_by")[0] != '\0' && json_number(json, "launches") >= 1.0);
            ck_assert_int_eq(cJSON_HasObjectItem(json, "below_tenth"), json_number(json, "fraction_of_ceiling") < 0.1);
            optimizer = optimizer || strstr(json_text(json, "kernel"), "adam") != NULL;
        }
        cJSON_Delete(json);
    }
    ck_assert_double_eq_tol(share, 1.0, 0.01);
    ck_assert(optimizer && summed);
    ops_ok(clmix_file_read(path, 1 << 26, &trace, &bytes));
    json = cJSON_Parse(trace);
    ck_assert_ptr_nonnull(json);
    cJSON_Delete(json);
    free(trace);
    free(output);
}
END_TEST

/* ---- everything ------------------------------------------------------------------------------------------------------------------- */

START_TEST(all_measures_everything)
{
    cJSON *ceilings = NULL;
    char *output, *results;
    int lines[5] = { 0 }, ops = 0, rows = 0;

    ck_assert_msg(run_tool(&output, "clmix-bench all wavemix-16 --quick --batch 2 --filter 'layer norm' --out %s/all --html %s/all.html",
                           bench_folder, bench_folder) == 0,
                  "%s", output);
    free(output);
    read_bench_file("all", &results);
    for (const char *line = results; *line != '\0'; line = strchr(line, '\n') + 1) {
        cJSON *json = cJSON_ParseWithOpts(line, NULL, 0);

        check_signed(json);
        if (cJSON_HasObjectItem(json, "fma_gflops")) {
            ck_assert_ptr_null(ceilings);
            ceilings = json;
            continue;
        }
        for (int mode = 0; mode < 4; mode++)
            if (cJSON_HasObjectItem(json, "step_ms"))
                lines[mode] += strcmp(json_text(json, "mode"), modes[mode]) == 0;
        if (cJSON_HasObjectItem(json, "op")) {
            ck_bound(json, ceilings);
            ops += !cJSON_HasObjectItem(json, "model");
            rows += cJSON_HasObjectItem(json, "model");
        }
        cJSON_Delete(json);
    }
    for (int mode = 0; mode < 4; mode++)
        ck_assert_int_eq(lines[mode], 1);
    ck_assert_int_eq(ops, 2);
    ck_assert_int_gt(rows, 50);
    cJSON_Delete(ceilings);
    free(results);
    read_bench_file("all.html", &output);
    check_page(output);
    ck_assert(strstr(output, "wavemix-16") != NULL && strstr(output, "Where a training step") != NULL &&
              strstr(output, "Ops alone") != NULL);
    free(output);
}
END_TEST

static const struct {
    const char *arguments, *said;
} misuses[] = {
    { "", "ceilings" },
    { "everything", "everything" },
    { "model", "one model" },
    { "model wavemix-16 wavemix-32", "one model" },
    { "model wavemix-16 --batch 0", "--batch" },
    { "model wavemix-16 --mode both", "both" },
    { "model wavemix-16 --seconds -1", "--seconds" },
    { "ops --filter nothing-like-it", "nothing-like-it" },
    { "model nosuchmodel", "nosuchmodel" },
    { "profile nosuchmodel", "nosuchmodel" },
    { "start nosuchmodel", "nosuchmodel" },
    { "model wavemix-16 --html page.html", "--html" },
    { "ops --out file", "--out" },
    { "all", "--out" },
    { "all nosuchmodel --out nosuchfile", "nosuchmodel" },
    { "report", "files of results" },
    { "model wavemix-16 --filter x", "--filter" },
    { "ops --trace file", "--trace" },
    { "ops --all", "--all" },
    { "--compare one", "two files" },
    { "--compare one two three", "two files" },
    { "compare one two", "compare" },
};

START_TEST(misuse_is_explained)
{
    char *output;
    const int status = run_tool(&output, "clmix-bench %s 2>&1", misuses[_i].arguments);

    ck_assert_msg(status == 2, "'%s' gave %d: %s", misuses[_i].arguments, status, output);
    ck_assert_msg(strstr(output, misuses[_i].said) != NULL, "'%s' said: %s", misuses[_i].arguments, output);
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-bench");
    TCase *tests = tcase_create("figures");

    tcase_set_timeout(tests, 600);
    tcase_add_checked_fixture(tests, make_bench_folder, remove_bench_folder);
    tcase_add_test(tests, ceilings_have_the_documented_keys);
    tcase_add_test(tests, modes_have_the_documented_keys_and_do_more_and_more_work);
    tcase_add_test(tests, plans_are_timed);
    tcase_add_test(tests, sequences_have_a_length);
    tcase_add_test(tests, a_start_is_cold_once);
    tcase_add_test(tests, ops_are_measured_in_both_passes);
    tcase_add_test(tests, ops_are_those_of_the_presets);
    tcase_add_test(tests, profile_sums_to_one_and_writes_a_trace);
    tcase_add_test(tests, all_measures_everything);
    tcase_add_loop_test(tests, misuse_is_explained, 0, (int)(sizeof misuses / sizeof *misuses));
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
