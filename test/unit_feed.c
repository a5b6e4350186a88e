/* A batch on its way to a plan: its inputs in one transfer, and what keeps them from it. */
#include <check.h>
#include <clmix/clmix.h>
#include <string.h>

#include "runtime/runtime.h"
#include "support_ops.h"
#include "support_suite.h"

#define BATCH 3
#define PORTS 3
#define MOST  (BATCH * 7)

static const char *const names[PORTS] = { "a", "b", "c" }, *const results[PORTS] = { "twice a", "twice b", "twice c" };
static const size_t widths[PORTS] = { 5, 1, 7 };

/* Values of each port, different with every `seed`. */
struct batch {
    float values[PORTS][MOST];
    clmix_plan_array arrays[PORTS];
};

static void fill(struct batch *batch, int seed)
{
    for (int i = 0; i < PORTS; i++) {
        for (size_t k = 0; k < MOST; k++)
            batch->values[i][k] = (float)(100 * seed + 10 * i) + (float)k / 32;
        batch->arrays[i] = (clmix_plan_array){ names[i], batch->values[i], BATCH * widths[i] * sizeof(float) };
    }
}

static clmix_plan *plan_of_three(void)
{
    clmix_graph *graph = clmix_graph_new();

    for (int i = 0; i < PORTS; i++)
        clmix_output(graph, results[i], clmix_scale(clmix_batch_input(graph, names[i], CLMIX_F32, 2, (size_t[]){ BATCH, widths[i] }), 2));
    return ops_plan(graph, CLMIX_TRAINING);
}

/* That a run sees of port i what batches[i] has. */
static void ck_run(clmix_plan *plan, const struct batch *const batches[PORTS])
{
    ops_ok(clmix_plan_run(plan));
    for (int i = 0; i < PORTS; i++) {
        float result[MOST];

        ops_ok(clmix_plan_read(plan, results[i], result, BATCH * widths[i] * sizeof(float)));
        for (size_t k = 0; k < BATCH * widths[i]; k++)
            ck_assert_msg(result[k] == 2 * batches[i]->values[i][k], "%s, element %zu: %g", names[i], k, (double)result[k]);
    }
}

static size_t uploads(void)
{
    clmix_traffic traffic;

    clmix_device_traffic(ops_device, &traffic);
    return traffic.uploads;
}

START_TEST(a_batch_is_one_transfer_with_its_step)
{
    clmix_plan *plan = plan_of_three();
    struct batch first, second;
    size_t before = uploads();

    fill(&first, 1);
    fill(&second, 2);
    ops_ok(clmix_plan_feed(plan, first.arrays, PORTS));
    ck_run(plan, (const struct batch *[]){ &first, &first, &first });
    ck_assert_uint_eq(uploads() - before, 1);
    ops_ok(clmix_plan_set_step(plan, 1, 2));
    ops_ok(clmix_plan_feed(plan, second.arrays, PORTS));
    ck_run(plan, (const struct batch *[]){ &second, &second, &second });
    ck_assert_uint_eq(uploads() - before, 2);
    ops_ok(clmix_plan_set_step(plan, 1, 3)); /* with no batch behind it: it goes with the run */
    ck_run(plan, (const struct batch *[]){ &second, &second, &second });
    ck_assert_uint_eq(uploads() - before, 3);
    clmix_plan_free(plan);
}
END_TEST

/* A mask of the step, where the input goes with it or by itself. */
static void draw(clmix_plan *plan, uint64_t step, bool together, float *y)
{
    static const float ones[MOST] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

    ops_ok(clmix_plan_set_step(plan, 1, step));
    if (together)
        ops_ok(clmix_plan_feed(plan, &(clmix_plan_array){ "x", ones, sizeof ones }, 1));
    else
        ops_ok(clmix_plan_write(plan, "x", ones, sizeof ones));
    ops_ok(clmix_plan_run(plan));
    ops_ok(clmix_plan_read(plan, "y", y, MOST * sizeof *y));
}

START_TEST(masks_are_those_of_the_step_that_came_with_the_batch)
{
    clmix_graph *graph = clmix_graph_new();
    float apart[2][MOST], together[2][MOST];
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_dropout(clmix_batch_input(graph, "x", CLMIX_F32, 2, (size_t[]){ BATCH, 7 }), 0.5f));
    plan = ops_plan(graph, CLMIX_TRAINING);
    for (int i = 0; i < 2; i++)
        draw(plan, (uint64_t)i, false, apart[i]);
    for (int i = 0; i < 2; i++)
        draw(plan, (uint64_t)i, true, together[i]);
    ck_assert(memcmp(apart, together, sizeof apart) == 0);
    ck_assert(memcmp(apart[0], apart[1], sizeof apart[0]) != 0);
    clmix_plan_free(plan);
}
END_TEST

