/* The batches of a run before it begins: how many an epoch has, and of which sizes. */
#ifndef CLMIX_TRAIN_SIZES_H
#define CLMIX_TRAIN_SIZES_H

#include "data/batching.h"

#include <clmix/train.h>

/* Of one split; none where it has no samples. */
struct clmix_sizes {
    struct clmix_batch_size list[CLMIX_BATCH_SIZES];
    size_t count, batches;
};

/* How a run's loader goes through a split. */
clmix_loader_options clmix_loading(const clmix_train_options *options, clmix_split split);

/* Of a data set under these options. ARGUMENT, HOST_MEMORY. */
clmix_status clmix_sizes_of_data(struct clmix_sizes *sizes, const clmix_dataset *data, clmix_split split,
                                 const clmix_train_options *options);
/* Of those batches, the part of this process. */
void clmix_sizes_part(struct clmix_sizes *sizes, const clmix_peers *peers);
/* Of so many samples of `length` places. */
void clmix_sizes_of_samples(struct clmix_sizes *sizes, size_t samples, size_t batch, size_t length);

#endif
