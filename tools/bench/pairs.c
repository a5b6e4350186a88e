#include "bench/pairs.h"
#include "base/array.h"
#include "base/status.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
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

double bench_drift(const struct bench_source *before, const struct bench_source *after)
{
    static const char *const rates[] = { "fma_gflops", "copy_gbs" };
    double drift = 1.0;

    if (before->ceilings == NULL || after->ceilings == NULL || strcmp(before->device, after->device) != 0 ||
        strcmp(before->driver, after->driver) != 0 || strcmp(before->platform, after->platform) != 0 ||
        strcmp(before->kernels, after->kernels) != 0)
        return 1.0;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        const double ratio = bench_number(after->ceilings, rates[i]) / bench_number(before->ceilings, rates[i]);

        if (isfinite(ratio) && ratio > 0.0 && fabs(log(ratio)) > fabs(log(drift)))
            drift = ratio;
    }
    return fabs(log(drift)) > log1p(ASSUMED_SPREAD) ? drift : 1.0;
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

/* A peer's name without its versions: "torch 2.15.0 compile" as "torch compile". */
static void program_of(const char *peer, char *name, size_t bytes)
{
    size_t used = 0;

    while (*peer != '\0') {
        const size_t length = strcspn(peer, " ");

        if (!isdigit((unsigned char)*peer) && used + length + 2 < bytes) {
            memcpy(name + used, peer, length);
            used += length;
            name[used++] = ' ';
        }
        peer += length + (peer[length] == ' ');
    }
    name[used] = '\0';
}

static bool same_program_and_device(const struct bench_source *a, const struct bench_source *b)
{
    char first[128], second[128];

    program_of(a->peer, first, sizeof first);
    program_of(b->peer, second, sizeof second);
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

clmix_status bench_pair_up(const struct bench_results *results, size_t split, struct bench_pairs *pairs)
{
    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].source < split)
            CLMIX_TRY(pair_with_all(results, split, &results->items[i], pairs));
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

/* ---- the two sides ---------------------------------------------------------------------------------------------------------------- */

/* The distinct values of one side, joined; "" when its lines do not say. */
static void values_of(const struct bench_results *results, size_t from, size_t to, const char *(*value)(const struct bench_source *source),
                      char *text, size_t bytes)
{
    text[0] = '\0';
    for (size_t i = from; i < to; i++) {
        bool seen = value(&results->sources[i])[0] == '\0';
        const size_t used = strlen(text);

        for (size_t k = from; k < i && !seen; k++)
            seen = strcmp(value(&results->sources[k]), value(&results->sources[i])) == 0;
        if (!seen)
            snprintf(text + used, bytes - used, "%s%s", used > 0 ? " and " : "", value(&results->sources[i]));
    }
}

static const char *peer_of(const struct bench_source *source)
{
    return source->peer;
}

static const char *device_of(const struct bench_source *source)
{
    return source->device;
}

static const char *driver_of(const struct bench_source *source)
{
    return source->driver;
}

static const char *platform_of(const struct bench_source *source)
{
    return source->platform;
}

static const char *kernels_of(const struct bench_source *source)
{
    return source->kernels;
}

void bench_find_differences(const struct bench_results *results, size_t split, struct bench_differences *differences)
{
    static const struct {
        const char *name, *(*value)(const struct bench_source *source);
    } traits[BENCH_TRAITS] = { { "program", peer_of },
                               { "device", device_of },
                               { "driver", driver_of },
                               { "platform", platform_of },
                               { "form of the kernels", kernels_of } };

    differences->count = 0;
    for (size_t i = 0; i < BENCH_TRAITS; i++) {
        char before[256], after[256];

        values_of(results, 0, split, traits[i].value, before, sizeof before);
        values_of(results, split, results->source_count, traits[i].value, after, sizeof after);
        if (before[0] != '\0' && after[0] != '\0' && strcmp(before, after) != 0)
            snprintf(differences->sentences[differences->count++], sizeof differences->sentences[0], "another %s: %s before, %s after",
                     traits[i].name, before, after);
    }
    for (size_t i = 0; i < split; i++)
        for (size_t k = split; k < results->source_count; k++)
            if (bench_drift(&results->sources[i], &results->sources[k]) != 1.0) {
                snprintf(differences->sentences[differences->count++], sizeof differences->sentences[0],
                         "the same device, and yet its ceilings are %.2f times before's: something else used the machine; measure again",
                         bench_drift(&results->sources[i], &results->sources[k]));
                return;
            }
}
