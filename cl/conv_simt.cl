// Convolution and transposed convolution, the form for GPUs: implicit matrix products of TM pixels x TN outputs, 4 x 4 a work-item.
#ifndef TN
#define TN 64    // 16, 32, 64: outputs of a group
#endif
#define TM    64                       // pixels of a group
#define TK    16                       // terms taken at a time
#define WG    ((TM / 4) * (TN / 4))    // 64, 128, 256 work-items
#define PITCH (TM + 1)                 // keeps the columns of the left tile in different banks

// sum[i][j] += sum_k left[k][4 row + i] right[k][4 column + j]
static inline void multiply_tiles(float sum[4][4], const __local float *left, const __local float *right, const int row, const int column)
{
    for (int k = 0; k < TK; k++) {
        float a[4], b[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            a[i] = left[k * PITCH + 4 * row + i];
            b[i] = right[k * TN + 4 * column + i];
        }
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
            for (int j = 0; j < 4; j++)
                sum[i][j] = fma(a[i], b[j], sum[i][j]);
    }
}

// First index i >= 0 whose position i stride + phase - padding is not negative, and how many of them lie below `size`.
static inline int phase_begin(const int phase, const int stride, const int padding)
{
    return max(0, (padding - phase + stride - 1) / stride);
}

static inline int phase_count(const int phase, const int stride, const int padding, const int size)
{
    const int last = size - 1 + padding - phase;
    return last < 0 ? 0 : max(0, last / stride - phase_begin(phase, stride, padding) + 1);
}

// to[y, x, n] = bias[n] + sum over taps ty, tx and channels c of from[., ., c] W[., ., c, n], in two directions:
//   gather (scatter = 0): from is the big map, at y s - p + ty, x s - p + tx; W's kernel index is the tap's. One phase.
// scatter (scatter = 1): from is the small map. Pixels Y + p = i s + phase of one phase of rows and of columns share their taps: at i - ty,
// W's kernel index phase + ty s. Index space: x pixels of the phase, through all images, in TMs; y outputs in TNs; z phases, s s or 1.
// Element (ky, kx, c, n) of W is at base + ky ky_step + kx kx_step + c c_step + n n_step. Reads `from` once a tap (mostly from cache) and
// TN outputs, W once a group; writes `to` once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void conv_product(
    __global const float *from, const uint from_at, __global const float *weight, const uint weight_at, __global const float *bias,
    const uint bias_at, __global float *to, const uint to_at, const int batch, const int from_height, const int from_width,
    const int channels, const int from_pitch, const int to_height, const int to_width, const int outputs, const int to_pitch,
    const int kernel_height, const int kernel_width, const int stride_y, const int stride_x, const int padding_y, const int padding_x,
    const int base, const int ky_step, const int kx_step, const int c_step, const int n_step, const int has_bias, const int scatter)
{
    __local float left[TK * PITCH];
    __local float right[TK * TN];
    __local int image_of[TM], y_of[TM], x_of[TM], to_of[TM];

    const int lid = get_local_id(0);
    const int phase_y = scatter ? get_group_id(2) / stride_x : 0, phase_x = scatter ? get_group_id(2) % stride_x : 0;
    const int step_y = scatter ? stride_y : 1, step_x = scatter ? stride_x : 1;    // kernel indices between taps
    const int taps_y = max(0, (kernel_height - phase_y + step_y - 1) / step_y),
              taps_x = max(0, (kernel_width - phase_x + step_x - 1) / step_x);
    const int begin_y = scatter ? phase_begin(phase_y, stride_y, padding_y) : 0,
              begin_x = scatter ? phase_begin(phase_x, stride_x, padding_x) : 0;
    const int rows = scatter ? phase_count(phase_y, stride_y, padding_y, to_height) : to_height;
    const int columns = scatter ? phase_count(phase_x, stride_x, padding_x, to_width) : to_width;
    const int pixels = batch * rows * columns, terms = taps_y * taps_x * channels;
    const int sign = scatter ? -1 : 1;

    if (lid < TM) {
        const int pixel = get_group_id(0) * TM + lid;
        const bool inside = pixel < pixels;
        const int x = inside ? pixel % columns : 0, y = inside ? pixel / columns % rows : 0, image = inside ? pixel / (columns * rows) : 0;
        const int to_y = scatter ? (begin_y + y) * stride_y + phase_y - padding_y : y,
                  to_x = scatter ? (begin_x + x) * stride_x + phase_x - padding_x : x;
        image_of[lid] = image * from_height;
        y_of[lid] = inside ? (scatter ? begin_y + y : y * stride_y - padding_y) : -0x40000000;    // outside: no tap is inside the map
        x_of[lid] = scatter ? begin_x + x : x * stride_x - padding_x;
        to_of[lid] = inside ? (image * to_height + to_y) * to_width + to_x : -1;
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    const int n0 = get_group_id(1) * TN, row = lid / (TN / 4), column = lid % (TN / 4);
    float sum[4][4];
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++)
            sum[i][j] = 0.0f;

    for (int k0 = 0; k0 < terms; k0 += TK) {
        for (int e = lid; e < TM * TK; e += WG) {    // neighbours take neighbouring channels
            const int k = k0 + e % TK, m = e / TK;
            const int tap = k / channels, c = k - tap * channels;
            const int y = y_of[m] + sign * (tap / taps_x), x = x_of[m] + sign * (tap % taps_x);
            const bool inside = k < terms && y >= 0 && y < from_height && x >= 0 && x < from_width;
            left[(e % TK) * PITCH + m] = inside ? from[from_at + ((image_of[m] + y) * from_width + x) * from_pitch + c] : 0.0f;
        }
        for (int e = lid; e < TK * TN; e += WG) {    // neighbours take what lies side by side in memory
            const int kk = c_step == 1 ? e % TK : e / TN, n = c_step == 1 ? e / TK : e % TN;
            const int k = k0 + kk, tap = k / channels, c = k - tap * channels;
            const int ky = phase_y + tap / taps_x * step_y, kx = phase_x + tap % taps_x * step_x;
            right[kk * TN + n] = k < terms && n0 + n < outputs
                                     ? weight[(int)weight_at + base + ky * ky_step + kx * kx_step + c * c_step + (n0 + n) * n_step]
                                     : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        multiply_tiles(sum, left, right, row, column);
        barrier(CLK_LOCAL_MEM_FENCE);
    }

#pragma unroll
    for (int i = 0; i < 4; i++) {
        const int pixel = to_of[4 * row + i];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const int n = n0 + 4 * column + j;
            if (pixel >= 0 && n < outputs)
                to[to_at + pixel * to_pitch + n] = sum[i][j] + (has_bias ? bias[bias_at + n] : 0.0f);
        }
    }
}

