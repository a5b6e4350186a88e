#include "bench/results.h"
#include "base/array.h"
#include "base/file.h"
#include "base/status.h"
#include "io/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_FILE (64u << 20)

void bench_results_free(struct bench_results *results)
{
    for (size_t i = 0; i < results->object_count; i++)
        cJSON_Delete(results->objects[i]);
    for (size_t i = 0; i < results->source_count; i++)
        free(results->sources[i].path);
    free(results->objects);
    free(results->sources);
    free(results->items);
    memset(results, 0, sizeof *results);
}

const struct bench_result *bench_results_find(const struct bench_results *results, size_t source, enum bench_kind kind, const char *subject)
{
    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].source == source && results->items[i].kind == kind && strcmp(results->items[i].subject, subject) == 0)
            return &results->items[i];
    return NULL;
}

/* ---- sources ---------------------------------------------------------------------------------------------------------------------- */

static bool same_source(const struct bench_source *a, const struct bench_source *b)
{
    return a->file == b->file && strcmp(a->peer, b->peer) == 0 && strcmp(a->device, b->device) == 0 && strcmp(a->driver, b->driver) == 0 &&
           strcmp(a->platform, b->platform) == 0 && strcmp(a->kernels, b->kernels) == 0;
}

static clmix_status source_of(struct bench_results *results, const char *path, const cJSON *object, size_t *index)
{
    struct bench_source source = { .file = results->file_count,
                                   .peer = bench_text(object, "peer"),
                                   .device = bench_text(object, "device"),
                                   .driver = bench_text(object, "driver"),
                                   .platform = bench_text(object, "platform"),
                                   .kernels = bench_text(object, "kernels") };

    for (*index = 0; *index < results->source_count; ++*index)
        if (same_source(&results->sources[*index], &source))
            return CLMIX_OK;
    source.path = strdup(path);
    if (source.path != NULL && CLMIX_PUSH(results->sources, results->source_count, results->source_capacity, source))
        return CLMIX_OK;
    free(source.path);
    return clmix_fail_memory("the results");
}

typedef bool (*difference)(const struct bench_source *a, const struct bench_source *b);

static bool other_peer(const struct bench_source *a, const struct bench_source *b)
{
    return strcmp(a->peer, b->peer) != 0;
}

static bool other_device(const struct bench_source *a, const struct bench_source *b)
{
    return strcmp(a->device, b->device) != 0 && a->device[0] != '\0' && b->device[0] != '\0';
}

static bool other_driver(const struct bench_source *a, const struct bench_source *b)
{
    return strcmp(a->driver, b->driver) != 0 && a->driver[0] != '\0' && b->driver[0] != '\0';
}

static bool other_kernels(const struct bench_source *a, const struct bench_source *b)
{
    return strcmp(a->kernels, b->kernels) != 0 && a->kernels[0] != '\0' && b->kernels[0] != '\0';
}

static bool any(const struct bench_results *results, difference differs)
{
    for (size_t i = 1; i < results->source_count; i++)
        if (differs(&results->sources[0], &results->sources[i]))
            return true;
    return false;
}

/* Appends ", text". */
static void append(char *label, size_t bytes, const char *text)
{
    const size_t used = strlen(label);

    if (text[0] != '\0')
        snprintf(label + used, bytes - used, "%s%s", used > 0 ? ", " : "", text);
}

void bench_results_label(struct bench_results *results)
{
    const bool devices = any(results, other_device), drivers = any(results, other_driver), kernels = any(results, other_kernels);

    for (size_t i = 0; i < results->source_count; i++) {
        struct bench_source *source = &results->sources[i];
        const char *name = strrchr(source->path, '/');

        source->label[0] = '\0';
        append(source->label, sizeof source->label, source->peer);
        if (devices)
            append(source->label, sizeof source->label, source->device);
        if (drivers && source->driver[0] != '\0') {
            append(source->label, sizeof source->label, "driver ");
            strncat(source->label, source->driver, sizeof source->label - strlen(source->label) - 1);
        }
        if (kernels)
            append(source->label, sizeof source->label, source->kernels);
        for (size_t k = 0; k < results->source_count; k++)
            if (k != i && !other_peer(source, &results->sources[k]) && !other_device(source, &results->sources[k]) &&
                !other_driver(source, &results->sources[k]) && !other_kernels(source, &results->sources[k])) {
                append(source->label, sizeof source->label, name != NULL ? name + 1 : source->path);
                break;
            }
        if (source->label[0] == '\0')
            append(source->label, sizeof source->label, name != NULL ? name + 1 : source->path);
    }
}

