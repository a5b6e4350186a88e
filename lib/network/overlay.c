/* JSON over JSON. */
#include "network/overlay.h"

#include "base/status.h"
#include "io/json.h"

#include <string.h>

/* Whether an object of one kind says what to change in another object: it names no other kind. */
static bool changes(const cJSON *over, const cJSON *object)
{
    const cJSON *was = cJSON_GetObjectItemCaseSensitive(object, "kind"), *becomes = cJSON_GetObjectItemCaseSensitive(over, "kind");

    return cJSON_IsObject(object) && cJSON_IsObject(over) && (was == NULL || becomes == NULL || cJSON_Compare(was, becomes, 1));
}

bool clmix_overlay(cJSON *object, const cJSON *over)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, over)
    {
        cJSON *there = cJSON_GetObjectItemCaseSensitive(object, item->string), *copy;

        if (changes(item, there)) {
            if (!clmix_overlay(there, item))
                return false;
            continue;
        }
        copy = cJSON_Duplicate(item, 1);
        cJSON_DeleteItemFromObjectCaseSensitive(object, item->string);
        if (!cJSON_AddItemToObject(object, item->string, copy)) {
            cJSON_Delete(copy);
            return false;
        }
    }
    return true;
}

clmix_status clmix_overlay_value(cJSON **value, const char *key, const char *text)
{
    const char *end = NULL;

    if (*text == '[' || *text == '{' || *text == '"')
        return clmix_json_parse(value, key, text, strlen(text));
    *value = cJSON_ParseWithOpts(text, &end, 1);
    if (*value == NULL)
        *value = cJSON_CreateString(text);
    return *value != NULL ? CLMIX_OK : clmix_fail_memory("a configuration");
}
