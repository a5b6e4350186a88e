/* Steps and the loop on a small model: what is promised of results, memory, files and failures. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "io/safetensors.h"
#include "support_ops.h"
#include "support_tool.h"
#include "train/trainer.h"

#define MODEL(dropout)                                                                                                                       \
    "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":10,\"dim\":8,\"depth\":1,\"mult_dim\":16,\"ff_dim\":8,\"feedforward\":\"conv\"," \
    "\"levels\":2,\"level_channels\":[4,4],\"stem_stride\":1,\"dropout\":" dropout "}"
#define PICTURE ((size_t)16 * 16 * 3)

/* ---- a run ----------------------------------------------------------------------------------------------------------------------------------- */

struct run {
    clmix_network *network;
    clmix_dataset *data;
    clmix_trainer *trainer;
};

static clmix_train_options small_options(void)
{
    clmix_train_options options = clmix_train_defaults();

    options.batch = 16;
    options.epochs = 3;
    options.augment.crop_padding = 2;
    return options;
}

static void open_run(struct run *run, const char *model, const char *data, const clmix_train_options *options)
{
    clmix_config *config = NULL;

    memset(run, 0, sizeof *run);
    ops_ok(clmix_config_open(&config, model));
    ops_ok(clmix_network_create(&run->network, ops_device, config, options->seed));
    if (data != NULL)
        ops_ok(clmix_dataset_open(&run->data, data, 16, 16, 3));
    ops_ok(clmix_trainer_create(&run->trainer, run->network, run->data, options));
    clmix_config_free(config);
}

static void close_run(struct run *run)
{
    clmix_trainer_free(run->trainer);
    clmix_network_free(run->network);
    clmix_dataset_close(run->data);
    memset(run, 0, sizeof *run);
}

