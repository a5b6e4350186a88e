#include "bench/why.h"
#include "bench/pairs.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LEAST_PART 1.1 /* a factor that is worth a word */
#define LARGE      0.2 /* a share of the time that is */

/* What a sentence grows in. */
struct text {
    char *at;
    size_t bytes, used;
};

static void __attribute__((format(printf, 2, 3))) say(struct text *text, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text->at + text->used, text->bytes - text->used, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->used += (size_t)length < text->bytes - text->used ? (size_t)length : text->bytes - text->used - 1;
}

/* ---- the fastest ---------------------------------------------------------------------------------------------------------------------- */

static bool same_program(const struct bench_source *a, const struct bench_source *b)
{
    char first[128], second[128];

    bench_source_program(a, first, sizeof first);
    bench_source_program(b, second, sizeof second);
    return strcmp(first, second) == 0;
}

const struct bench_result *bench_fastest(const struct bench_results *results, const struct bench_result *item)
{
    const struct bench_result *fastest = item;
    size_t count = 0;

    for (size_t source = 0; source < results->source_count; source++) {
        const struct bench_result *other = bench_results_find(results, source, item->kind, item->subject);

        if (other == NULL || !same_program(&results->sources[source], &results->sources[item->source]))
            continue;
        count++;
        if (other->figure.value < fastest->figure.value)
            fastest = other;
    }
    return count > 1 ? fastest : NULL;
}

/* ---- what ceilings allow -------------------------------------------------------------------------------------------------------------- */

/* A result against the ceilings of its source. */
struct side {
    const struct bench_result *item;
    const struct bench_source *source;
    clmix_ceilings ceilings;
    struct bench_bound bound;
    double share;     /* of the ceiling that binds */
    double launching; /* share of the time that launches take at the least */
};

static bool take_side(struct side *side, const struct bench_results *results, const struct bench_result *item)
{
    const struct bench_source *source = &results->sources[item->source];
    const double seconds = 1e-3 * item->figure.value, flops = 1e9 * bench_number(item->object, "gflops") * seconds,
                 bytes = bench_number(item->object, "moved_bytes"), launches = bench_number(item->object, "launches");

    side->item = item;
    side->source = source;
    side->ceilings = (clmix_ceilings){ .fma_gflops = bench_number(source->ceilings, "fma_gflops"),
                                       .copy_gbs = bench_number(source->ceilings, "copy_gbs"),
                                       .launch_us = bench_number(source->ceilings, "launch_us") };
    side->bound = bench_bound(&side->ceilings, flops, bytes, launches);
    side->share = side->bound.seconds / seconds;
    side->launching = 1e-6 * side->ceilings.launch_us * launches / seconds;
    return isfinite(flops) && isfinite(bytes) && isfinite(side->launching) && isfinite(side->share) && side->share > 0.0;
}

/* The two sides' ceiling of the kind that binds the slower one: "41 against 133 GFLOP/s". */
static void say_ceiling(struct text *text, const struct side *slow, const struct side *fast)
{
    const char *by = slow->bound.by;

    if (strcmp(by, "memory") == 0)
        say(text, "copying, %.1f against %.1f GB/s", slow->ceilings.copy_gbs, fast->ceilings.copy_gbs);
    else if (strcmp(by, "launches") == 0)
        say(text, "launches, %.1f against %.1f us each", slow->ceilings.launch_us, fast->ceilings.launch_us);
    else
        say(text, "multiply-adds, %.0f against %.0f GFLOP/s", slow->ceilings.fma_gflops, fast->ceilings.fma_gflops);
}

static bool lacks_fma(const struct side *side)
{
    return cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(side->source->ceilings, "fused_multiply_add"));
}

/* What the devices are, where multiply-adds bind. */
static void explain_ceiling(struct text *text, const struct side *slow, const struct side *fast)
{
    const double width = bench_number(slow->source->ceilings, "vector_width"), other = bench_number(fast->source->ceilings, "vector_width"),
                 units = bench_number(slow->source->ceilings, "compute_units"),
                 other_units = bench_number(fast->source->ceilings, "compute_units");

    if (strcmp(slow->bound.by, "multiply-adds") != 0)
        return;
    if (lacks_fma(slow) && !lacks_fma(fast))
        say(text, ", without fused multiply-add");
    if (width < other)
        say(text, ", vectors of %.0f, not %.0f", width, other);
    if (units < other_units)
        say(text, ", %.0f compute units, not %.0f", units, other_units);
}

/* ---- what is made of them ------------------------------------------------------------------------------------------------------------- */

/* An op's name is the last word of its label in a profile: "layers.2.0.ff3 linear". */
static const char *kind_of(const struct bench_result *step)
{
    const char *label = bench_text(step->object, "op"), *space = strrchr(label, ' ');

    return space != NULL ? space + 1 : label;
}

