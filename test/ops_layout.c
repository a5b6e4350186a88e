/* Where values lie: columns of a concatenation made in place, among them the gradients of slices of one value, such as q, k and v; and that
 * all who read and write them find them there. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "graph/plan.h"

static size_t launches_of(const clmix_plan *plan, const char *kernel)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->record_count; i++)
        count += strcmp(plan->records[i]->kernel, kernel) == 0;
    return count;
}

/* Launches that multiply nothing. */
static size_t moves(const clmix_plan *plan)
{
    return launches_of(plan, "copy_runs") + launches_of(plan, "concat_columns") + launches_of(plan, "fill_values") +
           launches_of(plan, "fill_rows") + launches_of(plan, "add");
}

/* ---- gradients of slices --------------------------------------------------------------------------------------------------------------- */

enum { TOKENS = 5, HEADS = 2 };

/* Products of slices of x (B, TOKENS, columns). */
struct slices {
    size_t width;    /* columns of each of q, k and v, HEADS heads */
    size_t begin[3]; /* of q, k and v */
    size_t columns;  /* of x */
    bool twice;      /* y = (q k^T) v + q */
    bool without_v;  /* y = q k^T */
    bool asked;      /* a plan gives the gradient of q too */
    bool softmax;    /* of the scores, as in attention */
};

static clmix_value build_attention(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct slices *slices = attributes;
    clmix_value part[3], y;

    (void)at;
    for (int i = 0; i < 3; i++)
        part[i] = clmix_slice(inputs[0], -1, slices->begin[i], slices->width);
    y = clmix_matmul(part[0], part[1], (clmix_product){ .heads = HEADS, .transpose_b = true, .scale = 0.25f });
    if (slices->softmax) {
        clmix_shape shape = clmix_shape_of(y);

        y = clmix_reshape(y, 4, (size_t[]){ shape.size[0], TOKENS, HEADS, TOKENS });
        y = clmix_reshape(clmix_softmax(y, -1), 3, shape.size);
    }
    if (!slices->without_v)
        y = clmix_matmul(y, part[2], (clmix_product){ .heads = HEADS });
    return slices->twice ? clmix_matmul(y, part[0], (clmix_product){ .transpose_b = true }) : y;
}

/* scores (HEADS * TOKENS columns) of one sample. */
static void scores_of(const struct slices *slices, const double *x, double *scores)
{
    const size_t head = slices->width / HEADS;

    for (size_t i = 0; i < TOKENS; i++)
        for (size_t h = 0; h < HEADS; h++)
            for (size_t j = 0; j < TOKENS; j++) {
                double sum = 0.0;

                for (size_t e = h * head; e < (h + 1) * head; e++)
                    sum += x[i * slices->columns + slices->begin[0] + e] * x[j * slices->columns + slices->begin[1] + e];
                scores[(i * HEADS + h) * TOKENS + j] = 0.25 * sum;
            }
}

/* Of the scores of each token and head. */
static void soften(double *scores)
{
    for (size_t row = 0; row < TOKENS * HEADS; row++) {
        double sum = 0.0;

        for (size_t j = 0; j < TOKENS; j++)
            sum += scores[row * TOKENS + j] = exp(scores[row * TOKENS + j]);
        for (size_t j = 0; j < TOKENS; j++)
            scores[row * TOKENS + j] /= sum;
    }
}

static void context_of(const struct slices *slices, const double *x, const double *scores, double *context)
{
    for (size_t i = 0; i < TOKENS; i++)
        for (size_t e = 0; e < slices->width; e++) {
            double *to = &context[i * slices->width + e];

            *to = 0.0;
            for (size_t j = 0; j < TOKENS; j++)
                *to += scores[(i * HEADS + e / (slices->width / HEADS)) * TOKENS + j] * x[j * slices->columns + slices->begin[2] + e];
        }
}

