/* What plans say they move, and the least they must, against sums done by hand. */
#include <check.h>
#include <clmix/clmix.h>
#include <string.h>

#include "ops/gemm_internal.h"
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

static clmix_value input(clmix_graph *graph, const char *name, size_t rows, size_t columns)
{
    return clmix_input(graph, name, CLMIX_F32, 2, (size_t[]){ rows, columns });
}

/* Costs of the graph, which is freed, in `mode`; all counts below are of floats. */
static clmix_plan_cost cost_of(clmix_graph *graph, clmix_mode mode)
{
    clmix_plan *plan = NULL;
    clmix_plan_cost cost;

    ck_assert_msg(clmix_plan_compile(&plan, graph, device, mode) == CLMIX_OK, "%s", clmix_error());
    clmix_plan_costs(plan, &cost);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return cost;
}

static void expect(clmix_plan_cost cost, size_t moved, size_t least)
{
    ck_assert_uint_eq(cost.moved_bytes, moved * sizeof(float));
    ck_assert_uint_eq(cost.least_bytes, least * sizeof(float));
}

START_TEST(a_chain_moves_what_lies_between)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 4, (size_t[]){ 2, 4, 4, 8 });

    clmix_output(graph, "y", clmix_max_pool2d(clmix_relu(x), clmix_square(2, 2, 0)));
    expect(cost_of(graph, CLMIX_INFERENCE), 256 + 256 + 256 + 64, 256 + 64);
}
END_TEST

START_TEST(a_view_counts_as_far_as_it_reaches)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = input(graph, "x", 6, 4);

    clmix_output(graph, "y", clmix_relu(clmix_slice(x, 0, 1, 2)));
    expect(cost_of(graph, CLMIX_INFERENCE), 8 + 8, 8 + 8);
}
END_TEST

START_TEST(what_lies_in_place_is_not_moved)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value parts[2] = { clmix_relu(input(graph, "a", 3, 4)), clmix_relu(input(graph, "b", 5, 4)) };

    clmix_output(graph, "y", clmix_concat(parts, 2, 0));
    expect(cost_of(graph, CLMIX_INFERENCE), 2 * 12 + 2 * 20, 12 + 20 + 32);
}
END_TEST

START_TEST(an_op_on_one_value_twice_reads_it_once)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = input(graph, "x", 3, 5);

    clmix_output(graph, "y", clmix_add(x, x));
    expect(cost_of(graph, CLMIX_INFERENCE), 15 + 15, 15 + 15);
}
END_TEST

START_TEST(parts_of_a_concatenation_are_moved_once)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value parts[10];

    for (int i = 0; i < 10; i++) /* more than one launch takes */
        parts[i] = input(graph, (char[]){ (char)('a' + i), '\0' }, 6, 3);
    clmix_output(graph, "y", clmix_concat(parts, 10, 1));
    expect(cost_of(graph, CLMIX_INFERENCE), 2 * 180, 2 * 180);
}
END_TEST

START_TEST(a_level_of_a_transform_moves_its_part)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 4, (size_t[]){ 1, 8, 8, 4 });

    clmix_output(graph, "bands", clmix_haar_bands(x, 2));
    /* level 1: 8 x 8 pixels to 4 x 4 of four bands; level 2: the first of them to 2 x 2 of four */
    expect(cost_of(graph, CLMIX_INFERENCE), 256 + 256 + 64 + 64, 256 + 256 + 64);
}
END_TEST

/* y = gelu(x V) W: x (rows, 8), V (8, 16), W (16, 4). In training the product x V is kept and the GELU made again. */
static clmix_graph *two_layers(size_t rows, bool train)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_scope root = clmix_root(graph);
    clmix_value x = input(graph, "x", rows, 8), dy = input(graph, "dy", rows, 4);
    clmix_value y = clmix_linear(clmix_in(root, "w"), clmix_gelu(clmix_linear(clmix_in(root, "v"), x, 16, false)), 4, false);

    clmix_output(graph, "y", y);
    if (train)
        clmix_backward(graph, 1, &y, &dy);
    return graph;
}

START_TEST(an_activation_in_a_product_is_not_moved)
{
    expect(cost_of(two_layers(32, false), CLMIX_INFERENCE), (32 * 8 + 8 * 16 + 32 * 16) + (32 * 16 + 16 * 4 + 32 * 4),
           32 * 8 + 8 * 16 + 16 * 4 + 32 * 4);
}
END_TEST

