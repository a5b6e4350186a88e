/* clmix-bench model, start: a model at work on random samples. The keys are those of peers' lines (bench/README.md), and more. */
#include "base/clock.h"
#include "base/status.h"
#include "bench/bench.h"
#include "network/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP     2
#define LEAST_STEPS 3
#define MOST_KEPT   64 /* of the numbers that a mode comes to */

enum mode { INFER, FORWARD, BACKWARD, TRAIN };
const char *const bench_modes[] = { [INFER] = "infer", [FORWARD] = "forward", [BACKWARD] = "backward", [TRAIN] = "train", NULL };

/* What is repeated: from samples on the host to the result on the host. */
struct work {
    enum mode mode;
    struct bench_trainer bench; /* train: all of it; the other modes use its network and samples */
    clmix_plan *plan;           /* forward, backward */
    void *places;               /* infer, of tokens: those that are asked about */
    float *answers;             /* infer */
    size_t answer_count;
    double loss;            /* the other modes: of the last step */
    double kept[MOST_KEPT]; /* what other devices must come to: losses of the first steps, or answers to the first one */
    size_t kept_count;
    size_t parameters;
    size_t planned_bytes, peak_bytes; /* of device memory */
    clmix_plan_cost cost;
};

/* ---- making ----------------------------------------------------------------------------------------------------------------------- */

/* The plan comes first: what the device cannot do is refused before memory of the host is drawn. */
static clmix_status plan_inference(struct work *work, clmix_device *device, const clmix_config *config)
{
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    clmix_plan *plan = NULL;

    CLMIX_TRY(clmix_classify_compile(&plan, device, config, half, half, work->bench.extent));
    clmix_plan_costs(plan, &work->cost);
    clmix_plan_free(plan);
    return CLMIX_OK;
}

static clmix_status plan_pass(struct work *work, clmix_device *device, const clmix_config *config)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_status status;

    status = bench_build_pass(graph, config, work->bench.extent, work->mode == BACKWARD);
    if (status == CLMIX_OK)
        status = clmix_plan_compile(&work->plan, graph, device, CLMIX_TRAINING);
    clmix_graph_free(graph);
    if (status == CLMIX_OK)
        clmix_plan_costs(work->plan, &work->cost);
    return status;
}

static clmix_status prepare_pass(struct work *work)
{
    const cl_mem states = clmix_network_states(work->bench.network);

    CLMIX_TRY(clmix_plan_bind_arena(work->plan, CLMIX_WEIGHTS, clmix_network_weights(work->bench.network)));
    if (states != NULL)
        CLMIX_TRY(clmix_plan_bind_arena(work->plan, CLMIX_STATES, states));
    return clmix_plan_prepare(work->plan);
}

static clmix_status make_training(struct work *work, clmix_device *device, const clmix_config *config)
{
    CLMIX_TRY(bench_trainer_make(&work->bench, device, config, work->bench.extent));
    clmix_trainer_cost(work->bench.trainer, &work->cost, &work->planned_bytes);
    return CLMIX_OK;
}

/* Room for the answers and, where the model answers with tokens, the first tokens of each sequence as those that are asked about. */
static clmix_status make_answers(struct work *work, const clmix_config *config)
{
    const struct clmix_extent extent = work->bench.extent;
    const size_t places = clmix_most_labelled(extent.length);
    int32_t *place = malloc(extent.batch * places * sizeof *place);

    work->places = place;
    work->answer_count = extent.batch * clmix_network_answers(config, extent);
    work->answers = malloc(work->answer_count * sizeof *work->answers);
    for (size_t i = 0; place != NULL && i < extent.batch * places; i++)
        place[i] = (int32_t)(i % places);
    return place != NULL && work->answers != NULL ? CLMIX_OK : clmix_fail_memory("the answers");
}

static clmix_status make_other(struct work *work, clmix_device *device, const clmix_config *config)
{
    CLMIX_TRY(work->mode == INFER ? plan_inference(work, device, config) : plan_pass(work, device, config));
    work->planned_bytes = work->cost.peak_bytes;
    CLMIX_TRY(model_network(device, config, 1, &work->bench.network));
    if (work->mode != INFER)
        CLMIX_TRY(prepare_pass(work));
    CLMIX_TRY(bench_feed_make(&work->bench, config));
    return work->mode == INFER ? make_answers(work, config) : CLMIX_OK;
}

