/* What of training needs no device: learning rates, options and state as JSON, the log and the curves. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"
#include "train/run.h"

/* ---- learning rates --------------------------------------------------------------------------------------------------------------- */

static clmix_train_options rates(clmix_schedule_kind schedule, size_t warmup)
{
    clmix_train_options options = clmix_train_defaults();

    options.schedule = schedule;
    options.warmup = warmup;
    options.rate = 0.5f;
    return options;
}

START_TEST(warm_up_is_linear_and_reaches_the_peak)
{
    const clmix_train_options options = rates((clmix_schedule_kind)_i, 100);

    for (size_t step = 0; step < 100; step++)
        ck_assert_double_eq_tol((double)clmix_schedule_rate(&options, step, 1000), 0.5 * (double)(step + 1) / 100.0, 1e-7);
    ck_assert_float_eq(clmix_schedule_rate(&options, 99, 1000), 0.5f);
    ck_assert_float_eq(clmix_schedule_rate(&options, 100, 1000), 0.5f);
}
END_TEST

START_TEST(schedules_have_their_shapes)
{
    const clmix_train_options cosine = rates(CLMIX_SCHEDULE_COSINE, 100), linear = rates(CLMIX_SCHEDULE_LINEAR, 100),
                              constant = rates(CLMIX_SCHEDULE_CONSTANT, 100);

    for (size_t step = 100; step < 1000; step++) {
        const double progress = (double)(step - 100) / 900.0;

        ck_assert_double_eq_tol((double)clmix_schedule_rate(&cosine, step, 1000), 0.25 * (1.0 + cos(3.14159265358979323846 * progress)),
                                1e-7);
        ck_assert_double_eq_tol((double)clmix_schedule_rate(&linear, step, 1000), 0.5 * (1.0 - progress), 1e-7);
        ck_assert_float_eq(clmix_schedule_rate(&constant, step, 1000), 0.5f);
    }
    ck_assert_double_eq_tol((double)clmix_schedule_rate(&cosine, 5000, 1000), 0.0, 1e-9);
    ck_assert_double_eq_tol((double)clmix_schedule_rate(&linear, 5000, 1000), 0.0, 1e-9);
    ck_assert_float_eq(clmix_schedule_rate(&constant, 5000, 1000), 0.5f);
}
END_TEST

START_TEST(short_runs_warm_up_for_a_quarter_at_most)
{
    const clmix_train_options options = rates(CLMIX_SCHEDULE_COSINE, 100);

    ck_assert_float_eq(clmix_schedule_rate(&options, 9, 40), 0.5f);
    ck_assert_float_eq(clmix_schedule_rate(&options, 0, 1), 0.5f);
    ck_assert_float_eq(clmix_schedule_rate(&options, 1000, 0), 0.5f); /* no end in sight */
    ck_assert_double_eq_tol((double)clmix_schedule_rate(&options, 0, 0), 0.005, 1e-8);
}
END_TEST

