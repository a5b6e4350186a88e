#include "common/cli.h"

#include "base/near.h"
#include "base/utf8.h"
#include "common/terminal.h"
#include "common/watch.h"

#include <clmix/status.h>
#include <clmix/version.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SAW_HELP = 1, SAW_VERSION };

static void print_option(FILE *stream, const struct poptOption *option)
{
    char left[64];
    int used = 0;

    if (option->shortName != '\0')
        used = snprintf(left, sizeof left, "  -%c, --%s", option->shortName, option->longName);
    else
        used = snprintf(left, sizeof left, "      --%s", option->longName);
    if (option->argDescrip != NULL)
        snprintf(left + used, sizeof left - (size_t)used, "=%s", option->argDescrip);
    fprintf(stream, "%-28s  %s", left, option->descrip);
    if ((option->argInfo & POPT_ARGFLAG_SHOW_DEFAULT) != 0)
        fprintf(stream, " (%d)", *(const int *)option->arg);
    fputc('\n', stream);
}

static void print_options(FILE *stream, const struct poptOption *option)
{
    for (; option->longName != NULL || option->arg != NULL; option++)
        if ((option->argInfo & POPT_ARG_MASK) == POPT_ARG_INCLUDE_TABLE)
            print_options(stream, option->arg);
        else
            print_option(stream, option);
}

/* For free(). Written before the command line is read, while the variables have their defaults. */
static char *options_text(const struct poptOption *options)
{
    char *text = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);

    if (stream == NULL)
        return NULL;
    print_options(stream, options);
    if (fclose(stream) == 0)
        return text;
    free(text);
    return NULL;
}

/* Lines that were broken by hand for a hundred columns. */
static void print_lines(size_t indent, const char *text)
{
    char line[512];

    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
        terminal_say_text(indent, line);
    }
}

static int print_help(struct cli *cli, const char *options)
{
    const struct cli_help *help = cli->help;

    if (options == NULL)
        return cli_end(cli, cli_error(cli, CLMIX_ERROR_HOST_MEMORY, NULL, "out of memory for the help"));
    terminal_say(4, "Usage: %s %s", help->program, help->arguments);
    putchar('\n');
    print_lines(2, help->purpose);
    printf("\nOptions:\n");
    print_lines(30, options);
    printf("\nExamples:\n");
    print_lines(6, help->examples);
    return cli_end(cli, 0);
}

/* What is closed would be given to the next file that is opened, and what is printed would be written into that. A socket without a
 * connection fails instead. */
static void fill_standard_files(void)
{
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++)
        if (fcntl(file, F_GETFD) < 0 && errno == EBADF)
            (void)socket(AF_UNIX, SOCK_STREAM, 0);
}

/* The long names in the table and those it includes. */
static size_t collect_names(const struct poptOption *option, const char **names, size_t room)
{
    size_t count = 0;

    for (; (option->longName != NULL || option->arg != NULL) && count < room; option++)
        if ((option->argInfo & POPT_ARG_MASK) == POPT_ARG_INCLUDE_TABLE)
            count += collect_names(option->arg, names + count, room - count);
        else
            names[count++] = option->longName;
    return count;
}

/* The option that was probably meant by "--epoch=3", or NULL. */
static const char *meant_option(const struct poptOption *table, const char *given)
{
    const char *names[128];
    const size_t count = collect_names(table, names, sizeof names / sizeof names[0]);
    char name[64];

    if (strncmp(given, "--", 2) != 0)
        return NULL;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(given + 2, "="), given + 2);
    return clmix_nearest(name, names, count);
}

/* After a mistake the rest of the command line still says in which form it is to be told. */
static int refuse(struct cli *cli, const struct poptOption *table, int argc, int code)
{
    const char *option = poptBadOption(cli->context, 0), *meant = code == POPT_ERROR_BADOPT ? meant_option(table, option) : NULL;

    for (int i = 0; i < argc && poptGetNextOpt(cli->context) != -1; i++)
        ;
    return cli_end(cli, meant == NULL ? cli_bad_usage(cli, "%s: %s", option, poptStrerror(code))
                                      : cli_bad_usage(cli, "%s: %s; did you mean --%s?", option, poptStrerror(code), meant));
}

static int print_version(struct cli *cli)
{
    printf("%s %s\n", cli->help->program, CLMIX_VERSION);
    return cli_end(cli, 0);
}

static int take_arguments(struct cli *cli)
{
    cli->arguments = poptGetArgs(cli->context);
    while (cli->arguments != NULL && cli->arguments[cli->argument_count] != NULL)
        cli->argument_count++;
    return CLI_GO_ON;
}

