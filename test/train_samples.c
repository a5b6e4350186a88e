/* Training on the application's own samples: the bits of a run are those of the same pictures from a built-in set. unit_samples.c has the sets. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "io/safetensors.h"
#include "support_data.h"
#include "support_ops.h"
#include "support_train.h"

#define TRAIN 72 /* four batches and a half, as TRAIN_DATA has them */
#define TEST  40

static struct {
    float extra[TRAIN][3]; /* of no use to the model */
    uint8_t pictures[2][TRAIN][TRAIN_PICTURE];
    int32_t labels[2][TRAIN];
    clmix_dataset *sets[3]; /* built in, from arrays, from functions */
    bool torn;              /* whether a sample of the function's is */
} world;

/* The first port is of no use to the model. */
static const clmix_port ports[] = { { "extra", CLMIX_F32, 1, { 3 } },
                                    { .name = "labels", .type = CLMIX_I32 },
                                    { "pictures", CLMIX_U8, 3, { 16, 16, 3 } } };
static const clmix_samples more = { .ports = ports, .port_count = 3, .count = { TRAIN, TEST }, .classes = 10 };
static const clmix_samples samples = { .ports = ports + 1, .port_count = 2, .count = { TRAIN, TEST }, .classes = 10 };

static clmix_status give(void *user, clmix_split split, size_t index, void *const *arrays)
{
    (void)user;
    if (world.torn && split == CLMIX_TRAIN && index == 31)
        return clmix_error_set(CLMIX_ERROR_FORMAT, "it is torn");
    *(int32_t *)arrays[0] = world.labels[split][index];
    memcpy(arrays[1], world.pictures[split][index], TRAIN_PICTURE);
    return CLMIX_OK;
}

static clmix_status from_arrays(clmix_dataset **set, const clmix_samples *of)
{
    return clmix_dataset_from_arrays(set, of, (const void *[]){ world.extra, world.labels[0], world.pictures[0] },
                                     (const void *[]){ world.extra, world.labels[1], world.pictures[1] });
}

static void begin(void)
{
    const size_t counts[2] = { TRAIN, TEST };

    train_make_folders();
    ops_ok(open_pictures(&world.sets[0], TRAIN_DATA, 16, 16, 3));
    for (int split = 0; split < 2; split++)
        for (size_t i = 0; i < counts[split]; i++)
            ops_ok(
                clmix_dataset_get(world.sets[0], (clmix_split)split, i, (void *[]){ world.pictures[split][i], &world.labels[split][i] }));
    ops_ok(from_arrays(&world.sets[1], &more));
    ops_ok(clmix_dataset_from_source(&world.sets[2], &samples, &(clmix_sample_source){ .get = give }));
    world.torn = false;
}

static void end(void)
{
    for (int i = 0; i < 3; i++)
        clmix_dataset_close(world.sets[i]);
    train_remove_folders();
}

static bool count_down(void *user, size_t epoch, size_t batch, size_t batches, double loss, double top1, double speed)
{
    (void)epoch, (void)batch, (void)batches, (void)loss, (void)top1, (void)speed;
    return --*(size_t *)user > 0;
}

/* Trains on a set, at most `left` batches of it. */
static clmix_status train_on(clmix_dataset *set, const char *folder, bool resume, size_t left, clmix_score *score)
{
    const clmix_train_options options = train_rich_options();
    const clmix_train_events events = { .step = count_down, .user = &left };
    struct train_run run;
    clmix_status status;

    train_open(&run, TRAIN_MODEL("0.3"), NULL, &options);
    clmix_trainer_free(run.trainer);
    ops_ok(clmix_trainer_create(&run.trainer, run.network, set, &options));
    status = clmix_train(run.trainer, folder, resume, &events);
    if (status == CLMIX_OK)
        ops_ok(clmix_evaluate(run.network, set, CLMIX_TEST, 16, score));
    train_close(&run);
    return status;
}

static clmix_status train(int set, const char *folder, bool resume, size_t left, clmix_score *score)
{
    return train_on(world.sets[set], folder, resume, left, score);
}

/* Augmented, mixed, averaged, accumulated across a small last batch; one of the runs is stopped and resumed. */
START_TEST(the_bits_are_those_of_the_built_in_set)
{
    clmix_score scores[3];

    ops_ok(train(0, train_folders[0], false, SIZE_MAX, &scores[0]));
    for (int set = 1; set < 3; set++) {
        ck_assert_int_eq(train(set, train_folders[set], false, 7, NULL), CLMIX_ERROR_INTERRUPTED);
        ops_ok(train(set, train_folders[set], true, SIZE_MAX, &scores[set]));
        train_same_tensors(train_folders[0], train_folders[set], "checkpoint.safetensors");
        train_same_tensors(train_folders[0], train_folders[set], "model.safetensors");
        ck_assert(scores[set].count == TEST && scores[set].loss == scores[0].loss &&
                  scores[set].metrics[0].value == scores[0].metrics[0].value);
    }
}
END_TEST

