#include "data/files.h"

#include "base/array.h"
#include "base/file.h"
#include "base/status.h"
#include "io/picture.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define LARGEST_SPLIT UINT32_MAX /* the loader's order has 32-bit entries */

/* ---- names -------------------------------------------------------------------------------------------------------------------------- */

void clmix_listing_free(struct clmix_listing *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    memset(names, 0, sizeof *names);
}

int clmix_listing_compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

bool clmix_is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_picture_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

clmix_status clmix_listing_add(struct clmix_listing *names, const char *name)
{
    char *copy = strdup(name);

    if (copy != NULL && CLMIX_PUSH(names->items, names->count, names->capacity, copy))
        return CLMIX_OK;
    free(copy);
    return clmix_fail_memory(name);
}

void clmix_listing_sort(struct clmix_listing *names)
{
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, clmix_listing_compare);
}

/* Adds `name` of `folder` when it is wanted: a folder, or a file named like a picture. */
static clmix_status consider(struct clmix_listing *names, const char *folder, const char *name, bool folders)
{
    char *path = clmix_path_join(folder, name);
    bool wanted;

    if (path == NULL)
        return clmix_fail_memory(folder);
    wanted = clmix_is_folder(path) ? folders : !folders && is_picture_name(name);
    free(path);
    return wanted ? clmix_listing_add(names, name) : CLMIX_OK;
}

clmix_status clmix_listing_of(struct clmix_listing *names, const char *folder, bool folders)
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
    clmix_listing_sort(names);
    return status;
}

clmix_status clmix_listing_of_class(struct clmix_listing *names, const char *folder)
{
    CLMIX_TRY(clmix_listing_of(names, folder, false));
    if (names->count > 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT, "the class folder '%s' holds no .png, .jpg or .jpeg file; add some or remove the folder", folder);
}

/* ---- pictures ----------------------------------------------------------------------------------------------------------------------- */

struct entry {
    char *path;
    int label;
};

struct list {
    struct entry *entries;
    size_t count, capacity;
};

/* The state of such a data set. */
struct files {
    struct list split[2];
};

clmix_status clmix_files_new(clmix_dataset *dataset)
{
    dataset->state = calloc(1, sizeof(struct files));
    return dataset->state != NULL ? CLMIX_OK : clmix_fail_memory("a data set");
}

clmix_status clmix_files_add(clmix_dataset *dataset, clmix_split split, const char *folder, const char *name, int label)
{
    struct list *list = &((struct files *)dataset->state)->split[split];
    struct entry entry = { clmix_path_join(folder, name), label };

    if (entry.path == NULL || list->count == LARGEST_SPLIT || !CLMIX_PUSH(list->entries, list->count, list->capacity, entry)) {
        free(entry.path);
        return clmix_fail_memory(folder);
    }
    dataset->count[split] = list->count;
    return CLMIX_OK;
}

clmix_status clmix_files_end(clmix_dataset *dataset)
{
    const struct clmix_picture_size wanted = clmix_dataset_wanted_size(dataset);
    const struct files *files = dataset->state;
    const struct list *list = &files->split[dataset->count[CLMIX_TRAIN] > 0 ? CLMIX_TRAIN : CLMIX_TEST];
    clmix_picture first;
    clmix_status status;

    if (wanted.height != 0 && wanted.width != 0 && wanted.channels != 0)
        return clmix_dataset_list_pictures(dataset, 0, 0, 0);
    CLMIX_TRY(clmix_picture_read(&first, list->entries[0].path, 0));
    status = clmix_dataset_list_pictures(dataset, first.height, first.width, first.channels);
    clmix_picture_free(&first);
    return status;
}

void clmix_files_close(clmix_dataset *dataset)
{
    struct files *files = dataset->state;

    if (files == NULL)
        return;
    for (int split = 0; split < 2; split++) {
        for (size_t i = 0; i < files->split[split].count; i++)
            free(files->split[split].entries[i].path);
        free(files->split[split].entries);
    }
    free(files);
}

clmix_status clmix_files_get(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    const struct files *files = dataset->state;
    const struct entry *entry = &files->split[split].entries[index];
    const struct clmix_picture_size size = clmix_dataset_picture_size(dataset);
    clmix_picture decoded;
    clmix_status status;

    *(int32_t *)arrays[CLMIX_AT_LABELS] = entry->label;
    CLMIX_TRY(clmix_picture_read(&decoded, entry->path, size.channels));
    status = clmix_picture_fit(&decoded, arrays[CLMIX_AT_PICTURES], size.height, size.width, size.channels);
    clmix_picture_free(&decoded);
    return status;
}
