/* LeViT of one stage, as Vision X-formers has it (Graham et al. 2021; Jeevan & Sethi 2021, table 3): LeViT, LeViP, LeViL, LeViN by their mixer.
 *
 *     x = conv_embedding(pictures);   x = x + mix(x), x = x + ff(x), `depth` times;   logits = mlp_head(mean over the map of x)
 *
 * No norm but those of LeViT's own attention, and no positions. Names and shapes of the weights are the authors'. */
#include "graph/modules.h"
#include "models/mixers/mixer.h"
#include "models/model.h"
#include "models/parts/feed_forward.h"
#include "models/parts/pointwise.h"
#include "models/parts/stem.h"
#include <clmix/ops.h>

struct levit_keys {
    struct clmix_picture_keys picture;
    struct clmix_key_list stem_channels;
    size_t stem_stride, dim, depth, mlp_mult;
    struct clmix_mixer mixer;
};

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

static clmix_value block(clmix_scope at, struct clmix_sequence x, const struct levit_keys *keys)
{
    const clmix_scope mix = clmix_in(at, "0"), feed = clmix_in(at, "1.net");
    clmix_value y = clmix_mix_map(mix, &x, &keys->mixer);

    clmix_at(mix);
    x.value = clmix_add(y, x.value);
    y = clmix_feed_forward(clmix_in(feed, "0"), clmix_in(feed, "3"), x.value, clmix_pointwise_layer, keys->mlp_mult * keys->dim, keys->dim,
                           keys->mixer.dropout);
    return clmix_add(clmix_module(y), x.value); /* a module of its own */
}

static clmix_value levit_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct levit_keys *keys = given;
    clmix_value map = clmix_convolutions(clmix_in(at, "conv_embedding"), inputs[0], &keys->stem_channels, keys->stem_stride, keys->dim), x;
    struct clmix_sequence tokens = clmix_sequence_of(map);

    for (size_t i = 0; i < keys->depth; i++)
        tokens.value = block(clmix_in(at, "backbone.0.layers.%zu", i), tokens, keys);
    x = clmix_module(tokens.value); /* the stage */
    clmix_at(clmix_in(at, "pool"));
    x = clmix_module(clmix_module(clmix_global_average_pool(x))); /* pooled, and flattened */
    return clmix_linear(clmix_in(at, "mlp_head"), x, keys->picture.classes, true);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct levit_keys, member)

static const struct clmix_key rows[] = {
    { .name = "stem_channels",
      .type = CLMIX_KEY_LIST,
      .offset = AT(stem_channels),
      .usual = "[32, 64]",
      .meaning = "of the stem's 3x3 convolutions before the last one, whose width is `dim`" },
    { .name = "stem_stride", .type = CLMIX_KEY_SIZE, .offset = AT(stem_stride), .usual = "1", .meaning = "of the first convolution" },
    { .name = "dim", .type = CLMIX_KEY_SIZE, .offset = AT(dim), .meaning = "width of a token" },
    { .name = "depth", .type = CLMIX_KEY_SIZE, .offset = AT(depth), .most = CLMIX_DEPTH_MOST, .meaning = "blocks" },
    { .name = "heads", .type = CLMIX_KEY_SIZE, .offset = AT(mixer.heads), .meaning = "of the mixer; without effect where it has none" },
    { .name = "head_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mixer.head_dim),
      .usual = "32",
      .meaning = "width of a head of queries and keys; `heads * head_dim` need not be `dim`" },
    { .name = "value_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mixer.value_dim),
      .usual = "32",
      .meaning = "width of a head of values, in softmax attention" },
    { .name = "mlp_mult",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mlp_mult),
      .usual = "2",
      .meaning = "hidden width of the feed-forward part, relative to `dim`" },
    { .name = "mixer",
      .type = CLMIX_KEY_OBJECT,
      .offset = AT(mixer.mixer),
      .kinds = clmix_levit_mixer_tables,
      .usual = "softmax",
      .meaning = "how tokens are mixed: below; `softmax` is LeViT's own" },
    { .name = "dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(mixer.dropout),
      .usual = "0",
      .meaning = "behind the mixer's output, and twice in the feed-forward part" },
};

static clmix_status levit_check(void *given, const char *where)
{
    struct levit_keys *keys = given;

    return clmix_mixer_settle(&keys->mixer, where);
}

const struct clmix_model_kind clmix_model_levit = {
    .table = {
        .name = "levit",
        .bytes = sizeof(struct levit_keys),
        .first = &clmix_picture_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = levit_check,
    },
    .ports = clmix_picture_ports,
    .answer = clmix_picture_answer,
    .build = levit_build,
};
