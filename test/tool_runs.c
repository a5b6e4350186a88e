/* A run's folder as many programs use it at once, and as mistakes meet it: no work is lost, and nothing changes before a run is known to be
 * good. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"
#include "support_train.h"

#define DATA "--data shapes:size=16,train=120,test=50 --batch 16 --checkpoint-steps 1"

static char folder[256];

static void setup(void)
{
    char model[300];

    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(model, sizeof model, "%s/tiny.json", folder);
    ops_ok(clmix_file_write(model, TRAIN_MODEL("0.2"), strlen(TRAIN_MODEL("0.2"))));
}

static void teardown(void)
{
    remove_folder(folder);
}

/* Runs a line in the test's folder, and gives what it said; it ends with `status`. */
static char *ends(int status, const char *line)
{
    char *output;
    const int ended = run_tool(&output, "cd %s && { %s; } 2>&1", folder, line);

    ck_assert_msg(ended == status, "'%s' ended with %d: %s", line, ended, output);
    return output;
}

static void does(const char *line)
{
    free(ends(0, line));
}

static void says(int status, const char *line, const char *part)
{
    char *output = ends(status, line);

    ck_assert_msg(strstr(output, part) != NULL, "'%s' said: %s", line, output);
    free(output);
}

/* Names, sizes and contents of all that a folder holds. */
static char *contents(const char *run)
{
    char *output;

    ck_assert_int_eq(run_tool(&output, "cd %s/%s && find . -type f | sort | xargs -r sha256sum; find . | sort", folder, run), 0);
    return output;
}

static void same_tensors(const char *first, const char *second, const char *name)
{
    char a[600], b[600];

    snprintf(a, sizeof a, "%s/%s", folder, first);
    snprintf(b, sizeof b, "%s/%s", folder, second);
    train_same_tensors(a, b, name);
}

/* ---- nothing changes before all is known to be good -------------------------------------------------------------------------------------- */

static const struct {
    const char *line;
    int status;
    const char *part;
} refused[] = {
    { "clmix-train --model tiny.json " DATA " --crop 100", 1, "crop padding" },
    { "clmix-train --model tiny.json " DATA " --cutout 99", 1, "cutout" },
    { "clmix-train --model tiny.json " DATA " --dropout 1.5", 1, "dropout" },
    { "clmix-train --model tiny.json --data shapes:size=16,train=0,test=50", 2, "train" },
    { "clmix-train --model tiny.json --set classes=7 " DATA, 2, "7 classes" },
    { "clmix-train --model run/checkpoint.safetensors " DATA, 1, "" },
    { "printf x >bad.safetensors; clmix-train --model bad.safetensors " DATA, 1, "bad.safetensors" },
    { "clmix-train --model tiny.json " DATA " --device nothing-like-it", 1, "nothing-like-it" },
};

START_TEST(a_refused_run_changes_nothing)
{
    char *before, *after;

    does("clmix-train --model tiny.json " DATA " --epochs 1");
    before = contents("run");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char line[400], *output;

        output = ends(refused[i].status, refused[i].line);
        ck_assert_msg(strstr(output, refused[i].part) != NULL, "%s", output);
        free(output);
        after = contents("run");
        ck_assert_msg(strcmp(before, after) == 0, "'%s' changed\n%s to\n%s", refused[i].line, before, after);
        free(after);
        snprintf(line, sizeof line, "%s --out fresh; test ! -e fresh", refused[i].line);
        does(line);
    }
    free(before);
}
END_TEST

START_TEST(a_run_may_start_from_the_model_in_its_own_folder)
{
    does("clmix-train --model tiny.json " DATA " --epochs 1");
    does("cp -r run other");
    does("clmix-train --model other/model.safetensors " DATA " --epochs 1 --out apart");
    says(0, "clmix-train --model run/model.safetensors " DATA " --epochs 1", "its files are now in run/previous-1");
    same_tensors("run/previous-1", "other", "model.safetensors");
    same_tensors("run/previous-1", "other", "checkpoint.safetensors");
    same_tensors("run", "apart", "model.safetensors");
    same_tensors("run", "apart", "checkpoint.safetensors");
}
END_TEST

/* ---- one owner --------------------------------------------------------------------------------------------------------------------------- */

