// What the two kernels of attention on processors share. Scores stand turned: a row is a key, and lanes are queries, so that maxima, sums and
// exponentials go by whole vectors, each lane for itself, and rows of keys and values are read as they lie.
#ifndef CLMIX_ATTENTION_WIDE_H
#define CLMIX_ATTENTION_WIDE_H

#include "attention_dropout.h"
#include "math.h"
#include "random_half.h"
#include "reduce.h"

#ifndef MR
#define MR 8             // 4, 8: rows of a register tile, a divisor of VW
#endif
#define NRV 2            // vectors across a register tile
#ifndef HEAD
#define HEAD 32          // width of a head of queries and keys
#endif
#ifndef VALUE
#define VALUE 32         // and of values
#endif
#ifndef KEYS
#define KEYS 64          // most keys of a block, a multiple of 8
#endif
#ifndef QUERIES
#define QUERIES 64       // most queries of a block, a multiple of VW and of 8
#endif
#ifndef RANGED
#define RANGED 0         // 1: each query sees keys of a range, causal or in windows
#endif
#ifndef MASKED
#define MASKED 0         // 1: keys have a mask
#endif
#ifndef DROPOUT
#define DROPOUT 0        // 1: weights are dropped
#endif
#define NR (NRV * VW)
#define WHOLE(width)     (((width) + VW - 1) / VW * VW)
#define HEAD_PITCH       WHOLE(HEAD)
#define VALUE_PITCH      WHOLE(VALUE)

// As in gemm_wide.cl: tile sizes are constant arguments of inlined functions, and loops count to a macro.
#define INLINE static inline __attribute__((always_inline))

typedef CLMIX_JOIN(int, VW) intv;
#if VW == 4
#define LANES (intv)(0, 1, 2, 3)
#elif VW == 8
#define LANES (intv)(0, 1, 2, 3, 4, 5, 6, 7)
#else
#define LANES (intv)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#endif

// ---- tiles ----------------------------------------------------------------------------------------------------------------------------

INLINE void tile_fill(floatv c[MR][NRV], const uint vectors, const float x)
{
#pragma unroll
    for (uint i = 0; i < MR; i++)
#pragma unroll
        for (uint j = 0; j < NRV; j++)
            if (j < vectors)
                c[i][j] = (floatv)(x);
}

// c += A B over `count` steps: A(i, k) = a[i * a_row + k * a_step], B(k, .) the vectors at b + k * b_pitch.
INLINE void tile_products(floatv c[MR][NRV], const uint vectors, const __local float *a, const uint a_row, const uint a_step,
                          const __local float *b, const uint b_pitch, const uint count)
{
    for (uint k = 0; k < count; k++) {
        floatv step[NRV];
#pragma unroll
        for (uint j = 0; j < NRV; j++)
            if (j < vectors)
                step[j] = LOADV_LOCAL(b + j * VW);
#pragma unroll
        for (uint i = 0; i < MR; i++) {
            const floatv v = (floatv)(a[i * a_row]);
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors)
                    c[i][j] = FMA(v, step[j], c[i][j]);
        }
        a += a_step;
        b += b_pitch;
    }
}

// Scores of MR keys for a panel of queries: bias + keys queries.
INLINE void tile_scores(floatv c[MR][NRV], const uint vectors, const __local float *keys, const __local float *bias, const __local float *panel)
{
#pragma unroll
    for (uint i = 0; i < MR; i++)
#pragma unroll
        for (uint j = 0; j < NRV; j++)
            if (j < vectors)
                c[i][j] = (floatv)(bias[i]);
    tile_products(c, vectors, keys, HEAD_PITCH, 1, panel, NR, HEAD);
}

