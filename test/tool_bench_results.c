/* What clmix-bench makes of results: comparisons, pages, and the table of bench/run.sh with peers. No device is needed. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_bench.h"
#include "support_suite.h"
#include "support_tool.h"

/* ---- comparisons ------------------------------------------------------------------------------------------------------------------ */

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

    ck_assert_msg(run_tool(&output, "clmix-bench --compare %s/before %s/after --json", bench_folder, bench_folder) == 0, "%s", output);
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
    write_bench_file("before", line);
    model_line(line, sizeof line, "m", changes[_i].after[0], changes[_i].after[1], changes[_i].after[2], changes[_i].after[3]);
    write_bench_file("after", line);
    output = compare();
    json = find_line(output, "subject", "m, train, batch of 64");
    ck_assert_msg(strcmp(json_text(json, "verdict"), changes[_i].verdict) == 0, "%s: %s", changes[_i].about, output);
    ck_assert_msg(strstr(json_text(json, "reason"), changes[_i].reason) != NULL, "%s: %s", changes[_i].about, output);
    ck_assert_double_eq_tol(json_number(json, "ratio"), changes[_i].before[0] / changes[_i].after[0], 1e-4);
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
    write_bench_file("before", before);
    write_bench_file("after", after);
    output = compare();
    json = find_line(output, "subject", "o, 1, forward");
    ck_assert_str_eq(json_text(json, "verdict"), _i == 0 ? "noise" : "slower");
    ck_assert_msg(strstr(json_text(json, "reason"), _i == 0 ? "too few runs" : "beyond") != NULL, "%s", output);
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
    write_bench_file("before", lines);
    model_line(lines, sizeof lines, "m", 119, 118, 120, 117);
    write_bench_file("after", lines);
    output = compare();
    json = find_line(output, "subject", "m, train, batch of 64");
    ck_assert_double_eq_tol(json_number(json, "before"), 110.0, 1e-9);
    ck_assert_str_eq(json_text(json, "verdict"), "noise");
    cJSON_Delete(json);
    free(output);
}
END_TEST

START_TEST(peers_are_compared_by_what_they_are_about)
{
    char line[512], *output;
    cJSON *json;

    write_bench_file("before",
                     "{\"peer\":\"torch 2.15\",\"model\":\"a\",\"mode\":\"train\",\"batch\":64,\"step_ms\":100,\"step_ms_min\":98}\n"
                     "some other line\n\n"
                     "{\"peer\":\"torch 2.15 compile\",\"model\":\"a\",\"mode\":\"train\",\"batch\":64,\"step_ms\":90}\n"
                     "{\"peer\":\"torch 2.15\",\"model\":\"b\",\"mode\":\"infer\",\"batch\":64,\"step_ms\":10}\n");
    model_line(line, sizeof line, "a", 50, 49, 51, 48);
    write_bench_file("after", line);
    output = compare();
    json = find_line(output, "before_source", "torch 2.15");
    ck_assert_str_eq(json_text(json, "verdict"), "faster");
    ck_assert_double_eq(json_number(json, "ratio"), 2.0);
    cJSON_Delete(json);
    json = find_line(output, "before_source", "torch 2.15 compile");
    ck_assert_double_eq(json_number(json, "ratio"), 1.8);
    ck_assert_msg(strstr(json_text(json, "reason"), "no spread") != NULL, "%s", output);
    cJSON_Delete(json);
    ck_assert_msg(strstr(output, "infer") == NULL, "%s", output); /* only one side has it */
    json = find_line(output, "summary", "models");
    ck_assert_double_eq(json_number(json, "faster"), 2);
    ck_assert_double_eq(json_number(json, "slower") + json_number(json, "noise"), 0);
    ck_assert_double_eq_tol(json_number(json, "mean_ratio"), 1.8974, 1e-4); /* the root of 2.0 * 1.8 */
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
    write_bench_file("before", before);
    write_bench_file("after", after);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after", bench_folder, bench_folder), 0);
    ck_assert_msg(strstr(output, "Two devices: alpha and beta") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "another program: clmix 1 with alpha, clmix 2 with beta") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "another driver") == NULL && strstr(output, "alpha before") == NULL, "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after --all", bench_folder, bench_folder), 0);
    ck_assert_msg(strstr(output, "faster   3.000 x") != NULL, "%s", output); /* a rate: more is better */
    free(output);
    snprintf(after, sizeof after, line, "alpha", 100.0, "clmix 2", "5.0");
    write_bench_file("after", after);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after", bench_folder, bench_folder), 0);
    ck_assert_msg(strstr(output, "What has changed") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "another driver: 3.1 before, 5.0 after") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "another program: clmix 1 before, clmix 2 after") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "another platform") == NULL, "%s", output);
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
    write_bench_file("before", lines);
    snprintf(lines, sizeof lines, ceilings, 70.0); /* 1.43 times slower */
    model_line(lines + strlen(lines), sizeof lines - strlen(lines), "a", 130, 128, 133, 125);
    model_line(lines + strlen(lines), sizeof lines - strlen(lines), "b", 160, 158, 163, 155);
    model_line(lines + strlen(lines), sizeof lines - strlen(lines), "c", 80, 78, 83, 76);
    write_bench_file("after", lines);
    output = compare();
    ck_assert_msg(strstr(output, "something else used the machine") != NULL, "%s", output);
    json = find_line(output, "subject", "a, train, batch of 64");
    ck_assert_str_eq(json_text(json, "verdict"), "noise");
    ck_assert_msg(strstr(json_text(json, "reason"), "disturbed") != NULL, "%s", output);
    cJSON_Delete(json);
    json = find_line(output, "subject", "b, train, batch of 64");
    ck_assert_str_eq(json_text(json, "verdict"), "slower"); /* by more than that */
    cJSON_Delete(json);
    json = find_line(output, "subject", "c, train, batch of 64");
    ck_assert_str_eq(json_text(json, "verdict"), "faster"); /* all the same */
    cJSON_Delete(json);
    free(output);
}
END_TEST

