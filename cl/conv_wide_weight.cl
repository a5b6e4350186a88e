// Weight gradients of convolutions, the wide form: sum over images and pixels of small[y, x, c] big[y s - p + ky, x s - p + kx, o].
#include "conv_wide.h"

#ifndef FLOATS
#define FLOATS 4096    // floats of local memory for the rows of `big`
#endif

// sum[i][:] += sum over x of left[x][i] right[x][:], x < count; rows of `left` and `right` are left_pitch and right_pitch floats apart.
__attribute__((always_inline)) static inline void tile_correlate(lanes sum[TILE][VECTORS], const __global float *left, const int left_pitch,
                                                                 const __local float *right, const int right_pitch, const int count)
{
    for (int x = 0; x < count; x++) {
        lanes row[VECTORS];
#pragma unroll
        for (int j = 0; j < VECTORS; j++)
            row[j] = LOAD_LOCAL(right + j * LANES);
#pragma unroll
        for (int i = 0; i < TILE; i++) {
            const lanes one = (lanes)(left[i]);
#pragma unroll
            for (int j = 0; j < VECTORS; j++)
                sum[i][j] = fma(one, row[j], sum[i][j]);
        }
        left += left_pitch;
        right += right_pitch;
    }
}

// One group: kernel row get_group_id(0), part get_group_id(1) of the rows of `small` counted through all images, `part_rows` each, taken
// `rows` at a time: the rows of `big` that this kernel row meets are copied to local memory, zero-padded and dense, so that the right
// operand of a pixel is one run of kw O floats. C >= TILE; the last tile of channels overlaps the one before and stores only what that one
// has not.
// Reads small (pitched) once a kernel row, big (pitched) kh / s times; writes columns kx O + o, of which those below kw O mean something,
// to part part_step + ky ky_step + c c_step.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_weight(
    __global const float *restrict small, const uint small_at, __global const float *restrict big, const uint big_at,
    __global float *restrict partial, const uint partial_at, const int batch, const int height, const int width, const int channels,
    const int small_pitch, const int big_height, const int big_width, const int outputs, const int big_pitch, const int kernel_height,
    const int kernel_width, const int stride_y, const int stride_x, const int padding_y, const int padding_x, const int part_rows,
    const int rows, const int part_step, const int ky_step, const int c_step)
{
    __local float area[FLOATS + PANEL] __attribute__((aligned(64)));
    small += small_at;
    big += big_at;

    const int ky = get_group_id(0), part = get_group_id(1);
    const int columns = (width - 1) * stride_x + kernel_width, line = columns * outputs;
    const int panels = (kernel_width * outputs + PANEL - 1) / PANEL;
    const int begin = part * part_rows, end = min(begin + part_rows, batch * height);
    partial += partial_at + part * part_step + ky * ky_step;

    for (int j = 0; j < PANEL; j++)    // the last vector of the last run reads on
        area[rows * line + j] = 0.0f;
    for (int r0 = begin; r0 < end; r0 += rows) {
        const int count = min(rows, end - r0);
        for (int r = 0; r < count; r++) {
            const int image = (r0 + r) / height, y = (r0 + r) % height;
            copy_row(area + r * line, big + image * big_height * big_width * big_pitch, y * stride_y - padding_y + ky, -padding_x, columns,
                     big_height, big_width, outputs, big_pitch);
        }
        for (int c = 0; c < channels; c += TILE) {
            const int c0 = min(c, channels - TILE);
            for (int panel = 0; panel < panels; panel++) {
                __global float *to = partial + c0 * c_step + panel * PANEL;
                lanes sum[TILE][VECTORS];
#pragma unroll
                for (int i = 0; i < TILE; i++)
#pragma unroll
                    for (int j = 0; j < VECTORS; j++)
                        sum[i][j] = r0 == begin ? (lanes)(0.0f) : LOAD(to + i * c_step + j * LANES);
                for (int r = 0; r < count; r++)
                    tile_correlate(sum, small + (r0 + r) * width * small_pitch + c0, small_pitch, area + r * line + panel * PANEL,
                                   stride_x * outputs, width);
#pragma unroll
                for (int i = 0; i < TILE; i++)
                    if (c0 + i >= c) {
#pragma unroll
                        for (int j = 0; j < VECTORS; j++)
                            STORE(sum[i][j], to + i * c_step + j * LANES);
                    }
            }
        }
    }
}
