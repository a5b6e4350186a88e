// Convolution by scattering, the wide form: big[y s - p + ky, x s - p + kx, o] += small[y, x, c] W[c, ky, kx, o], from bias[o] on.
// Forward transposed convolution, and with other weights the input gradient of a strided convolution.
#include "conv_wide.h"

#ifndef FLOATS
#define FLOATS 4096    // floats of local memory for the strips of `big` and of `small`
#endif
#ifndef PIXELS
#define PIXELS 256    // pixels of `small` that meet one phase of a group's rows at most
#endif

// One group: `samples` samples x `rows` rows of `big` (x: row strips, y: sample chunks), all columns and outputs.
// Along y it gathers: rows of one phase (y + p) mod s share their kernel rows phase, phase + s, ..., summed in registers. Along x it
// scatters: what a pixel of `small` adds to a row of `big` is one contiguous run of kw O floats, added to a padded row in local memory.
// Each element receives its additions by panel and then by x, whatever the strips are. Row c of panel p of kernel row ky of the weights,
// columns kx O + o padded with zeros, is at ky ky_step + p panel_step + c row_step. Reads small (pitched) once a group and overlap, the
// weights once a group; writes big (pitched) once.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_scatter(
    __global const float *restrict small, const uint small_at, __global const float *restrict weight, const uint weight_at,
    __global const float *restrict bias, const uint bias_at, __global float *restrict big, const uint big_at, const int batch,
    const int height, const int width, const int channels, const int small_pitch, const int big_height, const int big_width,
    const int outputs, const int big_pitch, const int kernel_height, const int kernel_width, const int stride_y, const int stride_x,
    const int padding_y, const int padding_x, const int has_bias, const int samples, const int rows, const int ky_step, const int panel_step,
    const int row_step)
{
    __local float area[FLOATS + PANEL] __attribute__((aligned(64)));
    __local int left_at[PIXELS + TILE];
    __local int sum_at[PIXELS];
    small += small_at;
    weight += weight_at;
    bias += bias_at;
    big += big_at;

    const int y0 = get_group_id(0) * rows, sample0 = get_group_id(1) * samples;
    const int ny = min(rows, big_height - y0), ni = min(samples, batch - sample0);
    const int line = max((width - 1) * stride_x + kernel_width, padding_x + big_width) * outputs;    // floats of a padded row of `big`
    const int panels = (kernel_width * outputs + PANEL - 1) / PANEL;
    const int low = (y0 + padding_y) / stride_y - (kernel_height - 1) / stride_y;    // rows of `small` that reach the strip
    const int high = (y0 + ny - 1 + padding_y) / stride_y;
    const int left_rows = high - low + 1, left_line = width * channels;
    __local float *left_area = area + ni * ny * line + PANEL;

    for (int x = 0; x < line; x += outputs)
        for (int o = 0; o < outputs; o++)
            area[x + o] = has_bias ? bias[o] : 0.0f;
    for (int r = 1; r < ni * ny; r++)
        for (int j = 0; j < line; j += LANES)
            STORE_LOCAL(LOAD_LOCAL(area + j), area + r * line + j);
    for (int j = 0; j < PANEL; j++)    // the last vector of the last run adds to them; nobody reads them
        area[ni * ny * line + j] = 0.0f;
    for (int i = 0; i < ni; i++)
        for (int r = 0; r < left_rows; r++)
            copy_row(left_area + (i * left_rows + r) * left_line, small + (sample0 + i) * height * width * small_pitch, low + r, 0, width,
                     height, width, channels, small_pitch);

    for (int phase = 0; phase < stride_y; phase++) {
        const int begin = (phase + stride_y - (y0 + padding_y) % stride_y) % stride_y;    // first row of the strip with this phase
        const int lines = begin >= ny || phase >= kernel_height ? 0 : (ny - 1 - begin) / stride_y + 1, count = ni * lines * width;
        if (count == 0)
            continue;
        for (int l = 0; l < ni * lines; l++) {
            const int sample = l / lines, r = begin + l % lines * stride_y, y = (y0 + r + padding_y) / stride_y - low;
            for (int x = 0; x < width; x++) {    // no running index: Intel's compiler (2026.22) gets one over nested loops wrong
                left_at[l * width + x] = (sample * left_rows + y) * left_line + x * channels;
                sum_at[l * width + x] = (sample * ny + r) * line + x * stride_x * outputs;
            }
        }
        for (int i = 0; i < TILE; i++)    // the last tile's missing rows repeat the last pixel and are not added
            left_at[count + i] = left_at[count - 1];

        for (int panel = 0; panel < panels; panel++)
            for (int m = 0; m < count; m += TILE) {
                const __local float *left[TILE];
                lanes sum[TILE][VECTORS];
#pragma unroll
                for (int i = 0; i < TILE; i++) {
                    left[i] = left_area + left_at[m + i];
#pragma unroll
                    for (int j = 0; j < VECTORS; j++)
                        sum[i][j] = (lanes)(0.0f);
                }
                int up = 0;
                for (int ky = phase; ky < kernel_height; ky += stride_y, up -= left_line)
                    tile_multiply(sum, left, up, weight + ky * ky_step + panel * panel_step, row_step, channels);
#pragma unroll
                for (int i = 0; i < TILE; i++)
                    if (m + i < count) {
                        __local float *to = area + sum_at[m + i] + panel * PANEL;
#pragma unroll
                        for (int j = 0; j < VECTORS; j++)
                            STORE_LOCAL(LOAD_LOCAL(to + j * LANES) + sum[i][j], to + j * LANES);
                    }
            }
    }

    for (int i = 0; i < ni; i++)
        for (int r = 0; r < ny; r++)
            store_pixels(big + (((sample0 + i) * big_height + y0 + r) * big_width) * big_pitch,
                         area + (i * ny + r) * line + padding_x * outputs, big_width, outputs, big_pitch);
}
