/* What all programs share: the options --device, --json, --help and --version, errors as a sentence and a hint, JSON on standard output.
 * Exit statuses: 0 success, 1 failure, 2 bad usage. */
#ifndef CLMIX_TOOLS_CLI_H
#define CLMIX_TOOLS_CLI_H

#include <cjson/cJSON.h>
#include <clmix/status.h>
#include <popt.h>
#include <stdbool.h>

/* What --help teaches. Texts are printed as they are, so their lines are broken by hand at some 100 columns. */
struct cli_help {
    const char *program;   /* "clmix-info" */
    const char *arguments; /* "MODEL [OPTION...]" */
    const char *purpose;   /* a paragraph */
    const char *examples;  /* lines: a command, what it does */
};

struct cli {
    const struct cli_help *help;
    char *device;           /* --device, NULL when not given */
    int json;               /* --json */
    const char **arguments; /* what is left, ends with NULL */
    int argument_count;
    poptContext context;
};

#define CLI_GO_ON (-1)

/* Reads the command line into `cli` and the variables of `options`, the program's own table, which ends with POPT_TABLEEND, has no options that return
 * a value (val 0), and may be NULL. Gives CLI_GO_ON, or the exit status when there is nothing more to do: after --help, --version or bad usage. */
int cli_start(struct cli *cli, const struct cli_help *help, struct poptOption *options, int argc, char **argv);
void cli_end(struct cli *cli);

/* "program: sentence" and a hint at --help on standard error; gives 2. */
int cli_bad_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "program: sentence" and a hint line (NULL for none) on standard error; gives 1. */
int cli_error(const struct cli *cli, const char *hint, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with clmix_error() and a hint that suits the status. */
int cli_fail(const struct cli *cli, clmix_status status);

/* Prints the object as one line on standard output and deletes it; false when memory or the output fails. */
bool cli_print_json(cJSON *object);

#endif
