/* clmix-verify as a user runs it: good cases, wrong numbers, damaged files, both outputs. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_suite.h"
#include "support_tool.h"

static char folder[512];

static void begin(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void end(void)
{
    remove_folder(folder);
}

/* A case of the repository, for free(). */
static char *read_case(const char *name, size_t *bytes)
{
    char path[700];
    void *data;

    snprintf(path, sizeof path, "%s/ops/%s", CLMIX_TEST_CASES, name);
    ck_assert_int_eq(clmix_file_read(path, 1 << 24, &data, bytes), CLMIX_OK);
    return data;
}

/* Writes FOLDER/name, and frees the content. */
static void write_case(const char *name, char *content, size_t bytes)
{
    char path[700];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(clmix_file_write(path, content, bytes), CLMIX_OK);
    free(content);
}

/* A case of the repository with one byte changed, as FOLDER/name. `find` is a text in the file; the byte `offset` behind its begin
 * changes. */
static void spoil(const char *name, const char *find, size_t offset, char value)
{
    size_t bytes;
    char *text = read_case(name, &bytes), *place = NULL;

    for (size_t i = 0; !place && i + strlen(find) < bytes; i++)
        if (memcmp(text + i, find, strlen(find)) == 0)
            place = text + i;
    ck_assert_ptr_nonnull(place);
    place[offset] = value;
    write_case(name, text, bytes);
}

/* A case whose last number is wrong, as FOLDER/wrong.safetensors. */
static void spoil_numbers(const char *name)
{
    size_t bytes;
    char *content = read_case(name, &bytes);

    content[bytes - 1] ^= 0x40; /* the exponent of the last float */
    write_case("wrong.safetensors", content, bytes);
}

