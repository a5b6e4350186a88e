// Sums of a matrix over its rows, in two stages, each in a fixed order: bias gradients.
#include "reduce.h"

#define BLOCK 8    // rows that the wide form goes through together

// out[chunk][column] = sum of x[row][column] over the chunk's rows. Called again on its own result with one chunk. Index space, simt: (chunks
// of `chunk` rows, tiles of WG * VW columns); a work-item sums VW columns, every fourth row into one of four sums, so that additions overlap.
// Wide: (chunks, tiles of `tile` columns, a multiple of VW); a block of rows at a time, each as far as the tile goes, because columns by
// themselves would be short pieces far apart in memory; the sums are in `out`, that is in the cache.  Reads rows * columns floats (pitch apart), writes one row of columns a chunk.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void column_sum(const uint rows, const uint columns, const uint chunk, const uint tile, const __global float *restrict x,
                const uint x_offset, const uint pitch, __global float *restrict out, const uint out_offset)
{
    const uint row0 = get_group_id(0) * chunk, count = min(chunk, rows - row0);
#if WG == 1
    const uint left = get_group_id(1) * tile, right = left + min(tile, columns - left);
    x += (size_t)x_offset + (size_t)row0 * pitch;
    out += (size_t)out_offset + (size_t)get_group_id(0) * columns;
    for (uint top = 0; top < count; top += BLOCK)
        for (uint c = left; c < right; c += VW) {
            const __global float *at = x + (size_t)top * pitch + c;
            const uint n = right - c, rest = count - top;
            floatv s0 = (floatv)(0.0f), s1 = s0;
            if (rest >= BLOCK && n >= VW) {
#pragma unroll
                for (uint k = 0; k < BLOCK; k += 2) {
                    PREFETCH(at + (size_t)(BLOCK + k) * pitch, 0);
                    PREFETCH(at + (size_t)(BLOCK + k + 1) * pitch, 0);
                    s0 += LOADV(at + (size_t)k * pitch);
                    s1 += LOADV(at + (size_t)(k + 1) * pitch);
                }
            } else
                for (uint k = 0; k < BLOCK && k < rest; k++)
                    s0 += load_lanes(at + (size_t)k * pitch, n);
            s0 += s1;
            store_lanes(top > 0 ? load_lanes(out + c, n) + s0 : s0, out + c, n);
        }
#else
    const uint column = (get_group_id(1) * WG + get_local_id(0)) * VW;
    x += (size_t)x_offset + (size_t)row0 * pitch + column;
    out += (size_t)out_offset + (size_t)get_group_id(0) * columns + column;
    if (column + VW <= columns) {
        floatv s0 = (floatv)(0.0f), s1 = s0, s2 = s0, s3 = s0;
        uint i = 0;
        for (; i + 4 <= count; i += 4) {
            s0 += LOADV(x);
            s1 += LOADV(x + pitch);
            s2 += LOADV(x + (size_t)2 * pitch);
            s3 += LOADV(x + (size_t)3 * pitch);
            x += (size_t)4 * pitch;
        }
        for (; i < count; i++) {
            s0 += LOADV(x);
            x += pitch;
        }
        STOREV((s0 + s1) + (s2 + s3), out);
    } else {
        for (uint j = 0; column + j < columns; j++) {
            float sum = 0.0f;
            for (uint i = 0; i < count; i++)
                sum += x[(size_t)i * pitch + j];
            out[j] = sum;
        }
    }
#endif
}
