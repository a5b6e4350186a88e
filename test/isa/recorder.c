/* A driver that computes nothing and writes down what it is asked to compile, preloaded over OpenCL (record.sh).
 *
 * Programs of clmix meet one platform with one GPU: 32 KiB of local memory, work-groups of up to 256, $CLMIX_RECORD_UNITS compute units.
 * Each distinct program (source, options) that they build becomes two files in $CLMIX_RECORD_DIR: <key>.cl, the source as the driver got it,
 * and <key>.options, the options on one line. Launches do nothing and reads give zeros, so that results are wrong: look at what is written
 * down, not at what programs say. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCAL_BYTES 32768
#define WORK_GROUP  256

struct _cl_platform_id {
    int unused;
};
struct _cl_device_id {
    int unused;
};
struct _cl_context {
    int unused;
};
struct _cl_command_queue {
    int unused;
};
struct _cl_event {
    int unused;
};
struct _cl_mem {
    size_t bytes, references;
};
struct _cl_program {
    char *text;
    size_t references; /* kernels, and whoever made it */
};
struct _cl_kernel {
    cl_program program;
};

static struct _cl_platform_id platform_here;
static struct _cl_device_id device_here;
static struct _cl_context context_here;
static struct _cl_command_queue queue_here;
static struct _cl_event event_here;

#pragma GCC visibility push(default)

static void *made(void *object, cl_int *code)
{
    if (code != NULL)
        *code = object == NULL ? CL_OUT_OF_HOST_MEMORY : CL_SUCCESS;
    return object;
}

/* What every clGet...Info does with what it knows. */
static cl_int answer(const void *value, size_t value_bytes, size_t bytes, void *to, size_t *needed)
{
    if (needed != NULL)
        *needed = value_bytes;
    if (to == NULL)
        return CL_SUCCESS;
    if (bytes < value_bytes)
        return CL_INVALID_VALUE;
    memcpy(to, value, value_bytes);
    return CL_SUCCESS;
}

static cl_int answer_text(const char *text, size_t bytes, void *to, size_t *needed)
{
    return answer(text, strlen(text) + 1, bytes, to, needed);
}

/* --- platform and device ------------------------------------------------------------------------------------------------------------- */

cl_int clGetPlatformIDs(cl_uint room, cl_platform_id *platforms, cl_uint *count)
{
    if (platforms != NULL && room > 0)
        platforms[0] = &platform_here;
    if (count != NULL)
        *count = 1;
    return CL_SUCCESS;
}

cl_int clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t bytes, void *to, size_t *needed)
{
    return answer_text(what == CL_PLATFORM_VERSION ? "OpenCL 1.2" : "recorder", bytes, to, needed);
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *devices, cl_uint *count)
{
    if ((type & (CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_DEFAULT)) == 0)
        return CL_DEVICE_NOT_FOUND;
    if (devices != NULL && room > 0)
        devices[0] = &device_here;
    if (count != NULL)
        *count = 1;
    return CL_SUCCESS;
}

static cl_ulong compute_units(void)
{
    const char *units = getenv("CLMIX_RECORD_UNITS");

    return units == NULL ? 40 : strtoul(units, NULL, 10);
}

