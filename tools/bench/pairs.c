#include "bench/pairs.h"
#include "base/array.h"
#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_CHANGE   0.02
#define ASSUMED_SPREAD 0.10 /* where a line tells nothing of it */
#define SHARE_OF_LEAST 0.5  /* of the medians' difference that the best runs must show */
#define MEDIAN_ERROR   1.57 /* half-width of a median's 95 % comparison interval, in interquartile ranges over the root of the runs */

const char *const bench_verdict_names[BENCH_VERDICTS] = { [BENCH_FASTER] = "faster", [BENCH_SLOWER] = "slower", [BENCH_NOISE] = "noise" };

const char *const bench_kind_names[BENCH_KINDS + 1] = { [BENCH_CEILING] = "ceilings",      [BENCH_MODEL] = "models",
                                                        [BENCH_START] = "starts",          [BENCH_OP] = "ops",
                                                        [BENCH_STEP] = "parts of a step",  [BENCH_STEP_SUM] = "kernels of a step",
                                                        [BENCH_KINDS] = "all but ceilings" };

/* ---- verdicts --------------------------------------------------------------------------------------------------------------------- */

/* A side as times, the median in the middle. */
struct side {
    double median, low, high, least; /* least: NaN where it is not known */
    double error;                    /* of the median */
    bool assumed;
};

static struct side side_of(const struct bench_figure *figure)
{
    struct side side = { .median = figure->rate ? 1.0 / figure->value : figure->value, .least = figure->least };

    if (isfinite(figure->q1)) {
        side.low = figure->q1;
        side.high = figure->q3;
    } else if (isfinite(figure->least) && figure->runs == 1) {
        side.low = figure->least;
        side.high = 2.0 * figure->value - figure->least;
    } else {
        side.assumed = true;
        side.low = side.median / (1.0 + ASSUMED_SPREAD);
        side.high = side.median * (1.0 + ASSUMED_SPREAD);
    }
    side.error = MEDIAN_ERROR * (side.high - side.low) / sqrt((double)figure->runs);
    return side;
}

/* Why the two are not apart, or an empty reason. */
static void find_noise(const struct side *fast, const struct side *slow, char *reason, size_t bytes)
{
    const double change = slow->median / fast->median - 1.0;
    const bool least = isfinite(fast->least) && isfinite(slow->least);

    reason[0] = '\0';
    if (change < LEAST_CHANGE)
        snprintf(reason, bytes, "the medians are within %.0f %%", 100.0 * LEAST_CHANGE);
    else if (slow->low <= fast->high && (fast->assumed || slow->assumed))
        snprintf(reason, bytes, "within the %.0f %% assumed where no spread is recorded", 100.0 * ASSUMED_SPREAD);
    else if (slow->low <= fast->high)
        snprintf(reason, bytes, "within the spread: middle halves of the runs overlap (%.4g to %.4g, %.4g to %.4g)", fast->low, fast->high,
                 slow->low, slow->high);
    else if (!fast->assumed && !slow->assumed && slow->median - fast->median <= hypot(fast->error, slow->error))
        snprintf(reason, bytes, "too few runs for their spread: the medians are uncertain by %.2g and %.2g", fast->error, slow->error);
    else if (least && log(slow->least / fast->least) < SHARE_OF_LEAST * log1p(change))
        snprintf(reason, bytes, "disturbed: the best runs differ by %.1f %% only (%.4g and %.4g)",
                 100.0 * (slow->least / fast->least - 1.0), fast->least, slow->least);
}

struct bench_judgement bench_judge(const struct bench_figure *before, const struct bench_figure *after)
{
    const struct side a = side_of(before), b = side_of(after);
    const bool faster = b.median < a.median;
    const struct side *fast = faster ? &b : &a, *slow = faster ? &a : &b;
    struct bench_judgement judgement = { .verdict = BENCH_NOISE, .ratio = a.median / b.median };

