/* Layer and channel norm that the products behind it read through: against the reference in double with its differences, against the same graph with
 * the normalised rows in memory, and that it happens where it should only. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"
#include "ops/gemm_internal.h"
#include "support_ops.h"
#include "support_suite.h"

/* y = l0(n(x)), and what else reads n(x). */
struct normal {
    size_t rows, in, out;
    bool two;     /* y = l0(n(x)) + l1(n(x)) */
    bool apart;   /* n(x) is asked for */
    bool channel; /* a channel norm */
    bool others;  /* a ReLU reads n(x) too: y = l0(n(x)) + l1(relu(n(x))) */
    float mean;   /* of x, whose deviation is about 1 */
};

#define EPSILON 1e-5

static const struct normal normals[] = {
    { .rows = 33, .in = 20, .out = 29 },
    { .rows = 9, .in = 18, .out = 7, .channel = true },
    { .rows = 1, .in = 1, .out = 1 },
    { .rows = 50, .in = 3, .out = 37, .two = true },
    { .rows = 5, .in = 700, .out = 6 },
    { .rows = 1100, .in = 7, .out = 9 },
    { .rows = 70, .in = 131, .out = 70, .mean = 3.0f },
    { .rows = 100, .in = 65, .out = 300 },
};

static size_t normal_count(void)
{
    return ops_small_effort() ? 4 : sizeof normals / sizeof *normals;
}

static clmix_value build_normal(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct normal *normal = attributes;
    clmix_value n = normal->channel ? clmix_channel_norm(clmix_in(at, "n"), inputs[0], (float)EPSILON)
                                    : clmix_layer_norm(clmix_in(at, "n"), inputs[0], (float)EPSILON),
                y = clmix_linear(clmix_in(at, "l0"), n, normal->out, true);

    clmix_at(at);
    if (normal->apart)
        clmix_output(n.graph, "n", n);
    if (normal->two || normal->others)
        y = clmix_add(y, clmix_linear(clmix_in(at, "l1"), normal->others ? clmix_relu(n) : n, normal->out, true));
    return y;
}

/* Inputs x, weight and bias of the norm, then of each layer. */
static void normal_reference(const double *const *inputs, const clmix_shape *shapes, double *output, const void *attributes)
{
    const struct normal *normal = attributes;
    double *n = malloc(normal->rows * normal->in * sizeof *n), *other = malloc(normal->rows * normal->out * sizeof *other);

    (void)shapes;
    for (size_t r = 0; r < normal->rows; r++) {
        const double *x = inputs[0] + r * normal->in;
        double mean = 0.0, square = 0.0;

        for (size_t c = 0; c < normal->in; c++)
            mean += x[c] / (double)normal->in;
        for (size_t c = 0; c < normal->in; c++)
            square += (x[c] - mean) * (x[c] - mean) / (double)normal->in;
        for (size_t c = 0; c < normal->in; c++)
            n[r * normal->in + c] =
                (x[c] - mean) / (normal->channel ? sqrt(square) + EPSILON : sqrt(square + EPSILON)) * inputs[1][c] + inputs[2][c];
    }
    ops_affine(n, inputs[3], inputs[4], normal->rows, normal->in, normal->out, output);
    if (normal->two)
        ops_affine(n, inputs[5], inputs[6], normal->rows, normal->in, normal->out, other);
    for (size_t i = 0; normal->two && i < normal->rows * normal->out; i++)
        output[i] += other[i];
    free(n);
    free(other);
}

START_TEST(layer_norm_agrees_with_differences)
{
    for (size_t s = 0; s < normal_count(); s++) {
        const struct normal *normal = &normals[s];
        struct ops_check check = { .what = "linear(layer_norm)",
                                   .build = build_normal,
                                   .reference = normal_reference,
                                   .attributes = normal,
                                   .input_count = 1,
                                   .shapes = { ops_shape2(normal->rows, normal->in) },
                                   .parameters = { normal->channel ? "n.g" : "n.weight", normal->channel ? "n.b" : "n.bias", "l0.weight",
                                                   "l0.bias" },
                                   .low = normal->mean - 1.0f,
                                   .high = normal->mean + 1.0f,
                                   .mode = CLMIX_TRAINING,
                                   .tolerance = 1e-5,
                                   .gradient_tolerance = 1e-4 };

        if (normal->two)
            continue; /* more parameters than a check has room for: compared with what apart gives */
        ops_run_check(&check);
    }
}
END_TEST

