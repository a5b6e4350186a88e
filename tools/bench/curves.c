#include "bench/curves.h"

#include "base/file.h"
#include "base/status.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH  720
#define HEIGHT 480
#define LEFT   70
#define RIGHT  190 /* room for the names of the lines */
#define TOP    50
#define BOTTOM 60
#define APART  17 /* names at the lines' ends */
#define STYLES 6

static const char *const colours[STYLES] = { "#0b5fa5", "#b3541e", "#2f7d32", "#7b3fa0", "#8a6d00", "#444444" };
static const char *const dashes[STYLES] = { "none", "9 4", "2 3", "12 3 2 3", "5 2", "14 5" };

struct axis {
    double low, high; /* logarithms */
};

struct plot {
    clmix_file_writer writer;
    clmix_status status; /* the first failure; the rest does nothing */
    struct axis x, y;
};

/* ---- text ---------------------------------------------------------------------------------------------------------------------------------- */

static void put(struct plot *plot, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct plot *plot, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (plot->status == CLMIX_OK)
        plot->status = clmix_file_put(&plot->writer, text, strlen(text));
}

/* Without what XML reserves. */
static void put_text(struct plot *plot, const char *text)
{
    for (; *text != '\0'; text++)
        put(plot, "%c", strchr("<>&\"'", *text) != NULL ? '?' : *text);
}

static void put_value(struct plot *plot, double value)
{
    char text[32];

    if (value >= 1000.0)
        put(plot, "%s", clmix_grouped(text, (size_t)(value + 0.5)));
    else
        put(plot, "%g", value);
}

/* ---- axes ---------------------------------------------------------------------------------------------------------------------------------- */

static bool is_shown(const struct bench_curve *curve, size_t i)
{
    return isfinite(curve->x[i]) && isfinite(curve->y[i]) && curve->x[i] > 0.0 && curve->y[i] > 0.0;
}

static struct axis make_axis(const struct bench_curve *curves, size_t count, bool of_x)
{
    struct axis axis = { INFINITY, -INFINITY };

    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < curves[k].count; i++)
            if (is_shown(&curves[k], i)) {
                const double value = log10(of_x ? curves[k].x[i] : curves[k].y[i]);

                axis.low = fmin(axis.low, value);
                axis.high = fmax(axis.high, value);
            }
    axis.low -= 0.05;
    axis.high += 0.05;
    return axis;
}

static double x_of(const struct plot *plot, double value)
{
    return LEFT + (log10(value) - plot->x.low) / (plot->x.high - plot->x.low) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct plot *plot, double value)
{
    return HEIGHT - BOTTOM - (log10(value) - plot->y.low) / (plot->y.high - plot->y.low) * (HEIGHT - TOP - BOTTOM);
}

/* A line and a number at each 1, 2 and 5 of a power of ten, or where those would be too close at the powers alone. */
static void put_axis(struct plot *plot, const struct axis *axis, bool of_x)
{
    static const double steps[] = { 1.0, 2.0, 5.0 };
    const int each = axis->high - axis->low < 2.6 ? 3 : 1;

    for (int power = (int)floor(axis->low); power <= (int)ceil(axis->high); power++)
        for (int i = 0; i < each; i++) {
            const double value = steps[i] * pow(10.0, power);

            if (log10(value) < axis->low || log10(value) > axis->high)
                continue;
            if (of_x)
                put(plot, "<path d='M%.1f %dV%d' stroke='#ddd'/><text x='%.1f' y='%d' text-anchor='middle' fill='#444'>", x_of(plot, value),
                    TOP, HEIGHT - BOTTOM, x_of(plot, value), HEIGHT - BOTTOM + 17);
            else
                put(plot, "<path d='M%d %.1fH%d' stroke='#ddd'/><text x='%d' y='%.1f' text-anchor='end' fill='#444'>", LEFT,
                    y_of(plot, value), WIDTH - RIGHT, LEFT - 6, y_of(plot, value) + 4.0);
            put_value(plot, value);
            put(plot, "</text>\n");
        }
}

/* ---- lines --------------------------------------------------------------------------------------------------------------------------------- */

