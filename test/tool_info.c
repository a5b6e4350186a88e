/* clmix-info as a user runs it: the devices, the cache, misuse. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_suite.h"
#include "support_tool.h"

static char folder[256];

static void setup(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void teardown(void)
{
    remove_folder(folder);
}

static double cache_number(const char *output, const char *key)
{
    cJSON *json = cJSON_Parse(output);
    const cJSON *item = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "cache"), key);
    const double number = cJSON_IsNumber(item) ? item->valuedouble : -1.0;

    ck_assert_msg(number >= 0.0, "no %s in: %s", key, output);
    cJSON_Delete(json);
    return number;
}

START_TEST(devices_are_described)
{
    static const char *const keys[] = { "index", "device", "driver", "platform", "kernels", "kernels_origin", "quirks", "opened" };
    char *output;
    const cJSON *device;
    cJSON *json;

    ck_assert_msg(run_tool(&output, "clmix-info --json") == 0, "%s", output);
    json = cJSON_Parse(output);
    ck_assert_int_ge(cJSON_GetArraySize(cJSON_GetObjectItem(json, "devices")), 1);
    cJSON_ArrayForEach(device, cJSON_GetObjectItem(json, "devices"))
    {
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            ck_assert_msg(cJSON_HasObjectItem(device, keys[i]), "no %s in: %s", keys[i], output);
        ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(device, "opened")));
    }
    ck_assert(cJSON_IsArray(cJSON_GetObjectItem(json, "skipped")));
    cJSON_Delete(json);
    free(output);
}
END_TEST

START_TEST(the_cache_is_described_and_cleared)
{
    char *output;

    ck_assert_int_eq(run_tool(&output, "CLMIX_CACHE_DIR='%s' clmix-info --check --device \"$CLMIX_DEVICE\" --json", folder), 0);
    ck_assert_double_ge(cache_number(output, "programs"), 1.0); /* what the check has compiled */
    ck_assert_double_gt(cache_number(output, "bytes"), 1000.0);
    ck_assert_double_eq(cache_number(output, "limit_bytes"), 512e6);
    ck_assert_msg(strstr(output, folder) != NULL, "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "CLMIX_CACHE_DIR='%s' CLMIX_CACHE_MB=2.5 clmix-info", folder), 0);
    ck_assert_msg(strstr(output, " MB of 2.5 MB\n") != NULL, "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "CLMIX_CACHE_DIR='%s' clmix-info --clear-cache", folder), 0);
    ck_assert_msg(strstr(output, " stored programs (") != NULL, "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "CLMIX_CACHE_DIR= clmix-info"), 0);
    ck_assert_msg(strstr(output, "cache: off\n") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(mistakes_are_explained)
{
    static const struct tool_mistake mistakes[] = {
        { "something", "'something' is not expected", 2 },
        { "--no-such-option", "--no-such-option", 2 },
        { "--device 'no such device'", "no such device", 1 },
    };
    char *output;

    check_mistakes("clmix-info", mistakes, sizeof mistakes / sizeof *mistakes);
    ck_assert_int_eq(run_tool(&output, "CLMIX_CACHE_MB=plenty clmix-info 2>&1"), 1);
    ck_assert_msg(strstr(output, "CLMIX_CACHE_MB is 'plenty'") != NULL, "%s", output);
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-info");
    TCase *tests = tcase_create("info");

    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, devices_are_described);
    tcase_add_test(tests, the_cache_is_described_and_cleared);
    tcase_add_test(tests, mistakes_are_explained);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
