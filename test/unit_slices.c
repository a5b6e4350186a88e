/* Chains launched in slices of the batch: the same results. What it saves, and when it is done: unit_slices_memory.c. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/table.h"
#include "runtime/runtime.h"
#include "support_ops.h"
#include "support_suite.h"

#define BATCH 7

static void no_wish(void)
{
    ops_slice(NULL);
}

static clmix_value batch_input(clmix_graph *graph, const char *name, clmix_shape shape)
{
    return clmix_batch_input(graph, name, CLMIX_F32, shape.rank, shape.size);
}

/* ---- the same results ---------------------------------------------------------------------------------------------------------------- */

typedef clmix_value (*build_function)(clmix_scope at, clmix_value x);

/* What one run gave: y and, in training, the gradients of x and of all weights. */
struct outcome {
    float *y, *dx, *gradients;
    size_t y_count, x_count, weight_count;
    clmix_plan_cost cost;
};

static void free_outcome(struct outcome *outcome)
{
    free(outcome->y);
    free(outcome->dx);
    free(outcome->gradients);
}

static void write_random(clmix_plan *plan, const char *name, size_t count, uint64_t stream, float low)
{
    float *data = ops_floats(count, stream, low, low + 1.0f);

    ops_write(plan, name, data, count);
    free(data);
}

static void write_weights(clmix_plan *plan, const clmix_graph *graph)
{
    for (size_t i = 0; i < clmix_graph_tensor_count(graph); i++) {
        clmix_tensor_info info;

        ops_ok(clmix_graph_tensor(graph, i, &info));
        write_random(plan, info.name, clmix_shape_count(info.device_shape), 10 + i, strstr(info.name, "var") != NULL ? 0.5f : -0.5f);
    }
}

static void run_plan(clmix_plan *plan, bool train, struct outcome *outcome)
{
    const size_t bytes = outcome->weight_count * sizeof(float);
    cl_mem gradients = NULL;
    cl_int code = CL_SUCCESS;

    if (train && bytes > 0) {
        gradients = clCreateBuffer(clmix_device_context(ops_device), CL_MEM_READ_WRITE, bytes, NULL, &code);
        ck_assert_int_eq(code, CL_SUCCESS);
        ops_ok(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, gradients));
        ops_ok(clmix_buffer_zero(ops_device, gradients, 0, bytes));
    }
    ops_ok(clmix_plan_set_step(plan, 3, 5));
    ops_ok(clmix_plan_run(plan));
    outcome->y = ops_read(plan, "y", outcome->y_count);
    if (train)
        outcome->dx = ops_read(plan, "dx", outcome->x_count);
    if (gradients == NULL)
        return;
    outcome->gradients = malloc(bytes);
    ops_ok(clmix_buffer_read(ops_device, gradients, 0, outcome->gradients, bytes));
    clReleaseMemObject(gradients);
}

/* One run for random x, weights and dy. */
static struct outcome run(build_function build, clmix_shape shape, bool train, const char *wish)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = batch_input(graph, "x", shape), y, dy;
    struct outcome outcome = { .x_count = clmix_shape_count(shape) };
    clmix_plan *plan = NULL;

    clmix_want_gradient(x);
    y = build(clmix_root(graph), x);
    ops_ok(clmix_graph_check(graph));
    outcome.y_count = clmix_shape_count(clmix_shape_of(y));
    outcome.weight_count = clmix_graph_weight_count(graph);
    clmix_output(graph, "y", y);
    if (train) {
        dy = batch_input(graph, "dy", clmix_shape_of(y));
        clmix_backward(graph, 1, &y, &dy);
        clmix_output(graph, "dx", clmix_gradient_of(x));
    }
    ops_slice(wish);
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, train ? CLMIX_TRAINING : CLMIX_INFERENCE));
    no_wish();
    clmix_plan_costs(plan, &outcome.cost);
    write_random(plan, "x", outcome.x_count, 1, -0.5f);
    if (train)
        write_random(plan, "dy", outcome.y_count, 2, -0.5f);
    write_weights(plan, graph);
    run_plan(plan, train, &outcome);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return outcome;
}

/* Sliced and whole give the same, up to the order of sums that are cut by the size of what they are part of; the work is the same, and the
 * launches tell whether anything was cut. */
