/* The built-in pictures: ten classes of shapes and textures, drawn when asked for. A picture is a function of (seed, split, index)
 * alone; the arithmetic is integers, +, -, x, / and square roots, so every host draws the same bytes. Its class is index modulo ten, so
 * splits are balanced. */
#include "base/random.h"
#include "base/status.h"
#include "data/options.h"
#include "data/pictures.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SHAPES        10
#define LARGEST_SPLIT 100000000u

struct shapes {
    uint64_t seed;
};

static const char *const names[SHAPES] = { "disc", "ring", "square", "frame", "triangle", "cross", "star", "stripes", "checks", "dots" };
enum { DISC, RING, SQUARE, FRAME, TRIANGLE, CROSS, STAR, STRIPES, CHECKS, DOTS };

/* What is drawn once for a picture. Lengths are in pixels. */
struct scene {
    int shape;
    float x, y;           /* middle */
    float radius;         /* of a shape; a texture's period */
    float turn_x, turn_y; /* direction of the shape's own x axis, of length 1 */
    int ink[3], ground[3];
    int noise; /* largest deviation */
};

static float between(clmix_random *random, float low, float high)
{
    return low + (high - low) * clmix_random_uniform(random);
}

/* A direction without trigonometry, which differs between C libraries: a point of the ring 1/4 <= r < 1, brought to length 1. */
static void draw_direction(clmix_random *random, struct scene *scene)
{
    float x, y, square;

    do {
        x = between(random, -1, 1);
        y = between(random, -1, 1);
        square = x * x + y * y;
    } while (square < 0.0625f || square >= 1);
    scene->turn_x = x / sqrtf(square);
    scene->turn_y = y / sqrtf(square);
}

static int luma(const int *colour)
{
    return (77 * colour[0] + 150 * colour[1] + 29 * colour[2]) >> 8;
}

/* Two colours that also differ as greys, so that one channel is enough to see the shape. */
static void draw_colours(clmix_random *random, struct scene *scene)
{
    do
        for (int c = 0; c < 3; c++) {
            scene->ink[c] = (int)clmix_random_below(random, 256);
            scene->ground[c] = (int)clmix_random_below(random, 256);
        }
    while (abs(luma(scene->ink) - luma(scene->ground)) < 40);
}

static void draw_scene(clmix_random *random, struct scene *scene, int shape, size_t height, size_t width)
{
    float side = (float)(height < width ? height : width);

    scene->shape = shape;
    scene->radius = shape < STRIPES ? between(random, 0.2f, 0.4f) * side : between(random, 0.2f, 0.35f) * side;
    scene->x = between(random, scene->radius, (float)width - scene->radius);
    scene->y = between(random, scene->radius, (float)height - scene->radius);
    draw_direction(random, scene);
    draw_colours(random, scene);
    scene->noise = 8 + (int)clmix_random_below(random, 40);
}

/* Distance from the nearest whole number. */
static float from_whole(float x)
{
    float rest = x - floorf(x);

    return rest < 0.5f ? rest : 1 - rest;
}

/* Whether the shape covers (u, v), in its own axes with its radius (or period) as unit. */
static bool covers(int shape, float u, float v)
{
    float a = fabsf(u), b = fabsf(v), square = u * u + v * v, larger = a > b ? a : b, smaller = a > b ? b : a;

    switch (shape) {
    case DISC: return square < 0.8f;
    case RING: return square < 1 && square > 0.36f;
    case SQUARE: return larger < 0.75f;
    case FRAME: return larger < 0.85f && larger > 0.5f;
    case TRIANGLE: return v > -0.5f && v + 1.7320508f * a < 1;
    case CROSS: return larger < 1 && smaller < 0.28f;
    case STAR: return sqrtf(a) + sqrtf(b) < 1.1f;
    case STRIPES: return from_whole(u) < 0.25f;
    case CHECKS: return (from_whole(u) < 0.25f) != (from_whole(v) < 0.25f);
    default: {
        float du = from_whole(u), dv = from_whole(v);
        return du * du + dv * dv < 0.08f;
    }
    }
}

