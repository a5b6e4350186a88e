// Some tokens of each sample, by their places, and back to where they were.
#include "reduce.h"

// y[b][p] = x[b][places[b][p]], zeros where that is none of the `tokens` of a sample.  Group g does rows [g * chunk, min(rows, (g + 1) * chunk)) of
// all samples' places, `count` each.  Reads 4 bytes a row and 4 an element, writes 4.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void take_tokens(const uint rows, const uint chunk, const uint columns,
                                                                         const uint tokens, const uint count, const __global int *places,
                                                                         const uint places_offset, const __global float *x,
                                                                         const uint x_offset, const uint x_pitch, __global float *y,
                                                                         const uint y_offset, const uint y_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), vectors = (columns + VW - 1) / VW;
    for (uint e = get_local_id(0); e < (end - begin) * vectors; e += WG) {
        const uint r = begin + e / vectors, c = e % vectors * VW, place = (uint)places[places_offset + r];
        floatv v = (floatv)(0.0f);
        if (place < tokens)
            v = load_lanes(x + x_offset + ((ulong)(r / count) * tokens + place) * x_pitch + c, columns - c);
        store_lanes(v, y + y_offset + (ulong)r * y_pitch + c, columns - c);
    }
}

// dx[b][n] = the sum of dy[b][p] over the places p that are n, in their order.  Group g does tokens [g * chunk, min(rows, (g + 1) * chunk)) of all
// samples: zeros, then what the places of these samples add to them. A column is the same work-item's throughout.  Writes 4 bytes an element of
// dx; for each place reads 8 and writes 4 bytes an element, and 4 a group.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void take_tokens_grad(const uint rows, const uint chunk, const uint columns,
                                                                              const uint tokens, const uint count,
                                                                              const __global int *places, const uint places_offset,
                                                                              const __global float *dy, const uint dy_offset,
                                                                              const uint dy_pitch, __global float *dx,
                                                                              const uint dx_offset, const uint dx_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    for (uint r = begin; r < end; r++)
        for (uint c = get_local_id(0) * VW; c < columns; c += WG * VW)
            store_lanes((floatv)(0.0f), dx + dx_offset + (ulong)r * dx_pitch + c, columns - c);
    for (uint i = begin / tokens * count; i < ((end - 1) / tokens + 1) * count; i++) {
        const uint place = (uint)places[places_offset + i], r = i / count * tokens + place;
        if (place < tokens && r >= begin && r < end)
            for (uint c = get_local_id(0) * VW; c < columns; c += WG * VW) {
                __global float *to = dx + dx_offset + (ulong)r * dx_pitch + c;
                store_lanes(load_lanes(to, columns - c) + load_lanes(dy + dy_offset + (ulong)i * dy_pitch + c, columns - c), to, columns - c);
            }
    }
}
