/* Runs whose pictures cannot be decoded, or do not come: what stops at a checkpoint, what goes on, and that the bits stay the same. */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/status.h"
#include "data/dataset.h"
#include "support_data.h"
#include "support_ops.h"
#include "support_train.h"

#define TRAIN 72 /* four batches and a half */
#define TEST  40

/* ---- a data set that fails when told to --------------------------------------------------------------------------------------------------- */

static struct {
    clmix_dataset *inner; /* what it gives */
    bool broken[2][TRAIN], missing[2][TRAIN];
    bool stalled[2][TRAIN]; /* under the lock */
    int inside;             /* threads that are getting a picture */
    pthread_mutex_t lock;
    pthread_cond_t change;
} faults = { .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER };

static clmix_status give(clmix_split split, size_t index, void *const *arrays)
{
    if (faults.broken[split][index])
        return clmix_fail(CLMIX_ERROR_FORMAT, "picture %zu is no picture", index);
    if (faults.missing[split][index])
        return clmix_fail(CLMIX_ERROR_FILE, "picture %zu is gone", index);
    return clmix_dataset_get(faults.inner, split, index, arrays);
}

static clmix_status get_faulty(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    clmix_status status;

    (void)dataset;
    pthread_mutex_lock(&faults.lock);
    faults.inside++;
    while (faults.stalled[split][index])
        pthread_cond_wait(&faults.change, &faults.lock);
    pthread_mutex_unlock(&faults.lock);
    status = give(split, index, arrays);
    pthread_mutex_lock(&faults.lock);
    faults.inside--;
    pthread_cond_broadcast(&faults.change);
    pthread_mutex_unlock(&faults.lock);
    return status;
}

static void close_faulty(clmix_dataset *dataset)
{
    (void)dataset;
}

static const clmix_data_source faulty = { "faulty", NULL, NULL, close_faulty, get_faulty, true };

/* Counted as any set is: a thread that was left waiting may be the last to have it. */
static clmix_dataset *open_faulty(void)
{
    clmix_dataset *data = NULL;

    ops_ok(clmix_dataset_new(&data, &faulty));
    data->ports = faults.inner->ports;
    data->count[CLMIX_TRAIN] = TRAIN;
    data->count[CLMIX_TEST] = TEST;
    ops_ok(clmix_dataset_name_classes(data, (const char *const *)faults.inner->class_names, faults.inner->classes));
    return data;
}

static void begin(void)
{
    train_make_folders();
    ops_ok(open_pictures(&faults.inner, "shapes:size=16,train=72,test=40", 16, 16, 3));
    memset(faults.broken, 0, sizeof faults.broken);
    memset(faults.missing, 0, sizeof faults.missing);
    memset(faults.stalled, 0, sizeof faults.stalled);
}

/* Threads that were left waiting go on, and end. */
static void release(void)
{
    pthread_mutex_lock(&faults.lock);
    memset(faults.stalled, 0, sizeof faults.stalled);
    pthread_cond_broadcast(&faults.change);
    while (faults.inside > 0)
        pthread_cond_wait(&faults.change, &faults.lock);
    pthread_mutex_unlock(&faults.lock);
}

static void end(void)
{
    release();
    clmix_dataset_close(faults.inner);
    train_remove_folders();
}

/* ---- runs ------------------------------------------------------------------------------------------------------------------------------- */

struct watch {
    size_t left;     /* batches until it is stopped, 0: never */
    int waits;       /* calls of `waiting` until it is stopped, 0: never */
    size_t skipped;  /* told by the event */
    size_t by_epoch; /* told by the log */
};

static bool on_step(void *user, size_t epoch, size_t batch, size_t batches, double loss, double top1, double speed)
{
    struct watch *watch = user;

    (void)epoch, (void)batch, (void)batches, (void)speed;
    ck_assert(isfinite(loss) && top1 >= 0.0);
    return watch->left == 0 || --watch->left > 0;
}

