// erf, exp, e^x - 1, tanh, and GELU with its derivative, for floatv and (with the suffix _1) for float. Without branches and tables;
// multiply-adds only, so that all have the same bits in every vector width and on every device that rounds them once, and the compiler keeps
// them in registers where a library's exp is a call. Largest errors, measured against double on PoCL and Intel: erf 2.2e-7; exp 1.2e-7 of
// its value (with a division behind it); GELU 1.6e-7 max(1, |x|); its derivative 1.8e-7 (test/ops_gemm.c, ops_activation.c and ops_fusion.c
// repeat it, with the same limits on devices that round a product and a sum twice).
#ifndef CLMIX_MATH_H
#define CLMIX_MATH_H

#include "common.h"

// erf(x) / x as a polynomial of x^2 over |x| <= 3.85, in t = 0.13493 x^2 - 1, which keeps the powers within [-1, 1] (a minimax fit, 8e-8 in
// exact arithmetic). Beyond 3.85 erf is 1 within half an ulp; the selection after the fact leaves NaN a NaN.
#define CLMIX_ERF_BODY(type)                                                                            \
    const type t = FMA(x * x, (type)(0.13493f), (type)(-1.0f));                                         \
    type p = (type)(0.001370864251f);                                                                   \
    p = FMA(p, t, (type)(-0.003379562569f));                                                            \
    p = FMA(p, t, (type)(0.002389924931f));                                                             \
    p = FMA(p, t, (type)(-0.003227682259f));                                                            \
    p = FMA(p, t, (type)(0.01137721383f));                                                              \
    p = FMA(p, t, (type)(-0.02039686574f));                                                             \
    p = FMA(p, t, (type)(0.02815706779f));                                                              \
    p = FMA(p, t, (type)(-0.04029977305f));                                                             \
    p = FMA(p, t, (type)(0.05645516379f));                                                              \
    p = FMA(p, t, (type)(-0.07334199509f));                                                             \
    p = FMA(p, t, (type)(0.09081273597f));                                                              \
    p = FMA(p, t, (type)(-0.1103716333f));                                                              \
    p = FMA(p, t, (type)(0.136211828f));                                                                \
    p = FMA(p, t, (type)(-0.1833018366f));                                                              \
    p = FMA(p, t, (type)(0.3672848169f));                                                               \
    const type y = x * p;                                                                               \
    return x > (type)(3.85f) ? (type)(1.0f) : (x < (type)(-3.85f) ? (type)(-1.0f) : y);

// Phi(x) + x phi(x), with the normal distribution's Phi and phi: at a = -|x| it is w^8 p, with polynomials w of degree 7 and p of degree 2 in
// |x| <= 5.8 (a minimax fit of the product, 5e-8 in exact arithmetic), at |x| the rest to 1. What is squared is 1 + z, as 1 + z (2 + z), so
// that rounding counts by z and not by 1. A third less work than one polynomial of x^2, and half as deep. Beyond 5.8 the sum is 0 or 1
// within 1.2e-7; the comparisons leave NaN a NaN, and no bare product meets a sum, which compilers might join.
#define CLMIX_GELU_DERIVATIVE_BODY(type)                                                                \
    const type m = fabs(x), a = m > (type)(5.8f) ? (type)(5.8f) : m;                                    \
    type z = (type)(3.2137848e-06f);                                                                    \
    z = FMA(z, a, (type)(-3.7387366e-05f));                                                             \
    z = FMA(z, a, (type)(-7.4880845e-05f));                                                             \
    z = FMA(z, a, (type)(0.0024766065f));                                                               \
    z = FMA(z, a, (type)(-0.004001094f));                                                               \
    z = FMA(z, a, (type)(-0.046749834f));                                                               \
    z = FMA(FMA(z, a, (type)(-0.012316382f)), a, (type)(0.0f));                                         \
    z = FMA(z, z, z + z);                                                                               \
    z = FMA(z, z, z + z);                                                                               \
    z = FMA(z, z, z + z);                                                                               \
    const type p = FMA(FMA((type)(0.11112423f), a, (type)(-0.7486202f)), a, (type)(0.5f)),              \
               y = FMA(z, p, p);                                                                        \
    return x > (type)(0.0f) ? (type)(1.0f) - y : y;

