/* One matrix product run by itself, to check it against the host or to time it: a graph of one op, planned and run like any other. */
#include "ops/gemm_internal.h"

#include "base/random.h"
#include "base/size.h"
#include "base/status.h"
#include "ops/tune.h"
#include "runtime/runtime.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sizes of the product that is checked: no multiples of anything, and beyond one tile where there is one. */
#define CHECK_ROWS        37
#define CHECK_COLUMNS     45
#define CHECK_MORE        13
#define CHECK_DEPTH       43
#define CHECK_SPLIT_DEPTH 509
#define CHECK_SEGMENT     17
#define CHECK_CHUNK       256   /* the least that is ever chosen */
#define CHECK_SCALE       0.75f /* whatever the product's own is, so that the tolerance fits */

struct attributes {
    struct clmix_gemm gemm;
    struct clmix_gemm_tile tile;
    bool has_tile;
    enum clmix_gemm_route route;
};

/* ---- the op ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    size_t size[2] = { clmix_gemm_batches(&attributes->gemm) * attributes->gemm.rows, attributes->gemm.columns };

    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(2, size));
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    struct clmix_gemm gemm = attributes->gemm;

    gemm.a.value = node->inputs[0];
    gemm.b.value = node->inputs[1];
    gemm.bias = node->inputs[2];
    gemm.residual.value = node->inputs[3];
    gemm.prologue = (struct clmix_prologue){ .stats = node->inputs[4], .weight = node->inputs[5], .bias = node->inputs[6] };
    gemm.c.value = node->outputs[0];
    return clmix_gemm_plan_route(planner, node, &gemm, attributes->route, attributes->has_tile ? &attributes->tile : NULL);
}

static const struct clmix_op probe_op = { .name = "gemm_probe", .flags = CLMIX_OP_STRIDED, .shape = shape, .launch = launch };

/* ---- the product -------------------------------------------------------------------------------------------------------------------- */

/* What the operands hold, on the host. */
struct operands {
    float *a, *b, *bias, *residual, *c;
    float *stats, *norm_weight, *norm_bias; /* of A's stored rows and columns */
    size_t stored_rows, stored_columns;
    size_t a_count, b_count, residual_count, c_count;
};

static void lay_out(struct clmix_matrix *matrix, size_t rows, size_t columns, size_t padding, const struct clmix_gemm *gemm)
{
    matrix->offset = padding;
    matrix->pitch = columns + padding;
    matrix->inner_stride = rows * matrix->pitch + padding;
    matrix->outer_stride = gemm->inner_batch * matrix->inner_stride;
}

static size_t extent(const struct clmix_matrix *matrix, size_t count)
{
    return matrix->offset + count * matrix->outer_stride;
}

/* Steps of the depth that lie one behind the other, and how many times there are so many. */
static size_t run_of(const struct clmix_gemm *gemm)
{
    return gemm->segment == 0 ? gemm->depth : gemm->segment;
}

static size_t runs_of(const struct clmix_gemm *gemm)
{
    return gemm->depth / run_of(gemm);
}

/* What a work-group of the checked product computes. */
static size_t tile_height(const struct clmix_gemm_tile *tile)
{
    return (size_t)(tile->wide ? 2 * tile->rows : tile->tile_rows);
}

static size_t tile_breadth(const struct clmix_gemm_tile *tile)
{
    return (size_t)(tile->wide ? tile->width * tile->vectors : tile->tile_columns);
}

