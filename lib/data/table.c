#include "data/table.h"

#include "base/array.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OF_TWENTY 20 /* rows, the last is of the test split */

/* ---- files ------------------------------------------------------------------------------------------------------------------------------ */

/* Where "train" stands last in the file's name; NULL where it does not. */
static const char *find_train(const char *path)
{
    const char *name = strrchr(path, '/'), *last = NULL;

    for (name = name == NULL ? path : name; (name = strstr(name, "train")) != NULL; name++)
        last = name;
    return last;
}

clmix_status clmix_table_sibling(const char *path, const char *const *others, char **found)
{
    const char *train = find_train(path);

    *found = NULL;
    for (; train != NULL && *others != NULL; others++) {
        const size_t bytes = strlen(path) + strlen(*others) + 1;
        char *sibling = malloc(bytes);

        if (sibling == NULL)
            return clmix_fail_memory(path);
        snprintf(sibling, bytes, "%.*s%s%s", (int)(train - path), path, *others, train + strlen("train"));
        if (access(sibling, F_OK) == 0) {
            *found = sibling;
            return CLMIX_OK;
        }
        free(sibling);
    }
    return CLMIX_OK;
}

clmix_status clmix_table_begin(struct clmix_table *table, clmix_split split, clmix_skips *skips)
{
    clmix_table_end(table);
    table->split = split;
    table->row = 0;
    return clmix_text_file_open(&table->file, table->path[split] != NULL ? table->path[split] : table->path[CLMIX_TRAIN], table->commas,
                                skips);
}

void clmix_table_end(struct clmix_table *table)
{
    clmix_text_file_close(&table->file);
}

void clmix_table_free(struct clmix_table *table)
{
    clmix_table_end(table);
    free(table->path[CLMIX_TRAIN]);
    free(table->path[CLMIX_TEST]);
    free(table->fields);
    memset(table, 0, sizeof *table);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static clmix_status add_field(struct clmix_table *table, char *text, size_t bytes)
{
    struct clmix_field field = { text, bytes };

    while (field.bytes > 0 && is_blank(field.text[0])) {
        field.text++;
        field.bytes--;
    }
    while (field.bytes > 0 && is_blank(field.text[field.bytes - 1]))
        field.bytes--;
    field.text[field.bytes] = '\0';
    return CLMIX_PUSH(table->fields, table->count, table->capacity, field) ? CLMIX_OK : clmix_fail_memory(table->file.path);
}

static clmix_status split_tabs(struct clmix_table *table, char *text, size_t bytes)
{
    for (;;) {
        char *tab = memchr(text, '\t', bytes);
        const size_t length = tab == NULL ? bytes : (size_t)(tab - text);

        CLMIX_TRY(add_field(table, text, length));
        if (tab == NULL)
            return CLMIX_OK;
        text += length + 1;
        bytes -= length + 1;
    }
}

/* Takes a field's quotation marks off, in place; *end is where it ends. A mark that is doubled between marks is one; behind the closing one, and in a field
 * that begins with none, marks are text. */
static size_t unquote(char *text, size_t bytes, size_t *end)
{
    enum { PLAIN, QUOTED, BEHIND } place = bytes > 0 && text[0] == '"' ? QUOTED : PLAIN;
    size_t from = place == QUOTED, to = 0;

    for (; from < bytes && (place == QUOTED || text[from] != ','); from++) {
        if (text[from] == '"' && place == QUOTED) {
            place = BEHIND;
            continue;
        }
        if (place == BEHIND)
            place = text[from] == '"' ? QUOTED : PLAIN;
        text[to++] = text[from];
    }
    *end = from;
    return to;
}

static clmix_status split_commas(struct clmix_table *table, char *text, size_t bytes)
{
    for (;;) {
        size_t end = 0;
        const size_t length = unquote(text, bytes, &end);
        const bool last = end == bytes;

        CLMIX_TRY(add_field(table, text, length));
        if (last)
            return CLMIX_OK;
        text += end + 1;
        bytes -= end + 1;
    }
}

static clmix_status next_row(struct clmix_table *table, bool *found)
{
    char *record = NULL;
    size_t bytes = 0;

    CLMIX_TRY(clmix_text_file_next(&table->file, &record, &bytes));
    *found = record != NULL;
    table->count = 0;
    return record == NULL ? CLMIX_OK : (table->commas ? split_commas : split_tabs)(table, record, bytes);
}

clmix_status clmix_table_header(struct clmix_table *table)
{
    bool found = false;

    CLMIX_TRY(next_row(table, &found));
    if (clmix_skips_count(table->file.skips) > 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s", table->file.skips->first);
    if (!found)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is empty", table->file.path);
    table->file.skips->read = 0;
    return CLMIX_OK;
}

clmix_status clmix_table_next(struct clmix_table *table, bool *found)
{
    do {
        CLMIX_TRY(next_row(table, found));
        table->row++;
    } while (*found && !table->whole && table->path[CLMIX_TEST] == NULL && (table->row % OF_TWENTY == 0) != (table->split == CLMIX_TEST));
    return CLMIX_OK;
}

void clmix_table_skip(struct clmix_table *table, enum clmix_skip_reason reason, const char *why)
{
    clmix_skip(table->file.skips, reason, "'%s', line %zu: %s", table->file.path, table->file.line, why);
}
