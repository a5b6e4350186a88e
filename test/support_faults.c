#include "support_faults.h"
#include "base/status.h"
#include "io/safetensors.h"
#include "support_tool.h"

#include <check.h>
#include <clmix/ops.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG                                                                                                                              \
    "{\"model\":\"wavemix\",\"image_size\":8,\"channels\":3,\"classes\":10,\"dim\":8,\"depth\":1,\"mult_dim\":8,\"ff_dim\":4,\"levels\":2," \
    "\"level_channels\":[4,4],\"dropout\":0.1}"
#define DATA         "shapes:size=8,train=8,test=4"
#define SEED         3
#define OTHER_SEED   4
#define MOST_RESULTS 65536    /* bytes of weights and moments */

struct tiny_world tiny;
static bool forever;                  /* calls fail from one on, so that trying again is in vain */
static const struct fault *in_use;    /* calls are failing now, for the Check framework too */

static void give_up(const char *what)
{
    if (in_use != NULL)
        in_use->disarm();
    ck_abort_msg("%s (%s)", what, clmix_error());
}

void tiny_ok(clmix_status status)
{
    if (status != CLMIX_OK)
        give_up(clmix_status_name(status));
}

/* ---- files -------------------------------------------------------------------------------------------------------------------------- */

void *tiny_read(const char *path, size_t *bytes)
{
    FILE *stream = fopen(path, "rb");
    char *data = malloc(1 << 20);

    ck_assert_msg(stream != NULL, "cannot open %s", path);
    ck_assert_ptr_nonnull(data);
    *bytes = fread(data, 1, 1 << 20, stream);
    fclose(stream);
    return data;
}

void tiny_write(const char *path, const void *data, size_t bytes)
{
    FILE *stream = fopen(path, "wb");

    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_eq(fwrite(data, 1, bytes, stream), bytes);
    ck_assert_int_eq(fclose(stream), 0);
}

static bool holds(const char *path, const void *data, size_t bytes)
{
    size_t found;
    void *content = tiny_read(path, &found);
    bool same = found == bytes && memcmp(content, data, bytes) == 0;

    free(content);
    return same;
}

void tiny_check_folder(const char *folder)
{
    DIR *stream = opendir(folder);

    ck_assert_ptr_nonnull(stream);
    for (const struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream))
        ck_assert_msg(strstr(entry->d_name, ".tmp") == NULL, "%s was left in %s", entry->d_name, folder);
    closedir(stream);
}

static void empty_run_folder(void)
{
    static const char *const names[] = { "model.safetensors", "checkpoint.safetensors", "log.jsonl", "curves.svg" };
    char path[400];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", tiny.run_folder, names[i]);
        unlink(path);
    }
}

/* ---- runs --------------------------------------------------------------------------------------------------------------------------- */

/* Everything that can fail by itself is switched on. */
clmix_train_options tiny_options(void)
{
    clmix_train_options options = clmix_train_defaults();

    options.batch = 4;
    options.epochs = 1;
    options.average = 0.9f;
    options.clip_norm = 1.0f;
    options.augment.mixup = 0.2f;
    options.checkpoint_steps = 1;
    return options;
}

/* A run of a network of its own. */
static clmix_status train(bool resume, const clmix_train_events *events)
{
    const clmix_train_options options = tiny_options();
    clmix_network *network = NULL;
    clmix_trainer *trainer = NULL;
    clmix_status status = clmix_network_create(&network, tiny.device, tiny.config, SEED);

    if (status == CLMIX_OK)
        status = clmix_trainer_create(&trainer, network, tiny.data, &options);
    if (status == CLMIX_OK)
        status = clmix_trainer_name_data(trainer, DATA);
    if (status == CLMIX_OK) {
        status = clmix_train(trainer, tiny.run_folder, resume, events);
        if (status != CLMIX_OK && in_use != NULL && resume && !forever)    /* the same trainer can do it again */
            tiny_ok(clmix_train(trainer, tiny.run_folder, true, events));
    }
    clmix_trainer_free(trainer);
    clmix_network_free(network);
    return status;
}

