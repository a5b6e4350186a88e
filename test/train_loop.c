/* The loop on a small model: what is promised of results, repeats, resuming, files and memory. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "support_ops.h"
#include "support_train.h"

/* ---- results ---------------------------------------------------------------------------------------------------------------------- */

START_TEST(loss_falls_and_test_pictures_are_recognised)
{
    clmix_train_options options = train_small_options();
    clmix_score before, after;
    struct train_run run;

    options.epochs = 6;
    options.batch = 32;
    options.rate = 2e-2f;
    options.warmup = 20;
    options.augment.crop_padding = 0;
    train_open(&run, TRAIN_MODEL("0"), "shapes:size=16,train=1600,test=200", &options);
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 64, &before));
    ops_ok(clmix_train(run.trainer, train_folders[0], false, NULL));
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 64, &after));
    ck_assert_uint_eq(after.count, 200);
    ck_assert_msg(after.loss < 0.75 * before.loss && after.metrics[0].value > 0.3 && after.metrics[1].value >= after.metrics[0].value,
                  "loss %g -> %g, %g right", before.loss, after.loss, after.metrics[0].value);
    train_close(&run);
}
END_TEST

START_TEST(scores_do_not_depend_on_the_batch)
{
    const clmix_train_options options = train_small_options();
    clmix_score one, many, all;
    struct train_run run;

    train_open(&run, TRAIN_MODEL("0"), TRAIN_DATA, &options);
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 1, &one));
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 7, &many));
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 100, &all));
    ck_assert(one.count == 40 && many.count == 40 && all.count == 40);
    for (size_t i = 0; i < 2; i++)
        ck_assert(one.metrics[i].value == many.metrics[i].value && one.metrics[i].value == all.metrics[i].value);
    ck_assert_double_eq_tol(one.loss, many.loss, 1e-5);
    ck_assert_double_eq_tol(one.loss, all.loss, 1e-5);
    train_close(&run);
}
END_TEST

/* ---- repeating and resuming ------------------------------------------------------------------------------------------------------- */

START_TEST(two_runs_give_the_same_bits)
{
    const clmix_train_options options = train_rich_options();
    clmix_train_options other = options;

    ops_ok(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[0], false, 0));
    ops_ok(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[1], false, 0));
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
    train_same_tensors(train_folders[0], train_folders[1], "model.safetensors");
    other.seed = 2;
    ops_ok(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &other, train_folders[2], false, 0));
    {
        size_t a_bytes, b_bytes;
        char *a = train_tensors(train_folders[0], "checkpoint.safetensors", &a_bytes),
             *b = train_tensors(train_folders[2], "checkpoint.safetensors", &b_bytes);

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
    while (*from != '\0') { /* each line up to images_per_second */
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
    const clmix_train_options options = train_rich_options();
    char *first, *second;

    ops_ok(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[0], false, 0));
    first = log_without_times(train_folders[0]);
    for (size_t stop = 1; stop <= 14; stop += 3) {
        ck_assert_int_eq(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[1], false, stop), CLMIX_ERROR_INTERRUPTED);
        ck_assert_ptr_nonnull(strstr(clmix_error(), train_folders[1]));
        if (stop < 10)
            ck_assert_int_eq(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[1], true, 3), CLMIX_ERROR_INTERRUPTED);
        ops_ok(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[1], true, 0));
        train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
        train_same_tensors(train_folders[0], train_folders[1], "model.safetensors");
        second = log_without_times(train_folders[1]);
        ck_assert_str_eq(first, second);
        free(second);
    }
    free(first);
    ops_ok(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[1], true, 1)); /* finished: nothing is done */
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
}
END_TEST

