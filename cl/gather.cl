// Rows of a table by their numbers, and the gradient of the table.
#include "common.h"

// y[r] = table[index[r]], or NaN where the table has no such row.  Group g does rows [g * chunk, min(rows, (g + 1) * chunk)) of `columns`
// elements.  Reads 4 bytes a row and 4 an element, writes 4.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void gather_rows(const uint rows, const uint chunk, const uint columns,
                                                                          const __global float *table, const uint table_offset,
                                                                          const uint table_pitch, const uint table_rows,
                                                                          const __global int *index, const uint index_offset,
                                                                          __global float *y, const uint y_offset, const uint y_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    table += table_offset;
    index += index_offset;
    y += y_offset;
#if WG > 1
    for (uint e = get_local_id(0); e < (end - begin) * columns; e += WG) {
        const uint r = begin + e / columns, c = e % columns, at = (uint)index[r];
        y[(ulong)r * y_pitch + c] = at < table_rows ? table[(ulong)at * table_pitch + c] : NAN;
    }
#else
    for (uint r = begin; r < end; r++) {
        const uint at = (uint)index[r], there = at < table_rows;
        const __global float *from = table + (there ? (ulong)at * table_pitch : 0);
        __global float *to = y + (ulong)r * y_pitch;
        uint c = 0;
        for (; c + VW <= columns; c += VW)
            STOREV(there ? LOADV(from + c) : (floatv)(NAN), to + c);
        for (; c < columns; c++)
            to[c] = there ? from[c] : NAN;
    }
#endif
}

// The columns from `left` to `right` that are this work-item's: vectors, VW * WG apart, and of the last one what there is.
#define FOR_COLUMNS(left, right, vector, single)        \
    do {                                                \
        uint c = (left) + get_local_id(0) * VW;         \
        for (; c + VW <= (right); c += WG * VW)         \
            vector;                                     \
        for (; c < (right); c++)                        \
            single;                                     \
    } while (0)

// To the gradient's rows that the places behind `first` picked, one a bit, adds what these have of dy, in their order.
static inline void add_places(uint bits, const uint first, const __global int *index, const __global float *dy, const uint dy_pitch,
                              __global float *gradient, const uint columns, const uint left, const uint right)
{
    for (; bits != 0; bits &= bits - 1) {
        const uint i = first + 31 - clz(bits & (~bits + 1));
        const __global float *from = dy + (ulong)i * dy_pitch;
        __global float *to = gradient + (ulong)(uint)index[i] * columns;
        FOR_COLUMNS(left, right, STOREV(LOADV(to + c) + LOADV(from + c), to + c), to[c] += from[c]);
    }
}

// gradient[v] = sum of dy[i] over the places i with index[i] == v, in their order, on top of other[v] where there is one (a pitch above 0).  Group (g, h) does the table's rows [g * chunk, min(rows,
// (g + 1) * chunk)) and of each the columns [h * tile, min(columns, (h + 1) * tile)). It looks at all indices, 32 for each of its work-items
// at a time, and keeps a bit of those that fall into its rows; a column is the same work-item's throughout, so that no two write one
// element.  Writes 4 bytes an element of the table; for each place reads 8 and writes 4 bytes an element of a row, and 4 a group.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void gather_gradient(const uint rows, const uint chunk, const uint columns,
                                                                              const uint tile, const uint places,
                                                                              const __global int *index, const uint index_offset,
                                                                              const __global float *dy, const uint dy_offset,
                                                                              const uint dy_pitch, const __global float *other,
                                                                              const uint other_offset, const uint other_pitch,
                                                                              __global float *gradient, const uint gradient_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    const uint left = get_group_id(1) * tile, right = left + min(tile, columns - left);
    index += index_offset;
    dy += dy_offset;
    gradient += gradient_offset;
    for (uint r = begin; r < end; r++) {
        __global float *to = gradient + (ulong)r * columns;
        const __global float *from = other + other_offset + (ulong)r * other_pitch;
        if (other_pitch > 0)
            FOR_COLUMNS(left, right, STOREV(LOADV(from + c), to + c), to[c] = from[c]);
        else
            FOR_COLUMNS(left, right, STOREV((floatv)(0.0f), to + c), to[c] = 0.0f);
    }
#if WG > 1
    __local uint found[WG];
#endif
    for (uint first = 0; first < places; first += 32 * WG) {
        const uint mine = first + 32 * get_local_id(0);
        uint bits = 0;
        for (uint k = 0; k < 32 && mine + k < places; k++) {
            const uint at = (uint)index[mine + k];
            bits |= (uint)(at >= begin && at < end) << k;
        }
#if WG > 1
        barrier(CLK_LOCAL_MEM_FENCE);
        found[get_local_id(0)] = bits;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint l = 0; l < WG; l++)
            add_places(found[l], first + 32 * l, index, dy, dy_pitch, gradient, columns, left, right);
#else
        add_places(bits, first, index, dy, dy_pitch, gradient, columns, left, right);
#endif
    }
}