static bool is_true(const cJSON *object, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

START_TEST(json_has_the_documented_keys)
{
    static const char *const keys[] = { "case", "device", "pass", "worst", "tensors" }, *const tensor_keys[] = { "name", "error", "limit",
                                                                                                                 "pass" };
    char *output;

    ck_assert_int_eq(run_tool(&output, "clmix-verify --json %s/ops/gelu.safetensors", CLMIX_TEST_CASES), 0);
    cJSON *line = cJSON_Parse(output);
    ck_assert_msg(line != NULL, "%s", output);
    ck_assert_int_eq(cJSON_GetArraySize(line), 5);
    for (int i = 0; i < 5; i++)
        ck_assert_str_eq(cJSON_GetArrayItem(line, i)->string, keys[i]);
    const cJSON *tensors = cJSON_GetObjectItemCaseSensitive(line, "tensors");
    ck_assert_int_eq(cJSON_GetArraySize(tensors), 2);
    for (int t = 0; t < 2; t++) {
        const cJSON *row = cJSON_GetArrayItem(tensors, t);
        ck_assert_int_eq(cJSON_GetArraySize(row), 4);
        for (int i = 0; i < 4; i++)
            ck_assert_str_eq(cJSON_GetArrayItem(row, i)->string, tensor_keys[i]);
        ck_assert(is_true(row, "pass"));
        ck_assert(cJSON_GetObjectItemCaseSensitive(row, "error")->valuedouble < 1e-5);
    }
    ck_assert(is_true(line, "pass"));
    cJSON_Delete(line);
    free(output);
}
END_TEST

START_TEST(a_damaged_case_fails_and_the_others_run)
{
    char *output;

    spoil("relu.safetensors", "\"F32\"", 1, 'Q');
    ck_assert_int_eq(run_tool(&output, "clmix-verify --json %s/relu.safetensors %s/none.safetensors %s/ops/gelu.safetensors 2>/dev/null",
                              folder, folder, CLMIX_TEST_CASES),
                     1);
    const char *rest = output;
    for (int i = 0; i < 3; i++) {
        cJSON *line = cJSON_ParseWithOpts(rest, &rest, 0);
        ck_assert_msg(line != NULL, "%s", output);
        ck_assert(is_true(line, "pass") == (i == 2));
        cJSON_Delete(line);
    }
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-verify %s/relu.safetensors 2>&1", folder), 1);
    ck_assert_msg(strstr(output, "FAIL") != NULL && strstr(output, "relu.safetensors") != NULL &&
                      strstr(output, "0 of 1 cases pass") != NULL,
                  "%s", output);
    free(output);
}
END_TEST

START_TEST(wrong_numbers_fail_by_the_tensors_name)
{
    char *output;

    spoil_numbers("linear.safetensors");
    ck_assert_int_eq(run_tool(&output, "clmix-verify %s/wrong.safetensors 2>&1", folder), 1);
    ck_assert_msg(strstr(output, "FAIL") != NULL, "%s", output);
    free(output);
}
END_TEST

/* The bias of keys has no gradient, and the case now says that it has a small one. */
START_TEST(a_small_gradient_is_not_taken_for_zero)
{
    static const char tensor[] = "\"grad.fc_k.bias\"", offsets[] = "\"data_offsets\":[";
    const float small = 1e-5F;
    uint64_t header;
    size_t bytes;
    char *content = read_case("attn_mixer_dct_x.safetensors", &bytes), *place = content + sizeof header, *output;

    memcpy(&header, content, sizeof header);
    while (memcmp(place, tensor, strlen(tensor)) != 0)
        ck_assert(++place < content + header);
    place = strstr(place, offsets);
    ck_assert_ptr_nonnull(place);
    memcpy(content + sizeof header + header + strtoul(place + strlen(offsets), NULL, 10), &small, sizeof small);
    write_case("small.safetensors", content, bytes);
    ck_assert_int_eq(run_tool(&output, "clmix-verify %s/small.safetensors 2>&1", folder), 1);
    ck_assert_msg(strstr(output, "grad.fc_k.bias") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(what_is_not_supported_fails_with_a_sentence)
{
    char *output;

    spoil("gelu.safetensors", "\\\"gelu", 2, 'm');
    ck_assert_int_eq(run_tool(&output, "clmix-verify %s/gelu.safetensors 2>&1", folder), 1);
    ck_assert_msg(strstr(output, "no operator 'melu'") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(bad_usage_is_explained)
{
    static const struct tool_mistake mistakes[] = { { "", "no case was named", 2 }, { "--kernels fast x", "simt or wide", 2 } };
    char *output;

    check_mistakes("clmix-verify", mistakes, sizeof mistakes / sizeof *mistakes);
    ck_assert_int_eq(run_tool(&output, "clmix-verify --help"), 0);
    ck_assert_ptr_nonnull(strstr(output, "--kernels"));
    free(output);
}
END_TEST

START_TEST(both_forms_can_be_chosen)
{
    static const char *const forms[] = { "simt", "wide" };
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-verify --kernels %s %s/ops/linear.safetensors %s/ops/haar_dwt_odd.safetensors 2>&1", forms[_i],
                           CLMIX_TEST_CASES, CLMIX_TEST_CASES) == 0,
                  "%s", output);
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-verify");
    TCase *tool = tcase_create("tool");

    tcase_set_timeout(tool, 300);
    tcase_add_checked_fixture(tool, begin, end);
    tcase_add_test(tool, json_has_the_documented_keys);
    tcase_add_test(tool, a_damaged_case_fails_and_the_others_run);
    tcase_add_test(tool, wrong_numbers_fail_by_the_tensors_name);
    tcase_add_test(tool, a_small_gradient_is_not_taken_for_zero);
    tcase_add_test(tool, what_is_not_supported_fails_with_a_sentence);
    tcase_add_test(tool, bad_usage_is_explained);
    tcase_add_loop_test(tool, both_forms_can_be_chosen, 0, 2);
    suite_add_tcase(suite, tool);
    return support_run(suite);
}