static clmix_status make_work(struct work *work, clmix_device *device, const clmix_config *config)
{
    CLMIX_TRY(work->mode == TRAIN ? make_training(work, device, config) : make_other(work, device, config));
    work->parameters = clmix_network_parameter_count(work->bench.network);
    return CLMIX_OK;
}

static void free_work(struct work *work)
{
    clmix_plan_free(work->plan);
    bench_trainer_free(&work->bench);
    free(work->places);
    free(work->answers);
}

/* ---- doing ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status run_pass(struct work *work)
{
    const struct bench_trainer *bench = &work->bench;
    clmix_plan_array arrays[CLMIX_RECIPE_PORTS];
    float loss = NAN;

    for (int i = 0; i < bench->port_count; i++)
        arrays[i] = (clmix_plan_array){ bench->ports[i].name, bench->arrays[i], bench->extent.batch * clmix_port_bytes(&bench->ports[i]) };
    CLMIX_TRY(clmix_plan_set_step(work->plan, 1, 0));
    CLMIX_TRY(clmix_plan_feed(work->plan, arrays, (size_t)bench->port_count));
    CLMIX_TRY(clmix_plan_run(work->plan));
    CLMIX_TRY(clmix_plan_read(work->plan, CLMIX_LOSS, &loss, sizeof loss));
    work->loss = (double)loss;
    return CLMIX_OK;
}

/* The model's ports come first in what training is fed. */
static clmix_status infer(struct work *work)
{
    const struct bench_trainer *bench = &work->bench;
    const int count = clmix_config_port_count(clmix_network_config(bench->network));
    const void *arrays[CLMIX_ANSWER_PORTS];

    for (int i = 0; i < count; i++)
        arrays[i] = bench->arrays[i];
    arrays[count] = work->places;
    return clmix_network_answer(bench->network, bench->extent, arrays, bench->extent.batch, work->answers);
}

static clmix_status do_work(struct work *work)
{
    switch (work->mode) {
    case INFER: return infer(work);
    case TRAIN: return bench_trainer_step(&work->bench, &work->loss);
    default: return run_pass(work);
    }
}

/* Of the answers as many as are kept, spread evenly over all of them. */
static void keep(struct work *work)
{
    if (work->mode != INFER) {
        work->kept[work->kept_count++] = work->loss;
        return;
    }
    work->kept_count = work->answer_count < MOST_KEPT ? work->answer_count : MOST_KEPT;
    for (size_t i = 0; i < work->kept_count; i++)
        work->kept[i] = (double)work->answers[i * work->answer_count / work->kept_count];
}

/* What steps took: by the clock, and of the calling thread's processor time but for what it took waiting. */
struct taken {
    struct bench_times steps, host;
    clmix_traffic traffic; /* of all of them */
};

static clmix_status time_step(struct work *work, const clmix_device *device, struct taken *taken)
{
    const double start = clmix_seconds(), processor = clmix_thread_seconds();
    clmix_traffic before, after;

    clmix_device_traffic(device, &before);
    CLMIX_TRY(do_work(work));
    clmix_device_traffic(device, &after);
    taken->traffic.uploads += after.uploads - before.uploads;
    taken->traffic.upload_bytes += after.upload_bytes - before.upload_bytes;
    CLMIX_TRY(bench_times_add(&taken->steps, clmix_seconds() - start));
    return bench_times_add(&taken->host, clmix_thread_seconds() - processor - (after.waiting_seconds - before.waiting_seconds));
}

static clmix_status measure(struct work *work, const clmix_device *device, double seconds, struct taken *taken)
{
    double end;

    for (int i = 0; i < WARM_UP; i++) {
        CLMIX_TRY(do_work(work));
        if (i == 0 || work->mode == TRAIN) /* the other modes do the same each time */
            keep(work);
    }
    end = clmix_seconds() + seconds;
    while (clmix_seconds() < end || taken->steps.count < LEAST_STEPS)
        CLMIX_TRY(time_step(work, device, taken));
    return CLMIX_OK;
}

/* ---- reporting -------------------------------------------------------------------------------------------------------------------- */

