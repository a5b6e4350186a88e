// Depthwise convolution along tokens with one kernel a head, shared by the head's d features: zero padding of half a kernel, odd K. Values are
// (batch, rows, heads * d) with a pitch; weights [heads][K]. One source for both forms: work-items take runs of rows of VW features.
#include "reduce.h"

#ifndef K
#define K 33    // length of the kernel, odd
#endif
#ifndef TAPS
#define TAPS 11    // taps of which a work-item has the sums at once, at most K
#endif
#define RUN  8                                    // rows of a run, forward
#define SUMS (VW == 16 || !CLMIX_WIDE ? 8 : 4)    // rows of a run, gradient of the weights
#define HALF (K / 2)

// y[b, n, h d + i] = sum over t < K of w[h, t] x[b, n - HALF + t, h d + i] (+ residual[b, n, h d + i]); with `flip` w backwards, which is the
// input gradient.  Index space: (strips of `strip` rows, heads, batch); work-items share out the strip's runs of RUN rows x VW features, in
// which each row of x is read once. Reads x (pitched) once and a bit, writes y (pitched) once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void token_conv(const uint rows, const uint d, const uint strip, const uint flip,
                                                                         const __global float *x, const uint x_offset, const uint x_pitch,
                                                                         const __global float *weight, const uint weight_offset,
                                                                         const __global float *residual, const uint residual_offset,
                                                                         const uint residual_pitch, const uint has_residual,
                                                                         __global float *y, const uint y_offset, const uint y_pitch)
{
    __local float w[K + 2 * (RUN - 1)];    // with zeros around, so that every row of x meets every row of a run
    const uint head = get_group_id(1), begin = get_group_id(0) * strip, end = min(rows, begin + strip), vectors = (d + VW - 1) / VW;
    const ulong sample = (ulong)get_group_id(2) * rows;
    for (int t = get_local_id(0); t < K + 2 * (RUN - 1); t += WG) {
        const int tap = t - (RUN - 1);
        w[t] = tap >= 0 && tap < K ? weight[weight_offset + head * K + (flip ? K - 1 - tap : tap)] : 0.0f;
    }
#if WG > 1
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    x += x_offset + sample * x_pitch + head * d;
    residual += residual_offset + sample * residual_pitch + head * d;
    y += y_offset + sample * y_pitch + head * d;
    for (uint e = get_local_id(0); e < (end - begin + RUN - 1) / RUN * vectors; e += WG) {
        const uint c = e % vectors * VW, lanes = d - c;
        const int first = (int)(begin + e / vectors * RUN), from = max(0, HALF - first), to = min(RUN + K - 1, (int)rows + HALF - first);
        const __global float *in = x + c;
        floatv sum[RUN];
#pragma unroll
        for (int i = 0; i < RUN; i++)
            sum[i] = (floatv)(0.0f);
        for (int j = from; j < to; j++) {
            const floatv v = load_lanes(in + (size_t)(first - HALF + j) * x_pitch, lanes);
            const __local float *tap = w + j;
#pragma unroll
            for (int i = 0; i < RUN; i++)
                sum[i] = FMA((floatv)(tap[RUN - 1 - i]), v, sum[i]);
        }
#pragma unroll
        for (int i = 0; i < RUN; i++) {
            const uint row = first + i;
            if (row < end) {
                if (has_residual)
                    sum[i] += load_lanes(residual + (size_t)row * residual_pitch + c, lanes);
                store_lanes(sum[i], y + (size_t)row * y_pitch + c, lanes);
            }
        }
    }
}

// Adds to sum[t] what a run of rows of dy has for taps tap .. tap + TAPS - 1. `whole`, known when compiled: all rows are there.
static inline __attribute__((always_inline)) void add_run(const bool whole, floatv sum[TAPS], const __global float *x, const uint x_pitch,
                                                          const __global float *dy, const uint dy_pitch, const int first, const int tap,
                                                          const int rows, const uint lanes)
{
    floatv up[SUMS];
#pragma unroll
    for (int i = 0; i < SUMS; i++)
        up[i] = whole || first + i < rows ? load_lanes(dy + (size_t)(first + i) * dy_pitch, lanes) : (floatv)(0.0f);
#pragma unroll
    for (int j = 0; j < SUMS + TAPS - 1; j++) {
        const int row = first - HALF + tap + j;
        const floatv v = whole || (row >= 0 && row < rows) ? load_lanes(x + (size_t)row * x_pitch, lanes) : (floatv)(0.0f);
#pragma unroll
        for (int i = 0; i < SUMS; i++)
            if (j - i >= 0 && j - i < TAPS)
                sum[j - i] = FMA(up[i], v, sum[j - i]);
    }
}

// Partial weight gradients: partial[b * chunks + chunk][h][t] = sum over the chunk's rows n and the features i < d of dy[b, n, h d + i] x[b, n -
// HALF + t, h d + i].  Index space: (blocks of TAPS taps, heads, batch * chunks); work-items share out runs of SUMS rows x VW features.
// Reads both values (pitched) once a block, mostly from cache.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) SUB_GROUPS void token_conv_weight(const uint rows, const uint d, const uint chunk,
                                                                                           const uint chunks, const __global float *x,
                                                                                           const uint x_offset, const uint x_pitch,
                                                                                           const __global float *dy, const uint dy_offset,
                                                                                           const uint dy_pitch, __global float *partial,
                                                                                           const uint partial_offset)
{
    GROUP_SCRATCH
    const uint head = get_group_id(1), begin = get_group_id(2) % chunks * chunk, end = min(rows, begin + chunk);
    const uint runs = (end - begin + SUMS - 1) / SUMS, vectors = (d + VW - 1) / VW;
    const ulong sample = (ulong)(get_group_id(2) / chunks) * rows;
    const int tap = get_group_id(0) * TAPS;
    floatv sum[TAPS];
    x += x_offset + sample * x_pitch + head * d;
    dy += dy_offset + sample * dy_pitch + head * d;
#pragma unroll
    for (int t = 0; t < TAPS; t++)
        sum[t] = (floatv)(0.0f);
    for (uint e = get_local_id(0); e < runs * vectors; e += WG) {
#if WG > 1
        const uint c = e % vectors * VW, run = e / vectors;
#else
        const uint c = e / runs * VW, run = e % runs;
#endif
        const int first = begin + run * SUMS, low = first - HALF + tap;
        if (low >= 0 && low + SUMS + TAPS - 2 < (int)rows && first + SUMS <= (int)end && c + VW <= d)
            add_run(true, sum, x + c, x_pitch, dy + c, dy_pitch, first, tap, rows, VW);
        else
            add_run(false, sum, x + c, x_pitch, dy + c, dy_pitch, first, tap, rows, d - c);
    }
    partial += partial_offset + ((size_t)get_group_id(2) * get_num_groups(1) + head) * K + tap;
#pragma unroll
    for (int t = 0; t < TAPS; t++) {
        const float all = GROUP_SUM(sum_lanes(sum[t]));
        if (get_local_id(0) == 0 && tap + t < K)
            partial[t] = all;
    }
}

// out[e] = sum over the parts of partial[part][e], in their order.  Group g does elements [g * chunk, (g + 1) * chunk).
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void token_conv_sum(const uint count, const uint chunk, const uint parts,
                                                                             const __global float *partial, const uint partial_offset,
                                                                             __global float *out, const uint out_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint e = begin + get_local_id(0); e < end; e += WG) {
        float sum = 0.0f;
        for (uint part = 0; part < parts; part++)
            sum += partial[partial_offset + (size_t)part * count + e];
        out[out_offset + e] = sum;
    }
}