#define GOOD_LINE "{\"model\":\"a\",\"mode\":\"train\",\"batch\":1,\"step_ms\":1}\n"

static const struct {
    const char *before, *after, *said;
} bad_files[] = {
    { NULL, GOOD_LINE, "before" },
    { "nothing\n", GOOD_LINE, "has no results" },
    { "{\"model\":\"a\",\"mode\":\"train\",\"batch\":1,\"step_ms\":-1}\n", GOOD_LINE,
      "before', line 1: a result of a model needs \"step_ms\", a number above 0, and has -1" },
    { "\n{\"model\":\n", GOOD_LINE, "before', line 2, column 9: this is not JSON" },
    { "{\"model\":\"a\",\"mode\":\"infer\",\"batch\":1,\"step_ms\":1}\n", GOOD_LINE, "in common" },
    { GOOD_LINE "\n{\"model\":\"a\",\"mode\":\"train\",\"step_ms\":1}\n", GOOD_LINE,
      "before', line 3: a result of a model needs \"batch\", a number above 0, and has none" },
    { "{\"model\":\"a\",\"mode\":7,\"batch\":1,\"step_ms\":1}\n", GOOD_LINE,
      "line 1: a result of a model needs \"mode\", a text, and has 7" },
    { "{\"op\":\"a\",\"size\":\"1\",\"ms\":1}\n", GOOD_LINE, "line 1: a result of an op needs \"pass\"" },
    { "{\"model\":\"a\",\"mode\":\"train\",\"op\":\"o\",\"ms\":1}\n", GOOD_LINE, "line 1: an op of a step needs \"batch\"" },
    { "{\"model\":\"a\",\"mode\":\"train\",\"batch\":2,\"start_ms\":1}\n", GOOD_LINE, "line 1: a result of a start needs \"start\"" },
    { "{\"model\":\"a\",\"mode\":\"train\",\"batch\":2,\"kernels_ms\":1}\n", GOOD_LINE, "line 1: the sum of a step needs \"ceiling_ms\"" },
    { "{\"device\":\"d\",\"fma_gflops\":1}\n", GOOD_LINE, "line 1: a line of ceilings needs \"copy_gbs\"" },
    { "{\"op\":\"a\",\"size\":\"1\",\"pass\":\"p\",\"ms\":1,\"gflops\":\"fast\"}\n", GOOD_LINE,
      "line 1: a result needs \"gflops\", 0 or more where it is there, and has \"fast\"" },
};