static void print_model(const cJSON *json)
{
    char batch[64];

    printf("%s, %s, %s on %s: %.2f ms (quartiles %.2f and %.2f, least %.2f, %.0f runs), %.0f %s/s, %.1f MB, "
           "%.1f GFLOP/s = %.0f %% of the ceiling, %.1f GB/s = %.0f %%, host %.3f ms = %.1f %%, %.0f uploads of %.1f KB%s\n",
           bench_text(json, "model"), bench_text(json, "mode"), bench_batch(json, batch), bench_text(json, "device"),
           bench_number(json, "step_ms"), bench_number(json, "step_ms_q1"), bench_number(json, "step_ms_q3"),
           bench_number(json, "step_ms_min"), bench_number(json, "runs"), bench_number(json, "images_per_second"),
           isnan(bench_number(json, "length")) ? "pictures" : "sequences", bench_number(json, "peak_bytes") / 1e6,
           bench_number(json, "gflops"), 100.0 * bench_number(json, "fraction_of_peak"), bench_number(json, "gbs"),
           100.0 * bench_number(json, "fraction_of_copy"), bench_number(json, "host_ms"), 100.0 * bench_number(json, "host_share"),
           bench_number(json, "uploads"), 1e-3 * bench_number(json, "upload_bytes"), bench_remark(json));
}

static cJSON *begin_object(const struct work *work, const clmix_config *config)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "peer", "clmix " CLMIX_VERSION);
    cJSON_AddStringToObject(json, "model", clmix_config_name(config));
    cJSON_AddStringToObject(json, "mode", bench_modes[work->mode]);
    bench_add_extent(json, work->bench.extent);
    return json;
}

static void add_host(cJSON *json, struct taken *taken, double step_seconds)
{
    const double host_seconds = bench_times_spread(&taken->host).median, runs = (double)taken->steps.count;

    bench_add(json, "host_ms", 1e3 * host_seconds);
    bench_add(json, "host_share", host_seconds / step_seconds);
    bench_add(json, "uploads", (double)taken->traffic.uploads / runs);
    cJSON_AddNumberToObject(json, "upload_bytes", (double)taken->traffic.upload_bytes / runs);
}

/* To eight digits, which is more than float32 has. */
static void add_answers(cJSON *json, const struct work *work)
{
    cJSON *answers = cJSON_AddArrayToObject(json, "answers");

    for (size_t i = 0; i < work->kept_count; i++)
        cJSON_AddItemToArray(answers, cJSON_CreateNumber(bench_rounded(work->kept[i], 8)));
}

static cJSON *describe(const struct bench_device *on, const clmix_config *config, const struct work *work, struct taken *taken,
                       const struct bench_spread *spread)
{
    cJSON *json = begin_object(work, config);

    bench_add(json, "step_ms", 1e3 * spread->median);
    bench_add(json, "step_ms_min", 1e3 * spread->least);
    bench_add(json, "images_per_second", (double)work->bench.extent.batch / spread->median);
    cJSON_AddNumberToObject(json, "peak_bytes", (double)work->peak_bytes);
    cJSON_AddNumberToObject(json, "parameters", (double)work->parameters);
    cJSON_AddStringToObject(json, "device", clmix_device_describe(on->device)->name);
    bench_add(json, "gflops", (double)work->cost.flops / spread->median / 1e9);
    cJSON_AddNullToObject(json, "fraction_of_peak"); /* the shares are set below; this is their place */
    bench_add(json, "gbs", (double)work->cost.moved_bytes / spread->median / 1e9);
    cJSON_AddNullToObject(json, "fraction_of_copy");
    bench_add(json, "step_ms_q1", 1e3 * spread->q1);
    bench_add(json, "step_ms_q3", 1e3 * spread->q3);
    cJSON_AddNumberToObject(json, "runs", (double)spread->count);
    cJSON_AddNumberToObject(json, "planned_bytes", (double)work->planned_bytes);
    cJSON_AddNumberToObject(json, "launches", (double)work->cost.launches);
    cJSON_AddNumberToObject(json, "moved_bytes", (double)work->cost.moved_bytes);
    cJSON_AddNumberToObject(json, "least_bytes", (double)work->cost.least_bytes);
    add_host(json, taken, spread->median);
    add_answers(json, work);
    bench_sign(json, on->device);
    bench_set_shares(json, &on->ceilings);
    return json;
}

