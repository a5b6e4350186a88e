/* Layer, channel and batch normalisation: results and gradients in both modes, running statistics, variances near epsilon, refusals. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EPSILON 1e-5

/* ---- references ---------------------------------------------------------------------------------------------------------------------- */

/* One normalisation: `count` elements from x on, `stride` apart. */
static void moments(const double *x, size_t count, size_t stride, double *mean, double *variance)
{
    *mean = *variance = 0.0;
    for (size_t i = 0; i < count; i++)
        *mean += x[i * stride] / (double)count;
    for (size_t i = 0; i < count; i++)
        *variance += (x[i * stride] - *mean) * (x[i * stride] - *mean) / (double)count;
}

static void split(clmix_shape shape, size_t *rows, size_t *columns)
{
    *columns = shape.size[shape.rank - 1];
    *rows = clmix_shape_count(shape) / *columns;
}

static void layer_norm_reference(const double *const *in, const clmix_shape *shapes, double *out, const void *attributes)
{
    size_t rows, columns;
    double mean, variance;

    (void)attributes;
    split(shapes[0], &rows, &columns);
    for (size_t r = 0; r < rows; r++) {
        moments(in[0] + r * columns, columns, 1, &mean, &variance);
        for (size_t c = 0; c < columns; c++)
            out[r * columns + c] = (in[0][r * columns + c] - mean) / sqrt(variance + EPSILON) * in[1][c] + in[2][c];
    }
}

static void batch_norm_reference(const double *const *in, const clmix_shape *shapes, double *out, const void *attributes)
{
    size_t rows, columns;
    double mean, variance;

    split(shapes[0], &rows, &columns);
    for (size_t c = 0; c < columns; c++) {
        moments(in[0] + c, rows, columns, &mean, &variance);
        if (attributes != NULL) { /* running statistics */
            mean = in[3][c];
            variance = in[4][c];
        }
        for (size_t r = 0; r < rows; r++)
            out[r * columns + c] = (in[0][r * columns + c] - mean) / sqrt(variance + EPSILON) * in[1][c] + in[2][c];
    }
}

static clmix_value build_layer_norm(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)attributes;
    return clmix_layer_norm(at, inputs[0], (float)EPSILON);
}

static clmix_value build_batch_norm(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)attributes;
    return clmix_batch_norm(at, inputs[0], (float)EPSILON, 0.1f);
}

/* ---- results and gradients ----------------------------------------------------------------------------------------------------------- */

static const clmix_shape shapes[] = {
    { 2, { 1, 1 } },      { 2, { 7, 3 } },   { 4, { 2, 5, 3, 1 } }, { 4, { 3, 7, 5, 16 } },
    { 3, { 2, 33, 33 } }, { 2, { 300, 5 } }, { 3, { 1, 17, 130 } }, { 2, { 2, 64 } },
};

static void check_norm(const char *what, bool batch, clmix_mode mode, clmix_shape shape, float low, float high, double tolerance,
                       double gradient_tolerance)
{
    struct ops_check check = { .what = what,
                               .build = batch ? build_batch_norm : build_layer_norm,
                               .reference = batch ? batch_norm_reference : layer_norm_reference,
                               .input_count = 1,
                               .shapes = { shape },
                               .parameters = { "weight", "bias" },
                               .low = low,
                               .high = high,
                               .mode = mode,
                               .tolerance = tolerance,
                               .gradient_tolerance = gradient_tolerance };

    if (batch && mode == CLMIX_INFERENCE) {
        check.states[0] = "running_mean";
        check.states[1] = "running_var";
        check.attributes = "running";
    }
    ops_run_check(&check);
}

START_TEST(layer_norm)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_norm("layer_norm", false, CLMIX_TRAINING, shapes[i], -1.0f, 2.0f, 1e-5, 1e-4);
}
END_TEST

START_TEST(layer_norm_of_many_rows)
{
    check_norm("layer_norm", false, CLMIX_TRAINING, ops_shape2(3001, 33), -1.0f, 2.0f, 1e-5, 1e-4);
}
END_TEST

/* Two rows of nearly equal values make the gradient of a batch norm ill-conditioned: no shapes with a single row but the trivial one. */
START_TEST(batch_norm_training)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes - 1; i++)
        check_norm("batch_norm", true, CLMIX_TRAINING, shapes[i], -1.0f, 2.0f, 1e-5, 1e-4);
}
END_TEST

START_TEST(batch_norm_of_many_rows)
{
    check_norm("batch_norm", true, CLMIX_TRAINING, ops_shape2(5003, 20), -1.0f, 2.0f, 1e-5, 1e-4);
}
END_TEST