/* clmix-train in the test's folder, its output in the file `output` there. */
static pid_t start(const char *arguments)
{
    const pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        char line[1000];

        snprintf(line, sizeof line, "cd '%s' && exec '%s/clmix-train' %s >>output 2>&1", folder, CLMIX_BIN_DIR, arguments);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    return child;
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static bool there(const char *name)
{
    char path[600];
    struct stat info;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &info) == 0;
}

static void await(const char *name)
{
    for (int i = 0; i < 60000 && !there(name); i++)
        sleep_ms(2);
    ck_assert_msg(there(name), "%s never came", name);
}

#define LIVE "--model tiny.json " DATA " --epochs 40 --out "

/* What a second program may do to a folder in which a run is going on: nothing. The run is held up while it looks, at any moment, writing
 * included, so that the others always find it. */
START_TEST(a_live_run_is_left_alone)
{
    static const char *const others[] = { "clmix-train --resume live --batch 8 --rate 0.1", "clmix-train --resume live",
                                          "clmix-train " LIVE "live" };
    char holder[64];
    int status = 0;
    pid_t child;

    does("clmix-train " LIVE "alone");
    child = start(LIVE "live");
    snprintf(holder, sizeof holder, "in use by process %ld on ", (long)child);
    await("live/checkpoint.safetensors");
    for (size_t i = 0; i < 9; i++) {
        kill(child, SIGSTOP);
        says(i % 3 == 0 ? 2 : 1, others[i % 3], i % 3 == 0 ? "rate 0.1" : holder);
        kill(child, SIGCONT);
        sleep_ms(7);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the live run ended with %x", (unsigned)status);
    ck_assert(!there("live/lock") && !there("live/previous-1"));
    same_tensors("alone", "live", "checkpoint.safetensors");
    same_tensors("alone", "live", "model.safetensors");
    says(0, "wc -l <live/log.jsonl", "40\n");
}
END_TEST

/* The lock dies with its process, and what that left half-written goes with the next owner, and only with an owner. */
START_TEST(a_killed_run_leaves_no_lock_and_no_leftovers)
{
    static const char *const left[] = { "live/log.jsonl.4711.tmp", "live/curves.svg.4711.tmp", "live/model.safetensors.4711-2.tmp",
                                        "live/checkpoint.safetensors.1.tmp" };
    pid_t child = start(LIVE "live");
    int status;

    await("live/checkpoint.safetensors");
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && there("live/lock"));
    for (size_t i = 0; i < 4; i++) {
        char path[600];

        snprintf(path, sizeof path, "%s/%s", folder, left[i]);
        fclose(fopen(path, "w"));
    }
    says(2, "clmix-train --resume live --rate 0.1", "rate");
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg(there(left[i]), "%s was removed by a run that was refused", left[i]);
    does("clmix-train --resume live");
    does("test -z \"$(ls live | grep -e tmp -e lock)\"");
    does("clmix-train " LIVE "alone");
    same_tensors("alone", "live", "checkpoint.safetensors");
}
END_TEST

/* ---- names ------------------------------------------------------------------------------------------------------------------------------ */

#define NAMES "cafe=$(printf 'caf\\351'); bell=$(printf 'b\\007ll'); "

/* Names in Latin-1 and with a control character, of classes, of the data's folder, of the model and of the run: saved, resumed and said again. */
START_TEST(names_come_back_as_they_were)
{
    does(NAMES "mkdir -p $cafe.data/$cafe $cafe.data/$bell $cafe.data/plain && for i in 1 2 3 4 5; do for c in $cafe $bell plain; do"
               " cp " CLMIX_TEST_DATA "/pictures/rgb.png $cafe.data/$c/$i.png; done; done; cp tiny.json $cafe.json");
    does(NAMES "clmix-train --model $cafe.json --data folder:$cafe.data --schedule constant --epochs 1 --batch 4 --out $cafe");
    does(NAMES "cd /; clmix-train --resume \"$OLDPWD/$cafe\" --epochs 2");
    does(NAMES
         "clmix-predict $cafe/model.safetensors --top 3 $cafe.data/plain/1.png >said && grep -qaF $cafe said && grep -qaF $bell said &&"
         " grep -qaF plain said");
    does(NAMES "clmix-predict $cafe/model.safetensors --data folder:$cafe.data --split train");
    does(NAMES "clmix-train --model $cafe/model.safetensors --data folder:$cafe.data --epochs 1 --batch 4 --out $cafe");
    does("command -v xmllint >/dev/null || exit 0; " NAMES "xmllint --noout $cafe/curves.svg");
}
END_TEST

