/* The cache of compiled programs: what it keeps, damage, its size. On the device that CLMIX_DEVICE names. */
#include "base/file.h"
#include "base/hash.h"
#include "support_device.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[256];

/* Checked fixtures: every test has an empty cache of its own. */
static void make_cache(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
    setenv("CLMIX_CACHE_DIR", folder, 1);
}

static void remove_cache(void)
{
    unsetenv("CLMIX_CACHE_MB");
    remove_folder(folder);
}

/* --- what it keeps ------------------------------------------------------------------------------------------------------------------- */

/* Calls visit(path) for each stored program; gives how many there are. */
static size_t each_stored(void (*visit)(const char *path))
{
    DIR *stream = opendir(folder);
    size_t count = 0;

    for (struct dirent *entry = stream == NULL ? NULL : readdir(stream); entry != NULL; entry = readdir(stream)) {
        char path[512];

        if (strstr(entry->d_name, ".clmix") == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (visit != NULL)
            visit(path);
        count++;
    }
    if (stream != NULL)
        closedir(stream);
    return count;
}

static void remove_file(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
}

static void rewrite(const char *path, void (*change)(unsigned char *data, size_t *bytes))
{
    FILE *stream;
    size_t bytes;
    void *data;

    check_ok(clmix_file_read(path, (size_t)1 << 30, &data, &bytes));
    change(data, &bytes);
    stream = fopen(path, "wb");
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_eq(fwrite(data, 1, bytes, stream), bytes);
    fclose(stream);
    free(data);
}

static void flip_last(unsigned char *data, size_t *bytes)
{
    data[*bytes - 1] ^= 1;
}
static void flip_magic(unsigned char *data, size_t *bytes)
{
    (void)bytes;
    data[0] ^= 1;
}
static void flip_key(unsigned char *data, size_t *bytes)
{
    (void)bytes;
    data[9] ^= 1;
}
static void huge_length(unsigned char *data, size_t *bytes)
{
    (void)bytes;
    memset(data + 40, 0xFF, 8);
}
static void halve(unsigned char *data, size_t *bytes)
{
    (void)data;
    *bytes /= 2;
}
static void cut_header(unsigned char *data, size_t *bytes)
{
    (void)data;
    *bytes = 20;
}
static void empty(unsigned char *data, size_t *bytes)
{
    (void)data;
    *bytes = 0;
}

static void (*const damages[])(unsigned char *, size_t *) = { flip_last, flip_magic, flip_key, huge_length, halve, cut_header, empty };
static void (*damage)(unsigned char *, size_t *);

static void damage_file(const char *path)
{
    rewrite(path, damage);
}

/* Opens the device anew, uses it, and counts what it compiled and loaded. */
static void use_anew(size_t *compiled, size_t *loaded)
{
    clmix_device *fresh;

    check_ok(clmix_device_open(&fresh, NULL));
    check_ok(clmix_device_check(fresh));
    clmix_device_programs(fresh, compiled, loaded);
    clmix_device_close(fresh);
}

START_TEST(second_start_compiles_nothing)
{
    size_t compiled, loaded, first;

    each_stored(remove_file);
    use_anew(&first, &loaded);
    ck_assert_uint_gt(first, 0);
    ck_assert_uint_eq(loaded, 0);
    ck_assert_uint_eq(each_stored(NULL), first);
    use_anew(&compiled, &loaded);
    ck_assert_uint_eq(compiled, 0);
    ck_assert_uint_eq(loaded, first);
}
END_TEST

START_TEST(damaged_cache_is_mended)
{
    size_t compiled, loaded, all;

    use_anew(&compiled, &loaded);
    all = compiled + loaded;
    damage = damages[_i];
    each_stored(damage_file);
    use_anew(&compiled, &loaded);
    ck_assert_uint_eq(compiled, all);
    ck_assert_uint_eq(loaded, 0);
    use_anew(&compiled, &loaded);
    ck_assert_uint_eq(compiled, 0);
    ck_assert_uint_eq(loaded, all);
}
END_TEST

/* A file that is whole, with a binary that the driver did not make. */
static void plant_text(const char *path)
{
    static const char junk[] = "this is no binary of any driver, and clCreateProgramWithBinary or clBuildProgram says so";
    unsigned char key[CLMIX_HASH_BYTES];
    size_t bytes;
    void *data;

    check_ok(clmix_file_read(path, (size_t)1 << 30, &data, &bytes));
    memcpy(key, (unsigned char *)data + 8, sizeof key);
    free(data);
    clmix_cache_save(key, "", junk, sizeof junk);
}

START_TEST(binary_that_the_driver_refuses_is_mended)
{
    size_t compiled, loaded, all;

    if (strcmp(test_device->info.platform, "rusticl") == 0)
        return; /* Mesa 22.3 aborts the process on a binary that it did not make */
    use_anew(&compiled, &loaded);
    all = compiled + loaded;
    each_stored(plant_text);
    use_anew(&compiled, &loaded);
    ck_assert_uint_eq(compiled, all);
    use_anew(&compiled, &loaded);
    ck_assert_uint_eq(compiled, 0);
}
END_TEST

START_TEST(unusable_cache_folder_is_ignored)
{
    static const char *const folders[] = { "/dev/null/cache", "/proc/clmix-cache", "" };
    size_t compiled, loaded;

    setenv("CLMIX_CACHE_DIR", folders[_i], 1);
    ck_assert_str_eq(clmix_cache_folder(), folders[_i]);
    ck_assert_int_eq(clmix_device_open(&(clmix_device *){ NULL }, "no such device"), CLMIX_ERROR_NO_DEVICE);
    use_anew(&compiled, &loaded);
    ck_assert_uint_gt(compiled, 0);
    ck_assert_uint_eq(loaded, 0);
    ck_assert(error_mentions("no such device")); /* the failure to store left the caller's error text alone */
    setenv("CLMIX_CACHE_DIR", folder, 1);
}
END_TEST

START_TEST(cache_folder_follows_the_environment)
{
    char *home = getenv("HOME") == NULL ? NULL : strdup(getenv("HOME")),
         *xdg = getenv("XDG_CACHE_HOME") == NULL ? NULL : strdup(getenv("XDG_CACHE_HOME"));

    unsetenv("CLMIX_CACHE_DIR");
    setenv("XDG_CACHE_HOME", "/x", 1);
    ck_assert_str_eq(clmix_cache_folder(), "/x/clmix");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "/h", 1);
    ck_assert_str_eq(clmix_cache_folder(), "/h/.cache/clmix");
    unsetenv("HOME");
    ck_assert_str_eq(clmix_cache_folder(), "");
    if (home != NULL)
        setenv("HOME", home, 1);
    if (xdg != NULL)
        setenv("XDG_CACHE_HOME", xdg, 1);
    free(home);
    free(xdg);
    setenv("CLMIX_CACHE_DIR", folder, 1);
}
END_TEST