/* The product to run: like `like`, with the probe's own places; a checked one is small and its operands have gaps. */
static void make_product(const struct clmix_gemm *like, bool check, struct attributes *attributes)
{
    struct clmix_gemm *gemm = &attributes->gemm;
    size_t padding = check ? 3 : 0, run;

    *gemm = *like;
    gemm->scale = CHECK_SCALE;
    gemm->outer_batch = like->outer_batch > 1 ? 2 : 1;
    gemm->inner_batch = like->inner_batch > 1 ? 2 : 1;
    if (check) {
        gemm->rows = attributes->has_tile ? tile_height(&attributes->tile) + CHECK_MORE : CHECK_ROWS;
        gemm->columns = attributes->has_tile ? tile_breadth(&attributes->tile) + CHECK_MORE : CHECK_COLUMNS;
        gemm->depth = attributes->has_tile && attributes->tile.splits > 1 ? CHECK_SPLIT_DEPTH : CHECK_DEPTH;
    }
    if (check && like->segment != 0)
        gemm->segment = CHECK_SEGMENT;
    gemm->depth = clmix_round_up(gemm->depth, clmix_at_least_one(gemm->segment));
    run = run_of(gemm);
    lay_out(&gemm->a, like->transpose_a ? run : gemm->rows, like->transpose_a ? gemm->rows : run, padding, gemm);
    lay_out(&gemm->b, like->transpose_b ? gemm->columns : run, like->transpose_b ? run : gemm->columns, padding, gemm);
    lay_out(&gemm->residual, gemm->rows, gemm->columns, padding, gemm);
    lay_out(&gemm->c, gemm->rows, gemm->columns, 0, gemm);
}

/* The same kernel with the grid and blocks of the small product, several of each. */
static void fit_tile(struct attributes *attributes)
{
    struct clmix_gemm_tile *tile = &attributes->tile;
    const struct clmix_gemm *gemm = &attributes->gemm;
    size_t height = tile_height(tile), across = tile_breadth(tile);

    if (!attributes->has_tile)
        return;
    tile->splits = tile->splits > 1 ? 2 : 1;
    tile->chunk = tile->splits == 1 ? gemm->depth : tile->chunk < CHECK_CHUNK ? tile->chunk : CHECK_CHUNK;
    tile->row_block = height;
    tile->column_block = across;
    if (gemm->residual.value == CLMIX_NONE || gemm->residual_apart || tile->splits > 1)
        tile->slab = tile->slab < 29 ? tile->slab : 29;
    tile->groups[0] = (gemm->rows + height - 1) / height;
    tile->groups[1] = (gemm->columns + across - 1) / across;
    tile->groups[2] = clmix_gemm_batches(gemm) * tile->splits;
}

static float *fill(size_t count, uint64_t stream)
{
    clmix_random random = clmix_random_stream(20221, stream);
    float *data = malloc(count * sizeof *data);

    for (size_t i = 0; data != NULL && i < count; i++)
        data[i] = clmix_random_uniform(&random) - 0.5f;
    return data;
}

static void free_operands(struct operands *operands)
{
    free(operands->a);
    free(operands->b);
    free(operands->bias);
    free(operands->residual);
    free(operands->c);
    free(operands->stats);
    free(operands->norm_weight);
    free(operands->norm_bias);
}

static clmix_status make_operands(const struct clmix_gemm *gemm, struct operands *operands)
{
    operands->a_count = extent(&gemm->a, gemm->outer_batch * runs_of(gemm));
    operands->b_count = extent(&gemm->b, gemm->outer_batch * runs_of(gemm));
    operands->residual_count = extent(&gemm->residual, gemm->outer_batch);
    operands->c_count = clmix_gemm_batches(gemm) * gemm->rows * gemm->columns;
    operands->a = fill(operands->a_count, 0);
    operands->b = fill(operands->b_count, 1);
    operands->bias = fill(gemm->columns, 2);
    operands->residual = fill(operands->residual_count, 3);
    operands->c = calloc(operands->c_count, sizeof(float));
    operands->stored_rows = gemm->transpose_a ? gemm->depth : gemm->rows;
    operands->stored_columns = gemm->transpose_a ? gemm->rows : gemm->depth;
    operands->stats = fill(2 * operands->stored_rows, 4);
    operands->norm_weight = fill(operands->stored_columns, 5);
    operands->norm_bias = fill(operands->stored_columns, 6);
    if (operands->stats == NULL || operands->norm_weight == NULL || operands->norm_bias == NULL)
        return clmix_fail_memory("a probe of a matrix product");
    if (operands->a == NULL || operands->b == NULL || operands->bias == NULL || operands->residual == NULL || operands->c == NULL)
        return clmix_fail_memory("a probe of a matrix product");
    return CLMIX_OK;
}

/* ---- the host's result -------------------------------------------------------------------------------------------------------------- */

