/* Parameters shared on purpose: one encoder for two inputs, a matrix that serves twice. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"
#include "support_ops.h"
#include "support_suite.h"

/* ---- against the host ---------------------------------------------------------------------------------------------------------------- */

static clmix_value build_twice(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    clmix_value first = clmix_linear(at, inputs[0], 5, true), second = clmix_linear(clmix_shared(at), inputs[1], 5, true);

    (void)attributes;
    return clmix_add(first, clmix_scale(second, 0.5f));
}

static void twice_reference(const double *const *inputs, const clmix_shape *shapes, double *output, const void *attributes)
{
    const size_t rows = shapes[0].size[0], in = shapes[0].size[1];
    double *second = malloc(rows * 5 * sizeof *second);

    (void)attributes;
    ck_assert_ptr_nonnull(second);
    for (int k = 0; k < 2; k++) /* the weight as the device has it: in x out */
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < 5; j++) {
                double sum = inputs[3][j];

                for (size_t c = 0; c < in; c++)
                    sum += inputs[k][i * in + c] * inputs[2][c * 5 + j];
                (k == 0 ? output : second)[i * 5 + j] = sum;
            }
    for (size_t i = 0; i < rows * 5; i++)
        output[i] += 0.5 * second[i];
    free(second);
}

/* One matrix to embed by and to read out by: y = x E E^T. */
static clmix_value build_tied(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const size_t size[2] = { 7, 4 };
    clmix_scope embedding = clmix_in(at, "embedding");
    clmix_value first = clmix_parameter(embedding, "weight", 2, size, NULL, (clmix_initializer){ .kind = CLMIX_NORMAL, .std = 1.0f });
    clmix_value again =
        clmix_parameter(clmix_shared(embedding), "weight", 2, size, NULL, (clmix_initializer){ .kind = CLMIX_NORMAL, .std = 1.0f });

    (void)attributes;
    return clmix_matmul(clmix_matmul(inputs[0], first, (clmix_product){ 0 }), again, (clmix_product){ .transpose_b = true });
}

static void tied_reference(const double *const *inputs, const clmix_shape *shapes, double *output, const void *attributes)
{
    (void)attributes;
    for (size_t i = 0; i < shapes[0].size[0]; i++)
        for (size_t j = 0; j < 7; j++) {
            output[i * 7 + j] = 0.0;
            for (size_t d = 0; d < 4; d++) {
                double h = 0.0;

                for (size_t k = 0; k < 7; k++)
                    h += inputs[0][i * 7 + k] * inputs[1][k * 4 + d];
                output[i * 7 + j] += h * inputs[1][j * 4 + d];
            }
        }
}

START_TEST(gradients_of_all_uses_add_up)
{
    ops_run_check(&(struct ops_check){ .what = "a layer used twice",
                                       .build = build_twice,
                                       .reference = twice_reference,
                                       .input_count = 2,
                                       .shapes = { ops_shape2(6, 5), ops_shape2(6, 5) },
                                       .parameters = { "weight", "bias" } });
    ops_run_check(&(struct ops_check){ .what = "a matrix used twice",
                                       .build = build_tied,
                                       .reference = tied_reference,
                                       .input_count = 1,
                                       .shapes = { ops_shape2(6, 7) },
                                       .parameters = { "embedding.weight" } });
}
END_TEST

/* ---- one encoder, two inputs ---------------------------------------------------------------------------------------------------------- */

enum { ROWS = 3, SIDE = 6, CHANNELS = 4 };

static clmix_value encoder(clmix_scope at, clmix_value x)
{
    x = clmix_gelu(clmix_conv2d(clmix_in(at, "conv"), x, 8, clmix_square(3, 1, 1), true));
    x = clmix_linear(clmix_in(at, "up"), clmix_layer_norm(clmix_in(at, "norm"), x, 1e-5f), 10, true);
    return clmix_linear(clmix_in(at, "down"), clmix_relu(x), 5, false);
}

struct outcome {
    size_t y_count, weight_count, tensor_count;
    float *y, *gradients;
    clmix_plan_cost cost;
};

/* The batch `x` encoded whole, or its halves one after the other. */
static struct outcome run(bool halves)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape4(2 * ROWS, SIDE, SIDE, CHANNELS)), y, dy, both[2];
    clmix_scope at = clmix_in(clmix_root(graph), "encoder");
    struct outcome outcome;
    clmix_plan *plan = NULL;
    cl_mem gradients;
    float *data;

    if (halves) {
        both[0] = encoder(at, clmix_slice(x, 0, 0, ROWS));
        both[1] = encoder(clmix_shared(at), clmix_slice(x, 0, ROWS, ROWS));
        y = clmix_concat(both, 2, 0);
    } else
        y = encoder(at, x);
    outcome.y_count = clmix_shape_count(clmix_shape_of(y));
    outcome.weight_count = clmix_graph_weight_count(graph);
    outcome.tensor_count = clmix_graph_tensor_count(graph);
    clmix_output(graph, "y", y);
    dy = ops_input(graph, "dy", clmix_shape_of(y));
    clmix_backward(graph, 1, &y, &dy);
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, CLMIX_TRAINING));
    clmix_plan_costs(plan, &outcome.cost);
    ops_ok(clmix_buffer_create(ops_device, outcome.weight_count * sizeof(float), "gradients", &gradients));
    ops_ok(clmix_buffer_zero(ops_device, gradients, 0, outcome.weight_count * sizeof(float)));
    ops_ok(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, gradients));
    for (size_t i = 0; i < outcome.tensor_count; i++) {
        clmix_tensor_info info;

        ops_ok(clmix_graph_tensor(graph, i, &info));
        data = ops_centred_floats(clmix_shape_count(info.device_shape), 10 + i);
        ops_write(plan, info.name, data, clmix_shape_count(info.device_shape));
        free(data);
    }
    data = ops_centred_floats(2 * ROWS * SIDE * SIDE * CHANNELS, 1);
    ops_write(plan, "x", data, 2 * ROWS * SIDE * SIDE * CHANNELS);
    free(data);
    data = ops_centred_floats(outcome.y_count, 2);
    ops_write(plan, "dy", data, outcome.y_count);
    free(data);
    ops_ok(clmix_plan_run(plan));
    outcome.y = ops_read(plan, "y", outcome.y_count);
    outcome.gradients = malloc(outcome.weight_count * sizeof(float));
    ops_ok(clmix_buffer_read(ops_device, gradients, 0, outcome.gradients, outcome.weight_count * sizeof(float)));
    clmix_plan_free(plan);
    clmix_buffer_release(ops_device, gradients);
    clmix_graph_free(graph);
    return outcome;
}

