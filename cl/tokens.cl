// What is done to whole tokens: masks, scales of their channels, means of those up to each, products with a table of tokens.
#include "reduce.h"

// Rows of x whose mask is not 0, zeros in the others.  Group g does rows [g * chunk, min(rows, (g + 1) * chunk)). Reads x once, writes y.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void mask_tokens(const uint rows, const uint chunk, const uint columns,
                                                                         const __global float *x, const uint x_offset, const uint x_pitch,
                                                                         const __global int *mask, const uint mask_offset,
                                                                         __global float *y, const uint y_offset, const uint y_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), vectors = (columns + VW - 1) / VW;
    for (uint e = get_local_id(0); e < (end - begin) * vectors; e += WG) {
        const uint r = begin + e / vectors, c = e % vectors * VW;
        const floatv v = mask[mask_offset + r] != 0 ? load_lanes(x + x_offset + (ulong)r * x_pitch + c, columns - c) : (floatv)(0.0f);
        store_lanes(v, y + y_offset + (ulong)r * y_pitch + c, columns - c);
    }
}

// y[b][n][c] = x[b][n][c] scale[b][c].  Rows as above, `tokens` of a sample one behind the other.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void scale_channels(const uint rows, const uint chunk, const uint columns,
                                                                            const uint tokens, const __global float *x,
                                                                            const uint x_offset, const uint x_pitch,
                                                                            const __global float *scale, const uint scale_offset,
                                                                            __global float *y, const uint y_offset, const uint y_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), vectors = (columns + VW - 1) / VW;
    for (uint e = get_local_id(0); e < (end - begin) * vectors; e += WG) {
        const uint r = begin + e / vectors, c = e % vectors * VW;
        const floatv s = load_lanes(scale + scale_offset + (size_t)(r / tokens) * columns + c, columns - c);
        store_lanes(load_lanes(x + x_offset + (ulong)r * x_pitch + c, columns - c) * s, y + y_offset + (ulong)r * y_pitch + c, columns - c);
    }
}

// sum[b][c] = sum over n of a[b][n][c] b[b][n][c], in order.  A work-item a vector of a sample's channels, `count` of them.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void channel_dots(const uint count, const uint chunk, const uint tokens,
                                                                          const uint columns, const __global float *a,
                                                                          const uint a_offset, const uint a_pitch, const __global float *b,
                                                                          const uint b_offset, const uint b_pitch, __global float *sum,
                                                                          const uint sum_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), vectors = (columns + VW - 1) / VW;
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const uint sample = i / vectors, c = i % vectors * VW, n = columns - c;
        const __global float *left = a + a_offset + (size_t)sample * tokens * a_pitch + c;
        const __global float *right = b + b_offset + (size_t)sample * tokens * b_pitch + c;
        floatv s = (floatv)(0.0f);
        for (uint t = 0; t < tokens; t++)
            s = FMA(load_lanes(left + (size_t)t * a_pitch, n), load_lanes(right + (size_t)t * b_pitch, n), s);
        store_lanes(s, sum + sum_offset + (size_t)sample * columns + c, n);
    }
}

// ---- running means -----------------------------------------------------------------------------------------------------------------------
// y_n = share_n (sum over t <= n of m_t x_t), share_n = 1 / max(1, sum over t <= n of m_t);  dx_t = m_t (sum over n >= t of share_n dy_n).
// Tokens are cut into chunks of `length`, whose sums are made first. A work-item does a vector of a chunk's channels, `count` of all chunks.
// BACK: x is dy, and sums go from the last token on.

#ifndef BACK
#define BACK 0    // 0, 1
#endif
#ifndef MASKED
#define MASKED 0    // 0: all tokens are there
#endif
#define THERE(n) (!MASKED || mask[n] != 0)

#define RUNNING_ITEM                                                                                                                      \
    const uint vectors = (columns + VW - 1) / VW, sample = i / vectors / chunks, part = i / vectors % chunks, c = i % vectors * VW;        \
    const uint lanes = columns - c, first = part * length, behind = min(first + length, tokens);                                           \
    const __global float *from = x + x_offset + (size_t)sample * tokens * x_pitch + c;                                                     \
    const __global int *mask = masks + masks_offset + (size_t)sample * tokens;                                                             \
    const size_t row = (size_t)sample * tokens;

