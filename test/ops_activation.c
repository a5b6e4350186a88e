/* Activations: results, gradients, what is not finite. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A function, in double; what the device makes of -1000, -infinity, infinity and 1000; and the range in which its gradient, formed from a rounded
 * result, is as good as other ops' even where it is a single one. */
struct activation {
    const char *name;
    clmix_value (*build)(clmix_value x);
    double (*function)(double x);
    float far[4];
    float range;
};

static double elu(double x)
{
    return x > 0.0 ? x : expm1(x);
}

static double gelu(double x)
{
    return x / 2.0 * (1.0 + erf(x / sqrt(2.0)));
}

static double hard_swish(double x)
{
    return x * fmin(fmax(x + 3.0, 0.0), 6.0) / 6.0;
}

static double relu(double x)
{
    return fmax(x, 0.0);
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static const struct activation activations[] = {
    { "elu", clmix_elu, elu, { -1.0f, -1.0f, INFINITY, 1000.0f }, 6.0f },
    { "exp", clmix_exp, exp, { 0.0f, 0.0f, INFINITY, INFINITY }, 6.0f },
    { "gelu", clmix_gelu, gelu, { 0.0f, NAN, INFINITY, 1000.0f }, 6.0f },
    { "hard_swish", clmix_hard_swish, hard_swish, { 0.0f, 0.0f, INFINITY, 1000.0f }, 6.0f },
    { "relu", clmix_relu, relu, { 0.0f, 0.0f, INFINITY, 1000.0f }, 6.0f },
    { "sigmoid", clmix_sigmoid, sigmoid, { 0.0f, 0.0f, 1.0f, 1.0f }, 6.0f },
    { "tanh", clmix_tanh, tanh, { -1.0f, -1.0f, 1.0f, 1.0f }, 3.0f },
};
enum { ACTIVATIONS = sizeof activations / sizeof *activations };

static clmix_value build_activation(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct activation *activation = attributes;

    (void)at;
    return activation->build(inputs[0]);
}

static void activation_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    const struct activation *activation = attributes;

    for (size_t i = 0; i < clmix_shape_count(of[0]); i++)
        out[i] = activation->function(inputs[0][i]);
}

static void check_activation(const struct activation *activation, clmix_shape shape)
{
    ops_run_check(&(struct ops_check){ .what = activation->name,
                                       .build = build_activation,
                                       .reference = activation_reference,
                                       .attributes = activation,
                                       .input_count = 1,
                                       .shapes = { shape },
                                       .low = -activation->range,
                                       .high = activation->range });
}

START_TEST(results_and_gradients)
{
    for (size_t i = 0; i < OPS_SHAPES; i++)
        check_activation(&activations[_i], ops_shapes[i]);
    if (!ops_small_effort())
        check_activation(&activations[_i], ops_shape2(10007, 3));
}
END_TEST

/* Below -17 sigmoid is the exponential to half an ulp, so its relative error there is that of exp with one division's. */
START_TEST(exponential_to_the_ulp)
{
    enum { COUNT = 70001 };
    clmix_graph *graph = clmix_graph_new();
    float *data = malloc(COUNT * sizeof *data), *out;
    double worst = 0.0;
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_sigmoid(clmix_input(graph, "x", CLMIX_F32, 1, (size_t[]){ COUNT })));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < COUNT; i++)
        data[i] = -17.0f - 1e-3f * (float)i;
    ops_write(plan, "x", data, COUNT);
    ops_ok(clmix_plan_run(plan));
    out = ops_read(plan, "y", COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        double exact = 1.0 / (1.0 + exp(-(double)data[i]));

        worst = fmax(worst, fabs(out[i] - exact) / exact);
    }
    ck_assert_msg(worst < 1.5e-7, "relative error %.3g", worst);
    free(out);
    free(data);
    clmix_plan_free(plan);
}
END_TEST

/* y of x, and dx where dy is 1. */
static void run_activation(const struct activation *activation, const float *data, size_t count, float **y, float **dx)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(1, count)), dy = ops_input(graph, "dy", ops_shape2(1, count)), result;
    float *ones = ops_floats(count, 0, 1.0f, 1.0f);
    clmix_plan *plan;

    clmix_want_gradient(x);
    result = activation->build(x);
    clmix_backward(graph, 1, &result, &dy);
    clmix_output(graph, "y", result);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "x", data, count);
    ops_write(plan, "dy", ones, count);
    ops_ok(clmix_plan_run(plan));
    *y = ops_read(plan, "y", count);
    *dx = ops_read(plan, "dx", count);
    free(ones);
    clmix_plan_free(plan);
}

/* In a vector and in the tail behind the last. */
START_TEST(what_is_not_finite)
{
    enum { COUNT = 41, TAIL = COUNT - 5 };
    const struct activation *activation = &activations[_i];
    float data[COUNT] = { 0 }, *y, *dx;

    memcpy(data, (float[]){ NAN, -1000.0f, -INFINITY, INFINITY, 1000.0f }, 5 * sizeof *data);
    memcpy(data + TAIL, data, 5 * sizeof *data);
    run_activation(activation, data, COUNT, &y, &dx);
    for (size_t at = 0; at < COUNT; at += TAIL) {
        ck_assert_msg(isnan(y[at]), "%s of NaN is %g", activation->name, (double)y[at]);
        for (size_t i = 0; i < 4; i++) {
            const float far = activation->far[i], got = y[at + 1 + i];

            ck_assert_msg(isnan(far) ? isnan(got) : got == far, "%s of %g is %g instead of %g", activation->name, (double)data[1 + i],
                          (double)got, (double)far);
        }
        ck_assert_msg(fabs(dx[at + 1] - (double)(activation->far[0] > 0.0f)) <= 1e-6, "%s' of -1000 is %g", activation->name,
                      (double)dx[at + 1]);
    }
    ck_assert(y[5] == (float)activation->function(0.0));
    free(y);
    free(dx);
}
END_TEST

/* Near 0, where a difference would cancel. */
START_TEST(small_arguments_to_the_ulp)
{
    enum { COUNT = 3000 };
    float *data = malloc(COUNT * sizeof *data), *y, *dx;

    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < COUNT; i++)
        data[i] = (i % 2 ? -1.0f : 1.0f) * powf(10.0f, -6.0f + 6.5f * (float)i / (float)COUNT);
    for (size_t n = 0; n < ACTIVATIONS; n++) {
        if (activations[n].function != tanh && activations[n].function != elu)
            continue;
        run_activation(&activations[n], data, COUNT, &y, &dx);
        for (size_t i = 0; i < COUNT; i++) {
            const double exact = activations[n].function(data[i]);

            ck_assert_msg(fabs(y[i] - exact) <= 4e-7 * fabs(exact), "%s of %.8g is %.8g instead of %.8g", activations[n].name,
                          (double)data[i], (double)y[i], exact);
        }
        free(y);
        free(dx);
    }
    free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("activation");
    TCase *all = tcase_create("activation");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, results_and_gradients, 0, ACTIVATIONS);
    tcase_add_test(all, exponential_to_the_ulp);
    tcase_add_loop_test(all, what_is_not_finite, 0, ACTIVATIONS);
    tcase_add_test(all, small_arguments_to_the_ulp);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
