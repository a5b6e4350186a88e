// Convolution by gathering, the wide form: small[y, x, o] = bias[o] + sum over ky, kx, c of big[y s - p + ky, x s - p + kx, c] W[ky, kx, c,
// o]. Forward convolution, and with other weights the input gradients of stride-1 and of transposed convolutions.
#include "conv_wide.h"

#ifndef FLOATS
#define FLOATS 4096    // floats of local memory for the strip of `big` and the sums
#endif
#ifndef PIXELS
#define PIXELS 256    // pixels of `small` that a group makes at most
#endif

// One group: `samples` samples x `rows` rows x `columns` columns of `small` (x: column strips, y: row strips, z: sample chunks), all outputs.
// The kernel's rows are taken `taps` at a time: their rows of `big` are copied to local memory, zero-padded and dense, so that the left
// operand of a pixel is one run of kw C floats a kernel row and no tap asks where the border is. Row r of kernel rows k0 .. k0 + taps - 1
// of output row y lies at local row (y - y0) step + r, where step = min(stride, taps): strides beyond the taps leave out what no tap reads.
// Reads big (pitched) once a group and overlap, weight [panels][kh][kw C][PANEL] once a group; writes small (pitched) once.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_gather(
    __global const float *restrict big, const uint big_at, __global const float *restrict weight, const uint weight_at,
    __global const float *restrict bias, const uint bias_at, __global float *restrict small, const uint small_at, const int batch,
    const int big_height, const int big_width, const int channels, const int big_pitch, const int height, const int width,
    const int outputs, const int small_pitch, const int kernel_height, const int kernel_width, const int stride_y, const int stride_x,
    const int padding_y, const int padding_x, const int has_bias, const int samples, const int rows, const int columns, const int taps)
{
    __local float area[FLOATS + PANEL] __attribute__((aligned(64)));
    __local float first[PANEL] __attribute__((aligned(64)));
    __local int left_at[PIXELS + TILE];
    __local int small_pixel[PIXELS];
    big += big_at;
    weight += weight_at;
    bias += bias_at;
    small += small_at;

    const int x0 = get_group_id(0) * columns, y0 = get_group_id(1) * rows, sample0 = get_group_id(2) * samples;
    const int nx = min(columns, width - x0), ny = min(rows, height - y0), ni = min(samples, batch - sample0);
    const int step = min(stride_y, taps);
    const int strip_rows = (rows - 1) * step + taps, strip_columns = (nx - 1) * stride_x + kernel_width;
    const int strip_pitch = strip_columns * channels, run = kernel_width * channels;
    const int panels = (outputs + PANEL - 1) / PANEL;
    const int pixels = ni * ny * nx;
    __local float *sums = area + samples * strip_rows * ((columns - 1) * stride_x + kernel_width) * channels;

    for (int l = 0; l < ni * ny; l++) {
        const int sample = l / ny, y = l % ny;
        for (int x = 0; x < nx; x++) {    // no running index: Intel's compiler (2026.22) gets one over nested loops wrong
            left_at[l * nx + x] = (sample * strip_rows + y * step) * strip_pitch + x * stride_x * channels;
            small_pixel[l * nx + x] = ((sample0 + sample) * height + y0 + y) * width + x0 + x;
        }
    }
    for (int i = 0; i < TILE; i++)    // the last tile's missing rows repeat the last pixel
        left_at[pixels + i] = left_at[pixels - 1];

    for (int k0 = 0; k0 < kernel_height; k0 += taps) {
        const int kc = min(taps, kernel_height - k0);
        const int used = (ny - 1) * step + kc;
        for (int i = 0; i < ni; i++)
            for (int r = 0; r < used; r++) {
                const int y = (y0 + r / step) * stride_y + r % step + k0 - padding_y;
                copy_row(area + (i * strip_rows + r) * strip_pitch, big + (sample0 + i) * big_height * big_width * big_pitch, y,
                         x0 * stride_x - padding_x, strip_columns, big_height, big_width, channels, big_pitch);
            }
        for (int panel = 0; panel < panels; panel++) {
            const __global float *right = weight + (panel * kernel_height + k0) * run * PANEL;
            const int n0 = panel * PANEL;
            if (k0 == 0)
                for (int j = 0; j < PANEL; j++)
                    first[j] = has_bias && n0 + j < outputs ? bias[n0 + j] : 0.0f;
            for (int m = 0; m < pixels; m += TILE) {
                const __local float *left[TILE];
                lanes sum[TILE][VECTORS];
#pragma unroll
                for (int i = 0; i < TILE; i++) {
                    left[i] = area + left_at[m + i];
                    const __local float *from = k0 == 0 ? first : sums + ((m + i) * panels + panel) * PANEL;
#pragma unroll
                    for (int j = 0; j < VECTORS; j++)
                        sum[i][j] = LOAD_LOCAL(from + j * LANES);
                }
                for (int k = 0; k < kc; k++)
                    tile_multiply(sum, left, k * strip_pitch, right + k * run * PANEL, PANEL, run);
                if (k0 + kc < kernel_height) {
#pragma unroll
                    for (int i = 0; i < TILE; i++)
#pragma unroll
                        for (int j = 0; j < VECTORS; j++)
                            STORE_LOCAL(sum[i][j], sums + ((m + i) * panels + panel) * PANEL + j * LANES);
                    continue;
                }
#pragma unroll
                for (int i = 0; i < TILE; i++)
                    if (m + i < pixels) {
                        __global float *to = small + small_pixel[m + i] * small_pitch + n0;
#pragma unroll
                        for (int j = 0; j < VECTORS; j++)
                            store_part(sum[i][j], to + j * LANES, outputs - n0 - j * LANES);
                    }
            }
        }
    }
}
