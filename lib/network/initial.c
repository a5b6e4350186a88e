/* Fresh weights. Each tensor has a random stream of its own, named by the seed and the tensor's name, drawn in file order: the same
 * values on every device, and the same for a tensor whatever else the model has. */
#include "network/initial.h"
#include "base/random.h"
#include "base/status.h"
#include "network/network.h"
#include "network/orthogonal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- distributions -------------------------------------------------------------------------------------------------------------------- */

/* Inputs and outputs of an element, by the file's shape (out, in, window...). */
struct fans {
    double in, out;
};

static struct fans fans_of(clmix_shape file)
{
    double window = 1.0;

    for (int axis = 2; axis < file.rank; axis++)
        window *= (double)file.size[axis];
    return (struct fans){ .in = (double)file.size[1] * window, .out = (double)file.size[0] * window };
}

static void draw_uniform(clmix_random *random, float mean, float bound, float *file, size_t count)
{
    for (size_t i = 0; i < count; i++)
        file[i] = mean + bound * (2.0f * clmix_random_uniform(random) - 1.0f);
}

static void draw_normal(clmix_random *random, float mean, float std, float *file, size_t count)
{
    for (size_t i = 0; i < count; i++)
        file[i] = mean + std * clmix_random_normal(random);
}

static double normal_below(double x)
{
    return 0.5 * erfc(-x * 0.70710678118654752);
}

/* The x below which a standard normal number lies with probability p: rational functions of the middle and of the tails (Wichura 1988,
 * algorithm AS 241, PPND7: seven digits). */
static double normal_quantile(double p)
{
    const double q = p - 0.5, r = 0.180625 - q * q;
    double tail, x;

    if (fabs(q) <= 0.425)
        return q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179) /
               (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0);
    tail = sqrt(-log(fmax(q < 0.0 ? p : 1.0 - p, 1e-300)));
    if (tail <= 5.0) {
        tail -= 1.6;
        x = (((0.17023821103 * tail + 1.3067284816) * tail + 2.7568153900) * tail + 1.4234372777) /
            ((0.12021132975 * tail + 0.73700164250) * tail + 1.0);
    } else {
        tail -= 5.0;
        x = (((0.017337203997 * tail + 0.42868294337) * tail + 3.0812263860) * tail + 6.6579051150) /
            ((0.012258202635 * tail + 0.24197894225) * tail + 1.0);
    }
    return q < 0.0 ? -x : x;
}

/* By the inverse of the distribution function between the bounds, one uniform number each. Both bounds are brought below the mean where they
 * lie above it, where the function tells more of them apart. */
static void draw_truncated(clmix_random *random, const clmix_initializer *initializer, float *file, size_t count)
{
    const double mean = (double)initializer->mean, std = (double)initializer->std;
    const double sign = (double)initializer->low > mean ? -1.0 : 1.0;
    const double from = ((double)(sign < 0.0 ? initializer->high : initializer->low) - mean) / std * sign,
                 to = ((double)(sign < 0.0 ? initializer->low : initializer->high) - mean) / std * sign;
    const double least = normal_below(from), most = normal_below(to);

    for (size_t i = 0; i < count; i++) {
        const double p = least + (double)clmix_random_uniform(random) * (most - least);
        const float x = (float)(mean + sign * std * normal_quantile(p));

        file[i] = fminf(fmaxf(x, initializer->low), initializer->high);
    }
}

static double gain_of(const clmix_initializer *initializer)
{
    return initializer->gain == 0.0f ? 1.0 : (double)initializer->gain;
}

/* Std of Xavier's and Kaiming's distributions; the uniform ones have the same and reach sqrt(3) times as far. */
static double std_by_fans(const clmix_initializer *initializer, clmix_shape file)
{
    const struct fans fans = fans_of(file);
    const double slope = (double)initializer->slope;

    if (initializer->kind == CLMIX_XAVIER_UNIFORM || initializer->kind == CLMIX_XAVIER_NORMAL)
        return gain_of(initializer) * sqrt(2.0 / (fans.in + fans.out));
    return sqrt(2.0 / ((1.0 + slope * slope) * (initializer->fan == CLMIX_FAN_OUT ? fans.out : fans.in)));
}

