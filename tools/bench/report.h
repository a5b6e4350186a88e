/* The report: one HTML file that needs no network and no script. */
#ifndef CLMIX_TOOLS_BENCH_REPORT_H
#define CLMIX_TOOLS_BENCH_REPORT_H

#include "bench/page.h"
#include "bench/pairs.h"

/* The results of one side against those of the other. */
struct bench_comparison {
    const struct bench_sides *sides;
    const struct bench_pairs *pairs;
};

/* `comparison` may be NULL. Errors: FILE. */
clmix_status bench_report_write(const struct bench_results *results, const struct bench_comparison *comparison, const char *path);

/* report_verdicts.c: what failed, what is wrong, what is slower and why, and the errors of all reference cases; nothing where there is none of it. */
void bench_report_verdicts(struct bench_page *page, const struct bench_results *results);

/* report_change.c: one side against the other. */
void bench_report_comparison(struct bench_page *page, const struct bench_results *results, const struct bench_comparison *comparison);

/* report_ops.c: its sections about ops, nothing where there are no such results. */
clmix_status bench_report_steps(struct bench_page *page, const struct bench_results *results);
clmix_status bench_report_ops(struct bench_page *page, const struct bench_results *results);

#endif
