/* Which samples of an epoch make which batch, and how long its sequences are (inside lib/data).
 *
 * Without groups batches are consecutive samples of the epoch's order. With them the samples of one length come together: in the epoch's order each joins the
 * others of its length, and as soon as there are enough for a batch they are one. What is left in the end, from the longest to the shortest, makes
 * the last batches, each as long as its first sample. So how many batches there are, and of which sizes, is the same in every epoch. */
#ifndef CLMIX_DATA_BATCHING_H
#define CLMIX_DATA_BATCHING_H

#include "data/dataset.h"

#define CLMIX_LENGTHS_LIMIT 64

struct clmix_batching {
    size_t count;                        /* samples of the split */
    size_t length_count;                 /* of these, ascending; one where all batches have one length */
    size_t lengths[CLMIX_LENGTHS_LIMIT]; /* places; 0 of sets without sequences */
    size_t rooms[CLMIX_LENGTHS_LIMIT];   /* samples of a full batch */
    size_t samples[CLMIX_LENGTHS_LIMIT]; /* of each length */
    unsigned char *kinds;                /* owned: number of each sample's length; NULL where there is one */
    bool group, drop_last;
    size_t batches; /* in an epoch */
};

/* A batch: samples `first` on of the epoch's order. */
struct clmix_batch_place {
    size_t first, count, kind;
};

/* Settles it for a split of a set. ARGUMENT where tokens are to be counted of a set that has none; HOST_MEMORY. To be freed in any case. */
clmix_status clmix_batching_make(struct clmix_batching *batching, const clmix_dataset *dataset, clmix_split split, size_t batch,
                                 const clmix_loader_options *options);
void clmix_batching_free(struct clmix_batching *batching);

/* With groups: brings an epoch's order, of `count` samples, into that of its batches, and fills in their places, of which there are `batches`. `room` is for
 * `count` numbers more. */
void clmix_batching_arrange(const struct clmix_batching *batching, uint32_t *order, uint32_t *room, struct clmix_batch_place *places);
/* Without: the place of batch `index` in an order. */
struct clmix_batch_place clmix_batching_place(const struct clmix_batching *batching, const uint32_t *order, size_t index);

/* Batches of an epoch that differ: at most CLMIX_BATCH_SIZES, so many. With one length, or with groups; without groups batches of several lengths may have any of
 * them. */
#define CLMIX_BATCH_SIZES (2 * CLMIX_LENGTHS_LIMIT)
struct clmix_batch_size {
    size_t count, room, length; /* samples; samples of a full batch of this length; places */
};
size_t clmix_batching_sizes(const struct clmix_batching *batching, struct clmix_batch_size sizes[CLMIX_BATCH_SIZES]);

#endif
