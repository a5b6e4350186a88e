// The register tile of the wide weight gradients, which are sums over pixels. Whoever includes this defines in which memory the operands lie:
// LEFT_SPACE, RIGHT_SPACE, and LOAD_RIGHT to match.
#ifndef CLMIX_CONV_WIDE_CORRELATE_H
#define CLMIX_CONV_WIDE_CORRELATE_H

#include "conv_wide.h"

// sum[i][:] += sum over x of left[x][i] right[x][:], x < count; rows of `left` and `right` are left_pitch and right_pitch floats apart.
__attribute__((always_inline)) static inline void tile_correlate(lanes sum[TILE][VECTORS], const LEFT_SPACE float *left, const int left_pitch,
                                                                 const RIGHT_SPACE float *right, const int right_pitch, const int count)
{
    for (int x = 0; x < count; x++) {
        lanes row[VECTORS];
#pragma unroll
        for (int j = 0; j < VECTORS; j++)
            row[j] = LOAD_RIGHT(right + j * LANES);
#pragma unroll
        for (int i = 0; i < TILE; i++) {
            const lanes one = (lanes)(left[i]);
#pragma unroll
            for (int j = 0; j < VECTORS; j++)
                sum[i][j] = FMA(one, row[j], sum[i][j]);
        }
        left += left_pitch;
        right += right_pitch;
    }
}

#endif
