// Layer, channel and batch normalisation. Matrices are rows x columns and dense. `stats` holds mean and rstd = 1 / sqrt(variance + epsilon),
// in channel norm 1 / (sqrt(variance) + epsilon): of row r at 2 r and 2 r + 1 (layer and channel norm), of column c at c and columns + c
// (batch norm).
//
// Variances are those of two passes, so that variances near epsilon or far below the square of the mean keep their digits. In layer norm the
// second pass also finds by how much the first one's sum was rounded (`off`, the mean of what should have mean 0) and takes that out of
// mean and variance. Kernels over columns: the work-items of a group stand as `lanes` columns (of VW floats) times WG / lanes rows; every
// partial result is added in a fixed order. The wide form goes through memory in whole rows, a few at a time, whose vectors it has in
// registers for both passes, and keeps its sums in the group's part of `partial`, which is in its cache; the simt form keeps them in
// registers and goes from the first to the last row.
#include "reduce.h"

#define BLOCK (WG == 1 ? 8 : 4)    // rows of a block over columns: as many vectors as registers hold
#ifndef STATS_ONLY
#define STATS_ONLY 0    // 1: layer_norm leaves y out, which the products that read it form themselves
#endif
#ifndef OUTSIDE
#define OUTSIDE 0    // 1: epsilon is added to the std and not to the variance, which makes a layer norm a channel norm
#endif
// The share of vector c in asking for the `span` rows of x behind those from `top` on, in the order of memory.
#define FETCH_SPAN(x, c)                                                      \
    for (uint k_ = 0; WG == 1 && k_ < span; k_++)                             \
        PREFETCH((x) + (ulong)(top + span) * columns + (c)*span + k_ * VW, 0)

// y = (x - mean) rstd weight + bias by rows.  Group g does rows [g * chunk, (g + 1) * chunk), all its work-items together a row at a time.
// Reads a row twice more from cache; 4 bytes an element each from and to memory.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void layer_norm(const uint rows, const uint chunk, const uint columns,
                                                                         const __global float *x, const uint x_offset,
                                                                         const __global float *weight, const uint weight_offset,
                                                                         const __global float *bias, const uint bias_offset,
                                                                         __global float *y, const uint y_offset, __global float *stats,
                                                                         const uint stats_offset, const float epsilon)
{
    GROUP_SCRATCH
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), item = get_local_id(0);
    const float part = 1.0f / (float)columns;
    weight += weight_offset;
    bias += bias_offset;
    for (uint r = begin; r < end; r++) {
        const __global float *in = x + x_offset + (ulong)r * columns;
        floatv sum = (floatv)(0.0f), square = (floatv)(0.0f);
        for (uint c = item * VW; c < columns; c += WG * VW)
            sum += load_lanes(in + c, columns - c);
        const float first = GROUP_SUM(sum_lanes(sum)) * part;
        const uint whole = columns / VW * VW;
        float sum_tail = 0.0f, square_tail = 0.0f;
        sum = (floatv)(0.0f);
        for (uint c = item * VW; c < whole; c += WG * VW) {
            const floatv d = LOADV(in + c) - first;
            sum += d;
            square += d * d;
        }
        for (uint c = whole + item; c < columns; c += WG) {
            const float d = in[c] - first;
            sum_tail += d;
            square_tail += d * d;
        }
        const float off = GROUP_SUM(sum_lanes(sum) + sum_tail) * part, mean = first + off;
        const float variance = GROUP_SUM(sum_lanes(square) + square_tail) * part - off * off;
#if OUTSIDE
        const float rstd = 1.0f / (sqrt(fmax(variance, 0.0f)) + epsilon);
#else
        const float rstd = 1.0f / sqrt(variance + epsilon);
#endif
#if !STATS_ONLY
        __global float *out = y + y_offset + (ulong)r * columns;
        for (uint c = item * VW; c < columns; c += WG * VW) {
            const uint n = columns - c;
            store_lanes((load_lanes(in + c, n) - mean) * rstd * load_lanes(weight + c, n) + load_lanes(bias + c, n), out + c, n);
        }
#endif
        if (item == 0) {
            stats[stats_offset + 2 * r] = mean;
            stats[stats_offset + 2 * r + 1] = rstd;
        }
    }
}

