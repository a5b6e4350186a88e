/* The graph and the planner: sticky errors, views, gradients assembled from parts, lifetimes, memory known beforehand. */
#include <check.h>
#include <clmix/clmix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "ops/table.h"
#include "support_suite.h"

static clmix_device *device;

static void open_generic(void)
{
    ck_assert_int_eq(clmix_device_generic(&device), CLMIX_OK);
}

static void close_device(void)
{
    clmix_device_close(device);
    device = NULL;
}

static void open_real(void)
{
    ck_assert_msg(clmix_device_open(&device, NULL) == CLMIX_OK, "%s", clmix_error());
}

static clmix_value input(clmix_graph *graph, const char *name, size_t a, size_t b, size_t c, size_t d)
{
    return clmix_input(graph, name, CLMIX_F32, 4, (size_t[]){ a, b, c, d });
}

/* ---- errors ------------------------------------------------------------------------------------------------------------------------- */

START_TEST(first_error_is_kept_with_its_path)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_scope at = clmix_in(clmix_in(clmix_root(graph), "layers.%d", 2), "mix");
    clmix_value x = input(graph, "x", 1, 8, 8, 4), y, z;
    clmix_plan *plan = NULL;

    clmix_at(at);
    y = clmix_add(x, input(graph, "other", 1, 8, 8, 5));
    z = clmix_gelu(clmix_linear(clmix_in(at, "after"), y, 3, true));
    clmix_output(graph, "z", z);
    ck_assert_int_eq(clmix_shape_of(z).rank, -1);
    ck_assert_int_eq(clmix_plan_compile(&plan, graph, device, CLMIX_INFERENCE), CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_null(plan);
    ck_assert_msg(strncmp(clmix_error(), "layers.2.mix: add: ", 19) == 0, "%s", clmix_error());
    ck_assert_msg(strstr(clmix_error(), "1x8x8x5") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

START_TEST(an_error_names_its_op_once)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_add(input(graph, "x", 1, 8, 8, 4), input(graph, "other", 1, 8, 8, 5));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strncmp(clmix_error(), "add: ", 5) == 0 && strstr(clmix_error() + 3, "add") == NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

START_TEST(a_null_graph_is_harmless)
{
    clmix_plan *plan = NULL;
    clmix_value x = input(NULL, "x", 1, 2, 2, 1);

    clmix_output(NULL, "y", clmix_relu(x));
    clmix_backward(NULL, 0, NULL, NULL);
    ck_assert_int_eq(clmix_plan_compile(&plan, NULL, device, CLMIX_INFERENCE), CLMIX_ERROR_HOST_MEMORY);
}
END_TEST

START_TEST(two_weights_of_one_name_are_refused)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = input(graph, "x", 1, 1, 4, 4);

    clmix_output(graph, "y",
                 clmix_linear(clmix_in(clmix_root(graph), "fc"), clmix_linear(clmix_in(clmix_root(graph), "fc"), x, 4, true), 4, true));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "fc.weight") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

START_TEST(sizes_beyond_32_bits_are_refused)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_output(graph, "y", clmix_relu(input(graph, "x", 1 << 20, 1 << 10, 1 << 10, 16)));
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    clmix_graph_free(graph);
}
END_TEST

START_TEST(a_value_larger_than_an_allocation_is_refused_when_compiling)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_plan *plan = NULL;
    size_t most = clmix_device_describe(device)->max_allocation_bytes;

    clmix_output(graph, "y", clmix_relu(input(graph, "x", 1, 1, most / 1024 / 4 + 1, 1024)));
    if (clmix_graph_check(graph) == CLMIX_OK) {
        ck_assert_int_eq(clmix_plan_compile(&plan, graph, device, CLMIX_INFERENCE), CLMIX_ERROR_DEVICE_MEMORY);
        ck_assert_msg(strstr(clmix_error(), "smaller batch") != NULL, "%s", clmix_error());
    }
    clmix_graph_free(graph);
}
END_TEST

static void check_refused(clmix_graph *graph, const char *mentioned)
{
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), mentioned) != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}