static double scaled(const struct clmix_gemm *gemm, enum clmix_scale_place place, double x)
{
    return gemm->scale_place == place ? x * (double)gemm->scale : x;
}

static double join(const struct clmix_gemm *gemm, double x, double residual)
{
    if (gemm->residual_use == CLMIX_RESIDUAL_GELU_INPUT)
        return x * (0.5 + 0.5 * erf(residual * 0.70710678118654752) + residual * exp(-0.5 * residual * residual) * 0.39894228040143268);
    if (gemm->residual_use == CLMIX_RESIDUAL_RELU_RESULT)
        return residual > 0.0 ? x : 0.0;
    return x + residual;
}

static double finish(const struct clmix_gemm *gemm, const struct operands *operands, double x, size_t residual_base, size_t row,
                     size_t column)
{
    if (gemm->bias != CLMIX_NONE)
        x += operands->bias[column];
    x = scaled(gemm, CLMIX_SCALE_BIASED, x);
    if (gemm->activation == CLMIX_ACTIVATION_GELU)
        x = 0.5 * x * (1.0 + erf(x * 0.70710678118654752));
    else if (gemm->activation == CLMIX_ACTIVATION_RELU && x < 0.0)
        x = 0.0;
    x = scaled(gemm, CLMIX_SCALE_ACTIVATED, x);
    if (gemm->residual.value != CLMIX_NONE)
        x = join(gemm, x, operands->residual[residual_base + row * gemm->residual.pitch + column]);
    return scaled(gemm, CLMIX_SCALE_ADDED, x);
}

/* Element (i, k) of A, from the matrix as it is stored. */
static double element_of_a(const struct clmix_gemm *gemm, const struct operands *operands, const float *a, size_t i, size_t k)
{
    const size_t at = k % run_of(gemm), row = gemm->transpose_a ? at : i, column = gemm->transpose_a ? i : at;
    double x = a[k / run_of(gemm) * gemm->a.outer_stride + row * gemm->a.pitch + column];

    if (!gemm->has_prologue)
        return x;
    return (x - operands->stats[2 * row]) * operands->stats[2 * row + 1] * operands->norm_weight[column] + operands->norm_bias[column];
}

/* Element (k, j) of B. */
static double element_of_b(const struct clmix_gemm *gemm, const float *b, size_t k, size_t j)
{
    const size_t at = k % run_of(gemm);

    return b[k / run_of(gemm) * gemm->b.outer_stride + (gemm->transpose_b ? j * gemm->b.pitch + at : at * gemm->b.pitch + j)];
}

/* Largest deviation over the tolerance 1e-5 sqrt(depth) of one matrix of the batch. */
static double compare(const struct clmix_gemm *gemm, const struct operands *operands, size_t outer, size_t inner)
{
    const float *a = operands->a + gemm->a.offset + outer * gemm->a.outer_stride + inner * gemm->a.inner_stride;
    const float *b = operands->b + gemm->b.offset + outer * gemm->b.outer_stride + inner * gemm->b.inner_stride;
    const float *c = operands->c + (outer * gemm->inner_batch + inner) * gemm->rows * gemm->columns;
    size_t residual = gemm->residual.offset + outer * gemm->residual.outer_stride + inner * gemm->residual.inner_stride;
    double worst = 0.0;

    for (size_t i = 0; i < gemm->rows; i++)
        for (size_t j = 0; j < gemm->columns; j++) {
            double sum = 0.0, error;

            for (size_t k = 0; k < gemm->depth; k++)
                sum += element_of_a(gemm, operands, a, i, k) * element_of_b(gemm, b, k, j);
            error = fabs(c[i * gemm->columns + j] - finish(gemm, operands, sum, residual, i, j)) / (1e-5 * sqrt((double)gemm->depth));
            if (!(error <= worst)) /* NaN counts */
                worst = error;
        }
    return worst;
}

