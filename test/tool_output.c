/* What the programs write to standard output: JSON in UTF-8 whatever happens, figures that agree, and a failure when it cannot be written. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"

#define TINY    "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":10,\"dim\":8,\"depth\":1}"
#define SHAPES  "shapes:size=16,train=32,test=16"
#define RESULT  "{\"model\":\"a\",\"mode\":\"train\",\"batch\":64,\"step_ms\":1,\"step_ms_min\":1}\n"
#define CASE    CLMIX_TEST_CASES "/ops/conv2d_1x1.safetensors"
#define PICTURE CLMIX_TEST_DATA "/pictures/rgb.png"
#define LATIN1  "k\xe4se"
#define AS_UTF8 "k\xee\xbf\xa4se"

static char folder[512];

/* A model, its weights in `run`, results of a measurement, and names that are not UTF-8. */
static void setup(void)
{
    char path[600];

    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(path, sizeof path, "%s/tiny.json", folder);
    ops_ok(clmix_file_write(path, TINY, strlen(TINY)));
    snprintf(path, sizeof path, "%s/result", folder);
    ops_ok(clmix_file_write(path, RESULT, strlen(RESULT)));
    ck_assert_int_eq(run_tool(NULL,
                              "cd %s && cp '" PICTURE "' " LATIN1 ".png && cp '" CASE "' " LATIN1 ".safetensors && "
                              "for i in 0 1 2 3 4 5 6 7 8 9; do mkdir -p " LATIN1 "/$i && cp '" PICTURE "' " LATIN1 "/$i/a.png && "
                              "cp '" PICTURE "' " LATIN1 "/$i/b.png; done && "
                              "clmix-train --model tiny.json --data " SHAPES " --batch 16 --epochs 1 --out run --json 2>&1",
                              folder),
                     0);
}

static void teardown(void)
{
    remove_folder(folder);
}

