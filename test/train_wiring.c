/* What the trainer's options come to: steps of it, and a whole run, beside the same computed here from graphs built by hand and from sums
 * on the host. The parts of a step are of unequal sizes. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clmix/ops.h>

#include "base/random.h"
#include "data/augment.h"
#include "data/mixup.h"
#include "network/network.h"
#include "support_hand.h"
#include "support_ops.h"

enum { BATCH = 16, CLASSES = 10, SIDE = HAND_SIDE, CHANNELS = HAND_CHANNELS };

/* The model of these tests has no batch normalisation, so this program's has it behind its logits (CMakeLists.txt: --wrap), in the trainer's
 * graphs and in those by hand: there it takes the batch's statistics into every gradient. */
clmix_value __real_clmix_config_build(clmix_scope at, const clmix_value *inputs, clmix_value places, const clmix_config *config);
clmix_value __wrap_clmix_config_build(clmix_scope at, const clmix_value *inputs, clmix_value places, const clmix_config *config);
clmix_value __wrap_clmix_config_build(clmix_scope at, const clmix_value *inputs, clmix_value places, const clmix_config *config)
{
    return clmix_batch_norm(clmix_in(at, "norm"), __real_clmix_config_build(at, inputs, places, config), 1e-3f, 0.1f);
}

/* ---- single steps, an option each ----------------------------------------------------------------------------------------------------- */

static clmix_train_options plain_options(void)
{
    clmix_train_options options = clmix_train_defaults();

    options.batch = BATCH;
    options.optimizer = CLMIX_SGD;
    options.momentum = 0.0f;
    options.weight_decay = 0.0f;
    options.rate = 0.1f;
    options.warmup = 0;
    options.clip_norm = 0.0f;
    options.augment = (clmix_augment){ 0 };
    return options;
}

static void random_part(struct part *part, size_t count, uint64_t stream)
{
    float *values = ops_floats(count * TRAIN_PICTURE, stream, 0.0f, 256.0f);

    part->count = count;
    for (size_t i = 0; i < count * TRAIN_PICTURE; i++)
        part->pictures[i] = (uint8_t)values[i];
    for (size_t i = 0; i < count; i++) {
        part->labels[i] = (int32_t)((i * 7 + stream) % CLASSES);
        part->second[i] = (int32_t)((i * 3 + stream + 1) % CLASSES);
        part->weights[i] = 0.25f + 0.05f * (float)(i % 10);
    }
    free(values);
}

/* A step on all of the parts, or with `last` false what comes before the last. */
static void run_parts(clmix_trainer *trainer, const struct part *parts, size_t count, bool last, double *losses)
{
    for (size_t i = 0; i < count; i++) {
        const struct part *part = &parts[i];
        const struct clmix_step_input input = { .extent = { part->count, 0 },
                                                .whole = part->count,
                                                .arrays = { part->pictures, part->labels, part->second, part->weights } };
        struct clmix_step_result result;

        ops_ok(clmix_trainer_run(trainer, &input, last && i + 1 == count, &result));
        losses[i] = result.loss;
    }
}

/* Leaves labels uncounted: `left_out` of each part's, from the end. */
static void leave_out(struct part *parts, size_t count, const size_t *left_out)
{
    for (size_t i = 0; left_out != NULL && i < count; i++)
        for (size_t k = 0; k < left_out[i]; k++)
            parts[i].labels[parts[i].count - 1 - k] = CLMIX_NO_LABEL;
}

/* Two steps of the trainer and two by hand; `left_out` labels of each part do not count (NULL: all do). The norm of the last, before clipping. */
static double two_steps(const char *model, const char *wanted_model, const clmix_train_options *options, const size_t *left_out)
{
    static const size_t sizes[] = { 16, 5, 9 };
    struct part *parts = calloc(options->accumulate, sizeof *parts);
    double losses[3], wanted[3], norm = 0.0;
    struct train_run run;
    struct hand hand;

    ck_assert_ptr_nonnull(parts);
    train_open(&run, model, NULL, options);
    hand_open(&hand, wanted_model, options);
    for (uint64_t step = 0; step < 2; step++) {
        for (size_t i = 0; i < options->accumulate; i++)
            random_part(&parts[i], sizes[i], 10 * step + i);
        leave_out(parts, options->accumulate, left_out);
        run_parts(run.trainer, parts, options->accumulate, true, losses);
        norm = hand_step(&hand, parts, options->accumulate, wanted);
        for (size_t i = 0; i < options->accumulate; i++)
            ck_assert_double_eq_tol(losses[i], wanted[i], 1e-5);
        hand_same_place(&run, &hand);
    }
    ck_assert_uint_eq(run.trainer->step, 2);
    train_close(&run);
    hand_close(&hand);
    free(parts);
    return norm;
}