START_TEST(values_of_another_graph_are_refused)
{
    clmix_graph *other = clmix_graph_new(), *graph = clmix_graph_new();
    clmix_value none = clmix_no_value(), foreign = none, x;

    for (int i = 0; i < 9; i++) /* more values than the graph has */
        foreign = clmix_relu(i == 0 ? input(other, "x", 1, 1, 1, 1) : foreign);
    x = clmix_relu(input(graph, "x", 1, 1, 1, 1));
    clmix_backward(graph, 1, &x, &foreign);
    check_refused(graph, "another graph");

    graph = clmix_graph_new();
    input(graph, "x", 1, 1, 1, 1);
    clmix_backward(graph, 1, &foreign, &none);
    check_refused(graph, "this graph");

    graph = clmix_graph_new();
    clmix_output(graph, "y", foreign);
    check_refused(graph, "'y': the value belongs to another graph");
    clmix_graph_free(other);
}
END_TEST

/* A graph with an input "x", an output "y" and a weight "w". */
static clmix_value name_three(clmix_graph **graph)
{
    clmix_value x;

    *graph = clmix_graph_new();
    x = input(*graph, "x", 1, 1, 1, 1);
    clmix_output(*graph, "y", clmix_relu(x));
    clmix_parameter(clmix_root(*graph), "w", 1, (size_t[]){ 1 }, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });
    ck_assert_int_eq(clmix_graph_check(*graph), CLMIX_OK);
    return x;
}

START_TEST(a_name_is_given_once)
{
    static const char *const names[] = { "x", "y", "w" };
    clmix_graph *graph;

    for (int i = 0; i < 3; i++) {
        clmix_value x = name_three(&graph);

        clmix_output(graph, names[i], clmix_relu(x));
        check_refused(graph, "of this name");
        name_three(&graph);
        input(graph, names[i], 1, 1, 1, 1);
        check_refused(graph, "of this name");
        name_three(&graph);
        clmix_parameter(clmix_root(graph), names[i], 1, (size_t[]){ 1 }, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });
        check_refused(graph, "name");
    }
}
END_TEST

/* ---- the table of ops -------------------------------------------------------------------------------------------------------------- */

/* What only backward passes and optimizers use, or what nothing flows through. */
static bool needs_no_backward(const char *name)
{
    static const char *const names[] = { "channel_dots",  "column_sum",      "feature_shift", "labelled_places", "normalize",
                                         "ones",          "performer_peaks", "push_id",       "split",           "token_dots_table",
                                         "token_numbers", "top_k",           "zeros",         "haar_adjoint" };

    if (strstr(name, "_grad") != NULL)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

START_TEST(every_op_is_complete)
{
    for (size_t i = 0; clmix_ops[i] != NULL; i++) {
        const struct clmix_op *op = clmix_ops[i];
        bool view = op->flags & CLMIX_OP_VIEW;

        ck_assert_msg(op->shape != NULL && (view || op->launch != NULL) && (view || op->cost != NULL), "%s", op->name);
        ck_assert_msg(view || op->backward != NULL || needs_no_backward(op->name), "%s has no backward pass", op->name);
        for (size_t j = 0; j < i; j++)
            ck_assert_msg(strcmp(op->name, clmix_ops[j]->name) != 0, "two ops are called %s", op->name);
    }
}
END_TEST

/* ---- planning ----------------------------------------------------------------------------------------------------------------------- */

static clmix_plan *plan_wavemix(const char *model, size_t batch, bool train)
{
    clmix_config *config;
    clmix_graph *graph = clmix_graph_new();
    clmix_plan *plan = NULL;
    size_t height, width, channels;
    clmix_value logits, loss, one = clmix_no_value();

    ck_assert_msg(clmix_config_open(&config, model) == CLMIX_OK, "%s", clmix_error());
    clmix_config_picture(config, &height, &width, &channels);
    logits = clmix_model(clmix_root(graph), (clmix_value[]){ input(graph, "pictures", batch, height, width, channels) }, config);
    if (train) {
        loss = clmix_cross_entropy(logits, clmix_input(graph, "labels", CLMIX_I32, 1, &batch), 0, clmix_no_value(), clmix_no_value());
        clmix_output(graph, "loss", loss);
        clmix_backward(graph, 1, &loss, &one);
    } else
        clmix_output(graph, "logits", logits);
    ck_assert_msg(clmix_plan_compile(&plan, graph, device, train ? CLMIX_TRAINING : CLMIX_INFERENCE) == CLMIX_OK, "%s", clmix_error());
    clmix_graph_free(graph);
    clmix_config_free(config);
    return plan;
}

/* No two storages that hold something needed at the same step share a byte, and all lie inside what is planned. */
static void check_layout(const clmix_plan *plan)
{
    size_t count = clmix_plan_value_count(plan);
    clmix_plan_value *values = calloc(count, sizeof *values);
    clmix_plan_cost cost;

    clmix_plan_costs(plan, &cost);
    ck_assert_uint_gt(count, 10);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(clmix_plan_value_at(plan, i, &values[i]), CLMIX_OK);
        ck_assert_int_le(values[i].first_use, values[i].last_use);
        ck_assert_uint_le(values[i].offset_bytes + values[i].size_bytes, cost.arena_bytes[CLMIX_ACTIVATIONS]);
        for (size_t j = 0; j < i; j++) {
            const clmix_plan_value *a = &values[i], *b = &values[j];
            bool alive = a->first_use <= b->last_use && b->first_use <= a->last_use;
            bool share = a->slab == b->slab && a->offset_bytes < b->offset_bytes + b->size_bytes &&
                         b->offset_bytes < a->offset_bytes + a->size_bytes;

            ck_assert_msg(!(alive && share) || a->storage == b->storage, "%s %s and %s %s share memory", a->path, a->op, b->path, b->op);
        }
    }
    ck_assert_int_eq(clmix_plan_value_at(plan, count, &values[0]), CLMIX_ERROR_ARGUMENT);
    free(values);
}