static void check_same(const char *what, build_function build, clmix_shape shape, bool train)
{
    static const char *const wishes[] = { "1", "3", "6" };
    struct outcome whole = run(build, shape, train, "off");

    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        struct outcome sliced = run(build, shape, train, wishes[i]);

        ck_assert_msg(sliced.cost.launches > whole.cost.launches, "%s in slices of %s: %zu launches as before", what, wishes[i],
                      sliced.cost.launches);
        ck_assert_uint_eq(sliced.cost.flops, whole.cost.flops);
        ck_assert_uint_eq(sliced.cost.least_bytes, whole.cost.least_bytes);
        ops_compare_floats(what, sliced.y, whole.y, whole.y_count, 2e-6);
        if (train)
            ops_compare_floats(what, sliced.dx, whole.dx, whole.x_count, 5e-6);
        if (whole.gradients != NULL)
            ops_compare_floats(what, sliced.gradients, whole.gradients, whole.weight_count, 1e-5);
        free_outcome(&sliced);
    }
    free_outcome(&whole);
}

static clmix_value build_elementwise(clmix_scope at, clmix_value x)
{
    clmix_value terms[3];

    clmix_at(at);
    terms[0] = clmix_sigmoid(clmix_relu(x));
    terms[1] = clmix_gelu(clmix_scale(x, 3));
    terms[2] = clmix_softmax(x, -1);
    return clmix_add(clmix_softmax(clmix_add(terms[0], terms[1]), 1), terms[2]);
}

static clmix_value build_convolutions(clmix_scope at, clmix_value x)
{
    clmix_window depthwise = clmix_square(3, 1, 1);

    depthwise.groups = 6;
    x = clmix_conv2d(clmix_in(at, "a"), x, 6, clmix_square(3, 2, 1), true);
    x = clmix_gelu(clmix_conv2d(clmix_in(at, "b"), x, 6, depthwise, true));
    x = clmix_conv2d(clmix_in(at, "c"), x, 8, clmix_square(1, 1, 0), true);
    return clmix_conv_transpose2d(clmix_in(at, "d"), x, 4, clmix_square(4, 2, 1), true);
}

static clmix_value build_norms(clmix_scope at, clmix_value x)
{
    x = clmix_layer_norm(clmix_in(at, "layer"), clmix_relu(x), 1e-5f);
    x = clmix_batch_norm(clmix_in(at, "batch"), x, 1e-5f, 0.1f);
    return clmix_gelu(clmix_linear(clmix_in(at, "linear"), x, 5, true));
}

static clmix_value build_pools(clmix_scope at, clmix_value x)
{
    x = clmix_max_pool2d(clmix_scale(x, 2), clmix_square(3, 2, 1));
    return clmix_linear(at, clmix_global_average_pool(x), 3, true);
}

static clmix_value build_shapes(clmix_scope at, clmix_value x)
{
    clmix_value parts[2], rows;
    clmix_shape shape = clmix_shape_of(x);

    clmix_at(at);
    parts[0] = clmix_relu(clmix_slice(x, -1, 1, 3));
    parts[1] = clmix_scale(clmix_slice(x, -1, 2, 4), 2);
    x = clmix_concat(parts, 2, -1);
    parts[0] = clmix_scale(clmix_slice(x, 1, 2, 3), 3);
    parts[1] = clmix_scale(x, 0.5f);
    x = clmix_concat(parts, 2, 1);
    rows = clmix_reshape(x, 2, (size_t[]){ shape.size[0] * (shape.size[1] + 3) * shape.size[2], 7 });
    return clmix_relu(clmix_reshape(clmix_scale(rows, 2), 3, (size_t[]){ shape.size[0], shape.size[1] + 3, shape.size[2] * 7 }));
}

/* A block of WaveMix: the bands are a list of two parts, which the transposed convolutions take apart again. */
static clmix_value build_wavelets(clmix_scope at, clmix_value x)
{
    clmix_value bands, mixed, up[2], whole;

    clmix_at(at);
    x = clmix_scale(x, 1.5f);
    bands = clmix_haar_bands(x, 2);
    mixed = clmix_linear(clmix_in(at, "b"), clmix_gelu(clmix_linear(clmix_in(at, "a"), bands, 8, true)), 4, true);
    for (int j = 1; j <= 2; j++)
        up[j - 1] = clmix_conv_transpose2d(clmix_in(at, "up%d", j), clmix_haar_level(mixed, x, j), 3,
                                           clmix_square(((size_t)1 << j) + 2, (size_t)1 << j, 1), true);
    whole = clmix_add(clmix_concat(up, 2, -1), x);
    return clmix_scale(whole, 2);
}