// e^x = 2^n e^r with n = round(x / ln 2), which the addition of 1.5 * 2^23 leaves in the low bits of t, and ln 2 in two parts; e^r - 1 - r as
// r^2 times a polynomial over |r| <= ln 2 / 2 (a minimax fit of the relative error, 3e-9). Results below the least normal number are 0; the
// selections after the fact give 0 and infinity where n leaves its range and leave NaN a NaN.
#define CLMIX_EXP_BODY(type, real, bits)                                                                \
    const type t = FMA(x, (type)(1.44269504f), (type)(12582912.0f)), n = t - (type)(12582912.0f);       \
    const type r = FMA(n, (type)(2.12194440e-4f), FMA(n, (type)(-0.693359375f), x));                    \
    type p = (type)(0.0013814467f);                                                                     \
    p = FMA(p, r, (type)(0.008368781f));                                                                \
    p = FMA(p, r, (type)(0.041668393f));                                                                \
    p = FMA(p, r, (type)(0.1666652f));                                                                  \
    p = FMA(p, r, (type)(0.49999994f));                                                                 \
    p = FMA(p, r, (type)(1.0f));                                                                        \
    p = FMA(p, r, (type)(1.0f));                                                                        \
    const type y = real(bits(p) + (bits(t) << 23));                                                     \
    return x < (type)(-87.3365f) ? (type)(0.0f) : (x < (type)(88.7228f) ? y : x + (type)(INFINITY));

// e^x - 1 for x <= 0, as 2^n (e^r - 1) + (2^n - 1): nothing cancels where x is small. Below -30 it is -1 within half an ulp.
#define CLMIX_EXPM1_BODY(type, real, bits)                                                              \
    const type a = x < (type)(-30.0f) ? (type)(-30.0f) : x;                                             \
    const type t = FMA(a, (type)(1.44269504f), (type)(12582912.0f)), n = t - (type)(12582912.0f);       \
    const type r = FMA(n, (type)(2.12194440e-4f), FMA(n, (type)(-0.693359375f), a));                    \
    type p = (type)(0.0013814467f);                                                                     \
    p = FMA(p, r, (type)(0.008368781f));                                                                \
    p = FMA(p, r, (type)(0.041668393f));                                                                \
    p = FMA(p, r, (type)(0.1666652f));                                                                  \
    p = FMA(p, r, (type)(0.49999994f));                                                                 \
    p = FMA(p * r, r, r);                                                                               \
    const type scale = real(bits((type)(1.0f)) + (bits(t) << 23));                                      \
    return FMA(scale, p, scale - (type)(1.0f));

// tanh |x| = -m / (2 + m) with m = e^(-2 |x|) - 1.
// x/2 (1 + erf(x / sqrt 2)), and its derivative Phi(x) + x phi(x).
#define CLMIX_MATH_FUNCTIONS(type, suffix, real, bits)                                                  \
    static inline type clmix_erf##suffix(const type x)                                                  \
    {                                                                                                   \
        CLMIX_ERF_BODY(type)                                                                            \
    }                                                                                                   \
    static inline type clmix_exp##suffix(const type x)                                                  \
    {                                                                                                   \
        CLMIX_EXP_BODY(type, real, bits)                                                                \
    }                                                                                                   \
    static inline type clmix_expm1##suffix(const type x)                                                \
    {                                                                                                   \
        CLMIX_EXPM1_BODY(type, real, bits)                                                              \
    }                                                                                                   \
    static inline type clmix_tanh##suffix(const type x)                                                 \
    {                                                                                                   \
        const type m = clmix_expm1##suffix(fabs(x) * (type)(-2.0f)), y = -m / ((type)(2.0f) + m);       \
        return x < (type)(0.0f) ? -y : y;                                                               \
    }                                                                                                   \
    static inline type clmix_gelu##suffix(const type x)                                                 \
    {                                                                                                   \
        const type h = x * (type)(0.5f);                                                                \
        return FMA(h, clmix_erf##suffix(x * (type)(0.70710678f)), h);                                   \
    }                                                                                                   \
    static inline type clmix_gelu_derivative##suffix(const type x)                                      \
    {                                                                                                   \
        CLMIX_GELU_DERIVATIVE_BODY(type)                                                                \
    }

CLMIX_MATH_FUNCTIONS(float, _1, as_float, as_uint)
#if VW == 1
#define clmix_erf clmix_erf_1
#define clmix_exp clmix_exp_1
#define clmix_expm1 clmix_expm1_1
#define clmix_tanh clmix_tanh_1
#define clmix_gelu clmix_gelu_1
#define clmix_gelu_derivative clmix_gelu_derivative_1
#else
CLMIX_MATH_FUNCTIONS(floatv, , CLMIX_JOIN(as_float, VW), CLMIX_JOIN(as_uint, VW))
#endif

#endif