// dx = rstd (g - mean(g) - xhat mean(g xhat)) by rows, with g = dy weight and xhat = (x - mean) rstd; in channel norm the last term counts
// 1 / (rstd std) times, which is 1 / (1 - epsilon rstd), and not at all in a row of one value, whose xhat is 0. And of the group's rows the
// sums of dy and of dy xhat -> partial[(2 g + {0, 1}) * columns + c].  Rows as in layer_norm, a few at a time: their sums, then their dx column by
// column.  Reads 8, writes 4 bytes an element; rows are read twice, the second time from cache. dx may be dy.
#define ROWS 4
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void layer_norm_dx(
    const uint rows, const uint chunk, const uint columns, const __global float *dy, const uint dy_offset, const __global float *x,
    const uint x_offset, const __global float *weight, const uint weight_offset, const __global float *stats, const uint stats_offset,
    __global float *dx, const uint dx_offset, __global float *partial, const uint partial_offset, const float epsilon)
{
    GROUP_SCRATCH
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), item = get_local_id(0);
    const float part = 1.0f / (float)columns;
    weight += weight_offset;
    stats += stats_offset;
    partial += partial_offset + (ulong)get_group_id(0) * 2 * columns;
    for (uint r = begin; r < end; r += ROWS) {
        const uint last = end - r - 1;
        float mean_g[ROWS], mean_along[ROWS];
#pragma unroll
        for (uint k = 0; k < ROWS; k++) {
            const ulong row = (ulong)(r + min(k, last)) * columns;
            const float mean = stats[2 * (r + min(k, last))], rstd = stats[2 * (r + min(k, last)) + 1];
            floatv sum = (floatv)(0.0f), along = (floatv)(0.0f);
            for (uint c = item * VW; c < columns; c += WG * VW) {
                const uint n = columns - c;
                const floatv g = load_lanes(dy + dy_offset + row + c, n) * load_lanes(weight + c, n);
                sum += g;
                along += g * (load_lanes(x + x_offset + row + c, n) - mean);
            }
            mean_g[k] = GROUP_SUM(sum_lanes(sum)) * part;
            mean_along[k] = GROUP_SUM(sum_lanes(along)) * rstd * part;
#if OUTSIDE
            mean_along[k] *= 1.0f - epsilon * rstd > 0.0f ? 1.0f / (1.0f - epsilon * rstd) : 0.0f;
#endif
        }
        for (uint c = item * VW; c < columns; c += WG * VW) {
            const uint n = columns - c;
            const floatv factor = load_lanes(weight + c, n);
            floatv sum = (floatv)(0.0f), along = (floatv)(0.0f);
            if (r > begin) {
                sum = load_lanes(partial + c, n);
                along = load_lanes(partial + columns + c, n);
            }
#pragma unroll
            for (uint k = 0; k < ROWS; k++)
                if (k <= last) {
                    const ulong at = (ulong)(r + k) * columns + c;
                    const float mean = stats[2 * (r + k)], rstd = stats[2 * (r + k) + 1];
                    const floatv up = load_lanes(dy + dy_offset + at, n), xhat = (load_lanes(x + x_offset + at, n) - mean) * rstd;
                    const floatv g = up * factor;    // rounded as in the mean, so that what cancels does
                    sum += up;
                    along += up * xhat;
                    stream_lanes((g - mean_g[k] - xhat * mean_along[k]) * rstd, dx + dx_offset + at, n);
                }
            store_lanes(sum, partial + c, n);
            store_lanes(along, partial + columns + c, n);
        }
    }
}

