/* What tensors begin with: distributions against their formulas, orthogonal matrices against their definition, streams that do not change. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "network/initial.h"
#include "support_suite.h"

#define SEED 7

/* ---- drawing --------------------------------------------------------------------------------------------------------------------------- */

static float *draw(clmix_initializer initializer, int rank, const size_t *size, size_t *count)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_tensor_info info;
    float *values;

    (void)clmix_parameter(clmix_root(graph), "tensor", rank, size, NULL, initializer);
    ck_assert_msg(clmix_graph_check(graph) == CLMIX_OK, "%s", clmix_error());
    ck_assert_int_eq(clmix_graph_tensor(graph, 0, &info), CLMIX_OK);
    *count = clmix_shape_count(info.file_shape);
    values = malloc(*count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ck_assert_int_eq(clmix_initial_values(&info, SEED, values), CLMIX_OK);
    clmix_graph_free(graph);
    return values;
}

/* ---- streams ---------------------------------------------------------------------------------------------------------------------------- */

/* Weights of runs that were started with an older version: these must not change. */
START_TEST(streams_are_what_they_were)
{
    clmix_random random = clmix_random_stream(SEED, clmix_hash_text("tensor"));
    unsigned char digest[CLMIX_HASH_BYTES];
    char hex[2 * CLMIX_HASH_BYTES + 1];
    clmix_hash hash;
    size_t count;
    float *values = draw((clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = 0.125f }, 2, (size_t[]){ 33, 31 }, &count);

    for (size_t i = 0; i < count; i++)
        ck_assert_float_eq(values[i], 0.125f * (2.0f * clmix_random_uniform(&random) - 1.0f));
    clmix_hash_start(&hash);
    clmix_hash_add(&hash, values, count * sizeof *values);
    clmix_hash_finish(&hash, digest);
    clmix_hash_hex(digest, hex);
    ck_assert_str_eq(hex, "8b08bedeaa10056a4bf1bebefc28a215eb21dea2def116fb427f645b36624443");
    free(values);
    random = clmix_random_stream(SEED, clmix_hash_text("tensor"));
    values = draw((clmix_initializer){ .kind = CLMIX_NORMAL, .std = 0.02f }, 2, (size_t[]){ 33, 31 }, &count);
    for (size_t i = 0; i < count; i++)
        ck_assert_float_eq(values[i], 0.02f * clmix_random_normal(&random));
    free(values);
}
END_TEST

/* "a" and "b" in either order, and as a parameter or a state. */
static void draw_two(const char *first, const char *second, bool state, float a[30])
{
    const clmix_initializer initializer = { .kind = CLMIX_ORTHOGONAL };
    clmix_graph *graph = clmix_graph_new();
    const char *names[2] = { first, second };
    const size_t size[2] = { 5, 6 };

    for (int i = 0; i < 2; i++)
        (void)(state ? clmix_state(clmix_root(graph), names[i], 2, size, initializer)
                     : clmix_parameter(clmix_root(graph), names[i], 2, size, NULL, initializer));
    for (size_t i = 0; i < 2; i++) {
        clmix_tensor_info info;

        ck_assert_int_eq(clmix_graph_tensor(graph, i, &info), CLMIX_OK);
        if (strcmp(info.name, "a") == 0)
            ck_assert_int_eq(clmix_initial_values(&info, SEED, a), CLMIX_OK);
    }
    clmix_graph_free(graph);
}

START_TEST(others_make_no_difference)
{
    float values[30], again[30];

    draw_two("a", "b", false, values);
    draw_two("b", "a", false, again);
    ck_assert_mem_eq(values, again, sizeof values);
    draw_two("b", "a", true, again);
    ck_assert_mem_eq(values, again, sizeof values);
}
END_TEST

/* ---- moments and bounds ----------------------------------------------------------------------------------------------------------------- */

struct moments {
    double mean, std, least, most;
};

static struct moments moments_of(const float *values, size_t count)
{
    struct moments moments = { .least = INFINITY, .most = -INFINITY };
    double squares = 0.0;

    for (size_t i = 0; i < count; i++) {
        moments.mean += (double)values[i] / (double)count;
        moments.least = fmin(moments.least, (double)values[i]);
        moments.most = fmax(moments.most, (double)values[i]);
    }
    for (size_t i = 0; i < count; i++)
        squares += ((double)values[i] - moments.mean) * ((double)values[i] - moments.mean);
    moments.std = sqrt(squares / (double)count);
    return moments;
}