/* What PyTorch's OneCycleLR and DCT-Former's scheduler give. */
START_TEST(schedules_of_the_papers)
{
    static const struct {
        clmix_schedule_kind kind;
        size_t total, warmup;
        float peak;
        size_t step;
        double rate, beta1; /* beta1 0: not given */
    } rows[] = {
        { CLMIX_SCHEDULE_ONE_CYCLE, 5000, 1000, 1e-4f, 0, 4.000000e-6, 0.95 },
        { CLMIX_SCHEDULE_ONE_CYCLE, 5000, 1000, 1e-4f, 1, 4.096096e-6, 0.94990 },
        { CLMIX_SCHEDULE_ONE_CYCLE, 5000, 1000, 1e-4f, 500, 5.204805e-5, 0.89995 },
        { CLMIX_SCHEDULE_ONE_CYCLE, 5000, 1000, 1e-4f, 999, 1e-4, 0.85 },
        { CLMIX_SCHEDULE_ONE_CYCLE, 5000, 1000, 1e-4f, 1000, 9.997500e-5, 0.85003 },
        { CLMIX_SCHEDULE_ONE_CYCLE, 5000, 1000, 1e-4f, 2500, 6.247515e-5, 0.88753 },
        { CLMIX_SCHEDULE_ONE_CYCLE, 5000, 1000, 1e-4f, 4998, 2.539990e-8, 0.0 },
        { CLMIX_SCHEDULE_ONE_CYCLE, 5000, 1000, 1e-4f, 4999, 4e-10, 0.95 },
        { CLMIX_SCHEDULE_ONE_CYCLE_COSINE, 1000, 100, 5e-4f, 0, 2.000000e-5, 0.95 },
        { CLMIX_SCHEDULE_ONE_CYCLE_COSINE, 1000, 100, 5e-4f, 1, 2.012083e-5, 0.0 },
        { CLMIX_SCHEDULE_ONE_CYCLE_COSINE, 1000, 100, 5e-4f, 50, 2.638078e-4, 0.89921 },
        { CLMIX_SCHEDULE_ONE_CYCLE_COSINE, 1000, 100, 5e-4f, 99, 5e-4, 0.85 },
        { CLMIX_SCHEDULE_ONE_CYCLE_COSINE, 1000, 100, 5e-4f, 100, 4.999985e-4, 0.0 },
        { CLMIX_SCHEDULE_ONE_CYCLE_COSINE, 1000, 100, 5e-4f, 500, 2.925532e-4, 0.89149 },
        { CLMIX_SCHEDULE_ONE_CYCLE_COSINE, 1000, 100, 5e-4f, 998, 3.523079e-9, 0.0 },
        { CLMIX_SCHEDULE_ONE_CYCLE_COSINE, 1000, 100, 5e-4f, 999, 2e-9, 0.95 },
        { CLMIX_SCHEDULE_TRIANGLE, 1000, 60, 1e-3f, 0, 0.0, 0.9 },
        { CLMIX_SCHEDULE_TRIANGLE, 1000, 60, 1e-3f, 1, 1.666667e-5, 0.9 },
        { CLMIX_SCHEDULE_TRIANGLE, 1000, 60, 1e-3f, 59, 9.833333e-4, 0.9 },
        { CLMIX_SCHEDULE_TRIANGLE, 1000, 60, 1e-3f, 60, 1e-3, 0.9 },
        { CLMIX_SCHEDULE_TRIANGLE, 1000, 60, 1e-3f, 61, 9.989362e-4, 0.9 },
        { CLMIX_SCHEDULE_TRIANGLE, 1000, 60, 1e-3f, 500, 5.319149e-4, 0.9 },
        { CLMIX_SCHEDULE_TRIANGLE, 1000, 60, 1e-3f, 999, 1.063830e-6, 0.9 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clmix_train_options options = rates(rows[i].kind, rows[i].warmup);

        options.rate = rows[i].peak;
        ck_assert_double_eq_tol((double)clmix_schedule_rate(&options, rows[i].step, rows[i].total), rows[i].rate,
                                1e-6 * rows[i].rate + 1e-14);
        if (rows[i].beta1 > 0.0)
            ck_assert_double_eq_tol((double)clmix_schedule_beta1(&options, rows[i].step, rows[i].total), rows[i].beta1, 5.1e-6);
    }
}
END_TEST

/* Where no end is known the peak stays; behind the end the last rate. */
START_TEST(cycles_without_an_end)
{
    const clmix_train_options cycle = rates(CLMIX_SCHEDULE_ONE_CYCLE, 10), triangle = rates(CLMIX_SCHEDULE_TRIANGLE, 10),
                              at_once = rates(CLMIX_SCHEDULE_ONE_CYCLE, 1);

    ck_assert_double_eq_tol((double)clmix_schedule_rate(&cycle, 0, 0), 0.02, 1e-8);
    ck_assert_float_eq(clmix_schedule_rate(&cycle, 9, 0), 0.5f);
    ck_assert_float_eq(clmix_schedule_rate(&cycle, 5000, 0), 0.5f);
    ck_assert_double_eq_tol((double)clmix_schedule_rate(&cycle, 5000, 100), 2e-6, 1e-12);
    ck_assert_float_eq(clmix_schedule_rate(&triangle, 5000, 0), 0.5f);
    ck_assert_float_eq(clmix_schedule_rate(&triangle, 5000, 100), 0.0f);
    ck_assert_float_eq(clmix_schedule_rate(&at_once, 0, 50), 0.5f);
}
END_TEST

/* ---- JSON ------------------------------------------------------------------------------------------------------------------------- */

static clmix_train_options unusual(void)
{
    clmix_train_options options = clmix_train_defaults();

    options.seed = UINT64_MAX;
    options.optimizer = CLMIX_SGD;
    options.schedule = CLMIX_SCHEDULE_LINEAR;
    options.rate = 0.1f;
    options.epsilon = 1.17549435e-38f;
    options.nesterov = true;
    options.dropout = 1.0f / 3.0f;
    options.augment = (clmix_augment){ .crop_padding = 3, .flip = false, .cutout = 8, .mixup = 0.2f };
    options.steps = 12345;
    options.lengths = CLMIX_LENGTHS_FEW;
    options.batch_tokens = 4096;
    strcpy(options.no_decay, "*bias*,*norm*");
    return options;
}

START_TEST(options_survive_json)
{
    const clmix_train_options before = unusual();
    clmix_train_options after;
    cJSON *json = cJSON_CreateObject(), *again;
    char *text;

    ops_ok(clmix_options_write(&before, json));
    text = cJSON_PrintUnformatted(json);
    again = cJSON_Parse(text);
    ops_ok(clmix_options_read(again, "here", &after));
    ops_ok(clmix_options_agree(&before, &after));
    ck_assert(after.seed == UINT64_MAX && after.nesterov && !after.augment.flip && after.augment.cutout == 8 && after.steps == 12345);
    ck_assert_float_eq(after.dropout, 1.0f / 3.0f);
    ck_assert(after.lengths == CLMIX_LENGTHS_FEW && after.batch_tokens == 4096);
    ck_assert_str_eq(after.no_decay, "*bias*,*norm*");
    cJSON_ReplaceItemInObject(again, "optimizer", cJSON_CreateString("lion"));
    ck_assert_int_eq(clmix_options_read(again, "here", &after), CLMIX_ERROR_FORMAT);
    ck_assert_msg(strstr(clmix_error(), "optimizer") != NULL && strstr(clmix_error(), "lion") != NULL, "%s", clmix_error());
    cJSON_DeleteItemFromObject(again, "optimizer");
    ck_assert_int_eq(clmix_options_read(again, "here", &after), CLMIX_ERROR_FORMAT);
    free(text);
    cJSON_Delete(json);
    cJSON_Delete(again);
}
END_TEST

START_TEST(differing_options_are_named_with_both_values)
{
    const clmix_train_options stored = clmix_train_defaults();
    clmix_train_options asked = stored, constant;

    asked.batch = 48;
    ck_assert_int_eq(clmix_options_agree(&stored, &asked), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "batch 64") != NULL && strstr(clmix_error(), "48") != NULL, "%s", clmix_error());
    asked = stored;
    asked.augment.mixup = 0.1f;
    ck_assert_int_eq(clmix_options_agree(&stored, &asked), CLMIX_ERROR_ARGUMENT);
    asked = stored;
    asked.schedule = CLMIX_SCHEDULE_ONE_CYCLE_COSINE;
    ck_assert_int_eq(clmix_options_agree(&stored, &asked), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "schedule cosine") != NULL && strstr(clmix_error(), "onecycle-cosine") != NULL, "%s",
                  clmix_error());
    asked = stored;
    asked.lengths = CLMIX_LENGTHS_FEW;
    ck_assert_int_eq(clmix_options_agree(&stored, &asked), CLMIX_ERROR_ARGUMENT);
    asked = stored;
    asked.checkpoint_steps = 7;
    ops_ok(clmix_options_agree(&stored, &asked));
    asked = stored;
    asked.epochs = 20;
    ck_assert_int_eq(clmix_options_agree(&stored, &asked), CLMIX_ERROR_ARGUMENT);
    constant = stored;
    constant.schedule = CLMIX_SCHEDULE_CONSTANT;
    asked = constant;
    asked.epochs = 20;
    ops_ok(clmix_options_agree(&constant, &asked));
}
END_TEST

