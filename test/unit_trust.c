/* Whose files are trusted: stored kernels are run, and so they, and what was measured, must be the user's own; and a bit that changed is
 * noticed. */
#include "base/file.h"
#include "io/safetensors.h"
#include "runtime/internal.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <clmix/clmix.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const unsigned char key[CLMIX_HASH_BYTES] = { 1, 2, 3 };
static const char *const ways[] = { "fast", "slow" };
static clmix_device device = { .real = true };
static char folder[512], cache[600], program[800], *tuning;
static mode_t mask;

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* A cache, not made yet, for a user whose new files everybody may write to; and the paths of a program and of the tuning results in it. */
static void begin(void)
{
    char hex[2 * CLMIX_HASH_BYTES + 1];

    mask = umask(0);
    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(cache, sizeof cache, "%s/new/cache", folder);
    clmix_hash_hex(key, hex);
    snprintf(program, sizeof program, "%s/%s.clmix", cache, hex);
    ck_assert_int_eq(setenv("CLMIX_CACHE_DIR", cache, 1), 0);
    unsetenv("CLMIX_TUNE");
    tuning = clmix_tuning_path(&device);
}

static void end(void)
{
    umask(mask);
    free(tuning);
    remove_folder(folder);
}

static void store(void)
{
    clmix_cache_save(key, "kernel\nother\n", "binary of a driver", 18);
}

static bool is_loaded(void)
{
    struct clmix_cached cached;
    const bool loaded = clmix_cache_load(key, &cached);

    ck_assert(!loaded || (cached.binary_bytes == 18 && memcmp(cached.binary, "binary of a driver", 18) == 0));
    free(cached.file);
    return loaded;
}

static int answer(void)
{
    int way;

    ok(clmix_tuning_find(&device, "question", ways, 2, &way));
    return way;
}

static void add_answer(const char *choice)
{
    ok(clmix_tuning_add(&device, "question", choice, "note"));
}

static unsigned mode_of(const char *path)
{
    struct stat info;

    ck_assert_int_eq(stat(path, &info), 0);
    return (unsigned)info.st_mode & 0777;
}

static void set_mode(const char *path, mode_t mode)
{
    ck_assert_int_eq(chmod(path, mode), 0);
}

static size_t count_refused(void)
{
    clmix_cache_info info;

    ok(clmix_cache_describe(&info));
    return info.refused;
}

/* ---- own files ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(what_is_made_is_the_users_alone)
{
    ck_assert_str_eq(clmix_cache_refusal(), "");
    ck_assert(clmix_tuning_kept(&device));
    add_answer("slow");
    store();
    ck_assert_uint_eq(mode_of(cache), 0700);
    ck_assert_uint_eq(mode_of(program), 0600);
    ck_assert_uint_eq(mode_of(tuning), 0600);
    ck_assert(is_loaded() && answer() == 1 && count_refused() == 0);
    ck_assert_str_eq(clmix_cache_refusal(), "");
}
END_TEST

/* Whoever may write to a file may have written it. */
START_TEST(files_that_others_may_write_are_passed_over)
{
    static const mode_t modes[] = { 0620, 0602, 0666, 0770 };

    store();
    add_answer("slow");
    set_mode(program, modes[_i]);
    set_mode(tuning, modes[_i]);
    ck_assert(!is_loaded());
    ck_assert_int_eq(answer(), -1);
    ck_assert(!clmix_tuning_kept(&device));
    ck_assert_uint_eq(count_refused(), 2);
    add_answer("fast"); /* is not kept */
    set_mode(tuning, 0600);
    ck_assert_int_eq(answer(), 1);
    store(); /* takes the place of the other */
    ck_assert(is_loaded() && mode_of(program) == 0600 && count_refused() == 0);
    set_mode(program, 0644); /* others may read it */
    ck_assert(is_loaded());
}
END_TEST

START_TEST(links_are_not_followed)
{
    char elsewhere[600];

    store();
    add_answer("slow");
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder);
    ck_assert_int_eq(rename(program, elsewhere), 0);
    ck_assert_int_eq(symlink(elsewhere, program), 0);
    ck_assert(!is_loaded());
    snprintf(elsewhere, sizeof elsewhere, "%s/answers", folder);
    ck_assert_int_eq(rename(tuning, elsewhere), 0);
    ck_assert_int_eq(symlink(elsewhere, tuning), 0);
    ck_assert_int_eq(answer(), -1);
    ck_assert(!clmix_tuning_kept(&device));
    ck_assert_uint_eq(count_refused(), 2);
}
END_TEST