static void attention_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct slices *slices = attributes;
    double scores[TOKENS * HEADS * TOKENS], *context = malloc(TOKENS * slices->width * sizeof *context);

    ck_assert_ptr_nonnull(context);
    for (size_t s = 0; s < shapes[0].size[0]; s++) {
        const double *x = inputs[0] + s * TOKENS * slices->columns;

        scores_of(slices, x, scores);
        if (slices->softmax)
            soften(scores);
        context_of(slices, x, scores, context);
        if (slices->without_v)
            memcpy(out + s * TOKENS * HEADS * TOKENS, scores, sizeof scores);
        else if (!slices->twice)
            memcpy(out + s * TOKENS * slices->width, context, TOKENS * slices->width * sizeof *context);
        for (size_t i = 0; slices->twice && i < TOKENS * TOKENS; i++) {
            out[s * TOKENS * TOKENS + i] = 0.0;
            for (size_t e = 0; e < slices->width; e++)
                out[s * TOKENS * TOKENS + i] +=
                    context[i / TOKENS * slices->width + e] * x[i % TOKENS * slices->columns + slices->begin[0] + e];
        }
    }
    free(context);
}

/* x = W t as in a transformer, whose gradient reads the one of x: once for the weight, once for t. */
static clmix_plan *training_plan(const struct slices *slices, size_t batch)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value t = ops_input(graph, "t", (clmix_shape){ 3, { batch, TOKENS, 24 } }), x, y, dy;

    clmix_want_gradient(t);
    x = clmix_linear(clmix_in(clmix_root(graph), "to_qkv"), t, slices->columns, true);
    y = build_attention(clmix_root(graph), &x, slices);
    dy = ops_input(graph, "dy", clmix_shape_of(y));
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    clmix_output(graph, "dt", clmix_gradient_of(t));
    for (size_t n = graph->forward_count, found = 0; slices->asked && n < graph->node_count; n++)
        if (strcmp(graph->nodes[n]->op->name, "matmul") == 0) {
            char name[16];

            snprintf(name, sizeof name, "d%zu", found++);
            clmix_output(graph, name, clmix_value_of(graph, graph->nodes[n]->outputs[0]));
        }
    return ops_plan(graph, CLMIX_TRAINING);
}

/* The gradients of q, k and v are in one matrix as they are made: nothing is copied, cleared or added. */
START_TEST(gradients_of_q_k_and_v_are_made_in_one_matrix)
{
    const struct slices slices = { .width = 32, .begin = { 0, 32, 64 }, .columns = 96 };
    clmix_plan *plan = training_plan(&slices, 3);
    clmix_plan_cost cost, apart;

    ck_assert_uint_eq(moves(plan), 0);
    clmix_plan_costs(plan, &cost);
    clmix_plan_free(plan);
    plan = training_plan(&(struct slices){ .width = 32, .begin = { 0, 32, 64 }, .columns = 96, .softmax = true }, 3);
    ck_assert_uint_eq(moves(plan), 0);
    clmix_plan_free(plan);
    plan = training_plan(&(struct slices){ .width = 32, .begin = { 0, 32, 64 }, .columns = 96, .asked = true }, 3);
    ck_assert_uint_eq(moves(plan), 1);
    clmix_plan_costs(plan, &apart);
    ck_assert_uint_eq(apart.launches, cost.launches + 1);
    ck_assert_uint_eq(apart.moved_bytes, cost.moved_bytes + (uint64_t)2 * 3 * TOKENS * 96 * sizeof(float)); /* read and written again */
    clmix_plan_free(plan);
}
END_TEST

/* In order, in another order, with holes, narrow, of odd widths, overlapping, and all the same. */
static const struct slices places[] = {
    { .width = 32, .begin = { 0, 32, 64 }, .columns = 96 },   { .width = 32, .begin = { 64, 0, 32 }, .columns = 96 },
    { .width = 16, .begin = { 16, 48, 80 }, .columns = 112 }, { .width = 130, .begin = { 0, 130, 260 }, .columns = 390 },
    { .width = 6, .begin = { 0, 6, 12 }, .columns = 18 },     { .width = 18, .begin = { 1, 20, 40 }, .columns = 59 },
    { .width = 32, .begin = { 0, 16, 48 }, .columns = 96 },   { .width = 16, .begin = { 16, 16, 16 }, .columns = 48 },
    { .width = 32, .begin = { 0, 0, 32 }, .columns = 64 },
};
#define PLACES (int)(sizeof places / sizeof *places)

