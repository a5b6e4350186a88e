/* Fourier transforms by clmix's own products of matrices; lib/ops/fourier.c has the formulas. */
#include "base/size.h"
#include "base/status.h"
#include "ops/fourier_internal.h"
#include "ops/row_launch.h"

#define MATRIX_FLOATS ((size_t)2 << 20) /* of the last step's matrices in memory at once */
#define CACHE_FLOATS  ((size_t)1 << 20) /* of the samples in a buffer at once: what a processor's cache keeps between two steps */
#define BUFFER_FLOATS ((size_t)8 << 20) /* and what keeps a GPU busy */
#define MOST_PRODUCTS 32768             /* in a batch of products: GPUs take 65535 groups along an axis */

/* ---- matrices ------------------------------------------------------------------------------------------------------------------------ */

/* A matrix of angles: its element of row part p', frequency f and column part p, place m is cos(t) where p = p', else sin(t), minus below the
 * diagonal; t = 2 pi f m step / period. */
struct angles {
    int32_t table;
    size_t period, step;
    size_t row_parts;             /* real and imaginary in turn, or real alone */
    size_t inner, outer;          /* frequency of the i-th row, or pair of rows: i / inner + outer (i mod inner) */
    size_t places;                /* of two parts each */
    size_t part_step, place_step; /* columns to the next */
    float sign;                   /* -1: the other way round, rows are places and columns frequencies */
};

static void fill_matrix(struct clmix_planner *planner, const struct clmix_node *node, int32_t matrix, size_t first_row, size_t rows,
                        const struct angles *angles)
{
    struct clmix_record *record = clmix_record_rows(planner, node, "fourier.cl", "fourier_matrix", rows, 2 * angles->places, true);

    clmix_record_value(record, angles->table);
    clmix_record_uint(record, angles->period);
    clmix_record_uint(record, angles->step);
    clmix_record_value(record, matrix);
    clmix_record_uint(record, first_row);
    clmix_record_uint(record, angles->row_parts);
    clmix_record_uint(record, angles->inner);
    clmix_record_uint(record, angles->outer);
    clmix_record_uint(record, angles->places);
    clmix_record_uint(record, angles->part_step);
    clmix_record_uint(record, angles->place_step);
    clmix_record_float(record, angles->sign);
}

/* (D, 2 kept): rows b, columns (part, k). */
static void fill_features(struct clmix_planner *planner, const struct clmix_node *node, int32_t matrix, const struct clmix_fourier *sizes)
{
    const struct angles angles = { .table = node->inputs[CLMIX_FOURIER_FEATURES],
                                   .period = sizes->features,
                                   .step = 1,
                                   .row_parts = 1,
                                   .inner = 1,
                                   .places = sizes->kept,
                                   .part_step = sizes->kept,
                                   .place_step = 1,
                                   .sign = -1.0f };

    fill_matrix(planner, node, matrix, 0, sizes->features, &angles);
}

/* (2 P, 2 P): rows (l, part), columns (j, part). */
static void fill_first(struct clmix_planner *planner, const struct clmix_node *node, int32_t matrix, const struct clmix_fourier *sizes)
{
    const struct angles angles = { .table = node->inputs[CLMIX_FOURIER_TOKENS],
                                   .period = sizes->tokens,
                                   .step = sizes->second,
                                   .row_parts = 2,
                                   .inner = 1,
                                   .places = sizes->first,
                                   .part_step = 1,
                                   .place_step = 2,
                                   .sign = 1.0f };

    fill_matrix(planner, node, matrix, 0, 2 * sizes->first, &angles);
}

/* (P, Q, 2 Q): rows (l, r), columns (part, m), or where there is no first stage (m, part). A piece of them, from a row on. */
static void fill_second(struct clmix_planner *planner, const struct clmix_node *node, int32_t matrix, const struct clmix_fourier *sizes,
                        size_t first_row, size_t rows)
{
    const bool two = sizes->first > 1;
    const struct angles angles = { .table = node->inputs[CLMIX_FOURIER_TOKENS],
                                   .period = sizes->tokens,
                                   .step = 1,
                                   .row_parts = 1,
                                   .inner = sizes->second,
                                   .outer = sizes->first,
                                   .places = sizes->second,
                                   .part_step = two ? sizes->second : 1,
                                   .place_step = two ? 1 : 2,
                                   .sign = 1.0f };

    fill_matrix(planner, node, matrix, first_row, rows, &angles);
}

/* ---- steps --------------------------------------------------------------------------------------------------------------------------- */

enum { FEATURES, FIRST, SECOND };