static const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* The lines of an output, each a JSON object in UTF-8; the last of them. */
static cJSON *last_object(const char *command, char *output)
{
    cJSON *object = NULL;

    ck_assert_msg(clmix_utf8_valid(output, strlen(output)), "%s: not UTF-8: %s", command, output);
    for (char *line = strtok(output, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cJSON_Delete(object);
        object = cJSON_Parse(line);
        ck_assert_msg(cJSON_IsObject(object), "%s: not an object: %s", command, line);
    }
    ck_assert_msg(object != NULL, "%s: nothing was printed", command);
    return object;
}

/* ---- names that are not UTF-8 ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *command, *key;
} named[] = {
    { "clmix-predict run/model.safetensors " LATIN1 ".png --top 1", "picture" },
    { "clmix-predict run/model.safetensors " LATIN1 "x.png", "picture" },
    { "clmix-predict run/model.safetensors --data folder:" LATIN1 " --split train", "data" },
    { "clmix-verify " LATIN1 ".safetensors", "case" },
    { "clmix-verify " LATIN1 "x.safetensors", "case" },
    { "CLMIX_CACHE_DIR=\"$PWD/" LATIN1 "\" clmix-info | sed 's/.*\"cache\"://; s/}}$/}/'", "folder" },
    { "clmix-summary " LATIN1 "x", "error" },
    { "clmix-train --model wavemix-16 --data folder:" LATIN1 "x", "error" },
    { "clmix-bench --compare " LATIN1 "x result", "error" },
    { "clmix-info --device " LATIN1, "error" },
    { "clmix-predict --" LATIN1, "error" },
};

START_TEST(names_become_utf8)
{
    char command[512], *output;
    const char *pipe = strchr(named[_i].command, '|'), *text;
    const int length = pipe != NULL ? (int)(pipe - named[_i].command) : (int)strlen(named[_i].command);
    cJSON *object, *error;

    snprintf(command, sizeof command, "%.*s --json 2>%s/errors %s", length, named[_i].command, folder, pipe != NULL ? pipe : "");
    (void)run_tool(&output, "cd %s && %s", folder, command);
    object = last_object(command, output);
    error = cJSON_GetObjectItemCaseSensitive(object, "error");
    text = strcmp(named[_i].key, "error") == 0 ? text_of(error, "message") : text_of(object, named[_i].key);
    ck_assert_msg(text != NULL && strstr(text, AS_UTF8) != NULL, "%s: %s is %s", command, named[_i].key, text != NULL ? text : "missing");
    cJSON_Delete(object);
    free(output);
}
END_TEST

/* ---- failures ----------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *command, *status;
    int exit_status;
} failing[] = {
    { "clmix-info --bogus", "argument", 2 },
    { "clmix-info spare", "argument", 2 },
    { "clmix-info --device nowhere", "no device", 1 },
    { "OCL_ICD_VENDORS=/nonexistent clmix-info", "no device", 1 },
    { "clmix-summary", "argument", 2 },
    { "clmix-summary wavemix-32 --batch x", "argument", 2 },
    { "clmix-summary nothing", "argument", 2 },
    { "clmix-summary missing.safetensors", "file", 1 },
    { "clmix-summary result.safetensors", "unsupported", 1 },
    { "clmix-summary wavemix-16 --device nowhere", "no device", 1 },
    { "clmix-predict", "argument", 2 },
    { "clmix-predict run/model.safetensors missing.png", "file", 1 },
    { "clmix-predict run/model.safetensors result", "format", 1 },
    { "clmix-predict missing.safetensors " PICTURE, "file", 1 },
    { "clmix-predict run/model.safetensors --data nothing", "argument", 1 },
    { "clmix-verify", "argument", 2 },
    { "clmix-verify missing.safetensors", "file", 1 },
    { "clmix-verify run/model.safetensors", "format", 1 },
    { "clmix-verify " CASE " --device nowhere", "no device", 1 },
    { "clmix-bench", "argument", 2 },
    { "clmix-bench nothing", "argument", 2 },
    { "clmix-bench model nothing", "argument", 2 },
    { "clmix-bench ceilings --device nowhere", "no device", 1 },
    { "clmix-bench --compare missing result", "file", 1 },
    { "clmix-bench report tiny.json --html page.html", "format", 1 },
    { "clmix-train --bogus", "argument", 2 },
    { "clmix-train --model tiny.json", "argument", 2 },
    { "clmix-train --model tiny.json --data nothing", "argument", 2 },
    { "clmix-train --model tiny.json --data " SHAPES " --epochs x", "argument", 2 },
    { "clmix-train --resume missing", "file", 1 },
    { "clmix-train --model tiny.json --data " SHAPES " --device nowhere", "no device", 1 },
    { "clmix-train --model tiny.json --data " SHAPES " --batch 16 --epochs 1 --out result/run", "file", 1 },
};

START_TEST(failures_are_objects)
{
    const char *command = failing[_i].command;
    char *output, *errors;
    size_t bytes;
    char path[600];
    const cJSON *error;
    cJSON *object;
    int status;

    snprintf(path, sizeof path, "%s/errors", folder);
    status = run_tool(&output, "cd %s && cp result result.safetensors && %s --json 2>errors", folder, command);
    object = last_object(command, output);
    error = cJSON_GetObjectItemCaseSensitive(object, "error");
    ck_assert_msg(status == failing[_i].exit_status, "%s: exit status %d", command, status);
    ck_assert_msg(text_of(error, "status") != NULL && strcmp(text_of(error, "status"), failing[_i].status) == 0, "%s: %s: %s", command,
                  text_of(error, "status"), text_of(error, "message"));
    ops_ok(clmix_file_read(path, 1 << 16, (void **)&errors, &bytes));
    ck_assert_msg(strlen(text_of(error, "message")) > 0 && strstr(errors, text_of(error, "message")) != NULL, "%s: '%s' is not in '%s'",
                  command, text_of(error, "message"), errors);
    free(errors);
    cJSON_Delete(object);
    free(output);
}
END_TEST

/* ---- outputs that cannot be written ------------------------------------------------------------------------------------------------- */

static const char *const writing[] = {
    "clmix-info",
    "clmix-info --help",
    "clmix-info --version",
    "clmix-summary tiny.json",
    "clmix-predict run/model.safetensors '" PICTURE "'",
    "clmix-predict run/model.safetensors --data " SHAPES,
    "clmix-verify '" CASE "'",
    "clmix-bench --compare result result",
    "clmix-train --model tiny.json --data " SHAPES " --dry-run",
    "rm -rf other; clmix-train --model tiny.json --data " SHAPES " --batch 16 --epochs 1 --out other",
};

static void expect_refused(const char *command, const char *where)
{
    for (int json = 0; json < 2; json++) {
        char *output;
        const int status = run_tool(&output, "cd %s && %s%s 2>&1 %s", folder, command, json ? " --json" : "", where);

        ck_assert_msg(status == 1, "%s %s: exit status %d, %s", command, where, status, output);
        ck_assert_msg(strstr(output, "cannot write to standard output") != NULL, "%s %s: %s", command, where, output);
        free(output);
    }
}

START_TEST(a_full_disk_is_an_error)
{
    if (access("/dev/full", W_OK) != 0)
        printf("SKIPPED: a_full_disk_is_an_error: this system has no /dev/full\n");
    else
        expect_refused(writing[_i], ">/dev/full");
}
END_TEST

START_TEST(a_pipe_without_reader_is_an_error)
{
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    ck_assert_int_eq(dup2(ends[1], 9), 9); /* a shell knows one digit */
    close(ends[1]);
    expect_refused(writing[_i], ">&9");
    close(9);
}
END_TEST

START_TEST(a_closed_output_is_an_error)
{
    expect_refused(writing[_i], ">&-");
}
END_TEST

/* What was trained is worth more than the lines about it. */
START_TEST(training_outlives_its_reader)
{
    ck_assert_int_eq(run_tool(NULL,
                              "cd %s && rm -rf other; clmix-train --model tiny.json --data " SHAPES " --batch 16 --epochs 3 --out other "
                              "2>errors >&-; test -f other/model.safetensors && clmix-train --resume other | grep -q finished",
                              folder),
                     0);
}
END_TEST

/* ---- figures ------------------------------------------------------------------------------------------------------------------------ */

/* One of sixteen pictures, 6.25 %, is the same number wherever it is shown. */
START_TEST(a_figure_is_rounded_once)
{
    char *output;

    ck_assert_int_eq(run_tool(&output,
                              "cd %s && rm -rf other; clmix-train --model tiny.json --data " SHAPES
                              " --batch 16 --epochs 1 --seed 5 --out other && "
                              "clmix-train --resume other && grep -o 'accuracy [0-9.]*' other/curves.svg",
                              folder),
                     0);
    ck_assert_msg(strstr(output, "best: 6.3 %") != NULL && strstr(output, "best 6.3 %") != NULL && strstr(output, "accuracy 6.3") != NULL,
                  "%s", output);
    free(output);
}
END_TEST

#define ROWS(table) (int)(sizeof table / sizeof *table)

int main(void)
{
    Suite *suite = suite_create("output");
    TCase *tests = tcase_create("output");

    tcase_set_timeout(tests, 300);
    tcase_add_unchecked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, names_become_utf8, 0, ROWS(named));
    tcase_add_loop_test(tests, failures_are_objects, 0, ROWS(failing));
    tcase_add_loop_test(tests, a_full_disk_is_an_error, 0, ROWS(writing));
    tcase_add_loop_test(tests, a_pipe_without_reader_is_an_error, 0, ROWS(writing));
    tcase_add_loop_test(tests, a_closed_output_is_an_error, 0, ROWS(writing));
    tcase_add_test(tests, training_outlives_its_reader);
    tcase_add_test(tests, a_figure_is_rounded_once);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
