/* Constants: filled once a plan by a function of the host, held once, counted to the byte, the same for all samples. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"
#include "support_ops.h"
#include "support_suite.h"

/* ---- functions -------------------------------------------------------------------------------------------------------------------------- */

#define PI 3.14159265358979323846

static int calls;

/* factor * (1, 2, 3, ...) */
static clmix_status fill_steps(void *values, clmix_shape shape, const void *data)
{
    const float factor = *(const float *)data;

    calls++;
    for (size_t i = 0; i < clmix_shape_count(shape); i++)
        ((float *)values)[i] = factor * (float)(i + 1);
    return CLMIX_OK;
}

/* The matrix of the discrete cosine transform (DCT-II, orthonormal). */
static clmix_status fill_cosines(void *values, clmix_shape shape, const void *data)
{
    const size_t length = shape.size[1];

    (void)data;
    calls++;
    for (size_t k = 0; k < shape.size[0]; k++)
        for (size_t n = 0; n < length; n++)
            ((float *)values)[k * length + n] =
                (float)(sqrt((k == 0 ? 1.0 : 2.0) / (double)length) * cos(PI * (double)k * ((double)n + 0.5) / (double)length));
    return CLMIX_OK;
}

static clmix_status fill_labels(void *values, clmix_shape shape, const void *data)
{
    (void)data;
    for (size_t i = 0; i < clmix_shape_count(shape); i++)
        ((int32_t *)values)[i] = (int32_t)i;
    return CLMIX_OK;
}

static clmix_status fill_badly(void *values, clmix_shape shape, const void *data)
{
    (void)values;
    (void)shape;
    return data == NULL ? CLMIX_ERROR_FILE : clmix_error_set(CLMIX_ERROR_FILE, (const char *)data);
}

static clmix_value steps(clmix_graph *graph, int rank, const size_t *size, float factor)
{
    return clmix_constant(graph, CLMIX_F32, rank, size, fill_steps, &factor, sizeof factor);
}

/* ---- use --------------------------------------------------------------------------------------------------------------------------------- */

/* y = C x of tokens (B, N, C), with the transform back behind it: x again. */
START_TEST(a_matrix_of_cosines)
{
    enum { BATCH = 3, TOKENS = 16, CHANNELS = 5, COUNT = BATCH * TOKENS * CHANNELS };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", (clmix_shape){ 3, { BATCH, TOKENS, CHANNELS } }), transform, y;
    float *data = ops_centred_floats(COUNT, 1), *result;
    clmix_plan *plan;

    transform = clmix_constant(graph, CLMIX_F32, 2, (size_t[]){ TOKENS, TOKENS }, fill_cosines, NULL, 0);
    y = clmix_matmul(transform, x, (clmix_product){ 0 });
    clmix_output(graph, "y", y);
    clmix_output(graph, "x again", clmix_matmul(transform, y, (clmix_product){ .transpose_a = true }));
    clmix_output(graph, "transform", transform);
    calls = 0;
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_int_eq(calls, 1);
    ops_write(plan, "x", data, COUNT);
    for (int i = 0; i < 3; i++)
        ops_ok(clmix_plan_run(plan));
    ck_assert_int_eq(calls, 1);
    result = ops_read(plan, "x again", COUNT);
    ops_compare_floats("there and back", result, data, COUNT, 2e-6);
    free(result);
    result = ops_read(plan, "y", COUNT);
    ck_assert_msg(fabsf(result[CHANNELS] - data[CHANNELS]) > 1e-3f, "nothing was transformed");
    free(result);
    result = ops_read(plan, "transform", TOKENS * TOKENS);
    ck_assert(fabsf(result[TOKENS] - (float)(sqrt(0.125) * cos(PI / 32.0))) < 1e-6f);
    free(result);
    free(data);
    clmix_plan_free(plan);
}
END_TEST

static clmix_value build_layer(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    clmix_value weight = steps(at.graph, 2, (size_t[]){ 4, 3 }, 0.25f), bias = steps(at.graph, 1, (size_t[]){ 3 }, -1.0f);

    (void)attributes;
    clmix_at(at);
    return clmix_add(clmix_linear_with(at, inputs[0], weight, bias), steps(at.graph, 2, (size_t[]){ 5, 3 }, 0.5f));
}

