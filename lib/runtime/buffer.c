/* Device memory and its books. */
#include "base/clock.h"
#include "base/status.h"
#include "runtime/internal.h"

#include <stdlib.h>

#define MOST_BUFFER_BYTES ((size_t)UINT32_MAX * 4) /* kernels count floats in 32 bits */

static double megabytes(size_t bytes)
{
    return (double)bytes / 1e6;
}

static clmix_status check_fits(const clmix_device *device, size_t bytes, const char *what)
{
    const clmix_device_info *info = &device->info;

    if (bytes > info->max_allocation_bytes || bytes > MOST_BUFFER_BYTES)
        return clmix_fail(CLMIX_ERROR_DEVICE_MEMORY,
                          "%s: %s needs %.1f MB in one piece and the device gives %.1f MB at most; a smaller batch may fit", info->name,
                          what, megabytes(bytes),
                          megabytes(info->max_allocation_bytes < MOST_BUFFER_BYTES ? info->max_allocation_bytes : MOST_BUFFER_BYTES));
    if (info->global_bytes > 0 && device->current_bytes + bytes > info->global_bytes)
        return clmix_fail(CLMIX_ERROR_DEVICE_MEMORY,
                          "%s: %s needs %.1f MB, %.1f MB are in use and the device has %.1f MB; a smaller batch may fit", info->name, what,
                          megabytes(bytes), megabytes(device->current_bytes), megabytes(info->global_bytes));
    return CLMIX_OK;
}

static clmix_status fail_allocation(const clmix_device *device, clmix_status status, size_t bytes, const char *what)
{
    return clmix_fail(status, "%s (%s: %.1f MB wanted, %.1f MB in use, %.1f MB in the device; a smaller batch may fit)", clmix_error(),
                      what, megabytes(bytes), megabytes(device->current_bytes), megabytes(device->info.global_bytes));
}

clmix_status clmix_buffer_create(clmix_device *device, size_t bytes, const char *what, cl_mem *memory)
{
    clmix_status status;
    cl_int code;

    *memory = NULL;
    CLMIX_TRY(clmix_device_require(device, "allocating memory"));
    if (bytes == 0)
        return clmix_fail(CLMIX_ERROR_INTERNAL, "%s: a buffer of no bytes was asked for", what);
    CLMIX_TRY(check_fits(device, bytes, what));
    *memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (*memory == NULL)
        return fail_allocation(device, clmix_fail_cl(device, code, "allocating"), bytes, what);
    /* Drivers allocate at first use: touching it now makes a lack of memory show here. A last odd piece of under four bytes comes with its page. */
    status = bytes >= 4 ? clmix_buffer_zero(device, *memory, 0, bytes - bytes % 4) : CLMIX_OK;
    if (status == CLMIX_OK)
        status = clmix_device_wait(device);
    if (status != CLMIX_OK) {
        clReleaseMemObject(*memory);
        *memory = NULL;
        return status == CLMIX_ERROR_DEVICE_MEMORY ? fail_allocation(device, status, bytes, what) : status;
    }
    device->current_bytes += bytes;
    device->allocations++;
    if (device->current_bytes > device->peak_bytes)
        device->peak_bytes = device->current_bytes;
    return CLMIX_OK;
}

void clmix_buffer_release(clmix_device *device, cl_mem memory)
{
    size_t bytes = 0;

    if (memory == NULL)
        return;
    if (clGetMemObjectInfo(memory, CL_MEM_SIZE, sizeof bytes, &bytes, NULL) == CL_SUCCESS)
        device->current_bytes -= bytes < device->current_bytes ? bytes : device->current_bytes;
    clReleaseMemObject(memory);
}

void clmix_device_memory(const clmix_device *device, size_t *current_bytes, size_t *peak_bytes, size_t *allocations)
{
    if (current_bytes != NULL)
        *current_bytes = device == NULL ? 0 : device->current_bytes;
    if (peak_bytes != NULL)
        *peak_bytes = device == NULL ? 0 : device->peak_bytes;
    if (allocations != NULL)
        *allocations = device == NULL ? 0 : device->allocations;
}

void clmix_device_traffic(const clmix_device *device, clmix_traffic *traffic)
{
    if (traffic != NULL)
        *traffic = device == NULL ? (clmix_traffic){ 0 } : device->traffic;
}

