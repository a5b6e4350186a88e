/* Dropout of elements and of whole samples: masks, their statistics, and where they are drawn again. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* Of ones: y = dropout(x), dx for dy = 1, and the mask of a second dropout; `training` or not. */
struct drops {
    float *y, *dx, *other;
};

static struct drops drop(size_t count, float rate, clmix_mode mode, uint64_t seed, uint64_t step)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(1, count)), y, dy = ops_input(graph, "dy", ops_shape2(1, count));
    float *ones = ops_floats(count, 0, 1.0f, 1.0f);
    struct drops drops;
    clmix_plan *plan;

    clmix_want_gradient(x);
    y = clmix_dropout(x, rate);
    clmix_output(graph, "other", clmix_dropout(x, rate));
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, mode);
    ops_write(plan, "x", ones, count);
    ops_write(plan, "dy", ones, count);
    ops_ok(clmix_plan_set_step(plan, seed, step));
    ops_ok(clmix_plan_run(plan));
    drops = (struct drops){ ops_read(plan, "y", count), ops_read(plan, "dx", count), ops_read(plan, "other", count) };
    free(ones);
    clmix_plan_free(plan);
    return drops;
}

static void free_drops(struct drops drops)
{
    free(drops.y);
    free(drops.dx);
    free(drops.other);
}

static size_t differences(const float *a, const float *b, size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += a[i] != b[i];
    return found;
}

START_TEST(dropout_statistics)
{
    const size_t count = 30011; /* no multiple of a vector */
    static const float rates[] = { 0.1f, 0.5f, 0.9f };

    for (size_t r = 0; r < 3; r++) {
        struct drops drops = drop(count, rates[r], CLMIX_TRAINING, 1, 0);
        double kept = 0.0, std = sqrt((double)rates[r] * (1.0 - (double)rates[r]) / (double)count);

        for (size_t i = 0; i < count; i++) {
            ck_assert(drops.y[i] == 0.0f || drops.y[i] == 1.0f / (1.0f - rates[r]));
            kept += drops.y[i] != 0.0f;
        }
        ck_assert_double_eq_tol(kept / (double)count, 1.0 - (double)rates[r], 4.0 * std);
        ck_assert_uint_eq(differences(drops.y, drops.dx, count), 0);
        ck_assert_uint_gt(differences(drops.y, drops.other, count), count / 20);
        free_drops(drops);
    }
}
END_TEST

START_TEST(dropout_depends_on_seed_and_step)
{
    const size_t count = 4099;
    struct drops first = drop(count, 0.5f, CLMIX_TRAINING, 5, 7), again = drop(count, 0.5f, CLMIX_TRAINING, 5, 7);
    struct drops step = drop(count, 0.5f, CLMIX_TRAINING, 5, 8), seed = drop(count, 0.5f, CLMIX_TRAINING, (uint64_t)1 << 32 | 5, 7);

    ck_assert_uint_eq(differences(first.y, again.y, count), 0);
    ck_assert_uint_gt(differences(first.y, step.y, count), count / 4);
    ck_assert_uint_gt(differences(first.y, seed.y, count), count / 4);
    free_drops(first);
    free_drops(again);
    free_drops(step);
    free_drops(seed);
}
END_TEST

/* The host draws the same mask: counter (element / 4, op, step), key the seed. The op is the first node of the graph. */
START_TEST(dropout_draws_the_hosts_numbers)
{
    const size_t count = 211;
    const uint64_t seed = 0x123456789abcdef0u, step = 0x300000002u;
    struct drops drops = drop(count, 0.25f, CLMIX_TRAINING, seed, step);

    for (size_t i = 0; i < count; i++) {
        uint32_t counter[4] = { (uint32_t)(i / 4), 0, (uint32_t)step, (uint32_t)(step >> 32) }, words[4];

        clmix_philox(seed, counter, words);
        ck_assert_msg((drops.y[i] != 0.0f) == (words[i % 4] >= 0x40000000u), "element %zu", i);
    }
    free_drops(drops);
}
END_TEST

START_TEST(dropout_does_nothing_in_inference)
{
    struct drops drops = drop(1001, 0.5f, CLMIX_INFERENCE, 1, 1);

    for (size_t i = 0; i < 1001; i++)
        ck_assert(drops.y[i] == 1.0f && drops.dx[i] == 1.0f);
    free_drops(drops);
}
END_TEST