START_TEST(accumulated_parts_count_by_their_labels)
{
    static const size_t uneven[] = { 13, 1, 2 }, none_of_the_first[] = { 16, 1, 2 }, none_of_the_last[] = { 3, 0, 9 };
    clmix_train_options options = plain_options();

    options.accumulate = 3;
    two_steps(TRAIN_MODEL("0"), TRAIN_MODEL("0"), &options, NULL);
    two_steps(TRAIN_MODEL("0"), TRAIN_MODEL("0"), &options, uneven);
    two_steps(TRAIN_MODEL("0"), TRAIN_MODEL("0"), &options, none_of_the_first);
    two_steps(TRAIN_MODEL("0"), TRAIN_MODEL("0"), &options, none_of_the_last);
}
END_TEST

/* A step in which nothing counts has gradients of zero, and no NaN. */
START_TEST(a_step_without_labels_leaves_the_weights)
{
    clmix_train_options options = plain_options();
    struct part *part = calloc(1, sizeof *part);
    struct clmix_step_result result;
    struct train_run run;
    float *before, *after;
    size_t count;

    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    random_part(part, 8, 1);
    leave_out(part, 1, &part->count);
    before = train_weights(&run, &count);
    ops_ok(clmix_trainer_run(run.trainer,
                             &(struct clmix_step_input){
                                 .extent = { 8, 0 }, .whole = 8, .arrays = { part->pictures, part->labels, part->second, part->weights } },
                             true, &result));
    ck_assert(result.loss == 0.0 && result.counted == 0.0 && result.metric == 0.0);
    after = train_weights(&run, &count);
    ck_assert_mem_eq(before, after, count * sizeof *before);
    train_close(&run);
    free(part);
    free(before);
    free(after);
}
END_TEST

START_TEST(labels_are_smoothed)
{
    clmix_train_options options = plain_options();

    options.label_smoothing = 0.2f;
    two_steps(TRAIN_MODEL("0"), TRAIN_MODEL("0"), &options, NULL);
}
END_TEST

START_TEST(mixup_has_second_labels_with_their_share)
{
    clmix_train_options options = plain_options();

    options.augment.mixup = 0.4f;
    two_steps(TRAIN_MODEL("0"), TRAIN_MODEL("0"), &options, NULL);
}
END_TEST

START_TEST(dropout_is_the_configurations_or_that_of_the_options)
{
    clmix_train_options options = plain_options();

    two_steps(TRAIN_MODEL("0.4"), TRAIN_MODEL("0.4"), &options, NULL);
    options.dropout = 0.4f;
    two_steps(TRAIN_MODEL("0"), TRAIN_MODEL("0.4"), &options, NULL);
    options.dropout = 0.0f;
    two_steps(TRAIN_MODEL("0.4"), TRAIN_MODEL("0"), &options, NULL);
}
END_TEST

START_TEST(averages_follow)
{
    clmix_train_options options = plain_options();

    options.average = 0.15f; /* above the first step's 1/10 and below the second's 2/11 */
    two_steps(TRAIN_MODEL("0"), TRAIN_MODEL("0"), &options, NULL);
}
END_TEST

/* Clipped is the mean of all parts, not each part. */
START_TEST(long_gradients_are_clipped)
{
    clmix_train_options options = plain_options();

    options.clip_norm = 0.05f;
    options.accumulate = 2;
    ck_assert_double_gt(two_steps(TRAIN_MODEL("0"), TRAIN_MODEL("0"), &options, NULL), 0.1);
    options.clip_norm = 1e3f;
    two_steps(TRAIN_MODEL("0"), TRAIN_MODEL("0"), &options, NULL);
}
END_TEST

