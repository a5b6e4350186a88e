/* CvT, whose stages begin with convolutions (Wu et al. 2021; Vision X-formers, table 3): CvT, CvP, CvL, CvN by their mixer.
 *
 *     x = pictures;   x = norm(conv(x)), then x = x + mix(norm(x)), x = x + ff(norm(x)), depth[s] times: for each stage s
 *     logits = Linear(mean over the map of x)
 *
 * norm is channel norm, with epsilon outside the root. No positions, no class token, and no norm at the end. Names and shapes of the weights are
 * the authors'. */
#include "base/status.h"
#include "graph/modules.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"
#include "models/model.h"
#include "models/parts/feed_forward.h"
#include "models/parts/pointwise.h"
#include <clmix/ops.h>
#include <string.h>

#define EPSILON 1e-5f

struct cvt_keys {
    struct clmix_picture_keys picture;
    struct clmix_key_list dim, depth, heads, mlp_mult, embed_kernel, embed_stride; /* an entry a stage */
    struct clmix_mixer mixer;                                                      /* its heads: those of the stage at hand */
};

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

/* A channel norm, which is a module that owns nothing by the papers' counting rule. */
static clmix_value norm(clmix_scope at, clmix_value x)
{
    return clmix_module(clmix_channel_norm(at, x, EPSILON));
}

static clmix_value block(clmix_scope at, struct clmix_sequence x, const struct clmix_mixer *mixer, size_t mlp_mult)
{
    const clmix_scope mix = clmix_in(at, "0"), feed = clmix_in(at, "1"), net = clmix_in(feed, "fn.net");
    const clmix_value before = x.value;
    const size_t dim = clmix_shape_columns(clmix_shape_of(x.value));
    clmix_value y;

    x.value = norm(clmix_in(mix, "norm"), before);
    y = clmix_module(clmix_mix_map(clmix_in(mix, "fn"), &x, mixer)); /* in the module of the norm and it */
    clmix_at(mix);
    x.value = clmix_add(y, before);
    y = norm(clmix_in(feed, "norm"), x.value);
    y = clmix_feed_forward(clmix_in(net, "0"), clmix_in(net, "3"), y, clmix_pointwise_layer, mlp_mult * dim, dim, mixer->dropout);
    return clmix_add(clmix_module(clmix_module(y)), x.value); /* in a module of its own, and likewise */
}

/* A map to the tokens of stage `s`. */
static struct clmix_sequence stage(clmix_scope at, clmix_value map, const struct cvt_keys *keys, size_t s)
{
    const size_t kernel = keys->embed_kernel.size[s];
    const clmix_window window = clmix_square(kernel, keys->embed_stride.size[s], kernel / 2);
    struct clmix_sequence x = clmix_sequence_of(clmix_conv2d(clmix_in(at, "0"), map, keys->dim.size[s], window, true));
    struct clmix_mixer mixer = keys->mixer;

    mixer.heads = keys->heads.size[s];
    x.value = norm(clmix_in(at, "1"), x.value);
    for (size_t i = 0; i < keys->depth.size[s]; i++)
        x.value = block(clmix_in(at, "2.layers.%zu", i), x, &mixer, keys->mlp_mult.size[s]);
    x.value = clmix_module(x.value); /* its blocks */
    return x;
}

static clmix_value cvt_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct cvt_keys *keys = given;
    clmix_value x = inputs[0];

    for (size_t s = 0; s < keys->dim.count; s++) {
        const struct clmix_sequence tokens = stage(clmix_in(at, "layers.%zu", s), x, keys, s);

        x = clmix_map_of(&tokens);
    }
    clmix_at(clmix_in(at, "pool"));
    x = clmix_module(clmix_module(clmix_global_average_pool(x))); /* pooled, and flattened */
    return clmix_linear(clmix_in(at, "layers.%zu", keys->dim.count + 2), x, keys->picture.classes, true);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct cvt_keys, member)

static const struct clmix_key rows[] = {
    { .name = "dim", .type = CLMIX_KEY_LIST, .offset = AT(dim), .meaning = "width of a token, an entry a stage" },
    { .name = "depth", .type = CLMIX_KEY_LIST, .offset = AT(depth), .most = CLMIX_DEPTH_MOST, .meaning = "blocks, an entry a stage" },
    { .name = "heads",
      .type = CLMIX_KEY_LIST,
      .offset = AT(heads),
      .meaning = "of the mixer, an entry a stage; without effect where it has none" },
    { .name = "head_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mixer.head_dim),
      .derived = "64 where `mixer` is `softmax`, else 32",
      .meaning = "width of a head, in every stage; `heads * head_dim` need not be `dim`" },
    { .name = "mlp_mult",
      .type = CLMIX_KEY_LIST,
      .offset = AT(mlp_mult),
      .meaning = "hidden width of the feed-forward part, relative to `dim`, an entry a stage" },
    { .name = "embed_kernel",
      .type = CLMIX_KEY_LIST,
      .offset = AT(embed_kernel),
      .meaning = "of the convolution that a stage begins with, an entry a stage; it is padded by half of it, rounded down" },
    { .name = "embed_stride", .type = CLMIX_KEY_LIST, .offset = AT(embed_stride), .meaning = "of that convolution, an entry a stage" },
    { .name = "mixer",
      .type = CLMIX_KEY_OBJECT,
      .offset = AT(mixer.mixer),
      .kinds = clmix_cvt_mixer_tables,
      .usual = "softmax",
      .meaning = "how tokens are mixed: below; `softmax` is CvT's own" },
    { .name = "dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(mixer.dropout),
      .usual = "0",
      .meaning = "behind the mixer's output, and twice in the feed-forward part" },
};

/* An entry for each stage that `dim` has. */
static clmix_status check_stages(const struct cvt_keys *keys, const char *where)
{
    static const size_t lists[] = { AT(depth), AT(heads), AT(mlp_mult), AT(embed_kernel), AT(embed_stride) };
    static const char *const names[] = { "depth", "heads", "mlp_mult", "embed_kernel", "embed_stride" };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct clmix_key_list *list = (const struct clmix_key_list *)((const char *)keys + lists[i]);

        if (list->count != keys->dim.count)
            return clmix_fail(CLMIX_ERROR_FORMAT, "%s: '%s' has %zu entries and 'dim' has %zu; give one a stage", where, names[i],
                              list->count, keys->dim.count);
    }
    return CLMIX_OK;
}

static clmix_status cvt_check(void *given, const char *where)
{
    struct cvt_keys *keys = given;

    CLMIX_TRY(check_stages(keys, where));
    if (keys->mixer.head_dim == 0)
        keys->mixer.head_dim = strcmp(keys->mixer.mixer.table->name, "softmax") == 0 ? 64 : 32;
    for (size_t s = 0; s < keys->dim.count; s++) {
        keys->mixer.heads = keys->heads.size[s];
        CLMIX_TRY(clmix_mixer_settle(&keys->mixer, where));
    }
    return CLMIX_OK;
}

const struct clmix_model_kind clmix_model_cvt = {
    .table = {
        .name = "cvt",
        .bytes = sizeof(struct cvt_keys),
        .first = &clmix_picture_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = cvt_check,
    },
    .ports = clmix_picture_ports,
    .answer = clmix_picture_answer,
    .build = cvt_build,
};