static clmix_epoch line_of(size_t epoch)
{
    const bool untested = epoch == 2;

    return (clmix_epoch){ .epoch = epoch,
                          .step = 10 * epoch,
                          .train_loss = 2.0 / (double)epoch,
                          .train_metric = 1.0 / 3.0,
                          .test_loss = untested ? (double)NAN : 1.0 / (double)epoch,
                          .metric_count = 2,
                          .metrics = { { "top1", "top-1", untested ? (double)NAN : 0.1 * (double)epoch },
                                       { "top5", "top-5", untested ? (double)NAN : 0.7 } },
                          .images_per_second = 1040.123,
                          .seconds = 12.5 * (double)epoch,
                          .peak_device_bytes = 97000000,
                          .best = epoch == 3 };
}

static struct clmix_run begun_run(size_t epochs)
{
    struct clmix_run run = { .epoch = epochs,
                             .batch = 3,
                             .counted = 192,
                             .metric_sum = 77,
                             .loss_sum = 1.0 / 7.0,
                             .timed_seconds = 0.1,
                             .timed_pictures = 128,
                             .seconds = 1e-3,
                             .best_epoch = 3,
                             .best = 0.3 };

    run.history = calloc(epochs + 1, sizeof *run.history);
    for (size_t i = 0; i < epochs; i++)
        run.history[i] = line_of(i + 1);
    run.history_count = run.history_capacity = epochs;
    return run;
}