START_TEST(batch_norm_inference)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_norm("batch_norm, inference", true, CLMIX_INFERENCE, shapes[i], -1.0f, 2.0f, 1e-5, 1e-4);
}
END_TEST

START_TEST(variances_near_epsilon)
{
    check_norm("layer_norm, small variance", false, CLMIX_TRAINING, ops_shape2(9, 33), 0.997f, 1.003f, 1e-4, 1e-3);
    check_norm("batch_norm, small variance", true, CLMIX_TRAINING, ops_shape2(70, 5), 0.997f, 1.003f, 1e-4, 1e-3);
}
END_TEST

/* A mean a thousand times the deviation: sums of squares would lose the variance altogether. */
START_TEST(large_means)
{
    check_norm("layer_norm, large mean", false, CLMIX_TRAINING, ops_shape2(5, 64), 999.0f, 1001.0f, 2e-4, 2e-3);
    check_norm("batch_norm, large mean", true, CLMIX_TRAINING, ops_shape2(500, 3), 999.0f, 1001.0f, 2e-4, 2e-3);
}
END_TEST

/* ---- running statistics -------------------------------------------------------------------------------------------------------------- */

START_TEST(running_statistics_move)
{
    const size_t rows = 103, columns = 5;
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(rows, columns));
    double mean[2][5], variance[2][5];
    float *data = ops_floats(rows * columns, 3, -1.0f, 3.0f), zeros[5] = { 0 }, ones[5] = { 1, 1, 1, 1, 1 }, *got;
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_batch_norm(clmix_in(clmix_root(graph), "norm"), x, (float)EPSILON, 0.1f));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "norm.weight", ones, columns);
    ops_write(plan, "norm.bias", zeros, columns);
    ops_write(plan, "norm.running_mean", zeros, columns);
    ops_write(plan, "norm.running_var", ones, columns);
    ops_write(plan, "x", data, rows * columns);
    for (int run = 0; run < 2; run++) {
        ops_ok(clmix_plan_run(plan));
        for (size_t c = 0; c < columns; c++) {
            double column[103], m, v;

            for (size_t r = 0; r < rows; r++)
                column[r] = (double)data[r * columns + c];
            moments(column, rows, 1, &m, &v);
            v *= (double)rows / (double)(rows - 1);
            mean[run][c] = 0.9 * (run == 0 ? 0.0 : mean[0][c]) + 0.1 * m;
            variance[run][c] = 0.9 * (run == 0 ? 1.0 : variance[0][c]) + 0.1 * v;
        }
        got = ops_read(plan, "norm.running_mean", columns);
        ops_compare("running mean", got, mean[run], columns, 2e-6);
        free(got);
        got = ops_read(plan, "norm.running_var", columns);
        ops_compare("running variance", got, variance[run], columns, 2e-6);
        free(got);
    }
    free(data);
    clmix_plan_free(plan);
}
END_TEST

START_TEST(runs_repeat_bit_for_bit)
{
    const size_t rows = 777, columns = 19;
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(rows, columns)), dy = ops_input(graph, "dy", ops_shape2(rows, columns)), y;
    float *data = ops_floats(rows * columns, 3, -1.0f, 3.0f), *up = ops_floats(rows * columns, 4, -1.0f, 1.0f), *first, *second;
    clmix_plan *plan;

    clmix_want_gradient(x);
    y = clmix_layer_norm(clmix_in(clmix_root(graph), "b"), clmix_batch_norm(clmix_in(clmix_root(graph), "a"), x, (float)EPSILON, 0.0f),
                         (float)EPSILON);
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "x", data, rows * columns);
    ops_write(plan, "dy", up, rows * columns);
    for (size_t i = 0; i < columns; i++)
        data[i] = 1.0f;
    ops_write(plan, "a.weight", data, columns);
    ops_write(plan, "b.weight", data, columns);
    ops_ok(clmix_plan_run(plan));
    first = ops_read(plan, "dx", rows * columns);
    ops_ok(clmix_plan_run(plan));
    second = ops_read(plan, "dx", rows * columns);
    ck_assert_mem_eq(first, second, rows * columns * sizeof *first);
    free(data);
    free(up);
    free(first);
    free(second);
    clmix_plan_free(plan);
}
END_TEST

/* ---- channel norm: epsilon outside the root -------------------------------------------------------------------------------------------- */

