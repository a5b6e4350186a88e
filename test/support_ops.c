#include "support_ops.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "graph/op.h"
#include "ops/table.h"
#include "runtime/runtime.h"

#define MOST_PLACES 48

clmix_device *ops_device;

void ops_ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

void ops_open(void)
{
    ops_ok(clmix_device_open(&ops_device, NULL));
}

void ops_close(void)
{
    size_t current = 0, peak, allocations;

    clmix_device_memory(ops_device, &current, &peak, &allocations);
    ck_assert_msg(current == 0, "%zu bytes of device memory were not given back", current);
    clmix_device_close(ops_device);
    ops_device = NULL;
}

bool ops_small_effort(void)
{
    const char *effort = getenv("CLMIX_TEST_EFFORT");

    return effort != NULL && strcmp(effort, "small") == 0;
}

/* ---- data ---------------------------------------------------------------------------------------------------------------------------- */

const clmix_shape ops_shapes[OPS_SHAPES] = {
    { 2, { 1, 1 } }, { 1, { 3 } }, { 4, { 1, 33, 17, 1 } }, { 4, { 2, 3, 5, 16 } }, { 3, { 3, 7, 33 } }, { 2, { 1, 65 } },
};

clmix_shape ops_shape4(size_t a, size_t b, size_t c, size_t d)
{
    return (clmix_shape){ .rank = 4, .size = { a, b, c, d } };
}

clmix_shape ops_shape2(size_t rows, size_t columns)
{
    return (clmix_shape){ .rank = 2, .size = { rows, columns } };
}

clmix_value ops_input(clmix_graph *graph, const char *name, clmix_shape shape)
{
    return clmix_input(graph, name, CLMIX_F32, shape.rank, shape.size);
}

static void *room(size_t bytes)
{
    void *memory = calloc(1, bytes + 1);

    ck_assert_ptr_nonnull(memory);
    return memory;
}

static float *uniform_floats(uint64_t seed, size_t count, uint64_t stream, float low, float high)
{
    clmix_random random = clmix_random_stream(seed, stream);
    float *data = room(count * sizeof *data);

    for (size_t i = 0; i < count; i++)
        data[i] = low + (high - low) * clmix_random_uniform(&random);
    return data;
}

float *ops_floats(size_t count, uint64_t stream, float low, float high)
{
    return uniform_floats(11, count, stream, low, high);
}

float *ops_centred_floats(size_t count, uint64_t stream)
{
    return uniform_floats(7, count, stream, -0.5f, 0.5f);
}

void ops_compare(const char *what, const float *got, const double *wanted, size_t count, double tolerance)
{
    double largest = 1e-3, worst = -1.0;
    size_t place = 0;

    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(wanted[i]));
    for (size_t i = 0; i < count; i++) {
        double error = fabs((double)got[i] - wanted[i]);

        if (!(error <= worst)) {
            worst = error;
            place = i;
        }
        if (isnan(error))
            break;
    }
    ck_assert_msg(worst <= tolerance * largest, "%s: element %zu of %zu is %.9g and should be %.9g (off by %.3g of %.3g, limit %.3g)", what,
                  place, count, (double)got[place], wanted[place], worst, largest, tolerance * largest);
}

void ops_refused(clmix_graph *graph, const char *sentence)
{
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), sentence) != NULL, "'%s' in '%s'", sentence, clmix_error());
    clmix_graph_free(graph);
}

void ops_poisoned(clmix_graph *graph, clmix_value value, const char *sentence)
{
    ck_assert_int_lt(clmix_shape_of(value).rank, 0);
    ops_refused(graph, sentence);
}

void ops_compare_floats(const char *what, const float *got, const float *wanted, size_t count, double tolerance)
{
    double *copy = room(count * sizeof *copy);

    for (size_t i = 0; i < count; i++)
        copy[i] = (double)wanted[i];
    ops_compare(what, got, copy, count, tolerance);
    free(copy);
}

/* ---- plans --------------------------------------------------------------------------------------------------------------------------- */

clmix_plan *ops_plan(clmix_graph *graph, clmix_mode mode)
{
    clmix_plan *plan = NULL;

    ops_ok(clmix_graph_check(graph));
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, mode));
    clmix_graph_free(graph);
    ops_ok(clmix_plan_prepare(plan));
    return plan;
}

void ops_write(clmix_plan *plan, const char *name, const float *data, size_t count)
{
    ops_ok(clmix_plan_write(plan, name, data, count * sizeof *data));
}

float *ops_read(clmix_plan *plan, const char *name, size_t count)
{
    float *data = room(count * sizeof *data);

    ops_ok(clmix_plan_read(plan, name, data, count * sizeof *data));
    return data;
}

void ops_slice(const char *wish)
{
    ck_assert_int_eq(wish == NULL ? unsetenv("CLMIX_SLICE") : setenv("CLMIX_SLICE", wish, 1), 0);
}

size_t ops_launches(const clmix_plan *plan)
{
    clmix_plan_cost cost;

    clmix_plan_costs(plan, &cost);
    return cost.launches;
}

