/* Single optimizer steps on a small model: accumulation, averages, numbers that are none, memory. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_ops.h"
#include "support_train.h"

/* Two batches of one step are one batch of twice the size, but for the order of additions; batch normalisation sees other batches, so
 * the model has none in the way: its statistics are of equal halves. */
START_TEST(accumulated_batches_are_one_big_batch)
{
    clmix_train_options options = train_small_options();
    uint8_t pictures[16 * TRAIN_PICTURE];
    int32_t labels[16];
    struct clmix_step_input halves[2] = { { .extent = { 8, 0 }, .whole = 8, .arrays = { pictures, labels } },
                                          { .extent = { 8, 0 }, .whole = 8, .arrays = { pictures, labels } } };
    struct clmix_step_result result;
    size_t count;
    float *summed, *whole;
    double *wanted;
    struct train_run run;

    train_random_batch(pictures, labels, 8);
    memcpy(pictures + 8 * TRAIN_PICTURE, pictures, 8 * TRAIN_PICTURE);
    memcpy(labels + 8, labels, 8 * sizeof *labels);
    options.optimizer = CLMIX_SGD;
    options.momentum = 0.0f;
    options.rate = 0.1f;
    options.warmup = 0;
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 16, NULL));
    whole = train_weights(&run, &count);
    train_close(&run);
    options.accumulate = 2;
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    ops_ok(clmix_trainer_run(run.trainer, &halves[0], false, &result));
    ops_ok(clmix_trainer_run(run.trainer, &halves[1], true, &result));
    ck_assert_uint_eq(run.trainer->step, 1);
    summed = train_weights(&run, &count);
    train_close(&run);
    wanted = calloc(count, sizeof *wanted);
    for (size_t i = 0; i < count; i++)
        wanted[i] = (double)whole[i];
    ops_compare("weights", summed, wanted, count, 1e-5);
    free(summed);
    free(whole);
    free(wanted);
}
END_TEST

START_TEST(averaged_weights_are_evaluated_and_saved)
{
    clmix_train_options options = train_small_options();
    uint8_t pictures[4 * TRAIN_PICTURE];
    int32_t labels[4];
    size_t count, file_count = 0;
    float *start, *after, *average, *first;
    char *path = clmix_path_join(train_folders[0], "model.safetensors");
    clmix_network *loaded = NULL;
    clmix_tensor_info info;
    struct train_run run;

    train_random_batch(pictures, labels, 4);
    options.average = 0.9f;
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    start = train_weights(&run, &count);
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 4, NULL));
    after = train_weights(&run, &count);
    average = malloc(count * sizeof *average);
    ops_ok(clmix_buffer_read(ops_device, clmix_replica_best_weights(&run.trainer->replicas[0]), 0, average, count * sizeof *average));
    for (size_t i = 0; i < count; i++) /* the first decay is 1/10 */
        ck_assert_double_eq_tol((double)average[i], 0.1 * (double)start[i] + 0.9 * (double)after[i], 1e-6);
    ops_ok(clmix_trainer_save_model(run.trainer, path));
    ops_ok(clmix_network_load(&loaded, ops_device, path));
    ops_ok(clmix_network_tensor(loaded, 0, &info));
    file_count = clmix_shape_count(info.file_shape);
    first = malloc(count * sizeof *first);
    ops_ok(clmix_buffer_read(ops_device, clmix_network_weights(loaded), 0, first, count * sizeof *first));
    ck_assert_mem_eq(first + info.offset, average + info.offset, file_count * sizeof(float));
    free(first);
    first = train_weights(&run, &count);
    ck_assert_mem_eq(first, after, count * sizeof(float)); /* saving has put everything back */
    clmix_network_free(loaded);
    train_close(&run);
    free(start);
    free(after);
    free(average);
    free(first);
    free(path);
}
END_TEST

START_TEST(a_learning_rate_far_too_high_is_explained)
{
    clmix_train_options options = train_small_options();
    uint8_t pictures[8 * TRAIN_PICTURE];
    int32_t labels[8];
    double loss = 0.0;
    clmix_status status = CLMIX_OK;
    size_t count, done = 0;
    float *before = NULL, *after;
    struct train_run run;

    train_random_batch(pictures, labels, 8);
    options.rate = 1e30f;
    options.warmup = 0;
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    for (; status == CLMIX_OK && done < 5; done++) {
        free(before);
        before = train_weights(&run, &count);
        status = clmix_trainer_step(run.trainer, pictures, labels, 8, &loss);
    }
    ck_assert_int_eq(status, CLMIX_ERROR_NOT_FINITE);
    ck_assert_msg(strstr(clmix_error(), "step 2") != NULL &&
                      (strstr(clmix_error(), "conv") != NULL || strstr(clmix_error(), "layers") != NULL),
                  "%s", clmix_error());
    after = train_weights(&run, &count);
    ck_assert_mem_eq(before, after, count * sizeof *before);
    train_close(&run);
    free(before);
    free(after);
}
END_TEST

