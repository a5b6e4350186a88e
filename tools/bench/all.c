/* clmix-bench all: everything about a device in one file of results, and a report of it. */
#include "base/status.h"
#include "bench/bench.h"

#include <stdio.h>
#include <string.h>

/* The models named on the command line, or every preset; NULL beyond the last. */
static const char *model_at(const struct cli *cli, size_t index)
{
    if (cli->argument_count > 1)
        return index + 1 < (size_t)cli->argument_count ? cli->arguments[index + 1] : NULL;
    return clmix_preset_name(index);
}

static int measure_models(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on)
{
    int exit_status = 0;

    for (size_t i = 0; model_at(sink->cli, i) != NULL; i++)
        for (int mode = 0; exit_status == 0 && bench_modes[mode] != NULL; mode++) {
            struct bench_request one = *request;

            one.mode = bench_modes[mode];
            if (bench_reopen(on, sink->cli->device) != CLMIX_OK)
                return cli_fail(sink->cli, CLMIX_ERROR_DRIVER);
            exit_status = bench_model(sink, &one, on, model_at(sink->cli, i));
        }
    return exit_status;
}

static int measure_steps(struct bench_sink *sink, const struct bench_request *request, const struct bench_device *on)
{
    int exit_status = 0;

    for (size_t i = 0; exit_status == 0 && model_at(sink->cli, i) != NULL; i++) {
        if (!sink->cli->json)
            printf("\n%s, a training step of %d pictures\n", model_at(sink->cli, i), request->batch);
        exit_status = bench_profile(sink, request, on, model_at(sink->cli, i));
    }
    return exit_status;
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
    return exit_status == 0 ? bench_ops(sink, request, on) : exit_status;
}

int bench_all(const struct cli *cli, const struct bench_request *request)
{
    struct bench_device on = { 0 };
    clmix_file_writer file;
    struct bench_sink sink = { cli, &file };
    clmix_status status = clmix_file_begin(&file, request->out);
    int exit_status;

    if (status != CLMIX_OK)
        return cli_fail(cli, status);
    status = bench_open(&on, cli->device, request->quick);
    exit_status = status == CLMIX_OK ? measure(&sink, request, &on) : cli_fail(cli, status);
    clmix_device_close(on.device);
    if (exit_status != 0) {
        clmix_file_abandon(&file);
        return exit_status;
    }
    status = clmix_file_finish(&file);
    if (status != CLMIX_OK)
        return cli_fail(cli, status);
    return request->html != NULL ? bench_report(cli, &request->out, 1, request->html) : 0;
}
