// Weight gradients of convolutions from maps of few channels, the wide form: sum over samples and pixels of big[y s - p + ky, x s - p + kx, c]
// small[y, x, o], with vectors along o. Where kw C is small, vectors along it (conv_wide_weight.cl) are partly empty and rows must be joined.
#define LEFT_SPACE  __local
#define RIGHT_SPACE __global
#define LOAD_RIGHT  LOAD
#include "conv_wide_correlate.h"

#ifndef FLOATS
#define FLOATS 4096    // floats of local memory for the rows of `big`
#endif

// One group: kernel rows get_group_id(0) taps and on, chunk get_group_id(1) of the rows of `small` counted through all samples, `chunk_rows`
// each, taken `rows` at a time: the rows of `big` that these kernel rows meet are copied to local memory once, zero-padded and dense. The
// left operand of a pixel and a kernel row is the run of kw C floats there; `small` is read in place. Row r of those taken begins at local
// line r step + i (taps - step), i samples after the first one, where step = min(stride, taps). O is a multiple of PANEL, kw C >= TILE; the
// last tile of a run overlaps the one before and stores only what that one has not. Reads small (pitched) once a group, big (pitched) once
// a group and overlap; writes chunk [kh][kw C][O].
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_weight_few(
    __global const float *restrict small, const uint small_at, __global const float *restrict big, const uint big_at,
    __global float *restrict partial, const uint partial_at, const int batch, const int height, const int width, const int outputs,
    const int small_pitch, const int big_height, const int big_width, const int channels, const int big_pitch, const int kernel_height,
    const int kernel_width, const int stride_y, const int stride_x, const int padding_y, const int padding_x, const int chunk_rows,
    const int rows, const int taps)
{
    __local float area[FLOATS] __attribute__((aligned(64)));
    small += small_at;
    big += big_at;

    const int columns = (width - 1) * stride_x + kernel_width, line = columns * channels, run = kernel_width * channels;
    const int step = min(stride_y, taps), ky0 = get_group_id(0) * taps;
    const int begin = get_group_id(1) * chunk_rows, end = min(begin + chunk_rows, batch * height);
    partial += partial_at + (get_group_id(1) * kernel_height + ky0) * run * outputs;

    for (int r0 = begin; r0 < end; r0 += rows) {
        const int count = min(rows, end - r0), sample0 = r0 / height;
        for (int r = 0; r < count; r++) {
            const int sample = (r0 + r) / height, y = (r0 + r) % height;
            __local float *strip = area + (r * step + (sample - sample0) * (taps - step)) * line;
            for (int tap = r == 0 || y == 0 ? 0 : taps - step; tap < taps; tap++)
                copy_row(strip + tap * line, big + sample * big_height * big_width * big_pitch, y * stride_y - padding_y + ky0 + tap,
                         -padding_x, columns, big_height, big_width, channels, big_pitch);
        }
        for (int tap = 0; tap < taps; tap++)
            for (int k = 0; k < run; k += TILE) {
                const int k0 = min(k, run - TILE);
                for (int n = 0; n < outputs; n += PANEL) {
                    __global float *to = partial + (tap * run + k0) * outputs + n;
                    lanes sum[TILE][VECTORS];
#pragma unroll
                    for (int i = 0; i < TILE; i++)
#pragma unroll
                        for (int j = 0; j < VECTORS; j++)
                            sum[i][j] = r0 == begin ? (lanes)(0.0f) : LOAD(to + i * outputs + j * LANES);
                    for (int r = 0; r < count; r++) {
                        const int at = r * step + ((r0 + r) / height - sample0) * (taps - step) + tap;
                        tile_correlate(sum, area + at * line + k0, stride_x * channels, small + (r0 + r) * width * small_pitch + n,
                                       small_pitch, width);
                    }
#pragma unroll
                    for (int i = 0; i < TILE; i++)
                        if (k0 + i >= k) {
#pragma unroll
                            for (int j = 0; j < VECTORS; j++)
                                STORE(sum[i][j], to + i * outputs + j * LANES);
                        }
                }
            }
    }
}
