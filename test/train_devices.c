/* Several devices in one run: shares of a batch, what replicas exchange, the same bits, resuming with other devices. The device under test is opened several
 * times; where there is another, the two train together. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/network.h"
#include "support_ops.h"
#include "support_train.h"

#define OTHERS 2
static clmix_device *others[OTHERS];

static void open_devices(void)
{
    ops_open();
    for (int i = 0; i < OTHERS; i++)
        ops_ok(clmix_device_open(&others[i], NULL));
}

static void close_devices(void)
{
    for (int i = 0; i < OTHERS; i++)
        clmix_device_close(others[i]);
    ops_close();
}

/* Batch normalisation; and samples that meet nowhere. */
#define NORMALIZED                                                                                                                      \
    "{\"model\":\"levit\",\"image_size\":16,\"classes\":10,\"stem_channels\":[8],\"stem_stride\":2,\"dim\":16,\"depth\":1,\"heads\":2," \
    "\"head_dim\":8,\"mlp_mult\":2,\"dropout\":0.3,\"mixer\":{\"kind\":\"softmax\"}}"
#define SEPARATE(dropout)                                                                                                     \
    "{\"model\":\"vit\",\"image_size\":16,\"classes\":10,\"patch_size\":8,\"dim\":16,\"depth\":2,\"heads\":2,\"head_dim\":8," \
    "\"mlp_dim\":16,\"dropout\":" dropout ",\"mixer\":{\"kind\":\"softmax\"}}"
#define MOST 16 /* samples of a batch here */

struct batch {
    uint8_t pictures[MOST * TRAIN_PICTURE];
    int32_t labels[MOST];
};

/* Labels count in few of the first samples and in all of the last, so that a mean over samples is none over labels. */
static void fill(struct batch *batch)
{
    train_random_batch(batch->pictures, batch->labels, MOST);
    for (int i = 1; i < MOST / 2; i++)
        batch->labels[i] = CLMIX_NO_LABEL;
}

static clmix_train_options spread(clmix_train_options options, size_t devices, unsigned first, unsigned second, unsigned third)
{
    options.device_count = devices - 1;
    for (size_t i = 0; i + 1 < devices; i++)
        options.devices[i] = others[i];
    options.shares[0] = first;
    options.shares[1] = second;
    options.shares[2] = third;
    return options;
}

/* Descent of which each step moves the weights far, with a norm that is clipped: what is wrong in a gradient is so in the weights. */
static clmix_train_options far_options(void)
{
    clmix_train_options options = train_small_options();

    options.optimizer = CLMIX_SGD;
    options.momentum = 0.9f;
    options.rate = 0.1f;
    options.warmup = 0;
    options.clip_norm = 0.5f;
    options.average = 0.9f;
    return options;
}

/* Weights, then states, of the first replica after so many steps, and the last one's loss; the caller frees. */
static float *values_after(const char *model, const clmix_train_options *options, const struct batch *batch, size_t samples, int steps,
                           size_t *count, double *loss)
{
    struct train_run run;
    size_t weights, states;
    float *values;

    train_open(&run, model, NULL, options);
    for (int i = 0; i < steps; i++)
        ops_ok(clmix_trainer_step(run.trainer, batch->pictures, batch->labels, samples, loss));
    weights = run.trainer->replicas[0].map.weight_count;
    states = run.trainer->replicas[0].map.state_count;
    values = malloc((weights + states) * sizeof *values);
    ops_ok(clmix_buffer_read(ops_device, clmix_network_weights(run.network), 0, values, weights * sizeof *values));
    if (states > 0)
        ops_ok(clmix_buffer_read(ops_device, clmix_network_states(run.network), 0, values + weights, states * sizeof *values));
    *count = weights + states;
    train_close(&run);
    return values;
}

/* ---- shares -------------------------------------------------------------------------------------------------------------------------- */

