/* clmix-bench all: everything about a device in one file of results, and a report of it. */
#include "base/file.h"
#include "base/status.h"
#include "bench/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The models named on the command line, or the usual ones; NULL beyond the last. */
static const char *model_at(const struct cli *cli, size_t index)
{
    if (cli->argument_count > 1)
        return index + 1 < (size_t)cli->argument_count ? cli->arguments[index + 1] : NULL;
    return bench_usual_model(index);
}

static int measure_models(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on)
{
    clmix_status status;
    int exit_status = 0;

    for (size_t i = 0; exit_status == 0 && model_at(sink->cli, i) != NULL; i++)
        for (int mode = 0; exit_status == 0 && bench_modes[mode] != NULL; mode++) {
            struct bench_request one = *request;

            one.mode = bench_modes[mode];
            status = bench_open(on, on->selector);
            if (status != CLMIX_OK)
                return cli_fail(sink->cli, status);
            exit_status = bench_model(sink, &one, on, model_at(sink->cli, i));
        }
    return exit_status;
}

static int measure_steps(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on)
{
    int exit_status = 0;

    for (size_t i = 0; exit_status == 0 && model_at(sink->cli, i) != NULL; i++) {
        if (!sink->cli->json)
            printf("\n%s, a training step\n", model_at(sink->cli, i));
        exit_status = bench_profile(sink, request, on, model_at(sink->cli, i));
    }
    return exit_status;
}

/* What cannot be done is told before anything is measured. */
static clmix_status plan_all(const struct cli *cli, const struct bench_request *request, clmix_device *device)
{
    for (size_t i = 0; model_at(cli, i) != NULL; i++)
        for (int mode = 0; bench_modes[mode] != NULL; mode++) {
            struct bench_request one = *request;

            one.mode = bench_modes[mode];
            CLMIX_TRY(bench_plan_model(&one, device, model_at(cli, i)));
        }
    return bench_plan_ops(request);
}

static int measure(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on)
{
    int exit_status = bench_ceilings(sink, on);

    if (exit_status == 0)
        exit_status = measure_models(sink, request, on);
    if (exit_status == 0)
        exit_status = measure_steps(sink, request, on);
    if (exit_status == 0 && !sink->cli->json)
        printf("\n");
    if (exit_status == 0)
        exit_status = bench_ops(sink, request, on);
    while (exit_status == 0 && bench_settle_shares(sink->kept, &on->ceilings) > 0 && bench_measure_again(on))
        ;
    if (exit_status != 0 || !on->raised)
        return exit_status;
    if (!sink->cli->json)
        printf("\nSomething was faster than the ceilings allow, so they were measured again and are higher: shares above may be of the "
               "first ones, "
               "shares in the file are of these.\n");
    return bench_ceilings(&(struct bench_sink){ .cli = sink->cli }, on);
}

/* Exit status; `file` has the results then, not yet finished. */
static int run(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on, clmix_file_writer *file)
{
    clmix_status status = bench_open(on, sink->cli->device);
    int exit_status;

    if (status == CLMIX_OK)
        status = plan_all(sink->cli, request, on->device);
    if (status == CLMIX_OK)
        status = bench_measure_ceilings(on, request->quick);
    if (status != CLMIX_OK)
        return bench_fail(sink->cli, status);
    exit_status = measure(sink, request, on);
    if (exit_status != 0)
        return exit_status;
    status = bench_write_results(sink->kept, file);
    return status == CLMIX_OK ? 0 : cli_fail(sink->cli, status);
}

/* The filter was of the ops. */
static clmix_status write_page(const struct bench_request *request)
{
    struct bench_results results = { 0 };
    clmix_status status = bench_results_read_all(&results, &request->out, 1, NULL);

    if (status == CLMIX_OK)
        status = bench_report_write(&results, NULL, request->html);
    bench_results_free(&results);
    return status;
}

int bench_all(const struct cli *cli, const struct bench_request *request)
{
    struct bench_device on = { 0 };
    struct bench_sink sink = { cli, cJSON_CreateArray() };
    clmix_file_writer file;
    clmix_status status = clmix_file_begin(&file, request->out);
    int exit_status;

    if (status != CLMIX_OK) {
        cJSON_Delete(sink.kept);
        return cli_fail(cli, status);
    }
    exit_status = run(&sink, request, &on, &file);
    clmix_device_close(on.device);
    cJSON_Delete(sink.kept);
    if (exit_status != 0) {
        clmix_file_abandon(&file);
        return exit_status;
    }
    status = clmix_file_finish(&file);
    if (status == CLMIX_OK && request->html != NULL)
        status = write_page(request);
    return status == CLMIX_OK ? 0 : cli_fail(cli, status);
}
