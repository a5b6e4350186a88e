/* What transformers are made of: blocks with the norms in front, and the classifier behind them. */
#ifndef CLMIX_MODELS_TRANSFORMER_H
#define CLMIX_MODELS_TRANSFORMER_H

#include "models/mixers/mixer.h"

/* x + mix(LN(x)), and of that x + ff(LN(x)) (pre-norm; Dosovitskiy et al. 2021): tokens (B, N, dim) to the same, ff through `mlp_dim`. Weights
 * at "0.norm", "0.fn", "1.norm" and "1.fn.net" below `at`. `x` is as a mixer takes it: with a mask and positions, or without. */
clmix_value clmix_transformer_block(clmix_scope at, const struct clmix_sequence *x, const struct clmix_mixer *mixer, size_t mlp_dim);

/* Linear(LN(x)), x (B, C) -> (B, classes): "0" and "1" below `at`. */
clmix_value clmix_norm_head(clmix_scope at, clmix_value x, size_t classes);

#endif