static bool on_waiting(void *user)
{
    struct watch *watch = user;

    return watch->waits == 0 || --watch->waits > 0;
}

static void on_skipped(void *user, size_t count, const char *sentence)
{
    struct watch *watch = user;

    ck_assert_ptr_nonnull(strstr(sentence, "is no picture"));
    watch->skipped += count;
}

static void on_epoch(void *user, const clmix_epoch *epoch)
{
    ((struct watch *)user)->by_epoch += epoch->skipped;
}

static clmix_status train(const char *folder, bool resume, bool skip, struct watch *watch)
{
    const clmix_train_events events = { .step = on_step, .epoch = on_epoch, .user = watch, .waiting = on_waiting, .skipped = on_skipped };
    clmix_dataset *data = open_faulty();
    clmix_train_options options = train_rich_options();
    struct train_run run;
    clmix_status status;

    options.skip_broken = skip;
    options.checkpoint_steps = 0;
    train_open(&run, TRAIN_MODEL("0.3"), NULL, &options);
    clmix_trainer_free(run.trainer);
    ops_ok(clmix_trainer_create(&run.trainer, run.network, data, &options));
    status = clmix_train(run.trainer, folder, resume, &events);
    train_close(&run);
    clmix_dataset_close(data);
    release();
    return status;
}

static void same_run(const char *first, const char *second)
{
    train_same_tensors(first, second, "checkpoint.safetensors");
    train_same_tensors(first, second, "model.safetensors");
}

static void trains(const char *folder, bool skip)
{
    ops_ok(train(folder, false, skip, &(struct watch){ 0 }));
}

/* ---- what stops --------------------------------------------------------------------------------------------------------------------------- */

/* Wherever in the epoch the picture is met, in the middle of an accumulated step too. */
START_TEST(a_broken_picture_stops_at_a_checkpoint)
{
    trains(train_folders[0], false);
    for (size_t index = 0; index < TRAIN; index += 29) {
        struct watch watch = { 0 };

        faults.broken[CLMIX_TRAIN][index] = true;
        ck_assert_int_eq(train(train_folders[1], false, false, &watch), CLMIX_ERROR_FORMAT);
        ck_assert_msg(strstr(clmix_error(), "is no picture; epoch 1, ") != NULL && strstr(clmix_error(), "everything needed") != NULL, "%s",
                      clmix_error());
        ck_assert_int_eq(train(train_folders[1], true, false, &watch), CLMIX_ERROR_FORMAT);
        faults.broken[CLMIX_TRAIN][index] = false; /* repaired */
        ops_ok(train(train_folders[1], true, false, &watch));
        same_run(train_folders[0], train_folders[1]);
    }
}
END_TEST

START_TEST(a_broken_test_picture_stops_between_training_and_evaluation)
{
    struct watch watch = { 0 };

    trains(train_folders[0], false);
    faults.broken[CLMIX_TEST][17] = true;
    ck_assert_int_eq(train(train_folders[1], false, false, &watch), CLMIX_ERROR_FORMAT);
    ck_assert_msg(strstr(clmix_error(), "picture 17 is no picture; epoch 1, 5 of 5 batches") != NULL, "%s", clmix_error());
    faults.broken[CLMIX_TEST][17] = false;
    ops_ok(train(train_folders[1], true, false, &watch));
    same_run(train_folders[0], train_folders[1]);
}
END_TEST

/* A file that is not there may be again tomorrow: never skipped. */
START_TEST(a_missing_file_is_never_skipped)
{
    struct watch watch = { 0 };

    trains(train_folders[0], false);
    faults.missing[CLMIX_TRAIN][31] = true;
    ck_assert_int_eq(train(train_folders[1], false, true, &watch), CLMIX_ERROR_FILE);
    ck_assert_msg(strstr(clmix_error(), "picture 31 is gone; epoch 1") != NULL, "%s", clmix_error());
    faults.missing[CLMIX_TRAIN][31] = false;
    ops_ok(train(train_folders[1], true, true, &watch));
    same_run(train_folders[0], train_folders[1]);
    ck_assert_uint_eq(watch.skipped, 0);
}
END_TEST