START_TEST(live_values_never_overlap)
{
    static const char *const models[] = { "wavemix-16", "wavemix-32", "wavemix-all5" };

    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        for (int train = 0; train < 2; train++) {
            clmix_plan *plan = plan_wavemix(models[i], 4, train);

            check_layout(plan);
            clmix_plan_free(plan);
        }
}
END_TEST

START_TEST(wavemix32_fits_its_budget)
{
    clmix_plan *plan = plan_wavemix("wavemix-32", 64, true);
    clmix_plan_cost cost;

    clmix_plan_costs(plan, &cost);
    /* two Adam moments come on top */
    ck_assert_msg(cost.peak_bytes + 2 * cost.arena_bytes[CLMIX_WEIGHTS] < 120u * 1000 * 1000, "%zu bytes",
                  cost.peak_bytes + 2 * cost.arena_bytes[CLMIX_WEIGHTS]);
    ck_assert_msg(cost.flops > 8200000000u && cost.flops < 8500000000u, "%llu FLOPs", (unsigned long long)cost.flops);
    clmix_plan_free(plan);
}
END_TEST

START_TEST(a_chain_in_inference_reuses_memory)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = input(graph, "x", 2, 16, 16, 8);
    clmix_plan *plan;
    clmix_plan_cost cost;

    for (int i = 0; i < 10; i++)
        x = clmix_add(clmix_relu(x), clmix_max_pool2d(x, clmix_square(3, 1, 1)));
    clmix_output(graph, "y", x);
    ck_assert_msg(clmix_plan_compile(&plan, graph, device, CLMIX_INFERENCE) == CLMIX_OK, "%s", clmix_error());
    clmix_plan_costs(plan, &cost);
    /* the input stays, and at most three maps are alive besides */
    ck_assert_uint_le(cost.peak_bytes, 4 * 2 * 16 * 16 * 8 * 4 + 1024);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
}
END_TEST

START_TEST(what_nobody_reads_is_not_planned)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = input(graph, "x", 2, 16, 16, 8);
    clmix_plan *plan;
    clmix_plan_cost cost;

    clmix_relu(clmix_gelu(x));
    clmix_output(graph, "y", clmix_scale(x, 2));
    ck_assert_msg(clmix_plan_compile(&plan, graph, device, CLMIX_INFERENCE) == CLMIX_OK, "%s", clmix_error());
    clmix_plan_costs(plan, &cost);
    ck_assert_uint_eq(cost.launches, 1);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
}
END_TEST

