/* Labelled texts in tables, TSV and CSV: a text or two and a label a row. */
#include "base/names.h"
#include "base/status.h"
#include "data/listing.h"
#include "data/options.h"
#include "data/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_CLASSES 10000
#define NO_COLUMN    SIZE_MAX

enum { TEXT, SECOND, LABEL, PARTS };

static const char *const part_names[PARTS] = { "text", "second", "label" };

struct rows {
    struct clmix_table table;
    size_t columns;              /* that each row has */
    size_t column[PARTS];        /* NO_COLUMN: there is no such part */
    char *header[PARTS];         /* owned: what the first row calls them; NULL where it is no header */
    struct clmix_listing labels; /* the classes */
    clmix_names numbers;         /* of the labels */
};

/* ---- columns ---------------------------------------------------------------------------------------------------------------------------- */

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' && strlen(text) < 10;
}

/* The column that the first row calls a label; NO_COLUMN where it calls none so. */
static size_t find_label(const struct clmix_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcasecmp(table->fields[i].text, "label") == 0 || strcasecmp(table->fields[i].text, "target") == 0 ||
            strcasecmp(table->fields[i].text, "class") == 0)
            return i;
    return NO_COLUMN;
}

static clmix_status find_asked(const struct clmix_table *table, const struct clmix_text_option *option, size_t *column)
{
    if (is_number(option->value)) {
        *column = (size_t)strtoul(option->value, NULL, 10) - 1;
        if (*column < table->count)
            return CLMIX_OK;
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%s=%s is asked for, and '%s' has the columns 1 to %zu", option->name, option->value,
                          table->file.path, table->count);
    }
    for (*column = 0; *column < table->count; ++*column)
        if (strcmp(table->fields[*column].text, option->value) == 0)
            return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "%s=%s is asked for, and the first row of '%s' names no such column", option->name,
                      option->value, table->file.path);
}

/* The texts where no option tells them: all but the label, if those are one or two. */
static clmix_status find_texts(struct rows *rows)
{
    const struct clmix_table *table = &rows->table;
    size_t found = 0;

    for (size_t i = 0; i < table->count; i++) {
        if (i == rows->column[LABEL])
            continue;
        if (found < 2)
            rows->column[found] = i;
        found++;
    }
    if (found == 1 || found == 2)
        return CLMIX_OK;
    return clmix_fail(
        CLMIX_ERROR_ARGUMENT,
        "'%s' has %zu columns, and it is not clear which are text; say it behind the file: ,text=COLUMN,label=COLUMN (a name of "
        "the first row, or a number from 1)",
        table->file.path, table->count);
}

/* What the columns of the first row, which is at hand, are. */
static clmix_status settle_columns(struct rows *rows, const struct clmix_text_option options[PARTS])
{
    const struct clmix_table *table = &rows->table;
    const size_t label = find_label(table);
    bool named = label != NO_COLUMN;

    rows->columns = table->count;
    for (int i = 0; i < PARTS; i++) {
        rows->column[i] = NO_COLUMN;
        if (options[i].value == NULL)
            continue;
        CLMIX_TRY(find_asked(table, &options[i], &rows->column[i]));
        named = named || !is_number(options[i].value);
    }
    if (rows->column[LABEL] == NO_COLUMN)
        rows->column[LABEL] = label != NO_COLUMN ? label : table->count - 1;
    if (options[TEXT].value == NULL && options[SECOND].value != NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "second=%s is asked for without text=", options[SECOND].value);
    if (options[TEXT].value == NULL)
        CLMIX_TRY(find_texts(rows));
    for (int i = 0; named && i < PARTS; i++)
        if (rows->column[i] != NO_COLUMN && (rows->header[i] = strdup(table->fields[rows->column[i]].text)) == NULL)
            return clmix_fail_memory("columns");
    return CLMIX_OK;
}

/* ---- classes ---------------------------------------------------------------------------------------------------------------------------- */

