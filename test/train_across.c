/* Models whose samples meet in a batch (whole-batch maxima of nystrom): evaluation takes no sample into a batch that is not there, and
 * classification says of whom an answer depends. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_data.h"
#include "support_ops.h"
#include "support_train.h"

#define BATCH   4
#define SAMPLES 6 /* a batch and a half */
#define PICTURE ((size_t)16 * 16 * 3)
#define CLASSES 10
#define DATA    "shapes:size=16,train=6,test=6"

/* So that attention is far from uniform, and its maxima of one picture far from another's. */
static void sharpen(clmix_network *network)
{
    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        clmix_tensor_info info;
        size_t count;
        float *values;

        ops_ok(clmix_network_tensor(network, i, &info));
        if (strstr(info.name, "to_qkv") == NULL)
            continue;
        count = clmix_shape_count(info.file_shape);
        values = malloc(count * sizeof *values);
        ops_ok(clmix_network_read(network, info.name, values, count));
        for (size_t k = 0; k < count; k++)
            values[k] *= 8.0f;
        ops_ok(clmix_network_write(network, info.name, values, count));
        free(values);
    }
}

/* One iteration of the pseudo-inverse leaves much of where it began, which the maxima decide. */
static clmix_network *network_of(const char *maxima)
{
    char model[512];
    clmix_config *config;
    clmix_network *network = NULL;

    snprintf(model, sizeof model,
             "{\"model\":\"vit\",\"image_size\":16,\"classes\":10,\"patch_size\":4,\"dim\":16,\"depth\":2,\"heads\":2,\"head_dim\":8,\"mlp_"
             "dim\":16,"
             "\"mixer\":{\"kind\":\"nystrom\",\"landmarks\":4,\"pinv_iterations\":1,\"maxima\":\"%s\"}}",
             maxima);
    ops_ok(clmix_config_open(&config, model));
    ck_assert(clmix_config_across(config) == (strcmp(maxima, "batch") == 0));
    ops_ok(clmix_network_create(&network, ops_device, config, 3));
    clmix_config_free(config);
    sharpen(network);
    return network;
}

static struct {
    clmix_dataset *data;
    uint8_t pictures[SAMPLES][PICTURE];
    int32_t labels[SAMPLES];
} world;

static void begin(void)
{
    train_make_folders();
    world.data = must_open(DATA, 16, 16, 3);
    for (size_t i = 0; i < SAMPLES; i++)
        must_get(world.data, CLMIX_TEST, i, world.pictures[i], &world.labels[i]);
}

static void end(void)
{
    clmix_dataset_close(world.data);
    train_remove_folders();
}

/* The sum of the losses of `count` pictures that are a batch. */
static double loss_of(clmix_network *network, size_t first, size_t count)
{
    float probabilities[SAMPLES * CLASSES];
    double sum = 0.0;

    ops_ok(clmix_network_classify(network, world.pictures[first], count, probabilities));
    for (size_t i = 0; i < count; i++)
        sum -= log((double)probabilities[i * CLASSES + (size_t)world.labels[first + i]]);
    return sum;
}

static double evaluate(clmix_network *network, size_t batch)
{
    clmix_score score;

    ops_ok(clmix_evaluate(network, world.data, CLMIX_TEST, batch, &score));
    ck_assert_uint_eq(score.count, SAMPLES);
    return score.loss;
}

/* Batches of four and of two, or all six at once: nothing that fills a batch up takes part. */
START_TEST(evaluation_is_of_the_batches_there_are)
{
    clmix_network *network = network_of("batch");
    const double together = loss_of(network, 0, SAMPLES) / SAMPLES,
                 apart = (loss_of(network, 0, BATCH) + loss_of(network, BATCH, SAMPLES - BATCH)) / SAMPLES;

    ck_assert(fabs(together - apart) > 1e-4); /* they do meet */
    ck_assert_double_eq_tol(evaluate(network, BATCH), apart, 2e-6);
    ck_assert_double_eq_tol(evaluate(network, SAMPLES), together, 2e-6);
    ck_assert_double_eq_tol(evaluate(network, 64), together, 2e-6);
    clmix_network_free(network);
}
END_TEST

/* So it is while training; and the last, smaller batch is trained on. */
START_TEST(so_is_that_of_a_run)
{
    clmix_network *network = network_of("batch");
    clmix_train_options options = train_small_options();
    clmix_trainer *trainer = NULL;
    clmix_score score;

    options.batch = BATCH;
    options.epochs = 2;
    ops_ok(clmix_trainer_create(&trainer, network, world.data, &options));
    ops_ok(clmix_train(trainer, train_folders[0], false, NULL));
    ck_assert_uint_eq(trainer->step, 4);
    ops_ok(clmix_trainer_score(trainer, NULL, &score));
    ck_assert_double_eq_tol(score.loss, (loss_of(network, 0, BATCH) + loss_of(network, BATCH, SAMPLES - BATCH)) / SAMPLES, 2e-6);
    ck_assert(score.loss == evaluate(network, BATCH));
    clmix_trainer_free(trainer);
    clmix_network_free(network);
}
END_TEST

/* "sample" frees each picture of its neighbours, and so does a call for each. */
START_TEST(an_answer_may_be_its_pictures_own)
{
    clmix_network *free_one = network_of("sample"), *bound = network_of("batch");
    float alone[CLASSES], among[SAMPLES * CLASSES], moved[SAMPLES * CLASSES];
    double change = 0.0;

    ops_ok(clmix_network_classify(free_one, world.pictures[5], 1, alone));
    ops_ok(clmix_network_classify(free_one, world.pictures[0], SAMPLES, among));
    for (size_t i = 0; i < CLASSES; i++)
        ck_assert_float_eq_tol(among[5 * CLASSES + i], alone[i], 2e-6f);
    ops_ok(clmix_network_classify(bound, world.pictures[5], 1, alone));
    ops_ok(clmix_network_classify(bound, world.pictures[0], SAMPLES, moved));
    for (size_t i = 0; i < CLASSES; i++)
        change += fabs((double)(moved[5 * CLASSES + i] - alone[i]));
    ck_assert(change > 1e-5);
    clmix_network_free(free_one);
    clmix_network_free(bound);
}
END_TEST

int main(void)
{
    TCase *across = tcase_create("across");

    tcase_add_unchecked_fixture(across, ops_open, ops_close);
    tcase_add_checked_fixture(across, begin, end);
    tcase_add_test(across, evaluation_is_of_the_batches_there_are);
    tcase_add_test(across, so_is_that_of_a_run);
    tcase_add_test(across, an_answer_may_be_its_pictures_own);
    return train_main("across", (TCase *[]){ across }, 1);
}
