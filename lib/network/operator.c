#include "network/operator.h"

#include "base/status.h"
#include "network/mixing.h"

#include <stdio.h>

const char *clmix_operator_kind(size_t index)
{
    return clmix_token_mixer_tables[index] == NULL ? NULL : clmix_token_mixer_tables[index]->name;
}

clmix_status clmix_operator_read(struct clmix_mixer *mixer, const char *text, size_t heads, size_t head_dim, size_t longest)
{
    char where[160];
    cJSON *keys;
    clmix_status status;

    *mixer = (struct clmix_mixer){ .heads = heads, .head_dim = head_dim, .longest = longest };
    CLMIX_TRY(clmix_mixing_read(&keys, text));
    snprintf(where, sizeof where, "'%.150s'", text);
    status = clmix_keys_read(&mixer->mixer, keys, where, "kind", NULL, clmix_token_mixer_tables);
    cJSON_Delete(keys);
    if (status == CLMIX_OK)
        status = clmix_mixer_settle(mixer, where);
    return status == CLMIX_ERROR_FORMAT || status == CLMIX_ERROR_UNSUPPORTED ? clmix_fail(CLMIX_ERROR_ARGUMENT, "%s", clmix_error())
                                                                             : status;
}

void clmix_operator_free(struct clmix_mixer *mixer)
{
    clmix_keys_free(&mixer->mixer);
}

cJSON *clmix_operator_keys(const struct clmix_mixer *mixer)
{
    cJSON *keys = cJSON_CreateObject();

    if (clmix_keys_write(keys, "kind", &mixer->mixer))
        return keys;
    cJSON_Delete(keys);
    return NULL;
}
