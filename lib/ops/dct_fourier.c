/* Makhoul's way: a cosine transform as a Fourier transform of reordered tokens, in two stages that are products of matrices; lib/ops/dct.c has the
 * formulas. The inverse is the same steps, each transposed, from the last to the first. */
#include "base/size.h"
#include "base/status.h"
#include "ops/dct_internal.h"
#include "ops/row_launch.h"

#define CACHE_FLOATS  ((size_t)1 << 20) /* of what is transformed at once: what a processor's cache keeps between two steps */
#define BUFFER_FLOATS ((size_t)8 << 20) /* and what keeps a GPU busy */
#define MOST_PRODUCTS 32768             /* in a batch of products: GPUs take 65535 groups along an axis */
#define LEAST_WIDTH   64                /* channels that are still good products */

/* The orders of rows that cl/dct.cl knows. */
enum order { TOKENS_APART, TOKENS_TOGETHER, COEFFICIENTS_APART, COEFFICIENTS_TOGETHER };

/* What is done at once: some channels of some samples, and where it lies. */
struct piece {
    size_t sample, samples, channel, channels;
    int32_t rows, parts; /* reordered tokens or coefficients, whichever it is just now; (l, part, m) between the stages */
};

/* ---- rows ------------------------------------------------------------------------------------------------------------------------------ */

/* Rows of one of the call's values, or of a buffer, in which a piece begins at the beginning. */
struct rows {
    int32_t value;
    size_t count, pitch; /* rows of a sample */
    size_t skip;
};

static struct rows rows_of_value(const struct clmix_planner *planner, int32_t value, size_t count, const struct piece *piece)
{
    const size_t pitch = value == CLMIX_NONE ? 0 : clmix_planner_layout(planner, value).pitch;

    return (struct rows){ value, count, pitch, value == CLMIX_NONE ? 0 : piece->sample * count * pitch + piece->channel };
}

static void push_rows(struct clmix_record *record, const struct rows *rows)
{
    clmix_record_value(record, rows->value);
    clmix_record_uint(record, rows->pitch);
    clmix_record_uint(record, rows->skip);
}

static void plan_order(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_dct_call *call,
                       const struct piece *piece, enum order order, const struct rows *from, const struct rows *to)
{
    const struct clmix_dct_stages *stages = &call->stages;
    const bool is_last = to->value == call->y;
    const int32_t bias = is_last ? call->bias : CLMIX_NONE;
    const struct rows residual = rows_of_value(planner, is_last ? call->residual : CLMIX_NONE, to->count, piece);
    const size_t rows = piece->samples * to->count;
    struct clmix_record *record = clmix_record_rows(planner, node, "dct.cl", "dct_rows", rows, piece->channels, false);

    clmix_record_define(record, "ORDER", order);
    clmix_record_define(record, "BIAS", bias != CLMIX_NONE);
    clmix_record_define(record, "RESIDUAL", residual.value != CLMIX_NONE);
    clmix_record_uint(record, from->count);
    clmix_record_uint(record, to->count);
    clmix_record_uint(record, stages->tokens);
    clmix_record_uint(record, stages->first);
    clmix_record_uint(record, stages->sides);
    clmix_record_uint(record, stages->rows);
    clmix_record_uint(record, stages->kept);
    push_rows(record, from);
    clmix_record_value(record, bias);
    clmix_record_uint(record, piece->channel);
    push_rows(record, &residual);
    push_rows(record, to);
    clmix_record_flops(record, 0);
    clmix_record_bytes(record, (uint64_t)rows * piece->channels * (residual.value == CLMIX_NONE ? 8 : 12));
}

/* ---- products ---------------------------------------------------------------------------------------------------------------------------- */

static size_t rows_of_coefficients(const struct clmix_dct_stages *stages)
{
    return stages->columns * stages->sides * stages->rows;
}

/* [(j, m)][c] -> [(l, part)][m][c], or back: one product a sample. */
static clmix_status plan_first(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_dct_call *call,
                               const struct piece *piece)
{
    const struct clmix_dct_stages *stages = &call->stages;
    const size_t parts = 2 * stages->columns, width = stages->second * piece->channels;
    const struct clmix_matrix tokens = { .value = piece->rows, .pitch = width, .outer_stride = stages->first * width },
                              transformed = { .value = piece->parts, .pitch = width, .outer_stride = parts * width };
    const struct clmix_gemm gemm = { .rows = call->inverse ? stages->first : parts,
                                     .columns = width,
                                     .depth = call->inverse ? parts : stages->first,
                                     .outer_batch = piece->samples,
                                     .a = { .value = node->inputs[CLMIX_DCT_FIRST], .pitch = stages->first },
                                     .b = call->inverse ? transformed : tokens,
                                     .c = call->inverse ? tokens : transformed,
                                     .residual = clmix_matrix_of(CLMIX_NONE),
                                     .transpose_a = call->inverse,
                                     .bias = CLMIX_NONE };

    return clmix_gemm_plan_route(planner, node, &gemm, CLMIX_GEMM_OWN, NULL);
}

