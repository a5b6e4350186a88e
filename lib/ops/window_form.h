/* The two forms of the window sums: private to lib/ops/window*.c. */
#ifndef CLMIX_OPS_WINDOW_FORM_H
#define CLMIX_OPS_WINDOW_FORM_H

#include "base/size.h"
#include "ops/window.h"

/* window_wide.c: false, with nothing planned, where local memory is too small for any cut. */
bool clmix_window_gather_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_window_map *map,
                              struct clmix_window_pixels big, const struct clmix_window_weights *weights, int32_t bias,
                              struct clmix_window_pixels small);
bool clmix_window_scatter_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_window_map *map,
                               struct clmix_window_pixels small, const struct clmix_window_weights *weights, int32_t bias,
                               struct clmix_window_pixels big);
bool clmix_window_weight_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_window_map *map,
                              struct clmix_window_pixels big, struct clmix_window_pixels small, const struct clmix_window_weights *weights);

/* window_simt.c. Gathering and scattering are one kernel: a product over taps, with the map it reads and the map it writes. */
void clmix_window_product_simt(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_window_map *map,
                               bool scatter, struct clmix_window_pixels from, struct clmix_window_pixels to,
                               const struct clmix_window_weights *weights, int32_t bias);
void clmix_window_weight_simt(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_window_map *map,
                              struct clmix_window_pixels big, struct clmix_window_pixels small, const struct clmix_window_weights *weights);

/* Groups that keep all compute units busy to the end. */
size_t clmix_window_groups(const clmix_device_info *info);

void clmix_window_push_sizes(struct clmix_launcher *launcher, int count, const size_t *sizes);

#endif