static void check_slices(struct slices slices)
{
    for (int variant = 0; variant < (ops_small_effort() ? 1 : 4); variant++) {
        slices.twice = variant == 1;
        slices.without_v = variant == 2;
        slices.softmax = variant == 3;
        ops_run_check(&(struct ops_check){ .what = "products of slices",
                                           .build = build_attention,
                                           .reference = attention_reference,
                                           .attributes = &slices,
                                           .input_count = 1,
                                           .shapes = { { 3, { 3, TOKENS, slices.columns } } } });
    }
}

START_TEST(gradients_of_slices_are_right)
{
    check_slices(places[_i]);
}
END_TEST

/* Two gradients of q: the second product adds the first. Without v: its columns are cleared where they are. Holes: likewise. */
START_TEST(what_else_is_launched)
{
    struct slices slices = { .width = 32, .begin = { 0, 32, 64 }, .columns = 96, .twice = true };
    clmix_plan *plan = training_plan(&slices, 3);

    ck_assert_uint_eq(moves(plan), 0);
    clmix_plan_free(plan);
    slices.twice = false;
    slices.without_v = true;
    plan = training_plan(&slices, 3);
    ck_assert_uint_eq(moves(plan), 1);
    ck_assert_uint_eq(launches_of(plan, "fill_rows"), 1);
    clmix_plan_free(plan);
    plan = training_plan(&(struct slices){ .width = 16, .begin = { 16, 48, 80 }, .columns = 112 }, 3);
    ck_assert_uint_eq(moves(plan), 4);
    ck_assert_uint_eq(launches_of(plan, "fill_rows"), 4);
    clmix_plan_free(plan);
}
END_TEST

/* Two layers with the halves of one weight, y = x W1 + 2 x W2: so are the gradients of the halves. */
static clmix_value build_halves(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    clmix_value weight =
                    clmix_parameter(at, "w", 2, (size_t[]){ 13, 64 }, NULL, (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = 0.5f }),
                y[2];

    (void)attributes;
    for (size_t i = 0; i < 2; i++)
        y[i] = clmix_linear_with(at, inputs[0], clmix_slice(weight, -1, 32 * i, 32), clmix_no_value());
    return clmix_add(clmix_relu(y[0]), clmix_scale(y[1], 2.0f));
}

static void halves_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    (void)attributes;
    for (size_t i = 0; i < shapes[0].size[0] * 32; i++) {
        double sum[2] = { 0.0, 0.0 };

        for (size_t k = 0; k < 13; k++)
            for (size_t half = 0; half < 2; half++)
                sum[half] += inputs[0][i / 32 * 13 + k] * inputs[1][k * 64 + 32 * half + i % 32];
        out[i] = (sum[0] > 0.0 ? sum[0] : 0.0) + 2.0 * sum[1];
    }
}

START_TEST(gradients_of_the_halves_of_a_weight)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(40, 13)), y = build_halves(clmix_root(graph), &x, NULL),
                dy = ops_input(graph, "dy", ops_shape2(40, 32));
    clmix_plan *plan;

    clmix_backward(graph, 1, &y, &dy);
    plan = ops_plan(graph, CLMIX_TRAINING);
    ck_assert_uint_eq(launches_of(plan, "concat_columns"), 0);
    clmix_plan_free(plan);
    ops_run_check(&(struct ops_check){ .what = "halves of a weight",
                                       .build = build_halves,
                                       .reference = halves_reference,
                                       .input_count = 1,
                                       .shapes = { ops_shape2(40, 13) },
                                       .parameters = { "w" } });
}
END_TEST

/* ---- concatenations -------------------------------------------------------------------------------------------------------------------- */

enum { ROWS = 37 };

