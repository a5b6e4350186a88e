/* clmix-bench --compare: two files of results, pair by pair: what got faster, what slower, and what is noise. */
#include "base/status.h"
#include "bench/pairs.h"
#include "bench/report.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH        100 /* of what is shown without --all, which has at most a screen of lines */
#define MOST_SOURCES 2   /* of a side */
#define MOST_MODELS  8
#define MOST_OTHERS  5 /* faster ones, and slower ones */

/* ---- text ------------------------------------------------------------------------------------------------------------------------- */

/* `text`, the middle left out where it is longer than `width`. */
static void print_short(const char *text, int width)
{
    const int length = (int)strlen(text), head = (width - 3) / 2, tail = width - 3 - head;

    if (length <= width)
        printf("%s\n", text);
    else
        printf("%.*s...%s\n", head, text, text + length - tail);
}

static void print_line(bool whole, const char *text)
{
    print_short(text, whole ? INT_MAX : WIDTH);
}

static void print_side(const struct bench_results *results, const struct bench_sides *sides, int side, bool whole)
{
    const size_t from = side == 0 ? 0 : sides->split, to = side == 0 ? sides->split : results->source_count;

    for (size_t i = from; i < to; i++) {
        const struct bench_source *source = &results->sources[i];
        char line[2048], when[128];

        if (!whole && i - from == MOST_SOURCES) {
            printf("%*sand %zu more\n", (int)strlen(sides->names[side]) + 2, "", to - i);
            return;
        }
        bench_source_when(source, when, sizeof when);
        snprintf(line, sizeof line, "%s: %s, %s%s%s%s%s%s%s%s%s%s", sides->names[side], whole ? source->path : bench_source_file(source),
                 source->peer[0] != '\0' ? source->peer : "unknown program", source->product[0] != '\0' ? ", " : "", source->product,
                 source->processor[0] != '\0' ? " on " : "", source->processor, source->kernels[0] != '\0' ? ", " : "", source->kernels,
                 source->kernels[0] != '\0' ? " kernels" : "", when[0] != '\0' ? ", " : "", when);
        print_line(whole, line);
    }
}

static void print_head(const struct bench_results *results, const struct bench_sides *sides, bool whole)
{
    printf("%s\n", sides->title);
    for (int side = 0; side < 2; side++)
        print_side(results, sides, side, whole);
    for (size_t i = 0; i < sides->count; i++)
        print_line(whole, sides->sentences[i]);
    printf("\n");
}

static void print_tallies(const struct bench_sides *sides, const struct bench_pairs *pairs)
{
    char speed[160];

    if (sides->kind == BENCH_CHANGE)
        snprintf(speed, sizeof speed, "speed, geometric mean");
    else
        snprintf(speed, sizeof speed, "speed of %.30s, geometric mean", sides->names[1]);
    printf("%-18s  %7s  %7s  %7s  %s\n", "", "faster", "slower", "noise", speed);
    for (int kind = 0; kind <= BENCH_KINDS; kind++) {
        const struct bench_tally tally = bench_tally(pairs, (enum bench_kind)kind);

        if (tally.verdicts[BENCH_FASTER] + tally.verdicts[BENCH_SLOWER] + tally.verdicts[BENCH_NOISE] > 0)
            printf("%-18s  %7zu  %7zu  %7zu  %.3f x\n", bench_kind_names[kind], tally.verdicts[BENCH_FASTER], tally.verdicts[BENCH_SLOWER],
                   tally.verdicts[BENCH_NOISE], tally.mean_ratio);
    }
}

static void print_pair(const struct bench_results *results, const struct bench_pair *pair, bool whole)
{
    char about[2048];
    int used = snprintf(about, sizeof about, "%s", pair->before->subject);

    if (results->source_count > 2)
        used += snprintf(about + used, sizeof about - (size_t)used, " (%s -> %s)", results->sources[pair->before->source].label,
                         results->sources[pair->after->source].label);
    if (whole)
        snprintf(about + used, sizeof about - (size_t)used, ": %s", pair->judgement.reason);
    used = printf("%-6s %7.3f x %9.4g -> %9.4g %-7s  ", bench_verdict_names[pair->judgement.verdict], pair->judgement.ratio,
                  pair->before->figure.value, pair->after->figure.value, pair->before->figure.unit);
    print_short(about, whole ? INT_MAX : WIDTH - used);
}

