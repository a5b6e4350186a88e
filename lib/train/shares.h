/* How a batch is parted among replicas: samples in their order, a run of them for each replica. */
#ifndef CLMIX_TRAIN_SHARES_H
#define CLMIX_TRAIN_SHARES_H

#include "train/sizes.h"

struct clmix_shares {
    size_t count;
    uint64_t weights[CLMIX_MOST_DEVICES];
};

/* Those of the options for so many devices; equal ones where they have none. ARGUMENT where some are 0 and others not. */
clmix_status clmix_shares_of_options(struct clmix_shares *shares, const clmix_train_options *options);

/* Which sample of a batch is the first of each replica's; that of the next is where they end. None has a single sample, which a plan could not tell from a value
 * without a batch, but of a batch of one: a neighbour takes it. */
void clmix_shares_part(const struct clmix_shares *shares, size_t batch, size_t firsts[CLMIX_MOST_DEVICES + 1]);

/* Of batches of such sizes, those of replica `index`: none where no sample is its own. */
void clmix_shares_sizes(const struct clmix_shares *shares, size_t index, const struct clmix_sizes *sizes, struct clmix_sizes *own);

#endif
