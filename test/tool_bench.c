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

static const char *text(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    ck_assert_msg(cJSON_IsString(item), "%s", key);
    return item->valuestring;
}

/* The first keys, in order; more may follow. */
static void ck_keys(const cJSON *json, const char *const *keys, int count)
{
    ck_assert_int_ge(cJSON_GetArraySize(json), count);
    for (int i = 0; i < count; i++)
        ck_assert_str_eq(cJSON_GetArrayItem(json, i)->string, keys[i]);
}

static void ck_signed(const cJSON *json)
{
    ck_assert_ptr_eq(strstr(text(json, "peer"), "clmix "), text(json, "peer"));
    ck_assert(text(json, "device")[0] != '\0' && text(json, "driver")[0] != '\0' && text(json, "platform")[0] != '\0');
    ck_assert(strcmp(text(json, "kernels"), "wide") == 0 || strcmp(text(json, "kernels"), "simt") == 0);
}

static void ck_spread(const cJSON *json, const char *time)
{
    char least[32], low[32], high[32];

    snprintf(least, sizeof least, "%s_min", time);
    snprintf(low, sizeof low, "%s_q1", time);
    snprintf(high, sizeof high, "%s_q3", time);
    ck_assert(number(json, least) > 0.0 && number(json, least) <= number(json, low));
    ck_assert(number(json, low) <= number(json, time) && number(json, time) <= number(json, high));
    ck_assert(number(json, "runs") >= 2.0);
}

/* Work on the device: fraction_of_ceiling is what gflops, the least bytes and launches say, whichever is most, and bound_by says which. */
static void ck_bound(const cJSON *json, const cJSON *ceilings)
{
    const double arithmetic = number(json, "gflops") / number(ceilings, "fma_gflops"),
                 memory = 1e-6 * number(json, "least_bytes") / number(json, "ms") / number(ceilings, "copy_gbs"),
                 launches = number(json, "launches") * number(ceilings, "launch_us") / (1e3 * number(json, "ms"));
    const char *by = text(json, "bound_by");
    const double fraction = strcmp(by, "launches") == 0 ? launches : strcmp(by, "memory") == 0 ? memory : arithmetic;

    ck_assert(strcmp(by, "launches") == 0 || strcmp(by, "memory") == 0 || strcmp(by, "multiply-adds") == 0);
    ck_assert_double_eq_tol(number(json, "fraction_of_ceiling"), fraction, 1e-3 * fraction);
    ck_assert(fraction >= 0.999 * arithmetic && fraction >= 0.999 * memory && fraction >= 0.999 * launches);
    ck_assert_int_eq(cJSON_HasObjectItem(json, "below_tenth"), number(json, "fraction_of_ceiling") < 0.1);
}

START_TEST(ceilings_have_the_documented_keys)
{
    static const char *const keys[] = { "device", "fma_gflops", "copy_gbs", "launch_us", "sync_launch_us" };
    cJSON *json = bench("ceilings");

    ck_keys(json, keys, 5);
    for (int i = 1; i < 5; i++)
        ck_assert(number(json, keys[i]) > 0.0);
    ck_signed(json);
    cJSON_Delete(json);
}
END_TEST

static const char *const modes[] = { "infer", "forward", "backward", "train" };

START_TEST(models_have_the_documented_keys_in_every_mode)
{
    static const char *const keys[] = {
        "peer",       "model",      "mode",   "batch",  "step_ms",         "step_ms_min", "images_per_second",
        "peak_bytes", "parameters", "device", "gflops", "fraction_of_peak"
    };
    char arguments[128], *output;
    cJSON *json, *plan;

    snprintf(arguments, sizeof arguments, "model wavemix-16 --batch 4 --mode %s --seconds 0.1", modes[_i]);
    json = bench(arguments);
    ck_keys(json, keys, 12);
    ck_signed(json);
    ck_spread(json, "step_ms");
    ck_assert_str_eq(text(json, "mode"), modes[_i]);
    ck_assert_double_eq(number(json, "batch"), 4);
    ck_assert_double_eq(number(json, "parameters"), 133914);
    ck_assert_double_eq_tol(number(json, "images_per_second") * number(json, "step_ms"), 4e3, 2.0);
    ck_assert(number(json, "gflops") > 0.0 && number(json, "fraction_of_peak") > 0.0);
    ck_assert(number(json, "gbs") > 0.0 && number(json, "fraction_of_copy") > 0.0);
    ck_assert(number(json, "least_bytes") > 0.0 && number(json, "moved_bytes") >= number(json, "least_bytes"));
    ck_assert_double_eq(number(json, "peak_bytes"), number(json, "planned_bytes"));
    ck_assert_int_eq(run_tool(&output, "clmix-summary wavemix-16 --batch 4 --json"), 0);
    plan = cJSON_Parse(output);
    if (strcmp(modes[_i], "train") == 0)
        ck_assert_double_eq(number(json, "peak_bytes"), number(plan, "peak_bytes_training"));
    if (strcmp(modes[_i], "infer") == 0)
        ck_assert_double_eq(number(json, "peak_bytes"), number(plan, "peak_bytes_inference"));
    cJSON_Delete(plan);
    free(output);
    cJSON_Delete(json);
}
END_TEST

