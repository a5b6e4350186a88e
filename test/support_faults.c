#include "support_faults.h"

#include <check.h>
#include <clmix/ops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"

/* ---- scenarios ---------------------------------------------------------------------------------------------------------------------- */

static bool same_predictions(const float found[TINY_PREDICTIONS], const float expected[TINY_PREDICTIONS])
{
    return memcmp(found, expected, TINY_PREDICTIONS * sizeof *found) == 0;
}

/* What a recovered call must still be: right. */
static clmix_status expect(clmix_status status, bool right)
{
    if (status == CLMIX_OK && !right)
        tiny_give_up("a call recovered from a failure and gave wrong results");
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
    clmix_value pictures = clmix_batch_input(graph, "pictures", CLMIX_F32, 4, size),
                labels = clmix_batch_input(graph, "labels", CLMIX_I32, 1, size), loss;
    clmix_status status = clmix_device_generic(&generic);

    clmix_want_gradient(pictures);
    loss = clmix_cross_entropy(clmix_model(clmix_root(graph), &pictures, tiny.config), labels, 0.1f, none, none);
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

/* The same pictures classified one after another: values, attributes and launches are made for each. */
static clmix_status plan_slices(void)
{
    const size_t size[4] = { 4, 8, 8, 3 };
    clmix_graph *graph = clmix_graph_new();
    clmix_device *generic = NULL;
    clmix_plan *plan = NULL;
    clmix_plan_cost cost = { .launches = 0 };
    clmix_status status = clmix_device_generic(&generic);

    clmix_value pictures = clmix_batch_input(graph, "pictures", CLMIX_F32, 4, size);

    clmix_output(graph, "logits", clmix_model(clmix_root(graph), &pictures, tiny.config));
    setenv("CLMIX_SLICE", "1", 1);
    if (status == CLMIX_OK)
        status = clmix_plan_compile(&plan, graph, generic, CLMIX_INFERENCE);
    unsetenv("CLMIX_SLICE");
    if (status == CLMIX_OK)
        clmix_plan_costs(plan, &cost);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    clmix_device_close(generic);
    return expect(status, cost.launches > 0 && cost.launches % 4 == 0);
}

static clmix_status fill_halves(void *values, clmix_shape shape, const void *data)
{
    for (size_t i = 0; i < clmix_shape_count(shape); i++)
        ((float *)values)[i] = *(const float *)data;
    return CLMIX_OK;
}

/* A constant weight, and a layer that serves twice: y = (x 0.5 W + b) W + b with zeros in W and b. */
static clmix_status use_constants(void)
{
    const size_t size[2] = { 3, 4 };
    const float half = 0.5f, x[12] = { 1.0f };
    clmix_graph *graph = clmix_graph_new();
    clmix_scope at = clmix_in(clmix_root(graph), "layer");
    clmix_plan *plan = NULL;
    float y[12] = { 1.0f };
    clmix_status status;

    clmix_value in = clmix_input(graph, "x", CLMIX_F32, 2, size);
    clmix_value weight = clmix_constant(graph, CLMIX_F32, 2, (size_t[]){ 4, 4 }, fill_halves, &half, sizeof half);

    in = clmix_linear_with(clmix_root(graph), in, weight, (clmix_value){ 0 });
    clmix_output(graph, "mixed", in);
    clmix_output(graph, "y", clmix_linear(clmix_shared(at), clmix_linear(at, in, 4, true), 4, true));
    status = clmix_plan_compile(&plan, graph, tiny.device, CLMIX_INFERENCE);
    if (status == CLMIX_OK)
        status = clmix_plan_write(plan, "x", x, sizeof x);
    if (status == CLMIX_OK)
        status = clmix_plan_run(plan);
    if (status == CLMIX_OK)
        status = clmix_plan_read(plan, "mixed", y, sizeof y);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return expect(status, y[0] == 0.5f && y[3] == 0.5f && y[4] == 0.0f);
}

static clmix_status configure(void)
{
    clmix_config *config = NULL;
    char *text = NULL;
    clmix_status status = clmix_config_open(&config, TINY_CONFIG);

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
    float found[TINY_PREDICTIONS];
    clmix_status status = clmix_network_create(&network, tiny.device, tiny.config, TINY_SEED);

    if (status == CLMIX_OK) {
        status = clmix_network_classify(network, tiny.pictures, TINY_PICTURES, found);
        if (status != CLMIX_OK && !tiny_trouble.forever) /* the network is still good */
            tiny_classifies(network, tiny.predictions);
    }
    clmix_network_free(network);
    return expect(status, same_predictions(found, tiny.predictions));
}

static clmix_status load_network(void)
{
    clmix_network *network = NULL;
    float found[TINY_PREDICTIONS];
    clmix_status status = clmix_network_load(&network, tiny.device, tiny.other_path);

    if (status == CLMIX_OK)
        status = clmix_network_classify(network, tiny.pictures, TINY_PICTURES, found);
    clmix_network_free(network);
    return expect(status, same_predictions(found, tiny.other_predictions));
}

static clmix_status load_weights(void)
{
    return clmix_network_load_weights(tiny.network, tiny.other_path);
}

static void check_weights(clmix_status status)
{
    tiny_classifies(tiny.network, status == CLMIX_OK ? tiny.other_predictions : tiny.predictions);
    tiny_ok(clmix_network_load_weights(tiny.network, tiny.model_path));
}

/* Over a file that is there. */
static clmix_status save_network(void)
{
    return clmix_network_save(tiny.network, tiny.other_path);
}

static void check_saved(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK ? tiny_holds(tiny.other_path, tiny.model, tiny.model_bytes)
                                     : tiny_holds(tiny.other_path, tiny.other, tiny.other_bytes),
                  "a file that could not be written is not as it was");
    tiny_check_folder(tiny.folder);
    tiny_write(tiny.other_path, tiny.other, tiny.other_bytes);
}

