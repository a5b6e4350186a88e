/* A failing driver: the linker sends clmix's calls of OpenCL to the functions below (CMakeLists.txt), each of which fails with the codes
 * that drivers are known to give there. And limits that are met rather than failures: a device with small allocations, a full disk. */
#include "runtime/runtime.h"
#include "support_faults.h"
#include "support_suite.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum function {
    GET_PLATFORM_IDS,
    GET_DEVICE_IDS,
    CREATE_CONTEXT,
    CREATE_COMMAND_QUEUE,
    CREATE_BUFFER,
    CREATE_PROGRAM_WITH_SOURCE,
    CREATE_PROGRAM_WITH_BINARY,
    BUILD_PROGRAM,
    CREATE_KERNEL,
    SET_KERNEL_ARG,
    ENQUEUE_KERNEL,
    ENQUEUE_READ,
    ENQUEUE_WRITE,
    ENQUEUE_COPY,
    FINISH,
    FUNCTIONS
};

/* What each gives, in turn. */
static const cl_int codes[FUNCTIONS][4] = {
    [GET_PLATFORM_IDS] = { -1001, -6, -1001, -30 },
    [GET_DEVICE_IDS] = { -1, -5, -6, -32 },
    [CREATE_CONTEXT] = { -2, -6, -5, -33 },
    [CREATE_COMMAND_QUEUE] = { -6, -35, -5, -33 },
    [CREATE_BUFFER] = { -4, -61, -6, -5 },
    [CREATE_PROGRAM_WITH_SOURCE] = { -6, -5, -34, -6 },
    [CREATE_PROGRAM_WITH_BINARY] = { -42, -6, -5, -33 },
    [BUILD_PROGRAM] = { -11, -6, -5, -3 },
    [CREATE_KERNEL] = { -46, -5, -6, -45 },
    [SET_KERNEL_ARG] = { -6, -51, -38, -5 },
    [ENQUEUE_KERNEL] = { -54, -5, -4, -6 },
    [ENQUEUE_READ] = { -5, -4, -36, -6 },
    [ENQUEUE_WRITE] = { -5, -4, -6, -38 },
    [ENQUEUE_COPY] = { -5, -4, -8, -6 },
    [FINISH] = { -36, -5, -6, -14 },
};

static bool refusing[FUNCTIONS]; /* always, whatever is armed */
static bool made_up_log;
static long objects; /* OpenCL objects made and not released */

static bool refused(enum function function, cl_int *code)
{
    static size_t turn;
    const bool now = fault_strikes() || refusing[function];

    *code = codes[function][turn % 4];
    turn += now;
    return now;
}

/* Leaves *code as it is when nothing is to fail. */
static bool refused_object(enum function function, cl_int *code)
{
    cl_int found;

    if (!refused(function, &found))
        return false;
    if (code != NULL)
        *code = found;
    return true;
}

static void *counted(void *object)
{
    if (object != NULL)
        objects++;
    return object;
}

/* ---- the entry points ---------------------------------------------------------------------------------------------------------------- */

cl_int __real_clGetPlatformIDs(cl_uint room, cl_platform_id *platforms, cl_uint *count);
cl_int __wrap_clGetPlatformIDs(cl_uint room, cl_platform_id *platforms, cl_uint *count)
{
    cl_int code;

    return refused(GET_PLATFORM_IDS, &code) ? code : __real_clGetPlatformIDs(room, platforms, count);
}

cl_int __real_clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *devices, cl_uint *count);
cl_int __wrap_clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *devices, cl_uint *count)
{
    cl_int code;

    return refused(GET_DEVICE_IDS, &code) ? code : __real_clGetDeviceIDs(platform, type, room, devices, count);
}

typedef void(CL_CALLBACK *context_callback)(const char *text, const void *info, size_t bytes, void *data);
cl_context __real_clCreateContext(const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
                                  context_callback notify, void *data, cl_int *code);
cl_context __wrap_clCreateContext(const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
                                  context_callback notify, void *data, cl_int *code)
{
    return refused_object(CREATE_CONTEXT, code) ? NULL : counted(__real_clCreateContext(properties, count, devices, notify, data, code));
}

