/* What folders hold (inside lib/data). */
#ifndef CLMIX_DATA_LISTING_H
#define CLMIX_DATA_LISTING_H

#include <clmix/status.h>
#include <stdbool.h>
#include <stddef.h>

/* Sorted names, owned. */
struct clmix_listing {
    char **items;
    size_t count, capacity;
};
clmix_status clmix_listing_add(struct clmix_listing *names, const char *name);
void clmix_listing_sort(struct clmix_listing *names); /* by their bytes */
void clmix_listing_free(struct clmix_listing *names);
/* For bsearch in sorted names. */
int clmix_listing_compare(const void *left, const void *right);

bool clmix_is_folder(const char *path);
/* The sorted names of what is in `folder`: files whose names end in one of `endings`, such as ".png", of which the last is NULL; folders where `endings` is
 * NULL. Hidden ones are passed over. clmix_listing_free() in any case. */
clmix_status clmix_listing_of(struct clmix_listing *names, const char *folder, const char *const *endings);
/* Adds the paths of such files, in the order of their names. */
clmix_status clmix_listing_add_files(struct clmix_listing *paths, const char *folder, const char *const *endings);

#endif
