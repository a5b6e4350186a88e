/* Files as other people leave them: what is no regular file, what changes while it is read, and names that are already taken. */
#include "base/file.h"
#include "io/json.h"
#include "io/picture.h"
#include "io/safetensors.h"
#include "runtime/internal.h"
#include "support_data.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <clmix/clmix.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char folder[512];

static void begin(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
    alarm(60); /* a reader that waits for a writer ends here */
}

static void end(void)
{
    alarm(0);
    remove_folder(folder);
}

/* A path inside the test's folder; static text until the fourth call after. */
static const char *at(const char *name)
{
    static char paths[4][1024];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void refused(clmix_status status, const char *part)
{
    ck_assert_msg(status == CLMIX_ERROR_FILE && strstr(clmix_error(), part) != NULL, "%s: %s", clmix_status_name(status), clmix_error());
}

static void pipe_at(const char *name)
{
    ck_assert_int_eq(mkfifo(at(name), 0600), 0);
}

/* ---- what is no regular file ---------------------------------------------------------------------------------------------------------- */

static clmix_status read_it(const char *path)
{
    void *data;
    size_t bytes;
    clmix_status status = clmix_file_read(path, 1000, &data, &bytes);

    free(data);
    return status;
}

START_TEST(what_it_is_is_said)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), descriptor;

    pipe_at("pipe");
    ck_assert_int_lt(snprintf(address.sun_path, sizeof address.sun_path, "%s", at("socket")), (int)sizeof address.sun_path);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(symlink("/dev/zero", at("link")), 0);
    ck_assert_int_eq(symlink("nowhere", at("dangling")), 0);
    refused(read_it(at("pipe")), "/pipe' is a named pipe, not a regular file");
    refused(read_it(at("socket")), "/socket' is a socket, not a regular file");
    refused(read_it(at("link")), "/link' is a character device, not a regular file");
    refused(read_it(folder), "is a folder, not a regular file");
    refused(read_it(at("dangling")), "cannot open");
    refused(clmix_file_open(at("pipe"), &descriptor), "named pipe");
    ck_assert_int_eq(descriptor, -1);
    refused(clmix_file_append(at("socket"), "text"), "cannot write");
    refused(clmix_file_append("/dev/null", "text"), "a character device");
    close(listener);
}
END_TEST

static volatile bool opened;

static void *wait_for_reader(void *path)
{
    int file = open(path, O_WRONLY);

    opened = true;
    close(file);
    return NULL;
}

/* A writer that waits at a pipe for its reader goes on waiting, and is not killed by a reader that leaves at once. */
START_TEST(a_pipe_is_not_even_opened)
{
    char path[1024];
    pthread_t thread;
    int reader;

    pipe_at("pipe");
    snprintf(path, sizeof path, "%s", at("pipe"));
    opened = false;
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_reader, path), 0);
    for (int i = 0; i < 100; i++) {
        refused(read_it(path), "named pipe");
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    ck_assert(!opened);
    reader = open(path, O_RDONLY);
    pthread_join(thread, NULL);
    close(reader);
}
END_TEST

static void make_class(const char *split)
{
    char name[64];

    ck_assert_int_eq(mkdir(at(split), 0700), 0);
    snprintf(name, sizeof name, "%s/cat", split);
    ck_assert_int_eq(mkdir(at(name), 0700), 0);
    snprintf(name, sizeof name, "%s/cat/one.png", split);
    pipe_at(name);
}

/* With pictures of a pipe as the first picture, whose size says the set's, and with a size that is given. */
static clmix_status open_data(const char *kind, size_t side)
{
    clmix_dataset *data = NULL;
    char spec[700];
    clmix_status status;

    snprintf(spec, sizeof spec, "%s:%s", kind, folder);
    status = open_pictures(&data, spec, side, side, side == 0 ? 0 : 3);
    if (status == CLMIX_OK) {
        unsigned char pixels[32 * 32 * 3];
        int label;

        status = clmix_dataset_get(data, CLMIX_TRAIN, 0, (void *[]){ pixels, &label });
    }
    clmix_dataset_close(data);
    return status;
}

START_TEST(no_reader_waits)
{
    clmix_safetensors *file;
    clmix_picture picture;
    clmix_config *config;
    clmix_run_info run;
    char spec[700];

    pipe_at("pipe.json");
    pipe_at("pipe.safetensors");
    pipe_at("checkpoint.safetensors");
    pipe_at("data_batch_1.bin");
    pipe_at("train.bin");
    pipe_at("train-images-idx3-ubyte");
    pipe_at("t10k-images-idx3-ubyte.gz");
    make_class("train");
    make_class("val");
    refused(clmix_safetensors_open(&file, at("pipe.safetensors")), "named pipe");
    refused(clmix_picture_read(&picture, at("train/cat/one.png"), 3), "named pipe");
    refused(clmix_config_open(&config, at("pipe.json")), "named pipe");
    refused(clmix_config_open(&config, at("pipe.safetensors")), "named pipe");
    refused(clmix_run_inspect(folder, &run), "named pipe");
    refused(open_data("cifar10", 32), "data_batch_1.bin' is a named pipe");
    refused(open_data("cifar100", 32), "train.bin' is a named pipe");
    refused(open_data("mnist", 32), "train-images-idx3-ubyte' is a named pipe");
    ck_assert_int_eq(unlink(at("train-images-idx3-ubyte")), 0);
    refused(open_data("mnist", 32), "t10k-images-idx3-ubyte.gz' is a named pipe");
    refused(open_data("folder", 32), "one.png' is a named pipe");
    refused(open_data("folder", 0), "one.png' is a named pipe");
    snprintf(spec, sizeof spec, "folder:%s", at("pipe.json"));
    refused(open_pictures(&(clmix_dataset *){ NULL }, spec, 32, 32, 3), "pipe.json");
}
END_TEST