static clmix_value build_inverse(clmix_scope at, clmix_value x)
{
    clmix_value details[2], low;

    clmix_at(at);
    low = clmix_haar_dwt(clmix_scale(x, 2), 2, details);
    details[0] = clmix_relu(clmix_scale(details[0], 3));
    return clmix_haar_idwt(low, 2, details, 8, 8);
}

/* Of tokens: by a matrix that all samples share, and by one another. */
static clmix_value build_products(clmix_scope at, clmix_value x)
{
    clmix_shape shape = clmix_shape_of(x);
    size_t tokens = shape.size[1] * shape.size[2];
    clmix_value mix = clmix_parameter(at, "mix", 2, (size_t[]){ 10, tokens }, NULL,
                                      (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = 0.1f }),
                mixed;

    clmix_at(at);
    x = clmix_relu(clmix_reshape(x, 3, (size_t[]){ shape.size[0], tokens, shape.size[3] }));
    mixed = clmix_gelu(clmix_matmul(mix, x, (clmix_product){ .scale = 0.5f }));
    return clmix_relu(clmix_matmul(x, mixed, (clmix_product){ .heads = 2, .transpose_b = true }));
}

/* One value for every sample, one for every row. */
static clmix_value build_additions(clmix_scope at, clmix_value x)
{
    clmix_value position = clmix_parameter(at, "position", 3, &clmix_shape_of(x).size[1], NULL,
                                           (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = 0.5f }),
                bias = clmix_parameter(at, "bias", 1, &clmix_shape_of(x).size[3], NULL,
                                       (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = 0.5f });

    clmix_at(at);
    return clmix_relu(clmix_add(bias, clmix_scale(clmix_add(clmix_scale(x, 2), position), 3)));
}

/* A weight that has a row for each sample, which no slice of the batch knows. */
static clmix_value build_scales(clmix_scope at, clmix_value x)
{
    const clmix_shape shape = clmix_shape_of(x);
    const size_t size[2] = { shape.size[0], shape.size[3] };
    const clmix_value scale = clmix_parameter(at, "scale", 2, size, NULL, (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = 1.0f });

    clmix_at(at);
    x = clmix_reshape(x, 3, (size_t[]){ shape.size[0], shape.size[1] * shape.size[2], shape.size[3] });
    x = clmix_scale_channels(clmix_sigmoid(clmix_relu(x)), scale);
    return clmix_sigmoid(clmix_relu(x));
}

/* Columns made in place, read through views too: of a value that the chain keeps to itself; and in training, whole in both. */
static clmix_value build_columns(clmix_scope at, clmix_value x)
{
    clmix_value parts[3], whole, rows;
    clmix_shape shape = clmix_shape_of(x);

    clmix_at(at);
    for (int i = 0; i < 3; i++)
        parts[i] = clmix_linear(clmix_in(at, "a%d", i), x, 32, true);
    whole = clmix_concat(parts, 3, -1);
    rows = clmix_reshape(parts[1], 2, (size_t[]){ shape.size[0] * shape.size[1] * shape.size[2], 32 });
    parts[2] = clmix_linear(clmix_in(at, "b"), clmix_slice(rows, -1, 3, 20), 16, true);
    parts[0] = clmix_linear(clmix_in(at, "c"), clmix_reshape(whole, 2, (size_t[]){ clmix_shape_of(rows).size[0], 96 }), 16, true);
    return clmix_reshape(clmix_concat((clmix_value[]){ parts[2], parts[0] }, 2, -1), 3,
                         (size_t[]){ shape.size[0], shape.size[1] * shape.size[2], 32 });
}

