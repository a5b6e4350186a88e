#include "train/sizes.h"

#include "base/part.h"
#include "base/size.h"
#include "base/status.h"

clmix_loader_options clmix_loading(const clmix_train_options *options, clmix_split split)
{
    clmix_loader_options loading = {
        .skip_broken = options->skip_broken, .lengths = options->lengths, .group = true, .tokens = options->batch_tokens
    };

    if (options->peers != NULL) {
        loading.part = options->peers->index;
        loading.parts = options->peers->count;
    }
    if (split != CLMIX_TRAIN)
        return loading;
    loading.seed = options->seed;
    loading.shuffle = true;
    loading.augment = options->augment;
    return loading;
}

clmix_status clmix_sizes_of_data(struct clmix_sizes *sizes, const clmix_dataset *data, clmix_split split,
                                 const clmix_train_options *options)
{
    const clmix_loader_options loading = clmix_loading(options, split);
    struct clmix_batching batching;
    clmix_status status;

    *sizes = (struct clmix_sizes){ 0 };
    if (clmix_dataset_count(data, split) == 0)
        return CLMIX_OK;
    status = clmix_batching_make(&batching, data, split, options->batch, &loading);
    if (status == CLMIX_OK) {
        sizes->count = clmix_batching_sizes(&batching, sizes->list);
        sizes->batches = batching.batches;
    }
    clmix_batching_free(&batching);
    return status;
}

void clmix_sizes_part(struct clmix_sizes *sizes, const clmix_peers *peers)
{
    size_t kept = 0;

    for (size_t i = 0; i < sizes->count; i++) {
        struct clmix_batch_size size = sizes->list[i];
        const struct clmix_part part = clmix_part_of(NULL, peers->count, peers->index, size.count);

        size.count = part.end - part.first;
        size.room = clmix_part_most(peers->count, peers->index, size.room);
        if (size.count > 0)
            sizes->list[kept++] = size;
    }
    sizes->count = kept;
}

void clmix_sizes_of_samples(struct clmix_sizes *sizes, size_t samples, size_t batch, size_t length)
{
    *sizes = (struct clmix_sizes){ .batches = clmix_ceil_div(samples, batch) };
    if (samples >= batch)
        sizes->list[sizes->count++] = (struct clmix_batch_size){ batch, batch, length };
    if (samples % batch > 0)
        sizes->list[sizes->count++] = (struct clmix_batch_size){ samples % batch, batch, length };
}
