// Rotary position embedding: pairs of a head's elements as points of a plane, turned by the angle of their pair at the token's place.
#include "common.h"

#ifndef HALVES
#define HALVES 0    // 0: pairs are neighbours (2j, 2j + 1); 1: they are (j, j + width / 2)
#endif

#if VW > 1 && !HALVES
// Half a vector: the sines or cosines of a vector's pairs.
#if VW == 4
typedef float2 halfv;
#elif VW == 8
typedef float4 halfv;
#else
typedef float8 halfv;
#endif
typedef halfv __attribute__((aligned(4))) halfvu;
#define LOADH(p) ((halfv)(*(const __global halfvu *)(p)))
#endif

// y = x turned: of each pair (a, b) of a head, a' = a cos - b sin, b' = b cos + a sin, with sin = turn table[n][j], cos = table[n][width / 2
// + j], n = row % tokens.  Group g does rows [g * chunk, min(rows, (g + 1) * chunk)) of heads * width elements; turn is 1, or -1 to turn
// back.  Reads and writes 4 bytes an element; the table is in the cache.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void rotary(const uint rows, const uint chunk, const uint columns,
                                                                     const uint tokens, const uint width, const float turn,
                                                                     const __global float *x, const uint x_offset, const uint x_pitch,
                                                                     const __global float *table, const uint table_offset,
                                                                     const uint table_pitch, __global float *y, const uint y_offset,
                                                                     const uint y_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), middle = width / 2, pairs = columns / 2;
    x += x_offset;
    y += y_offset;
    table += table_offset;
#if WG > 1
    for (uint e = get_local_id(0); e < (end - begin) * pairs; e += WG) {
        const uint r = begin + e / pairs, p = e % pairs, j = p % middle;
        const uint first = HALVES ? p / middle * width + j : 2 * p, second = first + (HALVES ? middle : 1);
        const __global float *angle = table + (ulong)(r % tokens) * table_pitch, *from = x + (ulong)r * x_pitch;
        __global float *to = y + (ulong)r * y_pitch;
        const float s = turn * angle[j], c = angle[middle + j], a = from[first], b = from[second];
        to[first] = FMA(a, c, -(b * s));
        to[second] = FMA(b, c, a * s);
    }
#else
    for (uint r = begin; r < end; r++) {
        const __global float *angle = table + (ulong)(r % tokens) * table_pitch;
        for (uint head = 0; head < columns; head += width) {
            const __global float *from = x + (ulong)r * x_pitch + head;
            __global float *to = y + (ulong)r * y_pitch + head;
            uint j = 0;
#if HALVES
            for (; j + VW <= middle; j += VW) {
                const floatv s = turn * LOADV(angle + j), c = LOADV(angle + middle + j), a = LOADV(from + j), b = LOADV(from + middle + j);
                STOREV(FMA(a, c, -(b * s)), to + j);
                STOREV(FMA(b, c, a * s), to + middle + j);
            }
#elif VW > 1
            for (; j + VW / 2 <= middle; j += VW / 2) {
                const halfv s = turn * LOADH(angle + j), c = LOADH(angle + middle + j);
                const floatv v = LOADV(from + 2 * j);
                floatv turned;
                turned.even = FMA(v.even, c, -(v.odd * s));
                turned.odd = FMA(v.odd, c, v.even * s);
                STOREV(turned, to + 2 * j);
            }
#endif
            for (; j < middle; j++) {
                const uint first = HALVES ? j : 2 * j, second = first + (HALVES ? middle : 1);
                const float s = turn * angle[j], c = angle[middle + j], a = from[first], b = from[second];
                to[first] = FMA(a, c, -(b * s));
                to[second] = FMA(b, c, a * s);
            }
        }
    }
#endif
}
