/* Features of tokens for ops that form them while they read, or take in what they send back (linear_attention.c): Performer's random ones, and
 * what a map makes of each channel. */
#ifndef CLMIX_OPS_FEATURES_H
#define CLMIX_OPS_FEATURES_H

#include "graph/op.h"
#include "ops/token_tile.h"

#include <clmix/mixing.h>

/* Inputs of the features and of their gradient; CLMIX_NONE for what is not needed. TABLE: Performer's projection, or each token's sine and cosine
 * (N, 2). PEAKS: for each sample and head the maximum that Performer's features are formed with and how many elements have it (B, heads, 2); or
 * the logarithms of the sums of a softmax over the tokens (B, heads * d). MASK: i32 (B, N). */
enum { CLMIX_FEATURES_X, CLMIX_FEATURES_TABLE, CLMIX_FEATURES_PEAKS, CLMIX_FEATURES_MASK, CLMIX_FEATURES_DPHI };

struct clmix_features {
    size_t heads, width, features; /* d and m */
    bool mapped;                   /* by a map; else Performer's */
    clmix_performer_kernel kernel; /* of Performer's */
    clmix_performer_maximum maximum;
    bool constant; /* the maximum is one to the gradient */
    clmix_map map; /* of the others */
    bool turned;   /* each times the sine and the cosine of its token's angle */
    bool masked;   /* there is a mask */
};
/* Of a node of either op. */
struct clmix_features clmix_features_of(const clmix_graph *graph, const struct clmix_node *node);

/* Work that forms them. */
uint64_t clmix_features_flops(const clmix_graph *graph, const struct clmix_node *node);
/* Floats of local memory for a token, in any kernel that forms features. */
size_t clmix_features_floats(const struct clmix_features *features);
/* Appends the launch that makes the table of the projection of `features_node`, for launches of `node`: scratch of it, or the table that it reads. */
int32_t clmix_features_plan_table(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *features_node);
/* Defines what cl/features.h asks for. */
void clmix_features_define(struct clmix_record *record, const struct clmix_features *features);
/* Arguments of x, table, peaks and mask. */
void clmix_features_push(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_node *features_node, int32_t table);
/* Behind launches that left the gradient in `dx` and, of Performer's features, two floats a group of `tiles` in `partial`: what flows through a given
 * maximum, or through a softmax over the tokens. */
void clmix_features_plan_rest(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *features_node,
                              const struct clmix_token_tiles *tiles, int32_t table, int32_t partial, int32_t dx);

/* What mapped features are summed over: values, CLMIX_NONE for what there is none of. */
struct clmix_feature_sums {
    int32_t x, peaks, mask;
    int32_t result; /* the sums, or with `share` the means over the tokens that are there: heads * d floats a sample */
    int32_t share;  /* 1 over how many these are, (B, heads). CLMIX_NONE: no means but sums */
};
/* Appends launches of the sums over the tokens. */
void clmix_features_plan_sums(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_features *features,
                              const struct clmix_feature_sums *sums);
/* Whether heads of so many features can be worked on; else a sentence. */
clmix_status clmix_features_check_room(size_t features, size_t width);
/* A mask i32 (B, N) of tokens (B, N, ...), where there is one; else a sentence. */
clmix_status clmix_expect_mask(const struct clmix_tensor *mask, clmix_shape tokens);
/* The logarithms of the sums over the tokens of e^x in each channel, f32 (B, C), of tokens (B, N, C) that the mask leaves in. */
clmix_value clmix_feature_shift(clmix_value x, clmix_value mask, size_t heads);

#endif
