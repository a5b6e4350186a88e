/* Views and movement: slices of slices, copies, concatenation along every axis, in place and with a residual, sums of many terms, and
 * their gradients. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- slices -------------------------------------------------------------------------------------------------------------------------- */

struct slice {
    int axis;
    size_t begin, length;
};

static clmix_value build_slice(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct slice *slice = attributes;

    (void)at;
    return clmix_slice(inputs[0], slice->axis, slice->begin, slice->length);
}

/* The part of x along an axis. */
static void take(const double *x, clmix_shape shape, const struct slice *slice, double *out)
{
    size_t outer = 1, inner = 1, size;
    int axis = slice->axis < 0 ? slice->axis + shape.rank : slice->axis;

    for (int i = 0; i < axis; i++)
        outer *= shape.size[i];
    for (int i = axis + 1; i < shape.rank; i++)
        inner *= shape.size[i];
    size = shape.size[axis];
    for (size_t o = 0; o < outer; o++)
        memcpy(out + o * slice->length * inner, x + (o * size + slice->begin) * inner, slice->length * inner * sizeof *x);
}

static void slice_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    take(inputs[0], shapes[0], attributes, out);
}

START_TEST(slices_along_every_axis)
{
    static const clmix_shape shapes[] = {
        { 1, { 9 } }, { 2, { 5, 7 } }, { 3, { 3, 9, 5 } }, { 4, { 3, 5, 4, 33 } }, { 5, { 2, 3, 4, 3, 16 } }
    };

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int axis = -shapes[i].rank; axis < 0; axis++) {
            size_t size = shapes[i].size[axis + shapes[i].rank];
            struct slice parts[] = { { axis, 0, 1 }, { axis, size - 1, 1 }, { axis, 1, size - 1 }, { axis, 0, size } };

            for (size_t p = 0; p < 4; p++)
                ops_run_check(&(struct ops_check){ .what = "slice",
                                                   .build = build_slice,
                                                   .reference = slice_reference,
                                                   .attributes = &parts[p],
                                                   .input_count = 1,
                                                   .shapes = { shapes[i] } });
        }
}
END_TEST

/* A slice of columns of a slice of rows, one of its middle axis, and the whole again: their gradients fall on overlapping parts of x. */
static clmix_value build_nested(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    clmix_value rows = clmix_slice(inputs[0], 0, 1, 2), columns = clmix_slice(clmix_slice(rows, -1, 2, 9), -1, 1, 5);

    (void)at;
    (void)attributes;
    return clmix_concat((clmix_value[]){ clmix_slice(columns, 1, 1, 2), clmix_slice(clmix_slice(inputs[0], 0, 0, 2), -1, 0, 5), columns },
                        3, 1);
}

static void nested_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    (void)attributes; /* x is (3, 4, 11); the result (2, 2 + 4 + 4, 5) */
    for (size_t b = 0; b < 2; b++)
        for (size_t t = 0; t < 10; t++)
            for (size_t c = 0; c < 5; c++) {
                size_t from = t < 2   ? ((b + 1) * 4 + t + 1) * 11 + c + 3
                              : t < 6 ? (b * 4 + t - 2) * 11 + c
                                      : ((b + 1) * 4 + t - 6) * 11 + c + 3;

                out[(b * 10 + t) * 5 + c] = inputs[0][from];
            }
    ck_assert_uint_eq(clmix_shape_count(shapes[0]), 3 * 4 * 11);
}

START_TEST(slices_of_slices)
{
    ops_run_check(&(struct ops_check){ .what = "slices of slices",
                                       .build = build_nested,
                                       .reference = nested_reference,
                                       .input_count = 1,
                                       .shapes = { { 3, { 3, 4, 11 } } } });
}
END_TEST

