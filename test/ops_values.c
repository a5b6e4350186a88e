/* Ops whose weights are values of the graph: inputs, results of other ops, columns of wider values give the same bits and the same gradients as
 * the parameters that the layers make. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"
#include "support_ops.h"
#include "support_suite.h"

#define MOST_TENSORS 4
#define X_SHAPE    \
    4,             \
    {              \
        3, 9, 7, 6 \
    }

/* ---- the layers, and their ops ------------------------------------------------------------------------------------------------------ */

typedef clmix_value (*make_function)(clmix_scope at, clmix_value x);
typedef clmix_value (*with_function)(clmix_scope at, clmix_value x, const clmix_value *weights);

static clmix_window grouped_window(void)
{
    clmix_window window = clmix_square(3, 1, 1);

    window.groups = 3;
    return window;
}

static clmix_value make_linear(clmix_scope at, clmix_value x)
{
    return clmix_linear(at, x, 16, true);
}

static clmix_value with_linear(clmix_scope at, clmix_value x, const clmix_value *weights)
{
    return clmix_linear_with(at, x, weights[0], weights[1]);
}

static clmix_value make_unbiased(clmix_scope at, clmix_value x)
{
    return clmix_linear(at, x, 20, false);
}

static clmix_value with_unbiased(clmix_scope at, clmix_value x, const clmix_value *weights)
{
    return clmix_linear_with(at, x, weights[0], (clmix_value){ 0 });
}

static clmix_value make_conv(clmix_scope at, clmix_value x)
{
    return clmix_conv2d(at, x, 5, clmix_square(3, 2, 1), true);
}

static clmix_value with_conv(clmix_scope at, clmix_value x, const clmix_value *weights)
{
    return clmix_conv2d_with(at, x, weights[0], weights[1], clmix_square(3, 2, 1));
}

static clmix_value make_grouped(clmix_scope at, clmix_value x)
{
    return clmix_conv2d(at, x, 6, grouped_window(), true);
}

static clmix_value with_grouped(clmix_scope at, clmix_value x, const clmix_value *weights)
{
    return clmix_conv2d_with(at, x, weights[0], weights[1], grouped_window());
}

static clmix_value make_pointwise(clmix_scope at, clmix_value x)
{
    return clmix_conv2d(at, x, 7, clmix_square(1, 1, 0), true);
}

static clmix_value with_pointwise(clmix_scope at, clmix_value x, const clmix_value *weights)
{
    return clmix_conv2d_with(at, x, weights[0], weights[1], clmix_square(1, 1, 0));
}

static clmix_value make_transposed(clmix_scope at, clmix_value x)
{
    return clmix_conv_transpose2d(at, x, 5, clmix_square(4, 2, 1), true);
}

static clmix_value with_transposed(clmix_scope at, clmix_value x, const clmix_value *weights)
{
    return clmix_conv_transpose2d_with(at, x, weights[0], weights[1], clmix_square(4, 2, 1));
}

static clmix_value make_layer_norm(clmix_scope at, clmix_value x)
{
    return clmix_layer_norm(at, x, 1e-5f);
}

static clmix_value with_layer_norm(clmix_scope at, clmix_value x, const clmix_value *weights)
{
    return clmix_layer_norm_with(at, x, weights[0], weights[1], 1e-5f);
}

static clmix_value make_batch_norm(clmix_scope at, clmix_value x)
{
    return clmix_batch_norm(at, x, 1e-5f, 0.1f);
}

static clmix_value with_batch_norm(clmix_scope at, clmix_value x, const clmix_value *weights)
{
    const size_t channels = clmix_shape_of(x).size[3];
    clmix_value mean = clmix_state(at, "running_mean", 1, &channels, (clmix_initializer){ .kind = CLMIX_ZEROS });
    clmix_value variance = clmix_state(at, "running_var", 1, &channels, (clmix_initializer){ .kind = CLMIX_ONES });

    return clmix_batch_norm_with(at, x, weights[0], weights[1], mean, variance, 1e-5f, 0.1f);
}

/* A norm that linear layers read through. */
static clmix_value make_normed(clmix_scope at, clmix_value x)
{
    return clmix_linear(clmix_in(at, "linear"), clmix_layer_norm(clmix_in(at, "norm"), x, 1e-5f), 9, true);
}

