/* How one batch is made (inside lib/data), apart from when and by which thread. */
#ifndef CLMIX_DATA_BATCH_H
#define CLMIX_DATA_BATCH_H

#include "data/batching.h"
#include "data/transform.h"

#include <stdatomic.h>

#define CLMIX_TRANSFORMS_LIMIT 4
#define CLMIX_LOADER_THREADS   16

/* What all batches of a loader have in common; does not change while threads run. */
typedef struct clmix_batch_recipe {
    const clmix_dataset *dataset;
    clmix_split split;
    clmix_loader_options options;
    clmix_ports ports; /* the set's, and behind them those of transforms */
    size_t set_ports;
    size_t sample_bytes[CLMIX_PORTS_LIMIT]; /* of each port */
    size_t largest_bytes;
    const clmix_transform *transforms[CLMIX_TRANSFORMS_LIMIT]; /* those that were asked for, in their order */
    size_t transform_count;
    size_t count; /* samples in the split */
    struct clmix_batching batching;
    size_t rooms[CLMIX_LENGTHS_LIMIT]; /* samples of the part of a batch, at most; of the whole where none is asked for */
    size_t beside;                     /* 1 where a transform needs the sample behind the part, or 0 */
} clmix_batch_recipe;

/* Room for the largest batch of each length. */
typedef struct clmix_batch_store {
    clmix_ports ports;          /* as the batch that is in it has them */
    size_t room;                /* samples of a full one of its length */
    size_t count, first, whole; /* as clmix_batch has them */
    void *arrays[CLMIX_PORTS_LIMIT];
    size_t skipped; /* samples that could not be decoded, and what is wrong with the first (owned) */
    char *broken;
} clmix_batch_store;

/* What a thread needs to make batches: the order of the epoch it is in, and room for one sample of any port. */
typedef struct clmix_batch_maker {
    uint32_t *order;
    uint32_t *sorting;                /* with groups, as many again */
    struct clmix_batch_place *places; /* with groups, of the epoch's batches */
    size_t order_epoch;               /* SIZE_MAX: none yet */
    void *scratch;
    void *whole[CLMIX_PORTS_LIMIT]; /* a sample of the longest length; where batches have shorter ones */
} clmix_batch_maker;

/* batch_recipe.c. ARGUMENT when what is asked cannot be done with this set. `options` may be NULL. To be cleared when it was made. */
clmix_status clmix_batch_recipe_make(clmix_batch_recipe *recipe, const clmix_dataset *dataset, clmix_split split, size_t batch,
                                     const clmix_loader_options *options);
void clmix_batch_recipe_clear(clmix_batch_recipe *recipe);

clmix_status clmix_batch_store_new(clmix_batch_store *store, const clmix_batch_recipe *recipe);
void clmix_batch_store_free(clmix_batch_store *store);
clmix_status clmix_batch_maker_new(clmix_batch_maker *maker, const clmix_batch_recipe *recipe);
void clmix_batch_maker_free(clmix_batch_maker *maker);

/* Batch `index` of `epoch`, or the part of it, into `store`. Between samples *stop is looked at: INTERRUPTED when it is set. */
clmix_status clmix_batch_make(clmix_batch_maker *maker, const clmix_batch_recipe *recipe, size_t epoch, size_t index,
                              clmix_batch_store *store, const atomic_bool *stop);

#endif
