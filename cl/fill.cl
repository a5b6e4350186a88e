// Constants.
#include "common.h"

// y = value, dense.  Group g does elements [g * chunk, min(count, (g + 1) * chunk)).  Writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void fill_values(const uint count, const uint chunk, __global float *y,
                                                                          const uint y_offset, const float value)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;
    y += y_offset;
    for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW)
        STREAMV((floatv)(value), y + i);
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        y[i] = value;
}

// y = value in rows of `columns` elements, y_pitch apart.  Group g does rows [g * chunk, min(rows, (g + 1) * chunk)).  Writes 4 bytes an
// element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void fill_rows(const uint rows, const uint chunk, const uint columns,
                                                                        __global float *y, const uint y_offset, const uint y_pitch,
                                                                        const float value)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    y += y_offset;
#if WG > 1
    for (uint e = get_local_id(0); e < (end - begin) * columns; e += WG)
        y[(ulong)(begin + e / columns) * y_pitch + e % columns] = value;
#else
    for (uint r = begin; r < end; r++) {
        __global float *to = y + (ulong)r * y_pitch;
        uint c = 0;
        for (; c + VW <= columns; c += VW)
            STOREV((floatv)(value), to + c);
        for (; c < columns; c++)
            to[c] = value;
    }
#endif
}
