/* Configurations: opening, overriding, writing out. What the keys of a model mean is in that model's file. */
#include "network/config.h"
#include "base/file.h"
#include "base/near.h"
#include "base/status.h"
#include "graph/op.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "network/file.h"
#include "network/overlay.h"
#include "network/presets.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Makes `model` of `given`; what was there stays where that fails. */
static clmix_status refresh(clmix_config *config)
{
    struct clmix_key_object model;

    config->status = clmix_keys_read(&model, config->given, config->name, "model", NULL, clmix_model_tables);
    if (config->status == CLMIX_OK) {
        clmix_keys_free(&config->model);
        config->model = model;
    }
    snprintf(config->sentence, sizeof config->sentence, "%s", config->status != CLMIX_OK ? clmix_error() : "");
    return config->status;
}

clmix_status clmix_config_check(const clmix_config *config)
{
    if (config == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a configuration is needed here, and NULL was given");
    return config->status != CLMIX_OK ? clmix_fail(config->status, "%s", config->sentence) : CLMIX_OK;
}

clmix_status clmix_config_adopt(clmix_config **config, const char *name, cJSON *json)
{
    clmix_config *made = calloc(1, sizeof *made);

    *config = NULL;
    if (made == NULL || (made->name = strdup(name)) == NULL) {
        cJSON_Delete(json);
        free(made);
        return clmix_fail_memory("a configuration");
    }
    made->given = json;
    if (refresh(made) != CLMIX_OK) {
        clmix_status status = made->status;

        clmix_config_free(made);
        return status;
    }
    *config = made;
    return CLMIX_OK;
}

clmix_status clmix_config_copy(clmix_config **copy, const clmix_config *config)
{
    cJSON *json;
    clmix_status status;

    *copy = NULL;
    CLMIX_TRY(clmix_config_check(config));
    json = cJSON_Duplicate(config->given, 1);
    if (json == NULL)
        return clmix_fail_memory("a configuration");
    CLMIX_TRY(clmix_config_adopt(copy, config->name, json));
    status = config->weights != NULL ? clmix_config_take_weights(*copy, config->weights) : CLMIX_OK;
    if (status != CLMIX_OK) {
        clmix_config_free(*copy);
        *copy = NULL;
    }
    return status;
}

clmix_status clmix_config_take_weights(clmix_config *config, const char *path)
{
    char *copy = path != NULL ? strdup(path) : NULL;

    if (path != NULL && copy == NULL)
        return clmix_fail_memory("a configuration");
    free(config->weights);
    config->weights = copy;
    return CLMIX_OK;
}

void clmix_config_free(clmix_config *config)
{
    if (config == NULL)
        return;
    cJSON_Delete(config->given);
    clmix_keys_free(&config->model);
    free(config->name);
    free(config->weights);
    free(config);
}

/* ---- opening ------------------------------------------------------------------------------------------------------------------------ */

#define JSON_BYTES ((size_t)16 << 20)

static clmix_status open_text(clmix_config **config, const char *name, const char *text, size_t bytes)
{
    cJSON *json = NULL;

    CLMIX_TRY(clmix_json_parse(&json, name, text, bytes));
    return clmix_config_adopt(config, name, json);
}

clmix_status clmix_config_of_file(clmix_config **config, const clmix_safetensors *file, const char *path)
{
    const char *text = clmix_safetensors_metadata(file, "config");
    clmix_status status;

    *config = NULL;
    if (text == NULL)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "'%s' carries no configuration (metadata \"config\"), as a state_dict does not: name the model beside it "
                          "(--model PRESET --weights "
                          "FILE), or write the configuration into it as models/README.md shows",
                          path);
    CLMIX_TRY(open_text(config, path, text, strlen(text)));
    status = clmix_config_take_weights(*config, path);
    if (status != CLMIX_OK) {
        clmix_config_free(*config);
        *config = NULL;
    }
    return status;
}

/* A JSON text, and no header's length, which has zero bytes. */
static bool is_json(const char *content, size_t bytes)
{
    size_t blank = strspn(content, " \t\r\n");

    return blank < bytes && content[blank] == '{' && (bytes < blank + 8 || memchr(content + blank, '\0', 8) == NULL);
}

/* JSON by its content or its name, else weights. */
static clmix_status open_file(clmix_config **config, const char *path)
{
    clmix_safetensors *file = NULL;
    void *content = NULL;
    size_t bytes = 0;
    clmix_status status;

    CLMIX_TRY(clmix_file_read(path, SIZE_MAX - 1, &content, &bytes));
    if (bytes <= JSON_BYTES && (clmix_has_ending(path, ".json") || is_json(content, bytes))) {
        status = open_text(config, path, content, bytes);
        free(content);
        return status;
    }
    CLMIX_TRY(clmix_safetensors_adopt(&file, path, content, bytes));
    status = clmix_config_of_file(config, file, path);
    clmix_safetensors_close(file);
    return status;
}

#define MOST_PRESETS 256 /* that a name is compared with */