START_TEST(a_weight_that_is_nan_is_named)
{
    const clmix_train_options options = train_small_options();
    uint8_t pictures[8 * TRAIN_PICTURE];
    int32_t labels[8];
    clmix_tensor_info info;
    float *values, *kept;
    struct train_run run;

    train_random_batch(pictures, labels, 8);
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 8, NULL));
    for (size_t i = 0;; i++) {
        ops_ok(clmix_network_tensor(run.network, i, &info));
        if (info.trainable && strstr(info.name, "feedforward.0.weight") != NULL)
            break;
    }
    values = malloc(clmix_shape_count(info.file_shape) * sizeof *values);
    kept = malloc(clmix_shape_count(info.file_shape) * sizeof *kept);
    ops_ok(clmix_network_read(run.network, info.name, values, clmix_shape_count(info.file_shape)));
    memcpy(kept, values, clmix_shape_count(info.file_shape) * sizeof *kept);
    values[3] = NAN;
    ops_ok(clmix_network_write(run.network, info.name, values, clmix_shape_count(info.file_shape)));
    ck_assert_int_eq(clmix_trainer_step(run.trainer, pictures, labels, 8, NULL), CLMIX_ERROR_NOT_FINITE);
    ck_assert_msg(strstr(clmix_error(), "step 2") != NULL && strstr(clmix_error(), info.name) != NULL, "%s", clmix_error());
    ops_ok(clmix_network_write(run.network, info.name, kept, clmix_shape_count(info.file_shape)));
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 8, NULL)); /* running statistics are as before, too */
    train_close(&run);
    free(values);
    free(kept);
}
END_TEST

START_TEST(steps_allocate_nothing)
{
    const clmix_train_options options = train_rich_options();
    uint8_t pictures[16 * TRAIN_PICTURE];
    int32_t labels[16];
    size_t current, peak, allocations, later_current, later_peak, later;
    struct train_run run;

    train_random_batch(pictures, labels, 16);
    train_open(&run, TRAIN_MODEL("0.3"), NULL, &options);
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 16, NULL));
    clmix_device_memory(ops_device, &current, &peak, &allocations);
    for (int i = 0; i < 10; i++)
        ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 16, NULL));
    clmix_device_memory(ops_device, &later_current, &later_peak, &later);
    ck_assert_uint_eq(allocations, later);
    ck_assert_uint_eq(current, later_current);
    train_close(&run);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    clmix_train_options options[6];
    clmix_trainer *trainer;
    struct train_run run;

    for (int i = 0; i < 6; i++)
        options[i] = train_small_options();
    train_open(&run, TRAIN_MODEL("0"), NULL, &options[0]);
    options[0].batch = 0;
    options[1].rate = NAN;
    options[2].beta2 = 1.0f;
    options[3].version = 99;
    options[4].clip_norm = -1.0f;
    options[5].dropout = 1.0f;
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(clmix_trainer_create(&trainer, run.network, NULL, &options[i]), CLMIX_ERROR_ARGUMENT);
        ck_assert_ptr_null(trainer);
    }
    ck_assert_int_eq(clmix_train(run.trainer, train_folders[0], false, NULL), CLMIX_ERROR_ARGUMENT); /* no data set */
    train_close(&run);
}
END_TEST

START_TEST(data_of_another_model_is_refused)
{
    const clmix_train_options options = train_small_options();
    clmix_dataset *large = NULL;
    clmix_trainer *trainer;
    struct train_run run;

    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    ops_ok(clmix_dataset_open(&large, "shapes:size=32,train=10,test=10", NULL, 0));
    ck_assert_int_eq(clmix_trainer_create(&trainer, run.network, large, &options), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(),
                         "take pictures (u8 16x16x3), labels (i32 1), and the data set was opened with pictures (u8 32x32x3), "
                         "labels (i32 1)") != NULL,
                  "%s", clmix_error());
    clmix_dataset_close(large);
    train_close(&run);
}
END_TEST

