/* clmix-summary as a user runs it: the documented keys, without any device too. */
#include <check.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_suite.h"
#include "support_tool.h"

static cJSON *summary(const char *arguments)
{
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-summary %s --json 2>&1", arguments) == 0, "%s", output);
    cJSON *object = cJSON_Parse(output);
    ck_assert_msg(object != NULL, "%s", output);
    free(output);
    return object;
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s", key);
    return item->valuedouble;
}

START_TEST(json_has_the_documented_keys)
{
    static const char *const keys[] = { "model",
                                        "config",
                                        "batch",
                                        "parameters",
                                        "parameters_used",
                                        "parameters_paper",
                                        "size_mb_paper",
                                        "flops_forward",
                                        "flops_step",
                                        "bytes_moved_forward",
                                        "bytes_least_forward",
                                        "bytes_moved_step",
                                        "bytes_least_step",
                                        "peak_bytes_inference",
                                        "peak_bytes_training",
                                        "paper" };
    cJSON *object = summary("wavemix-32 --batch 64");

    ck_assert_int_eq(cJSON_GetArraySize(object), 16);
    for (int i = 0; i < 16; i++)
        ck_assert_str_eq(cJSON_GetArrayItem(object, i)->string, keys[i]);
    ck_assert_double_eq(number(object, "parameters"), 513706);
    ck_assert_double_eq(number(object, "parameters_used"), 513706);
    ck_assert_double_eq(number(object, "parameters_paper"), 575914);
    ck_assert_double_eq_tol(number(object, "size_mb_paper"), 6.24, 0.005);
    ck_assert_double_eq(number(cJSON_GetObjectItemCaseSensitive(object, "config"), "mult_dim"), 32);
    ck_assert(number(object, "flops_step") > 2 * number(object, "flops_forward"));
    ck_assert(number(object, "bytes_moved_forward") > number(object, "bytes_least_forward"));
    ck_assert(number(object, "bytes_moved_step") > number(object, "bytes_least_step"));
    /* pictures of bytes, weights, 64 x 10 logits and probabilities; a step's gradients, weights and two moments come on top of what is kept */
    ck_assert_double_eq(number(object, "bytes_least_forward"), 64 * 32 * 32 * 3 + 4 * 513706 + 2 * 4 * 64 * 10);
    ck_assert(number(object, "bytes_least_step") > 7 * 4 * 513706);
    /* weights, gradients and two moments at least; activations for a batch of 64 */
    ck_assert(number(object, "peak_bytes_training") > 4 * 4 * 513706);
    ck_assert(number(object, "peak_bytes_training") > number(object, "peak_bytes_inference"));
    cJSON_Delete(object);
}
END_TEST

/* Sequences have the length that is asked for, or the most that the model takes. */
START_TEST(sequences_have_a_length)
{
    cJSON *shorter = summary("bert-mini --length 64 --batch 2 --device generic"),
          *longest = summary("bert-mini --batch 2 --device generic");

    ck_assert_double_eq(number(shorter, "length"), 64);
    ck_assert_double_eq(number(longest, "length"), 512);
    ck_assert_double_eq(number(shorter, "parameters"), number(longest, "parameters"));
    ck_assert(number(longest, "flops_forward") > 8 * number(shorter, "flops_forward"));
    ck_assert(number(longest, "peak_bytes_training") > number(shorter, "peak_bytes_training"));
    cJSON_Delete(shorter);
    cJSON_Delete(longest);
}
END_TEST

/* What the paper prints stands beside a row as it is in the paper, and beside nothing else. */
START_TEST(the_papers_figures_are_shown)
{
    char *output;
    cJSON *object;

    ck_assert_int_eq(run_tool(&output, "clmix-summary wavemix-16 --device generic"), 0);
    ck_assert_msg(strstr(output, "133,914 (165,210 by the papers' counting rule; WaveMix 2 prints 0.16 M)") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "3.16 MB by the papers' counting rule; WaveMix 2 prints 3.09") != NULL, "%s", output);
    free(output);
    object = summary("wavemix-16 --device generic");
    ck_assert_double_eq(number(cJSON_GetObjectItemCaseSensitive(object, "paper"), "mb"), 3.09);
    cJSON_Delete(object);
    object = summary("wavemix-16 --set depth=3 --device generic");
    ck_assert_ptr_null(cJSON_GetObjectItemCaseSensitive(object, "paper"));
    cJSON_Delete(object);
}
END_TEST

