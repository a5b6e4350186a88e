#include "data/batch.h"

#include "base/status.h"

#include <stdlib.h>
#include <string.h>

clmix_status clmix_batch_store_new(clmix_batch_store *store, const clmix_batch_recipe *recipe)
{
    for (size_t i = 0; i < recipe->ports.count; i++) {
        store->arrays[i] = calloc(recipe->batch, recipe->sample_bytes[i]);
        if (store->arrays[i] == NULL) {
            clmix_batch_store_free(store);
            return clmix_fail_memory("batches of samples");
        }
    }
    return CLMIX_OK;
}

void clmix_batch_store_free(clmix_batch_store *store)
{
    for (size_t i = 0; i < CLMIX_PORTS_LIMIT; i++)
        free(store->arrays[i]);
    free(store->broken);
    memset(store, 0, sizeof *store);
}

clmix_status clmix_batch_maker_new(clmix_batch_maker *maker, const clmix_batch_recipe *recipe)
{
    maker->order = calloc(recipe->count, sizeof *maker->order);
    maker->scratch = malloc(recipe->largest_bytes);
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

static void note_broken(clmix_batch_store *store)
{
    if (store->skipped++ == 0)
        store->broken = strdup(clmix_error()); /* a missing sentence is no reason to fail */
}

/* From sample `at` of a batch on, one array a port. */
static void point_at(const clmix_batch_recipe *recipe, const clmix_batch_store *store, size_t at, void *arrays[CLMIX_PORTS_LIMIT])
{
    for (size_t i = 0; i < recipe->ports.count; i++)
        arrays[i] = (unsigned char *)store->arrays[i] + at * recipe->sample_bytes[i];
}

static void blank(const clmix_batch_recipe *recipe, void *const *arrays, size_t samples)
{
    for (size_t i = 0; i < recipe->ports.count; i++)
        clmix_port_blank(&recipe->ports.list[i], arrays[i], samples);
}

static clmix_status go_on(const atomic_bool *stop)
{
    return atomic_load(stop) ? clmix_fail(CLMIX_ERROR_INTERRUPTED, "the loader is closed") : CLMIX_OK;
}

/* The sample at place `at` of the epoch's order. One that cannot be decoded is left out of a test; in training the next that can takes its
 * place, so that the batch stays full. A file that cannot be read at all is a failure in any case: it may be there again tomorrow, and the
 * same run would then be another. */
static clmix_status take_sample(const clmix_batch_recipe *recipe, const uint32_t *order, size_t at, void *const *arrays,
                                clmix_batch_store *store, const atomic_bool *stop)
{
    for (size_t i = 0; i < recipe->count; i++) {
        const clmix_status status = clmix_dataset_get(recipe->dataset, recipe->split, order[(at + i) % recipe->count], arrays);

        if (status != CLMIX_ERROR_FORMAT || !recipe->options.skip_broken)
            return status;
        if (i == 0)
            note_broken(store);
        if (recipe->split == CLMIX_TEST) {
            blank(recipe, arrays, 1);
            return CLMIX_OK;
        }
        CLMIX_TRY(go_on(stop));
    }
    return clmix_fail_at(CLMIX_ERROR_FORMAT, "none of the %zu training samples can be decoded", recipe->count);
}

static void transform_sample(const clmix_batch_recipe *recipe, const clmix_transform_call *call, uint32_t index, void *const *arrays)
{
    for (size_t i = 0; i < recipe->transform_count; i++)
        if (recipe->transforms[i]->sample != NULL)
            recipe->transforms[i]->sample(call, index, arrays);
}

static void transform_batch(const clmix_batch_recipe *recipe, const clmix_transform_call *call, const uint32_t *indices, size_t count,
                            void *const *arrays)
{
    for (size_t i = 0; i < recipe->transform_count; i++)
        if (recipe->transforms[i]->batch != NULL)
            recipe->transforms[i]->batch(call, indices, count, recipe->batch, arrays);
}

clmix_status clmix_batch_make(clmix_batch_maker *maker, const clmix_batch_recipe *recipe, size_t epoch, size_t index,
                              clmix_batch_store *store, size_t *count, const atomic_bool *stop)
{
    const clmix_transform_call call = { recipe->dataset, recipe->split, &recipe->options.augment, recipe->options.seed, epoch,
                                        &recipe->ports,  maker->scratch };
    const size_t first = index * recipe->batch, left = recipe->count - first, filled = left < recipe->batch ? left : recipe->batch;
    void *arrays[CLMIX_PORTS_LIMIT];

    settle_order(maker, recipe, epoch);
    free(store->broken);
    store->broken = NULL;
    store->skipped = 0;
    for (size_t i = 0; i < filled; i++) {
        CLMIX_TRY(go_on(stop));
        point_at(recipe, store, i, arrays);
        CLMIX_TRY(take_sample(recipe, maker->order, first + i, arrays, store, stop));
        transform_sample(recipe, &call, maker->order[first + i], arrays);
    }
    point_at(recipe, store, filled, arrays);
    blank(recipe, arrays, recipe->batch - filled);
    transform_batch(recipe, &call, maker->order + first, filled, store->arrays);
    *count = filled;
    return CLMIX_OK;
}
