#include "cli.h"
#include "watch.h"

#include <clmix/status.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAW_HELP = 1, SAW_VERSION };

static void print_option(const struct poptOption *option)
{
    char left[64];
    int used = 0;

    if (option->shortName != '\0')
        used = snprintf(left, sizeof left, "  -%c, --%s", option->shortName, option->longName);
    else
        used = snprintf(left, sizeof left, "      --%s", option->longName);
    if (option->argDescrip != NULL)
        snprintf(left + used, sizeof left - (size_t)used, "=%s", option->argDescrip);
    printf("%-28s  %s\n", left, option->descrip);
}

static void print_options(const struct poptOption *option)
{
    for (; option->longName != NULL || option->arg != NULL; option++)
        if ((option->argInfo & POPT_ARG_MASK) == POPT_ARG_INCLUDE_TABLE)
            print_options(option->arg);
        else
            print_option(option);
}

static void print_help(const struct cli_help *help, const struct poptOption *options)
{
    printf("Usage: %s %s\n\n%s\n\nOptions:\n", help->program, help->arguments, help->purpose);
    print_options(options);
    printf("\nExamples:\n%s\n", help->examples);
}

static int finish(struct cli *cli, int status)
{
    cli_end(cli);
    return status;
}

int cli_start(struct cli *cli, const struct cli_help *help, struct poptOption *options, int argc, char **argv)
{
    struct poptOption none[] = { POPT_TABLEEND };
    struct poptOption table[] = { { NULL, '\0', POPT_ARG_INCLUDE_TABLE, options == NULL ? none : options, 0, NULL, NULL },
                                  { "device", 'd', POPT_ARG_STRING, &cli->device, 0,
                                    "index, platform:device, cpu, gpu, or part of a name ($CLMIX_DEVICE)", "SELECTOR" },
                                  { "json", 'j', POPT_ARG_NONE, &cli->json, 0, "machine-readable output", NULL },
                                  { "help", 'h', POPT_ARG_NONE, NULL, SAW_HELP, "this text", NULL },
                                  { "version", 'V', POPT_ARG_NONE, NULL, SAW_VERSION, "the version", NULL },
                                  POPT_TABLEEND };
    int code;

    memset(cli, 0, sizeof *cli);
    cli->help = help;
    cli->context = poptGetContext(help->program, argc, (const char **)argv, table, 0);
    while ((code = poptGetNextOpt(cli->context)) > 0) {
        if (code == SAW_HELP)
            print_help(help, table);
        else
            printf("%s %s\n", help->program, CLMIX_VERSION);
        return finish(cli, 0);
    }
    if (code < -1) {
        (void)cli_bad_usage(cli, "%s: %s", poptBadOption(cli->context, 0), poptStrerror(code));
        return finish(cli, 2);
    }
    cli->arguments = poptGetArgs(cli->context);
    while (cli->arguments != NULL && cli->arguments[cli->argument_count] != NULL)
        cli->argument_count++;
    return CLI_GO_ON;
}

void cli_end(struct cli *cli)
{
    free(cli->device);
    poptFreeContext(cli->context);
    cli->device = NULL;
    cli->context = NULL;
    cli->arguments = NULL;
    cli->argument_count = 0;
}

static void print_error(const struct cli *cli, const char *hint, const char *format, va_list arguments)
{
    fflush(stdout);
    watch_end();
    fprintf(stderr, "%s: ", cli->help->program);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    if (hint != NULL)
        fprintf(stderr, "hint: %s\n", hint);
}

int cli_bad_usage(const struct cli *cli, const char *format, ...)
{
    char hint[96];
    va_list arguments;

    snprintf(hint, sizeof hint, "%s --help explains the options", cli->help->program);
    va_start(arguments, format);
    print_error(cli, hint, format, arguments);
    va_end(arguments);
    return 2;
}

int cli_error(const struct cli *cli, const char *hint, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_error(cli, hint, format, arguments);
    va_end(arguments);
    return 1;
}

static const char *hint_for(clmix_status status)
{
    switch (status) {
    case CLMIX_ERROR_NO_DEVICE: return "clmix-info lists the devices that clmix can use, and why others are left out";
    case CLMIX_ERROR_DRIVER: return "clmix-info --check tests a driver; --device chooses another one";
    case CLMIX_ERROR_BUILD: return "clmix-info --clear-cache removes stored kernels; --device chooses another driver";
    case CLMIX_ERROR_HOST_MEMORY:
    case CLMIX_ERROR_DEVICE_MEMORY: return "a smaller batch needs less memory; clmix-summary tells how much before a run";
    case CLMIX_ERROR_INTERNAL: return "this is a defect of clmix: please report it with the command line";
    default: return NULL;
    }
}

int cli_fail(const struct cli *cli, clmix_status status)
{
    const char *sentence = clmix_error();

    return cli_error(cli, hint_for(status), "%s", sentence[0] != '\0' ? sentence : clmix_status_name(status));
}

bool cli_print_json(cJSON *object)
{
    char *text = object == NULL ? NULL : cJSON_PrintUnformatted(object);
    bool good = text != NULL && puts(text) >= 0 && fflush(stdout) == 0;

    cJSON_free(text);
    cJSON_Delete(object);
    return good;
}
