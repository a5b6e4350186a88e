/* Devices: finding, choosing, adopting, describing, checking and measuring them. On the device that CLMIX_DEVICE names. */
#include "support_device.h"
#include "support_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- devices ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(list_numbers_devices_in_order)
{
    clmix_device_info *list;
    size_t count;

    check_ok(clmix_device_list(&list, &count, NULL));
    ck_assert_uint_gt(count, 0);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(list[i].index, (int)i);
        ck_assert_int_ge(list[i].platform_index, 0);
        ck_assert_uint_gt(strlen(list[i].name), 0);
        ck_assert_uint_gt(list[i].max_allocation_bytes, 0);
        ck_assert_uint_gt(list[i].max_work_group, 0);
    }
    clmix_free(list);
}
END_TEST

static void check_selects(const char *selector, const clmix_device_info *wanted)
{
    clmix_device *opened;

    check_ok(clmix_device_open(&opened, selector));
    ck_assert_int_eq(clmix_device_describe(opened)->index, wanted->index);
    clmix_device_close(opened);
}

START_TEST(selectors_find_the_device)
{
    const clmix_device_info *info = clmix_device_describe(test_device);
    char selector[64];

    snprintf(selector, sizeof selector, "%d", info->index);
    check_selects(selector, info);
    snprintf(selector, sizeof selector, "%d:%d", info->platform_index, info->device_index);
    check_selects(selector, info);
    check_selects(NULL, info);
}
END_TEST

START_TEST(selection_prefers_the_most_capable)
{
    const struct clmix_candidate all[] = {
        made_up_device(0, "rusticl", "llvmpipe (LLVM 15.0.6, 256 bits)", CL_DEVICE_TYPE_CPU, 64, true),
        made_up_device(1, "Portable Computing Language", "pthread-EPYC", CL_DEVICE_TYPE_CPU, 32, true),
        made_up_device(2, "Intel(R) OpenCL Graphics", "Iris", CL_DEVICE_TYPE_GPU, 96, true),
        made_up_device(3, "AMD APP", "gfx1030", CL_DEVICE_TYPE_GPU, 40, false),
        made_up_device(4, "AMD APP", "gfx1100", CL_DEVICE_TYPE_GPU, 60, false),
    };
    static const struct {
        const char *selector;
        size_t count, chosen;
    } cases[] = {
        { NULL, 5, 4 }, { NULL, 4, 3 },  { NULL, 3, 2 },   { NULL, 2, 1 },  { NULL, 1, 0 },      { "cpu", 5, 1 },      { "GPU", 5, 4 },
        { "2", 5, 2 },  { "1:1", 5, 3 }, { "IRIS", 5, 2 }, { "amd", 5, 4 }, { "gfx1030", 5, 3 }, { "llvmpipe", 5, 0 }, { "0", 5, 0 },
    };
    static const char *const missing[] = { "5", "7:0", "1:2", "accelerator", "geforce", "1:", "-1", "0x1" };
    size_t chosen;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_ok(clmix_select(all, cases[i].count, cases[i].selector, &chosen));
        ck_assert_msg(chosen == cases[i].chosen, "case %zu chose %zu", i, chosen);
    }
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        ck_assert_int_eq(clmix_select(all, 5, missing[i], &chosen), CLMIX_ERROR_NO_DEVICE);
        ck_assert(error_mentions(missing[i]) && error_mentions("gfx1100"));
    }
}
END_TEST

START_TEST(selectors_know_vendors_and_versions)
{
    struct clmix_candidate all[] = {
        made_up_device(0, "Portable Computing Language", "pthread-skylake-Intel Core i7", CL_DEVICE_TYPE_CPU, 64, true),
        made_up_device(1, "Intel(R) OpenCL", "AMD EPYC", CL_DEVICE_TYPE_CPU, 32, true),
        made_up_device(2, "Clover", "Radeon", CL_DEVICE_TYPE_GPU, 8, false),
    };
    static const struct {
        const char *selector;
        size_t chosen;
    } cases[] = { { "pocl", 0 },           { "PoCL 3.1", 0 },    { "genuineintel", 0 }, { "Portable", 0 }, { "22.3", 2 },
                  { "advanced micro", 2 }, { "corporation", 1 }, { "intel(r) op", 1 },  { "2024.18", 1 } };
    static const char *const slips[][2] = { { "poccl", "'PoCL'" }, { "Intle", "'Intel'" }, { "cup", "'cpu'" }, { "raedon", "'Radeon'" } };
    size_t chosen;

    snprintf(all[0].info.platform_version, sizeof all[0].info.platform_version, "OpenCL 3.0 PoCL 3.1+debian");
    snprintf(all[0].info.vendor, sizeof all[0].info.vendor, "GenuineIntel");
    snprintf(all[1].info.vendor, sizeof all[1].info.vendor, "Intel(R) Corporation");
    snprintf(all[1].info.driver, sizeof all[1].info.driver, "2024.18.12");
    snprintf(all[2].info.vendor, sizeof all[2].info.vendor, "Advanced Micro Devices");
    snprintf(all[2].info.platform_version, sizeof all[2].info.platform_version, "OpenCL 1.1 Mesa 22.3.6");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_ok(clmix_select(all, 3, cases[i].selector, &chosen));
        ck_assert_msg(chosen == cases[i].chosen, "'%s' chose %zu", cases[i].selector, chosen);
    }
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        ck_assert_int_eq(clmix_select(all, 3, slips[i][0], &chosen), CLMIX_ERROR_NO_DEVICE);
        ck_assert_msg(error_mentions("did you mean") && error_mentions(slips[i][1]), "%s", clmix_error());
    }
}
END_TEST

