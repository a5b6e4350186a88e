/* A linear layer along the tokens, which the authors write as a 1x1 convolution whose channels are the tokens. */
#ifndef CLMIX_MODELS_TOKEN_LINEAR_H
#define CLMIX_MODELS_TOKEN_LINEAR_H

#include <clmix/graph.h>

/* y[b, j, :] = sum_i W[j, i] x[b, i, :] + bias[j]:  x (B, N, C) -> (B, features, C). Weights "weight" (features, N, 1), "bias" (features),
 * both uniform in +-1 / sqrt(N). */
clmix_value clmix_token_linear(clmix_scope at, clmix_value x, size_t features);

#endif
