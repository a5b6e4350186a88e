/* clmix-train as a user runs it: files, output, stopping it politely and not, going on, and every kind of misuse. */
#include <check.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"

#define TINY                                                                                                                           \
    "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":10,\"dim\":8,\"depth\":1,\"mult_dim\":16,\"ff_dim\":8,\"feedforward\":" \
    "\"conv\","                                                                                                                        \
    "\"levels\":2,\"level_channels\":[4,4],\"stem_stride\":1,\"dropout\":0.2}"
#define DATA   "--data shapes:size=16,train=120,test=50 --batch 16 --checkpoint-steps 2 --average 0.9"
#define RECIPE DATA " --epochs 3"

static char folder[256], model[300];

static void setup(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(model, sizeof model, "%s/tiny.json", folder);
    ops_ok(clmix_file_write(model, TINY, strlen(TINY)));
}

static void teardown(void)
{
    remove_folder(folder);
}

/* ---- files ------------------------------------------------------------------------------------------------------------------------ */

static char *read_file(const char *run, const char *name, size_t *bytes)
{
    char path[700];
    void *data;

    snprintf(path, sizeof path, "%s/%s/%s", folder, run, name);
    ops_ok(clmix_file_read(path, 1 << 26, &data, bytes));
    return data;
}

static bool there(const char *run, const char *name)
{
    char path[700];
    struct stat info;

    snprintf(path, sizeof path, "%s/%s/%s", folder, run, name);
    return stat(path, &info) == 0 && info.st_size > 0;
}

static void ck_same_tensors(const char *first, const char *second, const char *name)
{
    char *contents[2];
    const char *runs[2] = { first, second };
    size_t bytes[2], starts[2];

    for (int i = 0; i < 2; i++) {
        contents[i] = read_file(runs[i], name, &bytes[i]);
        starts[i] = 8;
        for (int k = 7; k >= 0; k--)
            starts[i] += (size_t)(unsigned char)contents[i][k] << (8 * k);
    }
    ck_assert_uint_eq(bytes[0] - starts[0], bytes[1] - starts[1]);
    ck_assert_msg(memcmp(contents[0] + starts[0], contents[1] + starts[1], bytes[0] - starts[0]) == 0, "%s of %s and %s differ", name,
                  first, second);
    free(contents[0]);
    free(contents[1]);
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    ck_assert_msg(cJSON_IsNumber(item), "%s", key);
    return item->valuedouble;
}

/* ---- what it writes --------------------------------------------------------------------------------------------------------------- */

START_TEST(json_lines_are_the_log)
{
    size_t bytes;
    double best = 0.0, last_peak = 0.0;
    char *output, *log;
    cJSON *json;

    ck_assert_msg(run_tool(&output, "clmix-train --model %s " RECIPE " --out %s/run --json", model, folder) == 0, "%s", output);
    log = read_file("run", "log.jsonl", &bytes);
    ck_assert_str_eq(output, log);
    for (const char *line = output; *line != '\0'; line = strchr(line, '\n') + 1) {
        json = cJSON_ParseWithOpts(line, NULL, 0);
        ck_assert_int_eq(cJSON_GetArraySize(json), 11);
        best = number(json, "test_top1") > best ? number(json, "test_top1") : best;
        last_peak = number(json, "peak_device_bytes");
        ck_assert(number(json, "images_per_second") > 0.0 && number(json, "seconds") > 0.0);
        cJSON_Delete(json);
    }
    ck_assert(there("run", "model.safetensors") && there("run", "checkpoint.safetensors") && there("run", "curves.svg"));
    free(output);
    free(log);
    ck_assert_msg(run_tool(&output, "clmix-train --model %s " RECIPE " --dry-run --json", model) == 0, "%s", output);
    json = cJSON_Parse(output);
    ck_assert_double_eq(number(json, "peak_device_bytes"), last_peak);
    cJSON_Delete(json);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-predict %s/run/model.safetensors --data shapes:size=16,train=120,test=50 --split test --json",
                           folder) == 0,
                  "%s", output);
    json = cJSON_Parse(output);
    ck_assert_double_eq_tol(number(json, "top1"), best, 1e-9);
    cJSON_Delete(json);
    free(output);
}
END_TEST