size_t ops_launches_of(ops_build build, const clmix_shape *shapes, int count)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[OPS_MOST];
    clmix_plan *plan;
    size_t launches;

    for (int i = 0; i < count; i++)
        inputs[i] = ops_input(graph, (char[]){ (char)('a' + i), '\0' }, shapes[i]);
    clmix_output(graph, "y", build(clmix_root(graph), inputs, NULL));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    launches = ops_launches(plan);
    clmix_plan_free(plan);
    return launches;
}

/* ---- masks ----------------------------------------------------------------------------------------------------------------------------- */

static clmix_status fill_mask(void *values, clmix_shape shape, const void *data)
{
    const ops_is_token is_token = *(const ops_is_token *)data;

    for (size_t i = 0; i < clmix_shape_count(shape); i++)
        ((int32_t *)values)[i] = is_token(i / shape.size[1], i % shape.size[1], shape.size[1]);
    return CLMIX_OK;
}

clmix_value ops_mask(clmix_graph *graph, ops_is_token is_token, size_t batch, size_t tokens)
{
    if (is_token == NULL)
        return (clmix_value){ .graph = NULL };
    return clmix_constant(graph, CLMIX_I32, 2, (size_t[]){ batch, tokens }, fill_mask, &is_token, sizeof is_token);
}

/* ---- an op against its reference ----------------------------------------------------------------------------------------------------- */

/* What a check works with: inputs, weights and states, in both precisions, and the gradients that the device gave. */
struct work {
    struct ops_check check;
    char where[256];
    int parameter_count, tensor_count; /* weights; inputs, weights and states together */
    const char *names[OPS_MOST];       /* of weights and states, at the places of their tensors */
    float *data[OPS_MOST], *gradient[OPS_MOST];
    double *exact[OPS_MOST];
    clmix_shape out_shape;
    float *out, *projection;
};

static size_t count_of(const struct work *work, int tensor)
{
    return clmix_shape_count(work->check.shapes[tensor]);
}

static void describe(struct work *work)
{
    char text[64];
    int used = snprintf(work->where, sizeof work->where, "%s", work->check.what);

    for (int i = 0; i < work->check.input_count; i++)
        used += snprintf(work->where + used, sizeof work->where - (size_t)used, " %s", clmix_shape_text(work->check.shapes[i], text));
}

/* A dense value of its own, so that it can be read whatever it is a part of. */
static void give_out(clmix_graph *graph, const char *name, clmix_value value)
{
    clmix_output(graph, name, clmix_node_add(clmix_root(graph), &clmix_op_copy, NULL, 0, &value, 1));
}

static clmix_tensor_info info_of(const clmix_graph *graph, const char *name)
{
    clmix_tensor_info info;

    for (size_t t = 0; t < clmix_graph_tensor_count(graph); t++) {
        ops_ok(clmix_graph_tensor(graph, t, &info));
        if (strcmp(info.name, name) == 0)
            return info;
    }
    ck_abort_msg("the op makes no tensor named '%s'", name);
}

static clmix_graph *build_graph(struct work *work)
{
    const struct ops_check *check = &work->check;
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[OPS_MOST], out, projection;
    char name[8];

    for (int i = 0; i < check->input_count; i++) {
        snprintf(name, sizeof name, "x%d", i);
        inputs[i] = ops_input(graph, name, check->shapes[i]);
        if (!check->no_gradient)
            clmix_want_gradient(inputs[i]);
    }
    out = check->build(clmix_root(graph), inputs, check->attributes);
    ck_assert_msg(clmix_graph_check(graph) == CLMIX_OK, "%s: %s", work->where, clmix_error());
    work->out_shape = clmix_shape_of(out);
    give_out(graph, "out", out);
    for (int t = check->input_count; t < work->tensor_count; t++)
        work->check.shapes[t] = info_of(graph, work->names[t]).file_shape;
    if (check->no_gradient)
        return graph;
    projection = ops_input(graph, "projection", work->out_shape);
    clmix_backward(graph, 1, &out, &projection);
    for (int i = 0; i < check->input_count; i++) {
        snprintf(name, sizeof name, "d%d", i);
        give_out(graph, name, clmix_gradient_of(inputs[i]));
    }
    return graph;
}

static void make_data(struct work *work)
{
    const struct ops_check *check = &work->check;
    float low = check->low, high = check->high;

    if (low == 0.0f && high == 0.0f) {
        low = -1.0f;
        high = 1.0f;
    }
    for (int t = 0; t < work->tensor_count; t++) {
        size_t count = count_of(work, t);

        work->data[t] = t < check->input_count ? ops_floats(count, (uint64_t)t, low, high) : ops_floats(count, (uint64_t)t, 0.5f, 1.5f);
        work->exact[t] = room(count * sizeof(double));
        for (size_t i = 0; i < count; i++) {
            work->exact[t][i] = (double)work->data[t][i];
        }
    }
    work->projection = ops_floats(clmix_shape_count(work->out_shape), 99, -1.0f, 1.0f);
}

