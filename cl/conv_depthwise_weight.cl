// The weights' gradients of depthwise convolutions (conv_depthwise.h).
#include "conv_depthwise.h"

// Partial gradients of the weights: partial[chunk][ky][kx][o] = sum over the chunk's rows of dy[b, y, x, o] x[b, y s - p + ky, x s - p + kx, o / OUT].
#if CLMIX_WIDE
// sum[tap] += the `count` outputs at `dy` times what the window's taps, `together` at a time, meet of x: of the first output at `from`, and `spread`
// pixels on of the next. n channels. The next row of outputs is `dy_row` on.
INLINE void meet(const int count, const int together, const bool whole, const struct window window, const __global float *from,
                 const int spread, const __global float *dy, const int dy_step, const int dy_row, __global float *sum, const int n)
{
    floatv up[ACROSS][OUT];
#pragma unroll
    for (int b = 0; b < count; b++)
#pragma unroll
        for (int j = 0; j < OUT; j++)
            up[b][j] = load_known(dy + b * dy_step + j * VW, n * OUT - j * VW, whole);
#pragma unroll
    for (int b = 0; b < count; b++)    // what the next row meets first
        PREFETCH(dy + dy_row + b * dy_step, 0);
#pragma unroll
    for (int b = 0; b < count * spread; b++)
        PREFETCH(from + window.rows * window.row_step + (b + together - 1) * window.pitch, 0);
    for (int row = 0; row < window.rows; row++)
        for (int tap = 0; tap < window.taps; tap += together)
#pragma unroll
            for (int t = 0; t < together; t++)
#pragma unroll
                for (int j = 0; j < OUT; j++) {
                    __global float *kept = sum + row * window.weight_row_step + (tap + t) * window.weight_tap_step + j * VW;
                    floatv found = load_known(kept, n * OUT - j * VW, whole);
#pragma unroll
                    for (int b = 0; b < count; b++) {
                        const __global float *pixel = from + row * window.row_step + (tap + t + b * spread) * window.pitch;
                        found = FMA(SPREAD(load_known(pixel, n, whole), j), up[b][j], found);
                    }
                    if (whole)
                        STOREV(found, kept);
                    else if (n * OUT > j * VW)
                        store_lanes(found, kept, (uint)(n * OUT - j * VW));
                }
}

// Index space: groups of `chunk` rows of outputs, counted through all samples; the sums are kept in the group's part of `partial`, in the cache. Reads
// both maps (pitched) once from memory, in its order.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void depthwise_weight(
    __global const float *big, const uint big_at, __global const float *small, const uint small_at, __global float *partial,
    const uint partial_at, const int batch, const int big_height, const int big_width, const int channels, const int big_pitch,
    const int height, const int width, const int outputs, const int small_pitch, const int kernel_height, const int kernel_width,
    const int stride_y, const int stride_x, const int padding_y, const int padding_x, const int chunk)
{
    const int begin = (int)get_group_id(0) * chunk, end = min(begin + chunk, batch * height);
    const int count = kernel_height * kernel_width * outputs;
    const struct line line = line_of_outputs(width, big_width, kernel_width, stride_x, padding_x);
    struct window window = { 0, 0, big_width * big_pitch, big_pitch, kernel_width * outputs, outputs };
    partial += partial_at + get_group_id(0) * (uint)count;
    for (int i = 0; i < count; i += VW)
        store_lanes((floatv)(0.0f), partial + i, (uint)(count - i));
    for (int row = begin; row < end; row++) {
        const int top = row % height * stride_y - padding_y, ky = max(0, -top);
        window.rows = min(kernel_height, big_height - top) - ky;
        for (int unit = 0; unit < line.units; unit++) {
            const int x = first_pixel(line, unit), left = x * stride_x - padding_x, kx = max(0, -left);
            const __global float *from = big + big_at + ((row / height * big_height + top + ky) * big_width + left + kx) * big_pitch;
            const __global float *dy = small + small_at + (row * width + x) * small_pitch;
            __global float *sum = partial + (ky * kernel_width + kx) * outputs;
            window.taps = min(kernel_width, big_width - left) - kx;
            for (int c = 0; c < channels; c += VW) {
                const int n = channels - c;
                if (n < VW)
                    for (int b = 0; b < (is_block(line, unit) ? ACROSS : 1); b++)
                        meet(1, 1, false, window, from + b * stride_x * big_pitch + c, 0, dy + b * small_pitch + c * OUT, 0, width * small_pitch, sum + c * OUT, n);
                else if (is_block(line, unit))
                    meet(ACROSS, TAPS, true, window, from + c, APART, dy + c * OUT, small_pitch, width * small_pitch, sum + c * OUT, n);
                else
                    meet(1, 1, true, window, from + c, 0, dy + c * OUT, 0, width * small_pitch, sum + c * OUT, n);
            }
        }
    }
}
#else
// A tap meets the outputs from FIRST_MET to before END_MET of a row.
#define FIRST_MET(kx) ((kx) >= padding_x ? 0 : (padding_x - (kx) + stride_x - 1) / stride_x)
#define END_MET(kx)   (big_width + padding_x - (kx) <= 0 ? 0 : min(width, (big_width - 1 + padding_x - (kx)) / stride_x + 1))

// Index space: x taps ky kw + kx; y groups of `chunk` rows of outputs, counted through all samples. Reads both maps (pitched) once a tap.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void depthwise_weight(
    __global const float *big, const uint big_at, __global const float *small, const uint small_at, __global float *partial,
    const uint partial_at, const int batch, const int big_height, const int big_width, const int channels, const int big_pitch,
    const int height, const int width, const int outputs, const int small_pitch, const int kernel_height, const int kernel_width,
    const int stride_y, const int stride_x, const int padding_y, const int padding_x, const int chunk)
{
    COLUMN_SCRATCH
    const int ky = (int)get_group_id(0) / kernel_width, kx = (int)get_group_id(0) % kernel_width;
    const int lanes = (int)column_lanes((uint)channels), side = (int)get_local_id(0) % lanes, down = (int)get_local_id(0) / lanes;
    const int begin = (int)get_group_id(1) * chunk, end = min(begin + chunk, batch * height);
    const int first = FIRST_MET(kx), last = END_MET(kx);
    partial += partial_at + (get_group_id(1) * (uint)(kernel_height * kernel_width) + get_group_id(0)) * (uint)outputs;
    for (int block = 0; block < channels; block += lanes * VW) {
        const int c = block + side * VW, n = channels - c;
        floatv sum[OUT];
#pragma unroll
        for (int j = 0; j < OUT; j++)
            sum[j] = (floatv)(0.0f);
        for (int row = begin; row < end && n > 0; row++) {
            const int y = row % height * stride_y - padding_y + ky;
            const __global float *x = big + big_at + ((row / height * big_height + y) * big_width + kx - padding_x) * big_pitch + c;
            const __global float *dy = small + small_at + row * width * small_pitch + c * OUT;
            for (int at = first + down; at < last && y >= 0 && y < big_height; at += WG / lanes)
#pragma unroll
                for (int j = 0; j < OUT; j++)
                    sum[j] = FMA(SPREAD(load_known(x + at * stride_x * big_pitch, n, false), j),
                                 load_known(dy + at * small_pitch + j * VW, n * OUT - j * VW, false), sum[j]);
        }
#pragma unroll
        for (int j = 0; j < OUT; j++) {
            const floatv total = COLUMN_SUM(sum[j], lanes);
            if (down == 0 && n * OUT > j * VW)
                store_lanes(total, partial + c * OUT + j * VW, (uint)(n * OUT - j * VW));
        }
    }
}
#endif
