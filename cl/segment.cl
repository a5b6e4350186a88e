// Means of segments of tokens, the landmarks of Nystrom attention, and their gradient. Zero rows that make the segments equal, `front` of them in front
// of the tokens and the others behind, are counted and not there.
#include "reduce.h"

#define BLOCK 4    // vectors of a row that go through a segment together

// y[b, g] = (sum over i < length of x[b, g length - front + i]) / length.  Group g does rows [g * chunk, (g + 1) * chunk) of the batch *
// segments of y; work-items share out blocks of columns.  Reads x once, in rows `x_pitch` apart, writes y.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void segment_means(const uint rows, const uint chunk, const uint columns,
                                                                            const uint segments, const uint length, const uint front,
                                                                            const uint tokens, const __global float *x, const uint x_offset,
                                                                            const uint x_pitch, __global float *y, const uint y_offset,
                                                                            const uint y_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), blocks = (columns + BLOCK * VW - 1) / (BLOCK * VW);
    for (uint e = get_local_id(0); e < (end - begin) * blocks; e += WG) {
        const uint r = begin + e / blocks, left = e % blocks * BLOCK * VW;
        const int row = (int)(r % segments * length) - (int)front, first = max(row, 0), behind = clamp(row + (int)length, 0, (int)tokens);
        const __global float *in = x + x_offset + (ulong)(r / segments) * tokens * x_pitch + left;
        __global float *out = y + y_offset + (ulong)r * y_pitch + left;
        floatv sum[BLOCK];
#pragma unroll
        for (uint b = 0; b < BLOCK; b++)
            sum[b] = (floatv)(0.0f);
        for (int n = first; n < behind; n++) {
#pragma unroll
            for (uint b = 0; b < BLOCK; b++)
                if (left + b * VW < columns)
                    sum[b] += load_lanes(in + (ulong)n * x_pitch + b * VW, columns - left - b * VW);
        }
#pragma unroll
        for (uint b = 0; b < BLOCK; b++)
            if (left + b * VW < columns)
                store_lanes(sum[b] / (float)length, out + b * VW, columns - left - b * VW);
    }
}

// dx[b, n] = dy[b, (n + front) / length] / length (+ residual[b, n]).  Groups as above, over the batch * tokens rows of dx.  Reads dy, mostly
// from cache, and the residual, writes dx.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void segment_means_grad(
    const uint rows, const uint chunk, const uint columns, const uint segments, const uint length, const uint front, const uint tokens,
    const __global float *dy, const uint dy_offset, const uint dy_pitch, const __global float *residual, const uint residual_offset,
    const uint residual_pitch, const uint has_residual, __global float *dx, const uint dx_offset, const uint dx_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), vectors = (columns + VW - 1) / VW;
    const float share = 1.0f / (float)length;
    for (uint e = get_local_id(0); e < (end - begin) * vectors; e += WG) {
        const uint r = begin + e / vectors, c = e % vectors * VW, segment = r / tokens * segments + (r % tokens + front) / length;
        floatv value = load_lanes(dy + dy_offset + (ulong)segment * dy_pitch + c, columns - c) * share;
        if (has_residual)
            value += load_lanes(residual + residual_offset + (ulong)r * residual_pitch + c, columns - c);
        store_lanes(value, dx + dx_offset + (ulong)r * dx_pitch + c, columns - c);
    }
}
