/* Training on sequences: a tiny BERT learns to guess masked tokens, MRA's encoder to tell classes and two classes by one logit; resumed runs; what is unused
 * stays as it was; targets that are refused. */
#include <check.h>
#include <clmix/ops.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support_ops.h"
#include "support_train.h"

enum { LENGTH = 13, TRAIN = 72, TEST = 40, FIRST = 4, KINDS = 8, MASK = 3, PAD = 0, VOCABULARY = FIRST + KINDS };

#define SIZES              "\"vocab\":12,\"max_len\":13,\"dim\":16,\"depth\":1,\"heads\":2,\"mlp_dim\":24"
#define BERT               "{\"model\":\"bert\"," SIZES ",\"head\":\"mlm\",\"dropout\":0.05,\"attention_dropout\":0.05}"
#define LRA(classes, more) "{\"model\":\"lra\"," SIZES ",\"pool\":\"mean\",\"classes\":" classes more "}"

static struct {
    int32_t tokens[2][TRAIN][LENGTH], mask[2][TRAIN][LENGTH], guesses[2][TRAIN][LENGTH], labels[2][TRAIN];
} world;

static const size_t counts[2] = { TRAIN, TEST };
static const clmix_port ports[] = { { CLMIX_TOKENS, CLMIX_I32, 1, { LENGTH } },
                                    { CLMIX_TOKEN_MASK, CLMIX_I32, 1, { LENGTH } },
                                    { CLMIX_TOKEN_LABELS, CLMIX_I32, 1, { LENGTH } },
                                    { .name = CLMIX_LABELS, .type = CLMIX_I32 } };

/* A sample is one of a few ids, again and again; of 9 to 13 tokens two at most are masked. Classes are runs of ids. */
static void make_world(int classes)
{
    for (int split = 0; split < 2; split++)
        for (size_t i = 0; i < counts[split]; i++) {
            const size_t kind = (i * 5 + (size_t)split * 3) % KINDS, length = 9 + i % 5, first = i % length, second = (i * 7 + 3) % length;

            world.labels[split][i] = (int32_t)(kind * (size_t)classes / KINDS);
            for (size_t n = 0; n < LENGTH; n++) {
                const int32_t id = (int32_t)(FIRST + kind);
                const bool there = n < length, masked = classes == 0 && there && (n == first || n == second);

                world.tokens[split][i][n] = masked ? MASK : there ? id : PAD;
                world.mask[split][i][n] = there;
                world.guesses[split][i][n] = masked ? id : CLMIX_NO_LABEL;
            }
        }
}

/* For `classes` of 0 a set of masked language. */
static clmix_dataset *open_world(int classes)
{
    const clmix_samples samples = { .ports = ports, .port_count = classes == 0 ? 3 : 4, .count = { TRAIN, TEST }, .classes = classes };
    clmix_dataset *data = NULL;

    make_world(classes);
    ops_ok(clmix_dataset_from_arrays(&data, &samples, (const void *[]){ world.tokens[0], world.mask[0], world.guesses[0], world.labels[0] },
                                     (const void *[]){ world.tokens[1], world.mask[1], world.guesses[1], world.labels[1] }));
    return data;
}

static clmix_train_options options_of(size_t epochs)
{
    clmix_train_options options = train_small_options();

    options.epochs = epochs;
    options.rate = 0.02f;
    options.optimizer = CLMIX_ADAMW;
    options.weight_decay = 0.01f;
    options.augment = (clmix_augment){ 0 };
    return options;
}

static void open_run(struct train_run *run, const char *model, clmix_dataset *data, const clmix_train_options *options)
{
    train_open(run, model, NULL, options);
    clmix_trainer_free(run->trainer);
    ops_ok(clmix_trainer_create(&run->trainer, run->network, data, options));
}

static bool count_down(void *user, size_t epoch, size_t batch, size_t batches, double loss, double metric, double speed)
{
    (void)epoch, (void)batch, (void)batches, (void)loss, (void)metric, (void)speed;
    return --*(size_t *)user > 0;
}

