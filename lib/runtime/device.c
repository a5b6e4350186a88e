/* Opening, adopting, describing and closing devices. */
#include "base/status.h"
#include "runtime/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

clmix_status clmix_device_list(clmix_device_info **list, size_t *count, char **skipped)
{
    CLMIX_NEED(list);
    CLMIX_NEED(count);

    struct clmix_candidate *candidates = NULL;
    char *reasons = NULL;
    clmix_status status = clmix_enumerate(&candidates, count, &reasons);

    *list = NULL;
    if (status == CLMIX_OK && *count == 0)
        status = clmix_fail_no_device(reasons);
    if (status == CLMIX_OK) {
        *list = malloc(*count * sizeof **list);
        if (*list == NULL)
            status = clmix_fail_memory("the list of devices");
    }
    if (status == CLMIX_OK)
        for (size_t i = 0; i < *count; i++)
            (*list)[i] = candidates[i].info;
    else
        *count = 0;
    free(candidates);
    if (skipped != NULL)
        *skipped = reasons;
    else
        free(reasons);
    return status;
}

clmix_status clmix_device_recall_form(clmix_device *device)
{
    const char *const forms[] = { clmix_form_name(CLMIX_SIMT), clmix_form_name(CLMIX_WIDE) };
    int way;

    CLMIX_TRY(clmix_tuning_find(device, CLMIX_FORM_KEY, forms, 2, &way));
    if (way < 0)
        return CLMIX_OK;
    device->info.form = way == 1 ? CLMIX_WIDE : CLMIX_SIMT;
    device->info.form_origin = CLMIX_FORM_MEASURED;
    return CLMIX_OK;
}

/* What opening and adopting have in common, once context and queue are there. */
static clmix_status complete(clmix_device *device)
{
    device->real = true;
    CLMIX_TRY(clmix_tuning_wish(&device->tuning_seconds));
    CLMIX_TRY(clmix_cache_limit(&(size_t){ 0 }));
    CLMIX_TRY(clmix_programs_new(&device->programs));
    clmix_probe_features(device);
    CLMIX_TRY(clmix_probe_form(&device->info));
    if (device->info.form_origin != CLMIX_FORM_FORCED)
        CLMIX_TRY(clmix_device_recall_form(device));
    device->form_asked = device->info.form_origin != CLMIX_FORM_USUAL;
    return CLMIX_OK;
}

static clmix_status make_context(clmix_device *device, cl_platform_id platform)
{
    const cl_context_properties properties[] = { CL_CONTEXT_PLATFORM, (cl_context_properties)platform, 0 };
    cl_int code;

    device->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &code);
    if (device->context == NULL)
        return clmix_fail_cl(device, code, "making a context");
    /* Profiling costs nothing until an event is asked for; a driver without it still gets a queue. */
    device->queue = clCreateCommandQueue(device->context, device->id, CL_QUEUE_PROFILING_ENABLE, &code);
    if (device->queue == NULL)
        device->queue = clCreateCommandQueue(device->context, device->id, 0, &code);
    return device->queue == NULL ? clmix_fail_cl(device, code, "making a queue") : CLMIX_OK;
}

static clmix_status choose(const char *selector, struct clmix_candidate *chosen)
{
    struct clmix_candidate *candidates = NULL;
    size_t count, index;
    char *skipped = NULL;
    clmix_status status;

    if (selector == NULL)
        selector = getenv("CLMIX_DEVICE");
    if (selector != NULL && selector[0] == '\0')
        selector = NULL;
    CLMIX_TRY(clmix_enumerate(&candidates, &count, &skipped));
    status = count == 0 ? clmix_fail_no_device(skipped) : clmix_select(candidates, count, selector, &index);
    if (status == CLMIX_OK)
        *chosen = candidates[index];
    free(candidates);
    free(skipped);
    return status;
}

clmix_status clmix_device_open(clmix_device **device, const char *selector)
{
    CLMIX_NEED(device);

    struct clmix_candidate chosen;
    clmix_device *made;
    clmix_status status;

    *device = NULL;
    CLMIX_TRY(choose(selector, &chosen));
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return clmix_fail_memory("a device");
    made->info = chosen.info;
    made->id = chosen.id;
    status = make_context(made, chosen.platform);
    if (status == CLMIX_OK)
        status = complete(made);
    if (status != CLMIX_OK) {
        clmix_device_close(made);
        return status;
    }
    *device = made;
    return CLMIX_OK;
}

