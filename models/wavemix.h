/* WaveMix (Jeevan & Sethi 2022): the keys of its configuration, and its block for use on its own. */
#ifndef CLMIX_MODELS_WAVEMIX_H
#define CLMIX_MODELS_WAVEMIX_H

#include "models/model.h"

#define WAVEMIX_MAX_LEVELS 12

/* Two names for one function: 1x1 convolutions (feedforward.0, feedforward.3) or linear layers (feedforward.1, feedforward.4). */
enum wavemix_feedforward { WAVEMIX_CONV, WAVEMIX_LINEAR };

struct wavemix_keys {
    struct clmix_picture_keys picture;
    size_t dim;                           /* channels between blocks, the number in WaveMix-32 */
    size_t depth;                         /* blocks */
    size_t mult_dim;                      /* hidden channels of the feed-forward part */
    size_t ff_dim;                        /* its output channels */
    int feedforward;                      /* enum wavemix_feedforward */
    size_t levels;                        /* wavelet levels L */
    struct clmix_key_list level_channels; /* output channels of each level's up-sampling, finest first; they add up to dim */
    size_t stem_stride;
    float dropout;
};

extern const struct clmix_model_kind clmix_model_wavemix;

/* The block without its residual: x (B, H, W, dim) -> (B, H, W, dim), H and W divisible by 2^levels. */
clmix_value clmix_wavemix_block(clmix_scope at, clmix_value x, const struct wavemix_keys *keys);

#endif
