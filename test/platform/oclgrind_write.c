/* Preloaded over Oclgrind where it follows uninitialised values (test/platform/run.sh uninitialized).
 *
 * Oclgrind 21.10 loses track of a buffer when the host writes or copies a part of it: other parts are taken for uninitialised ever after. It follows
 * rightly what the host writes as a whole and what a kernel stores. So writes of parts, and copies, are made by a kernel here. And a new buffer
 * inherits the state of the released one whose address it gets; so none is ever released. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <string.h>

__attribute__((visibility("default"))) cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t bytes, void *data,
                                                             cl_int *code);
__attribute__((visibility("default"))) cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset,
                                                                  size_t to_offset, size_t bytes, cl_uint waits, const cl_event *wait,
                                                                  cl_event *event);
__attribute__((visibility("default"))) cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                                                                   size_t bytes, const void *data, cl_uint waits, const cl_event *wait,
                                                                   cl_event *event);

static const char *const source =
    "__kernel void copy_words(const __global uint *from, __global uint *to, const uint first, const uint begin)"
    "{ to[begin + get_global_id(0)] = from[first + get_global_id(0)]; }"
    "__kernel void copy_bytes(const __global uchar *from, __global uchar *to, const uint first, const uint begin)"
    "{ to[begin + get_global_id(0)] = from[first + get_global_id(0)]; }";

/* One kernel launch on memory of the same context; the program is built anew each time, which in a simulator does not matter. */
static cl_int copy(cl_command_queue queue, cl_mem from, size_t from_offset, cl_mem to, size_t to_offset, size_t bytes, cl_event *event)
{
    const size_t unit = (bytes | from_offset | to_offset) % 4 == 0 ? 4 : 1, count = bytes / unit;
    const cl_uint first = (cl_uint)(from_offset / unit), begin = (cl_uint)(to_offset / unit);
    cl_context context;
    cl_program program;
    cl_kernel kernel = NULL;
    cl_int code = clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);

    if (code != CL_SUCCESS)
        return code;
    program = clCreateProgramWithSource(context, 1, (const char **)&source, NULL, &code);
    if (program == NULL)
        return code;
    code = clBuildProgram(program, 0, NULL, "-cl-std=CL1.2", NULL, NULL);
    if (code == CL_SUCCESS)
        kernel = clCreateKernel(program, unit == 4 ? "copy_words" : "copy_bytes", &code);
    if (kernel != NULL) {
        clSetKernelArg(kernel, 0, sizeof(cl_mem), &from);
        clSetKernelArg(kernel, 1, sizeof(cl_mem), &to);
        clSetKernelArg(kernel, 2, sizeof first, &first);
        clSetKernelArg(kernel, 3, sizeof begin, &begin);
        code = clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &count, NULL, 0, NULL, event);
        if (code == CL_SUCCESS)
            code = clFinish(queue);
        clReleaseKernel(kernel);
    }
    clReleaseProgram(program);
    return code;
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t bytes, void *data, cl_int *code)
{
    cl_mem (*create)(cl_context, cl_mem_flags, size_t, void *, cl_int *);
    void *symbol = dlsym(RTLD_NEXT, "clCreateBuffer");
    cl_mem buffer;

    memcpy(&create, &symbol, sizeof create);
    buffer = create(context, flags, bytes, data, code);
    if (buffer != NULL)
        clRetainMemObject(buffer);
    return buffer;
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset, size_t bytes,
                           cl_uint waits, const cl_event *wait, cl_event *event)
{
    (void)waits; /* the queue is in order, and everything before has been finished */
    (void)wait;
    return copy(queue, from, from_offset, to, to_offset, bytes, event);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t bytes, const void *data,
                            cl_uint waits, const cl_event *wait, cl_event *event)
{
    cl_int (*write)(cl_command_queue, cl_mem, cl_bool, size_t, size_t, const void *, cl_uint, const cl_event *, cl_event *);
    void *symbol = dlsym(RTLD_NEXT, "clEnqueueWriteBuffer");
    cl_context context;
    cl_mem aside;
    size_t whole;
    cl_int code = clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof whole, &whole, NULL);

    memcpy(&write, &symbol, sizeof write);
    if (code != CL_SUCCESS || bytes == 0 || (offset == 0 && bytes == whole))
        return write(queue, buffer, blocking, offset, bytes, data, waits, wait, event);
    code = clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
    if (code != CL_SUCCESS)
        return code;
    aside = clCreateBuffer(context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (aside == NULL)
        return code;
    code = write(queue, aside, CL_TRUE, 0, bytes, data, waits, wait, NULL);
    if (code == CL_SUCCESS)
        code = copy(queue, aside, 0, buffer, offset, bytes, event);
    clReleaseMemObject(aside);
    return code;
}
