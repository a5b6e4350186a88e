/* Why a device takes longer than another for the same work, as far as figures tell: what its ceilings allow, and how near it comes to them. */
#ifndef CLMIX_TOOLS_BENCH_WHY_H
#define CLMIX_TOOLS_BENCH_WHY_H

#include "bench/results.h"

/* The fastest of clmix's results about a subject that a model's result is of; NULL where there is no other of the same program. */
const struct bench_result *bench_fastest(const struct bench_results *results, const struct bench_result *item);

/* Of a model's result that is slower than that of the fastest, and not by noise: how many times, and why. A time is what the binding ceiling asks for over
 * the share of it that is reached, so the ratio of two times is the product of two ratios: of what the ceilings allow, explained by what is known of
 * the devices (fused multiply-add, width of vectors, compute units), and of the shares, explained by what differs in the work (form of the kernels and the
 * quirk that leaves no other, launches, the host, the ops that lose most where both have a profile). False, and an empty text, where there is nothing to
 * explain. */
bool bench_why(const struct bench_results *results, const struct bench_result *item, char *text, size_t bytes);

#endif
