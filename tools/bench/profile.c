/* clmix-bench profile: where a training step's time goes, op by op, against the ceiling that binds each. */
#include "base/array.h"
#include "base/clock.h"
#include "base/status.h"
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS       7
#define QUICK_STEPS 2
#define WARM_UP     2

/* All launches for one op. */
struct row {
    char *label, *kernels; /* several kernels are joined by " + " */
    size_t launches;       /* in all steps */
    double step_seconds;   /* in the present step */
    uint64_t flops, bytes; /* in all steps */
    struct bench_times times;
    struct bench_spread spread;
};

struct table {
    struct row *rows;
    size_t count, capacity, steps;
    struct bench_times kernels; /* of all launches, a step */
    struct bench_times free;    /* a step without the profiler */
};

static void free_table(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->rows[i].label);
        free(table->rows[i].kernels);
        bench_times_free(&table->rows[i].times);
    }
    free(table->rows);
    bench_times_free(&table->kernels);
    bench_times_free(&table->free);
}

/* ---- summing up ------------------------------------------------------------------------------------------------------------------- */

static clmix_status row_of(struct table *table, const clmix_timing *timing, struct row **found)
{
    struct row row = { 0 };

    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].label, timing->label) == 0) {
            *found = &table->rows[i];
            return CLMIX_OK;
        }
    row.label = strdup(timing->label);
    row.kernels = strdup(timing->kernel);
    if (row.label == NULL || row.kernels == NULL || !CLMIX_PUSH(table->rows, table->count, table->capacity, row)) {
        free(row.label);
        free(row.kernels);
        return clmix_fail_memory("the profile");
    }
    *found = &table->rows[table->count - 1];
    return CLMIX_OK;
}

static clmix_status add_kernel(struct row *row, const char *kernel)
{
    const size_t bytes = strlen(row->kernels) + strlen(kernel) + 4;
    char *joined;

    if (strstr(row->kernels, kernel) != NULL)
        return CLMIX_OK;
    joined = malloc(bytes);
    if (joined == NULL)
        return clmix_fail_memory("the profile");
    snprintf(joined, bytes, "%s + %s", row->kernels, kernel);
    free(row->kernels);
    row->kernels = joined;
    return CLMIX_OK;
}

static clmix_status sum_up(struct table *table, const clmix_timing *timings, size_t count)
{
    double all = 0.0;

    for (size_t i = 0; i < count; i++) {
        struct row *row = NULL;

        CLMIX_TRY(row_of(table, &timings[i], &row));
        CLMIX_TRY(add_kernel(row, timings[i].kernel));
        row->launches++;
        row->step_seconds += 1e-6 * timings[i].duration_us;
        row->flops += timings[i].flops;
        row->bytes += timings[i].bytes;
    }
    for (size_t i = 0; i < table->count; i++) {
        struct row *row = &table->rows[i];

        CLMIX_TRY(bench_times_add(&row->times, row->step_seconds));
        all += row->step_seconds;
        row->step_seconds = 0.0;
    }
    return bench_times_add(&table->kernels, all);
}

/* ---- measuring -------------------------------------------------------------------------------------------------------------------- */

static clmix_status step_freely(struct bench_trainer *bench, struct table *table)
{
    const double start = clmix_seconds();

    CLMIX_TRY(bench_trainer_step(bench, NULL));
    return bench_times_add(&table->free, clmix_seconds() - start);
}

static clmix_status step_profiled(struct bench_trainer *bench, clmix_device *device, struct table *table)
{
    const clmix_timing *timings = NULL;
    size_t count = 0;

    CLMIX_TRY(clmix_profile_start(device));
    CLMIX_TRY(bench_trainer_step(bench, NULL));
    CLMIX_TRY(clmix_profile_stop(device, &timings, &count));
    return sum_up(table, timings, count);
}

static int longest_first(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return (x->spread.median < y->spread.median) - (x->spread.median > y->spread.median);
}

static clmix_status profile(struct bench_trainer *bench, clmix_device *device, struct table *table)
{
    for (int i = 0; i < WARM_UP; i++)
        CLMIX_TRY(bench_trainer_step(bench, NULL));
    for (size_t i = 0; i < table->steps; i++)
        CLMIX_TRY(step_freely(bench, table));
    for (size_t i = 0; i < table->steps; i++)
        CLMIX_TRY(step_profiled(bench, device, table));
    for (size_t i = 0; i < table->count; i++)
        table->rows[i].spread = bench_times_spread(&table->rows[i].times);
    qsort(table->rows, table->count, sizeof *table->rows, longest_first);
    return CLMIX_OK;
}

