/* Keys that models have in common: sizes, rates, the picture. */
#include "base/status.h"
#include "io/json.h"
#include "models/model.h"
#include <stdio.h>
#include <stdlib.h>

clmix_status clmix_key_size_or(const cJSON *json, const char *where, const char *key, size_t minimum, size_t *value)
{
    int64_t number = (int64_t)*value;
    CLMIX_TRY(clmix_json_integer(json, where, key, (int64_t)minimum, CLMIX_CONFIG_MAX_SIZE, &number));
    *value = (size_t)number;
    return CLMIX_OK;
}

clmix_status clmix_key_size(const cJSON *json, const char *where, const char *key, size_t *value)
{
    *value = 1;
    CLMIX_TRY(clmix_json_require(json, where, key));
    return clmix_key_size_or(json, where, key, 1, value);
}

clmix_status clmix_key_rate(const cJSON *json, const char *where, const char *key, float *value)
{
    double number = *value;
    CLMIX_TRY(clmix_json_number(json, where, key, 0.0, 1.0, &number));
    if ((float)number >= 1.0f)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: '%s' is 1, which would drop everything; a rate is below 1", where, key);
    *value = (float)number;
    return CLMIX_OK;
}

clmix_status clmix_key_picture(const cJSON *json, const char *where, struct clmix_picture_keys *picture)
{
    int64_t size[2] = { 0, 0 };
    size_t count = 0;
    CLMIX_TRY(clmix_json_require(json, where, "image_size"));
    CLMIX_TRY(clmix_json_integers(json, where, "image_size", 1, CLMIX_CONFIG_MAX_SIZE, 2, size, &count));
    if (count == 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'image_size' is [height, width] or one number for both, not an empty list", where);
    picture->height = (size_t)size[0];
    picture->width = (size_t)(count == 2 ? size[1] : size[0]);

    picture->channels = 3;
    CLMIX_TRY(clmix_key_size_or(json, where, "channels", 1, &picture->channels));
    return clmix_key_size(json, where, "classes", &picture->classes);
}

bool clmix_key_write_size(cJSON *json, const char *key, size_t value)
{
    return cJSON_AddNumberToObject(json, key, (double)value) != NULL;
}

bool clmix_key_write_sizes(cJSON *json, const char *key, const size_t *values, size_t count)
{
    cJSON *list = cJSON_AddArrayToObject(json, key);
    if (!list)
        return false;
    for (size_t i = 0; i < count; i++) {
        cJSON *number = cJSON_CreateNumber((double)values[i]);
        if (!number || !cJSON_AddItemToArray(list, number)) {
            cJSON_Delete(number);
            return false;
        }
    }
    return true;
}

double clmix_shortest(float value)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    return strtod(text, NULL);
}

bool clmix_key_write_float(cJSON *json, const char *key, float value)
{
    return cJSON_AddNumberToObject(json, key, clmix_shortest(value)) != NULL;
}

bool clmix_key_write_picture(cJSON *json, const struct clmix_picture_keys *picture)
{
    const size_t size[2] = { picture->height, picture->width };
    return clmix_key_write_sizes(json, "image_size", size, 2) && clmix_key_write_size(json, "channels", picture->channels) &&
           clmix_key_write_size(json, "classes", picture->classes);
}