/* What is done at once, and where it lies. */
struct work {
    struct clmix_fourier sizes;
    size_t samples;      /* of a slice of the batch */
    size_t groups, rows; /* matrices of the last step in memory: so many, or so many rows of one */
    int32_t features, first, second, buffers[2];
};

static struct clmix_gemm plain_product(void)
{
    return (struct clmix_gemm){ .bias = CLMIX_NONE, .residual = clmix_matrix_of(CLMIX_NONE) };
}

/* x[sample, j Q + m, b] -> [sample][m][j][part, k], so that a stage's rows lie one behind the other. */
static struct clmix_gemm features_product(const struct work *work, int32_t x, size_t sample, size_t samples)
{
    const struct clmix_fourier *sizes = &work->sizes;
    const size_t out = 2 * sizes->kept, sample_in = sizes->tokens * sizes->features;
    struct clmix_gemm gemm = plain_product();

    gemm.rows = sizes->second;
    gemm.columns = out;
    gemm.depth = sizes->features;
    gemm.outer_batch = samples;
    gemm.inner_batch = sizes->first;
    gemm.a = (struct clmix_matrix){ .value = x,
                                    .offset = sample * sample_in,
                                    .pitch = sizes->features,
                                    .outer_stride = sample_in,
                                    .inner_stride = sizes->second * sizes->features };
    gemm.b = (struct clmix_matrix){ .value = work->features, .pitch = out };
    gemm.c = (struct clmix_matrix){
        .value = work->buffers[0], .pitch = sizes->first * out, .outer_stride = sizes->tokens * out, .inner_stride = out
    };
    if (sizes->first == 1) { /* a taller product */
        gemm.rows *= samples;
        gemm.outer_batch = 1;
    }
    return gemm;
}

/* [sample][m][j, part][k] -> [sample][l, part][m][k]. */
static struct clmix_gemm first_product(const struct work *work, size_t samples)
{
    const struct clmix_fourier *sizes = &work->sizes;
    const size_t sample = sizes->tokens * 2 * sizes->kept;
    struct clmix_gemm gemm = plain_product();

    gemm.rows = gemm.depth = 2 * sizes->first;
    gemm.columns = sizes->kept;
    gemm.outer_batch = samples;
    gemm.inner_batch = sizes->second;
    gemm.a = (struct clmix_matrix){ .value = work->first, .pitch = 2 * sizes->first };
    gemm.b = (struct clmix_matrix){
        .value = work->buffers[0], .pitch = sizes->kept, .outer_stride = sample, .inner_stride = 2 * sizes->first * sizes->kept
    };
    gemm.c = (struct clmix_matrix){
        .value = work->buffers[1], .pitch = sizes->second * sizes->kept, .outer_stride = sample, .inner_stride = sizes->kept
    };
    return gemm;
}

/* [sample][l][part, m][k] -> [sample][r][l][k], which is in the order of the tokens: `groups` of l from `l` on, `rows` of r from `r` on. */
static struct clmix_gemm second_product(const struct work *work, size_t samples, size_t l, size_t groups, size_t r, size_t rows)
{
    const struct clmix_fourier *sizes = &work->sizes;
    const size_t depth = 2 * sizes->second, kept = sizes->kept;
    const bool two = sizes->first > 1;
    struct clmix_gemm gemm = plain_product();

    gemm.rows = rows;
    gemm.columns = kept;
    gemm.depth = depth;
    gemm.outer_batch = samples;
    gemm.inner_batch = groups;
    gemm.a = (struct clmix_matrix){ .value = work->second, .pitch = depth, .inner_stride = sizes->second * depth };
    gemm.b = (struct clmix_matrix){ .value = work->buffers[two ? 1 : 0],
                                    .offset = l * depth * kept,
                                    .pitch = kept,
                                    .outer_stride = sizes->tokens * 2 * kept,
                                    .inner_stride = depth * kept };
    gemm.c = (struct clmix_matrix){ .value = work->buffers[two ? 0 : 1],
                                    .offset = (r * sizes->first + l) * kept,
                                    .pitch = sizes->first * kept,
                                    .outer_stride = sizes->tokens * kept,
                                    .inner_stride = kept };
    return gemm;
}

/* How much is done at once; memory for it is the launch's. */
static struct work cut_work(const struct clmix_planner *planner, const struct clmix_node *node)
{
    struct work work = { .sizes = clmix_fourier_of(clmix_planner_graph(planner), node) };
    const struct clmix_fourier *sizes = &work.sizes;
    const size_t row = 2 * sizes->second;