/* Weights that a model owns and does not read. */
START_TEST(weights_that_are_used)
{
    cJSON *object = summary("bert-mini --set max_len=32 --batch 2 --device generic");
    char *output;

    ck_assert_double_eq(number(object, "parameters"), 5659136 - 2 * 480 * 256);
    ck_assert_double_eq(number(object, "parameters_used"), 5659136 - 256 * 512 - 65792 - 8192 - 480 * 256);
    cJSON_Delete(object);
    ck_assert_int_eq(run_tool(&output, "clmix-summary bert-mini --set max_len=32 --batch 2 --device generic"), 0);
    ck_assert_msg(strstr(output, "5,413,376 (5,331,200 of them used; ") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(work_grows_with_the_batch)
{
    cJSON *one = summary("wavemix-16 --batch 1"), *eight = summary("wavemix-16 --batch 8");

    ck_assert_double_eq_tol(number(eight, "flops_forward") / number(one, "flops_forward"), 8.0, 0.01);
    ck_assert_double_eq(number(eight, "parameters"), number(one, "parameters"));
    cJSON_Delete(one);
    cJSON_Delete(eight);
}
END_TEST

START_TEST(no_device_is_needed)
{
    char *output;

    ck_assert_msg(
        run_tool(&output,
                 "env -u CLMIX_DEVICE OCL_ICD_VENDORS=/nonexistent OPENCL_VENDOR_PATH=/nonexistent clmix-summary wavemix-32 2>&1") == 0,
        "%s", output);
    ck_assert_msg(strstr(output, "513,706") != NULL && strstr(output, "layers.3.0.ff4") != NULL, "%s", output);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-summary --device generic wavemix-128 --json 2>&1") == 0, "%s", output);
    free(output);
}
END_TEST

START_TEST(keys_are_overridden)
{
    cJSON *object = summary("wavemix-32 --set dim=48 --set classes=3 --batch 2");
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(object, "config");

    ck_assert_double_eq(number(config, "dim"), 48);
    ck_assert_double_eq(number(config, "classes"), 3);
    cJSON_Delete(object);
}
END_TEST

START_TEST(mistakes_are_named)
{
    static const struct tool_mistake mistakes[] = {
        { "", "one model is needed", 2 },
        { "wavemix-33", "no preset and no file 'wavemix-33'", 2 },
        { "wavemix-32 --batch 0", "must be at least 1", 2 },
        { "wavemix-32 --batch many", "many", 2 },
        { "wavemix-32 --set dim", "key=value", 2 },
        { "wavemix-32 --set depth=0", "'depth' is 0", 1 },
        { "wavemix-32 --set colour=1", "unknown key 'colour'", 1 },
        { "wavemix-32 --wings", "--wings", 2 },
        { "wavemix-32 --length 4", "reads pictures", 2 },
        { "bert-mini --length 4000", "up to 512 tokens", 2 },
        { "bert-mini --length -1", "must be at least 1", 2 },
    };

    check_mistakes("clmix-summary", mistakes, sizeof mistakes / sizeof *mistakes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-summary");
    TCase *tool = tcase_create("tool");

    tcase_set_timeout(tool, 300);
    tcase_add_test(tool, json_has_the_documented_keys);
    tcase_add_test(tool, sequences_have_a_length);
    tcase_add_test(tool, the_papers_figures_are_shown);
    tcase_add_test(tool, work_grows_with_the_batch);
    tcase_add_test(tool, weights_that_are_used);
    tcase_add_test(tool, no_device_is_needed);
    tcase_add_test(tool, keys_are_overridden);
    tcase_add_test(tool, mistakes_are_named);
    suite_add_tcase(suite, tool);
    return support_run(suite);
}