cl_command_queue __real_clCreateCommandQueue(cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *code);
cl_command_queue __wrap_clCreateCommandQueue(cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *code)
{
    return refused_object(CREATE_COMMAND_QUEUE, code) ? NULL : counted(__real_clCreateCommandQueue(context, device, properties, code));
}

cl_mem __real_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t bytes, void *data, cl_int *code);
cl_mem __wrap_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t bytes, void *data, cl_int *code)
{
    return refused_object(CREATE_BUFFER, code) ? NULL : counted(__real_clCreateBuffer(context, flags, bytes, data, code));
}

cl_program __real_clCreateProgramWithSource(cl_context context, cl_uint count, const char **texts, const size_t *lengths, cl_int *code);
cl_program __wrap_clCreateProgramWithSource(cl_context context, cl_uint count, const char **texts, const size_t *lengths, cl_int *code)
{
    return refused_object(CREATE_PROGRAM_WITH_SOURCE, code)
               ? NULL
               : counted(__real_clCreateProgramWithSource(context, count, texts, lengths, code));
}

cl_program __real_clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *devices, const size_t *bytes,
                                            const unsigned char **binaries, cl_int *status, cl_int *code);
cl_program __wrap_clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *devices, const size_t *bytes,
                                            const unsigned char **binaries, cl_int *status, cl_int *code)
{
    return refused_object(CREATE_PROGRAM_WITH_BINARY, code)
               ? NULL
               : counted(__real_clCreateProgramWithBinary(context, count, devices, bytes, binaries, status, code));
}

typedef void(CL_CALLBACK *program_callback)(cl_program program, void *data);
cl_int __real_clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options, program_callback notify,
                             void *data);
cl_int __wrap_clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options, program_callback notify,
                             void *data)
{
    cl_int code;

    return refused(BUILD_PROGRAM, &code) ? code : __real_clBuildProgram(program, count, devices, options, notify, data);
}

cl_int __real_clGetProgramBuildInfo(cl_program program, cl_device_id device, cl_program_build_info what, size_t room, void *value,
                                    size_t *bytes);
cl_int __wrap_clGetProgramBuildInfo(cl_program program, cl_device_id device, cl_program_build_info what, size_t room, void *value,
                                    size_t *bytes)
{
    static const char log[] = "fill:7: error: the made-up compiler knows no floats\n";

    if (!made_up_log || what != CL_PROGRAM_BUILD_LOG)
        return __real_clGetProgramBuildInfo(program, device, what, room, value, bytes);
    if (bytes != NULL)
        *bytes = sizeof log;
    if (value != NULL && room >= sizeof log)
        memcpy(value, log, sizeof log);
    return CL_SUCCESS;
}

cl_kernel __real_clCreateKernel(cl_program program, const char *name, cl_int *code);
cl_kernel __wrap_clCreateKernel(cl_program program, const char *name, cl_int *code)
{
    return refused_object(CREATE_KERNEL, code) ? NULL : counted(__real_clCreateKernel(program, name, code));
}

cl_int __real_clSetKernelArg(cl_kernel kernel, cl_uint index, size_t bytes, const void *value);
cl_int __wrap_clSetKernelArg(cl_kernel kernel, cl_uint index, size_t bytes, const void *value)
{
    cl_int code;

    return refused(SET_KERNEL_ARG, &code) ? code : __real_clSetKernelArg(kernel, index, bytes, value);
}

cl_int __real_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset,
                                     const size_t *global, const size_t *local, cl_uint count, const cl_event *events, cl_event *event);
cl_int __wrap_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset,
                                     const size_t *global, const size_t *local, cl_uint count, const cl_event *events, cl_event *event)
{
    cl_int code;

    return refused(ENQUEUE_KERNEL, &code)
               ? code
               : __real_clEnqueueNDRangeKernel(queue, kernel, dimensions, offset, global, local, count, events, event);
}

cl_int __real_clEnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_bool wait, size_t offset, size_t bytes, void *data,
                                  cl_uint count, const cl_event *events, cl_event *event);