START_TEST(modes_do_more_and_more_work)
{
    double work[4];

    for (int i = 0; i < 4; i++) { /* gflops times the time: what the mode must do */
        char arguments[128];
        cJSON *json;

        snprintf(arguments, sizeof arguments, "model wavemix-16 --batch 2 --mode %s --seconds 0", modes[i]);
        json = bench(arguments);
        work[i] = number(json, "gflops") * number(json, "step_ms");
        cJSON_Delete(json);
    }
    ck_assert_double_eq_tol(work[1], work[0], 0.01 * work[0]); /* the same forward pass */
    ck_assert_double_gt(work[2], 2.5 * work[1]);
    ck_assert_double_eq_tol(work[3], work[2], 0.01 * work[2]); /* the optimizer's is not counted */
}
END_TEST

START_TEST(a_start_is_cold_once)
{
    for (int i = 0; i < 2; i++) {
        char arguments[512], *output;
        cJSON *json;

        snprintf(arguments, sizeof arguments, "CLMIX_CACHE_DIR=%s/cache clmix-bench start wavemix-16 --batch 1 --mode infer --json",
                 folder);
        ck_assert_msg(run_tool(&output, "%s", arguments) == 0, "%s", output);
        json = cJSON_Parse(output);
        ck_assert_str_eq(text(json, "start"), i == 0 ? "cold" : "warm");
        ck_assert_int_eq(number(json, "programs_compiled") > 0.0, i == 0);
        ck_assert(number(json, "start_ms") > 0.0);
        ck_signed(json);
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

        ck_assert_str_eq(text(json, "op"), "layer norm");
        ck_assert_str_eq(text(json, "size"), "64x256x128");
        forward += strcmp(text(json, "pass"), "forward") == 0;
        backward += strcmp(text(json, "pass"), "backward") == 0;
        ck_assert(number(json, "ms") > 0.0 && number(json, "gbs") > 0.0 && number(json, "fraction_of_ceiling") > 0.0);
        ck_spread(json, "ms");
        ck_signed(json);
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
    static const char *const lines[] = { "\"linear_grad_input\",\"size\":\"340x32 by 128x1x1x32 to 340x128\",\"pass\":\"gradient\"",
                                         "\"linear_grad_weight\",\"size\":\"340x128 by 340x32 to 128x1x1x32\",\"pass\":\"gradient\"",
                                         "\"linear\",\"size\":\"340x128 by 128x1x1x32 to 340x32\",\"pass\":\"forward\"" };
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-bench ops --quick --batch 1 --filter linear --json") == 0, "%s", output);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(strstr(output, lines[i]) != NULL, "%s is not in %s", lines[i], output);
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

    snprintf(path, sizeof path, "%s/trace.json", folder);
    ck_assert_msg(run_tool(&output, "clmix-bench profile wavemix-16 --batch 2 --quick --trace %s --json", path) == 0, "%s", output);
    for (const char *line = output; *line != '\0'; line = strchr(line, '\n') + 1) {
        json = cJSON_ParseWithOpts(line, NULL, 0);
        ck_assert_str_eq(text(json, "model"), "wavemix-16");
        ck_signed(json);
        if (cJSON_HasObjectItem(json, "kernels_ms")) {
            summed = true;
            ck_assert_double_eq_tol(number(json, "kernels_ms"), kernels, 0.2 * kernels); /* a median of sums, and a sum of medians */
            ck_assert(number(json, "free_ms") > 0.0 && number(json, "ceiling_ms") > 0.0);
        } else {
            share += number(json, "share");
            kernels += number(json, "ms");
            ck_spread(json, "ms");
            ck_assert(text(json, "bound_by")[0] != '\0' && number(json, "launches") >= 1.0);
            ck_assert_int_eq(cJSON_HasObjectItem(json, "below_tenth"), number(json, "fraction_of_ceiling") < 0.1);
            optimizer = optimizer || strstr(text(json, "kernel"), "adam") != NULL;
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

static void read_text(const char *name, char **content)
{
    char path[300];
    size_t bytes;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    ops_ok(clmix_file_read(path, 1 << 26, (void **)content, &bytes));
}

/* Elements are closed in order, attributes are quoted, nothing is fetched or run, and & < > stand for themselves nowhere. */
static void ck_page(const char *page)
{
    static const char *const outside[] = { "http:", "https:", "src=", "<link", "<script", "@import", "url(\"", "url('", "<iframe" };
    static const char *const empty[] = { "meta", "path", "rect", "circle", "!DOCTYPE" };
    char open[64][16];
    int depth = 0;

    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        ck_assert_msg(strstr(page, outside[i]) == NULL, "the page has %s", outside[i]);
    for (const char *at = strchr(page, '<'); at != NULL; at = strchr(at, '<')) {
        const char *end = strchr(at, '>');
        const bool closing = at[1] == '/';
        char name[16] = "";
        bool alone;

        ck_assert_ptr_nonnull(end);
        sscanf(at + 1 + closing, "%15[!A-Za-z0-9]", name);
        ck_assert_msg(name[0] != '\0', "a bare < before: %.40s", at);
        alone = end[-1] == '/';
        for (size_t i = 0; i < sizeof empty / sizeof *empty && !closing; i++)
            alone = alone || (strcmp(name, empty[i]) == 0 && i != 2 && i != 3);
        if (closing) {
            ck_assert_msg(depth > 0 && strcmp(open[depth - 1], name) == 0, "</%s> closes <%s>", name, depth > 0 ? open[depth - 1] : "");
            depth--;
        } else if (!alone) {
            ck_assert_int_lt(depth, 64);
            strcpy(open[depth++], name);
        }
        if (strcmp(name, "style") == 0 && !closing)
            end = strstr(at, "</style>") - 1;
        at = end + 1;
    }
    ck_assert_int_eq(depth, 0);
    for (const char *at = strchr(strstr(page, "</style>"), '&'); at != NULL; at = strchr(at + 1, '&'))
        ck_assert_msg(strcspn(at, ";") < 8, "a bare & before: %.40s", at);
}

START_TEST(all_measures_everything)
{
    cJSON *ceilings = NULL;
    char *output, *results;
    int lines[5] = { 0 }, ops = 0, rows = 0;

    ck_assert_msg(run_tool(&output, "clmix-bench all wavemix-16 --quick --batch 2 --filter 'layer norm' --out %s/all --html %s/all.html",
                           folder, folder) == 0,
                  "%s", output);
    free(output);
    read_text("all", &results);
    for (const char *line = results; *line != '\0'; line = strchr(line, '\n') + 1) {
        cJSON *json = cJSON_ParseWithOpts(line, NULL, 0);

        ck_signed(json);
        if (cJSON_HasObjectItem(json, "fma_gflops")) {
            ck_assert_ptr_null(ceilings);
            ceilings = json;
            continue;
        }
        for (int mode = 0; mode < 4; mode++)
            if (cJSON_HasObjectItem(json, "step_ms"))
                lines[mode] += strcmp(text(json, "mode"), modes[mode]) == 0;
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
    read_text("all.html", &output);
    ck_page(output);
    ck_assert(strstr(output, "wavemix-16") != NULL && strstr(output, "Where a training step") != NULL &&
              strstr(output, "Ops alone") != NULL);
    free(output);
}
END_TEST

/* ---- comparisons ------------------------------------------------------------------------------------------------------------------ */

static void write_file(const char *name, const char *content)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    ops_ok(clmix_file_write(path, content, strlen(content)));
}

/* A line of a model: median, quartiles and least in milliseconds, 50 runs. */
static void model_line(char *line, size_t bytes, const char *model, double median, double q1, double q3, double least)
{
    snprintf(line, bytes,
             "{\"peer\":\"clmix 1\",\"model\":\"%s\",\"mode\":\"train\",\"batch\":64,\"step_ms\":%g,\"step_ms_min\":%g,\"device\":\"d\","
             "\"step_ms_q1\":%g,\"step_ms_q3\":%g,\"runs\":50,\"driver\":\"v1\",\"platform\":\"p\",\"kernels\":\"wide\"}\n",
             model, median, least, q1, q3);
}

/* The line of the comparison whose `key` is `value`. */
static cJSON *find_line(const char *output, const char *key, const char *value)
{
    for (const char *line = output; *line != '\0'; line = strchr(line, '\n') + 1) {
        cJSON *json = cJSON_ParseWithOpts(line, NULL, 0);
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

        if (cJSON_IsString(item) && strcmp(item->valuestring, value) == 0)
            return json;
        cJSON_Delete(json);
    }
    ck_abort_msg("no line has %s '%s': %s", key, value, output);
    return NULL;
}

static char *compare(void)
{
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-bench --compare %s/before %s/after --json", folder, folder) == 0, "%s", output);
    return output;
}

static const struct {
    const char *about;
    double before[4], after[4]; /* median, q1, q3, least */
    const char *verdict, *reason;
} changes[] = {
    { "the same numbers", { 100, 98, 103, 96 }, { 100, 98, 103, 96 }, "noise", "within 2 %" },
    { "jitter", { 100, 97, 104, 95 }, { 103, 99, 106, 95 }, "noise", "overlap" },
    { "a fifth slower", { 100, 98, 103, 96 }, { 120, 118, 123, 115 }, "slower", "beyond the spread" },
    { "a fifth faster", { 120, 118, 123, 115 }, { 100, 98, 103, 96 }, "faster", "beyond the spread" },
    { "a fifth slower, widely spread", { 100, 80, 130, 70 }, { 120, 95, 150, 84 }, "noise", "overlap" },
    { "4 % slower, closely measured", { 100, 99.5, 100.5, 99 }, { 104, 103.5, 104.5, 103 }, "slower", "beyond the spread" },
    { "1 % slower, closely measured", { 100, 99.9, 100.1, 99.8 }, { 101, 100.9, 101.1, 100.8 }, "noise", "within 2 %" },
    { "disturbed all along", { 100, 98, 103, 96 }, { 140, 130, 150, 97 }, "noise", "best runs" },
};

START_TEST(changes_are_told_from_noise)
{
    char line[512], *output;
    cJSON *json;

    model_line(line, sizeof line, "m", changes[_i].before[0], changes[_i].before[1], changes[_i].before[2], changes[_i].before[3]);
    write_file("before", line);
    model_line(line, sizeof line, "m", changes[_i].after[0], changes[_i].after[1], changes[_i].after[2], changes[_i].after[3]);
    write_file("after", line);
    output = compare();
    json = find_line(output, "subject", "m, train, batch of 64");
    ck_assert_msg(strcmp(text(json, "verdict"), changes[_i].verdict) == 0, "%s: %s", changes[_i].about, output);
    ck_assert_msg(strstr(text(json, "reason"), changes[_i].reason) != NULL, "%s: %s", changes[_i].about, output);
    ck_assert_double_eq_tol(number(json, "ratio"), changes[_i].before[0] / changes[_i].after[0], 1e-4);
    cJSON_Delete(json);
    free(output);
}
END_TEST

START_TEST(a_few_runs_prove_nothing)
{
    static const char line[] =
        "{\"op\":\"o\",\"size\":\"1\",\"pass\":\"forward\",\"ms\":%g,\"ms_min\":%g,\"ms_q1\":%g,\"ms_q3\":%g,\"runs\":%d}\n";
    static const int runs[] = { 3, 300 };
    char before[256], after[256], *output;
    cJSON *json;

    snprintf(before, sizeof before, line, 100.0, 92.0, 95.0, 105.0, runs[_i]);
    snprintf(after, sizeof after, line, 112.0, 104.0, 106.0, 118.0, runs[_i]);
    write_file("before", before);
    write_file("after", after);
    output = compare();
    json = find_line(output, "subject", "o, 1, forward");
    ck_assert_str_eq(text(json, "verdict"), _i == 0 ? "noise" : "slower");
    ck_assert_msg(strstr(text(json, "reason"), _i == 0 ? "too few runs" : "beyond") != NULL, "%s", output);
    cJSON_Delete(json);
    free(output);
}
END_TEST

START_TEST(repeated_results_widen_the_spread)
{
    char lines[1024], *output;
    cJSON *json;

    model_line(lines, sizeof lines, "m", 100, 99, 101, 98); /* two runs of one program, 20 % apart */
    model_line(lines + strlen(lines), sizeof lines - strlen(lines), "m", 120, 119, 121, 118);
    write_file("before", lines);
    model_line(lines, sizeof lines, "m", 119, 118, 120, 117);
    write_file("after", lines);
    output = compare();
    json = find_line(output, "subject", "m, train, batch of 64");
    ck_assert_double_eq_tol(number(json, "before"), 110.0, 1e-9);
    ck_assert_str_eq(text(json, "verdict"), "noise");
    cJSON_Delete(json);
    free(output);
}
END_TEST

START_TEST(peers_are_compared_by_what_they_are_about)
{
    char line[512], *output;
    cJSON *json;

    write_file("before", "{\"peer\":\"torch 2.15\",\"model\":\"a\",\"mode\":\"train\",\"batch\":64,\"step_ms\":100,\"step_ms_min\":98}\n"
                         "some other line\n\n"
                         "{\"peer\":\"torch 2.15 compile\",\"model\":\"a\",\"mode\":\"train\",\"batch\":64,\"step_ms\":90}\n"
                         "{\"peer\":\"torch 2.15\",\"model\":\"b\",\"mode\":\"infer\",\"batch\":64,\"step_ms\":10}\n");
    model_line(line, sizeof line, "a", 50, 49, 51, 48);
    write_file("after", line);
    output = compare();
    json = find_line(output, "before_source", "torch 2.15");
    ck_assert_str_eq(text(json, "verdict"), "faster");
    ck_assert_double_eq(number(json, "ratio"), 2.0);
    cJSON_Delete(json);
    json = find_line(output, "before_source", "torch 2.15 compile");
    ck_assert_double_eq(number(json, "ratio"), 1.8);
    ck_assert_msg(strstr(text(json, "reason"), "no spread") != NULL, "%s", output);
    cJSON_Delete(json);
    ck_assert_msg(strstr(output, "infer") == NULL, "%s", output); /* only one side has it */
    json = find_line(output, "summary", "models");
    ck_assert_double_eq(number(json, "faster"), 2);
    ck_assert_double_eq(number(json, "slower") + number(json, "noise"), 0);
    ck_assert_double_eq_tol(number(json, "mean_ratio"), 1.8974, 1e-4); /* the root of 2.0 * 1.8 */
    cJSON_Delete(json);
    free(output);
}
END_TEST

START_TEST(differences_of_the_sides_are_named)
{
    static const char line[] = "{\"device\":\"%s\",\"fma_gflops\":%g,\"copy_gbs\":20,\"launch_us\":2,\"sync_launch_us\":20,\"peer\":\"%s\","
                               "\"driver\":\"%s\",\"platform\":\"p\",\"kernels\":\"wide\"}\n";
    char before[512], after[512], *output;

    snprintf(before, sizeof before, line, "alpha", 100.0, "clmix 1", "3.1");
    snprintf(after, sizeof after, line, "beta", 300.0, "clmix 2", "5.0");
    write_file("before", before);
    write_file("after", after);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after", folder, folder), 0);
    ck_assert_msg(strstr(output, "another device: alpha before, beta after") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "another driver: 3.1 before, 5.0 after") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "another program: clmix 1 before, clmix 2 after") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "another platform") == NULL, "%s", output);
    ck_assert_msg(strstr(output, "faster   3.000 x") != NULL, "%s", output); /* a rate: more is better */
    free(output);
}
END_TEST

START_TEST(a_disturbed_machine_is_no_change)
{
    static const char ceilings[] = "{\"device\":\"d\",\"fma_gflops\":%g,\"copy_gbs\":20,\"peer\":\"clmix 1\",\"driver\":\"v1\","
                                   "\"platform\":\"p\",\"kernels\":\"wide\"}\n";
    char lines[1024], *output;
    cJSON *json;

    snprintf(lines, sizeof lines, ceilings, 100.0);
    model_line(lines + strlen(lines), sizeof lines - strlen(lines), "a", 100, 98, 103, 96);
    model_line(lines + strlen(lines), sizeof lines - strlen(lines), "b", 100, 98, 103, 96);
    model_line(lines + strlen(lines), sizeof lines - strlen(lines), "c", 100, 98, 103, 96);
    write_file("before", lines);
    snprintf(lines, sizeof lines, ceilings, 70.0); /* 1.43 times slower */
    model_line(lines + strlen(lines), sizeof lines - strlen(lines), "a", 130, 128, 133, 125);
    model_line(lines + strlen(lines), sizeof lines - strlen(lines), "b", 160, 158, 163, 155);
    model_line(lines + strlen(lines), sizeof lines - strlen(lines), "c", 80, 78, 83, 76);
    write_file("after", lines);
    output = compare();
    ck_assert_msg(strstr(output, "something else used the machine") != NULL, "%s", output);
    json = find_line(output, "subject", "a, train, batch of 64");
    ck_assert_str_eq(text(json, "verdict"), "noise");
    ck_assert_msg(strstr(text(json, "reason"), "disturbed") != NULL, "%s", output);
    cJSON_Delete(json);
    json = find_line(output, "subject", "b, train, batch of 64");
    ck_assert_str_eq(text(json, "verdict"), "slower"); /* by more than that */
    cJSON_Delete(json);
    json = find_line(output, "subject", "c, train, batch of 64");
    ck_assert_str_eq(text(json, "verdict"), "faster"); /* all the same */
    cJSON_Delete(json);
    free(output);
}
END_TEST

static const struct {
    const char *before, *after, *said;
} bad_files[] = {
    { NULL, "{\"model\":\"a\",\"mode\":\"train\",\"step_ms\":1}\n", "before" },
    { "nothing\n", "{\"model\":\"a\",\"mode\":\"train\",\"step_ms\":1}\n", "has no results" },
    { "{\"model\":\"a\",\"mode\":\"train\",\"step_ms\":-1}\n", "{\"model\":\"a\",\"mode\":\"train\",\"step_ms\":1}\n", "has no results" },
    { "\n{\"model\":\n", "{\"model\":\"a\",\"mode\":\"train\",\"step_ms\":1}\n", "line 2" },
    { "{\"model\":\"a\",\"mode\":\"infer\",\"step_ms\":1}\n", "{\"model\":\"a\",\"mode\":\"train\",\"step_ms\":1}\n", "in common" },
};

START_TEST(bad_files_are_explained)
{
    char *output;

    if (bad_files[_i].before != NULL)
        write_file("before", bad_files[_i].before);
    write_file("after", bad_files[_i].after);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after 2>&1", folder, folder), 1);
    ck_assert_msg(strstr(output, bad_files[_i].said) != NULL, "%s", output);
    free(output);
}
END_TEST

/* ---- pages ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(a_report_shows_every_model_and_escapes_text)
{
    static const char ours[] =
        "{\"device\":\"<b>fast & \\\"new\\\"\",\"fma_gflops\":100,\"copy_gbs\":20,\"launch_us\":2,\"sync_launch_us\":20,\"peer\":\"clmix "
        "1\"}\n"
        "{\"peer\":\"clmix 1\",\"model\":\"m-one\",\"mode\":\"train\",\"batch\":64,\"step_ms\":50,\"device\":\"<b>fast & \\\"new\\\"\","
        "\"fraction_of_peak\":0.6}\n"
        "{\"peer\":\"clmix 1\",\"model\":\"m-two\",\"mode\":\"infer\",\"batch\":64,\"step_ms\":5,\"device\":\"<b>fast & \\\"new\\\"\","
        "\"fraction_of_peak\":0.31}\n"
        "{\"op\":\"slow op\",\"size\":\"1x2\",\"pass\":\"forward\",\"ms\":1,\"gflops\":1,\"gbs\":1,\"bound_by\":\"memory\","
        "\"fraction_of_ceiling\":0.05,\"below_tenth\":true,\"peer\":\"clmix 1\",\"device\":\"<b>fast & \\\"new\\\"\"}\n"
        "{\"model\":\"m-one\",\"mode\":\"train\",\"batch\":64,\"op\":\"layers.0 some_kind\",\"kernel\":\"k\",\"ms\":4,\"share\":1,"
        "\"fraction_of_ceiling\":0.5,\"bound_by\":\"launches\",\"peer\":\"clmix 1\",\"device\":\"<b>fast & \\\"new\\\"\"}\n";
    static const char peers[] = "{\"peer\":\"torch <2>\",\"model\":\"m-one\",\"mode\":\"train\",\"batch\":64,\"step_ms\":150}\n";
    static const char *const parts[] = { "m-one",
                                         "m-two",
                                         "&lt;b&gt;fast &amp; &quot;new&quot;",
                                         "torch &lt;2&gt;",
                                         "0.60, 50 ms",
                                         "0.20, 150 ms", /* the peer's share: a third of ours */
                                         "0.31, 5 ms",
                                         "<td>0.33</td>",
                                         "slow op",
                                         "Below a tenth of their ceiling (&#9660;): 1 of 1",
                                         "some_kind (1)",
                                         "prefers-color-scheme:dark",
                                         "@media print",
                                         "max-width:40rem" };
    char *output, *page;

    write_file("ours", ours);
    write_file("peers", peers);
    ck_assert_msg(run_tool(&output, "clmix-bench report %s/ours %s/peers --html %s/page 2>&1", folder, folder, folder) == 0, "%s", output);
    free(output);
    read_text("page", &page);
    ck_page(page);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(page, parts[i]) != NULL, "the page has no '%s'", parts[i]);
    free(page);
}
END_TEST

