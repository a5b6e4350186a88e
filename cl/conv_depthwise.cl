// Depthwise convolutions: each channel is convolved by itself, to OUT = 1 or 2 outputs. C channels, O = OUT C outputs, of which channel c has
// OUT c .. OUT c + OUT - 1; weights [kh][kw][O]. Vectors run along the channels: of VW channels the OUT VW outputs are `OUT` vectors, the first
// of the lower and the second of the upper half of the channels. Work-items stand as `lanes` vectors of channels times WG / lanes blocks of
// pixels. One source for both forms, but for the weights' gradient.
#include "reduce.h"

#ifndef OUT
#define OUT 1    // outputs of a channel: 1, 2
#endif
#define ACROSS 4    // pixels of a block, side by side

// The outputs' vector j made of a vector of channels: every channel OUT times.
#if OUT == 1 || VW == 1
#define SPREAD(v, j) (v)
#elif VW == 4
#define SPREAD(v, j) ((j) == 0 ? (v).s0011 : (v).s2233)
#elif VW == 8
#define SPREAD(v, j) ((j) == 0 ? (v).s00112233 : (v).s44556677)
#else
#define SPREAD(v, j) ((j) == 0 ? (v).s0011223344556677 : (v).s8899aabbccddeeff)
#endif

// And back: the sums of the channels over their outputs.
static inline floatv join_outputs(const floatv *sum)
{
#if OUT == 1
    return sum[0];
#elif VW == 1
    return sum[0] + sum[1];
#else
    return (floatv)(sum[0].even + sum[0].odd, sum[1].even + sum[1].odd);
#endif
}

// What of a window lies in the map: `rows` x `taps`, with the elements from a row and from a tap to the next, in the map and in the weights.
struct window {
    int rows, taps, row_step, tap_step, weight_row_step, weight_tap_step;
};

// The first n floats at p; all of a vector where n is known to be no less.
static inline floatv load_known(const __global float *p, const int n, const bool whole)
{
    return whole ? LOADV(p) : load_lanes(p, (uint)max(n, 0));
}

// sum[b] = start + the sum over the window at `from` + b * apart, whose first weight is at `weight`, of n channels; b < count. Forward the map has
// channels, backward (`back`) outputs, and so has the sum.
static inline void sum_windows(floatv sum[][OUT], const int count, const bool back, const bool whole, const __global float *start,
                               const struct window window, const __global float *from, const int apart, const __global float *weight,
                               const int n)
{
#pragma unroll
    for (int b = 0; b < count; b++)
#pragma unroll
        for (int j = 0; j < OUT; j++)
            sum[b][j] = start != 0 ? load_known(start + j * VW, n * OUT - j * VW, whole) : (floatv)(0.0f);
    for (int row = 0; row < window.rows; row++)
        for (int tap = 0; tap < window.taps; tap++) {
            const __global float *w = weight + row * window.weight_row_step + tap * window.weight_tap_step;
            const __global float *a = from + row * window.row_step + tap * window.tap_step;
#pragma unroll
            for (int j = 0; j < OUT; j++) {
                const floatv factor = load_known(w + j * VW, n * OUT - j * VW, whole);
#pragma unroll
                for (int b = 0; b < count; b++) {
                    const floatv read =
                        back ? load_known(a + b * apart + j * VW, n * OUT - j * VW, whole) : SPREAD(load_known(a + b * apart, n, whole), j);
                    sum[b][j] = FMA(read, factor, sum[b][j]);
                }
            }
        }
}

