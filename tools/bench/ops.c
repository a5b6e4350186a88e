/* clmix-bench ops: each op alone, and how near it comes to the ceiling that binds it. */
#include "bench/ops.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS       0.2 /* of repetitions for each figure */
#define QUICK_SECONDS 0.02
#define LEAST_RUNS    5
#define PATTERN       4096 /* elements that inputs repeat */

/* ---- measuring -------------------------------------------------------------------------------------------------------------------- */

/* Numbers around 0, pixels, or class 0. */
static clmix_status fill(clmix_plan *plan, const clmix_input_info *input)
{
    const size_t count = clmix_shape_count(input->shape), bytes = count * clmix_type_bytes(input->type);
    uint8_t *pattern = bench_bytes(PATTERN);
    void *values = calloc(bytes + 1, 1);
    clmix_status status = values == NULL || pattern == NULL ? clmix_fail_memory("an input") : CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < count; i++)
        if (input->type == CLMIX_F32)
            ((float *)values)[i] = ((float)pattern[i % PATTERN] - 127.5f) / 64.0f;
        else if (input->type == CLMIX_U8)
            ((uint8_t *)values)[i] = pattern[i % PATTERN];
    if (status == CLMIX_OK)
        status = clmix_plan_write(plan, input->name, values, bytes);
    free(values);
    free(pattern);
    return status;
}

static clmix_status fill_inputs(clmix_plan *plan, const clmix_graph *graph)
{
    for (size_t i = 0; i < clmix_graph_input_count(graph); i++) {
        clmix_input_info input;

        CLMIX_TRY(clmix_graph_input(graph, i, &input));
        CLMIX_TRY(fill(plan, &input));
    }
    return CLMIX_OK;
}

/* `skipped` where it would take too much memory. */
static clmix_status measure(const struct bench_op *op, clmix_device *device, double seconds, struct bench_work *work, bool *skipped)
{
    struct bench_times times = { 0 };
    clmix_plan_cost cost;
    clmix_plan *plan = NULL;
    clmix_status status = clmix_plan_compile(&plan, op->graph, device, CLMIX_TRAINING);

    if (status == CLMIX_OK) {
        clmix_plan_costs(plan, &cost);
        *work = (struct bench_work){
            .flops = cost.flops, .moved_bytes = cost.moved_bytes, .least_bytes = cost.least_bytes, .launches = cost.launches
        };
        *skipped = !bench_fits(device, &cost);
    }
    if (status == CLMIX_OK && !*skipped)
        status = clmix_plan_prepare(plan);
    if (status == CLMIX_OK && !*skipped)
        status = fill_inputs(plan, op->graph);
    if (status == CLMIX_OK && !*skipped)
        status = bench_time_plan(plan, seconds, LEAST_RUNS, &times);
    if (status == CLMIX_ERROR_DEVICE_MEMORY) {
        *skipped = true;
        status = CLMIX_OK;
    }
    work->seconds = bench_times_spread(&times);
    bench_times_free(&times);
    clmix_plan_free(plan);
    return status;
}

/* ---- reporting -------------------------------------------------------------------------------------------------------------------- */

static void print_op(const cJSON *json)
{
    const char *name = bench_text(json, "op"), *size = bench_text(json, "size"), *pass = bench_text(json, "pass");

    if (cJSON_HasObjectItem(json, "skipped"))
        printf("%-28s  %-8s  %9s  %8s  %7s  %9s  %-13s  %s  (%s)\n", name, pass, "skipped", "", "", "", "", size,
               bench_text(json, "skipped"));
    else
        printf("%-28s  %-8s  %9.3f  %8.1f  %7.1f  %7.1f %%  %-13s  %s%s\n", name, pass, bench_number(json, "ms"),
               bench_number(json, "gflops"), bench_number(json, "gbs"), 100.0 * bench_number(json, "fraction_of_ceiling"),
               bench_text(json, "bound_by"), size, bench_remark(json));
}

static clmix_status bench_op(struct bench_sink *sink, struct bench_device *on, const struct bench_op *op, double seconds, bool *written)
{
    struct bench_work work = { 0 };
    bool skipped = false;
    cJSON *json;

    CLMIX_TRY(measure(op, on->device, seconds, &work, &skipped));
    if (!skipped)
        bench_doubt_ceilings(on, &work);
    json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "op", op->name);
    cJSON_AddStringToObject(json, "size", op->size);
    cJSON_AddStringToObject(json, "pass", op->pass);
    if (skipped)
        cJSON_AddStringToObject(json, "skipped", BENCH_NO_ROOM);
    else
        bench_add_work(json, &work, &on->ceilings);
    bench_sign(json, on->device);
    *written = bench_emit(sink, json, print_op);
    return CLMIX_OK;
}

static bool is_wanted(const struct bench_request *request, const struct bench_op *op)
{
    return request->filter == NULL || strstr(op->name, request->filter) != NULL;
}

clmix_status bench_plan_ops(const struct bench_request *request)
{
    struct bench_op_list list;
    clmix_status status = bench_op_list_make(&list, request);
    bool found = false;

    for (size_t i = 0; status == CLMIX_OK && i < list.count; i++)
        found = found || is_wanted(request, &list.ops[i]);
    bench_op_list_free(&list);
    if (status == CLMIX_OK && !found)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "no op's name has '%s' in it", request->filter);
    return status;
}

int bench_ops(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on)
{
    struct bench_op_list list;
    clmix_status status = bench_op_list_make(&list, request);
    bool written = true;

    if (status == CLMIX_OK && !sink->cli->json)
        printf("%-28s  %-8s  %9s  %8s  %7s  %9s  %-13s  %s\n", "op", "pass", "ms", "GFLOP/s", "GB/s", "of it", "ceiling", "size");
    for (size_t i = 0; status == CLMIX_OK && written && i < list.count; i++)
        if (is_wanted(request, &list.ops[i]))
            status = bench_op(sink, on, &list.ops[i], request->quick ? QUICK_SECONDS : SECONDS, &written);
    bench_op_list_free(&list);
    if (status != CLMIX_OK)
        return cli_fail(sink->cli, status);
    return written ? 0 : cli_error(sink->cli, CLMIX_ERROR_FILE, NULL, "cannot write the result");
}