/* The weights, in device order. The caller frees. */
static float *weights_of(const struct run *run, size_t *count)
{
    float *values;

    *count = run->trainer->map.weight_count;
    values = malloc(*count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ops_ok(clmix_buffer_read(ops_device, clmix_network_weights(run->network), 0, values, *count * sizeof *values));
    return values;
}

static void random_batch(uint8_t *pictures, int32_t *labels, size_t count)
{
    float *values = ops_floats(count * PICTURE, 77, 0.0f, 256.0f);

    for (size_t i = 0; i < count * PICTURE; i++)
        pictures[i] = (uint8_t)values[i];
    for (size_t i = 0; i < count; i++)
        labels[i] = (int32_t)(i * 7 % 10);
    free(values);
}

/* The bytes of a safetensors file behind its header. */
static char *tensors_of(const char *folder, const char *name, size_t *bytes)
{
    char *path = clmix_path_join(folder, name), *content;
    void *data;
    uint64_t header = 0;

    ops_ok(clmix_file_read(path, 1 << 26, &data, bytes));
    content = data;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | (unsigned char)content[i];
    *bytes -= 8 + (size_t)header;
    memmove(content, content + 8 + header, *bytes);
    free(path);
    return content;
}

static void ck_same_tensors(const char *first, const char *second, const char *name)
{
    size_t first_bytes, second_bytes;
    char *a = tensors_of(first, name, &first_bytes), *b = tensors_of(second, name, &second_bytes);

    ck_assert_uint_eq(first_bytes, second_bytes);
    ck_assert_msg(memcmp(a, b, first_bytes) == 0, "%s differs between two runs that should be the same", name);
    free(a);
    free(b);
}

/* Folders of a test, removed with it. */
static char folders[3][256];

static void make_folders(void)
{
    for (int i = 0; i < 3; i++)
        snprintf(folders[i], sizeof folders[i], "%s", make_folder());
}

static void remove_folders(void)
{
    for (int i = 0; i < 3; i++)
        remove_folder(folders[i]);
}

/* Stops after `left` batches. */
static bool stop_after(void *user, size_t epoch, size_t batch, size_t batches, double loss, double top1, double speed)
{
    size_t *left = user;

    ck_assert(epoch >= 1 && batch >= 1 && batch <= batches && isfinite(loss) && top1 >= 0.0 && top1 <= 1.0 && speed >= 0.0);
    return --*left > 0;
}

static clmix_status train_for(const char *model, const char *data, const clmix_train_options *options, const char *folder, bool resume, size_t batches)
{
    const clmix_train_events events = { .step = batches > 0 ? stop_after : NULL, .user = &batches };
    struct run run;
    clmix_status status;

    open_run(&run, model, data, options);
    status = clmix_train(run.trainer, folder, resume, &events);
    close_run(&run);
    return status;
}

#define DATA "shapes:size=16,train=72,test=40"    /* four batches and a half */

/* ---- results ----------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(loss_falls_and_test_pictures_are_recognised)
{
    clmix_train_options options = small_options();
    clmix_score before, after;
    struct run run;

    options.epochs = 6;
    options.batch = 32;
    options.rate = 2e-2f;
    options.warmup = 20;
    options.augment.crop_padding = 0;
    open_run(&run, MODEL("0"), "shapes:size=16,train=1600,test=200", &options);
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 64, &before));
    ops_ok(clmix_train(run.trainer, folders[0], false, NULL));
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 64, &after));
    ck_assert_uint_eq(after.count, 200);
    ck_assert_msg(after.loss < 0.75 * before.loss && after.top1 > 0.3 && after.top5 >= after.top1, "loss %g -> %g, %g right", before.loss, after.loss, after.top1);
    close_run(&run);
}
END_TEST

START_TEST(scores_do_not_depend_on_the_batch)
{
    const clmix_train_options options = small_options();
    clmix_score one, many, all;
    struct run run;

    open_run(&run, MODEL("0"), DATA, &options);
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 1, &one));
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 7, &many));
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 100, &all));
    ck_assert(one.count == 40 && many.count == 40 && all.count == 40);
    ck_assert(one.top1 == many.top1 && one.top1 == all.top1 && one.top5 == many.top5 && one.top5 == all.top5);
    ck_assert_double_eq_tol(one.loss, many.loss, 1e-5);
    ck_assert_double_eq_tol(one.loss, all.loss, 1e-5);
    close_run(&run);
}
END_TEST

/* Two batches of one step are one batch of twice the size, but for the order of additions; batch normalisation sees other batches, so the model has none in the way: its statistics are of equal halves. */
START_TEST(accumulated_batches_are_one_big_batch)
{
    clmix_train_options options = small_options();
    uint8_t pictures[16 * PICTURE];
    int32_t labels[16];
    struct clmix_step_input halves[2] = { { 8, pictures, labels, NULL, NULL }, { 8, pictures, labels, NULL, NULL } };
    struct clmix_step_result result;
    size_t count;
    float *summed, *whole;
    double *wanted;
    struct run run;

    random_batch(pictures, labels, 8);
    memcpy(pictures + 8 * PICTURE, pictures, 8 * PICTURE);
    memcpy(labels + 8, labels, 8 * sizeof *labels);
    options.optimizer = CLMIX_SGD;
    options.momentum = 0.0f;
    options.rate = 0.1f;
    options.warmup = 0;
    open_run(&run, MODEL("0"), NULL, &options);
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 16, NULL));
    whole = weights_of(&run, &count);
    close_run(&run);
    options.accumulate = 2;
    open_run(&run, MODEL("0"), NULL, &options);
    ops_ok(clmix_trainer_run(run.trainer, &halves[0], false, &result));
    ops_ok(clmix_trainer_run(run.trainer, &halves[1], true, &result));
    ck_assert_uint_eq(run.trainer->step, 1);
    summed = weights_of(&run, &count);
    close_run(&run);
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
    clmix_train_options options = small_options();
    uint8_t pictures[4 * PICTURE];
    int32_t labels[4];
    size_t count, file_count = 0;
    float *start, *after, *average, *first;
    char *path = clmix_path_join(folders[0], "model.safetensors");
    clmix_network *loaded = NULL;
    clmix_tensor_info info;
    struct run run;

    random_batch(pictures, labels, 4);
    options.average = 0.9f;
    open_run(&run, MODEL("0"), NULL, &options);
    start = weights_of(&run, &count);
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 4, NULL));
    after = weights_of(&run, &count);
    average = malloc(count * sizeof *average);
    ops_ok(clmix_buffer_read(ops_device, clmix_trainer_best_weights(run.trainer), 0, average, count * sizeof *average));
    for (size_t i = 0; i < count; i++)    /* the first decay is 1/10 */
        ck_assert_double_eq_tol((double)average[i], 0.1 * (double)start[i] + 0.9 * (double)after[i], 1e-6);
    ops_ok(clmix_trainer_save_model(run.trainer, path));
    ops_ok(clmix_network_load(&loaded, ops_device, path));
    ops_ok(clmix_network_tensor(loaded, 0, &info));
    file_count = clmix_shape_count(info.file_shape);
    first = malloc(count * sizeof *first);
    ops_ok(clmix_buffer_read(ops_device, clmix_network_weights(loaded), 0, first, count * sizeof *first));
    ck_assert_mem_eq(first + info.offset, average + info.offset, file_count * sizeof(float));
    free(first);
    first = weights_of(&run, &count);
    ck_assert_mem_eq(first, after, count * sizeof(float));    /* saving has put everything back */
    clmix_network_free(loaded);
    close_run(&run);
    free(start);
    free(after);
    free(average);
    free(first);
    free(path);
}
END_TEST