// A tile in local memory, whose rows are `pitch` floats apart, times row[i], plus A B.
INLINE void tile_add_local(const uint vectors, __local float *c, const uint pitch, const __local float *factor, const __local float *a,
                           const uint a_row, const uint a_step, const __local float *b, const uint b_pitch, const uint count)
{
    floatv sum[MR][NRV];
#pragma unroll
    for (uint i = 0; i < MR; i++)
#pragma unroll
        for (uint j = 0; j < NRV; j++)
            if (j < vectors)
                sum[i][j] = LOADV_LOCAL(c + i * pitch + j * VW) * factor[i];
    tile_products(sum, vectors, a, a_row, a_step, b, b_pitch, count);
#pragma unroll
    for (uint i = 0; i < MR; i++)
#pragma unroll
        for (uint j = 0; j < NRV; j++)
            if (j < vectors)
                STOREV_LOCAL(sum[i][j], c + i * pitch + j * VW);
}

// e^(score - most) in the scores' place; returns the sum.
INLINE floatv strip_weights(__local float *strip, const uint count, const floatv most)
{
    floatv sum = (floatv)(0.0f);
    for (uint j = 0; j < count; j++) {
        const floatv e = clmix_exp(LOADV_LOCAL(strip + j * NR) - most);
        STOREV_LOCAL(e, strip + j * NR);
        sum += e;
    }
    return sum;
}

// ---- blocks in local memory -----------------------------------------------------------------------------------------------------------

// `rows` rows of `columns` floats, times `factor`, as rows of whole vectors; rows of zeros complete the last tile, so that nothing is made of
// what was in local memory before.
INLINE void pack_rows(__local float *to, const __global float *from, const size_t pitch, const uint rows, const uint columns,
                      const float factor)
{
    for (uint r = 0; r < rows; r++)
        for (uint x = 0; x < columns; x += VW)
            STOREV_LOCAL(load_lanes(from + r * pitch + x, columns - x) * factor, to + r * WHOLE(columns) + x);
    for (uint i = rows * WHOLE(columns); i < (rows + MR - 1) / MR * MR * WHOLE(columns); i += VW)
        STOREV_LOCAL((floatv)(0.0f), to + i);
}

// Such rows turned: panels of NR of them, [column][NR], with zeros behind the last row.
INLINE void turn_rows(__local float *to, const __local float *rows, const uint count, const uint columns)
{
    const uint pitch = WHOLE(columns);
    for (uint p = 0; p < count; p += NR, to += columns * NR) {
        const uint some = min((uint)NR, count - p), whole = some / 4 * 4;
        for (uint i = 0; i < whole; i += 4) {
            const __local float *r = rows + (p + i) * pitch;
            uint x = 0;
            for (; x + 4 <= columns; x += 4) {
                const float4 r0 = vload4(0, r + x), r1 = vload4(0, r + pitch + x), r2 = vload4(0, r + 2 * pitch + x),
                             r3 = vload4(0, r + 3 * pitch + x);
                __local float *d = to + x * NR + i;
                vstore4((float4)(r0.x, r1.x, r2.x, r3.x), 0, d);
                vstore4((float4)(r0.y, r1.y, r2.y, r3.y), 0, d + NR);
                vstore4((float4)(r0.z, r1.z, r2.z, r3.z), 0, d + 2 * NR);
                vstore4((float4)(r0.w, r1.w, r2.w, r3.w), 0, d + 3 * NR);
            }
            for (; x < columns; x++)
                vstore4((float4)(r[x], r[pitch + x], r[2 * pitch + x], r[3 * pitch + x]), 0, to + x * NR + i);
        }
        for (uint i = whole; i < NR; i++)
            for (uint x = 0; x < columns; x++)
                to[x * NR + i] = i < some ? rows[(p + i) * pitch + x] : 0.0f;
    }
}

// What is added to the scores of `count` keys, and of those behind them up to whole tiles: 0, or minus infinity where a key is not to be seen.
INLINE void key_bias(__local float *bias, const __global int *mask, const uint count)
{
    for (uint j = 0; j < (count + MR - 1) / MR * MR; j++)
#if MASKED
        bias[j] = j < count && mask[j] != 0 ? 0.0f : -INFINITY;
#else
        bias[j] = j < count ? 0.0f : -INFINITY;
#endif
}

// ---- which keys a query sees ----------------------------------------------------------------------------------------------------------