cl_int __wrap_clEnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_bool wait, size_t offset, size_t bytes, void *data,
                                  cl_uint count, const cl_event *events, cl_event *event)
{
    cl_int code;

    return refused(ENQUEUE_READ, &code) ? code : __real_clEnqueueReadBuffer(queue, memory, wait, offset, bytes, data, count, events, event);
}

cl_int __real_clEnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_bool wait, size_t offset, size_t bytes, const void *data,
                                   cl_uint count, const cl_event *events, cl_event *event);
cl_int __wrap_clEnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_bool wait, size_t offset, size_t bytes, const void *data,
                                   cl_uint count, const cl_event *events, cl_event *event)
{
    cl_int code;

    return refused(ENQUEUE_WRITE, &code) ? code
                                         : __real_clEnqueueWriteBuffer(queue, memory, wait, offset, bytes, data, count, events, event);
}

cl_int __real_clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset, size_t bytes,
                                  cl_uint count, const cl_event *events, cl_event *event);
cl_int __wrap_clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset, size_t bytes,
                                  cl_uint count, const cl_event *events, cl_event *event)
{
    cl_int code;

    return refused(ENQUEUE_COPY, &code) ? code
                                        : __real_clEnqueueCopyBuffer(queue, from, to, from_offset, to_offset, bytes, count, events, event);
}

cl_int __real_clFinish(cl_command_queue queue);
cl_int __wrap_clFinish(cl_command_queue queue)
{
    cl_int code;

    return refused(FINISH, &code) ? code : __real_clFinish(queue);
}

cl_int __real_clReleaseContext(cl_context context);
cl_int __wrap_clReleaseContext(cl_context context)
{
    objects--;
    return __real_clReleaseContext(context);
}

cl_int __real_clReleaseCommandQueue(cl_command_queue queue);
cl_int __wrap_clReleaseCommandQueue(cl_command_queue queue)
{
    objects--;
    return __real_clReleaseCommandQueue(queue);
}

cl_int __real_clReleaseMemObject(cl_mem memory);
cl_int __wrap_clReleaseMemObject(cl_mem memory)
{
    objects--;
    return __real_clReleaseMemObject(memory);
}

cl_int __real_clReleaseProgram(cl_program program);
cl_int __wrap_clReleaseProgram(cl_program program)
{
    objects--;
    return __real_clReleaseProgram(program);
}

cl_int __real_clReleaseKernel(cl_kernel kernel);
cl_int __wrap_clReleaseKernel(cl_kernel kernel)
{
    objects--;
    return __real_clReleaseKernel(kernel);
}

/* ---- every call fails once ----------------------------------------------------------------------------------------------------------- */

static long held(void)
{
    return objects;
}

static bool may_give(clmix_status status)
{
    return status == CLMIX_ERROR_DRIVER || status == CLMIX_ERROR_DEVICE_MEMORY || status == CLMIX_ERROR_BUILD ||
           status == CLMIX_ERROR_NO_DEVICE;
}

static const struct fault broken_driver = { held, may_give };

START_TEST(every_scenario_survives_a_failing_driver)
{
    static const char *const without_driver[] = { "building, differentiating and planning a graph", "planning in slices of a batch",
                                                  "configurations", "looking at a run" };

    for (size_t i = 0; i < sizeof without_driver / sizeof without_driver[0]; i++)
        if (strcmp(tiny_scenarios[_i].name, without_driver[i]) == 0)
            return;
    fail_each_call(&broken_driver, &tiny_scenarios[_i], 180);
}
END_TEST

/* ---- programs ------------------------------------------------------------------------------------------------------------------------ */

static void refuse(enum function function, bool always)
{
    refusing[function] = always;
}

/* A device of its own, whose cache has what the world's device has compiled. */
static clmix_device *open_another(void)
{
    clmix_device *device = NULL;

    tiny_ok(clmix_device_open(&device, NULL));
    return device;
}

static void check_device(clmix_device *device)
{
    clmix_network *network = NULL;

    tiny_ok(clmix_network_load(&network, device, tiny.model_path));
    tiny_classifies(network, tiny.predictions);
    clmix_network_free(network);
    clmix_device_close(device);
}

