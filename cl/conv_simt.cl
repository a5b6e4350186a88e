// Convolution and transposed convolution, the form for GPUs: implicit matrix products over slabs of TK terms. What has to divide, to find the
// pixel and the tap behind a row or a term, is done once a group or once a slab and kept in local memory.
#include "tile_simt.h"

#define OUTSIDE 0x20000000    // a row so far from any map that no other distance brings it back
#define NOWHERE (-2 * OUTSIDE)

#if RUNS
#define B_STEP (TN + 4)       // 4 more, so that transposing stores spread over the banks
#else
#define B_STEP TN
#endif

#if RUNS
#define LEFT_ROW  1
#define LEFT_STEP (TM + 4)
#define LEFT      (TK * LEFT_STEP)
#else
#define LEFT_ROW  TK
#define LEFT_STEP 1
#define LEFT      (TM * TK)
#endif

// First index i >= 0 whose position i stride + phase - padding is not negative, and how many of them lie below `size`.
INLINE int phase_begin(const int phase, const int stride, const int padding)
{
    return max(0, (padding - phase + stride - 1) / stride);
}

INLINE int phase_count(const int phase, const int stride, const int padding, const int size)
{
    const int last = size - 1 + padding - phase;
    return last < 0 ? 0 : max(0, last / stride - phase_begin(phase, stride, padding) + 1);
}

// Whether term k of row m reads a pixel of the map.
#define INSIDE(m, k)                                                                \
    ((uint)(pixel_y[m] + term_y[k]) < (uint)from_height && (uint)(pixel_x[m] + term_x[k]) < (uint)from_width)

