// Addition of one value to each of several of its shape that lie one behind another: positions to the tokens of every sample, a bias to every
// row.
#include "common.h"

// y[i] = a[i] + b[i % period].  Group g does elements [g * chunk, min(count, (g + 1) * chunk)) of dense tensors; y may take a's place,
// because every element is read before it is written and by the same work-item.  Reads 4 and writes 4 bytes an element, and b, which stays
// in the cache.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void add_repeated(const uint count, const uint chunk, const __global float *a,
                                                                           const uint a_offset, const __global float *b,
                                                                           const uint b_offset, const uint period, __global float *y,
                                                                           const uint y_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;
    uint at = (begin + get_local_id(0) * VW) % period;
    a += a_offset;
    b += b_offset;
    y += y_offset;
    for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW) {
        if (at + VW <= period)
            STREAMV(LOADV(a + i) + LOADV(b + at), y + i);
        else
            for (uint k = 0, c = at; k < VW; k++) { // across the end of b
                y[i + k] = a[i + k] + b[c];
                c = c + 1 < period ? c + 1 : 0;
            }
        at += WG * VW;
        if (at >= period)
            at %= period;
    }
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        y[i] = a[i] + b[i % period];
}
