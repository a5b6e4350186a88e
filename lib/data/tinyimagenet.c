/* Tiny ImageNet (Stanford's CS231n) as tiny-imagenet-200.zip unpacks:
 *     wnids.txt                                the classes, WordNet's numbers such as n01443537, one a line; without it the folders of train/
 *     words.txt                                "n01443537 TAB goldfish, Carassius auratus", of all of WordNet; without it the numbers are the names
 *     train/n01443537/images/n01443537_0.JPEG  and so on; n01443537_boxes.txt beside images/ is not needed
 *     val/images/val_0.JPEG                    and so on; their classes are in val/val_annotations.txt, "val_0.JPEG TAB n03444034 TAB ..."
 *     test/images/                             without labels: not read
 * The validation pictures are the test split. Labels number the sorted lines of wnids.txt, as PyTorch's ImageFolder numbers the folders of train/.
 * Some pictures are grey: all are read as the model has them. */
#include "base/file.h"
#include "base/lines.h"
#include "base/status.h"
#include "data/files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIDE       64
#define TEXT_BYTES ((size_t)64 << 20)

/* Of its pictures' red, green and blue from 0 to 255, as the authors of Vision X-formers normalise them. */
static const float means[3] = { 122.4786f, 114.2755f, 101.3963f }, stds[3] = { 70.4924f, 68.5679f, 71.8127f };

/* What is read once, while the set is opened. */
struct opening {
    clmix_dataset *dataset;
    const char *root, *train, *val;
    struct clmix_listing ids;
    struct clmix_lines words; /* of words.txt */
};

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* ---- classes ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status read_ids(struct clmix_listing *ids, const char *path)
{
    struct clmix_lines lines;
    clmix_status status = clmix_lines_read(&lines, path, TEXT_BYTES, "it lists the classes, one a line");

    for (size_t i = 0; status == CLMIX_OK && i < lines.count; i++)
        if (lines.items[i][0] != '\0')
            status = clmix_listing_add(ids, lines.items[i]);
    clmix_lines_free(&lines);
    CLMIX_TRY(status);
    clmix_listing_sort(ids);
    for (size_t i = 1; i < ids->count; i++)
        if (strcmp(ids->items[i - 1], ids->items[i]) == 0)
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' lists the class '%.100s' twice", path, ids->items[i]);
    return CLMIX_OK;
}

static clmix_status find_classes(struct opening *opening)
{
    char *path = clmix_path_join(opening->root, "wnids.txt");
    clmix_status status;

    if (path == NULL)
        status = clmix_fail_memory(opening->root);
    else if (is_there(path))
        status = read_ids(&opening->ids, path);
    else if (clmix_is_folder(opening->train))
        status = clmix_listing_of(&opening->ids, opening->train, NULL);
    else
        status = clmix_fail(CLMIX_ERROR_FILE,
                            "'%s' has neither wnids.txt nor train/; name the folder that tiny-imagenet-200.zip unpacks to", opening->root);
    if (status == CLMIX_OK && (opening->ids.count == 0 || opening->ids.count > 1000000))
        status = clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %zu classes in wnids.txt or train/; Tiny ImageNet has 200", opening->root,
                            opening->ids.count);
    free(path);
    return status;
}

/* The label of a class, -1 where there is none of this name. */
static int find_id(const struct opening *opening, const char *id)
{
    const struct clmix_listing *ids = &opening->ids;
    char **found = bsearch(&id, ids->items, ids->count, sizeof *ids->items, clmix_listing_compare);

    return found != NULL ? (int)(found - ids->items) : -1;
}

static clmix_status read_words(struct opening *opening, const char **names)
{
    char *path = clmix_path_join(opening->root, "words.txt");
    clmix_status status = path == NULL ? clmix_fail_memory(opening->root) : CLMIX_OK;

    if (status == CLMIX_OK && is_there(path))
        status = clmix_lines_read(&opening->words, path, TEXT_BYTES, "it has the names of the classes, one a line");
    free(path);
    for (size_t i = 0; status == CLMIX_OK && i < opening->words.count; i++) {
        const char *words = clmix_line_split(opening->words.items[i]);
        const int label = find_id(opening, opening->words.items[i]);

        if (label >= 0 && words[0] != '\0')
            names[label] = words;
    }
    return status;
}