START_TEST(quirks_match_their_devices)
{
    struct clmix_candidate rusticl = made_up_device(0, "rusticl", "AMD Radeon", CL_DEVICE_TYPE_GPU, 8, false);
    struct clmix_candidate pocl = made_up_device(0, "Portable Computing Language", "pthread", CL_DEVICE_TYPE_CPU, 8, true);
    struct clmix_candidate nvidia = made_up_device(0, "NVIDIA CUDA", "GTX", CL_DEVICE_TYPE_GPU, 8, false);
    struct clmix_candidate pocl_6 = pocl;

    snprintf(pocl_6.info.driver, sizeof pocl_6.info.driver, "6.0+debian");
    pocl_6.info.quirks = clmix_quirks_match(&pocl_6.info);
    ck_assert(clmix_quirk_in_force(&pocl_6.info, CLMIX_EFFECT_WIDE));
    ck_assert(clmix_device_one_form(&pocl_6.info));
    ck_assert(clmix_device_one_form(&rusticl.info));
    ck_assert(!clmix_device_one_form(&pocl.info));
    ck_assert(clmix_quirk_in_force(&rusticl.info, CLMIX_EFFECT_SIMT));
    ck_assert(!clmix_quirk_in_force(&rusticl.info, CLMIX_EFFECT_LAST));
    ck_assert(clmix_quirk_in_force(&nvidia.info, CLMIX_EFFECT_SLEEP));
    ck_assert_uint_eq(pocl.info.quirks, 0);
    ck_assert_ptr_null(clmix_device_quirk(&pocl.info, 0));
    ck_assert_ptr_nonnull(strstr(clmix_device_quirk(&rusticl.info, 0), "simt-only"));
    ck_assert_ptr_null(clmix_device_quirk(&rusticl.info, 64));
}
END_TEST

START_TEST(bad_selector_is_no_device)
{
    clmix_device *none;

    ck_assert_int_eq(clmix_device_open(&none, "no such device"), CLMIX_ERROR_NO_DEVICE);
    ck_assert_ptr_null(none);
    ck_assert(error_mentions("no such device"));
}
END_TEST

