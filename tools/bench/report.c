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

static void put_number(struct bench_page *page, const char *class, double value, const char *format)
{
    char text[64];

    snprintf(text, sizeof text, format, value); /* NOLINT: the formats are this file's */
    bench_page_put(page, "<td%s>%s</td>", class, isfinite(value) ? text : "");
}

static void put_cell(struct bench_page *page, const char *class, const char *text)
{
    bench_page_put(page, "<td%s>", class);
    bench_page_text(page, text);
    bench_page_put(page, "</td>");
}

#define WIDE " class=\"wide\""
#define LEFT " class=\"left\""

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

static void put_driver(struct bench_page *page, const struct bench_source *source)
{
    bench_page_put(page, "<small>");
    bench_page_text(page, source->platform);
    if (source->driver[0] != '\0') {
        bench_page_put(page, ", driver ");
        bench_page_text(page, source->driver);
    }
    if (source->kernels[0] != '\0') {
        bench_page_put(page, ", ");
        bench_page_text(page, source->kernels);
        bench_page_put(page, " kernels");
    }
    bench_page_put(page, "</small>");
}

static void put_devices(struct bench_page *page, const struct bench_results *results)
{
    bench_page_put(page, "<h2>Devices and their ceilings</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>program</th>"
                         "<th class=\"left\">device</th><th>GFLOP/s</th><th>GB/s</th><th class=\"wide\">launch in a batch, us</th>"
                         "<th class=\"wide\">launch with a wait, us</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < results->source_count; i++) {
        const struct bench_source *source = &results->sources[i];

        bench_page_put(page, "<tr>");
        put_cell(page, "", source->label);
        bench_page_put(page, "<td class=\"left\">");
        bench_page_text(page, source->device[0] != '\0' ? source->device : "not told");
        if (source->platform[0] != '\0' || source->driver[0] != '\0' || source->kernels[0] != '\0')
            put_driver(page, source);
        bench_page_put(page, "</td>");
        put_number(page, "", bench_number(source->ceilings, "fma_gflops"), "%.0f");
        put_number(page, "", bench_number(source->ceilings, "copy_gbs"), "%.1f");
        put_number(page, WIDE, bench_number(source->ceilings, "launch_us"), "%.1f");
        put_number(page, WIDE, bench_number(source->ceilings, "sync_launch_us"), "%.1f");
        bench_page_put(page, "</tr>\n");
    }
    bench_page_put(page,
                   "</tbody></table></div>\n<p class=\"faint\">The ceilings: the rate of float32 multiply-adds (one counts as two), the "
                   "bandwidth of copying large arrays (bytes read and written), and what launching a kernel takes. They were measured in "
                   "the same run as what stands beside them.</p>\n");
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
            snprintf(bar.value, sizeof bar.value, "%.2f, %.4g ms", bar.share, item->figure.value);
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

    bench_page_put(page, "<tr>");
    bench_page_put(page, "<td class=\"name\">");
    if (first) {
        bench_page_text(page, bench_text(json, "model"));
        bench_page_put(page, "<small>");
        bench_page_text(page, bench_text(json, "mode"));
        bench_page_put(page, "</small>");
    }
    bench_page_put(page, "</td>");
    if (results->source_count > 1)
        put_cell(page, LEFT, results->sources[item->source].label);
    put_number(page, "", item->figure.value, "%.4g");
    if (isfinite(item->figure.q1))
        bench_page_put(page, "<td class=\"wide\">%.4g to %.4g</td>", item->figure.q1, item->figure.q3);
    else
        bench_page_put(page, "<td class=\"wide\"></td>");
    put_number(page, WIDE, bench_number(json, "images_per_second"), "%.0f");
    put_number(page, "", share_of(results, item), "%.2f");
    put_number(page, WIDE, bench_number(json, "fraction_of_copy"), "%.2f");
    if (bench_number(json, "least_bytes") > 0.0)
        bench_page_put(page, "<td class=\"wide\">%.0f (%.0f)</td>", 1e-6 * bench_number(json, "moved_bytes"),
                       1e-6 * bench_number(json, "least_bytes"));
    else
        bench_page_put(page, "<td class=\"wide\"></td>");
    put_number(page, "", 1e-6 * bench_number(json, "peak_bytes"), "%.0f");
    if (results->source_count > 1)
        put_number(page, "", reference / item->figure.value, "%.2f");
    bench_page_put(page, "</tr>\n");
}

static void put_model_table(struct bench_page *page, const struct bench_results *results)
{
    const bool several = results->source_count > 1;

    bench_page_put(page,
                   "<div class=\"scroll\"><table>\n<thead><tr><th>model, mode</th>%s<th>ms</th>"
                   "<th class=\"wide\">quartiles</th><th class=\"wide\">pictures/s</th><th>of multiply-adds</th>"
                   "<th class=\"wide\">of copying</th><th class=\"wide\">MB moved (least)</th><th>MB</th>%s</tr></thead>\n<tbody>\n",
                   several ? "<th class=\"left\">program</th>" : "", several ? "<th>speed</th>" : "");
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
    bench_page_put(page, "</tbody></table></div>\n");
}

