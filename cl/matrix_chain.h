// Products of small square matrices that a work-group keeps in memory of its own, one after another: SIDE x SIDE floats each, SIDE a multiple
// of 16, dense. What a matrix lacks to that size is zeros.
//
// A factor:  c = alpha A B + beta d + gamma I, A's element (i, k) at a[i a_row + k a_step], so that a transpose costs nothing; c may be d, but
// neither A nor B. Each sum is one chain of FMA over k in order. Wide: a work-item's tile of MR x NR in registers, the matrices in its caches.
// Simt: a group's tiles of TM x TN over slabs in local memory (tile_simt.h); a barrier comes before the first read, and SYNC behind what
// work-items wrote for each other. Kernels go through their factors in a loop: each copy of a product's code costs registers.
#ifndef CLMIX_MATRIX_CHAIN_H
#define CLMIX_MATRIX_CHAIN_H

#include "reduce.h"

#ifndef SIDE
#define SIDE 64    // a multiple of 16, and of TM and TN
#endif
#define SQUARE ((uint)SIDE * SIDE)

struct factor {
    uint c, a, b, d;    // places of matrices in the group's memory
    uint a_row, a_step;
    float alpha, beta, gamma;
};
#define PLAIN  SIDE, 1    // a_row, a_step
#define TURNED 1, SIDE

#if CLMIX_WIDE
#define INLINE static inline __attribute__((always_inline))
#define ROW_VECTORS (SIDE / VW)
#if VW == 16 && ROW_VECTORS % 4 == 0
#define NRV 4
#define MR  4
#elif VW == 16 && ROW_VECTORS % 3 == 0
#define NRV 3
#define MR  4
#elif ROW_VECTORS % 2 == 0
#define NRV 2
#define MR  (VW == 16 ? 8 : 4)
#else
#define NRV 1
#define MR  8
#endif
#define SYNC
#define CHAIN_SCRATCH

INLINE void product(__global float *chain, const struct factor f)
{
    const __global float *const a = chain + f.a * SQUARE, *const b = chain + f.b * SQUARE, *const d = chain + f.d * SQUARE;
    __global float *const c = chain + f.c * SQUARE;
    for (uint top = 0; top < SIDE; top += MR)
        for (uint left = 0; left < SIDE; left += NRV * VW) {
            const __global float *ak = a + top * f.a_row, *bk = b + left;
            floatv sum[MR][NRV];
#pragma unroll
            for (uint i = 0; i < MR; i++)
#pragma unroll
                for (uint j = 0; j < NRV; j++)
                    sum[i][j] = (floatv)(0.0f);
            for (uint k = 0; k < SIDE; k++) {
                floatv step[NRV];
#pragma unroll
                for (uint j = 0; j < NRV; j++)
                    step[j] = LOADV(bk + j * VW);
#pragma unroll
                for (uint i = 0; i < MR; i++) {
                    const floatv v = (floatv)(ak[i * f.a_row]);
#pragma unroll
                    for (uint j = 0; j < NRV; j++)
                        sum[i][j] = FMA(v, step[j], sum[i][j]);
                }
                ak += f.a_step;
                bk += SIDE;
            }
#pragma unroll
            for (uint i = 0; i < MR; i++)
#pragma unroll
                for (uint j = 0; j < NRV; j++) {
                    const uint at = (top + i) * SIDE + left + j * VW;
                    STOREV(f.alpha * sum[i][j] + f.beta * LOADV(d + at), c + at);
                }
        }
    for (uint i = 0; i < SIDE && f.gamma != 0.0f; i++)
        c[i * (SIDE + 1)] += f.gamma;
}
#else
#include "tile_simt.h"

#define A_STEP (TM + 4)
#define SYNC   barrier(CLK_GLOBAL_MEM_FENCE);
#define CHAIN_SCRATCH                                                  \
    __local float chain_a[TK * A_STEP] __attribute__((aligned(16)));   \
    __local float chain_b[TK * TN] __attribute__((aligned(16)));
#define product(chain, f) product_simt(chain, f, chain_a, chain_b)

INLINE void product_simt(__global float *chain, const struct factor f, __local float *as, __local float *bs)
{
    const uint a = f.a * SQUARE, b = f.b * SQUARE, c = f.c * SQUARE, d = f.d * SQUARE;    // a group's memory has fewer than 2^32 floats
    const int item = get_local_id(0), x = item % LANES, y = item / LANES;
#pragma unroll 1
    for (int top = 0; top < SIDE; top += TM)
#pragma unroll 1
        for (int left = 0; left < SIDE; left += TN) {
            float sum[PM][PN];
            clear_tile(sum);
#pragma unroll 1
            for (int k0 = 0; k0 < SIDE; k0 += TK) {
                barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
                for (int t = item; t < TK * TM; t += GROUP) {
                    const int i = f.a_row == 1 ? t % TM : t / TK, k = f.a_row == 1 ? t / TM : t % TK;
                    as[k * A_STEP + i] = chain[a + (top + i) * f.a_row + (k0 + k) * f.a_step];
                }
                for (int t = item; t < TK * TN; t += GROUP)
                    bs[t] = chain[b + (k0 + t / TN) * SIDE + left + t % TN];
                barrier(CLK_LOCAL_MEM_FENCE);
                multiply_slab(sum, as, 1, A_STEP, bs, TN, TK, x, y);
            }
#pragma unroll
            for (int i = 0; i < PM; i++)
#pragma unroll
                for (int j = 0; j < PN; j++) {
                    const int row = top + y * PM + i, column = left + COLUMN(j), at = row * SIDE + column;
                    chain[c + at] = f.alpha * sum[i][j] + f.beta * chain[d + at] + (row == column ? f.gamma : 0.0f);
                }
        }
}
#endif

// u = f (t + t^T) + g w, of places in the group's memory, by blocks of 4 x 4.
INLINE void add_transpose(__global float *chain, const uint u, const float f, const uint t, const float g, const uint w)
{
    const __global float *const from = chain + t * SQUARE, *const added = chain + w * SQUARE;
    __global float *const to = chain + u * SQUARE;
#pragma unroll 1
    for (uint block = get_local_id(0); block < SQUARE / 16; block += WG) {
        const uint i = block / (SIDE / 4) * 4, j = block % (SIDE / 4) * 4;
        const __global float *across = from + j * SIDE + i;
        const float4 t0 = vload4(0, across), t1 = vload4(0, across + SIDE), t2 = vload4(0, across + 2 * SIDE), t3 = vload4(0, across + 3 * SIDE);
        const float4 turned[4] = { (float4)(t0.x, t1.x, t2.x, t3.x), (float4)(t0.y, t1.y, t2.y, t3.y), (float4)(t0.z, t1.z, t2.z, t3.z),
                                   (float4)(t0.w, t1.w, t2.w, t3.w) };
#pragma unroll
        for (uint r = 0; r < 4; r++) {
            const uint at = (i + r) * SIDE + j;
            vstore4(f * (vload4(0, from + at) + turned[r]) + g * vload4(0, added + at), 0, to + at);
        }
    }
}

#endif