/* ---- broken pictures ------------------------------------------------------------------------------------------------------------------------ */

#define PICTURES "--data folder:pics --batch 4 --epochs 2"

START_TEST(a_broken_picture_is_found_before_the_run)
{
    char *output;

    does("mkdir -p pics/a pics/b && for i in 1 2 3 4 5 6 7; do cp " CLMIX_TEST_DATA "/pictures/rgb.png pics/a/$i.png; cp " CLMIX_TEST_DATA
         "/pictures/cmyk.jpg pics/b/$i.jpg; done; head -c 60 pics/a/1.png >pics/a/3.png; cp pics/a/3.png pics/a/5.png");
    output = ends(1, "clmix-train --model tiny.json " PICTURES);
    ck_assert_msg(strstr(output, "2 of 14 pictures looked at cannot be decoded: 'pics/a/") != NULL &&
                      strstr(output, "--skip-broken=yes") != NULL && strstr(output, "broken: 'pics/a/3.png'") != NULL &&
                      strstr(output, "broken: 'pics/a/5.png'") != NULL,
                  "%s", output);
    free(output);
    ck_assert(!there("run"));
    output = ends(0, "clmix-train --model tiny.json " PICTURES " --skip-broken yes");
    ck_assert_msg(strstr(output, "looked at 14 of 14 pictures: 2 cannot be decoded and will be skipped") != NULL &&
                      strstr(output, "epoch 2 skipped 2 samples") != NULL,
                  "%s", output);
    free(output);
    says(0, "cat run/log.jsonl", "\"skipped\":2");
    does("clmix-train --model tiny.json " PICTURES " --skip-broken yes --out again");
    same_tensors("run", "again", "checkpoint.safetensors");
    does("cp pics/a/1.png pics/a/3.png; cp pics/a/1.png pics/a/5.png");
    says(0, "clmix-train --model tiny.json " PICTURES " --out whole", "looked at 14 of 14 pictures: 0 cannot be decoded");
}
END_TEST

/* ---- waiting -------------------------------------------------------------------------------------------------------------------------------- */

/* Its output goes to a pipe that nobody reads; once that is full it waits, and the first signal gets through. */
START_TEST(a_run_that_waits_for_its_reader_can_be_stopped)
{
    int ends_of[2], status = 0;
    pid_t child;

    ck_assert_int_eq(pipe(ends_of), 0);
    while (fcntl(ends_of[1], F_SETFL, O_NONBLOCK) == 0 && write(ends_of[1], folder, sizeof folder) > 0)
        ;
    ck_assert_int_eq(fcntl(ends_of[1], F_SETFL, 0), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        char line[1000];

        dup2(ends_of[1], STDOUT_FILENO);
        close(ends_of[0]);
        close(ends_of[1]);
        snprintf(line, sizeof line, "cd '%s' && exec '%s/clmix-train' --json " LIVE "live 2>output", folder, CLMIX_BIN_DIR);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    await("live/curves.svg"); /* the end of the first epoch, whose line has no room */
    sleep_ms(500);
    ck_assert_int_eq(waitpid(child, &status, WNOHANG), 0);
    kill(child, SIGTERM);
    for (int i = 0; i < 2000 && waitpid(child, &status, WNOHANG) == 0; i++)
        sleep_ms(10);
    if (status == 0)
        kill(child, SIGKILL);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 130, "it ended with %x", (unsigned)status);
    close(ends_of[0]);
    close(ends_of[1]);
    does("clmix-train --resume live");
    does("clmix-train " LIVE "alone");
    same_tensors("alone", "live", "checkpoint.safetensors");
}
END_TEST

/* ---- how a run ends ----------------------------------------------------------------------------------------------------------------------- */

#define UNTESTED "--data folder:lone --batch 4 --epochs 2"
#define SMALL    "--data shapes:size=16,train=120,test=50 --batch 16"
#define SHORT    SMALL " --epochs 2"

/* Training pictures alone. */
static void make_untested(void)
{
    does("mkdir -p lone/train/a lone/train/b && for i in 1 2 3 4 5; do cp " CLMIX_TEST_DATA
         "/pictures/rgb.png lone/train/a/$i.png; cp " CLMIX_TEST_DATA "/pictures/cmyk.jpg lone/train/b/$i.jpg; done");
}

