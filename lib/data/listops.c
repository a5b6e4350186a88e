/* ListOps: trees and what they come to, from files of the long-range arena, or drawn as its generator draws them. */
#include "base/file.h"
#include "base/random.h"
#include "base/status.h"
#include "data/listing.h"
#include "data/options.h"
#include "data/table.h"
#include "data/trees.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VAIN_DRAWS 2000000 /* in a row: then there are no more such trees */

static const char *const class_names[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };

struct listops {
    struct clmix_table table; /* of the files; or, where there are none, */
    struct clmix_tree_options options;
    uint64_t *draws; /* the numbers of those that are kept, of the train and behind them of the test split */
    size_t count[2], next;
    char *text;
};

/* ---- files ------------------------------------------------------------------------------------------------------------------------------ */

/* FOLDER/basic_train.tsv and the like, where it is there. */
static clmix_status find_in(const char *folder, const char *name, char **path)
{
    *path = clmix_path_join(folder, name);
    return *path != NULL ? CLMIX_OK : clmix_fail_memory(folder);
}

static clmix_status open_files(clmix_text_reader *reader, const char *place)
{
    static const char *const others[] = { "test", "val", NULL };
    struct listops *listops = reader->state;
    struct clmix_table *table = &listops->table;
    clmix_skips skips = { 0 };

    if (clmix_is_folder(place))
        CLMIX_TRY(find_in(place, "basic_train.tsv", &table->path[CLMIX_TRAIN]));
    else if ((table->path[CLMIX_TRAIN] = strdup(place)) == NULL)
        return clmix_fail_memory(place);
    CLMIX_TRY(clmix_table_sibling(table->path[CLMIX_TRAIN], others, &table->path[CLMIX_TEST]));
    CLMIX_TRY(clmix_table_begin(table, CLMIX_TRAIN, &skips)); /* it is there */
    clmix_table_end(table);
    return CLMIX_OK;
}

