/* Classifying pictures: answers, the plans that are kept for it, and their memory. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "network/network.h"
#include "support_ops.h"
#include "support_suite.h"

#define TINY                                                                                                                         \
    "{\"model\":\"wavemix\",\"image_size\":[24,16],\"channels\":3,\"classes\":5,\"dim\":8,\"depth\":2,\"mult_dim\":10,\"ff_dim\":6," \
    "\"levels\":3,\"level_channels\":[4,3,1]}"

static clmix_network *tiny_network(uint64_t seed)
{
    clmix_config *config;
    clmix_network *network;

    ops_ok(clmix_config_open(&config, TINY));
    ops_ok(clmix_network_create(&network, ops_device, config, seed));
    clmix_config_free(config);
    return network;
}

START_TEST(every_batch_size_gives_the_same_answers)
{
    enum { MOST = 12, CLASSES = 5, PIXELS = 24 * 16 * 3 };
    static const size_t sizes[] = { 3, 1, 2, 12, 4, 5, 6, 7, 8, 9, 10, 11, 3 };
    clmix_network *network = tiny_network(6);
    static uint8_t pictures[MOST * PIXELS];
    float all[MOST * CLASSES], some[MOST * CLASSES];

    for (size_t i = 0; i < sizeof pictures; i++)
        pictures[i] = (uint8_t)((i * i + 13 * i) % 253);
    ops_ok(clmix_network_classify(network, pictures, MOST, all));
    for (size_t p = 0; p < MOST; p++) {
        float sum = 0.0f;
        for (size_t c = 0; c < CLASSES; c++)
            sum += all[p * CLASSES + c];
        ck_assert(fabsf(sum - 1.0f) < 1e-5f);
    }
    clmix_network_free(network);

    network = tiny_network(6); /* growing from small batches, and more sizes than plans are kept */
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        ops_ok(clmix_network_classify(network, pictures, sizes[s], some));
        for (size_t i = 0; i < sizes[s] * CLASSES; i++)
            ck_assert(fabsf(some[i] - all[i]) < 1e-5f);
    }
    ck_assert_int_eq(clmix_network_classify(network, pictures, 0, some), CLMIX_ERROR_ARGUMENT);
    clmix_network_free(network);
}
END_TEST

START_TEST(picture_files_are_classified)
{
    static const char *const files[] = { "rgb.png", "rgba.png", "grey.jpg", "grey16.png" };
    clmix_network *network = tiny_network(7);
    clmix_prediction prediction;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/pictures/%s", CLMIX_TEST_DATA, files[i]);
        ops_ok(clmix_network_classify_file(network, path, &prediction));
        ck_assert(prediction.label >= 0 && prediction.label < 5 && prediction.probability >= 0.2f && prediction.probability <= 1.0f);
        ck_assert_str_eq(prediction.name, clmix_network_class_name(network, (size_t)prediction.label));
    }
    ck_assert_int_eq(clmix_network_classify_file(network, "no such picture", &prediction), CLMIX_ERROR_FILE);
    clmix_network_free(network);
}
END_TEST

START_TEST(classification_releases_what_it_takes)
{
    size_t before, during, peak, allocations;
    clmix_network *network;
    uint8_t picture[24 * 16 * 3] = { 0 };
    float probabilities[5];

    clmix_device_memory(ops_device, &before, &peak, &allocations);
    network = tiny_network(8);
    ops_ok(clmix_network_classify(network, picture, 1, probabilities));
    size_t first = 0, second = 0;
    clmix_device_memory(ops_device, &during, &peak, &first);
    ops_ok(clmix_network_classify(network, picture, 1, probabilities));
    clmix_device_memory(ops_device, &during, &peak, &second);
    ck_assert_uint_eq(first, second);
    clmix_network_free(network);
    clmix_device_memory(ops_device, &during, &peak, &allocations);
    ck_assert_uint_eq(before, during);
}
END_TEST

START_TEST(planned_memory_is_what_classification_takes)
{
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    size_t before, after, peak, allocations;
    clmix_network *network;
    clmix_plan *plan;
    clmix_plan_cost cost;
    static uint8_t pictures[4 * 24 * 16 * 3];
    float probabilities[4 * 5];

    clmix_device_memory(ops_device, &before, &peak, &allocations);
    network = tiny_network(9);
    ops_ok(clmix_network_classify(network, pictures, 4, probabilities));
    clmix_device_memory(ops_device, &after, &peak, &allocations);
    ops_ok(clmix_classify_compile(&plan, ops_device, clmix_network_config(network), half, half, (struct clmix_extent){ .batch = 4 }));
    clmix_plan_costs(plan, &cost);
    ck_assert_uint_eq(after - before, cost.peak_bytes);
    clmix_plan_free(plan);
    clmix_network_free(network);
}
END_TEST

START_TEST(plans_are_kept_by_batch_and_length)
{
    static uint8_t pictures[3 * 24 * 16 * 3];
    clmix_network *network = tiny_network(9);
    float probabilities[3 * 5];
    clmix_plan *three;

    ops_ok(clmix_network_classify(network, pictures, 3, probabilities));
    three = clmix_network_find_plan(network, (struct clmix_extent){ 3, 0 });
    ck_assert_ptr_nonnull(three);
    ck_assert_ptr_null(clmix_network_find_plan(network, (struct clmix_extent){ 3, 7 }));
    ck_assert_ptr_null(clmix_network_find_plan(network, (struct clmix_extent){ 2, 0 }));
    ops_ok(clmix_network_classify(network, pictures, 2, probabilities));
    ops_ok(clmix_network_classify(network, pictures, 3, probabilities));
    ck_assert_ptr_eq(clmix_network_find_plan(network, (struct clmix_extent){ 3, 0 }), three);
    clmix_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("classify");
    TCase *tests = tcase_create("classify");

    tcase_set_timeout(tests, 300);
    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_add_test(tests, every_batch_size_gives_the_same_answers);
    tcase_add_test(tests, picture_files_are_classified);
    tcase_add_test(tests, classification_releases_what_it_takes);
    tcase_add_test(tests, planned_memory_is_what_classification_takes);
    tcase_add_test(tests, plans_are_kept_by_batch_and_length);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
