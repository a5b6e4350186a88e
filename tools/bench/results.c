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
    free(results->notes);
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

/* Dates of one form are in order as texts. */
static void widen(struct bench_source *source, const char *date)
{
    if (date[0] != '\0' && (source->since[0] == '\0' || strcmp(date, source->since) < 0))
        source->since = date;
    if (strcmp(date, source->until) > 0)
        source->until = date;
}

static clmix_status source_of(struct bench_results *results, const char *path, const cJSON *object, size_t *index)
{
    struct bench_source source = bench_source_of(object);

    source.file = results->file_count;
    for (*index = 0; *index < results->source_count; ++*index)
        if (bench_source_same(&results->sources[*index], &source)) {
            widen(&results->sources[*index], source.since);
            if (results->sources[*index].vendor[0] == '\0')
                results->sources[*index].vendor = source.vendor;
            return CLMIX_OK;
        }
    source.path = strdup(path);
    if (source.path != NULL && CLMIX_PUSH(results->sources, results->source_count, results->source_capacity, source))
        return CLMIX_OK;
    free(source.path);
    return clmix_fail_memory("the results");
}

/* ---- results ---------------------------------------------------------------------------------------------------------------------- */

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
                               const struct bench_figure *figure, const char *filter)
{
    struct bench_result result = { .kind = kind, .source = source, .figure = *figure, .object = object };
    struct bench_result *known = (struct bench_result *)bench_results_find(results, source, kind, subject);

    if (filter != NULL && strstr(subject, filter) == NULL)
        return CLMIX_OK;
    if (known != NULL) {
        pool(&known->figure, figure);
        return CLMIX_OK;
    }
    snprintf(result.subject, sizeof result.subject, "%s", subject);
    return CLMIX_PUSH(results->items, results->count, results->capacity, result) ? CLMIX_OK : clmix_fail_memory("the results");
}

static clmix_status add_ceilings(struct bench_results *results, size_t source, const cJSON *object, const char *filter)
{
    struct bench_figure figure;
    const char *subject;

    results->sources[source].ceilings = object;
    for (size_t i = 0; bench_line_ceiling(object, i, &subject, &figure); i++)
        if (isfinite(figure.value))
            CLMIX_TRY(add_result(results, BENCH_CEILING, source, object, subject, &figure, filter));
    return CLMIX_OK;
}

static clmix_status add_note(struct bench_results *results, const char *path, const cJSON *object)
{
    struct bench_note note = { .failure = cJSON_HasObjectItem(object, "failed"), .object = object };

    CLMIX_TRY(source_of(results, path, object, &note.source));
    return CLMIX_PUSH(results->notes, results->note_count, results->note_capacity, note) ? CLMIX_OK : clmix_fail_memory("the results");
}

/* ---- lines ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status add_object(struct bench_results *results, const char *path, size_t number, const cJSON *object, const char *filter)
{
    struct bench_figure figure;
    enum bench_kind kind;
    char text[512];
    size_t source;

    snprintf(text, sizeof text, "'%s', line %zu", path, number);
    CLMIX_TRY(bench_line_kind(object, text, &kind));
    if (kind == BENCH_KINDS)
        return bench_line_is_note(object) ? add_note(results, path, object) : CLMIX_OK;
    CLMIX_TRY(source_of(results, path, object, &source));
    if (kind == BENCH_CEILING)
        return add_ceilings(results, source, object, filter);
    bench_line_subject(object, kind, text, sizeof text);
    figure = bench_line_figure(object, kind);
    return add_result(results, kind, source, object, text, &figure, filter);
}

static clmix_status add_line(struct bench_results *results, const char *path, size_t number, const char *line, size_t bytes,
                             const char *filter)
{
    cJSON *json = NULL;

    if (bytes == 0 || line[0] != '{')
        return CLMIX_OK;
    CLMIX_TRY(clmix_json_parse_line(&json, path, number, line, bytes));
    return bench_results_add(results, path, number, json, filter);
}

clmix_status bench_results_add(struct bench_results *results, const char *path, size_t number, cJSON *object, const char *filter)
{
    if (!CLMIX_PUSH(results->objects, results->object_count, results->object_capacity, object)) {
        cJSON_Delete(object);
        return clmix_fail_memory("the results");
    }
    return add_object(results, path, number, object, filter);
}

clmix_status bench_results_read(struct bench_results *results, const char *path, const char *filter)
{
    const size_t before = results->count + results->note_count;
    void *data = NULL;
    size_t bytes = 0, number = 1;
    clmix_status status;

    CLMIX_TRY(clmix_file_read(path, LARGEST_FILE, &data, &bytes));
    status = CLMIX_OK;
    for (const char *line = data; status == CLMIX_OK && *line != '\0'; number++) {
        const size_t length = strcspn(line, "\n");

        status = add_line(results, path, number, line, length, filter);
        line += length + (line[length] == '\n');
    }
    free(data);
    results->file_count++;
    if (status != CLMIX_OK || results->count + results->note_count > before)
        return status;
    if (filter != NULL)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has no result with '%s' in what it is about", path, filter);
    return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has no results: one JSON object a line is expected, as clmix-bench --json prints them",
                      path);
}

clmix_status bench_results_read_all(struct bench_results *results, const char *const *paths, size_t count, const char *filter)
{
    clmix_status status = CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < count; i++)
        status = bench_results_read(results, paths[i], filter);
    bench_source_label(results->sources, results->source_count);
    return status;
}

/* ---- writing -------------------------------------------------------------------------------------------------------------------------- */

clmix_status bench_write_results(const cJSON *results, clmix_file_writer *file)
{
    const cJSON *result;

    cJSON_ArrayForEach(result, results)
    {
        char *line = cli_json_line(result);
        clmix_status status = line == NULL ? clmix_fail_memory("the results") : clmix_file_put(file, line, strlen(line));

        free(line);
        if (status == CLMIX_OK)
            status = clmix_file_put(file, "\n", 1);
        if (status != CLMIX_OK)
            return status;
    }
    return CLMIX_OK;
}
