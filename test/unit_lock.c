/* lib/base/lock.h, and what is half-written under it: one holder at a time, whatever becomes of it. */
#include "base/file.h"
#include "base/lock.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[512], path[600];

static void begin(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(path, sizeof path, "%s/lock", folder);
}

static void end(void)
{
    remove_folder(folder);
}

static bool exists(const char *name)
{
    struct stat info;

    return lstat(name, &info) == 0;
}

static void taken(clmix_lock *lock)
{
    ck_assert_msg(clmix_lock_take(lock, path, "a run") == CLMIX_OK, "%s", clmix_error());
}

START_TEST(one_holder_in_a_process)
{
    clmix_lock first = { 0 }, second = { 0 };
    char holder[64];

    taken(&first);
    ck_assert_int_eq(clmix_lock_take(&second, path, "a run"), CLMIX_ERROR_FILE);
    snprintf(holder, sizeof holder, "'a run' is in use by process %ld on ", (long)getpid());
    ck_assert_msg(strncmp(clmix_error(), holder, strlen(holder)) == 0, "%s", clmix_error());
    clmix_lock_release(&second); /* not held: nothing */
    ck_assert_int_eq(clmix_lock_take(&second, path, "a run"), CLMIX_ERROR_FILE);
    clmix_lock_release(&first);
    ck_assert(!exists(path));
    taken(&second);
    clmix_lock_release(&second);
    clmix_lock_release(&second);
    ck_assert(!exists(path));
}
END_TEST

/* A child that holds the lock when this returns. */
static pid_t holder(void)
{
    int ready[2];
    pid_t child;
    char byte;

    ck_assert_int_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        clmix_lock lock = { 0 };

        if (clmix_lock_take(&lock, path, "a run") == CLMIX_OK && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

START_TEST(it_dies_with_its_process)
{
    clmix_lock lock = { 0 };
    const pid_t child = holder();
    char name[64];

    snprintf(name, sizeof name, "process %ld on ", (long)child);
    ck_assert_int_eq(clmix_lock_take(&lock, path, "a run"), CLMIX_ERROR_FILE);
    ck_assert_ptr_nonnull(strstr(clmix_error(), name));
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert(exists(path));
    taken(&lock);
    clmix_lock_release(&lock);
}
END_TEST

/* Many who take it and let it go at once: the file is removed again and again, and never do two hold it. */
START_TEST(never_two_at_once)
{
    enum { CHILDREN = 4, ROUNDS = 300 };
    pid_t children[CHILDREN];
    char inside[600];

    snprintf(inside, sizeof inside, "%s/inside", folder);
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0) {
            for (int done = 0; done < ROUNDS;) {
                clmix_lock lock = { 0 };
                int file;

                if (clmix_lock_take(&lock, path, "a run") != CLMIX_OK)
                    continue;
                file = open(inside, O_CREAT | O_EXCL, 0600);
                if (file < 0 || close(file) != 0 || unlink(inside) != 0)
                    _exit(1);
                clmix_lock_release(&lock);
                done++;
            }
            _exit(0);
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;

        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert(!exists(path));
}
END_TEST

START_TEST(where_it_cannot_be_made_is_said)
{
    clmix_lock lock = { 0 };

    ck_assert_int_eq(clmix_lock_take(&lock, "/proc/nowhere/lock", "a run"), CLMIX_ERROR_FILE);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "/proc/nowhere/lock"));
    ck_assert_int_eq(symlink("elsewhere", path), 0);
    ck_assert_int_eq(clmix_lock_take(&lock, path, "a run"), CLMIX_ERROR_FILE); /* never through a link */
    ck_assert(!exists("elsewhere"));
}
END_TEST

/* ---- leftovers ------------------------------------------------------------------------------------------------------------------------ */

static void leave(const char *name)
{
    char left[600];
    FILE *stream;

    snprintf(left, sizeof left, "%s/%s", folder, name);
    stream = fopen(left, "w");
    ck_assert_ptr_nonnull(stream);
    fclose(stream);
}

static bool left(const char *name)
{
    char place[600];

    snprintf(place, sizeof place, "%s/%s", folder, name);
    return exists(place);
}

START_TEST(only_leftovers_are_swept)
{
    static const char *const others[] = { "log", "log.tmp", "log.12.tmp.gz", "log.a1.tmp", "log2.12.tmp", "alog.12.tmp" };
    char log[600];
    clmix_file_writer writer;

    snprintf(log, sizeof log, "%s/log", folder);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        leave(others[i]);
    leave("log.12.tmp");
    leave("log.12-3.tmp");
    ck_assert_int_eq(clmix_file_begin(&writer, log), CLMIX_OK); /* sweeps too */
    ck_assert(!left("log.12.tmp") && !left("log.12-3.tmp"));
    leave("log.12.tmp");
    clmix_file_sweep(log);
    ck_assert(!left("log.12.tmp"));
    ck_assert_msg(exists(writer.temporary), "what is being written was swept");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ck_assert_msg(left(others[i]), "%s was swept", others[i]);
    ck_assert_int_eq(clmix_file_put(&writer, "text", 4), CLMIX_OK);
    ck_assert_int_eq(clmix_file_finish(&writer), CLMIX_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lock");
    TCase *all = tcase_create("all");

    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, one_holder_in_a_process);
    tcase_add_test(all, it_dies_with_its_process);
    tcase_add_test(all, never_two_at_once);
    tcase_add_test(all, where_it_cannot_be_made_is_said);
    tcase_add_test(all, only_leftovers_are_swept);
    return support_run(suite);
}
