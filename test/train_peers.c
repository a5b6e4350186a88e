/* Several processes in one run. Here each is a thread with a device, a network and a trainer of its own, and what connects them is a table in memory: what training
 * asks of its peers, and what it makes of what they say. test/hosts/mpi.sh runs true processes. */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support_data.h"
#include "support_ops.h"
#include "support_tool.h"
#include "support_train.h"

#define MOST_PEERS       3
#define PATIENCE_SECONDS 240 /* for a process: kernels are compiled meanwhile */

#define SEPARATE                                                                                                              \
    "{\"model\":\"vit\",\"image_size\":16,\"classes\":10,\"patch_size\":8,\"dim\":16,\"depth\":2,\"heads\":2,\"head_dim\":8," \
    "\"mlp_dim\":16,\"dropout\":0.3,\"mixer\":{\"kind\":\"softmax\"}}"

/* Batch normalisation. */
#define NORMALIZED                                                                                                                      \
    "{\"model\":\"levit\",\"image_size\":16,\"classes\":10,\"stem_channels\":[8],\"stem_stride\":2,\"dim\":16,\"depth\":1,\"heads\":2," \
    "\"head_dim\":8,\"mlp_mult\":2,\"dropout\":0.3,\"mixer\":{\"kind\":\"softmax\"}}"

/* ---- the connection ------------------------------------------------------------------------------------------------------------------ */

/* Where the threads lay their values; a call is over when all have been there twice. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t count, arrived, round;
    void *given[MOST_PEERS];
    bool gone; /* one has left: nobody is waited for any more */
} table = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

/* Waits until all are here; false where one is gone, or does not come at all. */
static bool arrive(size_t index, void *values)
{
    struct timespec end;
    bool together;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_SECONDS;
    pthread_mutex_lock(&table.lock);
    const size_t round = table.round;

    table.given[index] = values;
    if (++table.arrived == table.count) {
        table.arrived = 0;
        table.round++;
        pthread_cond_broadcast(&table.changed);
    }
    while (table.round == round && !table.gone)
        if (pthread_cond_timedwait(&table.changed, &table.lock, &end) != 0)
            table.gone = table.round == round;
    together = table.round != round;
    pthread_mutex_unlock(&table.lock);
    return together;
}

static void go(void)
{
    pthread_mutex_lock(&table.lock);
    table.gone = true;
    pthread_cond_broadcast(&table.changed);
    pthread_mutex_unlock(&table.lock);
}

static clmix_status fail_alone(void)
{
    return clmix_error_set(CLMIX_ERROR_PEER, "another process is gone");
}

struct process {
    size_t index;
    clmix_peers peers;
    const char *model, *data, *folder;
    clmix_train_options options;
    bool resume;
    size_t stop_after, fail_after, remove_after; /* batches; 0: never */
    size_t vanish_after, sums;                   /* sums of gradients; 0: never */
    size_t batches;
    clmix_status status;
    char sentence[1024];
};

static clmix_status sum(void *user, double *values, size_t count, const clmix_waiting *waiting)
{
    const struct process *process = user;
    double *sums = calloc(count, sizeof *sums);

    ck_assert_ptr_nonnull(waiting);
    if (!arrive(process->index, values)) {
        free(sums);
        return fail_alone();
    }
    for (size_t p = 0; p < table.count; p++)
        for (size_t i = 0; i < count; i++)
            sums[i] += ((const double *)table.given[p])[i];
    const bool together = arrive(process->index, values);

    memcpy(values, sums, count * sizeof *values);
    free(sums);
    return together ? CLMIX_OK : fail_alone();
}

static clmix_status sum_floats(void *user, float *values, size_t count, const clmix_waiting *waiting)
{
    struct process *process = user;
    double *wide;
    clmix_status status;

    if (++process->sums == process->vanish_after) {
        go();
        return fail_alone();
    }
    wide = malloc(count * sizeof *wide);
    for (size_t i = 0; i < count; i++)
        wide[i] = (double)values[i];
    status = sum(user, wide, count, waiting);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)wide[i];
    free(wide);
    return status;
}

