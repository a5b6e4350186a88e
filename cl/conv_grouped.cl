// Convolutions whose channels are cut into groups that do not see each other, of any size; conv_depthwise.cl has those of one channel. Inputs
// C = groups x IN, outputs O = groups x OUT; weights [kh][kw][IN][O]. One source for both forms: work-items share out the elements of a row
// of pixels.
#include "common.h"

#ifndef IN
#define IN 1    // input channels of a group
#endif
#ifndef OUT
#define OUT 1    // output channels of a group
#endif
// y[b, y, x, o] = bias[o] + sum over ky, kx, i < IN of x[b, y s - p + ky, x s - p + kx, o / OUT IN + i] W[ky, kx, i, o].
// Index space: a group a row of outputs, through all samples. Reads x (pitched) kh kw times, mostly from cache, writes y (pitched) once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void conv_grouped(
    __global const float *from, const uint from_at, __global const float *weight, const uint weight_at, __global const float *bias,
    const uint bias_at, __global float *to, const uint to_at, const int batch, const int big_height, const int big_width,
    const int channels, const int from_pitch, const int height, const int width, const int outputs, const int to_pitch,
    const int kernel_height, const int kernel_width, const int stride_y, const int stride_x, const int padding_y, const int padding_x,
    const int has_bias)
{
    const int row = get_group_id(0), sample = row / height, y = row % height;
    for (int e = get_local_id(0); e < width * outputs; e += WG) {
        const int x = e / outputs, o = e % outputs, c = o / OUT * IN;
        float sum = 0.0f;
        if (has_bias)
            sum = bias[bias_at + o];
        for (int ky = 0; ky < kernel_height; ky++) {
            const int from_y = y * stride_y - padding_y + ky;
            if (from_y < 0 || from_y >= big_height)
                continue;
            for (int kx = 0; kx < kernel_width; kx++) {
                const int from_x = x * stride_x - padding_x + kx;
                if (from_x < 0 || from_x >= big_width)
                    continue;
                const __global float *a = from + from_at + ((sample * big_height + from_y) * big_width + from_x) * from_pitch + c;
                const __global float *w = weight + weight_at + (ky * kernel_width + kx) * IN * outputs + o;
                for (int i = 0; i < IN; i++)
                    sum = FMA(a[i], w[i * outputs], sum);
            }
        }
        to[to_at + (row * width + x) * to_pitch + o] = sum;
    }
}

// The input gradient: x[b, Y, X, c] = sum over the outputs y, x and taps that read it, and j < OUT, of dy[b, y, x, c / IN OUT + j] W[ky,
// kx, c % IN, c / IN OUT + j]. Index space: a group a row of inputs, through all samples. Reads dy (pitched) kh kw / s^2 times, mostly from
// cache, writes the gradient (pitched) once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void conv_grouped_input(
    __global const float *from, const uint from_at, __global const float *weight, const uint weight_at, __global float *to,
    const uint to_at, const int batch, const int height, const int width, const int outputs, const int from_pitch, const int big_height,
    const int big_width, const int channels, const int to_pitch, const int kernel_height, const int kernel_width, const int stride_y,
    const int stride_x, const int padding_y, const int padding_x)
{
    const int row = get_group_id(0), sample = row / big_height, big_y = row % big_height;
    for (int e = get_local_id(0); e < big_width * channels; e += WG) {
        const int big_x = e / channels, c = e % channels, o = c / IN * OUT, i = c % IN;
        float sum = 0.0f;
        for (int ky = 0; ky < kernel_height; ky++) {
            const int at_y = big_y + padding_y - ky, y = at_y / stride_y;
            if (at_y < 0 || at_y % stride_y != 0 || y >= height)
                continue;
            for (int kx = 0; kx < kernel_width; kx++) {
                const int at_x = big_x + padding_x - kx, x = at_x / stride_x;
                if (at_x < 0 || at_x % stride_x != 0 || x >= width)
                    continue;
                const __global float *a = from + from_at + ((sample * height + y) * width + x) * from_pitch + o;
                const __global float *w = weight + weight_at + ((ky * kernel_width + kx) * IN + i) * outputs + o;
                for (int j = 0; j < OUT; j++)
                    sum = FMA(a[j], w[j], sum);
            }
        }
        to[to_at + (row * big_width + big_x) * to_pitch + c] = sum;
    }
}

// Partial weight gradients: partial[chunk][ky][kx][i][o] = sum over the chunk's rows of dy[b, y, x, o] x[b, y s - p + ky, x s - p + kx, o /
// OUT IN + i]. Index space: x taps ky kw + kx; y chunks of `rows` rows of outputs each, counted through all samples. Reads both maps
// (pitched) once a tap and writes the partial sums once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void conv_grouped_weight(
    __global const float *big, const uint big_at, __global const float *small, const uint small_at, __global float *partial,
    const uint partial_at, const int batch, const int big_height, const int big_width, const int channels, const int big_pitch,
    const int height, const int width, const int outputs, const int small_pitch, const int kernel_height, const int kernel_width,
    const int stride_y, const int stride_x, const int padding_y, const int padding_x, const int rows)
{
    const int ky = get_group_id(0) / kernel_width, kx = get_group_id(0) % kernel_width;
    const int begin = get_group_id(1) * rows, end = min(begin + rows, batch * height);
    const int first = kx >= padding_x ? 0 : (padding_x - kx + stride_x - 1) / stride_x;    // columns whose tap lies inside the map
    const int beyond = big_width + padding_x - kx <= 0 ? 0 : min(width, (big_width - 1 + padding_x - kx) / stride_x + 1);
    partial += partial_at + (get_group_id(1) * kernel_height * kernel_width + get_group_id(0)) * IN * outputs;

    for (int e = get_local_id(0); e < IN * outputs; e += WG) {
        const int i = e / outputs, o = e % outputs, c = o / OUT * IN + i;
        float sum = 0.0f;
        for (int row = begin; row < end; row++) {
            const int sample = row / height, y = row % height * stride_y - padding_y + ky;
            if (y < 0 || y >= big_height)
                continue;
            const __global float *a = big + big_at + ((sample * big_height + y) * big_width - padding_x + kx) * big_pitch + c;
            const __global float *b = small + small_at + row * width * small_pitch + o;
            for (int x = first; x < beyond; x++)
                sum = FMA(a[x * stride_x * big_pitch], b[x * small_pitch], sum);
        }
        partial[e] = sum;
    }
}
