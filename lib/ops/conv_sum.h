/* The three sums that convolutions and transposed convolutions are made of, forward and backward, between a big map and the small map that
 * a window of some kernel size, stride and padding takes it to. Pixel (y, x) of the small map meets pixels (y s - p + ky, x s - p + kx) of
 * the big one; those outside are zero and take nothing. */
#ifndef CLMIX_OPS_CONV_SUM_H
#define CLMIX_OPS_CONV_SUM_H

#include "graph/op.h"

struct clmix_conv_map {
    size_t batch;
    size_t big[2], small[2]; /* height, width */
    size_t big_channels, small_channels;
    size_t kernel[2], stride[2], padding[2];
};

/* A map in memory: (batch, height, width, channels), `pitch` elements from one pixel to the next. */
struct clmix_conv_pixels {
    int32_t value;
    size_t pitch;
};

/* Weights in memory: element (ky, kx, channel of the big map, channel of the small map) is at base + ky * ky_step + kx * kx_step + ..., all
 * in elements. */
struct clmix_conv_weights {
    int32_t value;
    long base, ky_step, kx_step, big_step, small_step;
};

/* Each of these appends launches that do the work of `node`, in the form in force; where the wide form has too little local memory the
 * other one. `bias` may be CLMIX_NONE.
 *
 * small[y, x, o] = bias[o] + sum_{ky, kx, c} big[y s - p + ky, x s - p + kx, c] W[ky, kx, c, o] */
clmix_status clmix_conv_gather(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                               struct clmix_conv_pixels big, struct clmix_conv_weights weights, int32_t bias,
                               struct clmix_conv_pixels small);

/* big[Y, X, o] = bias[o] + sum of small[y, x, c] W[ky, kx, o, c] over all that land there */
clmix_status clmix_conv_scatter(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                                struct clmix_conv_pixels small, struct clmix_conv_weights weights, int32_t bias,
                                struct clmix_conv_pixels big);

/* W[ky, kx, c, o] = sum over samples and pixels of big[y s - p + ky, x s - p + kx, c] small[y, x, o] */
clmix_status clmix_conv_weight(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                               struct clmix_conv_pixels big, struct clmix_conv_pixels small, struct clmix_conv_weights weights);

/* Appends the sum over `chunks` of partial (chunks, kh, kw, big channels, small channels) as weights: the last launch of a weight gradient
 * that was split over pixels. */
void clmix_conv_reduce(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map, int32_t partial,
                       size_t chunks, struct clmix_conv_weights weights);

/* CLMIX_OK when all offsets inside these maps and weights fit the kernels' 32-bit arithmetic. */
clmix_status clmix_conv_check(const struct clmix_conv_map *map, size_t big_pitch, size_t small_pitch);

/* Arguments of a launch, as all kernels take them: a map's height, width, channels and pitch; and kernel, stride and padding. */
void clmix_conv_push_map(struct clmix_record *record, const size_t size[2], size_t channels, size_t pitch);
void clmix_conv_push(struct clmix_record *record, const struct clmix_conv_map *map);

/* Gives a launch the whole work of its node. */
void clmix_conv_claim_flops(struct clmix_planner *planner, const struct clmix_node *node, struct clmix_record *record);

#endif