static clmix_value with_normed(clmix_scope at, clmix_value x, const clmix_value *weights)
{
    return clmix_linear_with(at, clmix_layer_norm_with(at, x, weights[0], weights[1], 1e-5f), weights[2], weights[3]);
}

static const struct {
    const char *name;
    make_function make;
    with_function with;
} layers[] = {
    { "linear", make_linear, with_linear },
    { "linear without bias", make_unbiased, with_unbiased },
    { "conv2d", make_conv, with_conv },
    { "conv2d in groups", make_grouped, with_grouped },
    { "conv2d, 1x1", make_pointwise, with_pointwise },
    { "conv_transpose2d", make_transposed, with_transposed },
    { "layer_norm", make_layer_norm, with_layer_norm },
    { "batch_norm", make_batch_norm, with_batch_norm },
    { "layer_norm and linear", make_normed, with_normed },
};
#define LAYERS ((int)(sizeof layers / sizeof layers[0]))

/* ---- what a run gives ---------------------------------------------------------------------------------------------------------------- */

/* Result and gradients, and of the trainable tensors data and shape on the device. */
struct outcome {
    size_t y_count, x_count;
    float *y, *dx;
    int tensor_count;
    clmix_shape shapes[MOST_TENSORS];
    float *data[MOST_TENSORS], *gradient[MOST_TENSORS];
};

static void free_outcome(struct outcome *outcome)
{
    for (int t = 0; t < outcome->tensor_count; t++) {
        free(outcome->data[t]);
        free(outcome->gradient[t]);
    }
    free(outcome->y);
    free(outcome->dx);
}

static void write_random(clmix_plan *plan, const char *name, size_t count, uint64_t stream)
{
    float *data = ops_centred_floats(count, stream);

    ops_write(plan, name, data, count);
    free(data);
}

/* The result, the backward pass for a random gradient of it, and the gradient of x. */
static void close_graph(clmix_graph *graph, clmix_value x, clmix_value y, struct outcome *outcome)
{
    clmix_value dy;

    ops_ok(clmix_graph_check(graph));
    outcome->y_count = clmix_shape_count(clmix_shape_of(y));
    outcome->x_count = clmix_shape_count(clmix_shape_of(x));
    clmix_output(graph, "y", y);
    dy = ops_input(graph, "dy", clmix_shape_of(y));
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "dx", clmix_gradient_of(x));
}

static void run(clmix_plan *plan, struct outcome *outcome)
{
    write_random(plan, "x", outcome->x_count, 1);
    write_random(plan, "dy", outcome->y_count, 2);
    ops_ok(clmix_plan_run(plan));
    outcome->y = ops_read(plan, "y", outcome->y_count);
    outcome->dx = ops_read(plan, "dx", outcome->x_count);
}

static struct outcome run_made(make_function make)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", (clmix_shape){ X_SHAPE });
    struct outcome outcome = { .tensor_count = 0 };
    clmix_plan *plan = NULL;
    cl_mem gradients;

    clmix_want_gradient(x);
    close_graph(graph, x, make(clmix_root(graph), x), &outcome);
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, CLMIX_TRAINING));
    ops_ok(clmix_buffer_create(ops_device, clmix_graph_weight_count(graph) * sizeof(float), "gradients", &gradients));
    ops_ok(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, gradients));
    for (size_t i = 0; i < clmix_graph_tensor_count(graph); i++) {
        clmix_tensor_info info;

        ops_ok(clmix_graph_tensor(graph, i, &info));
        if (!info.trainable)
            continue;
        outcome.shapes[outcome.tensor_count] = info.device_shape;
        outcome.data[outcome.tensor_count] = ops_centred_floats(clmix_shape_count(info.device_shape), 10 + i);
        ops_write(plan, info.name, outcome.data[outcome.tensor_count++], clmix_shape_count(info.device_shape));
    }
    run(plan, &outcome);
    for (size_t i = 0, t = 0; i < clmix_graph_tensor_count(graph); i++) {
        clmix_tensor_info info;

        ops_ok(clmix_graph_tensor(graph, i, &info));
        if (!info.trainable)
            continue;
        outcome.gradient[t] = calloc(clmix_shape_count(info.device_shape), sizeof(float));
        ops_ok(clmix_buffer_read(ops_device, gradients, info.offset * sizeof(float), outcome.gradient[t++],
                                 clmix_shape_count(info.device_shape) * sizeof(float)));
    }
    clmix_plan_free(plan);
    clmix_buffer_release(ops_device, gradients);
    clmix_graph_free(graph);
    return outcome;
}

