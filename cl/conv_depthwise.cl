// Depthwise convolutions and their inputs' gradients (conv_depthwise.h). One source for both forms.
#include "conv_depthwise.h"

// The sums of the channels over their outputs.
INLINE floatv join_outputs(const floatv *sum)
{
#if OUT == 1
    return sum[0];
#elif VW == 1
    return sum[0] + sum[1];
#else
    return (floatv)(sum[0].even + sum[0].odd, sum[1].even + sum[1].odd);
#endif
}

// sum[b] = start + the sum over the window at `from` + b * spread pixels, whose first weight is at `weight`, of n channels; b < count. `together` taps of
// a row at a time, of which there are a multiple. Forward the map has channels and taps go right; backward (`back`) it has outputs, taps go left, and
// the sum has outputs still.
INLINE void sum_windows(floatv sum[][OUT], const int count, const int together, const bool back, const bool whole,
                        const __global float *start, const struct window window, const __global float *from, const int spread,
                        const __global float *weight, const int n)
{
    const int right = back ? -1 : 1;
#pragma unroll
    for (int b = 0; b < count; b++)
#pragma unroll
        for (int j = 0; j < OUT; j++)
            sum[b][j] = start != 0 ? load_known(start + j * VW, n * OUT - j * VW, whole) : (floatv)(0.0f);
#pragma unroll
    for (int b = 0; b < count * spread; b++)    // the next row, which the windows of the next row of results read first
#pragma unroll
        for (int j = 0; j < (back ? OUT : 1); j++)
            PREFETCH(from + (back ? -1 : window.rows) * window.row_step + (b + (back ? 0 : together - 1)) * window.pitch + j * VW, 0);
    for (int row = 0; row < window.rows; row++)
        for (int tap = 0; tap < window.taps; tap += together) {
            const __global float *w = weight + row * window.weight_row_step + tap * window.weight_tap_step;
            const __global float *a = from + row * window.row_step + tap * right * window.pitch;
#pragma unroll
            for (int t = 0; t < together; t++)
#pragma unroll
                for (int j = 0; j < OUT; j++) {
                    const floatv factor = load_known(w + t * window.weight_tap_step + j * VW, n * OUT - j * VW, whole);
#pragma unroll
                    for (int b = 0; b < count; b++) {
                        const __global float *pixel = a + (b * spread + t * right) * window.pitch;
                        const floatv read = back ? load_known(pixel + j * VW, n * OUT - j * VW, whole) : SPREAD(load_known(pixel, n, whole), j);
                        sum[b][j] = FMA(read, factor, sum[b][j]);
                    }
                }
        }
}

// The same for `count` pixels, and what comes of it to `to` + b * to_apart.
INLINE void convolve_pixels(const int count, const int together, const bool back, const bool whole, const __global float *start,
                            const struct window window, const __global float *from, const int spread, const __global float *weight,
                            __global float *to, const int to_apart, const int n)
{
    floatv sum[ACROSS][OUT];
    sum_windows(sum, count, together, back, whole, start, window, from, spread, weight, n);
#pragma unroll
    for (int b = 0; b < count; b++)
#pragma unroll
        for (int j = 0; j < (back ? 1 : OUT); j++) {
            const int left = back ? n : n * OUT - j * VW;
            const floatv value = back ? join_outputs(sum[b]) : sum[b][j];
            if (whole || left >= VW)
                STREAMV(value, to + b * to_apart + j * VW);
            else if (left > 0)
                store_lanes(value, to + b * to_apart + j * VW, (uint)left);
        }
}

// A block of ACROSS pixels, whose windows lie in the map whole, or one.
INLINE void convolve(const bool block, const bool back, const __global float *start, const struct window window,
                     const __global float *from, const int spread, const __global float *weight, __global float *to, const int to_apart,
                     const int n)
{
    if (n < VW)
        for (int b = 0; b < (block ? ACROSS : 1); b++)
            convolve_pixels(1, 1, back, false, start, window, from + b * spread * window.pitch, 0, weight, to + b * to_apart, 0, n);
    else if (ACROSS > 1 && block)
        convolve_pixels(ACROSS, TAPS, back, true, start, window, from, spread, weight, to, to_apart, n);
    else
        convolve_pixels(1, 1, back, true, start, window, from, 0, weight, to, 0, n);
}

