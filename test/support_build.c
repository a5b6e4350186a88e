/* No kernel of clmix's is built with a warning: drivers print them over an application's output, and a compiler that warns is often right. The
 * linker sends every test program's calls of clBuildProgram here (CMakeLists.txt). */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef void(CL_CALLBACK *program_callback)(cl_program program, void *data);
cl_int __real_clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options, program_callback notify,
                             void *data);
cl_int __wrap_clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options, program_callback notify,
                             void *data);

/* Where the log, in lower case from now on, warns; NULL where it does not. */
static const char *find_warning(char *log)
{
    for (char *at = log; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return strstr(log, "warning");
}

static void check_log(cl_program program, cl_device_id device, const char *options)
{
    size_t bytes = 0;
    char *log;

    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) != CL_SUCCESS || bytes < 2)
        return;
    log = calloc(bytes + 1, 1);
    if (log == NULL) /* as unit_faults wants it; another build of the kernel will be looked at */
        return;
    /* Check's own assertions allocate even where they hold, so they are called only to fail. */
    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, bytes, log, NULL) != CL_SUCCESS)
        ck_abort_msg("the log of a kernel file built with '%s' cannot be read", options);
    if (find_warning(log) != NULL)
        ck_abort_msg("a kernel file built with '%s' gives: %s", options, log);
    free(log);
}

/* Weak: the program with a failing driver has one of its own. */
__attribute__((weak)) cl_int __wrap_clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
                                                   program_callback notify, void *data)
{
    const cl_int code = __real_clBuildProgram(program, count, devices, options, notify, data);

    for (cl_uint i = 0; code == CL_SUCCESS && i < count; i++)
        check_log(program, devices[i], options);
    return code;
}
