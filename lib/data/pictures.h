/* What data sets of labelled pictures have in common: their ports, and the size that the model wants (inside lib/data). */
#ifndef CLMIX_DATA_PICTURES_H
#define CLMIX_DATA_PICTURES_H

#include "data/dataset.h"

/* Places of their ports, and so of the arrays that get fills. */
enum { CLMIX_AT_PICTURES, CLMIX_AT_LABELS };

struct clmix_picture_size {
    size_t height, width, channels;
};

/* The size that is wanted; 0 where it is to be the set's. */
struct clmix_picture_size clmix_dataset_wanted_size(const clmix_dataset *dataset);

/* Lists the two ports: pictures of this size, but where another is wanted. ARGUMENT when that cannot be. */
clmix_status clmix_dataset_list_pictures(clmix_dataset *dataset, size_t height, size_t width, size_t channels);

/* What the set's red, green and blue have on average and as standard deviation, of bytes; to be called when the ports are listed. As one channel
 * its pictures have the mean of the luma, and about that of the deviations. */
void clmix_dataset_normalize_pictures(clmix_dataset *dataset, const float mean[3], const float std[3]);

/* The size that was listed. */
struct clmix_picture_size clmix_dataset_picture_size(const clmix_dataset *dataset);

#endif