static void channel_norm_reference(const double *const *in, const clmix_shape *of, double *out, const void *epsilon)
{
    size_t rows, columns;
    double mean, variance;

    split(of[0], &rows, &columns);
    for (size_t r = 0; r < rows; r++) {
        moments(in[0] + r * columns, columns, 1, &mean, &variance);
        for (size_t c = 0; c < columns; c++)
            out[r * columns + c] =
                (in[0][r * columns + c] - mean) / (sqrt(variance) + (double)*(const float *)epsilon) * in[1][c] + in[2][c];
    }
}

static clmix_value build_channel_norm(clmix_scope at, const clmix_value *inputs, const void *epsilon)
{
    return clmix_channel_norm(at, inputs[0], *(const float *)epsilon);
}

/* An epsilon far below the std, as large, and far above it. */
START_TEST(channel_norm)
{
    static const float epsilons[] = { 1e-5f, 0.5f, 20.0f };

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t e = 0; e < (ops_small_effort() ? 2 : 3); e++)
            ops_run_check(&(struct ops_check){ .what = "channel_norm",
                                               .build = build_channel_norm,
                                               .reference = channel_norm_reference,
                                               .attributes = &epsilons[e],
                                               .input_count = 1,
                                               .shapes = { shapes[i] },
                                               .parameters = { "g", "b" },
                                               .low = -1.0f,
                                               .high = 2.0f,
                                               .mode = CLMIX_TRAINING,
                                               .tolerance = 1e-5,
                                               .gradient_tolerance = 1e-4 });
}
END_TEST

/* A pixel whose channels are equal: y = b, and a finite gradient, (g dy - mean(g dy)) / epsilon. */
START_TEST(channel_norm_of_equal_channels)
{
    enum { ROWS = 3, COLUMNS = 37 };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(ROWS, COLUMNS)), dy = ops_input(graph, "dy", ops_shape2(ROWS, COLUMNS)), y;
    float *same = ops_floats(ROWS * COLUMNS, 0, 0.3f, 0.3f), *ones = ops_floats(COLUMNS, 0, 1.0f, 1.0f), *up, *got, *dx;
    double mean = 0.0;
    clmix_plan *plan;

    clmix_want_gradient(x);
    y = clmix_channel_norm(clmix_root(graph), x, 0.25f);
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, CLMIX_TRAINING);
    up = ops_floats(ROWS * COLUMNS, 1, -1.0f, 1.0f);
    ops_write(plan, "x", same, ROWS * COLUMNS);
    ops_write(plan, "dy", up, ROWS * COLUMNS);
    ops_write(plan, "g", ones, COLUMNS);
    ops_write(plan, "b", ones, COLUMNS);
    ops_ok(clmix_plan_run(plan));
    got = ops_read(plan, "y", ROWS * COLUMNS);
    dx = ops_read(plan, "dx", ROWS * COLUMNS);
    for (size_t c = 0; c < COLUMNS; c++)
        mean += (double)up[c] / (double)COLUMNS;
    for (size_t c = 0; c < COLUMNS; c++) {
        ck_assert_double_eq_tol((double)got[c], 1.0, 1e-5);
        ck_assert_double_eq_tol((double)dx[c], ((double)up[c] - mean) / 0.25, 1e-4);
    }
    free(same);
    free(ones);
    free(up);
    free(got);
    free(dx);
    clmix_plan_free(plan);
}
END_TEST

START_TEST(refusals)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_layer_norm(clmix_in(clmix_root(graph), "norm"), clmix_input(graph, "x", CLMIX_I32, 2, (size_t[]){ 2, 2 }), 1e-5f);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "norm: layer_norm: f32 values") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
    graph = clmix_graph_new();
    clmix_batch_norm(clmix_root(graph), ops_input(graph, "x", ops_shape2(2, 2)), 1e-5f, 1.5f);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "momentum") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
    graph = clmix_graph_new();
    clmix_channel_norm(clmix_in(clmix_root(graph), "norm"), ops_input(graph, "x", ops_shape2(2, 2)), -1.0f);
    ops_refused(graph, "norm: channel_norm: epsilon -1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("norm");
    TCase *all = tcase_create("norm");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, layer_norm);
    tcase_add_test(all, batch_norm_training);
    tcase_add_test(all, batch_norm_inference);
    tcase_add_test(all, channel_norm);
    tcase_add_test(all, channel_norm_of_equal_channels);
    tcase_add_test(all, variances_near_epsilon);
    tcase_add_test(all, large_means);
    if (!ops_small_effort()) {
        tcase_add_test(all, layer_norm_of_many_rows);
        tcase_add_test(all, batch_norm_of_many_rows);
    }
    tcase_add_test(all, running_statistics_move);
    tcase_add_test(all, runs_repeat_bit_for_bit);
    tcase_add_test(all, refusals);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
