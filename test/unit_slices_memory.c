/* Chains launched in slices of the batch: in less memory, and only where it is worth while or asked for. */
#include <check.h>
#include <clmix/clmix.h>

#include "graph/op.h"
#include "runtime/internal.h"
#include "runtime/runtime.h"
#include "support_ops.h"
#include "support_suite.h"

static void no_wish(void)
{
    ops_slice(NULL);
}

static clmix_value batch_input(clmix_graph *graph, const char *name, clmix_shape shape)
{
    return clmix_batch_input(graph, name, CLMIX_F32, shape.rank, shape.size);
}

/* ---- memory -------------------------------------------------------------------------------------------------------------------------- */

START_TEST(memory_is_for_a_slice_and_known)
{
    clmix_plan *plans[2];
    clmix_plan_cost costs[2];
    size_t before, after, peak, allocations, again;

    for (int sliced = 0; sliced < 2; sliced++) {
        clmix_graph *graph = clmix_graph_new();
        clmix_value x = batch_input(graph, "x", ops_shape4(12, 16, 16, 8));

        for (int i = 0; i < 6; i++)
            x = clmix_add(clmix_relu(x), clmix_max_pool2d(x, clmix_square(3, 1, 1)));
        clmix_output(graph, "y", clmix_global_average_pool(x));
        ops_slice(sliced ? "2" : "off");
        ops_ok(clmix_plan_compile(&plans[sliced], graph, ops_device, CLMIX_INFERENCE));
        clmix_plan_costs(plans[sliced], &costs[sliced]);
        clmix_graph_free(graph);
    }
    /* the input, the result, and three maps: of 12 images or of 2 */
    ck_assert_uint_le(costs[1].peak_bytes, (12 + 3 * 2) * 8192 + 12 * 32 + 1024);
    ck_assert_uint_ge(costs[0].peak_bytes, (12 + 2 * 12) * 8192);
    clmix_device_memory(ops_device, &before, NULL, NULL);
    ops_ok(clmix_plan_run(plans[1]));
    clmix_device_memory(ops_device, &after, &peak, &allocations);
    ck_assert_uint_eq(after - before, costs[1].peak_bytes);
    ops_ok(clmix_plan_run(plans[1]));
    clmix_device_memory(ops_device, NULL, NULL, &again);
    ck_assert_uint_eq(allocations, again);
    for (int sliced = 0; sliced < 2; sliced++)
        clmix_plan_free(plans[sliced]);
}
END_TEST

static clmix_plan *plan_wavemix(clmix_device *device, const char *model, size_t batch, bool train, const char *wish)
{
    clmix_config *config;
    clmix_graph *graph = clmix_graph_new();
    clmix_plan *plan = NULL;
    size_t height, width, channels;
    clmix_value pictures, logits, loss, one = clmix_no_value();

    ops_ok(clmix_config_open(&config, model));
    clmix_config_picture(config, &height, &width, &channels);
    pictures = batch_input(graph, "pictures", ops_shape4(batch, height, width, channels));
    logits = clmix_model(clmix_root(graph), &pictures, config);
    clmix_output(graph, "logits", logits);
    if (train) {
        loss = clmix_cross_entropy(logits, clmix_batch_input(graph, "labels", CLMIX_I32, 1, &batch), 0, clmix_no_value(), clmix_no_value());
        clmix_backward(graph, 1, &loss, &one);
    }
    ops_slice(wish);
    ops_ok(clmix_plan_compile(&plan, graph, device, train ? CLMIX_TRAINING : CLMIX_INFERENCE));
    no_wish();
    clmix_graph_free(graph);
    clmix_config_free(config);
    return plan;
}

static bool share(const clmix_plan_value *a, const clmix_plan_value *b)
{
    return a->slab == b->slab && a->offset_bytes < b->offset_bytes + b->size_bytes && b->offset_bytes < a->offset_bytes + a->size_bytes &&
           a->first_use <= b->last_use && b->first_use <= a->last_use && a->storage != b->storage;
}

