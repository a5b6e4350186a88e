/* curves.svg: loss above, accuracy below, training dashed and test solid, so that it reads on paper and on a phone.
 *
 * Coordinates are whole numbers of a large view box, and numbers in labels are put together from whole ones: nothing here depends on
 * the locale's decimal point. */
#include "train/run.h"

#include "base/file.h"
#include "base/status.h"
#include "base/text.h"
#include "base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WIDTH        7200
#define PANEL_HEIGHT 2600
#define LEFT         620
#define RIGHT        900 /* room for the names of the lines */
#define TOP          760 /* of the first panel */
#define GAP          780 /* between the panels */
#define TEST_COLOUR  "#0b5fa5"
#define TRAIN_COLOUR "#b3541e"

/* A panel's place and its axes. */
struct panel {
    int top;
    double highest, step; /* of the vertical axis, which begins at 0 */
    int decimals;
    size_t first, last; /* epochs */
    const struct clmix_run *run;
};

typedef double (*curve)(const clmix_epoch *epoch);

static double train_loss(const clmix_epoch *epoch)
{
    return epoch->train_loss;
}

static double test_loss(const clmix_epoch *epoch)
{
    return epoch->test_loss;
}

static double train_accuracy(const clmix_epoch *epoch)
{
    return 100.0 * epoch->train_metric;
}

static double test_accuracy(const clmix_epoch *epoch)
{
    return 100.0 * epoch->metrics[0].value;
}

/* ---- text ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status put(clmix_file_writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static clmix_status put(clmix_file_writer *writer, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return clmix_file_put(writer, text, strlen(text));
}

/* The model's name with what XML reserves left out, and "?" for what is no UTF-8. */
static void plain(const char *name, char text[96])
{
    size_t length = 0, left = strlen(name);

    while (left > 0) {
        const size_t found = clmix_utf8_length(name, left), step = found > 0 ? found : 1;

        if (length + step > 95)
            break;
        if (found != 1 || strchr("<>&\"'", *name) == NULL) {
            memcpy(text + length, found > 0 ? name : "?", step);
            length += step;
        }
        name += step;
        left -= step;
    }
    text[length] = '\0';
}

/* ---- axes ------------------------------------------------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, so that about five steps reach `range`. */
static double round_step(double range)
{
    const double raw = range / 5.0, power = pow(10.0, floor(log10(raw))), ratio = raw / power;

    return power * (ratio <= 1.0 ? 1.0 : ratio <= 2.0 ? 2.0 : ratio <= 5.0 ? 5.0 : 10.0);
}

static struct panel make_panel(const struct clmix_run *run, int top, curve first, curve second)
{
    struct panel panel = { .top = top, .run = run };
    double highest = 1e-3;

    for (size_t i = 0; i < run->history_count; i++) {
        highest = fmax(highest, first(&run->history[i])); /* fmax ignores NaN */
        highest = fmax(highest, second(&run->history[i]));
    }
    highest = fmin(highest, 1e6); /* a loss beyond is drawn at the border */
    panel.step = round_step(highest);
    panel.highest = panel.step * ceil(highest / panel.step - 1e-9);
    panel.decimals = panel.step >= 1.0 ? 0 : panel.step >= 0.1 ? 1 : panel.step >= 0.01 ? 2 : 3;
    panel.first = run->history[0].epoch;
    panel.last = run->history[run->history_count - 1].epoch;
    return panel;
}

static int x_of(const struct panel *panel, size_t epoch)
{
    const double part = panel->last == panel->first ? 0.5 : (double)(epoch - panel->first) / (double)(panel->last - panel->first);

    return LEFT + (int)lround(part * (WIDTH - LEFT - RIGHT));
}

static int y_of(const struct panel *panel, double value)
{
    return panel->top + PANEL_HEIGHT - (int)lround(fmin(value / panel->highest, 1.0) * PANEL_HEIGHT);
}

