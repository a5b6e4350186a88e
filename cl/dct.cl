// The rows of a cosine transform by Makhoul's way, from one order into another. lib/ops/dct.c has the formulas.
#include "reduce.h"

#ifndef ORDER
#define ORDER 0    // 0: tokens to even ones and odd ones backwards, 1: back; 2: coefficients to where the stages leave them, 3: back
#endif
#ifndef BIAS
#define BIAS 0    // 0, 1: a float a column is added
#endif
#ifndef RESIDUAL
#define RESIDUAL 0    // 0, 1: a row is added
#endif

// The row of a sample that row `to` is read from; of ORDER 2 `none` for what is no coefficient. length: N.  first: P;  columns l <= P/2, each with
// `sides` times `count` rows, of k = l + P r and of k = P - l + P r.
static inline uint row_from(const uint to, const uint length, const uint first, const uint sides, const uint count, const uint kept,
                            const uint none)
{
#if ORDER == 0
    return to < (length + 1) / 2 ? 2 * to : 2 * (length - 1 - to) + 1;
#elif ORDER == 1
    return to % 2 == 0 ? to / 2 : length - 1 - to / 2;
#elif ORDER == 2
    const uint l = to / (sides * count), side = to / count % sides, k = (side == 0 ? l : first - l) + to % count * first;
    return k >= kept || (side == 1 && (l == 0 || 2 * l == first)) ? none : k;
#else
    const uint l = to % first, side = 2 * l > first;
    return ((side ? first - l : l) * sides + side) * count + to / first;
#endif
}

// A vector of a row of y, of which `left` columns are left: that of a row of x or zeros, and what is added to it.
static inline void move_lanes(const bool there, const __global float *x, const __global float *bias, const __global float *residual,
                              __global float *y, const uint left)
{
    floatv v = there ? load_lanes(x, left) : (floatv)(0.0f);
#if BIAS
    v += load_lanes(bias, left);
#endif
#if RESIDUAL
    v += load_lanes(residual, left);
#endif
    store_lanes(v, y, left);
}

// y[s, i] = x[s, row_from(i)] (+ bias) (+ residual[s, i]) of samples s with `rows_in` rows in x and `rows_out` in y.  Group g does rows [g * chunk, min(rows,
// (g + 1) * chunk)) of `columns` columns, its work-items by vector.  x, y, bias and residual begin at element `skip` of theirs.  Reads and writes
// 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void dct_rows(const uint rows, const uint chunk, const uint columns, const uint rows_in, const uint rows_out, const uint length,
              const uint first, const uint sides, const uint count, const uint kept, const __global float *x, const uint x_offset,
              const uint x_pitch, const uint x_skip, const __global float *bias, const uint bias_offset, const uint bias_skip,
              const __global float *residual, const uint residual_offset, const uint residual_pitch, const uint residual_skip,
              __global float *y, const uint y_offset, const uint y_pitch, const uint y_skip)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    x += (size_t)x_offset + x_skip;
    bias += (size_t)bias_offset + bias_skip;
    residual += (size_t)residual_offset + residual_skip;
    y += (size_t)y_offset + y_skip;
#if WG == 1    // row by row: divisions for each vector would take longer than to move it
    for (uint row = begin; row < end; row++) {
        const uint from = row_from(row % rows_out, length, first, sides, count, kept, rows_in);
        const __global float *in = x + ((size_t)(row / rows_out) * rows_in + from) * x_pitch;
        const __global float *more = residual + (size_t)row * residual_pitch;
        for (uint c = 0; c < columns; c += VW)
            move_lanes(from < rows_in, in + c, bias + c, more + c, y + (size_t)row * y_pitch + c, columns - c);
    }
#else
    const uint vectors = (columns + VW - 1) / VW;
    for (uint e = get_local_id(0); e < (end - begin) * vectors; e += WG) {
        const uint row = begin + e / vectors, c = e % vectors * VW;
        const uint from = row_from(row % rows_out, length, first, sides, count, kept, rows_in);
        move_lanes(from < rows_in, x + ((size_t)(row / rows_out) * rows_in + from) * x_pitch + c, bias + c,
                   residual + (size_t)row * residual_pitch + c, y + (size_t)row * y_pitch + c, columns - c);
    }
#endif
}