/* The queue must be one of this context and device, and in order: clmix relies on the order instead of events. */
static clmix_status check_adopted(cl_context context, cl_device_id id, cl_command_queue queue)
{
    cl_context queue_context = NULL;
    cl_device_id queue_device = NULL;
    cl_command_queue_properties properties = 0;

    if (context == NULL || id == NULL || queue == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a context, a device and a queue are needed to adopt a device, and one of them is NULL");
    if (clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof queue_context, &queue_context, NULL) != CL_SUCCESS ||
        clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof queue_device, &queue_device, NULL) != CL_SUCCESS ||
        clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL) != CL_SUCCESS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the queue to adopt is not a valid command queue");
    if (queue_context != context || queue_device != id)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the queue to adopt belongs to another %s",
                          queue_context != context ? "context" : "device");
    if ((properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "the queue to adopt is out of order; make one without CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE");
    return CLMIX_OK;
}

clmix_status clmix_device_adopt(clmix_device **device, cl_context context, cl_device_id id, cl_command_queue queue)
{
    CLMIX_NEED(device);
    CLMIX_NEED(context);
    CLMIX_NEED(id);
    CLMIX_NEED(queue);

    cl_platform_id platform = NULL;
    char reason[512];
    clmix_device *made;
    clmix_status status;

    *device = NULL;
    CLMIX_TRY(check_adopted(context, id, queue));
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return clmix_fail_memory("a device");
    made->id = id;
    if (clGetDeviceInfo(id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL) != CL_SUCCESS) {
        free(made);
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the device to adopt is not a valid device");
    }
    if (!clmix_probe_limits(platform, id, &made->info, reason, sizeof reason)) {
        free(made);
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "%s", reason);
    }
    clRetainContext(context);
    clRetainCommandQueue(queue);
    made->context = context;
    made->queue = queue;
    status = complete(made);
    if (status != CLMIX_OK) {
        clmix_device_close(made);
        return status;
    }
    *device = made;
    return CLMIX_OK;
}

clmix_status clmix_device_generic(clmix_device **device)
{
    CLMIX_NEED(device);

    clmix_device *made = calloc(1, sizeof *made);
    clmix_status status;

    *device = NULL;
    if (made == NULL)
        return clmix_fail_memory("a device");
    made->info = (clmix_device_info){
        .index = -1,
        .platform_index = -1,
        .device_index = -1,
        .name = "generic",
        .vendor = "clmix",
        .driver = "none",
        .platform = "none",
        .platform_version = "OpenCL 1.2",
        .opencl_c = "OpenCL C 1.2",
        .type = CL_DEVICE_TYPE_CPU,
        .compute_units = 2,
        .clock_mhz = 1000,
        .vector_width = 16,
        .max_work_group = 1024,
        .global_bytes = (size_t)16 << 30,
        .max_allocation_bytes = (size_t)4 << 30,
        .local_bytes = (size_t)1 << 20,
        .alignment_bytes = 128,
        .unified_memory = true,
        .fused_multiply_add = true,
        .form = CLMIX_WIDE,
    };
    status = clmix_probe_form(&made->info);
    if (status != CLMIX_OK) {
        free(made);
        return status;
    }
    *device = made;
    return CLMIX_OK;
}

void clmix_device_close(clmix_device *device)
{
    if (device == NULL)
        return;
    if (device->queue != NULL) {
        clFinish(device->queue);
        clmix_programs_store(device);
    }
    clmix_kept_free(device->kept);
    clmix_profile_free(device->profile);
    clmix_profile_free(device->last_profile);
    clmix_programs_free(device->programs);
    if (device->queue != NULL)
        clReleaseCommandQueue(device->queue);
    if (device->context != NULL)
        clReleaseContext(device->context);
    free(device);
}

const clmix_device_info *clmix_device_describe(const clmix_device *device)
{
    static const clmix_device_info none = { .index = -1 };

    return device == NULL ? &none : &device->info;
}

cl_context clmix_device_context(const clmix_device *device)
{
    return device == NULL ? NULL : device->context;
}

cl_command_queue clmix_device_queue(const clmix_device *device)
{
    return device == NULL ? NULL : device->queue;
}
