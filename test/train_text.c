/* Training on text: batches of few lengths, their plans and memory, runs that are resumed, and what is refused before anything runs. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "network/config.h"
#include "support_data.h"
#include "support_ops.h"
#include "support_tool.h"
#include "support_train.h"

#define BERT(head)                                                                                                                        \
    "{\"model\":\"bert\",\"vocab\":32,\"max_len\":64,\"dim\":16,\"depth\":1,\"heads\":2,\"mlp_dim\":16,\"mixer\":{\"kind\":\"softmax\"}," \
    "\"dropout\":0.1," head "}"
#define CLASSIFY   BERT("\"head\":\"classify\",\"classes\":3")
#define LANGUAGE   BERT("\"head\":\"mlm\"")
#define VOCABULARY "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\nq\nr\ns\nt\nu\nv\nw\nx\ny\nz\n"

static char folder[256], rows[600], words[600];

/* Rows of 1 to 60 words whose first is their class, and documents. */
static void put_files(void)
{
    char *text = malloc(400 * 200), path[400];
    size_t used = 0;

    snprintf(folder, sizeof folder, "%s", make_folder());
    for (size_t i = 0; i < 150; i++) {
        for (size_t word = 0; word < 1 + i * i % 60; word++)
            used += (size_t)sprintf(text + used, "%c ", (char)('a' + (word == 0 ? i % 3 : (i + word * word) % 23 + 3)));
        used += (size_t)sprintf(text + used, "\t%zu\n", i % 3);
    }
    snprintf(path, sizeof path, "%s/rows.tsv", folder);
    ck_assert_int_eq(clmix_file_write(path, text, used), CLMIX_OK);
    used = 0;
    for (size_t i = 0; i < 120; i++) {
        for (size_t word = 0; word < 6 + i * 7 % 70; word++)
            used += (size_t)sprintf(text + used, "%c ", (char)('a' + (i + word) % 26));
        used += (size_t)sprintf(text + used, "\n\n");
    }
    snprintf(path, sizeof path, "%s/words.txt", folder);
    ck_assert_int_eq(clmix_file_write(path, text, used), CLMIX_OK);
    snprintf(path, sizeof path, "%s/vocab.txt", folder);
    ck_assert_int_eq(clmix_file_write(path, VOCABULARY, strlen(VOCABULARY)), CLMIX_OK);
    snprintf(rows, sizeof rows, "tsv:%s/rows.tsv,vocab=%s/vocab.txt", folder, folder);
    snprintf(words, sizeof words, "text:%s/words.txt,vocab=%s/vocab.txt", folder, folder);
    free(text);
}

static void remove_files(void)
{
    remove_folder(folder);
}

static clmix_train_options text_options(void)
{
    clmix_train_options options = clmix_train_defaults();

    options.batch = 8;
    options.epochs = 2;
    options.warmup = 2;
    options.lengths = CLMIX_LENGTHS_FEW;
    return options;
}

static clmix_status open_data(const clmix_config *config, const char *spec, clmix_dataset **data)
{
    clmix_port ports[CLMIX_MOST_PORTS];
    const int count = clmix_config_ports(config, 0, ports);

    return clmix_dataset_open(data, spec, ports, (size_t)count);
}

static void open_run(struct train_run *run, const char *model, const char *spec, const clmix_train_options *options)
{
    clmix_config *config = NULL;

    memset(run, 0, sizeof *run);
    ops_ok(clmix_config_open(&config, model));
    ops_ok(open_data(config, spec, &run->data));
    ops_ok(clmix_network_create(&run->network, ops_device, config, options->seed));
    ops_ok(clmix_trainer_create(&run->trainer, run->network, run->data, options));
    clmix_config_free(config);
}

static bool count_down(void *user, size_t epoch, size_t batch, size_t batches, double loss, double metric, double images_per_second)
{
    (void)epoch, (void)batch, (void)batches, (void)loss, (void)metric, (void)images_per_second;
    return --*(size_t *)user > 0;
}

static clmix_status train(const char *model, const char *spec, const clmix_train_options *options, const char *to, bool resume, size_t stop)
{
    const clmix_train_events events = { .step = stop > 0 ? count_down : NULL, .user = &stop };
    struct train_run run;
    clmix_status status;

    open_run(&run, model, spec, options);
    status = clmix_train(run.trainer, to, resume, &events);
    train_close(&run);
    return status;
}

