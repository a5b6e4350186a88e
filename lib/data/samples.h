/* Sets that the application makes (inside lib/data): what it says of its samples, checked. */
#ifndef CLMIX_DATA_SAMPLES_H
#define CLMIX_DATA_SAMPLES_H

#include "data/dataset.h"

/* A set with ports, counts and classes, and without a state. ARGUMENT when something of it cannot be. */
clmix_status clmix_samples_dataset(clmix_dataset **dataset, const clmix_samples *samples, const clmix_data_source *source);

/* That the labels among a sample's arrays are classes, or CLMIX_NO_LABEL. ARGUMENT naming the sample. */
clmix_status clmix_samples_check_labels(const clmix_dataset *dataset, clmix_split split, size_t index, const void *const *arrays);

#endif