static void layer_reference(const double *const *inputs, const clmix_shape *shapes, double *output, const void *attributes)
{
    double weight[12], bias[3];

    (void)attributes;
    for (int i = 0; i < 12; i++)
        weight[i] = 0.25 * (i + 1);
    for (int i = 0; i < 3; i++)
        bias[i] = -(i + 1);
    ops_affine(inputs[0], weight, bias, shapes[0].size[0], 4, 3, output);
    for (size_t i = 0; i < 15; i++)
        output[i] += 0.5 * (double)(i + 1);
}

/* A weight, a bias, a term: the gradient goes past them. */
START_TEST(weights_and_terms)
{
    ops_run_check(&(struct ops_check){ .what = "a layer of constants",
                                       .build = build_layer,
                                       .reference = layer_reference,
                                       .input_count = 1,
                                       .shapes = { ops_shape2(5, 4) } });
}
END_TEST

/* A batch of 3, as the kernel's first axis is: all of the kernel serves each sample, whether the batch is cut or not. */
static float *run_convolution(bool constant, const char *wish)
{
    enum { X = 3 * 5 * 5 * 2, W = 3 * 3 * 2 * 4 };
    const size_t size[4] = { 3, 3, 2, 4 };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_batch_input(graph, "x", CLMIX_F32, 4, (size_t[]){ 3, 5, 5, 2 }),
                weight = constant ? steps(graph, 4, size, 0.01f) : clmix_input(graph, "w", CLMIX_F32, 4, size);
    float *data = ops_centred_floats(X, 1), *result, kernel[W];
    clmix_plan *plan;

    x = clmix_conv2d_with(clmix_root(graph), clmix_scale(x, 2.0f), weight, (clmix_value){ 0 }, clmix_square(3, 1, 1));
    clmix_output(graph, "y", clmix_relu(x));
    ck_assert_int_eq(setenv("CLMIX_SLICE", wish, 1), 0);
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_int_eq(unsetenv("CLMIX_SLICE"), 0);
    for (size_t i = 0; i < W; i++)
        kernel[i] = 0.01f * (float)(i + 1);
    if (!constant)
        ops_write(plan, "w", kernel, W);
    ops_write(plan, "x", data, X);
    ops_ok(clmix_plan_run(plan));
    result = ops_read(plan, "y", 2 * X);
    free(data);
    clmix_plan_free(plan);
    return result;
}

START_TEST(kernels)
{
    float *given = run_convolution(false, "off"), *whole = run_convolution(true, "off"), *sliced = run_convolution(true, "1");

    ck_assert_mem_eq(whole, given, 3 * 5 * 5 * 4 * sizeof(float));
    ops_compare_floats("in slices", sliced, given, 3 * 5 * 5 * 4, 2e-6);
    free(given);
    free(whole);
    free(sliced);
}
END_TEST

START_TEST(other_types)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value logits = ops_input(graph, "x", ops_shape2(3, 3)),
                label = clmix_constant(graph, CLMIX_I32, 1, (size_t[]){ 3 }, fill_labels, NULL, 0);
    const float data[9] = { 5, 0, 0, 0, 5, 0, 0, 5, 0 };
    clmix_plan *plan;
    float *correct;

    clmix_output(graph, "correct", clmix_top_k(logits, label, 1, (int[]){ 1 }));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_write(plan, "x", data, 9);
    ops_ok(clmix_plan_run(plan));
    correct = ops_read(plan, "correct", 1);
    ck_assert_float_eq(*correct, 2.0f);
    free(correct);
    clmix_plan_free(plan);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------------------------------------------------ */

