/* A 1x1 convolution: a linear layer of each token, whose weight has two more axes in the authors' files. */
#ifndef CLMIX_MODELS_POINTWISE_H
#define CLMIX_MODELS_POINTWISE_H

#include <clmix/graph.h>

/* y = x W + b over the last axis, x (..., in) -> (..., features). Weights "weight" (features, in, 1, 1) and, with `bias`, "bias" (features), both
 * uniform in +-1 / sqrt(in). */
clmix_value clmix_pointwise(clmix_scope at, clmix_value x, size_t features, bool bias);
/* With a bias, as a clmix_layer. */
clmix_value clmix_pointwise_layer(clmix_scope at, clmix_value x, size_t features);

#endif
