/* The programs at a terminal: while kernels are compiled, which happens once, a line says so and is gone afterwards. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_terminal.h"
#include "support_tool.h"

#define TINY  "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":10,\"dim\":8,\"depth\":1}"
#define SHOWN "compiling "

static char folder[256];

/* A model, its weights in `run`, and an empty cache for the test. */
static void setup(void)
{
    char path[300];

    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(path, sizeof path, "%s/tiny.json", folder);
    ops_ok(clmix_file_write(path, TINY, strlen(TINY)));
    ck_assert_int_eq(
        run_tool(NULL, "clmix-train --model %s --data shapes:size=16,train=32,test=16 --batch 16 --epochs 1 --out %s/run --json 2>&1", path,
                 folder),
        0);
}

static void teardown(void)
{
    remove_folder(folder);
}

/* What the line said last, and what came after it was gone. */
static const char *last_shown(char *output, const char **after)
{
    char *shown = NULL;

    for (char *at = output; (at = strstr(at, SHOWN)) != NULL; at += strlen(SHOWN))
        shown = at;
    if (shown == NULL)
        return NULL;
    *after = strstr(shown, "\r\033[J");
    ck_assert_msg(*after != NULL, "the line stays: %s", output);
    return shown;
}

static const char *const commands[] = {
    "clmix-predict %s/run/model.safetensors '" CLMIX_TEST_DATA "/pictures/rgb.png' --top 1",
    "clmix-train --model %s/tiny.json --data shapes:size=16,train=32,test=16 --batch 16 --epochs 1 --out \"$CLMIX_CACHE_DIR/run\"",
    "clmix-bench start %s/tiny.json --batch 2",
};
static const char *const results[] = { " %  ", "in all", "from the program's start" };

START_TEST(compiling_is_shown)
{
    char command[1024], *output;
    const char *shown, *after;
    int used;

    for (int round = 0; round < 2; round++) {
        used = snprintf(command, sizeof command, "export CLMIX_CACHE_DIR='%s/cache'; rm -rf \"$CLMIX_CACHE_DIR/run\"; ", folder);
        snprintf(command + used, sizeof command - (size_t)used, commands[_i], folder);
        ck_assert_msg(run_tool_on_terminal(&output, command) == 0, "%s", output);
        shown = last_shown(output, &after);
        ck_assert_msg((shown != NULL) == (round == 0), "%s", output);
        if (shown != NULL) {
            ck_assert_msg(strstr(shown, ".cl (") < after && strstr(shown, " done)") < after, "%s", output);
            ck_assert_msg(strstr(after, results[_i]) != NULL, "no '%s' after: %s", results[_i], output);
        }
        ck_assert_msg(strstr(output, results[_i]) != NULL, "%s", output);
        free(output);
    }
}
END_TEST

START_TEST(elsewhere_nothing_is_shown)
{
    char *output;

    ck_assert_int_eq(run_tool(&output, "CLMIX_CACHE_DIR='%s/cache' clmix-bench start %s/tiny.json --batch 2 2>&1", folder, folder), 0);
    ck_assert_msg(strstr(output, "compiling") == NULL && strchr(output, '\033') == NULL, "%s", output);
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("terminal");
    TCase *tests = tcase_create("terminal");

    require_terminal();
    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, compiling_is_shown, 0, 3);
    tcase_add_test(tests, elsewhere_nothing_is_shown);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
