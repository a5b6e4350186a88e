/* The queue: enqueueing a launch, waiting for all of them. */
#include "base/clock.h"
#include "base/status.h"
#include "runtime/internal.h"

#include <string.h>
#include <time.h>

clmix_status clmix_device_require(const clmix_device *device, const char *what)
{
    if (device->real)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_NO_DEVICE,
                      "%s needs OpenCL and this is the generic device, which plans and does not run; open one with clmix_device_open()",
                      what);
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text == NULL || text[0] == '\0' ? otherwise : text;
}

clmix_status clmix_launch_now(clmix_device *device, const struct clmix_launch *launch, cl_event *event)
{
    cl_int code;

    if (launch->kernel == NULL)
        return launch->call(device, launch->context, event);
    code = clEnqueueNDRangeKernel(device->queue, launch->kernel, launch->dimensions, NULL, launch->global,
                                  launch->local[0] == 0 ? NULL : launch->local, 0, NULL, event);
    if (code == CL_SUCCESS)
        return CLMIX_OK;
    return clmix_fail_cl(device, code, "%s: launching '%s' over %zu x %zu x %zu in groups of %zu x %zu x %zu",
                         text_or(launch->label, "clmix"), text_or(launch->name, "a kernel"), launch->global[0],
                         launch->dimensions > 1 ? launch->global[1] : 1, launch->dimensions > 2 ? launch->global[2] : 1, launch->local[0],
                         launch->dimensions > 1 ? launch->local[1] : 1, launch->dimensions > 2 ? launch->local[2] : 1);
}

void clmix_launch_clear(struct clmix_launch *launch)
{
    if (launch->kernel != NULL)
        clReleaseKernel(launch->kernel);
    memset(launch, 0, sizeof *launch);
}

/* Asks for the marker's state at growing intervals: at most an eighth of the time waited so far, so that short waits stay short. */
static clmix_status wait_asleep(clmix_device *device)
{
    cl_event marker;
    cl_int state = CL_QUEUED, code = clEnqueueMarkerWithWaitList(device->queue, 0, NULL, &marker);
    long pause = 10000;

    if (code != CL_SUCCESS)
        return clmix_fail_cl(device, code, "waiting for the queue");
    code = clFlush(device->queue);
    while (code == CL_SUCCESS) {
        code = clGetEventInfo(marker, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
        if (code == CL_SUCCESS && state < 0)
            code = state;
        if (code != CL_SUCCESS || state == CL_COMPLETE)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = pause }, NULL);
        pause += pause < 1000000 ? pause / 8 : 0;
    }
    clReleaseEvent(marker);
    return code == CL_SUCCESS ? CLMIX_OK : clmix_fail_cl(device, code, "waiting for the queue");
}

static clmix_status wait_for_queue(clmix_device *device)
{
    cl_int code;

    if (clmix_quirk_in_force(&device->info, CLMIX_EFFECT_SLEEP))
        return wait_asleep(device);
    code = clFinish(device->queue);
    return code == CL_SUCCESS ? CLMIX_OK : clmix_fail_cl(device, code, "waiting for the queue");
}

clmix_status clmix_device_wait(clmix_device *device)
{
    clmix_status status;
    double start;

    CLMIX_TRY(clmix_device_require(device, "waiting for the queue"));
    start = clmix_thread_seconds();
    status = wait_for_queue(device);
    device->traffic.waiting_seconds += clmix_thread_seconds() - start;
    return status;
}
