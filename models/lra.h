/* The parts of MRA's encoder that its two models share. */
#ifndef CLMIX_MODELS_LRA_H
#define CLMIX_MODELS_LRA_H

#include "models/mixers/mixer.h"

/* Where the encoder's mixers stand. */
extern const struct clmix_frame clmix_lra_frame;

/* x + mix(LN(x)), and of that x + ff(LN(x)), ff through `mlp_dim`: tokens (B, N, dim) to the same. Weights at "norm1", "mha", "norm2" and "mlpblock" below
 * `at`. */
clmix_value clmix_lra_block(clmix_scope at, const struct clmix_sequence *x, const struct clmix_mixer *mixer, size_t mlp_dim);
/* The encoder's last norm, at "norm" below `at`. */
clmix_value clmix_lra_norm(clmix_scope at, clmix_value x);
/* W2 relu(W1 x), x (B, C) through `hidden` -> (B, classes). Weights at "0" and "2" below `at`. */
clmix_value clmix_lra_head(clmix_scope at, clmix_value x, size_t hidden, size_t classes);

#endif