/* Whatever makes a batch: it is the same after a stop, and so are the masks. */
START_TEST(resumed_runs_end_with_the_same_bits)
{
    const char *model = _i == 0 ? CLASSIFY : LANGUAGE, *spec = _i == 0 ? rows : words;
    clmix_train_options options = text_options();

    if (_i == 2)
        options.batch_tokens = 160;
    if (_i == 0)
        options.accumulate = 3;
    options.schedule = _i == 1 ? CLMIX_SCHEDULE_ONE_CYCLE : CLMIX_SCHEDULE_TRIANGLE;
    strcpy(options.no_decay, "*bias*");
    ops_ok(train(model, spec, &options, train_folders[0], false, 0));
    for (size_t stop = 5; stop < 40; stop += 13) {
        ck_assert_int_eq(train(model, spec, &options, train_folders[1], false, stop), CLMIX_ERROR_INTERRUPTED);
        ops_ok(train(model, spec, &options, train_folders[1], true, 0));
        train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
    }
    options.batch_tokens += 16;
    ck_assert_int_eq(train(model, spec, &options, train_folders[1], true, 0), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "batch_tokens") != NULL, "%s", clmix_error());
}
END_TEST

static size_t count_lengths(const struct clmix_sizes *sizes)
{
    size_t lengths = 0;

    for (size_t i = 0; i < sizes->count; i++) {
        bool known = false;

        for (size_t before = 0; before < i; before++)
            known = known || sizes->list[before].length == sizes->list[i].length;
        lengths += !known;
    }
    return lengths;
}

/* What fills a sequence up costs memory and time: not an answer. */
START_TEST(lengths_change_no_score)
{
    clmix_train_options options = text_options();
    clmix_score few, one, alone;
    struct train_run run;

    options.batch = 2;
    open_run(&run, _i == 0 ? CLASSIFY : LANGUAGE, _i == 0 ? rows : words, &options);
    ck_assert(!clmix_config_padding_matters(clmix_network_config(run.network)));
    ops_ok(clmix_trainer_prepare(run.trainer));
    ops_ok(clmix_trainer_score(run.trainer, NULL, &few));
    ck_assert_uint_gt(count_lengths(&run.trainer->test_sizes), 1);
    ops_ok(clmix_evaluate(run.network, run.data, CLMIX_TEST, 3, &alone));
    clmix_trainer_free(run.trainer);
    options.lengths = CLMIX_LENGTHS_ONE;
    ops_ok(clmix_trainer_create(&run.trainer, run.network, run.data, &options));
    ops_ok(clmix_trainer_prepare(run.trainer));
    ck_assert_uint_eq(count_lengths(&run.trainer->test_sizes), 1);
    ops_ok(clmix_trainer_score(run.trainer, NULL, &one));
    ck_assert(few.count == one.count && few.count == alone.count && few.count > 5);
    ck_assert_double_eq_tol(few.loss, one.loss, 1e-5);
    ck_assert_double_eq_tol(alone.loss, one.loss, 1e-5);
    ck_assert_double_eq_tol(few.metrics[0].value, one.metrics[0].value, 1e-9);
    train_close(&run);
}
END_TEST

/* Every plan is made before the first byte is allocated, and none later. */
START_TEST(memory_is_known_to_the_byte)
{
    clmix_train_options options = text_options();
    clmix_device *shared = ops_device;
    size_t current, peak, allocations, before, planned, from_data, batches, plans;
    clmix_config *config = NULL;
    struct train_run run;

    options.batch_tokens = _i == 0 ? 0 : 200;
    ops_ok(clmix_device_open(&ops_device, NULL));
    clmix_device_memory(ops_device, &before, &peak, &allocations);
    open_run(&run, CLASSIFY, rows, &options);
    clmix_trainer_cost(run.trainer, NULL, &planned);
    plans = run.trainer->replicas[0].plan_count;
    ck_assert_uint_gt(plans, 3);
    ops_ok(clmix_train(run.trainer, train_folders[_i], false, NULL));
    ck_assert_uint_eq(run.trainer->replicas[0].plan_count, plans);
    clmix_device_memory(ops_device, &current, &peak, &allocations);
    ck_assert_uint_eq(peak, before + planned);
    ops_ok(clmix_config_open(&config, CLASSIFY));
    ops_ok(clmix_train_cost_of_data(ops_device, config, run.data, &options, NULL, &from_data, &batches));
    ck_assert(from_data == planned && batches == run.trainer->batches);
    clmix_config_free(config);
    train_close(&run);
    clmix_device_close(ops_device);
    ops_device = shared;
}
END_TEST

