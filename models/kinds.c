/* The models of this version, one row each. */
#include "models/model.h"
#include "models/wavemix.h"

const struct clmix_key_table *const clmix_model_tables[] = {
    &clmix_model_wavemix.table,
    &clmix_model_vit.table,
    &clmix_model_mlp_mixer.table,
    &clmix_model_pit.table,
    &clmix_model_levit.table,
    &clmix_model_cct.table,
    &clmix_model_cvt.table,
    NULL,
};

const struct clmix_model_kind *clmix_model_of(const struct clmix_key_table *table)
{
    return (const struct clmix_model_kind *)table; /* its first member */
}