// Takes `count` values, of mean `mean` and sum of squared deviations `square` within themselves, into those taken so far (Chan, Golub and
// LeVeque 1979).
#define TAKE(count, mean, square)                                                       \
    do {                                                                                \
        const float share = (float)(count) / (seen + (float)(count));                   \
        const floatv apart = (mean) - centre;                                           \
        squares += (square) + apart * apart * (seen * share);                           \
        centre += apart * share;                                                        \
        seen += (float)(count);                                                         \
    } while (0)

// Mean and sum of squared deviations of each column over the group's rows [g * chunk, (g + 1) * chunk) -> partial[(2 g + {0, 1}) * columns
// + c]. A block of rows is in registers for both its passes; means are kept as distances from the first row, which keeps their digits.
// Reads 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void batch_norm_partial(const uint rows, const uint chunk, const uint columns,
                                                                                 const __global float *x, const uint x_offset,
                                                                                 __global float *partial, const uint partial_offset)
{
    COLUMN_SCRATCH
    const uint lanes = column_lanes(columns), side = get_local_id(0) % lanes, down = get_local_id(0) / lanes, step = WG / lanes;
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), span = WG == 1 ? BLOCK : end - begin;
    partial += partial_offset + (ulong)get_group_id(0) * 2 * columns;
    x += x_offset;
    for (uint top = begin; top < end; top += span)
        for (uint first = 0; first < columns; first += lanes * VW) {
            const uint c = first + side * VW, n = lanes_at(c, columns), bottom = min(top + span, end);
            const __global float *in = x + (n > 0 ? c : 0);
            const floatv origin = load_lanes(in + (ulong)begin * columns, n);
            floatv centre = (floatv)(0.0f), squares = (floatv)(0.0f);
            float seen = 0.0f;
            uint r = top + down * BLOCK;
            FETCH_SPAN(x, c);
            if (top > begin) {
                centre = load_lanes(partial + c, n);
                squares = load_lanes(partial + columns + c, n);
                seen = (float)(top - begin);
            }
            for (; r + BLOCK <= bottom; r += step * BLOCK) {
                floatv v[BLOCK], sum = (floatv)(0.0f), square = (floatv)(0.0f);
#pragma unroll
                for (uint k = 0; k < BLOCK; k++) {
                    v[k] = load_lanes(in + (ulong)(r + k) * columns, n) - origin;
                    sum += v[k];
                }
                const floatv mean = sum * (1.0f / BLOCK);
#pragma unroll
                for (uint k = 0; k < BLOCK; k++)
                    square += (v[k] - mean) * (v[k] - mean);
                TAKE(BLOCK, mean, square);
            }
            for (; r < bottom; r++)
                TAKE(1, load_lanes(in + (ulong)r * columns, n) - origin, (floatv)(0.0f));
#if WG > 1
            const floatv mean = COLUMN_SUM(centre * seen, lanes) / (float)(end - begin), apart = centre - mean;
            squares = COLUMN_SUM(squares + apart * apart * seen, lanes);
            centre = mean;
#endif
            if (down == 0) {
                store_lanes(bottom == end ? centre + origin : centre, partial + c, n);
                store_lanes(squares, partial + columns + c, n);
            }
        }
}

