/* Pictures that stay in their files until they are asked for, for folder.c and tinyimagenet.c (inside lib/data). */
#ifndef CLMIX_DATA_FILES_H
#define CLMIX_DATA_FILES_H

#include "data/pictures.h"

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
/* The sorted names of the folders, or of the files named .png, .jpg or .jpeg, in `folder`; hidden ones are passed over. clmix_listing_free() in
 * any case. */
clmix_status clmix_listing_of(struct clmix_listing *names, const char *folder, bool folders);
/* The picture files of a class's folder, of which there must be one at least. */
clmix_status clmix_listing_of_class(struct clmix_listing *names, const char *folder);

/* Makes dataset->state, of no picture yet. */
clmix_status clmix_files_new(clmix_dataset *dataset);
/* Adds the picture file `name` of `folder`. */
clmix_status clmix_files_add(clmix_dataset *dataset, clmix_split split, const char *folder, const char *name, int label);
/* When all are added: the ports. A model that wants no particular size gets that of the first picture there is. */
clmix_status clmix_files_end(clmix_dataset *dataset);

/* These two are a source's close and get. */
void clmix_files_close(clmix_dataset *dataset);
clmix_status clmix_files_get(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays);

#endif