START_TEST(a_run_says_what_it_is)
{
    clmix_train_options options = train_small_options();
    clmix_run_info info;
    struct train_run run;

    ck_assert_int_eq(clmix_run_inspect(train_folders[0], &info), CLMIX_ERROR_FILE);
    options.steps = 7;
    train_open(&run, TRAIN_MODEL("0"), TRAIN_DATA, &options);
    ops_ok(clmix_trainer_name_data(run.trainer, TRAIN_DATA));
    ops_ok(clmix_train(run.trainer, train_folders[0], false, NULL));
    train_close(&run);
    ops_ok(clmix_run_inspect(train_folders[0], &info));
    ck_assert_str_eq(info.data, TRAIN_DATA);
    ck_assert_ptr_nonnull(strstr(info.config, "\"dim\":8"));
    ck_assert(info.finished && info.step == 7 && info.epoch == 2 && info.best_epoch >= 1 && info.options.batch == 16);
    clmix_run_info_clear(&info);
}
END_TEST

START_TEST(another_runs_checkpoint_is_refused)
{
    const clmix_train_options options = train_small_options();
    clmix_train_options other = options;

    ck_assert_int_eq(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[0], false, 2), CLMIX_ERROR_INTERRUPTED);
    other.rate = 1e-3f;
    ck_assert_int_eq(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &other, train_folders[0], true, 0), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "rate 0.004 and is to be resumed with 0.001,") != NULL, "%s", clmix_error());
    ck_assert_int_eq(train_for(TRAIN_MODEL("0.5"), TRAIN_DATA, &options, train_folders[0], true, 0), CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "model"));
    ck_assert_int_eq(train_for(TRAIN_MODEL("0"), "shapes:size=16,train=71,test=40", &options, train_folders[0], true, 0),
                     CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "71"));
    ck_assert_int_eq(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[1], true, 0), CLMIX_ERROR_FILE);
    ops_ok(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[0], true, 0));
}
END_TEST

/* ---- one owner -------------------------------------------------------------------------------------------------------------------- */

static bool train_too(void *user, size_t epoch, size_t batch, size_t batches, double loss, double top1, double speed)
{
    const clmix_train_options options = train_rich_options();
    int *refused = user;

    (void)epoch, (void)batches, (void)loss, (void)top1, (void)speed;
    if (batch != 3)
        return true;
    ck_assert_int_eq(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[1], *refused % 2 == 1, 0), CLMIX_ERROR_FILE);
    ck_assert_msg(strstr(clmix_error(), "in use by process") != NULL, "%s", clmix_error());
    ++*refused;
    return true;
}

/* Two trainers of one process exclude each other as those of two do, and the first does not notice the second. */
START_TEST(two_trainers_do_not_share_a_folder)
{
    const clmix_train_options options = train_rich_options();
    int refused = 0;
    const clmix_train_events events = { .step = train_too, .user = &refused };
    struct train_run run;

    ops_ok(train_for(TRAIN_MODEL("0.3"), TRAIN_DATA, &options, train_folders[0], false, 0));
    train_open(&run, TRAIN_MODEL("0.3"), TRAIN_DATA, &options);
    ops_ok(clmix_train(run.trainer, train_folders[1], false, &events));
    train_close(&run);
    ck_assert_int_eq(refused, 3);
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
    train_same_tensors(train_folders[0], train_folders[1], "model.safetensors");
}
END_TEST

/* ---- failures --------------------------------------------------------------------------------------------------------------------- */

START_TEST(damaged_checkpoints_are_refused_and_change_nothing)
{
    const clmix_train_options options = train_small_options();
    char *path = clmix_path_join(train_folders[0], "checkpoint.safetensors"),
         *model = clmix_path_join(train_folders[0], "model.safetensors");
    void *whole, *foreign;
    size_t bytes, count, foreign_bytes;
    float *before, *after;
    struct train_run run;

    ops_ok(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[0], false, 0));
    ops_ok(clmix_file_read(path, 1 << 26, &whole, &bytes));
    ops_ok(clmix_file_read(model, 1 << 26, &foreign, &foreign_bytes));
    train_open(&run, TRAIN_MODEL("0"), TRAIN_DATA, &options);
    before = train_weights(&run, &count);
    for (size_t cut = 0; cut < bytes; cut += bytes / 7 + 1) {
        ops_ok(clmix_file_write(path, whole, cut));
        ck_assert_int_eq(clmix_train(run.trainer, train_folders[0], true, NULL), CLMIX_ERROR_FORMAT);
        ck_assert_msg(strstr(clmix_error(), "checkpoint.safetensors") != NULL, "%s", clmix_error());
    }
    ops_ok(clmix_file_write(path, foreign, foreign_bytes));
    ck_assert_int_eq(clmix_train(run.trainer, train_folders[0], true, NULL), CLMIX_ERROR_FORMAT);
    ck_assert_msg(strstr(clmix_error(), "not a checkpoint") != NULL, "%s", clmix_error());
    after = train_weights(&run, &count);
    ck_assert_mem_eq(before, after, count * sizeof *before);
    train_close(&run);
    free(before);
    free(after);
    free(whole);
    free(foreign);
    free(path);
    free(model);
}
END_TEST

