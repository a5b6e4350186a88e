#include "base/spec.h"

#include "base/near.h"
#include "base/status.h"

#include <stdio.h>
#include <string.h>

/* "a, b:DIR or c:DIR" */
static void list_specs(const struct clmix_spec_kinds *kinds, char *text, size_t bytes)
{
    size_t used = 0;

    for (size_t i = 0; i < kinds->count && used < bytes; i++) {
        const char *before = i == 0 ? "" : i + 1 < kinds->count ? ", " : " or ", *argument = kinds->arguments[i];

        used += (size_t)snprintf(text + used, bytes - used, "%s%s%s%s", before, kinds->names[i], argument == NULL ? "" : ":",
                                 argument == NULL ? "" : argument);
    }
}

clmix_status clmix_spec_find(const struct clmix_spec_kinds *kinds, const char *spec, size_t length, size_t *kind)
{
    char name[32], meant[CLMIX_MEANT_BYTES], specs[512];

    for (size_t i = 0; i < kinds->count; i++)
        if (strlen(kinds->names[i]) == length && strncmp(kinds->names[i], spec, length) == 0) {
            *kind = i;
            return CLMIX_OK;
        }
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), spec);
    list_specs(kinds, specs, sizeof specs);
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "the %s '%.200s' is of no known kind; use %s%s", kinds->what, spec, specs,
                      clmix_meant(meant, name, kinds->names, kinds->count));
}

clmix_status clmix_spec_split(const struct clmix_spec_kinds *kinds, const char *spec, size_t *kind, const char **argument)
{
    const size_t length = strcspn(spec, ":");

    *argument = spec[length] == ':' ? spec + length + 1 : "";
    CLMIX_TRY(clmix_spec_find(kinds, spec, length, kind));
    if ((*argument)[0] != '\0' || kinds->arguments[*kind] == NULL)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "the %s '%s' does not say where it is; write %s:%s", kinds->what, spec, kinds->names[*kind],
                      kinds->arguments[*kind]);
}
