/* Parts that models share, against their equations: patches in both orders, tables of sines. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "models/parts/positions.h"
#include "models/parts/stem.h"
#include "network/initial.h"
#include "support_ops.h"
#include "support_suite.h"

#define DIM 5

/* ---- patches -------------------------------------------------------------------------------------------------------------------------- */

static clmix_value build_stem(clmix_scope at, const clmix_value *inputs, const void *keys)
{
    return clmix_stem(at, clmix_in(at, "linear"), inputs[0], keys, DIM);
}

/* Place of a patch's value: (height, width, C), or (C, height, width). */
static size_t feature(const struct clmix_stem_keys *keys, size_t y, size_t x, size_t c)
{
    return keys->channels_first ? (c * keys->patch[0] + y) * keys->patch[1] + x : (y * keys->patch[1] + x) * keys->picture.channels + c;
}

/* Pictures, W (features, DIM), b: one row of the result a patch, row by row. */
static void stem_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct clmix_stem_keys *keys = attributes;
    const size_t width = keys->picture.width, channels = keys->picture.channels;
    size_t map[2];

    clmix_stem_map(keys, map);
    for (size_t i = 0; i < shapes[0].size[0] * map[0] * map[1]; i++, out += DIM) {
        const size_t row = i / map[1] % map[0] * keys->step[0], column = i % map[1] * keys->step[1];
        const double *picture = inputs[0] + i / (map[0] * map[1]) * keys->picture.height * width * channels;

        memcpy(out, inputs[2], DIM * sizeof *out);
        for (size_t y = 0; y < keys->patch[0]; y++)
            for (size_t x = 0; x < keys->patch[1]; x++)
                for (size_t c = 0; c < channels; c++)
                    for (size_t d = 0; d < DIM; d++)
                        out[d] += picture[((row + y) * width + column + x) * channels + c] * inputs[1][feature(keys, y, x, c) * DIM + d];
    }
}

/* Whole patches of ViT; PiT's, which overlap, one of which leaves pixels at the border. */
START_TEST(patches_are_linear_layers)
{
    static struct clmix_stem_keys stems[] = {
        { .picture = { 6, 8, 3, 10 }, .patch = { 2, 4 } },
        { .picture = { 4, 3, 1, 10 }, .patch = { 1, 1 } },
        { .picture = { 5, 7, 3, 10 }, .patch = { 3, 2 }, .step = { 1, 1 }, .channels_first = true },
        { .picture = { 6, 6, 2, 10 }, .patch = { 3, 4 }, .step = { 2, 1 }, .channels_first = true },
        { .picture = { 3, 4, 3, 10 }, .patch = { 1, 1 }, .step = { 1, 1 }, .channels_first = true },
    };

    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
        const struct clmix_picture_keys *picture = &stems[i].picture;

        ops_ok(clmix_stem_settle(&stems[i], "stem"));
        ops_run_check(&(struct ops_check){ .what = "patches",
                                           .build = build_stem,
                                           .reference = stem_reference,
                                           .attributes = &stems[i],
                                           .input_count = 1,
                                           .shapes = { { 4, { 2, picture->height, picture->width, picture->channels } } },
                                           .parameters = { "linear.weight", "linear.bias" } });
    }
}
END_TEST

/* ---- positions ------------------------------------------------------------------------------------------------------------------------ */

/* What the first tensor of a graph begins with, to be freed. */
static float *initial_of(clmix_graph *graph, clmix_tensor_info *info)
{
    float *values;

    ops_ok(clmix_graph_check(graph));
    ops_ok(clmix_graph_tensor(graph, 0, info));
    values = malloc(clmix_shape_count(info->file_shape) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ops_ok(clmix_initial_values(info, 1, values));
    return values;
}

START_TEST(tables_of_sines_are_states)
{
    enum { ROWS = 9, WIDTH = 6 };
    clmix_graph *graphs[2] = { clmix_graph_new(), clmix_graph_new() };

    (void)clmix_rotary_positions(clmix_root(graphs[0]), ROWS, WIDTH);
    (void)clmix_sine_positions(clmix_root(graphs[1]), "positional_emb", ROWS, WIDTH);
    for (int sine = 0; sine < 2; sine++) {
        clmix_tensor_info info;
        float *values = initial_of(graphs[sine], &info);

        ck_assert_str_eq(info.name, sine ? "positional_emb" : "emb");
        ck_assert(!info.trainable && clmix_shape_count(info.file_shape) == ROWS * WIDTH && info.file_shape.rank == 2 + sine);
        for (size_t p = 0; p < ROWS; p++)
            for (size_t i = 0; i < WIDTH; i++) {
                const size_t j = sine ? i / 2 : i % (WIDTH / 2);
                const double angle = (double)p * pow(10000.0, -2.0 * (double)j / (double)WIDTH);
                const bool is_cosine = sine ? i % 2 == 1 : i >= WIDTH / 2;

                ck_assert_double_eq_tol((double)values[p * WIDTH + i], is_cosine ? cos(angle) : sin(angle), 1e-6);
            }
        free(values);
        clmix_graph_free(graphs[sine]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parts");
    TCase *all = tcase_create("parts");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 300);
    tcase_add_test(all, patches_are_linear_layers);
    tcase_add_test(all, tables_of_sines_are_states);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