// The same for a block of ACROSS pixels or one, and what comes of it to `to` + b * to_apart.
static inline void convolve(const bool block, const bool back, const __global float *start, const struct window window,
                            const __global float *from, const int apart, const __global float *weight, __global float *to,
                            const int to_apart, const int n)
{
    if (block && n >= VW) {
        floatv sum[ACROSS][OUT];
        sum_windows(sum, ACROSS, back, true, start, window, from, apart, weight, n);
#pragma unroll
        for (int b = 0; b < ACROSS; b++)
            if (back)
                STREAMV(join_outputs(sum[b]), to + b * to_apart);
            else
#pragma unroll
                for (int j = 0; j < OUT; j++)
                    STREAMV(sum[b][j], to + b * to_apart + j * VW);
    } else
        for (int b = 0; b < (block ? ACROSS : 1); b++) {
            floatv sum[1][OUT];
            sum_windows(sum, 1, back, false, start, window, from + b * apart, 0, weight, n);
            if (back)
                store_lanes(join_outputs(sum[0]), to + b * to_apart, (uint)n);
            else
#pragma unroll
                for (int j = 0; j < OUT; j++)
                    if (n * OUT > j * VW)
                        store_lanes(sum[0][j], to + b * to_apart + j * VW, (uint)(n * OUT - j * VW));
        }
}

// The pixels 0 .. count - 1 of a line as units: those whose windows the map's border cuts, before `first` and from `beyond` on, singly, and
// between them blocks.
struct line {
    int first, blocks, units;
};

static inline struct line make_line(const int count, const int first, const int beyond)
{
    struct line line;
    line.first = clamp(first, 0, count);
    line.blocks = max(0, min(beyond, count) - line.first) / ACROSS;
    line.units = count - line.blocks * (ACROSS - 1);
    return line;
}

static inline bool is_block(const struct line line, const int unit)
{
    return unit >= line.first && unit < line.first + line.blocks;
}

