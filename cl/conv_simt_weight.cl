// Weight gradients of convolutions and transposed convolutions, the form for GPUs: implicit matrix products over slabs of TK pixels. What has
// to divide, to find the tap and the pixel behind a row or a step, is done once a group or once a slab and kept in local memory.
#include "tile_simt.h"

#define OUTSIDE 0x20000000    // a row so far from any map that no other distance brings it back

// Whether term m of step k reads a pixel of the map.
#define INSIDE(m, k)                                                              \
    ((uint)(pixel_y[k] + term_y[m]) < (uint)big_height && (uint)(pixel_x[k] + term_x[m]) < (uint)big_width)

// Partial weight gradients: partial[chunk][m][n] = sum over the chunk's pixels of big[y s - p + ky, x s - p + kx, c] small[y, x, n], m = (ky
// kw + kx) C + c. Index space: x weights m in TMs; y channels n of the small map in TNs; z chunks of chunk_pixels pixels each, counted
// through all samples. Reads big and small once a tile of the other (mostly from cache); writes partial once.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) void conv_weight_product(
    __global const float *restrict big, const uint big_at, __global const float *restrict small, const uint small_at, __global float *partial,
    const uint partial_at, const int batch, const int big_height, const int big_width, const int channels, const int big_pitch,
    const int height, const int width, const int outputs, const int small_pitch, const int kernel_height, const int kernel_width,
    const int stride_y, const int stride_x, const int padding_y, const int padding_x, const int chunk_pixels)
{
    __local float left[TK * TM] __attribute__((aligned(16)));
    __local float right[TK * TN] __attribute__((aligned(16)));
    __local int term_at[TM], term_y[TM], term_x[TM];       // distance from where the window begins
    __local int pixel_at[TK], pixel_y[TK], pixel_x[TK];    // where it begins
    const int x = get_local_id(0), y = get_local_id(1), item = y * LANES + x, m0 = get_group_id(0) * TM, n0 = get_group_id(1) * TN;
    const int terms = kernel_height * kernel_width * channels;
    const int begin = get_group_id(2) * chunk_pixels, end = min(begin + chunk_pixels, batch * height * width);

    for (int t = item; t < TM; t += GROUP) {
        const int m = m0 + t, tap = m / channels, c = m - tap * channels, ky = tap / kernel_width, kx = tap - ky * kernel_width;
        term_at[t] = (ky * big_width + kx) * big_pitch + c;
        term_y[t] = m < terms ? ky : OUTSIDE;
        term_x[t] = kx;
    }
    big += big_at;
    small += small_at + n0;

    float sum[PM][PN];
    clear_tile(sum);
    for (int k0 = begin; k0 < end; k0 += TK) {
        for (int t = item; t < TK; t += GROUP) {
            const int pixel = k0 + t, line = pixel / width, sample = line / height;
            const int big_y = (line - sample * height) * stride_y - padding_y, big_x = (pixel - line * width) * stride_x - padding_x;
            pixel_at[t] = ((sample * big_height + big_y) * big_width + big_x) * big_pitch;
            pixel_y[t] = pixel < end ? big_y : -2 * OUTSIDE;
            pixel_x[t] = big_x;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#if RUNS
        for (int t = item; t < TK * TM / 4; t += GROUP) {
            const int k = t / (TM / 4), m = t % (TM / 4) * 4;
            float4 v = (float4)(0.0f);
            if (channels % 4 == 0) {
                if (INSIDE(m, k))
                    v = vload4(0, big + pixel_at[k] + term_at[m]);
            } else {
                if (INSIDE(m, k))
                    v.x = big[pixel_at[k] + term_at[m]];
                if (INSIDE(m + 1, k))
                    v.y = big[pixel_at[k] + term_at[m + 1]];
                if (INSIDE(m + 2, k))
                    v.z = big[pixel_at[k] + term_at[m + 2]];
                if (INSIDE(m + 3, k))
                    v.w = big[pixel_at[k] + term_at[m + 3]];
            }
            *(__local float4 *)(left + k * TM + m) = v;
        }
        for (int t = item; t < TK * TN / 4; t += GROUP) {
            const int k = t / (TN / 4), n = t % (TN / 4) * 4;
            *(__local float4 *)(right + k * TN + n) =
                load_part(small + (k0 + k) * small_pitch + n, k0 + k < end ? outputs - n0 - n : 0);
        }
#else
        for (int k = y; k < TK; k += ROWS) {
            for (int e = 0; e < TM; e += LANES)
                left[k * TM + (e + x)] = INSIDE(e + x, k) ? big[pixel_at[k] + term_at[e + x]] : 0.0f;
            for (int e = 0; e < TN; e += LANES)
                right[k * TN + (e + x)] = k0 + k < end && n0 + e + x < outputs ? small[(k0 + k) * small_pitch + (e + x)] : 0.0f;
        }
#endif
        barrier(CLK_LOCAL_MEM_FENCE);
        multiply_slab(sum, left, 1, TM, right, TN, TK, x, y);
    }

    partial += partial_at + get_group_id(2) * terms * outputs;
#pragma unroll
    for (int i = 0; i < PM; i++)
#pragma unroll
        for (int j = 0; j < PN; j++) {
            const int m = m0 + y * PM + i, n = n0 + COLUMN(j);
            if (m < terms && n < outputs)
                partial[m * outputs + n] = sum[i][j];
        }
}