/* ---- reporting -------------------------------------------------------------------------------------------------------------------- */

static void print_row(const cJSON *json)
{
    printf("%-46s  %8.0f  %9.3f  %5.1f %%  %9.1f  %7.1f  %7.1f %%  %-13s  %s%s\n", bench_text(json, "op"), bench_number(json, "launches"),
           bench_number(json, "ms"), 100.0 * bench_number(json, "share"), bench_number(json, "gflops"), bench_number(json, "gbs"),
           100.0 * bench_number(json, "fraction_of_ceiling"), bench_text(json, "bound_by"), bench_text(json, "kernel"), bench_remark(json));
}

static void print_sum(const cJSON *json)
{
    printf("kernels %.2f ms a step, at least %.2f ms by their ceilings; a step without the profiler %.2f ms\n",
           bench_number(json, "kernels_ms"), bench_number(json, "ceiling_ms"), bench_number(json, "free_ms"));
}

static cJSON *begin_object(const struct bench_trainer *bench, const char *model)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "model", model);
    cJSON_AddStringToObject(json, "mode", "train");
    bench_add_extent(json, bench->extent);
    return json;
}

/* A step's share of a row. */
static struct bench_work work_of(const struct table *table, const struct row *row)
{
    const uint64_t bytes = row->bytes / table->steps;

    return (struct bench_work){ row->spread, row->flops / table->steps, bytes, bytes, row->launches / table->steps };
}

static bool emit_table(struct bench_sink *sink, struct bench_device *on, const struct bench_trainer *bench, const char *model,
                       struct table *table)
{
    double sum = 0.0, least = 0.0;
    cJSON *json;

    if (!sink->cli->json)
        printf("%-46s  %8s  %9s  %7s  %9s  %7s  %9s  %-13s  %s\n", "op", "launches", "ms a step", "share", "GFLOP/s", "GB/s", "of it",
               "ceiling", "kernels");
    for (size_t i = 0; i < table->count; i++) {
        const struct bench_work work = work_of(table, &table->rows[i]);

        sum += table->rows[i].spread.median;
        bench_doubt_ceilings(on, &work);
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct row *row = &table->rows[i];
        const struct bench_work work = work_of(table, row);

        json = begin_object(bench, model);
        cJSON_AddStringToObject(json, "op", row->label);
        cJSON_AddStringToObject(json, "kernel", row->kernels);
        bench_add(json, "share", row->spread.median / sum);
        bench_add_work(json, &work, &on->ceilings);
        bench_sign(json, on->device);
        least += bench_bound(&on->ceilings, (double)work.flops, (double)work.least_bytes, (double)work.launches).seconds;
        if (!bench_emit(sink, json, print_row))
            return false;
    }
    json = begin_object(bench, model);
    bench_add(json, "kernels_ms", 1e3 * bench_times_spread(&table->kernels).median);
    bench_add(json, "ceiling_ms", 1e3 * least);
    bench_add(json, "free_ms", 1e3 * bench_times_spread(&table->free).median);
    bench_sign(json, on->device);
    return bench_emit(sink, json, print_sum);
}

int bench_profile(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on, const char *model)
{
    struct bench_trainer bench = { 0 };
    struct clmix_extent extent = { 0 };
    struct table table = { .steps = request->quick ? QUICK_STEPS : STEPS };
    clmix_config *config = NULL;
    clmix_status status = bench_config(request, model, &config);
    int exit_status = 0;

    if (status == CLMIX_OK)
        status = model_extent(config, request->batch, request->length, &extent);
    if (status == CLMIX_OK)
        status = bench_trainer_make(&bench, on->device, config, extent);
    if (status == CLMIX_OK)
        status = profile(&bench, on->device, &table);
    if (status == CLMIX_OK && request->trace != NULL)
        status = clmix_profile_write_trace(on->device, request->trace);
    if (status != CLMIX_OK)
        exit_status = bench_fail(sink->cli, status);
    else if (!emit_table(sink, on, &bench, clmix_config_name(config), &table))
        exit_status = cli_error(sink->cli, CLMIX_ERROR_FILE, NULL, "cannot write the result");
    free_table(&table);
    bench_trainer_free(&bench);
    clmix_config_free(config);
    return exit_status;
}
