#include "io/json.h"

#include "base/file.h"
#include "base/near.h"
#include "base/status.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_FILE_LIMIT ((size_t)16 << 20)

/* Offset of the first byte that is not well-formed, `bytes` when there is none. */
static size_t utf8_prefix(const char *text, size_t bytes)
{
    size_t at = 0;

    while (at < bytes) {
        size_t length = clmix_utf8_length(text + at, bytes - at);
        if (length == 0)
            break;
        at += length;
    }
    return at;
}

static clmix_status fail_in_text(const char *where, size_t line, const char *text, size_t at, const char *what)
{
    size_t column = 1;

    for (size_t i = 0; i < at; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return clmix_fail(CLMIX_ERROR_FORMAT, "'%s', line %zu, column %zu: %s", where, line, column, what);
}

/* cJSON would end a text early at an escaped zero character, and two different names would become one. */
static size_t find_zero_escape(const char *text, size_t bytes)
{
    for (size_t i = 0; i + 1 < bytes; i++)
        if (text[i] == '\\') {
            if (bytes - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
                return i;
            i++;
        }
    return bytes;
}

clmix_status clmix_json_parse_line(cJSON **json, const char *where, size_t line, const char *text, size_t bytes)
{
    const char *end = text;
    size_t at = utf8_prefix(text, bytes);

    *json = NULL;
    if (at < bytes)
        return fail_in_text(where, line, text, at, "this byte is not UTF-8 text; save the file as UTF-8, or it is damaged");
    at = find_zero_escape(text, bytes);
    if (at < bytes)
        return fail_in_text(where, line, text, at, "the zero character \\u0000 is not allowed in a text; remove it");
    *json = cJSON_ParseWithLengthOpts(text, bytes, &end, 0);
    at = end == NULL ? 0 : (size_t)(end - text);
    if (*json == NULL)
        return fail_in_text(where, line, text, at < bytes ? at : bytes,
                            "this is not JSON; look for a missing comma, quote or bracket here or just before");
    while (at < bytes && strchr(" \t\r\n", text[at]) != NULL)
        at++;
    if (at < bytes) {
        cJSON_Delete(*json);
        *json = NULL;
        return fail_in_text(where, line, text, at, "something follows the end of the JSON value; remove it");
    }
    return CLMIX_OK;
}

clmix_status clmix_json_parse(cJSON **json, const char *where, const char *text, size_t bytes)
{
    return clmix_json_parse_line(json, where, 1, text, bytes);
}

clmix_status clmix_json_read(cJSON **json, const char *path)
{
    void *text = NULL;
    size_t bytes = 0;
    clmix_status status;

    *json = NULL;
    CLMIX_TRY(clmix_file_read(path, JSON_FILE_LIMIT, &text, &bytes));
    status = clmix_json_parse(json, path, text, bytes);
    free(text);
    return status;
}

clmix_status clmix_json_print(const cJSON *json, char **text)
{
    *text = cJSON_PrintUnformatted(json);
    return *text == NULL ? clmix_fail_memory("a JSON text") : CLMIX_OK;
}

clmix_status clmix_json_write(const cJSON *json, const char *path)
{
    clmix_status status;
    char *text;

    CLMIX_TRY(clmix_json_print(json, &text));
    status = clmix_file_write(path, text, strlen(text));
    free(text);
    return status;
}

/* "a, b, c" into `list`, cut where it is full. */
static void join(char *list, size_t size, const char *const *words, size_t count)
{
    size_t used = 0;

    list[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        int written = snprintf(list + used, size - used, "%s%s", i == 0 ? "" : ", ", words[i]);
        used += written < 0 ? size : (size_t)written;
    }
}

clmix_status clmix_json_keys(const cJSON *object, const char *where, const char *const *allowed, size_t count)
{
    char list[640], meant[CLMIX_MEANT_BYTES];

    if (!cJSON_IsObject(object))
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: an object { ... } is needed here", where);
    join(list, sizeof list, allowed, count);
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        size_t i = 0;

        while (i < count && strcmp(allowed[i], item->string) != 0)
            i++;
        if (i == count)
            return clmix_fail(CLMIX_ERROR_FORMAT, "%s: unknown key '%.80s'; known here: %s%s", where, item->string, list,
                              clmix_meant(meant, item->string, allowed, count));
        if (cJSON_GetObjectItemCaseSensitive(object, item->string) != item)
            return clmix_fail(CLMIX_ERROR_FORMAT, "%s: the key '%s' is there twice; remove one", where, item->string);
    }
    return CLMIX_OK;
}

clmix_status clmix_json_require(const cJSON *object, const char *where, const char *key)
{
    if (cJSON_GetObjectItemCaseSensitive(object, key) == NULL)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: the key '%s' is missing; it has no default, add it", where, key);
    return CLMIX_OK;
}

static clmix_status fail_value(const cJSON *item, const char *where, const char *key, const char *needed)
{
    char *text = cJSON_PrintUnformatted(item);
    clmix_status status =
        clmix_fail(CLMIX_ERROR_FORMAT, "%s: '%s' is %.80s and must be %s", where, key, text == NULL ? "something else" : text, needed);

    free(text);
    return status;
}

static bool integer_within(const cJSON *item, int64_t minimum, int64_t maximum, int64_t *value)
{
    /* beyond 2^53 the parser has already rounded */
    if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) <= 0x1p53) || floor(item->valuedouble) != item->valuedouble)
        return false;
    *value = (int64_t)item->valuedouble;
    return *value >= minimum && *value <= maximum;
}

