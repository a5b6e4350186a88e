/* MRA's model of ImageNet (Zeng et al. 2022): the encoder of lra.c on overlapping patches.
 *
 *     x = Conv(pictures) + positions;   x = x + mix(LN(x)),  x = x + W2 gelu(W1 LN(x)),  `depth` times
 *     logits = W2 relu(W1 mean(LN(x)))
 *
 * No class token. Names and shapes of the weights are the authors'. */
#include "base/status.h"
#include "graph/op.h"
#include "models/lra.h"
#include "models/model.h"
#include "models/parts/stem.h"
#include "models/sequence.h"

#include <clmix/ops.h>

struct image_keys {
    struct clmix_picture_keys picture;
    size_t patch, step, padding; /* of the convolution */
    size_t dim, depth, mlp_dim;
    struct clmix_mixer mixer;
};

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

static clmix_value embed(clmix_scope at, clmix_value pictures, const struct image_keys *keys)
{
    const clmix_window window = clmix_square(keys->patch, keys->step, keys->padding);
    const clmix_value x = clmix_map_tokens(clmix_conv2d(clmix_in(at, "conv"), pictures, keys->dim, window, true));

    if (!clmix_is_value(x))
        return x;
    clmix_at(at);
    return clmix_dropout(clmix_add(x, clmix_embedding_table(at, "position_embeddings", clmix_shape_of(x).size[1], keys->dim)),
                         keys->mixer.dropout);
}

static clmix_value image_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct image_keys *keys = given;
    const clmix_scope backbone = clmix_in(at, "model.backbone");
    struct clmix_sequence x = { .value = embed(clmix_in(at, "embeddings"), inputs[0], keys) };

    for (size_t i = 0; i < keys->depth; i++)
        x.value = clmix_lra_block(clmix_in(backbone, "encoders.%zu", i), &x, &keys->mixer, keys->mlp_dim);
    return clmix_lra_head(clmix_in(at, "seq_classifer.mlpblock"), clmix_global_average_pool(clmix_lra_norm(backbone, x.value)),
                          keys->mlp_dim, keys->picture.classes);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct image_keys, member)

static const struct clmix_key rows[] = {
    { .name = "patch_size",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(patch),
      .usual = "14",
      .meaning = "of the convolution that makes the tokens, in pixels" },
    { .name = "patch_stride",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(step),
      .usual = "7",
      .meaning = "from one patch to the next: they overlap" },
    { .name = "patch_padding",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(padding),
      .usual = "5",
      .zero = true,
      .meaning = "zeros around the picture" },
    { .name = "dim", .type = CLMIX_KEY_SIZE, .offset = AT(dim), .meaning = "width of a token" },
    { .name = "depth", .type = CLMIX_KEY_SIZE, .offset = AT(depth), .most = CLMIX_DEPTH_MOST, .meaning = "blocks" },
    { .name = "heads", .type = CLMIX_KEY_SIZE, .offset = AT(mixer.heads), .meaning = "of the mixer" },
    { .name = "head_dim", .type = CLMIX_KEY_SIZE, .offset = AT(mixer.head_dim), .usual = "64", .meaning = "width of a head" },
    { .name = "mlp_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mlp_dim),
      .meaning = "hidden width of the feed-forward part and of the head" },
    { .name = "mixer",
      .type = CLMIX_KEY_OBJECT,
      .offset = AT(mixer.mixer),
      .kinds = clmix_token_mixer_tables,
      .usual = "softmax",
      .meaning = "how tokens are mixed: below, those of token models" },
    { .name = "dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(mixer.dropout),
      .usual = "0",
      .meaning = "behind the positions and the mixer's output, and twice in the feed-forward part" },
};

static clmix_status image_check(void *given, const char *where)
{
    struct image_keys *keys = given;
    const size_t least = keys->picture.height < keys->picture.width ? keys->picture.height : keys->picture.width;

    if (least + 2 * keys->padding < keys->patch)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: patches of %zu pixels do not fit into pictures of %zux%zu with %zu zeros around", where,
                          keys->patch, keys->picture.height, keys->picture.width, keys->padding);
    keys->mixer.frame = &clmix_lra_frame;
    return clmix_mixer_settle(&keys->mixer, where);
}

const struct clmix_model_kind clmix_model_mra_imagenet = {
    .table = {
        .name = "mra_imagenet",
        .bytes = sizeof(struct image_keys),
        .first = &clmix_picture_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = image_check,
    },
    .ports = clmix_picture_ports,
    .answer = clmix_picture_answer,
    .build = image_build,
};