START_TEST(key_covers_what_decides_the_binary)
{
    unsigned char base[CLMIX_HASH_BYTES], other[CLMIX_HASH_BYTES];
    clmix_device_info info = test_device->info;

    clmix_cache_key(&info, "text", "options", base);
    clmix_cache_key(&info, "text", "options", other);
    ck_assert_mem_eq(base, other, sizeof base);
    clmix_cache_key(&info, "texT", "options", other);
    ck_assert_mem_ne(base, other, sizeof base);
    clmix_cache_key(&info, "text", "optionS", other);
    ck_assert_mem_ne(base, other, sizeof base);
    clmix_cache_key(&info, "stext", "option", other);
    ck_assert_mem_ne(base, other, sizeof base);
    info.driver[0] ^= 1;
    clmix_cache_key(&info, "text", "options", other);
    ck_assert_mem_ne(base, other, sizeof base);
    info = test_device->info;
    info.platform_version[0] ^= 1;
    clmix_cache_key(&info, "text", "options", other);
    ck_assert_mem_ne(base, other, sizeof base);
    info = test_device->info;
    info.target ^= 1;
    clmix_cache_key(&info, "text", "options", other);
    ck_assert_mem_ne(base, other, sizeof base);
}
END_TEST

/* Two settings of one driver, on one processor with one name, share neither programs nor answers. */
START_TEST(settings_of_a_compiler_share_nothing)
{
    static const char *const variables[] = { "CL_CONFIG_CPU_TARGET_ARCH", "POCL_LLVM_CPU_NAME" };
    unsigned char base[CLMIX_HASH_BYTES], other[CLMIX_HASH_BYTES];
    clmix_device set = *test_device;
    char *path, *set_path;

    ck_assert(test_device->info.target == clmix_target_of(&test_device->info));
    ck_assert((test_device->info.target != 0) == clmix_is_processor(&test_device->info));
    set.info.type = CL_DEVICE_TYPE_GPU;
    ck_assert(clmix_target_of(&set.info) == 0);
    if (!clmix_is_processor(&test_device->info))
        return;
    path = clmix_tuning_path(test_device);
    clmix_cache_key(&test_device->info, "text", "options", base);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        char *before = getenv(variables[i]) == NULL ? NULL : strdup(getenv(variables[i]));

        setenv(variables[i], "something else", 1);
        set.info = test_device->info;
        set.info.target = clmix_target_of(&set.info);
        if (before == NULL)
            unsetenv(variables[i]);
        else
            setenv(variables[i], before, 1);
        free(before);
        set_path = clmix_tuning_path(&set);
        clmix_cache_key(&set.info, "text", "options", other);
        ck_assert_mem_ne(base, other, sizeof base);
        ck_assert_str_ne(path, set_path);
        free(set_path);
    }
    free(path);
}
END_TEST