START_TEST(without_a_terminal_there_are_plain_lines)
{
    char *output;

    /* and without --out, the folder is "run" where the program stands */
    ck_assert_msg(run_tool(&output, "cd %s && clmix-train --model %s " RECIPE " 2>&1", folder, model) == 0, "%s", output);
    ck_assert_msg(strstr(output, "; run/model.safetensors has it") != NULL, "%s", output);
    ck_assert_msg(strchr(output, '\033') == NULL && strchr(output, '\r') == NULL, "%s", output);
    ck_assert_msg(strstr(output, "weights") != NULL && strstr(output, "GFLOP a step of 16") != NULL &&
                      strstr(output, "epoch  3/3  train") != NULL,
                  "%s", output);
    ck_assert_msg(strstr(output, "best: ") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(dry_run_needs_no_device)
{
    char *output;

    ck_assert_msg(run_tool(&output, "env -u CLMIX_DEVICE OCL_ICD_VENDORS=/nonexistent OPENCL_VENDOR_PATH=/nonexistent clmix-train --model "
                                    "wavemix-32 --data shapes --batch 32 --dry-run 2>&1") == 0,
                  "%s", output);
    ck_assert_msg(strstr(output, "513,706 weights") != NULL && strstr(output, "step of 32") != NULL &&
                      strstr(output, "peak device memory") != NULL,
                  "%s", output);
    free(output);
}
END_TEST

START_TEST(a_folder_with_a_run_is_not_written_over)
{
    char *output;

    for (int i = 0; i < 3; i++) {
        ck_assert_msg(run_tool(&output, "clmix-train --model %s " DATA " --epochs 1 --out %s/run 2>&1", model, folder) == 0, "%s", output);
        free(output);
    }
    ck_assert(there("run", "model.safetensors") && there("run/previous-1", "model.safetensors") &&
              there("run/previous-2", "checkpoint.safetensors"));
    ck_same_tensors("run", "run/previous-1", "model.safetensors");
}
END_TEST

START_TEST(training_goes_on_from_weights)
{
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-train --model %s " DATA " --epochs 1 --out %s/first 2>&1", model, folder) == 0, "%s", output);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-train --model %s/first/model.safetensors " DATA " --epochs 1 --out %s/second 2>&1", folder,
                           folder) == 0,
                  "%s", output);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-train --model %s --set classes=7 " RECIPE " --dry-run 2>&1", model) == 2, "%s", output);
    ck_assert_msg(strstr(output, "7 classes") != NULL && strstr(output, "10") != NULL, "%s", output);
    free(output);
}
END_TEST

/* ---- stopping and going on -------------------------------------------------------------------------------------------------------- */

/* Starts the program with its output going to a file of the folder. */
static pid_t start(const char *run, bool resume)
{
    char program[600], out[600], log[600];
    pid_t child;

    snprintf(program, sizeof program, "%s/clmix-train", CLMIX_BIN_DIR);
    snprintf(out, sizeof out, "%s/%s", folder, run);
    snprintf(log, sizeof log, "%s/output", folder);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);

        dup2(file, STDOUT_FILENO);
        dup2(file, STDERR_FILENO);
        if (resume)
            execl(program, program, "--resume", out, (char *)NULL);
        else
            execl(program, program, "--model", model, "--data", "shapes:size=16,train=120,test=50", "--epochs", "3", "--batch", "16",
                  "--checkpoint-steps", "2", "--average", "0.9", "--out", out, (char *)NULL);
        _exit(127);
    }
    return child;
}

static void sleep_ms(long ms)
{
    const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&time, NULL);
}

/* Waits until there is a first checkpoint, and a little more; false when the program ended by itself before. */
static bool wait_for_checkpoint(pid_t child, const char *run, long more_ms, int *status)
{
    for (int i = 0; i < 60000 && !there(run, "checkpoint.safetensors"); i++) {
        if (waitpid(child, status, WNOHANG) == child)
            return false;
        sleep_ms(2);
    }
    ck_assert(there(run, "checkpoint.safetensors"));
    sleep_ms(more_ms);
    return true;
}

