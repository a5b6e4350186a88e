#include "watch.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *watch_text(char text[160], const char *file, size_t compiled)
{
    snprintf(text, 160, "compiling kernels, once for this device: %s (%zu done)", file, compiled);
    return text;
}

static bool line_open;

void watch_end(void)
{
    if (line_open)
        fputs("\r\033[K", stderr);
    line_open = false;
}

static void rewrite_line(void *user, const char *file, size_t compiled)
{
    char text[160];

    (void)user;
    fflush(stdout);
    watch_end();
    if (file != NULL)
        line_open = fputs(watch_text(text, file, compiled), stderr) >= 0;
}

void watch_compiler(clmix_device *device)
{
    const char *terminal = getenv("TERM");

    if (isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0)
        clmix_device_watch_compiler(device, rewrite_line, NULL);
}
