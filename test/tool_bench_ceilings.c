/* clmix-bench asks a plan before it measures, and doubts a ceiling that something exceeds. */
#include <check.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "support_bench.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"

/* ---- the plan comes first --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *arguments, *said;
} refused[] = {
    { "model wavemix-16 --batch 2147483647 --mode train", "smaller batch" },
    { "model wavemix-16 --batch 2147483647 --mode backward", "smaller batch" },
    { "model wavemix-16 --batch 2147483647 --mode infer", "smaller batch" },
    { "start wavemix-16 --batch 2147483647 --mode train", "smaller batch" },
    { "start wavemix-16 --batch 2147483647 --mode infer", "smaller batch" },
    { "profile wavemix-16 --batch 2147483647", "smaller batch" },
    { "ops --batch 2147483647", "smaller batch" },
    { "all wavemix-16 --batch 2147483647 --out never", "smaller batch" },
};
#define MOST_KILOBYTES (1L << 20) /* the labels alone of such a batch are eight times that */

#define NOT_SAID 100
#define TOO_MUCH 101

START_TEST(what_is_too_large_is_refused_by_the_plan)
{
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) { /* a process of its own, so that what its one child used can be asked for */
        struct rusage usage;
        char *output;

        status = run_tool(&output, "clmix-bench %s 2>&1", refused[_i].arguments);
        getrusage(RUSAGE_CHILDREN, &usage);
        _exit(strstr(output, refused[_i].said) == NULL ? NOT_SAID : usage.ru_maxrss > MOST_KILOBYTES ? TOO_MUCH : status);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_msg(WEXITSTATUS(status) == 1 || WEXITSTATUS(status) == 2, "'%s' gave %d", refused[_i].arguments, WEXITSTATUS(status));
}
END_TEST

/* ---- ceilings that are exceeded --------------------------------------------------------------------------------------------------- */

static const struct cli cli = { .device = NULL };
static const struct bench_request request = { .batch = 2, .quick = true, .mode = "train", .filter = "layer norm" };

/* As another program's load would have made the ceilings, if it were that bad. */
static void open_with_low_ceilings(struct bench_device *on, struct bench_sink *sink)
{
    memset(on, 0, sizeof *on);
    ops_ok(bench_open(on, NULL));
    on->ceilings = (clmix_ceilings){ .fma_gflops = 1e-3, .copy_gbs = 1e-3, .launch_us = 1e-3, .sync_launch_us = 1e-3 };
    *sink = (struct bench_sink){ &cli, cJSON_CreateArray() };
}

static void close_bench(struct bench_device *on, struct bench_sink *sink)
{
    cJSON_Delete(sink->kept);
    clmix_device_close(on->device);
}

START_TEST(a_model_has_its_ceiling_measured_again)
{
    struct bench_device on;
    struct bench_sink sink;
    const cJSON *result;

    open_with_low_ceilings(&on, &sink);
    ck_assert_int_eq(bench_model(&sink, &request, &on, "wavemix-16"), 0);
    result = cJSON_GetArrayItem(sink.kept, 0);
    ck_assert(on.raised && on.ceilings.fma_gflops > 1e-2);
    ck_assert_double_eq_tol(json_number(result, "fraction_of_peak"), json_number(result, "gflops") / on.ceilings.fma_gflops, 1e-3);
    ck_assert_int_eq(json_number(result, "fraction_of_peak") > 1.0 + BENCH_MARGIN, cJSON_HasObjectItem(result, "above_ceiling"));
    close_bench(&on, &sink);
}
END_TEST

START_TEST(so_have_ops_and_steps)
{
    const cJSON *result;

    for (int profile = 0; profile < 2; profile++) {
        struct bench_device on;
        struct bench_sink sink;

        open_with_low_ceilings(&on, &sink);
        ck_assert_int_eq(profile ? bench_profile(&sink, &request, &on, "wavemix-16") : bench_ops(&sink, &request, &on), 0);
        ck_assert(on.raised && on.ceilings.fma_gflops > 1e-2 && cJSON_GetArraySize(sink.kept) > 0);
        cJSON_ArrayForEach(result, sink.kept)
        {
            if (cJSON_HasObjectItem(result, "op")) /* a busy machine may exceed its ceilings still, but not unmarked */
                ck_assert_int_eq(json_number(result, "fraction_of_ceiling") > 1.0 + BENCH_MARGIN,
                                 cJSON_HasObjectItem(result, "above_ceiling"));
        }
        close_bench(&on, &sink);
    }
}
END_TEST