START_TEST(a_folder_that_others_may_write_to_is_not_used)
{
    static const mode_t modes[] = { 0770, 0707, 0777, 01777 };
    size_t programs, bytes;

    store();
    add_answer("slow");
    set_mode(cache, modes[_i]);
    ck_assert_msg(strstr(clmix_cache_refusal(), cache) != NULL && strstr(clmix_cache_refusal(), "others may write to") != NULL, "%s",
                  clmix_cache_refusal());
    ck_assert(!is_loaded() && !clmix_tuning_used(&device) && !clmix_tuning_kept(&device));
    clmix_cache_clear(&programs, &bytes); /* touches nothing there */
    ck_assert_uint_eq(programs, 0);
    ck_assert_int_eq(unlink(program), 0);
    store();
    ck_assert_int_ne(access(program, F_OK), 0);
    set_mode(cache, 0755);
    ck_assert_int_eq(answer(), 1);
}
END_TEST

/* A folder of root's where this is not root, and where it is root one of somebody else's. The error text that a caller may want stays. */
START_TEST(a_folder_of_another_user_is_not_used)
{
    ck_assert_int_eq(setenv("CLMIX_CACHE_DIR", geteuid() == 0 ? cache : "/usr", 1), 0);
    if (geteuid() == 0) {
        store();
        ck_assert_int_eq(chown(cache, 12345, (gid_t)-1), 0);
    }
    ck_assert_int_ne(clmix_config_open(&(clmix_config *){ NULL }, "no such model"), CLMIX_OK);
    ck_assert_msg(strstr(clmix_cache_refusal(), geteuid() == 0 ? "belongs to user 12345" : "belongs to user 0") != NULL, "%s",
                  clmix_cache_refusal());
    ck_assert(!is_loaded());
    store();
    ck_assert_ptr_nonnull(strstr(clmix_error(), "no such model"));
}
END_TEST

START_TEST(files_of_another_user_are_passed_over)
{
    if (geteuid() != 0)
        return; /* only root can give files away */
    store();
    add_answer("slow");
    ck_assert_int_eq(chown(program, 12345, (gid_t)-1), 0);
    ck_assert_int_eq(chown(tuning, 12345, (gid_t)-1), 0);
    ck_assert(!is_loaded());
    ck_assert_int_eq(answer(), -1);
    ck_assert(!clmix_tuning_kept(&device));
}
END_TEST

START_TEST(the_program_says_that_a_cache_is_not_used)
{
    char *output;

    store();
    set_mode(cache, 0777);
    (void)run_tool(&output, "clmix-info");
    ck_assert_msg(strstr(output, "cache: not used because others may write to '") != NULL, "%s", output);
    free(output);
    (void)run_tool(&output, "clmix-info --json");
    ck_assert_msg(strstr(output, "\"not_used\":") != NULL, "%s", output);
    free(output);
    set_mode(cache, 0700);
    set_mode(program, 0666);
    (void)run_tool(&output, "clmix-info");
    ck_assert_msg(strstr(output, "1 files there are not used") != NULL, "%s", output);
    free(output);
}
END_TEST

/* ---- bits ----------------------------------------------------------------------------------------------------------------------------- */

static void write_at(const char *path, const void *content, size_t bytes)
{
    int file = open(path, O_WRONLY | O_TRUNC);

    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, content, bytes), (ssize_t)bytes);
    close(file);
}

