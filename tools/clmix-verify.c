/* clmix-verify: reference cases on a device. */
#include "common/cli.h"
#include "common/terminal.h"
#include "verify/case.h"
#include <clmix/device.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_help help = {
    .program = "clmix-verify",
    .arguments = "CASE... [OPTION...]",
    .purpose = "Runs reference cases (models and operators with the numbers that must come out, in .safetensors files) on a device\n"
               "and reports the error of every tensor: max|a-b| / max|b|, up to 1e-4 for forward results and 1e-3 for gradients and\n"
               "losses; mean|a-b| / max|b| up to 2e-3 for weights after optimizer steps; max|a-b| where b is zero by construction.\n"
               "Exits 0 only if every case passes.",
    .examples = "  clmix-verify test/cases/*/*.safetensors                  every case of the repository\n"
                "  clmix-verify --device gpu --verbose wavemix.safetensors  every tensor of one case on the GPU\n"
                "  clmix-verify --kernels simt --json CASE...               the GPU form of the kernels, for a program to read",
};

struct totals {
    size_t cases, passed;
};

/* ---- text --------------------------------------------------------------------------------------------------------------------------- */

static const struct clmix_case_tensor *worst_tensor(const struct clmix_case_report *report)
{
    const struct clmix_case_tensor *worst = NULL;

    for (size_t i = 0; i < report->count; i++) {
        const struct clmix_case_tensor *tensor = &report->tensors[i];

        if (worst == NULL || !(tensor->error / tensor->limit <= worst->error / worst->limit))
            worst = tensor;
    }
    return worst;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static void print_report(const struct clmix_case_report *report, const char *path, bool verbose)
{
    const struct clmix_case_tensor *worst = worst_tensor(report);

    if (worst != NULL)
        terminal_say(6, "%s  %-40s  %3zu tensors  worst %.1e of %.0e  %s", report->pass ? "pass" : "FAIL", base_name(path), report->count,
                     worst->error, worst->limit, worst->name);
    else
        terminal_say(6, "%s  %s", report->pass ? "pass" : "FAIL", base_name(path));
    for (size_t i = 0; i < report->count; i++) {
        const struct clmix_case_tensor *tensor = &report->tensors[i];

        if (verbose || !tensor->pass)
            terminal_say(12, "      %s  %.2e of %.0e  %s", tensor->pass ? "pass" : "FAIL", tensor->error, tensor->limit, tensor->name);
    }
}

/* ---- JSON --------------------------------------------------------------------------------------------------------------------------- */

/* What is not a number has none in JSON. */
static void add_figure(cJSON *object, const char *name, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(object, name, value);
    else
        cJSON_AddNullToObject(object, name);
}

static cJSON *report_json(const struct clmix_case_report *report, const char *path, const clmix_device *device)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *tensors;

    cJSON_AddStringToObject(object, "case", path);
    cJSON_AddStringToObject(object, "device", clmix_device_describe(device)->name);
    cJSON_AddBoolToObject(object, "pass", report->pass);
    add_figure(object, "worst", report->count > 0 ? report->worst : NAN);
    tensors = cJSON_AddArrayToObject(object, "tensors");
    for (size_t i = 0; i < report->count; i++) {
        const struct clmix_case_tensor *tensor = &report->tensors[i];
        cJSON *row = cJSON_CreateObject();

        cJSON_AddStringToObject(row, "name", tensor->name);
        add_figure(row, "error", tensor->error);
        add_figure(row, "limit", tensor->limit);
        cJSON_AddBoolToObject(row, "pass", tensor->pass);
        cJSON_AddItemToArray(tensors, row);
    }
    if (report->status != CLMIX_OK)
        cli_add_error(object, report->status, report->sentence);
    return object;
}

/* ---- program ------------------------------------------------------------------------------------------------------------------------ */

static bool verify(const struct cli *cli, clmix_device *device, const char *path, bool verbose)
{
    struct clmix_case_report report;
    bool pass;

    clmix_case_run(&report, device, path);
    pass = report.pass;
    if (cli->json)
        pass = cli_print_json(cli, report_json(&report, path, device)) && pass;
    else
        print_report(&report, path, verbose);
    if (report.status != CLMIX_OK)
        (void)cli_tell(cli, cli_hint(report.status), report.sentence);
    clmix_case_report_free(&report);
    return pass;
}

static int verify_all(const struct cli *cli, bool verbose)
{
    struct totals totals = { 0, 0 };
    clmix_device *device = NULL;
    clmix_status status = clmix_device_open(&device, cli->device);

    if (status != CLMIX_OK)
        return cli_fail(cli, status);
    for (int i = 0; i < cli->argument_count; i++) {
        totals.cases++;
        totals.passed += verify(cli, device, cli->arguments[i], verbose);
    }
    if (!cli->json)
        terminal_say(4, "%zu of %zu cases pass on %s", totals.passed, totals.cases, clmix_device_describe(device)->name);
    clmix_device_close(device);
    return totals.passed == totals.cases ? 0 : 1;
}

/* The library reads the form of the kernels from the environment when it opens a device. */
static bool choose_kernels(const char *form)
{
    if (form == NULL)
        return true;
    return (strcmp(form, "simt") == 0 || strcmp(form, "wide") == 0) && setenv("CLMIX_KERNELS", form, 1) == 0;
}

int main(int argc, char **argv)
{
    char *kernels = NULL;
    int verbose = 0;
    struct poptOption options[] = {
        { "kernels", 'k', POPT_ARG_STRING, &kernels, 0, "the kernels' form: simt (GPUs) or wide (CPUs)", "FORM" },
        { "verbose", 'v', POPT_ARG_NONE, &verbose, 0, "every tensor, not only those that fail", NULL },
        POPT_TABLEEND,
    };
    struct cli cli;
    int status = cli_start(&cli, &help, options, argc, argv);

    if (status == CLI_GO_ON) {
        if (!choose_kernels(kernels))
            status = cli_bad_usage(&cli, "--kernels is simt or wide, not '%s'", kernels);
        else if (cli.argument_count == 0)
            status = cli_bad_usage(&cli, "no case was named");
        else
            status = verify_all(&cli, verbose);
        status = cli_end(&cli, status);
    }
    free(kernels);
    return status;
}
