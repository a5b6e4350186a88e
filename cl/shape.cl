// Moving elements: copies between strided layouts, and concatenation of columns.
#include "common.h"

#if VW == 1
typedef uint uintvu;
#else
typedef CLMIX_JOIN(uint, VW) __attribute__((aligned(4))) uintvu;
#endif

// y = x for 4-byte elements, moved as bits.  The matrix is outer x inner runs of `columns` elements, at outer_stride and inner_stride on
// either side. Group (i, j) does runs [i * chunk, (i + 1) * chunk) and of each the columns [j * block, (j + 1) * block).  Reads 4, writes 4
// bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void copy_runs(const uint runs, const uint chunk, const uint inner,
                                                                        const uint columns, const uint block, const __global uint *x,
                                                                        const uint x_offset, const uint x_first, const uint x_outer,
                                                                        const uint x_inner, __global uint *y, const uint y_offset,
                                                                        const uint y_first, const uint y_outer, const uint y_inner)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, runs - begin);
    const uint left = get_group_id(1) * block, width = min(block, columns - left);
    x = x + x_offset + x_first + left;
    y = y + y_offset + y_first + left;
#if WG > 1
    for (uint e = get_local_id(0); e < (end - begin) * width; e += WG) {
        const uint r = begin + e / width, c = e % width;
        y[(ulong)(r / inner) * y_outer + (ulong)(r % inner) * y_inner + c] =
            x[(ulong)(r / inner) * x_outer + (ulong)(r % inner) * x_inner + c];
    }
#else
    for (uint r = begin; r < end; r++) {
        const __global uint *from = x + (ulong)(r / inner) * x_outer + (ulong)(r % inner) * x_inner;
        __global uint *to = y + (ulong)(r / inner) * y_outer + (ulong)(r % inner) * y_inner;
        uint c = 0;
        for (; c + VW <= width; c += VW)
            *(__global uintvu *)(to + c) = *(const __global uintvu *)(from + c);
        for (; c < width; c++)
            to[c] = from[c];
    }
#endif
}

// Columns side by side: row r of y holds, from column `first` on, row r of x0, x1, ..., and with RESIDUAL the residual's elements are
// added. COUNT inputs of W0, W1, ... columns with pitches; y and the residual have y_pitch.  Group g does rows [g * chunk, (g + 1) *
// chunk). Reads 4 bytes an element (8 with the residual), writes 4. The widths are constants so that short runs become a few vector moves
// without loops.
#ifndef COUNT
#define COUNT 2    // 1..8
#endif
#ifndef RESIDUAL
#define RESIDUAL 0    // 0, 1
#endif
#ifndef W0
#define W0 8    // columns of each input; 0 for those that are not there
#define W1 8
#define W2 0
#define W3 0
#define W4 0
#define W5 0
#define W6 0
#define W7 0
#endif
#define WIDTH (W0 + W1 + W2 + W3 + W4 + W5 + W6 + W7)

#define RUN_LANES(type, lanes)                           \
    for (; c + lanes <= width; c += lanes) {             \
        type v = *(const __global type *)(x + c);        \
        if (RESIDUAL)                                    \
            v += *(const __global type *)(residual + c); \
        *(__global type *)(y + c) = v;                   \
    }

typedef float4 __attribute__((aligned(4))) float4u;
typedef float8 __attribute__((aligned(4))) float8u;
typedef float16 __attribute__((aligned(4))) float16u;

static inline void move_run(const __global float *x, const __global float *residual, __global float *y, const uint width)
{
    uint c = 0;
#if VW >= 16
    RUN_LANES(float16u, 16)
#endif
#if VW >= 8
    RUN_LANES(float8u, 8)
#endif
    RUN_LANES(float4u, 4)
    RUN_LANES(float, 1)
}

// Where the columns of each input begin in the row.
#define B1 W0
#define B2 (B1 + W1)
#define B3 (B2 + W2)
#define B4 (B3 + W3)
#define B5 (B4 + W4)
#define B6 (B5 + W5)
#define B7 (B6 + W6)

#define INPUT(i) const __global float *x##i, const uint x##i##_offset, const uint x##i##_pitch
#define ROW(i)   (x##i + x##i##_offset + (ulong)r * x##i##_pitch)
#define FIND(i)                   \
    if (COUNT > i && c >= B##i) { \
        from = ROW(i);            \
        begins = B##i;            \
    }
#define MOVE(i)    \
    if (COUNT > i) \
        move_run(ROW(i), also + B##i, to + B##i, W##i);

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void concat_columns(const uint rows, const uint chunk, const uint first,
                                                                             const uint y_pitch, __global float *y, const uint y_offset,
                                                                             const __global float *residual, const uint residual_offset,
                                                                             INPUT(0), INPUT(1), INPUT(2), INPUT(3), INPUT(4), INPUT(5),
                                                                             INPUT(6), INPUT(7))
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
#if WG > 1
    for (uint e = get_local_id(0); e < (end - begin) * WIDTH; e += WG) {
        const uint r = begin + e / WIDTH, c = e % WIDTH;
        const __global float *from = ROW(0);
        const ulong place = (ulong)r * y_pitch + first + c;
        uint begins = 0;
        FIND(1)
        FIND(2)
        FIND(3)
        FIND(4)
        FIND(5)
        FIND(6)
        FIND(7)
        const float v = from[c - begins];
        (y + y_offset)[place] = RESIDUAL ? v + (residual + residual_offset)[place] : v;
    }
#else
    for (uint r = begin; r < end; r++) {
        __global float *to = y + y_offset + (ulong)r * y_pitch + first;
        const __global float *also = residual + residual_offset + (RESIDUAL ? (ulong)r * y_pitch + first : 0);
        move_run(ROW(0), also, to, W0);
        MOVE(1)
        MOVE(2)
        MOVE(3)
        MOVE(4)
        MOVE(5)
        MOVE(6)
        MOVE(7)
    }
#endif
}