START_TEST(a_diverged_run_is_no_success)
{
    make_untested();
    says(1, "clmix-train --model tiny.json " SHORT " --rate 20", "the run diverged: its loss in epoch 2 is ");
    says(1, "clmix-train --resume run", "the run diverged");
    says(1, "clmix-train --model tiny.json " UNTESTED " --rate 20 --warmup 0 --out untested", "diverged");
    free(ends(0, "clmix-train --model tiny.json " SHORT " --rate 0.004 --out fine"));
}
END_TEST

START_TEST(without_test_pictures_nothing_is_best)
{
    char *output;

    make_untested();
    output = ends(0, "clmix-train --model tiny.json " UNTESTED);

    ck_assert_msg(strstr(output, "nan") == NULL && strstr(output, "weights of epoch 2, the last") != NULL, "%s", output);
    free(output);
    output = ends(0, "clmix-train --resume run");
    ck_assert_msg(strstr(output, "nan") == NULL && strstr(output, "best") == NULL && strstr(output, "finished") != NULL, "%s", output);
    free(output);
}
END_TEST

/* Whatever is asked of a run that is resumed, finished or not, is done or refused. */
START_TEST(no_option_is_ignored_when_resuming)
{
    static const struct {
        const char *options;
        int status;
        const char *part;
    } asked[] = {
        { "--epochs 6 --rate 0.1", 2,
          "epochs 2 and is to be resumed with 6, which would change its result; so would rate 0.1 instead of 0.004" },
        { "--rate 0.1 --seed 5 --batch 8", 2, "so would seed 5 instead of 1; so would rate 0.1 instead of 0.004" },
        { "--epochs 1", 2, "epochs 2 and is to be resumed with 1" },
        { "--model tiny.json", 2, "--resume goes on with the model of the run" },
        { "--set dropout=0.5", 2, "--resume goes on with the model of the run" },
        { "--init tiny.json", 2, "--resume goes on with the model of the run" },
        { "--data shapes:size=16,train=120,test=50", 0, "finished" },
        { "--data folder:nowhere", 1, "nowhere" },
        { "--checkpoint-steps 7", 0, "finished" },
    };

    does("clmix-train --model tiny.json " SHORT);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        char line[200];

        snprintf(line, sizeof line, "clmix-train --resume run %s", asked[i].options);
        says(asked[i].status, line, asked[i].part);
    }
    does("clmix-train --model tiny.json " SHORT " --schedule constant --warmup 0 --out grows");
    says(2, "clmix-train --resume grows --epochs 1", "has done 2 epochs already and cannot be resumed with 1");
    says(2, "clmix-train --resume grows --epochs 4 --rate 0.1", "rate 0.004 and is to be resumed with 0.1");
    does("clmix-train --resume grows --epochs 4");
    does("clmix-train --model tiny.json " SMALL " --schedule constant --warmup 0 --epochs 4 --out at-once");
    same_tensors("grows", "at-once", "checkpoint.safetensors");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runs");
    TCase *keeping = tcase_create("keeping"), *owning = tcase_create("owning"), *ending = tcase_create("ending");
    TCase *all[] = { keeping, owning, ending };

    for (int i = 0; i < 3; i++) {
        tcase_set_timeout(all[i], 600);
        tcase_add_checked_fixture(all[i], setup, teardown);
        suite_add_tcase(suite, all[i]);
    }
    tcase_add_test(keeping, a_refused_run_changes_nothing);
    tcase_add_test(keeping, a_run_may_start_from_the_model_in_its_own_folder);
    tcase_add_test(owning, a_live_run_is_left_alone);
    tcase_add_test(owning, a_killed_run_leaves_no_lock_and_no_leftovers);
    tcase_add_test(ending, a_broken_picture_is_found_before_the_run);
    tcase_add_test(ending, a_run_that_waits_for_its_reader_can_be_stopped);
    tcase_add_test(ending, names_come_back_as_they_were);
    tcase_add_test(ending, a_diverged_run_is_no_success);
    tcase_add_test(ending, without_test_pictures_nothing_is_best);
    tcase_add_test(ending, no_option_is_ignored_when_resuming);
    return support_run(suite);
}
