/* clmix-bench plan: how long it takes to write a model down as a graph and to compile it into a plan, before anything is allocated or run. */
#include "base/clock.h"
#include "base/status.h"
#include "bench/bench.h"
#include "network/network.h"

#include <stdlib.h>

#define LEAST_RUNS 3

static clmix_status make_plan(clmix_plan **plan, clmix_device *device, const clmix_config *config, struct clmix_extent extent,
                              bool training)
{
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    clmix_graph *graph;
    clmix_status status;

    if (!training)
        return clmix_classify_compile(plan, device, config, half, half, extent);
    graph = clmix_graph_new();
    status = bench_build_pass(graph, config, extent, true);
    if (status == CLMIX_OK)
        status = clmix_plan_compile(plan, graph, device, CLMIX_TRAINING);
    clmix_graph_free(graph);
    return status;
}

static clmix_status measure(clmix_device *device, const clmix_config *config, struct clmix_extent extent, bool training, double seconds,
                            struct bench_times *times, clmix_plan_cost *cost, size_t *values)
{
    const double end = clmix_seconds() + seconds;

    while (clmix_seconds() < end || times->count < LEAST_RUNS) {
        const double start = clmix_seconds();
        clmix_plan *plan = NULL;

        CLMIX_TRY(make_plan(&plan, device, config, extent, training));
        clmix_plan_costs(plan, cost);
        *values = clmix_plan_value_count(plan);
        clmix_plan_free(plan);
        CLMIX_TRY(bench_times_add(times, clmix_seconds() - start));
    }
    return CLMIX_OK;
}

static void print_plan(const cJSON *json)
{
    char batch[64];

    printf("%s, %s, %s for %s: %.2f ms (quartiles %.2f and %.2f, least %.2f, %.0f runs), %.0f launches, %.0f values, %.1f MB\n",
           bench_text(json, "model"), bench_text(json, "mode"), bench_batch(json, batch), bench_text(json, "device"),
           bench_number(json, "step_ms"), bench_number(json, "step_ms_q1"), bench_number(json, "step_ms_q3"),
           bench_number(json, "step_ms_min"), bench_number(json, "runs"), bench_number(json, "launches"), bench_number(json, "values"),
           bench_number(json, "planned_bytes") / 1e6);
}

static clmix_status measure_mode(struct bench_sink *sink, const struct bench_request *request, clmix_device *device,
                                 const clmix_config *config, bool training)
{
    struct clmix_extent extent;
    struct bench_times times = { 0 };
    struct bench_spread spread;
    clmix_plan_cost cost;
    size_t values = 0;
    cJSON *json;
    clmix_status status = model_extent(config, request->batch, request->length, &extent);

    if (status == CLMIX_OK)
        status = measure(device, config, extent, training, request->seconds / 2.0, &times, &cost, &values);
    if (status == CLMIX_OK) {
        spread = bench_times_spread(&times);
        json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "peer", "clmix " CLMIX_VERSION);
        cJSON_AddStringToObject(json, "model", clmix_config_name(config));
        cJSON_AddStringToObject(json, "mode", training ? "plan train" : "plan infer");
        bench_add_extent(json, extent);
        bench_add(json, "step_ms", 1e3 * spread.median);
        bench_add(json, "step_ms_min", 1e3 * spread.least);
        bench_add(json, "step_ms_q1", 1e3 * spread.q1);
        bench_add(json, "step_ms_q3", 1e3 * spread.q3);
        cJSON_AddNumberToObject(json, "runs", (double)spread.count);
        cJSON_AddNumberToObject(json, "launches", (double)cost.launches);
        cJSON_AddNumberToObject(json, "values", (double)values);
        cJSON_AddNumberToObject(json, "planned_bytes", (double)cost.peak_bytes);
        bench_sign(json, device);
        if (!bench_emit(sink, json, print_plan))
            status = clmix_fail(CLMIX_ERROR_FILE, "cannot write the result");
    }
    bench_times_free(&times);
    return status;
}

int bench_plan(struct bench_sink *sink, const struct bench_request *request, clmix_device *device, const char *model)
{
    clmix_config *config = NULL;
    clmix_status status = bench_config(request, model, &config);

    if (status == CLMIX_OK)
        status = measure_mode(sink, request, device, config, true);
    if (status == CLMIX_OK)
        status = measure_mode(sink, request, device, config, false);
    clmix_config_free(config);
    return status == CLMIX_OK ? 0 : bench_fail(sink->cli, status);
}
