/* Pooling: averages, maxima, ties, and means of tokens by their scores. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static clmix_value build_average(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    (void)attributes;
    return clmix_global_average_pool(inputs[0]);
}

static void average_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    size_t samples = of[0].size[0], columns = of[0].size[of[0].rank - 1], pixels = clmix_shape_count(of[0]) / samples / columns;

    (void)attributes;
    for (size_t i = 0; i < samples * columns; i++) {
        out[i] = 0.0;
        for (size_t p = 0; p < pixels; p++)
            out[i] += inputs[0][(i / columns * pixels + p) * columns + i % columns] / (double)pixels;
    }
}

START_TEST(global_average)
{
    static const clmix_shape of[] = {
        { 4, { 1, 1, 1, 1 } }, { 4, { 2, 33, 17, 3 } }, { 3, { 5, 9, 16 } }, { 4, { 20, 4, 4, 33 } }, { 3, { 1, 7, 200 } }
    };

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        ops_run_check(&(struct ops_check){
            .what = "global_average_pool", .build = build_average, .reference = average_reference, .input_count = 1, .shapes = { of[i] } });
}
END_TEST

static clmix_value build_max(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const clmix_window *window = attributes;

    (void)at;
    return clmix_max_pool2d(inputs[0], *window);
}

static void max_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    const clmix_window *window = attributes;
    size_t height = of[0].size[1], width = of[0].size[2], channels = of[0].size[3];
    size_t h = (height + 2 * window->padding[0] - window->kernel[0]) / window->stride[0] + 1,
           w = (width + 2 * window->padding[1] - window->kernel[1]) / window->stride[1] + 1;

    for (size_t i = 0; i < of[0].size[0] * h * w * channels; i++) {
        size_t c = i % channels, x = i / channels % w, y = i / channels / w % h, sample = i / channels / w / h;

        out[i] = -INFINITY;
        for (size_t k = 0; k < window->kernel[0] * window->kernel[1]; k++) {
            size_t at_y = y * window->stride[0] + k / window->kernel[1], at_x = x * window->stride[1] + k % window->kernel[1];

            if (at_y >= window->padding[0] && at_y < height + window->padding[0] && at_x >= window->padding[1] &&
                at_x < width + window->padding[1])
                out[i] =
                    fmax(out[i],
                         inputs[0][((sample * height + at_y - window->padding[0]) * width + at_x - window->padding[1]) * channels + c]);
        }
    }
}

START_TEST(max_pooling)
{
    static const clmix_window windows[] = {
        { { 1, 1 }, { 1, 1 }, { 0, 0 }, 0 }, { { 2, 2 }, { 2, 2 }, { 0, 0 }, 0 }, { { 3, 3 }, { 2, 2 }, { 1, 1 }, 0 },
        { { 3, 2 }, { 1, 3 }, { 1, 0 }, 0 }, { { 3, 3 }, { 1, 1 }, { 1, 1 }, 0 }, { { 2, 1 }, { 3, 2 }, { 1, 0 }, 0 },
    };
    static const clmix_shape of[] = {
        { 4, { 1, 3, 3, 1 } }, { 4, { 2, 7, 5, 3 } }, { 4, { 1, 9, 8, 16 } }, { 4, { 3, 4, 6, 33 } }, { 4, { 1, 41, 4, 2 } }
    };

    for (size_t w = 0; w < sizeof windows / sizeof *windows; w++)
        for (size_t i = 0; i < sizeof of / sizeof *of; i++)
            ops_run_check(&(struct ops_check){ .what = "max_pool2d",
                                               .build = build_max,
                                               .reference = max_reference,
                                               .attributes = &windows[w],
                                               .input_count = 1,
                                               .shapes = { of[i] } });
}
END_TEST

/* All pixels equal: the first of each window, in row-major order, takes its gradient; windows add up. */
static void pool_ties(size_t n)
{
    const size_t channels = 17, out = (n + 1) / 2;
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape4(1, n, n, channels)), y, dy;
    float *ones = ops_floats(n * n * channels, 0, 1.0f, 1.0f), *dx;
    float *wanted = ops_floats(n * n, 0, 0.0f, 0.0f);
    clmix_plan *plan;

    clmix_want_gradient(x);
    y = clmix_max_pool2d(x, clmix_square(3, 2, 1)); /* 3 x 3 windows that begin at -1, 1, 3 */
    dy = ops_input(graph, "dy", clmix_shape_of(y));
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "x", ones, n * n * channels);
    ops_write(plan, "dy", ones, out * out * channels);
    ops_ok(clmix_plan_run(plan));
    for (size_t i = 0; i < out * out; i++)
        wanted[(i / out == 0 ? 0 : i / out * 2 - 1) * n + (i % out == 0 ? 0 : i % out * 2 - 1)] += 1.0f;
    dx = ops_read(plan, "dx", n * n * channels);
    for (size_t i = 0; i < n * n * channels; i++)
        ck_assert_msg(dx[i] == wanted[i / channels], "pixel %zu of channel %zu", i / channels, i % channels);
    free(wanted);
    free(ones);
    free(dx);
    clmix_plan_free(plan);
}

