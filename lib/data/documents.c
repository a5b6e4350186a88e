/* Documents as text files, for language models: a sentence or a paragraph a line, an empty line between documents. */
#include "base/file.h"
#include "base/status.h"
#include "data/listing.h"
#include "data/text_reader.h"
#include "text/file.h"

#include <stdlib.h>
#include <string.h>

#define OF_TWENTY 20 /* parts, the last is of the test split */

static const char *const endings[] = { ".txt", NULL };

struct documents {
    struct clmix_listing paths[2]; /* by split; a test split without files is every twentieth part of the others */
    bool divided;                  /* the two splits are in the same files */
    struct clmix_text_file file;
    size_t next_file; /* of the split's paths */
    bool by_line;     /* this file is one document, and each line of it a part */
    bool between;     /* a document ended, or none began yet */
    size_t document;  /* documents that began, in this file and those before it */
    size_t part;      /* and parts: documents, or the lines of one that is a whole file */
};

/* ---- files ------------------------------------------------------------------------------------------------------------------------------ */

/* The .txt files of a folder, of which there must be one. */
static clmix_status add_folder(struct clmix_listing *paths, const char *folder)
{
    CLMIX_TRY(clmix_listing_add_files(paths, folder, endings));
    return paths->count > 0 ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FILE, "the folder '%s' holds no file named .txt", folder);
}

/* Adds ROOT/name where it is a folder. */
static clmix_status consider(struct clmix_listing *paths, const char *root, const char *name)
{
    char *folder = clmix_path_join(root, name);
    clmix_status status;

    if (folder == NULL)
        return clmix_fail_memory(root);
    status = clmix_is_folder(folder) ? add_folder(paths, folder) : CLMIX_OK;
    free(folder);
    return status;
}

static clmix_status find_files(struct documents *documents, const char *root)
{
    static const char *const tests[] = { "test", "val" };
    struct clmix_listing *train = &documents->paths[CLMIX_TRAIN], *test = &documents->paths[CLMIX_TEST];

    if (!clmix_is_folder(root)) {
        documents->divided = true;
        return clmix_listing_add(train, root);
    }
    CLMIX_TRY(consider(train, root, "train"));
    for (size_t i = 0; train->count > 0 && test->count == 0 && i < sizeof tests / sizeof *tests; i++)
        CLMIX_TRY(consider(test, root, tests[i]));
    documents->divided = train->count == 0;
    return documents->divided ? add_folder(train, root) : CLMIX_OK;
}

static clmix_status open_documents(clmix_text_reader *reader, const char *argument)
{
    struct documents *documents = calloc(1, sizeof *documents);

    reader->state = documents;
    if (documents == NULL)
        return clmix_fail_memory("a reader of text");
    CLMIX_TRY(find_files(documents, argument));
    reader->has[CLMIX_TRAIN] = true;
    reader->has[CLMIX_TEST] = documents->divided || documents->paths[CLMIX_TEST].count > 0;
    return CLMIX_OK;
}

static void close_documents(clmix_text_reader *reader)
{
    struct documents *documents = reader->state;

    if (documents == NULL)
        return;
    clmix_text_file_close(&documents->file);
    clmix_listing_free(&documents->paths[CLMIX_TRAIN]);
    clmix_listing_free(&documents->paths[CLMIX_TEST]);
    free(documents);
}

/* ---- lines ------------------------------------------------------------------------------------------------------------------------------ */

static bool is_empty(const char *line, size_t bytes)
{
    return strspn(line, " \t\r\f\v") == bytes;
}

/* Whether an empty line stands between lines with text. */
static clmix_status has_parts(const char *path, bool *parts)
{
    struct clmix_text_file file;
    bool text = false, gap = false;
    clmix_skips skips = { 0 };
    clmix_status status;
    char *line = NULL;
    size_t bytes = 0;

    *parts = false;
    CLMIX_TRY(clmix_text_file_open(&file, path, false, &skips));
    while ((status = clmix_text_file_next(&file, &line, &bytes)) == CLMIX_OK && line != NULL && !*parts) {
        const bool empty = is_empty(line, bytes);

        *parts = !empty && gap;
        gap = empty && text;
        text = text || !empty;
    }
    clmix_text_file_close(&file);
    return status;
}

static const struct clmix_listing *paths_of(const clmix_text_reader *reader)
{
    const struct documents *documents = reader->state;

    return &documents->paths[documents->divided ? CLMIX_TRAIN : reader->split];
}

/* Opens the next file of the split. */
static clmix_status open_next(clmix_text_reader *reader)
{
    struct documents *documents = reader->state;
    const char *path = paths_of(reader)->items[documents->next_file];
    bool parts;

    CLMIX_TRY(has_parts(path, &parts));
    CLMIX_TRY(clmix_text_file_open(&documents->file, path, false, &reader->skips[reader->split]));
    documents->next_file++;
    documents->by_line = !parts;
    documents->between = true;
    return CLMIX_OK;
}

static clmix_status begin(clmix_text_reader *reader, clmix_split split)
{
    struct documents *documents = reader->state;

    (void)split;
    clmix_text_file_close(&documents->file);
    documents->next_file = documents->document = documents->part = 0;
    return open_next(reader);
}

/* Whether the line at hand is a sample of the split. */
static bool take(clmix_text_reader *reader, const char *line, size_t bytes)
{
    struct documents *documents = reader->state;

    if (is_empty(line, bytes)) {
        documents->between = true;
        documents->file.skips->read--; /* it says something, but is no sample */
        return false;
    }
    documents->part += documents->between || documents->by_line;
    documents->document += documents->between;
    documents->between = false;
    return !documents->divided || (documents->part % OF_TWENTY == 0) == (reader->split == CLMIX_TEST);
}

static clmix_status next(clmix_text_reader *reader, clmix_text_sample *sample, bool *found)
{
    struct documents *documents = reader->state;

    for (;;) {
        char *line = NULL;
        size_t bytes = 0;

        CLMIX_TRY(clmix_text_file_next(&documents->file, &line, &bytes));
        if (line == NULL && documents->next_file == paths_of(reader)->count)
            return CLMIX_OK;
        if (line == NULL) {
            clmix_text_file_close(&documents->file);
            CLMIX_TRY(open_next(reader));
        } else if (take(reader, line, bytes)) {
            sample->text[0] = line;
            sample->bytes[0] = bytes;
            sample->document = documents->document - 1;
            *found = true;
            return CLMIX_OK;
        }
    }
}

const clmix_text_reader_kind clmix_text_reader_text = { "text", "FILE-or-DIR", open_documents, close_documents, begin, next };