START_TEST(a_linear_layer_takes_in_what_follows)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = input(graph, "x", 2, 16, 16, 8);
    clmix_plan *plan;
    clmix_plan_cost cost;

    clmix_output(graph, "y", clmix_add(clmix_gelu(clmix_linear(clmix_in(clmix_root(graph), "fc"), x, 8, true)), x));
    ck_assert_msg(clmix_plan_compile(&plan, graph, device, CLMIX_INFERENCE) == CLMIX_OK, "%s", clmix_error());
    clmix_plan_costs(plan, &cost);
    ck_assert_uint_eq(cost.arena_bytes[CLMIX_ACTIVATIONS], 2 * (2 * 16 * 16 * 8 * 4) + 256); /* input, output, seed and step */
    clmix_plan_free(plan);
    clmix_graph_free(graph);
}
END_TEST

START_TEST(peak_is_what_is_allocated)
{
    clmix_plan *plan = plan_wavemix("wavemix-16", 3, true);
    clmix_plan_cost cost;
    size_t current, peak, allocations, again;

    clmix_plan_costs(plan, &cost);
    clmix_device_memory(device, &current, NULL, NULL);
    ck_assert_uint_eq(current, 0);
    ck_assert_msg(clmix_plan_run(plan) == CLMIX_OK, "%s", clmix_error());
    clmix_device_memory(device, &current, &peak, &allocations);
    ck_assert_uint_eq(current, cost.peak_bytes);
    ck_assert_uint_eq(peak, cost.peak_bytes);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(clmix_plan_run(plan), CLMIX_OK);
    ck_assert_int_eq(clmix_plan_wait(plan), CLMIX_OK);
    clmix_device_memory(device, NULL, NULL, &again);
    ck_assert_uint_eq(allocations, again);
    clmix_plan_free(plan);
    clmix_device_memory(device, &current, NULL, NULL);
    ck_assert_uint_eq(current, 0);
}
END_TEST

/* ---- gradients of parts ------------------------------------------------------------------------------------------------------------- */

/* y = sum over parts of x, each scaled by its own number; dy/dx is known in closed form. `x` is (4, 6). */
static void check_parts(clmix_value (*build)(clmix_value x, clmix_value *others), const float *expected)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 2, (size_t[]){ 4, 6 }), results[4], seeds[4];
    clmix_plan *plan;
    float data[24], ones[24], gradient[24];
    int count = 1;

    for (int i = 0; i < 24; i++) {
        data[i] = (float)i;
        ones[i] = 1;
    }
    for (int i = 1; i < 4; i++)
        results[i] = clmix_no_value();
    clmix_want_gradient(x);
    results[0] = build(x, results + 1);
    while (count < 4 && clmix_is_value(results[count]))
        count++;
    for (int i = 0; i < count; i++) {
        char name[16];
        clmix_shape shape = clmix_shape_of(results[i]);

        snprintf(name, sizeof name, "seed%d", i);
        seeds[i] = clmix_input(graph, name, CLMIX_F32, shape.rank, shape.size);
    }
    clmix_backward(graph, count, results, seeds);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    ck_assert_msg(clmix_plan_compile(&plan, graph, device, CLMIX_INFERENCE) == CLMIX_OK, "%s", clmix_error());
    ck_assert_int_eq(clmix_plan_write(plan, "x", data, sizeof data), CLMIX_OK);
    for (int i = 0; i < count; i++) {
        char name[16];

        snprintf(name, sizeof name, "seed%d", i);
        ck_assert_int_eq(clmix_plan_write(plan, name, ones, clmix_shape_count(clmix_shape_of(results[i])) * sizeof(float)), CLMIX_OK);
    }
    ck_assert_msg(clmix_plan_run(plan) == CLMIX_OK, "%s", clmix_error());
    ck_assert_msg(clmix_plan_read(plan, "dx", gradient, sizeof gradient) == CLMIX_OK, "%s", clmix_error());
    for (int i = 0; i < 24; i++)
        ck_assert_msg(gradient[i] == expected[i], "element %d: %g, expected %g", i, (double)gradient[i], (double)expected[i]);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
}

static clmix_value build_rows(clmix_value x, clmix_value *others)
{
    others[0] = clmix_scale(clmix_slice(x, 0, 0, 1), 2);
    return clmix_scale(clmix_slice(x, 0, 1, 3), 3);
}

