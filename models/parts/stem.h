/* From pictures to the first tokens: patches, each a linear layer of its values, or the few convolutions of the "hybrid" models. */
#ifndef CLMIX_MODELS_STEM_H
#define CLMIX_MODELS_STEM_H

#include "models/model.h"

enum clmix_stem_kind { CLMIX_STEM_PATCH, CLMIX_STEM_CONV };

/* Keys of the models that take either stem; their structs begin with it. */
struct clmix_stem_keys {
    struct clmix_picture_keys picture;
    int kind;                       /* enum clmix_stem_kind */
    size_t patch[2];                /* height and width of a patch, in pixels */
    struct clmix_key_list channels; /* of the convolutions before the last one */
    size_t stride;                  /* of the first one */

    /* Not keys: what the model's `check` says of its patches. */
    size_t step[2];      /* from one patch to the next. 0: patches lie side by side and cover the picture */
    bool channels_first; /* a patch's values are (C, height, width), as torch's Unfold has them, and not (height, width, C) */
};
extern const struct clmix_key_table clmix_stem_table;

/* To be called by the model's `check`: what goes together, and `step` where it is 0. */
clmix_status clmix_stem_settle(struct clmix_stem_keys *keys, const char *where);
/* Height and width of the map behind the stem. */
void clmix_stem_map(const struct clmix_stem_keys *keys, size_t map[2]);

/* Pictures f32 (B, H, W, C) -> tokens (B, h w, dim), row by row. Weights of the convolutions at "0", "1", ... below `at`, of patches at
 * `linear`. */
clmix_value clmix_stem(clmix_scope at, clmix_scope linear, clmix_value pictures, const struct clmix_stem_keys *keys, size_t dim);

/* A linear layer of each patch, pictures (B, H, W, C) -> tokens (B, h w, dim): a convolution from patch to patch, so that patches are never
 * in memory. weight (values of a patch, dim), in the order that the keys say; bias (dim), or none. */
clmix_value clmix_patches_with(clmix_scope at, clmix_value pictures, clmix_value weight, clmix_value bias,
                               const struct clmix_stem_keys *keys);

/* 3x3 convolutions to `channels` and on to `dim`, with nothing between them, the first one of `stride`: (B, H, W, C) -> (B, h, w, dim), h =
 * floor((H - 1) / stride) + 1. Weights at "0", "1", ... below `at`. */
clmix_value clmix_convolutions(clmix_scope at, clmix_value pictures, const struct clmix_key_list *channels, size_t stride, size_t dim);

/* A map (B, h, w, C) as tokens (B, h w, C), row by row: a view. */
clmix_value clmix_map_tokens(clmix_value map);

#endif