clmix_status clmix_buffer_write(clmix_device *device, cl_mem memory, size_t offset_bytes, const void *data, size_t bytes)
{
    cl_int code;

    CLMIX_TRY(clmix_device_require(device, "writing memory"));
    if (bytes == 0)
        return CLMIX_OK;
    code = clEnqueueWriteBuffer(device->queue, memory, CL_TRUE, offset_bytes, bytes, data, 0, NULL, NULL);
    if (code != CL_SUCCESS)
        return clmix_fail_cl(device, code, "writing %zu bytes at %zu", bytes, offset_bytes);
    device->traffic.uploads++;
    device->traffic.upload_bytes += bytes;
    return CLMIX_OK;
}

clmix_status clmix_buffer_read(clmix_device *device, cl_mem memory, size_t offset_bytes, void *data, size_t bytes)
{
    double start;
    cl_int code;

    CLMIX_TRY(clmix_device_require(device, "reading memory"));
    if (bytes == 0)
        return CLMIX_OK;
    start = clmix_thread_seconds();
    code = clEnqueueReadBuffer(device->queue, memory, CL_TRUE, offset_bytes, bytes, data, 0, NULL, NULL);
    device->traffic.waiting_seconds += clmix_thread_seconds() - start;
    return code == CL_SUCCESS ? CLMIX_OK : clmix_fail_cl(device, code, "reading %zu bytes at %zu", bytes, offset_bytes);
}

clmix_status clmix_buffer_copy(clmix_device *device, cl_mem from, size_t from_bytes, cl_mem to, size_t to_bytes, size_t bytes)
{
    cl_int code;

    CLMIX_TRY(clmix_device_require(device, "copying memory"));
    if (bytes == 0)
        return CLMIX_OK;
    code = clEnqueueCopyBuffer(device->queue, from, to, from_bytes, to_bytes, bytes, 0, NULL, NULL);
    return code == CL_SUCCESS ? CLMIX_OK : clmix_fail_cl(device, code, "copying %zu bytes from %zu to %zu", bytes, from_bytes, to_bytes);
}

/* Floats that one work-group fills or copies: a few groups a core in the wide form, one short loop in the simt form. */
static cl_uint chunk_of(const clmix_device_info *info, size_t count)
{
    size_t chunk = 1024;

    if (info->form == CLMIX_WIDE && count / 64 > chunk)
        chunk = (count / 64 + 1023) / 1024 * 1024;
    return (cl_uint)chunk;
}

clmix_status clmix_buffer_zero(clmix_device *device, cl_mem memory, size_t offset_bytes, size_t bytes)
{
    struct clmix_launch launch = { .dimensions = 1, .label = "zero", .name = "fill", .bytes = bytes };
    cl_uint offset = (cl_uint)(offset_bytes / 4), count = (cl_uint)(bytes / 4), chunk;
    cl_float value = 0;
    char options[64];
    clmix_status status;
    cl_int code;

    CLMIX_TRY(clmix_device_require(device, "filling memory"));
    if (bytes == 0)
        return CLMIX_OK;
    if (offset_bytes % 4 != 0 || bytes % 4 != 0 || offset_bytes > MOST_BUFFER_BYTES || bytes > MOST_BUFFER_BYTES)
        return clmix_fail(CLMIX_ERROR_INTERNAL, "filling %zu bytes at %zu: multiples of 4 below 16 GiB are possible", bytes, offset_bytes);
    chunk = chunk_of(&device->info, count);
    launch.local[0] = clmix_runtime_options(&device->info, options, sizeof options);
    launch.global[0] = ((size_t)count + chunk - 1) / chunk * launch.local[0];
    CLMIX_TRY(clmix_kernel_create(device, "runtime.cl", "fill", options, &launch.kernel));
    code = clSetKernelArg(launch.kernel, 0, sizeof memory, &memory);
    if (code == CL_SUCCESS)
        code = clSetKernelArg(launch.kernel, 1, sizeof offset, &offset);
    if (code == CL_SUCCESS)
        code = clSetKernelArg(launch.kernel, 2, sizeof count, &count);
    if (code == CL_SUCCESS)
        code = clSetKernelArg(launch.kernel, 3, sizeof value, &value);
    if (code == CL_SUCCESS)
        code = clSetKernelArg(launch.kernel, 4, sizeof chunk, &chunk);
    status = code == CL_SUCCESS ? clmix_launch_enqueue(device, &launch) : clmix_fail_cl(device, code, "setting the arguments of 'fill'");
    clmix_launch_clear(&launch);
    return status;
}
