// Global average pooling and maximum pooling over windows, channels last, with their gradients.
#include "reduce.h"

#define PIXELS 8    // that the wide form of average_pixels goes through together

// y[b, c] = mean over the sample's pixels of x[b, p, c].  Group (b, j) does sample b and the columns [j * block, (j + 1) * block); its
// work-items stand as `lanes` columns times WG / lanes pixels.  The wide form goes through memory in its order, some pixels at a time, with
// the sums in y, that is in the cache.  Reads 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void average_pixels(const uint pixels, const uint columns, const uint block,
                                                                             const __global float *x, const uint x_offset,
                                                                             __global float *y, const uint y_offset)
{
    COLUMN_SCRATCH
    const uint left = get_group_id(1) * block, right = left + min(block, columns - left);
    const __global float *sample = x + x_offset + (ulong)get_group_id(0) * pixels * columns;
    const float part = 1.0f / (float)pixels;
#if WG == 1
    y += y_offset + (ulong)get_group_id(0) * columns;
    for (uint top = 0; top < pixels; top += PIXELS)
        for (uint c = left; c < right; c += VW) {
            const uint n = right - c, bottom = min(top + PIXELS, pixels);
            floatv sum = (floatv)(0.0f);
            for (uint p = top; p < bottom; p++) {
                PREFETCH(sample + (ulong)(p + PIXELS) * columns + c, 0);
                sum += load_lanes(sample + (ulong)p * columns + c, n);
            }
            if (top > 0)
                sum += load_lanes(y + c, n);
            store_lanes(bottom == pixels ? sum * part : sum, y + c, n);
        }
#else
    const uint lanes = column_lanes(right - left), side = get_local_id(0) % lanes, down = get_local_id(0) / lanes, step = WG / lanes;
    for (uint first = left; first < right; first += lanes * VW) {
        const uint c = first + side * VW, n = lanes_at(c, right);
        floatv sum = (floatv)(0.0f);
        for (uint p = down; p < pixels; p += step)
            sum += load_lanes(sample + (ulong)p * columns + c, n);
        sum = COLUMN_SUM(sum, lanes) * part;
        if (down == 0)
            store_lanes(sum, y + y_offset + (ulong)get_group_id(0) * columns + c, n);
    }
#endif
}

// dx[b, p, c] = dy[b, c] / pixels.  Group g does rows [g * chunk, (g + 1) * chunk) of samples * pixels.  Writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void average_pixels_grad(const uint rows, const uint chunk, const uint columns,
                                                                                  const uint pixels, const __global float *dy,
                                                                                  const uint dy_offset, __global float *dx,
                                                                                  const uint dx_offset)
{
    const uint lanes = column_lanes(columns), side = get_local_id(0) % lanes, down = get_local_id(0) / lanes, step = WG / lanes;
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    const float part = 1.0f / (float)pixels;
    for (uint r = begin + down; r < end; r += step)
        for (uint c = side * VW; c < columns; c += lanes * VW) {
            const uint n = columns - c;
            store_lanes(load_lanes(dy + dy_offset + (ulong)(r / pixels) * columns + c, n) * part, dx + dx_offset + (ulong)r * columns + c,
                        n);
        }
}

// The larger of two, the first where they are equal; a NaN on either side stays, so that the loss check sees it.
static inline floatv larger(const floatv a, const floatv b)
{
    return b > a || b != b ? b : a;
}

// y = maximum of the window, (samples, H, W, C) -> (samples, H', W', C); pixels outside the map do not count.  A row is an output pixel;
// group g does rows [g * chunk, (g + 1) * chunk), work-items standing as lanes times rows.  Reads each input at most kernel area / stride
// area times, mostly from cache.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void max_windows(const uint rows, const uint chunk, const uint columns,
                                                                          const uint height, const uint width, const uint out_height,
                                                                          const uint out_width, const int kernel_y, const int kernel_x,
                                                                          const int stride_y, const int stride_x, const int padding_y,
                                                                          const int padding_x, const __global float *x, const uint x_offset,
                                                                          __global float *y, const uint y_offset)
{
    const uint lanes = column_lanes(columns), side = get_local_id(0) % lanes, down = get_local_id(0) / lanes, step = WG / lanes;
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    for (uint r = begin + down; r < end; r += step) {
        const int left = (int)(r % out_width) * stride_x - padding_x, top = (int)(r / out_width % out_height) * stride_y - padding_y;
        const int from_y = max(top, 0), to_y = min(top + kernel_y, (int)height), from_x = max(left, 0),
                  to_x = min(left + kernel_x, (int)width);
        const __global float *sample = x + x_offset + (ulong)(r / out_width / out_height) * height * width * columns;
        for (uint c = side * VW; c < columns; c += lanes * VW) {
            const uint n = columns - c;
            floatv most = (floatv)(-INFINITY);
            for (int i = from_y; i < to_y; i++)
                for (int j = from_x; j < to_x; j++)
                    most = larger(most, load_lanes(sample + (ulong)(i * (int)width + j) * columns + c, n));
            store_lanes(most, y + y_offset + (ulong)r * columns + c, n);
        }
    }
}