/* A set's normalisation goes into training, and with the weights to whoever reads them. */
START_TEST(normalization_travels_with_the_set)
{
    static const float means[3] = { 0.25f, 0.375f, 0.5f }, stds[3] = { 0.125f, 0.25f, 0.75f }, zero[3] = { 0 };
    clmix_score there, here, usual;
    clmix_dataset *set = NULL;
    clmix_network *network = NULL;
    float mean[4], std[4];
    char *path = clmix_path_join(train_folders[0], "model.safetensors");

    ops_ok(from_arrays(&set, &more));
    ck_assert_int_eq(clmix_dataset_normalize(set, means, zero), CLMIX_ERROR_ARGUMENT);
    ops_ok(clmix_dataset_normalize(set, means, stds));
    ops_ok(train_on(set, train_folders[0], false, SIZE_MAX, &there));
    ops_ok(train(1, train_folders[1], false, SIZE_MAX, &usual));
    ck_assert(there.loss != usual.loss);
    ops_ok(clmix_network_load(&network, ops_device, path));
    clmix_network_normalization(network, mean, std);
    ck_assert_mem_eq(mean, means, sizeof means);
    ck_assert_mem_eq(std, stds, sizeof stds);
    ops_ok(clmix_evaluate(network, world.sets[1], CLMIX_TEST, 16, &here)); /* whose own is another */
    ops_ok(clmix_evaluate(network, set, CLMIX_TEST, 16, &there));
    ck_assert(here.loss == there.loss);
    clmix_network_free(network);
    clmix_dataset_close(set);
    free(path);
}
END_TEST

/* What a function says of a sample ends the run at a checkpoint, from which it goes on when the sample is there again. */
START_TEST(a_failing_function_stops_at_a_checkpoint)
{
    clmix_score score;

    ops_ok(train(1, train_folders[0], false, SIZE_MAX, &score));
    world.torn = true;
    ck_assert_int_eq(train(2, train_folders[1], false, SIZE_MAX, &score), CLMIX_ERROR_FORMAT);
    ck_assert_msg(strstr(clmix_error(), "sample 31 of the train split: it is torn; epoch 1") != NULL, "%s", clmix_error());
    world.torn = false;
    ops_ok(train(2, train_folders[1], true, SIZE_MAX, &score));
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
}
END_TEST

/* Samples without a label are in no loss and no metric. */
START_TEST(samples_without_a_label_do_not_count)
{
    const clmix_train_options options = train_small_options();
    const clmix_samples fewer = { ports, 3, { TRAIN, 25 }, 10, NULL };
    clmix_dataset *all = NULL, *labelled = NULL;
    clmix_score scores[2];
    struct train_run run;

    ops_ok(from_arrays(&labelled, &fewer));
    for (int i = 25; i < TEST; i++)
        world.labels[1][i] = CLMIX_NO_LABEL;
    ops_ok(from_arrays(&all, &more));
    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    ops_ok(clmix_evaluate(run.network, all, CLMIX_TEST, 8, &scores[0])); /* the last batch has none */
    ops_ok(clmix_evaluate(run.network, labelled, CLMIX_TEST, 8, &scores[1]));
    ck_assert(scores[0].count == 25 && scores[1].count == 25);
    ck_assert_double_eq_tol(scores[0].loss, scores[1].loss, 1e-5);
    ck_assert(scores[0].metrics[0].value == scores[1].metrics[0].value && scores[0].metrics[1].value == scores[1].metrics[1].value);
    train_close(&run);
    clmix_dataset_close(all);
    clmix_dataset_close(labelled);
}
END_TEST

/* ---- resuming --------------------------------------------------------------------------------------------------------------------------- */

static void resumes_not(clmix_dataset *set, const char *part)
{
    ck_assert_int_eq(train_on(set, train_folders[0], true, SIZE_MAX, NULL), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), part) != NULL, "%s", clmix_error());
    clmix_dataset_close(set);
}

/* The data of a run are told by their number, ports, classes and a few samples. */
START_TEST(a_run_knows_its_data)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
    clmix_samples other = more;
    clmix_dataset *set = NULL;
    clmix_score score;

    ck_assert_int_eq(train(1, train_folders[0], false, 3, NULL), CLMIX_ERROR_INTERRUPTED);
    other.count[1] = TEST - 1;
    ops_ok(from_arrays(&set, &other));
    resumes_not(set, "with 72 training and 40 test samples and the data set now has 72 and 39");
    other = more;
    other.class_names = names;
    ops_ok(from_arrays(&set, &other));
    resumes_not(set, "classes have other names");
    ops_ok(clmix_dataset_from_source(&set, &samples, &(clmix_sample_source){ .get = give }));
    resumes_not(set, "begun with data of extra (f32 3), labels (i32 1), pictures (u8 16x16x3) and the data set now has labels (i32 1), ");
    ops_ok(from_arrays(&set, &more));
    ops_ok(clmix_dataset_normalize(set, (const float[]){ 0.5f, 0.5f, 0.25f }, (const float[]){ 0.5f, 0.5f, 0.5f }));
    resumes_not(set, "another normalisation (mean and std: 0.5 0.5) than the data set has now (0.5 0.5, 0.5 0.5, 0.25 0.5, 0.5 0.5)");
    for (int split = 0; split < 2; split++) {
        const int32_t first = world.labels[split][0];

        memmove(world.labels[split], world.labels[split] + 1, (TEST - 1) * sizeof first); /* as where one is missing and another came */
        world.labels[split][TEST - 1] = first;
        ops_ok(from_arrays(&set, &more));
        resumes_not(set, split == 0 ? "of the train samples 4 were looked at" : "of the test samples 4 were looked at");
        memmove(world.labels[split] + 1, world.labels[split], (TEST - 1) * sizeof first);
        world.labels[split][0] = first;
    }
    for (size_t i = 0; i < TRAIN * TRAIN_PICTURE; i++) /* another decoder */
        ((uint8_t *)world.pictures[0])[i] = (uint8_t)(((uint8_t *)world.pictures[0])[i] ^ (i % 2));
    ops_ok(train(1, train_folders[0], true, SIZE_MAX, &score));
}
END_TEST