/* ---- repeating and resuming ---------------------------------------------------------------------------------------------------------------------- */

/* Everything that has a state: dropout, mixup, averages, accumulation across the small last batch. */
static clmix_train_options rich_options(void)
{
    clmix_train_options options = small_options();

    options.average = 0.95f;
    options.accumulate = 2;
    options.clip_norm = 1.0f;
    options.augment.mixup = 0.4f;
    options.augment.cutout = 4;
    options.label_smoothing = 0.1f;
    options.checkpoint_steps = 2;
    return options;
}

START_TEST(two_runs_give_the_same_bits)
{
    const clmix_train_options options = rich_options();
    clmix_train_options other = options;

    ops_ok(train_for(MODEL("0.3"), DATA, &options, folders[0], false, 0));
    ops_ok(train_for(MODEL("0.3"), DATA, &options, folders[1], false, 0));
    ck_same_tensors(folders[0], folders[1], "checkpoint.safetensors");
    ck_same_tensors(folders[0], folders[1], "model.safetensors");
    other.seed = 2;
    ops_ok(train_for(MODEL("0.3"), DATA, &other, folders[2], false, 0));
    {
        size_t a_bytes, b_bytes;
        char *a = tensors_of(folders[0], "checkpoint.safetensors", &a_bytes), *b = tensors_of(folders[2], "checkpoint.safetensors", &b_bytes);

        ck_assert(a_bytes == b_bytes && memcmp(a, b, a_bytes) != 0);
        free(a);
        free(b);
    }
}
END_TEST

/* What was measured, without what depends on the clock. */
static char *log_without_times(const char *folder)
{
    char *path = clmix_path_join(folder, "log.jsonl"), *to, *from;
    void *data;
    size_t bytes;

    ops_ok(clmix_file_read(path, 1 << 20, &data, &bytes));
    free(path);
    to = from = data;
    while (*from != '\0') {    /* each line up to images_per_second */
        const char *end = strstr(from, ",\"images_per_second\"");
        const size_t length = (size_t)(end - from);

        ck_assert_ptr_nonnull(end);
        memmove(to, from, length);
        to += length;
        from = strchr(from, '\n') + 1;
    }
    *to = '\0';
    return data;
}

/* Stopped after every possible number of batches, and again after three more. */
START_TEST(resumed_runs_end_with_the_same_bits)
{
    const clmix_train_options options = rich_options();
    char *first, *second;

    ops_ok(train_for(MODEL("0.3"), DATA, &options, folders[0], false, 0));
    first = log_without_times(folders[0]);
    for (size_t stop = 1; stop <= 14; stop += 3) {
        ck_assert_int_eq(train_for(MODEL("0.3"), DATA, &options, folders[1], false, stop), CLMIX_ERROR_INTERRUPTED);
        ck_assert_ptr_nonnull(strstr(clmix_error(), folders[1]));
        if (stop < 10)
            ck_assert_int_eq(train_for(MODEL("0.3"), DATA, &options, folders[1], true, 3), CLMIX_ERROR_INTERRUPTED);
        ops_ok(train_for(MODEL("0.3"), DATA, &options, folders[1], true, 0));
        ck_same_tensors(folders[0], folders[1], "checkpoint.safetensors");
        ck_same_tensors(folders[0], folders[1], "model.safetensors");
        second = log_without_times(folders[1]);
        ck_assert_str_eq(first, second);
        free(second);
    }
    free(first);
    ops_ok(train_for(MODEL("0.3"), DATA, &options, folders[1], true, 1));    /* finished: nothing is done */
    ck_same_tensors(folders[0], folders[1], "checkpoint.safetensors");
}
END_TEST