/* ---- the same of values -------------------------------------------------------------------------------------------------------------- */

/* Where a weight comes from: an input; twice an input of half its size; some columns of a wider input; a product that is made where the first
 * columns of a concatenation lie (weights of two axes; others are inputs). */
enum source { INPUT, RESULT, COLUMNS, JOINED, SOURCES };
enum { BEFORE = 2, BESIDE = 5 }; /* columns before the weight's, and all that are not its own */

static size_t columns_of(clmix_shape shape)
{
    return shape.size[shape.rank - 1];
}

static clmix_shape source_shape(enum source source, clmix_shape shape)
{
    if (source == COLUMNS)
        shape.size[shape.rank - 1] += BESIDE;
    return shape;
}

static clmix_status fill_identity(void *values, clmix_shape shape, const void *data)
{
    (void)data;
    for (size_t i = 0; i < shape.size[0] && i < shape.size[1]; i++)
        ((float *)values)[i * shape.size[1] + i] = 1.0f;
    return CLMIX_OK;
}

static clmix_value identity(clmix_graph *graph, size_t rows, size_t columns)
{
    return clmix_constant(graph, CLMIX_F32, 2, (size_t[]){ rows, columns }, fill_identity, NULL, 0);
}

static clmix_value join(clmix_value input, clmix_shape shape)
{
    clmix_value both[2];

    if (shape.rank != 2)
        return input;
    both[0] = clmix_matmul(input, identity(input.graph, shape.size[1], shape.size[1]), (clmix_product){ 0 });
    both[1] = identity(input.graph, shape.size[0], 16); /* whole cache lines: then parts are made in place */
    clmix_output(input.graph, "joined", clmix_concat(both, 2, -1));
    return both[0];
}

static clmix_value weight_of(enum source source, clmix_value input, clmix_shape shape)
{
    if (source == JOINED)
        return join(input, shape);
    return source == INPUT ? input : source == RESULT ? clmix_scale(input, 2.0f) : clmix_slice(input, -1, BEFORE, columns_of(shape));
}

/* `dense`, of a weight's shape, as its input has it: what is beside the weight's columns is NaN. */
static void write_source(clmix_plan *plan, const char *name, enum source source, clmix_shape shape, const float *dense)
{
    const size_t count = clmix_shape_count(source_shape(source, shape)), columns = columns_of(shape),
                 width = columns_of(source_shape(source, shape));
    float *data = calloc(count, sizeof *data);

    for (size_t i = 0; i < count; i++) {
        const size_t row = i / width, column = i % width - (source == COLUMNS ? BEFORE : 0);

        data[i] = column < columns ? dense[row * columns + column] * (source == RESULT ? 0.5f : 1.0f) : (float)NAN;
    }
    ops_write(plan, name, data, count);
    free(data);
}

/* The gradient of the input is that of the weight's columns, and zero beside them. */
static void check_source(clmix_plan *plan, const char *what, const char *name, enum source source, clmix_shape shape, const float *wanted)
{
    const size_t count = clmix_shape_count(source_shape(source, shape)), columns = columns_of(shape),
                 width = columns_of(source_shape(source, shape));
    float *gradient = ops_read(plan, name, count);

    for (size_t i = 0; i < count; i++) {
        const size_t row = i / width, column = i % width - (source == COLUMNS ? BEFORE : 0);
        const float value = column < columns ? wanted[row * columns + column] * (source == RESULT ? 2.0f : 1.0f) : 0.0f;

        ck_assert_msg(gradient[i] == value, "%s, source %d, %s: element %zu is %.9g and should be %.9g", what, (int)source, name, i,
                      (double)gradient[i], (double)value);
    }
    free(gradient);
}

