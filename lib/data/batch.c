#include "data/batch.h"

#include "base/part.h"
#include "base/size.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of one sample of a port, in sequences of `length` places. */
static size_t bytes_at(const clmix_batch_recipe *recipe, size_t port, size_t length)
{
    if (!clmix_port_is_along(&recipe->ports.list[port]))
        return recipe->sample_bytes[port];
    return recipe->sample_bytes[port] / recipe->ports.list[port].size[0] * length;
}

clmix_status clmix_batch_store_new(clmix_batch_store *store, const clmix_batch_recipe *recipe)
{
    const struct clmix_batching *batching = &recipe->batching;

    for (size_t i = 0; i < recipe->ports.count; i++) {
        size_t bytes = 0;

        for (size_t kind = 0; kind < batching->length_count; kind++)
            bytes = clmix_larger(bytes, (recipe->rooms[kind] + recipe->beside) * bytes_at(recipe, i, batching->lengths[kind]));
        store->arrays[i] = calloc(1, clmix_larger(bytes, 1));
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

/* Whether batches are shorter than what the set gives, some or all of them. */
static bool are_shorter(const clmix_batch_recipe *recipe)
{
    bool shorter = false;

    for (size_t i = 0; i < recipe->set_ports; i++)
        shorter = shorter || bytes_at(recipe, i, recipe->batching.lengths[0]) < recipe->sample_bytes[i];
    return shorter;
}

clmix_status clmix_batch_maker_new(clmix_batch_maker *maker, const clmix_batch_recipe *recipe)
{
    const struct clmix_batching *batching = &recipe->batching;
    bool fine;

    maker->order = calloc(recipe->count, sizeof *maker->order);
    maker->scratch = malloc(recipe->largest_bytes);
    maker->order_epoch = SIZE_MAX;
    fine = maker->order != NULL && maker->scratch != NULL;
    if (fine && batching->group) {
        maker->sorting = malloc(recipe->count * sizeof *maker->sorting);
        maker->places = malloc(batching->batches * sizeof *maker->places);
        fine = maker->sorting != NULL && maker->places != NULL;
    }
    for (size_t i = 0; fine && are_shorter(recipe) && i < recipe->set_ports; i++)
        fine = (maker->whole[i] = malloc(recipe->sample_bytes[i])) != NULL;
    if (fine)
        return CLMIX_OK;
    clmix_batch_maker_free(maker);
    return clmix_fail_memory("the order of an epoch");
}

void clmix_batch_maker_free(clmix_batch_maker *maker)
{
    for (size_t i = 0; i < CLMIX_PORTS_LIMIT; i++)
        free(maker->whole[i]);
    free(maker->order);
    free(maker->sorting);
    free(maker->places);
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
    if (recipe->batching.group)
        clmix_batching_arrange(&recipe->batching, maker->order, maker->sorting, maker->places);
    maker->order_epoch = epoch;
}

static void note_broken(clmix_batch_store *store)
{
    if (store->skipped++ == 0)
        store->broken = strdup(clmix_error()); /* a missing sentence is no reason to fail */
}

/* The ports of a batch of `length` places. */
static void set_length(const clmix_batch_recipe *recipe, clmix_batch_store *store, size_t length)
{
    store->ports = recipe->ports;
    for (size_t i = 0; i < recipe->ports.count; i++)
        if (clmix_port_is_along(&recipe->ports.list[i]))
            store->ports.list[i].size[0] = length;
}

/* From sample `at` of a batch on, one array a port. */
static void point_at(const clmix_batch_store *store, size_t at, void *arrays[CLMIX_PORTS_LIMIT])
{
    for (size_t i = 0; i < store->ports.count; i++)
        arrays[i] = (unsigned char *)store->arrays[i] + at * clmix_port_bytes(&store->ports.list[i]);
}

static void blank(const clmix_batch_store *store, void *const *arrays, size_t samples)
{
    for (size_t i = 0; i < store->ports.count; i++)
        clmix_port_blank(&store->ports.list[i], arrays[i], samples);
}

static clmix_status go_on(const atomic_bool *stop)
{
    return atomic_load(stop) ? clmix_fail(CLMIX_ERROR_INTERRUPTED, "the loader is closed") : CLMIX_OK;
}

/* A sample, of sequences as many places as the batch has. */
static clmix_status get_sample(const clmix_batch_maker *maker, const clmix_batch_recipe *recipe, size_t index, void *const *arrays,
                               const clmix_batch_store *store)
{
    if (maker->whole[0] == NULL)
        return clmix_dataset_get(recipe->dataset, recipe->split, index, arrays);
    CLMIX_TRY(clmix_dataset_get(recipe->dataset, recipe->split, index, maker->whole));
    for (size_t i = 0; i < recipe->set_ports; i++)
        memcpy(arrays[i], maker->whole[i], clmix_port_bytes(&store->ports.list[i]));
    return CLMIX_OK;
}

/* The sample at place `at` of the epoch's order. One that cannot be decoded is left out of a test; in training the next that can takes its
 * place, so that the batch stays full. A file that cannot be read at all is a failure in any case: it may be there again tomorrow, and the
 * same run would then be another. */
static clmix_status take_sample(const clmix_batch_maker *maker, const clmix_batch_recipe *recipe, size_t at, void *const *arrays,
                                clmix_batch_store *store, const atomic_bool *stop)
{
    for (size_t i = 0; i < recipe->count; i++) {
        const clmix_status status = get_sample(maker, recipe, maker->order[(at + i) % recipe->count], arrays, store);

        if (status != CLMIX_ERROR_FORMAT || !recipe->options.skip_broken)
            return status;
        if (i == 0)
            note_broken(store);
        if (recipe->split == CLMIX_TEST) {
            blank(store, arrays, 1);
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

static void transform_batch(const clmix_batch_recipe *recipe, const clmix_transform_call *call, const uint32_t *indices,
                            const clmix_batch_store *store)
{
    for (size_t i = 0; i < recipe->transform_count; i++)
        if (recipe->transforms[i]->batch != NULL)
            recipe->transforms[i]->batch(call, indices, store->count, store->room, store->arrays);
}

/* Sample `at` of the batch, to place `to` of the part. */
static clmix_status make_sample(const clmix_batch_maker *maker, const clmix_batch_recipe *recipe, const clmix_transform_call *call,
                                size_t at, size_t to, clmix_batch_store *store, const atomic_bool *stop)
{
    void *arrays[CLMIX_PORTS_LIMIT];

    CLMIX_TRY(go_on(stop));
    point_at(store, to, arrays);
    CLMIX_TRY(take_sample(maker, recipe, at, arrays, store, stop));
    transform_sample(recipe, call, maker->order[at], arrays);
    return CLMIX_OK;
}

/* Where a transform blends neighbours, the part's last has the first of the next part beside it, and the batch's last the batch's first. */
static clmix_status make_neighbour(const clmix_batch_maker *maker, const clmix_batch_recipe *recipe, const clmix_transform_call *call,
                                   const struct clmix_batch_place *place, clmix_batch_store *store, const atomic_bool *stop)
{
    const size_t skipped = store->skipped, after = (store->first + store->count) % place->count;

    CLMIX_TRY(make_sample(maker, recipe, call, place->first + after, store->count, store, stop));
    store->skipped = skipped; /* its own part counts it */
    if (skipped == 0) {
        free(store->broken);
        store->broken = NULL;
    }
    return CLMIX_OK;
}

static void begin(clmix_batch_store *store, const clmix_batch_recipe *recipe, const struct clmix_batch_place *place)
{
    const struct clmix_part part = clmix_part_of(NULL, clmix_at_least_one(recipe->options.parts), recipe->options.part, place->count);

    set_length(recipe, store, recipe->batching.lengths[place->kind]);
    store->room = recipe->rooms[place->kind];
    store->first = part.first;
    store->count = part.end - part.first;
    store->whole = place->count;
    free(store->broken);
    store->broken = NULL;
    store->skipped = 0;
}

clmix_status clmix_batch_make(clmix_batch_maker *maker, const clmix_batch_recipe *recipe, size_t epoch, size_t index,
                              clmix_batch_store *store, const atomic_bool *stop)
{
    const clmix_transform_call call = { recipe->dataset, recipe->split, &recipe->options.augment, recipe->options.seed,
                                        epoch,           &store->ports, maker->scratch,           recipe->beside > 0 };
    const struct clmix_batching *batching = &recipe->batching;
    struct clmix_batch_place place;
    void *arrays[CLMIX_PORTS_LIMIT];

    settle_order(maker, recipe, epoch);
    place = batching->group ? maker->places[index] : clmix_batching_place(batching, maker->order, index);
    begin(store, recipe, &place);
    for (size_t i = 0; i < store->count; i++)
        CLMIX_TRY(make_sample(maker, recipe, &call, place.first + store->first + i, i, store, stop));
    point_at(store, store->count, arrays);
    blank(store, arrays, store->room - store->count);
    if (store->count == 0)
        return CLMIX_OK;
    if (recipe->beside > 0)
        CLMIX_TRY(make_neighbour(maker, recipe, &call, &place, store, stop));
    transform_batch(recipe, &call, maker->order + place.first + store->first, store);
    if (recipe->beside > 0 && store->count < store->room)
        blank(store, arrays, 1);
    return CLMIX_OK;
}
