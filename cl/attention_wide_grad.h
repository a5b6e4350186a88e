// What gradients of attention on processors share: weights and the gradients of scores again, a panel of queries at a time, and products that are
// added to where they lie.
#ifndef CLMIX_ATTENTION_WIDE_GRAD_H
#define CLMIX_ATTENTION_WIDE_GRAD_H

#include "attention_wide.h"

// The tile of `rows` rows and `columns` columns at c, in global memory, plus A B.
INLINE void tile_add_global(const uint vectors, __global float *c, const size_t pitch, const uint rows, const uint columns,
                            const __local float *a, const uint a_row, const __local float *b, const uint b_pitch, const uint count)
{
    floatv sum[MR][NRV], copy[MR][NRV];
    const bool whole = rows >= MR && columns >= vectors * VW;
    if (whole) {
#pragma unroll
        for (uint i = 0; i < MR; i++)
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors)
                    sum[i][j] = LOADV(c + i * pitch + j * VW);
    } else
        tile_fill(sum, vectors, 0.0f);
    tile_products(sum, vectors, a, a_row, 1, b, b_pitch, count);
    if (whole) {
#pragma unroll
        for (uint i = 0; i < MR; i++)
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors)
                    STOREV(sum[i][j], c + i * pitch + j * VW);
        return;
    }
#pragma unroll
    for (uint i = 0; i < MR; i++)
#pragma unroll
        for (uint j = 0; j < NRV; j++)
            if (j < vectors)
                copy[i][j] = sum[i][j];
#pragma unroll 1
    for (uint i = 0; i < min(rows, (uint)MR); i++)
#pragma unroll 1
        for (uint j = 0; j < vectors; j++) {
            const uint lanes = lanes_at(j * VW, columns);
            __global float *at = c + i * pitch + j * VW;
            store_lanes(load_lanes(at, lanes) + copy[i][j], at, lanes);
        }
}

// C += A B for `rows` rows of `width` columns in global memory.
INLINE void add_rows(__global float *c, const size_t pitch, const uint rows, const uint width, const __local float *a, const __local float *b,
                     const uint count)
{
    for (uint i = 0; i < rows; i += MR) {
        for (uint x = 0; x + NR <= WHOLE(width); x += NR)
            tile_add_global(NRV, c + i * pitch + x, pitch, rows - i, width - x, a + i * QUERIES, QUERIES, b + x, WHOLE(width), count);
        if (WHOLE(width) % NR != 0)
            tile_add_global(1, c + i * pitch + WHOLE(width) / NR * NR, pitch, rows - i, width - WHOLE(width) / NR * NR, a + i * QUERIES, QUERIES,
                            b + WHOLE(width) / NR * NR, WHOLE(width), count);
    }
}

// The weights of `count` keys for the `vectors` vectors of queries in a panel.
INLINE void weights_again(const uint vectors, __local float *weights, const __local float *keys, const __local float *bias,
                          const __local float *panel, const uint count, const __local float *log_sum, const intv first[NRV],
                          const intv end[NRV], const uint key)
{
    for (uint t = 0; t < count; t += MR) {
        floatv c[MR][NRV];
        tile_scores(c, vectors, keys + t * HEAD_PITCH, bias + t, panel);
#pragma unroll
        for (uint j = 0; j < NRV; j++)
            if (j < vectors) {
                const floatv base = LOADV_LOCAL(log_sum + j * VW);
#pragma unroll
                for (uint i = 0; i < MR; i++)
                    STOREV_LOCAL(SEEN(clmix_exp(c[i][j] - base), key + t + i, first[j], end[j], 0.0f),
                                 weights + (t + i) * QUERIES + j * VW);
            }
    }
}

// dS of the same panel. Dropped weights, which have a minus sign, are 0 in `weights` from then on.
INLINE void scores_gradient(const uint vectors, __local float *gradient, __local float *weights, const __local float *values,
                            const __local float *panel, const uint count, const __local float *delta)
{
    for (uint t = 0; t < count; t += MR) {
        floatv c[MR][NRV];
        tile_fill(c, vectors, 0.0f);
        tile_products(c, vectors, values + t * VALUE_PITCH, VALUE_PITCH, 1, panel, NR, VALUE);
#pragma unroll
        for (uint j = 0; j < NRV; j++)
            if (j < vectors) {
                const floatv mean = LOADV_LOCAL(delta + j * VW);
#pragma unroll
                for (uint i = 0; i < MR; i++) {
                    const uint at = (t + i) * QUERIES + j * VW;
                    const floatv p = LOADV_LOCAL(weights + at);
#if DROPOUT
                    const intv dropped = CLMIX_JOIN(as_int, VW)(p) < (intv)(0);
                    STOREV_LOCAL((dropped ? -p : p) * ((dropped ? (floatv)(0.0f) : c[i][j]) - mean), gradient + at);
                    STOREV_LOCAL(dropped ? (floatv)(0.0f) : p, weights + at);
#else
                    STOREV_LOCAL(p * (c[i][j] - mean), gradient + at);
#endif
                }
            }
    }
}

// delta[i] = sum of dy y over a row, and the logarithms of the sums; behind the last query what makes weights 0.
INLINE void row_sums(__local float *delta, __local float *log_sum, const uint n, const __global float *dy, const size_t dy_pitch,
                     const __global float *y, const size_t y_pitch, const __global float *log_sums)
{
    for (uint i = 0; i < n; i++) {
        floatv sum = (floatv)(0.0f);
        for (uint x = 0; x < VALUE; x += VW)
            sum = FMA(load_lanes(dy + i * dy_pitch + x, VALUE - x), load_lanes(y + i * y_pitch + x, VALUE - x), sum);
        delta[i] = sum_lanes(sum);
        log_sum[i] = log_sums[i];
    }
    for (uint i = n; i < WHOLE(n); i++) {
        delta[i] = 0.0f;
        log_sum[i] = INFINITY;
    }
}

#endif
