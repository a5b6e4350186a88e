/* Products, a convolution and a normalisation run by themselves in the form in force, against the host in double precision. */
#include "ops/form.h"

#include "base/random.h"
#include "base/status.h"
#include "ops/gemm_internal.h"
#include "ops/tune.h"
#include "runtime/runtime.h"

#include <clmix/ops.h>

#include <math.h>
#include <stdlib.h>

/* Sizes are odd, and a fraction of a millisecond of work on a processor with wide vectors. */
enum { BATCH = 5, HEIGHT = 15, WIDTH = 17, IN = 24, OUT = 40, REACH = 3, ROWS = 2051, COLUMNS = 121, MOST_TENSORS = 3 };

#define EPSILON 1e-5

/* A graph of one op on an input "x", with its parameters. */
struct op_probe {
    clmix_shape shape; /* of x */
    size_t results;
    const char *parameters[MOST_TENSORS]; /* NULL at the end */
    size_t counts[MOST_TENSORS];
    double tolerance;
    clmix_value (*build)(clmix_scope at, clmix_value x);
    double (*expected)(float *const *tensors, size_t place); /* one result from x and the parameters */
};

/* ---- the ops ------------------------------------------------------------------------------------------------------------------------ */

static clmix_value build_convolution(clmix_scope at, clmix_value x)
{
    return clmix_conv2d(at, x, OUT, clmix_square(REACH, 1, 1), true);
}

static double expect_convolution(float *const *tensors, size_t place)
{
    const size_t out = place % OUT, column = place / OUT % WIDTH, row = place / OUT / WIDTH % HEIGHT, sample = place / OUT / WIDTH / HEIGHT;
    double sum = tensors[2][out];

    for (size_t ky = 0; ky < REACH; ky++)
        for (size_t kx = 0; kx < REACH; kx++) {
            const size_t y = row + ky, x = column + kx; /* one further than the pixel */

            if (y < 1 || y > HEIGHT || x < 1 || x > WIDTH)
                continue;
            for (size_t in = 0; in < IN; in++)
                sum += (double)tensors[0][((sample * HEIGHT + y - 1) * WIDTH + x - 1) * IN + in] *
                       tensors[1][((ky * REACH + kx) * IN + in) * OUT + out];
        }
    return sum;
}

static clmix_value build_normalisation(clmix_scope at, clmix_value x)
{
    return clmix_layer_norm(at, x, (float)EPSILON);
}

static double expect_normalisation(float *const *tensors, size_t place)
{
    const float *row = tensors[0] + place / COLUMNS * COLUMNS;
    const size_t column = place % COLUMNS;
    double mean = 0.0, square = 0.0;

    for (size_t i = 0; i < COLUMNS; i++)
        mean += row[i] / (double)COLUMNS;
    for (size_t i = 0; i < COLUMNS; i++)
        square += (row[i] - mean) * (row[i] - mean) / (double)COLUMNS;
    return (row[column] - mean) / sqrt(square + EPSILON) * tensors[1][column] + tensors[2][column];
}

static const struct op_probe op_probes[] = {
    {
        .shape = { 4, { BATCH, HEIGHT, WIDTH, IN } },
        .results = BATCH * HEIGHT * WIDTH * OUT,
        .parameters = { "op.weight", "op.bias" },
        .counts = { REACH * REACH * IN * OUT, OUT },
        .tolerance = 1e-4,
        .build = build_convolution,
        .expected = expect_convolution,
    },
    {
        .shape = { 2, { ROWS, COLUMNS } },
        .results = ROWS * COLUMNS,
        .parameters = { "op.weight", "op.bias" },
        .counts = { COLUMNS, COLUMNS },
        .tolerance = 2e-5,
        .build = build_normalisation,
        .expected = expect_normalisation,
    },
};

/* ---- running one -------------------------------------------------------------------------------------------------------------------- */

static bool agrees(const struct op_probe *probe, float *const *tensors, const float *results)
{
    for (size_t i = 0; i < probe->results; i += 7) /* 7 divides none of the sizes: every row and column has its turn */
        if (!(fabs(results[i] - probe->expected(tensors, i)) <= probe->tolerance)) /* NaN does not agree */
            return false;
    return true;
}