clmix_status tiny_resume(void)
{
    return train(true, NULL);
}

static bool stop(void *user, size_t epoch, size_t batch, size_t batches, double loss, double top1, double images_per_second)
{
    (void)user, (void)epoch, (void)batch, (void)batches, (void)loss, (void)top1, (void)images_per_second;
    return false;
}

/* All tensors of the run's checkpoint, one after the other. */
static void *read_results(size_t *bytes)
{
    char *results = malloc(MOST_RESULTS);
    clmix_safetensors *file = NULL;

    *bytes = 0;
    ck_assert_ptr_nonnull(results);
    tiny_ok(clmix_safetensors_open(&file, tiny.checkpoint_path));
    for (size_t i = 0; i < clmix_safetensors_count(file); i++) {
        const clmix_stored_tensor *tensor = clmix_safetensors_at(file, i);

        ck_assert_uint_le(*bytes + tensor->bytes, MOST_RESULTS);
        memcpy(results + *bytes, tensor->data, tensor->bytes);
        *bytes += tensor->bytes;
    }
    clmix_safetensors_close(file);
    return results;
}

void tiny_begin_run(void)
{
    empty_run_folder();
    tiny_write(tiny.checkpoint_path, tiny.begun, tiny.begun_bytes);
}

void tiny_check_end(void)
{
    size_t bytes;
    void *results = read_results(&bytes);

    ck_assert_uint_eq(bytes, tiny.end_bytes);
    ck_assert_msg(memcmp(results, tiny.end, bytes) == 0, "the resumed run ends with other weights");
    free(results);
}

/* ---- the world ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status take_step(clmix_network *network, double *loss)
{
    const clmix_train_options options = tiny_options();
    clmix_trainer *trainer = NULL;
    clmix_status status = clmix_trainer_create(&trainer, network, tiny.data, &options);

    if (status != CLMIX_OK)
        return status;
    status = clmix_trainer_step(trainer, tiny.pictures, tiny.labels, TINY_PICTURES, loss);
    if (status != CLMIX_OK && !forever)    /* what failed once can be done again */
        tiny_ok(clmix_trainer_step(trainer, tiny.pictures, tiny.labels, TINY_PICTURES, loss));
    clmix_trainer_free(trainer);
    return status;
}

static void name_paths(void)
{
    snprintf(tiny.folder, sizeof tiny.folder, "%s", make_folder());
    snprintf(tiny.run_folder, sizeof tiny.run_folder, "%s/run", tiny.folder);
    snprintf(tiny.model_path, sizeof tiny.model_path, "%s/model.safetensors", tiny.folder);
    snprintf(tiny.other_path, sizeof tiny.other_path, "%s/other.safetensors", tiny.folder);
    snprintf(tiny.checkpoint_path, sizeof tiny.checkpoint_path, "%s/checkpoint.safetensors", tiny.run_folder);
    if (getenv("CLMIX_CACHE_DIR") == NULL) {
        char cache[300];

        snprintf(cache, sizeof cache, "%s/cache", tiny.folder);
        setenv("CLMIX_CACHE_DIR", cache, 1);
    }
}

/* A file of fresh weights, and what a network with them answers. */
static void *make_model(uint64_t seed, const char *path, float answers[TINY_ANSWERS], size_t *bytes)
{
    clmix_network *network = NULL;

    tiny_ok(clmix_network_create(&network, tiny.device, tiny.config, seed));
    tiny_ok(clmix_network_save(network, path));
    tiny_ok(clmix_network_classify(network, tiny.pictures, TINY_PICTURES, answers));
    clmix_network_free(network);
    return tiny_read(path, bytes);
}

static void make_runs(void)
{
    const clmix_train_events stopping = { .step = stop };

    ck_assert_int_eq(train(false, &stopping), CLMIX_ERROR_INTERRUPTED);
    tiny.begun = tiny_read(tiny.checkpoint_path, &tiny.begun_bytes);
    tiny_ok(train(false, NULL));
    tiny.end = read_results(&tiny.end_bytes);
}

