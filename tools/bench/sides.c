#include "bench/sides.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LEAST_DRIFT 0.10

const char *const bench_sides_names[] = { [BENCH_CHANGE] = "change", [BENCH_TWO_DEVICES] = "devices", [BENCH_TWO_PROGRAMS] = "programs" };

/* ---- what is compared ------------------------------------------------------------------------------------------------------------- */

static bool same_program(const struct bench_source *a, const struct bench_source *b)
{
    char first[128], second[128];

    bench_source_program(a, first, sizeof first);
    bench_source_program(b, second, sizeof second);
    return strcmp(first, second) == 0;
}

/* Another version of a driver is a change on the same device. A program that does not tell its device may run on any. */
static bool same_device(const struct bench_source *a, const struct bench_source *b)
{
    return a->device[0] == '\0' || b->device[0] == '\0' ||
           (strcmp(a->processor, b->processor) == 0 && strcmp(a->platform, b->platform) == 0);
}

static bool in_common(const struct bench_results *results, size_t split,
                      bool (*same)(const struct bench_source *a, const struct bench_source *b))
{
    for (size_t i = 0; i < split; i++)
        for (size_t k = split; k < results->source_count; k++)
            if (same(&results->sources[i], &results->sources[k]))
                return true;
    return false;
}

/* The first text of a side that tells the two apart. */
static void name_sides(struct bench_sides *sides, const struct bench_source *first, const struct bench_source *second)
{
    const char *const texts[][2] = { { first->product, second->product },
                                     { first->processor, second->processor },
                                     { bench_source_file(first), bench_source_file(second) } };
    size_t place = strcmp(first->platform, second->platform) == 0 ? 1 : 0; /* two versions of a driver tell no devices apart */

    while (place < 2 && (texts[place][0][0] == '\0' || texts[place][1][0] == '\0' || strcmp(texts[place][0], texts[place][1]) == 0))
        place++;
    for (int side = 0; side < 2; side++)
        snprintf(sides->names[side], sizeof sides->names[side], "%s", texts[place][side]);
}

static void find_kind(struct bench_sides *sides, const struct bench_results *results)
{
    const struct bench_source *first = &results->sources[0], *second = &results->sources[sides->split];

    if (!in_common(results, sides->split, same_program)) {
        sides->kind = BENCH_TWO_PROGRAMS;
        snprintf(sides->names[0], sizeof sides->names[0], "%s", first->peer[0] != '\0' ? first->peer : bench_source_file(first));
        snprintf(sides->names[1], sizeof sides->names[1], "%s", second->peer[0] != '\0' ? second->peer : bench_source_file(second));
    } else if (!in_common(results, sides->split, same_device)) {
        sides->kind = BENCH_TWO_DEVICES;
        name_sides(sides, first, second);
    } else {
        sides->kind = BENCH_CHANGE;
        snprintf(sides->names[0], sizeof sides->names[0], "before");
        snprintf(sides->names[1], sizeof sides->names[1], "after");
    }
    if (sides->kind == BENCH_CHANGE)
        snprintf(sides->title, sizeof sides->title, "What has changed");
    else
        snprintf(sides->title, sizeof sides->title, "Two %s: %s and %s", bench_sides_names[sides->kind], sides->names[0], sides->names[1]);
}

/* ---- what differs ----------------------------------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3))) say(struct bench_sides *sides, const char *format, ...)
{
    va_list arguments;

    if (sides->count == BENCH_SENTENCES)
        return;
    va_start(arguments, format);
    vsnprintf(sides->sentences[sides->count++], sizeof sides->sentences[0], format, arguments);
    va_end(arguments);
}

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

static const char *host_of(const struct bench_source *source)
{
    return source->host;
}

/* Of two devices, device, driver and platform are not worth a sentence, nor the program of two programs. */
static void say_differences(struct bench_sides *sides, const struct bench_results *results)
{
    static const struct {
        const char *name, *(*value)(const struct bench_source *source);
        enum bench_sides_kind implied;
    } traits[] = {
        { "program", peer_of, BENCH_TWO_PROGRAMS },          { "device", device_of, BENCH_TWO_DEVICES },
        { "driver", driver_of, BENCH_TWO_DEVICES },          { "platform", platform_of, BENCH_TWO_DEVICES },
        { "form of the kernels", kernels_of, BENCH_CHANGE }, { "host", host_of, BENCH_CHANGE },
    };

    for (size_t i = 0; i < sizeof traits / sizeof *traits; i++) {
        char first[256], second[256];

        values_of(results, 0, sides->split, traits[i].value, first, sizeof first);
        values_of(results, sides->split, results->source_count, traits[i].value, second, sizeof second);
        if (first[0] == '\0' || second[0] == '\0' || strcmp(first, second) == 0)
            continue;
        if (sides->kind == BENCH_CHANGE)
            say(sides, "another %s: %s before, %s after", traits[i].name, first, second);
        else if (traits[i].implied != sides->kind)
            say(sides, "another %s: %s with %s, %s with %s", traits[i].name, first, sides->names[0], second, sides->names[1]);
    }
}

double bench_drift(const struct bench_source *before, const struct bench_source *after)
{
    static const char *const rates[] = { "fma_gflops", "copy_gbs" };
    double drift = 1.0;

    if (before->ceilings == NULL || after->ceilings == NULL || strcmp(before->device, after->device) != 0 ||
        strcmp(before->driver, after->driver) != 0 || strcmp(before->platform, after->platform) != 0 ||
        strcmp(before->kernels, after->kernels) != 0 || strcmp(before->host, after->host) != 0)
        return 1.0;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        const double ratio = bench_number(after->ceilings, rates[i]) / bench_number(before->ceilings, rates[i]);

        if (isfinite(ratio) && ratio > 0.0 && fabs(log(ratio)) > fabs(log(drift)))
            drift = ratio;
    }
    return fabs(log(drift)) > log1p(LEAST_DRIFT) ? drift : 1.0;
}

static void say_drift(struct bench_sides *sides, const struct bench_results *results)
{
    for (size_t i = 0; i < sides->split; i++)
        for (size_t k = sides->split; k < results->source_count; k++)
            if (bench_drift(&results->sources[i], &results->sources[k]) != 1.0) {
                say(sides, "the same device, and yet its ceilings are %.2f times before's: something else used the machine; measure again",
                    bench_drift(&results->sources[i], &results->sources[k]));
                return;
            }
}

size_t bench_count_excess(const struct bench_results *results, size_t from, size_t to)
{
    size_t count = 0;

    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].source >= from && results->items[i].source < to)
            count += bench_line_excess(results->items[i].object) == BENCH_BEYOND;
    return count;
}

void bench_sides_find(struct bench_sides *sides, const struct bench_results *results, size_t split)
{
    memset(sides, 0, sizeof *sides);
    sides->split = split;
    find_kind(sides, results);
    say_differences(sides, results);
    say_drift(sides, results);
    for (int side = 0; side < 2; side++) {
        const size_t count = bench_count_excess(results, side == 0 ? 0 : split, side == 0 ? split : results->source_count);

        if (count > 0)
            say(sides, "%s: %zu results exceed a ceiling, which was measured too low; measure again", sides->names[side], count);
    }
}
