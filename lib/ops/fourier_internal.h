/* What the files of lib/ops/fourier*.c share; from the bottom: shape, the own way and clFFT's, route, the op. lib/ops/fourier.c has the
 * formulas. */
#ifndef CLMIX_OPS_FOURIER_INTERNAL_H
#define CLMIX_OPS_FOURIER_INTERNAL_H

#include "ops/gemm_internal.h"

/* Inputs of the op: the tokens, and a table of angles for each axis. */
enum { CLMIX_FOURIER_X, CLMIX_FOURIER_TOKENS, CLMIX_FOURIER_FEATURES, CLMIX_FOURIER_INPUTS };

struct clmix_fourier {
    size_t batch, tokens, features;
    size_t kept; /* columns of the transform along the features: D/2 + 1; rows are real, so that the others are their mirror images */
    size_t first, second; /* P and Q, whose product is `tokens`: the stages of the own way along the tokens */
};
struct clmix_fourier clmix_fourier_of(const clmix_graph *graph, const struct clmix_node *node);
/* Multiply-adds and additions of the own way. */
uint64_t clmix_fourier_flops(const struct clmix_fourier *fourier);
/* Samples that are transformed at once, evenly: at most `most`, and of `floats` numbers (or one). */
size_t clmix_fourier_samples(const struct clmix_fourier *fourier, size_t floats, size_t most);

/* Appends the last launch, for `samples` samples from `sample` on: their kept columns, (tokens, kept) each, to y and what is added to it. `left`
 * holds them from a multiple of `align` floats on: real numbers, or where `step` is 2 the real parts of complex ones. */
void clmix_fourier_plan_unfold(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_fourier *fourier,
                               int32_t left, size_t step, size_t align, size_t sample, size_t samples);

/* fourier_own.c: products of matrices, and how each is computed: settled, or with NULL as it is unmeasured. */
enum { CLMIX_FOURIER_PRODUCTS = 3 };
struct clmix_fourier_products {
    struct {
        enum clmix_gemm_route route;
        struct clmix_gemm_tile tile;
    } of[CLMIX_FOURIER_PRODUCTS];
};
clmix_status clmix_fourier_choose_products(struct clmix_planner *planner, const struct clmix_node *node,
                                           struct clmix_fourier_products *products);
clmix_status clmix_fourier_plan_own(struct clmix_planner *planner, const struct clmix_node *node,
                                    const struct clmix_fourier_products *products);

/* fourier_clfft.c: whether clFFT is there and takes the lengths; its launches. */
bool clmix_fourier_clfft_can(const struct clmix_fourier *fourier);
clmix_status clmix_fourier_plan_clfft(struct clmix_planner *planner, const struct clmix_node *node);

/* fourier_route.c: the way that the device has earned for a transform of these sizes: measured once, remembered (tune.h). */
enum clmix_fourier_way { CLMIX_FOURIER_OWN = 0, CLMIX_FOURIER_CLFFT = 1, CLMIX_FOURIER_WAYS };
/* One transform by a way, run on its own: checked against the host, then timed; CLMIX_TUNE_WRONG where it disagrees. */
clmix_status clmix_fourier_probe(clmix_device *device, const struct clmix_fourier *fourier, enum clmix_fourier_way way, double *seconds);
clmix_status clmix_fourier_choose_way(clmix_device *device, bool wide, const struct clmix_fourier *fourier, enum clmix_fourier_way *way);

#endif
