/* OpenCL codes in words. */
#include "base/status.h"
#include "runtime/internal.h"

#include <stdarg.h>
#include <stdio.h>

#define NAMED(code, name) \
    case code: return #name " (" #code ")"

const char *clmix_cl_error_name(cl_int code)
{
    static _Thread_local char unknown[48];

    switch (code) {
        NAMED(0, CL_SUCCESS);
        NAMED(-1, CL_DEVICE_NOT_FOUND);
        NAMED(-2, CL_DEVICE_NOT_AVAILABLE);
        NAMED(-3, CL_COMPILER_NOT_AVAILABLE);
        NAMED(-4, CL_MEM_OBJECT_ALLOCATION_FAILURE);
        NAMED(-5, CL_OUT_OF_RESOURCES);
        NAMED(-6, CL_OUT_OF_HOST_MEMORY);
        NAMED(-7, CL_PROFILING_INFO_NOT_AVAILABLE);
        NAMED(-8, CL_MEM_COPY_OVERLAP);
        NAMED(-9, CL_IMAGE_FORMAT_MISMATCH);
        NAMED(-10, CL_IMAGE_FORMAT_NOT_SUPPORTED);
        NAMED(-11, CL_BUILD_PROGRAM_FAILURE);
        NAMED(-12, CL_MAP_FAILURE);
        NAMED(-13, CL_MISALIGNED_SUB_BUFFER_OFFSET);
        NAMED(-14, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
        NAMED(-15, CL_COMPILE_PROGRAM_FAILURE);
        NAMED(-16, CL_LINKER_NOT_AVAILABLE);
        NAMED(-17, CL_LINK_PROGRAM_FAILURE);
        NAMED(-18, CL_DEVICE_PARTITION_FAILED);
        NAMED(-19, CL_KERNEL_ARG_INFO_NOT_AVAILABLE);
        NAMED(-30, CL_INVALID_VALUE);
        NAMED(-31, CL_INVALID_DEVICE_TYPE);
        NAMED(-32, CL_INVALID_PLATFORM);
        NAMED(-33, CL_INVALID_DEVICE);
        NAMED(-34, CL_INVALID_CONTEXT);
        NAMED(-35, CL_INVALID_QUEUE_PROPERTIES);
        NAMED(-36, CL_INVALID_COMMAND_QUEUE);
        NAMED(-37, CL_INVALID_HOST_PTR);
        NAMED(-38, CL_INVALID_MEM_OBJECT);
        NAMED(-39, CL_INVALID_IMAGE_FORMAT_DESCRIPTOR);
        NAMED(-40, CL_INVALID_IMAGE_SIZE);
        NAMED(-41, CL_INVALID_SAMPLER);
        NAMED(-42, CL_INVALID_BINARY);
        NAMED(-43, CL_INVALID_BUILD_OPTIONS);
        NAMED(-44, CL_INVALID_PROGRAM);
        NAMED(-45, CL_INVALID_PROGRAM_EXECUTABLE);
        NAMED(-46, CL_INVALID_KERNEL_NAME);
        NAMED(-47, CL_INVALID_KERNEL_DEFINITION);
        NAMED(-48, CL_INVALID_KERNEL);
        NAMED(-49, CL_INVALID_ARG_INDEX);
        NAMED(-50, CL_INVALID_ARG_VALUE);
        NAMED(-51, CL_INVALID_ARG_SIZE);
        NAMED(-52, CL_INVALID_KERNEL_ARGS);
        NAMED(-53, CL_INVALID_WORK_DIMENSION);
        NAMED(-54, CL_INVALID_WORK_GROUP_SIZE);
        NAMED(-55, CL_INVALID_WORK_ITEM_SIZE);
        NAMED(-56, CL_INVALID_GLOBAL_OFFSET);
        NAMED(-57, CL_INVALID_EVENT_WAIT_LIST);
        NAMED(-58, CL_INVALID_EVENT);
        NAMED(-59, CL_INVALID_OPERATION);
        NAMED(-60, CL_INVALID_GL_OBJECT);
        NAMED(-61, CL_INVALID_BUFFER_SIZE);
        NAMED(-62, CL_INVALID_MIP_LEVEL);
        NAMED(-63, CL_INVALID_GLOBAL_WORK_SIZE);
        NAMED(-64, CL_INVALID_PROPERTY);
        NAMED(-65, CL_INVALID_IMAGE_DESCRIPTOR);
        NAMED(-66, CL_INVALID_COMPILER_OPTIONS);
        NAMED(-67, CL_INVALID_LINKER_OPTIONS);
        NAMED(-68, CL_INVALID_DEVICE_PARTITION_COUNT);
        NAMED(-1001, CL_PLATFORM_NOT_FOUND_KHR);
        NAMED(-9999, driver - specific : an NVIDIA kernel read or wrote out of bounds);
    default: snprintf(unknown, sizeof unknown, "OpenCL code %d", (int)code); return unknown;
    }
}

static clmix_status status_of(cl_int code)
{
    switch (code) {
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_RESOURCES:
    case CL_OUT_OF_HOST_MEMORY:
    case CL_INVALID_BUFFER_SIZE: return CLMIX_ERROR_DEVICE_MEMORY;
    default: return CLMIX_ERROR_DRIVER;
    }
}

clmix_status clmix_fail_cl(const clmix_device *device, cl_int code, const char *format, ...)
{
    char what[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return clmix_fail(status_of(code), "%s: %s failed: %s", device == NULL ? "OpenCL" : device->info.name, what, clmix_cl_error_name(code));
}