/* A checkpoint from before there were identities, and checksums. */
static void make_older(const char *folder)
{
    char *path = clmix_path_join(folder, "checkpoint.safetensors");
    clmix_safetensors *file = NULL;
    const char *pairs[64];
    size_t count = 0;
    bool had = false;

    ops_ok(clmix_safetensors_open(&file, path));
    for (size_t i = 0; i < clmix_safetensors_metadata_count(file); i++) {
        const char *key, *value;

        clmix_safetensors_metadata_at(file, i, &key, &value);
        had = had || strcmp(key, "identity") == 0;
        if (strcmp(key, "identity") == 0 || strcmp(key, "sha256") == 0)
            continue;
        pairs[2 * count] = key;
        pairs[2 * count++ + 1] = strcmp(key, "format") == 0 ? "clmix-checkpoint-1" : value;
    }
    ck_assert(had);
    ops_ok(clmix_safetensors_write(path, clmix_safetensors_at(file, 0), clmix_safetensors_count(file), pairs, count));
    clmix_safetensors_close(file);
    free(path);
}

START_TEST(an_older_checkpoint_still_resumes)
{
    clmix_score score;

    ops_ok(train(1, train_folders[0], false, SIZE_MAX, &score));
    ck_assert_int_eq(train(1, train_folders[1], false, 3, NULL), CLMIX_ERROR_INTERRUPTED);
    make_older(train_folders[1]);
    ops_ok(train(1, train_folders[1], true, SIZE_MAX, &score));
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
}
END_TEST

/* A set that lacks what the model reads, or has it in another shape, is refused before anything runs. */
START_TEST(sets_that_do_not_fit_are_refused)
{
    static const clmix_port rows[][2] = {
        { { .name = "labels", .type = CLMIX_I32 }, { "images", CLMIX_U8, 3, { 16, 16, 3 } } },
        { { .name = "labels", .type = CLMIX_I32 }, { "pictures", CLMIX_F32, 3, { 16, 16, 3 } } },
        { { .name = "labels", .type = CLMIX_I32 }, { "pictures", CLMIX_U8, 3, { 16, 3, 16 } } },
        { { .name = "labels", .type = CLMIX_I32 }, { "pictures", CLMIX_U8, 2, { 16, 48 } } },
        { { "labels", CLMIX_I32, 1, { 2 } }, { "pictures", CLMIX_U8, 3, { 16, 16, 3 } } },
    };
    const clmix_train_options options = train_small_options();
    struct train_run run;

    train_open(&run, TRAIN_MODEL("0"), NULL, &options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const clmix_samples other = { rows[i], 2, { TRAIN, TEST }, 10, NULL };
        clmix_trainer *trainer = NULL;
        clmix_dataset *set = NULL;
        clmix_score score;

        ops_ok(clmix_dataset_from_source(&set, &other, &(clmix_sample_source){ .get = give }));
        ck_assert_int_eq(clmix_trainer_create(&trainer, run.network, set, &options), CLMIX_ERROR_ARGUMENT);
        ck_assert_ptr_null(trainer);
        ck_assert_int_eq(clmix_evaluate(run.network, set, CLMIX_TEST, 16, &score), CLMIX_ERROR_ARGUMENT);
        clmix_dataset_close(set);
    }
    train_close(&run);
}
END_TEST

int main(void)
{
    TCase *same = tcase_create("same"), *refused = tcase_create("refused");
    TCase *all[] = { same, refused };

    for (int i = 0; i < 2; i++) {
        tcase_add_unchecked_fixture(all[i], ops_open, ops_close);
        tcase_add_checked_fixture(all[i], begin, end);
    }
    tcase_add_test(same, the_bits_are_those_of_the_built_in_set);
    tcase_add_test(same, normalization_travels_with_the_set);
    tcase_add_test(same, a_failing_function_stops_at_a_checkpoint);
    tcase_add_test(same, samples_without_a_label_do_not_count);
    tcase_add_test(same, an_older_checkpoint_still_resumes);
    tcase_add_test(refused, a_run_knows_its_data);
    tcase_add_test(refused, sets_that_do_not_fit_are_refused);
    return train_main("samples", all, 2);
}