static clmix_status begin_file(struct clmix_table *table, clmix_split split, clmix_skips *skips)
{
    CLMIX_TRY(clmix_table_begin(table, split, skips));
    CLMIX_TRY(clmix_table_header(table));
    if (table->count == 2 && strcmp(table->fields[0].text, "Source") == 0 && strcmp(table->fields[1].text, "Target") == 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is no file of ListOps: its first row is not Source, tab, Target", table->file.path);
}

static bool take(struct clmix_table *table, clmix_text_sample *sample)
{
    const struct clmix_field *tree = &table->fields[0], *target = &table->fields[1];
    const char *wrong;
    int value = 0;
    char why[128];

    if (table->count != 2) {
        clmix_table_skip(table, CLMIX_SKIP_FORM, "it does not have two columns, a tree and its value");
        return false;
    }
    wrong = clmix_tree_value(tree->text, tree->bytes, &value);
    if (wrong != NULL) {
        clmix_table_skip(table, tree->bytes == 0 ? CLMIX_SKIP_EMPTY : CLMIX_SKIP_FORM, wrong);
        return false;
    }
    if (target->bytes != 1 || target->text[0] != '0' + value) {
        snprintf(why, sizeof why, "the tree comes to %d, and its label is '%.20s'", value, target->text);
        clmix_table_skip(table, CLMIX_SKIP_LABEL, why);
        return false;
    }
    sample->text[0] = tree->text;
    sample->bytes[0] = tree->bytes;
    sample->label = value;
    return true;
}

/* ---- drawn ------------------------------------------------------------------------------------------------------------------------------ */

/* Hashes of the trees so far, which are not to come again. */
struct known {
    uint64_t *slots; /* a power of two, at most half of them taken; 0: free */
    size_t size;
};

/* True, and noted, where it is new. Two trees with one hash are taken for one: then the second is left out, in every run. */
static bool note(struct known *known, uint64_t hash)
{
    size_t at = (size_t)(hash ^ hash >> 32) & (known->size - 1);

    hash += hash == 0;
    while (known->slots[at] != 0 && known->slots[at] != hash)
        at = (at + 1) & (known->size - 1);
    if (known->slots[at] == hash)
        return false;
    known->slots[at] = hash;
    return true;
}

static clmix_status find_draws(struct listops *listops, size_t count, struct known *known)
{
    uint64_t number = 0, last = 0;
    int value;

    for (size_t kept = 0; kept < count; number++) {
        if (number - last > VAIN_DRAWS)
            return clmix_fail(
                CLMIX_ERROR_ARGUMENT,
                "%zu different trees with more than %zu and less than %zu tokens are asked for, and after %zu no more are drawn; "
                "allow other lengths, or a larger depth and more args",
                count, listops->options.shortest, listops->options.longest, kept);
        if (clmix_tree_draw(&listops->options, number, listops->text, &value) == 0 || !note(known, clmix_hash_text(listops->text)))
            continue;
        listops->draws[kept++] = last = number;
    }
    return CLMIX_OK;
}

static clmix_status draw_all(struct listops *listops)
{
    const size_t count = listops->count[CLMIX_TRAIN] + listops->count[CLMIX_TEST];
    struct known known = { .size = 1024 };
    clmix_status status;

    while (known.size < 2 * count)
        known.size *= 2;
    known.slots = calloc(known.size, sizeof *known.slots);
    listops->draws = malloc(count * sizeof *listops->draws);
    listops->text = malloc(listops->options.longest * CLMIX_TREE_TOKEN + 1);
    status = known.slots == NULL || listops->draws == NULL || listops->text == NULL ? clmix_fail_memory("trees")
                                                                                    : find_draws(listops, count, &known);
    free(known.slots);
    return status;
}

static clmix_status open_drawn(clmix_text_reader *reader, const char *argument)
{
    struct clmix_number_option options[] = {
        { "train", 1, 1 << 24, 96000 }, { "test", 1, 1 << 24, 2000 }, { "seed", 0, UINT64_MAX, 0 }, { "min", 0, 1 << 20, 500 },
        { "max", 2, 1 << 20, 2000 },    { "depth", 1, 100, 10 },      { "args", 2, 64, 10 },
    };
    struct listops *listops = reader->state;

    CLMIX_TRY(clmix_options_of_numbers("listops", argument, options, sizeof options / sizeof *options));
    listops->count[CLMIX_TRAIN] = (size_t)options[0].value;
    listops->count[CLMIX_TEST] = (size_t)options[1].value;
    listops->options = (struct clmix_tree_options){ options[2].value, (size_t)options[3].value, (size_t)options[4].value,
                                                    (int)options[5].value, (int)options[6].value };
    return draw_all(listops);
}

/* ---- the reader ------------------------------------------------------------------------------------------------------------------------- */

static bool is_drawn(const struct listops *listops)
{
    return listops->draws != NULL;
}

static clmix_status open_listops(clmix_text_reader *reader, const char *argument)
{
    const bool drawn = argument[0] == '\0' || (strchr(argument, '=') != NULL && strchr(argument, '/') == NULL);

    reader->state = calloc(1, sizeof(struct listops));
    if (reader->state == NULL)
        return clmix_fail_memory("a reader of text");
    reader->has[CLMIX_TRAIN] = reader->has[CLMIX_TEST] = true;
    reader->classes = (const char **)class_names;
    reader->class_count = 10;
    reader->tokenizer = "listops";
    reader->whole = true;
    return drawn ? open_drawn(reader, argument) : open_files(reader, argument);
}

static void close_listops(clmix_text_reader *reader)
{
    struct listops *listops = reader->state;

    if (listops == NULL)
        return;
    clmix_table_free(&listops->table);
    free(listops->draws);
    free(listops->text);
    free(listops);
}

static clmix_status begin(clmix_text_reader *reader, clmix_split split)
{
    struct listops *listops = reader->state;

    listops->next = 0;
    return is_drawn(listops) ? CLMIX_OK : begin_file(&listops->table, split, &reader->skips[split]);
}

static void draw_next(struct listops *listops, clmix_split split, clmix_text_sample *sample)
{
    const size_t first = split == CLMIX_TEST ? listops->count[CLMIX_TRAIN] : 0;
    int value = 0;

    clmix_tree_draw(&listops->options, listops->draws[first + listops->next++], listops->text, &value);
    sample->text[0] = listops->text;
    sample->bytes[0] = strlen(listops->text);
    sample->label = value;
}

static clmix_status next(clmix_text_reader *reader, clmix_text_sample *sample, bool *found)
{
    struct listops *listops = reader->state;

    if (is_drawn(listops)) {
        *found = listops->next < listops->count[reader->split];
        if (*found)
            draw_next(listops, reader->split, sample);
        return CLMIX_OK;
    }
    do
        CLMIX_TRY(clmix_table_next(&listops->table, found));
    while (*found && !take(&listops->table, sample));
    return CLMIX_OK;
}

const clmix_text_reader_kind clmix_text_reader_listops = { "listops", NULL, open_listops, close_listops, begin, next };
