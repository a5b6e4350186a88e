// Parting of rows: columns B_i .. B_i + W_i - 1 of x (rows, pitch) become y_i (rows, W_i), dense, in one pass. Slices narrower than a cache line would each drag the whole of x through memory.
#include "common.h"

#ifndef COUNT
#define COUNT 2    // 2 .. 8: parts
#endif
#ifndef W0
#define W0 4       // columns of each part; 0 beyond COUNT
#define W1 4
#define W2 0
#define W3 0
#define W4 0
#define W5 0
#define W6 0
#define W7 0
#endif
#define B0 0
#define B1 (B0 + W0)
#define B2 (B1 + W1)
#define B3 (B2 + W2)
#define B4 (B3 + W3)
#define B5 (B4 + W4)
#define B6 (B5 + W5)
#define B7 (B6 + W6)
#define WIDTH (B7 + W7)

#define OUTPUT(i) __global float *restrict y##i, const uint y##i##_offset
#if WG > 1
#define PART(i)                             \
    if (COUNT > i && c >= B##i) {           \
        to = y##i + y##i##_offset;          \
        place = (ulong)r * W##i + c - B##i; \
    }
#else
#define PART(i)                                                         \
    if (COUNT > i)                                                      \
        for (uint c = 0; c < W##i; c++)                                 \
            (y##i + y##i##_offset)[(ulong)r * W##i + c] = row[B##i + c];
#endif

// Index space: groups x 1 x 1, a group takes `chunk` rows. Reads x once, writes every part once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void split_columns(const uint rows, const uint chunk, const __global float *restrict x,
                                                                            const uint x_offset, const uint x_pitch, OUTPUT(0), OUTPUT(1),
                                                                            OUTPUT(2), OUTPUT(3), OUTPUT(4), OUTPUT(5), OUTPUT(6), OUTPUT(7))
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
#if WG > 1
    for (uint e = get_local_id(0); e < (end - begin) * WIDTH; e += WG) {
        const uint r = begin + e / WIDTH, c = e % WIDTH;
        __global float *to = y0 + y0_offset;
        ulong place = (ulong)r * W0 + c;
        PART(1)
        PART(2)
        PART(3)
        PART(4)
        PART(5)
        PART(6)
        PART(7)
        to[place] = (x + x_offset)[(ulong)r * x_pitch + c];
    }
#else
    for (uint r = begin; r < end; r++) {
        const __global float *row = x + x_offset + (ulong)r * x_pitch;
        PART(0)
        PART(1)
        PART(2)
        PART(3)
        PART(4)
        PART(5)
        PART(6)
        PART(7)
    }
#endif
}
