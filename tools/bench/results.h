/* Files of results, one JSON object a line, as clmix-bench and its peers print them: what compare and report read. */
#ifndef CLMIX_TOOLS_BENCH_RESULTS_H
#define CLMIX_TOOLS_BENCH_RESULTS_H

#include "base/file.h"
#include "bench/line.h"
#include "bench/source.h"

struct bench_result {
    enum bench_kind kind;
    size_t source;
    char subject[512]; /* what it is about: "wavemix-32, train, batch of 64" */
    struct bench_figure figure;
    const cJSON *object; /* the first line about it */
};

/* What is no figure, but says how far figures can be trusted: what a reference case came to ("case"), or work that a device did not do ("failed"). */
struct bench_note {
    bool failure;
    size_t source;
    const cJSON *object;
};

struct bench_results {
    cJSON **objects;
    size_t object_count, object_capacity;
    struct bench_source *sources;
    size_t source_count, source_capacity;
    struct bench_result *items;
    size_t count, capacity;
    struct bench_note *notes;
    size_t note_count, note_capacity;
    size_t file_count;
};

/* Reads a file and adds what it holds. Blank lines, and lines that do not begin with a brace, are passed over, and so are objects that are no
 * results. Several lines about one subject of one source become one result, whose spread takes in all of them. With a `filter` (not NULL) only what has it
 * in its subject is taken. Errors: FILE; FORMAT (not JSON, or a result that lacks something, with the line; no result in it). To be freed on failure,
 * too. */
clmix_status bench_results_read(struct bench_results *results, const char *path, const char *filter);
/* Reads several, and gives their sources labels. */
clmix_status bench_results_read_all(struct bench_results *results, const char *const *paths, size_t count, const char *filter);
/* The same as reading of one object that stands at line `number` of `path`, which is taken over, also on failure. */
clmix_status bench_results_add(struct bench_results *results, const char *path, size_t number, cJSON *object, const char *filter);
/* Writes an array of results, a line each, to a file that is begun. */
clmix_status bench_write_results(const cJSON *results, clmix_file_writer *file);
void bench_results_free(struct bench_results *results);

/* The result of a source about a subject, or NULL. */
const struct bench_result *bench_results_find(const struct bench_results *results, size_t source, enum bench_kind kind,
                                              const char *subject);

#endif
