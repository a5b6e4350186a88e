/* Plans at work: runs, reading values. */
#include "graph/plan.h"

#include "base/status.h"

clmix_status clmix_plan_read(clmix_plan *plan, const char *name, void *data, size_t bytes)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(name);
    CLMIX_NEED(data);

    size_t offset;
    cl_mem memory;

    CLMIX_TRY(clmix_plan_locate(plan, name, bytes, &memory, &offset));
    return clmix_buffer_read(plan->device, memory, offset, data, bytes);
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
    CLMIX_TRY(clmix_plan_send_step(plan));
    for (size_t i = 0; i < plan->record_count; i++)
        CLMIX_TRY(clmix_launch_enqueue(plan->device, &plan->records[i]->launch));
    if (!plan->stored) { /* only now do drivers that compile at the first launch have final code to store */
        CLMIX_TRY(clmix_plan_wait(plan));
        clmix_programs_store(plan->device);
        plan->stored = true;
    }
    return CLMIX_OK;
}
