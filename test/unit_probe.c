/* What machine code a device's compiler is found to make, and what follows: FMA of the kernels, the width of vectors, the usual form,
 * the ceiling of arithmetic. */
#include "base/clock.h"
#include "base/file.h"
#include "runtime/embedded.h"
#include "support_device.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[256];

/* The library's kernels and one more, in a folder of the test's own. */
static void make_kernels(void)
{
    static const char steps[] = "#include \"common.h\"\n"
                                "__kernel void steps(__global float *data, const uint rounds)\n"
                                "{\n"
                                "    const float a = data[0], b = data[1], c = data[2];\n"
                                "    float x = a;\n"
                                "    for (uint i = 0; i < rounds; i++)\n"
                                "        x = STEP;\n"
                                "    data[3] = x;\n"
                                "    data[4] = FMA(a, b, c);\n"
                                "}\n";
    char *path;

    snprintf(folder, sizeof folder, "%s", make_folder());
    for (size_t i = 0; i < clmix_embedded_count; i++) {
        const char *text = (const char *)clmix_embedded_files[i].text;

        path = clmix_path_join(folder, clmix_embedded_files[i].name);
        check_ok(clmix_file_write(path, text, strlen(text)));
        free(path);
    }
    path = clmix_path_join(folder, "steps.cl");
    check_ok(clmix_file_write(path, steps, strlen(steps)));
    free(path);
    setenv("CLMIX_KERNEL_DIR", folder, 1);
    setenv("CLMIX_CACHE_DIR", folder, 1);
}

static void remove_kernels(void)
{
    unsetenv("CLMIX_KERNEL_DIR");
    remove_folder(folder);
}

/* --- the driver's word ---------------------------------------------------------------------------------------------------------------- */

static bool lying; /* the driver says that a vector has one float, as PoCL does for 64-bit Arm */

cl_int __real_clGetDeviceInfo(cl_device_id id, cl_device_info what, size_t room, void *value, size_t *bytes);
cl_int __wrap_clGetDeviceInfo(cl_device_id id, cl_device_info what, size_t room, void *value, size_t *bytes);
cl_int __wrap_clGetDeviceInfo(cl_device_id id, cl_device_info what, size_t room, void *value, size_t *bytes)
{
    cl_int code = __real_clGetDeviceInfo(id, what, room, value, bytes);

    if (lying && what == CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT && code == CL_SUCCESS && value != NULL)
        *(cl_uint *)value = 1;
    return code;
}

/* --- multiply-adds -------------------------------------------------------------------------------------------------------------------- */

/* The least seconds of `rounds` steps, and FMA of numbers whose product is rounded to -c: 0 after two roundings. */
static double time_steps(const char *step, cl_uint rounds, float *remainder)
{
    float data[5] = { 1.0f + 1.0f / 8192.0f, 1.0f - 1.0f / 8192.0f, -1.0f };
    struct clmix_launch launch = { .dimensions = 1, .global = { 1 }, .local = { 1 }, .label = "steps", .name = "steps" };
    double best = INFINITY;
    char options[64];
    cl_mem memory;

    snprintf(options, sizeof options, "-DSTEP=%s", step);
    check_ok(clmix_buffer_create(test_device, sizeof data, "a test", &memory));
    check_ok(clmix_buffer_write(test_device, memory, 0, data, sizeof data));
    check_ok(clmix_kernel_create(test_device, "steps.cl", "steps", options, &launch.kernel));
    ck_assert_int_eq(clSetKernelArg(launch.kernel, 0, sizeof memory, &memory), CL_SUCCESS);
    ck_assert_int_eq(clSetKernelArg(launch.kernel, 1, sizeof rounds, &rounds), CL_SUCCESS);
    for (int i = 0; i < 6; i++) {
        double start = clmix_seconds();

        check_ok(clmix_launch_enqueue(test_device, &launch));
        check_ok(clmix_device_wait(test_device));
        if (i > 0) /* drivers compile at the first launch */
            best = fmin(best, clmix_seconds() - start);
    }
    check_ok(clmix_buffer_read(test_device, memory, 0, data, sizeof data));
    clmix_launch_clear(&launch);
    clmix_buffer_release(test_device, memory);
    *remainder = data[4];
    return best;
}

/* Never a library's call, which takes a hundred times as long as a product and a sum on processors without the instruction. */
START_TEST(multiply_adds_are_instructions)
{
    const cl_uint rounds = 200000;
    float remainder;
    double step = time_steps("FMA(x,b,a)", rounds, &remainder), apart = time_steps("x*b+a", rounds, &remainder);

    ck_assert_msg(step < 20 * apart, "%g s for %u multiply-adds, %g s for products and sums", step, rounds, apart);
    ck_assert_msg((remainder != 0) == test_device->info.fused_multiply_add, "FMA leaves %g", remainder);
}
END_TEST

/* --- settings ------------------------------------------------------------------------------------------------------------------------- */

/* What is to be found where a driver is told to compile for another processor (test/platform/run.sh); 0: the driver's compiler does not tell. */
static const struct setting {
    const char *variable, *value;
    bool fused;
    unsigned width;
} settings[] = {
    { "CL_CONFIG_CPU_TARGET_ARCH", "core-avx2", true, 0 }, { "CL_CONFIG_CPU_TARGET_ARCH", "corei7-avx", false, 0 },
    { "CL_CONFIG_CPU_TARGET_ARCH", "corei7", false, 0 },   { "POCL_LLVM_CPU_NAME", "haswell", true, 8 },
    { "POCL_LLVM_CPU_NAME", "x86-64", false, 4 },
};

