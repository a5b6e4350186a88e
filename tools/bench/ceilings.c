/* What a device can do at most, and how near work comes to it. A share above 1 says that the ceiling was measured too low, unless the data stayed in
 * a cache: it is measured again then, and what still exceeds it is marked. */
#include "base/clock.h"
#include "base/status.h"
#include "bench/bench.h"
#include "common/watch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CEILING_RUNS 2 /* each measures multiply-adds three times */
#define MOST_VAIN    2 /* measurements in a row that found nothing higher; */
#define TOO_LOW      "ceiling too low"
#define PAUSE        5.0 /* then the ceilings stand for so many seconds, and may be doubted again: a busy machine need not stay so */

/* ---- measuring -------------------------------------------------------------------------------------------------------------------- */

/* Whether `again` is higher by more than such measurements differ. What else the machine does only lowers a ceiling, so the best counts. */
static bool take_better(clmix_ceilings *ceilings, const clmix_ceilings *again)
{
    const bool higher = again->fma_gflops > ceilings->fma_gflops * (1.0 + BENCH_MARGIN) ||
                        again->copy_gbs > ceilings->copy_gbs * (1.0 + BENCH_MARGIN) ||
                        again->launch_us * (1.0 + BENCH_MARGIN) < ceilings->launch_us;

    ceilings->fma_gflops = fmax(ceilings->fma_gflops, again->fma_gflops);
    ceilings->copy_gbs = fmax(ceilings->copy_gbs, again->copy_gbs);
    ceilings->launch_us = fmin(ceilings->launch_us, again->launch_us);
    ceilings->sync_launch_us = fmin(ceilings->sync_launch_us, again->sync_launch_us);
    return higher;
}

clmix_status bench_open(struct bench_device *on, const char *selector)
{
    clmix_device_close(on->device);
    on->device = NULL;
    on->selector = selector;
    CLMIX_TRY(clmix_device_open(&on->device, selector));
    watch_compiler(on->device);
    return CLMIX_OK;
}

clmix_status bench_measure_ceilings(struct bench_device *on, bool quick)
{
    CLMIX_TRY(clmix_device_ceilings(on->device, &on->ceilings));
    for (int i = 1; i < (quick ? 1 : CEILING_RUNS); i++) {
        clmix_ceilings again;

        CLMIX_TRY(clmix_device_ceilings(on->device, &again));
        take_better(&on->ceilings, &again);
    }
    return bench_open(on, on->selector);
}

/* Through another handle, so that the books of the device's memory stay those of the work. */
bool bench_measure_again(struct bench_device *on)
{
    clmix_ceilings again;
    clmix_device *device = NULL;
    clmix_status status;
    bool higher;

    if (on->vain >= MOST_VAIN && clmix_seconds() < on->settled_until)
        return false;
    status = clmix_device_open(&device, on->selector);
    if (status == CLMIX_OK)
        status = clmix_device_ceilings(device, &again);
    clmix_device_close(device);
    higher = status == CLMIX_OK && take_better(&on->ceilings, &again);
    on->raised = on->raised || higher;
    on->vain = higher ? 0 : on->vain + 1;
    on->settled_until = clmix_seconds() + PAUSE;
    return true;
}

/* ---- shares ----------------------------------------------------------------------------------------------------------------------- */

struct bench_bound bench_bound(const clmix_ceilings *ceilings, double flops, double bytes, double launches)
{
    const double arithmetic = flops / (1e9 * ceilings->fma_gflops), memory = bytes / (1e9 * ceilings->copy_gbs),
                 launching = launches * 1e-6 * ceilings->launch_us;

    if (launching >= arithmetic && launching >= memory)
        return (struct bench_bound){ launching, "launches" };
    return arithmetic >= memory ? (struct bench_bound){ arithmetic, "multiply-adds" } : (struct bench_bound){ memory, "memory" };
}

enum bench_excess bench_excess(double share, const char *bound_by, double bytes)
{
    if (!(share > 1.0 + BENCH_MARGIN))
        return BENCH_WITHIN;
    return strcmp(bound_by, "memory") == 0 && bytes < BENCH_BEYOND_CACHES ? BENCH_CACHED : BENCH_BEYOND;
}

void bench_doubt_ceilings(struct bench_device *on, const struct bench_work *work)
{
    struct bench_bound bound;

    do
        bound = bench_bound(&on->ceilings, (double)work->flops, (double)work->least_bytes, (double)work->launches);
    while (bench_excess(bound.seconds / work->seconds.median, bound.by, (double)work->least_bytes) == BENCH_BEYOND &&
           bench_measure_again(on));
}

static void set(cJSON *object, const char *key, cJSON *value)
{
    if (cJSON_HasObjectItem(object, key))
        cJSON_ReplaceItemInObjectCaseSensitive(object, key, value);
    else
        cJSON_AddItemToObject(object, key, value);
}

static void set_number(cJSON *object, const char *key, double value)
{
    set(object, key, cJSON_CreateNumber(bench_rounded(value, 5)));
}