START_TEST(values_of_slices_never_overlap)
{
    for (int train = 0; train < 2; train++) {
        clmix_plan *plan = plan_wavemix(ops_device, "wavemix-16", 5, train, "2");
        size_t count = clmix_plan_value_count(plan);
        clmix_plan_value a, b;

        for (size_t i = 0; i < count; i++) {
            ops_ok(clmix_plan_value_at(plan, i, &a));
            for (size_t j = 0; j < i; j++) {
                ops_ok(clmix_plan_value_at(plan, j, &b));
                ck_assert_msg(!share(&a, &b), "%s %s and %s %s share memory", a.path, a.op, b.path, b.op);
            }
        }
        clmix_plan_free(plan);
    }
}
END_TEST

/* ---- the decision -------------------------------------------------------------------------------------------------------------------- */

static clmix_plan_cost cost_of_mode(clmix_device *device, const char *model, size_t batch, bool train, const char *wish)
{
    clmix_plan *plan = plan_wavemix(device, model, batch, train, wish);
    clmix_plan_cost cost;

    clmix_plan_costs(plan, &cost);
    clmix_plan_free(plan);
    return cost;
}

static clmix_plan_cost cost_of(clmix_device *device, const char *model, size_t batch, const char *wish)
{
    return cost_of_mode(device, model, batch, false, wish);
}

START_TEST(chains_are_cut_where_a_cache_is_too_small)
{
    clmix_device *device;
    clmix_plan_cost whole, cut;

    ops_ok(clmix_device_generic(&device));
    device->info.form = CLMIX_WIDE;
    whole = cost_of(device, "wavemix-32", 64, NULL); /* no cache is known */
    ck_assert_uint_eq(whole.launches, cost_of(device, "wavemix-32", 64, "off").launches);
    device->info.cache_bytes = (size_t)32 << 20;
    cut = cost_of(device, "wavemix-32", 64, NULL);
    ck_assert_uint_gt(cut.launches, whole.launches);
    ck_assert_uint_lt(cut.arena_bytes[CLMIX_ACTIVATIONS], whole.arena_bytes[CLMIX_ACTIVATIONS] * 2 / 3);
    ck_assert_uint_eq(cost_of(device, "wavemix-32", 64, "off").launches, whole.launches);
    ck_assert_uint_eq(cost_of(device, "wavemix-32", 64, "many").launches, cut.launches);
    ck_assert_uint_eq(cost_of(device, "wavemix-32", 64, "64").launches, whole.launches);
    ck_assert_uint_eq(cost_of(device, "wavemix-32", 16, NULL).launches, cost_of(device, "wavemix-32", 16, "off").launches); /* fits */
    ck_assert_uint_eq(cost_of_mode(device, "wavemix-32", 64, true, NULL).launches,
                      cost_of_mode(device, "wavemix-32", 64, true, "off").launches);
    device->info.cache_bytes = (size_t)1 << 20; /* slices of an image or two: launches too small */
    ck_assert_uint_eq(cost_of(device, "wavemix-32", 64, NULL).launches, whole.launches);
    device->info.cache_bytes = (size_t)32 << 20;
    device->info.form = CLMIX_SIMT;
    ck_assert_uint_eq(cost_of(device, "wavemix-32", 64, NULL).launches, cost_of(device, "wavemix-32", 64, "off").launches);
    clmix_device_close(device);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slices and memory");
    TCase *all = tcase_create("slices and memory");

    tcase_set_timeout(all, 300);
    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_add_checked_fixture(all, NULL, no_wish);
    tcase_add_test(all, memory_is_for_a_slice_and_known);
    tcase_add_test(all, values_of_slices_never_overlap);
    tcase_add_test(all, chains_are_cut_where_a_cache_is_too_small);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
