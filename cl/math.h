// erf, exp, and GELU with its derivative, for floatv and (with the suffix _1) for float. Without branches, divisions and tables;
// multiply-adds only, so that erf and GELU have the same bits on every device and in every vector width. Largest errors, measured against
// double on PoCL and Intel: erf 2.2e-7; GELU 1.6e-7 max(1, |x|); its derivative 2.0e-7 (test/ops_gemm.c repeats it).
#ifndef CLMIX_MATH_H
#define CLMIX_MATH_H

#include "common.h"

// erf(x) / x as a polynomial of x^2 over |x| <= 3.85, in t = 0.13493 x^2 - 1, which keeps the powers within [-1, 1] (a minimax fit, 8e-8 in
// exact arithmetic). Beyond 3.85 erf is 1 within half an ulp; the selection after the fact leaves NaN a NaN.
#define CLMIX_ERF_BODY(type)                                                                            \
    const type t = fma(x * x, (type)(0.13493f), (type)(-1.0f));                                         \
    type p = (type)(0.001370864251f);                                                                   \
    p = fma(p, t, (type)(-0.003379562569f));                                                            \
    p = fma(p, t, (type)(0.002389924931f));                                                             \
    p = fma(p, t, (type)(-0.003227682259f));                                                            \
    p = fma(p, t, (type)(0.01137721383f));                                                              \
    p = fma(p, t, (type)(-0.02039686574f));                                                             \
    p = fma(p, t, (type)(0.02815706779f));                                                              \
    p = fma(p, t, (type)(-0.04029977305f));                                                             \
    p = fma(p, t, (type)(0.05645516379f));                                                              \
    p = fma(p, t, (type)(-0.07334199509f));                                                             \
    p = fma(p, t, (type)(0.09081273597f));                                                              \
    p = fma(p, t, (type)(-0.1103716333f));                                                              \
    p = fma(p, t, (type)(0.136211828f));                                                                \
    p = fma(p, t, (type)(-0.1833018366f));                                                              \
    p = fma(p, t, (type)(0.3672848169f));                                                               \
    const type y = x * p;                                                                               \
    return x > (type)(3.85f) ? (type)(1.0f) : (x < (type)(-3.85f) ? (type)(-1.0f) : y);

// x/2 (1 + erf(x / sqrt 2)), and its derivative Phi(x) + x phi(x).
#define CLMIX_MATH_FUNCTIONS(type, suffix)                                                              \
    static inline type clmix_erf##suffix(const type x)                                                  \
    {                                                                                                   \
        CLMIX_ERF_BODY(type)                                                                            \
    }                                                                                                   \
    static inline type clmix_exp##suffix(const type x)                                                  \
    {                                                                                                   \
        return exp(x);                                                                                  \
    }                                                                                                   \
    static inline type clmix_gelu##suffix(const type x)                                                 \
    {                                                                                                   \
        const type h = x * (type)(0.5f);                                                                \
        return fma(h, clmix_erf##suffix(x * (type)(0.70710678f)), h);                                   \
    }                                                                                                   \
    static inline type clmix_gelu_derivative##suffix(const type x)                                      \
    {                                                                                                   \
        const type phi = exp(x * x * (type)(-0.5f)) * (type)(0.39894228f);                              \
        return fma(x, phi, fma(clmix_erf##suffix(x * (type)(0.70710678f)), (type)(0.5f), (type)(0.5f)));\
    }

CLMIX_MATH_FUNCTIONS(float, _1)
#if VW == 1
#define clmix_erf clmix_erf_1
#define clmix_exp clmix_exp_1
#define clmix_gelu clmix_gelu_1
#define clmix_gelu_derivative clmix_gelu_derivative_1
#else
CLMIX_MATH_FUNCTIONS(floatv, )
#endif

#endif
