/* What people hand over as a model's weights: values that are no numbers, files of other programs, folders, other numbers of classes. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"
#include "support_suite.h"
#include "support_tool.h"

#define TINY                                                                                                                          \
    "{\"model\":\"wavemix\",\"image_size\":[16,16],\"channels\":3,\"classes\":10,\"dim\":8,\"depth\":2,\"mult_dim\":10,\"ff_dim\":6," \
    "\"levels\":3,\"level_channels\":[4,3,1]}"
#define PIXELS   (16 * 16 * 3)
#define CLASSES  10
#define PICTURES CLMIX_TEST_DATA "/pictures"

static clmix_device *device;
static char folder[512];

static void begin(void)
{
    ck_assert_msg(clmix_device_open(&device, NULL) == CLMIX_OK, "%s", clmix_error());
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void end(void)
{
    remove_folder(folder);
    clmix_device_close(device);
    device = NULL;
}

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* The call failed with this status, and its sentence has this part. */
static void fails(clmix_status found, clmix_status wanted, const char *part)
{
    ck_assert_msg(found == wanted, "%s instead of %s: %s", clmix_status_name(found), clmix_status_name(wanted), clmix_error());
    ck_assert_msg(strstr(clmix_error(), part) != NULL, "'%s' lacks '%s'", clmix_error(), part);
}

static clmix_network *network_of(const char *setting, uint64_t seed)
{
    clmix_config *config;
    clmix_network *network;

    ok(clmix_config_open(&config, TINY));
    if (setting)
        ok(clmix_config_set(config, setting));
    ok(clmix_network_create(&network, device, config, seed));
    clmix_config_free(config);
    return network;
}

/* ---- values that are no numbers ------------------------------------------------------------------------------------------------------ */

/* What a value of one tensor does to everything that answers. */
static const struct {
    const char *tensor;
    float value;
    const char *sentence;
} damages[] = {
    { "layers.0.0.ff2.bias", NAN, "layers.0.0.ff2.bias was NaN before the run (element 1)" },
    { "layers.1.0.feedforward.0.bias", INFINITY, "layers.1.0.feedforward.0.bias was infinite before the run (element 1)" },
    { "mlp_head.bias", -INFINITY, "mlp_head.bias was infinite before the run (element 1)" }, /* would be a probability of 0 */
    { "conv.1.bias", 3e38f, "from finite values" },
};

START_TEST(no_answer_comes_of_weights_that_are_no_numbers)
{
    clmix_network *network = network_of(NULL, 1);
    clmix_dataset *data;
    clmix_answer answer;
    clmix_score score;
    clmix_tensor_info info = { .name = "" };
    uint8_t pictures[2 * PIXELS];
    float good[16], bad[16], before[2 * CLASSES], after[2 * CLASSES];
    size_t count = 0;

    for (size_t i = 0; i < sizeof pictures; i++)
        pictures[i] = (uint8_t)(i * 37 % 251);
    for (size_t i = 0; strcmp(info.name, damages[_i].tensor) != 0; i++)
        ok(clmix_network_tensor(network, i, &info));
    count = clmix_shape_count(info.file_shape);
    ck_assert_uint_le(count, 16);
    ok(clmix_network_read(network, info.name, good, count));
    memcpy(bad, good, sizeof good);
    for (size_t i = 0; i < count; i++)
        bad[i] = i == 1 || damages[_i].value == 3e38f ? damages[_i].value : bad[i];
    ok(clmix_dataset_open(&data, "shapes:size=16,train=4,test=7", 16, 16, 3));

    ok(clmix_network_classify(network, pictures, 2, before));
    ok(clmix_network_write(network, info.name, bad, count));
    fails(clmix_network_classify(network, pictures, 2, after), CLMIX_ERROR_NOT_FINITE, damages[_i].sentence);
    fails(clmix_network_classify_file(network, PICTURES "/rgb.png", &answer), CLMIX_ERROR_NOT_FINITE, damages[_i].sentence);
    fails(clmix_evaluate(network, data, CLMIX_TEST, 4, &score), CLMIX_ERROR_NOT_FINITE, damages[_i].sentence);
    ok(clmix_network_write(network, info.name, good, count));
    ok(clmix_network_classify(network, pictures, 2, after));
    ck_assert_mem_eq(before, after, sizeof before);
    ok(clmix_evaluate(network, data, CLMIX_TEST, 4, &score));
    clmix_dataset_close(data);
    clmix_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("files of weights");
    TCase *values = tcase_create("values");

    tcase_set_timeout(values, 300);
    tcase_add_unchecked_fixture(values, begin, end);
    tcase_add_loop_test(values, no_answer_comes_of_weights_that_are_no_numbers, 0, (int)(sizeof damages / sizeof *damages));
    suite_add_tcase(suite, values);
    return support_run(suite);
}
