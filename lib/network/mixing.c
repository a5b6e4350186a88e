#include "network/mixing.h"

#include "base/status.h"
#include "network/config.h"
#include "network/overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool takes_mixer(const struct clmix_key_table *table)
{
    for (; table != NULL; table = table->first)
        for (size_t i = 0; i < table->count; i++)
            if (strcmp(table->keys[i].name, "mixer") == 0)
                return true;
    return false;
}

static clmix_status refuse(const clmix_config *config)
{
    char models[256] = "";

    for (size_t i = 0; clmix_model_tables[i] != NULL; i++)
        if (takes_mixer(clmix_model_tables[i]))
            snprintf(models + strlen(models), sizeof models - strlen(models), "%s%s", models[0] != '\0' ? ", " : "",
                     clmix_model_tables[i]->name);
    return clmix_fail(CLMIX_ERROR_ARGUMENT,
                      "'%.200s' takes no other mixer: the model %s mixes tokens in its own way; models that take one: %s",
                      clmix_config_name(config), config->model.table->name, models[0] != '\0' ? models : "none of this version");
}

/* The end of the first of several values with commas between them: of brackets and quotation marks the commas count as theirs. */
static const char *end_of_value(const char *text)
{
    bool quoted = false;
    int depth = 0;

    for (char before = '\0'; *text != '\0'; before = *text++) {
        if (*text == '"' && before != '\\')
            quoted = !quoted;
        else if (!quoted && (*text == '[' || *text == '{'))
            depth++;
        else if (!quoted && (*text == ']' || *text == '}'))
            depth--;
        else if (!quoted && depth <= 0 && *text == ',')
            break;
    }
    return text;
}

/* Adds "key=value", `length` bytes of `text`, in place of what is called so. */
static clmix_status add_key(cJSON *mixer, const char *text, size_t length)
{
    char *key = strndup(text, length), *equals = key == NULL ? NULL : strchr(key, '=');
    cJSON *value = NULL;
    clmix_status status;

    if (equals == NULL)
        return clmix_fail_memory("a mixer"); /* the caller has seen one */
    *equals = '\0';
    status = clmix_overlay_value(&value, key, equals + 1);
    if (status == CLMIX_OK) {
        cJSON_DeleteItemFromObjectCaseSensitive(mixer, key);
        if (!cJSON_AddItemToObject(mixer, key, value)) {
            cJSON_Delete(value);
            status = clmix_fail_memory("a mixer");
        }
    }
    free(key);
    return status;
}

static clmix_status add_keys(cJSON *mixer, const char *text, const char *rest)
{
    while (*rest != '\0') {
        const char *key = rest + 1, *end = end_of_value(key);
        const size_t name = strcspn(key, "=");

        if (name == 0 || key + name >= end || key + name + 1 == end)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%.*s' of the mixer '%.100s' is not key=value, such as landmarks=32",
                              (int)(end - key < 100 ? end - key : 100), key, text);
        CLMIX_TRY(add_key(mixer, key, (size_t)(end - key)));
        rest = end;
    }
    return CLMIX_OK;
}

clmix_status clmix_mixing_read(cJSON **mixer, const char *text)
{
    const size_t length = strcspn(text, ":");
    char *kind;
    clmix_status status = CLMIX_OK;

    *mixer = NULL;
    if (length == 0 || strcspn(text, "=,\"{") < length || (text[length] == ':' && text[length + 1] == '\0'))
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "a mixer is written KIND or KIND:key=value,..., such as nystrom:landmarks=32; '%.100s' is not", text);
    kind = strndup(text, length);
    *mixer = cJSON_CreateObject();
    if (kind == NULL || cJSON_AddStringToObject(*mixer, "kind", kind) == NULL)
        status = clmix_fail_memory("a mixer");
    free(kind);
    if (status == CLMIX_OK)
        status = add_keys(*mixer, text, text + length);
    if (status != CLMIX_OK) {
        cJSON_Delete(*mixer);
        *mixer = NULL;
    }
    return status;
}

static clmix_status set(clmix_config *config, const cJSON *mixer)
{
    char *json = cJSON_PrintUnformatted(mixer), *setting = NULL;
    const size_t bytes = json == NULL ? 0 : strlen(json) + sizeof "mixer=";
    clmix_status status;

    if (json != NULL)
        setting = malloc(bytes);
    if (setting != NULL)
        snprintf(setting, bytes, "mixer=%s", json);
    status = setting == NULL ? clmix_fail_memory("a configuration") : clmix_config_set(config, setting);
    free(setting);
    cJSON_free(json);
    return status;
}

clmix_status clmix_config_set_mixer(clmix_config *config, const char *text)
{
    CLMIX_NEED(config);
    CLMIX_NEED(text);

    cJSON *mixer;
    clmix_status status;

    CLMIX_TRY(clmix_mixing_read(&mixer, text));
    status = takes_mixer(config->model.table) ? set(config, mixer) : refuse(config);
    cJSON_Delete(mixer);
    return status;
}
