#include "base/random.h"
#include "base/status.h"
#include "data/augment.h"
#include "data/loader.h"

#include <stdlib.h>
#include <string.h>

clmix_status clmix_batch_store_new(clmix_batch_store *store, const clmix_batch_recipe *recipe)
{
    store->pictures = calloc(recipe->batch, recipe->picture_bytes);
    store->labels = calloc(recipe->batch, sizeof *store->labels);
    store->second_labels = calloc(recipe->batch, sizeof *store->second_labels);
    store->weights = calloc(recipe->batch, sizeof *store->weights);
    if (store->pictures == NULL || store->labels == NULL || store->second_labels == NULL || store->weights == NULL) {
        clmix_batch_store_free(store);
        return clmix_fail_memory("batches of pictures");
    }
    return CLMIX_OK;
}

void clmix_batch_store_free(clmix_batch_store *store)
{
    free(store->pictures);
    free(store->labels);
    free(store->second_labels);
    free(store->weights);
    free(store->broken);
    memset(store, 0, sizeof *store);
}

clmix_status clmix_batch_maker_new(clmix_batch_maker *maker, const clmix_batch_recipe *recipe)
{
    maker->order = calloc(recipe->count, sizeof *maker->order);
    maker->scratch = malloc(recipe->picture_bytes);
    maker->order_epoch = SIZE_MAX;
    if (maker->order == NULL || maker->scratch == NULL) {
        clmix_batch_maker_free(maker);
        return clmix_fail_memory("the order of an epoch");
    }
    return CLMIX_OK;
}

void clmix_batch_maker_free(clmix_batch_maker *maker)
{
    free(maker->order);
    free(maker->scratch);
    memset(maker, 0, sizeof *maker);
}

/* The order depends on (seed, epoch) alone, so that a run can begin at any epoch. */
static void settle_order(clmix_batch_maker *maker, const clmix_batch_recipe *recipe, size_t epoch)
{
    if (maker->order_epoch == epoch)
        return;
    for (size_t i = 0; i < recipe->count; i++)
        maker->order[i] = (uint32_t)i;
    if (recipe->options.shuffle) {
        clmix_random random = clmix_random_stream(recipe->options.seed ^ clmix_hash_text("shuffle"), epoch);
        clmix_random_shuffle(&random, maker->order, recipe->count);
    }
    maker->order_epoch = epoch;
}

/* Blends every picture with the next of the batch, the last with the first as it was; second labels and weights likewise. */
static void mix(clmix_batch_maker *maker, const clmix_batch_recipe *recipe, size_t epoch, const uint32_t *order, clmix_batch_store *store,
                size_t count)
{
    memcpy(maker->scratch, store->pictures, recipe->picture_bytes);
    for (size_t i = 0; i < count; i++) {
        const unsigned char *other = i + 1 < count ? store->pictures + (i + 1) * recipe->picture_bytes : maker->scratch;
        unsigned share = clmix_augment_share(&recipe->options.augment, recipe->options.seed, epoch, order[i]);

        clmix_augment_blend(store->pictures + i * recipe->picture_bytes, other, share, recipe->picture_bytes);
        store->second_labels[i] = store->labels[(i + 1) % count];
        store->weights[i] = (float)share / 256;
    }
}

static void note_broken(clmix_batch_store *store)
{
    if (store->skipped++ == 0)
        store->broken = strdup(clmix_error()); /* a missing sentence is no reason to fail */
}

/* The picture at place `at` of the epoch's order. One that cannot be decoded is left out of a test; in training the next that can takes its
 * place, so that the batch stays full. A file that cannot be read at all is a failure in any case: it may be there again tomorrow, and the
 * same run would then be another. */
static clmix_status take_picture(const clmix_batch_recipe *recipe, const uint32_t *order, size_t at, unsigned char *picture, int *label,
                                 clmix_batch_store *store, const atomic_bool *stop)
{
    for (size_t i = 0; i < recipe->count; i++) {
        const clmix_status status = clmix_dataset_get(recipe->dataset, recipe->split, order[(at + i) % recipe->count], picture, label);

        if (status != CLMIX_ERROR_FORMAT || !recipe->options.skip_broken)
            return status;
        if (i == 0)
            note_broken(store);
        if (recipe->split == CLMIX_TEST) {
            memset(picture, 0, recipe->picture_bytes);
            *label = CLMIX_NO_LABEL;
            return CLMIX_OK;
        }
        if (atomic_load(stop))
            return clmix_fail(CLMIX_ERROR_INTERRUPTED, "the loader is closed");
    }
    return clmix_fail_at(CLMIX_ERROR_FORMAT, "none of the %zu training pictures can be decoded", recipe->count);
}

clmix_status clmix_batch_make(clmix_batch_maker *maker, const clmix_batch_recipe *recipe, size_t epoch, size_t index,
                              clmix_batch_store *store, size_t *count, const atomic_bool *stop)
{
    const clmix_loader_options *options = &recipe->options;
    size_t first = index * recipe->batch, filled = recipe->count - first < recipe->batch ? recipe->count - first : recipe->batch;
    const uint32_t *order;

    settle_order(maker, recipe, epoch);
    free(store->broken);
    store->broken = NULL;
    store->skipped = 0;
    order = maker->order + first;
    for (size_t i = 0; i < recipe->batch; i++) {
        unsigned char *picture = store->pictures + i * recipe->picture_bytes;
        int label = CLMIX_NO_LABEL;

        if (atomic_load(stop))
            return clmix_fail(CLMIX_ERROR_INTERRUPTED, "the loader is closed");
        if (i < filled) {
            CLMIX_TRY(take_picture(recipe, maker->order, first + i, picture, &label, store, stop));
            clmix_augment_picture(&options->augment, options->seed, epoch, order[i], recipe->height, recipe->width, recipe->channels,
                                  picture, maker->scratch);
        } else {
            memset(picture, 0, recipe->picture_bytes);
        }
        store->labels[i] = store->second_labels[i] = label;
        store->weights[i] = 1;
    }
    if (options->augment.mixup > 0)
        mix(maker, recipe, epoch, order, store, filled);
    *count = filled;
    return CLMIX_OK;
}
