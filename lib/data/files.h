/* Pictures that stay in their files until they are asked for, for folder.c and tinyimagenet.c (inside lib/data). */
#ifndef CLMIX_DATA_FILES_H
#define CLMIX_DATA_FILES_H

#include "data/listing.h"
#include "data/pictures.h"

/* Of the names of pictures. */
extern const char *const clmix_picture_endings[];

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
