// Means of blocks of tokens and their gradient. The last block may have fewer tokens than `block`; a mask leaves tokens out of their blocks.
#include "reduce.h"

#ifndef MASKED
#define MASKED 0    // 0: all tokens are there
#endif
#define PARTS 4     // vectors of a row that go through a block together

// What a sum over `count` tokens is divided by: a block that lacks some has 1e-6 more of them, as the authors have it, which leaves an empty
// one zeros.
static inline float divisor(const float count, const uint block)
{
    return count == (float)block ? count : count + 1e-6f;
}

// y[b][i] = (sum over n of block i of m_n x[b][n]) / divisor, and how many m_n are 1.  Group g does rows [g * chunk, (g + 1) * chunk) of the
// samples' blocks; work-items share out runs of columns.  Reads x once, in rows `x_pitch` apart, writes y and the counts.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void block_means(const uint rows, const uint chunk, const uint columns,
                                                                          const uint block, const uint tokens, const __global float *x,
                                                                          const uint x_offset, const uint x_pitch,
                                                                          const __global int *mask, const uint mask_offset,
                                                                          __global float *counts, const uint counts_offset,
                                                                          __global float *y, const uint y_offset, const uint y_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), runs = (columns + PARTS * VW - 1) / (PARTS * VW);
    const uint blocks = (tokens + block - 1) / block;
    for (uint e = get_local_id(0); e < (end - begin) * runs; e += WG) {
        const uint r = begin + e / runs, left = e % runs * PARTS * VW, first = r % blocks * block, behind = min(first + block, tokens);
        const __global float *in = x + x_offset + (size_t)(r / blocks) * tokens * x_pitch + left;
        const __global int *there = mask + mask_offset + (size_t)(r / blocks) * tokens;
        __global float *out = y + y_offset + (size_t)r * y_pitch + left;
        floatv sum[PARTS];
        float count = 0.0f;
#pragma unroll
        for (uint p = 0; p < PARTS; p++)
            sum[p] = (floatv)(0.0f);
        for (uint n = first; n < behind; n++) {
            if (MASKED && there[n] == 0)
                continue;
            count += 1.0f;
#pragma unroll
            for (uint p = 0; p < PARTS; p++)
                if (left + p * VW < columns)
                    sum[p] += load_lanes(in + (size_t)n * x_pitch + p * VW, columns - left - p * VW);
        }
        if (left == 0)
            counts[counts_offset + r] = count;
#pragma unroll
        for (uint p = 0; p < PARTS; p++)
            if (left + p * VW < columns)
                store_lanes(sum[p] / divisor(count, block), out + p * VW, columns - left - p * VW);
    }
}

// dx[b][n] = m_n dy[b][n / block] / divisor (+ residual[b][n]).  Groups as above, over the tokens of all samples.  Reads dy, mostly from cache, and
// the residual, writes dx.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void block_means_grad(
    const uint rows, const uint chunk, const uint columns, const uint block, const uint tokens, const __global float *dy,
    const uint dy_offset, const uint dy_pitch, const __global int *mask, const uint mask_offset, const __global float *counts,
    const uint counts_offset, const __global float *residual, const uint residual_offset, const uint residual_pitch,
    const uint has_residual, __global float *dx, const uint dx_offset, const uint dx_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), vectors = (columns + VW - 1) / VW;
    const uint blocks = (tokens + block - 1) / block;
    for (uint e = get_local_id(0); e < (end - begin) * vectors; e += WG) {
        const uint r = begin + e / vectors, c = e % vectors * VW, i = r / tokens * blocks + r % tokens / block;
        const float share = !MASKED || mask[mask_offset + r] != 0 ? 1.0f / divisor(counts[counts_offset + i], block) : 0.0f;
        floatv value = load_lanes(dy + dy_offset + (size_t)i * dy_pitch + c, columns - c) * share;
        if (has_residual)
            value += load_lanes(residual + residual_offset + (size_t)r * residual_pitch + c, columns - c);
        store_lanes(value, dx + dx_offset + (size_t)r * dx_pitch + c, columns - c);
    }
}
