/* The report: one HTML file that needs no network and no script. */
#ifndef CLMIX_TOOLS_BENCH_REPORT_H
#define CLMIX_TOOLS_BENCH_REPORT_H

#include "bench/page.h"
#include "bench/pairs.h"

/* The results of the sources before `split` against those of the others. */
struct bench_comparison {
    size_t split;
    const struct bench_pairs *pairs;
};

/* `comparison` may be NULL. Errors: FILE. */
clmix_status bench_report_write(const struct bench_results *results, const struct bench_comparison *comparison, const char *path);

/* report_ops.c: its sections about ops, nothing where there are no such results. */
clmix_status bench_report_steps(struct bench_page *page, const struct bench_results *results);
clmix_status bench_report_ops(struct bench_page *page, const struct bench_results *results);

#endif
