#include "models/parts/transformer.h"

#include "graph/modules.h"
#include "graph/op.h"
#include "models/parts/feed_forward.h"

#include <clmix/ops.h>

#define EPSILON 1e-5f

clmix_value clmix_transformer_block(clmix_scope at, const struct clmix_sequence *x, const struct clmix_mixer *mixer, size_t mlp_dim)
{
    const clmix_scope mix = clmix_in(at, "0"), feed = clmix_in(at, "1"), net = clmix_in(feed, "fn.net");
    const size_t dim = clmix_shape_columns(clmix_shape_of(x->value));
    struct clmix_sequence normed = *x;
    clmix_value y;

    normed.value = clmix_layer_norm(clmix_in(mix, "norm"), x->value, EPSILON);
    y = clmix_module(clmix_mix(clmix_in(mix, "fn"), &normed, mixer)); /* in the module of the norm and it */
    clmix_at(mix);
    y = clmix_add(y, x->value);
    normed.value = clmix_layer_norm(clmix_in(feed, "norm"), y, EPSILON);
    normed.value =
        clmix_feed_forward(clmix_in(net, "0"), clmix_in(net, "3"), normed.value, clmix_channel_linear, mlp_dim, dim, mixer->dropout);
    return clmix_add(clmix_module(clmix_module(normed.value)), y); /* in a module of its own, and likewise */
}

clmix_value clmix_norm_head(clmix_scope at, clmix_value x, size_t classes)
{
    return clmix_linear(clmix_in(at, "1"), clmix_layer_norm(clmix_in(at, "0"), x, EPSILON), classes, true);
}