static clmix_status name_classes(struct opening *opening)
{
    const size_t count = opening->ids.count;
    const char **names = malloc(count * sizeof *names);
    clmix_status status;

    if (names == NULL)
        return clmix_fail_memory("class names");
    memcpy(names, opening->ids.items, count * sizeof *names);
    status = read_words(opening, names);
    if (status == CLMIX_OK)
        status = clmix_dataset_name_classes(opening->dataset, names, (int)count);
    free(names);
    return status;
}

/* ---- training pictures ---------------------------------------------------------------------------------------------------------------- */

static clmix_status add_class(const struct opening *opening, int label)
{
    const char *id = opening->ids.items[label];
    char *folder = clmix_path_join(opening->train, id), *images = folder == NULL ? NULL : clmix_path_join(folder, "images");
    struct clmix_listing names = { 0 };
    clmix_status status = images == NULL ? clmix_fail_memory(opening->train) : CLMIX_OK;

    if (status == CLMIX_OK && !clmix_is_folder(images))
        status =
            clmix_fail(CLMIX_ERROR_FILE,
                       "the folder '%s' is missing, with the training pictures of the class '%.100s'; unpack tiny-imagenet-200.zip again",
                       images, id);
    if (status == CLMIX_OK)
        status = clmix_listing_of_class(&names, images);
    for (size_t i = 0; status == CLMIX_OK && i < names.count; i++)
        status = clmix_files_add(opening->dataset, CLMIX_TRAIN, images, names.items[i], label);
    clmix_listing_free(&names);
    free(images);
    free(folder);
    return status;
}

/* That each folder of train/ is a class. */
static clmix_status check_folders(const struct opening *opening)
{
    struct clmix_listing names = { 0 };
    clmix_status status = clmix_listing_of(&names, opening->train, NULL);

    for (size_t i = 0; status == CLMIX_OK && i < names.count; i++)
        if (find_id(opening, names.items[i]) < 0)
            status =
                clmix_fail(CLMIX_ERROR_FORMAT, "'%s/%s' is of a class that wnids.txt does not list; add it there, or remove the folder",
                           opening->train, names.items[i]);
    clmix_listing_free(&names);
    return status;
}

static clmix_status add_training(const struct opening *opening)
{
    if (!clmix_is_folder(opening->train))
        return CLMIX_OK;
    CLMIX_TRY(check_folders(opening));
    for (size_t i = 0; i < opening->ids.count; i++)
        CLMIX_TRY(add_class(opening, (int)i));
    return CLMIX_OK;
}

/* ---- validation pictures -------------------------------------------------------------------------------------------------------------- */

#define UNKNOWN (-1)

/* The label of the picture that a line is about, into its place. */
static clmix_status read_annotation(const struct opening *opening, const struct clmix_listing *names, char *line, size_t number,
                                    int *labels)
{
    char *id = clmix_line_split(line), **found;
    int label;

    clmix_line_split(id); /* the box */
    label = find_id(opening, id);
    found = bsearch(&line, names->items, names->count, sizeof *names->items, clmix_listing_compare);
    if (label < 0)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "val_annotations.txt, line %zu: '%.100s' has the class '%.100s', which wnids.txt does not list", number, line,
                          id);
    if (found == NULL)
        return clmix_fail(CLMIX_ERROR_FORMAT, "val_annotations.txt, line %zu: there is no picture '%.100s' in val/images", number, line);
    if (labels[found - names->items] != UNKNOWN)
        return clmix_fail(CLMIX_ERROR_FORMAT, "val_annotations.txt, line %zu: a second class for '%.100s'", number, line);
    labels[found - names->items] = label;
    return CLMIX_OK;
}

