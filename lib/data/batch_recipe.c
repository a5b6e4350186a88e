/* What was asked of a loader: checked, and settled for all of its batches. */
#include "base/part.h"
#include "base/size.h"
#include "base/status.h"
#include "data/batch.h"
#include "data/dataset.h"

static const clmix_transform *const transforms[] = { &clmix_transform_augment, &clmix_transform_mixup, &clmix_transform_masking };
_Static_assert(sizeof transforms / sizeof transforms[0] <= CLMIX_TRANSFORMS_LIMIT, "a recipe has room for all");

static clmix_status check_places(const clmix_batch_recipe *recipe)
{
    const clmix_loader_options *options = &recipe->options;
    const size_t room = recipe->batching.rooms[0], batches = recipe->batching.batches;

    if (recipe->count == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the %s split of this data set is empty: its files are missing, or it was made without",
                          recipe->split == CLMIX_TRAIN ? "train" : "test");
    if (room == 0 || room > UINT32_MAX || recipe->count > UINT32_MAX)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "batches of %zu of %zu samples are asked for; use 1 to %zu", room, recipe->count,
                          recipe->count);
    if (batches == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "there are %zu samples, too few for one batch of %zu; use a smaller batch or keep the last",
                          recipe->count, room);
    if (options->first_batch >= batches || options->first_epoch > UINT32_MAX)
        return clmix_fail(
            CLMIX_ERROR_ARGUMENT,
            "beginning at epoch %zu, batch %zu is asked for, and an epoch has %zu batches; the data or the batch size changed",
            options->first_epoch, options->first_batch, batches);
    if (options->threads < 0 || options->threads > CLMIX_LOADER_THREADS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%d loader threads are asked for; use 0 (one) to %d", options->threads,
                          CLMIX_LOADER_THREADS);
    if (options->parts > 0 && options->part >= options->parts)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "part %zu of batches in %zu parts is asked for; parts are counted from 0", options->part,
                          options->parts);
    return CLMIX_OK;
}

static clmix_status settle_transforms(clmix_batch_recipe *recipe)
{
    for (size_t i = 0; i < sizeof transforms / sizeof transforms[0]; i++) {
        if (!transforms[i]->asked(&recipe->options.augment, recipe->dataset))
            continue;
        if (recipe->split != CLMIX_TRAIN && !transforms[i]->of_test)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "augmentation is asked for the test split; it is for the train split only");
        CLMIX_TRY(transforms[i]->settle(&recipe->options.augment, &recipe->ports));
        recipe->transforms[recipe->transform_count++] = transforms[i];
        if (recipe->options.parts > 1 && transforms[i]->batch != NULL)
            recipe->beside = 1;
    }
    return CLMIX_OK;
}

static void settle_rooms(clmix_batch_recipe *recipe)
{
    for (size_t kind = 0; kind < recipe->batching.length_count; kind++)
        recipe->rooms[kind] =
            clmix_part_most(clmix_at_least_one(recipe->options.parts), recipe->options.part, recipe->batching.rooms[kind]);
}

static clmix_status settle(clmix_batch_recipe *recipe, size_t batch)
{
    CLMIX_TRY(clmix_batching_make(&recipe->batching, recipe->dataset, recipe->split, batch, &recipe->options));
    CLMIX_TRY(check_places(recipe));
    CLMIX_TRY(settle_transforms(recipe));
    settle_rooms(recipe);
    for (size_t i = 0; i < recipe->ports.count; i++) {
        const size_t bytes = clmix_port_bytes(&recipe->ports.list[i]);

        recipe->sample_bytes[i] = bytes;
        recipe->largest_bytes = bytes > recipe->largest_bytes ? bytes : recipe->largest_bytes;
    }
    return CLMIX_OK;
}

clmix_status clmix_batch_recipe_make(clmix_batch_recipe *recipe, const clmix_dataset *dataset, clmix_split split, size_t batch,
                                     const clmix_loader_options *options)
{
    clmix_status status;

    *recipe =
        (clmix_batch_recipe){ .dataset = dataset, .split = split, .ports = dataset->ports, .count = clmix_dataset_count(dataset, split) };
    recipe->set_ports = recipe->ports.count;
    if (options != NULL)
        recipe->options = *options;
    status = settle(recipe, batch);
    if (status != CLMIX_OK)
        clmix_batch_recipe_clear(recipe);
    return status;
}

void clmix_batch_recipe_clear(clmix_batch_recipe *recipe)
{
    clmix_batching_free(&recipe->batching);
}
