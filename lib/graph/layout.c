/* Storages and slabs: what has an address of its own, and the lowest place in a slab for as long as it is needed. */
#include "graph/planner.h"

#include "base/array.h"
#include "base/size.h"
#include "base/status.h"
#include "graph/room.h"

#include <stdlib.h>

/* Storages for tensors that host themselves; scratch was added while launches were made, and constants before. */
static clmix_status add_storages(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    struct clmix_plan *plan = planner->plan;

    for (size_t i = 0; i < graph->tensor_count; i++) {
        const struct clmix_tensor *value = graph->tensors[i];
        struct clmix_storage storage = { .arena = CLMIX_ACTIVATIONS, .first = planner->first[i], .last = planner->last[i] };
        int32_t parameter = value->gradient_of != CLMIX_NONE ? graph->tensors[value->gradient_of]->parameter : value->parameter;

        if (value->kind == CLMIX_VALUE_CONSTANT || value->base != (int32_t)i || planner->host[i] != (int32_t)i || planner->last[i] < 0 ||
            planner->first[i] == CLMIX_FOREVER)
            continue;
        storage.fed = value->kind == CLMIX_VALUE_INPUT && value->batched;
        storage.size_bytes = clmix_slices_size(planner, (int32_t)i, clmix_shape_count(value->shape)) *
                             clmix_type_bytes(clmix_planner_type(planner, (int32_t)i));
        if (parameter >= 0) {
            storage.arena = value->gradient_of != CLMIX_NONE   ? CLMIX_GRADIENTS
                            : value->kind == CLMIX_VALUE_STATE ? CLMIX_STATES
                                                               : CLMIX_WEIGHTS;
            storage.offset_bytes = graph->parameters[parameter].info.offset * sizeof(float);
            plan->cost.arena_bytes[storage.arena] =
                (storage.arena == CLMIX_STATES ? graph->state_count : graph->weight_count) * sizeof(float);
        }
        if (!CLMIX_PUSH(plan->storages, plan->storage_count, plan->storage_capacity, storage))
            return clmix_fail_memory("a plan");
        plan->places[i].storage = (int32_t)plan->storage_count - 1;
    }
    return CLMIX_OK;
}

/* Larger ones first: they are the hardest to place. Ties by lifetime keep the layout the same on every host. */
static int by_size(const void *a, const void *b)
{
    const struct clmix_storage *x = *(struct clmix_storage *const *)a, *y = *(struct clmix_storage *const *)b;

    if (x->size_bytes != y->size_bytes)
        return x->size_bytes > y->size_bytes ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* The slabs while they are filled. */
struct slabs {
    struct clmix_plan *plan;
    struct clmix_room *rooms; /* one each slab */
    size_t count, capacity;
    size_t limit; /* of a slab's bytes: the device's largest allocation */
};

static clmix_status add_slab(struct slabs *slabs)
{
    struct clmix_plan *plan = slabs->plan;
    struct clmix_room room;
    size_t zero = 0;

    clmix_room_start(&room);
    if (!CLMIX_PUSH(slabs->rooms, slabs->count, slabs->capacity, room) ||
        !CLMIX_PUSH(plan->slab_bytes, plan->slab_count, plan->slab_capacity, zero))
        return clmix_fail_memory("a plan");
    return CLMIX_OK;
}

/* The lowest gap of the first slab that has one where no storage alive at the same time lies. */
static clmix_status place_storage(struct slabs *slabs, struct clmix_storage *storage)
{
    struct clmix_plan *plan = slabs->plan;
    size_t end;

    if (storage->size_bytes > slabs->limit)
        return clmix_fail(CLMIX_ERROR_DEVICE_MEMORY,
                          "one value needs %zu bytes and %s gives %zu in one allocation at most; use a smaller batch", storage->size_bytes,
                          plan->device->info.name, slabs->limit);
    for (storage->slab = 0;; storage->slab++) {
        if ((size_t)storage->slab == slabs->count)
            CLMIX_TRY(add_slab(slabs));
        storage->offset_bytes = clmix_room_find(&slabs->rooms[storage->slab], storage->size_bytes, storage->first, storage->last);
        if (storage->offset_bytes + storage->size_bytes <= slabs->limit)
            break;
    }
    end = clmix_slab_aligned(storage->offset_bytes + storage->size_bytes);
    if (!clmix_room_take(&slabs->rooms[storage->slab], storage->offset_bytes, end, storage->first, storage->last))
        return clmix_fail_memory("a plan");
    if (plan->slab_bytes[storage->slab] < end)
        plan->slab_bytes[storage->slab] = end;
    return CLMIX_OK;
}

static size_t slab_limit(const struct clmix_plan *plan)
{
    const size_t most = (size_t)1 << 32; /* several drivers fail beyond 4 GiB in one buffer */

    return clmix_smaller(plan->device->info.max_allocation_bytes / CLMIX_SLAB_ALIGNMENT * CLMIX_SLAB_ALIGNMENT, most);
}

static clmix_status place_all(struct clmix_plan *plan, struct clmix_storage **order, size_t count)
{
    struct slabs slabs = { .plan = plan, .limit = slab_limit(plan) };
    clmix_status status = CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < count; i++)
        status = place_storage(&slabs, order[i]);
    for (size_t i = 0; i < slabs.count; i++)
        clmix_room_clear(&slabs.rooms[i]);
    free(slabs.rooms);
    return status;
}