static int by_number(const void *left, const void *right)
{
    const long a = strtol(*(char *const *)left, NULL, 10), b = strtol(*(char *const *)right, NULL, 10);

    return a != b ? (a > b) - (a < b) : clmix_listing_compare(left, right);
}

static clmix_status add_label(struct rows *rows, const char *label)
{
    size_t number;

    if (label[0] == '\0' || clmix_names_find(&rows->numbers, label, &number))
        return CLMIX_OK;
    if (rows->labels.count == MOST_CLASSES)
        return clmix_fail(
            CLMIX_ERROR_FORMAT,
            "'%s' has more than %d different labels in column %zu; say which one has the label: ,label=COLUMN behind the file",
            rows->table.file.path, MOST_CLASSES, rows->column[LABEL] + 1);
    CLMIX_TRY(clmix_listing_add(&rows->labels, label));
    return clmix_names_add(&rows->numbers, rows->labels.items[rows->labels.count - 1], 0) ? CLMIX_OK : clmix_fail_memory("labels");
}

/* Whole numbers in their order, other labels by their bytes. */
static clmix_status sort_labels(struct rows *rows)
{
    bool numbers = true;

    for (size_t i = 0; i < rows->labels.count; i++)
        numbers = numbers && is_number(rows->labels.items[i] + (rows->labels.items[i][0] == '-'));
    clmix_listing_sort(&rows->labels);
    if (numbers && rows->labels.count > 0)
        qsort(rows->labels.items, rows->labels.count, sizeof *rows->labels.items, by_number);
    clmix_names_clear(&rows->numbers);
    for (size_t i = 0; i < rows->labels.count; i++)
        if (!clmix_names_add(&rows->numbers, rows->labels.items[i], i))
            return clmix_fail_memory("labels");
    return CLMIX_OK;
}

static clmix_status begin_rows(struct rows *rows, clmix_split split, clmix_skips *skips)
{
    struct clmix_table *table = &rows->table;

    CLMIX_TRY(clmix_table_begin(table, split, skips));
    if (rows->header[LABEL] == NULL)
        return CLMIX_OK;
    CLMIX_TRY(clmix_table_header(table));
    for (int i = 0; i < PARTS; i++)
        if (rows->header[i] != NULL && (table->count != rows->columns || strcmp(table->fields[rows->column[i]].text, rows->header[i]) != 0))
            return clmix_fail(CLMIX_ERROR_FORMAT,
                              "the first row of '%s' does not name the %zu columns, with '%.100s' as number %zu, that '%s' has",
                              table->file.path, rows->columns, rows->header[i], rows->column[i] + 1, table->path[CLMIX_TRAIN]);
    return CLMIX_OK;
}

/* All labels of the training file, those of every twentieth row among them. */
static clmix_status find_classes(struct rows *rows)
{
    clmix_skips skips = { 0 };
    bool found = true;

    CLMIX_TRY(begin_rows(rows, CLMIX_TRAIN, &skips));
    rows->table.whole = true;
    while (found) {
        CLMIX_TRY(clmix_table_next(&rows->table, &found));
        if (found && rows->table.count == rows->columns)
            CLMIX_TRY(add_label(rows, rows->table.fields[rows->column[LABEL]].text));
    }
    rows->table.whole = false;
    return sort_labels(rows);
}

