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

static inline float max4(const float4 v)
{
    return fmax(fmax(v.x, v.z), fmax(v.y, v.w));
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

static inline float max_lanes(const floatv v)
{
#if VW == 1
    return v;
#elif VW == 4
    return max4(v);
#elif VW == 8
    return max4(fmax(v.lo, v.hi));
#else
    return max4(fmax(fmax(v.lo, v.hi).lo, fmax(v.lo, v.hi).hi));
#endif
}

// The first n <= VW floats at p, zeros behind them. Nothing behind the n-th is touched.
static inline floatv load_lanes(const __global float *p, const uint n)
{
    if (n >= VW)
        return LOADV(p);
    float lane[VW];
    for (uint i = 0; i < VW; i++)
        lane[i] = i < n ? p[i] : 0.0f;
#if VW == 1
    return lane[0];
#else
    return CLMIX_JOIN(vload, VW)(0, lane);
#endif
}

static inline void store_lanes(const floatv v, __global float *p, const uint n)
{
    if (n >= VW) {
        STOREV(v, p);
        return;
    }
#if VW > 1
    float lane[VW];
    CLMIX_JOIN(vstore, VW)(v, 0, lane);
    for (uint i = 0; i < VW; i++)
        if (i < n)
            p[i] = lane[i];
#endif
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
static inline floatv column_sum(const floatv value, const uint lanes, __local floatv *scratch)
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
#define COLUMN_SUM(value, lanes) column_sum(value, lanes, column_scratch)
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