static clmix_status send(void *user, void *data, size_t bytes, const clmix_waiting *waiting)
{
    const struct process *process = user;
    void *copy = malloc(bytes);

    (void)waiting;
    if (!arrive(process->index, data)) {
        free(copy);
        return fail_alone();
    }
    memcpy(copy, table.given[0], bytes);
    const bool together = arrive(process->index, data);

    memcpy(data, copy, bytes);
    free(copy);
    return together ? CLMIX_OK : fail_alone();
}

/* ---- processes ----------------------------------------------------------------------------------------------------------------------- */

static bool on_step(void *user, size_t epoch, size_t batch, size_t batches, double loss, double metric, double speed)
{
    struct process *process = user;

    ck_assert(epoch > 0 && batch <= batches && isfinite(loss) && isfinite(metric) && speed >= 0.0);
    if (process->batches + 1 == process->remove_after)
        remove_folder(process->folder);
    return ++process->batches != process->stop_after;
}

/* Between batches of an evaluation: where a process is to fail. */
static bool on_waiting(void *user)
{
    struct process *process = user;

    return process->fail_after == 0 || process->batches < process->fail_after;
}

static void train(struct process *process)
{
    const clmix_train_events events = { .step = on_step, .waiting = on_waiting, .user = process };
    clmix_config *config = NULL;
    clmix_device *device = NULL;
    clmix_network *network = NULL;
    clmix_dataset *data = NULL;
    clmix_trainer *trainer = NULL;

    ops_ok(clmix_device_open(&device, NULL));
    ops_ok(clmix_config_open(&config, process->model));
    /* another seed: all begin with the first one's weights */
    ops_ok(clmix_network_create(&network, device, config, process->options.seed + process->index));
    ops_ok(open_pictures(&data, process->data, 16, 16, 3));
    process->status = clmix_trainer_create(&trainer, network, data, &process->options);
    if (process->status == CLMIX_OK)
        process->status = clmix_train(trainer, process->folder, process->resume, &events);
    snprintf(process->sentence, sizeof process->sentence, "%s", clmix_error());
    clmix_trainer_free(trainer);
    clmix_network_free(network);
    clmix_dataset_close(data);
    clmix_config_free(config);
    clmix_device_close(device);
}

static void *thread(void *argument)
{
    train(argument);
    return NULL;
}

static void plan(struct process processes[MOST_PEERS], size_t count, const char *model, const clmix_train_options *options,
                 const char *folder, bool resume)
{
    for (size_t i = 0; i < count; i++) {
        processes[i] =
            (struct process){ .index = i, .model = model, .data = TRAIN_DATA, .folder = folder, .options = *options, .resume = resume };
        processes[i].peers = (clmix_peers){ i, count, sum, sum_floats, send, &processes[i] };
        processes[i].options.peers = &processes[i].peers;
    }
}