static clmix_value build_columns_with_gap(clmix_value x, clmix_value *others)
{
    others[0] = clmix_scale(clmix_slice(x, 1, 4, 2), 5);
    return clmix_scale(clmix_slice(x, 1, 0, 3), 2);
}

static clmix_value build_nested(clmix_value x, clmix_value *others)
{
    others[0] = clmix_scale(clmix_slice(clmix_slice(x, 0, 1, 2), 1, 2, 2), 7);
    return clmix_scale(clmix_slice(x, 0, 3, 1), 2);
}

static clmix_value build_overlapping(clmix_value x, clmix_value *others)
{
    others[0] = clmix_scale(clmix_slice(x, 0, 1, 2), 10);
    others[1] = clmix_scale(clmix_reshape(x, 3, (size_t[]){ 2, 2, 6 }), 1);
    return clmix_scale(clmix_slice(x, 1, 5, 1), 100);
}

START_TEST(gradients_of_parts_are_assembled)
{
    static const float rows[24] = { 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3 };
    static const float columns[24] = { 2, 2, 2, 0, 5, 5, 2, 2, 2, 0, 5, 5, 2, 2, 2, 0, 5, 5, 2, 2, 2, 0, 5, 5 };
    static const float nested[24] = { 0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 0, 0, 0, 0, 7, 7, 0, 0, 2, 2, 2, 2, 2, 2 };
    static const float overlapping[24] = { 1, 1, 1, 1, 1, 101, 11, 11, 11, 11, 11, 111, 11, 11, 11, 11, 11, 111, 1, 1, 1, 1, 1, 101 };

    check_parts(build_rows, rows);
    check_parts(build_columns_with_gap, columns);
    check_parts(build_nested, nested);
    check_parts(build_overlapping, overlapping);
}
END_TEST

/* ---- the gradient 1 ------------------------------------------------------------------------------------------------------------------ */

/* y = sum of w x, one number, made by a layer: dy/dx is w, and 2 w where y counts twice. */
static void check_scalar_layer(clmix_value (*layer)(clmix_scope at, clmix_value x), bool twice)
{
    static const float weight[4] = { 1, 2, 3, 4 };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = input(graph, "x", 1, 2, 2, 1), y[2], ones[2] = { clmix_no_value(), clmix_no_value() };
    float data[4] = { 5, 6, 7, 8 }, gradient[4];
    clmix_plan *plan;

    clmix_want_gradient(x);
    y[0] = layer(clmix_in(clmix_root(graph), "layer"), x);
    y[1] = clmix_scale(y[0], 1);
    clmix_backward(graph, twice ? 2 : 1, y, ones);
    clmix_output(graph, "dx", clmix_gradient_of(x));
    ck_assert_msg(clmix_plan_compile(&plan, graph, device, CLMIX_TRAINING) == CLMIX_OK, "%s", clmix_error());
    ck_assert_int_eq(clmix_plan_write(plan, "layer.weight", weight, sizeof weight), CLMIX_OK);
    ck_assert_int_eq(clmix_plan_write(plan, "x", data, sizeof data), CLMIX_OK);
    ck_assert_msg(clmix_plan_run(plan) == CLMIX_OK, "%s", clmix_error());
    ck_assert_int_eq(clmix_plan_read(plan, "dx", gradient, sizeof gradient), CLMIX_OK);
    for (int i = 0; i < 4; i++)
        ck_assert_msg(gradient[i] == (twice ? 2 : 1) * weight[i], "element %d: %g", i, (double)gradient[i]);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
}

static clmix_value linear_layer(clmix_scope at, clmix_value x)
{
    return clmix_linear(at, clmix_reshape(x, 2, (size_t[]){ 1, 4 }), 1, true);
}

static clmix_value convolution(clmix_scope at, clmix_value x)
{
    return clmix_conv2d(at, x, 1, clmix_square(2, 1, 0), true);
}

START_TEST(a_loss_made_by_a_layer_has_gradients)
{
    check_scalar_layer(linear_layer, false);
    check_scalar_layer(convolution, false);
    check_scalar_layer(linear_layer, true);
    check_scalar_layer(convolution, true);
}
END_TEST

/* ---- bindings ----------------------------------------------------------------------------------------------------------------------- */