/* ---- what is fed -------------------------------------------------------------------------------------------------------------------- */

/* One storage for the inputs of a batch and the random words together: they are needed from the first step to the last, so that side by side they
 * take no more than apart, and a batch is one transfer. None where they are too large for one slab. */
static clmix_status add_block(struct clmix_plan *plan, struct clmix_storage **block)
{
    struct clmix_storage sum = { .arena = CLMIX_ACTIVATIONS, .last = CLMIX_FOREVER };

    *block = NULL;
    for (size_t i = 0; i < plan->storage_count; i++) {
        const int32_t number = (int32_t)i;

        if (!plan->storages[i].fed)
            continue;
        sum.size_bytes += clmix_slab_aligned(plan->storages[i].size_bytes);
        if (!CLMIX_PUSH(plan->fed, plan->fed_count, plan->fed_capacity, number))
            return clmix_fail_memory("a plan");
    }
    while (sum.size_bytes > slab_limit(plan) && plan->fed_count > 0)
        plan->storages[plan->fed[--plan->fed_count]].fed = false;
    if (plan->fed_count == 0)
        return CLMIX_OK;
    if (!CLMIX_PUSH(plan->storages, plan->storage_count, plan->storage_capacity, sum))
        return clmix_fail_memory("a plan");
    *block = &plan->storages[plan->storage_count - 1];
    return CLMIX_OK;
}

/* Each its part of the block. */
static void divide_block(struct clmix_plan *plan, const struct clmix_storage *block)
{
    size_t offset = block->offset_bytes;

    for (size_t i = 0; i < plan->fed_count; i++) {
        struct clmix_storage *storage = &plan->storages[plan->fed[i]];

        storage->slab = block->slab;
        storage->offset_bytes = offset;
        offset += clmix_slab_aligned(storage->size_bytes);
    }
}

static clmix_status fill_slabs(struct clmix_plan *plan)
{
    struct clmix_storage *block, **order;
    clmix_status status;
    size_t count = 0;

    CLMIX_TRY(add_block(plan, &block));
    order = malloc((plan->storage_count + 1) * sizeof *order);
    if (order == NULL)
        return clmix_fail_memory("a plan");
    for (size_t i = 0; i < plan->storage_count; i++)
        if (plan->storages[i].arena == CLMIX_ACTIVATIONS && !plan->storages[i].fed)
            order[count++] = &plan->storages[i];
    qsort(order, count, sizeof *order, by_size);
    status = place_all(plan, order, count);
    free(order);
    if (block != NULL)
        divide_block(plan, block);
    for (size_t i = 0; i < plan->slab_count; i++)
        plan->cost.arena_bytes[CLMIX_ACTIVATIONS] += plan->slab_bytes[i];
    return status;
}

static void sum_arenas(struct clmix_plan *plan)
{
    for (int i = 0; i < CLMIX_ARENAS; i++)
        plan->cost.peak_bytes += plan->cost.arena_bytes[i];
}

/* Names, and what tables list: looked for often, and known now. */
static clmix_status index_places(struct clmix_plan *plan)
{
    plan->listed = malloc((plan->place_count + 1) * sizeof *plan->listed);
    if (plan->listed == NULL)
        return clmix_fail_memory("a plan");
    for (size_t i = 0; i < plan->place_count; i++) {
        const struct clmix_place *place = &plan->places[i];

        if (place->storage == CLMIX_NONE)
            continue;
        if (place->slice == 0 && plan->storages[place->storage].arena == CLMIX_ACTIVATIONS)
            plan->listed[plan->listed_count++] = (int32_t)i;
        if (place->name != NULL && !clmix_names_add(&plan->names, place->name, i))
            return clmix_fail_memory("a plan");
    }
    return CLMIX_OK;
}

clmix_status clmix_plan_lay_out(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    struct clmix_plan *plan = planner->plan;
    size_t ignored;

    CLMIX_TRY(add_storages(planner));
    for (size_t i = 0; i < graph->tensor_count; i++) {
        int32_t host = clmix_planner_host(planner, graph->tensors[i]->base, &ignored);

        plan->places[i].storage = plan->places[host].storage;
        plan->places[i].offset = clmix_slices_offset(planner, (int32_t)i);
        plan->places[i].pitch = clmix_planner_layout(planner, (int32_t)i).pitch;
        plan->places[i].shape = clmix_slices_shape(planner, (int32_t)i);
    }
    for (size_t i = graph->tensor_count; i < plan->place_count; i++)
        if (plan->places[i].storage == CLMIX_NONE)
            plan->places[i].storage = plan->places[plan->places[i].of].storage;
    CLMIX_TRY(fill_slabs(plan));
    sum_arenas(plan);
    return index_places(plan);
}
