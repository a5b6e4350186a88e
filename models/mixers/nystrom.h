/* What the two Nystrom mixers share, that of image models (nystrom.c) and that of token models (token_nystrom.c). */
#ifndef CLMIX_MODELS_MIXERS_NYSTROM_H
#define CLMIX_MODELS_MIXERS_NYSTROM_H

#include <clmix/mixing.h>

struct clmix_landmarks {
    clmix_value q, k;            /* means of runs of queries and of keys, (B, l, heads * d) */
    size_t heads, zero_keys;     /* as of clmix_attention */
    float scale;                 /* 1 / sqrt(d) */
    size_t iterations;           /* of the pseudo-inverse */
    clmix_inverse_maxima maxima; /* what its start is scaled by */
};

/* S1 Z (S3 v), from the right: two attentions of N x l weights, none of which is ever in memory. A mask hides keys from the landmarks. */
clmix_value clmix_through_landmarks(clmix_value q, clmix_value k, clmix_value v, clmix_value mask, const struct clmix_landmarks *landmarks);

/* That the convolution beside it has an odd length. */
clmix_status clmix_settle_residual_conv(size_t kernel, const char *where);

#endif
