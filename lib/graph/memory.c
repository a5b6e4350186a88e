/* Memory of a plan: arenas and slabs. */
#include "graph/plan.h"

#include "base/status.h"

#include <stdlib.h>

cl_mem clmix_plan_memory(const struct clmix_plan *plan, int32_t storage, size_t *offset_bytes)
{
    const struct clmix_storage *at = &plan->storages[storage];

    *offset_bytes = at->bound != NULL ? at->bound_bytes : at->offset_bytes;
    if (at->bound != NULL)
        return at->bound;
    if (at->arena != CLMIX_ACTIVATIONS)
        return plan->arenas[at->arena];
    return plan->lender != NULL ? plan->lender->slabs[at->slab] : plan->slabs[at->slab];
}

void clmix_plan_release_slabs(clmix_plan *plan)
{
    for (size_t i = 0; plan->slabs != NULL && i < plan->slab_count; i++)
        clmix_buffer_release(plan->device, plan->slabs[i]);
    free(plan->slabs);
    plan->slabs = NULL;
}

void clmix_plan_release_arenas(clmix_plan *plan)
{
    for (int i = 0; i < CLMIX_ARENAS; i++) {
        if (plan->owns[i])
            clmix_buffer_release(plan->device, plan->arenas[i]);
        if (plan->owns[i])
            plan->arenas[i] = NULL;
        plan->owns[i] = false;
    }
}

clmix_status clmix_plan_allocate(clmix_plan *plan)
{
    static const char *const names[CLMIX_ARENAS] = { "weights", "states", "gradients", "activations", "constants" };

    for (int i = 0; i < CLMIX_ARENAS; i++) {
        if (i == CLMIX_ACTIVATIONS || plan->arenas[i] != NULL || plan->cost.arena_bytes[i] == 0)
            continue;
        CLMIX_TRY(clmix_buffer_create(plan->device, plan->cost.arena_bytes[i], names[i], &plan->arenas[i]));
        plan->owns[i] = true;
        CLMIX_TRY(clmix_buffer_zero(plan->device, plan->arenas[i], 0, plan->cost.arena_bytes[i]));
    }
    if (plan->lender != NULL || plan->slab_count == 0 || plan->slabs != NULL)
        return CLMIX_OK;
    plan->slabs = calloc(plan->slab_count, sizeof *plan->slabs);
    if (plan->slabs == NULL)
        return clmix_fail_memory("a plan");
    for (size_t i = 0; i < plan->slab_count; i++)
        CLMIX_TRY(clmix_buffer_create(plan->device, plan->slab_bytes[i], names[CLMIX_ACTIVATIONS], &plan->slabs[i]));
    return CLMIX_OK;
}
