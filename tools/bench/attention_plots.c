/* What clmix-bench attention found, as plots in a folder. */
#include "base/file.h"
#include "base/status.h"
#include "bench/attention.h"
#include "bench/curves.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CURVES 32

/* A plot: which key over which, of the results that have `only`, or of all. */
struct drawing {
    const char *file, *title, *x_key, *y_key, *x, *y;
    double y_factor, y_least; /* what is less is not drawn */
    const char *only_key;
    double only;
};

#define EXACT 1e-5 /* an error below is that of float32 */

/* The name of a line: the mixer's kind, with its keys where another line is of that kind. */
static void name_curve(const cJSON *results, const char *mixer, char name[BENCH_CURVE_NAME])
{
    const size_t kind = strcspn(mixer, ":");
    const cJSON *row;
    bool several = false;

    cJSON_ArrayForEach(row, results)
    {
        const char *other = bench_text(row, "mixer");

        several = several || (strcspn(other, ":") == kind && strncmp(other, mixer, kind) == 0 && strcmp(other, mixer) != 0);
    }
    snprintf(name, BENCH_CURVE_NAME, "%.*s", several ? BENCH_CURVE_NAME - 1 : (int)kind, mixer);
}

static size_t find_curve(const cJSON *results, const char *mixer, struct bench_curve *curves, size_t *count)
{
    char name[BENCH_CURVE_NAME];
    size_t i = 0;

    name_curve(results, mixer, name);
    while (i < *count && strcmp(curves[i].name, name) != 0)
        i++;
    if (i == *count && *count < MOST_CURVES) {
        curves[i] = (struct bench_curve){ .count = 0 };
        memcpy(curves[i].name, name, sizeof name);
        ++*count;
    }
    return i;
}

/* In the order of x. */
static void add_point(struct bench_curve *curve, double x, double y)
{
    size_t i = curve->count++;

    for (; i > 0 && curve->x[i - 1] > x; i--) {
        curve->x[i] = curve->x[i - 1];
        curve->y[i] = curve->y[i - 1];
    }
    curve->x[i] = x;
    curve->y[i] = y;
}

static clmix_status draw(const cJSON *results, const char *folder, const struct drawing *drawing)
{
    struct bench_curve *curves = calloc(MOST_CURVES, sizeof *curves);
    size_t count = 0;
    char path[4096];
    const cJSON *row;
    clmix_status status;

    if (curves == NULL)
        return clmix_fail_memory("a plot");
    cJSON_ArrayForEach(row, results)
    {
        const size_t at = find_curve(results, bench_text(row, "mixer"), curves, &count);
        struct bench_curve *curve = &curves[at < MOST_CURVES ? at : 0];

        if (at == MOST_CURVES || curve->count == BENCH_CURVE_POINTS ||
            (drawing->only_key != NULL && bench_number(row, drawing->only_key) != drawing->only))
            continue;
        if (drawing->y_factor * bench_number(row, drawing->y_key) >= drawing->y_least)
            add_point(curve, bench_number(row, drawing->x_key), drawing->y_factor * bench_number(row, drawing->y_key));
    }
    snprintf(path, sizeof path, "%s/%s.svg", folder, drawing->file);
    status = bench_curves_write(path, drawing->title, drawing->x, drawing->y, curves, count);
    free(curves);
    return status;
}

/* The longest sequence that softmax attention was measured at, or the longest one; and the first range. */
static void find_scope(const cJSON *results, double *tokens, double *range, bool *has_ranges)
{
    const cJSON *row;

    *tokens = 0.0;
    *range = bench_number(results->child, "range");
    *has_ranges = false;
    cJSON_ArrayForEach(row, results)
    {
        *has_ranges = *has_ranges || bench_number(row, "range") != *range;
        if (isfinite(bench_number(row, "error")))
            *tokens = fmax(*tokens, bench_number(row, "tokens"));
    }
}

clmix_status bench_attention_plots(const cJSON *results, const char *folder)
{
    double tokens, range;
    bool has_ranges;

    CLMIX_TRY(clmix_folder_make(folder));
    if (results->child == NULL)
        return CLMIX_OK;
    find_scope(results, &tokens, &range, &has_ranges);
    const struct drawing drawings[] = {
        { "time-forward", "Attention forward", "tokens", "forward_ms", "tokens", "ms", 1.0, 0.0, "range", range },
        { "time-training", "Attention with its gradients", "tokens", "training_ms", "tokens", "ms", 1.0, 0.0, "range", range },
        { "memory-forward", "Planned memory forward", "tokens", "forward_bytes", "tokens", "MB", 1e-6, 0.0, "range", range },
        { "memory-training", "Planned memory in training", "tokens", "training_bytes", "tokens", "MB", 1e-6, 0.0, "range", range },
        { "error", "Error against softmax attention", "tokens", "error", "tokens", "error", 1.0, EXACT, "range", range },
        { "error-entropy", "Error of the longest sequence", "entropy", "error", "entropy of softmax attention, nats", "error", 1.0, EXACT,
          "tokens", tokens },
        { "error-time", "Error of the longest sequence", "forward_ms", "error", "ms forward", "error", 1.0, EXACT, "tokens", tokens },
    };
    const size_t count = sizeof drawings / sizeof *drawings;

    for (size_t i = 0; i < (has_ranges ? count : count - 2); i++)
        CLMIX_TRY(draw(results, folder, &drawings[i]));
    return CLMIX_OK;
}
