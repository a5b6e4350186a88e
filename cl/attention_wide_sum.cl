// Gradients that several groups made parts of, added up.
#include "reduce.h"

// The sum of `parts` matrices of `rows` x `columns`, each `rows` * `columns` behind the one before, in their order.  Group g does rows
// [g * chunk, (g + 1) * chunk).  Reads parts * 4 bytes an element and writes 4.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void attention_sum(const uint rows, const uint chunk, const uint columns,
                                                                            const uint parts, const __global float *part,
                                                                            const uint part_offset, __global float *to,
                                                                            const uint to_offset, const uint to_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), vectors = (columns + VW - 1) / VW;
    part += part_offset;
    to += to_offset;
    for (uint e = get_local_id(0); e < (end - begin) * vectors; e += WG) {
        const uint r = begin + e / vectors, x = e % vectors * VW;
        floatv sum = load_lanes(part + (size_t)r * columns + x, lanes_at(x, columns));
        for (uint p = 1; p < parts; p++)
            sum += load_lanes(part + ((size_t)p * rows + r) * columns + x, lanes_at(x, columns));
        store_lanes(sum, to + (size_t)r * to_pitch + x, lanes_at(x, columns));
    }
}