START_TEST(bad_files_are_explained)
{
    char *output;

    if (bad_files[_i].before != NULL)
        write_bench_file("before", bad_files[_i].before);
    write_bench_file("after", bad_files[_i].after);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after 2>&1", bench_folder, bench_folder), 1);
    ck_assert_msg(strstr(output, bad_files[_i].said) != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(no_page_is_made_of_a_bad_line)
{
    char *output;

    write_bench_file("bad", GOOD_LINE "{\"model\":\"a\",\"mode\":\"train\",\"op\":\"o\",\"ms\":1}\n");
    ck_assert_int_eq(run_tool(&output, "cd %s && clmix-bench report bad --html page 2>&1 || ls page", bench_folder), 2);
    ck_assert_msg(strstr(output, "'bad', line 2: an op of a step needs \"batch\"") != NULL, "%s", output);
    free(output);
}
END_TEST

/* ---- what is shown ------------------------------------------------------------------------------------------------------------------ */

/* Six models and 200 ops, each op 2 ms and 1 more in the other file for every third. */
static void write_many(const char *name, double other)
{
    static char lines[1 << 17];
    char subject[96];

    lines[0] = '\0';
    for (int i = 0; i < 6; i++) {
        snprintf(subject, sizeof subject, "model-%d", i);
        model_line(lines + strlen(lines), sizeof lines - strlen(lines), subject, 100 + other, 98 + other, 103 + other, 96 + other);
    }
    for (int i = 0; i < 200; i++) {
        const double ms = 2.0 + (i % 3 == 0) * other;

        snprintf(lines + strlen(lines), sizeof lines - strlen(lines),
                 "{\"op\":\"an op with quite a long name %d\",\"size\":\"64x256x128 by 128x1x1x512 to 64x256x512 and so "
                 "on\",\"pass\":\"forward\","
                 "\"ms\":%g,\"ms_min\":%g,\"ms_q1\":%g,\"ms_q3\":%g,\"runs\":50,\"peer\":\"clmix 1\",\"device\":\"d\",\"driver\":\"v1\","
                 "\"platform\":\"p\",\"kernels\":\"wide\"}\n",
                 i, ms, ms - 0.01, ms - 0.005, ms + 0.005);
    }
    write_bench_file(name, lines);
}

static void measure_text(const char *text, size_t *lines, size_t *widest)
{
    *lines = *widest = 0;
    while (*text != '\0') {
        const size_t width = strcspn(text, "\n");

        *widest = width > *widest ? width : *widest;
        ++*lines;
        text += width + (text[width] == '\n');
    }
}

START_TEST(a_comparison_fits_a_screen)
{
    char *output;
    size_t lines, widest;

    write_many("before", 0);
    write_many("after", 1);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after", bench_folder, bench_folder), 0);
    measure_text(output, &lines, &widest);
    ck_assert_msg(lines <= 40 && widest <= 100, "%zu lines, the widest of %zu: %s", lines, widest, output);
    ck_assert_msg(strstr(output, "model-5, train, batch of 64") != NULL && strstr(output, "Slower besides models, 5 of 67") != NULL &&
                      strstr(output, "11 of 206 results; --all") != NULL,
                  "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after --all", bench_folder, bench_folder), 0);
    measure_text(output, &lines, &widest);
    ck_assert_msg(lines > 206 && strstr(output, "beyond the spread") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(a_filter_filters_all)
{
    char *output;
    cJSON *json;

    write_many("before", 0);
    write_many("after", 1);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after --filter 'model-3' --json", bench_folder, bench_folder),
                     0);
    json = find_line(output, "summary", "models");
    ck_assert_double_eq(json_number(json, "faster") + json_number(json, "slower") + json_number(json, "noise"), 1);
    cJSON_Delete(json);
    json = find_line(output, "summary", "all but ceilings");
    ck_assert_double_eq(json_number(json, "faster") + json_number(json, "slower") + json_number(json, "noise"), 1);
    cJSON_Delete(json);
    ck_assert_msg(strstr(output, "model-2") == NULL && strstr(output, "an op") == NULL, "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "cd %s && clmix-bench report before --filter 'model-3' --html page && grep -c model-2 page",
                              bench_folder),
                     1);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after --filter nosuch 2>&1", bench_folder, bench_folder), 1);
    ck_assert_msg(strstr(output, "nosuch") != NULL, "%s", output);
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
                                         "60 %, 50 ms",
                                         "20 %, 150 ms", /* the peer's share: a third of ours */
                                         "31 %, 5 ms",
                                         ">0.33 x</td>",
                                         "slow op",
                                         "Below a tenth of their ceiling (&#9660;): 1 of 1",
                                         "some_kind (1)",
                                         "prefers-color-scheme:dark",
                                         "@media print",
                                         "max-width:52rem" };
    char *output, *page;

    write_bench_file("ours", ours);
    write_bench_file("peers", peers);
    ck_assert_msg(run_tool(&output, "clmix-bench report %s/ours %s/peers --html %s/page 2>&1", bench_folder, bench_folder, bench_folder) ==
                      0,
                  "%s", output);
    free(output);
    read_bench_file("page", &page);
    check_page(page);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(page, parts[i]) != NULL, "the page has no '%s'", parts[i]);
    free(page);
}
END_TEST

