/* clmix-bench --compare: two files of results, pair by pair: what got faster, what slower, and what is noise. */
#include "base/status.h"
#include "bench/pairs.h"
#include "bench/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ------------------------------------------------------------------------------------------------------------------------- */

static void print_side(const struct bench_results *results, const char *name, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct bench_source *source = &results->sources[i];

        printf("%-7s %s: %s", i == from ? name : "", source->path, source->peer[0] != '\0' ? source->peer : "unknown program");
        if (source->device[0] != '\0')
            printf(" on %s", source->device);
        if (source->driver[0] != '\0')
            printf(", %s, driver %s, %s kernels", source->platform, source->driver, source->kernels);
        printf("\n");
    }
}

static void print_differences(const struct bench_results *results, size_t split)
{
    struct bench_differences differences;

    bench_find_differences(results, split, &differences);
    for (size_t i = 0; i < differences.count; i++)
        printf("        %s\n", differences.sentences[i]);
    printf("\n");
}

static bool several_peers(const struct bench_results *results, size_t split)
{
    return split > 1 || results->source_count - split > 1;
}

static void print_pair(const struct bench_results *results, const struct bench_pair *pair, bool with_sources)
{
    printf("%-6s  %6.3f x  %9.4g -> %9.4g %-7s  %s", bench_verdict_names[pair->judgement.verdict], pair->judgement.ratio,
           pair->before->figure.value, pair->after->figure.value, pair->before->figure.unit, pair->before->subject);
    if (with_sources)
        printf(" (%s -> %s)", results->sources[pair->before->source].label, results->sources[pair->after->source].label);
    printf(": %s\n", pair->judgement.reason);
}

static void print_tallies(const struct bench_pairs *pairs)
{
    printf("\n%-18s  %7s  %7s  %7s  %s\n", "", "faster", "slower", "noise", "speed, geometric mean");
    for (int kind = 0; kind <= BENCH_KINDS; kind++) {
        const struct bench_tally tally = bench_tally(pairs, (enum bench_kind)kind);

        if (tally.verdicts[BENCH_FASTER] + tally.verdicts[BENCH_SLOWER] + tally.verdicts[BENCH_NOISE] > 0)
            printf("%-18s  %7zu  %7zu  %7zu  %.3f x\n", bench_kind_names[kind], tally.verdicts[BENCH_FASTER], tally.verdicts[BENCH_SLOWER],
                   tally.verdicts[BENCH_NOISE], tally.mean_ratio);
    }
}

static void print_text(const struct bench_results *results, size_t split, const struct bench_pairs *pairs)
{
    print_side(results, "before", 0, split);
    print_side(results, "after", split, results->source_count);
    print_differences(results, split);
    for (int verdict = 0; verdict < BENCH_VERDICTS; verdict++)
        for (size_t i = 0; i < pairs->count; i++)
            if ((int)pairs->pairs[i].judgement.verdict == verdict)
                print_pair(results, &pairs->pairs[i], several_peers(results, split));
    print_tallies(pairs);
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
        cJSON_AddItemToArray(list, json);
    }
    return list;
}

static cJSON *differences_json(const struct bench_results *results, size_t split)
{
    struct bench_differences differences;
    cJSON *list = cJSON_CreateArray();

    bench_find_differences(results, split, &differences);
    for (size_t i = 0; i < differences.count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(differences.sentences[i]));
    return list;
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

static bool print_json(const struct cli *cli, const struct bench_results *results, size_t split, const struct bench_pairs *pairs)
{
    cJSON *json = cJSON_CreateObject();
    bool good;

    cJSON_AddItemToObject(json, "before", sources_json(results, 0, split));
    cJSON_AddItemToObject(json, "after", sources_json(results, split, results->source_count));
    cJSON_AddItemToObject(json, "differences", differences_json(results, split));
    good = cli_print_json(cli, json);
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
    const struct bench_comparison comparison = { split, pairs };

    if (pairs->count == 0)
        return cli_error(cli, CLMIX_ERROR_ARGUMENT, "the same model, mode and batch, or the same op, size and pass, must be in both",
                         "'%s' and '%s' have no result in common", request->before, results->sources[split].path);
    if (request->html != NULL && bench_report_write(results, &comparison, request->html) != CLMIX_OK)
        return cli_fail(cli, CLMIX_ERROR_FILE);
    if (cli->json)
        return print_json(cli, results, split, pairs) ? 0 : 1;
    print_text(results, split, pairs);
    return 0;
}

int bench_compare(const struct cli *cli, const struct bench_request *request, const char *after)
{
    struct bench_results results = { 0 };
    struct bench_pairs pairs = { 0 };
    size_t split = 0;
    clmix_status status = bench_results_read(&results, request->before);
    int exit_status;

    split = results.source_count;
    if (status == CLMIX_OK)
        status = bench_results_read(&results, after);
    bench_results_label(&results);
    if (status == CLMIX_OK)
        status = bench_pair_up(&results, split, &pairs);
    exit_status = status == CLMIX_OK ? show(cli, request, &results, split, &pairs) : cli_fail(cli, status);
    free(pairs.pairs);
    bench_results_free(&results);
    return exit_status;
}
