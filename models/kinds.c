/* The models of this version, one row each. */
#include "base/near.h"
#include "base/status.h"
#include "models/model.h"
#include <string.h>

static const struct clmix_model_kind *const kinds[] = {
    &clmix_model_wavemix,
};

clmix_status clmix_model_kind_find(const char *where, const char *name, const struct clmix_model_kind **kind)
{
    const char *names[sizeof kinds / sizeof *kinds];
    char list[256] = "", meant[CLMIX_MEANT_BYTES];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            *kind = kinds[i];
            return CLMIX_OK;
        }
        names[i] = kinds[i]->name;
        if (i > 0)
            strncat(list, ", ", sizeof list - strlen(list) - 1);
        strncat(list, kinds[i]->name, sizeof list - strlen(list) - 1);
    }
    return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "%s: this version has no model '%.100s'; it has: %s%s", where, name, list,
                      clmix_meant(meant, name, names, sizeof kinds / sizeof *kinds));
}