/* How many of the four sample points of pixel (x, y) are covered. */
static int coverage(const struct scene *scene, size_t x, size_t y)
{
    int covered = 0;

    for (int sample = 0; sample < 4; sample++) {
        float dx = ((float)x + 0.25f + 0.5f * (float)(sample & 1) - scene->x) / scene->radius;
        float dy = ((float)y + 0.25f + 0.5f * (float)(sample >> 1) - scene->y) / scene->radius;

        covered += covers(scene->shape, dx * scene->turn_x + dy * scene->turn_y, dy * scene->turn_x - dx * scene->turn_y);
    }
    return covered;
}

/* Noise comes from the picture's own stream, from a part of the counter (second word 1) that a stream's numbers never reach. Eight values
 * a block, each the difference of two uniform bytes: a triangle of deviation 0.41 x the largest. */
static int noise_at(const clmix_random *random, size_t i, uint32_t words[4])
{
    if (i % 8 == 0) {
        uint32_t counter[4] = { (uint32_t)(i / 8), 1, (uint32_t)random->stream, (uint32_t)(random->stream >> 32) };
        clmix_philox(random->key, counter, words);
    }
    uint32_t pair = words[i % 8 / 2] >> (16 * (i % 2));
    return (int)(pair & 255u) - (int)(pair >> 8 & 255u);
}

static clmix_status get_shape(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    const struct shapes *shapes = dataset->state;
    clmix_random random = clmix_random_stream(shapes->seed ^ clmix_hash_text("shapes"), (uint64_t)split << 32 | index);
    const struct clmix_picture_size size = clmix_dataset_picture_size(dataset);
    const int label = (int)(index % SHAPES);
    const size_t channels = size.channels;
    unsigned char *picture = arrays[CLMIX_AT_PICTURES];
    struct scene scene;
    uint32_t words[4];

    *(int32_t *)arrays[CLMIX_AT_LABELS] = label;
    draw_scene(&random, &scene, label, size.height, size.width);
    for (size_t i = 0; i < size.height * size.width; i++) {
        int ink = coverage(&scene, i % size.width, i / size.width), colour[3];

        for (int c = 0; c < 3; c++)
            colour[c] = (scene.ink[c] * ink + scene.ground[c] * (4 - ink) + 2) / 4;
        if (channels == 1)
            colour[0] = luma(colour);
        for (size_t c = 0; c < channels; c++) {
            int value = colour[c] + noise_at(&random, i * channels + c, words) * scene.noise / 255;
            picture[i * channels + c] = (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
    }
    return CLMIX_OK;
}

static clmix_status open_shapes(clmix_dataset *dataset, const char *argument)
{
    struct clmix_number_option options[] = {
        { "size", 8, 4096, 32 },
        { "train", 1, LARGEST_SPLIT, 10000 },
        { "test", 1, LARGEST_SPLIT, 2000 },
        { "seed", 0, UINT64_MAX, 0 },
    };
    struct shapes *shapes;

    CLMIX_TRY(clmix_options_of_numbers("shapes", argument, options, sizeof options / sizeof options[0]));
    shapes = calloc(1, sizeof *shapes);
    if (shapes == NULL)
        return clmix_fail_memory("a data set");
    shapes->seed = options[3].value;
    dataset->state = shapes;
    CLMIX_TRY(clmix_dataset_list_pictures(dataset, (size_t)options[0].value, (size_t)options[0].value, 3));
    dataset->count[CLMIX_TRAIN] = (size_t)options[1].value;
    dataset->count[CLMIX_TEST] = (size_t)options[2].value;
    return clmix_dataset_name_classes(dataset, names, SHAPES);
}

static void close_shapes(clmix_dataset *dataset)
{
    free(dataset->state);
}

const clmix_data_source clmix_source_shapes = { "shapes", NULL, open_shapes, close_shapes, get_shape, false };