/* An op that wants contiguous rows is given a copy of a slice of columns, and so is a reshape. */
static clmix_value build_reshaped(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    (void)attributes;
    return clmix_reshape(clmix_scale(clmix_reshape(clmix_slice(inputs[0], -1, 3, 4), 3, (size_t[]){ 5, 2, 6 }), 2.0f), 2,
                         (size_t[]){ 20, 3 });
}

static void reshaped_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    struct slice slice = { -1, 3, 4 };

    (void)attributes;
    take(inputs[0], shapes[0], &slice, out);
    for (size_t i = 0; i < 60; i++)
        out[i] *= 2.0;
}

START_TEST(reshapes_of_slices)
{
    ops_run_check(&(struct ops_check){ .what = "reshape of a slice",
                                       .build = build_reshaped,
                                       .reference = reshaped_reference,
                                       .input_count = 1,
                                       .shapes = { { 3, { 5, 3, 8 } } } });
}
END_TEST

/* ---- concatenation ------------------------------------------------------------------------------------------------------------------- */

struct join {
    int axis, count;
    bool residual; /* the last input is added to the result */
    bool strided;  /* inputs are slices of columns */
};

static clmix_value build_join(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct join *join = attributes;
    clmix_value parts[OPS_MOST], y;

    (void)at;
    for (int i = 0; i < join->count; i++)
        parts[i] = join->strided ? clmix_slice(inputs[i], -1, 1, clmix_shape_of(inputs[i]).size[clmix_shape_of(inputs[i]).rank - 1] - 1)
                                 : inputs[i];
    y = clmix_concat(parts, join->count, join->axis);
    return join->residual ? clmix_add(y, inputs[join->count]) : y;
}

static void join_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct join *join = attributes;
    int rank = shapes[0].rank, axis = join->axis < 0 ? join->axis + rank : join->axis;
    size_t outer = 1, whole = 0, begin = 0;

    for (int i = 0; i < axis; i++)
        outer *= shapes[0].size[i];
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < join->count; i++) {
            clmix_shape shape = shapes[i];
            size_t run = 1, columns = shape.size[rank - 1], kept = columns - (join->strided ? 1 : 0);

            shape.size[rank - 1] = kept;
            for (int k = axis; k < rank; k++)
                run *= shape.size[k];
            if (pass == 0)
                whole += run;
            for (size_t e = 0; pass == 1 && e < outer * run; e++)
                out[e / run * whole + begin + e % run] = inputs[i][e / kept * columns + e % kept + columns - kept];
            begin += pass == 1 ? run : 0;
        }
    for (size_t e = 0; join->residual && e < outer * whole; e++)
        out[e] += inputs[join->count][e];
}

static void check_join(struct join join, const clmix_shape *shapes, clmix_shape residual)
{
    struct ops_check check = {
        .what = "concat", .build = build_join, .reference = join_reference, .attributes = &join, .input_count = join.count + join.residual
    };

    memcpy(check.shapes, shapes, (size_t)join.count * sizeof *shapes);
    if (join.residual)
        check.shapes[join.count] = residual;
    ops_run_check(&check);
}

START_TEST(concat_along_every_axis)
{
    for (int axis = -4; axis < 0; axis++)
        for (int strided = 0; strided < 2; strided++) {
            clmix_shape shapes[3] = { ops_shape4(2, 3, 4, 9), ops_shape4(2, 3, 4, 9), ops_shape4(2, 3, 4, 9) };

            shapes[1].size[axis + 4] += 1;
            shapes[2].size[axis + 4] += 17;
            check_join((struct join){ axis, 3, false, strided == 1 }, shapes, (clmix_shape){ .rank = 0 });
        }
}
END_TEST

START_TEST(concat_of_single_rows)
{
    clmix_shape shapes[2] = { ops_shape4(1, 1, 1, 5), ops_shape4(1, 1, 1, 20) }, flat[2] = { { 1, { 3 } }, { 1, { 18 } } };

    check_join((struct join){ -1, 2, false, false }, shapes, (clmix_shape){ .rank = 0 });
    check_join((struct join){ -1, 2, true, false }, shapes, ops_shape4(1, 1, 1, 25));
    check_join((struct join){ 0, 2, false, false }, flat, (clmix_shape){ .rank = 0 });
}
END_TEST

