// For attention's gradients on GPUs: the sum of dy y along each row of a head.
#include "common.h"

#ifndef VALUE
#define VALUE 32    // columns of a head of values
#endif

// delta[sample][head][n] = sum over a head's columns of dy y.  A work-item a row of a head, `count` of them, heads of a row side by side.  Reads
// dy and y once, writes 4 bytes a row of a head.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void attention_delta(const uint count, const uint queries, const uint heads, const __global float *dy, const uint dy_offset,
                     const uint dy_pitch, const __global float *y, const uint y_offset, const uint y_pitch, __global float *delta,
                     const uint delta_offset)
{
    const uint at = get_global_id(0), row = at / heads, head = at % heads;
    if (at >= count)
        return;
    dy += (size_t)dy_offset + (size_t)row * dy_pitch + (size_t)head * VALUE;
    y += (size_t)y_offset + (size_t)row * y_pitch + (size_t)head * VALUE;
    float4 sum = (float4)(0.0f);
    float rest = 0.0f;
    for (int c = 0; c < VALUE / 4 * 4; c += 4)
        sum += vload4(0, dy + c) * vload4(0, y + c);
    for (int c = VALUE / 4 * 4; c < VALUE; c++)
        rest += dy[c] * y[c];
    delta[(size_t)delta_offset + ((size_t)(row / queries) * heads + head) * queries + row % queries] = sum.x + sum.y + (sum.z + sum.w) + rest;
}