/* Linear attention of mapped tokens: with weights of the mean key, of turned tokens, causal, and with a softmax over the tokens. */
static clmix_value build_attention(clmix_scope at, clmix_value x)
{
    const clmix_shape shape = clmix_shape_of(x);
    const size_t tokens = shape.size[1] * shape.size[2];
    const clmix_value none = { .graph = NULL };
    clmix_kernel_options options = { .heads = 2, .epsilon = 0.1f };
    clmix_value weights;

    clmix_at(at);
    x = clmix_relu(clmix_reshape(x, 3, (size_t[]){ shape.size[0], tokens, shape.size[3] }));
    weights = clmix_reshape(clmix_feature_means(x, none, 2, CLMIX_MAP_SOFTMAX), 3, (size_t[]){ shape.size[0], 2, shape.size[3] / 2 });
    weights = clmix_sigmoid(clmix_linear(clmix_in(at, "excite"), weights, tokens, true));
    x = clmix_kernel_attention(clmix_feature_map(x, none, 2, CLMIX_MAP_SIGMOID, false),
                               clmix_feature_map(x, none, 2, CLMIX_MAP_SOFTMAX, false), x, weights, options);
    x = clmix_kernel_attention(clmix_feature_map(x, none, 2, CLMIX_MAP_ELU, true), clmix_feature_map(x, none, 2, CLMIX_MAP_ELU, true),
                               clmix_running_means(x, none), none, options);
    options.causal = true;
    x = clmix_kernel_attention(clmix_feature_map(x, none, 2, CLMIX_MAP_ELU, false), clmix_feature_map(x, none, 2, CLMIX_MAP_ELU, false), x,
                               none, options);
    options = (clmix_kernel_options){ .heads = 2, .divisor = CLMIX_DIVISOR_NONE };
    return clmix_kernel_attention(clmix_feature_map(x, none, 2, CLMIX_MAP_SOFTMAX, false),
                                  clmix_feature_map(x, none, 2, CLMIX_MAP_SOFTMAX_TOKENS, false), x, none, options);
}

/* Blocks of tokens, those of a map's patches: of each sample others are chosen. */
static clmix_value build_blocks(clmix_scope at, clmix_value x)
{
    static const size_t patch[2] = { 4, 4 };
    const clmix_shape shape = clmix_shape_of(x);
    const clmix_value none = { .graph = NULL };

    clmix_at(at);
    x = clmix_relu(clmix_reshape(x, 3, (size_t[]){ shape.size[0], shape.size[1] * shape.size[2], shape.size[3] }));
    x = clmix_patch_order(x, &shape.size[1], patch, false);
    x = clmix_multiresolution_attention(x, x, x, none,
                                        (clmix_multiresolution_options){ .heads = 2, .block = 12, .blocks = 7, .diagonal_blocks = 1 });
    return clmix_multiresolution_attention(x, x, x, none,
                                           (clmix_multiresolution_options){ .heads = 1, .block = 16, .blocks = 5, .sparse = true });
}

static const struct {
    const char *name;
    build_function build;
} chains[] = {
    { "elementwise ops", build_elementwise },
    { "convolutions", build_convolutions },
    { "norms", build_norms },
    { "pools", build_pools },
    { "views and copies", build_shapes },
    { "wavelets", build_wavelets },
    { "inverse wavelets", build_inverse },
    { "products", build_products },
    { "additions of two shapes", build_additions },
    { "a scale for each sample", build_scales },
    { "columns made in place", build_columns },
    { "attention of mapped tokens", build_attention },
    { "blocks of tokens", build_blocks },
};

START_TEST(slices_infer_the_same)
{
    check_same(chains[_i].name, chains[_i].build, ops_shape4(BATCH, 8, 8, 6), false);
}
END_TEST

START_TEST(slices_train_the_same)
{
    check_same(chains[_i].name, chains[_i].build, ops_shape4(BATCH, 8, 8, 6), true);
}
END_TEST

static clmix_value build_bytes(clmix_scope at, clmix_value x)
{
    const float mean[3] = { 0.5f, 0.4f, 0.3f }, std[3] = { 0.2f, 0.3f, 0.4f };

    (void)at;
    return clmix_scale(clmix_relu(clmix_normalize(x, mean, std)), 2);
}

START_TEST(pictures_of_bytes_are_cut_too)
{
    const size_t count = BATCH * 5 * 5 * 3;
    float *result[2];

    for (int sliced = 0; sliced < 2; sliced++) {
        clmix_graph *graph = clmix_graph_new();
        clmix_value x = clmix_batch_input(graph, "x", CLMIX_U8, 4, (size_t[]){ BATCH, 5, 5, 3 });
        uint8_t bytes[BATCH * 5 * 5 * 3];
        clmix_plan *plan;

        for (size_t i = 0; i < count; i++)
            bytes[i] = (uint8_t)(7 * i);
        clmix_output(graph, "y", build_bytes(clmix_root(graph), x));
        ops_slice(sliced ? "2" : "off");
        plan = ops_plan(graph, CLMIX_INFERENCE);
        ops_ok(clmix_plan_write(plan, "x", bytes, sizeof bytes));
        ops_ok(clmix_plan_run(plan));
        result[sliced] = ops_read(plan, "y", count);
        clmix_plan_free(plan);
    }
    ck_assert_mem_eq(result[0], result[1], count * sizeof(float));
    free(result[0]);
    free(result[1]);
}
END_TEST