START_TEST(no_reader_of_kernels_waits)
{
    unsigned char key[CLMIX_HASH_BYTES] = { 0 };
    clmix_device device = { .real = true };
    const char *ways[] = { "a", "b" };
    struct clmix_cached cached;
    char name[128], hex[2 * CLMIX_HASH_BYTES + 1], *text, *path;
    int way;

    ck_assert_int_eq(setenv("CLMIX_KERNEL_DIR", folder, 1), 0);
    ck_assert_int_eq(setenv("CLMIX_CACHE_DIR", folder, 1), 0);
    unsetenv("CLMIX_TUNE");
    pipe_at("runtime.cl");
    refused(clmix_source_read("runtime.cl", &text), "named pipe");
    clmix_hash_hex(key, hex);
    snprintf(name, sizeof name, "%s.clmix", hex);
    pipe_at(name);
    ck_assert(!clmix_cache_load(key, &cached));
    path = clmix_tuning_path(&device);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(clmix_tuning_find(&device, "key", ways, 2, &way), CLMIX_OK);
    ck_assert_int_eq(way, -1);
    ck_assert_int_eq(clmix_tuning_add(&device, "key", "a", "note"), CLMIX_OK);
    free(path);
    unsetenv("CLMIX_KERNEL_DIR");
    unsetenv("CLMIX_CACHE_DIR");
}
END_TEST

/* ---- what changes meanwhile ----------------------------------------------------------------------------------------------------------- */

static volatile bool writing;

/* Rewrites a file in place, all of it with one letter, again and again. */
static void *rewrite(void *path)
{
    static char content[1 << 20];
    int file = open(path, O_WRONLY);

    for (char letter = 'a'; writing; letter = letter == 'a' ? 'b' : 'a') {
        memset(content, letter, sizeof content);
        if (pwrite(file, content, sizeof content, 0) != (ssize_t)sizeof content)
            break;
    }
    close(file);
    return NULL;
}

/* What is read is of one letter, or refused: never half one and half the other. */
START_TEST(a_file_that_changes_is_refused)
{
    static char content[1 << 20];
    char path[1024];
    pthread_t thread;
    int refusals = 0;

    memset(content, 'a', sizeof content);
    snprintf(path, sizeof path, "%s", at("busy"));
    ck_assert_int_eq(clmix_file_write(path, content, sizeof content), CLMIX_OK);
    writing = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, rewrite, path), 0);
    for (int i = 0; i < 20000 && refusals < 20; i++) {
        void *data;
        size_t bytes;
        clmix_status status = clmix_file_read(path, sizeof content, &data, &bytes);

        if (status != CLMIX_OK)
            refusals++;
        free(data);
    }
    writing = false;
    pthread_join(thread, NULL);
    ck_assert_int_gt(refusals, 0);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "was changed while it was read"));
}
END_TEST

/* ---- names that are taken ------------------------------------------------------------------------------------------------------------- */

START_TEST(a_temporary_name_that_leads_elsewhere_is_not_followed)
{
    char name[64], text[32] = "";
    FILE *stream;

    ck_assert_int_eq(clmix_file_write(at("victim"), "precious", 8), CLMIX_OK);
    snprintf(name, sizeof name, "new.%ld.tmp", (long)getpid());
    ck_assert_int_eq(symlink("victim", at(name)), 0);
    ck_assert_int_eq(clmix_file_write(at("new"), "text", 4), CLMIX_OK);
    stream = fopen(at("victim"), "r");
    ck_assert_ptr_nonnull(stream);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, stream));
    fclose(stream);
    ck_assert_str_eq(text, "precious");
    ck_assert_int_eq(unlink(at(name)), 0); /* still there, and no other is */
}
END_TEST

/* Two writers of one path in one process: the last to finish wins, and each file is whole. */
START_TEST(two_writers_of_one_file_do_not_mix)
{
    clmix_file_writer one, two;
    void *data;
    size_t bytes;

    ck_assert_int_eq(clmix_file_begin(&one, at("file")), CLMIX_OK);
    ck_assert_int_eq(clmix_file_begin(&two, at("file")), CLMIX_OK);
    ck_assert_str_ne(one.temporary, two.temporary);
    ck_assert_int_eq(clmix_file_put(&one, "one", 3), CLMIX_OK);
    ck_assert_int_eq(clmix_file_put(&two, "second", 6), CLMIX_OK);
    ck_assert_int_eq(clmix_file_finish(&one), CLMIX_OK);
    ck_assert_int_eq(clmix_file_read(at("file"), 100, &data, &bytes), CLMIX_OK);
    ck_assert_str_eq(data, "one");
    free(data);
    ck_assert_int_eq(clmix_file_finish(&two), CLMIX_OK);
    ck_assert_int_eq(clmix_file_read(at("file"), 100, &data, &bytes), CLMIX_OK);
    ck_assert_str_eq(data, "second");
    free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *all = tcase_create("all");

    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, what_it_is_is_said);
    tcase_add_test(all, a_pipe_is_not_even_opened);
    tcase_add_test(all, no_reader_waits);
    tcase_add_test(all, no_reader_of_kernels_waits);
    tcase_add_test(all, a_file_that_changes_is_refused);
    tcase_add_test(all, a_temporary_name_that_leads_elsewhere_is_not_followed);
    tcase_add_test(all, two_writers_of_one_file_do_not_mix);
    return support_run(suite);
}
