/* Linear layers: results, gradients, and what follows in the same launch. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"
#include "support_device.h"
#include "support_ops.h"
#include "support_suite.h"

static void read_gradient(clmix_plan *plan, const clmix_graph *graph, const char *name, float *data, size_t count)
{
    clmix_tensor_info info;
    size_t bytes = clmix_graph_weight_count(graph) * sizeof(float);
    cl_mem memory;
    float *all = malloc(bytes);

    check_ok(clmix_buffer_create(test_device, bytes, "gradients", &memory));
    check_ok(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, memory));
    check_ok(clmix_plan_run(plan));
    check_ok(clmix_plan_wait(plan));
    check_ok(clmix_buffer_read(test_device, memory, 0, all, bytes));
    for (size_t i = 0; i < clmix_graph_tensor_count(graph); i++) {
        check_ok(clmix_graph_tensor(graph, i, &info));
        if (strcmp(info.name, name) == 0)
            memcpy(data, all + info.offset, count * sizeof *data);
    }
    free(all);
    check_ok(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, memory));
    clmix_plan_wait(plan);
    clmix_buffer_release(test_device, memory);
}

static void close_to(const float *got, size_t index, double want, double scale, const char *what)
{
    ck_assert_msg(fabs(got[index] - want) <= 1e-5 * scale, "%s %zu: %.8g instead of %.8g", what, index, (double)got[index], want);
}

START_TEST(linear_forward_and_backward)
{
    enum { BATCH = 3, TOKENS = 700, IN = 21, OUT = 34, ROWS = BATCH * TOKENS };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ BATCH, TOKENS, IN }),
                dy = clmix_input(graph, "dy", CLMIX_F32, 3, (size_t[]){ BATCH, TOKENS, OUT }), y;
    float *xs = ops_centred_floats(ROWS * IN, 0), *dys = ops_centred_floats(ROWS * OUT, 1), *weight = ops_centred_floats(IN * OUT, 2),
          *bias = ops_centred_floats(OUT, 3);
    float *ys = malloc(ROWS * OUT * sizeof *ys), *dxs = malloc(ROWS * IN * sizeof *dxs), dweight[IN * OUT], dbias[OUT];
    clmix_plan *plan;

    clmix_want_gradient(x);
    y = clmix_linear(clmix_in(clmix_root(graph), "fc"), x, OUT, true);
    clmix_output(graph, "y", y);
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    check_ok(clmix_plan_compile(&plan, graph, test_device, CLMIX_TRAINING));
    check_ok(clmix_plan_write(plan, "x", xs, ROWS * IN * sizeof(float)));
    check_ok(clmix_plan_write(plan, "dy", dys, ROWS * OUT * sizeof(float)));
    check_ok(clmix_plan_write(plan, "fc.weight", weight, IN * OUT * sizeof(float)));
    check_ok(clmix_plan_write(plan, "fc.bias", bias, OUT * sizeof(float)));
    check_ok(clmix_plan_run(plan));
    check_ok(clmix_plan_read(plan, "y", ys, ROWS * OUT * sizeof(float)));
    check_ok(clmix_plan_read(plan, "dx", dxs, ROWS * IN * sizeof(float)));
    read_gradient(plan, graph, "fc.weight", dweight, IN * OUT);
    read_gradient(plan, graph, "fc.bias", dbias, OUT);
    for (size_t i = 0; i < ROWS * OUT; i++) {
        double want = bias[i % OUT];

        for (size_t k = 0; k < IN; k++)
            want += (double)xs[i / OUT * IN + k] * weight[k * OUT + i % OUT];
        close_to(ys, i, want, sqrt(IN), "y");
    }
    for (size_t i = 0; i < ROWS * IN; i++) {
        double want = 0.0;

        for (size_t j = 0; j < OUT; j++)
            want += (double)dys[i / IN * OUT + j] * weight[i % IN * OUT + j];
        close_to(dxs, i, want, sqrt(OUT), "dx");
    }
    for (size_t i = 0; i < IN * OUT; i++) {
        double want = 0.0;

        for (size_t r = 0; r < ROWS; r++)
            want += (double)xs[r * IN + i / OUT] * dys[r * OUT + i % OUT];
        close_to(dweight, i, want, sqrt(ROWS), "dW");
    }
    for (size_t j = 0; j < OUT; j++) {
        double want = 0.0;

        for (size_t r = 0; r < ROWS; r++)
            want += dys[r * OUT + j];
        close_to(dbias, j, want, sqrt(ROWS), "db");
    }
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    free(xs);
    free(dys);
    free(weight);
    free(bias);
    free(ys);
    free(dxs);
}
END_TEST

/* Activation and residual are done by the product's own launch, and give what they give apart. */
START_TEST(linear_takes_in_what_follows)
{
    enum { ROWS = 50, SIZE = 20 };
    float *xs = ops_centred_floats(ROWS * SIZE, 0), *weight = ops_centred_floats(SIZE * SIZE, 1), *bias = ops_centred_floats(SIZE, 2),
          *ys = malloc(ROWS * SIZE * sizeof *ys);
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 2, (size_t[]){ ROWS, SIZE });
    clmix_plan_cost cost;
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_add(x, clmix_gelu(clmix_linear(clmix_in(clmix_root(graph), "fc"), x, SIZE, true))));
    check_ok(clmix_plan_compile(&plan, graph, test_device, CLMIX_INFERENCE));
    clmix_plan_costs(plan, &cost);
    ck_assert_uint_eq(cost.launches, 1);
    check_ok(clmix_plan_write(plan, "x", xs, ROWS * SIZE * sizeof(float)));
    check_ok(clmix_plan_write(plan, "fc.weight", weight, SIZE * SIZE * sizeof(float)));
    check_ok(clmix_plan_write(plan, "fc.bias", bias, SIZE * sizeof(float)));
    check_ok(clmix_plan_run(plan));
    check_ok(clmix_plan_read(plan, "y", ys, ROWS * SIZE * sizeof(float)));
    for (size_t i = 0; i < ROWS * SIZE; i++) {
        double want = bias[i % SIZE];

        for (size_t k = 0; k < SIZE; k++)
            want += (double)xs[i / SIZE * SIZE + k] * weight[k * SIZE + i % SIZE];
        want = xs[i] + 0.5 * want * (1.0 + erf(want * sqrt(0.5)));
        close_to(ys, i, want, sqrt(SIZE), "y");
    }
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    free(xs);
    free(weight);
    free(bias);
    free(ys);
}
END_TEST

START_TEST(linear_refuses)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_U8, 2, (size_t[]){ 4, 5 });

    ck_assert_int_eq(clmix_shape_of(clmix_linear(clmix_in(clmix_root(graph), "fc"), x, 3, true)).rank, -1);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "fc") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
    graph = clmix_graph_new();
    clmix_linear(clmix_in(clmix_root(graph), "none"), clmix_input(graph, "x", CLMIX_F32, 1, (size_t[]){ 5 }), 0, true);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    clmix_graph_free(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linear");
    TCase *all = tcase_create("linear");

    tcase_add_checked_fixture(all, open_test_device, close_test_device);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, linear_forward_and_backward);
    tcase_add_test(all, linear_takes_in_what_follows);
    tcase_add_test(all, linear_refuses);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
