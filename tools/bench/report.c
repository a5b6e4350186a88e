/* clmix-bench report: devices, models and ops of one or several files of results on a page. */
#include "bench/report.h"
#include "base/array.h"
#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what sections share ---------------------------------------------------------------------------------------------------------- */

static bool has_kind(const struct bench_results *results, enum bench_kind kind)
{
    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].kind == kind)
            return true;
    return false;
}

/* Whether item `index` is the first about its subject; the others follow it in its rows. */
static bool is_first(const struct bench_results *results, size_t index)
{
    const struct bench_result *item = &results->items[index];

    for (size_t i = 0; i < index; i++)
        if (results->items[i].kind == item->kind && strcmp(results->items[i].subject, item->subject) == 0)
            return false;
    return true;
}

static void put_legend(struct bench_page *page, const struct bench_results *results)
{
    if (results->source_count < 2)
        return;
    bench_page_put(page, "<ul class=\"legend\">\n");
    for (size_t i = 0; i < results->source_count; i++) {
        bench_page_put(page, "<li>");
        bench_plot_swatch(page, i);
        bench_page_text(page, results->sources[i].label);
        bench_page_put(page, "</li>\n");
    }
    bench_page_put(page, "</ul>\n");
}

/* ---- devices ---------------------------------------------------------------------------------------------------------------------- */

static void describe_source(const struct bench_source *source, char *text, size_t bytes)
{
    char when[128];

    bench_source_when(source, when, sizeof when);
    snprintf(text, bytes, "%s%s%s%s%s%s%s%s%s%s", source->device, source->platform[0] != '\0' ? "; " : "", source->platform,
             source->driver[0] != '\0' ? ", driver " : "", source->driver, source->kernels[0] != '\0' ? "; " : "", source->kernels,
             source->kernels[0] != '\0' ? " kernels" : "", when[0] != '\0' ? "; " : "", when);
}

static void put_devices(struct bench_page *page, const struct bench_results *results)
{
    static const struct bench_column columns[] = { { "device, driver, when", NULL },
                                                   { "program", "left" },
                                                   { "GFLOP/s", NULL },
                                                   { "GB/s", NULL },
                                                   { "launch in a batch, \302\265s", NULL },
                                                   { "launch with a wait, \302\265s", NULL } };

    bench_page_put(page, "<h2>Devices and their ceilings</h2>\n");
    bench_table_begin(page, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < results->source_count; i++) {
        const struct bench_source *source = &results->sources[i];
        char name[160], text[1024];

        snprintf(name, sizeof name, "%s%s%s", source->product, source->product[0] != '\0' && source->processor[0] != '\0' ? " on " : "",
                 source->processor);
        describe_source(source, text, sizeof text);
        bench_table_row(page);
        bench_table_cell(page, name[0] != '\0' ? name : "a device that is not told", text);
        bench_table_cell(page, source->peer[0] != '\0' ? source->peer : bench_source_file(source), NULL);
        bench_table_number(page, bench_number(source->ceilings, "fma_gflops"), "%.0f");
        bench_table_number(page, bench_number(source->ceilings, "copy_gbs"), "%.1f");
        bench_table_number(page, bench_number(source->ceilings, "launch_us"), "%.1f");
        bench_table_number(page, bench_number(source->ceilings, "sync_launch_us"), "%.1f");
        bench_table_row_end(page);
    }
    bench_table_end(page);
    bench_page_put(page,
                   "<p class=\"faint\">The ceilings: the rate of float32 multiply-adds (one counts as two), the "
                   "bandwidth of copying large arrays (bytes read and written), and what launching a kernel takes. They were measured in "
                   "the same run as what stands beside them.</p>\n");
    for (size_t i = 0; i < results->source_count; i++) {
        const size_t excess = bench_count_excess(results, i, i + 1);

        if (excess == 0)
            continue;
        bench_page_put(page, "<p class=\"warning\">");
        bench_page_text(page, results->sources[i].label);
        bench_page_put(page,
                       ": %zu results are faster than a ceiling, which therefore was measured too low; something else may have used "
                       "the machine. Measure again.</p>\n",
                       excess);
    }
}

/* ---- models ----------------------------------------------------------------------------------------------------------------------- */

static const char *const mode_titles[] = { "infer",    "inference",
                                           "forward",  "forward pass in training, with the loss",
                                           "backward", "forward and backward pass",
                                           "train",    "training step (forward, backward, AdamW)" };
#define MODES (sizeof mode_titles / sizeof *mode_titles / 2)