void open_tiny_world(void)
{
    name_paths();
    tiny_ok(clmix_device_open(&tiny.device, NULL));
    tiny_ok(clmix_config_open(&tiny.config, CONFIG));
    tiny_ok(clmix_dataset_open(&tiny.data, DATA, 8, 8, 3));
    for (size_t i = 0; i < TINY_PICTURES; i++) {
        int label;

        tiny_ok(clmix_dataset_get(tiny.data, CLMIX_TRAIN, i, tiny.pictures + i * TINY_BYTES / TINY_PICTURES, &label));
        tiny.labels[i] = label;
    }
    tiny.model = make_model(SEED, tiny.model_path, tiny.answers, &tiny.model_bytes);
    tiny.other = make_model(OTHER_SEED, tiny.other_path, tiny.other_answers, &tiny.other_bytes);
    tiny_ok(clmix_network_load(&tiny.network, tiny.device, tiny.model_path));
    tiny_ok(take_step(tiny.network, &tiny.loss));
    tiny_ok(clmix_network_load_weights(tiny.network, tiny.model_path));
    tiny_ok(clmix_evaluate(tiny.network, tiny.data, CLMIX_TEST, 3, &tiny.score));
    make_runs();
}

void close_tiny_world(void)
{
    size_t current;

    clmix_network_free(tiny.network);
    clmix_dataset_close(tiny.data);
    clmix_config_free(tiny.config);
    clmix_device_memory(tiny.device, &current, NULL, NULL);
    ck_assert_msg(current == 0, "%zu bytes of device memory were not given back", current);
    clmix_device_close(tiny.device);
    free(tiny.begun);
    free(tiny.model);
    free(tiny.other);
    free(tiny.end);
    remove_folder(tiny.folder);
}

void tiny_classifies(clmix_network *network, const float answers[TINY_ANSWERS])
{
    float found[TINY_ANSWERS];

    tiny_ok(clmix_network_classify(network, tiny.pictures, TINY_PICTURES, found));
    if (memcmp(found, answers, sizeof found) != 0)
        give_up("the network gives other answers than before");
}

/* ---- scenarios ---------------------------------------------------------------------------------------------------------------------- */

static bool same_answers(const float found[TINY_ANSWERS], const float expected[TINY_ANSWERS])
{
    return memcmp(found, expected, TINY_ANSWERS * sizeof *found) == 0;
}

/* What a recovered call must still be: right. */
static clmix_status expect(clmix_status status, bool right)
{
    if (status == CLMIX_OK && !right)
        give_up("a call recovered from a failure and gave wrong results");
    return status;
}

static clmix_status plan_training(void)
{
    const size_t size[4] = { 2, 8, 8, 3 };
    clmix_graph *graph = clmix_graph_new();
    clmix_device *generic = NULL;
    clmix_plan *plan = NULL;
    clmix_plan_cost cost = { .peak_bytes = 0 };
    const clmix_value none = { .graph = NULL };
    clmix_value pictures = clmix_input(graph, "pictures", CLMIX_F32, 4, size), labels = clmix_input(graph, "labels", CLMIX_I32, 1, size), loss;
    clmix_status status = clmix_device_generic(&generic);

    clmix_want_gradient(pictures);
    loss = clmix_cross_entropy(clmix_model(clmix_root(graph), pictures, tiny.config), labels, 0.1f, none, none);
    clmix_backward(graph, 1, &loss, &none);
    clmix_output(graph, "loss", loss);
    clmix_output(graph, "gradient", clmix_gradient_of(pictures));
    if (status == CLMIX_OK)
        status = clmix_plan_compile(&plan, graph, generic, CLMIX_TRAINING);
    if (status == CLMIX_OK)
        clmix_plan_costs(plan, &cost);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    clmix_device_close(generic);
    if (tiny.peak_bytes == 0)
        tiny.peak_bytes = cost.peak_bytes;
    return expect(status, cost.peak_bytes == tiny.peak_bytes);
}