/* ---- what goes on --------------------------------------------------------------------------------------------------------------------------- */

static size_t log_counts(const char *folder)
{
    char *path = clmix_path_join(folder, "log.jsonl");
    size_t bytes, sum = 0;
    void *log;

    ops_ok(clmix_file_read(path, 1 << 20, &log, &bytes));
    for (const char *at = log; (at = strstr(at, "\"skipped\":")) != NULL; at++)
        sum += strtoul(at + 10, NULL, 10);
    free(log);
    free(path);
    return sum;
}

/* Three epochs meet each of three broken training pictures and two broken test pictures once; repeated and resumed at any batch, the bits are
 * the same, and the counts. */
START_TEST(skipped_pictures_are_counted_and_change_no_bit)
{
    struct watch watch = { 0 };

    faults.broken[CLMIX_TRAIN][3] = faults.broken[CLMIX_TRAIN][4] = faults.broken[CLMIX_TRAIN][70] = true;
    faults.broken[CLMIX_TEST][0] = faults.broken[CLMIX_TEST][39] = true;
    ops_ok(train(train_folders[0], false, true, &watch));
    ck_assert_uint_eq(watch.skipped, 15);
    ck_assert_uint_eq(watch.by_epoch, 15);
    ck_assert_uint_eq(log_counts(train_folders[0]), 15);
    for (size_t stop = 1; stop <= 14; stop += 3) {
        struct watch stopped = { .left = stop };

        ck_assert_int_eq(train(train_folders[1], false, true, &stopped), CLMIX_ERROR_INTERRUPTED);
        ops_ok(train(train_folders[1], true, true, &stopped));
        same_run(train_folders[0], train_folders[1]);
        ck_assert_uint_eq(log_counts(train_folders[1]), 15);
    }
    memset(faults.broken, 0, sizeof faults.broken);
    watch = (struct watch){ 0 };
    ops_ok(train(train_folders[1], false, true, &watch)); /* nothing is broken: as without the option */
    trains(train_folders[2], false);
    same_run(train_folders[1], train_folders[2]);
    ck_assert_uint_eq(watch.skipped, 0);
}
END_TEST

START_TEST(where_all_are_broken_it_ends)
{
    struct watch watch = { 0 };

    for (size_t i = 0; i < TRAIN; i++)
        faults.broken[CLMIX_TRAIN][i] = true;
    ck_assert_int_eq(train(train_folders[0], false, true, &watch), CLMIX_ERROR_FORMAT);
    ck_assert_msg(strstr(clmix_error(), "none of the 72 training samples can be decoded") != NULL, "%s", clmix_error());
    memset(faults.broken, 0, sizeof faults.broken);
    for (size_t i = 0; i < TEST; i++)
        faults.broken[CLMIX_TEST][i] = true;
    ops_ok(train(train_folders[1], false, true, &watch)); /* nothing to evaluate, as without test pictures */
}
END_TEST

static void count_call(void *user, const char *sentence)
{
    ck_assert_ptr_nonnull(strstr(sentence, "is no picture"));
    ++*(int *)user;
}

START_TEST(a_pass_before_the_run_finds_them)
{
    clmix_dataset *data = open_faulty();
    clmix_data_check check;
    int told = 0;

    faults.broken[CLMIX_TRAIN][0] = faults.broken[CLMIX_TRAIN][71] = faults.broken[CLMIX_TRAIN][30] = true;
    ops_ok(clmix_dataset_check(data, CLMIX_TRAIN, INFINITY, count_call, &told, &check));
    ck_assert(check.checked == 72 && check.broken == 3 && told == 3);
    ops_ok(clmix_dataset_check(data, CLMIX_TEST, INFINITY, NULL, NULL, &check));
    ck_assert(check.checked == 40 && check.broken == 0);
    ops_ok(clmix_dataset_check(data, CLMIX_TRAIN, 0.0, count_call, &told, &check));
    ck_assert(check.checked == 0 && check.broken == 0);
    faults.missing[CLMIX_TRAIN][5] = true;
    ck_assert_int_eq(clmix_dataset_check(data, CLMIX_TRAIN, INFINITY, NULL, NULL, &check), CLMIX_ERROR_FILE);
    ops_ok(clmix_dataset_check(faults.inner, CLMIX_TRAIN, INFINITY, NULL, NULL, &check)); /* held in memory */
    ck_assert_uint_eq(check.checked, 0);
    clmix_dataset_close(data);
}
END_TEST