/* By fans of a file's (300, 40, 3, 5): in 40 * 15, out 300 * 15. */
static const struct {
    const char *name;
    clmix_initializer initializer;
    double mean, std, bound; /* bound: half-width; 0 for a normal distribution */
} drawn[] = {
    { "uniform", { .kind = CLMIX_UNIFORM, .mean = 3.0f, .bound = 0.5f }, 3.0, 0.28867513, 0.5 },
    { "normal", { .kind = CLMIX_NORMAL, .mean = -1.0f, .std = 2.0f }, -1.0, 2.0, 0.0 },
    { "Xavier, uniform", { .kind = CLMIX_XAVIER_UNIFORM }, 0.0, 0.019802951, 0.034299717 },
    { "Xavier, uniform, gain", { .kind = CLMIX_XAVIER_UNIFORM, .gain = 3.0f }, 0.0, 0.059408853, 0.10289915 },
    { "Xavier, normal", { .kind = CLMIX_XAVIER_NORMAL, .gain = 0.5f }, 0.0, 0.0099014754, 0.0 },
    { "Kaiming, uniform", { .kind = CLMIX_KAIMING_UNIFORM }, 0.0, 0.057735027, 0.1 },
    { "Kaiming, uniform, fan out", { .kind = CLMIX_KAIMING_UNIFORM, .fan = CLMIX_FAN_OUT }, 0.0, 0.021081851, 0.036514837 },
    { "Kaiming, normal, slope", { .kind = CLMIX_KAIMING_NORMAL, .slope = 1.0f }, 0.0, 0.040824829, 0.0 },
    { "Kaiming, normal, fan out", { .kind = CLMIX_KAIMING_NORMAL, .fan = CLMIX_FAN_OUT }, 0.0, 0.021081851, 0.0 },
};
#define DRAWN ((int)(sizeof drawn / sizeof drawn[0]))

START_TEST(moments_are_those_of_the_formulas)
{
    size_t count;
    float *values = draw(drawn[_i].initializer, 4, (size_t[]){ 300, 40, 3, 5 }, &count);
    const struct moments found = moments_of(values, count);
    const double root = sqrt((double)count);

    ck_assert_msg(fabs(found.mean - drawn[_i].mean) < 4.0 * drawn[_i].std / root, "%s: mean %g", drawn[_i].name, found.mean);
    ck_assert_msg(fabs(found.std / drawn[_i].std - 1.0) < 4.0 / root, "%s: std %g", drawn[_i].name, found.std);
    if (drawn[_i].bound > 0.0) {
        const double reach = fmax(found.most - drawn[_i].mean, drawn[_i].mean - found.least) / drawn[_i].bound;

        ck_assert_msg(reach <= 1.000001 && reach > 0.9999, "%s: %g of the bound", drawn[_i].name, reach);
    } else
        ck_assert_msg(found.most > drawn[_i].mean + 4.0 * drawn[_i].std, "%s: no tail", drawn[_i].name);
    free(values);
}
END_TEST

/* ---- truncated normal ------------------------------------------------------------------------------------------------------------------- */

static const clmix_initializer truncated[] = {
    { .kind = CLMIX_TRUNCATED_NORMAL, .std = 1.0f, .low = -2.0f, .high = 2.0f },
    { .kind = CLMIX_TRUNCATED_NORMAL, .std = 0.02f, .low = -2.0f, .high = 2.0f }, /* cut nowhere, as PyTorch's a and b are */
    { .kind = CLMIX_TRUNCATED_NORMAL, .mean = 1.0f, .std = 2.0f, .low = -9.0f, .high = -1.5f },
    { .kind = CLMIX_TRUNCATED_NORMAL, .std = 1.0f, .low = 9.0f, .high = 10.0f }, /* far out */
    { .kind = CLMIX_TRUNCATED_NORMAL, .std = 1.0f, .low = -9.0f, .high = -7.5f },
};
#define TRUNCATED ((int)(sizeof truncated / sizeof truncated[0]))

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* Part of a normal distribution between `from` and `to`, in the tail where there is most left of it. */
static double between(const clmix_initializer *initializer, double from, double to)
{
    const double scale = sqrt(2.0) * (double)initializer->std;
    const double a = (from - (double)initializer->mean) / scale, b = (to - (double)initializer->mean) / scale;

    return a > 0.0 ? 0.5 * (erfc(a) - erfc(b)) : 0.5 * (erfc(-b) - erfc(-a));
}

