/* JSON as configurations use it: cJSON for the tree, and around it what cJSON leaves out: strict text, errors with line and column, typed
 * getters with bounds, refusal of unknown keys.
 *
 * `where` names the object in error texts ("model.json", "mixer"). Getters leave *value as it is when the key is absent, so that the
 * caller stores the default first. Texts that getters return belong to the tree. All failures are FORMAT unless stated. */
#ifndef CLMIX_IO_JSON_H
#define CLMIX_IO_JSON_H

#include <cjson/cJSON.h>
#include <clmix/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parses `bytes` bytes (no terminator needed) that hold one JSON value and white space. cJSON_Delete() frees the tree. */
clmix_status clmix_json_parse(cJSON **json, const char *where, const char *text, size_t bytes);

/* The same for one line of a file that has a JSON value in each; the first is line 1. */
clmix_status clmix_json_parse_line(cJSON **json, const char *where, size_t line, const char *text, size_t bytes);

/* The same from a file of at most 16 MiB. Also fails with FILE. */
clmix_status clmix_json_read(cJSON **json, const char *path);

/* Compact text in fresh memory for free(), and the same into a file (complete or not at all). Fail with HOST_MEMORY or FILE. */
clmix_status clmix_json_print(const cJSON *json, char **text);
clmix_status clmix_json_write(const cJSON *json, const char *path);

/* That `object` is an object whose keys are all among the `count` allowed ones, none of them twice. */
clmix_status clmix_json_keys(const cJSON *object, const char *where, const char *const *allowed, size_t count);

/* That `key` is there. */
clmix_status clmix_json_require(const cJSON *object, const char *where, const char *key);

clmix_status clmix_json_integer(const cJSON *object, const char *where, const char *key, int64_t minimum, int64_t maximum, int64_t *value);
clmix_status clmix_json_number(const cJSON *object, const char *where, const char *key, double minimum, double maximum, double *value);
clmix_status clmix_json_boolean(const cJSON *object, const char *where, const char *key, bool *value);
clmix_status clmix_json_text(const cJSON *object, const char *where, const char *key, const char **value);

/* A text that must be one of `count` choices; *value is its place in the list. */
clmix_status clmix_json_choice(const cJSON *object, const char *where, const char *key, const char *const *choices, size_t count,
                               int *value);

/* A list of up to `limit` integers, or one integer for a list of one; *count is how many. */
clmix_status clmix_json_integers(const cJSON *object, const char *where, const char *key, int64_t minimum, int64_t maximum, size_t limit,
                                 int64_t *values, size_t *count);

#endif