static clmix_status configure(void)
{
    clmix_config *config = NULL;
    char *text = NULL;
    clmix_status status = clmix_config_open(&config, CONFIG);

    if (status == CLMIX_OK)
        status = clmix_config_set(config, "dropout=0.25");
    if (status == CLMIX_OK)
        status = clmix_config_text(config, &text);
    status = expect(status, text != NULL && strstr(text, "\"dropout\":0.25") != NULL);
    clmix_free(text);
    clmix_config_free(config);
    return status;
}

static clmix_status open_device(void)
{
    clmix_device_info *list = NULL;
    clmix_device *device = NULL;
    char *skipped = NULL;
    size_t count;
    clmix_status status = clmix_device_list(&list, &count, &skipped);

    clmix_free(list);
    clmix_free(skipped);
    if (status == CLMIX_OK)
        status = clmix_device_open(&device, NULL);
    if (status == CLMIX_OK)
        expect(status, strcmp(clmix_device_describe(device)->name, clmix_device_describe(tiny.device)->name) == 0);
    clmix_device_close(device);
    return status;
}

static clmix_status create_network(void)
{
    clmix_network *network = NULL;
    float found[TINY_ANSWERS];
    clmix_status status = clmix_network_create(&network, tiny.device, tiny.config, SEED);

    if (status == CLMIX_OK) {
        status = clmix_network_classify(network, tiny.pictures, TINY_PICTURES, found);
        if (status != CLMIX_OK && !forever)    /* the network is still good */
            tiny_classifies(network, tiny.answers);
    }
    clmix_network_free(network);
    return expect(status, same_answers(found, tiny.answers));
}

static clmix_status load_network(void)
{
    clmix_network *network = NULL;
    float found[TINY_ANSWERS];
    clmix_status status = clmix_network_load(&network, tiny.device, tiny.other_path);

    if (status == CLMIX_OK)
        status = clmix_network_classify(network, tiny.pictures, TINY_PICTURES, found);
    clmix_network_free(network);
    return expect(status, same_answers(found, tiny.other_answers));
}

static clmix_status load_weights(void)
{
    return clmix_network_load_weights(tiny.network, tiny.other_path);
}

static void check_weights(clmix_status status)
{
    tiny_classifies(tiny.network, status == CLMIX_OK ? tiny.other_answers : tiny.answers);
    tiny_ok(clmix_network_load_weights(tiny.network, tiny.model_path));
}

/* Over a file that is there. */
static clmix_status save_network(void)
{
    return clmix_network_save(tiny.network, tiny.other_path);
}

static void check_saved(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK ? holds(tiny.other_path, tiny.model, tiny.model_bytes) : holds(tiny.other_path, tiny.other, tiny.other_bytes),
                  "a file that could not be written is not as it was");
    tiny_check_folder(tiny.folder);
    tiny_write(tiny.other_path, tiny.other, tiny.other_bytes);
}

static clmix_status classify_more(void)
{
    float found[5 * TINY_ANSWERS / TINY_PICTURES];
    uint8_t pictures[5 * TINY_BYTES / TINY_PICTURES] = { 0 };
    clmix_status status;

    memcpy(pictures, tiny.pictures, sizeof tiny.pictures);
    status = clmix_network_classify(tiny.network, pictures, 5, found);    /* a plan larger than the one that is kept */
    if (status == CLMIX_OK)
        status = clmix_network_classify(tiny.network, pictures, 2, found);
    return status;
}

static void forget_plans(void)
{
    tiny_ok(clmix_network_load_weights(tiny.network, tiny.model_path));
    tiny_ok(clmix_network_describe_data(tiny.network, NULL, (const float[]){ 0.5f, 0.5f, 0.5f }, (const float[]){ 0.5f, 0.5f, 0.5f }));
    tiny_classifies(tiny.network, tiny.answers);
}

static void check_answers(clmix_status status)
{
    (void)status;
    forget_plans();    /* which classifies as before, too */
}

static clmix_status take_one_step(void)
{
    double loss = 0.0;
    clmix_status status = take_step(tiny.network, &loss);

    return expect(status, loss == tiny.loss);
}