START_TEST(shares_are_runs_of_samples)
{
    static const struct {
        unsigned weights[3];
        size_t batch, first[4];
    } cases[] = {
        { { 1, 1, 1 }, 9, { 0, 3, 6, 9 } },     { { 1, 1, 1 }, 2, { 0, 0, 0, 2 } }, { { 3, 1, 0 }, 16, { 0, 12, 16, 16 } },
        { { 3, 1, 0 }, 1, { 0, 1, 1, 1 } },     { { 3, 1, 0 }, 4, { 0, 4, 4, 4 } }, { { 1, 1, 1 }, 4, { 0, 0, 4, 4 } },
        { { 1, 6, 1 }, 8, { 0, 0, 8, 8 } },     { { 5, 3, 2 }, 0, { 0, 0, 0, 0 } }, { { 2, 5, 3 }, 64, { 0, 13, 45, 64 } },
        { { 1, 0, 0 }, 17, { 0, 17, 17, 17 } },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct clmix_shares shares = { .count = 3 };
        size_t firsts[CLMIX_MOST_DEVICES + 1];

        for (size_t j = 0; j < 3; j++)
            shares.weights[j] = cases[i].weights[j];
        clmix_shares_part(&shares, cases[i].batch, firsts);
        for (size_t j = 0; j <= 3; j++)
            ck_assert_msg(firsts[j] == cases[i].first[j], "case %zu: replica %zu begins at %zu", i, j, firsts[j]);
    }
}
END_TEST

START_TEST(devices_and_shares_that_cannot_be_are_refused)
{
    clmix_train_options options[5];
    static const char *const sentences[5] = { "1 of 2 devices have a share", "is NULL", "two places at once", "16 devices beside",
                                              "has no sample in a batch of 1" };
    clmix_trainer *trainer;
    struct train_run run;

    for (int i = 0; i < 5; i++)
        options[i] = spread(train_small_options(), 2, 0, 0, 0);
    train_open(&run, SEPARATE("0"), NULL, &options[0]);
    options[0].shares[0] = 3;
    options[1].devices[0] = NULL;
    options[2].devices[0] = ops_device;
    options[3].device_count = CLMIX_MOST_DEVICES;
    options[4].batch = 1;
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(clmix_trainer_create(&trainer, run.network, NULL, &options[i]), CLMIX_ERROR_ARGUMENT);
        ck_assert_msg(strstr(clmix_error(), sentences[i]) != NULL, "%s", clmix_error());
    }
    train_close(&run);
}
END_TEST

/* ---- a step -------------------------------------------------------------------------------------------------------------------------- */

/* Labels that count are uneven over the shares; dropout's masks are those of the whole batch. */
static void same_as_alone(const clmix_train_options *alone, const clmix_train_options *together, int steps)
{
    struct batch batch;
    size_t count, same;
    double loss, wanted_loss;
    float *wanted, *got;

    fill(&batch);
    wanted = values_after(SEPARATE("0.3"), alone, &batch, MOST, steps, &count, &wanted_loss);
    got = values_after(SEPARATE("0.3"), together, &batch, MOST, steps, &same, &loss);
    ck_assert_uint_eq(count, same);
    ck_assert_double_eq_tol(loss, wanted_loss, 1e-5);
    ops_compare_floats("weights", got, wanted, count, 1e-5);
    free(wanted);
    free(got);
}

START_TEST(replicas_make_the_step_of_the_whole_batch)
{
    const clmix_train_options alone = far_options(), two = spread(alone, 2, 0, 0, 0), uneven = spread(alone, 2, 3, 1, 0),
                              three = spread(alone, 3, 5, 1, 2);

    same_as_alone(&alone, &two, 1);
    same_as_alone(&alone, &uneven, 3);
    same_as_alone(&alone, &three, 3);
}
END_TEST

/* Three batches in a step: their labels weigh, not the batches and not the shares. */
START_TEST(replicas_accumulate_like_one)
{
    clmix_train_options options = far_options();
    struct batch batch;
    float *values[2];
    size_t count;

    fill(&batch);
    options.accumulate = 3;
    for (int i = 0; i < 2; i++) {
        const clmix_train_options used = spread(options, i == 0 ? 1 : 2, 3, i == 0 ? 0 : 1, 0);
        struct clmix_step_input input = { .extent = { MOST, 0 }, .whole = MOST, .arrays = { batch.pictures, batch.labels } },
                                few = { .extent = { 5, 0 }, .whole = 5, .arrays = { batch.pictures, batch.labels } };
        struct clmix_step_result result;
        struct train_run run;

        train_open(&run, SEPARATE("0.3"), NULL, &used);
        for (int step = 0; step < 2; step++) {
            ops_ok(clmix_trainer_run(run.trainer, &input, false, &result));
            ops_ok(clmix_trainer_run(run.trainer, &few, false, &result));
            ck_assert_double_eq(result.counted, 1.0);
            ops_ok(clmix_trainer_run(run.trainer, &input, true, &result));
        }
        ck_assert_uint_eq(run.trainer->step, 2);
        values[i] = train_weights(&run, &count);
        train_close(&run);
    }
    ops_compare_floats("weights", values[1], values[0], count, 1e-5);
    free(values[0]);
    free(values[1]);
}
END_TEST

