#define _DEFAULT_SOURCE /* TIOCGWINSZ */
#include "progress.h"

#include "base/text.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_SECONDS 0.1
#define BAR_CELLS      24

/* ---- text ------------------------------------------------------------------------------------------------------------------------- */

const char *progress_time(char text[32], double seconds)
{
    const unsigned long whole = seconds > 0.0 ? (unsigned long)(seconds + 0.5) : 0;

    if (whole >= 3600)
        snprintf(text, 32, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, 32, "%lu:%02lu", whole / 60, whole % 60);
    return text;
}

const char *progress_bytes(char text[32], size_t bytes)
{
    const double size = (double)bytes;

    if (size < 9.95e6)
        snprintf(text, 32, "%.1f MB", size / 1e6);
    else if (size < 9.995e8)
        snprintf(text, 32, "%.0f MB", size / 1e6);
    else
        snprintf(text, 32, "%.2f GB", size / 1e9);
    return text;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------------------ */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void progress_start(struct progress *progress, bool silent)
{
    const char *terminal = getenv("TERM");

    memset(progress, 0, sizeof *progress);
    setlocale(LC_CTYPE, "");
    progress->silent = silent;
    progress->live = !silent && isatty(STDOUT_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
    progress->fancy = progress->live && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static size_t columns(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void erase(struct progress *progress)
{
    if (progress->line_open)
        fputs("\r\033[K", stdout);
    progress->line_open = false;
}

void progress_say(struct progress *progress, const char *format, ...)
{
    va_list arguments;

    if (progress->silent)
        return;
    erase(progress);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

void progress_note(struct progress *progress, const char *text)
{
    if (!progress->live)
        return;
    erase(progress);
    fputs(text, stdout);
    fflush(stdout);
    progress->line_open = true;
}

void progress_end(struct progress *progress)
{
    erase(progress);
    fflush(stdout);
}

/* ---- a step ----------------------------------------------------------------------------------------------------------------------- */

/* `cells` cells, the done part of them heavy, with half a cell's precision where the letters allow it; what is to come is dim. */
static void bar(const struct progress *progress, double done, size_t cells, char *text, size_t bytes)
{
    const size_t halves = (size_t)lround(done * 2.0 * (double)cells), light = (halves + 1) / 2;
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < cells && used + 16 < bytes; i++) {
        const bool full = 2 * i + 2 <= halves, half = 2 * i + 1 == halves;
        const char *cell = full ? "=" : half ? "-" : ".";

        if (progress->fancy)
            cell = half ? "\xe2\x95\xb8" : "\xe2\x94\x81";
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", progress->fancy && i == light ? "\033[2m" : "", cell);
    }
    if (progress->fancy && light < cells)
        snprintf(text + used, bytes - used, "\033[22m");
}

void progress_step(struct progress *progress, const struct progress_step *step)
{
    char figures[160], cells[BAR_CELLS * 16], top1[32], speed[32], left[32];
    const double time = now();
    size_t width, used, room;

    if (!progress->live || (time - progress->last < REDRAW_SECONDS && step->batch < step->batches))
        return;
    progress->last = time;
    used = (size_t)snprintf(figures, sizeof figures, "%zu/%zu  loss %.3f  %s %%", step->batch, step->batches, step->loss,
                            clmix_percent(top1, step->top1, 1));
    if (step->images_per_second > 0.0)
        used += (size_t)snprintf(figures + used, sizeof figures - used, "  %s img/s",
                                 clmix_grouped(speed, (size_t)(step->images_per_second + 0.5)));
    if (step->seconds_left >= 0.0 && used < sizeof figures)
        used += (size_t)snprintf(figures + used, sizeof figures - used, "  %s left", progress_time(left, step->seconds_left));
    width = columns();
    room = width > used + 18 ? width - used - 18 : 0; /* "epoch 123/123  " before it, two spaces behind it, and the last column free */
    bar(progress, (double)step->batch / (double)step->batches, room < BAR_CELLS ? room : BAR_CELLS, cells, sizeof cells);
    erase(progress);
    printf("epoch %2zu/%zu  %s%s%.*s", step->epoch, step->epochs, cells, cells[0] != '\0' ? "  " : "", (int)(width > 16 ? width - 16 : 1),
           figures);
    fflush(stdout);
    progress->line_open = true;
}

void progress_epoch(struct progress *progress, const clmix_epoch *epoch, size_t epochs)
{
    char test[160] = "", train_top1[32], test_top1[32], test_top5[32], speed[32];

    if (isfinite(epoch->test_top1))
        snprintf(test, sizeof test, "   test %.3f  %s %%  top-5 %s %%", epoch->test_loss, clmix_percent(test_top1, epoch->test_top1, 1),
                 clmix_percent(test_top5, epoch->test_top5, 1));
    progress_say(progress, "epoch %2zu/%zu  train %.3f  %s %%%s   %s img/s%s", epoch->epoch, epochs, epoch->train_loss,
                 clmix_percent(train_top1, epoch->train_top1, 1), test, clmix_grouped(speed, (size_t)(epoch->images_per_second + 0.5)),
                 epoch->best ? "   saved" : "");
}