/* y = gelu(dropout(x)): in the backward pass the dropout is done again for the GELU's gradient, with the same mask. */
START_TEST(dropout_is_rebuilt_with_its_mask)
{
    const size_t count = 500;
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(1, count)), dropped, y, dy = ops_input(graph, "dy", ops_shape2(1, count));
    float *data = ops_floats(count, 1, 0.5f, 1.0f), *ones = ops_floats(count, 0, 1.0f, 1.0f), *mask, *dx;
    clmix_plan *plan;

    clmix_want_gradient(x);
    clmix_output(graph, "unused", clmix_scale(x, 2.0f)); /* so that numbers of nodes differ from those of dropouts */
    dropped = clmix_dropout(x, 0.5f);
    y = clmix_gelu(dropped);
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "dropped", dropped);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "x", data, count);
    ops_write(plan, "dy", ones, count);
    ops_ok(clmix_plan_set_step(plan, 3, 4));
    ops_ok(clmix_plan_run(plan));
    mask = ops_read(plan, "dropped", count);
    dx = ops_read(plan, "dx", count);
    for (size_t i = 0; i < count; i++) {
        double v = 2.0 * (double)data[i], slope = 0.5 * (1.0 + erf(v / sqrt(2.0))) + v * exp(-v * v / 2.0) / sqrt(2.0 * acos(-1.0));

        ck_assert_double_eq_tol((double)dx[i], mask[i] == 0.0f ? 0.0 : 2.0 * slope, 1e-5);
    }
    free(data);
    free(ones);
    free(mask);
    free(dx);
    clmix_plan_free(plan);
}
END_TEST

/* ---- shares of a batch --------------------------------------------------------------------------------------------------------------- */

enum { WHOLE = 8, SIDE = 7, CHANNELS = 3, SAMPLE = SIDE * SIDE * CHANNELS, MOST_OUTPUTS = 2 }; /* a sample is no multiple of a vector */

/* What is dropped of pictures: the outputs are maps of samples. */
typedef int (*build_function)(clmix_scope at, clmix_value x, clmix_value *outputs);

static int build_plain(clmix_scope at, clmix_value x, clmix_value *outputs)
{
    (void)at;
    outputs[0] = clmix_dropout(x, 0.5f);
    return 1;
}

/* In two parts: every level of the wavelet transform has all samples. */
static int build_parts(clmix_scope at, clmix_value x, clmix_value *outputs)
{
    (void)at;
    x = clmix_relu(x);
    clmix_value dropped = clmix_dropout(clmix_scale(clmix_dropout(clmix_haar_bands(x, 2), 0.25f), 2.0f), 0.25f);

    for (int level = 1; level <= 2; level++)
        outputs[level - 1] = clmix_haar_level(dropped, x, level);
    return 2;
}

static int build_behind_batch_norm(clmix_scope at, clmix_value x, clmix_value *outputs)
{
    outputs[0] = clmix_dropout(clmix_batch_norm(clmix_in(at, "norm"), x, 1e-5f, 0.1f), 0.5f);
    return 1;
}

/* Whole samples, also where their rows are one list. */
static int build_samples(clmix_scope at, clmix_value x, clmix_value *outputs)
{
    const size_t rows[2] = { clmix_shape_of(x).size[0] * SIDE * SIDE, CHANNELS };

    (void)at;
    outputs[0] = clmix_reshape(clmix_drop_path(clmix_reshape(clmix_relu(x), 2, rows), 0.5f), 4, clmix_shape_of(x).size);
    return 1;
}

static const build_function builds[] = { build_plain, build_parts, build_behind_batch_norm, build_samples };

/* What a plan for `count` samples gives: its outputs and, where it has one of its own, the gradient of what each dropout was given. */
struct share {
    int outputs;
    float *values[MOST_OUTPUTS], *dx;
    size_t each[MOST_OUTPUTS]; /* elements of a sample */
};

static clmix_plan *plan_share(build_function build, size_t count, struct share *share)
{
    const size_t size[4] = { count, SIDE, SIDE, CHANNELS };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_batch_input(graph, "x", CLMIX_F32, 4, size), outputs[MOST_OUTPUTS], of[MOST_OUTPUTS], gradients[MOST_OUTPUTS];
    static const char *const names[] = { "y0", "y1" }, *const upstream[] = { "dy0", "dy1" };

    clmix_want_gradient(x);
    share->outputs = build(clmix_root(graph), x, outputs);
    for (int i = 0; i < share->outputs; i++) {
        const clmix_shape shape = clmix_shape_of(outputs[i]);

        share->each[i] = clmix_shape_count(shape) / count;
        clmix_output(graph, names[i], outputs[i]);
        of[i] = outputs[i];
        gradients[i] = clmix_batch_input(graph, upstream[i], CLMIX_F32, shape.rank, shape.size);
    }
    clmix_backward(graph, share->outputs, of, gradients);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    return ops_plan(graph, CLMIX_TRAINING);
}

