#include "base/array.h"
#include "base/status.h"
#include "bench/bench.h"
#include "watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CEILING_RUNS 3

double bench_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- times ------------------------------------------------------------------------------------------------------------------------ */

clmix_status bench_times_add(struct bench_times *times, double seconds)
{
    return CLMIX_PUSH(times->values, times->count, times->capacity, seconds) ? CLMIX_OK : clmix_fail_memory("the times");
}

void bench_times_free(struct bench_times *times)
{
    free(times->values);
    memset(times, 0, sizeof *times);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double quantile(const struct bench_times *times, double part)
{
    const double place = part * (double)(times->count - 1);
    const size_t below = (size_t)place, above = below + 1 < times->count ? below + 1 : below;

    return times->values[below] + (place - (double)below) * (times->values[above] - times->values[below]);
}

struct bench_spread bench_times_spread(struct bench_times *times)
{
    if (times->count == 0)
        return (struct bench_spread){ 0 };
    qsort(times->values, times->count, sizeof *times->values, ascending);
    return (struct bench_spread){
        .median = quantile(times, 0.5),
        .least = times->values[0],
        .q1 = quantile(times, 0.25),
        .q3 = quantile(times, 0.75),
        .count = times->count,
    };
}

/* ---- ceilings --------------------------------------------------------------------------------------------------------------------- */

struct bench_bound bench_bound(const clmix_ceilings *ceilings, uint64_t flops, uint64_t bytes, size_t launches)
{
    const double arithmetic = (double)flops / (1e9 * ceilings->fma_gflops), memory = (double)bytes / (1e9 * ceilings->copy_gbs),
                 launching = (double)launches * 1e-6 * ceilings->launch_us;

    if (launching >= arithmetic && launching >= memory)
        return (struct bench_bound){ launching, "launches" };
    return arithmetic >= memory ? (struct bench_bound){ arithmetic, "multiply-adds" } : (struct bench_bound){ memory, "memory" };
}

/* What else the machine does only lowers a ceiling, so the best of a few counts. */
static clmix_status measure_ceilings(struct bench_device *on, int runs)
{
    CLMIX_TRY(clmix_device_ceilings(on->device, &on->ceilings));
    for (int i = 1; i < runs; i++) {
        clmix_ceilings again;

        CLMIX_TRY(clmix_device_ceilings(on->device, &again));
        on->ceilings.fma_gflops = fmax(on->ceilings.fma_gflops, again.fma_gflops);
        on->ceilings.copy_gbs = fmax(on->ceilings.copy_gbs, again.copy_gbs);
        on->ceilings.launch_us = fmin(on->ceilings.launch_us, again.launch_us);
        on->ceilings.sync_launch_us = fmin(on->ceilings.sync_launch_us, again.sync_launch_us);
    }
    return CLMIX_OK;
}

clmix_status bench_open(struct bench_device *on, const char *selector, bool quick)
{
    memset(on, 0, sizeof *on);
    CLMIX_TRY(clmix_device_open(&on->device, selector));
    watch_compiler(on->device);
    CLMIX_TRY(measure_ceilings(on, quick ? 1 : CEILING_RUNS));
    return bench_reopen(on, selector);
}

clmix_status bench_reopen(struct bench_device *on, const char *selector)
{
    clmix_device_close(on->device);
    on->device = NULL;
    CLMIX_TRY(clmix_device_open(&on->device, selector));
    watch_compiler(on->device);
    return CLMIX_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------------- */

double bench_rounded(double value, int digits)
{
    double unit;

    if (value == 0.0 || !isfinite(value))
        return value;
    unit = pow(10.0, digits - 1 - (int)floor(log10(fabs(value))));
    return round(value * unit) / unit;
}

void bench_add(cJSON *object, const char *key, double value)
{
    cJSON_AddNumberToObject(object, key, bench_rounded(value, 5));
}

double bench_number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

const char *bench_text(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(item) ? item->valuestring : "";
}

void bench_add_work(cJSON *object, const struct bench_work *work, const clmix_ceilings *ceilings)
{
    const struct bench_spread *spread = &work->seconds;
    const struct bench_bound bound = bench_bound(ceilings, work->flops, work->least_bytes, work->launches);
    const double fraction = bound.seconds / spread->median;

    bench_add(object, "ms", 1e3 * spread->median);
    bench_add(object, "ms_min", 1e3 * spread->least);
    bench_add(object, "ms_q1", 1e3 * spread->q1);
    bench_add(object, "ms_q3", 1e3 * spread->q3);
    cJSON_AddNumberToObject(object, "runs", (double)spread->count);
    cJSON_AddNumberToObject(object, "launches", (double)work->launches);
    bench_add(object, "gflops", (double)work->flops / spread->median / 1e9);
    bench_add(object, "gbs", (double)work->moved_bytes / spread->median / 1e9);
    cJSON_AddNumberToObject(object, "least_bytes", (double)work->least_bytes);
    cJSON_AddStringToObject(object, "bound_by", bound.by);
    bench_add(object, "fraction_of_ceiling", fraction);
    if (fraction < BENCH_LOW)
        cJSON_AddTrueToObject(object, "below_tenth");
}

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (!cJSON_HasObjectItem(object, key))
        cJSON_AddStringToObject(object, key, text);
}

void bench_sign(cJSON *object, const clmix_device *device)
{
    const clmix_device_info *info = clmix_device_describe(device);

    add_text(object, "peer", "clmix " CLMIX_VERSION);
    add_text(object, "device", info->name);
    add_text(object, "driver", info->driver);
    add_text(object, "platform", info->platform);
    add_text(object, "kernels", info->form == CLMIX_WIDE ? "wide" : "simt");
}

bool bench_emit(struct bench_sink *sink, cJSON *object, void (*print)(const cJSON *object))
{
    char *line = cli_json_line(object);
    bool good = line != NULL;

    if (good && sink->file != NULL) /* a failed put has closed the file */
        good = clmix_file_put(sink->file, line, strlen(line)) == CLMIX_OK && clmix_file_put(sink->file, "\n", 1) == CLMIX_OK;
    if (good && sink->cli->json)
        puts(line);
    else if (good)
        print(object);
    fflush(stdout);
    free(line);
    cJSON_Delete(object);
    return good;
}
