/* Performer's random features for ops that form them while they read, or take in what they send back (linear_attention.c). */
#ifndef CLMIX_OPS_FEATURES_H
#define CLMIX_OPS_FEATURES_H

#include "graph/op.h"
#include "ops/token_tile.h"

#include <clmix/mixing.h>

/* Inputs of the features and of their gradient. PEAKS, f32 (B, 2): for each sample the maximum that its features are formed with and how
 * many elements have it; CLMIX_NONE where none is given. */
enum { CLMIX_FEATURES_X, CLMIX_FEATURES_PROJECTION, CLMIX_FEATURES_PEAKS, CLMIX_FEATURES_DPHI };

struct clmix_features {
    size_t heads, width, features; /* d and m */
    clmix_performer_options options;
};
/* Of a node of either op. */
struct clmix_features clmix_features_of(const clmix_graph *graph, const struct clmix_node *node);

/* Work that forms them. */
uint64_t clmix_features_flops(const clmix_graph *graph, const struct clmix_node *node);
/* Floats of local memory for a token, in any kernel that forms features. */
size_t clmix_features_floats(const struct clmix_features *features);
/* Appends the launch that makes the table of the projection of `features_node`, for launches of `node`: scratch of it. */
int32_t clmix_features_plan_table(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *features_node);
/* Defines D, M and FEATURES. */
void clmix_features_define(struct clmix_record *record, const struct clmix_features *features);
/* Arguments (x, offset, pitch, table, offset, peaks, offset). */
void clmix_features_push(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_node *features_node, int32_t table);
/* Behind launches that left the gradient in `dx` and two floats a group of `tiles` in `partial`: what flows through a given maximum. */
void clmix_features_plan_peak_grad(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *features_node,
                                   const struct clmix_token_tiles *tiles, int32_t table, int32_t partial, int32_t dx);

#endif