START_TEST(a_run_says_what_it_is)
{
    clmix_train_options options = small_options();
    clmix_run_info info;
    struct run run;

    ck_assert_int_eq(clmix_run_inspect(folders[0], &info), CLMIX_ERROR_FILE);
    options.steps = 7;
    open_run(&run, MODEL("0"), DATA, &options);
    ops_ok(clmix_trainer_name_data(run.trainer, DATA));
    ops_ok(clmix_train(run.trainer, folders[0], false, NULL));
    close_run(&run);
    ops_ok(clmix_run_inspect(folders[0], &info));
    ck_assert_str_eq(info.data, DATA);
    ck_assert_ptr_nonnull(strstr(info.config, "\"dim\":8"));
    ck_assert(info.finished && info.step == 7 && info.epoch == 2 && info.best_epoch >= 1 && info.options.batch == 16);
    clmix_run_info_clear(&info);
}
END_TEST

START_TEST(another_runs_checkpoint_is_refused)
{
    const clmix_train_options options = small_options();
    clmix_train_options other = options;

    ck_assert_int_eq(train_for(MODEL("0"), DATA, &options, folders[0], false, 2), CLMIX_ERROR_INTERRUPTED);
    other.rate = 1e-3f;
    ck_assert_int_eq(train_for(MODEL("0"), DATA, &other, folders[0], true, 0), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "rate 0.00200000009") != NULL || strstr(clmix_error(), "rate 0.002") != NULL, "%s", clmix_error());
    ck_assert_int_eq(train_for(MODEL("0.5"), DATA, &options, folders[0], true, 0), CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "model"));
    ck_assert_int_eq(train_for(MODEL("0"), "shapes:size=16,train=71,test=40", &options, folders[0], true, 0), CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "71"));
    ck_assert_int_eq(train_for(MODEL("0"), DATA, &options, folders[1], true, 0), CLMIX_ERROR_FILE);
    ops_ok(train_for(MODEL("0"), DATA, &options, folders[0], true, 0));
}
END_TEST