static bool device_number(cl_device_info what, cl_ulong *number, size_t *bytes)
{
    const struct {
        cl_device_info what;
        size_t bytes;
        cl_ulong number;
    } numbers[] = {
        { CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(cl_uint), compute_units() },
        { CL_DEVICE_TYPE, sizeof(cl_device_type), CL_DEVICE_TYPE_GPU },
        { CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof(cl_uint), 1500 },
        { CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof(cl_uint), 1 },
        { CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof(cl_uint), 1024 },
        { CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t), WORK_GROUP },
        { CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong), (cl_ulong)16 << 30 },
        { CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong), (cl_ulong)4 << 30 },
        { CL_DEVICE_LOCAL_MEM_SIZE, sizeof(cl_ulong), LOCAL_BYTES },
        { CL_DEVICE_LOCAL_MEM_TYPE, sizeof(cl_uint), CL_LOCAL },
        { CL_DEVICE_AVAILABLE, sizeof(cl_bool), CL_TRUE },
        { CL_DEVICE_COMPILER_AVAILABLE, sizeof(cl_bool), CL_TRUE },
        { CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof(cl_bool), CL_FALSE },
    };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (numbers[i].what == what) {
            *number = numbers[i].number;
            *bytes = numbers[i].bytes;
            return true;
        }
    return false;
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t bytes, void *to, size_t *needed)
{
    const cl_platform_id platform = &platform_here;
    cl_ulong number;
    size_t number_bytes;

    if (device_number(what, &number, &number_bytes)) {
        const cl_uint small = (cl_uint)number;

        return number_bytes == sizeof small ? answer(&small, sizeof small, bytes, to, needed)
                                            : answer(&number, number_bytes, bytes, to, needed);
    }
    switch (what) {
    case CL_DEVICE_PLATFORM: return answer(&platform, sizeof platform, bytes, to, needed);
    case CL_DEVICE_VERSION: return answer_text("OpenCL 1.2", bytes, to, needed);
    case CL_DEVICE_OPENCL_C_VERSION: return answer_text("OpenCL C 1.2", bytes, to, needed);
    case CL_DEVICE_EXTENSIONS: return answer_text("", bytes, to, needed);
    case CL_DEVICE_NAME:
    case CL_DEVICE_VENDOR:
    case CL_DRIVER_VERSION: return answer_text("recorder", bytes, to, needed);
    default: return CL_INVALID_VALUE;
    }
}

/* --- context and queue --------------------------------------------------------------------------------------------------------------- */

cl_context clCreateContext(const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
                           void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *data, cl_int *code)
{
    return made(&context_here, code);
}

cl_int clRetainContext(cl_context context)
{
    return CL_SUCCESS;
}

cl_int clReleaseContext(cl_context context)
{
    return CL_SUCCESS;
}

cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *code)
{
    return made(&queue_here, code);
}

cl_int clRetainCommandQueue(cl_command_queue queue)
{
    return CL_SUCCESS;
}

cl_int clReleaseCommandQueue(cl_command_queue queue)
{
    return CL_SUCCESS;
}

cl_int clGetCommandQueueInfo(cl_command_queue queue, cl_command_queue_info what, size_t bytes, void *to, size_t *needed)
{
    const cl_context context = &context_here;
    const cl_device_id device = &device_here;
    const cl_command_queue_properties properties = CL_QUEUE_PROFILING_ENABLE;

    switch (what) {
    case CL_QUEUE_CONTEXT: return answer(&context, sizeof context, bytes, to, needed);
    case CL_QUEUE_DEVICE: return answer(&device, sizeof device, bytes, to, needed);
    case CL_QUEUE_PROPERTIES: return answer(&properties, sizeof properties, bytes, to, needed);
    default: return CL_INVALID_VALUE;
    }
}

cl_int clFlush(cl_command_queue queue)
{
    return CL_SUCCESS;
}

cl_int clFinish(cl_command_queue queue)
{
    return CL_SUCCESS;
}

/* --- memory: sizes without bytes ----------------------------------------------------------------------------------------------------- */

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t bytes, void *data, cl_int *code)
{
    cl_mem memory = malloc(sizeof *memory);

    if (memory != NULL)
        *memory = (struct _cl_mem){ .bytes = bytes, .references = 1 };
    return made(memory, code);
}

cl_int clGetMemObjectInfo(cl_mem memory, cl_mem_info what, size_t bytes, void *to, size_t *needed)
{
    return what == CL_MEM_SIZE ? answer(&memory->bytes, sizeof memory->bytes, bytes, to, needed) : CL_INVALID_VALUE;
}

cl_int clRetainMemObject(cl_mem memory)
{
    memory->references++;
    return CL_SUCCESS;
}

cl_int clReleaseMemObject(cl_mem memory)
{
    if (--memory->references == 0)
        free(memory);
    return CL_SUCCESS;
}

static cl_int queued(cl_event *event)
{
    if (event != NULL)
        *event = &event_here;
    return CL_SUCCESS;
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset, size_t bytes, void *data, cl_uint waits,
                           const cl_event *wait, cl_event *event)
{
    memset(data, 0, bytes);
    return queued(event);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset, size_t bytes, const void *data,
                            cl_uint waits, const cl_event *wait, cl_event *event)
{
    return queued(event);
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset, size_t bytes,
                           cl_uint waits, const cl_event *wait, cl_event *event)
{
    return queued(event);
}

