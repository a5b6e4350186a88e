/* MLP-Mixer (Tolstikhin et al. 2021), as the authors of Vision X-formers (Jeevan & Sethi 2021) have it, and its hybrid by the stem.
 *
 *     x = stem(pictures);   x = block(x), `depth` times;   logits = Linear(mean over the tokens of LN(x))
 *
 * No class token and no positions: which token is which is in the weights of the mixer. Names and shapes of the weights are the authors', whose
 * modules are numbered in one sequence. */
#include "base/status.h"
#include "graph/modules.h"
#include "models/mixers/mixer.h"
#include "models/parts/feed_forward.h"
#include "models/parts/stem.h"
#include <clmix/ops.h>

#define EPSILON 1e-5f

struct mlp_mixer_keys {
    struct clmix_stem_keys stem;
    size_t dim, depth;
    struct clmix_mixer mixer;
};

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

/* x + mix(LN(x)), and of that x + ff(LN(x)), ff along the channels. */
static clmix_value block(clmix_scope at, clmix_value x, const struct mlp_mixer_keys *keys)
{
    const clmix_scope mix = clmix_in(at, "0"), feed = clmix_in(at, "1");
    const struct clmix_sequence tokens = { .value = clmix_layer_norm(clmix_in(mix, "norm"), x, EPSILON) };

    x = clmix_module(clmix_add(clmix_mix(clmix_in(mix, "fn"), &tokens, &keys->mixer), x));
    return clmix_module(
        clmix_add(clmix_feed_forward(clmix_in(feed, "fn.0"), clmix_in(feed, "fn.3"), clmix_layer_norm(clmix_in(feed, "norm"), x, EPSILON),
                                     clmix_channel_linear, keys->mixer.expansion * keys->dim, keys->dim, keys->mixer.dropout),
                  x));
}

/* The authors' modules, one after another: the stem is 1, behind what makes patches, or 0, 1, ... with as many convolutions and what makes
 * tokens of them. */
static clmix_value mlp_mixer_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct mlp_mixer_keys *keys = given;
    const size_t first = keys->stem.kind == CLMIX_STEM_CONV ? keys->stem.channels.count + 2 : 2, norm = first + keys->depth;
    clmix_value x = clmix_stem(at, clmix_in(at, "1"), inputs[0], &keys->stem, keys->dim);

    for (size_t i = 0; i < keys->depth; i++)
        x = block(clmix_in(at, "%zu", first + i), x, keys);
    x = clmix_layer_norm(clmix_in(at, "%zu", norm), x, EPSILON);
    clmix_at(clmix_in(at, "%zu", norm + 1));
    x = clmix_module(clmix_global_average_pool(x));
    return clmix_linear(clmix_in(at, "%zu", norm + 2), x, keys->stem.picture.classes, true);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct mlp_mixer_keys, member)

static const struct clmix_key rows[] = {
    { .name = "dim", .type = CLMIX_KEY_SIZE, .offset = AT(dim), .meaning = "width of a token" },
    { .name = "depth", .type = CLMIX_KEY_SIZE, .offset = AT(depth), .most = CLMIX_DEPTH_MOST, .meaning = "blocks" },
    { .name = "expansion",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mixer.expansion),
      .usual = "4",
      .meaning = "hidden width of both feed-forward parts, relative to the tokens and to `dim`" },
    { .name = "mixer",
      .type = CLMIX_KEY_OBJECT,
      .offset = AT(mixer.mixer),
      .kinds = clmix_mixer_tables,
      .usual = "mlp",
      .meaning = "how tokens are mixed: below; there are no heads" },
    { .name = "dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(mixer.dropout),
      .usual = "0",
      .meaning = "after the GELU and after the second layer of both feed-forward parts" },
};

static clmix_status mlp_mixer_check(void *given, const char *where)
{
    struct mlp_mixer_keys *keys = given;

    CLMIX_TRY(clmix_stem_settle(&keys->stem, where));
    return clmix_mixer_settle(&keys->mixer, where);
}

const struct clmix_model_kind clmix_model_mlp_mixer = {
    .table = {
        .name = "mlp_mixer",
        .bytes = sizeof(struct mlp_mixer_keys),
        .first = &clmix_stem_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = mlp_mixer_check,
    },
    .ports = clmix_picture_ports,
    .answer = clmix_picture_answer,
    .build = mlp_mixer_build,
};