/* Calls for a file with each of its bits changed in turn, and puts it back. */
static void each_bit(const char *path, void (*visit)(const char *path, size_t bit))
{
    unsigned char *content;
    size_t bytes;

    ok(clmix_file_read(path, (size_t)1 << 20, (void **)&content, &bytes));
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        content[bit / 8] ^= (unsigned char)(1u << bit % 8);
        write_at(path, content, bytes);
        visit(path, bit);
        content[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    write_at(path, content, bytes);
    free(content);
}

static void is_not_loaded(const char *path, size_t bit)
{
    (void)path;
    ck_assert_msg(!is_loaded(), "bit %zu of byte %zu", bit % 8, bit / 8);
}

START_TEST(a_program_with_any_other_bit_is_not_run)
{
    store();
    each_bit(program, is_not_loaded);
    ck_assert(is_loaded());
}
END_TEST

/* The border between the two parts moved, with a checksum of both that is still right. */
START_TEST(a_program_of_other_parts_is_not_run)
{
    unsigned char *content;
    size_t bytes;

    store();
    for (int by = -3; by <= 3; by++) {
        ok(clmix_file_read(program, (size_t)1 << 20, (void **)&content, &bytes));
        content[8 + CLMIX_HASH_BYTES] = (unsigned char)(content[8 + CLMIX_HASH_BYTES] + by);
        content[16 + CLMIX_HASH_BYTES] = (unsigned char)(content[16 + CLMIX_HASH_BYTES] - by);
        write_at(program, content, bytes);
        free(content);
        ck_assert_msg(is_loaded() == (by == 0), "by %d", by);
        store();
    }
}
END_TEST

static clmix_status write_sealed(const char *path)
{
    static const float values[6] = { 1.0f, -2.5f, 1e30f };
    clmix_safetensors_writer *writer;
    clmix_status status;

    ok(clmix_safetensors_writer_new(&writer));
    status = clmix_safetensors_declare(writer, "weights", CLMIX_STORED_F32, 2, (size_t[]){ 2, 3 });
    ok(clmix_safetensors_describe(writer, "note", "a \"sha256\":\" in a text"));
    ok(clmix_safetensors_seal(writer));
    ok(clmix_safetensors_describe(writer, "last", "entry"));
    ok(clmix_safetensors_begin(writer, path));
    ok(clmix_safetensors_put(writer, values, 12));
    ok(clmix_safetensors_put(writer, values + 3, 12));
    ok(clmix_safetensors_finish(writer));
    clmix_safetensors_writer_free(writer);
    return status;
}

static void is_not_sealed(const char *path, size_t bit)
{
    clmix_safetensors *file;
    clmix_status status = clmix_safetensors_open(&file, path);

    if (status == CLMIX_OK)
        status = clmix_safetensors_check_seal(file);
    ck_assert_msg(status == CLMIX_ERROR_FORMAT, "bit %zu of byte %zu: %s", bit % 8, bit / 8, clmix_status_name(status));
    clmix_safetensors_close(file);
}

/* Whatever bit changes, in the header, in the checksum itself or in the data. It is a plain safetensors file for all that. */
START_TEST(a_sealed_file_with_any_other_bit_is_refused)
{
    clmix_safetensors *file;
    char path[600];

    snprintf(path, sizeof path, "%s/sealed.safetensors", folder);
    ok(write_sealed(path));
    ok(clmix_safetensors_open(&file, path));
    ok(clmix_safetensors_check_seal(file));
    ck_assert_uint_eq(strlen(clmix_safetensors_metadata(file, "sha256")), 64);
    ck_assert_str_eq(clmix_safetensors_metadata(file, "last"), "entry");
    ck_assert_ptr_nonnull(clmix_safetensors_find(file, "weights"));
    clmix_safetensors_close(file);
    each_bit(path, is_not_sealed);
    ok(clmix_safetensors_open(&file, CLMIX_TEST_DATA "/torch.safetensors"));
    ck_assert_int_eq(clmix_safetensors_check_seal(file), CLMIX_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "lacks its checksum"));
    clmix_safetensors_close(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trust");
    TCase *all = tcase_create("all");

    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, what_is_made_is_the_users_alone);
    tcase_add_loop_test(all, files_that_others_may_write_are_passed_over, 0, 4);
    tcase_add_test(all, links_are_not_followed);
    tcase_add_loop_test(all, a_folder_that_others_may_write_to_is_not_used, 0, 4);
    tcase_add_test(all, a_folder_of_another_user_is_not_used);
    tcase_add_test(all, files_of_another_user_are_passed_over);
    tcase_add_test(all, the_program_says_that_a_cache_is_not_used);
    tcase_add_test(all, a_program_with_any_other_bit_is_not_run);
    tcase_add_test(all, a_program_of_other_parts_is_not_run);
    tcase_add_test(all, a_sealed_file_with_any_other_bit_is_refused);
    return support_run(suite);
}
