/* The loader: threads that make batches ahead, and a ring of slots between them and the caller.
 *
 * Batches are numbered from the first one delivered: batch n lives in slot n modulo the ring's length. `made_next` is the next number a
 * thread will take, `given` how many the caller has asked for. The caller lets go of a batch by asking for the one after it. */
#include "base/status.h"
#include "data/batch.h"
#include "data/dataset.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCHES_AHEAD   3 /* beside the one the caller has and one for each thread in work */
#define CLOSING_SECONDS 0.5

struct slot {
    clmix_batch_store store;
    bool ready;
    clmix_status status; /* a failure waits here, with its text, for its turn */
    char *error;
};

struct clmix_loader {
    clmix_batch_recipe recipe;
    struct slot *slots;
    size_t length;
    pthread_mutex_t lock;
    pthread_cond_t slot_free, slot_ready;
    uint64_t made_next, given; /* under the lock */
    atomic_bool stop;
    bool failed; /* a failure was delivered; nothing moves any more */
    pthread_t threads[CLMIX_LOADER_THREADS];
    int started, working; /* threads; working, abandoned under the lock */
    bool abandoned;       /* closed, while threads wait for files: the last of them frees all */
};

/* Which batch of which epoch number n is. */
static void place_of(const clmix_loader *loader, uint64_t number, size_t *epoch, size_t *index)
{
    uint64_t at = loader->recipe.options.first_batch + number;

    *epoch = loader->recipe.options.first_epoch + (size_t)(at / loader->recipe.batching.batches);
    *index = (size_t)(at % loader->recipe.batching.batches);
}

/* Waits until the next number's slot is free and takes it; false when the loader is to stop. Batch given - 1 is in the caller's hands,
 * so numbers up to given + length - 2 have a slot. */
static bool take_number(clmix_loader *loader, uint64_t *number)
{
    bool taken;

    pthread_mutex_lock(&loader->lock);
    while (!atomic_load(&loader->stop) && loader->made_next + 2 > loader->given + loader->length)
        pthread_cond_wait(&loader->slot_free, &loader->lock);
    taken = !atomic_load(&loader->stop);
    if (taken)
        *number = loader->made_next++;
    pthread_mutex_unlock(&loader->lock);
    return taken;
}

static void hand_over(clmix_loader *loader, struct slot *slot, clmix_status status)
{
    char *error = status == CLMIX_OK ? NULL : strdup(clmix_error());

    pthread_mutex_lock(&loader->lock);
    slot->status = status;
    slot->error = error;
    slot->ready = true;
    pthread_cond_broadcast(&loader->slot_ready);
    pthread_mutex_unlock(&loader->lock);
}

static void dispose(clmix_loader *loader)
{
    for (size_t i = 0; loader->slots != NULL && i < loader->length; i++) {
        clmix_batch_store_free(&loader->slots[i].store);
        free(loader->slots[i].error);
    }
    free(loader->slots);
    pthread_mutex_destroy(&loader->lock);
    pthread_cond_destroy(&loader->slot_free);
    pthread_cond_destroy(&loader->slot_ready);
    clmix_dataset_release(loader->recipe.dataset);
    clmix_batch_recipe_clear(&loader->recipe);
    free(loader);
}

static void leave(clmix_loader *loader)
{
    bool last;

    pthread_mutex_lock(&loader->lock);
    last = --loader->working == 0 && loader->abandoned;
    pthread_cond_broadcast(&loader->slot_ready);
    pthread_mutex_unlock(&loader->lock);
    if (last)
        dispose(loader);
}

static void *work(void *argument)
{
    clmix_loader *loader = argument;
    clmix_batch_maker maker = { 0 };
    clmix_status prepared = clmix_batch_maker_new(&maker, &loader->recipe);
    uint64_t number;

    while (take_number(loader, &number)) {
        struct slot *slot = &loader->slots[number % loader->length];
        size_t epoch, index;
        clmix_status status = prepared;

        place_of(loader, number, &epoch, &index);
        if (status == CLMIX_OK)
            status = clmix_batch_make(&maker, &loader->recipe, epoch, index, &slot->store, &loader->stop);
        hand_over(loader, slot, status);
        if (status != CLMIX_OK)
            break;
    }
    clmix_batch_maker_free(&maker);
    leave(loader);
    return NULL;
}

static clmix_status start_threads(clmix_loader *loader, int wanted)
{
    while (loader->started < wanted) {
        pthread_mutex_lock(&loader->lock);
        loader->working++;
        pthread_mutex_unlock(&loader->lock);
        if (pthread_create(&loader->threads[loader->started], NULL, work, loader) != 0) {
            pthread_mutex_lock(&loader->lock);
            loader->working--;
            pthread_mutex_unlock(&loader->lock);
            break;
        }
        loader->started++;
    }
    /* fewer threads than asked for make the same batches */
    return loader->started > 0 ? CLMIX_OK
                               : clmix_fail(CLMIX_ERROR_HOST_MEMORY, "the system refuses to start a loader thread; end other programs");
}

/* By a clock that nobody sets. */
static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