/* y = (a x, b x, ...) side by side, the first read by others too, whole and a row of it. */
struct join {
    size_t widths[3];
    bool asked;     /* the parts are results of the graph */
    bool activated; /* the first part is read by an op that knows no pitch too */
    bool far;       /* the others are made long after the first */
    bool residual;  /* x is added */
};

static clmix_value build_join(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct join *join = attributes;
    clmix_value parts[3], y, x = inputs[0];

    clmix_at(at);
    for (int i = 0; i < 3; i++) {
        parts[i] = clmix_linear(clmix_in(at, "fc%d", i), x, join->widths[i], true);
        for (int k = 0; join->far && i == 0 && k < 40; k++)
            x = clmix_scale(clmix_relu(x), 0.99f);
        if (join->asked) {
            char name[8];

            snprintf(name, sizeof name, "part%d", i);
            clmix_output(inputs[0].graph, name, parts[i]);
        }
    }
    y = clmix_concat(parts, 3, -1);
    if (join->residual)
        y = clmix_add(y, inputs[1]);
    y = clmix_linear(clmix_in(at, "out"), y, 8, true);
    y = clmix_add(y, clmix_linear(clmix_in(at, "row"), clmix_slice(parts[0], 0, 3, 1), 8, false));
    return clmix_add(y, clmix_linear(clmix_in(at, "aside"), join->activated ? clmix_relu(parts[0]) : parts[0], 8, false));
}

static clmix_plan *plan_with_weights(clmix_graph *graph)
{
    clmix_plan *plan = NULL;
    clmix_tensor_info info;

    ops_ok(clmix_plan_compile(&plan, graph, ops_device, CLMIX_INFERENCE));
    ops_ok(clmix_plan_prepare(plan));
    for (size_t t = 0; t < clmix_graph_tensor_count(graph); t++) {
        float *data;

        ops_ok(clmix_graph_tensor(graph, t, &info));
        data = ops_floats(clmix_shape_count(info.file_shape), 10 + t, -0.5f, 0.5f);
        ops_write(plan, info.name, data, clmix_shape_count(info.file_shape));
        free(data);
    }
    clmix_graph_free(graph);
    return plan;
}

static float *result_of(struct join join, size_t *launched, size_t *bytes)
{
    const size_t width = join.widths[0] + join.widths[1] + join.widths[2];
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[2] = { ops_input(graph, "x", ops_shape2(ROWS, 13)), clmix_no_value() };
    float *data = ops_floats(ROWS * 13, 1, -1.0f, 1.0f), *y, *residual = ops_floats(ROWS * width, 2, -1.0f, 1.0f);
    clmix_plan_cost cost;
    clmix_plan *plan;

    if (join.residual)
        inputs[1] = ops_input(graph, "r", ops_shape2(ROWS, width));
    clmix_output(graph, "y", build_join(clmix_root(graph), inputs, &join));
    plan = plan_with_weights(graph);
    ops_write(plan, "x", data, ROWS * 13);
    if (join.residual)
        ops_write(plan, "r", residual, ROWS * width);
    ops_ok(clmix_plan_run(plan));
    y = ops_read(plan, "y", ROWS * 8);
    *launched = launches_of(plan, "concat_columns");
    clmix_plan_costs(plan, &cost);
    *bytes = cost.arena_bytes[CLMIX_ACTIVATIONS];
    clmix_plan_free(plan);
    free(data);
    free(residual);
    return y;
}