/* A plan of a normal, what it gave, and how often it normalised. */
struct normal_outcome {
    float *y, *dx, *gradients;
    size_t gradient_count, peak;
    bool left_out; /* n(x) is not in memory */
};

static bool leaves_out(const clmix_plan *plan)
{
    for (size_t i = 0; i < plan->record_count; i++)
        if (strcmp(plan->records[i]->kernel, "layer_norm") == 0 && strstr(plan->records[i]->options, "STATS_ONLY") != NULL)
            return true;
    return false;
}

static struct normal_outcome run_normal(const struct normal *normal, bool training)
{
    struct normal_outcome outcome = { .gradient_count = 0 };
    clmix_graph *graph = clmix_graph_new();
    size_t x_count = normal->rows * normal->in, y_count = normal->rows * normal->out;
    clmix_value x = ops_input(graph, "x", ops_shape2(normal->rows, normal->in)),
                dy = training ? ops_input(graph, "dy", ops_shape2(normal->rows, normal->out)) : clmix_no_value(), y;
    float *xs = ops_floats(x_count, 1, normal->mean - 1.7f, normal->mean + 1.7f), *dys = ops_floats(y_count, 2, -1.0f, 1.0f), *weights;
    clmix_tensor_info info;
    clmix_plan_cost cost;
    clmix_plan *plan;
    cl_mem arena;

    if (training)
        clmix_want_gradient(x);
    y = build_normal(clmix_root(graph), &x, normal);
    if (training) {
        clmix_backward(graph, 1, &y, &dy);
        clmix_output(graph, "dx", clmix_gradient_of(x));
    }
    clmix_output(graph, "y", y);
    outcome.gradient_count = clmix_graph_weight_count(graph);
    weights = ops_floats(outcome.gradient_count, 3, 0.5f, 1.5f);
    ops_ok(clmix_graph_check(graph));
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, training ? CLMIX_TRAINING : CLMIX_INFERENCE));
    clmix_plan_costs(plan, &cost);
    outcome.peak = cost.peak_bytes;
    outcome.left_out = leaves_out(plan);
    ops_ok(clmix_buffer_create(ops_device, outcome.gradient_count * sizeof(float), "gradients", &arena));
    if (training)
        ops_ok(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, arena));
    ops_ok(clmix_plan_prepare(plan));
    ops_write(plan, "x", xs, x_count);
    if (training)
        ops_write(plan, "dy", dys, y_count);
    for (size_t t = 0; t < clmix_graph_tensor_count(graph); t++) {
        ops_ok(clmix_graph_tensor(graph, t, &info));
        ops_write(plan, info.name, weights + info.offset, clmix_shape_count(info.file_shape));
    }
    ops_ok(clmix_plan_run(plan));
    outcome.y = ops_read(plan, "y", y_count);
    outcome.dx = training ? ops_read(plan, "dx", x_count) : calloc(x_count, sizeof(float));
    outcome.gradients = calloc(outcome.gradient_count, sizeof(float));
    if (training)
        ops_ok(clmix_buffer_read(ops_device, arena, 0, outcome.gradients, outcome.gradient_count * sizeof(float)));
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    clmix_buffer_release(ops_device, arena);
    free(xs);
    free(dys);
    free(weights);
    return outcome;
}

static void free_normal(struct normal_outcome *outcome)
{
    free(outcome->y);
    free(outcome->dx);
    free(outcome->gradients);
}

/* Whether layers read layer norms through on the device in a mode: lib/ops/linear.c. */
static bool reads_through(bool training)
{
    return training || clmix_device_describe(ops_device)->form == CLMIX_SIMT;
}