START_TEST(an_application_binds_its_own_memory)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 2, (size_t[]){ 3, 5 });
    float data[32], result[32] = { 0 };
    clmix_plan *plan;
    cl_mem memory;
    cl_int code;

    for (int i = 0; i < 32; i++)
        data[i] = (float)i;
    clmix_output(graph, "y", clmix_scale(x, 2));
    ck_assert_int_eq(clmix_plan_compile(&plan, graph, device, CLMIX_INFERENCE), CLMIX_OK);
    memory = clCreateBuffer(clmix_device_context(device), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof data, data, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    ck_assert_int_eq(clmix_plan_bind(plan, "x", memory, 4), CLMIX_OK);
    ck_assert_int_eq(clmix_plan_bind(plan, "y", memory, 64), CLMIX_OK);
    ck_assert_int_eq(clmix_plan_bind(plan, "y", memory, 80), CLMIX_ERROR_ARGUMENT);
    ck_assert_int_eq(clmix_plan_bind(plan, "z", memory, 0), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(clmix_plan_run(plan) == CLMIX_OK, "%s", clmix_error());
    ck_assert_int_eq(clEnqueueReadBuffer(clmix_device_queue(device), memory, CL_TRUE, 0, sizeof result, result, 0, NULL, NULL), CL_SUCCESS);
    for (int i = 0; i < 15; i++)
        ck_assert(result[16 + i] == 2 * data[1 + i]);
    ck_assert(result[31] == 31);
    clmix_plan_free(plan);
    clReleaseMemObject(memory);
    clmix_graph_free(graph);
}
END_TEST

START_TEST(sizes_of_data_are_checked)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 2, (size_t[]){ 3, 5 });
    float data[16] = { 0 };
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_scale(x, 2));
    ck_assert_int_eq(clmix_plan_compile(&plan, graph, device, CLMIX_INFERENCE), CLMIX_OK);
    ck_assert_int_eq(clmix_plan_write(plan, "x", data, sizeof data), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "60 bytes") != NULL, "%s", clmix_error());
    ck_assert_int_eq(clmix_plan_read(plan, "nothing", data, 60), CLMIX_ERROR_ARGUMENT);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
}
END_TEST

START_TEST(a_plan_for_no_device_says_so_when_run)
{
    clmix_plan *plan = plan_wavemix("wavemix-16", 2, false);

    ck_assert_int_eq(clmix_plan_run(plan), CLMIX_ERROR_NO_DEVICE);
    clmix_plan_free(plan);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph");
    TCase *building = tcase_create("building"), *running = tcase_create("running");

    tcase_set_timeout(building, 120);
    tcase_add_checked_fixture(building, open_generic, close_device);
    tcase_add_test(building, first_error_is_kept_with_its_path);
    tcase_add_test(building, an_error_names_its_op_once);
    tcase_add_test(building, a_null_graph_is_harmless);
    tcase_add_test(building, two_weights_of_one_name_are_refused);
    tcase_add_test(building, values_of_another_graph_are_refused);
    tcase_add_test(building, a_name_is_given_once);
    tcase_add_test(building, sizes_beyond_32_bits_are_refused);
    tcase_add_test(building, a_value_larger_than_an_allocation_is_refused_when_compiling);
    tcase_add_test(building, every_op_is_complete);
    tcase_add_test(building, live_values_never_overlap);
    tcase_add_test(building, wavemix32_fits_its_budget);
    tcase_add_test(building, a_chain_in_inference_reuses_memory);
    tcase_add_test(building, what_nobody_reads_is_not_planned);
    tcase_add_test(building, a_linear_layer_takes_in_what_follows);
    tcase_add_test(building, a_plan_for_no_device_says_so_when_run);
    suite_add_tcase(suite, building);
    tcase_set_timeout(running, 300);
    tcase_add_checked_fixture(running, open_real, close_device);
    tcase_add_test(running, peak_is_what_is_allocated);
    tcase_add_test(running, gradients_of_parts_are_assembled);
    tcase_add_test(running, a_loss_made_by_a_layer_has_gradients);
    tcase_add_test(running, an_application_binds_its_own_memory);
    tcase_add_test(running, sizes_of_data_are_checked);
    suite_add_tcase(suite, running);
    return support_run(suite);
}
