// What the simt matrix products and convolutions share: a work-group's TM x TN tile of sums, each work-item PM x PN of it in registers,
// over slabs of TK steps of k that lie in local memory. Each sum is one chain of FMA over k in order, so its bits do not depend on the
// tile. Work-groups are LANES x ROWS work-items.
#ifndef CLMIX_TILE_SIMT_H
#define CLMIX_TILE_SIMT_H

#include "common.h"

#ifndef RUNS
#define RUNS 1          // 1: a work-item's rows and columns are runs of 4 and everything moves as vectors of 4: for GPUs;
                        // 0: its columns are LANES apart and neighbours read floats side by side: for CPU compilers, which make vectors of
                        //    neighbouring work-items, and gather what each of them reads as a vector
#endif
#ifndef TM
#define TM 64           // rows of the tile: 16 .. 256 (from 4 without RUNS), a multiple of PM
#endif
#ifndef TN
#define TN 64           // columns of the tile: 4 .. 128, a multiple of PN
#endif
#ifndef TK
#define TK (RUNS ? 16 : 32)    // steps of k in a slab: 4, 8, 16, 32
#endif
#ifndef PM
#define PM 4            // rows of a work-item: 4, 8; without RUNS any
#endif
#ifndef PN
#define PN 4            // columns of a work-item: 4, 8; without RUNS any
#endif
#define LANES (TN / PN)                     // work-items along a row of the tile
#define ROWS  (TM / PM)                     // and along a column
#define GROUP (LANES * ROWS)

// The work-item's j-th column.
#if RUNS
#define COLUMN(j) ((j) / 4 * 4 * LANES + x * 4 + (j) % 4)
#else
#define COLUMN(j) ((j) * LANES + x)
#endif

#define INLINE static inline __attribute__((always_inline))

INLINE void clear_tile(float sum[PM][PN])
{
#pragma unroll
    for (int i = 0; i < PM; i++)
#pragma unroll
        for (int j = 0; j < PN; j++)
            sum[i][j] = 0.0f;
}

// sum[i][j] += A[y PM + i][k] B[k][column j] for the `steps` steps of a slab, of which those that are missing to TK are zeros with RUNS.
// A's element (m, k) is at m a_row + k a_step, with RUNS a_row is 1; B's (k, n) is at k b_step + n.
INLINE void multiply_slab(float sum[PM][PN], const __local float *a, const int a_row, const int a_step, const __local float *b,
                          const int b_step, const int steps, const int x, const int y)
{
#if RUNS
#pragma unroll 4
    for (int k = 0; k < TK; k++) {
        float av[PM], bv[PN];
#pragma unroll
        for (int i = 0; i < PM; i += 4) {
            const float4 v = *(const __local float4 *)(a + k * a_step + y * PM + i);
            av[i] = v.x, av[i + 1] = v.y, av[i + 2] = v.z, av[i + 3] = v.w;
        }
#pragma unroll
        for (int j = 0; j < PN; j += 4) {
            const float4 v = *(const __local float4 *)(b + k * b_step + j * LANES + x * 4);
            bv[j] = v.x, bv[j + 1] = v.y, bv[j + 2] = v.z, bv[j + 3] = v.w;
        }
#else
    for (int k = 0; k < steps; k++) {
        float av[PM], bv[PN];
#pragma unroll
        for (int i = 0; i < PM; i++)
            av[i] = a[(y * PM + i) * a_row + k * a_step];
#pragma unroll
        for (int j = 0; j < PN; j++)
            bv[j] = b[k * b_step + j * LANES + x];
#endif
#pragma unroll
        for (int i = 0; i < PM; i++)
#pragma unroll
            for (int j = 0; j < PN; j++)
                sum[i][j] = FMA(av[i], bv[j], sum[i][j]);
    }
}

// Four floats of which the first `inside` exist, the others zero.
INLINE float4 load_part(const __global float *p, const int inside)
{
    if (inside >= 4)
        return vload4(0, p);
    float4 v = (float4)(0.0f);
    if (inside > 0)
        v.x = p[0];
    if (inside > 1)
        v.y = p[1];
    if (inside > 2)
        v.z = p[2];
    return v;
}

#endif