START_TEST(two_calls_are_one_of_both_batches)
{
    struct outcome whole = run(false), halves = run(true);

    ck_assert_uint_eq(halves.tensor_count, whole.tensor_count);
    ck_assert_uint_eq(halves.weight_count, whole.weight_count);
    ck_assert_uint_eq(halves.cost.arena_bytes[CLMIX_WEIGHTS], whole.cost.arena_bytes[CLMIX_WEIGHTS]);
    ck_assert_uint_eq(halves.cost.arena_bytes[CLMIX_GRADIENTS], whole.cost.arena_bytes[CLMIX_GRADIENTS]);
    ops_compare_floats("y", halves.y, whole.y, whole.y_count, 2e-6);
    ops_compare_floats("gradients", halves.gradients, whole.gradients, whole.weight_count, 5e-6);
    free(whole.y);
    free(whole.gradients);
    free(halves.y);
    free(halves.gradients);
}
END_TEST

/* Running statistics move once a call, in the order of the calls: from 0 by a half to the first mean, 3, then by a half to the second, 5. */
START_TEST(states_are_shared_too)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_scope at = clmix_in(clmix_root(graph), "norm");
    clmix_value x = ops_input(graph, "x", ops_shape2(4, 1)), first, second;
    const float data[4] = { 2.0f, 4.0f, 4.0f, 6.0f };
    clmix_plan *plan;
    float *mean;

    first = clmix_batch_norm(at, clmix_slice(x, 0, 0, 2), 1e-5f, 0.5f);
    second = clmix_batch_norm(clmix_shared(at), clmix_slice(x, 0, 2, 2), 1e-5f, 0.5f);
    clmix_output(graph, "y", clmix_add(first, second));
    ck_assert_uint_eq(clmix_graph_tensor_count(graph), 4);
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "x", data, 4);
    ops_ok(clmix_plan_run(plan));
    mean = ops_read(plan, "norm.running_mean", 1);
    ck_assert_float_eq(*mean, 3.25f);
    free(mean);
    clmix_plan_free(plan);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------ */

/* A graph with a parameter "a.w" of 2x3 and a state "a.s" of 4. */
static clmix_scope begin(clmix_graph **graph)
{
    clmix_scope at;

    *graph = clmix_graph_new();
    at = clmix_in(clmix_root(*graph), "a");
    (void)clmix_parameter(at, "w", 2, (size_t[]){ 2, 3 }, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });
    (void)clmix_state(at, "s", 1, (size_t[]){ 4 }, (clmix_initializer){ .kind = CLMIX_ZEROS });
    return at;
}

static clmix_value parameter(clmix_scope at, const char *name, size_t rows, size_t columns, const int *order)
{
    return clmix_parameter(at, name, 2, (size_t[]){ rows, columns }, order, (clmix_initializer){ .kind = CLMIX_ZEROS });
}

START_TEST(what_cannot_be_shared)
{
    static const int turned[2] = { 1, 0 }, twice[2] = { 1, 1 }, beyond[2] = { 0, 2 };
    clmix_graph *graph;
    clmix_scope at = begin(&graph);

    ops_poisoned(graph, parameter(at, "w", 2, 3, NULL),
                 "a.w: two tensors of this name; every weight needs its own place, unless it is shared");
    at = begin(&graph);
    ops_poisoned(graph, parameter(clmix_shared(at), "v", 2, 3, NULL), "a.v: there is no tensor of this name to be shared");
    at = begin(&graph);
    ops_poisoned(graph, parameter(clmix_in(clmix_shared(at), "deep"), "w", 2, 3, NULL), "a.deep.w: there is no tensor of this name");
    at = begin(&graph);
    ops_poisoned(graph, parameter(clmix_shared(at), "w", 3, 2, NULL), "a.w: the tensor to be shared is 2x3 in files, and 3x2 is wanted");
    at = begin(&graph);
    ops_poisoned(graph, parameter(clmix_shared(at), "w", 2, 3, turned),
                 "is 2x3 on the device, and its axes are wanted in another order, as 3x2");
    at = begin(&graph);
    ops_poisoned(graph, clmix_parameter(clmix_shared(at), "s", 1, (size_t[]){ 4 }, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS }),
                 "what is to be shared is a state, and a parameter is wanted");
    at = begin(&graph);
    ops_poisoned(graph, parameter(at, "v", 2, 3, twice), "a.v: the order of axes names 1 for axis 1");
    at = begin(&graph);
    ops_poisoned(graph, parameter(at, "v", 2, 3, beyond), "a.v: the order of axes names 2 for axis 1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shared");
    TCase *all = tcase_create("shared");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, gradients_of_all_uses_add_up);
    tcase_add_test(all, two_calls_are_one_of_both_batches);
    tcase_add_test(all, states_are_shared_too);
    tcase_add_test(all, what_cannot_be_shared);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
