#include "base/array.h"
#include "base/random.h"
#include "base/status.h"
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- times ------------------------------------------------------------------------------------------------------------------------ */

bool bench_times_add(struct bench_times *times, double seconds)
{
    return CLMIX_PUSH(times->values, times->count, times->capacity, seconds);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_times_median(struct bench_times *times)
{
    const size_t half = times->count / 2;

    if (times->count == 0)
        return 0.0;
    qsort(times->values, times->count, sizeof *times->values, ascending);
    return times->count % 2 == 1 ? times->values[half] : 0.5 * (times->values[half - 1] + times->values[half]);
}

double bench_times_least(const struct bench_times *times)
{
    double least = INFINITY;

    for (size_t i = 0; i < times->count; i++)
        least = fmin(least, times->values[i]);
    return least;
}

void bench_times_free(struct bench_times *times)
{
    free(times->values);
    memset(times, 0, sizeof *times);
}

double bench_fraction(uint64_t flops, uint64_t bytes, double seconds, const clmix_ceilings *ceilings)
{
    const double arithmetic = (double)flops / (1e9 * ceilings->fma_gflops), memory = (double)bytes / (1e9 * ceilings->copy_gbs);

    return fmax(arithmetic, memory) / seconds;
}

double bench_rounded(double value, int digits)
{
    double unit;

    if (value == 0.0 || !isfinite(value))
        return value;
    unit = pow(10.0, digits - 1 - (int)floor(log10(fabs(value))));
    return round(value * unit) / unit;
}

/* ---- work ------------------------------------------------------------------------------------------------------------------------- */

clmix_status bench_config(const struct bench_request *request, const char *model, clmix_config **config)
{
    const char **settings = request->settings;

    CLMIX_TRY(clmix_config_open(config, model));
    for (; settings != NULL && *settings != NULL; settings++)
        CLMIX_TRY(clmix_config_set(*config, *settings));
    return CLMIX_OK;
}

uint8_t *bench_pictures(size_t bytes)
{
    uint8_t *pictures = malloc(bytes + 1);
    clmix_random random = clmix_random_stream(1, 0);

    for (size_t i = 0; pictures != NULL && i < bytes; i++)
        pictures[i] = (uint8_t)clmix_random_below(&random, 256);
    return pictures;
}

int32_t *bench_labels(size_t count, size_t classes)
{
    int32_t *labels = malloc((count + 1) * sizeof *labels);
    clmix_random random = clmix_random_stream(1, 1);

    for (size_t i = 0; labels != NULL && i < count; i++)
        labels[i] = (int32_t)clmix_random_below(&random, (uint32_t)classes);
    return labels;
}

clmix_status bench_trainer_make(struct bench_trainer *bench, clmix_device *device, const clmix_config *config, size_t batch)
{
    clmix_train_options options = clmix_train_defaults();
    size_t height, width, channels;

    memset(bench, 0, sizeof *bench);
    clmix_config_picture(config, &height, &width, &channels);
    bench->batch = options.batch = batch;
    bench->pictures = bench_pictures(batch * height * width * channels);
    bench->labels = bench_labels(batch, clmix_config_classes(config));
    if (bench->pictures == NULL || bench->labels == NULL)
        return clmix_fail_memory("the pictures");
    CLMIX_TRY(clmix_network_create(&bench->network, device, config, 1));
    return clmix_trainer_create(&bench->trainer, bench->network, NULL, &options);
}

clmix_status bench_trainer_step(struct bench_trainer *bench)
{
    return clmix_trainer_step(bench->trainer, bench->pictures, bench->labels, bench->batch, NULL);
}

void bench_trainer_free(struct bench_trainer *bench)
{
    clmix_trainer_free(bench->trainer);
    clmix_network_free(bench->network);
    free(bench->pictures);
    free(bench->labels);
    memset(bench, 0, sizeof *bench);
}