static void check_given(const char *what, with_function with, const struct outcome *made, enum source source)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", (clmix_shape){ X_SHAPE }), inputs[MOST_TENSORS], weights[MOST_TENSORS];
    struct outcome given = { .tensor_count = 0 };
    clmix_plan *plan;
    char name[8];

    clmix_want_gradient(x);
    for (int t = 0; t < made->tensor_count; t++) {
        snprintf(name, sizeof name, "w%d", t);
        inputs[t] = ops_input(graph, name, source_shape(source, made->shapes[t]));
        clmix_want_gradient(inputs[t]);
        weights[t] = weight_of(source, inputs[t], made->shapes[t]);
    }
    close_graph(graph, x, with(clmix_root(graph), x, weights), &given);
    for (int t = 0; t < made->tensor_count; t++) {
        snprintf(name, sizeof name, "d%d", t);
        clmix_output(graph, name, clmix_gradient_of(inputs[t]));
    }
    plan = ops_plan(graph, CLMIX_TRAINING);
    for (int t = 0; t < made->tensor_count; t++) {
        snprintf(name, sizeof name, "w%d", t);
        write_source(plan, name, source, made->shapes[t], made->data[t]);
    }
    run(plan, &given);
    ck_assert_msg(memcmp(given.y, made->y, made->y_count * sizeof(float)) == 0, "%s: another result, source %d", what, (int)source);
    ck_assert_msg(memcmp(given.dx, made->dx, made->x_count * sizeof(float)) == 0, "%s: another gradient, source %d", what, (int)source);
    for (int t = 0; t < made->tensor_count; t++) {
        snprintf(name, sizeof name, "d%d", t);
        check_source(plan, what, name, source, made->shapes[t], made->gradient[t]);
    }
    free_outcome(&given);
    clmix_plan_free(plan);
}

START_TEST(weights_may_be_any_values)
{
    struct outcome made = run_made(layers[_i].make);

    ck_assert_int_gt(made.tensor_count, 0);
    for (int source = 0; source < SOURCES; source++)
        check_given(layers[_i].name, layers[_i].with, &made, (enum source)source);
    free_outcome(&made);
}
END_TEST

/* ---- slices of the batch ------------------------------------------------------------------------------------------------------------- */

/* A weight whose first axis is a batch, as many samples as x has: all of it is needed by every sample. */
static float *run_sliced(bool convolution, const char *wish, size_t *count)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_shape x_shape = convolution ? ops_shape4(3, 6, 6, 2) : ops_shape2(6, 6),
                w_shape = convolution ? ops_shape4(3, 3, 2, 4) : ops_shape2(6, 5);
    clmix_value x = clmix_batch_input(graph, "x", CLMIX_F32, x_shape.rank, x_shape.size);
    clmix_value weight = clmix_relu(clmix_batch_input(graph, "w", CLMIX_F32, w_shape.rank, w_shape.size)), y;
    clmix_plan *plan;
    float *result;

    x = clmix_relu(x);
    y = convolution ? clmix_conv2d_with(clmix_root(graph), x, weight, (clmix_value){ 0 }, clmix_square(3, 1, 1))
                    : clmix_linear_with(clmix_root(graph), x, weight, (clmix_value){ 0 });
    y = clmix_sigmoid(clmix_softmax(y, -1));
    *count = clmix_shape_count(clmix_shape_of(y));
    clmix_output(graph, "y", y);
    ck_assert_int_eq(setenv("CLMIX_SLICE", wish, 1), 0);
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_int_eq(unsetenv("CLMIX_SLICE"), 0);
    write_random(plan, "x", clmix_shape_count(x_shape), 1);
    write_random(plan, "w", clmix_shape_count(w_shape), 2);
    ops_ok(clmix_plan_run(plan));
    result = ops_read(plan, "y", *count);
    clmix_plan_free(plan);
    return result;
}

