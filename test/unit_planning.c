/* Planning large networks: each value, node and name costs the same however many others there are, and values lie where a look at all others
 * would have put them. */
#include "base/names.h"
#include "base/random.h"
#include "graph/room.h"
#include "network/network.h"
#include "support_suite.h"
#include "train/recipe.h"

#include <check.h>
#include <clmix/clmix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* ---- names ---------------------------------------------------------------------------------------------------------------------------- */

START_TEST(names_are_found_with_their_numbers)
{
    static char texts[5000][16];
    clmix_names names = { 0 };
    size_t number = 7;

    ck_assert(!clmix_names_find(&names, "", &number));
    for (size_t i = 0; i < 5000; i++) {
        snprintf(texts[i], sizeof texts[i], "layers.%zu", i);
        ck_assert(!clmix_names_find(&names, texts[i], &number));
        ck_assert(clmix_names_add(&names, texts[i], i));
    }
    ck_assert_uint_eq(number, 7);
    ck_assert(clmix_names_add(&names, "", 5000));
    for (size_t i = 0; i < 5000; i++)
        ck_assert(clmix_names_find(&names, texts[i], &number) && number == i);
    ck_assert(clmix_names_find(&names, "", &number) && number == 5000);
    ck_assert(!clmix_names_find(&names, "layers.5000", &number));
    ck_assert_uint_le(2 * names.count, names.capacity);
    ck_assert(clmix_names_prefix(&names, "layers.4999", 11, &number) == 11 && number == 4999);
    ck_assert(clmix_names_prefix(&names, "layers.4999", 10, &number) == 10 && number == 499); /* the text ends there */
    ck_assert(clmix_names_prefix(&names, "layers.49991", 12, &number) == 11 && number == 4999);
    ck_assert(clmix_names_prefix(&names, "layers.", 7, &number) == 0 && number == 4999); /* the empty name is no beginning */
    ck_assert_uint_eq(clmix_names_prefix(&names, "", 0, &number), 0);
    for (int byte = 0; byte < 256; byte++) { /* of a text with a zero byte within, whatever slot it comes to */
        static char short_name[16] = "x";
        const char text[] = { 'x', '\0', (char)byte };

        clmix_names_clear(&names);
        ck_assert(clmix_names_add(&names, short_name, 1) && clmix_names_add(&names, "longer", 2));
        ck_assert_uint_eq(clmix_names_prefix(&names, text, 3, &number), 1);
    }
    clmix_names_clear(&names);
    ck_assert(!clmix_names_find(&names, texts[0], &number));
    ck_assert_uint_eq(clmix_names_prefix(&names, "layers.1", 8, &number), 0);
}
END_TEST

/* ---- room ----------------------------------------------------------------------------------------------------------------------------- */

struct tenant {
    size_t offset, end;
    int32_t first, last;
};