/* Without a data set, pictures are normalised as the network says. */
START_TEST(pictures_are_normalized_as_the_network_says)
{
    const float mean[4] = { 0.2f, 0.4f, 0.7f, 0.0f }, std[4] = { 0.3f, 0.2f, 0.4f, 1.0f };
    const clmix_train_options options = plain_options();
    struct part *part = calloc(1, sizeof *part);
    struct train_run run;
    struct hand hand;
    double loss;

    hand_open(&hand, TRAIN_MODEL("0"), &options);
    memcpy(hand.mean, mean, sizeof mean);
    memcpy(hand.std, std, sizeof std);
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    clmix_trainer_free(run.trainer);
    ops_ok(clmix_network_describe_data(run.network, NULL, mean, std));
    ops_ok(clmix_trainer_create(&run.trainer, run.network, NULL, &options));
    random_part(part, 11, 3);
    run_parts(run.trainer, part, 1, true, &loss);
    hand_step(&hand, part, 1, &loss);
    hand_same_place(&run, &hand);
    train_close(&run);
    hand_close(&hand);
    free(part);
}
END_TEST

/* The batch that fails is the last of a step's three, and its pictures have moved the statistics before they met the NaN. */
START_TEST(statistics_are_put_back_after_the_search_for_a_nan)
{
    clmix_train_options options = plain_options();
    struct part *parts = calloc(3, sizeof *parts);
    float *before, *after, *moved, scales[CLASSES], kept[CLASSES];
    struct train_run run;
    struct hand hand;
    double losses[3];

    options.accumulate = 3;
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    hand_open(&hand, TRAIN_MODEL("0"), &options);
    for (size_t i = 0; i < 3; i++)
        random_part(&parts[i], 4 + i, i);
    before = hand_read(clmix_network_states(run.network), hand.state_count);
    run_parts(run.trainer, parts, 2, false, losses);
    moved = hand_read(clmix_network_states(run.network), hand.state_count);
    ck_assert_mem_ne(before, moved, hand.state_count * sizeof *before);
    ops_ok(clmix_network_read(run.network, "norm.weight", kept, CLASSES));
    memcpy(scales, kept, sizeof scales);
    scales[2] = scales[5] = 3e38f; /* finite, and what the search finds is behind the statistics */
    ops_ok(clmix_network_write(run.network, "norm.weight", scales, CLASSES));
    ck_assert_int_eq(clmix_trainer_step(run.trainer, parts[2].pictures, parts[2].labels, parts[2].count, NULL), CLMIX_ERROR_NOT_FINITE);
    after = hand_read(clmix_network_states(run.network), hand.state_count);
    ck_assert_mem_eq(before, after, hand.state_count * sizeof *before);
    ops_ok(clmix_network_write(run.network, "norm.weight", kept, CLASSES));
    run_parts(run.trainer, parts, 3, true, losses); /* as though nothing had been */
    hand_step(&hand, parts, 3, losses);
    hand_same_place(&run, &hand);
    train_close(&run);
    hand_close(&hand);
    free(parts);
    free(before);
    free(moved);
    free(after);
}
END_TEST

/* ---- a run ---------------------------------------------------------------------------------------------------------------------------- */

enum { TRAIN_COUNT = 56, TEST_COUNT = 24, EPOCHS = 2, STEPS = 2 }; /* of an epoch: 16 and 16, then 16 and 8 */
#define RUN_DATA "shapes:size=16,train=56,test=24"

/* The order of an epoch is drawn from (seed, epoch). */
static void order_of(const clmix_train_options *options, size_t epoch, uint32_t *order)
{
    clmix_random random = clmix_random_stream(options->seed ^ clmix_hash_text("shuffle"), epoch);

    for (uint32_t i = 0; i < TRAIN_COUNT; i++)
        order[i] = i;
    clmix_random_shuffle(&random, order, TRAIN_COUNT);
}

/* Every picture of the batch is blended with the next, the last with the first. */
static void mix(const clmix_train_options *options, size_t epoch, const uint32_t *order, struct part *part)
{
    struct part *whole = malloc(sizeof *whole);

    ck_assert_ptr_nonnull(whole);
    *whole = *part;
    for (size_t i = 0; i < part->count; i++) {
        const size_t next = (i + 1) % part->count;
        const unsigned share = clmix_mixup_share(&options->augment, options->seed, epoch, order[i]);

        for (size_t j = 0; j < TRAIN_PICTURE; j++)
            part->pictures[i * TRAIN_PICTURE + j] = (uint8_t)((share * whole->pictures[i * TRAIN_PICTURE + j] +
                                                               (256 - share) * whole->pictures[next * TRAIN_PICTURE + j] + 128) >>
                                                              8);
        part->second[i] = whole->labels[next];
        part->weights[i] = (float)share / 256.0f;
        if (part->second[i] == CLMIX_NO_LABEL) /* of the two that a blend is of, both count or none */
            part->labels[i] = CLMIX_NO_LABEL;
    }
    free(whole);
}

