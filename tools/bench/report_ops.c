/* The report's sections about ops: where a step's time goes, and the ops alone. */
#include "base/array.h"
#include "base/status.h"
#include "bench/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KINDS 14 /* bars of a step; what is less is summed up */

static bool is_low(const struct bench_result *item)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item->object, "below_tenth"));
}

/* The last columns of both tables: milliseconds, rates, the ceiling and the share of it. */
#define WORK_COLUMNS                                                                       \
    { "ms", NULL }, { "GFLOP/s", "wide" }, { "GB/s", "wide" }, { "ceiling", "wide left" }, \
    {                                                                                      \
        "of it", NULL                                                                      \
    }

static void put_work(struct bench_page *page, const struct bench_result *item)
{
    static const char *const remarks[] = { [BENCH_CACHED] = "in caches", [BENCH_BEYOND] = "ceiling too low" };
    const cJSON *json = item->object;

    bench_table_number(page, item->figure.value, "%.4g");
    bench_table_number(page, bench_number(json, "gflops"), "%.1f");
    bench_table_number(page, bench_number(json, "gbs"), "%.1f");
    bench_table_cell(page, bench_text(json, "bound_by"), NULL);
    bench_table_share(page, bench_number(json, "fraction_of_ceiling"), is_low(item) ? "\342\226\274" : remarks[bench_line_excess(json)]);
    bench_table_row_end(page);
}

/* ---- a step ----------------------------------------------------------------------------------------------------------------------- */

/* All ops of one kind in a step: the last word of their labels, "layers.2.0.ff3 conv_transpose2d". */
struct kind {
    const char *name;
    size_t ops;
    double ms, least_ms;
};

static const char *kind_of(const struct bench_result *item)
{
    const char *label = bench_text(item->object, "op"), *space = strrchr(label, ' ');

    return space != NULL ? space + 1 : label;
}

static int longest_first(const void *a, const void *b)
{
    const struct kind *x = a, *y = b;

    return (x->ms < y->ms) - (x->ms > y->ms);
}

static bool same_step(const struct bench_result *a, const struct bench_result *b)
{
    char batch[64], other[64];

    return a->source == b->source && a->kind == b->kind && strcmp(bench_text(a->object, "model"), bench_text(b->object, "model")) == 0 &&
           strcmp(bench_batch(a->object, batch), bench_batch(b->object, other)) == 0;
}

static clmix_status add_to_kinds(struct kind **kinds, size_t *count, size_t *capacity, const struct bench_result *item)
{
    const double least = fmin(fmax(bench_number(item->object, "fraction_of_ceiling"), 0.0), 1.0) * item->figure.value;
    const struct kind fresh = { .name = kind_of(item) };
    size_t at = 0;

    while (at < *count && strcmp((*kinds)[at].name, fresh.name) != 0)
        at++;
    if (at == *count && !CLMIX_PUSH(*kinds, *count, *capacity, fresh))
        return clmix_fail_memory("the report");
    (*kinds)[at].ops++;
    (*kinds)[at].ms += item->figure.value;
    (*kinds)[at].least_ms += least;
    return CLMIX_OK;
}

static void plot_kinds(struct bench_page *page, const char *title, const struct kind *kinds, size_t count)
{
    struct bench_bar bars[MOST_KINDS];
    char names[MOST_KINDS][96];
    const size_t shown = count < MOST_KINDS ? count : MOST_KINDS;
    double all = 0.0;

    for (size_t i = 0; i < count; i++)
        all += kinds[i].ms;
    for (size_t i = 0; i < shown; i++) {
        struct kind kind = kinds[i];

        if (i == MOST_KINDS - 1 && count > MOST_KINDS) {
            kind.name = "the rest";
            for (size_t k = i + 1; k < count; k++) {
                kind.ops += kinds[k].ops;
                kind.ms += kinds[k].ms;
                kind.least_ms += kinds[k].least_ms;
            }
        }
        snprintf(names[i], sizeof names[i], "%s (%zu)", kind.name, kind.ops);
        bars[i] = (struct bench_bar){ .group = names[i], .share = kind.ms, .least = kind.least_ms };
        snprintf(bars[i].value, sizeof bars[i].value, "%.3g ms, %.0f %%; %.0f %%", kind.ms, 100.0 * kind.ms / all,
                 100.0 * kind.least_ms / kind.ms);
    }
    bench_plot_bars(page, title, bars, shown, false);
}

