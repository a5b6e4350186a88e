/* The models of this version, one row each. */
#include "models/mixers/mixer.h"
#include "models/model.h"
#include "models/wavemix.h"
#include <string.h>

const struct clmix_key_table *const clmix_model_tables[] = {
    &clmix_model_wavemix.table, &clmix_model_vit.table, &clmix_model_mlp_mixer.table,    &clmix_model_pit.table,
    &clmix_model_levit.table,   &clmix_model_cct.table, &clmix_model_cvt.table,          &clmix_model_bert.table,
    &clmix_model_roberta.table, &clmix_model_lra.table, &clmix_model_mra_imagenet.table, NULL,
};

/* What a model's key "mixer" was read as; NULL where it has none. */
static const struct clmix_key_object *mixer_of(const struct clmix_key_object *model)
{
    for (const struct clmix_key_table *table = model->table; table != NULL; table = table->first)
        for (size_t i = 0; i < table->count; i++) {
            const struct clmix_key *key = &table->keys[i];

            if (key->type == CLMIX_KEY_OBJECT && strcmp(key->name, "mixer") == 0)
                return (const struct clmix_key_object *)(const void *)((const char *)model->keys + key->offset);
        }
    return NULL;
}

bool clmix_model_across(const struct clmix_key_object *model)
{
    const struct clmix_key_object *mixer = mixer_of(model);

    return mixer != NULL && clmix_mixer_across(mixer);
}

bool clmix_model_padding_matters(const struct clmix_key_object *model)
{
    const struct clmix_model_kind *kind = clmix_model_of(model->table);
    const struct clmix_key_object *mixer = mixer_of(model);

    return kind->counts_padding || (mixer != NULL && !clmix_mixer_free_of_padding(mixer));
}

const struct clmix_model_kind *clmix_model_of(const struct clmix_key_table *table)
{
    return (const struct clmix_model_kind *)table; /* its first member */
}
