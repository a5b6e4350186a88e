// What the matrix products do to each finished sum: + bias (one value a column), activation, and a second matrix of C's shape, the
// residual, added, or read for the derivative of an activation that the sum is the gradient behind; and behind one of these a
// multiplication by `scale`. All but that number chosen at compile time.
#ifndef CLMIX_GEMM_EPILOGUE_H
#define CLMIX_GEMM_EPILOGUE_H

#include "common.h"
#include "math.h"

#ifndef BIAS
#define BIAS 0          // 0, 1
#endif
#ifndef ACTIVATION
#define ACTIVATION 0    // 0 none, 1 GELU, 2 ReLU
#endif
#ifndef RESIDUAL
#define RESIDUAL 0      // 0 none, 1 x + residual, 2 x gelu'(residual), 3 x where residual > 0, else 0
#endif
#ifndef SCALE
#define SCALE 0         // 0 none, 1 behind the bias, 2 behind the activation, 3 behind the residual
#endif
#define LONG_EPILOGUE (ACTIVATION == 1 || RESIDUAL == 2)    // too much code to be unrolled over a register tile

// `bias` and `residual` point at the element's (the vector's first element's) own place; unused ones are not read. ReLU by comparison: NaN
// stays NaN.
static inline float clmix_finish_1(float x, const __global float *bias, const __global float *residual, const float scale)
{
#if BIAS
    x += *bias;
#endif
#if SCALE == 1
    x *= scale;
#endif
#if ACTIVATION == 1
    x = clmix_gelu_1(x);
#elif ACTIVATION == 2
    x = x < 0.0f ? 0.0f : x;
#endif
#if SCALE == 2
    x *= scale;
#endif
#if RESIDUAL == 1
    x += *residual;
#elif RESIDUAL == 2
    x *= clmix_gelu_derivative_1(*residual);
#elif RESIDUAL == 3
    x = *residual > 0.0f ? x : 0.0f;
#endif
#if SCALE == 3
    x *= scale;
#endif
    return x;
}

static inline floatv clmix_finish(floatv x, const __global float *bias, const __global float *residual, const float scale)
{
#if BIAS
    x += LOADV(bias);
#endif
#if SCALE == 1
    x *= scale;
#endif
#if ACTIVATION == 1
    x = clmix_gelu(x);
#elif ACTIVATION == 2
    x = x < (floatv)(0.0f) ? (floatv)(0.0f) : x;
#endif
#if SCALE == 2
    x *= scale;
#endif
#if RESIDUAL == 1
    x += LOADV(residual);
#elif RESIDUAL == 2
    x *= clmix_gelu_derivative(LOADV(residual));
#elif RESIDUAL == 3
    x = LOADV(residual) > (floatv)(0.0f) ? x : (floatv)(0.0f);
#endif
#if SCALE == 3
    x *= scale;
#endif
    return x;
}

#endif