/* ---- the reader ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status open_table(clmix_text_reader *reader, struct rows *rows, const struct clmix_text_option *options, const char *test)
{
    static const char *const others[] = { "test", "val", "dev", NULL };
    clmix_skips skips = { 0 };

    if (test != NULL && (rows->table.path[CLMIX_TEST] = strdup(test)) == NULL)
        return clmix_fail_memory(test);
    if (test == NULL)
        CLMIX_TRY(clmix_table_sibling(rows->table.path[CLMIX_TRAIN], others, &rows->table.path[CLMIX_TEST]));
    CLMIX_TRY(clmix_table_begin(&rows->table, CLMIX_TRAIN, &skips));
    CLMIX_TRY(clmix_table_header(&rows->table));
    CLMIX_TRY(settle_columns(rows, options));
    CLMIX_TRY(find_classes(rows));
    reader->has[CLMIX_TRAIN] = reader->has[CLMIX_TEST] = true;
    reader->texts = rows->column[SECOND] == NO_COLUMN ? 1 : 2;
    reader->classes = (const char **)rows->labels.items;
    reader->class_count = (int)rows->labels.count;
    return CLMIX_OK;
}

static clmix_status open_rows(clmix_text_reader *reader, const char *argument, bool commas)
{
    struct clmix_text_option options[PARTS + 1] = {
        { .name = part_names[TEXT] }, { .name = part_names[SECOND] }, { .name = part_names[LABEL] }, { .name = "test" }
    };
    struct rows *rows = calloc(1, sizeof *rows);
    clmix_status status;

    reader->state = rows;
    if (rows == NULL)
        return clmix_fail_memory("a reader of text");
    rows->table.commas = commas;
    status = clmix_options_behind_path(argument, &rows->table.path[CLMIX_TRAIN], options, PARTS + 1);
    if (status == CLMIX_OK)
        status = open_table(reader, rows, options, options[PARTS].value);
    clmix_text_options_free(options, PARTS + 1);
    return status;
}

static clmix_status open_tsv(clmix_text_reader *reader, const char *argument)
{
    return open_rows(reader, argument, false);
}

static clmix_status open_csv(clmix_text_reader *reader, const char *argument)
{
    return open_rows(reader, argument, true);
}

static void close_rows(clmix_text_reader *reader)
{
    struct rows *rows = reader->state;

    if (rows == NULL)
        return;
    clmix_table_free(&rows->table);
    for (int i = 0; i < PARTS; i++)
        free(rows->header[i]);
    clmix_listing_free(&rows->labels);
    clmix_names_clear(&rows->numbers);
    free(rows);
}

static clmix_status begin(clmix_text_reader *reader, clmix_split split)
{
    return begin_rows(reader->state, split, &reader->skips[split]);
}

/* The row at hand as a sample; false, and counted, when it is none. */
static bool take(struct rows *rows, clmix_text_sample *sample)
{
    struct clmix_table *table = &rows->table;
    const struct clmix_field *label;
    size_t number = 0;
    char why[256];

    if (table->count != rows->columns) {
        snprintf(why, sizeof why, "%zu columns where %zu are expected", table->count, rows->columns);
        clmix_table_skip(table, CLMIX_SKIP_FORM, why);
        return false;
    }
    for (int i = TEXT; i <= SECOND && rows->column[i] != NO_COLUMN; i++) {
        const struct clmix_field *text = &table->fields[rows->column[i]];

        if (text->bytes == 0) {
            clmix_table_skip(table, CLMIX_SKIP_EMPTY, "it has no text");
            return false;
        }
        sample->text[i] = text->text;
        sample->bytes[i] = text->bytes;
    }
    label = &table->fields[rows->column[LABEL]];
    if (!clmix_names_find(&rows->numbers, label->text, &number)) {
        snprintf(why, sizeof why, label->bytes == 0 ? "it has no label" : "the label '%.100s' is none of the training rows'", label->text);
        clmix_table_skip(table, CLMIX_SKIP_LABEL, why);
        return false;
    }
    sample->label = (int32_t)number;
    return true;
}

static clmix_status next(clmix_text_reader *reader, clmix_text_sample *sample, bool *found)
{
    struct rows *rows = reader->state;

    do
        CLMIX_TRY(clmix_table_next(&rows->table, found));
    while (*found && !take(rows, sample));
    return CLMIX_OK;
}

const clmix_text_reader_kind clmix_text_reader_tsv = { "tsv", "FILE", open_tsv, close_rows, begin, next };
const clmix_text_reader_kind clmix_text_reader_csv = { "csv", "FILE", open_csv, close_rows, begin, next };
