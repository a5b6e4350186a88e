/* Activations: results, gradients, what is not finite. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static clmix_value build_activation(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const char *which = attributes;

    (void)at;
    return *which == 'g' ? clmix_gelu(inputs[0]) : *which == 'r' ? clmix_relu(inputs[0]) : clmix_sigmoid(inputs[0]);
}

static void activation_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    const char *which = attributes;

    for (size_t i = 0; i < clmix_shape_count(of[0]); i++) {
        double x = inputs[0][i];

        out[i] = *which == 'g' ? x / 2.0 * (1.0 + erf(x / sqrt(2.0))) : *which == 'r' ? fmax(x, 0.0) : 1.0 / (1.0 + exp(-x));
    }
}

START_TEST(activations)
{
    static const char *const names[] = { "gelu", "relu", "sigmoid" };

    for (size_t n = 0; n < 3; n++) {
        for (size_t i = 0; i < OPS_SHAPES; i++)
            ops_run_check(&(struct ops_check){ .what = names[n],
                                               .build = build_activation,
                                               .reference = activation_reference,
                                               .attributes = names[n],
                                               .input_count = 1,
                                               .shapes = { ops_shapes[i] },
                                               .low = -6.0f,
                                               .high = 6.0f });
        if (!ops_small_effort())
            ops_run_check(&(struct ops_check){ .what = names[n],
                                               .build = build_activation,
                                               .reference = activation_reference,
                                               .attributes = names[n],
                                               .input_count = 1,
                                               .shapes = { ops_shape2(10007, 3) },
                                               .low = -6.0f,
                                               .high = 6.0f });
    }
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

START_TEST(activations_of_what_is_not_finite)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(1, 40));
    float data[40] = { 0 }, *out;
    clmix_plan *plan;

    clmix_output(graph, "gelu", clmix_gelu(x));
    clmix_output(graph, "relu", clmix_relu(x));
    clmix_output(graph, "sigmoid", clmix_sigmoid(x));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    data[0] = data[39] = NAN; /* in a vector and in the tail */
    data[1] = -1000.0f;
    data[2] = 1000.0f;
    data[3] = INFINITY;
    ops_write(plan, "x", data, 40);
    ops_ok(clmix_plan_run(plan));
    out = ops_read(plan, "gelu", 40);
    ck_assert(isnan(out[0]) && isnan(out[39]) && out[1] == 0.0f && out[2] == 1000.0f && isinf(out[3]));
    free(out);
    out = ops_read(plan, "relu", 40);
    ck_assert(isnan(out[0]) && isnan(out[39]) && out[1] == 0.0f && out[2] == 1000.0f && isinf(out[3]));
    free(out);
    out = ops_read(plan, "sigmoid", 40);
    ck_assert(isnan(out[0]) && isnan(out[39]) && out[1] == 0.0f && out[2] == 1.0f && out[3] == 1.0f && out[4] == 0.5f);
    free(out);
    clmix_plan_free(plan);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("activation");
    TCase *all = tcase_create("activation");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, activations);
    tcase_add_test(all, exponential_to_the_ulp);
    tcase_add_test(all, activations_of_what_is_not_finite);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
