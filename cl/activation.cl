// GELU, ReLU, sigmoid and their gradients.  All: group g does elements [g * chunk, min(count, (g + 1) * chunk)) of dense tensors; the
// result may take the place of the first input.  Forward kernels read 4 and write 4 bytes an element, gradients read 8 and write 4.
#include "math.h"

// y = gelu(x), the exact form.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void gelu(const uint count, const uint chunk, const __global float *x,
                                                                   const uint x_offset, __global float *y, const uint y_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;
    x += x_offset;
    y += y_offset;
    for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW)
        STREAMV(clmix_gelu(LOADV(x + i)), y + i);
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        y[i] = clmix_gelu_1(x[i]);
}

// dx = dy gelu'(x).
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void gelu_grad(const uint count, const uint chunk, const __global float *dy,
                                                                        const uint dy_offset, const __global float *x, const uint x_offset,
                                                                        __global float *dx, const uint dx_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;
    dy += dy_offset;
    x += x_offset;
    dx += dx_offset;
    for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW)
        STREAMV(LOADV(dy + i) * clmix_gelu_derivative(LOADV(x + i)), dx + i);
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        dx[i] = dy[i] * clmix_gelu_derivative_1(x[i]);
}

// y = max(x, 0); the comparison is written so that NaN stays NaN and the loss check sees it.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void relu(const uint count, const uint chunk, const __global float *x,
                                                                   const uint x_offset, __global float *y, const uint y_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;
    x += x_offset;
    y += y_offset;
    for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW) {
        const floatv v = LOADV(x + i);
        STREAMV(v < (floatv)(0.0f) ? (floatv)(0.0f) : v, y + i);
    }
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

// dx = dy where y > 0, else 0.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void relu_grad(const uint count, const uint chunk, const __global float *dy,
                                                                        const uint dy_offset, const __global float *y, const uint y_offset,
                                                                        __global float *dx, const uint dx_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;
    dy += dy_offset;
    y += y_offset;
    dx += dx_offset;
    for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW)
        STREAMV(LOADV(y + i) > (floatv)(0.0f) ? LOADV(dy + i) : (floatv)(0.0f), dx + i);
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

// y = 1 / (1 + e^-x); e^-x overflows to infinity for very negative x, which gives the right 0.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void sigmoid(const uint count, const uint chunk, const __global float *x,
                                                                      const uint x_offset, __global float *y, const uint y_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;
    x += x_offset;
    y += y_offset;
    for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW)
        STREAMV((floatv)(1.0f) / ((floatv)(1.0f) + clmix_exp(-LOADV(x + i))), y + i);
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        y[i] = 1.0f / (1.0f + clmix_exp_1(-x[i]));
}

// dx = dy y (1 - y).
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void sigmoid_grad(const uint count, const uint chunk, const __global float *dy,
                                                                           const uint dy_offset, const __global float *y,
                                                                           const uint y_offset, __global float *dx, const uint dx_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;
    dy += dy_offset;
    y += y_offset;
    dx += dx_offset;
    for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW) {
        const floatv v = LOADV(y + i);
        STREAMV(LOADV(dy + i) * v * ((floatv)(1.0f) - v), dx + i);
    }
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        dx[i] = dy[i] * y[i] * (1.0f - y[i]);
}
