// Around the wide convolutions: weights into panels of whole vectors, and partial weight gradients into their sum.
#include "conv_wide.h"

// Columns n .. n + 3 of rows k .. k + 3, where the rows are what lies side by side in memory.
static inline void transpose_block(__global float *to, const __global float *from, const int column_step)
{
    const float4 a = *(const __global float4u *)from;
    const float4 b = *(const __global float4u *)(from + column_step);
    const float4 c = *(const __global float4u *)(from + 2 * column_step);
    const float4 d = *(const __global float4u *)(from + 3 * column_step);
    *(__global float4u *)to = (float4)(a.x, b.x, c.x, d.x);
    *(__global float4u *)(to + PANEL) = (float4)(a.y, b.y, c.y, d.y);
    *(__global float4u *)(to + 2 * PANEL) = (float4)(a.z, b.z, c.z, d.z);
    *(__global float4u *)(to + 3 * PANEL) = (float4)(a.w, b.w, c.w, d.w);
}

// One group: panel get_group_id(0) of kernel row get_group_id(1): rows k = outer_rows x inner_rows, columns n = outer_columns x
// inner_columns, element (ky, k, n) of the weights at base + ky ky_step + k1 outer_row_step + k0 inner_row_step + n1 outer_column_step + n0
// inner_column_step. Written to ky to_ky + panel to_panel + k PANEL + n % PANEL, with zeros in the columns beyond the last. Reads and
// writes each weight once.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_pack(__global const float *restrict weight, const uint weight_at,
                                                                       __global float *restrict packed, const uint packed_at,
                                                                       const int base, const int outer_rows, const int inner_rows,
                                                                       const int outer_columns, const int inner_columns, const int ky_step,
                                                                       const int outer_row_step, const int inner_row_step,
                                                                       const int outer_column_step, const int inner_column_step,
                                                                       const int to_ky, const int to_panel)
{
    const int panel = get_group_id(0), ky = get_group_id(1);
    const int n0 = panel * PANEL, columns = min(PANEL, outer_columns * inner_columns - n0);
    const bool even =
        outer_columns == 1 || outer_column_step == inner_columns * inner_column_step;    // one step from each column to the next
    weight += (int)weight_at + base + ky * ky_step;
    packed += packed_at + ky * to_ky + panel * to_panel;

    for (int k1 = 0; k1 < outer_rows; k1++)
        for (int k0 = 0; k0 < inner_rows; k0++) {
            __global float *to = packed + (k1 * inner_rows + k0) * PANEL;
            const __global float *from = weight + k1 * outer_row_step + k0 * inner_row_step;
            if (even && inner_row_step == 1 && inner_rows % 4 == 0 && columns == PANEL) {
                for (int n = 0; n < PANEL; n += 4)
                    transpose_block(to + n, from + (n0 + n) * inner_column_step, inner_column_step);
                k0 += 3;
                continue;
            }
            int n = 0;
            if (even && inner_column_step == 1)
                for (; n + LANES <= columns; n += LANES)
                    STORE(LOAD(from + n0 + n), to + n);
            for (; n < columns; n++) {
                const int n1 = (n0 + n) / inner_columns;
                to[n] = from[n1 * outer_column_step + (n0 + n - n1 * inner_columns) * inner_column_step];
            }
            for (; n < PANEL; n++)
                to[n] = 0.0f;
        }
}

#ifndef BLOCK
#define BLOCK 16    // channels that a group of the reduction writes: side by side where channels are innermost
#endif

// One group: kernel rows get_group_id(0) taps and on, channels get_group_id(1) BLOCK and on: the sum, in the order of the chunks, of partial
// [chunks][kh / taps][C][pitch], columns (ky kw + kx) O + o, to element ky to_ky + c to_c + kx to_kx + o to_o of the gradient. Reads each
// partial once and writes each weight once.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_weight_reduce(
    __global const float *restrict partial, const uint partial_at, __global float *restrict gradient, const uint gradient_at,
    const int chunks, const int taps, const int kernel_width, const int channels, const int outputs, const int pitch, const int to_ky,
    const int to_c, const int to_kx, const int to_o)
{
    const int begin = get_group_id(1) * BLOCK, end = min(begin + BLOCK, channels);
    const int run = taps * kernel_width * outputs, chunk_step = get_num_groups(0) * channels * pitch;
    const bool dense = to_o == 1 && to_kx == outputs && (taps == 1 || to_ky == kernel_width * outputs);
    partial += partial_at + get_group_id(0) * channels * pitch;
    gradient += gradient_at + get_group_id(0) * taps * to_ky;
    for (int c = begin; c < end; c++) {
        const __global float *from = partial + c * pitch;
        __global float *to = gradient + c * to_c;
        int kx = 0, o = 0;
        for (int n = 0; n < run; n += LANES) {
            lanes sum = LOAD(from + n);
            for (int chunk = 1; chunk < chunks; chunk++)
                sum += LOAD(from + chunk * chunk_step + n);
            if (dense) {
                store_part(sum, to + n, run - n);
                continue;
            }
            float one[LANES];
            *(lanesu *)one = sum;
            for (int j = 0; j < min(LANES, run - n); j++) {
                to[kx * to_kx + o * to_o] = one[j];
                if (++o == outputs) {
                    o = 0;
                    if (++kx == kernel_width) {
                        kx = 0;
                        to += to_ky;
                    }
                }
            }
        }
    }
}