/* Batch normalisation sees a share; the running statistics are the mean of what the shares make of them, by their samples. */
START_TEST(running_statistics_are_the_mean_over_shares)
{
    const clmix_train_options alone = far_options(), together = spread(alone, 2, 3, 1, 0);
    struct batch batch, last;
    float *first_part, *last_part, *whole;
    size_t count, weights;
    struct train_run run;
    double loss;

    train_random_batch(batch.pictures, batch.labels, MOST);
    memcpy(last.pictures, batch.pictures + 12 * TRAIN_PICTURE, 4 * TRAIN_PICTURE);
    memcpy(last.labels, batch.labels + 12, 4 * sizeof *last.labels);
    train_open(&run, NORMALIZED, NULL, &alone);
    weights = run.trainer->replicas[0].map.weight_count;
    train_close(&run);
    first_part = values_after(NORMALIZED, &alone, &batch, 12, 1, &count, &loss);
    last_part = values_after(NORMALIZED, &alone, &last, 4, 1, &count, &loss);
    whole = values_after(NORMALIZED, &together, &batch, MOST, 1, &count, &loss);
    ck_assert_uint_gt(count, weights);
    for (size_t i = weights; i < count; i++)
        first_part[i] = 0.75f * first_part[i] + 0.25f * last_part[i];
    ops_compare_floats("running statistics", whole + weights, first_part + weights, count - weights, 1e-6);
    free(first_part);
    free(last_part);
    free(whole);
}
END_TEST

static void same_memory(struct clmix_replica *first, cl_mem wanted, struct clmix_replica *other, cl_mem memory, size_t count,
                        const char *what)
{
    float *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b);

    ops_ok(clmix_buffer_read(first->device, wanted, 0, a, count * sizeof *a));
    ops_ok(clmix_buffer_read(other->device, memory, 0, b, count * sizeof *b));
    ck_assert_msg(memcmp(a, b, count * sizeof *a) == 0, "%s of two replicas differ", what);
    free(a);
    free(b);
}

/* Replicas on one kind of device have the same bits in all that they keep. */
static void same_replicas(clmix_trainer *trainer)
{
    struct clmix_replica *first = &trainer->replicas[0];
    const size_t weights = first->map.weight_count, states = first->map.state_count;

    for (size_t i = 1; i < trainer->replica_count; i++) {
        struct clmix_replica *other = &trainer->replicas[i];

        same_memory(first, clmix_network_weights(first->network), other, clmix_network_weights(other->network), weights, "weights");
        same_memory(first, clmix_network_states(first->network), other, clmix_network_states(other->network), states, "states");
        same_memory(first, first->average_weights, other, other->average_weights, weights, "averages");
        same_memory(first, first->average_states, other, other->average_states, states, "averaged states");
        for (int m = 0; m < first->optimizer->moment_count; m++)
            same_memory(first, first->optimizer->moments[m], other, other->optimizer->moments[m], weights, "moments");
    }
}

START_TEST(replicas_agree_between_steps)
{
    clmix_train_options options = spread(train_rich_options(), 3, 2, 1, 1);
    struct batch batch;
    clmix_tensor_info info;
    struct train_run run;
    float *values;

    options.augment.mixup = 0.0f;
    options.accumulate = 1;
    fill(&batch);
    train_open(&run, NORMALIZED, NULL, &options);
    for (int i = 0; i < 3; i++)
        ops_ok(clmix_trainer_step(run.trainer, batch.pictures, batch.labels, MOST, NULL));
    same_replicas(run.trainer);
    ops_ok(clmix_network_tensor(run.network, 0, &info)); /* what the caller writes is known to all */
    values = ops_floats(clmix_shape_count(info.file_shape), 5, -0.1f, 0.1f);
    ops_ok(clmix_network_write(run.network, info.name, values, clmix_shape_count(info.file_shape)));
    for (int i = 0; i < 2; i++)
        ops_ok(clmix_trainer_step(run.trainer, batch.pictures, batch.labels, MOST, NULL));
    same_replicas(run.trainer);
    free(values);
    train_close(&run);
}
END_TEST