static clmix_status evaluate(void)
{
    clmix_score score;
    clmix_status status = clmix_evaluate(tiny.network, tiny.data, CLMIX_TEST, 3, &score);

    return expect(status, score.loss == tiny.score.loss && score.count == tiny.score.count && score.top1 == tiny.score.top1);
}

static clmix_status train_afresh(void)
{
    return train(false, NULL);
}

/* A run that failed at whatever point has left a checkpoint that can be resumed, or none. */
static void check_afresh(clmix_status status)
{
    tiny_check_folder(tiny.run_folder);
    if (status == CLMIX_OK || access(tiny.checkpoint_path, F_OK) == 0) {
        tiny_ok(tiny_resume());
        tiny_check_end();
    }
}

/* However a resumed run failed, resuming again ends with the very weights of an undisturbed run. */
static void check_resumed(clmix_status status)
{
    tiny_check_folder(tiny.run_folder);
    if (status != CLMIX_OK)
        tiny_ok(tiny_resume());
    tiny_check_end();
}

static clmix_status inspect(void)
{
    clmix_run_info info;
    clmix_status status = clmix_run_inspect(tiny.run_folder, &info);

    expect(status, info.step == 1 && !info.finished);
    clmix_run_info_clear(&info);
    return status;
}

/* A run under the profiler, its trace, and a run in which every value is looked at. */
static clmix_status watch(clmix_plan *plan)
{
    const clmix_profile_record *records;
    char path[300];
    size_t count;
    clmix_status status = clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, clmix_network_weights(tiny.network));

    snprintf(path, sizeof path, "%s/trace.json", tiny.folder);
    if (status == CLMIX_OK)
        status = clmix_plan_write(plan, "pictures", tiny.pictures, sizeof tiny.pictures);
    if (status == CLMIX_OK)
        status = clmix_profile_start(tiny.device);
    if (status == CLMIX_OK)
        status = clmix_plan_run(plan);
    if (status == CLMIX_OK)
        status = clmix_profile_stop(tiny.device, &records, &count);
    if (status == CLMIX_OK)
        status = clmix_profile_write_trace(tiny.device, path);
    if (status == CLMIX_OK)
        status = clmix_plan_find_not_finite(plan);
    return status;
}

static clmix_status watch_a_run(void)
{
    const size_t size[4] = { TINY_PICTURES, 8, 8, 3 };
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    clmix_graph *graph = clmix_graph_new();
    clmix_value pictures = clmix_normalize(clmix_input(graph, "pictures", CLMIX_U8, 4, size), half, half);
    clmix_plan *plan = NULL;
    clmix_status status;

    clmix_output(graph, "logits", clmix_model(clmix_root(graph), pictures, tiny.config));
    status = clmix_plan_compile(&plan, graph, tiny.device, CLMIX_INFERENCE);
    if (status == CLMIX_OK)
        status = watch(plan);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return status;
}

/* The device keeps the records of its last profile: an empty one takes their place. */
static void end_profile(clmix_status status)
{
    (void)status;
    clmix_profile_stop(tiny.device, NULL, NULL);
    tiny_ok(clmix_profile_start(tiny.device));
    tiny_ok(clmix_profile_stop(tiny.device, NULL, NULL));
}

static void restore_weights(void)
{
    tiny_ok(clmix_network_load_weights(tiny.network, tiny.model_path));
}

const struct scenario tiny_scenarios[] = {
    { "building, differentiating and planning a graph", NULL, plan_training, NULL },
    { "configurations", NULL, configure, NULL },
    { "opening a device", NULL, open_device, NULL },
    { "a network with fresh weights", NULL, create_network, NULL },
    { "a network from a file", NULL, load_network, NULL },
    { "weights into a network", NULL, load_weights, check_weights },
    { "saving a network", forget_plans, save_network, check_saved },
    { "classifying", forget_plans, classify_more, check_answers },
    { "a training step", restore_weights, take_one_step, check_answers },
    { "evaluating", NULL, evaluate, NULL },
    { "training", empty_run_folder, train_afresh, check_afresh },
    { "resuming", tiny_begin_run, tiny_resume, check_resumed },
    { "looking at a run", tiny_begin_run, inspect, NULL },
    { "watching a run", NULL, watch_a_run, end_profile },
};
const int tiny_scenario_count = sizeof tiny_scenarios / sizeof tiny_scenarios[0];