/* An image has 45 elements, so that slices begin inside a vector of random words. */
static clmix_value build_dropout(clmix_scope at, clmix_value x)
{
    clmix_at(at);
    return clmix_scale(clmix_dropout(clmix_scale(x, 2), 0.4f), 3);
}

START_TEST(masks_are_those_of_the_whole_batch)
{
    static const char *const wishes[] = { "1", "2", "4" };
    const clmix_shape shapes[2] = { ops_shape4(BATCH, 5, 3, 3), ops_shape4(BATCH, 8, 8, 16) };

    for (int s = 0; s < 2; s++) {
        struct outcome whole = run(build_dropout, shapes[s], true, "off");
        size_t dropped = 0;

        for (size_t i = 0; i < whole.y_count; i++)
            dropped += whole.y[i] == 0.0f;
        ck_assert_uint_gt(dropped, whole.y_count / 4);
        for (int i = 0; i < 3; i++) {
            struct outcome sliced = run(build_dropout, shapes[s], true, wishes[i]);

            ck_assert_uint_gt(sliced.cost.launches, whole.cost.launches);
            ck_assert_mem_eq(sliced.y, whole.y, whole.y_count * sizeof(float));
            ck_assert_mem_eq(sliced.dx, whole.dx, whole.x_count * sizeof(float));
            free_outcome(&sliced);
        }
        free_outcome(&whole);
    }
}
END_TEST

START_TEST(slices_have_the_same_bits_every_time)
{
    struct outcome first = run(build_wavelets, ops_shape4(BATCH, 8, 8, 6), true, "3"),
                   again = run(build_wavelets, ops_shape4(BATCH, 8, 8, 6), true, "3");

    ck_assert_mem_eq(first.y, again.y, first.y_count * sizeof(float));
    ck_assert_mem_eq(first.dx, again.dx, first.x_count * sizeof(float));
    ck_assert_mem_eq(first.gradients, again.gradients, first.weight_count * sizeof(float));
    free_outcome(&first);
    free_outcome(&again);
}
END_TEST

/* Whoever adds an op that works image by image says so, and whoever adds one that does not, here. */
START_TEST(ops_that_mix_images_are_known)
{
    static const char *const mixing[] = { "batch_norm_grad",
                                          "channel_norm_grad",
                                          "column_sum",
                                          "conv2d_grad_weight",
                                          "conv_transpose2d_grad_weight",
                                          "cross_entropy",
                                          "cross_entropy_grad",
                                          "gather_grad",
                                          "layer_norm_grad",
                                          "linear_grad_weight",
                                          "ones",
                                          "token_conv_grad_weight",
                                          "token_dots_table",
                                          "top_k",
                                          "zeros" };
    size_t found = 0;

    for (size_t i = 0; clmix_ops[i] != NULL; i++) {
        const struct clmix_op *op = clmix_ops[i];
        bool mixes = false;

        for (size_t j = 0; j < sizeof mixing / sizeof mixing[0]; j++)
            mixes |= strcmp(op->name, mixing[j]) == 0;
        ck_assert_msg(mixes == (op->parts == NULL), "%s", op->name);
        ck_assert_msg(op->parts != NULL || op->cut == NULL, "%s", op->name);
        found += mixes;
    }
    ck_assert_uint_eq(found, sizeof mixing / sizeof mixing[0]);
}
END_TEST

/* ---- the batch ------------------------------------------------------------------------------------------------------------------------ */

/* Of three inputs, two of which have the same number of rows, the one is cut that was declared to carry the batch, and no other. */
START_TEST(a_batch_is_declared_and_not_guessed)
{
    for (int declared = 0; declared < 2; declared++) {
        clmix_graph *graph = clmix_graph_new();
        clmix_value table = ops_input(graph, "table", ops_shape2(3, 4)), x, like;
        clmix_plan_cost cost;
        clmix_plan *plan;

        x = declared ? batch_input(graph, "x", ops_shape2(BATCH, 4)) : ops_input(graph, "x", ops_shape2(BATCH, 4));
        like = ops_input(graph, "like", ops_shape2(BATCH, 4));
        clmix_output(graph, "of table", clmix_relu(table));
        clmix_output(graph, "of x", clmix_scale(clmix_relu(x), 2));
        clmix_output(graph, "of like", clmix_scale(clmix_relu(like), 2));
        ops_slice("2");
        plan = ops_plan(graph, CLMIX_INFERENCE);
        clmix_plan_costs(plan, &cost);
        ck_assert_uint_eq(cost.launches, declared ? 1 + 2 * 4 + 2 : 1 + 2 + 2);
        clmix_plan_free(plan);
    }
}
END_TEST