static clmix_status put_axes(clmix_file_writer *writer, const struct panel *panel, const char *title)
{
    const size_t span = panel->last - panel->first, every = span < 10 ? 1 : (size_t)round_step((double)span * 0.6);
    char text[32];

    CLMIX_TRY(put(writer, "<text x='%d' y='%d' font-weight='bold'>%s</text>\n", LEFT, panel->top - 140, title));
    for (int i = 0; i * panel->step < panel->highest + 0.5 * panel->step; i++) {
        const int y = y_of(panel, i * panel->step);

        CLMIX_TRY(put(writer, "<path d='M%d %dH%d' stroke='%s' stroke-width='8'/>", LEFT, y, WIDTH - RIGHT, i == 0 ? "#444" : "#ddd"));
        CLMIX_TRY(put(writer, "<text x='%d' y='%d' text-anchor='end' fill='#444'>%s</text>\n", LEFT - 80, y + 60,
                      clmix_decimal(text, i * panel->step, panel->decimals)));
    }
    for (size_t epoch = panel->first; epoch <= panel->last; epoch++)
        if (epoch % every == 0 || span == 0)
            CLMIX_TRY(put(writer, "<text x='%d' y='%d' text-anchor='middle' fill='#444'>%zu</text>\n", x_of(panel, epoch),
                          panel->top + PANEL_HEIGHT + 210, epoch));
    return CLMIX_OK;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status put_curve(clmix_file_writer *writer, const struct panel *panel, curve value, const char *colour, const char *style)
{
    const struct clmix_run *run = panel->run;

    CLMIX_TRY(put(writer, "<polyline fill='none' stroke='%s' stroke-width='36' stroke-linejoin='round' %s points='", colour, style));
    for (size_t i = 0; i < run->history_count; i++)
        if (isfinite(value(&run->history[i])))
            CLMIX_TRY(put(writer, "%d,%d ", x_of(panel, run->history[i].epoch), y_of(panel, value(&run->history[i]))));
    CLMIX_TRY(put(writer, "'/>\n"));
    if (run->history_count == 1 && isfinite(value(&run->history[0])))
        CLMIX_TRY(put(writer, "<circle cx='%d' cy='%d' r='50' fill='%s'/>\n", x_of(panel, run->history[0].epoch),
                      y_of(panel, value(&run->history[0])), colour));
    return CLMIX_OK;
}

/* The names stand at the lines' ends, pushed apart where those are close. */
static clmix_status put_names(clmix_file_writer *writer, const struct panel *panel, curve train, curve test)
{
    const clmix_epoch *last = &panel->run->history[panel->run->history_count - 1];
    const int x = x_of(panel, last->epoch) + 90, apart = 210;
    int train_y = y_of(panel, train(last)), test_y;

    if (isfinite(test(last))) {
        const int middle = (train_y + y_of(panel, test(last))) / 2;

        test_y = y_of(panel, test(last));
        if (train_y <= test_y && test_y - train_y < apart) {
            train_y = middle - apart / 2;
            test_y = middle + apart / 2;
        } else if (test_y < train_y && train_y - test_y < apart) {
            test_y = middle - apart / 2;
            train_y = middle + apart / 2;
        }
        CLMIX_TRY(put(writer, "<text x='%d' y='%d' fill='" TEST_COLOUR "'>test</text>\n", x, test_y + 60));
    }
    return put(writer, "<text x='%d' y='%d' fill='" TRAIN_COLOUR "'>training</text>\n", x, train_y + 60);
}

static clmix_status put_panel(clmix_file_writer *writer, const struct panel *panel, const char *title, curve train, curve test)
{
    CLMIX_TRY(put_axes(writer, panel, title));
    CLMIX_TRY(put_curve(writer, panel, train, TRAIN_COLOUR, "stroke-dasharray='110 70'"));
    CLMIX_TRY(put_curve(writer, panel, test, TEST_COLOUR, ""));
    return put_names(writer, panel, train, test);
}

static clmix_status put_best(clmix_file_writer *writer, const struct panel *panel)
{
    const struct clmix_run *run = panel->run;

    for (size_t i = 0; i < run->history_count; i++)
        if (run->history[i].epoch == run->best_epoch && isfinite(run->history[i].metrics[0].value))
            return put(writer, "<circle cx='%d' cy='%d' r='70' fill='white' stroke='" TEST_COLOUR "' stroke-width='36'/>\n",
                       x_of(panel, run->best_epoch), y_of(panel, test_accuracy(&run->history[i])));
    return CLMIX_OK;
}

static clmix_status put_title(clmix_file_writer *writer, const struct clmix_run *run, const char *title)
{
    const int height = TOP + 2 * PANEL_HEIGHT + GAP + 460;
    char name[96], best[32];

    plain(title, name);
    CLMIX_TRY(
        put(writer,
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='Helvetica, Arial, sans-serif' font-size='180'>\n",
            WIDTH, height));
    CLMIX_TRY(
        put(writer, "<rect width='%d' height='%d' fill='white'/>\n<text x='%d' y='300' font-size='220'>%s", WIDTH, height, LEFT, name));
    if (run->best_epoch > 0 && run->best > 0.0)
        CLMIX_TRY(put(writer, ": best test accuracy %s %%, epoch %zu", clmix_percent(best, run->best, 1), run->best_epoch));
    CLMIX_TRY(put(writer, "</text>\n"));
    return put(writer, "<text x='%d' y='%d' text-anchor='middle' fill='#444'>epoch</text>\n", LEFT + (WIDTH - LEFT - RIGHT) / 2,
               height - 60);
}

clmix_status clmix_curves_write(const struct clmix_run *run, const char *title, const char *path)
{
    clmix_file_writer writer;
    struct panel loss, accuracy;

    if (run->history_count == 0)
        return CLMIX_OK;
    loss = make_panel(run, TOP, train_loss, test_loss);
    accuracy = make_panel(run, TOP + PANEL_HEIGHT + GAP, train_accuracy, test_accuracy);
    CLMIX_TRY(clmix_file_begin(&writer, path));
    CLMIX_TRY(put_title(&writer, run, title));
    CLMIX_TRY(put_panel(&writer, &loss, "Loss", train_loss, test_loss));
    CLMIX_TRY(put_panel(&writer, &accuracy, "Accuracy, %", train_accuracy, test_accuracy));
    CLMIX_TRY(put_best(&writer, &accuracy));
    CLMIX_TRY(put(&writer, "</svg>\n"));
    return clmix_file_finish(&writer);
}
