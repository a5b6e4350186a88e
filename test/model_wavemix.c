/* WaveMix as a whole: weights in files, and the reference cases. Its configurations: unit_configs.c; classification: model_classify.c. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"
#include "network/network.h"
#include "support_suite.h"
#include "support_tool.h"

#define TINY                                                                                                                         \
    "{\"model\":\"wavemix\",\"image_size\":[24,16],\"channels\":3,\"classes\":5,\"dim\":8,\"depth\":2,\"mult_dim\":10,\"ff_dim\":6," \
    "\"levels\":3,\"level_channels\":[4,3,1]}"

static clmix_device *device;

static void open_device(void)
{
    ck_assert_msg(clmix_device_open(&device, NULL) == CLMIX_OK, "%s", clmix_error());
}

static void close_device(void)
{
    clmix_device_close(device);
    device = NULL;
}

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* ---- networks ------------------------------------------------------------------------------------------------------------------------ */

static clmix_network *tiny_network(uint64_t seed)
{
    clmix_config *config;
    clmix_network *network;

    ok(clmix_config_open(&config, TINY));
    ok(clmix_network_create(&network, device, config, seed));
    clmix_config_free(config);
    return network;
}

/* Values of a tensor, for free(). */
static float *read_tensor(clmix_network *network, const char *name, size_t count)
{
    float *values = malloc(count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ok(clmix_network_read(network, name, values, count));
    return values;
}

START_TEST(fresh_weights_follow_from_seed_and_name)
{
    clmix_network *a = tiny_network(1), *b = tiny_network(1), *c = tiny_network(2);
    const size_t count = 10 * 32;
    const char *name = "layers.1.0.feedforward.0.weight";
    float *of_a = read_tensor(a, name, count), *of_b = read_tensor(b, name, count), *of_c = read_tensor(c, name, count);
    float *other = read_tensor(a, "layers.0.0.feedforward.0.weight", count);
    float bound = 1.0f / sqrtf(32.0f), largest = 0.0f;

    ck_assert_mem_eq(of_a, of_b, count * sizeof(float));
    ck_assert_mem_ne(of_a, of_c, count * sizeof(float));
    ck_assert_mem_ne(of_a, other, count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(of_a[i]));
    ck_assert(largest <= bound && largest > 0.9f * bound);
    free(of_a);
    free(of_b);
    free(of_c);
    free(other);
    clmix_network_free(a);
    clmix_network_free(b);
    clmix_network_free(c);
}
END_TEST

START_TEST(tensors_are_read_and_written_in_file_order)
{
    clmix_network *network = tiny_network(1);
    const size_t count = 6 * 3 * 6 * 6;
    float values[6 * 3 * 6 * 6];

    for (size_t i = 0; i < count; i++)
        values[i] = (float)i;
    ok(clmix_network_write(network, "layers.0.0.ff2.weight", values, count));
    float *back = read_tensor(network, "layers.0.0.ff2.weight", count);
    ck_assert_mem_eq(back, values, sizeof values);
    free(back);
    ck_assert_int_eq(clmix_network_read(network, "layers.0.0.ff2.weight", values, 5), CLMIX_ERROR_ARGUMENT);
    ck_assert_int_eq(clmix_network_read(network, "layers.9.0.ff2.weight", values, count), CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "layers.9.0.ff2.weight"));
    clmix_network_free(network);
}
END_TEST

START_TEST(network_survives_the_way_through_a_file)
{
    clmix_network *network = tiny_network(3), *back;
    char folder[512], path[600];
    const char *names[5] = { "ash", "birch", "cedar \"red\"", "d\xc3\xa4mmerung", "elm" };
    const float mean[3] = { 0.48f, 0.45f, 0.4f }, std[3] = { 0.25f, 0.3f, 0.1f };
    float found_mean[4], found_std[4];
    uint8_t pictures[2 * 24 * 16 * 3];
    float before[10], after[10];

    for (size_t i = 0; i < sizeof pictures; i++)
        pictures[i] = (uint8_t)(i * 37 % 251);
    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(path, sizeof path, "%s/tiny.safetensors", folder);
    ok(clmix_network_describe_data(network, names, mean, std));
    ok(clmix_network_classify(network, pictures, 2, before));
    ok(clmix_network_save(network, path));
    ok(clmix_network_load(&back, device, path));
    ok(clmix_network_classify(back, pictures, 2, after));
    ck_assert_mem_eq(before, after, sizeof before);
    for (size_t i = 0; i < 5; i++)
        ck_assert_str_eq(clmix_network_class_name(back, i), names[i]);
    clmix_network_normalization(back, found_mean, found_std);
    ck_assert_mem_eq(found_mean, mean, sizeof mean);
    ck_assert_mem_eq(found_std, std, sizeof std);
    ck_assert_uint_eq(clmix_network_parameter_count(back), clmix_network_parameter_count(network));
    clmix_network_free(back);
    clmix_network_free(network);

    clmix_config *config;
    char *text;
    ok(clmix_config_open(&config, path));
    ok(clmix_config_text(config, &text));
    ck_assert_ptr_nonnull(strstr(text, "\"level_channels\":[4,3,1]"));
    clmix_free(text);
    clmix_config_free(config);
    remove_folder(folder);
}
END_TEST