/* ---- files ----------------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(damaged_checkpoints_are_refused_and_change_nothing)
{
    const clmix_train_options options = small_options();
    char *path = clmix_path_join(folders[0], "checkpoint.safetensors"), *model = clmix_path_join(folders[0], "model.safetensors");
    void *whole, *foreign;
    size_t bytes, count, foreign_bytes;
    float *before, *after;
    struct run run;

    ops_ok(train_for(MODEL("0"), DATA, &options, folders[0], false, 0));
    ops_ok(clmix_file_read(path, 1 << 26, &whole, &bytes));
    ops_ok(clmix_file_read(model, 1 << 26, &foreign, &foreign_bytes));
    open_run(&run, MODEL("0"), DATA, &options);
    before = weights_of(&run, &count);
    for (size_t cut = 0; cut < bytes; cut += bytes / 7 + 1) {
        ops_ok(clmix_file_write(path, whole, cut));
        ck_assert_int_eq(clmix_train(run.trainer, folders[0], true, NULL), CLMIX_ERROR_FORMAT);
        ck_assert_msg(strstr(clmix_error(), "checkpoint.safetensors") != NULL, "%s", clmix_error());
    }
    ops_ok(clmix_file_write(path, foreign, foreign_bytes));
    ck_assert_int_eq(clmix_train(run.trainer, folders[0], true, NULL), CLMIX_ERROR_FORMAT);
    ck_assert_msg(strstr(clmix_error(), "not a checkpoint") != NULL, "%s", clmix_error());
    after = weights_of(&run, &count);
    ck_assert_mem_eq(before, after, count * sizeof *before);
    close_run(&run);
    free(before);
    free(after);
    free(whole);
    free(foreign);
    free(path);
    free(model);
}
END_TEST

/* A limit on file sizes stands for a full disk. */
START_TEST(full_disk_keeps_the_old_checkpoint)
{
    const clmix_train_options options = small_options();
    struct rlimit old, small;
    void *before, *after;
    size_t before_bytes, after_bytes;
    char *path = clmix_path_join(folders[0], "checkpoint.safetensors");

    ck_assert_int_eq(train_for(MODEL("0"), DATA, &options, folders[0], false, 6), CLMIX_ERROR_INTERRUPTED);
    ops_ok(clmix_file_read(path, 1 << 26, &before, &before_bytes));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = before_bytes / 2;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(train_for(MODEL("0"), DATA, &options, folders[0], true, 2), CLMIX_ERROR_FILE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    ck_assert_msg(strstr(clmix_error(), ".safetensors") != NULL, "%s", clmix_error());
    ops_ok(clmix_file_read(path, 1 << 26, &after, &after_bytes));
    ck_assert_uint_eq(before_bytes, after_bytes);
    ck_assert_mem_eq(before, after, before_bytes);
    ops_ok(train_for(MODEL("0"), DATA, &options, folders[0], true, 0));
    free(before);
    free(after);
    free(path);
}
END_TEST

/* ---- numbers that are none -------------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_learning_rate_far_too_high_is_explained)
{
    clmix_train_options options = small_options();
    uint8_t pictures[8 * PICTURE];
    int32_t labels[8];
    double loss = 0.0;
    clmix_status status = CLMIX_OK;
    size_t count, done = 0;
    float *before = NULL, *after;
    struct run run;

    random_batch(pictures, labels, 8);
    options.rate = 1e30f;
    options.warmup = 0;
    open_run(&run, MODEL("0"), NULL, &options);
    for (; status == CLMIX_OK && done < 5; done++) {
        free(before);
        before = weights_of(&run, &count);
        status = clmix_trainer_step(run.trainer, pictures, labels, 8, &loss);
    }
    ck_assert_int_eq(status, CLMIX_ERROR_NOT_FINITE);
    ck_assert_msg(strstr(clmix_error(), "step 2") != NULL && (strstr(clmix_error(), "conv") != NULL || strstr(clmix_error(), "layers") != NULL), "%s", clmix_error());
    after = weights_of(&run, &count);
    ck_assert_mem_eq(before, after, count * sizeof *before);
    close_run(&run);
    free(before);
    free(after);
}
END_TEST

START_TEST(a_weight_that_is_nan_is_named)
{
    const clmix_train_options options = small_options();
    uint8_t pictures[8 * PICTURE];
    int32_t labels[8];
    clmix_tensor_info info;
    float *values, *kept;
    struct run run;

    random_batch(pictures, labels, 8);
    open_run(&run, MODEL("0"), NULL, &options);
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
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 8, NULL));    /* running statistics are as before, too */
    close_run(&run);
    free(values);
    free(kept);
}
END_TEST

START_TEST(the_loop_stops_at_a_number_that_is_none)
{
    clmix_train_options options = small_options();

    options.rate = 1e30f;
    options.warmup = 0;
    options.schedule = CLMIX_SCHEDULE_CONSTANT;
    ck_assert_int_eq(train_for(MODEL("0"), DATA, &options, folders[0], false, 0), CLMIX_ERROR_NOT_FINITE);
    ck_assert_msg(strstr(clmix_error(), "step 2") != NULL, "%s", clmix_error());
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------------------------------------------------------------ */

START_TEST(steps_allocate_nothing)
{
    const clmix_train_options options = rich_options();
    uint8_t pictures[16 * PICTURE];
    int32_t labels[16];
    size_t current, peak, allocations, later_current, later_peak, later;
    struct run run;

    random_batch(pictures, labels, 16);
    open_run(&run, MODEL("0.3"), NULL, &options);
    ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 16, NULL));
    clmix_device_memory(ops_device, &current, &peak, &allocations);
    for (int i = 0; i < 10; i++)
        ops_ok(clmix_trainer_step(run.trainer, pictures, labels, 16, NULL));
    clmix_device_memory(ops_device, &later_current, &later_peak, &later);
    ck_assert_uint_eq(allocations, later);
    ck_assert_uint_eq(current, later_current);
    close_run(&run);
}
END_TEST