static bool is_of(const struct bench_pair *pair, bool models, enum bench_verdict verdict)
{
    const enum bench_kind kind = pair->before->kind;

    return models ? kind == BENCH_MODEL : kind != BENCH_MODEL && kind != BENCH_CEILING && pair->judgement.verdict == verdict;
}

/* The models, or what else has a verdict, as far as there is room; gives how many were printed. */
static size_t print_group(const struct bench_results *results, const struct bench_pairs *pairs, bool models, enum bench_verdict verdict)
{
    const size_t most = models ? MOST_MODELS : MOST_OTHERS;
    size_t count = 0, printed = 0;

    for (size_t i = 0; i < pairs->count; i++)
        count += is_of(&pairs->pairs[i], models, verdict);
    if (count == 0)
        return 0;
    printf("\n%s%s", models ? "Models" : verdict == BENCH_FASTER ? "Faster" : "Slower", models ? "" : " besides models");
    if (count > most)
        printf(", %zu of %zu", most, count);
    printf(", by difference\n");
    for (size_t i = 0; i < pairs->count && printed < most; i++)
        if (is_of(&pairs->pairs[i], models, verdict)) {
            print_pair(results, &pairs->pairs[i], false);
            printed++;
        }
    return printed;
}

static void print_screen(const struct bench_results *results, const struct bench_sides *sides, const struct bench_pairs *pairs)
{
    size_t printed;

    print_head(results, sides, false);
    print_tallies(sides, pairs);
    printed = print_group(results, pairs, true, BENCH_NOISE);
    printed += print_group(results, pairs, false, BENCH_SLOWER);
    printed += print_group(results, pairs, false, BENCH_FASTER);
    printf("\n%zu of %zu results; --all shows every one, and why\n", printed, pairs->count);
}

static void print_all(const struct bench_results *results, const struct bench_sides *sides, const struct bench_pairs *pairs)
{
    print_head(results, sides, true);
    for (int verdict = 0; verdict < BENCH_VERDICTS; verdict++)
        for (size_t i = 0; i < pairs->count; i++)
            if ((int)pairs->pairs[i].judgement.verdict == verdict)
                print_pair(results, &pairs->pairs[i], true);
    printf("\n");
    print_tallies(sides, pairs);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------------- */

static cJSON *sources_json(const struct bench_results *results, size_t from, size_t to)
{
    cJSON *list = cJSON_CreateArray();

    for (size_t i = from; i < to; i++) {
        const struct bench_source *source = &results->sources[i];
        cJSON *json = cJSON_CreateObject();

        cJSON_AddStringToObject(json, "file", source->path);
        cJSON_AddStringToObject(json, "peer", source->peer);
        cJSON_AddStringToObject(json, "device", source->device);
        cJSON_AddStringToObject(json, "driver", source->driver);
        cJSON_AddStringToObject(json, "platform", source->platform);
        cJSON_AddStringToObject(json, "kernels", source->kernels);
        cJSON_AddStringToObject(json, "host", source->host);
        cJSON_AddStringToObject(json, "since", source->since);
        cJSON_AddItemToArray(list, json);
    }
    return list;
}

static cJSON *sides_json(const struct bench_results *results, const struct bench_sides *sides)
{
    cJSON *json = cJSON_CreateObject(), *list = cJSON_CreateArray();

    cJSON_AddStringToObject(json, "compares", bench_sides_names[sides->kind]);
    cJSON_AddItemToObject(json, "before", sources_json(results, 0, sides->split));
    cJSON_AddItemToObject(json, "after", sources_json(results, sides->split, results->source_count));
    cJSON_AddItemToObject(json, "differences", list);
    for (size_t i = 0; i < sides->count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(sides->sentences[i]));
    return json;
}

static bool print_pair_json(const struct cli *cli, const struct bench_results *results, const struct bench_pair *pair)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "kind", bench_kind_names[pair->before->kind]);
    cJSON_AddStringToObject(json, "subject", pair->before->subject);
    cJSON_AddStringToObject(json, "verdict", bench_verdict_names[pair->judgement.verdict]);
    bench_add(json, "ratio", pair->judgement.ratio);
    bench_add(json, "before", pair->before->figure.value);
    bench_add(json, "after", pair->after->figure.value);
    cJSON_AddStringToObject(json, "unit", pair->before->figure.unit);
    cJSON_AddStringToObject(json, "reason", pair->judgement.reason);
    cJSON_AddStringToObject(json, "before_source", results->sources[pair->before->source].label);
    cJSON_AddStringToObject(json, "after_source", results->sources[pair->after->source].label);
    return cli_print_json(cli, json);
}