/* A class token, as a slice of columns, in front of the tokens of every sample, and behind them a row and once more the token's. */
static clmix_value build_repeated(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const size_t width = clmix_shape_of(inputs[1]).size[2];
    clmix_value token = clmix_slice(inputs[0], -1, 1, width);

    (void)at;
    (void)attributes;
    return clmix_concat((clmix_value[]){ token, inputs[1], inputs[2], token }, 4, 1);
}

static void repeated_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t samples = shapes[1].size[0], run = shapes[1].size[1] * shapes[1].size[2], width = shapes[1].size[2];

    (void)attributes;
    for (size_t b = 0; b < samples; b++) {
        memcpy(out, inputs[0] + 1, width * sizeof *out);
        memcpy(out + width, inputs[1] + b * run, run * sizeof *out);
        memcpy(out + width + run, inputs[2], width * sizeof *out);
        memcpy(out + 2 * width + run, inputs[0] + 1, width * sizeof *out);
        out += run + 3 * width;
    }
}

START_TEST(concat_of_what_stands_in_every_sample)
{
    static const size_t widths[] = { 1, 20 };

    for (size_t i = 0; i < 2; i++)
        ops_run_check(
            &(struct ops_check){ .what = "concat with repeated values",
                                 .build = build_repeated,
                                 .reference = repeated_reference,
                                 .input_count = 3,
                                 .shapes = { { 3, { 1, 1, widths[i] + 2 } }, { 3, { 5, 7, widths[i] } }, { 3, { 1, 1, widths[i] } } } });
}
END_TEST

/* The end of a WaveMix block: outputs of the levels side by side, plus the block's input. */
START_TEST(concat_with_a_residual)
{
    static const size_t widths[][4] = { { 8, 8, 8, 8 }, { 4, 4, 4, 4 }, { 1, 3, 5, 16 }, { 33, 2, 17, 1 } };

    for (size_t w = 0; w < 4; w++) {
        clmix_shape shapes[4];
        size_t whole = 0;

        for (size_t i = 0; i < 4; i++) {
            shapes[i] = ops_shape4(3, 7, 5, widths[w][i]);
            whole += widths[w][i];
        }
        check_join((struct join){ -1, 4, true, false }, shapes, ops_shape4(3, 7, 5, whole));
    }
}
END_TEST

/* The addition is part of the concatenation's launch: nothing else is launched. */
START_TEST(concat_takes_in_the_residual)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value a = ops_input(graph, "a", ops_shape2(9, 3)), b = ops_input(graph, "b", ops_shape2(9, 5)),
                r = ops_input(graph, "r", ops_shape2(9, 8));
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_add(r, clmix_concat((clmix_value[]){ a, b }, 2, -1)));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_uint_eq(ops_launches(plan), 1);
    clmix_plan_free(plan);
}
END_TEST

/* Parts along the first axis that ops of the graph make are made where they will lie: no copies. */
START_TEST(concat_in_place)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value a = ops_input(graph, "a", ops_shape2(5, 3)), b = ops_input(graph, "b", ops_shape2(2, 3)), y;
    float *data = ops_floats(15, 1, -1.0f, 1.0f), *out;
    clmix_plan *plan;

    y = clmix_concat((clmix_value[]){ clmix_scale(a, 2.0f), clmix_scale(b, 3.0f) }, 2, 0);
    clmix_output(graph, "y", y);
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_uint_eq(ops_launches(plan), 2);
    ops_write(plan, "a", data, 15);
    ops_write(plan, "b", data, 6);
    ops_ok(clmix_plan_run(plan));
    out = ops_read(plan, "y", 21);
    for (size_t i = 0; i < 21; i++)
        ck_assert_float_eq(out[i], i < 15 ? 2.0f * data[i] : 3.0f * data[i - 15]);
    free(data);
    free(out);
    clmix_plan_free(plan);
}
END_TEST

