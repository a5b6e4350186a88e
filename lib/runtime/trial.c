/* Trials: work beside what the application does. */
#include "base/status.h"
#include "runtime/internal.h"

clmix_status clmix_trial_begin(clmix_device *device, struct clmix_trial *before)
{
    cl_int code;
    cl_command_queue queue = clCreateCommandQueue(device->context, device->id, 0, &code);

    if (queue == NULL)
        return clmix_fail_cl(device, code, "making a queue to measure on");
    *before = (struct clmix_trial){ .queue = device->queue,
                                    .profile = device->profile,
                                    .trying = device->trying,
                                    .peak_bytes = device->peak_bytes,
                                    .allocations = device->allocations };
    device->queue = queue;
    device->profile = NULL;
    device->trying = true;
    return CLMIX_OK;
}

void clmix_trial_end(clmix_device *device, const struct clmix_trial *before)
{
    clFinish(device->queue);
    clReleaseCommandQueue(device->queue);
    device->queue = before->queue;
    device->profile = before->profile;
    device->trying = before->trying;
    device->peak_bytes = before->peak_bytes;
    device->allocations = before->allocations;
}