static void check_normal(struct normal normal, bool training, bool through, double tolerance)
{
    struct normal_outcome fused = run_normal(&normal, training), apart;

    ck_assert_int_eq(fused.left_out, through);
    normal.apart = true;
    apart = run_normal(&normal, training);
    ck_assert(!apart.left_out);
    ck_assert(fused.peak <= apart.peak);
    ops_compare_floats("y", fused.y, apart.y, normal.rows * normal.out, tolerance);
    ops_compare_floats("dx", fused.dx, apart.dx, normal.rows * normal.in, tolerance);
    ops_compare_floats("gradients", fused.gradients, apart.gradients, fused.gradient_count, tolerance);
    free_normal(&fused);
    free_normal(&apart);
}

/* In training (1) the gradients of the layers read the norm too. */
START_TEST(layer_norm_gives_what_apart_gives)
{
    for (size_t s = 0; s < normal_count(); s++)
        check_normal(normals[s], _i, reads_through(_i), 5e-6);
}
END_TEST

/* A mean of a thousand deviations: what both lose is lost in x, and neither loses more. */
START_TEST(large_means_lose_nothing)
{
    check_normal((struct normal){ .rows = 40, .in = 64, .out = 17, .mean = 1000.0f }, _i, reads_through(_i), 5e-6);
}
END_TEST

START_TEST(others_need_the_norm_in_memory)
{
    check_normal((struct normal){ .rows = 40, .in = 24, .out = 17, .others = true }, _i, false, 5e-6);
}
END_TEST

/* Every tile of both forms and of GPUs, as first use checks it: the depth split or not. */
START_TEST(every_tile_normalizes)
{
    static const size_t sizes[][3] = { { 130, 70, 33 }, { 9, 300, 40 }, { 40, 24, 2000 } };
    clmix_device_info gpu = *clmix_device_describe(ops_device);

    gpu.type = CL_DEVICE_TYPE_GPU;
    for (size_t s = 0; s < (ops_small_effort() ? 1 : sizeof sizes / sizeof *sizes); s++)
        for (int form = 0; form < 3; form++) {
            const clmix_device_info *info = form == 2 ? &gpu : clmix_device_describe(ops_device);
            const struct clmix_gemm like = { .rows = sizes[s][0],
                                             .columns = sizes[s][1],
                                             .depth = sizes[s][2],
                                             .transpose_a = _i,
                                             .bias = CLMIX_NONE,
                                             .residual = { .value = CLMIX_NONE },
                                             .has_prologue = true };
            struct clmix_gemm_tile tile;
            double error, seconds;

            if (form != 2 && info->form != (form == 0 ? CLMIX_SIMT : CLMIX_WIDE))
                continue;
            for (int variant = 0; clmix_gemm_choose_tile(info, form == 1, &like, variant, &tile) && (variant == 0 || !ops_small_effort());
                 variant++) {
                ops_ok(clmix_gemm_probe(ops_device, &like, CLMIX_GEMM_OWN, &tile, true, &error, &seconds));
                ck_assert_msg(error <= 1.0, "%zux%zux%zu, form %d, variant %d: %g", sizes[s][0], sizes[s][1], sizes[s][2], form, variant,
                              error);
            }
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fusion_norm");
    TCase *norms = tcase_create("norms");

    tcase_add_unchecked_fixture(norms, ops_open, ops_close);
    tcase_set_timeout(norms, 900);
    tcase_add_test(norms, layer_norm_agrees_with_differences);
    tcase_add_loop_test(norms, layer_norm_gives_what_apart_gives, 0, 2);
    tcase_add_loop_test(norms, large_means_lose_nothing, 0, 2);
    tcase_add_loop_test(norms, others_need_the_norm_in_memory, 0, 2);
    tcase_add_loop_test(norms, every_tile_normalizes, 0, 2);
    suite_add_tcase(suite, norms);
    return support_run(suite);
}
