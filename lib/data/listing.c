#include "data/listing.h"

#include "base/array.h"
#include "base/file.h"
#include "base/status.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

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

static bool has_ending(const char *name, const char *const *endings)
{
    const char *dot = strrchr(name, '.');

    for (; dot != NULL && *endings != NULL; endings++)
        if (strcasecmp(dot, *endings) == 0)
            return true;
    return false;
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

/* Adds `name` of `folder` when it is wanted: a folder, or a file with one of the endings. */
static clmix_status consider(struct clmix_listing *names, const char *folder, const char *name, const char *const *endings)
{
    char *path = clmix_path_join(folder, name);
    bool wanted;

    if (path == NULL)
        return clmix_fail_memory(folder);
    wanted = clmix_is_folder(path) ? endings == NULL : endings != NULL && has_ending(name, endings);
    free(path);
    return wanted ? clmix_listing_add(names, name) : CLMIX_OK;
}

clmix_status clmix_listing_of(struct clmix_listing *names, const char *folder, const char *const *endings)
{
    DIR *directory = opendir(folder);
    clmix_status status = CLMIX_OK;
    struct dirent *item;

    if (directory == NULL)
        return clmix_fail(CLMIX_ERROR_FILE, "cannot open the folder '%s': %s", folder, strerror(errno));
    while (status == CLMIX_OK && (errno = 0, item = readdir(directory)) != NULL)
        if (item->d_name[0] != '.')
            status = consider(names, folder, item->d_name, endings);
    if (status == CLMIX_OK && errno != 0)
        status = clmix_fail(CLMIX_ERROR_FILE, "cannot read the folder '%s': %s", folder, strerror(errno));
    closedir(directory);
    clmix_listing_sort(names);
    return status;
}

clmix_status clmix_listing_add_files(struct clmix_listing *paths, const char *folder, const char *const *endings)
{
    struct clmix_listing names = { 0 };
    clmix_status status = clmix_listing_of(&names, folder, endings);

    for (size_t i = 0; status == CLMIX_OK && i < names.count; i++) {
        char *path = clmix_path_join(folder, names.items[i]);

        status = path == NULL ? clmix_fail_memory(folder) : clmix_listing_add(paths, path);
        free(path);
    }
    clmix_listing_free(&names);
    return status;
}
