/* What matrix products do on the way: activations of what they read, derivatives of activations on what they write. Each against the
 * reference in double with its differences, against the same graph with everything apart, and that it happens where it should only. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"
#include "support_ops.h"
#include "support_suite.h"

/* y = fc2(activation(fc1(x))), x of rows x in. */
struct mlp {
    size_t rows, in, hidden, out;
    bool relu;
    bool apart;    /* the hidden values and their gradient are asked for, so that nothing can be taken in */
    bool shared;   /* the activation's result is read twice: y = fc2(hidden) + scale(fc3(hidden)) */
    float dropout; /* behind the activation */
};

static const struct mlp sizes[] = {
    { .rows = 33, .in = 20, .hidden = 29, .out = 13 },  { .rows = 1, .in = 1, .hidden = 1, .out = 1 },
    { .rows = 50, .in = 1, .hidden = 3, .out = 37 },    { .rows = 1, .in = 35, .hidden = 17, .out = 1 },
    { .rows = 13, .in = 5, .hidden = 700, .out = 6 },   { .rows = 1100, .in = 7, .hidden = 9, .out = 70 },
    { .rows = 100, .in = 3, .hidden = 64, .out = 300 },
};

static size_t size_count(void)
{
    return ops_small_effort() ? 2 : sizeof sizes / sizeof *sizes;
}

static clmix_value build(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct mlp *mlp = attributes;
    clmix_value hidden = clmix_linear(clmix_in(at, "fc1"), inputs[0], mlp->hidden, true), y;

    clmix_at(clmix_in(at, "activation"));
    hidden = clmix_dropout(mlp->relu ? clmix_relu(hidden) : clmix_gelu(hidden), mlp->dropout);
    if (mlp->apart)
        clmix_output(inputs[0].graph, "hidden", hidden);
    y = clmix_linear(clmix_in(at, "fc2"), hidden, mlp->out, true);
    return mlp->shared ? clmix_add(y, clmix_scale(clmix_linear(clmix_in(at, "fc3"), hidden, mlp->out, false), 0.5f)) : y;
}

static double activate(const struct mlp *mlp, double x)
{
    return mlp->relu ? fmax(x, 0.0) : 0.5 * x * (1.0 + erf(x * sqrt(0.5)));
}

static void reference(const double *const *inputs, const clmix_shape *shapes, double *output, const void *attributes)
{
    const struct mlp *mlp = attributes;
    double *hidden = malloc(mlp->rows * mlp->hidden * sizeof *hidden);

    (void)shapes;
    ops_affine(inputs[0], inputs[1], inputs[2], mlp->rows, mlp->in, mlp->hidden, hidden);
    for (size_t i = 0; i < mlp->rows * mlp->hidden; i++)
        hidden[i] = activate(mlp, hidden[i]);
    ops_affine(hidden, inputs[3], inputs[4], mlp->rows, mlp->hidden, mlp->out, output);
    free(hidden);
}

START_TEST(agrees_with_differences)
{
    for (size_t s = 0; s < size_count(); s++) {
        struct mlp mlp = sizes[s];

        mlp.relu = _i;
        ops_run_check(&(struct ops_check){ .what = mlp.relu ? "fc2(relu(fc1))" : "fc2(gelu(fc1))",
                                           .build = build,
                                           .reference = reference,
                                           .attributes = &mlp,
                                           .input_count = 1,
                                           .shapes = { ops_shape2(mlp.rows, mlp.in) },
                                           .parameters = { "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias" },
                                           .mode = CLMIX_TRAINING,
                                           .tolerance = 5e-6 });
    }
}
END_TEST

/* ---- fused and apart ----------------------------------------------------------------------------------------------------------------- */

/* What a training plan of an mlp gave, and the plan. */
struct outcome {
    clmix_plan *plan;
    cl_mem arena;
    size_t gradient_count;
    float *y, *dx, *gradients;
};

static clmix_graph *training_graph(const struct mlp *mlp)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(mlp->rows, mlp->in)), y, dy = ops_input(graph, "dy", ops_shape2(mlp->rows, mlp->out));

    clmix_want_gradient(x);
    y = build(clmix_root(graph), &x, mlp);
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    for (size_t n = 0; mlp->apart && n < graph->node_count; n++)
        if (strcmp(graph->nodes[n]->op->name, "linear_grad_input") == 0 &&
            clmix_shape_columns(clmix_node_result(graph, graph->nodes[n], 0)->shape) == mlp->hidden) {
            char name[32];

            snprintf(name, sizeof name, "dhidden %zu", n);
            clmix_output(graph, name, clmix_value_of(graph, graph->nodes[n]->outputs[0]));
        }
    return graph;
}