START_TEST(max_pooling_of_ties)
{
    pool_ties(5);
    pool_ties(41); /* in strips */
}
END_TEST

static clmix_value build_sequence(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)attributes;
    return clmix_sequence_pool(at, inputs[0]);
}

static void sequence_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    const size_t tokens = of[0].size[1], columns = of[0].size[2];

    (void)attributes;
    for (size_t sample = 0; sample < of[0].size[0]; sample++) {
        const double *x = inputs[0] + sample * tokens * columns;
        double sum = 0.0;

        for (size_t c = 0; c < columns; c++)
            out[sample * columns + c] = 0.0;
        for (size_t t = 0; t < tokens; t++) {
            double score = inputs[2][0], weight;

            for (size_t c = 0; c < columns; c++)
                score += x[t * columns + c] * inputs[1][c];
            weight = exp(score);
            sum += weight;
            for (size_t c = 0; c < columns; c++)
                out[sample * columns + c] += weight * x[t * columns + c];
        }
        for (size_t c = 0; c < columns; c++)
            out[sample * columns + c] /= sum;
    }
}

START_TEST(sequence_pooling)
{
    static const clmix_shape of[] = { { 3, { 1, 1, 1 } }, { 3, { 3, 17, 5 } }, { 3, { 2, 70, 33 } } };

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        ops_run_check(&(struct ops_check){ .what = "sequence_pool",
                                           .build = build_sequence,
                                           .reference = sequence_reference,
                                           .input_count = 1,
                                           .shapes = { of[i] },
                                           .parameters = { "weight", "bias" },
                                           .low = -0.3f,
                                           .high = 0.5f,
                                           .tolerance = 1e-5,
                                           .gradient_tolerance = 1e-4 });
}
END_TEST

START_TEST(sequence_pooling_refuses)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_sequence_pool(clmix_in(clmix_root(graph), "pool"), ops_input(graph, "x", ops_shape2(3, 4)));
    ops_refused(graph, "pool: sequence pooling of 3x4");
    graph = clmix_graph_new();
    clmix_sequence_pool_with(clmix_root(graph), ops_input(graph, "x", (clmix_shape){ 3, { 2, 3, 4 } }),
                             ops_input(graph, "w", ops_shape2(4, 2)), (clmix_value){ 0 });
    ops_refused(graph, "one score a token");
}
END_TEST

START_TEST(pooling_refuses)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_max_pool2d(ops_input(graph, "x", ops_shape4(1, 4, 4, 1)), clmix_square(3, 1, 2));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "padding 2") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
    graph = clmix_graph_new();
    clmix_max_pool2d(ops_input(graph, "x", ops_shape4(1, 2, 9, 1)), clmix_square(3, 1, 0));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "larger than the map") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool");
    TCase *all = tcase_create("pool");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, global_average);
    tcase_add_test(all, max_pooling);
    tcase_add_test(all, max_pooling_of_ties);
    tcase_add_test(all, sequence_pooling);
    tcase_add_test(all, pooling_refuses);
    tcase_add_test(all, sequence_pooling_refuses);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