static clmix_status put_models(struct bench_page *page, const struct bench_results *results)
{
    clmix_status status = CLMIX_OK;

    if (!has_kind(results, BENCH_MODEL))
        return CLMIX_OK;
    bench_page_put(page,
                   "<h2>Models</h2>\n<p>Bars are shares of the multiply-add ceiling: what the model must compute, over the median time "
                   "from pictures to result.</p>\n");
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
    if (!has_kind(results, BENCH_START))
        return;
    bench_page_put(
        page, "<h2>Starts</h2>\n<p>From the program's start to the first result: cold, when kernels had to be compiled, and warm.</p>\n"
              "<div class=\"scroll\"><table>\n<thead><tr><th>what</th><th class=\"left\">program</th><th>s</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];

        if (item->kind != BENCH_START)
            continue;
        bench_page_put(page, "<tr>");
        put_cell(page, "", item->subject);
        put_cell(page, LEFT, results->sources[item->source].label);
        put_number(page, "", 1e-3 * item->figure.value, "%.2f");
        bench_page_put(page, "</tr>\n");
    }
    bench_page_put(page, "</tbody></table></div>\n");
}

/* ---- comparison ------------------------------------------------------------------------------------------------------------------- */

static void put_tallies(struct bench_page *page, const struct bench_pairs *pairs)
{
    bench_page_put(page,
                   "<div class=\"scroll\"><table>\n<thead><tr><th>what</th><th>faster</th><th>slower</th><th>noise</th><th>speed, mean</th>"
                   "</tr></thead>\n<tbody>\n");
    for (int kind = 0; kind <= BENCH_KINDS; kind++) {
        const struct bench_tally tally = bench_tally(pairs, (enum bench_kind)kind);

        if (tally.verdicts[BENCH_FASTER] + tally.verdicts[BENCH_SLOWER] + tally.verdicts[BENCH_NOISE] > 0)
            bench_page_put(page, "<tr><td>%s</td><td>%zu</td><td>%zu</td><td>%zu</td><td>%.3f</td></tr>\n", bench_kind_names[kind],
                           tally.verdicts[BENCH_FASTER], tally.verdicts[BENCH_SLOWER], tally.verdicts[BENCH_NOISE], tally.mean_ratio);
    }
    bench_page_put(page, "</tbody></table></div>\n");
}

static void put_pairs(struct bench_page *page, const struct bench_results *results, const struct bench_pairs *pairs,
                      enum bench_verdict verdict)
{
    static const char *const signs[BENCH_VERDICTS] = { "&#9650; faster", "&#9660; slower", "&#8776; noise" };

    for (size_t i = 0; i < pairs->count; i++) {
        const struct bench_pair *pair = &pairs->pairs[i];

        if (pair->judgement.verdict != verdict)
            continue;
        bench_page_put(page, "<tr><td>%s</td><td class=\"left\">", signs[verdict]);
        bench_page_text(page, pair->before->subject);
        bench_page_put(page, "<small>");
        if (results->source_count > 2) {
            bench_page_text(page, results->sources[pair->before->source].label);
            bench_page_put(page, " to ");
            bench_page_text(page, results->sources[pair->after->source].label);
            bench_page_put(page, ": ");
        }
        bench_page_text(page, pair->judgement.reason);
        bench_page_put(page, "</small></td><td>%.3f</td><td class=\"wide\">%.4g</td><td class=\"wide\">%.4g %s</td></tr>\n",
                       pair->judgement.ratio, pair->before->figure.value, pair->after->figure.value, pair->after->figure.unit);
    }
}

static void put_comparison(struct bench_page *page, const struct bench_results *results, const struct bench_comparison *comparison)
{
    struct bench_differences differences;

    bench_find_differences(results, comparison->split, &differences);
    bench_page_put(page, "<h2>What has changed</h2>\n<p>Before: ");
    bench_page_text(page, results->sources[0].path);
    bench_page_put(page, ". After: ");
    bench_page_text(page, results->sources[comparison->split].path);
    bench_page_put(page, ".</p>\n");
    for (size_t i = 0; i < differences.count; i++) {
        bench_page_put(page, "<p>");
        bench_page_text(page, differences.sentences[i]);
        bench_page_put(page, "</p>\n");
    }
    put_tallies(page, comparison->pairs);
    bench_page_put(page, "<div class=\"scroll\"><table>\n<thead><tr><th>verdict</th><th class=\"left\">what, and why</th><th>speed</th>"
                         "<th class=\"wide\">before</th><th class=\"wide\">after</th></tr></thead>\n<tbody>\n");
    for (int verdict = 0; verdict < BENCH_VERDICTS; verdict++)
        put_pairs(page, results, comparison->pairs, (enum bench_verdict)verdict);
    bench_page_put(page, "</tbody></table></div>\n");
}

/* ---- the page --------------------------------------------------------------------------------------------------------------------- */

clmix_status bench_report_write(const struct bench_results *results, const struct bench_comparison *comparison, const char *path)
{
    struct bench_page page;
    clmix_status status;

    bench_page_begin(&page, path, comparison != NULL ? "clmix: a comparison of measurements" : "clmix: measurements");
    if (page.status != CLMIX_OK)
        return page.status;
    if (comparison != NULL)
        put_comparison(&page, results, comparison);
    put_devices(&page, results);
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

int bench_report(const struct cli *cli, const char *const *paths, size_t count, const char *html)
{
    struct bench_results results = { 0 };
    clmix_status status = CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < count; i++)
        status = bench_results_read(&results, paths[i]);
    bench_results_label(&results);
    if (status == CLMIX_OK)
        status = bench_report_write(&results, NULL, html);
    bench_results_free(&results);
    return status == CLMIX_OK ? 0 : cli_fail(cli, status);
}
