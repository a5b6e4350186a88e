/* Random features drawn anew during a run: when, which, what kind, and that a resumed run draws the same. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support_ops.h"
#include "support_train.h"

#define FEATURES 12
#define WIDTH    4
#define COUNT    ((size_t)FEATURES * WIDTH)
#define MODEL(mixer)                                                                                                         \
    "{\"model\":\"vit\",\"image_size\":16,\"classes\":10,\"patch_size\":8,\"dim\":8,\"depth\":2,\"heads\":2,\"head_dim\":4," \
    "\"mlp_dim\":8,\"mixer\":{\"kind\":\"" mixer "\"}}"
#define PERFORMER MODEL("performer\",\"features\":12,\"maxima\":\"sample")

/* The projection of block `block`; the caller frees. */
static float *projection(const struct train_run *run, int block)
{
    for (size_t i = 0; i < clmix_network_tensor_count(run->network); i++) {
        clmix_tensor_info info;
        float *values;

        ops_ok(clmix_network_tensor(run->network, i, &info));
        if (strstr(info.name, "projection_matrix") == NULL || block-- > 0)
            continue;
        ck_assert_uint_eq(clmix_shape_count(info.file_shape), COUNT);
        values = malloc(COUNT * sizeof *values);
        ops_ok(clmix_network_read(run->network, info.name, values, COUNT));
        return values;
    }
    ck_abort_msg("there is no such projection");
    return NULL;
}

static void check_directions(const float *values)
{
    for (size_t block = 0; block < FEATURES; block += WIDTH)
        for (size_t i = 0; i < WIDTH; i++)
            for (size_t j = 0; j < i; j++) {
                const float *a = values + (block + i) * WIDTH, *b = values + (block + j) * WIDTH;
                double product = 0.0, of_a = 0.0, of_b = 0.0;

                for (size_t k = 0; k < WIDTH; k++) {
                    product += (double)a[k] * (double)b[k];
                    of_a += (double)a[k] * (double)a[k];
                    of_b += (double)b[k] * (double)b[k];
                }
                ck_assert_msg(fabs(product) < 1e-5 * sqrt(of_a * of_b), "rows %zu and %zu are not orthogonal", block + i, block + j);
            }
}

/* Steps 2 and 4 (from 0) begin with others, of which no two are the same, in another block neither; between them nothing moves. */
START_TEST(every_so_many_steps)
{
    clmix_train_options options = train_small_options();
    float *before, *drawn[3] = { NULL };
    struct train_run run;

    options.redraw = 2;
    options.average = 0.9f;
    train_open(&run, PERFORMER, NULL, &options);
    drawn[0] = projection(&run, 0);
    for (size_t i = 0; i < 5; i++) {
        const size_t now = i / 2;
        float *other;

        train_steps(&run, 1);
        before = projection(&run, 0);
        other = projection(&run, 1);
        if (drawn[now] == NULL)
            drawn[now] = before;
        ck_assert_msg(memcmp(before, drawn[now], COUNT * sizeof *before) == 0, "step %zu moved the projection", i);
        ck_assert_msg(now == 0 || memcmp(before, drawn[now - 1], COUNT * sizeof *before) != 0, "step %zu did not draw", i);
        ck_assert_mem_ne(before, other, COUNT * sizeof *before);
        check_directions(before);
        if (before != drawn[now])
            free(before);
        free(other);
    }
    for (size_t i = 0; i < 3; i++)
        free(drawn[i]);
    train_close(&run);
}
END_TEST

/* The average that is evaluated and saved has the projection which the last step used, not a mean of several. */
START_TEST(averages_take_it_as_it_is)
{
    clmix_train_options options = train_small_options();
    struct train_run run;
    float *now, *averaged = malloc(COUNT * sizeof *averaged);
    clmix_tensor_info info = { 0 };

    options.redraw = 2;
    options.average = 0.9f;
    train_open(&run, PERFORMER, NULL, &options);
    train_steps(&run, 3);
    now = projection(&run, 0);
    for (size_t i = 0; i < clmix_network_tensor_count(run.network) && (info.name == NULL || strstr(info.name, "projection") == NULL); i++)
        ops_ok(clmix_network_tensor(run.network, i, &info));
    ops_ok(clmix_buffer_read(ops_device, clmix_replica_best_states(&run.trainer->replicas[0]), info.offset * sizeof(float), averaged,
                             COUNT * sizeof *averaged));
    for (size_t i = 0; i < COUNT; i++)
        ck_assert_msg(fabsf(now[i] - averaged[i]) <= 1e-6f * fabsf(now[i]), "%g is averaged to %g", (double)now[i], (double)averaged[i]);
    free(now);
    free(averaged);
    train_close(&run);
}
END_TEST

/* Stopped within the batches of a step that began with a draw, and at a step that will. */
START_TEST(a_resumed_run_draws_the_same)
{
    clmix_train_options options = train_rich_options(), other;

    options.redraw = 2;
    ops_ok(train_for(PERFORMER, TRAIN_DATA, &options, train_folders[0], false, 0));
    ck_assert_int_eq(train_for(PERFORMER, TRAIN_DATA, &options, train_folders[1], false, _i == 0 ? 4 : 6), CLMIX_ERROR_INTERRUPTED);
    other = options;
    other.redraw = 3;
    ck_assert_int_eq(train_for(PERFORMER, TRAIN_DATA, &other, train_folders[1], true, 0), CLMIX_ERROR_ARGUMENT);
    ops_ok(train_for(PERFORMER, TRAIN_DATA, &options, train_folders[1], true, 0));
    train_same_tensors(train_folders[0], train_folders[1], "checkpoint.safetensors");
    train_same_tensors(train_folders[0], train_folders[1], "model.safetensors");
}
END_TEST

START_TEST(refused_where_nothing_is_drawn)
{
    clmix_train_options options = train_small_options();
    clmix_trainer *trainer;
    struct train_run run;

    train_open(&run, MODEL("softmax"), NULL, &options);
    options.redraw = 10;
    ck_assert_int_eq(clmix_trainer_create(&trainer, run.network, NULL, &options), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "anew every 10 steps") != NULL, "%s", clmix_error());
    train_close(&run);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("redraw");

    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_add_checked_fixture(tests, train_make_folders, train_remove_folders);
    tcase_add_test(tests, every_so_many_steps);
    tcase_add_test(tests, averages_take_it_as_it_is);
    tcase_add_loop_test(tests, a_resumed_run_draws_the_same, 0, 2);
    tcase_add_test(tests, refused_where_nothing_is_drawn);
    return train_main("redraw", &tests, 1);
}