START_TEST(kernel_form_follows_the_environment)
{
    char *before = getenv("CLMIX_KERNELS") == NULL ? NULL : strdup(getenv("CLMIX_KERNELS"));
    clmix_device *generic, *none;

    setenv("CLMIX_KERNELS", "simt", 1);
    check_ok(clmix_device_generic(&generic));
    ck_assert_int_eq(clmix_device_describe(generic)->form, CLMIX_SIMT);
    clmix_device_close(generic);
    setenv("CLMIX_KERNELS", "wide", 1);
    check_ok(clmix_device_generic(&generic));
    ck_assert_int_eq(clmix_device_describe(generic)->form, CLMIX_WIDE);
    clmix_device_close(generic);
    setenv("CLMIX_KERNELS", "fast", 1);
    ck_assert_int_eq(clmix_device_generic(&none), CLMIX_ERROR_ARGUMENT);
    ck_assert_int_eq(clmix_device_open(&none, NULL), CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_null(none);
    ck_assert(error_mentions("fast"));
    if (before != NULL)
        setenv("CLMIX_KERNELS", before, 1);
    else
        unsetenv("CLMIX_KERNELS");
    free(before);
}
END_TEST

START_TEST(generic_device_refuses_to_run)
{
    clmix_device *generic;
    clmix_ceilings ceilings;
    cl_kernel kernel;
    cl_mem memory;

    check_ok(clmix_device_generic(&generic));
    ck_assert_int_eq(clmix_kernel_create(generic, "runtime.cl", "fill", "", &kernel), CLMIX_ERROR_NO_DEVICE);
    ck_assert_int_eq(clmix_buffer_create(generic, 64, "a test", &memory), CLMIX_ERROR_NO_DEVICE);
    ck_assert_int_eq(clmix_device_wait(generic), CLMIX_ERROR_NO_DEVICE);
    ck_assert_int_eq(clmix_device_check(generic), CLMIX_ERROR_NO_DEVICE);
    ck_assert_int_eq(clmix_device_ceilings(generic, &ceilings), CLMIX_ERROR_NO_DEVICE);
    ck_assert_int_eq(clmix_profile_start(generic), CLMIX_ERROR_NO_DEVICE);
    ck_assert_int_eq(clmix_launch_enqueue(generic, &(struct clmix_launch){ .dimensions = 1 }), CLMIX_ERROR_NO_DEVICE);
    ck_assert(error_mentions("generic"));
    clmix_programs_store(generic);
    clmix_device_close(generic);
}
END_TEST

START_TEST(device_passes_its_check)
{
    check_ok(clmix_device_check(test_device));
}
END_TEST

START_TEST(ceilings_are_positive)
{
    clmix_ceilings ceilings;

    check_ok(clmix_device_ceilings(test_device, &ceilings));
    ck_assert(ceilings.fma_gflops > 0 && ceilings.copy_gbs > 0 && ceilings.launch_us > 0 && ceilings.sync_launch_us > 0);
}
END_TEST

/* --- adopting ----------------------------------------------------------------------------------------------------------------------- */

START_TEST(adopted_device_works_and_is_left_alone)
{
    cl_int code;
    cl_context context = clCreateContext(NULL, 1, &test_device->id, NULL, NULL, &code), other;
    cl_command_queue queue = clCreateCommandQueue(context, test_device->id, 0, &code);
    const clmix_timing *timings;
    clmix_device *adopted;
    size_t count;
    cl_mem memory;

    check_ok(clmix_device_adopt(&adopted, context, test_device->id, queue));
    ck_assert_int_eq(clmix_device_describe(adopted)->index, -1);
    ck_assert_str_eq(clmix_device_describe(adopted)->name, clmix_device_describe(test_device)->name);
    ck_assert_ptr_eq(clmix_device_context(adopted), context);
    ck_assert_ptr_eq(clmix_device_queue(adopted), queue);
    check_ok(clmix_device_check(adopted));
    check_ok(clmix_buffer_create(adopted, 4096, "a test", &memory));
    check_ok(clmix_profile_start(adopted)); /* a queue without profiling: timed by the clock */
    check_ok(clmix_buffer_zero(adopted, memory, 0, 4096));
    check_ok(clmix_profile_stop(adopted, &timings, &count));
    ck_assert_uint_eq(count, 1);
    ck_assert(timings[0].duration_us > 0 && timings[0].start_us >= 0);
    clmix_buffer_release(adopted, memory);
    clmix_device_close(adopted);
    ck_assert_int_eq(clFinish(queue), CL_SUCCESS);

    other = clCreateContext(NULL, 1, &test_device->id, NULL, NULL, &code);
    ck_assert_int_eq(clmix_device_adopt(&adopted, other, test_device->id, queue), CLMIX_ERROR_ARGUMENT);
    ck_assert_int_eq(clmix_device_adopt(&adopted, context, test_device->id, NULL), CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_null(adopted);
    clReleaseContext(other);
    clReleaseCommandQueue(queue);
    clReleaseContext(context);
}
END_TEST

START_TEST(out_of_order_queue_is_refused)
{
    cl_int code;
    cl_command_queue queue = clCreateCommandQueue(test_device->context, test_device->id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    clmix_device *adopted;

    if (queue == NULL)
        return; /* the device has none */
    ck_assert_int_eq(clmix_device_adopt(&adopted, test_device->context, test_device->id, queue), CLMIX_ERROR_ARGUMENT);
    ck_assert(error_mentions("out of order"));
    clReleaseCommandQueue(queue);
}
END_TEST

/* ------------------------------------------------------------------------------------------------------------------------------------ */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("device");
    TCase *plain = tcase_create("plain"), *opened = tcase_create("opened");

    tcase_add_test(plain, selection_prefers_the_most_capable);
    tcase_add_test(plain, selectors_know_vendors_and_versions);
    tcase_add_test(plain, quirks_match_their_devices);
    tcase_add_test(plain, list_numbers_devices_in_order);
    tcase_add_test(plain, bad_selector_is_no_device);
    tcase_add_test(plain, kernel_form_follows_the_environment);
    tcase_add_test(plain, generic_device_refuses_to_run);
    tcase_add_checked_fixture(opened, open_test_device, close_test_device);
    tcase_add_test(opened, selectors_find_the_device);
    tcase_add_test(opened, device_passes_its_check);
    tcase_add_test(opened, ceilings_are_positive);
    tcase_add_test(opened, adopted_device_works_and_is_left_alone);
    tcase_add_test(opened, out_of_order_queue_is_refused);
    suite_add_tcase(suite, plain);
    suite_add_tcase(suite, opened);
    return suite;
}

int main(void)
{
    return support_run(make_suite());
}
