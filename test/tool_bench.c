/* clmix-bench as a user runs it: the documented keys, sensible figures, comparisons, misuse. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"

static char folder[256];

static void setup(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void teardown(void)
{
    remove_folder(folder);
}

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

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    ck_assert_msg(cJSON_IsNumber(item), "%s", key);
    return item->valuedouble;
}

static void ck_keys(const cJSON *json, const char *const *keys, int count)
{
    ck_assert_int_eq(cJSON_GetArraySize(json), count);
    for (int i = 0; i < count; i++)
        ck_assert_str_eq(cJSON_GetArrayItem(json, i)->string, keys[i]);
}

START_TEST(ceilings_have_the_documented_keys)
{
    static const char *const keys[] = { "device", "fma_gflops", "copy_gbs", "launch_us", "sync_launch_us" };
    cJSON *json = bench("ceilings");

    ck_keys(json, keys, 5);
    for (int i = 1; i < 5; i++)
        ck_assert(number(json, keys[i]) > 0.0);
    cJSON_Delete(json);
}
END_TEST

START_TEST(models_have_the_documented_keys)
{
    static const char *const keys[] = {
        "peer",       "model",      "mode",   "batch",  "step_ms",         "step_ms_min", "images_per_second",
        "peak_bytes", "parameters", "device", "gflops", "fraction_of_peak"
    };
    cJSON *json =
        bench(_i == 0 ? "model wavemix-16 --batch 4 --mode train --seconds 0.2" : "model wavemix-16 --batch 4 --mode infer --seconds 0.2");
    char *output;

    ck_keys(json, keys, 12);
    ck_assert_str_eq(cJSON_GetObjectItem(json, "mode")->valuestring, _i == 0 ? "train" : "infer");
    ck_assert_double_eq(number(json, "batch"), 4);
    ck_assert_double_eq(number(json, "parameters"), 133914);
    ck_assert(number(json, "step_ms") >= number(json, "step_ms_min") && number(json, "step_ms_min") > 0.0);
    ck_assert_double_eq_tol(number(json, "images_per_second") * number(json, "step_ms"), 4e3, 2.0);
    ck_assert(number(json, "gflops") > 0.0 && number(json, "fraction_of_peak") > 0.0);
    if (_i == 0) { /* the memory is what the plan said */
        cJSON *plan;

        ck_assert_int_eq(run_tool(&output, "clmix-summary wavemix-16 --batch 4 --json"), 0);
        plan = cJSON_Parse(output);
        ck_assert_double_eq(number(json, "peak_bytes"), number(plan, "peak_bytes_training"));
        cJSON_Delete(plan);
        free(output);
    }
    cJSON_Delete(json);
}
END_TEST

START_TEST(ops_are_measured_in_both_passes)
{
    char *output;
    int lines = 0;

    ck_assert_msg(run_tool(&output, "clmix-bench ops --filter 'layer norm' --json") == 0, "%s", output);
    for (const char *line = output; *line != '\0'; line = strchr(line, '\n') + 1) {
        cJSON *json = cJSON_ParseWithOpts(line, NULL, 0);

        ck_assert_str_eq(cJSON_GetObjectItem(json, "op")->valuestring, "layer norm");
        ck_assert_str_eq(cJSON_GetObjectItem(json, "pass")->valuestring, lines == 0 ? "forward" : "backward");
        ck_assert(number(json, "ms") > 0.0 && number(json, "gbs") > 0.0 && number(json, "fraction_of_ceiling") > 0.0);
        cJSON_Delete(json);
        lines++;
    }
    ck_assert_int_eq(lines, 2);
    free(output);
}
END_TEST

START_TEST(profile_sums_to_one_and_writes_a_trace)
{
    char *output, path[300];
    double share = 0.0;
    bool optimizer = false;
    void *trace;
    size_t bytes;
    cJSON *json;

    snprintf(path, sizeof path, "%s/trace.json", folder);
    ck_assert_msg(run_tool(&output, "clmix-bench profile wavemix-16 --batch 2 --trace %s --json", path) == 0, "%s", output);
    for (const char *line = output; *line != '\0'; line = strchr(line, '\n') + 1) {
        json = cJSON_ParseWithOpts(line, NULL, 0);
        share += number(json, "share");
        optimizer = optimizer || strcmp(cJSON_GetObjectItem(json, "kernel")->valuestring, "adam") == 0;
        cJSON_Delete(json);
    }
    ck_assert_double_eq_tol(share, 1.0, 0.01);
    ck_assert(optimizer);
    ops_ok(clmix_file_read(path, 1 << 26, &trace, &bytes));
    json = cJSON_Parse(trace);
    ck_assert_ptr_nonnull(json);
    cJSON_Delete(json);
    free(trace);
    free(output);
}
END_TEST

START_TEST(results_are_compared_by_what_they_are_about)
{
    static const char before[] = "{\"peer\":\"torch\",\"model\":\"a\",\"mode\":\"train\",\"batch\":64,\"step_ms\":100}\n"
                                 "some other line\n"
                                 "{\"peer\":\"torch\",\"model\":\"b\",\"mode\":\"train\",\"batch\":64,\"step_ms\":10}\n";
    static const char after[] = "{\"peer\":\"clmix\",\"model\":\"b\",\"mode\":\"infer\",\"batch\":64,\"step_ms\":7}\n"
                                "{\"peer\":\"clmix\",\"model\":\"a\",\"mode\":\"train\",\"batch\":64,\"step_ms\":50,\"gflops\":3}\n";
    char path[300], *output;
    cJSON *json;

    snprintf(path, sizeof path, "%s/before", folder);
    ops_ok(clmix_file_write(path, before, strlen(before)));
    snprintf(path, sizeof path, "%s/after", folder);
    ops_ok(clmix_file_write(path, after, strlen(after)));
    ck_assert_msg(run_tool(&output, "clmix-bench compare %s/before %s/after --json", folder, folder) == 0, "%s", output);
    json = cJSON_Parse(output);
    ck_assert_str_eq(cJSON_GetObjectItem(json, "figure")->valuestring, "step_ms");
    ck_assert_double_eq(number(json, "before"), 100);
    ck_assert_double_eq(number(json, "after"), 50);
    ck_assert_double_eq(number(json, "ratio"), 0.5);
    ck_assert_ptr_eq(strchr(output, '\n'), output + strlen(output) - 1); /* nothing else is common */
    cJSON_Delete(json);
    free(output);
    ck_assert_int_eq(run_tool(&output, "printf 'x\\n' >%s/empty; clmix-bench compare %s/before %s/empty 2>&1", folder, folder, folder), 1);
    ck_assert_msg(strstr(output, "empty") != NULL, "%s", output);
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
    { "compare one", "two files" },
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
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, ceilings_have_the_documented_keys);
    tcase_add_loop_test(tests, models_have_the_documented_keys, 0, 2);
    tcase_add_test(tests, ops_are_measured_in_both_passes);
    tcase_add_test(tests, profile_sums_to_one_and_writes_a_trace);
    tcase_add_test(tests, results_are_compared_by_what_they_are_about);
    tcase_add_loop_test(tests, misuse_is_explained, 0, (int)(sizeof misuses / sizeof *misuses));
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
