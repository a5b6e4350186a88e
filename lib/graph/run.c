/* Plans at work: reading and writing values, runs. */
#include "graph/plan.h"

#include "base/status.h"

static clmix_status check_size(const struct clmix_place *place, const char *name, size_t bytes)
{
    char shape[64];

    if (bytes != clmix_place_bytes(place))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' is %s, %zu bytes, and %zu were given", name, clmix_shape_text(place->shape, shape),
                          clmix_place_bytes(place), bytes);
    return CLMIX_OK;
}

clmix_status clmix_plan_write(clmix_plan *plan, const char *name, const void *data, size_t bytes)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(name);
    CLMIX_NEED(data);

    const struct clmix_place *place;
    size_t offset;
    cl_mem memory;

    CLMIX_TRY(clmix_plan_need_place(plan, name, &place));
    CLMIX_TRY(check_size(place, name, bytes));
    CLMIX_TRY(clmix_plan_prepare(plan));
    memory = clmix_plan_memory(plan, place->storage, &offset);
    return clmix_buffer_write(plan->device, memory, offset + place->offset * clmix_type_bytes(place->type), data, bytes);
}

clmix_status clmix_plan_read(clmix_plan *plan, const char *name, void *data, size_t bytes)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(name);
    CLMIX_NEED(data);

    const struct clmix_place *place;
    size_t offset;
    cl_mem memory;

    CLMIX_TRY(clmix_plan_need_place(plan, name, &place));
    CLMIX_TRY(check_size(place, name, bytes));
    CLMIX_TRY(clmix_plan_prepare(plan));
    memory = clmix_plan_memory(plan, place->storage, &offset);
    return clmix_buffer_read(plan->device, memory, offset + place->offset * clmix_type_bytes(place->type), data, bytes);
}

clmix_status clmix_plan_set_step(clmix_plan *plan, uint64_t seed, uint64_t step)
{
    CLMIX_NEED(plan);

    const uint32_t words[CLMIX_RANDOM_WORDS] = {
        (uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)step, (uint32_t)(step >> 32), plan->whole[0], plan->whole[1],
    };
    size_t offset;
    cl_mem memory;

    CLMIX_TRY(clmix_plan_prepare(plan));
    memory = clmix_plan_memory(plan, plan->places[plan->random].storage, &offset);
    return clmix_buffer_write(plan->device, memory, offset, words, sizeof words);
}

clmix_status clmix_plan_set_place(clmix_plan *plan, size_t first, size_t batch)
{
    CLMIX_NEED(plan);

    if (plan->batch == 0 || batch > UINT32_MAX || first > batch || plan->batch > batch - first)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a plan for %zu samples cannot be those from number %zu of a batch of %zu", plan->batch,
                          first, batch);
    if (plan->placeless && plan->batch != batch)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED,
                          "a dropout of this plan stands where samples cannot be told apart: it draws for whole batches only");
    plan->whole[0] = (uint32_t)first;
    plan->whole[1] = (uint32_t)batch;
    return CLMIX_OK;
}

clmix_status clmix_plan_wait(clmix_plan *plan)
{
    CLMIX_NEED(plan);
    return clmix_device_wait(plan->device);
}

clmix_status clmix_plan_run(clmix_plan *plan)
{
    CLMIX_NEED(plan);

    CLMIX_TRY(clmix_plan_prepare(plan));
    for (size_t i = 0; i < plan->record_count; i++)
        CLMIX_TRY(clmix_launch_enqueue(plan->device, &plan->records[i]->launch));
    if (!plan->stored) { /* only now do drivers that compile at the first launch have final code to store */
        CLMIX_TRY(clmix_plan_wait(plan));
        clmix_programs_store(plan->device);
        plan->stored = true;
    }
    return CLMIX_OK;
}