/* Where the options mix, a step by hand may leave out what mixing adds, which then is as though it was not; and nothing else. */
START_TEST(a_step_takes_an_array_a_port)
{
    static const char *const names[] = { CLMIX_PICTURES, CLMIX_LABELS, CLMIX_SECOND_LABELS, CLMIX_LABEL_WEIGHTS };
    clmix_train_options options = train_small_options();
    static uint8_t pictures[4 * TRAIN_PICTURE];
    int32_t labels[4], other[4] = { 9, 9, 9, 9 };
    float halves[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    const void *arrays[] = { pictures, labels, NULL, NULL };
    double plain, left_out, mixed;
    struct train_run run;
    clmix_port port;

    train_random_batch(pictures, labels, 4);
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    ck_assert_int_eq(clmix_trainer_port_count(run.trainer), 2);
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 4, &plain));
    train_close(&run);
    options.augment.mixup = 0.2f;
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    ck_assert_int_eq(clmix_trainer_port_count(run.trainer), 4);
    for (int i = 0; i < 4; i++) {
        ops_ok(clmix_trainer_port(run.trainer, i, &port));
        ck_assert_str_eq(port.name, names[i]);
    }
    ck_assert_int_eq(clmix_trainer_port(run.trainer, 4, &port), CLMIX_ERROR_ARGUMENT);
    ops_ok(clmix_trainer_step_arrays(run.trainer, 4, arrays, &left_out));
    ck_assert_double_eq_tol(left_out, plain, 1e-6);
    arrays[1] = NULL;
    ck_assert_int_eq(clmix_trainer_step_arrays(run.trainer, 4, arrays, &left_out), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "'labels'") != NULL, "%s", clmix_error());
    train_close(&run);
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    ops_ok(clmix_trainer_step_arrays(run.trainer, 4, (const void *[]){ pictures, labels, other, halves }, &mixed));
    ck_assert(fabs(mixed - plain) > 1e-3);
    train_close(&run);
}
END_TEST

START_TEST(plans_belong_to_a_batch_and_a_length)
{
    const clmix_train_options options = train_small_options();
    clmix_plan *first, *again, *longer, *smaller;
    struct clmix_replica *replica;
    struct train_run run;

    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    ops_ok(clmix_trainer_prepare(run.trainer));
    replica = &run.trainer->replicas[0];
    ops_ok(clmix_replica_plan(replica, (struct clmix_extent){ 8, 0 }, &first));
    ops_ok(clmix_replica_plan(replica, (struct clmix_extent){ 8, 5 }, &longer));
    ops_ok(clmix_replica_plan(replica, (struct clmix_extent){ 4, 0 }, &smaller));
    ops_ok(clmix_replica_plan(replica, (struct clmix_extent){ 8, 0 }, &again));
    ck_assert(first == again && first != longer && first != smaller && longer != smaller);
    train_close(&run);
}
END_TEST

/* It would only show as a loss that is NaN. */
START_TEST(a_label_that_is_no_class_is_named)
{
    const clmix_train_options options = train_small_options();
    static uint8_t pictures[4 * TRAIN_PICTURE];
    const struct {
        int32_t labels[4];
        const char *said;
    } wrong[] = {
        { { 0, 1, 10, 3 }, "label 10 (number 2 of the batch) is none of the model's 10 classes" },
        { { -1, 1, 12, 3 }, "label -1 (number 0 of the batch)" },
        { { 0, 1, 2, INT32_MAX }, "label 2147483647 (number 3 of the batch)" },
        { { -100, -100, -100, -100 }, "all 4 labels" },
    };
    int32_t labels[4];
    float *before, *after;
    struct train_run run;
    size_t count;
    double loss;

    train_random_batch(pictures, labels, 4);
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    before = train_weights(&run, &count);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_int_eq(clmix_trainer_step(run.trainer, pictures, wrong[i].labels, 4, &loss), CLMIX_ERROR_ARGUMENT);
        ck_assert_msg(strstr(clmix_error(), wrong[i].said) != NULL, "%s", clmix_error());
    }
    after = train_weights(&run, &count);
    ck_assert_mem_eq(before, after, count * sizeof *before);
    labels[2] = CLMIX_NO_LABEL;
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 4, &loss));
    free(before);
    free(after);
    train_close(&run);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("step");

    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_add_checked_fixture(tests, train_make_folders, train_remove_folders);
    tcase_add_test(tests, accumulated_batches_are_one_big_batch);
    tcase_add_test(tests, averaged_weights_are_evaluated_and_saved);
    tcase_add_test(tests, a_learning_rate_far_too_high_is_explained);
    tcase_add_test(tests, a_weight_that_is_nan_is_named);
    tcase_add_test(tests, a_label_that_is_no_class_is_named);
    tcase_add_test(tests, steps_allocate_nothing);
    tcase_add_test(tests, options_out_of_range_are_refused);
    tcase_add_test(tests, data_of_another_model_is_refused);
    tcase_add_test(tests, a_step_takes_an_array_a_port);
    tcase_add_test(tests, plans_belong_to_a_batch_and_a_length);
    return train_main("step", &tests, 1);
}
