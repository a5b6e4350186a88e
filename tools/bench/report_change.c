/* The report's section of a comparison: what differs most, and all of it for those who want it. */
#include "bench/report.h"

#include <stdio.h>
#include <string.h>

#define MOST_SHOWN 12 /* of faster ones, and of slower ones */

static void put_tallies(struct bench_page *page, const struct bench_comparison *comparison)
{
    static const struct bench_column columns[] = {
        { "what", NULL }, { "faster", NULL }, { "slower", NULL }, { "noise", NULL }, { "speed, mean", NULL }
    };

    bench_table_begin(page, columns, sizeof columns / sizeof *columns);
    for (int kind = 0; kind <= BENCH_KINDS; kind++) {
        const struct bench_tally tally = bench_tally(comparison->pairs, (enum bench_kind)kind);

        if (tally.verdicts[BENCH_FASTER] + tally.verdicts[BENCH_SLOWER] + tally.verdicts[BENCH_NOISE] == 0)
            continue;
        bench_table_row(page);
        bench_table_cell(page, bench_kind_names[kind], NULL);
        for (int verdict = 0; verdict < BENCH_VERDICTS; verdict++)
            bench_table_number(page, (double)tally.verdicts[verdict], "%.0f");
        bench_table_number(page, tally.mean_ratio, "%.3f x");
        bench_table_row_end(page);
    }
    bench_table_end(page);
}

static void put_pair(struct bench_page *page, const struct bench_results *results, const struct bench_pair *pair)
{
    static const char *const signs[BENCH_VERDICTS] = { "\342\226\262 faster", "\342\226\274 slower", "\342\211\210 noise" };
    char note[1024], text[64];
    int used = 0;

    if (results->source_count > 2)
        used = snprintf(note, sizeof note, "%s to %s: ", results->sources[pair->before->source].label,
                        results->sources[pair->after->source].label);
    snprintf(note + used, sizeof note - (size_t)used, "%s", pair->judgement.reason);
    bench_table_row(page);
    bench_table_cell(page, pair->before->subject, note);
    bench_table_cell(page, signs[pair->judgement.verdict], NULL);
    bench_table_number(page, pair->judgement.ratio, "%.3f x");
    for (int side = 0; side < 2; side++) {
        const struct bench_figure *figure = side == 0 ? &pair->before->figure : &pair->after->figure;

        snprintf(text, sizeof text, "%.4g %s", figure->value, figure->unit);
        bench_table_cell(page, text, NULL);
    }
    bench_table_row_end(page);
}

/* The models, then what else is faster or slower; or all there is. */
static void put_pairs(struct bench_page *page, const struct bench_results *results, const struct bench_comparison *comparison, bool all)
{
    const struct bench_column columns[] = { { "what, and why", NULL },
                                            { "verdict", NULL },
                                            { "speed", NULL },
                                            { comparison->sides->names[0], NULL },
                                            { comparison->sides->names[1], NULL } };
    const struct bench_pairs *pairs = comparison->pairs;
    size_t shown[BENCH_VERDICTS] = { 0 };

    bench_table_begin(page, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < pairs->count; i++)
        if (!all && pairs->pairs[i].before->kind == BENCH_MODEL)
            put_pair(page, results, &pairs->pairs[i]);
    for (int verdict = 0; verdict < BENCH_VERDICTS; verdict++)
        for (size_t i = 0; i < pairs->count; i++) {
            const struct bench_pair *pair = &pairs->pairs[i];
            const bool models = pair->before->kind == BENCH_MODEL || pair->before->kind == BENCH_CEILING;

            if ((int)pair->judgement.verdict == verdict && (all || (!models && verdict != BENCH_NOISE && shown[verdict]++ < MOST_SHOWN)))
                put_pair(page, results, pair);
        }
    bench_table_end(page);
}

void bench_report_comparison(struct bench_page *page, const struct bench_results *results, const struct bench_comparison *comparison)
{
    const struct bench_sides *sides = comparison->sides;

    bench_page_put(page, "<h2>");
    bench_page_text(page, sides->title);
    bench_page_put(page, "</h2>\n<p>");
    for (int side = 0; side < 2; side++) {
        bench_page_text(page, sides->names[side]);
        bench_page_put(page, ": ");
        bench_page_text(page, bench_source_file(&results->sources[side == 0 ? 0 : sides->split]));
        bench_page_put(page, side == 0 ? "; " : ". ");
    }
    if (sides->kind != BENCH_CHANGE) {
        bench_page_put(page, "Faster, slower and speed are of ");
        bench_page_text(page, sides->names[1]);
        bench_page_put(page, ".");
    }
    bench_page_put(page, "</p>\n");
    for (size_t i = 0; i < sides->count; i++) {
        bench_page_put(page, "<p>");
        bench_page_text(page, sides->sentences[i]);
        bench_page_put(page, "</p>\n");
    }
    put_tallies(page, comparison);
    bench_page_put(page, "<h3>Models, and what else differs most</h3>\n");
    put_pairs(page, results, comparison, false);
    bench_page_put(page, "<details><summary>All %zu results</summary>\n", comparison->pairs->count);
    put_pairs(page, results, comparison, true);
    bench_page_put(page, "</details>\n");
}