/* [l][(part, m)][c] -> [l][(side, r)][c], or back: one product a sample and l. */
static clmix_status plan_second(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_dct_call *call,
                                const struct piece *piece)
{
    const struct clmix_dct_stages *stages = &call->stages;
    const size_t rows = stages->sides * stages->rows, depth = 2 * stages->second, c = piece->channels;
    const struct clmix_matrix
        transformed = { .value = piece->parts, .pitch = c, .outer_stride = stages->columns * depth * c, .inner_stride = depth * c },
        coefficients = { .value = piece->rows, .pitch = c, .outer_stride = stages->columns * rows * c, .inner_stride = rows * c };
    const struct clmix_gemm gemm = { .rows = call->inverse ? depth : rows,
                                     .columns = c,
                                     .depth = call->inverse ? rows : depth,
                                     .outer_batch = piece->samples,
                                     .inner_batch = stages->columns,
                                     .a = { .value = node->inputs[CLMIX_DCT_SECOND], .pitch = depth, .inner_stride = rows * depth },
                                     .b = call->inverse ? coefficients : transformed,
                                     .c = call->inverse ? transformed : coefficients,
                                     .residual = clmix_matrix_of(CLMIX_NONE),
                                     .transpose_a = call->inverse,
                                     .bias = CLMIX_NONE };

    return clmix_gemm_plan_route(planner, node, &gemm, CLMIX_GEMM_OWN, NULL);
}

/* ---- pieces ------------------------------------------------------------------------------------------------------------------------------ */

static clmix_status plan_piece(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_dct_call *call,
                               const struct piece *piece)
{
    const struct clmix_dct_stages *stages = &call->stages;
    const size_t coefficients = rows_of_coefficients(stages);
    const struct rows x = rows_of_value(planner, call->x, call->inverse ? stages->kept : stages->tokens, piece),
                      y = rows_of_value(planner, call->y, call->inverse ? stages->tokens : stages->kept, piece),
                      tokens = { piece->rows, stages->tokens, piece->channels, 0 },
                      spread = { piece->rows, coefficients, piece->channels, 0 };

    plan_order(planner, node, call, piece, call->inverse ? COEFFICIENTS_APART : TOKENS_APART, &x, call->inverse ? &spread : &tokens);
    CLMIX_TRY(call->inverse ? plan_second(planner, node, call, piece) : plan_first(planner, node, call, piece));
    CLMIX_TRY(call->inverse ? plan_first(planner, node, call, piece) : plan_second(planner, node, call, piece));
    plan_order(planner, node, call, piece, call->inverse ? TOKENS_TOGETHER : COEFFICIENTS_TOGETHER, call->inverse ? &tokens : &spread, &y);
    return CLMIX_OK;
}

/* As many evenly cut channels, of as many samples, as fit `most` floats. */
static struct piece cut_pieces(const struct clmix_dct_call *call, size_t most)
{
    const size_t fit = clmix_larger(LEAST_WIDTH, most / call->stages.tokens / LEAST_WIDTH * LEAST_WIDTH),
                 pieces = clmix_ceil_div(call->width, fit);
    struct piece piece = { .channels = clmix_smaller(call->width, clmix_round_up(clmix_ceil_div(call->width, pieces), LEAST_WIDTH)) };
    const size_t samples =
        clmix_larger(1, clmix_smaller(most / (call->stages.tokens * piece.channels), MOST_PRODUCTS / call->stages.columns));

    piece.samples = clmix_ceil_div(call->batch, clmix_ceil_div(call->batch, samples));
    return piece;
}

clmix_status clmix_dct_plan_fourier(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_dct_call *call)
{
    const struct clmix_dct_stages *stages = &call->stages;
    const struct piece most = cut_pieces(call, clmix_planner_wide(planner) ? CACHE_FLOATS : BUFFER_FLOATS);
    const size_t floats = most.samples * most.channels;
    struct piece piece = {
        .rows = clmix_planner_scratch(planner, node, floats * clmix_larger(stages->tokens, rows_of_coefficients(stages)) * sizeof(float)),
        .parts = clmix_planner_scratch(planner, node, floats * 2 * stages->columns * stages->second * sizeof(float))
    };

    for (piece.sample = 0; piece.sample < call->batch; piece.sample += most.samples)
        for (piece.channel = 0; piece.channel < call->width; piece.channel += most.channels) {
            piece.samples = clmix_smaller(most.samples, call->batch - piece.sample);
            piece.channels = clmix_smaller(most.channels, call->width - piece.channel);
            CLMIX_TRY(plan_piece(planner, node, call, &piece));
        }
    return CLMIX_OK;
}
