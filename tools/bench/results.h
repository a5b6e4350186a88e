/* Files of results, one JSON object a line, as clmix-bench and its peers print them: what compare and report read. */
#ifndef CLMIX_TOOLS_BENCH_RESULTS_H
#define CLMIX_TOOLS_BENCH_RESULTS_H

#include "bench/line.h"
#include "bench/source.h"

struct bench_result {
    enum bench_kind kind;
    size_t source;
    char subject[512]; /* what it is about: "wavemix-32, train, batch of 64" */
    struct bench_figure figure;
    const cJSON *object; /* the first line about it */
};

struct bench_results {
    cJSON **objects;
    size_t object_count, object_capacity;
    struct bench_source *sources;
    size_t source_count, source_capacity;
    struct bench_result *items;
    size_t count, capacity;
    size_t file_count;
};

/* Reads a file and adds what it holds. Blank lines, and lines that do not begin with a brace, are passed over, and so are objects that are no
 * results. Several lines about one subject of one source become one result, whose spread takes in all of them. With a `filter` (not NULL) only what has it
 * in its subject is taken. Errors: FILE; FORMAT (not JSON, or a result that lacks something, with the line; no result in it). To be freed on failure,
 * too. */
clmix_status bench_results_read(struct bench_results *results, const char *path, const char *filter);
void bench_results_free(struct bench_results *results);

/* The result of a source about a subject, or NULL. */
const struct bench_result *bench_results_find(const struct bench_results *results, size_t source, enum bench_kind kind,
                                              const char *subject);

#endif
