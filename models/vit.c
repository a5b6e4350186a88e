/* The ViT family of Vision X-formers (Jeevan & Sethi 2021) after Dosovitskiy et al. 2021, as the authors' public scripts have it: ViT, ViP,
 * ViL, ViN and FNet by their mixer, their hybrids by the stem, their rotary forms by the positions.
 *
 *     x = [class token, stem(pictures)] + positions;   x = block(x), `depth` times;   logits = Linear(LN(first token, or mean, of x))
 *
 * No norm closes the blocks. Names and shapes of the weights are the authors'. */
#include "base/status.h"
#include "graph/modules.h"
#include "models/parts/positions.h"
#include "models/parts/stem.h"
#include "models/parts/transformer.h"
#include <clmix/ops.h>
#include <string.h>

enum { LEARNED, ROPE };
enum { CLS, MEAN };

struct vit_keys {
    struct clmix_stem_keys stem;
    size_t dim, depth, mlp_dim;
    struct clmix_mixer mixer;
    int position;       /* LEARNED, ROPE */
    size_t rope_length; /* rows of the rotary table */
    int pool;           /* CLS, MEAN */
    float embedding_dropout;
};

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

/* The authors' rotary scripts of ViT and ViL still own learned positions, which nothing uses: they are in files, without a gradient. */
static bool keeps_positions(const struct vit_keys *keys)
{
    const char *mixer = keys->mixer.mixer.table->name;

    return keys->position == LEARNED || strcmp(mixer, "softmax") == 0 || strcmp(mixer, "linformer") == 0;
}

/* Class token and positions: learned ones are added here, rotary ones turn queries and keys in every mixer. */
static struct clmix_sequence embed(clmix_scope at, clmix_value pictures, const struct vit_keys *keys)
{
    const clmix_scope stem = clmix_in(at, "to_patch_embedding");
    struct clmix_sequence x = { .value = clmix_stem(stem, clmix_in(stem, "1"), pictures, &keys->stem, keys->dim) };
    clmix_value positions = { 0 };

    x.value = clmix_class_token(at, x.value);
    if (keeps_positions(keys))
        positions = clmix_learned_positions(at, clmix_shape_of(x.value).size[1], keys->dim);
    if (keys->position == LEARNED)
        x.value = clmix_add(x.value, positions);
    else
        x.position = clmix_rotary_positions(clmix_in(at, "layer_pos_emb"), keys->rope_length, keys->mixer.head_dim);
    x.value = clmix_module(clmix_dropout(x.value, keys->embedding_dropout));
    return x;
}

static clmix_value vit_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct vit_keys *keys = given;
    struct clmix_sequence x = embed(at, inputs[0], keys);
    clmix_value pooled;

    for (size_t i = 0; i < keys->depth; i++)
        x.value = clmix_transformer_block(clmix_in(at, "transformer.layers.%zu", i), &x, &keys->mixer, keys->mlp_dim);
    clmix_at(clmix_in(at, "pool"));
    clmix_module(x.value); /* all blocks */
    pooled = keys->pool == CLS ? clmix_first_token(x.value) : clmix_global_average_pool(x.value);
    return clmix_norm_head(clmix_in(at, "mlp_head"), clmix_module(pooled), keys->stem.picture.classes);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct vit_keys, member)

static const char *const positions[] = { "learned", "rope", NULL };
static const char *const pools[] = { "cls", "mean", NULL };

static const struct clmix_key rows[] = {
    { .name = "dim", .type = CLMIX_KEY_SIZE, .offset = AT(dim), .meaning = "width of a token" },
    { .name = "depth", .type = CLMIX_KEY_SIZE, .offset = AT(depth), .most = CLMIX_DEPTH_MOST, .meaning = "blocks" },
    { .name = "heads", .type = CLMIX_KEY_SIZE, .offset = AT(mixer.heads), .meaning = "of the mixer; without effect where it has none" },
    { .name = "head_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mixer.head_dim),
      .usual = "64",
      .meaning = "width of a head; `heads * head_dim` need not be `dim`" },
    { .name = "mlp_dim", .type = CLMIX_KEY_SIZE, .offset = AT(mlp_dim), .meaning = "hidden width of the feed-forward part" },
    { .name = "mixer",
      .type = CLMIX_KEY_OBJECT,
      .offset = AT(mixer.mixer),
      .kinds = clmix_mixer_tables,
      .usual = "softmax",
      .meaning = "how tokens are mixed: below" },
    { .name = "position",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(position),
      .choices = positions,
      .usual = "learned",
      .meaning = "added to the tokens, or rotary: turning queries and keys in every block" },
    { .name = "rope_length",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(rope_length),
      .derived = "tokens, class token and the mixer's padding included",
      .meaning = "rows of the rotary table in files, `layer_pos_emb.emb`" },
    { .name = "pool",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(pool),
      .choices = pools,
      .usual = "cls",
      .meaning = "what is classified: the class token, or the mean of all tokens" },
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

/* rope_length: as many rows as the mixer's tokens need, unless more are given. */
static clmix_status settle_rotary(struct vit_keys *keys, const char *where)
{
    size_t map[2], needed;

    clmix_stem_map(&keys->stem, map);
    needed = clmix_mixer_length(&keys->mixer, map[0] * map[1] + 1);
    if (keys->position == LEARNED || keys->rope_length == 0)
        keys->rope_length = needed;
    if (keys->rope_length < needed)
        return clmix_fail(
            CLMIX_ERROR_FORMAT,
            "%s: 'rope_length' is %zu and %zu tokens are mixed, the class token and padding among them; give at least as many", where,
            keys->rope_length, needed);
    if (keys->position == ROPE && keys->mixer.head_dim % 2 != 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'head_dim' is %zu, and 'position' rope turns pairs; give an even number", where,
                          keys->mixer.head_dim);
    return CLMIX_OK;
}

static clmix_status vit_check(void *given, const char *where)
{
    struct vit_keys *keys = given;

    CLMIX_TRY(clmix_stem_settle(&keys->stem, where));
    CLMIX_TRY(clmix_mixer_settle(&keys->mixer, where));
    return settle_rotary(keys, where);
}

const struct clmix_model_kind clmix_model_vit = {
    .table = {
        .name = "vit",
        .bytes = sizeof(struct vit_keys),
        .first = &clmix_stem_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = vit_check,
    },
    .ports = clmix_picture_ports,
    .answer = clmix_picture_answer,
    .build = vit_build,
};
