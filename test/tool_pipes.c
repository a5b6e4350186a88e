/* The programs given a pipe that nobody writes to, wherever they read a file: refused at once, with a sentence. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support_suite.h"
#include "support_tool.h"

static char folder[512];

static void begin(void)
{
    static const char *const names[] = {
        "pipe", "pipe.json", "pipe.safetensors", "pipe.png", "checkpoint.safetensors", "train-images-idx3-ubyte"
    };

    snprintf(folder, sizeof folder, "%s", make_folder());
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[600];

        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
    }
}

static void end(void)
{
    remove_folder(folder);
}

/* Runs in the folder of pipes; `timeout` ends what waits, with the status 124. */
static void check_refused(const char *arguments)
{
    char *output;
    const int status = run_tool(&output, "cd '%s'; timeout 60 %s 2>&1", folder, arguments);

    ck_assert_msg(status != 0 && status != 124 && strstr(output, "is a named pipe, not a regular file") != NULL, "%s: %d, %s", arguments,
                  status, output);
    free(output);
}

START_TEST(no_program_waits)
{
    check_refused("clmix-summary pipe.json");
    check_refused("clmix-summary ./pipe.safetensors");
    check_refused("clmix-train --model pipe.json --data shapes --out run");
    check_refused("clmix-train --model wavemix-16 --data mnist:. --out run");
    check_refused("clmix-train --resume .");
    check_refused("clmix-predict pipe.safetensors pipe.png");
    check_refused("clmix-verify pipe.safetensors");
    check_refused("clmix-bench report pipe pipe --html page.html");
    check_refused("clmix-bench --compare pipe pipe");
    check_refused("clmix-bench model pipe.json");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pipes");
    TCase *all = tcase_create("all");

    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 300);
    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, no_program_waits);
    return support_run(suite);
}
