/* clmix-predict as a user runs it: pictures, data sets, mistakes. */
#include <check.h>
#include <cjson/cJSON.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_suite.h"
#include "support_tool.h"

static char folder[512], weights[600];
static clmix_prediction prediction; /* what the library says of rgb.png */
static char answer_name[64];

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* A network with fresh weights in a file. */
static void begin(void)
{
    const float half[3] = { 0.5f, 0.5f, 0.5f };
    const char *names[10] = { "ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay" };
    clmix_device *device;
    clmix_config *config;
    clmix_network *network;

    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(weights, sizeof weights, "%s/fresh.safetensors", folder);
    ok(clmix_device_open(&device, NULL));
    ok(clmix_config_open(&config, "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":10,\"dim\":8,\"depth\":1}"));
    ok(clmix_network_create(&network, device, config, 11));
    ok(clmix_network_describe_data(network, names, half, half));
    ok(clmix_network_save(network, weights));
    ok(clmix_network_classify_file(network, CLMIX_TEST_DATA "/pictures/rgb.png", &prediction));
    snprintf(answer_name, sizeof answer_name, "%s", prediction.name);
    clmix_network_free(network);
    clmix_config_free(config);
    clmix_device_close(device);
}

static void end(void)
{
    remove_folder(folder);
}

START_TEST(pictures_get_classes_with_probabilities)
{
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-predict %s %s/pictures/rgb.png --top 20 --json", weights, CLMIX_TEST_DATA) == 0, "%s", output);
    cJSON *line = cJSON_Parse(output);
    ck_assert_msg(line != NULL, "%s", output);
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(line, "classes"), *row;
    double sum = 0.0, last = 1.0;
    ck_assert_int_eq(cJSON_GetArraySize(classes), 10);
    cJSON_ArrayForEach(row, classes)
    {
        double probability = cJSON_GetObjectItemCaseSensitive(row, "probability")->valuedouble;
        ck_assert(probability <= last);
        last = probability;
        sum += probability;
    }
    ck_assert(fabs(sum - 1.0) < 1e-5);
    row = cJSON_GetArrayItem(classes, 0);
    ck_assert_str_eq(cJSON_GetObjectItemCaseSensitive(row, "name")->valuestring, answer_name);
    ck_assert_double_eq(cJSON_GetObjectItemCaseSensitive(row, "label")->valuedouble, prediction.label);
    ck_assert(fabs(cJSON_GetObjectItemCaseSensitive(row, "probability")->valuedouble - (double)prediction.probability) < 1e-6);
    cJSON_Delete(line);
    free(output);

    ck_assert_int_eq(run_tool(&output, "clmix-predict %s %s/pictures/rgb.png", weights, CLMIX_TEST_DATA), 0);
    ck_assert_msg(strstr(output, answer_name) != NULL && strstr(output, " % ") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(a_bad_picture_does_not_stop_the_others)
{
    char *output;

    ck_assert_int_eq(run_tool(&output, "clmix-predict %s none.png %s/pictures/rgb.png 2>&1", weights, CLMIX_TEST_DATA), 1);
    ck_assert_msg(strstr(output, "none.png") != NULL && strstr(output, answer_name) != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(accuracy_over_a_data_set)
{
    char *output;

    ck_assert_int_eq(run_tool(&output, "clmix-predict %s --data shapes:size=16,train=10,test=30 --split test --batch 7 --json", weights),
                     0);
    cJSON *line = cJSON_Parse(output);
    ck_assert_msg(line != NULL, "%s", output);
    double top1 = cJSON_GetObjectItemCaseSensitive(line, "top1")->valuedouble,
           top5 = cJSON_GetObjectItemCaseSensitive(line, "top5")->valuedouble;
    ck_assert_double_eq(cJSON_GetObjectItemCaseSensitive(line, "count")->valuedouble, 30);
    ck_assert(top1 >= 0.0 && top1 <= top5 && top5 <= 1.0);
    ck_assert(cJSON_GetObjectItemCaseSensitive(line, "loss")->valuedouble > 1.0);
    ck_assert_double_eq_tol(cJSON_GetObjectItemCaseSensitive(line, "guess_loss")->valuedouble, log(10.0), 1e-12); /* three of each class */
    cJSON_Delete(line);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-predict %s --data shapes:size=16,train=10,test=30", weights), 0);
    ck_assert_msg(strstr(output, "30 pictures") != NULL && strstr(output, "(by frequency alone 2.3026)") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(mistakes_are_named)
{
    static const struct tool_mistake mistakes[] = {
        { "", "no weights were named", 2 },
        { "none.safetensors", "none.safetensors", 1 },
        { "wavemix-16", "a model without weights", 2 },
        { "none.safetensors x.png", "none.safetensors", 1 },
        { "none.safetensors x.png --data shapes", "do not go together", 2 },
        { "none.safetensors x.png --split test", "--split belongs to --data", 2 },
        { "none.safetensors --data shapes --split both", "train or test", 2 },
        { "none.safetensors x.png --top 0", "must be at least 1", 2 },
    };

    check_mistakes("clmix-predict", mistakes, sizeof mistakes / sizeof *mistakes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-predict");
    TCase *tool = tcase_create("tool");

    tcase_set_timeout(tool, 300);
    tcase_add_unchecked_fixture(tool, begin, end);
    tcase_add_test(tool, pictures_get_classes_with_probabilities);
    tcase_add_test(tool, a_bad_picture_does_not_stop_the_others);
    tcase_add_test(tool, accuracy_over_a_data_set);
    tcase_add_test(tool, mistakes_are_named);
    suite_add_tcase(suite, tool);
    return support_run(suite);
}