static clmix_plan_cost cost_of(size_t batch, bool constants, clmix_device *device)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_batch_input(graph, "x", CLMIX_F32, 2, (size_t[]){ batch, 100 });
    clmix_plan_cost cost;
    clmix_plan *plan;

    x = clmix_linear(clmix_root(graph), x, 70, false);
    for (int i = 0; i < 3 && constants; i++) /* the first and the last are one, and nothing needs the fourth */
        x = clmix_add(x, steps(graph, 1, (size_t[]){ 70 }, (float)(i % 2)));
    (void)steps(graph, 1, (size_t[]){ 1000 }, 3.0f);
    clmix_output(graph, "y", clmix_relu(x));
    ops_ok(clmix_plan_compile(&plan, graph, device, CLMIX_INFERENCE));
    clmix_plan_costs(plan, &cost);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return cost;
}

/* 70 floats are 280 bytes, and what follows begins at a multiple of 256. */
START_TEST(counted_once_and_to_the_byte)
{
    clmix_device *generic;

    ops_ok(clmix_device_generic(&generic));
    for (size_t batch = 2; batch <= 64; batch *= 8) {
        const clmix_plan_cost without = cost_of(batch, false, generic), with = cost_of(batch, true, generic);

        ck_assert_uint_eq(without.arena_bytes[CLMIX_CONSTANTS], 0);
        ck_assert_uint_eq(with.arena_bytes[CLMIX_CONSTANTS], 1024);
        ck_assert_uint_eq(with.peak_bytes - with.arena_bytes[CLMIX_ACTIVATIONS],
                          without.peak_bytes - without.arena_bytes[CLMIX_ACTIVATIONS] + 1024);
    }
    clmix_device_close(generic);
}
END_TEST

START_TEST(memory_is_what_was_told)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(4, 70));
    size_t current, peak, allocations, before;
    clmix_plan_cost cost;
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_add(x, steps(graph, 1, (size_t[]){ 70 }, 2.0f)));
    clmix_device_memory(ops_device, &before, &peak, &allocations);
    plan = ops_plan(graph, CLMIX_INFERENCE);
    clmix_plan_costs(plan, &cost);
    clmix_device_memory(ops_device, &current, &peak, &allocations);
    ck_assert_uint_eq(cost.arena_bytes[CLMIX_CONSTANTS], 512);
    ck_assert_uint_eq(current - before, cost.peak_bytes);
    ck_assert_int_eq(clmix_plan_bind_arena(plan, CLMIX_CONSTANTS, NULL), CLMIX_ERROR_ARGUMENT);
    clmix_plan_free(plan);
}
END_TEST

START_TEST(the_same_is_one_value)
{
    clmix_graph *graph = clmix_graph_new();
    const size_t size[2] = { 3, 4 }, other[2] = { 4, 3 };
    const clmix_value first = steps(graph, 2, size, 1.0f);

    ck_assert_int_eq(steps(graph, 2, size, 1.0f).id, first.id);
    ck_assert_int_ne(steps(graph, 2, size, 2.0f).id, first.id);
    ck_assert_int_ne(steps(graph, 2, other, 1.0f).id, first.id);
    ck_assert_int_ne(clmix_constant(graph, CLMIX_F32, 2, size, fill_cosines, NULL, 0).id, first.id);
    ck_assert_int_ne(clmix_constant(graph, CLMIX_I32, 2, size, fill_steps, &(float){ 1.0f }, sizeof(float)).id, first.id);
    ops_ok(clmix_graph_check(graph));
    clmix_graph_free(graph);
}
END_TEST

/* ---- slices of the batch ------------------------------------------------------------------------------------------------------------------ */

enum { SAMPLES = 4, LENGTH = 4, WIDTH = 6 };

