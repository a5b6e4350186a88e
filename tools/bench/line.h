/* One line of a file of results: what it is about, its figure, and whether it has what tables and plots need of it. */
#ifndef CLMIX_TOOLS_BENCH_LINE_H
#define CLMIX_TOOLS_BENCH_LINE_H

#include "bench/bench.h"

enum bench_kind { BENCH_CEILING, BENCH_MODEL, BENCH_START, BENCH_OP, BENCH_STEP, BENCH_STEP_SUM, BENCH_KINDS };

/* A figure and how far it can be trusted: a time in milliseconds, or a rate, of which more is better. */
struct bench_figure {
    double value, least, q1, q3; /* `least`: the best run; NaN where the line does not say */
    size_t runs;
    bool rate;
    const char *unit;
};

/* The kind of a result, or BENCH_KINDS of an object that is none. A result that lacks a key that its kind needs, or has something else in its place, is
 * FORMAT; `where` ("'file', line 3") begins the sentence. */
clmix_status bench_line_kind(const cJSON *object, const char *where, enum bench_kind *kind);

/* Whether an object without a figure tells what a reference case came to, or what a device did not do. */
bool bench_line_is_note(const cJSON *object);

/* The figure of a result that is no line of ceilings, and what it is about: "wavemix-32, train, batch of 64". */
struct bench_figure bench_line_figure(const cJSON *object, enum bench_kind kind);
void bench_line_subject(const cJSON *object, enum bench_kind kind, char *subject, size_t bytes);

/* The `index`th ceiling of a line of ceilings: false beyond the last. Its value is NaN where the line does not tell it. */
bool bench_line_ceiling(const cJSON *object, size_t index, const char **subject, struct bench_figure *figure);

/* Whether a result exceeds its ceiling (bench_excess), whatever the line says of that. */
enum bench_excess bench_line_excess(const cJSON *object);

#endif