/* ---- what does not come --------------------------------------------------------------------------------------------------------------------- */

static void stall(clmix_split split, size_t index)
{
    pthread_mutex_lock(&faults.lock);
    faults.stalled[split][index] = true;
    pthread_mutex_unlock(&faults.lock);
}

/* Asked to stop while a picture does not come, in training (an accumulated step begun or not) and in evaluation: at a checkpoint, from which the
 * run ends with the same bits. */
START_TEST(a_run_that_waits_can_be_stopped)
{
    static const struct {
        clmix_split split;
        size_t index;
    } places[] = { { CLMIX_TRAIN, 7 }, { CLMIX_TRAIN, 23 }, { CLMIX_TRAIN, 55 }, { CLMIX_TEST, 20 } };
    struct watch stopped = { .waits = 8 };

    trains(train_folders[0], false);
    stall(places[_i].split, places[_i].index);
    ck_assert_int_eq(train(train_folders[1], false, false, &stopped), CLMIX_ERROR_INTERRUPTED);
    ck_assert_msg(strstr(clmix_error(), "stopped while waiting for samples; epoch 1, ") != NULL, "%s", clmix_error());
    ops_ok(train(train_folders[1], true, false, &(struct watch){ 0 }));
    same_run(train_folders[0], train_folders[1]);
}
END_TEST

/* A loader is closed although its thread waits; the set stays open until the thread has let go of it. */
START_TEST(a_loader_that_waits_can_be_closed)
{
    clmix_dataset *data = open_faulty();
    clmix_loader *loader = NULL;
    clmix_batch batch;

    stall(CLMIX_TRAIN, 40);
    ops_ok(clmix_loader_open(&loader, data, CLMIX_TRAIN, 16, NULL));
    ck_assert(clmix_loader_ready(loader, 60.0)); /* 0 to 15 */
    ops_ok(clmix_loader_next(loader, &batch));
    ops_ok(clmix_loader_next(loader, &batch));
    ck_assert(!clmix_loader_ready(loader, 0.05)); /* 32 to 47 */
    clmix_loader_close(loader);
    clmix_dataset_close(data); /* freed by the thread; the sanitizers would see it twice or never */
}
END_TEST

int main(void)
{
    TCase *stopping = tcase_create("stopping"), *skipping = tcase_create("skipping"), *waiting = tcase_create("waiting");
    TCase *all[] = { stopping, skipping, waiting };

    for (int i = 0; i < 3; i++) {
        tcase_add_unchecked_fixture(all[i], ops_open, ops_close);
        tcase_add_checked_fixture(all[i], begin, end);
    }
    tcase_add_test(stopping, a_broken_picture_stops_at_a_checkpoint);
    tcase_add_test(stopping, a_broken_test_picture_stops_between_training_and_evaluation);
    tcase_add_test(stopping, a_missing_file_is_never_skipped);
    tcase_add_test(skipping, skipped_pictures_are_counted_and_change_no_bit);
    tcase_add_test(skipping, where_all_are_broken_it_ends);
    tcase_add_test(skipping, a_pass_before_the_run_finds_them);
    tcase_add_loop_test(waiting, a_run_that_waits_can_be_stopped, 0, 4);
    tcase_add_test(waiting, a_loader_that_waits_can_be_closed);
    return train_main("broken", all, 3);
}