// y[b, y, x, o] = bias[o] + sum over ky, kx of x[b, y s - p + ky, x s - p + kx, o / OUT] W[ky, kx, o].
// Group g does the rows [g * chunk, (g + 1) * chunk) of outputs, counted through all samples. Reads x (pitched) kh / s times, mostly from cache,
// writes y (pitched) once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void depthwise(
    __global const float *from, const uint from_at, __global const float *weight, const uint weight_at, __global const float *bias,
    const uint bias_at, __global float *to, const uint to_at, const int batch, const int big_height, const int big_width,
    const int channels, const int from_pitch, const int height, const int width, const int outputs, const int to_pitch,
    const int kernel_height, const int kernel_width, const int stride_y, const int stride_x, const int padding_y, const int padding_x,
    const int has_bias, const int chunk)
{
    const int lanes = (int)column_lanes((uint)channels), side = (int)get_local_id(0) % lanes, down = (int)get_local_id(0) / lanes;
    const int begin = (int)get_group_id(0) * chunk, end = min(begin + chunk, batch * height);
    const struct line line = line_of_outputs(width, big_width, kernel_width, stride_x, padding_x);
    struct window window = { 0, 0, big_width * from_pitch, from_pitch, kernel_width * outputs, outputs };
    for (int row = begin; row < end; row++) {
        const int top = row % height * stride_y - padding_y, ky = max(0, -top);
        window.rows = min(kernel_height, big_height - top) - ky;
        for (int unit = down; unit < line.units; unit += WG / lanes) {
            const int x = first_pixel(line, unit), left = x * stride_x - padding_x, kx = max(0, -left);
            const __global float *a = from + from_at + ((row / height * big_height + top + ky) * big_width + left + kx) * from_pitch;
            window.taps = min(kernel_width, big_width - left) - kx;
            for (int c = side * VW; c < channels; c += lanes * VW)
                convolve(is_block(line, unit), false, has_bias ? bias + bias_at + c * OUT : 0, window, a + c, APART,
                         weight + weight_at + (ky * kernel_width + kx) * outputs + c * OUT,
                         to + to_at + (row * width + x) * to_pitch + c * OUT, to_pitch, channels - c);
        }
    }
}

// The input's gradient: x[b, Y, X, c] = sum over the outputs y, x and taps that read it, and j < OUT, of dy[b, y, x, OUT c + j] W[ky, kx, OUT c
// + j]. Pixels a stride apart are met by the same taps, and are lines of their own: pixel f + s i by the taps k + s t, with k = (f + p) % s,
// from output (f + p) / s - t + i.
// Group g does the rows [g * chunk, (g + 1) * chunk) of inputs, counted through all samples. Reads dy (pitched) kh / s times, mostly from cache,
// writes the gradient (pitched) once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) SUB_GROUPS void depthwise_input(
    __global const float *from, const uint from_at, __global const float *weight, const uint weight_at, __global float *to,
    const uint to_at, const int batch, const int height, const int width, const int outputs, const int from_pitch, const int big_height,
    const int big_width, const int channels, const int to_pitch, const int kernel_height, const int kernel_width, const int stride_y,
    const int stride_x, const int padding_y, const int padding_x, const int chunk)
{
    const int lanes = (int)column_lanes((uint)channels), side = (int)get_local_id(0) % lanes, down = (int)get_local_id(0) / lanes;
    const int begin = (int)get_group_id(0) * chunk, end = min(begin + chunk, batch * big_height);
    struct window window = { 0, 0, -width * from_pitch, from_pitch, stride_y * kernel_width * outputs, stride_x * outputs };
    for (int row = begin; row < end; row++) {
        const int at_y = row % big_height + padding_y;
        const int ky = max(at_y % stride_y, at_y - (height - 1) * stride_y), y = (at_y - ky) / stride_y;
        const int last = min(kernel_height - 1, at_y);
        window.rows = last < ky ? 0 : (last - ky) / stride_y + 1;
        for (int phase = 0; phase < min(stride_x, big_width); phase++) {
            const int k = (phase + padding_x) % stride_x, x = (phase + padding_x) / stride_x;
            const int taps = k < kernel_width ? (kernel_width - k - 1) / stride_x + 1 : 0;
            const struct line line = make_line((big_width - phase - 1) / stride_x + 1, taps - 1 - x, width - x);
            for (int unit = down; unit < line.units; unit += WG / lanes) {
                const int i = first_pixel(line, unit), t = max(0, x + i - (width - 1));
                const __global float *a = from + from_at + ((row / big_height * height + y) * width + x + i - t) * from_pitch;
                const __global float *w = weight + weight_at + (ky * kernel_width + k + t * stride_x) * outputs;
                __global float *dx = to + to_at + (row * big_width + phase + i * stride_x) * to_pitch;
                window.taps = max(0, min(taps, x + i + 1) - t);
                for (int c = side * VW; c < channels; c += lanes * VW)
                    convolve(is_block(line, unit), true, 0, window, a + c * OUT, 1, w + c * OUT, dx + c, stride_x * to_pitch,
                             channels - c);
            }
        }
    }
}
