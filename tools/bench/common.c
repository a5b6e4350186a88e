#include "base/array.h"
#include "base/clock.h"
#include "base/status.h"
#include "bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#define BATCH_SECONDS 0.01 /* runs between two waits: long enough for the clock */

const char *bench_usual_model(size_t index)
{
    static const char *const models[] = {
        "wavemix-16",   "wavemix-32",   "wavemix-64", "wavemix-128", "wavemix-convstride2",
        "wavemix-top4", "wavemix-all5", "vit",        "fnet",        "mlp-mixer",
    };

    return index < sizeof models / sizeof *models ? models[index] : NULL;
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

static clmix_status run_times(clmix_plan *plan, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CLMIX_TRY(clmix_plan_run(plan));
    return clmix_plan_wait(plan);
}

clmix_status bench_time_plan(clmix_plan *plan, double seconds, size_t least, struct bench_times *times)
{
    double start, once;
    size_t batch;

    CLMIX_TRY(run_times(plan, 2));
    start = clmix_seconds();
    CLMIX_TRY(run_times(plan, 1));
    once = clmix_seconds() - start;
    batch = once > BATCH_SECONDS ? 1 : (size_t)(BATCH_SECONDS / (once + 1e-6)) + 1;
    for (start = clmix_seconds(); clmix_seconds() - start < seconds || times->count < least;) {
        const double begin = clmix_seconds();

        CLMIX_TRY(run_times(plan, batch));
        CLMIX_TRY(bench_times_add(times, (clmix_seconds() - begin) / (double)batch));
    }
    return CLMIX_OK;
}

bool bench_fits(const clmix_device *device, const clmix_plan_cost *cost)
{
    return cost->peak_bytes <= clmix_device_describe(device)->global_bytes / 2;
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

void bench_add_extent(cJSON *object, struct clmix_extent extent)
{
    cJSON_AddNumberToObject(object, "batch", (double)extent.batch);
    if (extent.length > 0)
        cJSON_AddNumberToObject(object, "length", (double)extent.length);
}

const char *bench_batch(const cJSON *object, char text[64])
{
    const double length = bench_number(object, "length");

    if (isnan(length))
        snprintf(text, 64, "batch of %.0f", bench_number(object, "batch"));
    else
        snprintf(text, 64, "batch of %.0f x %.0f tokens", bench_number(object, "batch"), length);
    return text;
}

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (!cJSON_HasObjectItem(object, key))
        cJSON_AddStringToObject(object, key, text);
}

void bench_sign_host(cJSON *object)
{
    const time_t now = time(NULL);
    struct utsname host;
    struct tm utc;
    char date[32] = "";

    add_text(object, "peer", "clmix " CLMIX_VERSION);
    if (uname(&host) == 0)
        add_text(object, "host", host.nodename);
    if (gmtime_r(&now, &utc) != NULL && strftime(date, sizeof date, "%Y-%m-%dT%H:%MZ", &utc) > 0)
        add_text(object, "date", date);
}

void bench_sign_device(cJSON *object, const clmix_device_info *info)
{
    char place[32];

    add_text(object, "device", info->name);
    add_text(object, "driver", info->driver);
    add_text(object, "platform", info->platform);
    snprintf(place, sizeof place, "%d:%d", info->platform_index, info->device_index);
    if (info->index >= 0)
        add_text(object, "place", place);
}

void bench_sign(cJSON *object, const clmix_device *device)
{
    const clmix_device_info *info = clmix_device_describe(device);

    bench_sign_device(object, info);
    add_text(object, "kernels", info->form == CLMIX_WIDE ? "wide" : "simt");
    bench_sign_host(object);
}

void bench_describe(cJSON *object, const clmix_device_info *info)
{
    cJSON *quirks;

    add_text(object, "vendor", info->vendor);
    cJSON_AddNumberToObject(object, "compute_units", (double)info->compute_units);
    cJSON_AddNumberToObject(object, "vector_width", (double)info->vector_width);
    cJSON_AddBoolToObject(object, "fused_multiply_add", info->fused_multiply_add);
    quirks = cJSON_AddArrayToObject(object, "quirks");
    for (unsigned bit = 0; bit < 64; bit++)
        if (clmix_device_quirk(info, bit) != NULL)
            cJSON_AddItemToArray(quirks, cJSON_CreateString(clmix_device_quirk(info, bit)));
}

bool bench_emit(struct bench_sink *sink, cJSON *object, void (*print)(const cJSON *object))
{
    char *line = cli_json_line(object);
    bool good = line != NULL;

    if (good && sink->cli->json)
        puts(line);
    else if (good)
        print(object);
    fflush(stdout);
    free(line);
    if (sink->kept == NULL || !cJSON_AddItemToArray(sink->kept, object))
        cJSON_Delete(object);
    return good;
}