/* Runs samples first .. first + count - 1 of the whole batch's; `placed`, or as though they were all. */
static struct share run_share(build_function build, const float *x, size_t first, size_t count, bool placed)
{
    static const char *const names[] = { "y0", "y1" }, *const upstream[] = { "dy0", "dy1" };
    struct share share = { 0 };
    clmix_plan *plan = plan_share(build, count, &share);
    const float ones[CHANNELS] = { 1.0f, 1.0f, 1.0f }, zeros[CHANNELS] = { 0 };

    if (build == build_behind_batch_norm) {
        ops_write(plan, "norm.weight", ones, CHANNELS);
        ops_write(plan, "norm.bias", zeros, CHANNELS);
    }
    ops_write(plan, "x", x + first * SAMPLE, count * SAMPLE);
    for (int i = 0; i < share.outputs; i++) {
        float *dy = ops_floats(count * share.each[i], 3, 1.0f, 1.0f);

        ops_write(plan, upstream[i], dy, count * share.each[i]);
        free(dy);
    }
    if (placed)
        ops_ok(clmix_plan_set_place(plan, first, WHOLE));
    ops_ok(clmix_plan_set_step(plan, 11, 12));
    ops_ok(clmix_plan_run(plan));
    for (int i = 0; i < share.outputs; i++)
        share.values[i] = ops_read(plan, names[i], count * share.each[i]);
    share.dx = ops_read(plan, "dx", count * SAMPLE);
    clmix_plan_free(plan);
    return share;
}

static void free_share(struct share *share)
{
    for (int i = 0; i < share->outputs; i++)
        free(share->values[i]);
    free(share->dx);
}

/* Elements that one has dropped and the other has not. */
static size_t mask_differences(const float *a, const float *b, size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += (a[i] == 0.0f) != (b[i] == 0.0f);
    return found;
}

/* No split of a batch changes a mask, forward or backward: 8 samples at once, and 4 and 4, 1 and 2 and 5. */
START_TEST(dropout_is_keyed_by_the_place_in_the_batch)
{
    static const size_t splits[][4] = { { 0, 4, 8 }, { 0, 1, 3, 8 } };
    const build_function build = builds[_i];
    float *x = ops_floats(WHOLE * SAMPLE, 2, 0.25f, 1.0f);
    struct share whole = run_share(build, x, 0, WHOLE, false), share;

    for (size_t s = 0; s < 2; s++)
        for (int part = 0; part < 3 && splits[s][part] < WHOLE; part++) {
            const size_t first = splits[s][part], count = splits[s][part + 1] - first;

            share = run_share(build, x, first, count, true);
            for (int i = 0; i < share.outputs; i++)
                ck_assert_uint_eq(mask_differences(share.values[i], whole.values[i] + first * share.each[i], count * share.each[i]), 0);
            if (build != build_behind_batch_norm) /* there gradients are of all samples */
                ck_assert_uint_eq(differences(share.dx, whole.dx + first * SAMPLE, count * SAMPLE), 0);
            free_share(&share);
        }
    share = run_share(build, x, 4, 4, false);
    for (int i = 0; i < share.outputs; i++) /* as though they were all, they draw others */
        ck_assert_uint_gt(mask_differences(share.values[i], whole.values[i] + 4 * share.each[i], 4 * share.each[i]), share.each[i] / 2);
    free_share(&share);
    free_share(&whole);
    free(x);
}
END_TEST

/* Samples are zeroed or scaled whole, forward and backward, by the words of their places: word s % 4 of counter (s / 4, op, step); not at all in
 * inference. */
START_TEST(drop_path_takes_samples)
{
    enum { SAMPLES = 41, EACH = 131 };
    const size_t count = (size_t)SAMPLES * EACH;
    float *ones = ops_floats(count, 0, 1.0f, 1.0f);

    for (int training = 0; training < 2; training++) {
        clmix_graph *graph = clmix_graph_new();
        clmix_value x = ops_input(graph, "x", ops_shape2(SAMPLES, EACH)), dy = ops_input(graph, "dy", ops_shape2(SAMPLES, EACH)), y;
        float *values, *dx;
        clmix_plan *plan;
        size_t kept = 0;

        clmix_want_gradient(x);
        y = clmix_drop_path(x, 0.25f);
        clmix_backward(graph, 1, &y, &dy);
        clmix_output(graph, "y", y);
        clmix_output(graph, "dx", clmix_gradient_of(x));
        plan = ops_plan(graph, training ? CLMIX_TRAINING : CLMIX_INFERENCE);
        ops_write(plan, "x", ones, count);
        ops_write(plan, "dy", ones, count);
        ops_ok(clmix_plan_set_step(plan, 77, 5));
        ops_ok(clmix_plan_run(plan));
        values = ops_read(plan, "y", count);
        dx = ops_read(plan, "dx", count);
        for (size_t i = 0; i < count; i++) {
            uint32_t counter[4] = { (uint32_t)(i / EACH / 4), 0, 5, 0 }, words[4];

            clmix_philox(77, counter, words);
            ck_assert_msg(values[i] == (training ? (words[i / EACH % 4] >= 0x40000000u ? 1.0f / 0.75f : 0.0f) : 1.0f), "element %zu", i);
            kept += values[i] != 0.0f;
        }
        ck_assert(training ? kept > 0 && kept < count : kept == count);
        ck_assert_uint_eq(differences(values, dx, count), 0);
        free(values);
        free(dx);
        clmix_plan_free(plan);
    }
    free(ones);
}
END_TEST