START_TEST(a_weight_with_a_batch_is_not_cut)
{
    size_t count;
    float *whole = run_sliced(_i == 1, "off", &count), *sliced = run_sliced(_i == 1, "1", &count);

    ops_compare_floats("a weight with a batch", sliced, whole, count, 1e-6);
    free(whole);
    free(sliced);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------ */

/* A graph with an input x, and another with the rows and columns of a weight. */
static clmix_graph *begin(clmix_value *x, clmix_value *weight, size_t rows, size_t columns)
{
    clmix_graph *graph = clmix_graph_new();

    *x = ops_input(graph, "x", ops_shape4(2, 4, 4, 3));
    *weight = rows == 0 ? clmix_input(graph, "w", CLMIX_F32, 1, &columns) : ops_input(graph, "w", ops_shape2(rows, columns));
    return graph;
}

START_TEST(linear_refusals)
{
    const clmix_value none = { 0 };
    const size_t five = 5;
    clmix_value x, weight, bias;
    clmix_graph *graph = begin(&x, &weight, 4, 5);

    ops_poisoned(graph, clmix_linear_with(clmix_in(clmix_root(graph), "head"), x, weight, none),
                 "head: linear: the input 2x4x4x3 does not fit");
    graph = begin(&x, &weight, 0, 5);
    ops_poisoned(graph, clmix_linear_with(clmix_root(graph), x, weight, none), "the weight 5 should have at least two axes");
    graph = begin(&x, &weight, 3, 4);
    bias = clmix_input(graph, "b", CLMIX_F32, 1, &five);
    ops_poisoned(graph, clmix_linear_with(clmix_root(graph), x, weight, bias), "the bias 5 does not fit");
    graph = begin(&x, &weight, 3, 4);
    bias = ops_input(graph, "b", ops_shape2(4, 1)); /* a column, whose elements might lie apart */
    ops_poisoned(graph, clmix_linear_with(clmix_root(graph), x, weight, bias), "the bias 4x1 does not fit");
    graph = begin(&x, &weight, 3, 4);
    ops_poisoned(graph, clmix_linear_with(clmix_root(graph), x, none, none), "linear: input 1 is no value");
    graph = begin(&x, &weight, 3, 4);
    bias = clmix_input(graph, "b", CLMIX_I32, 1, (size_t[]){ 4 });
    ops_poisoned(graph, clmix_linear_with(clmix_root(graph), x, weight, bias), "input 2 holds i32");
}
END_TEST

START_TEST(convolution_refusals)
{
    const clmix_value none = { 0 };
    const clmix_window window = clmix_square(3, 1, 1);
    const size_t two = 2;
    clmix_value x, weight;
    clmix_graph *graph = begin(&x, &weight, 3, 4);

    ops_poisoned(graph, clmix_conv2d_with(clmix_root(graph), x, weight, none, window),
                 "the weight is 3x4, and this window of this input needs 3x3x3x4");
    graph = begin(&x, &weight, 3, 4);
    ops_poisoned(graph, clmix_conv_transpose2d_with(clmix_root(graph), x, weight, none, window),
                 "the weight is 3x4, and this window of this input needs 3x3x3x4");
    graph = begin(&x, &weight, 3, 4);
    weight = ops_input(graph, "w4", ops_shape4(3, 3, 3, 4));
    ops_poisoned(graph, clmix_conv2d_with(clmix_root(graph), x, weight, clmix_input(graph, "b", CLMIX_F32, 1, &two), window),
                 "the bias is 2, and the weight makes 4 channels");
    graph = begin(&x, &weight, 3, 4);
    ops_poisoned(graph, clmix_conv2d_with(clmix_in(clmix_root(graph), "stem"), x, none, none, window), "stem: conv2d: input 1 is no value");
}
END_TEST

START_TEST(norm_refusals)
{
    clmix_value x, weight, bias, mean;
    clmix_graph *graph = begin(&x, &weight, 0, 3);
    const size_t three = 3;

    bias = ops_input(graph, "b", ops_shape2(1, 3));
    ops_poisoned(graph, clmix_layer_norm_with(clmix_root(graph), x, weight, bias, 1e-5f),
                 "input 2 is 1x3 and should have one value for each");
    graph = begin(&x, &weight, 0, 3);
    mean = clmix_input(graph, "m", CLMIX_F32, 1, &three);
    ops_poisoned(graph, clmix_batch_norm_with(clmix_root(graph), x, weight, weight, mean, mean, 1e-5f, 0.1f),
                 "must be states (clmix_state)");
    graph = begin(&x, &weight, 0, 3);
    mean = clmix_state(clmix_root(graph), "m", 1, &three, (clmix_initializer){ .kind = CLMIX_ZEROS });
    ops_poisoned(graph, clmix_batch_norm_with(clmix_root(graph), x, weight, weight, mean, mean, 1e-5f, 0.1f), "one state for both");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("values");
    TCase *all = tcase_create("values");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, weights_may_be_any_values, 0, LAYERS);
    tcase_add_loop_test(all, a_weight_with_a_batch_is_not_cut, 0, 2);
    tcase_add_test(all, linear_refusals);
    tcase_add_test(all, convolution_refusals);
    tcase_add_test(all, norm_refusals);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