static void put_step_sum(struct bench_page *page, const struct bench_results *results, const struct bench_result *step)
{
    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];

        if (item->kind == BENCH_STEP_SUM && item->source == step->source &&
            strcmp(bench_text(item->object, "model"), bench_text(step->object, "model")) == 0)
            bench_page_put(page,
                           "<p>The kernels take %.4g ms, at least %.4g ms by the ceilings that bind them; a step takes %.4g ms.</p>\n",
                           item->figure.value, bench_number(item->object, "ceiling_ms"), bench_number(item->object, "free_ms"));
    }
}

static void put_step_table(struct bench_page *page, const struct bench_results *results, const struct bench_result *step)
{
    static const struct bench_column columns[] = { { "op, kernel", NULL }, WORK_COLUMNS };

    bench_page_put(page, "<details><summary>All ops of the step</summary>\n");
    bench_table_begin(page, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];

        if (!same_step(item, step))
            continue;
        bench_table_row(page);
        bench_table_cell(page, bench_text(item->object, "op"), bench_text(item->object, "kernel"));
        put_work(page, item);
    }
    bench_table_end(page);
    bench_page_put(page, "</details>\n");
}

static clmix_status put_step(struct bench_page *page, const struct bench_results *results, const struct bench_result *step)
{
    struct kind *kinds = NULL;
    size_t count = 0, capacity = 0;
    clmix_status status = CLMIX_OK;
    char title[384], batch[64];

    for (size_t i = 0; status == CLMIX_OK && i < results->count; i++)
        if (same_step(&results->items[i], step))
            status = add_to_kinds(&kinds, &count, &capacity, &results->items[i]);
    if (status == CLMIX_OK) {
        qsort(kinds, count, sizeof *kinds, longest_first);
        snprintf(title, sizeof title, "%s, %s%s%s", bench_text(step->object, "model"), bench_batch(step->object, batch),
                 results->source_count > 1 ? ": " : "", results->source_count > 1 ? results->sources[step->source].label : "");
        bench_page_put(page, "<section>\n");
        plot_kinds(page, title, kinds, count);
        put_step_sum(page, results, step);
        put_step_table(page, results, step);
        bench_page_put(page, "</section>\n");
    }
    free(kinds);
    return status;
}

static bool is_first_of_step(const struct bench_results *results, size_t index)
{
    if (results->items[index].kind != BENCH_STEP)
        return false;
    for (size_t i = 0; i < index; i++)
        if (same_step(&results->items[i], &results->items[index]))
            return false;
    return true;
}

clmix_status bench_report_steps(struct bench_page *page, const struct bench_results *results)
{
    bool begun = false;

    for (size_t i = 0; i < results->count; i++) {
        if (!is_first_of_step(results, i))
            continue;
        if (!begun)
            bench_page_put(
                page, "<h2>Where a training step&#39;s time goes</h2>\n<p>A bar is the time of all ops of a kind (how many), and its "
                      "filled part what they need at least by the ceilings that bind them. Written beside: the time and its share of the "
                      "step&#39;s kernels; then how much of the bar is filled.</p>\n<div class=\"plots\">\n");
        begun = true;
        CLMIX_TRY(put_step(page, results, &results->items[i]));
    }
    if (begun)
        bench_page_put(page, "</div>\n");
    return CLMIX_OK;
}

/* ---- ops alone -------------------------------------------------------------------------------------------------------------------- */

