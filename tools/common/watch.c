#include "common/watch.h"

#include "common/terminal.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *watch_text(char text[160], const char *file, size_t compiled)
{
    snprintf(text, 160, "compiling %s (%zu done), once for this device", file, compiled);
    return text;
}

static bool line_open;

void watch_end(void)
{
    if (line_open)
        fputs("\033[J", stderr);
    line_open = false;
}

static void rewrite_line(void *user, const char *file, size_t compiled)
{
    char text[160];

    (void)user;
    fflush(stdout);
    watch_end();
    if (file != NULL)
        line_open = fprintf(stderr, "%s\r", terminal_cut(watch_text(text, file, compiled), terminal_columns(stderr) - 1)) >= 0;
}

void watch_compiler(clmix_device *device)
{
    const char *terminal = getenv("TERM");

    if (isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0)
        clmix_device_watch_compiler(device, rewrite_line, NULL);
}