clmix_status clmix_loader_open(clmix_loader **loader, const clmix_dataset *dataset, clmix_split split, size_t batch,
                               const clmix_loader_options *options)
{
    CLMIX_NEED(loader);
    CLMIX_NEED(dataset);

    clmix_batch_recipe recipe;
    clmix_status status = CLMIX_OK;
    clmix_loader *opened;
    int threads;

    *loader = NULL;
    CLMIX_TRY(clmix_batch_recipe_make(&recipe, dataset, split, batch, options));
    threads = recipe.options.threads == 0 ? 1 : recipe.options.threads;
    opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        clmix_batch_recipe_clear(&recipe);
        return clmix_fail_memory("a loader");
    }
    clmix_dataset_hold(dataset);
    opened->recipe = recipe;
    opened->length = (size_t)(BATCHES_AHEAD + 1 + threads);
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->slot_free, NULL);
    init_condition(&opened->slot_ready);
    atomic_init(&opened->stop, false);
    opened->slots = calloc(opened->length, sizeof *opened->slots);
    if (opened->slots == NULL)
        status = clmix_fail_memory("a loader");
    for (size_t i = 0; status == CLMIX_OK && i < opened->length; i++)
        status = clmix_batch_store_new(&opened->slots[i].store, &recipe);
    if (status == CLMIX_OK)
        status = start_threads(opened, threads);
    if (status != CLMIX_OK)
        clmix_loader_close(opened);
    else
        *loader = opened;
    return status;
}

static struct timespec from_now(double seconds)
{
    struct timespec time;
    double fraction;

    clock_gettime(CLOCK_MONOTONIC, &time);
    fraction = (double)time.tv_nsec * 1e-9 + seconds;
    time.tv_sec += (time_t)fraction;
    time.tv_nsec = (long)((fraction - (double)(time_t)fraction) * 1e9);
    return time;
}

/* Number `given` has a slot while the caller still holds the batch before it. */
bool clmix_loader_ready(clmix_loader *loader, double seconds)
{
    const struct timespec end = from_now(seconds);
    const struct slot *slot;
    bool ready;

    if (loader == NULL)
        return true;
    slot = &loader->slots[loader->given % loader->length];
    pthread_mutex_lock(&loader->lock);
    while (!loader->failed && !slot->ready && pthread_cond_timedwait(&loader->slot_ready, &loader->lock, &end) == 0)
        ;
    ready = loader->failed || slot->ready;
    pthread_mutex_unlock(&loader->lock);
    return ready;
}

/* Lets go of the batch given last and waits for the next; its slot. */
static struct slot *await_slot(clmix_loader *loader)
{
    struct slot *slot = &loader->slots[loader->given % loader->length];

    pthread_mutex_lock(&loader->lock);
    if (!loader->failed) {
        if (loader->given > 0)
            loader->slots[(loader->given - 1) % loader->length].ready = false;
        loader->given++;
        pthread_cond_broadcast(&loader->slot_free);
        while (!slot->ready)
            pthread_cond_wait(&loader->slot_ready, &loader->lock);
    } else {
        slot = &loader->slots[(loader->given - 1) % loader->length];
    }
    loader->failed = slot->status != CLMIX_OK;
    pthread_mutex_unlock(&loader->lock);
    return slot;
}

clmix_status clmix_loader_next(clmix_loader *loader, clmix_batch *batch)
{
    CLMIX_NEED(loader);
    CLMIX_NEED(batch);

    struct slot *slot = await_slot(loader);

    memset(batch, 0, sizeof *batch);
    if (slot->status != CLMIX_OK)
        return clmix_fail(slot->status, "%s", slot->error == NULL ? "preparing a batch failed and the host is out of memory" : slot->error);
    batch->count = slot->store.count;
    batch->first = slot->store.first;
    batch->whole = slot->store.whole;
    batch->ports = slot->store.ports.list;
    batch->port_count = slot->store.ports.count;
    batch->arrays = (const void *const *)slot->store.arrays;
    batch->room = slot->store.room;
    batch->skipped = slot->store.skipped;
    batch->broken = slot->store.broken;
    batch->batches = loader->recipe.batching.batches;
    place_of(loader, loader->given - 1, &batch->epoch, &batch->index);
    return CLMIX_OK;
}

const void *clmix_batch_array(const clmix_batch *batch, const char *port)
{
    const clmix_port *found = batch == NULL ? NULL : clmix_port_find(batch->ports, batch->port_count, port);

    return found == NULL ? NULL : batch->arrays[found - batch->ports];
}

const clmix_port *clmix_loader_ports(const clmix_loader *loader, size_t *count)
{
    if (count != NULL)
        *count = loader == NULL ? 0 : loader->recipe.ports.count;
    return loader == NULL ? NULL : loader->recipe.ports.list;
}

size_t clmix_loader_batches(const clmix_loader *loader)
{
    return loader == NULL ? 0 : loader->recipe.batching.batches;
}

/* Whether all threads have come to their end: within a moment where a sample may have to be waited for. What lies in memory comes for sure, and
 * is not looked at any more when its owner has closed all that read it. */
static bool await_threads(clmix_loader *loader)
{
    const bool may_wait = loader->recipe.dataset->on_demand;
    const struct timespec end = from_now(CLOSING_SECONDS);

    while (loader->working > 0 && (may_wait ? pthread_cond_timedwait(&loader->slot_ready, &loader->lock, &end)
                                            : pthread_cond_wait(&loader->slot_ready, &loader->lock)) == 0)
        ;
    return loader->working == 0;
}

void clmix_loader_close(clmix_loader *loader)
{
    bool ended;

    if (loader == NULL)
        return;
    pthread_mutex_lock(&loader->lock);
    atomic_store(&loader->stop, true);
    pthread_cond_broadcast(&loader->slot_free);
    ended = await_threads(loader);
    loader->abandoned = !ended;
    for (int i = 0; !ended && i < loader->started; i++)
        pthread_detach(loader->threads[i]);
    pthread_mutex_unlock(&loader->lock); /* abandoned, it may be gone from here on */
    if (!ended)
        return;
    for (int i = 0; i < loader->started; i++)
        pthread_join(loader->threads[i], NULL);
    dispose(loader);
}
