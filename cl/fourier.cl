// Fourier mixing: the matrices of its products, and the last step behind them. lib/ops/fourier.c has the formulas.
#include "common.h"

#ifndef RESIDUAL
#define RESIDUAL 0    // 0, 1: something is added to the result
#endif
#ifndef STEP
#define STEP 1    // 1: numbers are real; 2: complex, of which the real part counts
#endif

// A matrix of cosines and sines, dense, from row `first_row` on.  Row r is part r % row_parts of frequency f = i / inner + outer (i % inner),
// i = r / row_parts; its element of `part` and place m < places is at m place_step + part part_step. With t = 2 pi f m step / period it is
// cos(t) where the parts are the same, sign sin(t) where the column's is the later one, else -sign sin(t).  table: cosine and sine of 2 pi m
// / period, m < period; `step` divides the period.  Group g does rows [g * chunk, min(rows, (g + 1) * chunk)), its work-items by place.
// Reads 8 and writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void fourier_matrix(const uint rows, const uint chunk, const uint columns, const __global float *table, const uint table_offset,
                    const uint period, const uint step, __global float *matrix, const uint matrix_offset, const uint first_row,
                    const uint row_parts, const uint inner, const uint outer, const uint places, const uint part_step, const uint place_step,
                    const float sign)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    table += table_offset;
    matrix += matrix_offset;
    for (uint row = begin; row < end; row++) {
        const uint r = first_row + row, i = r / row_parts, f = i / inner + outer * (i % inner);
        const uint turn = (uint)((ulong)f * step % period), jump = (uint)((ulong)turn * WG % period);
        uint at = (uint)((ulong)turn * get_local_id(0) % period);
        for (uint m = get_local_id(0); m < places; m += WG) {
            const float2 angle = vload2(at, table);
            for (uint part = 0; part < 2; part++)
                matrix[(size_t)row * columns + m * place_step + part * part_step] =
                    part == r % row_parts ? angle.x : (part > r % row_parts ? sign : -sign) * angle.y;
            at += jump < period - at ? jump : jump - period;
        }
    }
}

// y[n, k] (+ residual) of samples (tokens, columns), from their first `kept` columns alone: y[n, columns - k] = y[tokens - n, k].
// left: (rows, kept) numbers, dense, from the first multiple of `align` floats on; y and residual dense, from element `skip` on.  Group g does rows [g * chunk, min(rows, (g + 1) * chunk)), its
// work-items by element.  Reads 4 bytes an element, 8 with a residual, and writes 4.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void fourier_unfold(const uint rows, const uint chunk, const uint columns, const uint tokens, const uint kept,
                    const __global float *left, const uint left_offset, const uint align, const __global float *residual, const uint residual_offset,
                    __global float *y, const uint y_offset, const uint skip)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    left += (left_offset + align - 1) / align * align;
    residual += (size_t)residual_offset + skip;
    y += (size_t)y_offset + skip;
#if WG > 1
    for (uint e = get_local_id(0); e < (end - begin) * columns; e += WG) {
        const uint row = begin + e / columns, k = e % columns, n = row % tokens;
        const uint from = k < kept ? row : row - n + (n == 0 ? 0 : tokens - n);
        const size_t to = (size_t)row * columns + k;
        float v = left[((size_t)from * kept + (k < kept ? k : columns - k)) * STEP];
#if RESIDUAL
        v += residual[to];
#endif
        y[to] = v;
    }
#else
    for (uint row = begin; row < end; row++) {
        const uint n = row % tokens;
        const __global float *same = left + (size_t)row * kept * STEP;
        const __global float *mirrored = left + (size_t)(row - n + (n == 0 ? 0 : tokens - n)) * kept * STEP;
        const size_t to = (size_t)row * columns;
        uint k = 0;
        for (; STEP == 1 && k + VW <= kept; k += VW)
#if RESIDUAL
            STOREV(LOADV(same + k) + LOADV(residual + to + k), y + to + k);
#else
            STOREV(LOADV(same + k), y + to + k);
#endif
        for (; k < columns; k++) {
            float v = k < kept ? same[k * STEP] : mirrored[(columns - k) * STEP];
#if RESIDUAL
            v += residual[to + k];
#endif
            y[to + k] = v;
        }
    }
#endif
}