/* Bits of the header and of the numbers, the exponents' among them: a run would go on for a while with each. */
START_TEST(checkpoints_with_another_bit_are_refused)
{
    const clmix_train_options options = train_small_options();
    char *path = clmix_path_join(train_folders[0], "checkpoint.safetensors");
    clmix_run_info info;
    unsigned char *whole;
    size_t bytes;
    struct train_run run;

    ops_ok(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[0], false, 0));
    ops_ok(clmix_file_read(path, 1 << 26, (void **)&whole, &bytes));
    train_open(&run, TRAIN_MODEL("0"), TRAIN_DATA, &options);
    for (size_t i = 0; i < 200; i++) {
        const size_t byte = i * (bytes - 1) / 199, bit = i % 2 == 0 ? 6 : i / 2 % 8;

        whole[byte] ^= (unsigned char)(1u << bit);
        ops_ok(clmix_file_write(path, whole, bytes));
        ck_assert_msg(clmix_train(run.trainer, train_folders[0], true, NULL) == CLMIX_ERROR_FORMAT, "bit %zu of byte %zu", bit, byte);
        ck_assert_msg(strstr(clmix_error(), "checkpoint.safetensors") != NULL, "%s", clmix_error());
        ck_assert_int_eq(clmix_run_inspect(train_folders[0], &info), CLMIX_ERROR_FORMAT);
        whole[byte] ^= (unsigned char)(1u << bit);
    }
    ops_ok(clmix_file_write(path, whole, bytes));
    ops_ok(clmix_train(run.trainer, train_folders[0], true, NULL));
    train_close(&run);
    free(whole);
    free(path);
}
END_TEST

/* As clmix wrote them before there was one. */
START_TEST(checkpoints_without_a_checksum_still_load)
{
    const clmix_train_options options = train_small_options();
    char *path = clmix_path_join(train_folders[1], "checkpoint.safetensors"), *whole;
    const char *format;
    size_t bytes;

    ops_ok(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[0], false, 0));
    ck_assert_int_eq(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[1], false, 7), CLMIX_ERROR_INTERRUPTED);
    ops_ok(clmix_file_read(path, 1 << 26, (void **)&whole, &bytes));
    format = strstr(whole + 8, "clmix-checkpoint-2");
    ck_assert_ptr_nonnull(format);
    whole[format - whole + (ptrdiff_t)strlen("clmix-checkpoint-")] = '1';
    ops_ok(clmix_file_write(path, whole, bytes));
    ops_ok(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[1], true, 0));
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
    free(whole);
    free(path);
}
END_TEST

/* A limit on file sizes stands for a full disk. */
START_TEST(full_disk_keeps_the_old_checkpoint)
{
    const clmix_train_options options = train_small_options();
    struct rlimit old, small;
    void *before, *after;
    size_t before_bytes, after_bytes;
    char *path = clmix_path_join(train_folders[0], "checkpoint.safetensors");

    ck_assert_int_eq(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[0], false, 6), CLMIX_ERROR_INTERRUPTED);
    ops_ok(clmix_file_read(path, 1 << 26, &before, &before_bytes));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = before_bytes / 2;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[0], true, 2), CLMIX_ERROR_FILE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    ck_assert_msg(strstr(clmix_error(), ".safetensors") != NULL, "%s", clmix_error());
    ops_ok(clmix_file_read(path, 1 << 26, &after, &after_bytes));
    ck_assert_uint_eq(before_bytes, after_bytes);
    ck_assert_mem_eq(before, after, before_bytes);
    ops_ok(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[0], true, 0));
    free(before);
    free(after);
    free(path);
}
END_TEST

