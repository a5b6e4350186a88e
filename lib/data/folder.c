/* A folder a class. Names are sorted by their bytes, so classes and pictures have the same numbers on every host. Paths are kept,
 * pictures are read when asked for. Hidden files and files that are not named .png, .jpg or .jpeg are passed over. */
#include "base/array.h"
#include "base/file.h"
#include "base/random.h"
#include "base/status.h"
#include "data/pictures.h"
#include "io/picture.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define LARGEST_SPLIT UINT32_MAX /* the loader's order has 32-bit entries */

struct entry {
    char *path;
    int label;
};

struct list {
    struct entry *entries;
    size_t count, capacity;
};

struct folder {
    struct list split[2];
};

/* Sorted names, owned. */
struct names {
    char **items;
    size_t count, capacity;
};

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    memset(names, 0, sizeof *names);
}

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_picture_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

static int compare_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Adds `name` of `folder` when it is wanted: a folder, or a file named like a picture. */
static clmix_status consider(struct names *names, const char *folder, const char *name, bool folders)
{
    char *path = clmix_path_join(folder, name), *copy;
    bool wanted;

    if (path == NULL)
        return clmix_fail_memory(folder);
    wanted = is_folder(path) ? folders : !folders && is_picture_name(name);
    free(path);
    if (!wanted)
        return CLMIX_OK;
    copy = strdup(name);
    if (copy == NULL || !CLMIX_PUSH(names->items, names->count, names->capacity, copy)) {
        free(copy);
        return clmix_fail_memory(folder);
    }
    return CLMIX_OK;
}

/* The sorted names of the folders, or of the picture files, in `folder`. names_free() in any case. */
static clmix_status list_folder(struct names *names, const char *folder, bool folders)
{
    DIR *directory = opendir(folder);
    clmix_status status = CLMIX_OK;
    struct dirent *item;

    if (directory == NULL)
        return clmix_fail(CLMIX_ERROR_FILE, "cannot open the folder '%s': %s", folder, strerror(errno));
    while (status == CLMIX_OK && (errno = 0, item = readdir(directory)) != NULL)
        if (item->d_name[0] != '.')
            status = consider(names, folder, item->d_name, folders);
    if (status == CLMIX_OK && errno != 0)
        status = clmix_fail(CLMIX_ERROR_FILE, "cannot read the folder '%s': %s", folder, strerror(errno));
    closedir(directory);
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, compare_text);
    return status;
}

static clmix_status add_picture(struct list *list, const char *folder, const char *name, int label)
{
    struct entry entry = { clmix_path_join(folder, name), label };

    if (entry.path == NULL || list->count == LARGEST_SPLIT || !CLMIX_PUSH(list->entries, list->count, list->capacity, entry)) {
        free(entry.path);
        return clmix_fail_memory(folder);
    }
    return CLMIX_OK;
}

/* The pictures of one class into `train`, and into `test` the fifth of them that an order drawn from the class's name puts last. test
 * NULL: all into train. */
static clmix_status add_class(struct list *train, struct list *test, const char *folder, const char *class_name, int label)
{
    struct names names = { 0 };
    clmix_status status = list_folder(&names, folder, false);
    uint32_t *order = status == CLMIX_OK ? malloc((names.count + 1) * sizeof *order) : NULL;
    size_t last = test == NULL ? names.count : names.count - names.count / 5;

    if (status == CLMIX_OK && order == NULL)
        status = clmix_fail_memory(folder);
    for (size_t i = 0; status == CLMIX_OK && i < names.count; i++)
        order[i] = (uint32_t)i;
    if (status == CLMIX_OK && test != NULL) {
        clmix_random random = clmix_random_stream(clmix_hash_text(class_name), clmix_hash_text("split"));
        clmix_random_shuffle(&random, order, names.count);
    }
    for (size_t i = 0; status == CLMIX_OK && i < names.count; i++)
        status = add_picture(i < last ? train : test, folder, names.items[order[i]], label);
    if (status == CLMIX_OK && names.count == 0)
        status = clmix_fail(CLMIX_ERROR_FORMAT, "the class folder '%s' holds no .png, .jpg or .jpeg file; add some or remove the folder",
                            folder);
    free(order);
    names_free(&names);
    return status;
}

/* Every class folder of `root`, whose name must be among the data set's classes. */
static clmix_status add_classes(const clmix_dataset *dataset, struct list *train, struct list *test, const char *root)
{
    struct names names = { 0 };
    clmix_status status = list_folder(&names, root, true);

    for (size_t i = 0; status == CLMIX_OK && i < names.count; i++) {
        char *folder = clmix_path_join(root, names.items[i]);
        char **known = bsearch(&names.items[i], dataset->class_names, (size_t)dataset->classes, sizeof *dataset->class_names, compare_text);

        if (folder == NULL)
            status = clmix_fail_memory(root);
        else if (known == NULL)
            status = clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is a class that the train folder does not have; remove it or rename it", folder);
        else
            status = add_class(train, test, folder, names.items[i], (int)(known - dataset->class_names));
        free(folder);
    }
    names_free(&names);
    return status;
}