/* Samples that are not in the batch; a plan that has none; rows that belong to no sample. */
START_TEST(places_that_cannot_be_are_refused)
{
    const size_t size[2] = { 4, 6 }, rows[2] = { 3, 8 };
    clmix_graph *graphs[2] = { clmix_graph_new(), clmix_graph_new() };
    struct share share = { 0 };
    clmix_plan *plan = plan_share(build_plain, 4, &share);

    ck_assert_int_eq(clmix_plan_set_place(plan, 5, 8), CLMIX_ERROR_ARGUMENT);
    ck_assert_int_eq(clmix_plan_set_place(plan, 0, 3), CLMIX_ERROR_ARGUMENT);
    ck_assert_int_eq(clmix_plan_set_place(plan, SIZE_MAX, 8), CLMIX_ERROR_ARGUMENT);
    ops_ok(clmix_plan_set_place(plan, 4, 8));
    clmix_plan_free(plan);
    clmix_output(graphs[0], "y", clmix_dropout(clmix_input(graphs[0], "x", CLMIX_F32, 2, size), 0.5f));
    plan = ops_plan(graphs[0], CLMIX_TRAINING);
    ck_assert_int_eq(clmix_plan_set_place(plan, 0, 4), CLMIX_ERROR_ARGUMENT);
    clmix_plan_free(plan);
    clmix_output(graphs[1], "y", clmix_dropout(clmix_reshape(clmix_batch_input(graphs[1], "x", CLMIX_F32, 2, size), 2, rows), 0.5f));
    plan = ops_plan(graphs[1], CLMIX_TRAINING);
    ops_ok(clmix_plan_set_place(plan, 0, 4));
    ck_assert_int_eq(clmix_plan_set_place(plan, 0, 8), CLMIX_ERROR_UNSUPPORTED);
    clmix_plan_free(plan);
}
END_TEST

START_TEST(dropout_refuses)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_dropout(ops_input(graph, "x", ops_shape2(2, 2)), 1.0f);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "rate of 1") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
    graph = clmix_graph_new();
    clmix_drop_path(ops_input(graph, "x", ops_shape2(2, 2)), -0.5f);
    ops_refused(graph, "rate of -0.5");
    graph = clmix_graph_new();
    clmix_drop_path(clmix_input(graph, "x", CLMIX_F32, 0, NULL), 0.5f);
    ops_refused(graph, "samples of a scalar");
}
END_TEST

/* Samples that lie in a part a level are not whole anywhere. */
START_TEST(drop_path_refuses_parts)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_batch_input(graph, "x", CLMIX_F32, 4, (size_t[]){ 2, 4, 4, 3 });
    clmix_plan *plan = NULL;

    clmix_output(graph, "y", clmix_drop_path(clmix_haar_bands(clmix_relu(x), 2), 0.5f));
    ck_assert_int_eq(clmix_plan_compile(&plan, graph, ops_device, CLMIX_TRAINING), CLMIX_ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(clmix_error(), "2 parts each") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dropout");
    TCase *all = tcase_create("dropout");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, dropout_statistics);
    tcase_add_test(all, dropout_depends_on_seed_and_step);
    tcase_add_test(all, dropout_draws_the_hosts_numbers);
    tcase_add_test(all, dropout_does_nothing_in_inference);
    tcase_add_test(all, dropout_is_rebuilt_with_its_mask);
    tcase_add_loop_test(all, dropout_is_keyed_by_the_place_in_the_batch, 0, sizeof builds / sizeof *builds);
    tcase_add_test(all, places_that_cannot_be_are_refused);
    tcase_add_test(all, drop_path_takes_samples);
    tcase_add_test(all, dropout_refuses);
    tcase_add_test(all, drop_path_refuses_parts);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
