/* Reading and writing keys by their tables. */
#include "models/keys.h"

#include "base/near.h"
#include "base/status.h"
#include "base/text.h"
#include "io/json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *member(void *keys, const struct clmix_key *key)
{
    return (char *)keys + key->offset;
}

static const void *member_of(const void *keys, const struct clmix_key *key)
{
    return (const char *)keys + key->offset;
}

/* ---- which table -------------------------------------------------------------------------------------------------------------------- */

#define MOST_NAMES 128 /* kinds, or keys of one object */

static clmix_status find_table(const struct clmix_key_table **table, const struct clmix_key_table *const *kinds, const char *where,
                               const char *chooser, const char *name)
{
    const char *names[MOST_NAMES];
    char list[512] = "", meant[CLMIX_MEANT_BYTES];
    size_t count = 0;

    for (; kinds[count] != NULL && count < MOST_NAMES; count++) {
        if (strcmp(kinds[count]->name, name) == 0) {
            *table = kinds[count];
            return CLMIX_OK;
        }
        names[count] = kinds[count]->name;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", count > 0 ? ", " : "", names[count]);
    }
    return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "%s: this version has no %s '%.100s'; it has: %s%s", where, chooser, name, list,
                      clmix_meant(meant, name, names, count));
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------ */

/* Where a value is: what was given, or an object of the defaults. */
struct source {
    const cJSON *json;
    const char *where;
};

static size_t least(const struct clmix_key *key)
{
    return key->zero ? 0 : key->least == 0 ? 1 : key->least;
}

static size_t most(const struct clmix_key *key)
{
    return key->most == 0 ? CLMIX_KEY_MOST : key->most;
}

static clmix_status read_size(struct source from, const struct clmix_key *key, size_t *value)
{
    int64_t number = 0;

    CLMIX_TRY(clmix_json_integer(from.json, from.where, key->name, (int64_t)least(key), (int64_t)most(key), &number));
    *value = (size_t)number;
    return CLMIX_OK;
}

static clmix_status read_number(struct source from, const struct clmix_key *key, float *value)
{
    double number = 0.0;

    CLMIX_TRY(clmix_json_number(from.json, from.where, key->name, 0.0, (double)most(key), &number));
    if (!((float)number > 0.0f) && !(key->zero && number == 0.0))
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: '%s' is 0 and must be above it", from.where, key->name);
    *value = (float)number;
    return CLMIX_OK;
}

static clmix_status read_rate(struct source from, const struct clmix_key *key, float *value)
{
    double number = 0.0;

    CLMIX_TRY(clmix_json_number(from.json, from.where, key->name, 0.0, 1.0, &number));
    if ((float)number >= 1.0f)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: '%s' is 1, which would drop everything; a rate is below 1", from.where, key->name);
    *value = (float)number;
    return CLMIX_OK;
}

static clmix_status read_choice(struct source from, const struct clmix_key *key, int *value)
{
    size_t count = 0;

    while (key->choices[count] != NULL)
        count++;
    return clmix_json_choice(from.json, from.where, key->name, key->choices, count, value);
}

static clmix_status read_sizes(struct source from, const struct clmix_key *key, size_t limit, size_t *sizes, size_t *count)
{
    int64_t numbers[CLMIX_LIST_MOST];

    CLMIX_TRY(clmix_json_integers(from.json, from.where, key->name, (int64_t)least(key), (int64_t)most(key), limit, numbers, count));
    for (size_t i = 0; i < *count; i++)
        sizes[i] = (size_t)numbers[i];
    return CLMIX_OK;
}

static clmix_status read_pair(struct source from, const struct clmix_key *key, size_t *pair)
{
    size_t count = 0;

    CLMIX_TRY(read_sizes(from, key, 2, pair, &count));
    if (count == 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: '%s' is [height, width] or one number for both, not an empty list", from.where,
                          key->name);
    if (count == 1)
        pair[1] = pair[0];
    return CLMIX_OK;
}