START_TEST(weights_of_another_model_are_refused_and_change_nothing)
{
    clmix_network *network = tiny_network(4), *other;
    clmix_config *config;
    char folder[512], path[600];

    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(path, sizeof path, "%s/other.safetensors", folder);
    ok(clmix_config_open(&config, TINY));
    ok(clmix_config_set(config, "depth=3"));
    ok(clmix_network_create(&other, device, config, 5));
    ok(clmix_network_save(other, path));
    clmix_network_free(other);

    float *before = read_tensor(network, "conv.1.weight", 8 * 4 * 9);
    ck_assert_int_eq(clmix_network_load_weights(network, path), CLMIX_ERROR_FORMAT);
    ck_assert_msg(strstr(clmix_error(), "layers.2.0.") != NULL, "%s", clmix_error());
    float *after = read_tensor(network, "conv.1.weight", 8 * 4 * 9);
    ck_assert_mem_eq(before, after, 8 * 4 * 9 * sizeof(float));
    free(after);

    ok(clmix_config_set(config, "depth=1"));
    ok(clmix_network_create(&other, device, config, 5));
    ok(clmix_network_save(other, path));
    clmix_network_free(other);
    ck_assert_int_eq(clmix_network_load_weights(network, path), CLMIX_ERROR_FORMAT);
    ck_assert_msg(strstr(clmix_error(), "lacks 10 of the tensors") != NULL, "%s", clmix_error());

    ok(clmix_config_set(config, "depth=2"));
    ok(clmix_config_set(config, "mult_dim=11"));
    ok(clmix_network_create(&other, device, config, 5));
    ok(clmix_network_save(other, path));
    clmix_network_free(other);
    ck_assert_int_eq(clmix_network_load_weights(network, path), CLMIX_ERROR_FORMAT);
    ck_assert_msg(strstr(clmix_error(), "11x32x1x1 in the file and 10x32x1x1 in the model") != NULL, "%s", clmix_error());
    free(before);
    clmix_config_free(config);
    clmix_network_free(network);
    remove_folder(folder);
}
END_TEST

START_TEST(a_file_without_configuration_needs_a_model)
{
    clmix_network *network;

    ck_assert_int_eq(clmix_network_load(&network, device, CLMIX_TEST_DATA "/wavemix_torch.safetensors"), CLMIX_ERROR_FORMAT);
    ck_assert_ptr_null(network);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "carries no configuration"));
}
END_TEST

/* A state dict that PyTorch wrote, and PyTorch's own predictions for the same pictures. */
START_TEST(pytorch_weights_give_pytorchs_answers)
{
    clmix_network *network = tiny_network(0);
    clmix_safetensors *predictions;
    float found[15], expected[15];

    ok(clmix_network_load_weights(network, CLMIX_TEST_DATA "/wavemix_torch.safetensors"));
    ok(clmix_safetensors_open(&predictions, CLMIX_TEST_DATA "/wavemix_torch_answers.safetensors"));
    const clmix_stored_tensor *pictures = clmix_safetensors_find(predictions, "pictures");
    ok(clmix_stored_to_float(clmix_safetensors_find(predictions, "probabilities"), expected));
    ok(clmix_network_classify(network, pictures->data, 3, found));
    for (int i = 0; i < 15; i++)
        ck_assert_msg(fabsf(found[i] - expected[i]) < 1e-5f, "%d: %g instead of %g", i, (double)found[i], (double)expected[i]);
    clmix_safetensors_close(predictions);
    clmix_network_free(network);
}
END_TEST

/* ---- reference cases ----------------------------------------------------------------------------------------------------------------- */

static void verify_all(const char *pattern)
{
    char *output;
    int status = run_tool(&output, "clmix-verify %s/%s 2>&1", CLMIX_TEST_CASES, pattern);

    ck_assert_msg(status == 0 && strstr(output, "pass on ") != NULL, "%s", output);
    free(output);
}

START_TEST(model_cases_pass)
{
    verify_all("models/wavemix*.safetensors");
}
END_TEST

START_TEST(operator_cases_pass)
{
    verify_all("ops/*.safetensors");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wavemix");
    TCase *networks = tcase_create("networks"), *cases = tcase_create("cases");

    tcase_set_timeout(networks, 300);
    tcase_add_unchecked_fixture(networks, open_device, close_device);
    tcase_add_test(networks, fresh_weights_follow_from_seed_and_name);
    tcase_add_test(networks, tensors_are_read_and_written_in_file_order);
    tcase_add_test(networks, network_survives_the_way_through_a_file);
    tcase_add_test(networks, weights_of_another_model_are_refused_and_change_nothing);
    tcase_add_test(networks, a_file_without_configuration_needs_a_model);
    tcase_add_test(networks, pytorch_weights_give_pytorchs_answers);
    suite_add_tcase(suite, networks);

    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, model_cases_pass);
    tcase_add_test(cases, operator_cases_pass);
    suite_add_tcase(suite, cases);

    return support_run(suite);
}
