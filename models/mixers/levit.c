/* LeViT's softmax attention (Graham et al. 2021; Vision X-formers, table 3), without its positional bias, which the paper dropped:
 *
 *     q, k, v = BN(W x);   y = BN(W gelu(softmax(q k^T / sqrt(d)) v) + b)
 *
 * All W are 1x1 convolutions; values have a width of their own. The last norm's weight begins at 0, so that a block begins as nothing. */
#include "graph/modules.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"
#include "models/parts/pointwise.h"
#include <clmix/mixing.h>
#include <clmix/ops.h>

#define EPSILON  1e-5f
#define MOMENTUM 0.1f

static clmix_value project(clmix_scope at, clmix_value x, size_t features)
{
    return clmix_batch_norm(clmix_in(at, "1"), clmix_pointwise(clmix_in(at, "0"), x, features, false), EPSILON, MOMENTUM);
}

static clmix_value levit_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *keys)
{
    const clmix_scope out = clmix_in(at, "to_out"), norm = clmix_in(out, "2");
    const size_t value_dim = mixer->value_dim == 0 ? mixer->head_dim : mixer->value_dim;
    const clmix_shape shape = clmix_shape_of(tokens->value);
    clmix_value q = project(clmix_in(at, "to_q"), tokens->value, mixer->heads * mixer->head_dim),
                k = project(clmix_in(at, "to_k"), tokens->value, mixer->heads * mixer->head_dim),
                v = project(clmix_in(at, "to_v"), tokens->value, mixer->heads * value_dim), y;

    (void)keys;
    clmix_at(at);
    y = clmix_attention(q, k, v, clmix_no_value(), (clmix_attention_options){ .heads = mixer->heads, .dropout = mixer->attention_dropout });
    y = clmix_module_values(y, shape.size[0] * mixer->heads * shape.size[1] * shape.size[1]); /* the softmax */
    y = clmix_pointwise(clmix_in(out, "1"), clmix_module(clmix_gelu(y)), shape.size[2], true);
    y = clmix_batch_norm(norm, y, EPSILON, MOMENTUM);
    (void)clmix_initialize(norm, "weight", 1, (clmix_initializer){ .kind = CLMIX_ZEROS });
    clmix_at(out);
    return clmix_module(clmix_module(clmix_dropout(y, mixer->dropout))); /* all of the attention */
}

const struct clmix_mixer_kind clmix_mixer_levit = {
    .table = { .name = "softmax", .bytes = 1 }, /* no keys */
    .of_maps = true,
    .mix = levit_mix,
};
