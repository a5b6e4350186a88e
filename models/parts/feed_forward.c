#include "models/parts/feed_forward.h"

#include "graph/modules.h"

#include <clmix/ops.h>

clmix_value clmix_channel_linear(clmix_scope at, clmix_value x, size_t features)
{
    return clmix_linear(at, x, features, true);
}

clmix_value clmix_feed_forward(clmix_scope first, clmix_scope second, clmix_value x, clmix_layer layer, size_t hidden, size_t features,
                               float dropout)
{
    clmix_value y = clmix_module(clmix_gelu(layer(first, x, hidden)));

    y = clmix_module(clmix_dropout(y, dropout));
    return clmix_module(clmix_dropout(layer(second, y, features), dropout));
}