/* ---- figures ---------------------------------------------------------------------------------------------------------------------- */

static bool is_positive(double value)
{
    return isfinite(value) && value > 0.0;
}

/* `key`, `key`_min, _q1, _q3 and runs of a line; false when there is no such time. */
static bool read_time(const cJSON *object, const char *key, struct bench_figure *figure)
{
    char name[32];

    *figure = (struct bench_figure){ .value = bench_number(object, key), .least = NAN, .q1 = NAN, .q3 = NAN, .runs = 1, .unit = "ms" };
    if (!is_positive(figure->value))
        return false;
    snprintf(name, sizeof name, "%s_min", key);
    if (is_positive(bench_number(object, name)))
        figure->least = fmin(bench_number(object, name), figure->value);
    snprintf(name, sizeof name, "%s_q1", key);
    figure->q1 = bench_number(object, name);
    snprintf(name, sizeof name, "%s_q3", key);
    figure->q3 = bench_number(object, name);
    if (!(is_positive(figure->q1) && figure->q1 <= figure->value && isfinite(figure->q3) && figure->q3 >= figure->value))
        figure->q1 = figure->q3 = NAN;
    if (bench_number(object, "runs") >= 1.0)
        figure->runs = (size_t)fmin(bench_number(object, "runs"), 1e9);
    return true;
}

static clmix_status add(struct bench_results *results, const struct bench_result *result)
{
    return CLMIX_PUSH(results->items, results->count, results->capacity, *result) ? CLMIX_OK : clmix_fail_memory("the results");
}

/* Two measurements of the same thing: the spread takes in both, and with it what changed between them. */
static void pool(struct bench_figure *into, const struct bench_figure *other)
{
    const double all = (double)into->runs + (double)other->runs;

    into->q1 = fmin(fmin(into->q1, into->value), fmin(other->q1, other->value)); /* fmin and fmax ignore NaN */
    into->q3 = fmax(fmax(into->q3, into->value), fmax(other->q3, other->value));
    into->least = fmin(into->least, other->least);
    into->value = ((double)into->runs * into->value + (double)other->runs * other->value) / all;
    into->runs += other->runs;
}

static clmix_status add_result(struct bench_results *results, enum bench_kind kind, size_t source, const cJSON *object, const char *subject,
                               const struct bench_figure *figure)
{
    struct bench_result result = { .kind = kind, .source = source, .figure = *figure, .object = object };
    struct bench_result *known = (struct bench_result *)bench_results_find(results, source, kind, subject);

    if (known != NULL) {
        pool(&known->figure, figure);
        return CLMIX_OK;
    }
    snprintf(result.subject, sizeof result.subject, "%s", subject);
    return add(results, &result);
}

