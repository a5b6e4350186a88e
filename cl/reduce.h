// Sums and maxima over the lanes of a vector and over a work-group, and vectors of which only the first lanes exist (the last columns of a
// row).
#ifndef CLMIX_REDUCE_H
#define CLMIX_REDUCE_H

#include "common.h"

// Fixed trees, so that the order of additions depends on VW alone.
static inline float sum4(const float4 v)
{
    return (v.x + v.z) + (v.y + v.w);
}

// The larger of two, `b` where `a` is a NaN: fmax in one instruction, as long as `b` is never a NaN.
#define LARGER(a, b) ((a) > (b) ? (a) : (b))

static inline float max4(const float4 v)
{
    const float2 pair = LARGER(v.lo, v.hi);
    return LARGER(pair.x, pair.y);
}

static inline float sum_lanes(const floatv v)
{
#if VW == 1
    return v;
#elif VW == 4
    return sum4(v);
#elif VW == 8
    return sum4(v.lo + v.hi);
#else
    return sum4((v.lo + v.hi).lo + (v.lo + v.hi).hi);
#endif
}

// LARGER of vectors.
static inline floatv max_of(const floatv x, const floatv most)
{
    return LARGER(x, most);
}

static inline float max_lanes(const floatv v)
{
#if VW == 1
    return v;
#elif VW == 4
    return max4(v);
#elif VW == 8
    return max4(LARGER(v.lo, v.hi));
#else
    const float8 part = LARGER(v.lo, v.hi);
    return max4(LARGER(part.lo, part.hi));
#endif
}

// The first n <= VW floats at p, zeros behind them, and back. Nothing behind the n-th is touched. In halves, quarters, ...: as many vector
// moves as n has bits, where lane by lane would be as many branches as lanes.
#if VW >= 4
typedef float4 __attribute__((aligned(4))) float4u;

static inline float4 load_some4(const __global float *p, const uint n)
{
    const float odd = n & 1 ? p[n & 2] : 0.0f;
    return n & 2 ? (float4)(p[0], p[1], odd, 0.0f) : (float4)(odd, 0.0f, 0.0f, 0.0f);
}

static inline void store_some4(const float4 v, __global float *p, const uint n)
{
    if (n & 2) {
        p[0] = v.x;
        p[1] = v.y;
    }
    if (n & 1)
        p[n & 2] = n & 2 ? v.z : v.x;
}
#endif
#if VW >= 8
typedef float8 __attribute__((aligned(4))) float8u;

static inline float8 load_some8(const __global float *p, const uint n)
{
    const float4 rest = load_some4(p + (n & 4), n & 3);
    return n & 4 ? (float8)(*(const __global float4u *)p, rest) : (float8)(rest, (float4)(0.0f));
}

static inline void store_some8(const float8 v, __global float *p, const uint n)
{
    if (n & 4)
        *(__global float4u *)p = v.lo;
    store_some4(n & 4 ? v.hi : v.lo, p + (n & 4), n & 3);
}
#endif
#if VW == 16
static inline float16 load_some16(const __global float *p, const uint n)
{
    const float8 rest = load_some8(p + (n & 8), n & 7);
    return n & 8 ? (float16)(*(const __global float8u *)p, rest) : (float16)(rest, (float8)(0.0f));
}

static inline void store_some16(const float16 v, __global float *p, const uint n)
{
    if (n & 8)
        *(__global float8u *)p = v.lo;
    store_some8(n & 8 ? v.hi : v.lo, p + (n & 8), n & 7);
}
#endif

static inline floatv load_lanes(const __global float *p, const uint n)
{
#if VW > 1
    if (n < VW)
        return CLMIX_JOIN(load_some, VW)(p, n);
#else
    if (n == 0)
        return 0.0f;
#endif
    return LOADV(p);
}

static inline void store_lanes(const floatv v, __global float *p, const uint n)
{
    if (n >= VW)
        STOREV(v, p);
#if VW > 1
    else
        CLMIX_JOIN(store_some, VW)(v, p, n);
#endif
}

// store_lanes for results that STREAM may send past the caches.
static inline void stream_lanes(const floatv v, __global float *p, const uint n)
{
    if (n >= VW)
        STREAMV(v, p);
    else
        store_lanes(v, p, n);
}

// Lanes of the columns c .. columns - 1 that a vector at c holds.
static inline uint lanes_at(const uint c, const uint columns)
{
    return c < columns ? min((uint)VW, columns - c) : 0u;
}

// Over a work-group: every work-item gets the result. In the wide form a group is one work-item and there is nothing to do.
#if WG > 1
static inline float group_sum(const float value, __local float *scratch)
{
    const uint item = get_local_id(0);
    scratch[item] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint step = WG / 2; step > 0; step /= 2) {
        if (item < step)
            scratch[item] += scratch[item + step];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float sum = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
}

static inline float group_max(const float value, __local float *scratch)
{
    const uint item = get_local_id(0);
    scratch[item] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint step = WG / 2; step > 0; step /= 2) {
        if (item < step)
            scratch[item] = fmax(scratch[item], scratch[item + step]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float most = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return most;
}

// Work-items stand as `lanes` columns (of VW floats) times WG / lanes rows: the sum of what those of one column hold, in order of their
// rows.
static inline floatv group_column_sum(const floatv value, const uint lanes, __local floatv *scratch)
{
    scratch[get_local_id(0)] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    floatv sum = (floatv)(0.0f);
    for (uint item = get_local_id(0) % lanes; item < WG; item += lanes)
        sum += scratch[item];
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
}
#define GROUP_SCRATCH            __local float group_scratch[WG];
#define GROUP_SUM(value)         group_sum(value, group_scratch)
#define GROUP_MAX(value)         group_max(value, group_scratch)
#define COLUMN_SCRATCH           __local floatv column_scratch[WG];
#define COLUMN_SUM(value, lanes) group_column_sum(value, lanes, column_scratch)
#else
#define GROUP_SCRATCH
#define GROUP_SUM(value) (value)
#define GROUP_MAX(value) (value)
#define COLUMN_SCRATCH
#define COLUMN_SUM(value, lanes) (value)
#endif

// How many work-items stand side by side for so many columns: a power of two, at most WG.
static inline uint column_lanes(const uint columns)
{
    uint lanes = 1;
    while (lanes < WG && lanes * VW < columns)
        lanes *= 2;
    return lanes;
}

#endif