    find_noise(fast, slow, judgement.reason, sizeof judgement.reason);
    if (judgement.reason[0] != '\0')
        return judgement;
    judgement.verdict = faster ? BENCH_FASTER : BENCH_SLOWER;
    if (fast->assumed || slow->assumed)
        snprintf(judgement.reason, sizeof judgement.reason, "beyond the %.0f %% assumed where no spread is recorded",
                 100.0 * ASSUMED_SPREAD);
    else
        snprintf(judgement.reason, sizeof judgement.reason, "beyond the spread (%.4g to %.4g, %.4g to %.4g)", a.low, a.high, b.low, b.high);
    return judgement;
}

/* What the machine did is not what the program did. */
static void allow_for_drift(double drift, struct bench_judgement *judgement)
{
    const bool explained = judgement->verdict == BENCH_FASTER ? judgement->ratio <= drift : judgement->ratio >= drift;

    if (judgement->verdict == BENCH_NOISE || !explained || (judgement->verdict == BENCH_FASTER) != (drift > 1.0) || drift == 1.0)
        return;
    judgement->verdict = BENCH_NOISE;
    snprintf(judgement->reason, sizeof judgement->reason,
             "no more than the device's own ceilings moved (%.3f x): the machine was disturbed", drift);
}

/* ---- pairs ------------------------------------------------------------------------------------------------------------------------ */

static bool same_program_and_device(const struct bench_source *a, const struct bench_source *b)
{
    char first[128], second[128];

    bench_source_program(a, first, sizeof first);
    bench_source_program(b, second, sizeof second);
    return strcmp(first, second) == 0 && strcmp(a->device, b->device) == 0;
}

static bool has_own(const struct bench_results *results, size_t split, const struct bench_result *before)
{
    for (size_t source = split; source < results->source_count; source++)
        if (same_program_and_device(&results->sources[before->source], &results->sources[source]) &&
            bench_results_find(results, source, before->kind, before->subject) != NULL)
            return true;
    return false;
}

static clmix_status pair_with_all(const struct bench_results *results, size_t split, const struct bench_result *before,
                                  struct bench_pairs *pairs)
{
    const bool own = has_own(results, split, before);

    for (size_t source = split; source < results->source_count; source++) {
        struct bench_pair pair = { .before = before, .after = bench_results_find(results, source, before->kind, before->subject) };

        if (pair.after == NULL || (own && !same_program_and_device(&results->sources[before->source], &results->sources[source])))
            continue;
        pair.judgement = bench_judge(&pair.before->figure, &pair.after->figure);
        if (before->kind != BENCH_CEILING)
            allow_for_drift(bench_drift(&results->sources[before->source], &results->sources[source]), &pair.judgement);
        if (!CLMIX_PUSH(pairs->pairs, pairs->count, pairs->capacity, pair))
            return clmix_fail_memory("the comparison");
    }
    return CLMIX_OK;
}

static int most_changed_first(const void *a, const void *b)
{
    const struct bench_pair *x = a, *y = b;
    const double first = fabs(x->after->figure.value - x->before->figure.value),
                 second = fabs(y->after->figure.value - y->before->figure.value);

    if (first != second)
        return first < second ? 1 : -1;
    return (x->before > y->before) - (x->before < y->before);
}

clmix_status bench_pair_up(const struct bench_results *results, size_t split, struct bench_pairs *pairs)
{
    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].source < split)
            CLMIX_TRY(pair_with_all(results, split, &results->items[i], pairs));
    if (pairs->count > 0)
        qsort(pairs->pairs, pairs->count, sizeof *pairs->pairs, most_changed_first);
    return CLMIX_OK;
}

struct bench_tally bench_tally(const struct bench_pairs *pairs, enum bench_kind kind)
{
    struct bench_tally tally = { { 0 }, 1.0 };
    double logarithms = 0.0;
    size_t count = 0;

    for (size_t i = 0; i < pairs->count; i++) {
        const struct bench_pair *pair = &pairs->pairs[i];

        if (kind == BENCH_KINDS ? pair->before->kind == BENCH_CEILING : pair->before->kind != kind)
            continue;
        tally.verdicts[pair->judgement.verdict]++;
        logarithms += log(pair->judgement.ratio);
        count++;
    }
    if (count > 0)
        tally.mean_ratio = exp(logarithms / (double)count);
    return tally;
}