// Each chunk's sum, and behind the channels how many tokens are there: columns + VW floats a chunk.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void running_sums(
    const uint count, const uint chunk, const uint tokens, const uint columns, const uint length, const uint chunks,
    const __global float *x, const uint x_offset, const uint x_pitch, const __global int *masks, const uint masks_offset,
    const __global float *share, const uint share_offset, __global float *partial, const uint partial_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        RUNNING_ITEM
        __global float *to = partial + partial_offset + (size_t)(sample * chunks + part) * (columns + VW);
        floatv sum = (floatv)(0.0f);
        float there = 0.0f;
        for (uint n = first; n < behind; n++) {
            const floatv v = load_lanes(from + (size_t)n * x_pitch, lanes);
            if (BACK)
                sum = FMA(v, (floatv)(share[share_offset + row + n]), sum);
            else if (THERE(n)) {
                sum += v;
                there += 1.0f;
            }
        }
        store_lanes(sum, to + c, lanes);
        if (c == 0)
            to[columns] = there;
    }
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void running_means(
    const uint count, const uint chunk, const uint tokens, const uint columns, const uint length, const uint chunks,
    const __global float *x, const uint x_offset, const uint x_pitch, const __global int *masks, const uint masks_offset,
    __global float *share, const uint share_offset, const __global float *partial, const uint partial_offset, __global float *y,
    const uint y_offset, const uint y_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        RUNNING_ITEM
        const __global float *sums = partial + partial_offset + (size_t)sample * chunks * (columns + VW);
        __global float *to = y + y_offset + (size_t)sample * tokens * y_pitch + c;
        floatv sum = (floatv)(0.0f);
        float there = 0.0f;
        for (uint s = BACK ? part + 1 : 0; s < (BACK ? chunks : part); s++) {
            const uint at = BACK ? chunks + part - s : s;
            sum += load_lanes(sums + (size_t)at * (columns + VW) + c, lanes);
            there += sums[(size_t)at * (columns + VW) + columns];
        }
        for (uint step = first; step < behind; step++) {
            const uint n = BACK ? first + behind - 1 - step : step;
            const floatv v = load_lanes(from + (size_t)n * x_pitch, lanes);
            if (BACK) {
                sum = FMA(v, (floatv)(share[share_offset + row + n]), sum);
                store_lanes(THERE(n) ? sum : (floatv)(0.0f), to + (size_t)n * y_pitch, lanes);
            } else {
                if (THERE(n)) {
                    sum += v;
                    there += 1.0f;
                }
                const float factor = 1.0f / fmax(there, 1.0f);
                if (c == 0)
                    share[share_offset + row + n] = factor;
                store_lanes(sum * factor, to + (size_t)n * y_pitch, lanes);
            }
        }
    }
}

// ---- products with a table -----------------------------------------------------------------------------------------------------------------
// y[b][h][n] = sum over c < width of x[b][n][h width + c] table[c][n], table (width, tokens) in rows `table_pitch` apart.

// An element of y a work-item.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void token_dots(const uint count, const uint chunk, const uint tokens,
                                                                        const uint heads, const uint width, const __global float *x,
                                                                        const uint x_offset, const uint x_pitch,
                                                                        const __global float *table, const uint table_offset,
                                                                        const uint table_pitch, __global float *y, const uint y_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const uint n = i % tokens, head = i / tokens % heads, sample = i / tokens / heads;
        const __global float *from = x + x_offset + (size_t)(sample * tokens + n) * x_pitch + head * width;
        float sum = 0.0f;
        for (uint c = 0; c < width; c++)
            sum = FMA(from[c], table[table_offset + (size_t)c * table_pitch + n], sum);
        y[y_offset + i] = sum;
    }
}

// dx of dy: an element a work-item.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void token_dots_grad(const uint count, const uint chunk, const uint tokens,
                                                                             const uint heads, const uint width, const __global float *dy,
                                                                             const uint dy_offset, const __global float *table,
                                                                             const uint table_offset, const uint table_pitch,
                                                                             __global float *dx, const uint dx_offset, const uint dx_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const uint c = i % width, head = i / width % heads, row = i / width / heads, n = row % tokens, sample = row / tokens;
        dx[dx_offset + (size_t)row * dx_pitch + head * width + c] =
            dy[dy_offset + (size_t)(sample * heads + head) * tokens + n] * table[table_offset + (size_t)c * table_pitch + n];
    }
}

// The gradient of the table, sums over samples and heads in order: an element of (width, tokens) a work-item.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void token_dots_table(const uint count, const uint chunk, const uint tokens,
                                                                              const uint heads, const uint width, const uint samples,
                                                                              const __global float *dy, const uint dy_offset,
                                                                              const __global float *x, const uint x_offset,
                                                                              const uint x_pitch, __global float *dtable,
                                                                              const uint dtable_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const uint n = i % tokens, c = i / tokens;
        float sum = 0.0f;
        for (uint s = 0; s < samples * heads; s++)
            sum = FMA(dy[dy_offset + (size_t)s * tokens + n],
                      x[x_offset + (size_t)(s / heads * tokens + n) * x_pitch + s % heads * width + c], sum);
        dtable[dtable_offset + i] = sum;
    }
}
