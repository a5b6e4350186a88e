/* Launches, timed while profiling. */
#include "runtime/internal.h"

clmix_status clmix_launch_enqueue(clmix_device *device, const struct clmix_launch *launch)
{
    if (device->profile != NULL)
        return clmix_profile_launch(device, launch);
    if (!device->real)
        return clmix_device_require(device, "launching a kernel");
    return clmix_launch_now(device, launch, NULL);
}
