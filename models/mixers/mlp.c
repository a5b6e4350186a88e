/* Token mixing of MLP-Mixer (Tolstikhin et al. 2021; Vision X-formers, table 1):  y = W2 gelu(W1 x + b1) + b2 along the tokens, the same for
 * every channel.  W1 (expansion N, N), W2 (N, expansion N): the number of tokens is fixed by the weights, and which is which is in them, so
 * that no position is needed. Weights "0" and "3", as the authors number them. */
#include "models/mixers/mixer.h"
#include "models/parts/feed_forward.h"
#include "models/parts/token_linear.h"

struct mlp_keys {
    size_t expansion;
};

static clmix_value mlp_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *given)
{
    const struct mlp_keys *keys = given;
    size_t count = clmix_shape_of(tokens->value).size[1];

    return clmix_feed_forward(clmix_in(at, "0"), clmix_in(at, "3"), tokens->value, clmix_token_linear, keys->expansion * count, count,
                              mixer->dropout);
}

static clmix_status mlp_settle(void *given, const struct clmix_mixer *mixer, const char *where)
{
    struct mlp_keys *keys = given;

    (void)where;
    if (keys->expansion == 0)
        keys->expansion = mixer->expansion > 0 ? mixer->expansion : 4;
    return CLMIX_OK;
}

static const struct clmix_key rows[] = {
    { .name = "expansion",
      .type = CLMIX_KEY_SIZE,
      .offset = offsetof(struct mlp_keys, expansion),
      .derived = "the backbone's `expansion`, 4 where it has none",
      .meaning = "hidden width relative to the number of tokens" },
};

const struct clmix_mixer_kind clmix_mixer_mlp = {
    .table = { .name = "mlp", .bytes = sizeof(struct mlp_keys), .keys = rows, .count = sizeof rows / sizeof *rows },
    .settle = mlp_settle,
    .mix = mlp_mix,
};