START_TEST(only_what_the_backward_pass_needs_must_be_moved_twice)
{
    const size_t x = 32 * 8, v = 8 * 16, h = 32 * 16, w = 16 * 4, y = 32 * 4;
    clmix_plan_cost cost = cost_of(two_layers(32, true), CLMIX_TRAINING);

    ck_assert_uint_eq(cost.least_bytes, 4 * (x + v + w + y /* given */ + y /* dy */ + v + w /* gradients */ + 2 * h));
    ck_assert_uint_gt(cost.moved_bytes, cost.least_bytes);
}
END_TEST

/* dW of one linear layer over many rows, cut into parts that are added up: each part is written and read. */
START_TEST(partial_sums_are_moved_twice)
{
    const size_t rows = 65536, x = rows * 8, w = 8 * 4, y = rows * 4;
    struct clmix_gemm gemm = { .rows = 8, .columns = 4, .depth = rows, .transpose_a = true, .bias = CLMIX_NONE };
    const clmix_device_info *info = clmix_device_describe(device);
    clmix_graph *graph = clmix_graph_new();
    clmix_value in = input(graph, "x", rows, 8), dy = input(graph, "dy", rows, 4), out;
    struct clmix_gemm_tile tile;

    gemm.residual.value = CLMIX_NONE;
    clmix_gemm_choose_tile(info, info->form == CLMIX_WIDE, &gemm, 0, &tile);
    ck_assert_uint_gt(tile.splits, 1);
    out = clmix_linear(clmix_root(graph), in, 4, false);
    clmix_output(graph, "y", out);
    clmix_backward(graph, 1, &out, &dy);
    expect(cost_of(graph, CLMIX_TRAINING), (x + w + y) + (x + y + tile.splits * w) + (tile.splits * w + w), x + w + y + y + w);
}
END_TEST

START_TEST(running_statistics_are_written_in_training)
{
    const size_t x = 2 * 4 * 4 * 8, c = 8;

    for (int train = 0; train < 2; train++) {
        clmix_graph *graph = clmix_graph_new();
        clmix_value in = clmix_input(graph, "x", CLMIX_F32, 4, (size_t[]){ 2, 4, 4, 8 });
        clmix_plan_cost cost;

        clmix_output(graph, "y", clmix_batch_norm(clmix_in(clmix_root(graph), "n"), in, 1e-5f, 0.1f));
        cost = cost_of(graph, train ? CLMIX_TRAINING : CLMIX_INFERENCE);
        ck_assert_uint_eq(cost.least_bytes, 4 * (2 * x + 2 * c + (train ? 4 : 2) * c));
    }
}
END_TEST

/* A random projection is read in training too, and no more. */
START_TEST(states_that_nothing_moves_are_read)
{
    const size_t x = 32 * 8, r = 8 * 5, y = 32 * 5;
    clmix_graph *graph = clmix_graph_new();
    clmix_value in = input(graph, "x", 32, 8), projection;

    projection = clmix_state(clmix_root(graph), "projection", 2, (size_t[]){ 8, 5 }, (clmix_initializer){ .kind = CLMIX_ORTHOGONAL });
    clmix_output(graph, "y", clmix_matmul(in, projection, (clmix_product){ 0 }));
    ck_assert_uint_eq(cost_of(graph, CLMIX_TRAINING).least_bytes, 4 * (x + r + y));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cost");
    TCase *bytes = tcase_create("bytes");

    tcase_add_checked_fixture(bytes, open_generic, close_device);
    tcase_add_test(bytes, a_chain_moves_what_lies_between);
    tcase_add_test(bytes, a_view_counts_as_far_as_it_reaches);
    tcase_add_test(bytes, what_lies_in_place_is_not_moved);
    tcase_add_test(bytes, an_op_on_one_value_twice_reads_it_once);
    tcase_add_test(bytes, parts_of_a_concatenation_are_moved_once);
    tcase_add_test(bytes, a_level_of_a_transform_moves_its_part);
    tcase_add_test(bytes, an_activation_in_a_product_is_not_moved);
    tcase_add_test(bytes, only_what_the_backward_pass_needs_must_be_moved_twice);
    tcase_add_test(bytes, partial_sums_are_moved_twice);
    tcase_add_test(bytes, running_statistics_are_written_in_training);
    tcase_add_test(bytes, states_that_nothing_moves_are_read);
    suite_add_tcase(suite, bytes);
    return support_run(suite);
}