// to[y, x, n] = bias[n] + sum over taps ty, tx and channels c of from[., ., c] W[., ., c, n], in two directions:
//   gather (scatter = 0): from is the big map, at y s - p + ty, x s - p + tx; W's kernel index is the tap's. One phase.
//   scatter (scatter = 1): from is the small map. Pixels Y + p = i s + phase of one phase of rows and of columns share their taps: at i - ty,
// W's kernel index phase + ty s. Index space: x pixels of the phase, through all samples, in TMs; y outputs in TNs; z phases, s s or 1.
// Element (ky, kx, c, n) of W is at base + ky ky_step + kx kx_step + c c_step + n n_step. Reads `from` once a tap (mostly from cache) and
// TN outputs, W once a group; writes `to` once.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) void conv_product(
    __global const float *restrict from, const uint from_at, __global const float *restrict weight, const uint weight_at, __global const float *bias,
    const uint bias_at, __global float *to, const uint to_at, const int batch, const int from_height, const int from_width,
    const int channels, const int from_pitch, const int to_height, const int to_width, const int outputs, const int to_pitch,
    const int kernel_height, const int kernel_width, const int stride_y, const int stride_x, const int padding_y, const int padding_x,
    const int base, const int ky_step, const int kx_step, const int c_step, const int n_step, const int has_bias, const int scatter)
{
    __local float left[LEFT] __attribute__((aligned(16)));
    __local float right[TK * B_STEP] __attribute__((aligned(16)));
    __local int pixel_at[TM], pixel_y[TM], pixel_x[TM], pixel_to[TM];     // where the window begins; the pixel that is written
    __local int term_at[TK], term_y[TK], term_x[TK], term_weight[TK];     // distance from there; where the weights are, or NOWHERE
    const int x = get_local_id(0), y = get_local_id(1), item = y * LANES + x, n0 = get_group_id(1) * TN;
    const int phase_y = scatter ? get_group_id(2) / stride_x : 0, phase_x = scatter ? get_group_id(2) % stride_x : 0;
    const int step_y = scatter ? stride_y : 1, step_x = scatter ? stride_x : 1;    // kernel indices between taps
    const int taps_y = max(0, (kernel_height - phase_y + step_y - 1) / step_y),
              taps_x = max(0, (kernel_width - phase_x + step_x - 1) / step_x);
    const int begin_y = scatter ? phase_begin(phase_y, stride_y, padding_y) : 0,
              begin_x = scatter ? phase_begin(phase_x, stride_x, padding_x) : 0;
    const int rows = scatter ? phase_count(phase_y, stride_y, padding_y, to_height) : to_height;
    const int columns = scatter ? phase_count(phase_x, stride_x, padding_x, to_width) : to_width;
    const int pixels = batch * rows * columns;
    const int terms = taps_y * taps_x * channels, sign = scatter ? -1 : 1;

    for (int m = item; m < TM; m += GROUP) {
        const int pixel = get_group_id(0) * TM + m;
        const bool inside = pixel < pixels;
        const int px = inside ? pixel % columns : 0, py = inside ? pixel / columns % rows : 0, sample = inside ? pixel / (columns * rows) : 0;
        const int to_y = scatter ? (begin_y + py) * stride_y + phase_y - padding_y : py,
                  to_x = scatter ? (begin_x + px) * stride_x + phase_x - padding_x : px;
        const int from_y = scatter ? begin_y + py : py * stride_y - padding_y, from_x = scatter ? begin_x + px : px * stride_x - padding_x;
        pixel_at[m] = ((sample * from_height + from_y) * from_width + from_x) * from_pitch;
        pixel_y[m] = inside ? from_y : NOWHERE;
        pixel_x[m] = from_x;
        pixel_to[m] = inside ? (sample * to_height + to_y) * to_width + to_x : -1;
    }
    barrier(CLK_LOCAL_MEM_FENCE);    // a phase without taps has no slab that would wait for the pixels
    from += from_at;
    weight += (int)weight_at + base + n0 * n_step;

    float sum[PM][PN];
    clear_tile(sum);
    for (int k0 = 0; k0 < terms; k0 += TK) {
        for (int t = item; t < TK; t += GROUP) {
            const int k = k0 + t, tap = k / channels, c = k - tap * channels, ty = tap / taps_x, tx = tap - ty * taps_x;
            term_at[t] = sign * (ty * from_width + tx) * from_pitch + c;
            term_y[t] = k < terms ? sign * ty : OUTSIDE;
            term_x[t] = sign * tx;
            term_weight[t] = k < terms ? (phase_y + ty * step_y) * ky_step + (phase_x + tx * step_x) * kx_step + c * c_step : NOWHERE;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#if RUNS
        if (channels % 4 == 0)    // four terms of one tap lie side by side
            for (int t = item; t < TM * TK / 4; t += GROUP) {
                const int m = t / (TK / 4), k = t % (TK / 4) * 4;
                const float4 v = INSIDE(m, k) ? vload4(0, from + pixel_at[m] + term_at[k]) : (float4)(0.0f);
                left[k * LEFT_STEP + m] = v.x;
                left[(k + 1) * LEFT_STEP + m] = v.y;
                left[(k + 2) * LEFT_STEP + m] = v.z;
                left[(k + 3) * LEFT_STEP + m] = v.w;
            }
        else
            for (int t = item; t < TM * TK; t += GROUP) {
                const int m = t / TK, k = t % TK;
                left[k * LEFT_STEP + m] = INSIDE(m, k) ? from[pixel_at[m] + term_at[k]] : 0.0f;
            }
        if (n_step == 1)
            for (int t = item; t < TK * TN / 4; t += GROUP) {
                const int k = t / (TN / 4), n = t % (TN / 4) * 4;
                *(__local float4 *)(right + k * B_STEP + n) = load_part(weight + term_weight[k] + n, term_weight[k] == NOWHERE ? 0 : outputs - n0 - n);
            }
        else
            for (int t = item; t < TK * TN; t += GROUP) {
                const int k = t % TK, n = t / TK;
                right[k * B_STEP + n] = term_weight[k] != NOWHERE && n0 + n < outputs ? weight[term_weight[k] + n * n_step] : 0.0f;
            }
#else
        for (int m = y; m < TM; m += ROWS)
            for (int e = 0; e < TK; e += LANES)
                left[m * TK + (e + x)] = INSIDE(m, e + x) ? from[pixel_at[m] + term_at[e + x]] : 0.0f;
        for (int k = y; k < TK; k += ROWS)
            for (int e = 0; e < TN; e += LANES)
                right[k * TN + (e + x)] = term_weight[k] != NOWHERE && n0 + e + x < outputs ? weight[term_weight[k] + (e + x) * n_step] : 0.0f;
#endif
        barrier(CLK_LOCAL_MEM_FENCE);
        multiply_slab(sum, left, LEFT_ROW, LEFT_STEP, right, B_STEP, TK, x, y);
    }

#pragma unroll
    for (int i = 0; i < PM; i++) {
        const int pixel = pixel_to[y * PM + i];
#pragma unroll
        for (int j = 0; j < PN; j++) {
            const int n = n0 + COLUMN(j);
            if (pixel >= 0 && n < outputs)
                to[to_at + pixel * to_pitch + n] = sum[i][j] + (has_bias ? bias[bias_at + n] : 0.0f);
        }
    }
}