/* --- programs ------------------------------------------------------------------------------------------------------------------------ */

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char **texts, const size_t *lengths, cl_int *code)
{
    cl_program program = malloc(sizeof *program);
    size_t bytes = 1;

    for (cl_uint i = 0; i < count; i++)
        bytes += strlen(texts[i]);
    if (program == NULL || (program->text = calloc(bytes, 1)) == NULL) {
        free(program);
        return made(NULL, code);
    }
    program->references = 1;
    for (cl_uint i = 0; i < count; i++)
        strcat(program->text, texts[i]);
    return made(program, code);
}

/* FNV-1a, 64 bits: a name for a file, not a proof. */
static uint64_t hash(uint64_t key, const char *text)
{
    for (; *text != '\0'; text++)
        key = (key ^ (unsigned char)*text) * 0x100000001b3;
    return key;
}

/* <folder>/<key><suffix>, whole or not at all, since programs run side by side. */
static void record(const char *folder, uint64_t key, const char *suffix, const char *text)
{
    char path[1024], part[1100];
    FILE *file;

    snprintf(path, sizeof path, "%s/%016llx%s", folder, (unsigned long long)key, suffix);
    snprintf(part, sizeof part, "%s.%ld", path, (long)getpid());
    file = fopen(part, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 || rename(part, path) != 0) {
        perror(path);
        _exit(70);
    }
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
                      void(CL_CALLBACK *notify)(cl_program, void *), void *data)
{
    const char *folder = getenv("CLMIX_RECORD_DIR");
    const uint64_t key = hash(hash(0xcbf29ce484222325, program->text), options == NULL ? "" : options);

    if (folder == NULL)
        return CL_BUILD_PROGRAM_FAILURE;
    record(folder, key, ".cl", program->text);
    record(folder, key, ".options", options == NULL ? "" : options);
    return CL_SUCCESS;
}

cl_int clGetProgramBuildInfo(cl_program program, cl_device_id device, cl_program_build_info what, size_t bytes, void *to, size_t *needed)
{
    return answer_text("CLMIX_RECORD_DIR is not set", bytes, to, needed);
}

/* There are no binaries, so that nothing ends up in a cache. */
cl_int clGetProgramInfo(cl_program program, cl_program_info what, size_t bytes, void *to, size_t *needed)
{
    return CL_INVALID_VALUE;
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *devices, const size_t *bytes,
                                     const unsigned char **binaries, cl_int *status, cl_int *code)
{
    if (code != NULL)
        *code = CL_INVALID_BINARY;
    return NULL;
}

cl_int clReleaseProgram(cl_program program)
{
    if (--program->references == 0) {
        free(program->text);
        free(program);
    }
    return CL_SUCCESS;
}

/* --- kernels and events -------------------------------------------------------------------------------------------------------------- */

cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *code)
{
    cl_kernel kernel = malloc(sizeof *kernel);

    if (kernel != NULL) {
        kernel->program = program;
        program->references++;
    }
    return made(kernel, code);
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t bytes, const void *value)
{
    return CL_SUCCESS;
}

cl_int clReleaseKernel(cl_kernel kernel)
{
    clReleaseProgram(kernel->program);
    free(kernel);
    return CL_SUCCESS;
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset, const size_t *global,
                              const size_t *local, cl_uint waits, const cl_event *wait, cl_event *event)
{
    return queued(event);
}

cl_int clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint waits, const cl_event *wait, cl_event *event)
{
    return queued(event);
}

cl_int clEnqueueBarrierWithWaitList(cl_command_queue queue, cl_uint waits, const cl_event *wait, cl_event *event)
{
    return queued(event);
}

cl_event clCreateUserEvent(cl_context context, cl_int *code)
{
    cl_event event = NULL;

    *code = queued(&event);
    return event;
}

cl_int clSetUserEventStatus(cl_event event, cl_int status)
{
    return CL_SUCCESS;
}

cl_int clGetEventInfo(cl_event event, cl_event_info what, size_t bytes, void *to, size_t *needed)
{
    const cl_int done = CL_COMPLETE;

    return answer(&done, sizeof done, bytes, to, needed);
}

cl_int clGetEventProfilingInfo(cl_event event, cl_profiling_info what, size_t bytes, void *to, size_t *needed)
{
    const cl_ulong time = 0;

    return answer(&time, sizeof time, bytes, to, needed);
}

cl_int clReleaseEvent(cl_event event)
{
    return CL_SUCCESS;
}