START_TEST(killed_runs_end_with_the_same_bits)
{
    static const long moments[] = { 0, 3, 10, 25, 60 };
    char *output, run[32];
    bool killed = false;

    ck_assert_msg(run_tool(&output, "clmix-train --model %s " RECIPE " --out %s/whole 2>&1", model, folder) == 0, "%s", output);
    free(output);
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        int status = 0;
        pid_t child;

        snprintf(run, sizeof run, "killed-%zu", i);
        child = start(run, false);
        if (wait_for_checkpoint(child, run, moments[i], &status)) {
            kill(child, SIGKILL);
            ck_assert_int_eq(waitpid(child, &status, 0), child);
            killed = killed || WIFSIGNALED(status);
        }
        child = start(run, true); /* and once more on the way back */
        sleep_ms(20 * (long)i);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(run_tool(&output, "clmix-train --resume %s/%s 2>&1", folder, run) == 0, "%s", output);
        free(output);
        ck_same_tensors("whole", run, "checkpoint.safetensors");
        ck_same_tensors("whole", run, "model.safetensors");
    }
    ck_assert_msg(killed, "every run ended before it could be killed");
}
END_TEST

START_TEST(signals_stop_politely)
{
    static const int signals[] = { SIGINT, SIGTERM };
    size_t bytes;
    int status = 0;
    char *output, *said;
    pid_t child;

    ck_assert_msg(run_tool(&output, "clmix-train --model %s " RECIPE " --out %s/whole 2>&1", model, folder) == 0, "%s", output);
    free(output);
    child = start("run", false);
    if (wait_for_checkpoint(child, "run", 0, &status)) {
        kill(child, signals[_i]);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status), "the signal killed it");
    }
    if (WEXITSTATUS(status) != 0) { /* it may have been done already */
        ck_assert_int_eq(WEXITSTATUS(status), 130);
        said = read_file(".", "output", &bytes);
        ck_assert_msg(strstr(said, "stopped") != NULL && strstr(said, "clmix-train --resume") != NULL, "%s", said);
        free(said);
    }
    ck_assert_msg(run_tool(&output, "clmix-train --resume %s/run 2>&1", folder) == 0, "%s", output);
    free(output);
    ck_same_tensors("whole", "run", "checkpoint.safetensors");
    ck_same_tensors("whole", "run", "model.safetensors");
}
END_TEST