/* The largest distance between the drawn and the wanted distribution function (Kolmogorov and Smirnov): above 1.95 / sqrt(n) once in a
 * thousand seeds. */
START_TEST(truncated_normal_is_distributed_so)
{
    const clmix_initializer *initializer = &truncated[_i];
    const double low = (double)initializer->low, whole = between(initializer, low, (double)initializer->high);
    double worst = 0.0;
    size_t count;
    float *values = draw(*initializer, 1, (size_t[]){ 100000 }, &count);

    qsort(values, count, sizeof *values, by_value);
    ck_assert(values[0] >= initializer->low && values[count - 1] <= initializer->high);
    for (size_t i = 0; i < count; i++) {
        const double wanted = between(initializer, low, (double)values[i]) / whole, got = ((double)i + 0.5) / (double)count;

        worst = fmax(worst, fabs(wanted - got));
    }
    ck_assert_msg(worst < 1.95 / sqrt((double)count), "initialiser %d is off by %g", _i, worst);
    free(values);
}
END_TEST

/* ---- orthogonal matrices ---------------------------------------------------------------------------------------------------------------- */

static const struct {
    int rank;
    size_t size[4];
    float gain;
} matrices[] = {
    { 2, { 7, 7 }, 0.0f }, { 2, { 20, 6 }, 0.0f }, { 2, { 6, 20 }, 2.5f },  { 4, { 4, 3, 2, 2 }, 1.0f },
    { 2, { 1, 5 }, 0.0f }, { 2, { 5, 1 }, 0.0f },  { 2, { 96, 96 }, 0.5f }, { 4, { 48, 5, 3, 3 }, 1.41f },
};
#define MATRICES ((int)(sizeof matrices / sizeof matrices[0]))

/* Element `i` of vector `k` of those that are orthonormal: the rows, or the columns where there are fewer. */
static double element(const float *matrix, size_t rows, size_t columns, size_t k, size_t i)
{
    return (double)(rows < columns ? matrix[k * columns + i] : matrix[i * columns + k]);
}

static double product(const float *a, const float *b, size_t rows, size_t columns, size_t k, size_t l)
{
    const size_t length = rows < columns ? columns : rows;
    double sum = 0.0;

    for (size_t i = 0; i < length; i++)
        sum += element(a, rows, columns, k, i) * element(b, rows, columns, l, i);
    return sum;
}

/* Q^T Q = gain^2, and R = Q^T A of the normal numbers A is upper triangular with a positive diagonal. */
START_TEST(orthogonal_matrices_are)
{
    const double gain = matrices[_i].gain == 0.0f ? 1.0 : (double)matrices[_i].gain;
    const size_t rows = matrices[_i].size[0];
    clmix_random random = clmix_random_stream(SEED, clmix_hash_text("tensor"));
    size_t count, columns, vectors;
    float *q =
        draw((clmix_initializer){ .kind = CLMIX_ORTHOGONAL, .gain = matrices[_i].gain }, matrices[_i].rank, matrices[_i].size, &count);
    float *normal = malloc(count * sizeof *normal);

    columns = count / rows;
    vectors = rows < columns ? rows : columns;
    ck_assert_ptr_nonnull(normal);
    for (size_t i = 0; i < count; i++)
        normal[i] = clmix_random_normal(&random);
    for (size_t k = 0; k < vectors; k++)
        for (size_t l = 0; l < vectors; l++) {
            const double square = product(q, q, rows, columns, k, l) / (gain * gain), r = product(q, normal, rows, columns, k, l) / gain;

            ck_assert_msg(fabs(square - (k == l ? 1.0 : 0.0)) < 1e-5, "vectors %zu and %zu: %g", k, l, square);
            ck_assert_msg(k == l ? r > 0.0 : k < l || fabs(r) < 1e-4, "R at %zu, %zu is %g", k, l, r);
        }
    free(normal);
    free(q);
}
END_TEST