/* At most `left` batches. */
static clmix_status train(const char *model, clmix_dataset *data, size_t epochs, const char *folder, bool resume, size_t left,
                          clmix_score *score)
{
    const clmix_train_options options = options_of(epochs);
    const clmix_train_events events = { .step = count_down, .user = &left };
    struct train_run run;
    clmix_status status;

    open_run(&run, model, data, &options);
    status = clmix_train(run.trainer, folder, resume, &events);
    if (status == CLMIX_OK)
        ops_ok(clmix_evaluate(run.network, data, CLMIX_TEST, 16, score));
    train_close(&run);
    return status;
}

/* ---- learning ---------------------------------------------------------------------------------------------------------------------------- */

/* How many nats a label has that is drawn as often as it occurs among those of the test samples. */
static double entropy_of_guesses(void)
{
    const int32_t *labels = &world.guesses[1][0][0];
    double sum = 0.0;
    size_t total = 0;

    for (size_t i = 0; i < (size_t)TEST * LENGTH; i++) {
        size_t same = 0;

        for (size_t k = 0; k < (size_t)TEST * LENGTH; k++)
            same += labels[k] == labels[i];
        if (labels[i] != CLMIX_NO_LABEL) {
            sum -= log((double)same);
            total++;
        }
    }
    return sum / (double)total + log((double)total);
}

/* 40 samples in batches of 16: the last one is filled up, and that counts for nothing. */
START_TEST(masked_tokens_are_guessed)
{
    clmix_dataset *data = open_world(0);
    size_t labelled = 0;
    clmix_score score;

    for (size_t i = 0; i < (size_t)TEST * LENGTH; i++)
        labelled += (&world.guesses[1][0][0])[i] != CLMIX_NO_LABEL;
    ops_ok(train(BERT, data, 24, train_folders[0], false, SIZE_MAX, &score));
    ck_assert_uint_eq(score.count, labelled);
    ck_assert_uint_eq(score.metric_count, 1);
    ck_assert_double_eq_tol(score.guess_loss, entropy_of_guesses(), 1e-9);
    ck_assert_str_eq(score.metrics[0].name, "accuracy");
    ck_assert_msg(score.loss < 1.0 && score.metrics[0].value > 0.6, "loss %g, accuracy %g", score.loss, score.metrics[0].value);
    ck_assert_int_eq(train(BERT, data, 24, train_folders[1], false, 47, &score), CLMIX_ERROR_INTERRUPTED);
    ops_ok(train(BERT, data, 24, train_folders[1], true, SIZE_MAX, &score));
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
    clmix_dataset_close(data);
}
END_TEST

static const struct {
    const char *model;
    int classes;
    const char *metric;
} kinds[] = {
    { LRA("3", ",\"dropout\":0.1"), 3, "top1" },
    { LRA("3", ",\"shared\":true,\"mixer\":{\"kind\":\"kerformer\"}"), 3, "top1" },
    { LRA("1", ",\"mixer\":{\"kind\":\"linear_elu\"}"), 2, "accuracy" },
};

START_TEST(classes_are_told_apart)
{
    clmix_dataset *data = open_world(kinds[_i].classes);
    clmix_score score;

    ops_ok(train(kinds[_i].model, data, 24, train_folders[0], false, SIZE_MAX, &score));
    ck_assert_uint_eq(score.count, TEST);
    ck_assert_str_eq(score.metrics[0].name, kinds[_i].metric);
    ck_assert_msg(score.metrics[0].value > 0.8, "loss %g, %s %g", score.loss, score.metrics[0].name, score.metrics[0].value);
    clmix_dataset_close(data);
}
END_TEST

/* ---- losses and metrics by hand ------------------------------------------------------------------------------------------------------------ */

/* What a task makes of logits (rows, columns) and a label a row. */
static void run_task(const struct clmix_task *task, const char *model, const float *logits, size_t rows, size_t columns,
                     const int32_t *labels, float results[3])
{
    clmix_graph *graph = clmix_graph_new();
    struct clmix_task_settings settings = { .mode = CLMIX_TRAINING };
    clmix_config *config = NULL;
    const clmix_value output = ops_input(graph, "logits", ops_shape2(rows, columns)),
                      target = clmix_input(graph, "labels", CLMIX_I32, 1, &rows);
    struct clmix_task_results made;
    clmix_plan *plan;

    ops_ok(clmix_config_open(&config, model));
    ck_assert_ptr_eq(clmix_task_of(config), task);
    settings.config = config;
    made = task->build(&settings, output, &target);
    clmix_output(graph, "loss", made.loss);
    clmix_output(graph, "counted", made.counted);
    clmix_output(graph, "metrics", made.metrics);
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_write(plan, "logits", logits, rows * columns);
    ops_ok(clmix_plan_write(plan, "labels", labels, rows * sizeof *labels));
    ops_ok(clmix_plan_run(plan));
    ops_ok(clmix_plan_read(plan, "loss", &results[0], sizeof(float)));
    ops_ok(clmix_plan_read(plan, "counted", &results[1], sizeof(float)));
    ops_ok(clmix_plan_read(plan, "metrics", &results[2], sizeof(float)));
    clmix_plan_free(plan);
    clmix_config_free(config);
}

