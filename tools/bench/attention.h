/* What the files of clmix-bench attention share: operators on heads at work, and softmax attention on the host to measure them by. */
#ifndef CLMIX_TOOLS_BENCH_ATTENTION_H
#define CLMIX_TOOLS_BENCH_ATTENTION_H

#include "bench/bench.h"
#include "network/operator.h"

/* A mixer with its heads, at a size. */
struct bench_attention {
    struct clmix_mixer mixer;
    size_t batch, tokens;
};

/* Queries, keys, values, and the gradient of the result, each (batch, tokens, heads * head_dim) numbers uniform in +-range, the same for all mixers. */
enum bench_operand { BENCH_QUERIES, BENCH_KEYS, BENCH_VALUES, BENCH_GRADIENT, BENCH_OPERANDS };
struct bench_operands {
    size_t count;
    float *values[BENCH_OPERANDS];
};
clmix_status bench_operands_make(struct bench_operands *operands, const struct bench_attention *of, float range);
void bench_operands_free(struct bench_operands *operands);

/* ---- attention_work.c --------------------------------------------------------------------------------------------------------------------- */

struct bench_pass {
    clmix_plan_cost cost; /* peak_bytes with operands and results */
    struct bench_spread seconds;
    const char *skipped; /* why it was not run, or NULL */
};
/* The forward pass, or with `training` that and the gradients of queries, keys, values and weights, planned and timed; weights begin as a network's do.
 * What the device has no room for is skipped. `result` (count floats, may be NULL) becomes the forward pass's. */
clmix_status bench_attention_measure(clmix_device *device, const struct bench_attention *of, const struct bench_operands *operands,
                                     bool training, const struct bench_request *request, struct bench_pass *pass, float *result);
/* What such a pass is planned with. */
clmix_status bench_attention_cost(clmix_device *device, const struct bench_attention *of, bool training, clmix_plan_cost *cost);
/* Whether the work of the forward pass grows with the tokens, and not with their square, by plans of these and of half as many. What cannot be planned
 * does not. */
bool bench_attention_is_linear(const struct bench_attention *of);

/* ---- attention_error.c -------------------------------------------------------------------------------------------------------------------- */

/* Softmax attention of some queries of each head, evenly spread, on the host in double. */
struct bench_reference {
    size_t queries; /* of a head */
    double *y;      /* (batch, heads, queries, head_dim) */
    double entropy; /* mean, of the queries' weights, in nats */
};
clmix_status bench_reference_make(struct bench_reference *reference, const struct bench_attention *of,
                                  const struct bench_operands *operands);
/* |y - softmax's| / |softmax's| over these queries, |.| the root of the sum of squares. */
double bench_reference_error(const struct bench_reference *reference, const struct bench_attention *of, const float *y);
void bench_reference_free(struct bench_reference *reference);

/* ---- attention_plots.c -------------------------------------------------------------------------------------------------------------------- */

/* Draws what `results` tell into a folder, which is made where it is not there: time and memory of each pass and the error over the tokens; where there
 * are several ranges, the error over the entropy and over the time of the longest sequence. */
clmix_status bench_attention_plots(const cJSON *results, const char *folder);

#endif