static clmix_status run(clmix_plan *plan, const struct op_probe *probe, float *const *tensors, float *results, bool *right, double *seconds)
{
    CLMIX_TRY(clmix_plan_write(plan, "x", tensors[0], clmix_shape_count(probe->shape) * sizeof(float)));
    for (int i = 0; i < MOST_TENSORS && probe->parameters[i] != NULL; i++)
        CLMIX_TRY(clmix_plan_write(plan, probe->parameters[i], tensors[i + 1], probe->counts[i] * sizeof(float)));
    CLMIX_TRY(clmix_tune_time(plan, seconds));
    CLMIX_TRY(clmix_plan_read(plan, "y", results, probe->results * sizeof(float)));
    *right = agrees(probe, tensors, results);
    return CLMIX_OK;
}

static clmix_status compile(clmix_device *device, const struct op_probe *probe, clmix_plan **plan)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_status status = graph == NULL ? clmix_fail_memory("a probe of an op") : CLMIX_OK;

    if (status == CLMIX_OK) {
        clmix_value x = clmix_input(graph, "x", CLMIX_F32, probe->shape.rank, probe->shape.size);

        clmix_output(graph, "y", probe->build(clmix_in(clmix_root(graph), "op"), x));
        status = clmix_plan_make(plan, graph, device, CLMIX_INFERENCE);
    }
    clmix_graph_free(graph);
    return status;
}

static float *draw(size_t count, uint64_t stream)
{
    clmix_random random = clmix_random_stream(20221, stream);
    float *data = malloc(count * sizeof *data);

    for (size_t i = 0; data != NULL && i < count; i++)
        data[i] = clmix_random_uniform(&random) - 0.5f;
    return data;
}

static clmix_status probe_op(clmix_device *device, const struct op_probe *probe, bool *right, double *seconds)
{
    float *tensors[MOST_TENSORS + 1] = { draw(clmix_shape_count(probe->shape), 0) }, *results = calloc(probe->results, sizeof *results);
    clmix_status status = tensors[0] == NULL || results == NULL ? clmix_fail_memory("a probe of an op") : CLMIX_OK;
    clmix_plan *plan = NULL;

    for (int i = 0; i < MOST_TENSORS && probe->parameters[i] != NULL && status == CLMIX_OK; i++)
        if ((tensors[i + 1] = draw(probe->counts[i], (uint64_t)i + 1)) == NULL)
            status = clmix_fail_memory("a probe of an op");
    if (status == CLMIX_OK)
        status = compile(device, probe, &plan);
    if (status == CLMIX_OK)
        status = run(plan, probe, tensors, results, right, seconds);
    clmix_plan_free(plan);
    for (int i = 0; i <= MOST_TENSORS; i++)
        free(tensors[i]);
    free(results);
    return status;
}

static clmix_status probe_product(clmix_device *device, bool *right, double *seconds)
{
    const struct clmix_gemm gemm = { .rows = 1024, .columns = 128, .depth = 128, .bias = CLMIX_NONE, .residual = { .value = CLMIX_NONE } };
    struct clmix_gemm_tile tile;
    double error = 0.0, ignored;

    clmix_gemm_choose_tile(clmix_device_describe(device), clmix_device_describe(device)->form == CLMIX_WIDE, &gemm, 0, &tile);
    CLMIX_TRY(clmix_gemm_probe(device, &gemm, CLMIX_GEMM_OWN, &tile, true, &error, &ignored));
    *right = error <= 1.0;
    return *right ? clmix_gemm_probe(device, &gemm, CLMIX_GEMM_OWN, NULL, false, &error, seconds) : CLMIX_OK;
}

clmix_status clmix_form_probe(clmix_device *device, int probe, bool *right, double *seconds)
{
    return probe == 0 ? probe_product(device, right, seconds) : probe_op(device, &op_probes[probe - 1], right, seconds);
}