/* Shared by the samples: a matrix, positions, a row; and, with `whole`, values that are as large as the batch: added, or beside it. */
static clmix_value build_tokens(clmix_value x, bool whole)
{
    const size_t all[3] = { SAMPLES, LENGTH, WIDTH };
    clmix_value both[2];

    x = clmix_relu(clmix_matmul(steps(x.graph, 2, (size_t[]){ LENGTH, LENGTH }, 0.01f), clmix_scale(x, 2.0f), (clmix_product){ 0 }));
    x = clmix_gelu(clmix_add(clmix_add(x, steps(x.graph, 2, (size_t[]){ LENGTH, WIDTH }, 0.02f)), steps(x.graph, 1, &all[2], 0.1f)));
    if (!whole)
        return clmix_scale(x, 3.0f);
    both[0] = clmix_add(x, steps(x.graph, 3, all, 0.001f));
    both[1] = steps(x.graph, 3, all, 0.002f);
    x = clmix_sigmoid(clmix_concat(both, 2, -1));
    both[0] = x;
    both[1] = steps(x.graph, 3, (size_t[]){ SAMPLES, LENGTH, 2 * WIDTH }, -0.001f);
    return clmix_scale(clmix_gelu(clmix_concat(both, 2, 1)), 3.0f);
}

static float *run_tokens(const char *wish, bool whole, size_t *count, size_t *launches)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_batch_input(graph, "x", CLMIX_F32, 3, (size_t[]){ SAMPLES, LENGTH, WIDTH }), y;
    float *data = ops_centred_floats(SAMPLES * LENGTH * WIDTH, 1), *result;
    clmix_plan *plan;

    y = build_tokens(x, whole);
    *count = clmix_shape_count(clmix_shape_of(y));
    clmix_output(graph, "y", y);
    ck_assert_int_eq(setenv("CLMIX_SLICE", wish, 1), 0);
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_int_eq(unsetenv("CLMIX_SLICE"), 0);
    *launches = ops_launches(plan);
    ops_write(plan, "x", data, SAMPLES * LENGTH * WIDTH);
    ops_ok(clmix_plan_run(plan));
    result = ops_read(plan, "y", *count);
    free(data);
    clmix_plan_free(plan);
    return result;
}

START_TEST(slices_of_the_batch_read_them_whole)
{
    size_t count, launches, more;
    float *whole = run_tokens("off", _i == 1, &count, &launches), *sliced = run_tokens("1", _i == 1, &count, &more);

    ck_assert_uint_gt(more, launches);
    ops_compare_floats("with constants", sliced, whole, count, 2e-6);
    free(whole);
    free(sliced);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------------ */

static void check_failure(const char *reason, size_t bytes, const char *sentence)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(4, 3));
    size_t current = 0, peak, allocations;
    clmix_plan *plan = NULL;

    clmix_output(graph, "y", clmix_add(x, clmix_constant(graph, CLMIX_F32, 1, (size_t[]){ 3 }, fill_badly, reason, bytes)));
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, CLMIX_INFERENCE));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(clmix_plan_prepare(plan), CLMIX_ERROR_FILE);
        ck_assert_str_eq(clmix_error(), sentence);
    }
    clmix_device_memory(ops_device, &current, &peak, &allocations);
    ck_assert_uint_eq(current, 0);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
}

START_TEST(functions_that_fail)
{
    check_failure("the table is lost", sizeof "the table is lost", "the constant 3: the table is lost");
    check_failure(NULL, 0, "the constant 3: its function failed and gave no reason; clmix_error_set does");
}
END_TEST

START_TEST(shapes_and_types_that_cannot_be)
{
    clmix_graph *graph = clmix_graph_new();

    (void)clmix_constant(graph, CLMIX_F32, 2, (size_t[]){ 3, 0 }, fill_cosines, NULL, 0);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "a constant: axis 1 has size 0") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
    graph = clmix_graph_new();
    (void)clmix_constant(graph, (clmix_type)9, 1, (size_t[]){ 3 }, fill_cosines, NULL, 0);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "type 9") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("constants");
    TCase *all = tcase_create("constants");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, a_matrix_of_cosines);
    tcase_add_test(all, weights_and_terms);
    tcase_add_test(all, kernels);
    tcase_add_test(all, other_types);
    tcase_add_test(all, counted_once_and_to_the_byte);
    tcase_add_test(all, memory_is_what_was_told);
    tcase_add_test(all, the_same_is_one_value);
    tcase_add_loop_test(all, slices_of_the_batch_read_them_whole, 0, 2);
    tcase_add_test(all, functions_that_fail);
    tcase_add_test(all, shapes_and_types_that_cannot_be);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