/* The folders of `root` are the classes. */
static clmix_status name_classes(clmix_dataset *dataset, const char *root)
{
    struct names names = { 0 };
    clmix_status status = list_folder(&names, root, true);

    if (status == CLMIX_OK && (names.count == 0 || names.count > 1000000))
        status =
            clmix_fail(CLMIX_ERROR_FORMAT, "'%s' holds %zu folders where one for each class is needed; arrange it as CLASS/picture.jpg",
                       root, names.count);
    if (status == CLMIX_OK)
        status = clmix_dataset_name_classes(dataset, (const char *const *)names.items, (int)names.count);
    names_free(&names);
    return status;
}

/* A model that wants no particular size gets the size of the first picture there is. */
static clmix_status settle_size(clmix_dataset *dataset)
{
    const struct clmix_picture_size wanted = clmix_dataset_wanted_size(dataset);
    const struct folder *folder = dataset->state;
    const struct list *list = &folder->split[dataset->count[CLMIX_TRAIN] > 0 ? CLMIX_TRAIN : CLMIX_TEST];
    clmix_picture first;
    clmix_status status;

    if (wanted.height != 0 && wanted.width != 0 && wanted.channels != 0)
        return clmix_dataset_list_pictures(dataset, 0, 0, 0);
    CLMIX_TRY(clmix_picture_read(&first, list->entries[0].path, 0));
    status = clmix_dataset_list_pictures(dataset, first.height, first.width, first.channels);
    clmix_picture_free(&first);
    return status;
}

/* ROOT/train with ROOT/val or ROOT/test beside it, or classes straight in ROOT. */
static clmix_status open_layout(clmix_dataset *dataset, struct folder *folder, const char *root, const char *train, const char *val,
                                const char *test)
{
    if (!is_folder(root))
        return clmix_fail(CLMIX_ERROR_FILE, "'%s' is not a folder; name the one that holds train/ and val/, or a folder for each class",
                          root);
    if (!is_folder(train)) {
        CLMIX_TRY(name_classes(dataset, root));
        return add_classes(dataset, &folder->split[CLMIX_TRAIN], &folder->split[CLMIX_TEST], root);
    }
    CLMIX_TRY(name_classes(dataset, train));
    CLMIX_TRY(add_classes(dataset, &folder->split[CLMIX_TRAIN], NULL, train));
    if (is_folder(val))
        return add_classes(dataset, &folder->split[CLMIX_TEST], NULL, val);
    return is_folder(test) ? add_classes(dataset, &folder->split[CLMIX_TEST], NULL, test) : CLMIX_OK;
}

static clmix_status open_folder(clmix_dataset *dataset, const char *root)
{
    struct folder *folder = calloc(1, sizeof *folder);
    char *train = clmix_path_join(root, "train"), *val = clmix_path_join(root, "val"), *test = clmix_path_join(root, "test");
    clmix_status status;

    dataset->state = folder;
    if (folder == NULL || train == NULL || val == NULL || test == NULL)
        status = clmix_fail_memory(root);
    else
        status = open_layout(dataset, folder, root, train, val, test);
    free(train);
    free(val);
    free(test);
    CLMIX_TRY(status);
    dataset->count[CLMIX_TRAIN] = folder->split[CLMIX_TRAIN].count;
    dataset->count[CLMIX_TEST] = folder->split[CLMIX_TEST].count;
    return settle_size(dataset);
}

static void close_folder(clmix_dataset *dataset)
{
    struct folder *folder = dataset->state;

    if (folder == NULL)
        return;
    for (int split = 0; split < 2; split++) {
        for (size_t i = 0; i < folder->split[split].count; i++)
            free(folder->split[split].entries[i].path);
        free(folder->split[split].entries);
    }
    free(folder);
}

static clmix_status get_folder(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    const struct folder *folder = dataset->state;
    const struct entry *entry = &folder->split[split].entries[index];
    const struct clmix_picture_size size = clmix_dataset_picture_size(dataset);
    clmix_picture decoded;
    clmix_status status;

    *(int32_t *)arrays[CLMIX_AT_LABELS] = entry->label;
    CLMIX_TRY(clmix_picture_read(&decoded, entry->path, size.channels));
    status = clmix_picture_fit(&decoded, arrays[CLMIX_AT_PICTURES], size.height, size.width, size.channels);
    clmix_picture_free(&decoded);
    return status;
}

const clmix_data_source clmix_source_folder = { "folder", "DIR", open_folder, close_folder, get_folder, true };
