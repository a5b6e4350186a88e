/* clmix-bench ops: each op alone, forward and backward, at sizes that WaveMix and the Vision X-formers have at a batch of 64. */
#include "base/status.h"
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_RANK 4
#define SECONDS   0.3 /* of repetitions for each figure */

/* A graph of one op: builds it on x, in scope `at`. */
struct op_case {
    const char *name;
    int rank;
    size_t size[MOST_RANK];
    clmix_value (*build)(clmix_scope at, clmix_value x);
};

static clmix_value linear_wide(clmix_scope at, clmix_value x)
{
    return clmix_linear(at, x, 4 * clmix_shape_of(x).size[2], true);
}

static clmix_value linear_gelu(clmix_scope at, clmix_value x)
{
    return clmix_gelu(clmix_linear(at, x, clmix_shape_of(x).size[2], true));
}

static clmix_value conv3x3(clmix_scope at, clmix_value x)
{
    return clmix_conv2d(at, x, 32, clmix_square(3, 1, 1), true);
}

static clmix_value conv1x1(clmix_scope at, clmix_value x)
{
    return clmix_conv2d(at, x, clmix_shape_of(x).size[3] * 2, clmix_square(1, 1, 0), true);
}

static clmix_value conv_stride2(clmix_scope at, clmix_value x)
{
    return clmix_conv2d(at, x, clmix_shape_of(x).size[3], clmix_square(3, 2, 1), true);
}

static clmix_value transposed2(clmix_scope at, clmix_value x)
{
    return clmix_conv_transpose2d(at, x, 32, clmix_square(4, 2, 1), true);
}

static clmix_value transposed4(clmix_scope at, clmix_value x)
{
    return clmix_conv_transpose2d(at, x, 32, clmix_square(6, 4, 1), true);
}

static clmix_value haar(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_haar_bands(x, 3);
}

static clmix_value batch_norm(clmix_scope at, clmix_value x)
{
    return clmix_batch_norm(at, x, 1e-5f, 0.1f);
}

static clmix_value layer_norm(clmix_scope at, clmix_value x)
{
    return clmix_layer_norm(at, x, 1e-5f);
}

static clmix_value gelu(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_gelu(x);
}

static clmix_value relu(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_relu(x);
}

static clmix_value softmax(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_softmax(x, -1);
}

static clmix_value dropout(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_dropout(x, 0.5f);
}

static clmix_value add(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_add(x, clmix_relu(x));
}

static clmix_value average_pool(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_global_average_pool(x);
}

static clmix_value max_pool(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_max_pool2d(x, clmix_square(3, 2, 1));
}

static const struct op_case cases[] = {
    { "linear 128 to 512", 3, { 64, 256, 128 }, linear_wide },
    { "linear 128 and gelu", 3, { 64, 256, 128 }, linear_gelu },
    { "conv 1x1 32 to 64", 4, { 64, 32, 32, 32 }, conv1x1 },
    { "conv 3x3 3 to 32", 4, { 64, 32, 32, 3 }, conv3x3 },
    { "conv 3x3 32 to 32", 4, { 64, 32, 32, 32 }, conv3x3 },
    { "conv 3x3 stride 2 64 to 64", 4, { 64, 32, 32, 64 }, conv_stride2 },
    { "conv transposed 4x4 stride 2 64 to 32", 4, { 64, 16, 16, 64 }, transposed2 },
    { "conv transposed 6x6 stride 4 64 to 32", 4, { 64, 8, 8, 64 }, transposed4 },
    { "haar bands 3 levels", 4, { 64, 32, 32, 32 }, haar },
    { "batch norm", 4, { 64, 32, 32, 32 }, batch_norm },
    { "layer norm", 3, { 64, 256, 128 }, layer_norm },
    { "gelu", 3, { 64, 256, 512 }, gelu },
    { "relu", 3, { 64, 256, 512 }, relu },
    { "softmax", 4, { 64, 4, 256, 256 }, softmax },
    { "dropout", 3, { 64, 256, 512 }, dropout },
    { "relu and add", 3, { 64, 256, 512 }, add },
    { "global average pool", 4, { 64, 32, 32, 128 }, average_pool },
    { "max pool 3x3 stride 2", 4, { 64, 32, 32, 64 }, max_pool },
};

/* ---- measuring -------------------------------------------------------------------------------------------------------------------- */

/* Forward: the op's result. Backward: the gradients of the input and the weights from one of the result; what of the forward pass that
 * needs is part of it. */
static clmix_graph *build(const struct op_case *op, bool backward)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, op->rank, op->size), y, gradient;
    clmix_shape shape;

    if (backward)
        clmix_want_gradient(x);
    y = op->build(clmix_root(graph), x);
    if (!backward) {
        clmix_output(graph, "y", y);
        return graph;
    }
    shape = clmix_shape_of(y);
    gradient = clmix_input(graph, "gradient", CLMIX_F32, shape.rank < 0 ? 0 : shape.rank, shape.size);
    clmix_backward(graph, 1, &y, &gradient);
    clmix_output(graph, "x_gradient", clmix_gradient_of(x));
    return graph;
}

static clmix_status fill(clmix_plan *plan, const char *name, size_t count)
{
    float *values = malloc(count * sizeof *values);
    uint8_t *bytes = bench_pictures(count);
    clmix_status status = values == NULL || bytes == NULL ? clmix_fail_memory("an input") : CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < count; i++)
        values[i] = ((float)bytes[i] - 127.5f) / 64.0f;
    if (status == CLMIX_OK)
        status = clmix_plan_write(plan, name, values, count * sizeof *values);
    free(values);
    free(bytes);
    return status;
}