/* ---- failing ------------------------------------------------------------------------------------------------------------------------ */

/* A sentence: several words, and not the one of an earlier failure. */
static void check_sentence(const struct scenario *scenario, size_t nth)
{
    ck_assert_msg(strlen(clmix_error()) > 10 && strchr(clmix_error(), ' ') != NULL, "%s, call %zu failed without a sentence: '%s'", scenario->name, nth, clmix_error());
}

/* One run, with call `nth` failing; false when it did not get that far. */
static bool run_once(const struct fault *fault, const struct scenario *scenario, size_t nth, bool onwards)
{
    size_t before, after, calls;
    clmix_status status;
    long held;

    if (scenario->begin != NULL)
        scenario->begin();
    clmix_device_memory(tiny.device, &before, NULL, NULL);
    held = fault->held();
    forever = onwards;
    clmix_fail(CLMIX_OK, "%s", "");
    in_use = fault;
    fault->arm(nth, onwards);
    status = scenario->run();
    calls = fault->disarm();
    in_use = NULL;
    forever = false;
    ck_assert_msg(nth != 0 || status == CLMIX_OK, "%s: %s", scenario->name, clmix_error());
    ck_assert_msg(status == CLMIX_OK || fault->may_give(status), "%s, call %zu: %s: %s", scenario->name, nth, clmix_status_name(status), clmix_error());
    if (status != CLMIX_OK)
        check_sentence(scenario, nth);
    clmix_device_memory(tiny.device, &after, NULL, NULL);
    if (scenario->check == NULL) {
        ck_assert_msg(after == before, "%s, call %zu: %zu bytes of device memory were held before and %zu after", scenario->name, nth, before, after);
        ck_assert_msg(fault->held() == held, "%s, call %zu (%s): %ld are held that were not before", scenario->name, nth, clmix_error(), fault->held() - held);
    } else {
        scenario->check(status);
    }
    return nth != 0 && calls >= nth;
}

/* The calls that an undisturbed run makes. */
static size_t count_calls(const struct fault *fault, const struct scenario *scenario)
{
    size_t calls;

    if (scenario->begin != NULL)
        scenario->begin();
    in_use = fault;
    fault->arm(0, false);
    tiny_ok(scenario->run());
    calls = fault->disarm();
    in_use = NULL;
    if (scenario->check != NULL)
        scenario->check(CLMIX_OK);
    return calls;
}

/* Evenly spread calls; all of them with CLMIX_TEST_EVERY_CALL, for an hour of one's own. */
static size_t step_of(size_t calls, size_t most)
{
    const char *effort = getenv("CLMIX_TEST_EFFORT");

    if (getenv("CLMIX_TEST_EVERY_CALL") != NULL)
        return 1;
    if (effort != NULL && strcmp(effort, "small") == 0)
        most = most / 3;
    return calls > most ? (calls + most - 1) / most : 1;
}

void fail_each_call(const struct fault *fault, const struct scenario *scenario, size_t most)
{
    size_t calls, step, failed = 0;
    long held;

    count_calls(fault, scenario);    /* kernels are made, tables grow */
    calls = count_calls(fault, scenario);
    held = fault->held();
    step = step_of(calls, most);
    for (size_t nth = 1; nth <= calls; nth += step)
        failed += run_once(fault, scenario, nth, false);
    for (size_t nth = 1; nth <= calls; nth += 2 * step)
        failed += run_once(fault, scenario, nth, true);
    run_once(fault, scenario, 0, false);
    ck_assert_msg(failed > 0, "%s: nothing was made to fail", scenario->name);
    ck_assert_msg(fault->held() == held, "%s: %ld are held that were not before", scenario->name, fault->held() - held);
}