START_TEST(the_loop_stops_at_a_number_that_is_none)
{
    clmix_train_options options = train_small_options();

    options.rate = 1e30f;
    options.warmup = 0;
    options.schedule = CLMIX_SCHEDULE_CONSTANT;
    ck_assert_int_eq(train_for(TRAIN_MODEL("0"), TRAIN_DATA, &options, train_folders[0], false, 0), CLMIX_ERROR_NOT_FINITE);
    ck_assert_msg(strstr(clmix_error(), "step 2") != NULL, "%s", clmix_error());
}
END_TEST

/* ---- memory ----------------------------------------------------------------------------------------------------------------------- */

/* The bytes told before are the bytes taken, a whole run long. A device of its own, whose peak no other test has raised. */
START_TEST(memory_is_known_to_the_byte)
{
    const clmix_train_options options = _i == 0 ? train_small_options() : train_rich_options();
    clmix_device *shared = ops_device;
    size_t current, peak, allocations, before, planned, from_config;
    clmix_config *config = NULL;
    struct train_run run;

    ops_ok(clmix_device_open(&ops_device, NULL));
    clmix_device_memory(ops_device, &before, &peak, &allocations);
    train_open(&run, TRAIN_MODEL("0.3"), TRAIN_DATA, &options);
    clmix_trainer_cost(run.trainer, NULL, &planned);
    ops_ok(clmix_train(run.trainer, train_folders[_i], false, NULL));
    clmix_device_memory(ops_device, &current, &peak, &allocations);
    ck_assert_uint_eq(peak, before + planned);
    ck_assert_uint_eq(current, before + planned);
    ops_ok(clmix_config_open(&config, TRAIN_MODEL("0.3")));
    ops_ok(clmix_train_cost(ops_device, config, 72, 40, &options, NULL, &from_config));
    ck_assert_uint_eq(from_config, planned);
    clmix_config_free(config);
    train_close(&run);
    clmix_device_memory(ops_device, &current, &peak, &allocations);
    ck_assert_uint_eq(current, before);
    clmix_device_close(ops_device);
    ops_device = shared;
}
END_TEST

int main(void)
{
    TCase *results = tcase_create("results"), *resuming = tcase_create("resuming"), *failures = tcase_create("failures"),
          *memory = tcase_create("memory");
    TCase *all[] = { results, resuming, failures, memory };

    for (int i = 0; i < 4; i++) {
        tcase_add_unchecked_fixture(all[i], ops_open, ops_close);
        tcase_add_checked_fixture(all[i], train_make_folders, train_remove_folders);
    }
    tcase_add_test(results, loss_falls_and_test_pictures_are_recognised);
    tcase_add_test(results, scores_do_not_depend_on_the_batch);
    tcase_add_test(resuming, two_runs_give_the_same_bits);
    tcase_add_test(resuming, resumed_runs_end_with_the_same_bits);
    tcase_add_test(resuming, a_run_says_what_it_is);
    tcase_add_test(resuming, two_trainers_do_not_share_a_folder);
    tcase_add_test(resuming, another_runs_checkpoint_is_refused);
    tcase_add_test(failures, damaged_checkpoints_are_refused_and_change_nothing);
    tcase_add_test(failures, checkpoints_with_another_bit_are_refused);
    tcase_add_test(failures, checkpoints_without_a_checksum_still_load);
    tcase_add_test(failures, full_disk_keeps_the_old_checkpoint);
    tcase_add_test(failures, the_loop_stops_at_a_number_that_is_none);
    tcase_add_loop_test(memory, memory_is_known_to_the_byte, 0, 2);
    return train_main("loop", all, 4);
}