/* Performer's projection: rows of a block at right angles, lengths those of normal vectors. */
START_TEST(random_features_are_orthogonal)
{
    enum { ROWS = 110, COLUMNS = 32 };
    size_t count;
    float *p = draw((clmix_initializer){ .kind = CLMIX_ORTHOGONAL_FEATURES }, 2, (size_t[]){ ROWS, COLUMNS }, &count);
    double mean = 0.0, square[ROWS];

    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = i / COLUMNS * COLUMNS; j <= i; j++) {
            double sum = 0.0;

            for (size_t k = 0; k < COLUMNS; k++)
                sum += (double)p[i * COLUMNS + k] * (double)p[j * COLUMNS + k];
            if (i == j)
                square[i] = sum;
            else
                ck_assert_msg(fabs(sum) < 1e-5 * sqrt(square[j]) * (double)COLUMNS, "rows %zu and %zu: %g", i, j, sum);
        }
    for (size_t i = 0; i < ROWS; i++)
        mean += square[i] / (double)ROWS;
    ck_assert_msg(fabs(mean - (double)COLUMNS) < 4.0, "squared lengths of %g", mean); /* five standard deviations */
    ck_assert(fabs(square[0] - square[1]) > 1e-3);
    free(p);
}
END_TEST

/* ---- tables ------------------------------------------------------------------------------------------------------------------------------ */

static clmix_status count_up(void *values, clmix_shape shape, const void *data)
{
    float *file = values;

    ck_assert(data == NULL && shape.rank == 1);
    for (size_t i = 0; i < clmix_shape_count(shape); i++)
        file[i] += (float)i;
    return CLMIX_OK;
}

static clmix_status refuse(void *values, clmix_shape shape, const void *data)
{
    (void)values;
    (void)shape;
    (void)data;
    return clmix_error_set(CLMIX_ERROR_UNSUPPORTED, "no such table");
}

START_TEST(tables_are_filled)
{
    const clmix_tensor_info none = { .name = "none", .file_shape = { 1, { 1 } }, .initializer = { .kind = CLMIX_FILLED, .fill = refuse } };
    size_t count;
    float *values = draw((clmix_initializer){ .kind = CLMIX_FILLED, .fill = count_up }, 1, (size_t[]){ 100 }, &count), nothing;

    for (size_t i = 0; i < count; i++)
        ck_assert_float_eq(values[i], (float)i);
    free(values);
    ck_assert_int_eq(clmix_initial_values(&none, SEED, &nothing), CLMIX_ERROR_UNSUPPORTED);
    ck_assert_str_eq(clmix_error(), "no such table");
}
END_TEST

/* ---- refusals --------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    clmix_initializer initializer;
    int rank;
    const char *sentence;
} refused[] = {
    { { .kind = (clmix_distribution)12 }, 2, "kind 12" },
    { { .kind = CLMIX_UNIFORM, .bound = -1.0f }, 2, "bound -1" },
    { { .kind = CLMIX_NORMAL, .std = NAN }, 2, "not finite" },
    { { .kind = CLMIX_TRUNCATED_NORMAL, .low = -2.0f, .high = 2.0f }, 2, "std 0 between -2 and 2" },
    { { .kind = CLMIX_TRUNCATED_NORMAL, .std = 1.0f }, 2, "low below high" },
    { { .kind = CLMIX_XAVIER_UNIFORM }, 1, "a tensor of 1 axes" },
    { { .kind = CLMIX_ORTHOGONAL }, 1, "a tensor of 1 axes" },
    { { .kind = CLMIX_FILLED }, 1, "by no function" },
};
#define REFUSED ((int)(sizeof refused / sizeof refused[0]))

START_TEST(initialisers_that_cannot_be)
{
    clmix_graph *graph = clmix_graph_new();

    (void)clmix_state(clmix_in(clmix_root(graph), "a"), "w", refused[_i].rank, (size_t[]){ 2, 3 }, refused[_i].initializer);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strncmp(clmix_error(), "a.w: ", 5) == 0 && strstr(clmix_error(), refused[_i].sentence) != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("initial");
    TCase *all = tcase_create("initial");

    tcase_add_test(all, streams_are_what_they_were);
    tcase_add_test(all, others_make_no_difference);
    tcase_add_loop_test(all, moments_are_those_of_the_formulas, 0, DRAWN);
    tcase_add_loop_test(all, truncated_normal_is_distributed_so, 0, TRUNCATED);
    tcase_add_loop_test(all, orthogonal_matrices_are, 0, MATRICES);
    tcase_add_test(all, random_features_are_orthogonal);
    tcase_add_test(all, tables_are_filled);
    tcase_add_loop_test(all, initialisers_that_cannot_be, 0, REFUSED);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