/* -log s(z) of label 1, -log s(-z) of label 0; correct where z is on the label's side. */
START_TEST(one_logit_by_hand)
{
    static const float logits[] = { 1.5f, -0.5f, -0.25f, 3.0f, -0.75f };
    static const int32_t labels[] = { 1, 1, 0, CLMIX_NO_LABEL, 0 };
    double loss = 0.0;
    float results[3];

    for (int i = 0; i < 5; i++)
        loss += labels[i] == CLMIX_NO_LABEL ? 0.0 : log1p(exp(labels[i] == 1 ? -(double)logits[i] : (double)logits[i])) / 4.0;
    run_task(&clmix_task_binary, LRA("1", ""), logits, 5, 1, labels, results);
    ck_assert_double_eq_tol((double)results[0], loss, 1e-6);
    ck_assert(results[1] == 4.0f && results[2] == 3.0f);
}
END_TEST

START_TEST(guesses_by_hand)
{
    static const float logits[] = { 1.0f, 2.0f, 0.0f, 4.0f, 0.5f, 0.5f, 0.0f, 0.0f, 3.0f, 9.0f, 9.0f, 9.0f };
    static const int32_t labels[] = { 1, 2, 2, CLMIX_NO_LABEL };
    double loss = 0.0;
    float results[3];

    for (int i = 0; i < 3; i++) {
        double sum = 0.0;

        for (int k = 0; k < 3; k++)
            sum += exp((double)(logits[3 * i + k] - logits[3 * i + labels[i]]));
        loss += log(sum) / 3.0;
    }
    run_task(&clmix_task_masked_language, BERT, logits, 4, 3, labels, results);
    ck_assert_double_eq_tol((double)results[0], loss, 1e-6);
    ck_assert(results[1] == 3.0f && results[2] == 2.0f);
}
END_TEST

/* ---- what is unused ------------------------------------------------------------------------------------------------------------------------ */

static float *values_of(clmix_network *network, const char *name, size_t *count)
{
    float *values = NULL;

    for (size_t i = 0; values == NULL && i < clmix_network_tensor_count(network); i++) {
        clmix_tensor_info info;

        ops_ok(clmix_network_tensor(network, i, &info));
        if (strcmp(info.name, name) != 0)
            continue;
        *count = clmix_shape_count(info.file_shape);
        values = malloc(*count * sizeof *values);
        ck_assert_ptr_nonnull(values);
        ops_ok(clmix_network_read(network, name, values, *count));
    }
    ck_assert_msg(values != NULL, "no '%s'", name);
    return values;
}

/* No decay, no step: to the bit. The tied matrix is one tensor, and the table of segments serves as positions. */
START_TEST(unused_weights_stay_as_they_were)
{
    static const struct {
        const char *name;
        bool used;
    } tensors[] = { { "backbone.embedding_layer.position_embeddings.weight", false },
                    { "backbone.dense.weight", false },
                    { "backbone.dense.bias", false },
                    { "mlm_head.bias", false },
                    { "backbone.embedding_layer.token_type_embeddings.weight", true },
                    { "backbone.embedding_layer.word_embeddings.weight", true } };
    const clmix_train_options options = options_of(1);
    float *before[sizeof tensors / sizeof *tensors];
    clmix_dataset *data = open_world(0);
    struct train_run run;
    size_t count;

    open_run(&run, BERT, data, &options);
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        before[i] = values_of(run.network, tensors[i].name, &count);
    for (int i = 0; i < 3; i++)
        ops_ok(clmix_trainer_step_arrays(run.trainer, 16, (const void *[]){ world.tokens[0], world.mask[0], world.guesses[0] }, NULL));
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        float *after = values_of(run.network, tensors[i].name, &count);

        ck_assert_msg((memcmp(before[i], after, count * sizeof *after) != 0) == tensors[i].used, "%s", tensors[i].name);
        free(after);
        free(before[i]);
    }
    train_close(&run);
    clmix_dataset_close(data);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------------ */