/* Orthogonal directions, with lengths as if each were a normal vector. */
static clmix_status draw_features(clmix_random *random, size_t rows, size_t columns, float *file)
{
    draw_normal(random, 0.0f, 1.0f, file, rows * columns);
    for (size_t first = 0; first < rows; first += columns)
        CLMIX_TRY(clmix_orthogonalize(file + first * columns, rows - first < columns ? rows - first : columns, columns, 1.0));
    for (size_t i = 0; i < rows; i++) {
        double square = 0.0;

        for (size_t j = 0; j < columns; j++) {
            const double x = (double)clmix_random_normal(random);

            square += x * x;
        }
        for (size_t j = 0; j < columns; j++)
            file[i * columns + j] *= (float)sqrt(square);
    }
    return CLMIX_OK;
}

clmix_status clmix_initial_values(const clmix_tensor_info *info, uint64_t seed, float *file)
{
    const clmix_initializer *initializer = &info->initializer;
    const size_t count = clmix_shape_count(info->file_shape);
    clmix_random random = clmix_random_stream(seed, clmix_hash_text(info->name));

    switch (initializer->kind) {
    case CLMIX_ZEROS:
    case CLMIX_ONES:
        for (size_t i = 0; i < count; i++)
            file[i] = initializer->kind == CLMIX_ONES ? 1.0f : 0.0f;
        break;
    case CLMIX_UNIFORM: draw_uniform(&random, initializer->mean, initializer->bound, file, count); break;
    case CLMIX_NORMAL: draw_normal(&random, initializer->mean, initializer->std, file, count); break;
    case CLMIX_TRUNCATED_NORMAL: draw_truncated(&random, initializer, file, count); break;
    case CLMIX_XAVIER_UNIFORM:
    case CLMIX_KAIMING_UNIFORM:
        draw_uniform(&random, 0.0f, (float)(sqrt(3.0) * std_by_fans(initializer, info->file_shape)), file, count);
        break;
    case CLMIX_XAVIER_NORMAL:
    case CLMIX_KAIMING_NORMAL: draw_normal(&random, 0.0f, (float)std_by_fans(initializer, info->file_shape), file, count); break;
    case CLMIX_ORTHOGONAL:
        draw_normal(&random, 0.0f, 1.0f, file, count);
        return clmix_orthogonalize(file, info->file_shape.size[0], count / info->file_shape.size[0], gain_of(initializer));
    case CLMIX_ORTHOGONAL_FEATURES: return draw_features(&random, info->file_shape.size[0], count / info->file_shape.size[0], file);
    case CLMIX_FILLED: memset(file, 0, count * sizeof *file); return initializer->fill(file, info->file_shape, NULL);
    }
    return CLMIX_OK;
}

clmix_status clmix_initial_on_device(const clmix_tensor_info *info, uint64_t seed, float *device)
{
    float *file = malloc((clmix_shape_count(info->file_shape) + 1) * sizeof *file);
    clmix_status status;

    if (file == NULL)
        return clmix_fail_memory(info->name);
    status = clmix_initial_values(info, seed, file);
    if (status == CLMIX_OK)
        clmix_layout_to_device(info, file, device);
    free(file);
    return status;
}

/* ---- a network's tensors --------------------------------------------------------------------------------------------------------------- */

static clmix_status draw_all(const clmix_network *network, uint64_t seed, struct clmix_arenas *arenas)
{
    for (size_t i = 0; i < clmix_graph_tensor_count(network->graph); i++) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_graph_tensor(network->graph, i, &info));
        CLMIX_TRY(clmix_initial_on_device(&info, seed, clmix_arenas_at(arenas, &info)));
    }
    return CLMIX_OK;
}

clmix_status clmix_network_draw(clmix_network *network, uint64_t seed)
{
    struct clmix_arenas arenas;
    clmix_status status;

    CLMIX_TRY(clmix_arenas_new(&arenas, network));
    status = draw_all(network, seed, &arenas);
    if (status == CLMIX_OK)
        status = clmix_arenas_upload(&arenas, network);
    clmix_arenas_free(&arenas);
    return status;
}
