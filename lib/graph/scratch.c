/* Memory that belongs to no value: scratch of a node, and the seed, the step and the place of a run. */
#include "graph/planner.h"

#include "base/array.h"
#include "base/status.h"

/* A place of `count` elements in a storage of the plan. */
static int32_t add_place(struct clmix_planner *planner, int32_t storage, clmix_type type, size_t count, int slice)
{
    struct clmix_plan *plan = planner->plan;
    struct clmix_place place = {
        .storage = storage, .type = type, .shape = { .rank = 1, .size = { count } }, .position = -1, .slice = slice
    };

    if (storage != CLMIX_NONE && CLMIX_PUSH(plan->places, plan->place_count, plan->place_capacity, place))
        return (int32_t)plan->place_count - 1;
    clmix_planner_keep_error(planner, clmix_fail_memory("a plan"));
    return CLMIX_NONE;
}

static int32_t add_storage(struct clmix_planner *planner, struct clmix_storage storage)
{
    struct clmix_plan *plan = planner->plan;

    return CLMIX_PUSH(plan->storages, plan->storage_count, plan->storage_capacity, storage) ? (int32_t)plan->storage_count - 1 : CLMIX_NONE;
}

/* The storage that an earlier slice's launches of this node had for the same piece of scratch, or CLMIX_NONE. */
static int32_t earlier_scratch(const struct clmix_slices *slices, int32_t node)
{
    int32_t at = slices->number > 0 ? slices->node_scratch[node] : CLMIX_NONE;

    while (at != CLMIX_NONE && slices->scratch[at].number != slices->scratches)
        at = slices->scratch[at].next;
    return at == CLMIX_NONE ? CLMIX_NONE : slices->scratch[at].storage;
}

int32_t clmix_planner_scratch(struct clmix_planner *planner, const struct clmix_node *node, size_t bytes)
{
    int32_t step = planner->position[node->number];
    struct clmix_storage storage = { .arena = CLMIX_ACTIVATIONS, .size_bytes = bytes == 0 ? 4 : bytes, .first = step, .last = step };
    struct clmix_slices *slices = &planner->slices;
    int32_t earlier = earlier_scratch(slices, node->number);
    struct clmix_sliced_scratch scratch = { .next = slices->node_scratch[node->number], .number = slices->scratches++ };

    if (earlier != CLMIX_NONE) {
        if (planner->plan->storages[earlier].size_bytes < storage.size_bytes)
            planner->plan->storages[earlier].size_bytes = storage.size_bytes;
        return add_place(planner, earlier, CLMIX_F32, storage.size_bytes / 4, slices->number);
    }
    scratch.storage = add_storage(planner, storage);
    if (slices->number > 0) {
        slices->node_scratch[node->number] = (int32_t)slices->scratch_count;
        if (!CLMIX_PUSH(slices->scratch, slices->scratch_count, slices->scratch_capacity, scratch))
            return add_place(planner, CLMIX_NONE, CLMIX_F32, 0, 0);
    }
    return add_place(planner, scratch.storage, CLMIX_F32, storage.size_bytes / 4, 0);
}

clmix_status clmix_plan_add_random(struct clmix_planner *planner)
{
    struct clmix_storage storage = {
        .arena = CLMIX_ACTIVATIONS, .size_bytes = CLMIX_RANDOM_WORDS * sizeof(uint32_t), .first = 0, .last = CLMIX_FOREVER, .fed = true
    };

    planner->plan->batch = planner->graph->batch;
    planner->plan->whole[1] = planner->plan->words[5] = (uint32_t)planner->graph->batch;
    planner->plan->random = add_place(planner, add_storage(planner, storage), CLMIX_I32, CLMIX_RANDOM_WORDS, 0);
    return planner->status;
}

int32_t clmix_planner_random(struct clmix_planner *planner)
{
    return planner->plan->random;
}

void clmix_planner_not_placed(struct clmix_planner *planner)
{
    planner->plan->placeless = true;
}