static inline int first_pixel(const struct line line, const int unit)
{
    return unit + min(max(unit - line.first, 0), line.blocks) * (ACROSS - 1);
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
    const int within = big_width + padding_x - kernel_width;    // no window further right lies in the map whole
    const struct line line =
        make_line(width, (padding_x + stride_x - 1) / stride_x, within < 0 ? 0 : within / stride_x + 1);
    struct window window = { 0, 0, big_width * from_pitch, from_pitch, kernel_width * outputs, outputs };
    for (int row = begin; row < end; row++) {
        const int top = row % height * stride_y - padding_y, ky = max(0, -top);
        window.rows = min(kernel_height, big_height - top) - ky;
        for (int unit = down; unit < line.units; unit += WG / lanes) {
            const int x = first_pixel(line, unit), left = x * stride_x - padding_x, kx = max(0, -left);
            const __global float *a = from + from_at + ((row / height * big_height + top + ky) * big_width + left + kx) * from_pitch;
            window.taps = min(kernel_width, big_width - left) - kx;
            for (int c = side * VW; c < channels; c += lanes * VW)
                convolve(is_block(line, unit), false, has_bias ? bias + bias_at + c * OUT : 0, window, a + c, stride_x * from_pitch,
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
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void depthwise_input(
    __global const float *from, const uint from_at, __global const float *weight, const uint weight_at, __global float *to,
    const uint to_at, const int batch, const int height, const int width, const int outputs, const int from_pitch, const int big_height,
    const int big_width, const int channels, const int to_pitch, const int kernel_height, const int kernel_width, const int stride_y,
    const int stride_x, const int padding_y, const int padding_x, const int chunk)
{
    const int lanes = (int)column_lanes((uint)channels), side = (int)get_local_id(0) % lanes, down = (int)get_local_id(0) / lanes;
    const int begin = (int)get_group_id(0) * chunk, end = min(begin + chunk, batch * big_height);
    struct window window = { 0, 0, -width * from_pitch, -from_pitch, stride_y * kernel_width * outputs, stride_x * outputs };
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
                    convolve(is_block(line, unit), true, 0, window, a + c * OUT, from_pitch, w + c * OUT, dx + c, stride_x * to_pitch,
                             channels - c);
            }
        }
    }
}

// Partial gradients of the weights: partial[chunk][ky][kx][o] = sum over the chunk's rows of dy[b, y, x, o] x[b, y s - p + ky, x s - p + kx, o / OUT].
// A tap meets the outputs from FIRST_MET to before END_MET of a row.
#define FIRST_MET(kx) ((kx) >= padding_x ? 0 : (padding_x - (kx) + stride_x - 1) / stride_x)
#define END_MET(kx)   (big_width + padding_x - (kx) <= 0 ? 0 : min(width, (big_width - 1 + padding_x - (kx)) / stride_x + 1))
#if CLMIX_WIDE
#define SEGMENT 16    // pixels whose lines, over the rows of a window, the first cache holds although they lie at one distance

// sum[j] += dy x of the outputs first .. end - 1, in ACROSS sums at a time, of n channels.
static inline void meet(const bool whole, const __global float *x, const int x_step, const __global float *dy, const int dy_step,
                        const int first, const int end, const int n, __global float *sum)
{
    floatv parts[ACROSS][OUT];
    int at = first;
#pragma unroll
    for (int b = 0; b < ACROSS; b++)
#pragma unroll
        for (int j = 0; j < OUT; j++)
            parts[b][j] = (floatv)(0.0f);
    for (; at + ACROSS <= end; at += ACROSS)
#pragma unroll
        for (int b = 0; b < ACROSS; b++)
#pragma unroll
            for (int j = 0; j < OUT; j++)
                parts[b][j] = FMA(SPREAD(load_known(x + (at + b) * x_step, n, whole), j),
                                  load_known(dy + (at + b) * dy_step + j * VW, n * OUT - j * VW, whole), parts[b][j]);
    for (; at < end; at++)
#pragma unroll
        for (int j = 0; j < OUT; j++)
            parts[0][j] = FMA(SPREAD(load_known(x + at * x_step, n, whole), j),
                              load_known(dy + at * dy_step + j * VW, n * OUT - j * VW, whole), parts[0][j]);
#pragma unroll
    for (int j = 0; j < OUT; j++)
        if (n * OUT > j * VW) {
            const floatv before = load_known(sum + j * VW, n * OUT - j * VW, whole);
            const floatv total = before + ((parts[0][j] + parts[1][j]) + (parts[2][j] + parts[3][j]));
            store_lanes(total, sum + j * VW, (uint)(n * OUT - j * VW));
        }
}

// Index space: groups of `chunk` rows of outputs, counted through all samples; the sums are kept in the group's part of `partial`. Reads both maps
// (pitched) once from memory, and once a tap from cache.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void depthwise_weight(
    __global const float *big, const uint big_at, __global const float *small, const uint small_at, __global float *partial,
    const uint partial_at, const int batch, const int big_height, const int big_width, const int channels, const int big_pitch,
    const int height, const int width, const int outputs, const int small_pitch, const int kernel_height, const int kernel_width,
    const int stride_y, const int stride_x, const int padding_y, const int padding_x, const int chunk)
{
    const int begin = (int)get_group_id(0) * chunk, end = min(begin + chunk, batch * height);
    const int count = kernel_height * kernel_width * outputs;
    partial += partial_at + get_group_id(0) * (uint)count;
    for (int i = 0; i < count; i += VW)
        store_lanes((floatv)(0.0f), partial + i, (uint)(count - i));
    for (int row = begin; row < end; row++) {
        const int top = row % height * stride_y - padding_y, from_ky = max(0, -top), to_ky = min(kernel_height, big_height - top);
        const __global float *dy = small + small_at + row * width * small_pitch;
        for (int segment = 0; segment < width; segment += SEGMENT)
            for (int c = 0; c < channels; c += VW)
                for (int ky = from_ky; ky < to_ky; ky++)
                    for (int kx = 0; kx < kernel_width; kx++) {
                        const __global float *x =
                            big + big_at + ((row / height * big_height + top + ky) * big_width + kx - padding_x) * big_pitch + c;
                        __global float *sum = partial + (ky * kernel_width + kx) * outputs + c * OUT;
                        const int first = max(segment, FIRST_MET(kx)), last = min(segment + SEGMENT, END_MET(kx));
                        if (channels - c >= VW)
                            meet(true, x, stride_x * big_pitch, dy + c * OUT, small_pitch, first, last, channels - c, sum);
                        else
                            meet(false, x, stride_x * big_pitch, dy + c * OUT, small_pitch, first, last, channels - c, sum);
                    }
    }
}
#else
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
