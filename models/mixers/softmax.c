/* Softmax attention (Vaswani et al. 2017; Vision X-formers, table 1):  y = softmax(q k^T / sqrt d) v for each head, of queries, keys and values from
 * one linear layer "to_qkv" without a bias, side by side in its output; then "to_out.0" puts the heads together, unless there is one, as wide
 * as a token. CCT's is the same under other names, puts together one head too, and drops weights. Every token meets every other one: N x N
 * weights a head, which the op never has in memory. */
#include "base/status.h"
#include "graph/modules.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>

static const char *name_or(const char *name, const char *usual)
{
    return name == NULL ? usual : name;
}

static clmix_value softmax_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *given)
{
    const size_t value_dim = mixer->value_dim == 0 ? mixer->head_dim : mixer->value_dim, width = mixer->heads * mixer->head_dim,
                 value_width = mixer->heads * value_dim;
    const clmix_shape shape = clmix_shape_of(tokens->value);
    clmix_value qkv = clmix_linear(clmix_in(at, "%s", name_or(mixer->qkv, "to_qkv")), tokens->value, 2 * width + value_width, false), q, k,
                v, y;

    (void)given;
    clmix_at(at);
    q = clmix_slice(qkv, -1, 0, width);
    k = clmix_slice(qkv, -1, width, width);
    v = clmix_slice(qkv, -1, 2 * width, value_width);
    if (tokens->position.graph != NULL) {
        q = clmix_rotary(q, tokens->position, mixer->heads, CLMIX_ROTARY_PAIRS);
        k = clmix_rotary(k, tokens->position, mixer->heads, CLMIX_ROTARY_PAIRS);
    }
    y = clmix_attention(q, k, v, tokens->mask, (clmix_attention_options){ .heads = mixer->heads, .dropout = mixer->attention_dropout });
    y = clmix_module_values(y, shape.size[0] * mixer->heads * shape.size[1] *
                                   shape.size[1]); /* the authors' softmax, or dropout, of the weights */
    if (mixer->heads == 1 && value_width == shape.size[2] && mixer->out == NULL)
        return clmix_module(clmix_module(y)); /* an identity, in the attention's module */
    y = clmix_linear(clmix_in(at, "%s", name_or(mixer->out, "to_out.0")), y, shape.size[2], true);
    return clmix_module(clmix_module(clmix_dropout(y, mixer->dropout)));
}

static clmix_status softmax_settle(void *keys, const struct clmix_mixer *mixer, const char *where)
{
    (void)keys;
    return mixer->heads > 0 ? CLMIX_OK
                            : clmix_fail(CLMIX_ERROR_FORMAT,
                                         "%s: the mixer 'softmax' has heads, and this model gives it none; take another mixer", where);
}

const struct clmix_mixer_kind clmix_mixer_softmax = {
    .table = { .name = "softmax", .bytes = 1 }, /* no keys */
    .takes_mask = true,
    .takes_position = true,
    .settle = softmax_settle,
    .mix = softmax_mix,
};
