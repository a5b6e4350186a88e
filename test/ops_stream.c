/* Results far larger than the caches are written past them, by other instructions: whatever an op makes of some samples it must make of them,
 * bit for bit, among so many that its results are written that way. In place too: a scale stands before and behind each op. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 2, REPEATS = 130, SIDE = 32, CHANNELS = 32, SAMPLE = SIDE * SIDE * CHANNELS }; /* 260 samples: 32.5 MiB */
enum { TOKENS = 64, HEADS = 2 };

static clmix_value gelu(clmix_value x)
{
    return clmix_gelu(x);
}

static clmix_value relu(clmix_value x)
{
    return clmix_relu(x);
}

static clmix_value sigmoid(clmix_value x)
{
    return clmix_sigmoid(x);
}

static clmix_value sum(clmix_value x)
{
    return clmix_add(x, clmix_relu(x));
}

static clmix_value dropout(clmix_value x)
{
    return clmix_dropout(x, 0.25f);
}

static clmix_value layer_norm(clmix_value x)
{
    return clmix_layer_norm(clmix_in(clmix_root(x.graph), "norm"), x, 1e-5f);
}

static clmix_value wavelet(clmix_value x)
{
    return clmix_haar_dwt(x, 1, NULL);
}

/* Over as few tokens as a state is summed of in one piece. */
static clmix_value linear_attention(clmix_value x)
{
    const size_t tokens[] = { clmix_shape_count(clmix_shape_of(x)) / (TOKENS * CHANNELS), TOKENS, CHANNELS };
    const clmix_value values = clmix_reshape(x, 3, tokens), none = { .graph = NULL };
    const clmix_value features = clmix_feature_map(values, none, HEADS, CLMIX_MAP_SOFTMAX, false);

    return clmix_kernel_attention(features, features, values, none, (clmix_kernel_options){ .heads = HEADS });
}

static const struct {
    const char *name;
    clmix_value (*build)(clmix_value x);
    bool counted; /* elements count from the first sample on: only those of the first ones are the same */
} ops[] = {
    { "gelu", gelu, false },       { "relu", relu, false },
    { "sigmoid", sigmoid, false }, { "sum", sum, false },
    { "dropout", dropout, true },  { "layer_norm", layer_norm, false },
    { "wavelet", wavelet, false }, { "linear_attention", linear_attention, false },
};

struct results {
    float *y, *dx;
    size_t sample; /* floats of y */
};

static void write_repeated(clmix_plan *plan, const char *name, const float *data, size_t count, size_t repeats)
{
    float *all = malloc(repeats * count * sizeof *all);

    ck_assert_ptr_nonnull(all);
    for (size_t i = 0; i < repeats; i++)
        memcpy(all + i * count, data, count * sizeof *all);
    ops_write(plan, name, all, repeats * count);
    free(all);
}

/* The op on `repeats` times the FEW samples of `x`, whose result's gradient is `up`, of as many. */
static struct results run(int op, size_t repeats, const float *x, const float *up)
{
    const size_t samples = repeats * FEW;
    clmix_graph *graph = clmix_graph_new();
    clmix_value in = ops_input(graph, "x", ops_shape4(samples, SIDE, SIDE, CHANNELS)), out, dy;
    struct results results;
    clmix_plan *plan;

    clmix_want_gradient(in);
    out = clmix_scale(ops[op].build(clmix_scale(in, 0.5f)), 2.0f);
    dy = ops_input(graph, "dy", clmix_shape_of(out));
    results.sample = clmix_shape_count(clmix_shape_of(out)) / samples;
    clmix_backward(graph, 1, &out, &dy);
    clmix_output(graph, "y", out);
    clmix_output(graph, "dx", clmix_gradient_of(in));
    plan = ops_plan(graph, CLMIX_TRAINING);
    if (strcmp(ops[op].name, "layer_norm") == 0)
        ops_write(plan, "norm.weight", up, CHANNELS);
    write_repeated(plan, "x", x, FEW * SAMPLE, repeats);
    write_repeated(plan, "dy", up, FEW * results.sample, repeats);
    ops_ok(clmix_plan_run(plan));
    results.y = ops_read(plan, "y", samples * results.sample);
    results.dx = ops_read(plan, "dx", samples * SAMPLE);
    clmix_plan_free(plan);
    return results;
}

static void expect_repeated(int op, const char *what, const float *many, const float *few, size_t count)
{
    for (size_t i = 0; i < (ops[op].counted ? 1 : REPEATS); i++)
        ck_assert_msg(memcmp(many + i * count, few, count * sizeof *few) == 0, "%s: %s of samples %zu to %zu", ops[op].name, what, i * FEW,
                      i * FEW + FEW - 1);
}

START_TEST(many_samples_are_as_few)
{
    float *x = ops_floats(FEW * SAMPLE, 1, -3.0f, 3.0f), *up = ops_floats(FEW * SAMPLE, 2, -1.0f, 1.0f);
    struct results few = run(_i, 1, x, up), many = run(_i, REPEATS, x, up);

    ck_assert_uint_ge(FEW * REPEATS * SAMPLE * sizeof(float), (size_t)32 << 20);
    expect_repeated(_i, "results", many.y, few.y, FEW * few.sample);
    expect_repeated(_i, "gradients", many.dx, few.dx, FEW * SAMPLE);
    free(x);
    free(up);
    free(few.y);
    free(few.dx);
    free(many.y);
    free(many.dx);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *all = tcase_create("stream");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, many_samples_are_as_few, 0, sizeof ops / sizeof *ops);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