/* The bytes told before are the bytes taken, a whole run long. A device of its own, whose peak no other test has raised. */
START_TEST(memory_is_known_to_the_byte)
{
    const clmix_train_options options = _i == 0 ? small_options() : rich_options();
    clmix_device *shared = ops_device;
    size_t current, peak, allocations, before, planned, from_config;
    clmix_config *config = NULL;
    struct run run;

    ops_ok(clmix_device_open(&ops_device, NULL));
    clmix_device_memory(ops_device, &before, &peak, &allocations);
    open_run(&run, MODEL("0.3"), DATA, &options);
    clmix_trainer_cost(run.trainer, NULL, &planned);
    ops_ok(clmix_train(run.trainer, folders[_i], false, NULL));
    clmix_device_memory(ops_device, &current, &peak, &allocations);
    ck_assert_uint_eq(peak, before + planned);
    ck_assert_uint_eq(current, before + planned);
    ops_ok(clmix_config_open(&config, MODEL("0.3")));
    ops_ok(clmix_train_cost(ops_device, config, 72, 40, &options, NULL, &from_config));
    ck_assert_uint_eq(from_config, planned);
    clmix_config_free(config);
    close_run(&run);
    clmix_device_memory(ops_device, &current, &peak, &allocations);
    ck_assert_uint_eq(current, before);
    clmix_device_close(ops_device);
    ops_device = shared;
}
END_TEST

/* ---- usage --------------------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(options_out_of_range_are_refused)
{
    clmix_train_options options[6];
    clmix_trainer *trainer;
    struct run run;

    for (int i = 0; i < 6; i++)
        options[i] = small_options();
    open_run(&run, MODEL("0"), NULL, &options[0]);
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
    ck_assert_int_eq(clmix_train(run.trainer, folders[0], false, NULL), CLMIX_ERROR_ARGUMENT);    /* no data set */
    close_run(&run);
}
END_TEST

START_TEST(data_of_another_model_is_refused)
{
    const clmix_train_options options = small_options();
    clmix_dataset *large = NULL;
    clmix_trainer *trainer;
    struct run run;

    open_run(&run, MODEL("0"), NULL, &options);
    ops_ok(clmix_dataset_open(&large, "shapes:size=32,train=10,test=10", 0, 0, 0));
    ck_assert_int_eq(clmix_trainer_create(&trainer, run.network, large, &options), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "32x32x3") != NULL && strstr(clmix_error(), "16x16x3") != NULL, "%s", clmix_error());
    clmix_dataset_close(large);
    close_run(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *results = tcase_create("results"), *resuming = tcase_create("resuming"), *failures = tcase_create("failures"), *memory = tcase_create("memory");
    TCase *all[] = { results, resuming, failures, memory };
    SRunner *runner;
    int failed;

    for (int i = 0; i < 4; i++) {
        tcase_set_timeout(all[i], 600);
        tcase_add_unchecked_fixture(all[i], ops_open, ops_close);
        tcase_add_checked_fixture(all[i], make_folders, remove_folders);
        suite_add_tcase(suite, all[i]);
    }
    tcase_add_test(results, loss_falls_and_test_pictures_are_recognised);
    tcase_add_test(results, scores_do_not_depend_on_the_batch);
    tcase_add_test(results, accumulated_batches_are_one_big_batch);
    tcase_add_test(results, averaged_weights_are_evaluated_and_saved);
    tcase_add_test(resuming, two_runs_give_the_same_bits);
    tcase_add_test(resuming, resumed_runs_end_with_the_same_bits);
    tcase_add_test(resuming, a_run_says_what_it_is);
    tcase_add_test(resuming, another_runs_checkpoint_is_refused);
    tcase_add_test(failures, damaged_checkpoints_are_refused_and_change_nothing);
    tcase_add_test(failures, full_disk_keeps_the_old_checkpoint);
    tcase_add_test(failures, a_learning_rate_far_too_high_is_explained);
    tcase_add_test(failures, a_weight_that_is_nan_is_named);
    tcase_add_test(failures, the_loop_stops_at_a_number_that_is_none);
    tcase_add_test(memory, steps_allocate_nothing);
    tcase_add_loop_test(memory, memory_is_known_to_the_byte, 0, 2);
    tcase_add_test(memory, options_out_of_range_are_refused);
    tcase_add_test(memory, data_of_another_model_is_refused);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
