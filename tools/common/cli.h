/* What all programs share: the options --device (where they need one), --json, --help and --version, errors as a sentence and a hint, JSON on standard output.
 * Exit statuses: 0 success, 1 failure, 2 bad usage. With --json a failure has an object too, {"error":{"status","message"}}, on standard output. */
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
    bool no_device;        /* the program needs none, and has no --device */
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

/* A constant as text, so that a default is written once. */
#define CLI_TEXT(constant)  CLI_TEXT_(constant)
#define CLI_TEXT_(constant) #constant

/* Reads the command line into `cli` and the variables of `options`, the program's own table, which ends with POPT_TABLEEND, has no options that return
 * a value (val 0), and may be NULL. An integer with POPT_ARGFLAG_SHOW_DEFAULT has its default in its variable, and --help shows it. Gives CLI_GO_ON, or the exit status when there is nothing more to do: after --help, --version or bad usage. From here
 * on a pipe that nobody reads any more is an error of writing, not a signal. */
int cli_start(struct cli *cli, const struct cli_help *help, struct poptOption *options, int argc, char **argv);

/* The last call of a program that went on: `status`, or 1 after a sentence when not all of standard output could be written. */
int cli_end(struct cli *cli, int status);

/* ---- failures: "program: sentence" and a hint line (NULL for none) on standard error, and with --json the object ------------------------------ */

/* Bad usage, with a hint at --help; gives 2. */
int cli_bad_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Gives 1. */
int cli_error(const struct cli *cli, clmix_status status, const char *hint, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same with clmix_error() and the hint that suits the status, or NULL. */
int cli_fail(const struct cli *cli, clmix_status status);
const char *cli_hint(clmix_status status);

/* The same on standard error only, where the failure is a part of a larger object, which cli_add_error() puts it in. */
int cli_tell(const struct cli *cli, const char *hint, const char *sentence);
void cli_add_error(cJSON *object, clmix_status status, const char *sentence);

/* ---- JSON -------------------------------------------------------------------------------------------------------------------------------------- */

/* One line of UTF-8 for free(), whatever bytes its strings have (base/utf8.h says how they are written); NULL when out of memory. */
char *cli_json_line(const cJSON *object);

/* Prints the object as one line on standard output and deletes it; false, after a sentence, when out of memory. */
bool cli_print_json(const struct cli *cli, cJSON *object);

#endif
