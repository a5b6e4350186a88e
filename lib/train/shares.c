#include "train/shares.h"

#include "base/part.h"
#include "base/status.h"

clmix_status clmix_shares_of_options(struct clmix_shares *shares, const clmix_train_options *options)
{
    const size_t count = options->device_count + 1;
    size_t given = 0;

    for (size_t i = 0; i < count; i++)
        given += options->shares[i] > 0;
    if (given > 0 && given < count)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu of %zu devices have a share of the batch; give each of them one, or none", given,
                          count);
    *shares = (struct clmix_shares){ .count = count };
    for (size_t i = 0; i < count; i++)
        shares->weights[i] = given > 0 ? options->shares[i] : 1;
    return CLMIX_OK;
}

void clmix_shares_part(const struct clmix_shares *shares, size_t batch, size_t firsts[CLMIX_MOST_DEVICES + 1])
{
    for (size_t i = 0; i < shares->count; i++)
        firsts[i] = clmix_part_of(shares->weights, shares->count, i, batch).first;
    firsts[shares->count] = batch;
}

void clmix_shares_sizes(const struct clmix_shares *shares, size_t index, const struct clmix_sizes *sizes, struct clmix_sizes *own)
{
    size_t firsts[CLMIX_MOST_DEVICES + 1];

    *own = (struct clmix_sizes){ .batches = sizes->batches };
    for (size_t i = 0; i < sizes->count; i++) {
        struct clmix_batch_size size = sizes->list[i];

        clmix_shares_part(shares, size.count, firsts);
        size.count = firsts[index + 1] - firsts[index];
        if (size.count > 0)
            own->list[own->count++] = size;
    }
}