static clmix_status classify_more(void)
{
    float found[5 * TINY_PREDICTIONS / TINY_PICTURES];
    uint8_t pictures[5 * TINY_BYTES / TINY_PICTURES] = { 0 };
    clmix_status status;

    memcpy(pictures, tiny.pictures, sizeof tiny.pictures);
    status = clmix_network_classify(tiny.network, pictures, 5, found); /* a plan larger than the one that is kept */
    if (status == CLMIX_OK)
        status = clmix_network_classify(tiny.network, pictures, 2, found);
    return status;
}

static void forget_plans(void)
{
    tiny_ok(clmix_network_load_weights(tiny.network, tiny.model_path));
    tiny_ok(clmix_network_describe_data(tiny.network, NULL, (const float[]){ 0.5f, 0.5f, 0.5f }, (const float[]){ 0.5f, 0.5f, 0.5f }));
    tiny_classifies(tiny.network, tiny.predictions);
}

static void check_answers(clmix_status status)
{
    (void)status;
    forget_plans(); /* which classifies as before, too */
}

static clmix_status take_one_step(void)
{
    double loss = 0.0;
    clmix_status status = tiny_step(tiny.network, &loss);

    return expect(status, loss == tiny.loss);
}

static clmix_status evaluate(void)
{
    clmix_score score;
    clmix_status status = clmix_evaluate(tiny.network, tiny.data, CLMIX_TEST, 3, &score);

    return expect(status, score.loss == tiny.score.loss && score.count == tiny.score.count &&
                              score.metrics[0].value == tiny.score.metrics[0].value);
}

static clmix_status train_afresh(void)
{
    return tiny_train(false, NULL);
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
    const clmix_timing *timings;
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
        status = clmix_profile_stop(tiny.device, &timings, &count);
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
    clmix_value pictures = clmix_normalize(clmix_batch_input(graph, "pictures", CLMIX_U8, 4, size), half, half);
    clmix_plan *plan = NULL;
    clmix_status status;

    clmix_output(graph, "logits", clmix_model(clmix_root(graph), &pictures, tiny.config));
    status = clmix_plan_compile(&plan, graph, tiny.device, CLMIX_INFERENCE);
    if (status == CLMIX_OK)
        status = watch(plan);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return status;
}

/* The device keeps the timings of its last profile: an empty one takes their place. */
static void end_profile(clmix_status status)
{
    const clmix_timing *timings;
    size_t count;

    (void)status;
    clmix_profile_stop(tiny.device, &timings, &count);
    tiny_ok(clmix_profile_start(tiny.device));
    tiny_ok(clmix_profile_stop(tiny.device, &timings, &count));
}

