/* The report's sections about what can be trusted: what failed, what is wrong, what is slower and why; and the errors of the reference cases. */
#include "bench/checks.h"
#include "bench/collect.h"
#include "bench/report.h"
#include "bench/why.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_warning(struct bench_page *page, const char *text)
{
    bench_page_put(page, "<p class=\"warning\">");
    bench_page_text(page, text);
    bench_page_put(page, "</p>\n");
}

static void put_faults(struct bench_page *page, const struct bench_results *results)
{
    char text[2048];

    for (size_t i = 0; i < results->note_count; i++)
        if (bench_say_failure(results, i, text, sizeof text))
            put_warning(page, text);
    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].kind == BENCH_MODEL && bench_say_difference(results, &results->items[i], text, sizeof text))
            put_warning(page, text);
    for (size_t source = 0; source < results->source_count; source++)
        if (bench_say_wrong_cases(results, source, text, sizeof text))
            put_warning(page, text);
}

/* ---- answers -------------------------------------------------------------------------------------------------------------------------- */

static bool has_answers(const struct bench_results *results)
{
    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].kind == BENCH_MODEL && bench_check_model(results, &results->items[i]).answer != BENCH_ALONE)
            return true;
    return results->note_count > 0;
}

static void put_sources(struct bench_page *page, const struct bench_results *results)
{
    static const struct bench_column columns[] = {
        { "device", NULL }, { "models, off the reference", NULL }, { "reference cases", NULL }, { "nearest to its limit", "left" }
    };
    char models[64], cases[64], share[64];

    bench_table_begin(page, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < results->source_count; i++) {
        const struct bench_case_check check = bench_check_cases(results, i);

        bench_write_models(results, i, models);
        bench_write_cases(results, i, cases);
        share[0] = '\0';
        if (check.worst != NULL && isfinite(check.share))
            snprintf(share, sizeof share, "error %.1e, limit %.0e", bench_number(check.worst, "error"), bench_number(check.worst, "limit"));
        bench_table_row(page);
        bench_table_cell(page, results->sources[i].label, NULL);
        bench_table_cell(page, models, NULL);
        bench_table_cell(page, cases, NULL);
        bench_table_cell(page, check.worst != NULL ? bench_text(check.worst, "case") : "", share);
        bench_table_row_end(page);
    }
    bench_table_end(page);
    bench_page_put(
        page,
        "<p class=\"faint\">Models: the largest difference of probabilities and of losses, over the largest value, from those of "
        "the device that most others agree with (the reference), at the same weights, samples and seed; up to %.0e is rounding. "
        "Reference cases: ops and models with the numbers of the papers&#39; own code, each tensor within its limit.</p>\n",
        BENCH_MODEL_LIMIT);
}

static const struct bench_note *note_of(const struct bench_results *results, size_t source, const char *name)
{
    for (size_t i = 0; i < results->note_count; i++)
        if (!results->notes[i].failure && results->notes[i].source == source &&
            strcmp(bench_text(results->notes[i].object, "case"), name) == 0)
            return &results->notes[i];
    return NULL;
}

static bool is_first_of_case(const struct bench_results *results, size_t index)
{
    const char *name = bench_text(results->notes[index].object, "case");

    for (size_t i = 0; i < index; i++)
        if (!results->notes[i].failure && strcmp(bench_text(results->notes[i].object, "case"), name) == 0)
            return false;
    return !results->notes[index].failure;
}

static void put_case(struct bench_page *page, const struct bench_results *results, const char *name)
{
    char text[64], note[160];
    bool first = true;

    for (size_t source = 0; source < results->source_count; source++) {
        const struct bench_note *found = note_of(results, source, name);

        if (found == NULL)
            continue;
        snprintf(text, sizeof text, isfinite(bench_number(found->object, "error")) ? "%.1e" : "no number",
                 bench_number(found->object, "error"));
        snprintf(note, sizeof note, "%s, limit %.0e", bench_text(found->object, "tensor"), bench_number(found->object, "limit"));
        bench_table_row(page);
        bench_table_cell(page, first ? name : "", NULL);
        bench_table_cell(page, results->sources[source].label, NULL);
        bench_table_cell(page, text, note);
        bench_table_cell(page, cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(found->object, "pass")) ? "right" : "WRONG", NULL);
        bench_table_row_end(page);
        first = false;
    }
}

static void put_cases(struct bench_page *page, const struct bench_results *results)
{
    static const struct bench_column columns[] = { { "case", NULL }, { "measured with", "left" }, { "error", NULL }, { "verdict", NULL } };
    size_t count = 0;

    for (size_t i = 0; i < results->note_count; i++)
        count += is_first_of_case(results, i);
    if (count == 0)
        return;
    bench_page_put(page, "<details><summary>The errors of all %zu reference cases</summary>\n", count);
    bench_table_begin(page, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < results->note_count; i++)
        if (is_first_of_case(results, i))
            put_case(page, results, bench_text(results->notes[i].object, "case"));
    bench_table_end(page);
    bench_page_put(page, "</details>\n");
}

/* ---- reasons -------------------------------------------------------------------------------------------------------------------------- */

static void put_reasons(struct bench_page *page, const struct bench_results *results)
{
    static const struct bench_column columns[] = { { "model, mode", NULL },
                                                   { "measured with", "left" },
                                                   { "against the fastest", "left" } };
    bool begun = false;
    char why[1024];

    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];

        if (item->kind != BENCH_MODEL || !bench_why(results, item, why, sizeof why))
            continue;
        if (!begun) {
            bench_page_put(page, "<h2>What is slower, and why</h2>\n");
            bench_table_begin(page, columns, sizeof columns / sizeof *columns);
        }
        begun = true;
        bench_table_row(page);
        bench_table_cell(page, item->subject, NULL);
        bench_table_cell(page, results->sources[item->source].label, NULL);
        bench_table_cell(page, why, NULL);
        bench_table_row_end(page);
    }
    if (!begun)
        return;
    bench_table_end(page);
    bench_page_put(page,
                   "<p class=\"faint\">A time is what the ceiling that binds a device asks for, over the share of it that is reached; so a "
                   "device is slower by its ceiling, by the share, or by both, and the two factors multiply. What explains the share is "
                   "what differs, and so a guess.</p>\n");
}

void bench_report_verdicts(struct bench_page *page, const struct bench_results *results)
{
    put_faults(page, results);
    if (has_answers(results)) {
        bench_page_put(page, "<h2>Answers</h2>\n");
        put_sources(page, results);
        put_cases(page, results);
    }
    put_reasons(page, results);
}
