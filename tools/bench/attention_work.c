/* An operator on heads at work: its graph, its plans, its time. */
#include "base/random.h"
#include "base/status.h"
#include "bench/attention.h"
#include "network/initial.h"

#include <stdlib.h>

#define LEAST_RUNS 3
#define STEEP      2.5 /* what is linear takes twice the work for twice the tokens */

static const char *const names[BENCH_OPERANDS] = { "q", "k", "v", "gradient" };

static size_t width_of(const struct bench_attention *of)
{
    return of->mixer.heads * of->mixer.head_dim;
}

/* ---- operands ------------------------------------------------------------------------------------------------------------------------------- */

clmix_status bench_operands_make(struct bench_operands *operands, const struct bench_attention *of, float range)
{
    operands->count = of->batch * of->tokens * width_of(of);
    for (int i = 0; i < BENCH_OPERANDS; i++) {
        clmix_random random = clmix_random_stream(1, (uint64_t)i);

        operands->values[i] = malloc(operands->count * sizeof(float));
        if (operands->values[i] == NULL)
            return clmix_fail_memory(names[i]);
        for (size_t k = 0; k < operands->count; k++)
            operands->values[i][k] = range * (2.0f * clmix_random_uniform(&random) - 1.0f);
    }
    return CLMIX_OK;
}

void bench_operands_free(struct bench_operands *operands)
{
    for (int i = 0; i < BENCH_OPERANDS; i++)
        free(operands->values[i]);
    *operands = (struct bench_operands){ 0 };
}

/* ---- graphs --------------------------------------------------------------------------------------------------------------------------------- */

static clmix_status build(clmix_graph *graph, const struct bench_attention *of, bool training)
{
    const size_t size[3] = { of->batch, of->tokens, width_of(of) };
    clmix_value inputs[BENCH_OPERANDS] = { 0 }, y;
    struct clmix_heads heads = { 0 };

    for (int i = 0; i < (training ? BENCH_OPERANDS : BENCH_GRADIENT); i++) {
        inputs[i] = clmix_batch_input(graph, names[i], CLMIX_F32, 3, size);
        if (training && i < BENCH_GRADIENT)
            clmix_want_gradient(inputs[i]);
    }
    heads.q = inputs[BENCH_QUERIES];
    heads.k = inputs[BENCH_KEYS];
    heads.v = inputs[BENCH_VALUES];
    y = clmix_attend(clmix_in(clmix_root(graph), "attention"), &heads, &of->mixer);
    if (!training) {
        clmix_output(graph, "y", y);
        return clmix_graph_check(graph);
    }
    clmix_backward(graph, 1, &y, &inputs[BENCH_GRADIENT]);
    clmix_output(graph, "dq", clmix_gradient_of(inputs[BENCH_QUERIES]));
    clmix_output(graph, "dk", clmix_gradient_of(inputs[BENCH_KEYS]));
    clmix_output(graph, "dv", clmix_gradient_of(inputs[BENCH_VALUES]));
    return clmix_graph_check(graph);
}

static clmix_status plan_pass(clmix_device *device, const struct bench_attention *of, bool training, clmix_graph **graph, clmix_plan **plan)
{
    *plan = NULL;
    *graph = clmix_graph_new();
    if (*graph == NULL)
        return clmix_fail_memory("a graph");
    CLMIX_TRY(build(*graph, of, training));
    return clmix_plan_compile(plan, *graph, device, training ? CLMIX_TRAINING : CLMIX_INFERENCE);
}

/* ---- runs ----------------------------------------------------------------------------------------------------------------------------------- */

static clmix_status write_weights(clmix_plan *plan, const clmix_graph *graph)
{
    for (size_t i = 0; i < clmix_graph_tensor_count(graph); i++) {
        clmix_tensor_info info;
        float *values;
        clmix_status status;

        CLMIX_TRY(clmix_graph_tensor(graph, i, &info));
        values = calloc(clmix_shape_count(info.device_shape) + 1, sizeof *values);
        if (values == NULL)
            return clmix_fail_memory(info.name);
        status = clmix_initial_on_device(&info, 1, values);
        if (status == CLMIX_OK)
            status = clmix_plan_write(plan, info.name, values, clmix_shape_count(info.device_shape) * sizeof *values);
        free(values);
        CLMIX_TRY(status);
    }
    return CLMIX_OK;
}

static clmix_status write_inputs(clmix_plan *plan, const struct bench_operands *operands, bool training)
{
    for (int i = 0; i < (training ? BENCH_OPERANDS : BENCH_GRADIENT); i++)
        CLMIX_TRY(clmix_plan_write(plan, names[i], operands->values[i], operands->count * sizeof(float)));
    return CLMIX_OK;
}

static clmix_status run(clmix_plan *plan, const clmix_graph *graph, const struct bench_operands *operands, bool training,
                        const struct bench_request *request, struct bench_times *times, float *result)
{
    CLMIX_TRY(clmix_plan_prepare(plan));
    CLMIX_TRY(write_weights(plan, graph));
    CLMIX_TRY(write_inputs(plan, operands, training));
    CLMIX_TRY(bench_time_plan(plan, request->seconds, request->quick ? 1 : LEAST_RUNS, times));
    return training || result == NULL ? CLMIX_OK : clmix_plan_read(plan, "y", result, operands->count * sizeof(float));
}

clmix_status bench_attention_measure(clmix_device *device, const struct bench_attention *of, const struct bench_operands *operands,
                                     bool training, const struct bench_request *request, struct bench_pass *pass, float *result)
{
    struct bench_times times = { 0 };
    clmix_graph *graph = NULL;
    clmix_plan *plan = NULL;
    clmix_status status = plan_pass(device, of, training, &graph, &plan);

    *pass = (struct bench_pass){ 0 };
    if (status == CLMIX_OK) {
        clmix_plan_costs(plan, &pass->cost);
        if (bench_fits(device, &pass->cost))
            status = run(plan, graph, operands, training, request, &times, result);
        else
            pass->skipped = BENCH_NO_ROOM;
    }
    if (status == CLMIX_ERROR_DEVICE_MEMORY) {
        pass->skipped = "the device has no room for it";
        status = CLMIX_OK;
    }
    pass->seconds = bench_times_spread(&times);
    bench_times_free(&times);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return status;
}

clmix_status bench_attention_cost(clmix_device *device, const struct bench_attention *of, bool training, clmix_plan_cost *cost)
{
    clmix_graph *graph = NULL;
    clmix_plan *plan = NULL;
    const clmix_status status = plan_pass(device, of, training, &graph, &plan);

    clmix_plan_costs(plan, cost);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return status;
}

bool bench_attention_is_linear(const struct bench_attention *of)
{
    struct bench_attention half = *of;
    clmix_device *device = NULL;
    clmix_plan_cost all = { .flops = 0 }, less = { .flops = 0 };
    clmix_status status = clmix_device_generic(&device);

    half.tokens /= 2;
    if (status == CLMIX_OK)
        status = bench_attention_cost(device, of, false, &all);
    if (status == CLMIX_OK)
        status = bench_attention_cost(device, &half, false, &less);
    clmix_device_close(device);
    return status == CLMIX_OK && (double)all.flops < STEEP * (double)less.flops;
}
