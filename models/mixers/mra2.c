/* Multiresolution attention (Zeng et al. 2022), MRA-2 and MRA-2-s: softmax attention that is exact on the most important blocks of scores, of which each
 * sample and head has a budget; MRA-2 takes the other blocks for constant, each at the score of its mean query and key, MRA-2-s leaves them out. With a
 * mask padding has no part, and gets zeros. Image tokens are put in the order of patches of 4 x 8 first, so that a block of 32 is one of them. */
#include "base/size.h"
#include "base/status.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>

static const size_t patch[2] = { 4, 8 };

struct mra2_keys {
    size_t block, blocks_per_row, num_blocks, first_blocks, diagonal_blocks;
    size_t input_shape[2]; /* all 0: the tokens are no image */
};

static clmix_value attend(const struct clmix_heads *heads, const struct clmix_mixer *mixer, const struct mra2_keys *keys, bool sparse)
{
    const size_t rows = clmix_ceil_div(clmix_shape_of(heads->q).size[1], keys->block);

    return clmix_multiresolution_attention(heads->q, heads->k, heads->v, heads->mask,
                                           (clmix_multiresolution_options){ .heads = mixer->heads,
                                                                            .block = keys->block,
                                                                            .blocks = keys->num_blocks > 0 ? keys->num_blocks
                                                                                                           : keys->blocks_per_row * rows,
                                                                            .first_blocks = keys->first_blocks,
                                                                            .diagonal_blocks = keys->diagonal_blocks,
                                                                            .sparse = sparse });
}

static clmix_value attend_in_order(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer,
                                   const struct mra2_keys *keys, bool sparse)
{
    const size_t *map = keys->input_shape, tokens = clmix_shape_of(heads->q).size[1];
    struct clmix_heads patches;

    if (map[0] == 0)
        return attend(heads, mixer, keys, sparse);
    if (clmix_is_value(heads->q) && tokens != map[0] * map[1])
        return clmix_poison(
            at, CLMIX_ERROR_ARGUMENT,
            "%zu tokens, and 'input_shape' of the mixer '%s' is a map of %zux%zu; leave it out where a class token is among them", tokens,
            mixer->mixer.table->name, map[0], map[1]);
    patches = (struct clmix_heads){ .q = clmix_patch_order(heads->q, map, patch, false),
                                    .k = clmix_patch_order(heads->k, map, patch, false),
                                    .v = clmix_patch_order(heads->v, map, patch, false),
                                    .mask = heads->mask.graph == NULL ? heads->mask : clmix_patch_order(heads->mask, map, patch, false) };
    return clmix_patch_order(attend(&patches, mixer, keys, sparse), map, patch, true);
}

static clmix_value mra2_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *keys)
{
    return attend_in_order(at, heads, mixer, keys, false);
}

static clmix_value mra2_sparse_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *keys)
{
    return attend_in_order(at, heads, mixer, keys, true);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

static clmix_status mra2_settle(void *given, const struct clmix_mixer *mixer, const char *where)
{
    const struct mra2_keys *keys = given;

    CLMIX_TRY(clmix_settle_heads(given, mixer, where));
    if ((keys->blocks_per_row == 0) == (keys->num_blocks == 0))
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: the mixer '%s' takes 'blocks_per_row' or 'num_blocks', and this has %s", where,
                          mixer->mixer.table->name, keys->num_blocks == 0 ? "neither" : "both");
    if (keys->input_shape[0] % patch[0] != 0 || keys->input_shape[1] % patch[1] != 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'input_shape' is %zux%zu; the height must be a multiple of %zu and the width of %zu",
                          where, keys->input_shape[0], keys->input_shape[1], patch[0], patch[1]);
    return CLMIX_OK;
}

#define AT(member) offsetof(struct mra2_keys, member)

static const struct clmix_key rows[] = {
    { .name = "block", .type = CLMIX_KEY_SIZE, .offset = AT(block), .usual = "32", .meaning = "tokens of a block" },
    { .name = "blocks_per_row",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(blocks_per_row),
      .usual = "0",
      .zero = true,
      .meaning = "how many blocks of scores are exact, for each row of blocks on average; this or `num_blocks`" },
    { .name = "num_blocks",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(num_blocks),
      .usual = "0",
      .zero = true,
      .meaning = "the same for all rows together" },
    { .name = "first_blocks",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(first_blocks),
      .usual = "0",
      .zero = true,
      .meaning = "so many first rows and first columns of blocks come before others" },
    { .name = "diagonal_blocks",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(diagonal_blocks),
      .usual = "0",
      .zero = true,
      .meaning = "and so do blocks on the diagonal (1), and half as many, rounded down, on each side of it" },
    { .name = "input_shape",
      .type = CLMIX_KEY_PAIR,
      .offset = AT(input_shape),
      .usual = "0",
      .zero = true,
      .meaning = "of image tokens: they are put in the order of patches of 4x8; 0: the order that they have" },
};

#define TABLE(kind)                                                                                        \
    {                                                                                                      \
        .name = kind, .bytes = sizeof(struct mra2_keys), .keys = rows, .count = sizeof rows / sizeof *rows \
    }

const struct clmix_mixer_kind clmix_mixer_mra2 = {
    .table = TABLE("mra2"),
    .takes_mask = true,
    .takes_position = true,
    .settle = mra2_settle,
    .mix = clmix_mix_heads,
    .attend = mra2_attend,
};
const struct clmix_mixer_kind clmix_mixer_mra2_sparse = {
    .table = TABLE("mra2_sparse"),
    .takes_mask = true,
    .takes_position = true,
    .settle = mra2_settle,
    .mix = clmix_mix_heads,
    .attend = mra2_sparse_attend,
};