// dx[pixel] = sum of dy over the windows whose first maximum, in row-major order, is this pixel: it has the window's y, and no earlier
// pixel of the window has. Windows are added in row-major order.
#if CLMIX_WIDE
// The wide form: a unit is `strip` rows of pixels of a sample; group g does units [g * chunk, (g + 1) * chunk). Window after window, each
// gives its dy to the first pixel that has its y; the strip's dx stays in the cache meanwhile.  Reads 12, writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void max_windows_grad(
    const uint units, const uint chunk, const uint columns, const uint strip, const uint height, const uint width, const uint out_height,
    const uint out_width, const int kernel_y, const int kernel_x, const int stride_y, const int stride_x, const int padding_y,
    const int padding_x, const __global float *dy, const uint dy_offset, const __global float *x, const uint x_offset,
    const __global float *y, const uint y_offset, __global float *dx, const uint dx_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, units - begin), strips = (height + strip - 1) / strip;
    for (uint unit = begin; unit < end; unit++) {
        const uint sample = unit / strips;
        const int upper = (int)(unit % strips * strip), lower = min(upper + (int)strip, (int)height), pitch = (int)(width * columns);
        const __global float *in = x + x_offset + (ulong)sample * height * width * columns;
        __global float *to = dx + dx_offset + (ulong)sample * height * width * columns;
        int fresh = upper;    // the first row of dx that nothing was written to
        for (int wy = max(upper + padding_y - kernel_y + stride_y, 0) / stride_y;; wy++) {
            const int last = wy >= (int)out_height || wy * stride_y - padding_y >= lower;
            const int top = max(wy * stride_y - padding_y, 0), bottom = last ? lower : min(wy * stride_y - padding_y + kernel_y, lower);
            if (bottom > fresh) {
                const uint count = (uint)((bottom - fresh) * pitch);
                for (uint i = 0; i < count; i += VW)
                    store_lanes((floatv)(0.0f), to + (ulong)fresh * (uint)pitch + i, count - i);
                fresh = bottom;
            }
            if (last)
                break;
            for (int wx = 0; wx < (int)out_width; wx++) {
                const int left = max(wx * stride_x - padding_x, 0), right = min(wx * stride_x - padding_x + kernel_x, (int)width);
                const ulong window = ((ulong)(sample * out_height + (uint)wy) * out_width + (uint)wx) * columns;
                for (uint c = 0; c < columns; c += VW) {
                    const uint n = columns - c;
                    const floatv most = load_lanes(y + y_offset + window + c, n);
                    floatv rest = load_lanes(dy + dy_offset + window + c, n);
                    for (int i = top; i < bottom; i++)
                        for (int j = left; j < right; j++) {
                            const ulong at = (ulong)i * (uint)pitch + (uint)j * columns + c;
                            const floatv here = load_lanes(in + at, n);
                            const floatv share = here == most ? rest : (floatv)(0.0f);
                            rest = here == most ? (floatv)(0.0f) : rest;
                            if (i >= upper)
                                store_lanes(load_lanes(to + at, n) + share, to + at, n);
                        }
                }
            }
        }
    }
}
#else
// The simt form: a row is an input pixel, so every result is written once.  Reads 12, writes 4 bytes an element at least.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void max_windows_grad(
    const uint rows, const uint chunk, const uint columns, const uint height, const uint width, const uint out_height, const uint out_width,
    const int kernel_y, const int kernel_x, const int stride_y, const int stride_x, const int padding_y, const int padding_x,
    const __global float *dy, const uint dy_offset, const __global float *x, const uint x_offset, const __global float *y,
    const uint y_offset, __global float *dx, const uint dx_offset)
{
    const uint lanes = column_lanes(columns), side = get_local_id(0) % lanes, down = get_local_id(0) / lanes, step = WG / lanes;
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    for (uint r = begin + down; r < end; r += step) {
        const int at_x = (int)(r % width), at_y = (int)(r / width % height);
        const uint sample = r / width / height;
        // the windows over this pixel: top = wy * stride - padding with top <= at < top + kernel
        const int first_y = max(at_y + padding_y - kernel_y + stride_y, 0) / stride_y,
                  last_y = min((at_y + padding_y) / stride_y, (int)out_height - 1);
        const int first_x = max(at_x + padding_x - kernel_x + stride_x, 0) / stride_x,
                  last_x = min((at_x + padding_x) / stride_x, (int)out_width - 1);
        const __global float *pixels = x + x_offset + (ulong)sample * height * width * columns;
        for (uint c = side * VW; c < columns; c += lanes * VW) {
            const uint n = columns - c;
            const floatv here = load_lanes(pixels + (ulong)(at_y * (int)width + at_x) * columns + c, n);
            floatv sum = (floatv)(0.0f);
            for (int wy = first_y; wy <= last_y; wy++)
                for (int wx = first_x; wx <= last_x; wx++) {
                    const ulong window = ((ulong)(sample * out_height + (uint)wy) * out_width + (uint)wx) * columns + c;
                    const floatv most = load_lanes(y + y_offset + window, n);
                    floatv share = here == most ? load_lanes(dy + dy_offset + window, n) : (floatv)(0.0f);
                    const int top = max(wy * stride_y - padding_y, 0), left = max(wx * stride_x - padding_x, 0);
                    const int right = min(wx * stride_x - padding_x + kernel_x, (int)width);
                    for (int i = top; i <= at_y; i++)
                        for (int j = left; j < (i < at_y ? right : at_x); j++)
                            share = load_lanes(pixels + (ulong)(i * (int)width + j) * columns + c, n) == most ? (floatv)(0.0f) : share;
                    sum += share;
                }
            store_lanes(sum, dx + dx_offset + (ulong)r * columns + c, n);
        }
    }
}
#endif
