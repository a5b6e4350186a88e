/* The token mixers of this version, one row each, and which of them a backbone takes: all; but where a backbone's softmax attention is its own, that
 * one in place of the general one; token models take those that are defined for them. */
#include "models/mixers/mixer.h"

#include "graph/modules.h"
#include "graph/op.h"

/* clang-format off: a row a line */
#define ALL_WITH(softmax_attention)                                                                                            \
    {                                                                                                                          \
        &clmix_mixer_cosformer.table, &clmix_mixer_dct.table, &clmix_mixer_efficient.table, &clmix_mixer_fourier.table,        \
            &clmix_mixer_kerformer.table, &clmix_mixer_linear_elu.table, &clmix_mixer_linformer.table, &clmix_mixer_mlp.table, \
            &clmix_mixer_mra2.table, &clmix_mixer_mra2_sparse.table, &clmix_mixer_nystrom.table, &clmix_mixer_performer.table, \
            &softmax_attention.table, NULL,                                                                                    \
    }
/* clang-format on */

const struct clmix_key_table *const clmix_mixer_tables[] = ALL_WITH(clmix_mixer_softmax);
const struct clmix_key_table *const clmix_levit_mixer_tables[] = ALL_WITH(clmix_mixer_levit);
const struct clmix_key_table *const clmix_cvt_mixer_tables[] = ALL_WITH(clmix_mixer_cvt);

const struct clmix_key_table *const clmix_token_mixer_tables[] = {
    &clmix_mixer_cosformer.table,     &clmix_mixer_dct.table,
    &clmix_mixer_efficient.table,     &clmix_mixer_kerformer.table,
    &clmix_mixer_linear_elu.table,    &clmix_mixer_token_linformer.table,
    &clmix_mixer_mra2.table,          &clmix_mixer_mra2_sparse.table,
    &clmix_mixer_token_nystrom.table, &clmix_mixer_token_performer.table,
    &clmix_mixer_token_softmax.table, NULL,
};

clmix_status clmix_mixer_settle(struct clmix_mixer *mixer, const char *where)
{
    const struct clmix_mixer_kind *kind = clmix_mixer_kind_of(&mixer->mixer);

    return kind->settle == NULL ? CLMIX_OK : kind->settle(mixer->mixer.keys, mixer, where);
}

size_t clmix_mixer_length(const struct clmix_mixer *mixer, size_t tokens)
{
    const struct clmix_mixer_kind *kind = clmix_mixer_kind_of(&mixer->mixer);

    return kind->length == NULL ? tokens : kind->length(tokens, mixer->mixer.keys);
}

bool clmix_mixer_across(const struct clmix_key_object *mixer)
{
    const struct clmix_mixer_kind *kind = clmix_mixer_kind_of(mixer);

    return kind->across != NULL && kind->across(mixer->keys);
}

bool clmix_mixer_free_of_padding(const struct clmix_key_object *mixer)
{
    const struct clmix_mixer_kind *kind = clmix_mixer_kind_of(mixer);

    return kind->free_of_padding != NULL && kind->free_of_padding(mixer->keys);
}

clmix_value clmix_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer)
{
    const struct clmix_mixer_kind *kind = clmix_mixer_kind_of(&mixer->mixer);
    char text[64];

    if (!clmix_is_value(tokens->value))
        return tokens->value;
    if (clmix_shape_of(tokens->value).rank != 3)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "a mixer takes tokens (batch, tokens, channels), and this is %s",
                            clmix_shape_text(clmix_shape_of(tokens->value), text));
    if (tokens->mask.graph != NULL && !kind->takes_mask)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "the mixer '%s' takes no mask: padding would be mixed in; take another mixer",
                            kind->table.name);
    if (tokens->position.graph != NULL && !kind->takes_position)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "the mixer '%s' has no queries and keys that positions could turn; take another one",
                            kind->table.name);
    return kind->mix(at, tokens, mixer, mixer->mixer.keys);
}

clmix_value clmix_mix_map(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer)
{
    const clmix_value y = clmix_mix(at, tokens, mixer);

    return clmix_mixer_kind_of(&mixer->mixer)->of_maps ? y : clmix_module(clmix_module(y));
}
