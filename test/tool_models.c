/* How the programs take models, weights, classes and devices, and what they say of slips. */
#include <check.h>
#include <clmix/clmix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_suite.h"
#include "support_tool.h"

START_TEST(slips_are_understood_by_every_program)
{
    static const struct {
        const char *command, *sentence;
    } slips[] = {
        { "clmix-train --model wavemix-16 --data shapes --epoch 3", "did you mean --epochs?" },
        { "clmix-train --model wavemix-16 --data shpaes --dry-run", "did you mean 'shapes'?" },
        { "clmix-summary wavemix32", "did you mean 'wavemix-32'?" },
        { "clmix-summary wavemix-16 --set dpeth=3", "did you mean 'depth'?" },
        { "clmix-summary wavemix-16 --set feedforward=liner", "did you mean 'linear'?" },
        { "clmix-summary wavemix-16 --bacth=3", "did you mean --batch?" },
        { "clmix-predict --vesrion", "did you mean --version?" },
        { "clmix-info --chek", "did you mean --check?" },
        { "clmix-verify --jsno", "did you mean --json?" },
        { "clmix-bench model wavemix-16 --secnods 3", "did you mean --seconds?" },
        { "clmix-info --device cup", "did you mean 'cpu'?" },
    };
    char *output;

    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        ck_assert_int_ne(run_tool(&output, "%s 2>&1", slips[i].command), 0);
        ck_assert_msg(strstr(output, slips[i].sentence) != NULL, "%s: %s", slips[i].command, output);
        free(output);
    }
}
END_TEST

/* Drivers that find no room for themselves are not missing. */
START_TEST(a_limit_on_addresses_is_named)
{
    char *output;
    int status = run_tool(&output, "ulimit -v 60000; clmix-info 2>&1");

    if (strstr(output, "error while loading shared libraries") == NULL) { /* the program itself needs more than that elsewhere */
        ck_assert_int_eq(status, 1);
        ck_assert_msg(strstr(output, "ulimit -v") != NULL && strstr(output, "install a driver") == NULL, "%s", output);
    }
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("models of the programs");
    TCase *tool = tcase_create("tool");

    tcase_set_timeout(tool, 300);
    tcase_add_test(tool, slips_are_understood_by_every_program);
    tcase_add_test(tool, a_limit_on_addresses_is_named);
    suite_add_tcase(suite, tool);
    return support_run(suite);
}