static clmix_status run_times(clmix_plan *plan, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CLMIX_TRY(clmix_plan_run(plan));
    return clmix_plan_wait(plan);
}

/* Median seconds of a run, in batches long enough for the clock. */
static clmix_status time_plan(clmix_plan *plan, double *seconds)
{
    struct bench_times times = { 0 };
    clmix_status status = run_times(plan, 2);
    double start = bench_now(), once;
    size_t batch;

    if (status == CLMIX_OK)
        status = run_times(plan, 1);
    once = bench_now() - start;
    batch = once > 0.01 ? 1 : (size_t)(0.01 / (once + 1e-6)) + 1;
    for (start = bench_now(); status == CLMIX_OK && (bench_now() - start < SECONDS || times.count < 3);) {
        const double begin = bench_now();

        status = run_times(plan, batch);
        if (status == CLMIX_OK && !bench_times_add(&times, (bench_now() - begin) / (double)batch))
            status = clmix_fail_memory("the times");
    }
    *seconds = bench_times_median(&times);
    bench_times_free(&times);
    return status;
}

struct figures {
    double seconds;
    clmix_plan_cost cost;
};

static clmix_status prepare_inputs(const struct op_case *op, clmix_plan *plan, bool backward)
{
    clmix_shape x = { .rank = op->rank }, y;
    clmix_graph *forward;

    memcpy(x.size, op->size, sizeof op->size);
    CLMIX_TRY(clmix_plan_prepare(plan));
    CLMIX_TRY(fill(plan, "x", clmix_shape_count(x)));
    if (!backward)
        return CLMIX_OK;
    forward = clmix_graph_new();
    y = clmix_shape_of(op->build(clmix_root(forward), clmix_input(forward, "x", CLMIX_F32, op->rank, op->size)));
    clmix_graph_free(forward);
    return fill(plan, "gradient", clmix_shape_count(y));
}

static clmix_status measure(const struct op_case *op, clmix_device *device, bool backward, struct figures *figures)
{
    clmix_graph *graph = build(op, backward);
    clmix_plan *plan = NULL;
    clmix_status status = clmix_plan_compile(&plan, graph, device, CLMIX_TRAINING);

    if (status == CLMIX_OK)
        status = prepare_inputs(op, plan, backward);
    if (status == CLMIX_OK)
        status = time_plan(plan, &figures->seconds);
    if (status == CLMIX_OK)
        clmix_plan_costs(plan, &figures->cost);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return status;
}

/* ---- reporting -------------------------------------------------------------------------------------------------------------------- */

static bool print_figures(const struct cli *cli, const struct op_case *op, bool backward, const struct figures *figures,
                          const clmix_ceilings *ceilings)
{
    const double gflops = (double)figures->cost.flops / figures->seconds / 1e9,
                 gbs = (double)figures->cost.moved_bytes / figures->seconds / 1e9;
    const char *pass = backward ? "backward" : "forward";
    char size[64] = "";
    cJSON *json;

    for (int i = 0; i < op->rank; i++)
        snprintf(size + strlen(size), sizeof size - strlen(size), "%s%zu", i == 0 ? "" : "x", op->size[i]);
    if (!cli->json) {
        printf("%-38s  %-14s  %-8s  %9.3f  %9.1f  %8.1f  %6.1f %%\n", op->name, size, pass, 1e3 * figures->seconds, gflops, gbs,
               100.0 * bench_fraction(figures->cost.flops, figures->cost.least_bytes, figures->seconds, ceilings));
        fflush(stdout);
        return true;
    }
    json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "op", op->name);
    cJSON_AddStringToObject(json, "size", size);
    cJSON_AddStringToObject(json, "pass", pass);
    cJSON_AddNumberToObject(json, "ms", bench_rounded(1e3 * figures->seconds, 5));
    cJSON_AddNumberToObject(json, "gflops", bench_rounded(gflops, 5));
    cJSON_AddNumberToObject(json, "gbs", bench_rounded(gbs, 5));
    cJSON_AddNumberToObject(json, "fraction_of_ceiling",
                            bench_rounded(bench_fraction(figures->cost.flops, figures->cost.least_bytes, figures->seconds, ceilings), 4));
    return cli_print_json(json);
}

static int bench_op(const struct cli *cli, clmix_device *device, const struct op_case *op, const clmix_ceilings *ceilings)
{
    for (int backward = 0; backward < 2; backward++) {
        struct figures figures = { 0 };
        clmix_status status = measure(op, device, backward == 1, &figures);

        if (status != CLMIX_OK)
            return cli_fail(cli, status);
        if (!print_figures(cli, op, backward == 1, &figures, ceilings))
            return cli_error(cli, NULL, "cannot write to standard output");
    }
    return 0;
}

int bench_ops(const struct cli *cli, const struct bench_request *request, clmix_device *device)
{
    clmix_ceilings ceilings;
    clmix_status status = clmix_device_ceilings(device, &ceilings);
    int exit_status = 0, found = 0;

    if (status != CLMIX_OK)
        return cli_fail(cli, status);
    if (!cli->json)
        printf("%-38s  %-14s  %-8s  %9s  %9s  %8s  %s\n", "op", "input", "pass", "ms", "GFLOP/s", "GB/s", "of the binding ceiling");
    for (size_t i = 0; exit_status == 0 && i < sizeof cases / sizeof cases[0]; i++)
        if (request->filter == NULL || strstr(cases[i].name, request->filter) != NULL) {
            found++;
            exit_status = bench_op(cli, device, &cases[i], &ceilings);
        }
    return found > 0 ? exit_status : cli_bad_usage(cli, "no op's name has '%s' in it", request->filter);
}