/* The share of the multiply-add ceiling. A program that does not tell its own gets the work and the ceiling of one that does. */
static double share_of(const struct bench_results *results, const struct bench_result *item)
{
    const double own = bench_number(item->object, "fraction_of_peak");

    if (isfinite(own))
        return own;
    for (size_t source = 0; source < results->source_count; source++) {
        const struct bench_result *other = bench_results_find(results, source, BENCH_MODEL, item->subject);

        if (other != NULL && isfinite(bench_number(other->object, "fraction_of_peak")))
            return bench_number(other->object, "fraction_of_peak") * other->figure.value / item->figure.value;
    }
    return NAN;
}

static clmix_status plot_mode(struct bench_page *page, const struct bench_results *results, const char *mode, const char *title)
{
    struct bench_bar *bars = NULL;
    size_t count = 0, capacity = 0;

    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *first = &results->items[i];
        bool named = false;

        if (first->kind != BENCH_MODEL || strcmp(bench_text(first->object, "mode"), mode) != 0 || !is_first(results, i))
            continue;
        for (size_t source = 0; source < results->source_count; source++) {
            const struct bench_result *item = bench_results_find(results, source, BENCH_MODEL, first->subject);
            struct bench_bar bar = { .group = named ? NULL : bench_text(first->object, "model"), .style = source, .least = NAN };

            if (item == NULL || !isfinite(share_of(results, item)))
                continue;
            bar.share = share_of(results, item);
            snprintf(bar.value, sizeof bar.value, "%.0f %%, %.4g ms%s", 100.0 * bar.share, item->figure.value,
                     bench_excess(bar.share, "multiply-adds", NAN) == BENCH_BEYOND ? " (?)" : "");
            named = true;
            if (!CLMIX_PUSH(bars, count, capacity, bar)) {
                free(bars);
                return clmix_fail_memory("the report");
            }
        }
    }
    if (count > 0)
        bench_plot_bars(page, title, bars, count, true);
    free(bars);
    return CLMIX_OK;
}

static void put_model_row(struct bench_page *page, const struct bench_results *results, const struct bench_result *item, bool first,
                          double reference)
{
    const cJSON *json = item->object;
    char note[160], text[128] = "", batch[64];
    const double share = share_of(results, item);

    snprintf(note, sizeof note, "%s, %s", bench_text(json, "mode"), bench_batch(json, batch));
    bench_table_row(page);
    bench_table_cell(page, first ? bench_text(json, "model") : "", first ? note : NULL);
    bench_table_cell(page, results->sources[item->source].label, NULL);
    bench_table_number(page, item->figure.value, "%.4g");
    if (isfinite(item->figure.q1))
        snprintf(text, sizeof text, "%.4g to %.4g", item->figure.q1, item->figure.q3);
    bench_table_cell(page, text, NULL);
    bench_table_number(page, bench_number(json, "images_per_second"), "%.0f");
    bench_table_share(page, share, bench_excess(share, "multiply-adds", NAN) == BENCH_BEYOND ? "ceiling too low" : NULL);
    bench_table_share(page, bench_number(json, "fraction_of_copy"), NULL);
    text[0] = '\0';
    if (bench_number(json, "least_bytes") > 0.0)
        snprintf(text, sizeof text, "%.0f (%.0f)", 1e-6 * bench_number(json, "moved_bytes"), 1e-6 * bench_number(json, "least_bytes"));
    bench_table_cell(page, text, NULL);
    bench_table_number(page, 1e-6 * bench_number(json, "peak_bytes"), "%.0f");
    bench_table_number(page, reference / item->figure.value, "%.2f x");
    bench_table_row_end(page);
}

static void put_model_table(struct bench_page *page, const struct bench_results *results)
{
    const bool several = results->source_count > 1;
    const struct bench_column columns[] = { { "model, mode", NULL },  { several ? "measured with" : NULL, "left" },
                                            { "ms", NULL },           { "quartiles", "wide" },
                                            { "pictures/s", NULL },   { "of multiply-adds", NULL },
                                            { "of copying", "wide" }, { "MB moved (least)", "wide" },
                                            { "MB", NULL },           { several ? "speed" : NULL, NULL } };

    bench_table_begin(page, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *first = NULL;

        if (results->items[i].kind != BENCH_MODEL || !is_first(results, i))
            continue;
        for (size_t source = 0; source < results->source_count; source++) {
            const struct bench_result *item = bench_results_find(results, source, BENCH_MODEL, results->items[i].subject);

            if (item == NULL)
                continue;
            put_model_row(page, results, item, first == NULL, first == NULL ? item->figure.value : first->figure.value);
            first = first == NULL ? item : first;
        }
    }
    bench_table_end(page);
}

