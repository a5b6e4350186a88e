#include "data/options.h"

#include "base/status.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---------------------------------------------------------------------------------------------------------------------------- */

static clmix_status refuse(const char *set, const char *text, size_t length, const struct clmix_number_option *options, size_t count)
{
    char names[128];
    size_t used = 0;

    for (size_t i = 0; i < count && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s=", i == 0 ? "" : i + 1 < count ? ", " : " and ", options[i].name);
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%.*s' is no option of the data set %s; use %s, as in %s:%s=%llu,%s=%llu", (int)length, text,
                      set, names, set, options[0].name, options[0].value, options[1].name, options[1].value);
}

bool clmix_option_whole(const char *text, const char *end, unsigned long long least, unsigned long long most, unsigned long long *value)
{
    char *behind;
    unsigned long long number;

    errno = 0; /* a number beyond all becomes the largest */
    number = strtoull(text, &behind, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || behind != end || number < least || number > most)
        return false;
    *value = number;
    return true;
}

/* One "name=number" of `length` characters. */
static clmix_status read_number(const char *set, const char *text, size_t length, struct clmix_number_option *options, size_t count)
{
    const size_t name_length = strcspn(text, "=,");

    for (size_t i = 0; i < count; i++) {
        if (strlen(options[i].name) != name_length || strncmp(options[i].name, text, name_length) != 0 || text[name_length] != '=')
            continue;
        if (!clmix_option_whole(text + name_length + 1, text + length, options[i].minimum, options[i].maximum, &options[i].value))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the option '%.*s' of the data set %s must be a whole number from %llu to %llu",
                              (int)length, text, set, options[i].minimum, options[i].maximum);
        return CLMIX_OK;
    }
    return refuse(set, text, length, options, count);
}

clmix_status clmix_options_of_numbers(const char *set, const char *text, struct clmix_number_option *options, size_t count)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, ",");

        CLMIX_TRY(read_number(set, text, length, options, count));
        text += length + (text[length] == ',');
    }
    return CLMIX_OK;
}

/* ---- texts ------------------------------------------------------------------------------------------------------------------------------ */

/* The option that `text` is, with "=" behind its name; NULL where it is none. */
static struct clmix_text_option *find(const char *text, struct clmix_text_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(options[i].name);

        if (strncmp(options[i].name, text, length) == 0 && text[length] == '=')
            return &options[i];
    }
    return NULL;
}

/* Takes over what stands behind the name. */
static clmix_status keep(struct clmix_text_option *option, const char *value, size_t bytes)
{
    if (bytes == 0 || option->value != NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the option '%s=' %s", option->name, bytes == 0 ? "says nothing" : "is there twice");
    option->value = strndup(value, bytes);
    return option->value != NULL ? CLMIX_OK : clmix_fail_memory("options");
}

static clmix_status take_last(char *path, struct clmix_text_option *options, size_t count, bool *taken)
{
    char *comma = strrchr(path, ',');
    struct clmix_text_option *option = comma == NULL ? NULL : find(comma + 1, options, count);
    const char *value;

    *taken = option != NULL;
    if (option == NULL)
        return CLMIX_OK;
    value = comma + 1 + strlen(option->name) + 1;
    CLMIX_TRY(keep(option, value, strlen(value)));
    *comma = '\0';
    return CLMIX_OK;
}

clmix_status clmix_options_behind_path(const char *text, char **path, struct clmix_text_option *options, size_t count)
{
    bool taken = true;

    *path = strdup(text);
    if (*path == NULL)
        return clmix_fail_memory("options");
    while (taken) {
        const clmix_status status = take_last(*path, options, count, &taken);

        if (status != CLMIX_OK) {
            free(*path);
            *path = NULL;
            return status;
        }
    }
    return CLMIX_OK;
}

/* The option that `bytes` letters are, which is taken over; *taken tells whether they are one. */
static clmix_status take_piece(const char *text, size_t bytes, bool first, struct clmix_text_option *options, size_t count, bool *taken)
{
    struct clmix_text_option *option = find(text, options, count);

    *taken = option != NULL && !option->flag;
    if (*taken)
        return keep(option, text + strlen(option->name) + 1, bytes - strlen(option->name) - 1);
    for (size_t i = 0; !first && !*taken && i < count; i++)
        if (options[i].flag && strlen(options[i].name) == bytes && strncmp(options[i].name, text, bytes) == 0) {
            *taken = true;
            CLMIX_TRY(keep(&options[i], "yes", 3));
        }
    return CLMIX_OK;
}

static clmix_status take_pieces(const char *text, char *rest, struct clmix_text_option *options, size_t count)
{
    size_t used = 0;

    for (const char *piece = text; piece != NULL;) {
        const size_t bytes = strcspn(piece, ",");
        bool taken;

        CLMIX_TRY(take_piece(piece, bytes, piece == text, options, count, &taken));
        if (!taken) {
            if (used > 0)
                rest[used++] = ',';
            memcpy(rest + used, piece, bytes);
            used += bytes;
        }
        piece = piece[bytes] == ',' ? piece + bytes + 1 : NULL;
    }
    rest[used] = '\0';
    return CLMIX_OK;
}

clmix_status clmix_options_take(const char *text, char **rest, struct clmix_text_option *options, size_t count)
{
    clmix_status status;

    *rest = malloc(strlen(text) + 1);
    if (*rest == NULL)
        return clmix_fail_memory("options");
    status = take_pieces(text, *rest, options, count);
    if (status != CLMIX_OK) {
        free(*rest);
        *rest = NULL;
    }
    return status;
}

void clmix_text_options_free(struct clmix_text_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(options[i].value);
        options[i].value = NULL;
    }
}
