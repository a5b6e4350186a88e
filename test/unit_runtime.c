/* The runtime behind a device: programs, memory, profiling, random numbers. On the device that CLMIX_DEVICE names. */
#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "runtime/embedded.h"
#include "support_device.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[256], kernel_folder[300];

/* Unchecked fixtures of every case. */
static void make_folders(void)
{
    char cache_folder[300];

    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(cache_folder, sizeof cache_folder, "%s/cache", folder);
    snprintf(kernel_folder, sizeof kernel_folder, "%s/kernels", folder);
    check_ok(clmix_folder_make(kernel_folder));
    setenv("CLMIX_CACHE_DIR", cache_folder, 1);
}

static void remove_folders(void)
{
    remove_folder(folder);
}

/* Kernels are read from the test's folder, which holds the library's own as well. */
static void open_with_folder(void)
{
    setenv("CLMIX_KERNEL_DIR", kernel_folder, 1);
    open_test_device();
}

static void close_with_folder(void)
{
    close_test_device();
    unsetenv("CLMIX_KERNEL_DIR");
}

/* --- hash --------------------------------------------------------------------------------------------------------------------------- */

static void check_digest(const char *text, size_t bytes, const char *expected)
{
    unsigned char digest[CLMIX_HASH_BYTES];
    char hex[2 * CLMIX_HASH_BYTES + 1];
    clmix_hash hash;

    clmix_hash_start(&hash);
    for (size_t i = 0, part = 1; i < bytes; i += part, part = part % 77 + 1) /* pieces of every length across the blocks */
        clmix_hash_add(&hash, text + i, part < bytes - i ? part : bytes - i);
    clmix_hash_finish(&hash, digest);
    clmix_hash_hex(digest, hex);
    ck_assert_str_eq(hex, expected);
}