static clmix_status fail_unknown(const char *model)
{
    const char *names[MOST_PRESETS];
    char meant[CLMIX_MEANT_BYTES];
    size_t count = 0;

    for (; count < MOST_PRESETS && clmix_presets_rows[count] != NULL; count++)
        names[count] = clmix_presets_rows[count];
    return clmix_fail(
        CLMIX_ERROR_ARGUMENT,
        "there is no preset and no file '%.200s'; a model is one of %zu presets (vit, wavemix-32, ...; clmix-bench paper lists "
        "them), a .json file, a .safetensors file or the folder of a run, or a JSON text%s",
        model, count, clmix_meant(meant, model, names, count));
}

clmix_status clmix_config_open(clmix_config **config, const char *model)
{
    CLMIX_NEED(config);

    clmix_status status;
    struct stat info;
    cJSON *preset;
    char *path = NULL;

    *config = NULL;
    if (model == NULL || !*model)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "no model was named; name a preset such as wavemix-32, a .json file or a .safetensors file");
    if (*model == '{')
        return open_text(config, "configuration", model, strlen(model));

    CLMIX_TRY(clmix_preset_config(&preset, model));
    if (preset != NULL)
        return clmix_config_adopt(config, model, preset);
    if (stat(model, &info) != 0 && !clmix_has_ending(model, ".safetensors") && !clmix_has_ending(model, ".json"))
        return fail_unknown(model);
    CLMIX_TRY(clmix_weights_path(&path, model));
    status = open_file(config, path);
    free(path);
    return status;
}

/* ---- overriding --------------------------------------------------------------------------------------------------------------------- */

/* {"dim": value}, or for "mixer.features" {"mixer": {"features": value}}. The value is taken over; NULL when the host is out of memory. */
static cJSON *nest(char *path, cJSON *value)
{
    char *dot = strchr(path, '.');
    cJSON *object = cJSON_CreateObject();

    if (dot != NULL) {
        *dot = '\0';
        value = nest(dot + 1, value);
    }
    if (object != NULL && cJSON_AddItemToObject(object, path, value))
        return object;
    cJSON_Delete(value);
    cJSON_Delete(object);
    return NULL;
}

/* `given` with an override laid over it: the whole of it, or it is as before. */
static clmix_status lay_over(clmix_config *config, const cJSON *override)
{
    cJSON *given = override != NULL ? cJSON_Duplicate(config->given, 1) : NULL;

    if (given == NULL || !clmix_overlay(given, override)) {
        cJSON_Delete(given);
        return clmix_fail_memory("a configuration");
    }
    cJSON_Delete(config->given);
    config->given = given;
    return CLMIX_OK;
}

clmix_status clmix_config_set(clmix_config *config, const char *key_and_value)
{
    CLMIX_NEED(config);
    CLMIX_NEED(key_and_value);

    const char *equals = strchr(key_and_value, '=');
    char *key;
    clmix_status status;
    cJSON *value = NULL;

    if (equals == NULL || equals == key_and_value || !equals[1])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "an override is written key=value, such as dim=48; '%.100s' is not", key_and_value);

    key = strndup(key_and_value, (size_t)(equals - key_and_value));
    if (key == NULL)
        return clmix_fail_memory("a configuration");
    status = clmix_overlay_value(&value, key, equals + 1);
    if (status == CLMIX_OK) {
        cJSON *override = nest(key, value);

        status = lay_over(config, override);
        cJSON_Delete(override);
    }
    free(key);
    if (status == CLMIX_OK)
        refresh(config); /* a failure is kept for the next use: a later override may put it right */
    return status;
}

/* ---- reading back ------------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_config_text(const clmix_config *config, char **json)
{
    CLMIX_NEED(config);
    CLMIX_NEED(json);

    cJSON *object;
    bool complete;
    clmix_status status;

    CLMIX_TRY(clmix_config_check(config));
    object = cJSON_CreateObject();
    complete = object != NULL && clmix_keys_write(object, "model", &config->model);
    status = complete ? clmix_json_print(object, json) : clmix_fail_memory("a configuration");
    cJSON_Delete(object);
    return status;
}

const char *clmix_config_name(const clmix_config *config)
{
    return config != NULL ? config->name : "";
}

const char *clmix_config_weights(const clmix_config *config)
{
    return config != NULL ? config->weights : NULL;
}

const struct clmix_picture_keys *clmix_config_picture_keys(const clmix_config *config)
{
    static const struct clmix_picture_keys none;
    const struct clmix_key_table *table = config != NULL ? config->model.table : NULL;

    while (table != NULL && table != &clmix_picture_table)
        table = table->first;
    return table != NULL ? config->model.keys : &none;
}

void clmix_config_picture(const clmix_config *config, size_t *height, size_t *width, size_t *channels)
{
    const struct clmix_picture_keys *picture = clmix_config_picture_keys(config);

    if (height != NULL)
        *height = picture->height;
    if (width != NULL)
        *width = picture->width;
    if (channels != NULL)
        *channels = picture->channels;
}
