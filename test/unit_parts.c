/* Values whose samples lie in other ways than a launch for a part of the batch could tell: such ops are launched whole, and the results are
 * those of the whole batch. */
#include <check.h>
#include <clmix/clmix.h>
#include <stdlib.h>

#include "support_ops.h"
#include "support_suite.h"

enum { BATCH = 7, SIDE = 8, CHANNELS = 6, BAND_ROWS = 16 + 4, BAND_COLUMNS = 4 * CHANNELS };

typedef clmix_value (*build_function)(clmix_value x);

/* A sum of bands, whose samples lie in two parts, and of as many rows, whose samples lie in one. */
static clmix_value build_two_layouts(clmix_value x)
{
    const size_t rows[2] = { BATCH * BAND_ROWS, BAND_COLUMNS };
    clmix_value bands = clmix_scale(clmix_haar_bands(x, 2), 3), terms[2] = { x, clmix_slice(x, 1, 0, 2) };

    return clmix_gelu(clmix_add(bands, clmix_reshape(clmix_concat(terms, 2, 1), 2, rows)));
}

/* Bands seen as twenty rows a sample, which are not that sample's, beside rows that are. */
static clmix_value build_regrouped(clmix_value x)
{
    const size_t band_size[3] = { BATCH, BAND_ROWS, BAND_COLUMNS }, size[3] = { BATCH, SIDE * SIDE / 4, BAND_COLUMNS };
    clmix_value bands = clmix_scale(clmix_haar_bands(x, 2), 3), terms[2];

    terms[0] = clmix_reshape(bands, 3, band_size);
    terms[1] = clmix_reshape(clmix_scale(x, 2), 3, size);
    return clmix_gelu(clmix_concat(terms, 2, 1));
}

/* Six rows of a batch of seven: none begins where a sample does but the first. */
static clmix_value build_uneven(clmix_value x)
{
    const size_t rows[2] = { 6, BATCH * SIDE * SIDE }, size[4] = { BATCH, SIDE, SIDE, CHANNELS };

    x = clmix_gelu(clmix_reshape(x, 2, rows));
    return clmix_relu(clmix_scale(clmix_reshape(x, 4, size), 3));
}

static const struct {
    const char *what;
    build_function build;
} layouts[] = {
    { "two layouts", build_two_layouts },
    { "regrouped rows", build_regrouped },
    { "uneven rows", build_uneven },
};

/* The result for random x; how many launches it took. */
static float *run(build_function build, const char *slices, size_t *count, size_t *launches)
{
    const size_t size[4] = { BATCH, SIDE, SIDE, CHANNELS };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_batch_input(graph, "x", CLMIX_F32, 4, size), y = build(clmix_scale(clmix_relu(clmix_scale(x, 2)), 0.5f));
    float *data = ops_floats(BATCH * SIDE * SIDE * CHANNELS, 1, -0.5f, 0.5f), *result;
    clmix_plan_cost cost;
    clmix_plan *plan;

    *count = clmix_shape_count(clmix_shape_of(y));
    clmix_output(graph, "y", y);
    ck_assert_int_eq(setenv("CLMIX_SLICE", slices, 1), 0);
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_int_eq(unsetenv("CLMIX_SLICE"), 0);
    clmix_plan_costs(plan, &cost);
    *launches = cost.launches;
    ops_write(plan, "x", data, BATCH * SIDE * SIDE * CHANNELS);
    ops_ok(clmix_plan_run(plan));
    result = ops_read(plan, "y", *count);
    clmix_plan_free(plan);
    free(data);
    return result;
}

START_TEST(what_cannot_be_told_apart_is_launched_whole)
{
    static const char *const slices[] = { "1", "3", "6" };
    size_t count, launches, sliced_launches;
    float *whole = run(layouts[_i].build, "off", &count, &launches), *sliced;

    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        sliced = run(layouts[_i].build, slices[i], &count, &sliced_launches);
        ck_assert_msg(sliced_launches > launches, "%s: %zu launches as before", layouts[_i].what, launches); /* what is before is cut */
        ops_compare_floats(layouts[_i].what, sliced, whole, count, 2e-6);
        free(sliced);
    }
    free(whole);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parts");
    TCase *tests = tcase_create("layouts");

    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_add_loop_test(tests, what_cannot_be_told_apart_is_launched_whole, 0, sizeof layouts / sizeof layouts[0]);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