/* ---- running ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status build(clmix_graph *graph, const struct attributes *attributes, const struct operands *operands)
{
    const struct clmix_gemm *gemm = &attributes->gemm;
    const size_t stats_count = 2 * operands->stored_rows;
    clmix_value inputs[7];

    for (int i = 0; i < 7; i++)
        inputs[i] = clmix_no_value();
    inputs[0] = clmix_input(graph, "a", CLMIX_F32, 1, &operands->a_count);
    inputs[1] = clmix_input(graph, "b", CLMIX_F32, 1, &operands->b_count);
    if (gemm->bias != CLMIX_NONE)
        inputs[2] = clmix_input(graph, "bias", CLMIX_F32, 1, &gemm->columns);
    if (gemm->residual.value != CLMIX_NONE)
        inputs[3] = clmix_input(graph, "residual", CLMIX_F32, 1, &operands->residual_count);
    if (gemm->has_prologue) {
        inputs[4] = clmix_input(graph, "stats", CLMIX_F32, 1, &stats_count);
        inputs[5] = clmix_input(graph, "norm_weight", CLMIX_F32, 1, &operands->stored_columns);
        inputs[6] = clmix_input(graph, "norm_bias", CLMIX_F32, 1, &operands->stored_columns);
    }
    clmix_output(graph, "c", clmix_node_add(clmix_root(graph), &probe_op, attributes, sizeof *attributes, inputs, 7));
    return clmix_graph_check(graph);
}

static clmix_status write_inputs(clmix_plan *plan, const struct clmix_gemm *gemm, const struct operands *operands)
{
    CLMIX_TRY(clmix_plan_write(plan, "a", operands->a, operands->a_count * sizeof(float)));
    CLMIX_TRY(clmix_plan_write(plan, "b", operands->b, operands->b_count * sizeof(float)));
    if (gemm->bias != CLMIX_NONE)
        CLMIX_TRY(clmix_plan_write(plan, "bias", operands->bias, gemm->columns * sizeof(float)));
    if (gemm->residual.value != CLMIX_NONE)
        CLMIX_TRY(clmix_plan_write(plan, "residual", operands->residual, operands->residual_count * sizeof(float)));
    if (gemm->has_prologue) {
        CLMIX_TRY(clmix_plan_write(plan, "stats", operands->stats, 2 * operands->stored_rows * sizeof(float)));
        CLMIX_TRY(clmix_plan_write(plan, "norm_weight", operands->norm_weight, operands->stored_columns * sizeof(float)));
        CLMIX_TRY(clmix_plan_write(plan, "norm_bias", operands->norm_bias, operands->stored_columns * sizeof(float)));
    }
    return CLMIX_OK;
}

static clmix_status run(clmix_plan *plan, const struct clmix_gemm *gemm, struct operands *operands, bool check, double *error,
                        double *seconds)
{
    CLMIX_TRY(write_inputs(plan, gemm, operands));
    if (!check)
        return clmix_tune_time(plan, seconds);
    CLMIX_TRY(clmix_plan_run(plan));
    CLMIX_TRY(clmix_plan_read(plan, "c", operands->c, operands->c_count * sizeof(float)));
    for (size_t outer = 0; outer < gemm->outer_batch; outer++)
        for (size_t inner = 0; inner < gemm->inner_batch; inner++) {
            double worst = compare(gemm, operands, outer, inner);

            if (!(worst <= *error))
                *error = worst;
        }
    return CLMIX_OK;
}

clmix_status clmix_gemm_probe(clmix_device *device, const struct clmix_gemm *like, enum clmix_gemm_route route,
                              const struct clmix_gemm_tile *tile, bool check, double *error, double *seconds)
{
    struct attributes attributes = { .route = route, .has_tile = tile != NULL };
    struct operands operands = { 0 };
    clmix_graph *graph = clmix_graph_new();
    clmix_plan *plan = NULL;
    clmix_status status;

    *error = 0.0;
    *seconds = 0.0;
    if (tile != NULL)
        attributes.tile = *tile;
    make_product(like, check, &attributes);
    if (check)
        fit_tile(&attributes);
    status = graph == NULL ? clmix_fail_memory("a probe of a matrix product") : make_operands(&attributes.gemm, &operands);
    if (status == CLMIX_OK)
        status = build(graph, &attributes, &operands);
    if (status == CLMIX_OK)
        status = clmix_plan_make(&plan, graph, device, CLMIX_INFERENCE);
    if (status == CLMIX_OK)
        status = run(plan, &attributes.gemm, &operands, check, error, seconds);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    free_operands(&operands);
    return status;
}