/* --- its size ------------------------------------------------------------------------------------------------------------------------ */

#define ZEROS         "00000000000000000000000000000000000000000000000000000000000000" /* the rest of a made-up key */
#define PROGRAM_BYTES 300000 /* a third of a megabyte with what stands before it */

/* Stores a made-up program of which `number` is the key. */
static void store_number(unsigned char number)
{
    unsigned char key[CLMIX_HASH_BYTES] = { number }, *binary = calloc(1, PROGRAM_BYTES);

    ck_assert_ptr_nonnull(binary);
    clmix_cache_save(key, "kernel\n", binary, PROGRAM_BYTES);
    free(binary);
}

static bool is_stored(unsigned char number)
{
    unsigned char key[CLMIX_HASH_BYTES] = { number };
    struct clmix_cached cached;
    const bool stored = clmix_cache_load(key, &cached);

    free(cached.file);
    return stored;
}

/* The file of a made-up program, as if it had been used `hours` ago. */
static void age(unsigned char number, int hours)
{
    struct timespec times[2] = { { .tv_sec = time(NULL) - 3600 * hours }, { .tv_sec = time(NULL) - 3600 * hours } };
    char path[512];

    snprintf(path, sizeof path, "%s/%02x" ZEROS ".clmix", folder, number);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void write_beside(const char *name)
{
    static const char text[2000000] = "not of the cache";
    char path[512];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    check_ok(clmix_file_write(path, text, sizeof text));
}

static bool is_beside(const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* Room for three: of five, those stay that were stored or read last. */
START_TEST(least_recently_used_programs_go)
{
    clmix_cache_info info;

    setenv("CLMIX_CACHE_MB", "1", 1);
    for (unsigned char i = 1; i <= 5; i++) {
        store_number(i);
        age(i, 10 - i);
    }
    ck_assert(is_stored(2)); /* and so used just now */
    clmix_cache_trim();
    ck_assert(!is_stored(1) && is_stored(2) && !is_stored(3) && is_stored(4) && is_stored(5));
    check_ok(clmix_cache_describe(&info));
    ck_assert_uint_eq(info.programs, 3);
    ck_assert_uint_gt(info.bytes, (size_t)3 * PROGRAM_BYTES);
    ck_assert_uint_le(info.bytes, info.limit_bytes);
    ck_assert_uint_eq(info.limit_bytes, 1000000);
    clmix_cache_trim(); /* nothing is over the limit now */
    ck_assert(is_stored(2) && is_stored(4) && is_stored(5));
    setenv("CLMIX_CACHE_MB", "0.001", 1);
    age(4, 1);
    age(5, 2);
    clmix_cache_trim();
    ck_assert(is_stored(2) && !is_stored(4) && !is_stored(5)); /* the last one stays whatever the limit */
}
END_TEST

/* Large files that are not the cache's, and one that a process left unfinished, which is. */
START_TEST(what_is_not_the_caches_stays)
{
    static const char *const foreign[] = {
        "tuning-0123456789abcdef.txt",
        "notes.clmix",
        "0000000000000000000000000000000000000000000000000000000000000000.txt",
        "000000000000000000000000000000000000000000000000000000000000000g.clmix",
        "0000000000000000000000000000000000000000000000000000000000000000.clmix.old",
    };
    static const char unfinished[] = "0000000000000000000000000000000000000000000000000000000000000000.clmix.17.tmp";
    clmix_cache_info info;
    size_t programs, bytes;

    setenv("CLMIX_CACHE_MB", "1", 1);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        write_beside(foreign[i]);
    write_beside(unfinished);
    store_number(1);
    check_ok(clmix_cache_describe(&info));
    ck_assert_uint_eq(info.programs, 1);
    ck_assert_uint_gt(info.bytes, 2000000 + PROGRAM_BYTES);
    clmix_cache_trim();
    ck_assert(is_stored(1) && !is_beside(unfinished));
    clmix_cache_clear(&programs, &bytes);
    ck_assert_uint_eq(programs, 1);
    ck_assert_uint_gt(bytes, PROGRAM_BYTES);
    ck_assert(!is_stored(1));
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        ck_assert_msg(is_beside(foreign[i]), "%s is gone", foreign[i]);
}
END_TEST

/* A device that stores what it has compiled keeps to the limit by itself. */
START_TEST(a_store_makes_room)
{
    size_t compiled, loaded;

    setenv("CLMIX_CACHE_MB", "1", 1);
    for (unsigned char i = 1; i <= 4; i++) {
        store_number(i);
        age(i, 10 - i);
    }
    ck_assert(is_beside("01" ZEROS ".clmix"));
    use_anew(&compiled, &loaded);
    ck_assert_uint_gt(compiled, 0);
    ck_assert(!is_beside("01" ZEROS ".clmix") && is_beside("04" ZEROS ".clmix"));
}
END_TEST

START_TEST(sizes_that_are_none_are_refused)
{
    static const char *const given[] = { "none", "0", "-1", "5x", "1e30" };
    clmix_cache_info info;
    clmix_device *device;

    setenv("CLMIX_CACHE_MB", given[_i], 1);
    ck_assert_int_eq(clmix_cache_describe(&info), CLMIX_ERROR_ARGUMENT);
    ck_assert(error_mentions(given[_i]) && error_mentions("CLMIX_CACHE_MB"));
    ck_assert_int_eq(clmix_device_open(&device, NULL), CLMIX_ERROR_ARGUMENT);
    setenv("CLMIX_CACHE_MB", "", 1);
    check_ok(clmix_cache_describe(&info));
    ck_assert_uint_eq(info.limit_bytes, 512000000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    TCase *keeping = tcase_create("keeping"), *room = tcase_create("room");

    tcase_set_timeout(keeping, 300);
    tcase_add_checked_fixture(keeping, make_cache, remove_cache);
    tcase_add_checked_fixture(keeping, open_test_device, close_test_device);
    tcase_add_test(keeping, cache_folder_follows_the_environment);
    tcase_add_test(keeping, second_start_compiles_nothing);
    tcase_add_loop_test(keeping, damaged_cache_is_mended, 0, (int)(sizeof damages / sizeof damages[0]));
    tcase_add_test(keeping, binary_that_the_driver_refuses_is_mended);
    tcase_add_loop_test(keeping, unusable_cache_folder_is_ignored, 0, 3);
    tcase_add_test(keeping, key_covers_what_decides_the_binary);
    tcase_add_test(keeping, settings_of_a_compiler_share_nothing);
    tcase_add_checked_fixture(room, make_cache, remove_cache);
    tcase_add_test(room, least_recently_used_programs_go);
    tcase_add_test(room, what_is_not_the_caches_stays);
    tcase_add_test(room, a_store_makes_room);
    tcase_add_loop_test(room, sizes_that_are_none_are_refused, 0, 5);
    suite_add_tcase(suite, keeping);
    suite_add_tcase(suite, room);
    return support_run(suite);
}