START_TEST(what_still_exceeds_it_is_marked)
{
    struct bench_device on;
    struct bench_sink sink;

    open_with_low_ceilings(&on, &sink);
    on.vain = 100; /* as if measuring again had not helped */
    on.settled_until = INFINITY;
    ck_assert_int_eq(bench_model(&sink, &request, &on, "wavemix-16"), 0);
    ck_assert(!on.raised);
    ck_assert_str_eq(json_text(cJSON_GetArrayItem(sink.kept, 0), "above_ceiling"), "ceiling too low");
    ck_assert(strstr(bench_remark(cJSON_GetArrayItem(sink.kept, 0)), "too low") != NULL);
    close_bench(&on, &sink);
}
END_TEST

static const struct {
    double share;
    const char *bound_by;
    double bytes;
    enum bench_excess excess;
} shares[] = {
    { 0.9, "multiply-adds", 1e6, BENCH_WITHIN }, { 1.04, "multiply-adds", 1e6, BENCH_WITHIN }, { 1.06, "multiply-adds", 1e6, BENCH_BEYOND },
    { 1.06, "launches", 1e3, BENCH_BEYOND },     { 5.23, "memory", 1e6, BENCH_CACHED },        { 1.06, "memory", 300e6, BENCH_BEYOND },
    { NAN, "memory", 300e6, BENCH_WITHIN },
};

START_TEST(caches_may_exceed_the_memory)
{
    ck_assert_int_eq(bench_excess(shares[_i].share, shares[_i].bound_by, shares[_i].bytes), shares[_i].excess);
}
END_TEST

/* An op of 2 GFLOP and 1 MB in 10 ms, as a part of a step and alone, under ceilings that were found later. */
START_TEST(results_are_settled_by_the_last_ceilings)
{
    static const char *const lines[] = {
        "{\"device\":\"d\",\"fma_gflops\":81,\"copy_gbs\":20,\"launch_us\":2,\"sync_launch_us\":20}",
        "{\"model\":\"m\",\"step_ms\":10,\"gflops\":200,\"gbs\":10,\"fraction_of_peak\":2.469,\"fraction_of_copy\":0.5,"
        "\"above_ceiling\":\"ceiling too low\"}",
        "{\"model\":\"m\",\"op\":\"o\",\"ms\":10,\"launches\":1,\"gflops\":200,\"gbs\":1,\"least_bytes\":1e6,\"bound_by\":\"multiply-"
        "adds\","
        "\"fraction_of_ceiling\":2.469,\"above_ceiling\":\"ceiling too low\"}",
        "{\"model\":\"m\",\"kernels_ms\":11,\"ceiling_ms\":24.69,\"free_ms\":11}",
        "{\"op\":\"o\",\"ms\":10,\"launches\":1,\"gflops\":20,\"gbs\":1,\"least_bytes\":1e6,\"bound_by\":\"multiply-adds\","
        "\"fraction_of_ceiling\":0.2469}",
    };
    const clmix_ceilings ceilings = { .fma_gflops = 250, .copy_gbs = 25, .launch_us = 1, .sync_launch_us = 10 };
    cJSON *results = cJSON_CreateArray();
    const cJSON *op;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cJSON_AddItemToArray(results, cJSON_Parse(lines[i]));
    ck_assert_uint_eq(bench_settle_shares(results, &ceilings), 0);
    ck_assert_double_eq(json_number(cJSON_GetArrayItem(results, 0), "fma_gflops"), 250.0);
    ck_assert_double_eq(json_number(cJSON_GetArrayItem(results, 1), "fraction_of_peak"), 0.8);
    ck_assert_double_eq(json_number(cJSON_GetArrayItem(results, 1), "fraction_of_copy"), 0.4);
    ck_assert_double_eq(json_number(cJSON_GetArrayItem(results, 2), "fraction_of_ceiling"), 0.8);
    ck_assert_double_eq(json_number(cJSON_GetArrayItem(results, 3), "ceiling_ms"), 8.0);
    op = cJSON_GetArrayItem(results, 4);
    ck_assert_double_eq(json_number(op, "fraction_of_ceiling"), 0.08);
    ck_assert(cJSON_HasObjectItem(op, "below_tenth"));
    cJSON_ArrayForEach(op, results) ck_assert(!cJSON_HasObjectItem(op, "above_ceiling"));
    cJSON_Delete(results);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-bench's ceilings");
    TCase *tests = tcase_create("ceilings");

    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, what_is_too_large_is_refused_by_the_plan, 0, (int)(sizeof refused / sizeof *refused));
    tcase_add_test(tests, a_model_has_its_ceiling_measured_again);
    tcase_add_test(tests, so_have_ops_and_steps);
    tcase_add_test(tests, what_still_exceeds_it_is_marked);
    tcase_add_loop_test(tests, caches_may_exceed_the_memory, 0, (int)(sizeof shares / sizeof *shares));
    tcase_add_test(tests, results_are_settled_by_the_last_ceilings);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