START_TEST(refused_binaries_are_compiled_again)
{
    size_t compiled, loaded;
    clmix_device *device;
    cl_kernel kernel;

    refuse(CREATE_PROGRAM_WITH_BINARY, true);
    device = open_another();
    tiny_ok(clmix_kernel_create(device, "runtime.cl", "fill", "-DWG=1", &kernel));
    refuse(CREATE_PROGRAM_WITH_BINARY, false);
    clmix_device_programs(device, &compiled, &loaded);
    ck_assert_uint_gt(compiled, 0);
    ck_assert_uint_eq(loaded, 0);
    clReleaseKernel(kernel);
    check_device(device);
}
END_TEST

/* The first call builds the binary or makes a kernel of it, the second does the same from source. */
START_TEST(binaries_that_do_not_work_are_compiled_again)
{
    static const size_t nth[] = { 2, 3 }; /* clCreateProgramWithBinary, clBuildProgram, clCreateKernel */
    size_t compiled_before, compiled, loaded;
    clmix_device *device = open_another();
    cl_kernel kernel = NULL;

    tiny_ok(clmix_kernel_create(device, "runtime.cl", "fill", "-DWG=1 -DDRIVER_TEST=1", &kernel));
    clReleaseKernel(kernel);
    clmix_device_close(device);
    device = open_another();
    clmix_device_programs(device, &compiled_before, &loaded);
    fault_arm(nth[_i], false);
    tiny_ok(clmix_kernel_create(device, "runtime.cl", "fill", "-DWG=1 -DDRIVER_TEST=1", &kernel));
    ck_assert_uint_gt(fault_disarm(), 3);
    clmix_device_programs(device, &compiled, &loaded);
    ck_assert_uint_eq(compiled, compiled_before + 1);
    clReleaseKernel(kernel);
    check_device(device);
}
END_TEST

START_TEST(source_that_does_not_build_is_explained)
{
    clmix_device *device = open_another();
    cl_kernel kernel;

    made_up_log = true;
    refuse(BUILD_PROGRAM, true);
    ck_assert_int_eq(clmix_kernel_create(device, "runtime.cl", "fill", "-DWG=1 -DNEVER_BUILT=1", &kernel), CLMIX_ERROR_BUILD);
    ck_assert_ptr_null(kernel);
    ck_assert_msg(strstr(clmix_error(), "the made-up compiler knows no floats") != NULL, "%s", clmix_error());
    ck_assert_msg(strstr(clmix_error(), "runtime.cl") != NULL && strstr(clmix_error(), "-DNEVER_BUILT=1") != NULL, "%s", clmix_error());
    refuse(BUILD_PROGRAM, false);
    made_up_log = false;
    tiny_ok(clmix_kernel_create(device, "runtime.cl", "fill", "-DWG=1 -DNEVER_BUILT=1", &kernel));
    clReleaseKernel(kernel);
    check_device(device);
}
END_TEST

/* What a binary lacks cannot be compiled either: the program stays as it was, and serves when the driver does. */
START_TEST(failed_replacements_leave_the_program)
{
    clmix_device *device = open_another();
    cl_kernel kernel;

    tiny_ok(clmix_kernel_create(device, "runtime.cl", "fill", "-DWG=1", &kernel));
    clReleaseKernel(kernel);
    refuse(CREATE_KERNEL, true);
    refuse(BUILD_PROGRAM, true);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_ne(clmix_kernel_create(device, "runtime.cl", "fill", "-DWG=1", &kernel), CLMIX_OK);
        ck_assert_ptr_null(kernel);
    }
    refuse(CREATE_KERNEL, false);
    refuse(BUILD_PROGRAM, false);
    check_device(device);
}
END_TEST