static void run(struct process processes[MOST_PEERS], size_t count)
{
    pthread_t threads[MOST_PEERS];

    table.count = count;
    table.arrived = 0;
    table.gone = false;
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, thread, &processes[i]), 0);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void run_well(size_t count, const char *model, const clmix_train_options *options, const char *folder, bool resume)
{
    struct process processes[MOST_PEERS];

    plan(processes, count, model, options, folder, resume);
    run(processes, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(processes[i].status == CLMIX_OK, "process %zu: %s", i, processes[i].sentence);
}

/* ---- what comes of it ---------------------------------------------------------------------------------------------------------------- */

/* Weights, moments and averages of two runs, but for the order of additions. */
static void nearly_same(const char *first, const char *second, double tolerance)
{
    size_t bytes, others;
    char *wanted = train_tensors(first, "checkpoint.safetensors", &bytes), *got = train_tensors(second, "checkpoint.safetensors", &others);

    ck_assert_uint_eq(bytes, others);
    ops_compare_floats("checkpoint", (float *)(void *)got, (const float *)(void *)wanted, bytes / sizeof(float), tolerance);
    free(wanted);
    free(got);
}

/* Accumulation over an epoch's small last batch, mixup over the parts' borders, dropout, averages. */
static clmix_train_options options_of_a_run(void)
{
    clmix_train_options options = train_rich_options();

    options.optimizer = CLMIX_SGD; /* a wrong gradient is a wrong weight */
    options.rate = 0.05f;
    options.warmup = 0;
    return options;
}

START_TEST(processes_learn_what_one_learns)
{
    const clmix_train_options options = options_of_a_run();

    ops_ok(train_for(SEPARATE, TRAIN_DATA, &options, train_folders[0], false, 0));
    run_well((size_t)_i, SEPARATE, &options, train_folders[1], false);
    nearly_same(train_folders[0], train_folders[1], 2e-5);
}
END_TEST

/* Two processes of a device each are one process of two devices: batch normalisation sees the same parts, and running statistics are their mean. */
START_TEST(processes_are_as_devices)
{
    clmix_train_options options = options_of_a_run();
    clmix_device *other = NULL;

    ops_ok(clmix_device_open(&other, NULL));
    options.devices[0] = other;
    options.device_count = 1;
    ops_ok(train_for(NORMALIZED, TRAIN_DATA, &options, train_folders[0], false, 0));
    options.device_count = 0;
    run_well(2, NORMALIZED, &options, train_folders[1], false);
    nearly_same(train_folders[0], train_folders[1], 1e-4);
    clmix_device_close(other);
}
END_TEST

/* Batch normalisation sees its own part; running statistics are the mean over all parts, to the bit in all processes, and runs repeat. */
START_TEST(runs_repeat_and_resume)
{
    const clmix_train_options options = options_of_a_run();
    struct process processes[MOST_PEERS];

    run_well(2, NORMALIZED, &options, train_folders[0], false);
    run_well(2, NORMALIZED, &options, train_folders[1], false);
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
    plan(processes, 2, NORMALIZED, &options, train_folders[2], false);
    processes[_i].stop_after = 3; /* one is asked, all stop */
    run(processes, 2);
    for (size_t i = 0; i < 2; i++)
        ck_assert_msg(processes[i].status == CLMIX_ERROR_INTERRUPTED, "process %zu: %s", i, processes[i].sentence);
    run_well(2, NORMALIZED, &options, train_folders[2], true);
    train_same_tensors(train_folders[0], train_folders[2], "checkpoint.safetensors");
    train_same_tensors(train_folders[0], train_folders[2], "model.safetensors");
}
END_TEST

/* One cannot go on: the others hear it, and the checkpoint is that of the last step; one process goes on from it. */
START_TEST(a_failure_ends_all_at_a_checkpoint)
{
    const clmix_train_options options = options_of_a_run();
    struct process processes[MOST_PEERS];

    ops_ok(train_for(SEPARATE, TRAIN_DATA, &options, train_folders[0], false, 0));
    plan(processes, 3, SEPARATE, &options, train_folders[1], false);
    processes[_i].fail_after = 7; /* waiting for samples, in the second epoch */
    run(processes, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_msg(processes[i].status == CLMIX_ERROR_INTERRUPTED, "process %zu: %s", i, processes[i].sentence);
    ops_ok(train_for(SEPARATE, TRAIN_DATA, &options, train_folders[1], true, 0));
    nearly_same(train_folders[0], train_folders[1], 2e-5);
}
END_TEST

START_TEST(a_process_that_is_gone_ends_all_at_a_checkpoint)
{
    const clmix_train_options options = options_of_a_run();
    struct process processes[MOST_PEERS];

    run_well(2, NORMALIZED, &options, train_folders[0], false);
    plan(processes, 2, NORMALIZED, &options, train_folders[1], false);
    processes[1].vanish_after = 6; /* in the middle of a step of one batch, whose running statistics have moved */
    run(processes, 2);
    ck_assert_int_eq(processes[0].status, CLMIX_ERROR_PEER);
    ck_assert_msg(strstr(processes[0].sentence, "has everything needed to go on") != NULL, "%s", processes[0].sentence);
    run_well(2, NORMALIZED, &options, train_folders[1], true);
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
}
END_TEST

/* The first one fails by itself, between two meetings. */
START_TEST(a_folder_that_is_gone_ends_all)
{
    const clmix_train_options options = options_of_a_run();
    struct process processes[MOST_PEERS];

    plan(processes, 2, SEPARATE, &options, train_folders[0], false);
    processes[0].remove_after = 5; /* the first epoch's last batch */
    run(processes, 2);
    ck_assert_int_eq(processes[0].status, CLMIX_ERROR_FILE);
    ck_assert_int_eq(processes[1].status, CLMIX_ERROR_PEER);
    ck_assert_msg(strstr(processes[1].sentence, "process 1 of 2 failed") != NULL, "%s", processes[1].sentence); /* it was told */
}
END_TEST

START_TEST(a_folder_that_one_cannot_take_fails_all)
{
    const clmix_train_options options = options_of_a_run();
    struct process processes[MOST_PEERS];

    plan(processes, 2, SEPARATE, &options, train_folders[0], true); /* there is nothing to resume */
    run(processes, 2);
    ck_assert_int_eq(processes[0].status, CLMIX_ERROR_FILE);
    ck_assert_int_eq(processes[1].status, CLMIX_ERROR_PEER);
    ck_assert_msg(strstr(processes[1].sentence, "process 1 of 2") != NULL, "%s", processes[1].sentence);
}
END_TEST

START_TEST(processes_of_different_runs_are_refused)
{
    const clmix_train_options options = options_of_a_run();
    struct process processes[MOST_PEERS];

    plan(processes, 2, SEPARATE, &options, train_folders[0], false);
    if (_i == 0)
        processes[1].options.rate = 0.01f;
    else if (_i == 1)
        processes[1].data = "shapes:size=16,train=72,test=40,seed=1";
    else
        processes[1].model = NORMALIZED;
    run(processes, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(processes[i].status, CLMIX_ERROR_ARGUMENT);
        ck_assert_msg(strstr(processes[i].sentence, "the same command") != NULL, "%s", processes[i].sentence);
    }
}
END_TEST

START_TEST(what_several_processes_cannot_do_is_refused)
{
    clmix_train_options options = options_of_a_run();
    struct process processes[MOST_PEERS];
    uint8_t pictures[8 * TRAIN_PICTURE] = { 0 };
    int32_t labels[8] = { 0 };
    struct train_run single;

    plan(processes, 3, SEPARATE, &options, train_folders[0], false);
    train_open(&single, SEPARATE, NULL, &processes[0].options);
    expect_error(clmix_trainer_step(single.trainer, pictures, labels, 8, NULL), CLMIX_ERROR_ARGUMENT, "one process of 3");
    processes[0].options.batch = 5;
    clmix_trainer_free(single.trainer);
    expect_error(clmix_trainer_create(&single.trainer, single.network, NULL, &processes[0].options), CLMIX_ERROR_ARGUMENT,
                 "batches of 5 samples among 3 processes");
    processes[0].options.batch = 16;
    processes[0].peers.index = 3;
    expect_error(clmix_trainer_create(&single.trainer, single.network, NULL, &processes[0].options), CLMIX_ERROR_ARGUMENT,
                 "process 3 of 3");
    processes[0].peers.index = 0;
    processes[0].peers.count = 1; /* alone, as without peers */
    ops_ok(clmix_trainer_create(&single.trainer, single.network, NULL, &processes[0].options));
    ops_ok(clmix_trainer_step(single.trainer, pictures, labels, 8, NULL));
    train_close(&single);
}
END_TEST

int main(void)
{
    TCase *runs = tcase_create("runs");

    tcase_add_unchecked_fixture(runs, ops_open, ops_close);
    tcase_add_checked_fixture(runs, train_make_folders, train_remove_folders);
    tcase_add_loop_test(runs, processes_learn_what_one_learns, 2, MOST_PEERS + 1);
    tcase_add_test(runs, processes_are_as_devices);
    tcase_add_loop_test(runs, runs_repeat_and_resume, 0, 2);
    tcase_add_loop_test(runs, a_failure_ends_all_at_a_checkpoint, 0, 3);
    tcase_add_test(runs, a_process_that_is_gone_ends_all_at_a_checkpoint);
    tcase_add_test(runs, a_folder_that_is_gone_ends_all);
    tcase_add_test(runs, a_folder_that_one_cannot_take_fails_all);
    tcase_add_loop_test(runs, processes_of_different_runs_are_refused, 0, 3);
    tcase_add_test(runs, what_several_processes_cannot_do_is_refused);
    return train_main("peers", &runs, 1);
}
