/* The part of PiT that is compared by itself, too. */
#ifndef CLMIX_MODELS_PIT_H
#define CLMIX_MODELS_PIT_H

#include <clmix/graph.h>

/* Pooling between stages: the map of tokens (B, 1 + map[0] map[1], C), without the class token, to half its size and twice its channels, by a
 * 3x3 convolution that makes two channels of each one, and a 1x1 convolution; the class token by a linear layer of its own. Gives (B, 1 + the
 * new map, 2C), and the new map's height and width in `map`. */
clmix_value clmix_pit_pool(clmix_scope at, clmix_value x, size_t map[2]);

#endif