/* A device that is out of memory while products are tried says nothing about which way is right. */
START_TEST(failed_measurements_are_not_remembered)
{
    char *before = strdup(getenv("CLMIX_CACHE_DIR")), folder[400], command[900];
    clmix_network *network = NULL;
    clmix_device *device;

    snprintf(folder, sizeof folder, "%s/tuning", tiny.folder);
    snprintf(command, sizeof command, "mkdir -p '%s' && cp '%s'/*.clmix '%s' && ! cat '%s'/tuning-*.txt 2>/dev/null", folder, before,
             folder, folder);
    ck_assert_int_eq(system(command), 0);
    setenv("CLMIX_CACHE_DIR", folder, 1);
    device = open_another();
    tiny_ok(clmix_network_load(&network, device, tiny.model_path));
    refuse(CREATE_BUFFER, true);
    ck_assert_int_eq(clmix_network_classify(network, tiny.pictures, TINY_PICTURES, (float[TINY_PREDICTIONS]){ 0 }),
                     CLMIX_ERROR_DEVICE_MEMORY);
    refuse(CREATE_BUFFER, false);
    snprintf(command, sizeof command, "! cat '%s'/tuning-*.txt 2>/dev/null", folder);
    ck_assert_int_eq(system(command), 0);
    setenv("CLMIX_TUNE", "off", 1);
    tiny_classifies(network, tiny.predictions);
    unsetenv("CLMIX_TUNE");
    clmix_network_free(network);
    clmix_device_close(device);
    setenv("CLMIX_CACHE_DIR", before, 1);
    free(before);
}
END_TEST

/* ---- limits -------------------------------------------------------------------------------------------------------------------------- */

static clmix_graph *build_training(void)
{
    const size_t size[4] = { TINY_PICTURES, 8, 8, 3 };
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    const clmix_value none = { .graph = NULL };
    clmix_graph *graph = clmix_graph_new();
    clmix_value pictures = clmix_normalize(clmix_batch_input(graph, "pictures", CLMIX_U8, 4, size), half, half), loss;

    loss = clmix_cross_entropy(clmix_model(clmix_root(graph), &pictures, tiny.config),
                               clmix_batch_input(graph, "labels", CLMIX_I32, 1, size), 0.1f, none, none);
    clmix_output(graph, "loss", loss);
    clmix_backward(graph, 1, &loss, &none);
    return graph;
}

static int count_slabs(const clmix_plan *plan, size_t most_bytes)
{
    int slabs = 0;

    for (size_t i = 0; i < clmix_plan_value_count(plan); i++) {
        clmix_plan_value value;

        tiny_ok(clmix_plan_value_at(plan, i, &value));
        slabs = value.slab + 1 > slabs ? value.slab + 1 : slabs;
        ck_assert_uint_le(value.offset_bytes + value.size_bytes, most_bytes);
    }
    return slabs;
}

/* Loss and gradients, a fresh network's, in a plan whose slabs have `most_bytes` at most. */
static float run_training(size_t most_bytes, int *slabs, float *gradients, size_t count)
{
    clmix_graph *graph = build_training();
    clmix_plan *plan = NULL;
    cl_mem arena = NULL;
    float loss;

    tiny.device->info.max_allocation_bytes = most_bytes;
    tiny_ok(clmix_plan_compile(&plan, graph, tiny.device, CLMIX_TRAINING));
    ck_assert_uint_le(clmix_graph_weight_count(graph), count);
    *slabs = count_slabs(plan, most_bytes);
    tiny_ok(clmix_buffer_create(tiny.device, clmix_graph_weight_count(graph) * sizeof(float), "gradients", &arena));
    tiny_ok(clmix_buffer_zero(tiny.device, arena, 0, clmix_graph_weight_count(graph) * sizeof(float)));
    tiny_ok(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, clmix_network_weights(tiny.network)));
    tiny_ok(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, arena));
    tiny_ok(clmix_plan_write(plan, "pictures", tiny.pictures, sizeof tiny.pictures));
    tiny_ok(clmix_plan_write(plan, "labels", tiny.labels, sizeof tiny.labels));
    tiny_ok(clmix_plan_set_step(plan, 1, 1));
    tiny_ok(clmix_plan_run(plan));
    tiny_ok(clmix_plan_read(plan, "loss", &loss, sizeof loss));
    tiny_ok(clmix_buffer_read(tiny.device, arena, 0, gradients, clmix_graph_weight_count(graph) * sizeof(float)));
    clmix_plan_free(plan);
    clmix_buffer_release(tiny.device, arena);
    clmix_graph_free(graph);
    return loss;
}