START_TEST(hash_known_answers)
{
    char *million = malloc(1000000);

    check_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    ck_assert_ptr_nonnull(million);
    memset(million, 'a', 1000000);
    check_digest(million, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}
END_TEST

/* --- programs ----------------------------------------------------------------------------------------------------------------------- */

static void write_kernel(const char *name, const char *text)
{
    char *path = clmix_path_join(kernel_folder, name);

    check_ok(clmix_file_write(path, text, strlen(text)));
    free(path);
}

static void write_library_kernels(void)
{
    for (size_t i = 0; i < clmix_embedded_count; i++)
        write_kernel(clmix_embedded_files[i].name, (const char *)clmix_embedded_files[i].text);
}

/* Runs kernel `name` of a file in the test's folder on one work-item; gives the int it writes. */
static int run_kernel(const char *file, const char *name, const char *options)
{
    struct clmix_launch launch = { .dimensions = 1, .global = { 1 }, .local = { 1 }, .name = name };
    cl_mem memory;
    int result;

    check_ok(clmix_kernel_create(test_device, file, name, options, &launch.kernel));
    check_ok(clmix_buffer_create(test_device, sizeof result, "a test", &memory));
    ck_assert_int_eq(clSetKernelArg(launch.kernel, 0, sizeof memory, &memory), CL_SUCCESS);
    check_ok(clmix_launch_enqueue(test_device, &launch));
    check_ok(clmix_buffer_read(test_device, memory, 0, &result, sizeof result));
    clmix_launch_clear(&launch);
    ck_assert_ptr_null(launch.kernel);
    clmix_buffer_release(test_device, memory);
    return result;
}

START_TEST(sources_are_read_from_a_folder)
{
    cl_kernel kernel;

    write_kernel("inner.h", "#define INNER 3\n");
    write_kernel("outer.h", "  #include \"inner.h\"\n#define OUTER (INNER + 4)\nint twice(int);\nint twice(int x) { return 2 * x; }\n");
    write_kernel("answer.cl", "#include \"outer.h\"\n#include \"inner.h\"\n#include \"outer.h\"    // once only\n"
                              "#ifndef K\n#define K 100\n#endif\n__kernel void answer(__global int *out) { *out = twice(OUTER) + K; }");
    ck_assert_int_eq(run_kernel("answer.cl", "answer", NULL), 114);
    ck_assert_int_eq(run_kernel("answer.cl", "answer", "-DK=1"), 15);
    ck_assert_int_eq(clmix_kernel_create(test_device, "answer.cl", "question", NULL, &kernel), CLMIX_ERROR_BUILD);
    ck_assert(error_mentions("question"));
    ck_assert_int_eq(clmix_kernel_create(test_device, "none.cl", "none", NULL, &kernel), CLMIX_ERROR_FILE);
    ck_assert(error_mentions("none.cl"));
    unsetenv("CLMIX_KERNEL_DIR");
    ck_assert_int_eq(clmix_kernel_create(test_device, "none.cl", "none", NULL, &kernel), CLMIX_ERROR_INTERNAL);
}
END_TEST

START_TEST(build_failure_gives_the_log)
{
    cl_kernel kernel;

    write_kernel("broken.cl", "__kernel void broken(__global int *out) { *out = undeclared_thing; }\n");
    ck_assert_int_eq(clmix_kernel_create(test_device, "broken.cl", "broken", "-DK=1", &kernel), CLMIX_ERROR_BUILD);
    ck_assert_ptr_null(kernel);
    ck_assert_msg(error_mentions("broken.cl") && error_mentions("-DK=1") && error_mentions("undeclared_thing"), "%s", clmix_error());
    write_kernel("mended.cl", "__kernel void mended(__global int *out) { *out = 7; }\n");
    ck_assert_int_eq(run_kernel("mended.cl", "mended", ""), 7);
}
END_TEST

START_TEST(every_build_gets_its_options)
{
    int wide = test_device->info.form == CLMIX_WIDE;

    write_kernel("options.cl", "__kernel void options(__global int *out) { *out = CLMIX_FMA * 10000 + CLMIX_WIDE * 1000 + VW; }\n");
    wide = test_device->info.fused_multiply_add * 10000 + wide * 1000;
    ck_assert_int_eq(run_kernel("options.cl", "options", ""), wide + (int)clmix_vector_width(&test_device->info));
    ck_assert_int_eq(run_kernel("options.cl", "options", "-DVW=2"), wide + 2); /* the caller's wins */
}
END_TEST

/* What the watcher was told: one file after the other, and the end. */
struct watched {
    size_t begun, ended;
    char last[64];
};

static void note_compile(void *user, const char *file, size_t compiled)
{
    struct watched *watched = user;

    if (file == NULL) {
        watched->ended++;
        return;
    }
    ck_assert_uint_eq(compiled, watched->begun);
    watched->begun++;
    snprintf(watched->last, sizeof watched->last, "%s", file);
}

START_TEST(compiling_is_watched)
{
    struct watched watched = { 0 };
    clmix_device *kept = test_device;

    write_kernel("watched.cl", "__kernel void kernel_of_it(__global int *out) { *out = 3 + MORE; }\n");
    for (int round = 0; round < 2; round++) {
        memset(&watched, 0, sizeof watched);
        check_ok(clmix_device_open(&test_device, NULL));
        clmix_device_watch_compiler(test_device, note_compile, &watched);
        ck_assert_int_eq(run_kernel("watched.cl", "kernel_of_it", "-DMORE=1"), 4);
        ck_assert_int_eq(run_kernel("watched.cl", "kernel_of_it", "-DMORE=2"), 5);
        clmix_programs_store(test_device);
        clmix_programs_store(test_device);
        ck_assert_uint_eq(watched.begun, round == 0 ? 2 : 0); /* the second time they come from the disk */
        ck_assert_uint_eq(watched.ended, round == 0 ? 1 : 0);
        ck_assert_str_eq(watched.last, round == 0 ? "watched.cl" : "");
        clmix_device_watch_compiler(test_device, NULL, NULL);
        ck_assert_int_eq(run_kernel("watched.cl", "kernel_of_it", round == 0 ? "-DMORE=3" : "-DMORE=4"), round == 0 ? 6 : 7);
        ck_assert_uint_eq(watched.begun, round == 0 ? 2 : 0);
        clmix_device_close(test_device);
    }
    test_device = kept;
}
END_TEST

START_TEST(group_size_quirk_takes_the_attribute_away)
{
    struct clmix_candidate adreno = made_up_device(0, "QUALCOMM Snapdragon(TM)", "Adreno", CL_DEVICE_TYPE_GPU, 1, true);

    test_device->info.quirks |= adreno.info.quirks;
    write_kernel(
        "group.cl",
        "__kernel __attribute__((reqd_work_group_size(2, 1, 1))) void group(__global int *out) { *out = (int)get_local_size(0); }\n");
    ck_assert_int_eq(run_kernel("group.cl", "group", ""), 1); /* a group of 1 would be refused otherwise */
}
END_TEST

/* Kernels created after a program was stored are stored too. */
START_TEST(later_kernels_are_stored)
{
    static const char text[] = "__kernel void one(__global int *out) { *out = 1; }\n__kernel void two(__global int *out) { *out = 2; }\n";
    clmix_device *kept = test_device;
    size_t compiled, loaded;

    write_kernel("pair.cl", text);
    for (int round = 0; round < 3; round++) {
        check_ok(clmix_device_open(&test_device, NULL));
        ck_assert_int_eq(run_kernel("pair.cl", "one", ""), 1);
        clmix_programs_store(test_device);
        if (round > 0)
            ck_assert_int_eq(run_kernel("pair.cl", "two", ""), 2);
        clmix_device_programs(test_device, &compiled, &loaded);
        if (round > 0)
            ck_assert_uint_eq(compiled, 0);
        clmix_device_close(test_device);
    }
    test_device = kept;
}
END_TEST

/* --- memory ------------------------------------------------------------------------------------------------------------------------- */

START_TEST(books_are_kept)
{
    size_t before, after, peak, made, made_before;
    cl_mem a, b;

    clmix_device_memory(test_device, &before, &peak, &made_before);
    check_ok(clmix_buffer_create(test_device, 1000, "a test", &a));
    check_ok(clmix_buffer_create(test_device, 24, "a test", &b));
    clmix_device_memory(test_device, &after, &peak, &made);
    ck_assert_uint_eq(after, before + 1024);
    ck_assert_uint_eq(made, made_before + 2);
    clmix_buffer_release(test_device, a);
    clmix_buffer_release(test_device, NULL);
    clmix_device_memory(test_device, &after, &peak, &made);
    ck_assert_uint_eq(after, before + 24);
    ck_assert_uint_ge(peak, before + 1024);
    clmix_buffer_release(test_device, b);
    clmix_device_memory(test_device, &after, &peak, &made);
    ck_assert_uint_eq(after, before);
}
END_TEST

START_TEST(too_large_is_device_memory)
{
    clmix_device_info kept = test_device->info;
    size_t current, peak, made;
    clmix_status status;
    cl_mem memory;

    ck_assert_int_eq(clmix_buffer_create(test_device, kept.max_allocation_bytes + 1, "the arena", &memory), CLMIX_ERROR_DEVICE_MEMORY);
    ck_assert_ptr_null(memory);
    ck_assert_msg(error_mentions("the arena") && error_mentions("MB"), "%s", clmix_error());
    test_device->info.global_bytes = 1000;
    ck_assert_int_eq(clmix_buffer_create(test_device, 2000, "the arena", &memory), CLMIX_ERROR_DEVICE_MEMORY);
    /* The driver's own refusal, past our checks. Oclgrind gives memory of any size. */
    if (kept.max_allocation_bytes < (size_t)15 << 30 && strcmp(kept.platform, "Oclgrind") != 0) {
        test_device->info.global_bytes = test_device->info.max_allocation_bytes = SIZE_MAX;
        status = clmix_buffer_create(test_device, ((size_t)1 << 34) - 4, "the arena", &memory);
        ck_assert_msg(status == CLMIX_ERROR_DEVICE_MEMORY, "%s", clmix_error());
        ck_assert(error_mentions("the arena"));
    }
    test_device->info = kept;
    clmix_device_memory(test_device, &current, &peak, &made);
    ck_assert_uint_eq(current, 0);
    check_ok(clmix_device_check(test_device));
}
END_TEST

START_TEST(memory_is_written_copied_and_zeroed)
{
    enum { COUNT = 5003 };
    float data[COUNT], back[COUNT];
    clmix_traffic before, after;
    cl_mem a, b;

    for (int i = 0; i < COUNT; i++)
        data[i] = (float)i + 0.5f;
    check_ok(clmix_buffer_create(test_device, sizeof data, "a test", &a));
    check_ok(clmix_buffer_create(test_device, sizeof data, "a test", &b));
    clmix_device_traffic(test_device, &before);
    check_ok(clmix_buffer_read(test_device, a, 0, back, sizeof back));
    for (int i = 0; i < COUNT; i++)
        ck_assert(back[i] == 0);
    check_ok(clmix_buffer_write(test_device, a, 0, data, sizeof data));
    check_ok(clmix_buffer_copy(test_device, a, 4, b, 0, sizeof data - 4));
    check_ok(clmix_buffer_zero(test_device, b, 12, 4 * 4567));
    check_ok(clmix_buffer_read(test_device, b, 0, back, sizeof back));
    for (int i = 0; i < COUNT; i++) {
        float wanted = i == COUNT - 1 || (i >= 3 && i < 3 + 4567) ? 0 : data[i + 1];
        ck_assert_msg(back[i] == wanted, "element %d is %g", i, back[i]);
    }
    ck_assert_int_eq(clmix_buffer_zero(test_device, a, 2, 4), CLMIX_ERROR_INTERNAL);
    ck_assert_int_ne(clmix_buffer_write(test_device, a, sizeof data, data, 4), CLMIX_OK);
    check_ok(clmix_buffer_write(test_device, a, sizeof data, data, 0));
    clmix_device_traffic(test_device, &after); /* neither what failed nor what was nothing counts */
    ck_assert_uint_eq(after.uploads - before.uploads, 1);
    ck_assert_uint_eq(after.upload_bytes - before.upload_bytes, sizeof data);
    ck_assert(after.waiting_seconds > before.waiting_seconds);
    clmix_buffer_release(test_device, a);
    clmix_buffer_release(test_device, b);
}
END_TEST

START_TEST(sleeping_wait_waits)
{
    struct clmix_candidate nvidia = made_up_device(0, "NVIDIA CUDA", "GTX", CL_DEVICE_TYPE_GPU, 8, false);
    cl_mem memory;

    test_device->info.quirks |= nvidia.info.quirks;
    check_ok(clmix_buffer_create(test_device, 1 << 20, "a test", &memory));
    check_ok(clmix_buffer_zero(test_device, memory, 0, 1 << 20));
    check_ok(clmix_device_wait(test_device));
    clmix_buffer_release(test_device, memory);
}
END_TEST

/* --- launches and profiling --------------------------------------------------------------------------------------------------------- */

START_TEST(refused_launch_names_the_op)
{
    struct clmix_launch launch = { .dimensions = 1, .global = { 3 }, .local = { 2 }, .label = "layers.0.ff3", .name = "fill" };

    check_ok(clmix_kernel_create(test_device, "runtime.cl", "fill", "-DWG=1", &launch.kernel));
    ck_assert_int_ne(clmix_launch_enqueue(test_device, &launch), CLMIX_OK);
    ck_assert_msg(error_mentions("layers.0.ff3") && error_mentions("fill"), "%s", clmix_error());
    clmix_launch_clear(&launch);
}
END_TEST

static clmix_status count_call(clmix_device *at, void *context, cl_event *event)
{
    (void)at;
    (void)event;
    (*(int *)context)++;
    return CLMIX_OK;
}

static void check_trace(size_t count)
{
    char *path = clmix_path_join(folder, "trace.json");
    cJSON *trace, *events, *event;
    size_t bytes, complete = 0;
    void *text;

    check_ok(clmix_profile_write_trace(test_device, path));
    check_ok(clmix_file_read(path, 1 << 24, &text, &bytes));
    trace = cJSON_Parse(text);
    ck_assert_ptr_nonnull(trace);
    events = cJSON_GetObjectItem(trace, "traceEvents");
    cJSON_ArrayForEach(event, events)
    {
        if (strcmp(cJSON_GetObjectItem(event, "ph")->valuestring, "X") != 0)
            continue;
        ck_assert(cJSON_GetObjectItem(event, "ts")->valuedouble >= 0);
        ck_assert(cJSON_GetObjectItem(event, "dur")->valuedouble >= 0);
        complete++;
    }
    ck_assert_uint_eq(complete, count);
    cJSON_Delete(trace);
    free(text);
    ck_assert_int_eq(remove(path), 0);
    free(path);
}

START_TEST(profile_records_every_launch)
{
    enum { LAUNCHES = 700 }; /* more than the events held at a time */
    int calls = 0;
    struct clmix_launch call = { .call = count_call, .context = &calls, .label = "a \"quoted\\ label\n", .name = "library", .flops = 5 };
    const clmix_timing *timings;
    size_t count;
    cl_mem memory;

    check_ok(clmix_buffer_create(test_device, 4096, "a test", &memory));
    ck_assert_int_eq(clmix_profile_stop(test_device, &timings, &count), CLMIX_ERROR_ARGUMENT);
    ck_assert_int_eq(clmix_profile_write_trace(test_device, "/dev/null"), CLMIX_ERROR_ARGUMENT);
    for (int round = 0; round < 2; round++) {
        check_ok(clmix_profile_start(test_device));
        for (int i = 0; i < LAUNCHES; i++)
            check_ok(clmix_buffer_zero(test_device, memory, 0, 4096));
        check_ok(clmix_launch_enqueue(test_device, &call));
        check_ok(clmix_buffer_zero(test_device, memory, 0, 2048));
        check_ok(clmix_profile_stop(test_device, &timings, &count));
        ck_assert_uint_eq(count, LAUNCHES + 2);
        ck_assert_str_eq(timings[0].kernel, "fill");
        ck_assert_uint_eq(timings[0].bytes, 4096);
        ck_assert_str_eq(timings[LAUNCHES].label, call.label);
        ck_assert_uint_eq(timings[LAUNCHES].flops, 5);
        ck_assert_uint_eq(timings[LAUNCHES + 1].bytes, 2048);
        for (size_t i = 0; i < count; i++)
            ck_assert(timings[i].start_us >= 0 && timings[i].duration_us >= 0);
        check_trace(count);
    }
    ck_assert_int_eq(calls, 2);
    check_ok(clmix_launch_enqueue(test_device, &call)); /* not recorded any more */
    ck_assert_int_eq(clmix_profile_stop(test_device, &timings, &count), CLMIX_ERROR_ARGUMENT);
    clmix_buffer_release(test_device, memory);
}
END_TEST

/* --- random numbers ----------------------------------------------------------------------------------------------------------------- */

/* The known-answer vectors of Random123 for Philox 4x32-10: counter, key, words. */
static const uint32_t known[][10] = {
    { 0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
    { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd },
    { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 },
};

static void device_words(const uint32_t input[6], uint32_t words[4])
{
    struct clmix_launch launch = { .dimensions = 1, .global = { 1 }, .local = { 1 }, .name = "words" };
    cl_mem memory;

    check_ok(clmix_buffer_create(test_device, 24, "a test", &memory));
    check_ok(clmix_buffer_write(test_device, memory, 0, input, 24));
    check_ok(clmix_kernel_create(test_device, "words.cl", "words", "", &launch.kernel));
    ck_assert_int_eq(clSetKernelArg(launch.kernel, 0, sizeof memory, &memory), CL_SUCCESS);
    check_ok(clmix_launch_enqueue(test_device, &launch));
    check_ok(clmix_buffer_read(test_device, memory, 0, words, 16));
    clmix_launch_clear(&launch);
    clmix_buffer_release(test_device, memory);
}

START_TEST(philox_known_answers)
{
    uint32_t words[4];

    write_kernel("words.cl", "#include \"random.h\"\n__kernel void words(__global uint *data)\n"
                             "{ vstore4(clmix_philox((uint2)(data[4], data[5]), vload4(0, data)), 0, data); }\n");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        clmix_philox((uint64_t)known[i][5] << 32 | known[i][4], known[i], words);
        ck_assert_mem_eq(words, known[i] + 6, sizeof words);
        device_words(known[i], words);
        ck_assert_mem_eq(words, known[i] + 6, sizeof words);
    }
}
END_TEST

/* ------------------------------------------------------------------------------------------------------------------------------------ */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("runtime");
    TCase *plain = tcase_create("plain"), *programs = tcase_create("programs"), *memory = tcase_create("memory"),
          *profile = tcase_create("profile");
    TCase *const with_device[] = { memory, profile };

    tcase_add_test(plain, hash_known_answers);
    tcase_add_test(programs, sources_are_read_from_a_folder);
    tcase_add_test(programs, build_failure_gives_the_log);
    tcase_add_test(programs, every_build_gets_its_options);
    tcase_add_test(programs, compiling_is_watched);
    tcase_add_test(programs, group_size_quirk_takes_the_attribute_away);
    tcase_add_test(programs, philox_known_answers);
    tcase_add_test(programs, later_kernels_are_stored);
    tcase_add_test(memory, books_are_kept);
    tcase_add_test(memory, too_large_is_device_memory);
    tcase_add_test(memory, memory_is_written_copied_and_zeroed);
    tcase_add_test(memory, sleeping_wait_waits);
    tcase_add_test(profile, refused_launch_names_the_op);
    tcase_add_test(profile, profile_records_every_launch);
    tcase_add_unchecked_fixture(plain, make_folders, remove_folders);
    tcase_add_unchecked_fixture(programs, make_folders, remove_folders);
    tcase_add_unchecked_fixture(programs, write_library_kernels, NULL);
    tcase_add_checked_fixture(programs, open_with_folder, close_with_folder);
    suite_add_tcase(suite, plain);
    suite_add_tcase(suite, programs);
    for (size_t i = 0; i < sizeof with_device / sizeof with_device[0]; i++) {
        tcase_add_unchecked_fixture(with_device[i], make_folders, remove_folders);
        tcase_add_checked_fixture(with_device[i], open_test_device, close_test_device);
        suite_add_tcase(suite, with_device[i]);
    }
    return suite;
}

int main(void)
{
    return support_run(make_suite());
}
