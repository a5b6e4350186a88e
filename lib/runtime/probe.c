/* What a device can do: limits by query, features by compiling a kernel that uses them. A driver's list of extensions is a claim. */
#include "base/status.h"
#include "runtime/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDE_LEAST_VECTOR      4
#define WIDE_LEAST_LOCAL_BYTES (256u << 10)

/* The text without the spaces that some drivers put around it, cut to fit. */
static void copy_trimmed(char *to, size_t bytes, const char *from)
{
    size_t length;

    while (*from == ' ')
        from++;
    length = strlen(from);
    while (length > 0 && from[length - 1] == ' ')
        length--;
    if (length >= bytes)
        length = bytes - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

static void query_text(cl_device_id id, cl_device_info what, char *text, size_t bytes)
{
    char full[1024] = "";

    if (clGetDeviceInfo(id, what, sizeof full - 1, full, NULL) != CL_SUCCESS)
        full[0] = '\0';
    copy_trimmed(text, bytes, full);
}

static void query_platform_text(cl_platform_id platform, cl_platform_info what, char *text, size_t bytes)
{
    char full[1024] = "";

    if (clGetPlatformInfo(platform, what, sizeof full - 1, full, NULL) != CL_SUCCESS)
        full[0] = '\0';
    copy_trimmed(text, bytes, full);
}

static cl_uint query_uint(cl_device_id id, cl_device_info what)
{
    cl_uint value = 0;

    return clGetDeviceInfo(id, what, sizeof value, &value, NULL) == CL_SUCCESS ? value : 0;
}

static size_t query_ulong(cl_device_id id, cl_device_info what)
{
    cl_ulong value = 0;

    return clGetDeviceInfo(id, what, sizeof value, &value, NULL) == CL_SUCCESS ? (size_t)value : 0;
}

static bool has_extension(const char *extensions, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = strstr(extensions, name); at != NULL; at = strstr(at + length, name))
        if ((at == extensions || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

static void claimed_features(cl_device_id id, clmix_device_info *info)
{
    char *extensions = NULL;
    size_t bytes = 0;

    if (clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 0, NULL, &bytes) != CL_SUCCESS || bytes == 0)
        return;
    extensions = calloc(bytes + 1, 1);
    if (extensions != NULL && clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, bytes, extensions, NULL) == CL_SUCCESS) {
        info->half_arithmetic = has_extension(extensions, "cl_khr_fp16");
        info->double_arithmetic = has_extension(extensions, "cl_khr_fp64");
        info->subgroups = has_extension(extensions, "cl_khr_subgroups") || has_extension(extensions, "cl_intel_subgroups");
    }
    free(extensions);
}

/* "OpenCL 1.2 ..." and later. */
static bool recent_enough(const char *version)
{
    int major = 0, minor = 0;

    return sscanf(version, "OpenCL %d.%d", &major, &minor) == 2 && (major > 1 || (major == 1 && minor >= 2));
}

static bool usable(cl_device_id id, const clmix_device_info *info, char *reason, size_t reason_bytes)
{
    char version[128];

    query_text(id, CL_DEVICE_VERSION, version, sizeof version);
    if (!recent_enough(info->platform_version) || !recent_enough(version)) {
        snprintf(reason, reason_bytes, "%s on %s offers '%s' and clmix needs OpenCL 1.2", info->name, info->platform, version);
        return false;
    }
    if (query_uint(id, CL_DEVICE_AVAILABLE) == CL_FALSE || query_uint(id, CL_DEVICE_COMPILER_AVAILABLE) == CL_FALSE) {
        snprintf(reason, reason_bytes, "%s on %s is not available or has no compiler", info->name, info->platform);
        return false;
    }
    return true;
}

static clmix_kernel_form usual_form(const clmix_device_info *info)
{
    const bool suits = (info->type & CL_DEVICE_TYPE_CPU) != 0 && info->vector_width >= WIDE_LEAST_VECTOR &&
                       info->local_bytes >= WIDE_LEAST_LOCAL_BYTES && !clmix_quirk_in_force(info, CLMIX_EFFECT_SIMT);

    return suits || clmix_quirk_in_force(info, CLMIX_EFFECT_WIDE) ? CLMIX_WIDE : CLMIX_SIMT;
}

bool clmix_probe_limits(cl_platform_id platform, cl_device_id id, clmix_device_info *info, char *reason, size_t reason_bytes)
{
    size_t group = 0;

    memset(info, 0, sizeof *info);
    info->index = info->platform_index = info->device_index = -1;
    query_platform_text(platform, CL_PLATFORM_NAME, info->platform, sizeof info->platform);
    query_platform_text(platform, CL_PLATFORM_VERSION, info->platform_version, sizeof info->platform_version);
    query_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    query_text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    query_text(id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    query_text(id, CL_DEVICE_OPENCL_C_VERSION, info->opencl_c, sizeof info->opencl_c);
    if (!usable(id, info, reason, reason_bytes))
        return false;
    (void)clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof info->type, &info->type, NULL);
    (void)clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL);
    info->compute_units = query_uint(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->clock_mhz = query_uint(id, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    info->vector_width = query_uint(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    info->max_work_group = group;
    info->global_bytes = query_ulong(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->max_allocation_bytes = query_ulong(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->cache_bytes = query_ulong(id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE);
    info->local_bytes = query_ulong(id, CL_DEVICE_LOCAL_MEM_SIZE);
    info->local_is_dedicated = query_uint(id, CL_DEVICE_LOCAL_MEM_TYPE) == CL_LOCAL;
    info->alignment_bytes = query_uint(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8;
    info->unified_memory = query_uint(id, CL_DEVICE_HOST_UNIFIED_MEMORY) == CL_TRUE;
    claimed_features(id, info);
    info->target = clmix_target_of(info);
    info->quirks = clmix_quirks_match(info);
    if (clmix_quirk_in_force(info, CLMIX_EFFECT_2_GIB) && info->max_allocation_bytes >= (size_t)1 << 31)
        info->max_allocation_bytes = ((size_t)1 << 31) - 4096;
    info->fused_multiply_add = true;
    info->form = usual_form(info);
    return true;
}

/* The kernel `name` of cl/probe.cl, NULL where it does not build with these features. One set of options for both forms. */
static cl_kernel build(clmix_device *device, const char *name, bool half_too, bool double_too, bool subgroups_too)
{
    char options[96];
    cl_kernel kernel = NULL;

    snprintf(options, sizeof options, "-DCLMIX_WIDE=0 -DVW=1 -DPROBE_HALF=%d -DPROBE_DOUBLE=%d -DPROBE_SUBGROUPS=%d", half_too, double_too,
             subgroups_too);
    return clmix_kernel_create(device, "probe.cl", name, options, &kernel) == CLMIX_OK ? kernel : NULL;
}

static bool builds(clmix_device *device, bool half_too, bool double_too, bool subgroups_too)
{
    cl_kernel kernel = build(device, "probe", half_too, double_too, subgroups_too);

    if (kernel != NULL)
        clReleaseKernel(kernel);
    return kernel != NULL;
}

/* All claims in one program, which the disk cache keeps; one by one only where that does not build. */
static void confirm_features(clmix_device *device)
{
    clmix_device_info *info = &device->info;

    if (builds(device, info->half_arithmetic, info->double_arithmetic, info->subgroups))
        return;
    info->half_arithmetic = info->half_arithmetic && builds(device, true, false, false);
    info->double_arithmetic = info->double_arithmetic && builds(device, false, true, false);
    info->subgroups = info->subgroups && builds(device, false, false, true);
}

struct code {
    cl_uint rounding; /* 2: a product and a sum are rounded once, 1: twice; else nothing was found out */
    cl_uint width;    /* floats in a vector register, 0: not known */
};

/* One work-item of `kernel` on `queue`, waited for. */
static bool run_code(cl_context context, cl_command_queue queue, cl_kernel kernel, struct code *code)
{
    const cl_float a = 1.0f + 1.0f / 8192.0f, in[3] = { a, a - 1.0f / 4096.0f, -1.0f }; /* a b = 1 - 2^-26 */
    const size_t one = 1;
    cl_mem from = clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, sizeof in, (void *)(uintptr_t)in, NULL);
    cl_mem to = clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof *code, NULL, NULL);
    bool good = from != NULL && to != NULL && clSetKernelArg(kernel, 0, sizeof from, &from) == CL_SUCCESS &&
                clSetKernelArg(kernel, 1, sizeof to, &to) == CL_SUCCESS &&
                clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL) == CL_SUCCESS &&
                clEnqueueReadBuffer(queue, to, CL_TRUE, 0, sizeof *code, code, 0, NULL, NULL) == CL_SUCCESS;

    if (from != NULL)
        clReleaseMemObject(from);
    if (to != NULL)
        clReleaseMemObject(to);
    return good;
}

/* On a queue of its own: an adopted one is the application's. Bits decide and not times, so that the answer is the same at every start. */
static void probe_code(clmix_device *device)
{
    clmix_device_info *info = &device->info;
    cl_kernel kernel = build(device, "code", info->half_arithmetic, info->double_arithmetic, info->subgroups);
    cl_command_queue queue = kernel == NULL ? NULL : clCreateCommandQueue(device->context, device->id, 0, NULL);
    struct code code = { 0, 0 };

    if (queue != NULL && run_code(device->context, queue, kernel, &code)) {
        info->fused_multiply_add = code.rounding != 1;
        if (clmix_is_processor(info) && code.width > 0)
            info->vector_width = code.width;
        info->form = usual_form(info);
    }
    if (queue != NULL)
        clReleaseCommandQueue(queue);
    if (kernel != NULL)
        clReleaseKernel(kernel);
}

void clmix_probe_features(clmix_device *device)
{
    confirm_features(device);
    probe_code(device);
}

const char *clmix_form_name(clmix_kernel_form form)
{
    return form == CLMIX_WIDE ? "wide" : "simt";
}

clmix_status clmix_probe_form(clmix_device_info *info)
{
    const char *wanted = getenv("CLMIX_KERNELS");

    if (wanted == NULL || wanted[0] == '\0')
        return CLMIX_OK;
    if (strcmp(wanted, "simt") == 0)
        info->form = CLMIX_SIMT;
    else if (strcmp(wanted, "wide") == 0)
        info->form = CLMIX_WIDE;
    else
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "CLMIX_KERNELS is '%s' and may be 'simt' or 'wide'; unset it to let clmix choose", wanted);
    info->form_origin = CLMIX_FORM_FORCED;
    return CLMIX_OK;
}