static void put_line(struct plot *plot, const struct bench_curve *curve, size_t style)
{
    put(plot, "<polyline fill='none' stroke='%s' stroke-width='2' stroke-dasharray='%s' points='", colours[style % STYLES],
        dashes[(style + style / STYLES) % STYLES]);
    for (size_t i = 0; i < curve->count; i++)
        if (is_shown(curve, i))
            put(plot, "%.1f,%.1f ", x_of(plot, curve->x[i]), y_of(plot, curve->y[i]));
    put(plot, "'/>\n");
    for (size_t i = 0; i < curve->count; i++)
        if (is_shown(curve, i))
            put(plot, "<circle cx='%.1f' cy='%.1f' r='3' fill='%s'/>", x_of(plot, curve->x[i]), y_of(plot, curve->y[i]),
                colours[style % STYLES]);
    put(plot, "\n");
}

/* Where a line ends, and where its name stands. */
struct end {
    size_t curve;
    double x, y, name_y;
};

static int by_height(const void *a, const void *b)
{
    const struct end *x = a, *y = b;

    return (x->y > y->y) - (x->y < y->y);
}

static size_t find_ends(const struct plot *plot, const struct bench_curve *curves, size_t count, struct end *ends)
{
    size_t found = 0;

    for (size_t k = 0; k < count; k++)
        for (size_t i = curves[k].count; i-- > 0;)
            if (is_shown(&curves[k], i)) {
                ends[found++] = (struct end){ k, x_of(plot, curves[k].x[i]), y_of(plot, curves[k].y[i]), 0.0 };
                break;
            }
    qsort(ends, found, sizeof *ends, by_height);
    return found;
}

/* The names in one column beside the plot, pushed apart downwards, and up again where they would leave it. */
static void put_names(struct plot *plot, const struct bench_curve *curves, struct end *ends, size_t count)
{
    double lowest = HEIGHT - 8.0;

    for (size_t i = 0; i < count; i++)
        ends[i].name_y = i > 0 ? fmax(ends[i].y, ends[i - 1].name_y + APART) : ends[i].y;
    for (size_t i = count; i-- > 0; lowest = ends[i].name_y - APART)
        ends[i].name_y = fmin(ends[i].name_y, lowest);
    for (size_t i = 0; i < count; i++) {
        put(plot, "<path d='M%.1f %.1fL%d %.1f' stroke='%s' stroke-width='0.6' fill='none'/><text x='%d' y='%.1f' fill='%s'>",
            ends[i].x + 4.0, ends[i].y, WIDTH - RIGHT + 14, ends[i].name_y, colours[ends[i].curve % STYLES], WIDTH - RIGHT + 18,
            ends[i].name_y + 4.0, colours[ends[i].curve % STYLES]);
        put_text(plot, curves[ends[i].curve].name);
        put(plot, "</text>\n");
    }
}

clmix_status bench_curves_write(const char *path, const char *title, const char *x, const char *y, const struct bench_curve *curves,
                                size_t count)
{
    struct plot plot = { .status = CLMIX_OK, .x = make_axis(curves, count, true), .y = make_axis(curves, count, false) };
    struct end *ends;

    if (!isfinite(plot.x.low))
        return CLMIX_OK;
    ends = malloc((count + 1) * sizeof *ends);
    if (ends == NULL)
        return clmix_fail_memory("a plot");
    plot.status = clmix_file_begin(&plot.writer, path);
    put(&plot, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='Helvetica, Arial, sans-serif' font-size='13'>\n",
        WIDTH, HEIGHT);
    put(&plot, "<rect width='%d' height='%d' fill='white'/>\n<text x='%d' y='26' font-size='16'>", WIDTH, HEIGHT, LEFT);
    put_text(&plot, title);
    put(&plot, "</text>\n");
    put_axis(&plot, &plot.x, true);
    put_axis(&plot, &plot.y, false);
    put(&plot, "<text x='%d' y='%d' text-anchor='middle' fill='#444'>%s</text>\n", LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 16, x);
    put(&plot, "<text x='%d' y='%d' fill='#444'>%s</text>\n", 8, TOP - 8, y);
    for (size_t i = 0; i < count; i++)
        put_line(&plot, &curves[i], i);
    put_names(&plot, curves, ends, find_ends(&plot, curves, count, ends));
    put(&plot, "</svg>\n");
    free(ends);
    return plot.status == CLMIX_OK ? clmix_file_finish(&plot.writer) : plot.status;
}