/* A batch of an epoch; how many of its pictures augmentation has changed. */
static size_t take_batch(const clmix_dataset *data, const clmix_train_options *options, size_t epoch, size_t batch, struct part *part)
{
    const size_t first = batch * BATCH;
    uint8_t before[TRAIN_PICTURE], scratch[TRAIN_PICTURE];
    uint32_t order[TRAIN_COUNT];
    size_t changed = 0;

    order_of(options, epoch, order);
    part->count = TRAIN_COUNT - first < BATCH ? TRAIN_COUNT - first : BATCH;
    for (size_t i = 0; i < part->count; i++) {
        uint8_t *picture = part->pictures + i * TRAIN_PICTURE;

        ops_ok(clmix_dataset_get(data, CLMIX_TRAIN, order[first + i], (void *[]){ picture, &part->labels[i] }));
        memcpy(before, picture, sizeof before);
        clmix_augment_picture(&options->augment, options->seed, epoch, order[first + i], SIDE, SIDE, CHANNELS, picture, scratch);
        changed += memcmp(before, picture, sizeof before) != 0;
    }
    if (options->augment.mixup > 0.0f)
        mix(options, epoch, order + first, part);
    return changed;
}

/* Loss and first choices over the test pictures as they are stored, with the averages. */
static double score(const struct hand *hand, const clmix_dataset *data, double *top1)
{
    cl_mem weights = hand_room(hand->weight_count, hand->average), states = hand_room(hand->state_count, hand->average_states);
    clmix_plan *plan = hand_compile(hand, TEST_COUNT, CLMIX_INFERENCE, weights, states);
    uint8_t pictures[TEST_COUNT * TRAIN_PICTURE];
    int32_t labels[TEST_COUNT];
    float loss, correct;
    double counted = 0.0;

    for (size_t i = 0; i < TEST_COUNT; i++)
        ops_ok(clmix_dataset_get(data, CLMIX_TEST, i, (void *[]){ pictures + i * TRAIN_PICTURE, &labels[i] }));
    for (size_t i = 0; i < TEST_COUNT; i++)
        counted += labels[i] != CLMIX_NO_LABEL;
    ops_ok(clmix_plan_write(plan, "pictures", pictures, sizeof pictures));
    ops_ok(clmix_plan_write(plan, "labels", labels, sizeof labels));
    ops_ok(clmix_plan_run(plan));
    ops_ok(clmix_plan_read(plan, "loss", &loss, sizeof loss));
    ops_ok(clmix_plan_read(plan, "correct", &correct, sizeof correct));
    *top1 = (double)correct / counted;
    clmix_plan_free(plan);
    clmix_buffer_release(ops_device, weights);
    clmix_buffer_release(ops_device, states);
    return (double)loss;
}

struct epochs {
    clmix_epoch of[EPOCHS];
    size_t count;
};

static void note_epoch(void *user, const clmix_epoch *epoch)
{
    struct epochs *epochs = user;

    ck_assert_uint_lt(epochs->count, EPOCHS);
    epochs->of[epochs->count++] = *epoch;
}

static void run_by_hand(struct hand *hand, const clmix_dataset *data, const struct epochs *epochs)
{
    struct part *parts = calloc(2, sizeof *parts);
    double losses[2];

    ck_assert_ptr_nonnull(parts);
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        double sum = 0.0, top1, loss;

        hand->counted = hand->correct = 0.0;
        for (size_t step = 0; step < STEPS; step++) {
            size_t changed = 0;

            for (size_t i = 0; i < 2; i++)
                changed += take_batch(data, &hand->options, epoch, 2 * step + i, &parts[i]);
            ck_assert_uint_gt(changed, BATCH);
            hand_step(hand, parts, 2, losses);
            for (size_t i = 0; i < 2; i++)
                sum += losses[i] * (double)hand_labels(hand, &parts[i]);
        }
        loss = score(hand, data, &top1);
        ck_assert_double_eq_tol(epochs->of[epoch].train_loss, sum / hand->counted, 1e-4);
        ck_assert_double_eq_tol(epochs->of[epoch].train_metric, hand->correct / hand->counted, 1e-9);
        ck_assert_double_eq_tol(epochs->of[epoch].test_loss, loss, 1e-4);
        ck_assert_double_eq_tol(epochs->of[epoch].metrics[0].value, top1, 1e-9);
    }
    free(parts);
}