static clmix_status add_ceilings(struct bench_results *results, size_t source, const cJSON *object)
{
    static const struct {
        const char *key, *subject, *unit;
        bool rate;
    } ceilings[] = { { "fma_gflops", "multiply-adds", "GFLOP/s", true },
                     { "copy_gbs", "copying", "GB/s", true },
                     { "launch_us", "a launch in a batch", "us", false },
                     { "sync_launch_us", "a launch with a wait", "us", false } };

    results->sources[source].ceilings = object;
    for (size_t i = 0; i < sizeof ceilings / sizeof *ceilings; i++) {
        const struct bench_figure figure = { .value = bench_number(object, ceilings[i].key),
                                             .least = NAN,
                                             .q1 = NAN,
                                             .q3 = NAN,
                                             .runs = 1,
                                             .rate = ceilings[i].rate,
                                             .unit = ceilings[i].unit };

        if (is_positive(figure.value))
            CLMIX_TRY(add_result(results, BENCH_CEILING, source, object, ceilings[i].subject, &figure));
    }
    return CLMIX_OK;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------------------ */

static bool classify(const cJSON *object, enum bench_kind *kind, struct bench_figure *figure)
{
    const bool model = bench_text(object, "model")[0] != '\0', op = bench_text(object, "op")[0] != '\0';

    if (op && read_time(object, "ms", figure))
        *kind = model ? BENCH_STEP : BENCH_OP;
    else if (model && bench_text(object, "start")[0] != '\0' && read_time(object, "start_ms", figure))
        *kind = BENCH_START;
    else if (model && read_time(object, "step_ms", figure))
        *kind = BENCH_MODEL;
    else if (model && read_time(object, "kernels_ms", figure))
        *kind = BENCH_STEP_SUM;
    else
        return false;
    return true;
}

static void write_subject(const cJSON *object, enum bench_kind kind, char *subject, size_t bytes)
{
    const char *model = bench_text(object, "model"), *mode = bench_text(object, "mode"), *op = bench_text(object, "op");
    char batch[32] = "";

    if (isfinite(bench_number(object, "batch")))
        snprintf(batch, sizeof batch, ", batch of %.0f", bench_number(object, "batch"));
    switch (kind) {
    case BENCH_OP: snprintf(subject, bytes, "%s, %s, %s", op, bench_text(object, "size"), bench_text(object, "pass")); break;
    case BENCH_STEP: snprintf(subject, bytes, "%s, %s%s: %s", model, mode, batch, op); break;
    case BENCH_START: snprintf(subject, bytes, "%s, %s%s: %s start", model, mode, batch, bench_text(object, "start")); break;
    case BENCH_STEP_SUM: snprintf(subject, bytes, "%s, %s%s: all kernels", model, mode, batch); break;
    default: snprintf(subject, bytes, "%s, %s%s", model, mode, batch); break;
    }
}

static clmix_status add_object(struct bench_results *results, const char *path, const cJSON *object)
{
    struct bench_figure figure;
    enum bench_kind kind;
    char subject[512];
    size_t source;

    if (is_positive(bench_number(object, "fma_gflops"))) {
        CLMIX_TRY(source_of(results, path, object, &source));
        return add_ceilings(results, source, object);
    }
    if (!classify(object, &kind, &figure))
        return CLMIX_OK;
    CLMIX_TRY(source_of(results, path, object, &source));
    write_subject(object, kind, subject, sizeof subject);
    return add_result(results, kind, source, object, subject, &figure);
}

static clmix_status add_line(struct bench_results *results, const char *path, size_t number, const char *line, size_t bytes)
{
    cJSON *json = NULL;

    if (bytes == 0 || line[0] != '{')
        return CLMIX_OK;
    CLMIX_TRY(clmix_json_parse_line(&json, path, number, line, bytes));
    if (!CLMIX_PUSH(results->objects, results->object_count, results->object_capacity, json)) {
        cJSON_Delete(json);
        return clmix_fail_memory("the results");
    }
    return add_object(results, path, json);
}

clmix_status bench_results_read(struct bench_results *results, const char *path)
{
    const size_t before = results->count;
    void *data = NULL;
    size_t bytes = 0, number = 1;
    clmix_status status;

    CLMIX_TRY(clmix_file_read(path, LARGEST_FILE, &data, &bytes));
    status = CLMIX_OK;
    for (const char *line = data; status == CLMIX_OK && *line != '\0'; number++) {
        const size_t length = strcspn(line, "\n");

        status = add_line(results, path, number, line, length);
        line += length + (line[length] == '\n');
    }
    free(data);
    results->file_count++;
    if (status == CLMIX_OK && results->count == before)
        status = clmix_fail(CLMIX_ERROR_FORMAT,
                            "'%s' has no results: one JSON object a line is expected, as clmix-bench --json prints them", path);
    return status;
}
