/* clmix-bench profile: where a training step's time goes, launch by launch, summed by op and kernel. */
#include "base/array.h"
#include "base/status.h"
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS   3
#define WARM_UP 2

/* All launches of one kernel for one op. */
struct row {
    const char *label, *kernel;
    size_t launches;
    double microseconds;
    uint64_t flops, bytes;
};

struct table {
    struct row *rows;
    size_t count, capacity;
    double microseconds;
};

static struct row *row_of(struct table *table, const clmix_profile_record *record)
{
    struct row row = { .label = record->label, .kernel = record->kernel };

    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].label, record->label) == 0 && strcmp(table->rows[i].kernel, record->kernel) == 0)
            return &table->rows[i];
    return CLMIX_PUSH(table->rows, table->count, table->capacity, row) ? &table->rows[table->count - 1] : NULL;
}

static clmix_status sum_up(struct table *table, const clmix_profile_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct row *row = row_of(table, &records[i]);

        if (row == NULL)
            return clmix_fail_memory("the profile");
        row->launches++;
        row->microseconds += records[i].duration_us;
        row->flops += records[i].flops;
        row->bytes += records[i].bytes;
        table->microseconds += records[i].duration_us;
    }
    return CLMIX_OK;
}

static int longest_first(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return (x->microseconds < y->microseconds) - (x->microseconds > y->microseconds);
}

/* ---- printing --------------------------------------------------------------------------------------------------------------------- */

static bool print_row(const struct cli *cli, const struct row *row, double all, const clmix_ceilings *ceilings)
{
    const double ms = row->microseconds / STEPS / 1e3, gflops = (double)row->flops / row->microseconds / 1e3,
                 gbs = (double)row->bytes / row->microseconds / 1e3;
    const double fraction = bench_fraction(row->flops, row->bytes, row->microseconds / 1e6, ceilings);
    const size_t launches = (row->launches + STEPS - 1) / STEPS;
    cJSON *json;

    if (!cli->json) {
        printf("%-46s  %-22s  %8zu  %9.3f  %5.1f %%  %9.1f  %8.1f  %8.1f %%\n", row->label, row->kernel, launches, ms,
               100.0 * row->microseconds / all, gflops, gbs, 100.0 * fraction);
        return true;
    }
    json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "op", row->label);
    cJSON_AddStringToObject(json, "kernel", row->kernel);
    cJSON_AddNumberToObject(json, "launches", (double)launches);
    cJSON_AddNumberToObject(json, "ms", bench_rounded(ms, 5));
    cJSON_AddNumberToObject(json, "share", bench_rounded(row->microseconds / all, 4));
    cJSON_AddNumberToObject(json, "gflops", bench_rounded(gflops, 5));
    cJSON_AddNumberToObject(json, "gbs", bench_rounded(gbs, 5));
    cJSON_AddNumberToObject(json, "fraction_of_ceiling", bench_rounded(fraction, 4));
    return cli_print_json(json);
}

static bool print_table(const struct cli *cli, const struct table *table, double step_seconds, const clmix_ceilings *ceilings)
{
    if (!cli->json)
        printf("%-46s  %-22s  %8s  %9s  %7s  %9s  %8s  %10s\n", "op", "kernel", "launches", "ms a step", "share", "GFLOP/s", "GB/s",
               "of ceiling");
    for (size_t i = 0; i < table->count; i++)
        if (!print_row(cli, &table->rows[i], table->microseconds, ceilings))
            return false;
    if (!cli->json)
        printf("kernels %.2f ms a step; a step without the profiler %.2f ms\n", table->microseconds / STEPS / 1e3, 1e3 * step_seconds);
    return true;
}

/* ---- measuring -------------------------------------------------------------------------------------------------------------------- */

static clmix_status steps(struct bench_trainer *bench, int count)
{
    for (int i = 0; i < count; i++)
        CLMIX_TRY(bench_trainer_step(bench));
    return CLMIX_OK;
}

static clmix_status profile(struct bench_trainer *bench, clmix_device *device, struct table *table, double *step_seconds)
{
    const clmix_profile_record *records = NULL;
    size_t count = 0;
    double start;

    CLMIX_TRY(steps(bench, WARM_UP));
    start = bench_now();
    CLMIX_TRY(steps(bench, STEPS));
    *step_seconds = (bench_now() - start) / STEPS;
    CLMIX_TRY(clmix_profile_start(device));
    CLMIX_TRY(steps(bench, STEPS));
    CLMIX_TRY(clmix_profile_stop(device, &records, &count));
    CLMIX_TRY(sum_up(table, records, count));
    qsort(table->rows, table->count, sizeof *table->rows, longest_first);
    return CLMIX_OK;
}

int bench_profile(const struct cli *cli, const struct bench_request *request, clmix_device *device, const char *model)
{
    struct bench_trainer bench = { 0 };
    struct table table = { 0 };
    clmix_config *config = NULL;
    clmix_ceilings ceilings = { 0 };
    double step_seconds = 0.0;
    clmix_status status = bench_config(request, model, &config);
    int exit_status = 0;

    if (status == CLMIX_OK)
        status = bench_trainer_make(&bench, device, config, (size_t)request->batch);
    if (status == CLMIX_OK)
        status = clmix_device_ceilings(device, &ceilings);
    if (status == CLMIX_OK)
        status = profile(&bench, device, &table, &step_seconds);
    if (status == CLMIX_OK && request->trace != NULL)
        status = clmix_profile_write_trace(device, request->trace);
    if (status != CLMIX_OK)
        exit_status = cli_fail(cli, status);
    else if (!print_table(cli, &table, step_seconds, &ceilings))
        exit_status = cli_error(cli, NULL, "cannot write to standard output");
    free(table.rows);
    bench_trainer_free(&bench);
    clmix_config_free(config);
    return exit_status;
}