START_TEST(a_comparison_can_be_a_page)
{
    char line[512], *output, *page;

    model_line(line, sizeof line, "m", 100, 98, 103, 96);
    write_file("before", line);
    model_line(line, sizeof line, "m", 120, 118, 123, 115);
    write_file("after", line);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after --html %s/page", folder, folder, folder), 0);
    free(output);
    read_text("page", &page);
    ck_page(page);
    ck_assert(strstr(page, "What has changed") != NULL && strstr(page, "&#9660; slower") != NULL && strstr(page, "0.833") != NULL);
    free(page);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after --html %s/no/page 2>&1", folder, folder, folder), 1);
    ck_assert_msg(strstr(output, "no/page") != NULL, "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-bench report %s/missing --html %s/page 2>&1", folder, folder), 1);
    ck_assert_msg(strstr(output, "missing") != NULL, "%s", output);
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
    { "report file", "--html" },
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
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, ceilings_have_the_documented_keys);
    tcase_add_loop_test(tests, models_have_the_documented_keys_in_every_mode, 0, 4);
    tcase_add_test(tests, modes_do_more_and_more_work);
    tcase_add_test(tests, a_start_is_cold_once);
    tcase_add_test(tests, ops_are_measured_in_both_passes);
    tcase_add_test(tests, ops_are_those_of_the_presets);
    tcase_add_test(tests, profile_sums_to_one_and_writes_a_trace);
    tcase_add_test(tests, all_measures_everything);
    tcase_add_loop_test(tests, changes_are_told_from_noise, 0, (int)(sizeof changes / sizeof *changes));
    tcase_add_loop_test(tests, a_few_runs_prove_nothing, 0, 2);
    tcase_add_test(tests, repeated_results_widen_the_spread);
    tcase_add_test(tests, peers_are_compared_by_what_they_are_about);
    tcase_add_test(tests, differences_of_the_sides_are_named);
    tcase_add_test(tests, a_disturbed_machine_is_no_change);
    tcase_add_loop_test(tests, bad_files_are_explained, 0, (int)(sizeof bad_files / sizeof *bad_files));
    tcase_add_test(tests, a_report_shows_every_model_and_escapes_text);
    tcase_add_test(tests, a_comparison_can_be_a_page);
    tcase_add_loop_test(tests, misuse_is_explained, 0, (int)(sizeof misuses / sizeof *misuses));
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