static void set_excess(cJSON *object, enum bench_excess excess)
{
    static const char *const names[] = { [BENCH_CACHED] = "caches", [BENCH_BEYOND] = TOO_LOW };

    cJSON_DeleteItemFromObjectCaseSensitive(object, "above_ceiling");
    if (excess != BENCH_WITHIN)
        cJSON_AddStringToObject(object, "above_ceiling", names[excess]);
}

static void set_model_shares(cJSON *object, const clmix_ceilings *ceilings)
{
    const double share = bench_number(object, "gflops") / ceilings->fma_gflops;

    set_number(object, "fraction_of_peak", share);
    set_number(object, "fraction_of_copy", bench_number(object, "gbs") / ceilings->copy_gbs);
    set_excess(object, bench_excess(share, "multiply-adds", NAN));
}

static void set_work_shares(cJSON *object, const clmix_ceilings *ceilings)
{
    const double seconds = 1e-3 * bench_number(object, "ms"), bytes = bench_number(object, "least_bytes");
    const struct bench_bound bound =
        bench_bound(ceilings, 1e9 * bench_number(object, "gflops") * seconds, bytes, bench_number(object, "launches"));
    const double share = bound.seconds / seconds;

    set(object, "bound_by", cJSON_CreateString(bound.by));
    set_number(object, "fraction_of_ceiling", share);
    cJSON_DeleteItemFromObjectCaseSensitive(object, "below_tenth");
    if (share < BENCH_LOW)
        cJSON_AddTrueToObject(object, "below_tenth");
    set_excess(object, bench_excess(share, bound.by, bytes));
}

void bench_set_shares(cJSON *object, const clmix_ceilings *ceilings)
{
    if (cJSON_HasObjectItem(object, "step_ms"))
        set_model_shares(object, ceilings);
    else if (cJSON_HasObjectItem(object, "ms"))
        set_work_shares(object, ceilings);
}

void bench_add_work(cJSON *object, const struct bench_work *work, const clmix_ceilings *ceilings)
{
    const struct bench_spread *spread = &work->seconds;

    bench_add(object, "ms", 1e3 * spread->median);
    bench_add(object, "ms_min", 1e3 * spread->least);
    bench_add(object, "ms_q1", 1e3 * spread->q1);
    bench_add(object, "ms_q3", 1e3 * spread->q3);
    cJSON_AddNumberToObject(object, "runs", (double)spread->count);
    cJSON_AddNumberToObject(object, "launches", (double)work->launches);
    bench_add(object, "gflops", (double)work->flops / spread->median / 1e9);
    bench_add(object, "gbs", (double)work->moved_bytes / spread->median / 1e9);
    cJSON_AddNumberToObject(object, "least_bytes", (double)work->least_bytes);
    bench_set_shares(object, ceilings);
}

static void set_ceilings(cJSON *object, const clmix_ceilings *ceilings)
{
    set_number(object, "fma_gflops", ceilings->fma_gflops);
    set_number(object, "copy_gbs", ceilings->copy_gbs);
    set_number(object, "launch_us", ceilings->launch_us);
    set_number(object, "sync_launch_us", ceilings->sync_launch_us);
}

size_t bench_settle_shares(cJSON *results, const clmix_ceilings *ceilings)
{
    double least_ms = 0.0;
    size_t excess = 0;
    cJSON *result;

    cJSON_ArrayForEach(result, results)
    {
        if (cJSON_HasObjectItem(result, "fma_gflops"))
            set_ceilings(result, ceilings);
        bench_set_shares(result, ceilings);
        excess += strcmp(bench_text(result, "above_ceiling"), TOO_LOW) == 0;
        if (cJSON_HasObjectItem(result, "model") && cJSON_HasObjectItem(result, "op"))
            least_ms += bench_number(result, "fraction_of_ceiling") * bench_number(result, "ms");
        if (cJSON_HasObjectItem(result, "ceiling_ms")) {
            cJSON_SetNumberValue(cJSON_GetObjectItem(result, "ceiling_ms"), bench_rounded(least_ms, 5));
            least_ms = 0.0;
        }
    }
    return excess;
}

const char *bench_remark(const cJSON *object)
{
    if (cJSON_HasObjectItem(object, "below_tenth"))
        return "  << below a tenth";
    if (strcmp(bench_text(object, "above_ceiling"), "caches") == 0)
        return "  in caches";
    return cJSON_HasObjectItem(object, "above_ceiling") ? "  << above the ceiling, which is measured too low" : "";
}

/* ---- the command ------------------------------------------------------------------------------------------------------------------ */

static void print_ceilings(const cJSON *json)
{
    printf("%s: %.1f GFLOP/s of multiply-adds, %.1f GB/s copying, a launch %.2f us in a batch and %.2f us with a wait\n",
           bench_text(json, "device"), bench_number(json, "fma_gflops"), bench_number(json, "copy_gbs"), bench_number(json, "launch_us"),
           bench_number(json, "sync_launch_us"));
}

int bench_ceilings(struct bench_sink *sink, const struct bench_device *on)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "device", clmix_device_describe(on->device)->name);
    set_ceilings(json, &on->ceilings);
    bench_describe(json, clmix_device_describe(on->device));
    bench_sign(json, on->device);
    return bench_emit(sink, json, print_ceilings) ? 0 : cli_error(sink->cli, CLMIX_ERROR_FILE, NULL, "cannot write the result");
}