static struct outcome train(const struct mlp *mlp)
{
    clmix_graph *graph = training_graph(mlp);
    struct outcome outcome = { .gradient_count = clmix_graph_weight_count(graph) };
    size_t x_count = mlp->rows * mlp->in, y_count = mlp->rows * mlp->out;
    float *x = ops_floats(x_count, 1, -1.0f, 1.0f), *dy = ops_floats(y_count, 2, -1.0f, 1.0f);
    float *weights = ops_floats(outcome.gradient_count, 3, -0.5f, 0.5f);
    clmix_tensor_info info;

    ops_ok(clmix_graph_check(graph));
    ops_ok(clmix_plan_compile(&outcome.plan, graph, ops_device, CLMIX_TRAINING));
    ops_ok(clmix_buffer_create(ops_device, outcome.gradient_count * sizeof(float), "gradients", &outcome.arena));
    ops_ok(clmix_plan_bind_arena(outcome.plan, CLMIX_GRADIENTS, outcome.arena));
    ops_ok(clmix_plan_prepare(outcome.plan));
    ops_write(outcome.plan, "x", x, x_count);
    ops_write(outcome.plan, "dy", dy, y_count);
    for (size_t t = 0; t < clmix_graph_tensor_count(graph); t++) {
        ops_ok(clmix_graph_tensor(graph, t, &info));
        ops_write(outcome.plan, info.name, weights + info.offset, clmix_shape_count(info.file_shape));
    }
    ops_ok(clmix_plan_set_step(outcome.plan, 1, 1));
    ops_ok(clmix_plan_run(outcome.plan));
    outcome.y = ops_read(outcome.plan, "y", y_count);
    outcome.dx = ops_read(outcome.plan, "dx", x_count);
    outcome.gradients = calloc(outcome.gradient_count, sizeof(float));
    ops_ok(clmix_buffer_read(ops_device, outcome.arena, 0, outcome.gradients, outcome.gradient_count * sizeof(float)));
    clmix_graph_free(graph);
    free(x);
    free(dy);
    free(weights);
    return outcome;
}

static void free_outcome(struct outcome *outcome)
{
    clmix_plan_free(outcome->plan);
    clmix_buffer_release(ops_device, outcome->arena);
    free(outcome->y);
    free(outcome->dx);
    free(outcome->gradients);
}

static size_t launches_of(const clmix_plan *plan, const char *kernel)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->record_count; i++)
        count += strcmp(plan->records[i]->kernel, kernel) == 0;
    return count;
}

static void check_same(const struct mlp *mlp, const struct outcome *one, const struct outcome *other)
{
    ops_compare_floats("y", one->y, other->y, mlp->rows * mlp->out, 2e-6);
    ops_compare_floats("dx", one->dx, other->dx, mlp->rows * mlp->in, 2e-6);
    ops_compare_floats("gradients", one->gradients, other->gradients, one->gradient_count, 5e-6);
}

START_TEST(gives_what_apart_gives)
{
    for (size_t s = 0; s < size_count(); s++) {
        struct mlp mlp = sizes[s];
        struct outcome fused, apart;

        mlp.relu = _i;
        fused = train(&mlp);
        mlp.apart = true;
        apart = train(&mlp);
        check_same(&mlp, &fused, &apart);
        ck_assert_uint_eq(launches_of(fused.plan, "gelu_grad") + launches_of(fused.plan, "relu_grad"), 0);
        ck_assert_uint_eq(launches_of(apart.plan, mlp.relu ? "relu_grad" : "gelu_grad"), 1);
        free_outcome(&fused);
        free_outcome(&apart);
    }
}
END_TEST

/* Both layers that read the activation give a gradient: the products and their sum cannot take in its derivative too. */
START_TEST(a_sum_of_gradients_is_left_apart)
{
    struct mlp mlp = { .rows = 40, .in = 9, .hidden = 21, .out = 5, .shared = true };
    struct outcome together = train(&mlp), apart;

    ck_assert_uint_eq(launches_of(together.plan, "gelu_grad"), 1);
    mlp.apart = true;
    apart = train(&mlp);
    check_same(&mlp, &together, &apart);
    free_outcome(&together);
    free_outcome(&apart);
}
END_TEST

/* The mask is drawn between the product and the derivative. */
START_TEST(dropout_is_left_apart)
{
    struct mlp mlp = { .rows = 40, .in = 9, .hidden = 21, .out = 5, .dropout = 0.25f };
    struct outcome together = train(&mlp), apart;

    ck_assert_uint_eq(launches_of(together.plan, "gelu_grad"), 1);
    mlp.apart = true;
    apart = train(&mlp);
    check_same(&mlp, &together, &apart);
    free_outcome(&together);
    free_outcome(&apart);
}
END_TEST