START_TEST(small_allocations_give_the_same_results)
{
    enum { MOST = 8192 };
    static float whole[MOST], split[MOST];
    const size_t limit = tiny.device->info.max_allocation_bytes;
    int slabs = 0;
    float loss = run_training(limit, &slabs, whole, MOST);

    ck_assert_int_eq(slabs, 1);
    ck_assert(run_training((size_t)24 << 10, &slabs, split, MOST) == loss);
    tiny.device->info.max_allocation_bytes = limit;
    ck_assert_int_ge(slabs, 2);
    ck_assert_int_eq(memcmp(whole, split, sizeof whole), 0);
}
END_TEST

START_TEST(values_beyond_the_largest_allocation_are_refused)
{
    clmix_graph *graph = build_training();
    clmix_device *generic = NULL;
    clmix_plan *plan = NULL;

    tiny_ok(clmix_device_generic(&generic));
    generic->info.max_allocation_bytes = (size_t)24 << 10;
    tiny_ok(clmix_plan_compile(&plan, graph, generic, CLMIX_TRAINING));
    ck_assert_int_ge(count_slabs(plan, generic->info.max_allocation_bytes), 2);
    clmix_plan_free(plan);
    generic->info.max_allocation_bytes = 1024;
    ck_assert_int_eq(clmix_plan_compile(&plan, graph, generic, CLMIX_TRAINING), CLMIX_ERROR_DEVICE_MEMORY);
    ck_assert_ptr_null(plan);
    ck_assert_msg(strstr(clmix_error(), "batch") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
    clmix_device_close(generic);
}
END_TEST

/* ---- a full disk --------------------------------------------------------------------------------------------------------------------- */

/* Files end at half a checkpoint, or at a few bytes: then not even the log can be begun. */
START_TEST(full_disk_keeps_the_previous_checkpoint)
{
    struct rlimit old, full;
    size_t bytes;
    void *content;
    clmix_status status;

    tiny_begin_run();
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    full = old;
    full.rlim_cur = _i == 0 ? tiny.begun_bytes / 2 : 10;
    signal(SIGXFSZ, SIG_IGN); /* as on a full disk, the write fails */
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &full), 0);
    status = tiny_resume();
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    ck_assert_int_eq(status, CLMIX_ERROR_FILE);
    ck_assert_msg(strstr(clmix_error(), tiny.run_folder) != NULL, "%s", clmix_error());
    content = tiny_read(tiny.checkpoint_path, &bytes);
    ck_assert_uint_eq(bytes, tiny.begun_bytes);
    ck_assert_int_eq(memcmp(content, tiny.begun, bytes), 0);
    free(content);
    tiny_check_folder(tiny.run_folder);
    tiny_ok(tiny_resume());
    tiny_check_end();
}
END_TEST

/* ------------------------------------------------------------------------------------------------------------------------------------- */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("driver");
    TCase *scenarios = tcase_create("scenarios");

    tcase_add_unchecked_fixture(scenarios, open_tiny_world, close_tiny_world);
    tcase_add_loop_test(scenarios, every_scenario_survives_a_failing_driver, 0, tiny_scenario_count);
    tcase_add_test(scenarios, refused_binaries_are_compiled_again);
    tcase_add_loop_test(scenarios, binaries_that_do_not_work_are_compiled_again, 0, 2);
    tcase_add_test(scenarios, source_that_does_not_build_is_explained);
    tcase_add_test(scenarios, failed_replacements_leave_the_program);
    tcase_add_test(scenarios, failed_measurements_are_not_remembered);
    tcase_add_test(scenarios, small_allocations_give_the_same_results);
    tcase_add_test(scenarios, values_beyond_the_largest_allocation_are_refused);
    tcase_add_loop_test(scenarios, full_disk_keeps_the_previous_checkpoint, 0, 2);
    suite_add_tcase(suite, scenarios);
    return suite;
}

int main(void)
{
    return support_run(make_suite());
}