// Partial weight gradients: partial[part][m][n] = sum over the part's pixels of big[y s - p + ky, x s - p + kx, c] small[y, x, n], m = (ky
// kw + kx) C + c. Index space: x weights m in TMs; y channels n of the small map in TNs; z parts of part_pixels pixels each, counted
// through all images. Reads big and small once a tile of the other (mostly from cache); writes partial once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void conv_weight_product(
    __global const float *big, const uint big_at, __global const float *small, const uint small_at, __global float *partial,
    const uint partial_at, const int batch, const int big_height, const int big_width, const int channels, const int big_pitch,
    const int height, const int width, const int outputs, const int small_pitch, const int kernel_height, const int kernel_width,
    const int stride_y, const int stride_x, const int padding_y, const int padding_x, const int part_pixels)
{
    __local float left[TK * PITCH];
    __local float right[TK * TN];
    const int lid = get_local_id(0), m0 = get_group_id(0) * TM, n0 = get_group_id(1) * TN;
    const int terms = kernel_height * kernel_width * channels;
    const int begin = get_group_id(2) * part_pixels, end = min(begin + part_pixels, batch * height * width);
    const int row = lid / (TN / 4), column = lid % (TN / 4);

    float sum[4][4];
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++)
            sum[i][j] = 0.0f;

    for (int k0 = begin; k0 < end; k0 += TK) {
        for (int e = lid; e < TM * TK; e += WG) {    // neighbours take neighbouring channels
            const int m = m0 + e % TM, pixel = k0 + e / TM;
            const int tap = m / channels, c = m - tap * channels;
            const int image = pixel / (height * width), at = pixel - image * height * width;
            const int y = at / width * stride_y - padding_y + tap / kernel_width,
                      x = at % width * stride_x - padding_x + tap % kernel_width;
            const bool inside = m < terms && pixel < end && y >= 0 && y < big_height && x >= 0 && x < big_width;
            left[e / TM * PITCH + e % TM] = inside ? big[big_at + ((image * big_height + y) * big_width + x) * big_pitch + c] : 0.0f;
        }
        for (int e = lid; e < TK * TN; e += WG) {
            const int n = n0 + e % TN, pixel = k0 + e / TN;
            right[e] = n < outputs && pixel < end ? small[small_at + pixel * small_pitch + n] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        multiply_tiles(sum, left, right, row, column);
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    partial += partial_at + get_group_id(2) * terms * outputs;
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const int m = m0 + 4 * row + i, n = n0 + 4 * column + j;
            if (m < terms && n < outputs)
                partial[m * outputs + n] = sum[i][j];
        }
}