/* Parts made in place give the same bits as parts copied there. */
START_TEST(columns_are_made_in_place)
{
    static const struct {
        struct join join;
        size_t launches;
    } cases[] = {
        { { .widths = { 16, 32, 16 } }, 0 },                    /* whole lines */
        { { .widths = { 130, 129, 131 } }, 0 },                 /* wide */
        { { .widths = { 8, 8, 8 } }, 1 },                       /* parts of lines */
        { { .widths = { 16, 32, 17 } }, 1 },                    /* rows that begin within lines */
        { { .widths = { 140, 12, 130 } }, 1 },                  /* all but the second */
        { { .widths = { 16, 32, 16 }, .activated = true }, 1 }, /* all but the first */
        { { .widths = { 16, 32, 16 }, .far = true }, 1 },       /* all but the first */
        { { .widths = { 16, 32, 16 }, .residual = true }, 1 },  /* none: they are summed on the way */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct join join = cases[i].join;
        size_t launched, copied, bytes, apart;
        float *in_place = result_of(join, &launched, &bytes), *copies;

        join.asked = true;
        copies = result_of(join, &copied, &apart);
        ck_assert_msg(launched == cases[i].launches && copied == 1, "case %zu: %zu launches, %zu copied", i, launched, copied);
        ck_assert_mem_eq(in_place, copies, ROWS * 8 * sizeof(float));
        ck_assert_uint_le(bytes, apart);
        free(in_place);
        free(copies);
    }
}
END_TEST

/* Branches of convolutions side by side, of every kind, and the gradients of the channels that each has read. */
enum { CHANNELS = 32 };

static clmix_value build_branches(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    clmix_window whole = clmix_square(3, 1, 1), depthwise = whole;
    clmix_value parts[4];

    (void)attributes;
    depthwise.groups = CHANNELS;
    for (size_t i = 0; i < 4; i++)
        parts[i] = clmix_slice(inputs[0], -1, CHANNELS * i, CHANNELS);
    parts[0] = clmix_conv2d(clmix_in(at, "full"), parts[0], CHANNELS, whole, true);
    parts[1] = clmix_conv2d(clmix_in(at, "depthwise"), parts[1], CHANNELS, depthwise, true);
    parts[2] = clmix_conv_transpose2d(clmix_in(at, "transposed"), parts[2], CHANNELS, whole, true);
    parts[3] = clmix_conv2d(clmix_in(at, "pixels"), parts[3], CHANNELS, clmix_square(1, 1, 0), true);
    return clmix_concat(parts, 4, -1);
}

/* With the parts and their gradients asked for, or made in place. */
static void run_branches(bool asked, float **y, float **dx)
{
    const clmix_shape shape = ops_shape4(2, 7, 9, 4 * CHANNELS);
    const size_t count = clmix_shape_count(shape);
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", shape), out, dy = ops_input(graph, "dy", shape);
    float *data = ops_floats(count, 1, -1.0f, 1.0f);
    clmix_plan *plan;

    clmix_want_gradient(x);
    out = build_branches(clmix_root(graph), &x, NULL);
    clmix_backward(graph, 1, &out, &dy);
    clmix_output(graph, "y", out);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    for (size_t n = 0; asked && n < graph->node_count; n++)
        if (strncmp(graph->nodes[n]->path, "", 1) != 0 && graph->nodes[n]->output_count == 1 &&
            strstr(graph->nodes[n]->op->name, "weight") == NULL &&
            clmix_shape_count(clmix_node_result(graph, graph->nodes[n], 0)->shape) == count / 4) {
            char name[16];

            snprintf(name, sizeof name, "part%zu", n);
            clmix_output(graph, name, clmix_value_of(graph, graph->nodes[n]->outputs[0]));
        }
    plan = plan_with_weights(graph);
    ck_assert_uint_eq(launches_of(plan, "concat_columns"), asked ? 2 : 0);
    ops_write(plan, "x", data, count);
    ops_write(plan, "dy", data, count);
    ops_ok(clmix_plan_run(plan));
    *y = ops_read(plan, "y", count);
    *dx = ops_read(plan, "dx", count);
    clmix_plan_free(plan);
    free(data);
}

START_TEST(branches_of_convolutions)
{
    const size_t count = (size_t)2 * 7 * 9 * 4 * CHANNELS;
    float *y[2], *dx[2];

    for (int asked = 0; asked < 2; asked++)
        run_branches(asked == 1, &y[asked], &dx[asked]);
    ck_assert_mem_eq(y[0], y[1], count * sizeof(float));
    ck_assert_mem_eq(dx[0], dx[1], count * sizeof(float));
    for (int asked = 0; asked < 2; asked++) {
        free(y[asked]);
        free(dx[asked]);
    }
}
END_TEST