/* Nothing runs that does not fit: the sentence says what to do. */
START_TEST(what_does_not_fit_is_refused)
{
    static const struct {
        const char *model, *setting, *spec, *part;
    } cases[] = {
        { CLASSIFY, "vocab=20", "rows", "has 31 tokens and" },
        { CLASSIFY, "classes=4", "rows", "and the data set has 3" },
        { CLASSIFY, "classes=3", "words", "token_labels" },
        { LANGUAGE, "vocab=32", "rows", "token_labels" },
        { LANGUAGE, "max_len=3", "words", "too short for masked language" },
        { LANGUAGE, "vocab=40", "shapes", "pixels: before its name" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *spec = strcmp(cases[i].spec, "rows") == 0 ? rows : strcmp(cases[i].spec, "words") == 0 ? words : cases[i].spec;
        clmix_config *config = NULL;
        clmix_dataset *data = NULL;
        clmix_status status;

        ops_ok(clmix_config_open(&config, cases[i].model));
        ops_ok(clmix_config_set(config, cases[i].setting));
        status = open_data(config, spec, &data);
        if (status == CLMIX_OK)
            status = clmix_check_data(config, data);
        ck_assert_int_eq(status, CLMIX_ERROR_ARGUMENT);
        ck_assert_msg(strstr(clmix_error(), cases[i].part) != NULL, "%zu: %s", i, clmix_error());
        clmix_dataset_close(data);
        clmix_config_free(config);
    }
}
END_TEST

#define LRA_CLS \
    "{\"model\":\"lra\",\"vocab\":32,\"max_len\":64,\"dim\":16,\"depth\":1,\"heads\":2,\"mlp_dim\":24,\"pool\":\"cls\",\"classes\":3}"

/* Ids in the application's arrays are only known when they come: none goes to a device that has no row for it. */
START_TEST(ids_beyond_the_vocabulary_are_named)
{
    const clmix_port ports[] = { { "tokens", CLMIX_I32, 1, { 64 } },
                                 { "mask", CLMIX_I32, 1, { 64 } },
                                 { .name = "labels", .type = CLMIX_I32 } };
    const clmix_samples samples = { .ports = ports, .port_count = 3, .count = { 4, 0 }, .classes = 3 };
    int32_t tokens[4 * 64] = { 0 }, mask[4 * 64], labels[4] = { 0, 1, 2, 0 };
    clmix_train_options options = text_options();
    clmix_config *config = NULL;
    struct train_run run = { 0 };
    const int beyond = _i == 0 ? 32 : 31; /* 31 is the class token */
    char name[32];
    double loss;

    for (size_t i = 0; i < 4 * 64; i++)
        mask[i] = 1;
    snprintf(name, sizeof name, "token %d (", beyond);
    ops_ok(clmix_dataset_from_arrays(&run.data, &samples, (const void *[]){ tokens, mask, labels }, NULL));
    ops_ok(clmix_config_open(&config, _i == 0 ? CLASSIFY : LRA_CLS));
    ops_ok(clmix_network_create(&run.network, ops_device, config, 1));
    ops_ok(clmix_trainer_create(&run.trainer, run.network, run.data, &options));
    ops_ok(clmix_trainer_step_arrays(run.trainer, 4, (const void *[]){ tokens, mask, labels }, &loss));
    tokens[130] = beyond;
    ck_assert_int_eq(clmix_trainer_step_arrays(run.trainer, 4, (const void *[]){ tokens, mask, labels }, &loss), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), name) != NULL && strstr(clmix_error(), "(place 2 of sample 2 of the batch)") != NULL, "%s",
                  clmix_error());
    ck_assert_int_eq(clmix_train(run.trainer, train_folders[0], false, NULL), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), name) != NULL, "%s", clmix_error());
    tokens[130] = -1;
    ck_assert_int_eq(clmix_evaluate(run.network, run.data, CLMIX_TRAIN, 4, &(clmix_score){ 0 }), CLMIX_ERROR_ARGUMENT);
    train_close(&run);
    clmix_config_free(config);
}
END_TEST

/* The last id is the class token's where the model has one: no text has it. */
START_TEST(class_tokens_are_the_models_own)
{
    clmix_config *config = NULL;
    clmix_dataset *data = NULL;

    ops_ok(clmix_config_open(&config, LRA_CLS));
    ops_ok(clmix_config_set(config, "vocab=31"));
    ops_ok(clmix_config_set(config, "pool=mean"));
    ops_ok(open_data(config, rows, &data));
    ops_ok(clmix_check_data(config, data));
    ops_ok(clmix_config_set(config, "pool=cls"));
    ck_assert_int_eq(clmix_check_data(config, data), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "has 31 tokens and") != NULL && strstr(clmix_error(), "vocab to 32") != NULL, "%s", clmix_error());
    ops_ok(clmix_config_set(config, "vocab=32"));
    ops_ok(clmix_check_data(config, data));
    clmix_dataset_close(data);
    clmix_config_free(config);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("text");

    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_add_unchecked_fixture(tests, put_files, remove_files);
    tcase_add_checked_fixture(tests, train_make_folders, train_remove_folders);
    tcase_add_loop_test(tests, resumed_runs_end_with_the_same_bits, 0, 3);
    tcase_add_loop_test(tests, lengths_change_no_score, 0, 2);
    tcase_add_loop_test(tests, memory_is_known_to_the_byte, 0, 2);
    tcase_add_test(tests, what_does_not_fit_is_refused);
    tcase_add_loop_test(tests, ids_beyond_the_vocabulary_are_named, 0, 2);
    tcase_add_test(tests, class_tokens_are_the_models_own);
    return train_main("text", &tests, 1);
}
