/* The large movie review set (Maas et al. 2011) as aclImdb_v1.tar.gz unpacks: {train,test}/{pos,neg}/NUMBER_RATING.txt, a review each. Class 0 is pos,
 * class 1 neg; train/unsup/ is not read. */
#include "base/file.h"
#include "base/status.h"
#include "base/utf8.h"
#include "data/listing.h"
#include "data/options.h"
#include "data/text_reader.h"
#include "text/file.h"

#include <stdlib.h>
#include <string.h>

#define CLASSES 2

static const char *const class_names[CLASSES] = { "pos", "neg" }, *const splits[2] = { "train", "test" },
                         *const endings[] = { ".txt", NULL };

struct imdb {
    struct clmix_listing paths[2]; /* by split, first all of class 0 */
    size_t first_of_neg[2];
    bool drop_tags;
    size_t next;
    char *review; /* the last one */
};

/* ---- files ------------------------------------------------------------------------------------------------------------------------------ */

static clmix_status add_class(struct imdb *imdb, int split, const char *folder)
{
    const size_t before = imdb->paths[split].count;

    CLMIX_TRY(clmix_listing_add_files(&imdb->paths[split], folder, endings));
    if (imdb->paths[split].count > before)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT, "the folder '%s' holds no review, a file named .txt", folder);
}

/* ROOT/split/pos and ROOT/split/neg. */
static clmix_status add_split(struct imdb *imdb, int split, const char *folder)
{
    for (int label = 0; label < CLASSES; label++) {
        char *class_folder = clmix_path_join(folder, class_names[label]);
        clmix_status status = class_folder == NULL ? clmix_fail_memory(folder) : add_class(imdb, split, class_folder);

        free(class_folder);
        CLMIX_TRY(status);
        if (label == 0)
            imdb->first_of_neg[split] = imdb->paths[split].count;
    }
    return CLMIX_OK;
}

static clmix_status add_splits(clmix_text_reader *reader, const char *root)
{
    struct imdb *imdb = reader->state;

    for (int split = 0; split < 2; split++) {
        char *folder = clmix_path_join(root, splits[split]);
        clmix_status status = folder == NULL ? clmix_fail_memory(root) : CLMIX_OK;

        if (status == CLMIX_OK && clmix_is_folder(folder))
            status = add_split(imdb, split, folder);
        free(folder);
        CLMIX_TRY(status);
        reader->has[split] = imdb->paths[split].count > 0;
    }
    if (reader->has[CLMIX_TRAIN] || reader->has[CLMIX_TEST])
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FILE, "'%s' has neither train/ nor test/; name the folder aclImdb that aclImdb_v1.tar.gz unpacks to",
                      root);
}

static clmix_status open_imdb(clmix_text_reader *reader, const char *argument)
{
    struct clmix_text_option tags = { .name = "tags" };
    struct imdb *imdb = calloc(1, sizeof *imdb);
    clmix_status status;
    char *root = NULL;

    reader->state = imdb;
    if (imdb == NULL)
        return clmix_fail_memory("a reader of text");
    reader->classes = (const char **)class_names;
    reader->class_count = CLASSES;
    status = clmix_options_behind_path(argument, &root, &tags, 1);
    if (status == CLMIX_OK && tags.value != NULL && strcmp(tags.value, "drop") != 0 && strcmp(tags.value, "keep") != 0)
        status = clmix_fail(CLMIX_ERROR_ARGUMENT, "tags=%s is asked for; use tags=drop or tags=keep", tags.value);
    imdb->drop_tags = tags.value != NULL && strcmp(tags.value, "drop") == 0;
    if (status == CLMIX_OK)
        status = add_splits(reader, root);
    free(root);
    clmix_text_options_free(&tags, 1);
    return status;
}

static void close_imdb(clmix_text_reader *reader)
{
    struct imdb *imdb = reader->state;

    if (imdb == NULL)
        return;
    clmix_listing_free(&imdb->paths[CLMIX_TRAIN]);
    clmix_listing_free(&imdb->paths[CLMIX_TEST]);
    free(imdb->review);
    free(imdb);
}

/* ---- reviews ---------------------------------------------------------------------------------------------------------------------------- */

/* Where what opens here is closed; NULL where nothing opens, or it is not closed in all the rest, which is then looked through once. */
static const char *find_end(const char *text, const char *limit, bool unclosed[2])
{
    const int kind = text[0] == '<' ? 0 : 1;
    const char *end;

    if ((text[0] != '<' && text[0] != '[') || unclosed[kind])
        return NULL;
    end = memchr(text, ">]"[kind], (size_t)(limit - text));
    unclosed[kind] = end == NULL;
    return end;
}

/* Puts a blank in the place of each <...> and [...]; one that is not closed is text. */
static size_t drop_tags(char *text, size_t bytes)
{
    bool unclosed[2] = { false };
    size_t to = 0;

    for (size_t from = 0; from < bytes; from++) {
        const char *end = find_end(text + from, text + bytes, unclosed);

        if (end != NULL)
            from = (size_t)(end - text);
        text[to++] = end != NULL ? ' ' : text[from];
    }
    text[to] = '\0';
    return to;
}

static clmix_status begin(clmix_text_reader *reader, clmix_split split)
{
    (void)split;
    ((struct imdb *)reader->state)->next = 0;
    return CLMIX_OK;
}

/* Reads a review; *bytes is 0 where it is passed over. */
static clmix_status read_review(struct imdb *imdb, const char *path, clmix_skips *skips, size_t *bytes)
{
    void *content = NULL;
    clmix_status status;

    free(imdb->review);
    imdb->review = NULL;
    skips->read++;
    status = clmix_file_read(path, CLMIX_RECORD_BYTES, &content, bytes);
    if (status == CLMIX_ERROR_FORMAT) {
        clmix_skip(skips, CLMIX_SKIP_LENGTH, "'%s' is longer than %zu MiB", path, CLMIX_RECORD_BYTES >> 20);
        *bytes = 0;
        return CLMIX_OK;
    }
    CLMIX_TRY(status);
    imdb->review = content;
    if (clmix_utf8_ill_formed(content, *bytes) != *bytes) {
        clmix_skip(skips, CLMIX_SKIP_ENCODING, "'%s' is no UTF-8", path);
        *bytes = 0;
        return CLMIX_OK;
    }
    if (imdb->drop_tags)
        *bytes = drop_tags(content, *bytes);
    if (strspn(content, " \t\r\n") == *bytes) {
        clmix_skip(skips, CLMIX_SKIP_EMPTY, "'%s' has no text", path);
        *bytes = 0;
    }
    return CLMIX_OK;
}

static clmix_status next(clmix_text_reader *reader, clmix_text_sample *sample, bool *found)
{
    struct imdb *imdb = reader->state;
    const struct clmix_listing *paths = &imdb->paths[reader->split];

    while (imdb->next < paths->count && sample->bytes[0] == 0) {
        sample->label = imdb->next >= imdb->first_of_neg[reader->split];
        CLMIX_TRY(read_review(imdb, paths->items[imdb->next], &reader->skips[reader->split], &sample->bytes[0]));
        imdb->next++;
    }
    *found = sample->bytes[0] > 0;
    sample->text[0] = *found ? imdb->review : NULL;
    return CLMIX_OK;
}

const clmix_text_reader_kind clmix_text_reader_imdb = { "imdb", "DIR", open_imdb, close_imdb, begin, next };
