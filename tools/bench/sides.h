/* The two sides of a comparison: what they are, how they are called, and what they do not have in common. */
#ifndef CLMIX_TOOLS_BENCH_SIDES_H
#define CLMIX_TOOLS_BENCH_SIDES_H

#include "bench/results.h"

/* The same program measured twice on a device, with something changed between; or two devices or programs side by side, with nothing before and
 * nothing after. */
enum bench_sides_kind { BENCH_CHANGE, BENCH_TWO_DEVICES, BENCH_TWO_PROGRAMS };
extern const char *const bench_sides_names[]; /* "change", "devices", "programs" */

#define BENCH_SENTENCES 8
struct bench_sides {
    enum bench_sides_kind kind;
    size_t split;      /* sources before it are of the first side */
    char names[2][64]; /* "before" and "after"; else what tells the two apart: "PoCL 3.1" and "Intel OpenCL 2026.22" */
    char title[192];
    char sentences[BENCH_SENTENCES][640]; /* what differs, a disturbed machine, ceilings that were too low */
    size_t count;
};
void bench_sides_find(struct bench_sides *sides, const struct bench_results *results, size_t split);

/* Between two sources on the same device, driver and kernels: after's ceilings over before's, the one that moved most; 1 where that is less than
 * 10 %, or nothing can be said. A device does not change: where its ceilings did, something else used the machine, and a pair's difference that
 * goes no further than theirs is noise. */
double bench_drift(const struct bench_source *before, const struct bench_source *after);

/* Results that exceed a ceiling which was measured too low. Below a limit of sources `to`, from `from`. */
size_t bench_count_excess(const struct bench_results *results, size_t from, size_t to);

#endif