static bool print_tally_json(const struct cli *cli, const struct bench_pairs *pairs, enum bench_kind kind)
{
    const struct bench_tally tally = bench_tally(pairs, kind);
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "summary", bench_kind_names[kind]);
    for (int verdict = 0; verdict < BENCH_VERDICTS; verdict++)
        cJSON_AddNumberToObject(json, bench_verdict_names[verdict], (double)tally.verdicts[verdict]);
    bench_add(json, "mean_ratio", tally.mean_ratio);
    return cli_print_json(cli, json);
}

static bool print_json(const struct cli *cli, const struct bench_results *results, const struct bench_sides *sides,
                       const struct bench_pairs *pairs)
{
    bool good = cli_print_json(cli, sides_json(results, sides));

    for (size_t i = 0; good && i < pairs->count; i++)
        good = print_pair_json(cli, results, &pairs->pairs[i]);
    for (int kind = 0; good && kind <= BENCH_KINDS; kind++)
        good = print_tally_json(cli, pairs, (enum bench_kind)kind);
    return good;
}

/* ---- the command ------------------------------------------------------------------------------------------------------------------ */

static int show(const struct cli *cli, const struct bench_request *request, const struct bench_results *results, size_t split,
                const struct bench_pairs *pairs)
{
    struct bench_sides sides;
    const struct bench_comparison comparison = { &sides, pairs };

    if (pairs->count == 0)
        return cli_error(cli, CLMIX_ERROR_ARGUMENT, "the same model, mode and batch, or the same op, size and pass, must be in both",
                         "'%s' and '%s' have no result in common%s%s", request->before, results->sources[split].path,
                         request->filter != NULL ? " that is about " : "", request->filter != NULL ? request->filter : "");
    bench_sides_find(&sides, results, split);
    if (request->html != NULL && bench_report_write(results, &comparison, request->html) != CLMIX_OK)
        return cli_fail(cli, CLMIX_ERROR_FILE);
    if (cli->json)
        return print_json(cli, results, &sides, pairs) ? 0 : 1;
    (request->whole ? print_all : print_screen)(results, &sides, pairs);
    return 0;
}

int bench_compare(const struct cli *cli, const struct bench_request *request, const char *after)
{
    struct bench_results results = { 0 };
    struct bench_pairs pairs = { 0 };
    size_t split = 0;
    clmix_status status = bench_results_read(&results, request->before, request->filter);
    int exit_status;

    split = results.source_count;
    if (status == CLMIX_OK)
        status = bench_results_read(&results, after, request->filter);
    bench_source_label(results.sources, results.source_count);
    if (status == CLMIX_OK)
        status = bench_pair_up(&results, split, &pairs);
    exit_status = status == CLMIX_OK ? show(cli, request, &results, split, &pairs) : cli_fail(cli, status);
    free(pairs.pairs);
    bench_results_free(&results);
    return exit_status;
}