static void restore_weights(void)
{
    tiny_ok(clmix_network_load_weights(tiny.network, tiny.model_path));
}

const struct scenario tiny_scenarios[] = {
    { "building, differentiating and planning a graph", NULL, plan_training, NULL },
    { "planning in slices of a batch", NULL, plan_slices, NULL },
    { "constants and a shared layer", NULL, use_constants, NULL },
    { "configurations", NULL, configure, NULL },
    { "opening a device", NULL, open_device, NULL },
    { "a network with fresh weights", NULL, create_network, NULL },
    { "a network from a file", NULL, load_network, NULL },
    { "weights into a network", NULL, load_weights, check_weights },
    { "saving a network", forget_plans, save_network, check_saved },
    { "classifying", forget_plans, classify_more, check_answers },
    { "a training step", restore_weights, take_one_step, check_answers },
    { "evaluating", NULL, evaluate, NULL },
    { "training", tiny_empty_run_folder, train_afresh, check_afresh },
    { "resuming", tiny_begin_run, tiny_resume, check_resumed },
    { "looking at a run", tiny_begin_run, inspect, NULL },
    { "watching a run", NULL, watch_a_run, end_profile },
};
const int tiny_scenario_count = sizeof tiny_scenarios / sizeof tiny_scenarios[0];

/* ---- failing ------------------------------------------------------------------------------------------------------------------------ */

static _Thread_local struct {
    bool armed, onwards;
    size_t calls, failing;
} trap;

void fault_arm(size_t nth, bool onwards)
{
    trap.calls = 0;
    trap.failing = nth;
    trap.onwards = onwards;
    trap.armed = true;
}

size_t fault_disarm(void)
{
    trap.armed = false;
    return trap.calls;
}

bool fault_strikes(void)
{
    if (!trap.armed)
        return false;
    trap.calls++;
    return trap.failing != 0 && (trap.onwards ? trap.calls >= trap.failing : trap.calls == trap.failing);
}

/* A sentence: several words, and not the one of an earlier failure. */
static void check_sentence(const struct scenario *scenario, size_t nth)
{
    ck_assert_msg(strlen(clmix_error()) > 10 && strchr(clmix_error(), ' ') != NULL, "%s, call %zu failed without a sentence: '%s'",
                  scenario->name, nth, clmix_error());
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
    tiny_trouble.forever = onwards;
    clmix_fail(CLMIX_OK, "%s", "");
    tiny_trouble.end = fault_disarm;
    fault_arm(nth, onwards);
    status = scenario->run();
    calls = fault_disarm();
    tiny_trouble.end = NULL;
    tiny_trouble.forever = false;
    ck_assert_msg(nth != 0 || status == CLMIX_OK, "%s: %s", scenario->name, clmix_error());
    ck_assert_msg(status == CLMIX_OK || fault->may_give(status), "%s, call %zu: %s: %s", scenario->name, nth, clmix_status_name(status),
                  clmix_error());
    if (status != CLMIX_OK)
        check_sentence(scenario, nth);
    clmix_device_memory(tiny.device, &after, NULL, NULL);
    if (scenario->check == NULL) {
        ck_assert_msg(after == before, "%s, call %zu: %zu bytes of device memory were held before and %zu after", scenario->name, nth,
                      before, after);
        ck_assert_msg(fault->held() == held, "%s, call %zu (%s): %ld are held that were not before", scenario->name, nth, clmix_error(),
                      fault->held() - held);
    } else {
        scenario->check(status);
    }
    return nth != 0 && calls >= nth;
}

/* The calls that an undisturbed run makes. */
static size_t count_calls(const struct scenario *scenario)
{
    size_t calls;

    if (scenario->begin != NULL)
        scenario->begin();
    tiny_trouble.end = fault_disarm;
    fault_arm(0, false);
    tiny_ok(scenario->run());
    calls = fault_disarm();
    tiny_trouble.end = NULL;
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

    count_calls(scenario); /* kernels are made, tables grow */
    calls = count_calls(scenario);
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
