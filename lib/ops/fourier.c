/* Fourier mixing: the real part of the discrete transform over tokens and features (FNet, Lee-Thorp et al. 2021),
 *     y[n, k] = sum over a, b of x[a, b] cos(2 pi (a n / N + b k / D)),
 * as products of matrices, exact for every length. The map is symmetric: its gradient is itself. Kernels: those of gemm.h, cl/fourier.cl.
 *
 * 1. Features. X[a, k] = sum_b x[a, b] e(-b k / D), e(t) = exp(2 pi i t), for k = 0 .. D/2 alone: x is real, so that X[a, D - k] is the
 *    conjugate of X[a, k], and y[n, D - k] = y[N - n, k].
 * 2. Tokens, where N = P Q: with a = j Q + m, n = l + P r (Cooley and Tukey 1965)
 *        Z[l, m] = sum_j X[j Q + m] e(-j l / P).
 * 3. y[l + P r] = Re sum_m Z[l, m] e(-m (l + P r) / N): for each l a matrix, with what Cooley and Tukey call twiddle factors inside.
 * Where N is prime P is 1, and 2 is left out. Complex numbers are two planes, so that each step is a product of real matrices, whose rows and
 * columns are the real and imaginary parts side by side. These matrices are made on the device from tables of N and of D angles, a piece at a
 * time: memory is linear in the tokens. */
#include "base/size.h"
#include "base/status.h"
#include "ops/gemm_internal.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/mixing.h>
#include <math.h>

#define TAU           6.283185307179586476925286766559
#define MATRIX_FLOATS ((size_t)2 << 20) /* of the last step's matrices in memory at once */
#define CACHE_FLOATS  ((size_t)1 << 20) /* of the samples in a buffer at once: what a processor's cache keeps between two steps */
#define BUFFER_FLOATS ((size_t)8 << 20) /* and what keeps a GPU busy */
#define MOST_PRODUCTS 32768             /* in a batch of products: GPUs take 65535 groups along an axis */

enum { X, TOKEN_ANGLES, FEATURE_ANGLES, INPUTS };

/* ---- sizes -------------------------------------------------------------------------------------------------------------------------- */

struct sizes {
    size_t batch, tokens, features;
    size_t kept;          /* of a row's transform: D/2 + 1 */
    size_t first, second; /* P and Q */
};

/* P and Q of the least work, 8 P + 4 Q multiply-adds and additions an element; of those alike the ones with the smaller matrices. */
static void choose_stages(struct sizes *sizes)
{
    size_t least = sizes->tokens;

    sizes->first = 1;
    for (size_t first = 2; first * first <= sizes->tokens; first++)
        for (int side = 0; side < 2 && sizes->tokens % first == 0; side++) {
            const size_t p = side == 0 ? first : sizes->tokens / first, work = 2 * p + sizes->tokens / p;

            if (work < least || (work == least && p > sizes->first)) {
                least = work;
                sizes->first = p;
            }
        }
    sizes->second = sizes->tokens / sizes->first;
}

static struct sizes sizes_of(const clmix_graph *graph, const struct clmix_node *node)
{
    const clmix_shape shape = clmix_node_input(graph, node, X)->shape;
    struct sizes sizes = { .batch = shape.size[0], .tokens = shape.size[1], .features = shape.size[2], .kept = shape.size[2] / 2 + 1 };

    choose_stages(&sizes);
    return sizes;
}

/* ---- the op's rules ------------------------------------------------------------------------------------------------------------------ */

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, X);
    char text[64];

    if (x->type != CLMIX_F32 || x->shape.rank != 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "Fourier mixing takes f32 tokens (batch, tokens, features), and this is %s%s",
                          clmix_shape_text(x->shape, text), x->type == CLMIX_F32 ? "" : " of integers");
    return clmix_node_declare(graph, node, CLMIX_F32, x->shape);
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    clmix_value inputs[INPUTS] = { clmix_backward_gradient(backward, node, 0) };

    if (!clmix_is_value(inputs[X]) || !clmix_backward_wants(backward, node, X))
        return CLMIX_OK;
    for (int i = TOKEN_ANGLES; i < INPUTS; i++)
        inputs[i] = clmix_backward_input(backward, node, i);
    return clmix_backward_give(backward, node, X,
                               clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_fourier_mix, NULL, 0, inputs, INPUTS));
}