static enum mode mode_of(const char *name)
{
    enum mode mode = INFER;

    while (strcmp(bench_modes[mode], name) != 0)
        mode++;
    return mode;
}

static clmix_status open_model(struct work *work, const struct bench_request *request, const char *model, clmix_config **config)
{
    CLMIX_TRY(bench_config(request, model, config));
    return model_extent(*config, request->batch, request->length, &work->bench.extent);
}

clmix_status bench_plan_model(const struct bench_request *request, clmix_device *device, const char *model)
{
    struct work work = { .mode = mode_of(request->mode) };
    clmix_train_options options = clmix_train_defaults();
    clmix_config *config = NULL;
    clmix_status status = open_model(&work, request, model, &config);

    options.batch = work.bench.extent.batch;
    options.length = work.bench.extent.length;
    if (status == CLMIX_OK && work.mode == TRAIN)
        status = clmix_train_cost(device, config, 0, 0, &options, &work.cost, &work.planned_bytes);
    else if (status == CLMIX_OK)
        status = work.mode == INFER ? plan_inference(&work, device, config) : plan_pass(&work, device, config);
    free_work(&work);
    clmix_config_free(config);
    return status;
}

int bench_model(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on, const char *model)
{
    struct work work = { .mode = mode_of(request->mode) };
    struct taken taken = { 0 };
    clmix_config *config = NULL;
    clmix_status status = open_model(&work, request, model, &config);
    int exit_status = 0;

    if (status == CLMIX_OK)
        status = make_work(&work, on->device, config);
    if (status == CLMIX_OK)
        status = measure(&work, on->device, request->seconds, &taken);
    if (status != CLMIX_OK) {
        exit_status = bench_fail(sink->cli, status);
    } else {
        const struct bench_spread spread = bench_times_spread(&taken.steps);

        clmix_device_memory(on->device, NULL, &work.peak_bytes, NULL);
        bench_doubt_ceilings(on, &(struct bench_work){ .seconds = spread, .flops = work.cost.flops });
        if (!bench_emit(sink, describe(on, config, &work, &taken, &spread), print_model))
            exit_status = cli_error(sink->cli, CLMIX_ERROR_FILE, NULL, "cannot write the result");
    }
    free_work(&work);
    bench_times_free(&taken.steps);
    bench_times_free(&taken.host);
    clmix_config_free(config);
    return exit_status;
}

/* ---- the first step ----------------------------------------------------------------------------------------------------------------- */

static void print_start(const cJSON *json)
{
    char batch[64];

    printf("%s, %s start of mode %s, %s on %s: %.2f s from the program's start to the first result (%.0f programs compiled, "
           "%.0f loaded)\n",
           bench_text(json, "model"), bench_text(json, "start"), bench_text(json, "mode"), bench_batch(json, batch),
           bench_text(json, "device"), 1e-3 * bench_number(json, "start_ms"), bench_number(json, "programs_compiled"),
           bench_number(json, "programs_loaded"));
}

int bench_start(struct bench_sink *sink, const struct bench_request *request, clmix_device *device, const char *model)
{
    struct work work = { .mode = mode_of(request->mode) };
    clmix_config *config = NULL;
    clmix_status status = open_model(&work, request, model, &config);
    int exit_status = 0;

    if (status == CLMIX_OK)
        status = make_work(&work, device, config);
    if (status == CLMIX_OK)
        status = do_work(&work);
    if (status != CLMIX_OK) {
        exit_status = bench_fail(sink->cli, status);
    } else {
        const double seconds = clmix_seconds() - request->begun;
        cJSON *json = begin_object(&work, config);
        size_t compiled, loaded;

        clmix_device_programs(device, &compiled, &loaded);
        cJSON_AddStringToObject(json, "start", compiled > 0 ? "cold" : "warm");
        bench_add(json, "start_ms", 1e3 * seconds);
        cJSON_AddNumberToObject(json, "programs_compiled", (double)compiled);
        cJSON_AddNumberToObject(json, "programs_loaded", (double)loaded);
        bench_sign(json, device);
        if (!bench_emit(sink, json, print_start))
            exit_status = cli_error(sink->cli, CLMIX_ERROR_FILE, NULL, "cannot write the result");
    }
    free_work(&work);
    clmix_config_free(config);
    return exit_status;
}
