/* clmix-verify: reference cases on a device. */
#include "common/cli.h"
#include "common/terminal.h"
#include "verify/case.h"
#include "verify/report.h"
#include "verify/self.h"
#include <clmix/device.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_help help = {
    .program = "clmix-verify",
    .arguments = "CASE... [OPTION...] | --self [NAME...] [OPTION...]",
    .purpose = "Runs reference cases (models and operators with the numbers that must come out, in .safetensors files) on a device\n"
               "and reports the error of every tensor: max|a-b| / max|b|, up to 1e-4 for forward results and 1e-3 for gradients and\n"
               "losses; mean|a-b| / max|b| up to 2e-3 for weights after optimizer steps; max|a-b| where b is zero by construction.\n"
               "Exits 0 only if every case passes.\n"
               "With --self it needs no files: cases inside the program launch every op in both forms of the kernels, in processes of\n"
               "their own, and the last line says whether the driver is right, or which ops are not and what clmix does about it.",
    .examples = "  clmix-verify --self                                      is this driver right?\n"
                "  clmix-verify --self conv2d_3x3 relu --verbose            two of its cases, every tensor\n"
                "  clmix-verify test/cases/*/*.safetensors                  every case of the repository\n"
                "  clmix-verify --device gpu --verbose wavemix.safetensors  every tensor of one case on the GPU\n"
                "  clmix-verify --kernels simt --json CASE...               the GPU form of the kernels, for a program to read",
};

struct totals {
    size_t cases, passed;
};

static bool verify(const struct cli *cli, clmix_device *device, const char *path, bool verbose)
{
    struct clmix_case_report report;
    cJSON *object;
    bool pass;

    clmix_case_run(&report, device, path);
    pass = report.pass;
    object = report_json(&report, path, device);
    if (cli->json)
        pass = cli_print_json(cli, object) && pass;
    else {
        report_print(object, verbose);
        cJSON_Delete(object);
    }
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
    int verbose = 0, self = 0;
    struct poptOption options[] = {
        { "self", 's', POPT_ARG_NONE, &self, 0, "cases inside the program, in both forms, and a verdict on the driver", NULL },
        { "kernels", 'k', POPT_ARG_STRING, &kernels, 0, "the kernels' form: simt (GPUs) or wide (CPUs)", "FORM" },
        { "verbose", 'v', POPT_ARG_NONE, &verbose, 0, "every tensor, not only those that fail", NULL },
        POPT_TABLEEND,
    };
    struct cli cli;
    int status = cli_start(&cli, &help, options, argc, argv);

    if (status == CLI_GO_ON) {
        if (!choose_kernels(kernels))
            status = cli_bad_usage(&cli, "--kernels is simt or wide, not '%s'", kernels);
        else if (self)
            status = verify_self(&cli, kernels, verbose);
        else if (cli.argument_count == 0)
            status = cli_bad_usage(&cli, "no case was named; --self has its own");
        else
            status = verify_all(&cli, verbose);
        status = cli_end(&cli, status);
    }
    free(kernels);
    return status;
}