START_TEST(a_wrong_ceiling_is_called_wrong)
{
    static const char ours[] =
        "{\"device\":\"d\",\"fma_gflops\":81,\"copy_gbs\":20,\"peer\":\"clmix 1\"}\n"
        "{\"peer\":\"clmix 1\",\"model\":\"m\",\"mode\":\"train\",\"batch\":64,\"step_ms\":50,\"device\":\"d\",\"fraction_of_peak\":2.2}\n"
        "{\"op\":\"o\",\"size\":\"1\",\"pass\":\"forward\",\"ms\":1,\"bound_by\":\"memory\",\"least_bytes\":1000,"
        "\"fraction_of_ceiling\":3.1,\"peer\":\"clmix 1\",\"device\":\"d\"}\n";
    char *output, *page;

    write_bench_file("ours", ours);
    ck_assert_int_eq(run_tool(&output, "cd %s && clmix-bench report ours --html page && clmix-bench --compare ours ours", bench_folder), 0);
    ck_assert_msg(strstr(output, "1 results exceed a ceiling, which was measured too low") != NULL, "%s", output);
    free(output);
    read_bench_file("page", &page);
    check_page(page);
    ck_assert(strstr(page, "1 results are faster than a ceiling") != NULL && strstr(page, "220 %<small>ceiling too low</small>") != NULL &&
              strstr(page, "310 %<small>in caches</small>") != NULL);
    free(page);
}
END_TEST

/* One processor under two drivers, with the names that these give. */
START_TEST(two_devices_are_called_by_their_names)
{
    static const char line[] =
        "{\"peer\":\"clmix 1\",\"model\":\"m\",\"mode\":\"train\",\"batch\":64,\"step_ms\":%g,\"device\":\"%s\","
        "\"driver\":\"%s\",\"platform\":\"%s\",\"kernels\":\"wide\",\"host\":\"box\",\"date\":\"2026-11-22T10:11Z\"}\n";
    char text[1024], *output, *page;

    snprintf(text, sizeof text, line, 10.0, "pthread-skylake-avx512-AMD EPYC", "3.1+debian", "Portable Computing Language");
    write_bench_file("one", text);
    snprintf(text, sizeof text, line, 20.0, "AMD EPYC", "2026.22.10.0.01_160000", "Intel(R) OpenCL");
    write_bench_file("two", text);
    ck_assert_int_eq(run_tool(&output, "cd %s && clmix-bench --compare one two --html page", bench_folder), 0);
    ck_assert_msg(strstr(output, "Two devices: PoCL 3.1 and Intel OpenCL 2026.22\n") != NULL &&
                      strstr(output, "AMD EPYC, wide kernels, box, 2026-11-22 10:11 UTC") != NULL,
                  "%s", output);
    free(output);
    read_bench_file("page", &page);
    check_page(page);
    ck_assert(strstr(page, "What has changed") == NULL && strstr(page, ">before</th>") == NULL && strstr(page, ">PoCL 3.1</th>") != NULL &&
              strstr(page, ">Intel OpenCL 2026.22</th>") != NULL && strstr(page, "box, 2026-11-22 10:11 UTC") != NULL);
    free(page);
}
END_TEST

