// For the forward kernels of attention on GPUs: maxima and sums of rows, and the weights of a tile in its scores' place. `sums`, `most`, `total`, `scores`,
// `now` are the kernels'.
#ifndef CLMIX_ATTENTION_SIMT_ROWS_H
#define CLMIX_ATTENTION_SIMT_ROWS_H

#include "attention_simt.h"

// The sum, or the maximum, over the LANES work-items of each row: of fours of them, then of what they found. `room` has TM LANES 5 / 4 floats.
#define PUT_VALUE(i)  room[(y * PM + i) * LANES + x] = values[i];
#define TAKE_VALUE(i) values[i] = join(room + TM * LANES + (y * PM + i) * (LANES / 4), LANES / 4, sum);

INLINE float join(const __local float *of, const int count, const bool sum)
{
    float a = of[0];
#pragma unroll
    for (int n = 1; n < count; n++)
        a = sum ? a + of[n] : fmax(a, of[n]);
    return a;
}

INLINE void join_rows(float values[PM], __local float *room, const bool sum, const int x, const int y)
{
    barrier(CLK_LOCAL_MEM_FENCE);
    EACH(PUT_VALUE)
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int t = y * LANES + x; t < TM * LANES / 4; t += GROUP)
        room[TM * LANES + t] = join(room + 4 * t, 4, sum);
    barrier(CLK_LOCAL_MEM_FENCE);
    EACH(TAKE_VALUE)
}

// The weights of row i in its scores' place, what they add to the row's sum, and the sums of before by the new maximum. Those of the first
// slab are put at once: nobody reads `first` any more.
#define WEIGH(i, j) scores[i][j] = clmix_exp_1(scores[i][j] - now[i]);
#define SHRINK(c, i, factor) sums[i][c] *= factor;
#define WEIGH_ROW(i)                                                                            \
    {                                                                                           \
        const float before = most[i];                                                           \
        most[i] = now[i];                                                                       \
        now[i] = now[i] > -INFINITY ? now[i] : 0.0f;                                            \
        const float factor = clmix_exp_1(before - now[i]);                                      \
        ALL(i, WEIGH)                                                                           \
        total[i] = total[i] * factor + (scores[i][0] + scores[i][1] + (scores[i][2] + scores[i][3])); \
        COLUMNS(PV, SHRINK, i, factor)                                                          \
        PUT_ROW(i, scores, 0)                                                                   \
    }

#endif