START_TEST(what_is_not_given_keeps_its_values)
{
    clmix_plan *plan = plan_of_three();
    struct batch first, second, third;

    fill(&first, 1);
    fill(&second, 2);
    fill(&third, 3);
    ops_ok(clmix_plan_feed(plan, first.arrays, PORTS));
    ops_ok(clmix_plan_write(plan, "b", second.values[1], second.arrays[1].bytes));
    ops_ok(clmix_plan_feed(plan, (clmix_plan_array[]){ third.arrays[2], third.arrays[0] }, 2));
    ck_run(plan, (const struct batch *[]){ &third, &second, &third });
    clmix_plan_free(plan);
}
END_TEST

START_TEST(a_bound_input_is_written_where_it_is_bound)
{
    enum { FROM = 5, COUNT = FROM + BATCH + 4 };
    clmix_plan *plan = plan_of_three();
    struct batch first, second;
    float own[COUNT];
    cl_mem memory;

    fill(&first, 1);
    fill(&second, 2);
    for (int i = 0; i < COUNT; i++)
        own[i] = -1;
    memory = clCreateBuffer(clmix_device_context(ops_device), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof own, own, NULL);
    ops_ok(clmix_plan_feed(plan, first.arrays, PORTS));
    ops_ok(clmix_plan_bind(plan, "b", memory, FROM * sizeof *own));
    ops_ok(clmix_plan_feed(plan, second.arrays, PORTS));
    ck_run(plan, (const struct batch *[]){ &second, &second, &second });
    ops_ok(clmix_buffer_read(ops_device, memory, 0, own, sizeof own));
    for (int i = 0; i < COUNT; i++)
        ck_assert(own[i] == (i < FROM || i >= FROM + BATCH ? -1 : second.values[1][i - FROM]));
    clmix_plan_free(plan);
    clReleaseMemObject(memory);
}
END_TEST

START_TEST(an_array_that_is_refused_keeps_all_from_being_copied)
{
    clmix_plan *plan = plan_of_three();
    struct batch first, second;
    cl_mem memory; /* what is bound does not wait for the others */

    fill(&first, 1);
    fill(&second, 2);
    memory = clCreateBuffer(clmix_device_context(ops_device), CL_MEM_READ_WRITE, sizeof first.values[0], NULL, NULL);
    ops_ok(clmix_plan_bind(plan, "a", memory, 0));
    ops_ok(clmix_plan_feed(plan, first.arrays, PORTS));
    second.arrays[2].bytes--;
    ck_assert_int_eq(clmix_plan_feed(plan, second.arrays, PORTS), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "'c' is 3x7, 84 bytes, and 83 were given") != NULL, "%s", clmix_error());
    second.arrays[2] = (clmix_plan_array){ "d", second.values[2], 4 };
    ck_assert_int_eq(clmix_plan_feed(plan, second.arrays, PORTS), CLMIX_ERROR_ARGUMENT);
    ck_run(plan, (const struct batch *[]){ &first, &first, &first });
    clmix_plan_free(plan);
    clReleaseMemObject(memory);
}
END_TEST

/* Where one allocation cannot hold all inputs they lie apart. */
START_TEST(inputs_too_large_for_one_piece_are_fed_as_well)
{
    const cl_ulong most = ops_device->info.max_allocation_bytes;
    struct batch first;
    clmix_plan *plan;
    size_t before;

    fill(&first, 1);
    ops_device->info.max_allocation_bytes = 512;
    plan = plan_of_three();
    before = uploads();
    ops_ok(clmix_plan_feed(plan, first.arrays, PORTS));
    ck_run(plan, (const struct batch *[]){ &first, &first, &first });
    ck_assert_uint_eq(uploads() - before, PORTS + 1);
    clmix_plan_free(plan);
    ops_device->info.max_allocation_bytes = most;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("feed");
    TCase *feed = tcase_create("feed");

    tcase_set_timeout(feed, 120);
    tcase_add_unchecked_fixture(feed, ops_open, ops_close);
    tcase_add_test(feed, a_batch_is_one_transfer_with_its_step);
    tcase_add_test(feed, masks_are_those_of_the_step_that_came_with_the_batch);
    tcase_add_test(feed, what_is_not_given_keeps_its_values);
    tcase_add_test(feed, a_bound_input_is_written_where_it_is_bound);
    tcase_add_test(feed, an_array_that_is_refused_keeps_all_from_being_copied);
    tcase_add_test(feed, inputs_too_large_for_one_piece_are_fed_as_well);
    suite_add_tcase(suite, feed);
    return support_run(suite);
}