START_TEST(a_comparison_can_be_a_page)
{
    char line[512], *output, *page;

    model_line(line, sizeof line, "m", 100, 98, 103, 96);
    write_bench_file("before", line);
    model_line(line, sizeof line, "m", 120, 118, 123, 115);
    write_bench_file("after", line);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after --html %s/page", bench_folder, bench_folder, bench_folder),
                     0);
    free(output);
    read_bench_file("page", &page);
    check_page(page);
    ck_assert(strstr(page, "What has changed") != NULL && strstr(page, "\342\226\274 slower") != NULL && strstr(page, "0.833") != NULL);
    free(page);
    ck_assert_int_eq(run_tool(&output, "clmix-bench --compare %s/before %s/after --html %s/no/page 2>&1", bench_folder, bench_folder,
                              bench_folder),
                     1);
    ck_assert_msg(strstr(output, "no/page") != NULL, "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-bench report %s/missing --html %s/page 2>&1", bench_folder, bench_folder), 1);
    ck_assert_msg(strstr(output, "missing") != NULL, "%s", output);
    free(output);
}
END_TEST

/* ---- bench/run.sh ------------------------------------------------------------------------------------------------------------------- */

/* Stands for clmix-bench: a note of every call, and a line for each model and mode. */
static const char stand_in[] =
    "#!/bin/sh\n"
    "echo \"clmix $1 $2 $6\" >>\"${0%/*}/turns\"\n"
    "case $1 in\n"
    "ceilings) echo '{\"device\":\"A B\",\"fma_gflops\":100,\"copy_gbs\":20,\"launch_us\":2,\"sync_launch_us\":20}' ;;\n"
    "model) printf '{\"peer\":\"clmix 1\",\"model\":\"%s\",\"mode\":\"%s\",\"step_ms\":10,\"fraction_of_peak\":0.5,\"peak_bytes\":3e6}\\n' "
    "$2 $6 ;;\n"
    "esac\n";
/* One peer that tells its memory, and one that fails in training. */
static const char lean_peer[] =
    "echo \"lean $*\" >>\"${0%/*}/turns\"\n"
    "printf '{\"peer\": \"lean\", \"model\": \"%s\", \"mode\": \"%s\", \"step_ms\": 20, \"peak_bytes\": 7000000}\\n' $1 $2\n";
static const char quick_peer[] =
    "echo \"quick $*\" >>\"${0%/*}/turns\"\n"
    "[ $2 = infer ] || exit 1\n"
    "echo '{\"peer\": \"quick\", \"model\": \"m\", \"mode\": \"infer\", \"step_ms\": 5, \"peak_bytes\": 9000000}'\n";

START_TEST(peers_take_turns)
{
    static const char *const turns[] = { "clmix model m infer\nlean m infer 4 1\nquick m infer\nclmix model m forward",
                                         "clmix model m train\nlean m train 4 1\nquick m train\nclmix profile" };
    static const char *const rows[] = {
        "| time, share of the ceiling | clmix | lean | quick | clmix's device memory | the leanest peer's |",
        "| m, classification | 10.0 ms, 50 % | 20.0 ms, 25 % | 5.00 ms, 100 % | 3 MB | 7 MB |",
        "| m, forward pass, training | 10.0 ms, 50 % |  |  | 3 MB |  |",
        "| m, training step | 10.0 ms, 50 % | 20.0 ms, 25 % |  | 3 MB | 7 MB |"
    };
    char *output;

    write_bench_file("clmix-bench", stand_in);
    write_bench_file("lean", lean_peer);
    write_bench_file("quick", quick_peer);
    ck_assert_msg(
        run_tool(&output,
                 "cd '%s' && chmod +x clmix-bench && BENCH_MODELS=m BENCH_BATCH=4 BENCH_SECONDS=1 CLMIX_BIN=$PWD "
                 "BENCH_PEERS='sh ./lean $model $mode $batch $seconds\nsh ./quick $model $mode' sh '%s/../../bench/run.sh' results 2>&1",
                 bench_folder, CLMIX_TEST_DATA) == 0,
        "%s", output);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(strstr(output, rows[i]) != NULL, "no row '%s' in: %s", rows[i], output);
    ck_assert_msg(strstr(output, "m, train: failed: sh ./quick") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "m, infer: failed") == NULL, "%s", output);
    free(output);
    read_bench_file("turns", &output);
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++)
        ck_assert_msg(strstr(output, turns[i]) != NULL, "%s", output);
    free(output);
}
END_TEST

