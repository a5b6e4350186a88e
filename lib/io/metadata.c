#include "io/metadata.h"

#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

clmix_status clmix_metadata_put(clmix_safetensors_writer *writer, const char *key, cJSON *json)
{
    char *text = NULL;
    clmix_status status = json == NULL ? clmix_fail_memory("the metadata") : clmix_json_print(json, &text);

    if (status == CLMIX_OK)
        status = clmix_safetensors_describe(writer, key, text);
    free(text);
    cJSON_Delete(json);
    return status;
}

clmix_status clmix_metadata_get(const clmix_safetensors *file, const char *path, const char *key, cJSON **json)
{
    const char *text = clmix_safetensors_metadata(file, key);
    char where[300];

    *json = NULL;
    snprintf(where, sizeof where, "%.250s (metadata %s)", path, key);
    return text == NULL ? CLMIX_OK : clmix_json_parse(json, where, text, strlen(text));
}
