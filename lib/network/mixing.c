#include "network/mixing.h"

#include "base/status.h"
#include "network/config.h"

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

static clmix_status set(clmix_config *config, const char *before, const char *text, size_t length, const char *behind)
{
    const size_t bytes = strlen(before) + length + strlen(behind) + 1;
    char *setting = malloc(bytes);
    clmix_status status;

    if (setting == NULL)
        return clmix_fail_memory("a configuration");
    snprintf(setting, bytes, "%s%.*s%s", before, (int)length, text, behind);
    status = clmix_config_set(config, setting);
    free(setting);
    return status;
}

clmix_status clmix_config_set_mixer(clmix_config *config, const char *text)
{
    CLMIX_NEED(config);
    CLMIX_NEED(text);

    const size_t length = strcspn(text, ":");
    const char *rest = text + length;

    if (length == 0 || strcspn(text, "=,\"{") < length || (*rest == ':' && rest[1] == '\0'))
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "a mixer is written KIND or KIND:key=value,..., such as nystrom:landmarks=32; '%.100s' is not", text);
    if (!takes_mixer(config->model.table))
        return refuse(config);
    CLMIX_TRY(set(config, "mixer={\"kind\":\"", text, length, "\"}"));
    while (*rest != '\0') {
        const char *key = rest + 1, *end = end_of_value(key);
        const size_t name = strcspn(key, "=");

        if (name == 0 || key + name >= end || key + name + 1 == end)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%.*s' of the mixer '%.100s' is not key=value, such as landmarks=32",
                              (int)(end - key < 100 ? end - key : 100), key, text);
        CLMIX_TRY(set(config, "mixer.", key, (size_t)(end - key), ""));
        rest = end;
    }
    return CLMIX_OK;
}
