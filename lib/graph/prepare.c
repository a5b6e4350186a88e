/* Preparing a plan: kernels are built from its launch records, memory is allocated, arguments are set. */
#include "graph/plan.h"

#include "base/status.h"

#include <stdlib.h>

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

/* A library call behind the runtime's launch interface. */
static clmix_status run_call(clmix_device *device, void *context, cl_event *event)
{
    struct clmix_record *record = context;

    return record->call(device, record->memory, record->offsets, record->data, event);
}

static clmix_status prepare_launch(struct clmix_plan *plan, struct clmix_record *record)
{
    struct clmix_launch *launch = &record->launch;

    launch->label = record->label;
    launch->name = record->kernel;
    launch->flops = record->flops;
    launch->bytes = record->bytes;
    if (record->call != NULL) {
        free(record->memory); /* of a preparation that failed later on */
        free(record->offsets);
        record->memory = calloc(record->argument_count + 1, sizeof *record->memory);
        record->offsets = calloc(record->argument_count + 1, sizeof *record->offsets);
        launch->call = run_call;
        launch->context = record;
        return record->memory == NULL || record->offsets == NULL ? clmix_fail_memory("a plan's launches") : CLMIX_OK;
    }
    launch->dimensions = record->groups[2] > 1 ? 3 : record->groups[1] > 1 || record->group[1] > 1 ? 2 : 1;
    for (int i = 0; i < 3; i++) {
        launch->local[i] = i < 2 ? record->group[i] : 1;
        launch->global[i] = record->groups[i] * launch->local[i];
        if (launch->global[i] == 0)
            return clmix_fail(CLMIX_ERROR_INTERNAL, "%s: kernel '%s' has an empty grid", record->label, record->kernel);
    }
    {
        clmix_status status = clmix_kernel_create(plan->device, record->file, record->kernel, record->options, &launch->kernel);

        return status == CLMIX_OK ? CLMIX_OK : clmix_fail_at(status, "%s", record->label);
    }
}

static clmix_status set_argument(struct clmix_plan *plan, struct clmix_record *record, cl_uint index, size_t bytes, const void *value)
{
    cl_int code = clSetKernelArg(record->launch.kernel, index, bytes, value);

    return code == CL_SUCCESS ? CLMIX_OK
                              : clmix_fail_cl(plan->device, code, "argument %u of kernel '%s' of %s", index, record->kernel, record->label);
}

static clmix_status bind_launch(struct clmix_plan *plan, struct clmix_record *record)
{
    cl_uint index = 0;

    for (size_t i = 0; i < record->argument_count; i++) {
        const struct clmix_argument *argument = &record->arguments[i];
        const struct clmix_place *place =
            &plan->places[argument->kind == CLMIX_ARGUMENT_VALUE && argument->value >= 0 ? argument->value : plan->random];
        size_t offset_bytes, elements = 0;
        cl_mem memory;
        cl_uint offset;

        if (argument->kind == CLMIX_ARGUMENT_VALUE) {
            if (place->storage == CLMIX_NONE)
                return clmix_fail(CLMIX_ERROR_INTERNAL, "%s: kernel '%s' uses a value that is never made", record->label, record->kernel);
            memory = clmix_plan_memory(plan, place->storage, &offset_bytes);
            elements = offset_bytes / clmix_type_bytes(place->type) + (argument->value >= 0 ? place->offset : 0);
            if (record->call != NULL) {
                record->memory[i] = memory;
                record->offsets[i] = elements;
                continue;
            }
            offset = (cl_uint)elements;
            CLMIX_TRY(set_argument(plan, record, index++, sizeof memory, &memory));
            CLMIX_TRY(set_argument(plan, record, index++, sizeof offset, &offset));
        } else if (record->call == NULL) {
            const void *value = argument->kind == CLMIX_ARGUMENT_UINT  ? (const void *)&argument->uint
                                : argument->kind == CLMIX_ARGUMENT_INT ? (const void *)&argument->integer
                                                                       : (const void *)&argument->real;

            CLMIX_TRY(set_argument(plan, record, index++, 4, value));
        }
    }
    return CLMIX_OK;
}

/* ---- plans -------------------------------------------------------------------------------------------------------------------------- */

static clmix_status prepare(clmix_plan *plan)
{
    for (size_t i = 0; i < plan->record_count; i++)
        if (plan->records[i]->launch.kernel == NULL)
            CLMIX_TRY(prepare_launch(plan, plan->records[i]));
    CLMIX_TRY(clmix_plan_allocate(plan));
    plan->unsent = true;
    return clmix_plan_upload_constants(plan);
}

static clmix_status bind_all(clmix_plan *plan)
{
    for (size_t i = 0; i < plan->record_count; i++)
        CLMIX_TRY(bind_launch(plan, plan->records[i]));
    plan->stale = false;
    return CLMIX_OK;
}

clmix_status clmix_plan_prepare(clmix_plan *plan)
{
    CLMIX_NEED(plan);

    if (!plan->device->real)
        return clmix_fail(
            CLMIX_ERROR_NO_DEVICE,
            "this plan was made for a generic device, which cannot run it; open an OpenCL device (pocl-opencl-icd brings one for the CPU)");
    if (!plan->prepared) {
        clmix_status status = prepare(plan);

        if (status != CLMIX_OK) {
            clmix_plan_release_slabs(plan);
            clmix_plan_release_arenas(plan);
            return status;
        }
        plan->prepared = true;
        plan->stale = true;
    }
    return plan->stale ? bind_all(plan) : CLMIX_OK;
}

clmix_status clmix_plan_locate(clmix_plan *plan, const char *name, size_t bytes, cl_mem *memory, size_t *offset_bytes)
{
    const struct clmix_place *place;

    CLMIX_TRY(clmix_plan_need_place(plan, name, &place));
    CLMIX_TRY(clmix_place_need_bytes(place, name, bytes));
    CLMIX_TRY(clmix_plan_prepare(plan));
    *memory = clmix_plan_memory(plan, place->storage, offset_bytes);
    *offset_bytes += place->offset * clmix_type_bytes(place->type);
    return CLMIX_OK;
}

clmix_status clmix_plan_share(clmix_plan *plan, clmix_plan *other)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(other);

    if (plan->device != other->device || other->lender != NULL || other->slab_count < plan->slab_count)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a plan can only use the activation memory of a larger plan of the same device");
    for (size_t i = 0; i < plan->slab_count; i++)
        if (plan->slab_bytes[i] > other->slab_bytes[i])
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the plan needs %zu bytes of activations and the other has %zu", plan->slab_bytes[i],
                              other->slab_bytes[i]);
    CLMIX_TRY(clmix_plan_prepare(other));
    clmix_plan_release_slabs(plan);
    plan->lender = other;
    plan->stale = plan->unsent = true;
    return CLMIX_OK;
}
