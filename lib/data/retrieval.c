/* Pairs of papers of the long-range arena (ACL anthology network): rows of a label, two names and two texts between tabs, without a header. Class 1:
 * one cites the other. */
#include "base/status.h"
#include "data/table.h"

#include <stdlib.h>
#include <string.h>

enum { LABEL, FIRST_NAME, SECOND_NAME, FIRST, SECOND, COLUMNS };

static const char *const class_names[] = { "unrelated", "related" };

static clmix_status open_retrieval(clmix_text_reader *reader, const char *argument)
{
    static const char *const others[] = { "test", "eval", NULL };
    struct clmix_table *table = calloc(1, sizeof *table);
    clmix_skips skips = { 0 };

    reader->state = table;
    if (table == NULL || (table->path[CLMIX_TRAIN] = strdup(argument)) == NULL)
        return clmix_fail_memory("a reader of text");
    CLMIX_TRY(clmix_table_sibling(argument, others, &table->path[CLMIX_TEST]));
    CLMIX_TRY(clmix_table_begin(table, CLMIX_TRAIN, &skips)); /* it is there */
    clmix_table_end(table);
    reader->has[CLMIX_TRAIN] = reader->has[CLMIX_TEST] = true;
    reader->texts = 2;
    reader->classes = (const char **)class_names;
    reader->class_count = 2;
    return CLMIX_OK;
}

static void close_retrieval(clmix_text_reader *reader)
{
    if (reader->state != NULL)
        clmix_table_free(reader->state);
    free(reader->state);
}

static clmix_status begin(clmix_text_reader *reader, clmix_split split)
{
    return clmix_table_begin(reader->state, split, &reader->skips[split]);
}

static bool take(struct clmix_table *table, clmix_text_sample *sample)
{
    static const char *const labels[] = { "0", "1", "0.0", "1.0" };
    const struct clmix_field *fields = table->fields;

    if (table->count != COLUMNS) {
        clmix_table_skip(table, CLMIX_SKIP_FORM, "it does not have the five columns label, name, name, text and text");
        return false;
    }
    for (int i = 0; i < 4; i++)
        if (strcmp(fields[LABEL].text, labels[i]) == 0)
            sample->label = i % 2;
    if (sample->label == CLMIX_NO_LABEL) {
        clmix_table_skip(table, CLMIX_SKIP_LABEL, "its label is neither 0 nor 1");
        return false;
    }
    for (int i = 0; i < 2; i++) {
        sample->text[i] = fields[FIRST + i].text;
        sample->bytes[i] = fields[FIRST + i].bytes;
    }
    if (sample->bytes[0] > 0 && sample->bytes[1] > 0)
        return true;
    clmix_table_skip(table, CLMIX_SKIP_EMPTY, "a text is missing");
    sample->label = CLMIX_NO_LABEL;
    return false;
}

static clmix_status next(clmix_text_reader *reader, clmix_text_sample *sample, bool *found)
{
    struct clmix_table *table = reader->state;

    do
        CLMIX_TRY(clmix_table_next(table, found));
    while (*found && !take(table, sample));
    return CLMIX_OK;
}

const clmix_text_reader_kind clmix_text_reader_retrieval = { "retrieval", "FILE", open_retrieval, close_retrieval, begin, next };