START_TEST(a_graph_has_one_batch)
{
    clmix_graph *graph = clmix_graph_new();

    batch_input(graph, "x", ops_shape2(BATCH, 4));
    batch_input(graph, "label", (clmix_shape){ .rank = 1, .size = { BATCH } });
    ops_ok(clmix_graph_check(graph));
    batch_input(graph, "y", ops_shape2(BATCH + 1, 4));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "input 'y': a batch of 8 where another input has one of 7") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
    graph = clmix_graph_new();
    batch_input(graph, "x", (clmix_shape){ .rank = 0 });
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    clmix_graph_free(graph);
}
END_TEST

/* ---- failures ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(an_infinity_in_the_last_slice_is_found)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_scope root = clmix_root(graph);
    clmix_value x = batch_input(graph, "x", ops_shape4(BATCH, 4, 4, 4));
    float data[BATCH * 64];
    clmix_plan *plan;

    clmix_at(clmix_in(root, "first"));
    x = clmix_relu(x);
    clmix_at(clmix_in(root, "second"));
    x = clmix_max_pool2d(clmix_scale(x, 1e20f), clmix_square(2, 2, 0));
    clmix_output(graph, "y", x);
    ops_slice("3");
    plan = ops_plan(graph, CLMIX_INFERENCE);
    for (size_t i = 0; i < BATCH * 64; i++)
        data[i] = (float)i;
    ops_write(plan, "x", data, BATCH * 64);
    ops_ok(clmix_plan_find_not_finite(plan));
    data[BATCH * 64 - 1] = 1e30f;
    ops_write(plan, "x", data, BATCH * 64);
    ck_assert_int_eq(clmix_plan_find_not_finite(plan), CLMIX_ERROR_NOT_FINITE);
    ck_assert_msg(strncmp(clmix_error(), "second scale ", 13) == 0, "%s", clmix_error());
    clmix_plan_free(plan);
}
END_TEST

START_TEST(a_bound_result_is_written_slice_by_slice)
{
    enum { COUNT = BATCH * 64, FROM = 16 };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = batch_input(graph, "x", ops_shape4(BATCH, 4, 4, 4));
    float data[FROM + COUNT], result[COUNT];
    clmix_plan *plan;
    cl_mem memory[2];

    clmix_output(graph, "y", clmix_scale(clmix_relu(x), 2));
    ops_slice("2");
    plan = ops_plan(graph, CLMIX_INFERENCE);
    for (size_t i = 0; i < FROM + COUNT; i++)
        data[i] = (float)i - 200;
    for (int i = 0; i < 2; i++)
        memory[i] = clCreateBuffer(clmix_device_context(ops_device), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof data, data, NULL);
    ops_ok(clmix_plan_bind(plan, "x", memory[0], FROM * sizeof(float)));
    ops_ok(clmix_plan_bind(plan, "y", memory[1], 0));
    ops_ok(clmix_plan_run(plan));
    ops_ok(clmix_buffer_read(ops_device, memory[1], 0, result, sizeof result));
    for (size_t i = 0; i < COUNT; i++)
        ck_assert(result[i] == (data[FROM + i] < 0 ? 0 : 2 * data[FROM + i]));
    clmix_plan_free(plan);
    for (int i = 0; i < 2; i++)
        clReleaseMemObject(memory[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slices");
    TCase *slices = tcase_create("slices");
    const int count = sizeof chains / sizeof chains[0];

    tcase_set_timeout(slices, 300);
    tcase_add_unchecked_fixture(slices, ops_open, ops_close);
    tcase_add_checked_fixture(slices, NULL, no_wish);
    tcase_add_loop_test(slices, slices_infer_the_same, 0, count);
    tcase_add_loop_test(slices, slices_train_the_same, 0, count);
    tcase_add_test(slices, pictures_of_bytes_are_cut_too);
    tcase_add_test(slices, masks_are_those_of_the_whole_batch);
    tcase_add_test(slices, slices_have_the_same_bits_every_time);
    tcase_add_test(slices, ops_that_mix_images_are_known);
    tcase_add_test(slices, a_batch_is_declared_and_not_guessed);
    tcase_add_test(slices, a_graph_has_one_batch);
    tcase_add_test(slices, an_infinity_in_the_last_slice_is_found);
    tcase_add_test(slices, a_bound_result_is_written_slice_by_slice);
    suite_add_tcase(suite, slices);
    return support_run(suite);
}
