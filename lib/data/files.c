#include "data/files.h"

#include "base/array.h"
#include "base/file.h"
#include "base/status.h"
#include "io/picture.h"

#include <stdlib.h>

const char *const clmix_picture_endings[] = { ".png", ".jpg", ".jpeg", NULL };

#define LARGEST_SPLIT UINT32_MAX /* the loader's order has 32-bit entries */

clmix_status clmix_listing_of_class(struct clmix_listing *names, const char *folder)
{
    CLMIX_TRY(clmix_listing_of(names, folder, clmix_picture_endings));
    if (names->count > 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT, "the class folder '%s' holds no .png, .jpg or .jpeg file; add some or remove the folder", folder);
}

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