/* The built-in set; or its pictures in arrays of which a number of labels, uneven over the batches, do not count. */
static clmix_dataset *open_set(bool left_out)
{
    static uint8_t pictures[2][TRAIN_COUNT * TRAIN_PICTURE];
    static int32_t labels[2][TRAIN_COUNT];
    static const clmix_port ports[] = { { CLMIX_PICTURES, CLMIX_U8, 3, { SIDE, SIDE, CHANNELS } },
                                        { .name = CLMIX_LABELS, .type = CLMIX_I32 } };
    static const clmix_samples samples = { .ports = ports, .port_count = 2, .count = { TRAIN_COUNT, TEST_COUNT }, .classes = CLASSES };
    clmix_dataset *data, *of_arrays;

    ops_ok(clmix_dataset_open(&data, RUN_DATA, ports, 2));
    if (!left_out)
        return data;
    for (int split = 0; split < 2; split++)
        for (size_t i = 0; i < samples.count[split]; i++) {
            ops_ok(clmix_dataset_get(data, (clmix_split)split, i, (void *[]){ &pictures[split][i * TRAIN_PICTURE], &labels[split][i] }));
            if (split == CLMIX_TEST ? i < 13 : i % 3 == 0) /* of the test's two batches, of 16 and 8, only the first has such labels */
                labels[split][i] = CLMIX_NO_LABEL;
        }
    clmix_dataset_close(data);
    ops_ok(clmix_dataset_from_arrays(&of_arrays, &samples, (const void *[]){ pictures[0], labels[0] },
                                     (const void *[]){ pictures[1], labels[1] }));
    return of_arrays;
}

/* With every option: order, augmentation and normalisation of the pictures, and what the steps make of them. */
START_TEST(a_run_is_its_steps)
{
    clmix_train_options options = plain_options();
    struct epochs epochs = { .count = 0 };
    const clmix_train_events events = { .epoch = note_epoch, .user = &epochs };
    uint32_t first[TRAIN_COUNT], second[TRAIN_COUNT];
    struct train_run run;
    struct hand hand;

    options.epochs = EPOCHS;
    options.accumulate = 2;
    options.clip_norm = 1.0f;
    options.average = 0.15f;
    options.label_smoothing = 0.1f;
    options.dropout = 0.3f;
    options.augment = (clmix_augment){ .crop_padding = 2, .flip = true, .cutout = 4, .mixup = 0.4f };
    order_of(&options, 0, first);
    order_of(&options, 1, second);
    ck_assert_mem_ne(first, second, sizeof first);
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    clmix_trainer_free(run.trainer);
    run.data = open_set(_i == 1);
    ops_ok(clmix_trainer_create(&run.trainer, run.network, run.data, &options));
    hand_open(&hand, TRAIN_MODEL("0.3"), &options);
    hand.total = EPOCHS * STEPS;
    ops_ok(clmix_train(run.trainer, train_folders[0], false, &events));
    ck_assert_uint_eq(epochs.count, EPOCHS);
    run_by_hand(&hand, run.data, &epochs);
    hand_same_place(&run, &hand);
    train_close(&run);
    hand_close(&hand);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("wiring");

    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_add_checked_fixture(tests, train_make_folders, train_remove_folders);
    tcase_add_test(tests, accumulated_parts_count_by_their_labels);
    tcase_add_test(tests, a_step_without_labels_leaves_the_weights);
    tcase_add_test(tests, labels_are_smoothed);
    tcase_add_test(tests, mixup_has_second_labels_with_their_share);
    tcase_add_test(tests, dropout_is_the_configurations_or_that_of_the_options);
    tcase_add_test(tests, averages_follow);
    tcase_add_test(tests, long_gradients_are_clipped);
    tcase_add_test(tests, pictures_are_normalized_as_the_network_says);
    tcase_add_test(tests, statistics_are_put_back_after_the_search_for_a_nan);
    tcase_add_loop_test(tests, a_run_is_its_steps, 0, 2);
    return train_main("wiring", &tests, 1);
}