START_TEST(bits_repeat)
{
    struct mlp mlp = { .rows = ops_small_effort() ? 40 : 1500, .in = 9, .hidden = 41, .out = 19 };
    struct outcome first = train(&mlp), second = train(&mlp);

    ck_assert_mem_eq(first.y, second.y, mlp.rows * mlp.out * sizeof(float));
    ck_assert_mem_eq(first.dx, second.dx, mlp.rows * mlp.in * sizeof(float));
    ck_assert_mem_eq(first.gradients, second.gradients, first.gradient_count * sizeof(float));
    free_outcome(&first);
    free_outcome(&second);
}
END_TEST

/* cl/math.h: the derivative of GELU from one end of its range to the other, through the epilogue of a product that is dy itself. */
START_TEST(derivative_is_accurate)
{
    enum { COUNT = 3001, HIDDEN = 21 };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(COUNT, HIDDEN)), y, dy = ops_input(graph, "dy", ops_shape2(COUNT, 1));
    float *data = malloc(COUNT * HIDDEN * sizeof *data), *ones = ops_floats(COUNT, 0, 1.0f, 1.0f), *dx;
    clmix_plan *plan;

    for (int i = 0; i < COUNT * HIDDEN; i++)
        data[i] = (float)(i - COUNT * HIDDEN / 2) * 2.5e-4f;
    data[0] = -1e30f;
    data[1] = 1e30f;
    data[2] = NAN;
    clmix_want_gradient(x);
    y = clmix_linear(clmix_in(clmix_root(graph), "fc"), clmix_gelu(x), 1, false);
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ck_assert_uint_eq(launches_of(plan, "gelu_grad"), 0);
    ops_write(plan, "x", data, COUNT * HIDDEN);
    ops_write(plan, "dy", ones, COUNT);
    ops_write(plan, "fc.weight", ones, HIDDEN);
    ops_ok(clmix_plan_run(plan));
    dx = ops_read(plan, "dx", COUNT * HIDDEN);
    for (int i = 0; i < COUNT * HIDDEN; i++) {
        double at = data[i], want = 0.5 * (1.0 + erf(at * sqrt(0.5))) + at * exp(-0.5 * at * at) * 0.39894228040143268;

        if (isnan(at))
            ck_assert(isnan(dx[i]));
        else
            ck_assert_msg(fabs(dx[i] - want) <= 2.5e-7, "GELU'(%.8g) is %.8g instead of %.8g", at, (double)dx[i], want);
    }
    clmix_plan_free(plan);
    free(data);
    free(ones);
    free(dx);
}
END_TEST

/* ---- scales -------------------------------------------------------------------------------------------------------------------------- */

/* Steps one after another: l linear, g GELU, r ReLU, a addition of the second input, s scale. */
struct chain {
    const char *steps;
    size_t forward, scales; /* launches of an inference plan; launches of scales in a training plan */
    size_t rows, in, out;   /* x is rows x in; results and the second input rows x out */
    bool apart;             /* each step's result is asked for */
};

#define FACTOR(step) ((step) % 2 == 0 ? -0.625 : 1.75)

/* In training a layer takes in nothing behind a value that the backward pass needs. Going back, a second scale is left, and one that is last
 * in the graph: the layer's two products and the sum of its bias read what it makes. */
static const struct chain chains[] = {
    { .steps = "ls", .forward = 1, .scales = 1 },    { .steps = "lsl", .forward = 2, .scales = 0 },
    { .steps = "lsgl", .forward = 2, .scales = 0 },  { .steps = "lgsl", .forward = 2, .scales = 1 },
    { .steps = "lsrsl", .forward = 3, .scales = 2 }, { .steps = "lsal", .forward = 2, .scales = 0 },
    { .steps = "lgsal", .forward = 2, .scales = 1 }, { .steps = "lasl", .forward = 2, .scales = 0 },
    { .steps = "lrasl", .forward = 2, .scales = 1 }, { .steps = "lsgal", .forward = 2, .scales = 0 },
    { .steps = "lssl", .forward = 3, .scales = 2 },  { .steps = "lasgl", .forward = 3, .scales = 0 },
};

static clmix_value build_chain(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct chain *chain = attributes;
    clmix_value y = inputs[0];

    for (int i = 0; chain->steps[i] != '\0'; i++) {
        const char step = chain->steps[i], name[3] = { step, (char)('0' + i), '\0' };

        y = step == 'l'   ? clmix_linear(clmix_in(at, "%s", name), y, chain->out, true)
            : step == 'g' ? clmix_gelu(y)
            : step == 'r' ? clmix_relu(y)
            : step == 'a' ? clmix_add(y, inputs[1])
                          : clmix_scale(y, (float)FACTOR(i));
        if (chain->apart && chain->steps[i + 1] != '\0')
            clmix_output(y.graph, name, y);
    }
    return y;
}