// The parts of batch_norm_partial -> stats, and the running statistics moved by `momentum` (unbiased variance).  A work-item does VW
// columns; `parts` groups of `chunk` rows, the last one what is left. Means are added as differences from the first one, which keeps their
// digits.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void batch_norm_finish(
    const uint rows, const uint chunk, const uint columns, const uint parts, const __global float *partial, const uint partial_offset,
    __global float *stats, const uint stats_offset, __global float *running_mean, const uint running_mean_offset,
    __global float *running_var, const uint running_var_offset, const float epsilon, const float momentum)
{
    partial += partial_offset;
    for (uint c = get_global_id(0) * VW; c < columns; c += get_global_size(0) * VW) {
        const uint n = columns - c;
        const floatv first = load_lanes(partial + c, n);
        floatv mean = (floatv)(0.0f), square = (floatv)(0.0f);
        for (uint p = 1; p < parts; p++)
            mean += (load_lanes(partial + (ulong)2 * p * columns + c, n) - first) * (float)min(chunk, rows - p * chunk);
        mean = first + mean / (float)rows;
        for (uint p = 0; p < parts; p++) {
            const floatv d = load_lanes(partial + (ulong)2 * p * columns + c, n) - mean;
            square += load_lanes(partial + (ulong)(2 * p + 1) * columns + c, n) + d * d * (float)min(chunk, rows - p * chunk);
        }
        __global float *old_mean = running_mean + running_mean_offset + c, *old_var = running_var + running_var_offset + c;
        store_lanes(load_lanes(old_mean, n) * (1.0f - momentum) + mean * momentum, old_mean, n);
        store_lanes(load_lanes(old_var, n) * (1.0f - momentum) + square / (float)max(rows - 1, 1u) * momentum, old_var, n);
        store_lanes(mean, stats + stats_offset + c, n);
        store_lanes((floatv)(1.0f) / sqrt(square / (float)rows + epsilon), stats + stats_offset + columns + c, n);
    }
}

// stats of the running statistics, for inference.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void batch_norm_running(const uint columns, const __global float *running_mean,
                                                                                 const uint running_mean_offset,
                                                                                 const __global float *running_var,
                                                                                 const uint running_var_offset, __global float *stats,
                                                                                 const uint stats_offset, const float epsilon)
{
    for (uint c = get_global_id(0); c < columns; c += get_global_size(0)) {
        stats[stats_offset + c] = running_mean[running_mean_offset + c];
        stats[stats_offset + columns + c] = 1.0f / sqrt(running_var[running_var_offset + c] + epsilon);
    }
}

// y = (x - mean) rstd weight + bias by columns.  Group g does rows [g * chunk, (g + 1) * chunk).  Reads 4, writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void batch_norm_apply(const uint rows, const uint chunk, const uint columns,
                                                                               const __global float *x, const uint x_offset,
                                                                               const __global float *stats, const uint stats_offset,
                                                                               const __global float *weight, const uint weight_offset,
                                                                               const __global float *bias, const uint bias_offset,
                                                                               __global float *y, const uint y_offset)
{
    const uint lanes = column_lanes(columns), side = get_local_id(0) % lanes, down = get_local_id(0) / lanes, step = WG / lanes;
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    stats += stats_offset;
    for (uint r = begin + down; r < end; r += step)
        for (uint c = side * VW; c < columns; c += lanes * VW) {
            const uint n = columns - c;
            const floatv factor = load_lanes(stats + columns + c, n) * load_lanes(weight + weight_offset + c, n);
            const floatv centred = load_lanes(x + x_offset + (ulong)r * columns + c, n) - load_lanes(stats + c, n);
            stream_lanes(centred * factor + load_lanes(bias + bias_offset + c, n), y + y_offset + (ulong)r * columns + c, n);
        }
}

