// What the wide product makes ready for its tiles: B packed into local memory, and a strip of A, or its layer norm, in private memory. Of gemm_wide.cl alone, whose
// MR, NR, STRIP, LINE and INLINE it uses.
#ifndef CLMIX_GEMM_WIDE_PACK_H
#define CLMIX_GEMM_WIDE_PACK_H

// Packs `count` steps of k and `columns` <= NR columns of B as [k][NR], the missing columns zero.
INLINE void pack(__local float *to, const __global float *b, const size_t pitch, const uint count, const uint columns)
{
#if TRANSPOSE_B
    const uint whole_columns = columns & ~3u, whole_steps = count & ~3u;
    for (uint j = 0; j < whole_columns; j += 4) {
        const __global float *r = b + j * pitch;
        for (uint k = 0; k < whole_steps; k += 4) {
            const float4 r0 = vload4(0, r + k), r1 = vload4(0, r + pitch + k);
            const float4 r2 = vload4(0, r + 2 * pitch + k), r3 = vload4(0, r + 3 * pitch + k);
            __local float *d = to + k * NR + j;
            vstore4((float4)(r0.x, r1.x, r2.x, r3.x), 0, d);
            vstore4((float4)(r0.y, r1.y, r2.y, r3.y), 0, d + NR);
            vstore4((float4)(r0.z, r1.z, r2.z, r3.z), 0, d + 2 * NR);
            vstore4((float4)(r0.w, r1.w, r2.w, r3.w), 0, d + 3 * NR);
        }
    }
    for (uint j = 0; j < NR; j++)
        for (uint k = j < whole_columns ? whole_steps : 0; k < count; k++)
            to[k * NR + j] = j < columns ? b[j * pitch + k] : 0.0f;
#else
    const uint whole_columns = columns / VW * VW;
    for (uint k = 0; k < count; k++) {
        for (uint j = 0; j < whole_columns; j += VW)
            STOREV_LOCAL(LOADV(b + j), to + j);
        for (uint j = whole_columns; j < NR; j++)
            to[j] = j < columns ? b[j] : 0.0f;
        b += pitch;
        to += NR;
    }
#endif
}

#if COPY_A
#if MR % 8 == 0
#define PIECE 8
#elif MR % 4 == 0
#define PIECE 4
#else
#define PIECE 2
#endif
typedef CLMIX_JOIN(float, PIECE) __attribute__((aligned(4))) pieceu;

// What a strip has in place of x, which is of type `type` and of the weight and bias at `at`.
#if PROLOGUE
#define STATS_OF(n)              const float mean = stats[2 * (n)], rstd = stats[2 * (n) + 1];
#define PREPARED(type, x, at)    (((x) - mean) * rstd * *(const __global type *)(weight + (at)) + *(const __global type *)(bias + (at)))
#define STRIP_ARGUMENTS          , const __global float *stats, const __global float *weight, const __global float *bias
#define STRIP_NORM(token, channel)                                                                                    \
    , stats + stats_offset + 2 * (size_t)(token), norm_weight + norm_weight_offset + (channel), norm_bias + norm_bias_offset + (channel)
#else
#define STATS_OF(n)
#define PREPARED(type, x, at)    (x)
#define STRIP_ARGUMENTS
#define STRIP_NORM(token, channel)
#endif

// Copies a strip of A, `rows` by `count`, for all tiles of it, or its layer norm: [MR][STRIP + LINE], which keeps rows apart in the cache, or
// where A is transposed [count][MR]. `stats`, `weight` and `bias` are at the strip's first place in x.
#define STRIP_PITCH (TRANSPOSE_A ? MR : STRIP + LINE)
INLINE void copy_strip(float *strip, const __global float *a, const size_t pitch, const uint rows, const uint count STRIP_ARGUMENTS)
{
#if TRANSPOSE_A
    const uint whole = rows == MR ? MR / PIECE * PIECE : 0;
    for (uint k = 0; k < count; k++) {
        const __global float *from = a + k * pitch;
        STATS_OF(k)
#pragma unroll
        for (uint i = 0; i < MR / PIECE * PIECE; i += PIECE)
            if (i < whole)
                *(pieceu *)(strip + k * MR + i) = PREPARED(pieceu, *(const __global pieceu *)(from + i), i);
        for (uint i = whole; i < rows; i++)
            strip[k * MR + i] = PREPARED(float, from[i], i);
    }
#else
    const uint whole = count / VW * VW;
    for (uint i = 0; i < rows; i++) {
        const __global float *from = a + i * pitch;
        float *to = strip + i * STRIP_PITCH;
        STATS_OF(i)
        for (uint k = 0; k < whole; k += VW)
            *(floatvu *)(to + k) = PREPARED(floatvu, LOADV(from + k), k);
        for (uint k = whole; k < count; k++)
            to[k] = PREPARED(float, from[k], k);
    }
#endif
}
#endif

#endif