/* Other mixers and lengths are rows of their own, and a peer's line is about the row that it was asked for, whatever it calls it. */
START_TEST(rows_have_mixers_and_lengths)
{
    static const char stand_in_for_text[] =
        "#!/bin/sh\n"
        "echo \"$*\" >>\"${0%/*}/turns\"\n"
        "case $1 in\n"
        "ceilings) echo '{\"device\":\"A B\",\"fma_gflops\":100,\"copy_gbs\":20,\"launch_us\":2,\"sync_launch_us\":20}' ;;\n"
        "model) echo '{\"peer\":\"clmix 1\",\"model\":\"t, own:a=2\",\"mode\":\"train\",\"batch\":4,\"length\":16,\"step_ms\":10,"
        "\"fraction_of_peak\":0.5}' ;;\n"
        "esac\n";
    static const char peer[] = "printf '{\"peer\": \"lean\", \"model\": \"theirs\", \"mode\": \"%s\", \"batch\": %s, \"length\": %s, "
                               "\"step_ms\": 20}\n' $2 $3 $4\n";
    char *output;

    write_bench_file("clmix-bench", stand_in_for_text);
    write_bench_file("lean", peer);
    ck_assert_msg(
        run_tool(&output,
                 "cd '%s' && rm -f turns && chmod +x clmix-bench && BENCH_MODELS=t+own:a=2@4x16 BENCH_MODES=train BENCH_PARTS=models "
                 "BENCH_SECONDS=1 CLMIX_BIN=$PWD BENCH_PEERS='sh ./lean $mixer $mode $batch $length' "
                 "sh '%s/../../bench/run.sh' results 2>&1",
                 bench_folder, CLMIX_TEST_DATA) == 0,
        "%s", output);
    ck_assert_msg(strstr(output, "| t, own:a=2, 4 x 16 tokens, training step | 10.0 ms, 50 % | 20.0 ms, 25 % |") != NULL, "%s", output);
    free(output);
    read_bench_file("turns", &output);
    ck_assert_str_eq(output, "ceilings --json\nmodel t --batch 4 --mode train --seconds 1 --mixer own:a=2 --length 16 --json\n"
                             "report results/A-B.jsonl results/A-B-peers.jsonl --html results/A-B.html\n");
    free(output);
    ck_assert_int_eq(run_tool(&output, "cd '%s' && BENCH_PARTS=model CLMIX_BIN=$PWD sh '%s/../../bench/run.sh' results 2>&1", bench_folder,
                              CLMIX_TEST_DATA),
                     2);
    ck_assert_msg(strstr(output, "BENCH_PARTS has 'model'; there are starts, models, profiles and ops") != NULL, "%s", output);
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-bench's results");
    TCase *tests = tcase_create("results");

    tcase_set_timeout(tests, 600);
    tcase_add_checked_fixture(tests, make_bench_folder, remove_bench_folder);
    tcase_add_loop_test(tests, changes_are_told_from_noise, 0, (int)(sizeof changes / sizeof *changes));
    tcase_add_loop_test(tests, a_few_runs_prove_nothing, 0, 2);
    tcase_add_test(tests, repeated_results_widen_the_spread);
    tcase_add_test(tests, peers_are_compared_by_what_they_are_about);
    tcase_add_test(tests, differences_of_the_sides_are_named);
    tcase_add_test(tests, a_disturbed_machine_is_no_change);
    tcase_add_test(tests, no_page_is_made_of_a_bad_line);
    tcase_add_test(tests, a_comparison_fits_a_screen);
    tcase_add_test(tests, a_filter_filters_all);
    tcase_add_test(tests, a_wrong_ceiling_is_called_wrong);
    tcase_add_test(tests, two_devices_are_called_by_their_names);
    tcase_add_loop_test(tests, bad_files_are_explained, 0, (int)(sizeof bad_files / sizeof *bad_files));
    tcase_add_test(tests, a_report_shows_every_model_and_escapes_text);
    tcase_add_test(tests, a_comparison_can_be_a_page);
    tcase_add_test(tests, peers_take_turns);
    tcase_add_test(tests, rows_have_mixers_and_lengths);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