/* A batch with fewer samples than devices leaves some of them without; and with moments, which go on. */
START_TEST(a_batch_smaller_than_the_devices_is_one)
{
    const clmix_train_options alone = far_options(), together = spread(alone, 3, 1, 1, 1);
    float *values[2];
    struct batch batch;
    size_t count;

    train_random_batch(batch.pictures, batch.labels, MOST);
    for (int i = 0; i < 2; i++) {
        struct train_run run;

        train_open(&run, SEPARATE("0.3"), NULL, i == 0 ? &alone : &together);
        ops_ok(clmix_trainer_step(run.trainer, batch.pictures, batch.labels, 1, NULL));
        ops_ok(clmix_trainer_step(run.trainer, batch.pictures, batch.labels, MOST, NULL));
        ops_ok(clmix_trainer_step(run.trainer, batch.pictures, batch.labels, 2, NULL));
        values[i] = train_weights(&run, &count);
        train_close(&run);
    }
    ops_compare_floats("weights", values[1], values[0], count, 1e-5);
    free(values[0]);
    free(values[1]);
}
END_TEST

START_TEST(a_weight_that_is_nan_is_named_by_its_replica)
{
    const clmix_train_options options = spread(train_small_options(), 2, 1, 1, 0);
    struct batch batch;
    float *before, *after, *values;
    clmix_tensor_info info;
    struct train_run run;
    size_t count, size;

    fill(&batch);
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    ops_ok(clmix_trainer_step(run.trainer, batch.pictures, batch.labels, MOST, NULL));
    ops_ok(clmix_network_tensor(run.network, 0, &info));
    size = clmix_shape_count(info.file_shape);
    values = malloc(size * sizeof *values);
    ops_ok(clmix_network_read(run.network, info.name, values, size));
    values[0] = NAN;
    ops_ok(clmix_network_write(run.network, info.name, values, size));
    before = train_weights(&run, &count);
    ck_assert_int_eq(clmix_trainer_step(run.trainer, batch.pictures, batch.labels, MOST, NULL), CLMIX_ERROR_NOT_FINITE);
    ck_assert_msg(strstr(clmix_error(), "step 2") != NULL && strstr(clmix_error(), info.name) != NULL, "%s", clmix_error());
    after = train_weights(&run, &count);
    ck_assert_mem_eq(before, after, count * sizeof *before);
    free(values);
    free(before);
    free(after);
    train_close(&run);
}
END_TEST

/* Where there is a device of another platform, which may round otherwise. */
START_TEST(devices_of_two_drivers_train_together)
{
    clmix_train_options alone = far_options(), together = spread(alone, 2, 1, 1, 0);
    clmix_device_info *list = NULL;
    clmix_device *other = NULL;
    size_t count = 0;

    ops_ok(clmix_device_list(&list, &count, NULL));
    for (size_t i = 0; i < count && other == NULL; i++) {
        char selector[16];

        snprintf(selector, sizeof selector, "%d", list[i].index);
        if (strcmp(list[i].platform, clmix_device_describe(ops_device)->platform) != 0)
            ops_ok(clmix_device_open(&other, selector));
    }
    clmix_free(list);
    if (other == NULL)
        return;
    together.devices[0] = other;
    same_as_alone(&alone, &together, 5);
    clmix_device_close(other);
}
END_TEST

/* ---- the exchange -------------------------------------------------------------------------------------------------------------------- */

/* In doubles 1e20 - 1e20 + 1 is 1 in this order alone. */
START_TEST(gradients_are_added_in_the_replicas_order)
{
    struct clmix_range range = { 0, 16 };
    struct clmix_replica replica = { .map = { .weight_count = 16, .state_count = 16, .ranges = &range, .range_count = 1 } };
    const double labels[3] = { 1.0, 2.0, 4.0 }, none[3] = { 0.0, 0.0, 0.0 };
    struct clmix_exchange exchange;

    ops_ok(clmix_exchange_make(&exchange, &replica, 3));
    for (int i = 0; i < 16; i++) {
        exchange.gradients[0][i] = 2e20f;
        exchange.gradients[1][i] = -1e20f;
        exchange.gradients[2][i] = (float)i;
        for (int r = 0; r < 3; r++)
            exchange.states[r][i] = 0.1f * (float)i;
    }
    clmix_exchange_add(&exchange, &replica, labels, true, 0.5);
    for (int i = 0; i < 16; i++)
        ck_assert_float_eq(exchange.gradient_sum[i], 2.0f * (float)i);
    clmix_exchange_add(&exchange, &replica, labels, false, 1.0);
    for (int i = 0; i < 16; i++)
        ck_assert_float_eq(exchange.gradient_sum[i], 4.0f * (float)i);
    clmix_exchange_sum_states(&exchange, (double[]){ 3.0, 7.0, 1.0 });
    clmix_exchange_mix_states(&exchange, 11.0);
    for (int i = 0; i < 16; i++) /* to the bit */
        ck_assert_float_eq(exchange.state_mean[i], 0.1f * (float)i);
    ck_assert_uint_eq(clmix_exchange_find_not_finite(&exchange, &replica, labels), 3);
    exchange.gradients[1][15] = INFINITY;
    ck_assert_uint_eq(clmix_exchange_find_not_finite(&exchange, &replica, labels), 1);
    ck_assert_uint_eq(clmix_exchange_find_not_finite(&exchange, &replica, none), 3);
    clmix_exchange_clear(&exchange);
}
END_TEST

