#include "common/progress.h"

#include "base/clock.h"
#include "base/text.h"
#include "common/terminal.h"

#include <langinfo.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REDRAW_SECONDS 0.1
#define BAR_CELLS      24
#define LEAST_CELLS    6
#define INDENT         4 /* of what is left of a line that does not fit */

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

void progress_start(struct progress *progress, bool silent)
{
    const char *terminal = getenv("TERM");

    memset(progress, 0, sizeof *progress);
    progress->silent = silent;
    progress->unit = "img";
    progress->live = !silent && isatty(STDOUT_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
    progress->fancy = progress->live && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* The cursor waits at the begin of a live line: where a terminal breaks it anew after a resize, it stays there, and all that follows is the line's. */
static void erase(struct progress *progress)
{
    if (progress->line_open)
        fputs("\033[J", stdout);
    progress->line_open = false;
}

static void draw(struct progress *progress, const char *before, const char *between, const char *behind)
{
    erase(progress);
    printf("%s%s%s\r", before, between, behind);
    fflush(stdout);
    progress->line_open = true;
}

void progress_say(struct progress *progress, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    if (progress->silent)
        return;
    erase(progress);
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    terminal_say_text(INDENT, text);
    fflush(stdout);
}

void progress_note(struct progress *progress, const char *text)
{
    char cut[256];

    if (!progress->live)
        return;
    snprintf(cut, sizeof cut, "%s", text);
    draw(progress, terminal_cut(cut, terminal_columns(stdout) - 1), "", "");
}

void progress_end(struct progress *progress)
{
    erase(progress);
    fflush(stdout);
}

/* ---- a step ----------------------------------------------------------------------------------------------------------------------- */

/* `cells` cells and two spaces, the done part of them heavy, with half a cell's precision where the letters allow it; what is to come is dim. */
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
    if (cells > 0)
        snprintf(text + used, bytes - used, "%s  ", progress->fancy && light < cells ? "\033[22m" : "");
}

/* Adds to a line what still fits beside the last column, which stays free. */
static void add(char *line, size_t bytes, size_t columns, const char *part)
{
    const size_t used = strlen(line);

    if (terminal_width(line) + terminal_width(part) < columns)
        snprintf(line + used, bytes - used, "%s", part);
}

void progress_step(struct progress *progress, const struct progress_step *step)
{
    char line[512], part[64], cells[BAR_CELLS * 16 + 16], figure[32], epoch[64];
    const size_t columns = terminal_columns(stdout);
    const double time = clmix_seconds();
    size_t used, room;

    if (!progress->live || (time - progress->last < REDRAW_SECONDS && step->batch < step->batches))
        return;
    progress->last = time;
    snprintf(epoch, sizeof epoch, "epoch %2zu/%zu  ", step->epoch, step->epochs);
    used = terminal_width(epoch);
    snprintf(line, sizeof line, "%*zu/%zu", snprintf(NULL, 0, "%zu", step->batches), step->batch, step->batches);
    snprintf(part, sizeof part, "  loss %.3f", step->loss);
    add(line, sizeof line, columns - used, part);
    snprintf(part, sizeof part, "  %s %%", clmix_percent(figure, step->metric, 1));
    add(line, sizeof line, columns - used, part);
    snprintf(part, sizeof part, "  %s left", progress_time(figure, step->seconds_left));
    if (step->seconds_left >= 0.0)
        add(line, sizeof line, columns - used, part);
    snprintf(part, sizeof part, "  %s %s/s", clmix_grouped(figure, (size_t)(step->images_per_second + 0.5)), progress->unit);
    if (step->images_per_second > 0.0)
        add(line, sizeof line, columns - used, part);
    used += terminal_width(line);
    room = columns > used + 3 ? columns - used - 3 : 0; /* two spaces behind the bar, and the last column */
    bar(progress, (double)step->batch / (double)step->batches,
        room < LEAST_CELLS ? 0
        : room < BAR_CELLS ? room
                           : BAR_CELLS,
        cells, sizeof cells);
    draw(progress, epoch, cells, line);
}

/* Most figures that fit: all, then without all metrics but the first, the speed, the losses. */
static void epoch_line(const struct progress *progress, const clmix_epoch *epoch, size_t epochs, int left_out, char *line, size_t bytes)
{
    char figure[32];
    size_t used = (size_t)snprintf(line, bytes, "epoch %2zu/%zu  train", epoch->epoch, epochs);

    if (left_out < 3)
        used += (size_t)snprintf(line + used, bytes - used, " %.3f ", epoch->train_loss);
    used += (size_t)snprintf(line + used, bytes - used, " %s %%", clmix_percent(figure, epoch->train_metric, 1));
    if (isfinite(epoch->metrics[0].value)) {
        used += (size_t)snprintf(line + used, bytes - used, "   test");
        if (left_out < 3)
            used += (size_t)snprintf(line + used, bytes - used, " %.3f ", epoch->test_loss);
        used += (size_t)snprintf(line + used, bytes - used, " %s %%", clmix_percent(figure, epoch->metrics[0].value, 1));
        for (size_t i = 1; left_out < 1 && i < epoch->metric_count; i++)
            used += (size_t)snprintf(line + used, bytes - used, "  %s %s %%", epoch->metrics[i].title,
                                     clmix_percent(figure, epoch->metrics[i].value, 1));
    }
    if (left_out < 2)
        used += (size_t)snprintf(line + used, bytes - used, "   %s %s/s", clmix_grouped(figure, (size_t)(epoch->images_per_second + 0.5)),
                                 progress->unit);
    if (epoch->best)
        snprintf(line + used, bytes - used, "   saved");
}

void progress_epoch(struct progress *progress, const clmix_epoch *epoch, size_t epochs)
{
    const size_t columns = terminal_columns(stdout);
    char line[256];

    for (int left_out = 0; left_out <= 3; left_out++) {
        epoch_line(progress, epoch, epochs, left_out, line, sizeof line);
        if (terminal_width(line) <= columns)
            break;
    }
    progress_say(progress, "%s", line);
}