/* Takes in an addition, that of the block's input mostly. */
static bool absorb(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    return next->op == &clmix_op_add && clmix_planner_absorbed(planner, node, 0) == NULL && next->inputs[0] != next->inputs[1];
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct sizes sizes = sizes_of(graph, node);
    const uint64_t elements = (uint64_t)sizes.batch * sizes.tokens * sizes.kept;

    clmix_cost_moved(graph, node, flops, bytes);
    *flops = elements * (4 * sizes.features + (sizes.first > 1 ? 8 * sizes.first : 0) + 4 * sizes.second);
}

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
static void fill_features(struct clmix_planner *planner, const struct clmix_node *node, int32_t matrix, const struct sizes *sizes)
{
    const struct angles angles = { .table = node->inputs[FEATURE_ANGLES],
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
static void fill_first(struct clmix_planner *planner, const struct clmix_node *node, int32_t matrix, const struct sizes *sizes)
{
    const struct angles angles = { .table = node->inputs[TOKEN_ANGLES],
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
static void fill_second(struct clmix_planner *planner, const struct clmix_node *node, int32_t matrix, const struct sizes *sizes,
                        size_t first_row, size_t rows)
{
    const bool two = sizes->first > 1;
    const struct angles angles = { .table = node->inputs[TOKEN_ANGLES],
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

enum { FEATURES, FIRST, SECOND, STEPS };

/* How each step's product is computed. */
struct choices {
    struct {
        enum clmix_gemm_route route;
        struct clmix_gemm_tile tile;
    } of[STEPS];
};

/* What is done at once, and where it lies. */
struct work {
    struct sizes sizes;
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
    const struct sizes *sizes = &work->sizes;
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
    const struct sizes *sizes = &work->sizes;
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
    const struct sizes *sizes = &work->sizes;
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
    struct work work = { .sizes = sizes_of(clmix_planner_graph(planner), node) };
    const struct sizes *sizes = &work.sizes;
    const size_t floats = clmix_planner_wide(planner) ? CACHE_FLOATS : BUFFER_FLOATS, row = 2 * sizes->second;
    size_t most = clmix_larger(1, clmix_smaller(floats / (sizes->tokens * 2 * sizes->kept),
                                                MOST_PRODUCTS / clmix_larger(sizes->first, sizes->second)));

    most = clmix_smaller(most, sizes->batch);
    work.samples = clmix_ceil_div(sizes->batch, clmix_ceil_div(sizes->batch, most));
    work.groups = clmix_smaller(sizes->first, clmix_larger(1, MATRIX_FLOATS / (row * sizes->second)));
    work.rows = clmix_smaller(sizes->second, clmix_larger(1, MATRIX_FLOATS / row));
    return work;
}

/* ---- measuring and launching ---------------------------------------------------------------------------------------------------------- */

static clmix_status measure(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct work work = cut_work(planner, node);
    const struct clmix_gemm products[STEPS] = { features_product(&work, node->inputs[X], 0, work.samples),
                                                first_product(&work, work.samples),
                                                second_product(&work, work.samples, 0, work.groups, 0, work.rows) };
    struct choices choices = { 0 };

    for (int i = 0; i < STEPS; i++)
        if (i != FIRST || work.sizes.first > 1)
            CLMIX_TRY(clmix_gemm_choose_route(planner, &products[i], &choices.of[i].route, &choices.of[i].tile));
    return clmix_planner_settle(planner, node, &choices, sizeof choices);
}

/* A product as it was settled for one with more rows or a larger batch. */
static clmix_status plan_product(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm, int step)
{
    const struct choices *choices = clmix_planner_settled(planner, node);
    struct clmix_gemm_tile tile;

    if (choices == NULL)
        return clmix_gemm_plan_route(planner, node, gemm, CLMIX_GEMM_OWN, NULL);
    tile = choices->of[step].tile;
    tile.groups[0] = clmix_ceil_div(gemm->rows, tile.wide ? tile.row_block : (size_t)tile.tile_rows);
    tile.groups[2] = clmix_gemm_batches(gemm) * tile.splits;
    return clmix_gemm_plan_route(planner, node, gemm, choices->of[step].route, &tile);
}

/* The last step for `samples` samples, its matrices made on the way unless they are there already. */
static clmix_status plan_second(struct clmix_planner *planner, const struct clmix_node *node, const struct work *work, size_t samples,
                                bool made)
{
    const struct sizes *sizes = &work->sizes;

    for (size_t l = 0; l < sizes->first; l += work->groups)
        for (size_t r = 0; r < sizes->second; r += work->rows) {
            const size_t groups = clmix_smaller(work->groups, sizes->first - l), rows = clmix_smaller(work->rows, sizes->second - r);
            const struct clmix_gemm gemm = second_product(work, samples, l, groups, r, rows);

            if (!made)
                fill_second(planner, node, work->second, sizes, l * sizes->second + r, groups * rows);
            CLMIX_TRY(plan_product(planner, node, &gemm, SECOND));
        }
    return CLMIX_OK;
}

/* The kept columns -> y of `samples` samples from `sample` on, and what is added to it. */
static void plan_unfold(struct clmix_planner *planner, const struct clmix_node *node, const struct work *work, int32_t left, size_t sample,
                        size_t samples)
{
    const struct sizes *sizes = &work->sizes;
    const struct clmix_node *sum = clmix_planner_absorbed(planner, node, 0);
    const size_t offset = sample * sizes->tokens * sizes->features;
    struct clmix_record *record =
        clmix_record_rows(planner, node, "fourier.cl", "fourier_unfold", samples * sizes->tokens, sizes->features, false);

    if (sum != NULL)
        clmix_record_define(record, "RESIDUAL", 1);
    clmix_record_uint(record, sizes->tokens);
    clmix_record_uint(record, sizes->kept);
    clmix_record_value(record, left);
    clmix_record_value(record, sum == NULL ? CLMIX_NONE : sum->inputs[sum->inputs[0] == node->outputs[0]]);
    clmix_record_value(record, clmix_planner_result(planner, node));
    clmix_record_uint(record, offset);
    clmix_record_bytes(record, (uint64_t)samples * sizes->tokens * (sizes->kept + sizes->features * (sum == NULL ? 1 : 2)) * sizeof(float));
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    struct work work = cut_work(planner, node);
    const struct sizes *sizes = &work.sizes;
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
        const struct clmix_gemm features = features_product(&work, node->inputs[X], sample, samples), first = first_product(&work, samples);

        CLMIX_TRY(plan_product(planner, node, &features, FEATURES));
        if (two)
            CLMIX_TRY(plan_product(planner, node, &first, FIRST));
        CLMIX_TRY(plan_second(planner, node, &work, samples, made));
        plan_unfold(planner, node, &work, work.buffers[two ? 0 : 1], sample, samples);
    }
    return CLMIX_OK;
}

const struct clmix_op clmix_op_fourier_mix = {
    .name = "fourier_mix",
    .shape = shape,
    .backward = backward,
    .measure = measure,
    .launch = launch,
    .absorb = absorb,
    .parts = clmix_parts_by_sample,
    .cost = cost,
};

/* ---- public -------------------------------------------------------------------------------------------------------------------------- */

/* (n, 2): cosine and sine of 2 pi m / n. */
static clmix_status fill_angles(void *values, clmix_shape of, const void *data)
{
    float *angles = values;

    (void)data;
    for (size_t m = 0; m < of.size[0]; m++) {
        const double angle = TAU * (double)m / (double)of.size[0];

        angles[2 * m] = (float)cos(angle);
        angles[2 * m + 1] = (float)sin(angle);
    }
    return CLMIX_OK;
}

clmix_value clmix_fourier_mix(clmix_value x)
{
    const clmix_shape of = clmix_shape_of(x);
    clmix_value inputs[INPUTS] = { x, clmix_no_value(), clmix_no_value() };

    if (!clmix_is_value(x))
        return x;
    for (int i = TOKEN_ANGLES; i < INPUTS && of.rank == 3; i++)
        inputs[i] = clmix_constant(x.graph, CLMIX_F32, 2, (size_t[]){ of.size[i], 2 }, fill_angles, NULL, 0);
    return clmix_node_add(clmix_here(x.graph), &clmix_op_fourier_mix, NULL, 0, inputs, INPUTS);
}