static clmix_status put_models(struct bench_page *page, const struct bench_results *results)
{
    clmix_status status = CLMIX_OK;

    if (!has_kind(results, BENCH_MODEL))
        return CLMIX_OK;
    bench_page_put(page,
                   "<h2>Models</h2>\n<p>Bars are shares of the multiply-add ceiling, in per cent: what the model must compute, over the "
                   "median time from pictures to result, which stands beside it.</p>\n");
    put_legend(page, results);
    bench_page_put(page, "<div class=\"plots\">\n");
    for (size_t i = 0; status == CLMIX_OK && i < MODES; i++)
        status = plot_mode(page, results, mode_titles[2 * i], mode_titles[2 * i + 1]);
    bench_page_put(page, "</div>\n");
    put_model_table(page, results);
    bench_page_put(
        page, "<p class=\"faint\">ms: the median; half of the runs lie between the quartiles. Of multiply-adds, of copying: FLOP/s and "
              "bytes/s as shares of the ceilings, counting what must be computed and what the launches move (small models live in caches, "
              "and may "
              "exceed the bandwidth of the memory). MB moved: by the launches of a run, and the least that any plan could. MB: the most "
              "device memory held; for other programs what they tell of. Speed: "
              "against the first line of the model and mode.</p>\n");
    return status;
}

static void put_starts(struct bench_page *page, const struct bench_results *results)
{
    const struct bench_column columns[] = { { "what", NULL },
                                            { results->source_count > 1 ? "measured with" : NULL, "left" },
                                            { "s", NULL } };

    if (!has_kind(results, BENCH_START))
        return;
    bench_page_put(
        page, "<h2>Starts</h2>\n<p>From the program's start to the first result: cold, when kernels had to be compiled, and warm.</p>\n");
    bench_table_begin(page, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];

        if (item->kind != BENCH_START)
            continue;
        bench_table_row(page);
        bench_table_cell(page, item->subject, NULL);
        bench_table_cell(page, results->sources[item->source].label, NULL);
        bench_table_number(page, 1e-3 * item->figure.value, "%.2f");
        bench_table_row_end(page);
    }
    bench_table_end(page);
}

/* ---- the page --------------------------------------------------------------------------------------------------------------------- */

/* "clmix 0.1.0 on host, 2026-11-22 10:11 UTC" below the title, of the first that tells. */
static void put_origin(struct bench_page *page, const struct bench_results *results)
{
    char when[128] = "";
    size_t told = 0;

    for (size_t i = 0; i < results->source_count && when[0] == '\0'; i++) {
        bench_source_when(&results->sources[i], when, sizeof when);
        told = i;
    }
    bench_page_put(page, "<p class=\"faint\">Measured by ");
    bench_page_text(page,
                    results->sources[told].peer[0] != '\0' ? results->sources[told].peer : bench_source_file(&results->sources[told]));
    if (when[0] != '\0') {
        bench_page_put(page, " on ");
        bench_page_text(page, when);
    }
    bench_page_put(page, "</p>\n");
}

/* What the page is about: the two sides, or the devices. */
static void write_title(const struct bench_results *results, const struct bench_comparison *comparison, char *title, size_t bytes)
{
    size_t used;

    if (comparison != NULL && comparison->sides->kind != BENCH_CHANGE) {
        snprintf(title, bytes, "clmix: %s and %s", comparison->sides->names[0], comparison->sides->names[1]);
        return;
    }
    snprintf(title, bytes, "clmix: %s", comparison != NULL ? "a comparison of measurements" : "measurements");
    for (size_t i = 0, named = 0; comparison == NULL && i < results->source_count && named < 3; i++) {
        bool seen = results->sources[i].product[0] == '\0';

        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(results->sources[k].product, results->sources[i].product) == 0;
        used = strlen(title);
        if (!seen && used < bytes)
            snprintf(title + used, bytes - used, "%s%s", named++ == 0 ? " on " : " and ", results->sources[i].product);
    }
}

clmix_status bench_report_write(const struct bench_results *results, const struct bench_comparison *comparison, const char *path)
{
    struct bench_page page;
    clmix_status status;
    char title[256];

    write_title(results, comparison, title, sizeof title);
    bench_page_begin(&page, path, title);
    if (page.status != CLMIX_OK)
        return page.status;
    put_origin(&page, results);
    if (comparison != NULL)
        bench_report_comparison(&page, results, comparison);
    put_devices(&page, results);
    bench_report_verdicts(&page, results);
    status = put_models(&page, results);
    put_starts(&page, results);
    if (status == CLMIX_OK)
        status = bench_report_steps(&page, results);
    if (status == CLMIX_OK)
        status = bench_report_ops(&page, results);
    if (status == CLMIX_OK)
        return bench_page_end(&page);
    clmix_file_abandon(&page.writer);
    return status;
}
