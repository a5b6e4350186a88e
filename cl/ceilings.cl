// What measures the ceilings of a device.
#include "common.h"

#ifndef CHAINS
#define CHAINS 12    // independent multiply-add chains in a work-item
#endif

// to = from, `count` floats.  One group: `chunk` consecutive floats.  Reads and writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void copy(const __global float *from, __global float *to, const uint count, const uint chunk)
{
    const uint first = get_group_id(0) * chunk;
    const uint end = min(count - first, chunk);
    const uint whole = end - end % VW;

    for (uint i = get_local_id(0) * VW; i < whole; i += WG * VW)
        STREAMV(LOADV(from + first + i), to + first + i);
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        to[first + i] = from[first + i];
}

// Multiply-adds in registers: CHAINS * VW * rounds of them in each work-item.  Reads nothing, writes VW floats a work-item.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void multiply_add(__global float *out, const uint rounds, const float factor, const float addend)
{
    const floatv a = (floatv)(factor), b = (floatv)(addend);
    floatv x[CHAINS];
    floatv sum = (floatv)(0.0f);

#pragma unroll
    for (int i = 0; i < CHAINS; i++)
        x[i] = (floatv)((float)(i + (int)get_global_id(0)));
    for (uint round = 0; round < rounds; round++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++)
            x[i] = FMA(x[i], a, b);
    }
#pragma unroll
    for (int i = 0; i < CHAINS; i++)
        sum += x[i];
    STOREV(sum, out + get_global_id(0) * VW);
}

// Next to nothing: what a launch costs.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void touch(__global float *out)
{
    out[0] = 1.0f;
}