static clmix_status read_list(struct source from, const struct clmix_key *key, struct clmix_key_list *list)
{
    CLMIX_TRY(read_sizes(from, key, CLMIX_LIST_MOST, list->size, &list->count));
    if (list->count == 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: '%s' is an empty list; name its entries, or leave the key out", from.where, key->name);
    return CLMIX_OK;
}

static clmix_status read_object(struct source from, const struct clmix_key *key, struct clmix_key_object *object)
{
    char where[256];

    snprintf(where, sizeof where, "%s: %s", from.where, key->name);
    return clmix_keys_read(object, cJSON_GetObjectItemCaseSensitive(from.json, key->name), where, "kind", key->usual, key->kinds);
}

static clmix_status read_value(struct source from, const struct clmix_key *key, void *value)
{
    switch (key->type) {
    case CLMIX_KEY_SIZE: return read_size(from, key, value);
    case CLMIX_KEY_NUMBER: return read_number(from, key, value);
    case CLMIX_KEY_RATE: return read_rate(from, key, value);
    case CLMIX_KEY_FLAG: return clmix_json_boolean(from.json, from.where, key->name, value);
    case CLMIX_KEY_CHOICE: return read_choice(from, key, value);
    case CLMIX_KEY_PAIR: return read_pair(from, key, value);
    case CLMIX_KEY_LIST: return read_list(from, key, value);
    case CLMIX_KEY_OBJECT: return read_object(from, key, value);
    }
    return CLMIX_OK;
}

/* An object of the one key, as it is where it is left out. */
static cJSON *usual_value(const struct clmix_key *key)
{
    cJSON *object = cJSON_CreateObject(), *value;

    value = key->type == CLMIX_KEY_OBJECT   ? cJSON_CreateObject()
            : key->type == CLMIX_KEY_CHOICE ? cJSON_CreateString(key->usual)
                                            : cJSON_Parse(key->usual);
    if (object == NULL || !cJSON_AddItemToObject(object, key->name, value)) {
        cJSON_Delete(value);
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

static clmix_status read_key(const cJSON *json, const char *where, const struct clmix_key *key, void *keys)
{
    struct source from = { json, where };
    clmix_status status;
    cJSON *usual;

    if (cJSON_GetObjectItemCaseSensitive(json, key->name) != NULL)
        return read_value(from, key, member(keys, key));
    if (key->derived != NULL)
        return CLMIX_OK;
    if (key->usual == NULL)
        return clmix_json_require(json, where, key->name);
    usual = usual_value(key);
    if (usual == NULL)
        return clmix_fail_memory("a configuration");
    from.json = usual;
    status = read_value(from, key, member(keys, key));
    cJSON_Delete(usual);
    return status;
}

/* Names of the keys that an object may have. */
static void add_names(const char **names, size_t *count, const struct clmix_key_table *table)
{
    if (table->first != NULL)
        add_names(names, count, table->first);
    for (size_t i = 0; i < table->count && *count < MOST_NAMES; i++)
        names[(*count)++] = table->keys[i].name;
}

static clmix_status read_table(const cJSON *json, const char *where, const struct clmix_key_table *table, void *keys)
{
    if (table->first != NULL)
        CLMIX_TRY(read_table(json, where, table->first, keys));
    for (size_t i = 0; i < table->count; i++)
        CLMIX_TRY(read_key(json, where, &table->keys[i], keys));
    return table->check == NULL ? CLMIX_OK : table->check(keys, where);
}

static clmix_status fill(struct clmix_key_object *object, const cJSON *json, const char *where, const char *chooser)
{
    const char *names[MOST_NAMES] = { chooser };
    size_t count = 1;

    add_names(names, &count, object->table);
    CLMIX_TRY(clmix_json_keys(json, where, names, count));
    object->keys = calloc(1, object->table->bytes);
    if (object->keys == NULL)
        return clmix_fail_memory("a configuration");
    return read_table(json, where, object->table, object->keys);
}

clmix_status clmix_keys_read(struct clmix_key_object *object, const cJSON *json, const char *where, const char *chooser, const char *usual,
                             const struct clmix_key_table *const *kinds)
{
    const char *name = usual;
    clmix_status status;

    *object = (struct clmix_key_object){ NULL, NULL };
    if (!cJSON_IsObject(json))
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: one JSON object is needed here, { \"%s\": ..., ... }", where, chooser);
    if (usual == NULL)
        CLMIX_TRY(clmix_json_require(json, where, chooser));
    CLMIX_TRY(clmix_json_text(json, where, chooser, &name));
    CLMIX_TRY(find_table(&object->table, kinds, where, chooser, name));
    status = fill(object, json, where, chooser);
    if (status != CLMIX_OK)
        clmix_keys_free(object);
    return status;
}

static void free_objects(const struct clmix_key_table *table, void *keys)
{
    if (table->first != NULL)
        free_objects(table->first, keys);
    for (size_t i = 0; i < table->count; i++)
        if (table->keys[i].type == CLMIX_KEY_OBJECT)
            clmix_keys_free(member(keys, &table->keys[i]));
}

void clmix_keys_free(struct clmix_key_object *object)
{
    if (object->keys != NULL)
        free_objects(object->table, object->keys);
    free(object->keys);
    *object = (struct clmix_key_object){ NULL, NULL };
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------------ */

static bool write_sizes(cJSON *json, const char *name, const size_t *sizes, size_t count)
{
    cJSON *list = cJSON_AddArrayToObject(json, name);

    if (list == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        cJSON *number = cJSON_CreateNumber((double)sizes[i]);

        if (!cJSON_AddItemToArray(list, number)) {
            cJSON_Delete(number);
            return false;
        }
    }
    return true;
}

static bool write_object(cJSON *json, const char *name, const struct clmix_key_object *object)
{
    cJSON *inner = cJSON_AddObjectToObject(json, name);

    return inner != NULL && clmix_keys_write(inner, "kind", object);
}

static bool write_key(cJSON *json, const struct clmix_key *key, const void *value)
{
    switch (key->type) {
    case CLMIX_KEY_SIZE: return cJSON_AddNumberToObject(json, key->name, (double)*(const size_t *)value) != NULL;
    case CLMIX_KEY_NUMBER:
    case CLMIX_KEY_RATE: return cJSON_AddNumberToObject(json, key->name, clmix_shortest(*(const float *)value)) != NULL;
    case CLMIX_KEY_FLAG: return cJSON_AddBoolToObject(json, key->name, *(const bool *)value) != NULL;
    case CLMIX_KEY_CHOICE: return cJSON_AddStringToObject(json, key->name, key->choices[*(const int *)value]) != NULL;
    case CLMIX_KEY_PAIR: return write_sizes(json, key->name, value, 2);
    case CLMIX_KEY_LIST: {
        const struct clmix_key_list *list = value;

        return write_sizes(json, key->name, list->size, list->count);
    }
    case CLMIX_KEY_OBJECT: return write_object(json, key->name, value);
    }
    return false;
}

static bool write_table(cJSON *json, const struct clmix_key_table *table, const void *keys)
{
    bool done = table->first == NULL || write_table(json, table->first, keys);

    for (size_t i = 0; done && i < table->count; i++)
        done = write_key(json, &table->keys[i], member_of(keys, &table->keys[i]));
    return done;
}

bool clmix_keys_write(cJSON *json, const char *chooser, const struct clmix_key_object *object)
{
    return cJSON_AddStringToObject(json, chooser, object->table->name) != NULL && write_table(json, object->table, object->keys);
}