static int by_offset(const void *a, const void *b)
{
    const struct tenant *x = a, *y = b;

    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* The lowest gap, by looking at all that is there, sorted by offset. */
static size_t lowest_gap(const struct tenant *tenants, size_t count, size_t bytes, int32_t first, int32_t last)
{
    size_t offset = 0;

    for (size_t i = 0; i < count; i++) {
        if (tenants[i].first > last || tenants[i].last < first)
            continue;
        if (tenants[i].offset >= offset + bytes)
            break;
        if (tenants[i].end > offset)
            offset = tenants[i].end;
    }
    return offset;
}

#define TENANTS 1500
#define STEPS   2000

/* How long a value is needed: a step or two, a while, from the forward to the backward pass, for ever. */
static void draw_steps(clmix_random *random, int kind, struct tenant *tenant)
{
    const int32_t at = (int32_t)clmix_random_below(random, STEPS / 2);

    tenant->first = at;
    switch (kind) {
    case 0: tenant->last = at + (int32_t)clmix_random_below(random, 3); break;
    case 1: tenant->last = at + (int32_t)clmix_random_below(random, 200); break;
    case 2: tenant->last = STEPS - at; break;
    default: tenant->last = INT32_MAX; break;
    }
}

/* Draws as a plan places: by falling size, many of them equal; and in any order. */
START_TEST(room_is_what_a_look_at_all_finds)
{
    static struct tenant tenants[TENANTS];
    clmix_random random = clmix_random_stream(1, (uint64_t)_i);
    struct clmix_room room;
    size_t highest = 0;

    clmix_room_start(&room);
    for (size_t i = 0; i < TENANTS; i++) {
        const size_t falling = 256 * (1 + (TENANTS - i) / 100), any = 256 * (1 + clmix_random_below(&random, 40));
        const size_t bytes = _i % 2 == 0 ? falling : any;
        struct tenant tenant;

        draw_steps(&random, (int)clmix_random_below(&random, _i < 2 ? 2 : 4), &tenant);
        tenant.offset = clmix_room_find(&room, bytes, tenant.first, tenant.last);
        ck_assert_uint_eq(tenant.offset, lowest_gap(tenants, i, bytes, tenant.first, tenant.last));
        tenant.end = tenant.offset + bytes;
        ck_assert(clmix_room_take(&room, tenant.offset, tenant.end, tenant.first, tenant.last));
        tenants[i] = tenant;
        qsort(tenants, i + 1, sizeof *tenants, by_offset);
        highest = tenant.end > highest ? tenant.end : highest;
    }
    ck_assert_uint_gt(highest, 256 * 40); /* they did not all fit beside one another */
    clmix_room_clear(&room);
    ck_assert_uint_eq(clmix_room_find(&room, 256, 0, 1), 0);
}
END_TEST

/* ---- growth --------------------------------------------------------------------------------------------------------------------------- */

static double processor_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* What a program does with a model before anything runs: plans of training and of inference. */
static void plan(clmix_device *device, int depth)
{
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    const clmix_train_options options = clmix_train_defaults();
    struct clmix_arena_map map;
    struct clmix_recipe recipe;
    clmix_config *config;
    clmix_plan *training, *inference;
    clmix_plan_value value;
    char key[32];

    snprintf(key, sizeof key, "depth=%d", depth);
    ok(clmix_config_open(&config, "wavemix-16"));
    ok(clmix_config_set(config, key));
    ok(clmix_recipe_make(&recipe, config, &options, half, half));
    ok(clmix_recipe_training(&recipe, device, (struct clmix_extent){ .batch = 16 }, &training, &map));
    ok(clmix_classify_compile(&inference, device, config, half, half, (struct clmix_extent){ .batch = 16 }));
    for (size_t i = 0; i < clmix_plan_value_count(training); i++)
        ok(clmix_plan_value_at(training, i, &value));
    clmix_plan_free(training);
    clmix_plan_free(inference);
    clmix_arena_map_clear(&map);
    clmix_recipe_clear(&recipe);
    clmix_config_free(config);
}

/* The least of a few runs, since other programs of a busy machine cost caches. */
static double planning_seconds(clmix_device *device, int depth)
{
    double least = 1e9;

    for (int i = 0; i < 4; i++) {
        const double begun = processor_seconds();
        double taken;

        plan(device, depth);
        taken = processor_seconds() - begun;
        least = taken < least ? taken : least;
    }
    return least;
}

/* Twice the depth costs at most 2.5 times as much: six times the depth at most 2.5^log2(6) = 10.7 times. What grows with the square of it costs
 * 36 times as much, and did. With the whole batch in one, and in slices. */
START_TEST(planning_grows_with_the_depth)
{
    clmix_device *device;
    double shallow, deep;

    ok(clmix_device_generic(&device));
    ck_assert_int_eq(setenv("CLMIX_SLICE", _i == 0 ? "off" : "4", 1), 0);
    shallow = planning_seconds(device, 100);
    deep = planning_seconds(device, 600);
    unsetenv("CLMIX_SLICE");
    clmix_device_close(device);
    ck_assert_msg(deep <= 10.7 * shallow, "%.4f s at a depth of 100, %.4f s at 600", shallow, deep);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("planning");
    TCase *parts = tcase_create("parts"), *growth = tcase_create("growth");

    suite_add_tcase(suite, parts);
    tcase_add_test(parts, names_are_found_with_their_numbers);
    tcase_add_loop_test(parts, room_is_what_a_look_at_all_finds, 0, 4);
    suite_add_tcase(suite, growth);
    tcase_set_timeout(growth, 300);
    tcase_add_loop_test(growth, planning_grows_with_the_depth, 0, 2);
    return support_run(suite);
}