int cli_start(struct cli *cli, const struct cli_help *help, struct poptOption *options, int argc, char **argv)
{
    struct poptOption none[] = { POPT_TABLEEND };
    struct poptOption device[] = { { "device", 'd', POPT_ARG_STRING, &cli->device, 0,
                                     "index, platform:device, cpu, gpu, or part of a name, vendor or version; else $CLMIX_DEVICE",
                                     "SELECTOR" },
                                   POPT_TABLEEND };
    struct poptOption table[] = { { NULL, '\0', POPT_ARG_INCLUDE_TABLE, options == NULL ? none : options, 0, NULL, NULL },
                                  { NULL, '\0', POPT_ARG_INCLUDE_TABLE, help->no_device ? none : device, 0, NULL, NULL },
                                  { "json", 'j', POPT_ARG_NONE, &cli->json, 0, "machine-readable output", NULL },
                                  { "help", 'h', POPT_ARG_NONE, NULL, SAW_HELP, "this text", NULL },
                                  { "version", 'V', POPT_ARG_NONE, NULL, SAW_VERSION, "the version", NULL },
                                  POPT_TABLEEND };
    char *described = options_text(table);
    int code;

    fill_standard_files();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes then is an error like a full disk */
    setlocale(LC_CTYPE, "");
    memset(cli, 0, sizeof *cli);
    cli->help = help;
    cli->context = poptGetContext(help->program, argc, (const char **)argv, table, 0);
    code = poptGetNextOpt(cli->context);
    if (code == SAW_HELP)
        code = print_help(cli, described);
    else if (code == SAW_VERSION)
        code = print_version(cli);
    else if (code < -1)
        code = refuse(cli, table, argc, code);
    else
        code = take_arguments(cli);
    free(described);
    return code;
}

int cli_end(struct cli *cli, int status)
{
    if ((fflush(stdout) != 0 || ferror(stdout) != 0) && status == 0)
        status = cli_tell(cli, NULL, "cannot write to standard output: the disk is full, or nobody reads it any more");
    free(cli->device);
    poptFreeContext(cli->context);
    cli->device = NULL;
    cli->context = NULL;
    cli->arguments = NULL;
    cli->argument_count = 0;
    return status;
}

/* ---- failures --------------------------------------------------------------------------------------------------------------------- */

const char *cli_hint(clmix_status status)
{
    switch (status) {
    case CLMIX_ERROR_NO_DEVICE: return "clmix-info lists the devices that clmix can use, and why others are left out";
    case CLMIX_ERROR_DRIVER: return "clmix-info --check tests a driver; --device chooses another one";
    case CLMIX_ERROR_BUILD: return "clmix-info --clear-cache removes stored kernels; --device chooses another driver";
    case CLMIX_ERROR_HOST_MEMORY:
    case CLMIX_ERROR_DEVICE_MEMORY:
        return "a smaller batch, or shorter sequences, needs less memory; clmix-summary tells how much before a run";
    case CLMIX_ERROR_INTERNAL: return "this is a defect of clmix: please report it with the command line";
    default: return NULL;
    }
}

void cli_add_error(cJSON *object, clmix_status status, const char *sentence)
{
    cJSON *error = cJSON_AddObjectToObject(object, "error");

    cJSON_AddStringToObject(error, "status", clmix_status_name(status));
    cJSON_AddStringToObject(error, "message", sentence);
}

static void print_error(const struct cli *cli, const char *sentence, const char *hint)
{
    fflush(stdout);
    watch_end();
    fprintf(stderr, "%s: %s\n", cli->help->program, sentence);
    if (hint != NULL)
        fprintf(stderr, "hint: %s\n", hint);
}

static void fail(const struct cli *cli, clmix_status status, const char *hint, const char *format, va_list arguments)
{
    char sentence[2048];

    vsnprintf(sentence, sizeof sentence, format, arguments);
    print_error(cli, sentence, hint);
    if (cli->json) {
        cJSON *object = cJSON_CreateObject();

        cli_add_error(object, status, sentence);
        (void)cli_print_json(cli, object);
    }
}

int cli_bad_usage(const struct cli *cli, const char *format, ...)
{
    char hint[96];
    va_list arguments;

    snprintf(hint, sizeof hint, "%s --help explains the options", cli->help->program);
    va_start(arguments, format);
    fail(cli, CLMIX_ERROR_ARGUMENT, hint, format, arguments);
    va_end(arguments);
    return 2;
}

int cli_error(const struct cli *cli, clmix_status status, const char *hint, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fail(cli, status, hint, format, arguments);
    va_end(arguments);
    return 1;
}

int cli_fail(const struct cli *cli, clmix_status status)
{
    const char *sentence = clmix_error();

    return cli_error(cli, status, cli_hint(status), "%s", sentence[0] != '\0' ? sentence : clmix_status_name(status));
}

int cli_tell(const struct cli *cli, const char *hint, const char *sentence)
{
    print_error(cli, sentence, hint);
    return 1;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------------- */

char *cli_json_line(const cJSON *object)
{
    char *printed = object == NULL ? NULL : cJSON_PrintUnformatted(object);
    char *line = printed == NULL ? NULL : clmix_utf8_from_bytes(printed);

    cJSON_free(printed);
    return line;
}

bool cli_print_json(const struct cli *cli, cJSON *object)
{
    char *line = cli_json_line(object);

    cJSON_Delete(object);
    if (line == NULL)
        return cli_tell(cli, NULL, "out of memory for a line of JSON") == 0;
    puts(line);
    fflush(stdout);
    free(line);
    return true;
}
