/* How one batch is made (inside lib/data), apart from when and by which thread. */
#ifndef CLMIX_DATA_LOADER_H
#define CLMIX_DATA_LOADER_H

#include <clmix/data.h>

#include <stdatomic.h>

/* What all batches of a loader have in common; does not change while threads run. */
typedef struct clmix_batch_recipe {
    const clmix_dataset *dataset;
    clmix_split split;
    clmix_loader_options options;
    size_t height, width, channels;
    size_t picture_bytes;
    size_t count;   /* pictures in the split */
    size_t batch;   /* pictures in a full batch */
    size_t batches; /* in an epoch */
} clmix_batch_recipe;

/* Room for a full batch. */
typedef struct clmix_batch_store {
    unsigned char *pictures;
    int32_t *labels, *second_labels;
    float *weights;
    size_t skipped; /* pictures that could not be decoded, and what is wrong with the first (owned) */
    char *broken;
} clmix_batch_store;

/* What a thread needs to make batches: the order of the epoch it is in, and room for one picture. */
typedef struct clmix_batch_maker {
    uint32_t *order;
    size_t order_epoch; /* SIZE_MAX: none yet */
    unsigned char *scratch;
} clmix_batch_maker;

clmix_status clmix_batch_store_new(clmix_batch_store *store, const clmix_batch_recipe *recipe);
void clmix_batch_store_free(clmix_batch_store *store);
clmix_status clmix_batch_maker_new(clmix_batch_maker *maker, const clmix_batch_recipe *recipe);
void clmix_batch_maker_free(clmix_batch_maker *maker);

/* Batch `index` of `epoch` into `store`; *count is how many pictures it has. Between pictures *stop is looked at: INTERRUPTED when it is
 * set. */
clmix_status clmix_batch_make(clmix_batch_maker *maker, const clmix_batch_recipe *recipe, size_t epoch, size_t index,
                              clmix_batch_store *store, size_t *count, const atomic_bool *stop);

#endif