static clmix_status plot_source(struct bench_page *page, const struct bench_results *results, size_t source)
{
    const cJSON *ceilings = results->sources[source].ceilings;
    struct bench_point *points = NULL;
    size_t count = 0, capacity = 0;

    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];
        struct bench_point point = { .gflops = bench_number(item->object, "gflops"),
                                     .hollow = strcmp(bench_text(item->object, "pass"), "forward") != 0,
                                     .name = item->subject };

        point.intensity = 1e6 * point.gflops * item->figure.value / bench_number(item->object, "least_bytes");
        if (item->kind != BENCH_OP || item->source != source || !(point.gflops > 0.0) || !isfinite(point.intensity) ||
            point.intensity <= 0.0)
            continue;
        if (!CLMIX_PUSH(points, count, capacity, point)) {
            free(points);
            return clmix_fail_memory("the report");
        }
    }
    if (count > 0 && bench_number(ceilings, "fma_gflops") > 0.0 && bench_number(ceilings, "copy_gbs") > 0.0)
        bench_plot_roofline(page, results->sources[source].label, bench_number(ceilings, "fma_gflops"), bench_number(ceilings, "copy_gbs"),
                            points, count);
    free(points);
    return CLMIX_OK;
}

static void put_op_rows(struct bench_page *page, const struct bench_results *results, const char *subject)
{
    bool first = true;

    for (size_t source = 0; source < results->source_count; source++) {
        const struct bench_result *item = bench_results_find(results, source, BENCH_OP, subject);
        char name[256] = "";

        if (item == NULL)
            continue;
        if (first)
            snprintf(name, sizeof name, "%s, %s", bench_text(item->object, "op"), bench_text(item->object, "pass"));
        bench_table_row(page);
        bench_table_cell(page, name, first ? bench_text(item->object, "size") : NULL);
        bench_table_cell(page, results->sources[source].label, NULL);
        put_work(page, item);
        first = false;
    }
}

/* The ops, or those of them that are below a tenth of their ceiling somewhere. */
static void put_op_table(struct bench_page *page, const struct bench_results *results, bool only_low)
{
    const struct bench_column columns[] = { { "op, pass, size", NULL },
                                            { results->source_count > 1 ? "measured with" : NULL, "left" },
                                            WORK_COLUMNS };

    bench_table_begin(page, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];
        bool first = item->kind == BENCH_OP && (!only_low || is_low(item));

        for (size_t k = 0; first && k < i; k++) /* written already, with its subject's first */
            first = !(results->items[k].kind == BENCH_OP && strcmp(results->items[k].subject, item->subject) == 0 &&
                      (!only_low || is_low(&results->items[k])));
        if (first)
            put_op_rows(page, results, item->subject);
    }
    bench_table_end(page);
}

clmix_status bench_report_ops(struct bench_page *page, const struct bench_results *results)
{
    size_t ops = 0, low = 0;

    for (size_t i = 0; i < results->count; i++) {
        ops += results->items[i].kind == BENCH_OP;
        low += results->items[i].kind == BENCH_OP && is_low(&results->items[i]);
    }
    if (ops == 0)
        return CLMIX_OK;
    bench_page_put(page,
                   "<h2>Ops alone</h2>\n<p>Each mark is an op; the line is what the device can do at most: memory binds on the slope, "
                   "multiply-adds where it is flat. Discs: forward; squares: backward and gradients. Ops above the slope find their "
                   "data in caches.</p>\n<div class=\"plots\">\n");
    for (size_t source = 0; source < results->source_count; source++)
        CLMIX_TRY(plot_source(page, results, source));
    bench_page_put(page, "</div>\n");
    if (low > 0) {
        bench_page_put(page, "<h3>Below a tenth of their ceiling (&#9660;): %zu of %zu</h3>\n", low, ops);
        put_op_table(page, results, true);
    }
    bench_page_put(page, "<details><summary>All ops</summary>\n");
    put_op_table(page, results, false);
    bench_page_put(page, "</details>\n");
    return CLMIX_OK;
}