static clmix_status add_annotated(const struct opening *opening, const char *images, const struct clmix_listing *names,
                                  const struct clmix_lines *annotations, int *labels)
{
    for (size_t i = 0; i < names->count; i++)
        labels[i] = UNKNOWN;
    for (size_t i = 0; i < annotations->count; i++)
        if (annotations->items[i][0] != '\0')
            CLMIX_TRY(read_annotation(opening, names, annotations->items[i], i + 1, labels));
    for (size_t i = 0; i < names->count; i++) {
        if (labels[i] == UNKNOWN)
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s/%s' has no class: val_annotations.txt has no line for it", images, names->items[i]);
        CLMIX_TRY(clmix_files_add(opening->dataset, CLMIX_TEST, images, names->items[i], labels[i]));
    }
    return CLMIX_OK;
}

static clmix_status read_annotations(const struct opening *opening, const char *images, const char *path)
{
    struct clmix_lines annotations = { 0 };
    struct clmix_listing names = { 0 };
    int *labels = NULL;
    clmix_status status;

    if (!is_there(path))
        return clmix_fail(CLMIX_ERROR_FILE,
                          "'%s' is missing, which says what class each picture of val/images is of; unpack "
                          "tiny-imagenet-200.zip again",
                          path);
    status = clmix_lines_read(&annotations, path, TEXT_BYTES, "it says what class each picture of val/images is of");
    if (status == CLMIX_OK)
        status = clmix_listing_of(&names, images, clmix_picture_endings);
    if (status == CLMIX_OK && (labels = malloc((names.count + 1) * sizeof *labels)) == NULL)
        status = clmix_fail_memory(images);
    if (status == CLMIX_OK)
        status = add_annotated(opening, images, &names, &annotations, labels);
    free(labels);
    clmix_listing_free(&names);
    clmix_lines_free(&annotations);
    return status;
}

static clmix_status add_validation(const struct opening *opening)
{
    char *images = clmix_path_join(opening->val, "images"), *path = clmix_path_join(opening->val, "val_annotations.txt");
    clmix_status status = images == NULL || path == NULL ? clmix_fail_memory(opening->val) : CLMIX_OK;

    if (status == CLMIX_OK && clmix_is_folder(opening->val))
        status = read_annotations(opening, images, path);
    free(path);
    free(images);
    return status;
}

/* ---- opening -------------------------------------------------------------------------------------------------------------------------- */

static clmix_status read_all(struct opening *opening)
{
    const size_t *count = opening->dataset->count;

    if (!clmix_is_folder(opening->root))
        return clmix_fail(CLMIX_ERROR_FILE, "'%s' is not a folder; name the one that tiny-imagenet-200.zip unpacks to", opening->root);
    CLMIX_TRY(find_classes(opening));
    CLMIX_TRY(name_classes(opening));
    CLMIX_TRY(add_training(opening));
    CLMIX_TRY(add_validation(opening));
    if (count[CLMIX_TRAIN] + count[CLMIX_TEST] > 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FILE, "'%s' has pictures neither in train/ nor in val/; unpack tiny-imagenet-200.zip again",
                      opening->root);
}

static clmix_status open_tinyimagenet(clmix_dataset *dataset, const char *root)
{
    char *train = clmix_path_join(root, "train"), *val = clmix_path_join(root, "val");
    struct opening opening = { .dataset = dataset, .root = root, .train = train, .val = val };
    clmix_status status = clmix_files_new(dataset);

    if (status == CLMIX_OK && (train == NULL || val == NULL))
        status = clmix_fail_memory(root);
    if (status == CLMIX_OK)
        status = read_all(&opening);
    clmix_lines_free(&opening.words);
    clmix_listing_free(&opening.ids);
    free(train);
    free(val);
    CLMIX_TRY(status);
    CLMIX_TRY(clmix_dataset_list_pictures(dataset, SIDE, SIDE, 3));
    clmix_dataset_normalize_pictures(dataset, means, stds);
    return CLMIX_OK;
}

const clmix_data_source clmix_source_tinyimagenet = { "tinyimagenet", "DIR", open_tinyimagenet, clmix_files_close, clmix_files_get, true };
