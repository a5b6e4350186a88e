/* PiT: vision transformers whose map is pooled between stages (Heo et al. 2021), with the mixers of Vision X-formers: PiT, PiP, PiN.
 *
 *     x = [class token, stem(pictures)] + positions;   x = block(x), depth[0] times;   x = pool(x);   x = block(x), depth[1] times; ...
 *     logits = Linear(LN(first token of x))
 *
 * Pooling halves the map and doubles the width; heads and the feed-forward part's hidden width stay. Patches overlap. Names and shapes of
 * the weights are those of the public implementation that the authors adapted. */
#include "models/pit.h"

#include "base/status.h"
#include "graph/modules.h"
#include "graph/op.h"
#include "models/parts/positions.h"
#include "models/parts/stem.h"
#include "models/parts/transformer.h"
#include <clmix/ops.h>

struct pit_keys {
    struct clmix_stem_keys stem; /* its `step` is the key patch_stride */
    size_t dim;                  /* of the first stage */
    struct clmix_key_list depth; /* blocks of each stage */
    size_t mlp_dim;
    struct clmix_mixer mixer;
    float embedding_dropout;
};

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

clmix_value clmix_pit_pool(clmix_scope at, clmix_value x, size_t map[2])
{
    const clmix_scope net = clmix_in(at, "downsample.net");
    const clmix_shape shape = clmix_shape_of(x);
    const size_t count = map[0] * map[1], channels = shape.size[2];
    clmix_window halving = clmix_square(3, 2, 1);
    clmix_value token, y;

    if (!clmix_is_value(x))
        return x;
    clmix_at(at);
    halving.groups = channels;
    token = clmix_slice(x, 1, 0, 1);
    y = clmix_reshape(clmix_slice(x, 1, 1, count), 4, (size_t[]){ shape.size[0], map[0], map[1], channels });
    y = clmix_conv2d(clmix_in(net, "0"), y, 2 * channels, halving, true);
    y = clmix_module(clmix_conv2d(clmix_in(net, "1"), y, 2 * channels, clmix_square(1, 1, 0), true)); /* both in a module */
    token = clmix_linear(clmix_in(at, "cls_ff"), token, 2 * channels, true);
    for (int i = 0; i < 2; i++)
        map[i] = (map[i] - 1) / 2 + 1;
    clmix_at(at);
    return clmix_module(clmix_concat((clmix_value[]){ token, clmix_map_tokens(y) }, 2, 1));
}

static clmix_value pit_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct pit_keys *keys = given;
    const clmix_scope stem = clmix_in(at, "to_patch_embedding");
    struct clmix_sequence x = { .value = clmix_stem(stem, clmix_in(stem, "2"), inputs[0], &keys->stem, keys->dim) };
    size_t map[2];

    clmix_stem_map(&keys->stem, map);
    x.value = clmix_class_token(at, x.value);
    x.value = clmix_add(x.value, clmix_learned_positions(at, map[0] * map[1] + 1, keys->dim));
    x.value = clmix_module(clmix_dropout(x.value, keys->embedding_dropout));
    for (size_t s = 0; s < keys->depth.count; s++) {
        if (s > 0)
            x.value = clmix_pit_pool(clmix_in(at, "layers.%zu", 2 * s - 1), x.value, map);
        for (size_t i = 0; i < keys->depth.size[s]; i++)
            x.value = clmix_transformer_block(clmix_in(at, "layers.%zu.layers.%zu", 2 * s, i), &x, &keys->mixer, keys->mlp_dim);
        clmix_module(x.value); /* the stage */
    }
    clmix_at(clmix_in(at, "pool"));
    return clmix_norm_head(clmix_in(at, "mlp_head"), clmix_first_token(x.value), keys->stem.picture.classes);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct pit_keys, member)

static const struct clmix_key rows[] = {
    { .name = "patch_stride",
      .type = CLMIX_KEY_PAIR,
      .offset = AT(stem.step),
      .derived = "half of `patch_size`, at least 1",
      .meaning = "from one patch to the next: they overlap" },
    { .name = "dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(dim),
      .meaning = "width of a token in the first stage; each later one doubles it" },
    { .name = "depth", .type = CLMIX_KEY_LIST, .offset = AT(depth), .most = CLMIX_DEPTH_MOST, .meaning = "blocks, an entry a stage" },
    { .name = "heads",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mixer.heads),
      .meaning = "of the mixer, in every stage; without effect where it has none" },
    { .name = "head_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mixer.head_dim),
      .usual = "64",
      .meaning = "width of a head; `heads * head_dim` need not be `dim`" },
    { .name = "mlp_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mlp_dim),
      .meaning = "hidden width of the feed-forward part, in every stage" },
    { .name = "mixer",
      .type = CLMIX_KEY_OBJECT,
      .offset = AT(mixer.mixer),
      .kinds = clmix_mixer_tables,
      .usual = "softmax",
      .meaning = "how tokens are mixed: below" },
    { .name = "dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(mixer.dropout),
      .usual = "0",
      .meaning = "behind the mixer's output, and twice in the feed-forward part" },
    { .name = "embedding_dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(embedding_dropout),
      .usual = "0",
      .meaning = "behind the positions" },
};

static clmix_status pit_check(void *given, const char *where)
{
    struct pit_keys *keys = given;
    struct clmix_stem_keys *stem = &keys->stem;
    size_t widest = keys->dim;

    for (int i = 0; i < 2; i++)
        if (stem->step[i] == 0)
            stem->step[i] = stem->patch[i] > 1 ? stem->patch[i] / 2 : 1;
    stem->channels_first = true;
    CLMIX_TRY(clmix_stem_settle(stem, where));
    for (size_t s = 1; s < keys->depth.count; s++)
        widest *= 2;
    if (widest > CLMIX_KEY_MOST)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'dim' is %zu and doubles %zu times, to %zu; %d is the most", where, keys->dim,
                          keys->depth.count - 1, widest, CLMIX_KEY_MOST);
    return clmix_mixer_settle(&keys->mixer, where);
}

const struct clmix_model_kind clmix_model_pit = {
    .table = {
        .name = "pit",
        .bytes = sizeof(struct pit_keys),
        .first = &clmix_stem_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = pit_check,
    },
    .ports = clmix_picture_ports,
    .answer = clmix_picture_answer,
    .build = pit_build,
};