static void refuse_step(const struct train_run *run, const char *sentence)
{
    ck_assert_int_eq(clmix_trainer_step_arrays(run->trainer, 16, (const void *[]){ world.tokens[0], world.mask[0], world.guesses[0] },
                                               NULL),
                     CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), sentence) != NULL, "'%s' instead of '%s'", clmix_error(), sentence);
}

/* Of 13 tokens two may be labelled. */
START_TEST(labels_that_cannot_be)
{
    const clmix_train_options options = options_of(1);
    clmix_dataset *data = open_world(0);
    struct train_run run;

    open_run(&run, BERT, data, &options);
    for (int n = 0; n < LENGTH; n++)
        world.guesses[0][2][n] = n < 3 ? FIRST : CLMIX_NO_LABEL;
    refuse_step(&run, "sample 2 of the batch has 3 labelled tokens, and of 13 tokens 2 may be labelled");
    world.guesses[0][2][0] = VOCABULARY;
    world.guesses[0][2][1] = CLMIX_NO_LABEL;
    refuse_step(&run, "label 12 (number 26 of the batch) is none of the model's 12 ids, which are 0 to 11; -100 leaves a token out");
    for (size_t i = 0; i < (size_t)16 * LENGTH; i++)
        (&world.guesses[0][0][0])[i] = CLMIX_NO_LABEL;
    refuse_step(&run, "all 208 labels of the batch are -100, which counts for nothing");
    train_close(&run);
    clmix_dataset_close(data);
}
END_TEST

static void refuse_run(struct train_run *run, clmix_dataset *data, const char *sentence)
{
    clmix_score score;

    ck_assert_int_eq(clmix_train(run->trainer, train_folders[0], false, NULL), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), sentence) != NULL, "'%s' instead of '%s'", clmix_error(), sentence);
    ck_assert_int_eq(clmix_evaluate(run->network, data, CLMIX_TRAIN, 16, &score), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), sentence) != NULL, "'%s' instead of '%s'", clmix_error(), sentence);
}

/* Nor do they come to a device by way of a set, in training or in an evaluation; a batch of which nothing counts may be among others. */
START_TEST(labels_of_a_set_that_cannot_be)
{
    clmix_train_options options = options_of(1);
    clmix_dataset *data = open_world(0);
    struct train_run run;

    options.batch = 16;
    open_run(&run, BERT, data, &options);
    for (size_t i = 0; i < (size_t)(TRAIN - 4) * LENGTH; i++)
        (&world.guesses[0][0][0])[i] = CLMIX_NO_LABEL;
    ops_ok(clmix_train(run.trainer, train_folders[0], false, NULL));
    world.guesses[0][2][4] = VOCABULARY;
    refuse_run(&run, data, "label 12 (number ");
    for (int n = 0; n < LENGTH; n++)
        world.guesses[0][2][n] = n < 3 ? FIRST : CLMIX_NO_LABEL;
    refuse_run(&run, data, "has 3 labelled tokens, and of 13 tokens 2 may be labelled");
    train_close(&run);
    clmix_dataset_close(data);
}
END_TEST

int main(void)
{
    TCase *learning = tcase_create("learning"), *steps = tcase_create("steps");

    tcase_add_unchecked_fixture(learning, ops_open, ops_close);
    tcase_add_checked_fixture(learning, train_make_folders, train_remove_folders);
    tcase_add_test(learning, masked_tokens_are_guessed);
    tcase_add_loop_test(learning, classes_are_told_apart, 0, (int)(sizeof kinds / sizeof *kinds));
    tcase_add_unchecked_fixture(steps, ops_open, ops_close);
    tcase_add_test(steps, one_logit_by_hand);
    tcase_add_test(steps, guesses_by_hand);
    tcase_add_test(steps, unused_weights_stay_as_they_were);
    tcase_add_test(steps, labels_that_cannot_be);
    tcase_add_test(learning, labels_of_a_set_that_cannot_be);
    return train_main("language", (TCase *const[]){ learning, steps }, 2);
}