static void read_gradients(struct work *work, clmix_plan *plan, const clmix_graph *graph, cl_mem arena)
{
    char name[8];

    for (int t = 0; t < work->check.input_count + work->parameter_count; t++) {
        size_t count = count_of(work, t);

        if (t < work->check.input_count) {
            snprintf(name, sizeof name, "d%d", t);
            work->gradient[t] = ops_read(plan, name, count);
            continue;
        }
        work->gradient[t] = room(count * sizeof(float));
        ops_ok(clmix_buffer_read(ops_device, arena, info_of(graph, work->names[t]).offset * sizeof(float), work->gradient[t],
                                 count * sizeof(float)));
    }
}

/* The arena of the weights' gradients is memory of the test's own, so that they can be read. */
static void run_on_device(struct work *work, clmix_graph *graph)
{
    const struct ops_check *check = &work->check;
    clmix_plan_cost cost;
    clmix_plan *plan = NULL;
    cl_mem arena = NULL;
    char name[8];

    ck_assert_msg(clmix_plan_compile(&plan, graph, ops_device, check->mode) == CLMIX_OK, "%s: %s", work->where, clmix_error());
    clmix_plan_costs(plan, &cost);
    if (cost.arena_bytes[CLMIX_GRADIENTS] > 0) {
        ops_ok(clmix_buffer_create(ops_device, cost.arena_bytes[CLMIX_GRADIENTS], "gradients", &arena));
        ops_ok(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, arena));
    }
    ck_assert_msg(clmix_plan_prepare(plan) == CLMIX_OK, "%s: %s", work->where, clmix_error());
    for (int t = 0; t < work->tensor_count; t++) {
        snprintf(name, sizeof name, "x%d", t);
        ops_write(plan, t < check->input_count ? name : work->names[t], work->data[t], count_of(work, t));
    }
    if (!check->no_gradient)
        ops_write(plan, "projection", work->projection, clmix_shape_count(work->out_shape));
    ops_ok(clmix_plan_run(plan));
    work->out = ops_read(plan, "out", clmix_shape_count(work->out_shape));
    if (!check->no_gradient)
        read_gradients(work, plan, graph, arena);
    clmix_plan_free(plan);
    clmix_buffer_release(ops_device, arena);
    clmix_graph_free(graph);
}

static double projected(const struct work *work, double *out)
{
    double sum = 0.0;

    work->check.reference((const double *const *)work->exact, work->check.shapes, out, work->check.attributes);
    for (size_t i = 0; i < clmix_shape_count(work->out_shape); i++)
        sum += out[i] * (double)work->projection[i];
    return sum;
}

/* Central differences of the reference, in double. */
static void check_gradient(struct work *work, int t, double *out)
{
    size_t count = count_of(work, t), places = count < MOST_PLACES ? count : MOST_PLACES;
    double *wanted = room(places * sizeof *wanted), step = 1e-5;
    float *got = room(places * sizeof *got);
    char what[300];

    for (size_t p = 0; p < places; p++) {
        size_t place = p * count / places;
        double value = work->exact[t][place], above;

        work->exact[t][place] = value + step;
        above = projected(work, out);
        work->exact[t][place] = value - step;
        wanted[p] = (above - projected(work, out)) / (2.0 * step);
        work->exact[t][place] = value;
        got[p] = work->gradient[t][place];
    }
    snprintf(what, sizeof what, "%s, gradient of %s %d", work->where, t < work->check.input_count ? "input" : "parameter", t);
    ops_compare(what, got, wanted, places, work->check.gradient_tolerance > 0.0 ? work->check.gradient_tolerance : 5e-5);
    free(wanted);
    free(got);
}

void ops_run_check(const struct ops_check *check)
{
    struct work work = { .check = *check };
    clmix_graph *graph;
    double *out;

    work.tensor_count = check->input_count;
    for (int i = 0; i < OPS_MOST && check->parameters[i] != NULL; i++, work.parameter_count++)
        work.names[work.tensor_count++] = check->parameters[i];
    for (int i = 0; i < OPS_MOST && check->states[i] != NULL; i++)
        work.names[work.tensor_count++] = check->states[i];
    describe(&work);
    graph = build_graph(&work);
    make_data(&work);
    run_on_device(&work, graph);
    out = room(clmix_shape_count(work.out_shape) * sizeof *out);
    projected(&work, out);
    ops_compare(work.where, work.out, out, clmix_shape_count(work.out_shape), check->tolerance > 0.0 ? check->tolerance : 2e-6);
    for (int t = 0; t < check->input_count + work.parameter_count && !check->no_gradient; t++)
        check_gradient(&work, t, out);
    for (int t = 0; t < work.tensor_count; t++) {
        free(work.data[t]);
        free(work.exact[t]);
        free(work.gradient[t]);
    }
    free(out);
    free(work.out);
    free(work.projection);
}

void ops_affine(const double *x, const double *weight, const double *bias, size_t rows, size_t in, size_t out, double *y)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < out; j++) {
            y[i * out + j] = bias[j];
            for (size_t k = 0; k < in; k++)
                y[i * out + j] += x[i * in + k] * weight[k * out + j];
        }
}
