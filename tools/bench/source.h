/* Who measured, where and when: what tells the columns of a table apart. */
#ifndef CLMIX_TOOLS_BENCH_SOURCE_H
#define CLMIX_TOOLS_BENCH_SOURCE_H

#include "bench/bench.h"

/* Results of one source can stand in one column. Texts are "" where the lines do not say, and belong to the lines. */
struct bench_source {
    char *path;
    size_t file; /* which of the files read, from 0 */
    const char *peer, *device, *driver, *platform, *kernels;
    const char *vendor;               /* as the driver has it */
    const char *place;                /* "platform:device", which tells two devices of one make apart */
    const char *host, *since, *until; /* UTC, "2026-11-22T10:11Z": the earliest and latest line */
    char product[64], processor[64];  /* as people know them: "PoCL 3.1", "AMD EPYC" */
    char label[256];                  /* the shortest that tells the sources apart */
    const cJSON *ceilings;            /* its line of ceilings, or NULL */
};

/* What a line says of its source; path, label and ceilings stay empty. */
struct bench_source bench_source_of(const cJSON *object);
bool bench_source_same(const struct bench_source *a, const struct bench_source *b);

/* Gives all their labels: program, driver, device, form of the kernels and file, as far as they differ. */
void bench_source_label(struct bench_source *sources, size_t count);

/* The vendor as people know it: of "AuthenticAMD" AMD, of "Intel(R) Corporation" Intel; "" where no line says. */
void bench_source_maker(const struct bench_source *source, char *name, size_t bytes);

/* "host, 2026-11-22 10:11 UTC", with a second date where there were several days; "" when the lines do not say. */
void bench_source_when(const struct bench_source *source, char *text, size_t bytes);
/* The program without its versions: of the peer "torch 2.15.0 compile", "torch compile ". */
void bench_source_program(const struct bench_source *source, char *name, size_t bytes);
/* The last part of the path. */
const char *bench_source_file(const struct bench_source *source);

#endif