START_TEST(a_finished_run_says_so)
{
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-train --model %s " RECIPE " --out %s/run 2>&1", model, folder) == 0, "%s", output);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-train --resume %s/run 2>&1", folder) == 0, "%s", output);
    ck_assert_msg(strstr(output, "finished") != NULL && strstr(output, "3 epochs") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(resuming_with_other_options_is_refused)
{
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-train --model %s " RECIPE " --out %s/run 2>&1", model, folder) == 0, "%s", output);
    free(output);
    ck_assert_int_ne(run_tool(&output, "clmix-train --resume %s/run --epochs 5 2>&1", folder), 0);
    ck_assert_msg(strstr(output, "epochs 3") != NULL && strstr(output, "with 5") != NULL, "%s", output);
    free(output);
    ck_assert_int_ne(run_tool(&output, "clmix-train --resume %s/nothing 2>&1", folder), 0);
    ck_assert_msg(strstr(output, "checkpoint.safetensors") != NULL, "%s", output);
    free(output);
    ck_assert_int_ne(run_tool(&output, "printf damaged >%s/run/checkpoint.safetensors; clmix-train --resume %s/run 2>&1", folder, folder),
                     0);
    ck_assert_msg(strstr(output, "checkpoint.safetensors") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(a_full_disk_is_an_error_that_loses_nothing)
{
    char *output, *before, *after;
    size_t before_bytes, after_bytes;
    int status = 0;
    pid_t child = start("run", false);

    if (wait_for_checkpoint(child, "run", 0, &status)) {
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
    }
    if (WIFEXITED(status))
        return; /* too quick to be stopped */
    before = read_file("run", "checkpoint.safetensors", &before_bytes);
    ck_assert_int_eq(run_tool(&output, "ulimit -f 8; clmix-train --resume %s/run 2>&1", folder), 1);
    ck_assert_msg(strstr(output, "cannot write") != NULL, "%s", output);
    free(output);
    after = read_file("run", "checkpoint.safetensors", &after_bytes);
    ck_assert(before_bytes == after_bytes && memcmp(before, after, before_bytes) == 0);
    ck_assert_msg(run_tool(&output, "clmix-train --resume %s/run 2>&1", folder) == 0, "%s", output);
    free(output);
    free(before);
    free(after);
}
END_TEST

/* ---- misuse ----------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *arguments, *said;
    int status;
} misuses[] = {
    { "--data shapes --out x", "--model", 2 },
    { "--model wavemix-16 --out x", "--data", 2 },
    { "--model wavemix-16 --data shapes --out x extra", "extra", 2 },
    { "--model wavemix-16 --data shapes --out x --batch 0", "--batch", 2 },
    { "--model wavemix-16 --data shapes --out x --batch many", "many", 2 },
    { "--model wavemix-16 --data shapes --out x --rate nan", "--rate", 2 },
    { "--model wavemix-16 --data shapes --out x --optimizer lion", "lion", 2 },
    { "--model wavemix-16 --data shapes --out x --flip maybe", "maybe", 2 },
    { "--model wavemix-16 --data shapes --out x --unknown", "--unknown", 2 },
    { "--model wavemix-17 --data shapes --out x", "wavemix-17", 2 },
    { "--model wavemix-16 --data nothing --out x", "nothing", 2 },
    { "--model wavemix-16 --data cifar10:/nonexistent --out x", "/nonexistent", 1 },
    { "--model wavemix-16 --data shapes:train=64,test=10 --out x --dropout 1.5", "dropout", -1 },
    { "--model wavemix-16 --data shapes --out x --resume y", "--resume", 2 },
    { "--model wavemix-16 --data shapes --out /proc/nowhere/x --epochs 1", "/proc/nowhere", 1 },
};

START_TEST(misuse_is_explained)
{
    char *output;
    const int status = run_tool(&output, "cd %s && clmix-train %s 2>&1", folder, misuses[_i].arguments);

    if (misuses[_i].status >= 0)
        ck_assert_msg(status == misuses[_i].status, "'%s' gave %d: %s", misuses[_i].arguments, status, output);
    ck_assert_int_ne(status, 0);
    ck_assert_msg(strstr(output, misuses[_i].said) != NULL, "'%s' said: %s", misuses[_i].arguments, output);
    free(output);
}
END_TEST

START_TEST(help_names_every_option)
{
    static const char *const names[] = { "--model",      "--data",    "--out",   "--resume",    "--dry-run",  "--seed",
                                         "--epochs",     "--batch",   "--rate",  "--optimizer", "--schedule", "--warmup",
                                         "--accumulate", "--average", "--mixup", "--cutout",    "--dropout",  "--device",
                                         "--json",       "--set",     "--flip",  "--crop" };
    char *output;

    ck_assert_int_eq(run_tool(&output, "clmix-train --help"), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_msg(strstr(output, names[i]) != NULL, "%s is not in: %s", names[i], output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-train --version"), 0);
    ck_assert_msg(strncmp(output, "clmix-train ", 12) == 0, "%s", output);
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-train");
    TCase *writes = tcase_create("results"), *stops = tcase_create("stopping"), *usage = tcase_create("usage");
    TCase *all[] = { writes, stops, usage };

    for (int i = 0; i < 3; i++) {
        tcase_set_timeout(all[i], 600);
        tcase_add_checked_fixture(all[i], setup, teardown);
        suite_add_tcase(suite, all[i]);
    }
    tcase_add_test(writes, json_lines_are_the_log);
    tcase_add_test(writes, without_a_terminal_there_are_plain_lines);
    tcase_add_test(writes, dry_run_needs_no_device);
    tcase_add_test(writes, a_folder_with_a_run_is_not_written_over);
    tcase_add_test(writes, training_goes_on_from_weights);
    tcase_add_test(stops, killed_runs_end_with_the_same_bits);
    tcase_add_loop_test(stops, signals_stop_politely, 0, 2);
    tcase_add_test(stops, a_finished_run_says_so);
    tcase_add_test(stops, resuming_with_other_options_is_refused);
    tcase_add_test(stops, a_full_disk_is_an_error_that_loses_nothing);
    tcase_add_loop_test(usage, misuse_is_explained, 0, (int)(sizeof misuses / sizeof *misuses));
    tcase_add_test(usage, help_names_every_option);
    return support_run(suite);
}