    work.samples = clmix_fourier_samples(sizes, clmix_planner_wide(planner) ? CACHE_FLOATS : BUFFER_FLOATS,
                                         MOST_PRODUCTS / clmix_larger(sizes->first, sizes->second));
    work.groups = clmix_smaller(sizes->first, clmix_larger(1, MATRIX_FLOATS / (row * sizes->second)));
    work.rows = clmix_smaller(sizes->second, clmix_larger(1, MATRIX_FLOATS / row));
    return work;
}

/* ---- measuring and launching ---------------------------------------------------------------------------------------------------------- */

clmix_status clmix_fourier_choose_products(struct clmix_planner *planner, const struct clmix_node *node,
                                           struct clmix_fourier_products *products)
{
    const struct work work = cut_work(planner, node);
    const struct clmix_gemm gemms[CLMIX_FOURIER_PRODUCTS] = { features_product(&work, node->inputs[CLMIX_FOURIER_X], 0, work.samples),
                                                              first_product(&work, work.samples),
                                                              second_product(&work, work.samples, 0, work.groups, 0, work.rows) };

    for (int i = 0; i < CLMIX_FOURIER_PRODUCTS; i++)
        if (i != FIRST || work.sizes.first > 1)
            CLMIX_TRY(clmix_gemm_choose_route(planner, &gemms[i], &products->of[i].route, &products->of[i].tile));
    return CLMIX_OK;
}

/* A product as it was settled for one with more rows or a larger batch. */
static clmix_status plan_product(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                                 const struct clmix_fourier_products *products, int step)
{
    struct clmix_gemm_tile tile;

    if (products == NULL)
        return clmix_gemm_plan_route(planner, node, gemm, CLMIX_GEMM_OWN, NULL);
    tile = products->of[step].tile;
    tile.groups[0] = clmix_ceil_div(gemm->rows, tile.wide ? tile.row_block : (size_t)tile.tile_rows);
    tile.groups[2] = clmix_gemm_batches(gemm) * tile.splits;
    return clmix_gemm_plan_route(planner, node, gemm, products->of[step].route, &tile);
}

/* The last step for `samples` samples, its matrices made on the way unless they are there already. */
static clmix_status plan_second(struct clmix_planner *planner, const struct clmix_node *node, const struct work *work,
                                const struct clmix_fourier_products *products, size_t samples, bool made)
{
    const struct clmix_fourier *sizes = &work->sizes;

    for (size_t l = 0; l < sizes->first; l += work->groups)
        for (size_t r = 0; r < sizes->second; r += work->rows) {
            const size_t groups = clmix_smaller(work->groups, sizes->first - l), rows = clmix_smaller(work->rows, sizes->second - r);
            const struct clmix_gemm gemm = second_product(work, samples, l, groups, r, rows);

            if (!made)
                fill_second(planner, node, work->second, sizes, l * sizes->second + r, groups * rows);
            CLMIX_TRY(plan_product(planner, node, &gemm, products, SECOND));
        }
    return CLMIX_OK;
}

clmix_status clmix_fourier_plan_own(struct clmix_planner *planner, const struct clmix_node *node,
                                    const struct clmix_fourier_products *products)
{
    struct work work = cut_work(planner, node);
    const struct clmix_fourier *sizes = &work.sizes;
    const size_t buffer = work.samples * sizes->tokens * 2 * sizes->kept * sizeof(float), rows = work.groups * work.rows;
    const bool two = sizes->first > 1, made = rows == sizes->tokens;

    work.features = clmix_planner_scratch(planner, node, sizes->features * 2 * sizes->kept * sizeof(float));
    work.first = clmix_planner_scratch(planner, node, two ? 4 * sizes->first * sizes->first * sizeof(float) : 0);
    work.second = clmix_planner_scratch(planner, node, rows * 2 * sizes->second * sizeof(float));
    for (int i = 0; i < 2; i++)
        work.buffers[i] = clmix_planner_scratch(planner, node, buffer);
    fill_features(planner, node, work.features, sizes);
    if (two)
        fill_first(planner, node, work.first, sizes);
    if (made)
        fill_second(planner, node, work.second, sizes, 0, rows);
    for (size_t sample = 0; sample < sizes->batch; sample += work.samples) {
        const size_t samples = clmix_smaller(work.samples, sizes->batch - sample);
        const struct clmix_gemm features = features_product(&work, node->inputs[CLMIX_FOURIER_X], sample, samples),
                                first = first_product(&work, samples);

        CLMIX_TRY(plan_product(planner, node, &features, products, FEATURES));
        if (two)
            CLMIX_TRY(plan_product(planner, node, &first, products, FIRST));
        CLMIX_TRY(plan_second(planner, node, &work, products, samples, made));
        clmix_fourier_plan_unfold(planner, node, sizes, work.buffers[two ? 0 : 1], 1, 1, sample, samples);
    }
    return CLMIX_OK;
}
