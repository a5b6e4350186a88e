/* What follows from the description of a device. */
#include "runtime/internal.h"

#include <stdio.h>

bool clmix_is_processor(const clmix_device_info *info)
{
    const cl_device_type types = CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR;

    return (info->type & types) == CL_DEVICE_TYPE_CPU;
}

unsigned clmix_vector_width(const clmix_device_info *info)
{
    unsigned width = 4;

    if (info->form == CLMIX_SIMT)
        return width;
    while (width < 16 && 2 * width <= info->vector_width)
        width *= 2;
    return width;
}

unsigned clmix_runtime_options(const clmix_device_info *info, char *options, size_t bytes)
{
    unsigned group = 1;

    if (info->form == CLMIX_SIMT)
        while (group < 64 && 2 * group <= info->max_work_group)
            group *= 2;
    snprintf(options, bytes, "-DWG=%u", group);
    return group;
}
