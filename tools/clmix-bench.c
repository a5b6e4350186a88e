/* clmix-bench: how fast a device is, and how fast clmix is on it. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_help help = {
    .program = "clmix-bench",
    .arguments = "ceilings | model MODEL | ops | profile MODEL | compare BEFORE AFTER  [OPTION...]",
    .purpose = "Measures a device and clmix on it. Kernels are compiled before anything is timed; times are medians.\n"
               "  ceilings         multiply-adds, copying and launches: what the device can do at most\n"
               "  model MODEL      a training step (forward, backward, AdamW) or a classification of random pictures\n"
               "  ops              each op alone, forward and backward, and how near it comes to the ceiling that binds it\n"
               "  profile MODEL    where a training step's time goes, op by op; --trace writes it for Perfetto\n"
               "  compare A B      two files of results (--json lines, also of peers/torch_step.py) side by side",
    .examples = "  clmix-bench model wavemix-32 --batch 64 --seconds 10 --json >> results.jsonl\n"
                "  clmix-bench ops --filter haar\n"
                "  clmix-bench profile wavemix-32 --trace step.json",
};

int bench_ceilings(const struct cli *cli, clmix_device *device)
{
    const char *name = clmix_device_describe(device)->name;
    clmix_ceilings ceilings;
    clmix_status status = clmix_device_ceilings(device, &ceilings);
    cJSON *json;

    if (status != CLMIX_OK)
        return cli_fail(cli, status);
    if (!cli->json) {
        printf("%s: %.1f GFLOP/s of multiply-adds, %.1f GB/s copying, a launch %.2f us in a batch and %.2f us with a wait\n", name,
               ceilings.fma_gflops, ceilings.copy_gbs, ceilings.launch_us, ceilings.sync_launch_us);
        return 0;
    }
    json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "device", name);
    cJSON_AddNumberToObject(json, "fma_gflops", bench_rounded(ceilings.fma_gflops, 5));
    cJSON_AddNumberToObject(json, "copy_gbs", bench_rounded(ceilings.copy_gbs, 5));
    cJSON_AddNumberToObject(json, "launch_us", bench_rounded(ceilings.launch_us, 4));
    cJSON_AddNumberToObject(json, "sync_launch_us", bench_rounded(ceilings.sync_launch_us, 4));
    return cli_print_json(json) ? 0 : cli_error(cli, NULL, "cannot write to standard output");
}

/* ---- command line ----------------------------------------------------------------------------------------------------------------- */

enum command { CEILINGS, MODEL, OPS, PROFILE, COMPARE, COMMANDS };

static const struct {
    const char *name, *arguments;
    int count; /* of its arguments */
} commands[COMMANDS] = {
    [CEILINGS] = { "ceilings", "no argument", 0 }, [MODEL] = { "model", "one model", 1 },     [OPS] = { "ops", "no argument", 0 },
    [PROFILE] = { "profile", "one model", 1 },     [COMPARE] = { "compare", "two files", 2 },
};

static int check(const struct cli *cli, const struct bench_request *request, enum command *command)
{
    int found = 0;

    if (cli->argument_count == 0)
        return cli_bad_usage(cli, "say what to measure: ceilings, model, ops, profile or compare");
    while (found < COMMANDS && strcmp(cli->arguments[0], commands[found].name) != 0)
        found++;
    if (found == COMMANDS)
        return cli_bad_usage(cli, "'%s' is not one of ceilings, model, ops, profile and compare", cli->arguments[0]);
    if (cli->argument_count - 1 != commands[found].count)
        return cli_bad_usage(cli, "%s takes %s, and %d were given", commands[found].name, commands[found].arguments,
                             cli->argument_count - 1);
    if (request->batch < 1)
        return cli_bad_usage(cli, "--batch is %d and must be 1 or more", request->batch);
    if (!(request->seconds >= 0.0))
        return cli_bad_usage(cli, "--seconds must be 0 or more");
    if (strcmp(request->mode, "train") != 0 && strcmp(request->mode, "infer") != 0)
        return cli_bad_usage(cli, "--mode is '%s' and must be train or infer", request->mode);
    *command = (enum command)found;
    return 0;
}

static int run_on_device(const struct cli *cli, const struct bench_request *request, enum command command)
{
    clmix_device *device = NULL;
    clmix_status status = clmix_device_open(&device, cli->device);
    int exit_status;

    if (status != CLMIX_OK)
        return cli_fail(cli, status);
    switch (command) {
    case CEILINGS: exit_status = bench_ceilings(cli, device); break;
    case MODEL: exit_status = bench_model(cli, request, device, cli->arguments[1]); break;
    case OPS: exit_status = bench_ops(cli, request, device); break;
    default: exit_status = bench_profile(cli, request, device, cli->arguments[1]); break;
    }
    clmix_device_close(device);
    return exit_status;
}

int main(int argc, char **argv)
{
    struct bench_request request = { .batch = 64, .seconds = 10.0 };
    char *mode = NULL, *filter = NULL, *trace = NULL;
    struct poptOption options[] = { { "batch", 'b', POPT_ARG_INT, &request.batch, 0, "pictures at a time (64)", "N" },
                                    { "mode", 'm', POPT_ARG_STRING, &mode, 0, "of model: train or infer (train)", "MODE" },
                                    { "seconds", 't', POPT_ARG_DOUBLE, &request.seconds, 0, "of model: how long to measure (10)", "S" },
                                    { "set", 's', POPT_ARG_ARGV, &request.settings, 0,
                                      "override a key of the configuration; may be repeated", "KEY=VALUE" },
                                    { "filter", 'f', POPT_ARG_STRING, &filter, 0, "of ops: those whose name has this in it", "TEXT" },
                                    { "trace", 'T', POPT_ARG_STRING, &trace, 0, "of profile: write a Chrome trace", "FILE" },
                                    POPT_TABLEEND };
    enum command command = CEILINGS;
    struct cli cli;
    int status = cli_start(&cli, &help, options, argc, argv);

    if (status == CLI_GO_ON) {
        request.mode = mode != NULL ? mode : "train";
        request.filter = filter;
        request.trace = trace;
        status = check(&cli, &request, &command);
        if (status == 0)
            status = command == COMPARE ? bench_compare(&cli, cli.arguments[1], cli.arguments[2]) : run_on_device(&cli, &request, command);
        cli_end(&cli);
    }
    for (size_t i = 0; request.settings != NULL && request.settings[i] != NULL; i++)
        free((char *)request.settings[i]);
    free(request.settings);
    free(mode);
    free(filter);
    free(trace);
    return status;
}
