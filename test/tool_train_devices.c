/* clmix-train with several devices as a user runs it: the same device twice, shares, resuming with another number, misuse. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"

#define TINY                                                                                                                  \
    "{\"model\":\"vit\",\"image_size\":16,\"classes\":10,\"patch_size\":8,\"dim\":16,\"depth\":1,\"heads\":2,\"head_dim\":8," \
    "\"mlp_dim\":16,\"dropout\":0.2,\"mixer\":{\"kind\":\"softmax\"}}"
#define RECIPE "--data shapes:size=16,train=60,test=20 --batch 16"

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

static void *weights(const char *run, size_t *bytes)
{
    char path[400];
    void *data;

    snprintf(path, sizeof path, "%s/%s/model.safetensors", folder, run);
    ops_ok(clmix_file_read(path, 1 << 26, &data, bytes));
    return data;
}

START_TEST(two_runs_on_two_devices_are_one)
{
    static const char *const runs[] = { "first", "second" };
    size_t bytes[2];
    void *files[2];
    char *output;

    for (int i = 0; i < 2; i++) {
        ck_assert_msg(run_tool(&output, "clmix-train --model %s " RECIPE " --epochs 2 --devices 0,0 --shares 3:1 --out %s/%s", model,
                               folder, runs[i]) == 0,
                      "%s", output);
        ck_assert_msg(strstr(output, "on 2 devices") != NULL && strstr(output, "3 of 4 parts of a batch on") != NULL, "%s", output);
        free(output);
        files[i] = weights(runs[i], &bytes[i]);
    }
    ck_assert_uint_eq(bytes[0], bytes[1]);
    ck_assert_mem_eq(files[0], files[1], bytes[0]);
    free(files[0]);
    free(files[1]);
}
END_TEST

START_TEST(a_run_goes_on_with_other_devices)
{
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-train --model %s " RECIPE " --schedule constant --epochs 1 --devices 0,0,0 --out %s/run", model,
                           folder) == 0,
                  "%s", output);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-train --resume %s/run --epochs 2 --devices all", folder) == 0, "%s", output);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-train --resume %s/run --epochs 3 --devices 0,0 --shares 1:2", folder) == 0, "%s", output);
    ck_assert_msg(strstr(output, "epoch  3/3") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(the_cost_is_that_of_all)
{
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-train --model %s --dry-run --json --devices 0,0", model) == 0, "%s", output);
    ck_assert_msg(strstr(output, "\"devices\"") != NULL, "%s", output);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-train --model %s --dry-run --json --device 0", model) == 0, "%s", output);
    ck_assert_msg(strstr(output, "\"devices\"") == NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(misuse_is_explained)
{
    static const struct {
        const char *given, *said;
    } wrong[] = {
        { "--devices 0,0 --shares 3", "1 numbers for 2 devices" },
        { "--devices 0,0 --shares 3:1:1", "3 numbers for 2 devices" },
        { "--devices 0,0 --shares 3:0", "whole numbers from 1" },
        { "--devices 0,0 --shares 3:x", "whole numbers from 1" },
        { "--shares 3:1", "--devices names" },
        { "--devices 0,0 --device 0", "give one of them" },
        { "--devices ,", "must name devices" },
        { "--devices 0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0", "more than 16" },
    };
    char *output;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(run_tool(&output, "clmix-train --model %s " RECIPE " --out %s/run %s 2>&1", model, folder, wrong[i].given), 2);
        ck_assert_msg(strstr(output, wrong[i].said) != NULL, "%s: %s", wrong[i].given, output);
        free(output);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-train with several devices");
    TCase *tests = tcase_create("devices");

    tcase_set_timeout(tests, 600);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, two_runs_on_two_devices_are_one);
    tcase_add_test(tests, a_run_goes_on_with_other_devices);
    tcase_add_test(tests, the_cost_is_that_of_all);
    tcase_add_test(tests, misuse_is_explained);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