START_TEST(state_survives_json_exactly)
{
    struct clmix_run before = begun_run(3), after = { 0 };
    const clmix_trainer trainer = { .step = 30, .draws = 61, .train_count = 640, .test_count = 10 };
    uint64_t step, draws;
    cJSON *json = cJSON_CreateObject(), *again;
    char *text;

    ops_ok(clmix_run_write(&trainer, &before, json));
    text = cJSON_PrintUnformatted(json);
    again = cJSON_Parse(text);
    ops_ok(clmix_run_read(again, "here", &clmix_task_classification, &after, &step, &draws));
    ck_assert(step == 30 && draws == 61 && after.epoch == 3 && after.batch == 3 && after.counted == 192 && after.metric_sum == 77 &&
              after.timed_pictures == 128);
    ck_assert(after.loss_sum == before.loss_sum && after.timed_seconds == before.timed_seconds && after.seconds == before.seconds &&
              after.best == before.best);
    ck_assert_uint_eq(after.history_count, 3);
    ck_assert(after.history[0].train_metric == before.history[0].train_metric &&
              after.history[2].metrics[0].value == before.history[2].metrics[0].value && isnan(after.history[1].test_loss) &&
              after.history[2].best && !after.history[0].best);
    clmix_run_clear(&after);
    cJSON_ReplaceItemInObject(again, "step", cJSON_CreateNumber(-1));
    ck_assert_int_eq(clmix_run_read(again, "here", &clmix_task_classification, &after, &step, &draws), CLMIX_ERROR_FORMAT);
    clmix_run_clear(&after);
    clmix_run_clear(&before);
    free(text);
    cJSON_Delete(json);
    cJSON_Delete(again);
}
END_TEST

/* ---- the log and the curves ------------------------------------------------------------------------------------------------------- */

static char *read_text(const char *path)
{
    void *text;
    size_t bytes;

    ops_ok(clmix_file_read(path, 1 << 20, &text, &bytes));
    return text;
}

