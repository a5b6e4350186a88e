/* The feed-forward part, which every network of the papers has:  y = W2 drop(gelu(W1 x)), and dropout once more. */
#ifndef CLMIX_MODELS_FEED_FORWARD_H
#define CLMIX_MODELS_FEED_FORWARD_H

#include <clmix/graph.h>

/* A layer from x to `features` along the axis that it mixes: clmix_linear for channels, clmix_token_linear for tokens. Weights at `at`. */
typedef clmix_value (*clmix_layer)(clmix_scope at, clmix_value x, size_t features);

/* Linear over the last axis with a bias, as a clmix_layer. */
clmix_value clmix_channel_linear(clmix_scope at, clmix_value x, size_t features);

/* To `hidden` and on to `features`, the weights of both layers at `first` and `second`. */
clmix_value clmix_feed_forward(clmix_scope first, clmix_scope second, clmix_value x, clmix_layer layer, size_t hidden, size_t features,
                               float dropout);

#endif
