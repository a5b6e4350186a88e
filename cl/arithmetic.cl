// Element by element: add, scale.  All: group g does elements [g * chunk, min(count, (g + 1) * chunk)) of dense tensors;
// the result may take the place of an input, because every element is read before it is written and by the same work-item.
#include "common.h"

// y = a + b.  Reads 8, writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void add(const uint count, const uint chunk, const __global float *a,
                                                                  const uint a_offset, const __global float *b, const uint b_offset,
                                                                  __global float *y, const uint y_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;
    a += a_offset;
    b += b_offset;
    y += y_offset;
    for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW)
        STREAMV(LOADV(a + i) + LOADV(b + i), y + i);
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        y[i] = a[i] + b[i];
}

// y = factor * x.  Reads 4, writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void scale(const uint count, const uint chunk, const __global float *x,
                                                                    const uint x_offset, __global float *y, const uint y_offset,
                                                                    const float factor)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;
    x += x_offset;
    y += y_offset;
    for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW)
        STREAMV(LOADV(x + i) * factor, y + i);
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        y[i] = x[i] * factor;
}
