/* Two measurements of the same thing: which was faster, and whether that means anything. */
#ifndef CLMIX_TOOLS_BENCH_PAIRS_H
#define CLMIX_TOOLS_BENCH_PAIRS_H

#include "bench/sides.h"

enum bench_verdict { BENCH_FASTER, BENCH_SLOWER, BENCH_NOISE, BENCH_VERDICTS };
extern const char *const bench_verdict_names[BENCH_VERDICTS];

struct bench_judgement {
    enum bench_verdict verdict;
    double ratio; /* after's speed over before's: above 1 is faster */
    char reason[192];
};

/* A difference counts when all of this holds, and is noise otherwise:
 *   - it is 2 % or more: clocks and the placing of code move as much;
 *   - the middle halves of the runs lie apart: the slower side's lower quartile is above the faster side's upper one;
 *   - it exceeds the uncertainty of the two medians (1.57 (q3 - q1) / sqrt(runs) each, McGill et al. 1978, their root of squares);
 *   - the best runs tell the same, at least half of it: what disturbs a machine slows most runs and leaves the best.
 * A side without quartiles is taken to reach from its least to as far above its median; without that too, 10 % each way. */
struct bench_judgement bench_judge(const struct bench_figure *before, const struct bench_figure *after);

/* What is compared. */
struct bench_pair {
    const struct bench_result *before, *after;
    struct bench_judgement judgement;
};
struct bench_pairs {
    struct bench_pair *pairs;
    size_t count, capacity;
};
/* Pairs the results of the first file (sources before `split`) with those of the second about the same subject: of the same program on the same
 * device where there are such, else of all; those that differ by most milliseconds come first. From malloc. */
clmix_status bench_pair_up(const struct bench_results *results, size_t split, struct bench_pairs *pairs);

extern const char *const bench_kind_names[BENCH_KINDS + 1]; /* the last: all but ceilings */
/* How many of a kind (BENCH_KINDS: of all but ceilings) got faster, slower, and neither, and the geometric mean of the ratios. */
struct bench_tally {
    size_t verdicts[BENCH_VERDICTS];
    double mean_ratio;
};
struct bench_tally bench_tally(const struct bench_pairs *pairs, enum bench_kind kind);

#endif