// Sums over the group's rows of dy and of dy xhat -> partial[(2 g + {0, 1}) * columns + c].  Reads 8 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void batch_norm_sums(const uint rows, const uint chunk, const uint columns,
                                                                              const __global float *dy, const uint dy_offset,
                                                                              const __global float *x, const uint x_offset,
                                                                              const __global float *stats, const uint stats_offset,
                                                                              __global float *partial, const uint partial_offset)
{
    COLUMN_SCRATCH
    const uint lanes = column_lanes(columns), side = get_local_id(0) % lanes, down = get_local_id(0) / lanes, step = WG / lanes;
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    const uint span = WG == 1 ? clamp(1024 / columns, 2u, (uint)BLOCK) : end - begin;
    partial += partial_offset + (ulong)get_group_id(0) * 2 * columns;
    stats += stats_offset;
    dy += dy_offset;
    x += x_offset;
    for (uint top = begin; top < end; top += span)
        for (uint first = 0; first < columns; first += lanes * VW) {
            const uint c = first + side * VW, n = lanes_at(c, columns), bottom = min(top + span, end), at = n > 0 ? c : 0;
            const floatv mean = load_lanes(stats + at, n), rstd = load_lanes(stats + columns + at, n);
            floatv sum = (floatv)(0.0f), along = (floatv)(0.0f);
            FETCH_SPAN(dy, c);
            FETCH_SPAN(x, c);
            for (uint r = top + down; r < bottom; r += step) {
                const floatv g = load_lanes(dy + (ulong)r * columns + at, n);
                sum += g;
                along += g * (load_lanes(x + (ulong)r * columns + at, n) - mean);
            }
            sum = COLUMN_SUM(sum, lanes);
            along = COLUMN_SUM(along * rstd, lanes);
            if (down == 0 && top > begin) {
                sum += load_lanes(partial + at, n);
                along += load_lanes(partial + columns + at, n);
            }
            if (down == 0) {
                store_lanes(sum, partial + at, n);
                store_lanes(along, partial + columns + at, n);
            }
        }
}

// The parts of batch_norm_sums or layer_norm_dx in their order: dbias = sum of dy, dweight = sum of dy xhat.  A work-item does VW columns.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void norm_sums(const uint columns, const uint parts, const __global float *partial,
                                                                        const uint partial_offset, __global float *dbias,
                                                                        const uint dbias_offset, __global float *dweight,
                                                                        const uint dweight_offset)
{
    partial += partial_offset;
    for (uint c = get_global_id(0) * VW; c < columns; c += get_global_size(0) * VW) {
        const uint n = columns - c;
        floatv sum = (floatv)(0.0f), along = (floatv)(0.0f);
        for (uint p = 0; p < parts; p++) {
            sum += load_lanes(partial + (ulong)2 * p * columns + c, n);
            along += load_lanes(partial + (ulong)(2 * p + 1) * columns + c, n);
        }
        store_lanes(sum, dbias + dbias_offset + c, n);
        store_lanes(along, dweight + dweight_offset + c, n);
    }
}

// dx = rstd weight (dy - (dbias + xhat dweight) part) by columns: part = 1 / rows where the statistics were the batch's, 0 where they were
// constants. Rows as in batch_norm_apply.  Reads 8, writes 4 bytes an element; dx may be dy.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void batch_norm_dx(
    const uint rows, const uint chunk, const uint columns, const __global float *dy, const uint dy_offset, const __global float *x,
    const uint x_offset, const __global float *stats, const uint stats_offset, const __global float *weight, const uint weight_offset,
    const __global float *dbias, const uint dbias_offset, const __global float *dweight, const uint dweight_offset, __global float *dx,
    const uint dx_offset, const float part)
{
    const uint lanes = column_lanes(columns), side = get_local_id(0) % lanes, down = get_local_id(0) / lanes, step = WG / lanes;
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    stats += stats_offset;
    for (uint r = begin + down; r < end; r += step)
        for (uint c = side * VW; c < columns; c += lanes * VW) {
            const uint n = columns - c;
            const floatv rstd = load_lanes(stats + columns + c, n);
            const floatv xhat = (load_lanes(x + x_offset + (ulong)r * columns + c, n) - load_lanes(stats + c, n)) * rstd;
            const floatv mean_g = load_lanes(dbias + dbias_offset + c, n) * part,
                         mean_along = load_lanes(dweight + dweight_offset + c, n) * part;
            const floatv g = load_lanes(dy + dy_offset + (ulong)r * columns + c, n) - mean_g - xhat * mean_along;
            stream_lanes(g * rstd * load_lanes(weight + weight_offset + c, n), dx + dx_offset + (ulong)r * columns + c, n);
        }
}
