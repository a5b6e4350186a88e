/* Whether devices that did the same work came to the same: models against each other, ops against reference cases. */
#ifndef CLMIX_TOOLS_BENCH_CHECKS_H
#define CLMIX_TOOLS_BENCH_CHECKS_H

#include "bench/results.h"

/* What a model came to on one device against the same on another: the same weights, samples and seed, told by the same version of clmix. The reference is
 * the device that most others agree with; of several the first, and one whose reference cases are wrong only where there is no other. So a lone
 * device, or the reference itself, has no error. */
enum bench_answer { BENCH_ALONE, BENCH_REFERENCE, BENCH_AGREES, BENCH_DIFFERS };
struct bench_model_check {
    enum bench_answer answer;
    size_t reference; /* its source */
    double error;     /* max|a - b| / max|b|, b the reference's; NaN where there is none, or where a is no number */
};
#define BENCH_MODEL_LIMIT 1e-3 /* losses after steps and probabilities: what clmix-verify allows for losses */
struct bench_model_check bench_check_model(const struct bench_results *results, const struct bench_result *item);

/* The same of all models and modes of a source: the one that is farthest, DIFFERS before AGREES before the others. */
struct bench_model_check bench_check_models(const struct bench_results *results, size_t source, const struct bench_result **farthest);

/* What the reference cases come to on a source. A case's error is that of its tensor that is nearest to its limit, or beyond. */
struct bench_case_check {
    size_t cases, wrong;
    const cJSON *worst; /* the case that is; NULL without cases */
    double share;       /* its error over its limit; infinite where it has none or did not come to its end */
};
struct bench_case_check bench_check_cases(const struct bench_results *results, size_t source);
double bench_case_share(const cJSON *object);

#endif