START_TEST(concat_of_many)
{
    enum { PARTS = 19 }; /* three launches */
    clmix_graph *graph = clmix_graph_new();
    clmix_value parts[PARTS], y;
    float *data = ops_floats(6 * PARTS, 1, -1.0f, 1.0f), *out, *r;
    clmix_plan *plan;
    char name[8];

    for (int i = 0; i < PARTS; i++) {
        snprintf(name, sizeof name, "x%d", i);
        parts[i] = ops_input(graph, name, ops_shape2(2, 3));
    }
    y = clmix_concat(parts, PARTS, 1);
    clmix_output(graph, "y", clmix_add(y, ops_input(graph, "r", ops_shape2(2, 3 * PARTS))));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    for (int i = 0; i < PARTS; i++) {
        snprintf(name, sizeof name, "x%d", i);
        ops_write(plan, name, data + 6 * i, 6);
    }
    r = ops_floats(6 * PARTS, 2, -1.0f, 1.0f);
    ops_write(plan, "r", r, 6 * PARTS);
    ops_ok(clmix_plan_run(plan));
    out = ops_read(plan, "y", 6 * PARTS);
    for (size_t i = 0; i < 6 * PARTS; i++)
        ck_assert_float_eq(out[i], data[i % (3 * PARTS) / 3 * 6 + i / (3 * PARTS) * 3 + i % 3] + r[i]);
    free(data);
    free(r);
    free(out);
    clmix_plan_free(plan);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(refusals)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_slice(ops_input(graph, "x", ops_shape2(4, 4)), 1, 3, 2);
    ops_refused(graph, "2 elements from 3 on along axis 1 of 4x4");
    graph = clmix_graph_new();
    clmix_slice(ops_input(graph, "x", ops_shape2(4, 4)), 2, 0, 1);
    ops_refused(graph, "axis 2");
    graph = clmix_graph_new();
    clmix_slice(ops_input(graph, "x", ops_shape2(4, 4)), 0, SIZE_MAX, 2);
    ops_refused(graph, "axis 0 of 4x4");
    graph = clmix_graph_new();
    clmix_reshape(ops_input(graph, "x", ops_shape2(4, 4)), 1, (size_t[]){ 15 });
    ops_refused(graph, "16 elements");
    graph = clmix_graph_new();
    clmix_concat((clmix_value[]){ ops_input(graph, "a", ops_shape2(4, 4)), ops_input(graph, "b", ops_shape2(4, 3)) }, 2, 0);
    ops_refused(graph, "4x3");
    graph = clmix_graph_new();
    clmix_concat((clmix_value[]){ ops_input(graph, "a", (clmix_shape){ 3, { 1, 1, 4 } }),
                                  ops_input(graph, "b", (clmix_shape){ 3, { 3, 5, 4 } }),
                                  ops_input(graph, "c", (clmix_shape){ 3, { 2, 5, 4 } }) },
                 3, 1);
    ops_refused(graph, "2x5x4");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shape");
    TCase *all = tcase_create("shape");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, slices_along_every_axis);
    tcase_add_test(all, slices_of_slices);
    tcase_add_test(all, reshapes_of_slices);
    tcase_add_test(all, concat_along_every_axis);
    tcase_add_test(all, concat_of_single_rows);
    tcase_add_test(all, concat_of_what_stands_in_every_sample);
    tcase_add_test(all, concat_with_a_residual);
    tcase_add_test(all, concat_takes_in_the_residual);
    tcase_add_test(all, concat_in_place);
    tcase_add_test(all, concat_of_many);
    tcase_add_test(all, refusals);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
