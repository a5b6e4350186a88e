/* Softmax attention of token models (Vaswani et al. 2017; Devlin et al. 2019):  y = softmax(q k^T / sqrt d) v for each head. Padding is seen by no
 * query; its own queries see the tokens. */
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>

struct softmax_keys {
    bool causal;
};

static clmix_value softmax_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *given)
{
    const struct softmax_keys *keys = given;

    (void)at;
    return clmix_attention(heads->q, heads->k, heads->v, heads->mask,
                           (clmix_attention_options){ .heads = mixer->heads, .causal = keys->causal, .dropout = mixer->attention_dropout });
}

static const struct clmix_key rows[] = {
    { .name = "causal",
      .type = CLMIX_KEY_FLAG,
      .offset = offsetof(struct softmax_keys, causal),
      .usual = "false",
      .meaning = "a token sees none behind it" },
};

static bool free_of_padding(const void *given)
{
    (void)given;
    return true; /* its keys are left out */
}

const struct clmix_mixer_kind clmix_mixer_token_softmax = {
    .table = { .name = "softmax", .bytes = sizeof(struct softmax_keys), .keys = rows, .count = 1 },
    .takes_mask = true,
    .takes_position = true,
    .free_of_padding = free_of_padding,
    .settle = clmix_settle_heads,
    .mix = clmix_mix_heads,
    .attend = softmax_attend,
};