START_TEST(settings_of_a_driver_are_found)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const char *value = getenv(settings[i].variable);

        if (value == NULL || strcmp(value, settings[i].value) != 0)
            continue;
        ck_assert_int_eq(test_device->info.fused_multiply_add, settings[i].fused);
        if (settings[i].width > 0)
            ck_assert_uint_eq(test_device->info.vector_width, settings[i].width);
    }
    ck_assert_uint_ge(test_device->info.vector_width, 1);
}
END_TEST

/* PoCL's compiler tells by what it defines; with compilers for a virtual machine the driver's word is all there is. */
START_TEST(width_is_the_compilers)
{
    const char *platform = getenv("CLMIX_TEST_PLATFORM");
    const clmix_device_info *info = &test_device->info;
    clmix_device *other = NULL;
    bool tells = platform != NULL && strncmp(platform, "pocl", 4) == 0;

    lying = true;
    check_ok(clmix_device_open(&other, NULL));
    lying = false;
    ck_assert_uint_eq(other->info.vector_width, tells ? info->vector_width : 1);
    ck_assert_int_eq(other->info.fused_multiply_add, info->fused_multiply_add);
    if (tells && info->form_origin == CLMIX_FORM_USUAL)
        ck_assert_int_eq(other->info.form, CLMIX_WIDE);
    clmix_device_close(other);
}
END_TEST

/* --- the ceiling ---------------------------------------------------------------------------------------------------------------------- */

#define MOST_WIDTH 16

/* GFLOP/s of the ceilings' kernel with so many chains of such vectors. */
static double loop_rate(unsigned width, unsigned chains)
{
    const clmix_device_info *info = clmix_device_describe(test_device);
    struct clmix_launch launch = { .dimensions = 1, .global = { 16 * info->compute_units }, .local = { 1 }, .name = "multiply_add" };
    const cl_float factor = 0.5f, addend = 1.0f;
    double best = INFINITY;
    cl_uint rounds = 16;
    char options[96];
    cl_mem memory;

    snprintf(options, sizeof options, "-DWG=1 -DCLMIX_WIDE=1 -DVW=%u -DCHAINS=%u", width, chains);
    check_ok(clmix_buffer_create(test_device, launch.global[0] * MOST_WIDTH * sizeof(float), "a test", &memory));
    check_ok(clmix_kernel_create(test_device, "ceilings.cl", "multiply_add", options, &launch.kernel));
    ck_assert_int_eq(clSetKernelArg(launch.kernel, 0, sizeof memory, &memory), CL_SUCCESS);
    ck_assert_int_eq(clSetKernelArg(launch.kernel, 2, sizeof factor, &factor), CL_SUCCESS);
    ck_assert_int_eq(clSetKernelArg(launch.kernel, 3, sizeof addend, &addend), CL_SUCCESS);
    for (int i = 0; i < 20; i++) {
        double start, seconds;

        ck_assert_int_eq(clSetKernelArg(launch.kernel, 1, sizeof rounds, &rounds), CL_SUCCESS);
        start = clmix_seconds();
        check_ok(clmix_launch_enqueue(test_device, &launch));
        check_ok(clmix_device_wait(test_device));
        seconds = clmix_seconds() - start;
        if (i < 10 && seconds < 0.005)
            rounds *= 4;
        else if (i > 0)
            best = fmin(best, seconds / rounds);
    }
    best = 2e-9 * width * chains * (double)launch.global[0] / best;
    clmix_launch_clear(&launch);
    clmix_buffer_release(test_device, memory);
    ck_assert(best > 0);
    return best;
}

/* No loop of some other shape goes beyond it: 24 chains of vectors of 16 spill where registers are few. Measured again where something else may have
 * used the machine. */
START_TEST(no_loop_exceeds_the_ceiling)
{
    static const unsigned shapes[][2] = { { 4, 12 }, { 8, 12 }, { 16, 12 } };
    clmix_ceilings ceilings = { 0 };
    double rate = INFINITY;

    if (test_device->info.form != CLMIX_WIDE)
        return;
    for (int attempt = 0; attempt < 4 && rate > 1.25 * ceilings.fma_gflops; attempt++) {
        check_ok(clmix_device_ceilings(test_device, &ceilings));
        rate = 0;
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            if (shapes[i][0] <= test_device->info.vector_width)
                rate = fmax(rate, loop_rate(shapes[i][0], shapes[i][1]));
    }
    ck_assert_msg(rate <= 1.25 * ceilings.fma_gflops, "a loop does %g GFLOP/s, the ceiling is %g", rate, ceilings.fma_gflops);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("probe");
    TCase *code = tcase_create("code");

    tcase_add_test(code, multiply_adds_are_instructions);
    tcase_add_test(code, settings_of_a_driver_are_found);
    tcase_add_test(code, width_is_the_compilers);
    tcase_add_test(code, no_loop_exceeds_the_ceiling);
    tcase_add_unchecked_fixture(code, make_kernels, remove_kernels);
    tcase_add_checked_fixture(code, open_test_device, close_test_device);
    suite_add_tcase(suite, code);
    return support_run(suite);
}
