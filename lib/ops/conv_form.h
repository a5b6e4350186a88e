/* The two forms of the window sums: private to lib/ops/conv_*.c. */
#ifndef CLMIX_OPS_CONV_FORM_H
#define CLMIX_OPS_CONV_FORM_H

#include "base/size.h"
#include "ops/conv_sum.h"

/* conv_wide.c: false, with nothing planned, where local memory is too small for any cut. */
bool clmix_conv_gather_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                            struct clmix_conv_pixels big, const struct clmix_conv_weights *weights, int32_t bias,
                            struct clmix_conv_pixels small);
bool clmix_conv_scatter_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                             struct clmix_conv_pixels small, const struct clmix_conv_weights *weights, int32_t bias,
                             struct clmix_conv_pixels big);
bool clmix_conv_weight_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                            struct clmix_conv_pixels big, struct clmix_conv_pixels small, const struct clmix_conv_weights *weights);

/* conv_simt.c. Gathering and scattering are one kernel: a product over taps, with the map it reads and the map it writes. */
void clmix_conv_product_simt(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map, bool scatter,
                             struct clmix_conv_pixels from, struct clmix_conv_pixels to, const struct clmix_conv_weights *weights,
                             int32_t bias);
void clmix_conv_weight_simt(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                            struct clmix_conv_pixels big, struct clmix_conv_pixels small, const struct clmix_conv_weights *weights);

/* Groups that keep all compute units busy to the end. */
size_t clmix_conv_groups(const clmix_device_info *info);

void clmix_conv_push_sizes(struct clmix_record *record, int count, const size_t *sizes);

#endif