START_TEST(log_has_the_documented_keys)
{
    static const char *const keys[] = { "epoch",     "step",      "train_loss",        "train_top1", "test_loss",
                                        "test_top1", "test_top5", "images_per_second", "seconds",    "peak_device_bytes",
                                        "skipped" };
    const clmix_epoch epoch = line_of(1), empty = line_of(2);
    char *line;
    cJSON *json;

    ops_ok(clmix_epoch_line(&epoch, &line));
    ck_assert_ptr_null(strchr(line, '\n'));
    json = cJSON_Parse(line);
    ck_assert_int_eq(cJSON_GetArraySize(json), 11);
    for (int i = 0; i < 11; i++)
        ck_assert_str_eq(cJSON_GetArrayItem(json, i)->string, keys[i]);
    ck_assert(cJSON_GetObjectItem(json, "train_top1")->valuedouble == 1.0 / 3.0);
    cJSON_Delete(json);
    clmix_free(line);
    ops_ok(clmix_epoch_line(&empty, &line));
    json = cJSON_Parse(line);
    ck_assert(cJSON_IsNull(cJSON_GetObjectItem(json, "test_loss")));
    cJSON_Delete(json);
    clmix_free(line);
}
END_TEST

START_TEST(log_is_rewritten_from_the_history)
{
    const char *folder = make_folder();
    struct clmix_run run = begun_run(2);
    const clmix_epoch third = line_of(3);
    char *path = clmix_path_join(folder, "log.jsonl"), *text, *line;

    ops_ok(clmix_file_write(path, "what a lost session wrote\n", 26));
    ops_ok(clmix_log_start(&run, path));
    ops_ok(clmix_log_append(&third, path));
    text = read_text(path);
    line = text;
    for (size_t i = 1; i <= 3; i++) {
        cJSON *json = cJSON_ParseWithOpts(line, (const char **)&line, 0);

        ck_assert_int_eq(cJSON_GetObjectItem(json, "epoch")->valueint, (int)i);
        ck_assert_int_eq(*line++, '\n');
        cJSON_Delete(json);
    }
    ck_assert_int_eq(*line, '\0');
    free(text);
    free(path);
    clmix_run_clear(&run);
    remove_folder(folder);
}
END_TEST

START_TEST(curves_are_a_whole_svg)
{
    static const size_t epochs[] = { 1, 2, 3, 12, 300 };
    const char *folder = make_folder();
    char *path = clmix_path_join(folder, "curves.svg"), *text;
    struct clmix_run run = begun_run(epochs[_i]);

    run.history[0].train_loss = _i == 2 ? 1e30 : 3.0; /* a run that went astray has curves, too */
    ops_ok(clmix_curves_write(&run, "<wave & mix>", path));
    text = read_text(path);
    ck_assert_msg(strncmp(text, "<svg ", 5) == 0 && strcmp(text + strlen(text) - 7, "</svg>\n") == 0, "%s", text);
    ck_assert_msg(strstr(text, "wave  mix") != NULL && strstr(text, "nan") == NULL && strstr(text, "inf") == NULL, "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "Accuracy"));
    free(text);
    free(path);
    clmix_run_clear(&run);
    remove_folder(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *tests = tcase_create("host");

    tcase_add_loop_test(tests, warm_up_is_linear_and_reaches_the_peak, CLMIX_SCHEDULE_CONSTANT, CLMIX_SCHEDULE_LINEAR + 1);
    tcase_add_test(tests, schedules_have_their_shapes);
    tcase_add_test(tests, short_runs_warm_up_for_a_quarter_at_most);
    tcase_add_test(tests, schedules_of_the_papers);
    tcase_add_test(tests, cycles_without_an_end);
    tcase_add_test(tests, options_survive_json);
    tcase_add_test(tests, differing_options_are_named_with_both_values);
    tcase_add_test(tests, state_survives_json_exactly);
    tcase_add_test(tests, log_has_the_documented_keys);
    tcase_add_test(tests, log_is_rewritten_from_the_history);
    tcase_add_loop_test(tests, curves_are_a_whole_svg, 0, 5);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