clmix_status clmix_json_integer(const cJSON *object, const char *where, const char *key, int64_t minimum, int64_t maximum, int64_t *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    int64_t found;
    char needed[96];

    if (item == NULL)
        return CLMIX_OK;
    if (!integer_within(item, minimum, maximum, &found)) {
        snprintf(needed, sizeof needed, "a whole number from %lld to %lld", (long long)minimum, (long long)maximum);
        return fail_value(item, where, key, needed);
    }
    *value = found;
    return CLMIX_OK;
}

clmix_status clmix_json_number(const cJSON *object, const char *where, const char *key, double minimum, double maximum, double *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    char needed[96];

    if (item == NULL)
        return CLMIX_OK;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= minimum && item->valuedouble <= maximum)) {
        snprintf(needed, sizeof needed, "a number from %g to %g", minimum, maximum);
        return fail_value(item, where, key, needed);
    }
    *value = item->valuedouble;
    return CLMIX_OK;
}

clmix_status clmix_json_boolean(const cJSON *object, const char *where, const char *key, bool *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    if (item == NULL)
        return CLMIX_OK;
    if (!cJSON_IsBool(item))
        return fail_value(item, where, key, "true or false");
    *value = cJSON_IsTrue(item) != 0;
    return CLMIX_OK;
}

clmix_status clmix_json_text(const cJSON *object, const char *where, const char *key, const char **value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    if (item == NULL)
        return CLMIX_OK;
    if (!cJSON_IsString(item))
        return fail_value(item, where, key, "a text in quotes");
    *value = item->valuestring;
    return CLMIX_OK;
}

clmix_status clmix_json_choice(const cJSON *object, const char *where, const char *key, const char *const *choices, size_t count,
                               int *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    char list[480], needed[512], meant[CLMIX_MEANT_BYTES] = "";

    if (item == NULL)
        return CLMIX_OK;
    for (size_t i = 0; cJSON_IsString(item) && i < count; i++)
        if (strcmp(choices[i], item->valuestring) == 0) {
            *value = (int)i;
            return CLMIX_OK;
        }
    join(list, sizeof list, choices, count);
    if (cJSON_IsString(item))
        clmix_meant(meant, item->valuestring, choices, count);
    snprintf(needed, sizeof needed, "one of: %s%.100s", list, meant);
    return fail_value(item, where, key, needed);
}

clmix_status clmix_json_integers(const cJSON *object, const char *where, const char *key, int64_t minimum, int64_t maximum, size_t limit,
                                 int64_t *values, size_t *count)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    const cJSON *element = cJSON_IsArray(item) ? item->child : item;
    size_t found = 0;
    bool fits = true;
    char needed[128];

    if (item == NULL)
        return CLMIX_OK;
    for (; fits && element != NULL; element = cJSON_IsArray(item) ? element->next : NULL) {
        fits = found < limit && integer_within(element, minimum, maximum, &values[found]);
        found++;
    }
    if (!fits) {
        snprintf(needed, sizeof needed, "a list of at most %zu whole numbers from %lld to %lld", limit, (long long)minimum,
                 (long long)maximum);
        return fail_value(item, where, key, needed);
    }
    *count = found;
    return CLMIX_OK;
}
