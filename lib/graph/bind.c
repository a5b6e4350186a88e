/* Memory of the application's own, in place of a plan's values and arenas. */
#include "graph/plan.h"

#include "base/status.h"

clmix_status clmix_plan_bind(clmix_plan *plan, const char *name, cl_mem memory, size_t offset_bytes)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(name);
    CLMIX_NEED(memory);

    const struct clmix_place *place;
    struct clmix_storage *storage;
    size_t size = 0;

    CLMIX_TRY(clmix_plan_need_place(plan, name, &place));
    storage = &plan->storages[place->storage];
    if (storage->arena != CLMIX_ACTIVATIONS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' is part of an arena; bind the arena with clmix_plan_bind_arena", name);
    if (offset_bytes % clmix_type_bytes(place->type) != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s': offset %zu is not a multiple of the element size", name, offset_bytes);
    if (memory != NULL && clGetMemObjectInfo(memory, CL_MEM_SIZE, sizeof size, &size, NULL) != CL_SUCCESS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s': what was given is no OpenCL buffer", name);
    if (memory != NULL && (offset_bytes > size || size - offset_bytes < clmix_place_bytes(place)))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' needs %zu bytes and the buffer has %zu from offset %zu on", name,
                          clmix_place_bytes(place), offset_bytes > size ? 0 : size - offset_bytes, offset_bytes);
    storage->bound = memory;
    storage->bound_bytes = offset_bytes;
    plan->stale = true;
    return CLMIX_OK;
}

clmix_status clmix_plan_bind_arena(clmix_plan *plan, clmix_arena arena, cl_mem memory)
{
    CLMIX_NEED(plan);

    size_t size = 0;

    if (arena >= CLMIX_ACTIVATIONS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "only weights, states and gradients are arenas that can be bound; clmix_plan_share lends activations");
    if (plan->cost.arena_bytes[arena] == 0)
        return CLMIX_OK;
    if (memory == NULL || clGetMemObjectInfo(memory, CL_MEM_SIZE, sizeof size, &size, NULL) != CL_SUCCESS ||
        size < plan->cost.arena_bytes[arena])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the plan's arena needs %zu bytes and the buffer has %zu", plan->cost.arena_bytes[arena],
                          size);
    if (plan->owns[arena])
        clmix_buffer_release(plan->device, plan->arenas[arena]);
    plan->owns[arena] = false;
    plan->arenas[arena] = memory;
    plan->stale = true;
    return CLMIX_OK;
}