/* ---- runs ---------------------------------------------------------------------------------------------------------------------------- */

START_TEST(the_cost_of_several_devices_is_what_they_allocate)
{
    const clmix_train_options options = spread(train_rich_options(), 3, 2, 1, 1);
    size_t wanted, held = 0;
    struct train_run run;

    train_open(&run, TRAIN_MODEL("0.3"), TRAIN_DATA, &options);
    clmix_trainer_cost(run.trainer, NULL, &wanted);
    ops_ok(clmix_trainer_prepare(run.trainer));
    for (size_t i = 0; i < run.trainer->replica_count; i++) {
        size_t current;

        clmix_device_memory(run.trainer->replicas[i].device, &current, NULL, NULL);
        held += current;
    }
    ck_assert_uint_eq(held, wanted);
    train_close(&run);
}
END_TEST

/* Twice the same bits; stopped and resumed, too; and resumed with another number of devices it goes on from the same place. */
START_TEST(runs_repeat_and_resume)
{
    const clmix_train_options options = spread(train_rich_options(), 2, 3, 1, 0), more = spread(train_rich_options(), 3, 0, 0, 0),
                              alone = train_rich_options();

    ops_ok(train_for(NORMALIZED, TRAIN_DATA, &options, train_folders[0], false, 0));
    ops_ok(train_for(NORMALIZED, TRAIN_DATA, &options, train_folders[1], false, 0));
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
    ck_assert_int_eq(train_for(NORMALIZED, TRAIN_DATA, &options, train_folders[2], false, 7), CLMIX_ERROR_INTERRUPTED);
    ck_assert_int_eq(train_for(NORMALIZED, TRAIN_DATA, &options, train_folders[2], true, 1), CLMIX_ERROR_INTERRUPTED);
    ops_ok(train_for(NORMALIZED, TRAIN_DATA, &options, train_folders[2], true, 0));
    train_same_tensors(train_folders[0], train_folders[2], "checkpoint.safetensors");
    train_same_tensors(train_folders[0], train_folders[2], "model.safetensors");
    ck_assert_int_eq(train_for(NORMALIZED, TRAIN_DATA, &more, train_folders[1], false, 7), CLMIX_ERROR_INTERRUPTED);
    ck_assert_int_eq(train_for(NORMALIZED, TRAIN_DATA, &alone, train_folders[1], true, 4), CLMIX_ERROR_INTERRUPTED);
    ops_ok(train_for(NORMALIZED, TRAIN_DATA, &options, train_folders[1], true, 0));
}
END_TEST

int main(void)
{
    TCase *steps = tcase_create("steps"), *runs = tcase_create("runs");

    tcase_add_unchecked_fixture(steps, open_devices, close_devices);
    tcase_add_test(steps, shares_are_runs_of_samples);
    tcase_add_test(steps, devices_and_shares_that_cannot_be_are_refused);
    tcase_add_test(steps, replicas_make_the_step_of_the_whole_batch);
    tcase_add_test(steps, replicas_accumulate_like_one);
    tcase_add_test(steps, running_statistics_are_the_mean_over_shares);
    tcase_add_test(steps, replicas_agree_between_steps);
    tcase_add_test(steps, a_batch_smaller_than_the_devices_is_one);
    tcase_add_test(steps, a_weight_that_is_nan_is_named_by_its_replica);
    tcase_add_test(steps, devices_of_two_drivers_train_together);
    tcase_add_test(steps, gradients_are_added_in_the_replicas_order);
    tcase_add_unchecked_fixture(runs, open_devices, close_devices);
    tcase_add_checked_fixture(runs, train_make_folders, train_remove_folders);
    tcase_add_test(runs, the_cost_of_several_devices_is_what_they_allocate);
    tcase_add_test(runs, runs_repeat_and_resume);
    return train_main("several devices", (TCase *const[]){ steps, runs }, 2);
}