/* The first part is the weight of a convolution too, which knows no pitch there though it knows one of its pixels. */
START_TEST(weights_of_convolutions_are_dense)
{
    float *result[2], *x = ops_floats((size_t)2 * 6 * 6 * 4, 1, -1.0f, 1.0f), *t = ops_floats((size_t)36 * 5, 2, -1.0f, 1.0f);

    for (int asked = 0; asked < 2; asked++) {
        clmix_graph *graph = clmix_graph_new();
        clmix_value parts[2], input = ops_input(graph, "t", ops_shape2(36, 5));
        clmix_plan *plan;

        for (int i = 0; i < 2; i++)
            parts[i] = clmix_linear(clmix_in(clmix_root(graph), "fc%d", i), input, 32, false);
        if (asked)
            clmix_output(graph, "weight", parts[0]);
        clmix_output(graph, "both", clmix_concat(parts, 2, -1));
        clmix_output(graph, "y",
                     clmix_conv2d_with(clmix_root(graph), ops_input(graph, "x", ops_shape4(2, 6, 6, 4)),
                                       clmix_reshape(parts[0], 4, (size_t[]){ 3, 3, 4, 32 }), clmix_no_value(), clmix_square(3, 1, 1)));
        plan = plan_with_weights(graph);
        ck_assert_uint_eq(launches_of(plan, "concat_columns"), 1);
        ops_write(plan, "x", x, (size_t)2 * 6 * 6 * 4);
        ops_write(plan, "t", t, (size_t)36 * 5);
        ops_ok(clmix_plan_run(plan));
        result[asked] = ops_read(plan, "y", (size_t)2 * 6 * 6 * 32);
        clmix_plan_free(plan);
    }
    ck_assert_mem_eq(result[0], result[1], (size_t)2 * 6 * 6 * 32 * sizeof(float));
    free(result[0]);
    free(result[1]);
    free(x);
    free(t);
}
END_TEST

/* ---- looking for a NaN ------------------------------------------------------------------------------------------------------------------- */

/* What lies between the rows of a value in columns is its neighbours': the second layer made the NaN, not the first. */
START_TEST(a_nan_is_told_from_its_neighbours)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", ops_shape2(ROWS, 5)), a, b;
    float *data = ops_floats(ROWS * 5, 1, 0.5f, 1.0f), *weight = ops_floats(5 * 32, 2, -1.0f, 1.0f);
    clmix_plan *plan;

    a = clmix_linear(clmix_in(clmix_root(graph), "first"), x, 32, false);
    b = clmix_linear(clmix_in(clmix_root(graph), "second"), x, 32, false);
    clmix_output(graph, "y", clmix_concat((clmix_value[]){ a, b }, 2, -1));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_write(plan, "x", data, ROWS * 5);
    ops_write(plan, "first.weight", weight, 5 * 32);
    for (int i = 0; i < 5 * 32; i++)
        weight[i] = 3e38f;
    ops_write(plan, "second.weight", weight, 5 * 32);
    ck_assert_uint_eq(launches_of(plan, "concat_columns"), 0);
    ops_ok(clmix_plan_run(plan));
    ck_assert_int_eq(clmix_plan_find_not_finite(plan), CLMIX_ERROR_NOT_FINITE);
    ck_assert_msg(strncmp(clmix_error(), "second linear makes", 19) == 0, "%s", clmix_error());
    clmix_plan_free(plan);
    free(data);
    free(weight);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layout");
    TCase *all = tcase_create("layout");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, gradients_of_q_k_and_v_are_made_in_one_matrix);
    tcase_add_loop_test(all, gradients_of_slices_are_right, 0, PLACES);
    tcase_add_test(all, what_else_is_launched);
    tcase_add_test(all, gradients_of_the_halves_of_a_weight);
    tcase_add_test(all, columns_are_made_in_place);
    tcase_add_test(all, branches_of_convolutions);
    tcase_add_test(all, weights_of_convolutions_are_dense);
    tcase_add_test(all, a_nan_is_told_from_its_neighbours);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