/* Inputs x and the second one, then weight and bias of each linear layer. */
static void chain_reference(const double *const *inputs, const clmix_shape *shapes, double *output, const void *attributes)
{
    const struct chain *chain = attributes;
    size_t count = chain->rows * chain->out, width = chain->in;
    double *next = malloc(count * sizeof *next);
    const double *x = inputs[0], *const *weights = inputs + 2;

    (void)shapes;
    for (int i = 0; chain->steps[i] != '\0'; i++) {
        const char step = chain->steps[i];

        if (step == 'l') {
            ops_affine(x, weights[0], weights[1], chain->rows, width, chain->out, next);
            memcpy(output, next, count * sizeof *next);
            weights += 2;
        }
        for (size_t e = 0; step != 'l' && e < count; e++)
            output[e] = step == 's'   ? FACTOR(i) * output[e]
                        : step == 'a' ? output[e] + inputs[1][e]
                                      : activate(&(struct mlp){ .relu = step == 'r' }, output[e]);
        x = output;
        width = chain->out;
    }
    free(next);
}

static size_t launches_when(const struct chain *chain, bool training, const char *kernel)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[2] = { ops_input(graph, "x", ops_shape2(chain->rows, chain->in)),
                              ops_input(graph, "r", ops_shape2(chain->rows, chain->out)) },
                dy = training ? ops_input(graph, "dy", ops_shape2(chain->rows, chain->out)) : clmix_no_value(),
                y = build_chain(clmix_root(graph), inputs, chain);
    clmix_plan *plan;
    size_t count;

    clmix_output(graph, "y", y);
    if (training)
        clmix_backward(graph, 1, &y, &dy);
    plan = ops_plan(graph, training ? CLMIX_TRAINING : CLMIX_INFERENCE);
    count = kernel == NULL ? plan->record_count : launches_of(plan, kernel);
    clmix_plan_free(plan);
    return count;
}

START_TEST(scales_agree_with_differences)
{
    for (size_t s = 0; s < (ops_small_effort() ? 1 : 2); s++) {
        struct chain chain = chains[_i];
        struct ops_check check = { .build = build_chain,
                                   .reference = chain_reference,
                                   .attributes = &chain,
                                   .input_count = 2,
                                   .mode = CLMIX_TRAINING,
                                   .tolerance = 5e-6 };
        char names[4][16];
        int count = 0;

        chain.rows = s == 0 ? 21 : 333;
        chain.in = s == 0 ? 18 : 7;
        chain.out = s == 0 ? 35 : 9;
        chain.apart = _i % 2 == 1 && s == 1;
        for (int i = 0; chain.steps[i] != '\0'; i++)
            if (chain.steps[i] == 'l')
                for (int part = 0; part < 2; part++) {
                    snprintf(names[count], sizeof names[count], "l%d.%s", i, part == 0 ? "weight" : "bias");
                    check.parameters[count] = names[count];
                    count++;
                }
        check.what = chain.steps;
        check.shapes[0] = ops_shape2(chain.rows, chain.in);
        check.shapes[1] = ops_shape2(chain.rows, chain.out);
        check.no_gradient = strchr(chain.steps, 'r') != NULL;
        ops_run_check(&check);
    }
}
END_TEST

START_TEST(one_scale_is_taken_in)
{
    struct chain chain = chains[_i];

    chain.rows = 21;
    chain.in = 18;
    chain.out = 35;
    ck_assert_msg(launches_when(&chain, false, NULL) == chain.forward, "%s", chain.steps);
    ck_assert_msg(launches_when(&chain, true, "scale") == chain.scales, "%s: %zu", chain.steps, launches_when(&chain, true, "scale"));
    chain.apart = true;
    ck_assert_msg(launches_when(&chain, false, NULL) == strlen(chain.steps), "%s", chain.steps);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fusion");
    TCase *activations = tcase_create("activations"), *scales = tcase_create("scales");

    tcase_add_unchecked_fixture(activations, ops_open, ops_close);
    tcase_set_timeout(activations, 900);
    tcase_add_loop_test(activations, agrees_with_differences, 0, 2);
    tcase_add_loop_test(activations, gives_what_apart_gives, 0, 2);
    tcase_add_test(activations, a_sum_of_gradients_is_left_apart);
    tcase_add_test(activations, dropout_is_left_apart);
    tcase_add_test(activations, bits_repeat);
    tcase_add_test(activations, derivative_is_accurate);
    suite_add_tcase(suite, activations);
    tcase_add_unchecked_fixture(scales, ops_open, ops_close);
    tcase_set_timeout(scales, 900);
    tcase_add_loop_test(scales, scales_agree_with_differences, 0, sizeof chains / sizeof *chains);
    tcase_add_loop_test(scales, one_scale_is_taken_in, 0, sizeof chains / sizeof *chains);
    suite_add_tcase(suite, scales);
    return support_run(suite);
}