/* Milliseconds of all ops of a kind in a source's profile of a model's step. */
static double kind_ms(const struct bench_results *results, size_t source, const struct bench_result *model, const char *kind)
{
    const char *name = bench_text(model->object, "model");
    char batch[64], other[64];
    double sum = 0.0;

    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];

        if (item->kind == BENCH_STEP && item->source == source && strcmp(bench_text(item->object, "model"), name) == 0 &&
            strcmp(bench_batch(item->object, other), bench_batch(model->object, batch)) == 0 && strcmp(kind_of(item), kind) == 0)
            sum += item->figure.value;
    }
    return sum;
}

/* The kind of ops that loses most milliseconds, NULL where the profiles tell none. */
static const char *worst_kind(const struct bench_results *results, const struct side *slow, const struct side *fast, double ms[2])
{
    const char *worst = NULL;

    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];
        double mine, other;

        if (item->kind != BENCH_STEP || item->source != slow->item->source)
            continue;
        mine = kind_ms(results, slow->item->source, slow->item, kind_of(item));
        other = kind_ms(results, fast->item->source, fast->item, kind_of(item));
        if (other > 0.0 && mine - other > (worst == NULL ? 0.0 : ms[0] - ms[1])) {
            worst = kind_of(item);
            ms[0] = mine;
            ms[1] = other;
        }
    }
    return worst;
}

/* The name of the quirk that leaves a device one form of the kernels: the first word of the sentence about it. */
static void say_form(struct text *text, const struct side *slow, const struct side *fast)
{
    const cJSON *quirks = cJSON_GetObjectItemCaseSensitive(slow->source->ceilings, "quirks"), *quirk;

    if (slow->source->kernels[0] == '\0' || strcmp(slow->source->kernels, fast->source->kernels) == 0)
        return;
    say(text, "%s kernels, not %s", slow->source->kernels, fast->source->kernels);
    cJSON_ArrayForEach(quirk, quirks)
    {
        const char *sentence = cJSON_GetStringValue(quirk);
        const size_t form = strlen(slow->source->kernels);

        if (sentence != NULL && strncmp(sentence, slow->source->kernels, form) == 0 && strncmp(sentence + form, "-only", 5) == 0)
            say(text, " (its quirk %.*s)", (int)strcspn(sentence, ":"), sentence);
    }
    say(text, "; ");
}

/* What may explain that a smaller share of the ceiling is reached; each ends with "; ". */
static void explain_share(struct text *text, const struct bench_results *results, const struct side *slow, const struct side *fast)
{
    const bool step = strcmp(bench_text(slow->item->object, "mode"), "train") == 0;
    double ms[2] = { 0.0, 0.0 };
    const char *kind = step ? worst_kind(results, slow, fast, ms) : NULL;

    say_form(text, slow, fast);
    if (slow->launching > LARGE && slow->launching > fast->launching)
        say(text, "launches alone take %.0f %% of it; ", 100.0 * slow->launching);
    if (bench_number(slow->item->object, "host_share") > LARGE)
        say(text, "the host takes %.0f %% of it; ", 100.0 * bench_number(slow->item->object, "host_share"));
    if (kind != NULL)
        say(text, "most is lost in %s, %.1f against %.1f ms; ", kind, ms[0], ms[1]);
}

bool bench_why(const struct bench_results *results, const struct bench_result *item, char *string, size_t bytes)
{
    const struct bench_result *fastest = bench_fastest(results, item);
    struct text text = { string, bytes, 0 };
    struct side slow, fast;
    double allowed, reached;

    string[0] = '\0';
    if (fastest == NULL || fastest == item || bench_judge(&fastest->figure, &item->figure).verdict != BENCH_SLOWER)
        return false;
    say(&text, "%.3g times as long as %s", item->figure.value / fastest->figure.value, results->sources[fastest->source].label);
    if (!take_side(&slow, results, item) || !take_side(&fast, results, fastest))
        return true;
    allowed = slow.bound.seconds / fast.bound.seconds;
    reached = fast.share / slow.share;
    if (allowed > LEAST_PART) {
        say(&text, "; %.3g by its ceiling (", allowed);
        say_ceiling(&text, &slow, &fast);
        explain_ceiling(&text, &slow, &fast);
        say(&text, ")");
    }
    if (reached > LEAST_PART) {
        say(&text, "; %.3g since it reaches %.2g %% of its ceiling (%s), not %.2g %%: ", reached, 100.0 * slow.share, slow.bound.by,
            100.0 * fast.share);
        explain_share(&text, results, &slow, &fast);
        text.used -= text.used >= 2 ? 2 : 0;
        text.at[text.used] = '\0';
    }
    return true;
}