// Of query i: keys first_key .. end_key - 1.
static inline uint first_key(const uint i, const uint window)
{
    return window == 0 || i < 2 * window ? 0 : (i / window - 1) * window;
}

static inline uint end_key(const uint i, const uint keys, const uint window, const uint causal)
{
    const uint end = window == 0 ? keys : min(keys, (i / window + 2) * window);
    return causal ? min(i + 1, end) : end;
}

// The same for the queries i .. i + VW - 1 of each vector.
INLINE void key_range(intv first[NRV], intv end[NRV], const uint i, const uint keys, const uint window, const uint causal)
{
#if RANGED
    for (uint j = 0; j < NRV; j++) {
        int from[VW], to[VW];
        for (uint lane = 0; lane < VW; lane++) {
            from[lane] = (int)first_key(min(i + j * VW + lane, keys - 1), window);
            to[lane] = (int)end_key(min(i + j * VW + lane, keys - 1), keys, window, causal);
        }
        first[j] = CLMIX_JOIN(vload, VW)(0, from);
        end[j] = CLMIX_JOIN(vload, VW)(0, to);
    }
#endif
}
#if RANGED
#define SEEN(x, key, first, end, other) \
    ((((intv)((int)(key)) >= (first)) & ((intv)((int)(key)) < (end))) ? (x) : (floatv)(other))
#else
#define SEEN(x, key, first, end, other) (x)
#endif

// ---- dropped weights ------------------------------------------------------------------------------------------------------------------

#if DROPOUT
typedef CLMIX_JOIN(uint, VW) uintv;

// attention_words of the queries i .. i + VW - 1, a lane each: even and odd lanes by themselves. A processor of this form has the low half of
// 64 bits first.
INLINE void words_lanes(const uint2 key, const uint i, const uint block, uintv words[4])
{
    const ulongh first = (ulongh)(i) + HALF_LANES * (ulongh)(2), none = (ulongh)(0);
    ulongh even[4] = { (ulongh)(block), first, none, none }, odd[4] = { (ulongh)(block), first + (ulongh)(1), none, none };
    random_half(key, even);
    random_half(key, odd);
    for (uint w = 0; w < 4; w++)
        words[w] = CLMIX_JOIN(as_uint, VW)(LOW_HALF(even[w]) | odd[w] << (ulongh)(32));
}

// Marks the weights of `count` keys from `key` on, a multiple of 8, and of the queries i .. i + VW - 1, rows `pitch` apart: one that is
// dropped gets `dropped`, which may be an expression of x, the weight.
#define DROP_WEIGHTS(weights, pitch, seed, i, key, count, threshold, dropped)                                           \
    for (uint top_ = 0; top_ < (count); top_ += 8) {                                                                    \
        uintv words_[4];                                                                                                \
        words_lanes(seed, i, ((key) + top_) / 8, words_);                                                               \
        for (uint e_ = 0; e_ < 8 && top_ + e_ < (count); e_++) {                                                        \
            const uintv number_ = e_ % 2 == 0 ? words_[e_ / 2] & (uintv)(0xFFFFu) : words_[e_ / 2] >> (uintv)(16);      \
            __local float *at_ = (weights) + (top_ + e_) * (pitch);                                                     \
            const floatv x = LOADV_LOCAL(at_);                                                                          \
            STOREV_LOCAL(number_ >= (uintv)(threshold) ? x : (dropped), at_);                                           \
        }                                                                                                               \
    }
#define RANDOM_ARGUMENTS                                                                                                \
    , const __global uint *random, const uint random_offset, const uint op, const uint threshold, const float kept,     \
        const uint share, const uint first_sample
// Of a sample of the plan and a head of queries.
#define RANDOM_KEY(sample, head, heads)                                                                                 \
    attention_key(vload4(0, random + random_offset), op, (random[random_offset + 4] * share + first_sample + (sample)) * (heads) + (head))
#else
#define RANDOM_ARGUMENTS
#endif
#if MASKED
#define MASK_ARGUMENTS , const __global int *mask, const uint mask_offset
#else
#define MASK_ARGUMENTS
#endif

#endif
