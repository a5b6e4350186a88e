// Activations and their gradients.  All: group g does elements [g * chunk, min(count, (g + 1) * chunk)) of dense tensors; the result may
// take the place of the first input.  Forward kernels read 4 and write 4 bytes an element, gradients read 8 and write 4.
#include "math.h"

// One row an activation: its name, y of x, what its gradient reads (x or y), and dx of that and dy. `type` is floatv or float, whose functions of
// math.h have the suffix s. Rows of the same names in lib/ops/activation.h.
// - A comparison is written so that NaN goes on as NaN, for the loss check to see.
// - A sigmoid's e^-x overflows to infinity for very negative x, which gives the right 0.
// - Hard swish at -infinity is 0, its limit.
#define ACTIVATIONS(ROW, type, s)                                                                                                          \
    ROW(elu, type, s, x > (type)(0.0f) ? x : clmix_expm1##s(x), y, y > (type)(0.0f) ? dy : FMA(dy, y, dy))                                 \
    ROW(exp, type, s, clmix_exp##s(x), y, dy * y)                                                                                          \
    ROW(gelu, type, s, clmix_gelu##s(x), x, dy * clmix_gelu_derivative##s(x))                                                              \
    ROW(hard_swish, type, s,                                                                                                               \
        x < (type)(-3.0f) ? (type)(0.0f) : (x > (type)(3.0f) ? x : x * FMA(x, (type)(1.0f / 6.0f), (type)(0.5f))), x,                      \
        x < (type)(-3.0f) ? (type)(0.0f) : (x > (type)(3.0f) ? dy : dy * FMA(x, (type)(1.0f / 3.0f), (type)(0.5f))))                       \
    ROW(relu, type, s, x < (type)(0.0f) ? (type)(0.0f) : x, y, y > (type)(0.0f) ? dy : (type)(0.0f))                                       \
    ROW(sigmoid, type, s, (type)(1.0f) / ((type)(1.0f) + clmix_exp##s(-x)), y, dy * y * ((type)(1.0f) - y))                                \
    ROW(tanh, type, s, clmix_tanh##s(x), y, dy * FMA(-y, y, (type)(1.0f)))

#define FUNCTIONS(name, type, s, forward, kept, gradient)                                                                                  \
    static inline type name##_forward_of##s(const type x)                                                                                  \
    {                                                                                                                                      \
        return forward;                                                                                                                    \
    }                                                                                                                                      \
    static inline type name##_grad_of##s(const type dy, const type kept)                                                                   \
    {                                                                                                                                      \
        return gradient;                                                                                                                   \
    }

ACTIVATIONS(FUNCTIONS, float, _1)
#if VW == 1
#define VECTOR(function) function##_1
#else
#define VECTOR(function) function
ACTIVATIONS(FUNCTIONS, floatv, )
#endif

// y of x; dx of dy and what is kept.
#define KERNELS(name, type, s, forward, kept, gradient)                                                                                    \
    __kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void name##_forward(                                                          \
        const uint count, const uint chunk, const __global float *x, const uint x_offset, __global float *y, const uint y_offset)          \
    {                                                                                                                                      \
        const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;      \
        x += x_offset;                                                                                                                     \
        y += y_offset;                                                                                                                     \
        for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW)                                                               \
            STREAMV(VECTOR(name##_forward_of)(LOADV(x + i)), y + i);                                                                       \
        for (uint i = whole + get_local_id(0); i < end; i += WG)                                                                           \
            y[i] = name##_forward_of_1(x[i]);                                                                                              \
    }                                                                                                                                      \
    __kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void name##_grad(                                                             \
        const uint count, const uint chunk, const __global float *dy, const uint dy_offset, const __global float *kept,                    \
        const uint kept_offset, __global float *dx, const uint dx_offset)                                                                  \
    {                                                                                                                                      \
        const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), whole = begin + (end - begin) / VW * VW;      \
        dy += dy_offset;                                                                                                                   \
        kept += kept_offset;                                                                                                               \
        dx += dx_offset;                                                                                                                   \
        for (uint i = begin + get_local_id(0) * VW; i < whole; i += WG * VW)                                                               \
            STREAMV(VECTOR(name##_grad_of)(LOADV(dy + i), LOADV(kept + i)), dx + i);                                                       \
        for (uint i = whole + get_local_id(0); i < end; i += WG)                                                                           \
            dx[i] = name##_grad_of_1(dy[i], kept[i]);                                                                                      \
    }
ACTIVATIONS(KERNELS, , )
