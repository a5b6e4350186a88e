// One 2 x 2 block of the Haar transform, forward and backward, for N = VW, 4 or 1 channels at once.
//
// With the block [[a, b], [c, d]]:  LL = (a + b + c + d) / 2, LH = (a + b - c - d) / 2, HL = (a - b + c - d) / 2, HH = (a - b - c + d) / 2;
// the matrix is symmetric and its own inverse, so the same sums give the block back. The details of channel c lie at 3 c + {0, 1, 2}: LH,
// HL, HH.
#ifndef CLMIX_WAVELET_H
#define CLMIX_WAVELET_H

#include "common.h"

typedef float4 __attribute__((aligned(4))) float4u;

// Three vectors to one run x0 y0 z0 x1 y1 z1 ... and back.
#define HAAR_JOIN4(x, y, z, p)                                                     \
    do {                                                                           \
        *(__global float4u *)(p) = (float4)((x).s0, (y).s0, (z).s0, (x).s1);       \
        *(__global float4u *)((p) + 4) = (float4)((y).s1, (z).s1, (x).s2, (y).s2); \
        *(__global float4u *)((p) + 8) = (float4)((z).s2, (x).s3, (y).s3, (z).s3); \
    } while (0)
#define HAAR_SPLIT4(x, y, z, p)                                  \
    do {                                                         \
        const float4 r0_ = *(const __global float4u *)(p);       \
        const float4 r1_ = *(const __global float4u *)((p) + 4); \
        const float4 r2_ = *(const __global float4u *)((p) + 8); \
        x = (float4)(r0_.s0, r0_.s3, r1_.s2, r2_.s1);            \
        y = (float4)(r0_.s1, r1_.s0, r1_.s3, r2_.s2);            \
        z = (float4)(r0_.s2, r1_.s1, r2_.s0, r2_.s3);            \
    } while (0)

static inline void haar_store1(const float x, const float y, const float z, __global float *p)
{
    p[0] = x;
    p[1] = y;
    p[2] = z;
}

static inline void haar_load1(float *x, float *y, float *z, const __global float *p)
{
    *x = p[0];
    *y = p[1];
    *z = p[2];
}

static inline void haar_store4(const float4 x, const float4 y, const float4 z, __global float *p)
{
    HAAR_JOIN4(x, y, z, p);
}

static inline void haar_load4(float4 *x, float4 *y, float4 *z, const __global float *p)
{
    HAAR_SPLIT4(*x, *y, *z, p);
}

#if VW == 8
static inline void haar_store8(const float8 x, const float8 y, const float8 z, __global float *p)
{
    haar_store4(x.lo, y.lo, z.lo, p);
    haar_store4(x.hi, y.hi, z.hi, p + 12);
}

static inline void haar_load8(float8 *x, float8 *y, float8 *z, const __global float *p)
{
    float4 x0, x1, y0, y1, z0, z1;
    haar_load4(&x0, &y0, &z0, p);
    haar_load4(&x1, &y1, &z1, p + 12);
    *x = (float8)(x0, x1);
    *y = (float8)(y0, y1);
    *z = (float8)(z0, z1);
}
#elif VW == 16
// By blends and one permutation a vector: lane j of the run's vectors holds x where j % 3 is 0 (2, 1 in the second and third vector), so
// that x's lanes of all three are distinct lanes of one vector.
#define HAAR_LANE(k)        (-((k) % 3 == 0))
#define HAAR_LANES_FROM(k)                                                                                                               \
    (int16)(HAAR_LANE(k), HAAR_LANE(k + 1), HAAR_LANE(k + 2), HAAR_LANE(k), HAAR_LANE(k + 1), HAAR_LANE(k + 2), HAAR_LANE(k),            \
            HAAR_LANE(k + 1), HAAR_LANE(k + 2), HAAR_LANE(k), HAAR_LANE(k + 1), HAAR_LANE(k + 2), HAAR_LANE(k), HAAR_LANE(k + 1),        \
            HAAR_LANE(k + 2), HAAR_LANE(k))
#define HAAR_BLEND(a, b, c) select(select(c, b, HAAR_LANES_FROM(2)), a, HAAR_LANES_FROM(0))    // lanes j of a, b, c by j % 3

static inline void haar_store16(const float16 x, const float16 y, const float16 z, __global float *p)
{
    const float16 u = x.s0b61c72d83e94fa5, v = y.s50b61c72d83e94fa, w = z.sa50b61c72d83e94f;
    STOREV(HAAR_BLEND(u, v, w), p);
    STOREV(HAAR_BLEND(v, w, u), p + 16);
    STOREV(HAAR_BLEND(w, u, v), p + 32);
}

static inline void haar_load16(float16 *x, float16 *y, float16 *z, const __global float *p)
{
    const float16 a = LOADV(p), b = LOADV(p + 16), c = LOADV(p + 32);
    *x = HAAR_BLEND(a, c, b).s0369cf258be147ad;
    *y = HAAR_BLEND(b, a, c).s147ad0369cf258be;
    *z = HAAR_BLEND(c, b, a).s258be147ad0369cf;
}
#endif

// Forward: reads a, and b, c, d where they exist (`right`, `down`; else they are zero), writes LL at ll and the details at high. `across`
// and `below` are the distances in x from a to b and to c.
// Backward: reads LL and details, writes what exists of the block at y, added to what `other` holds there if `has_other`; `is_result`: what is
// written is not read again here.
#define HAAR_BLOCKS(type, N, LOAD, STORE, RESULT)                                                                                           \
    static inline void haar_forward##N(const __global float *x, const uint across, const uint below, const int right, const int down,    \
                                       __global float *ll, __global float *high)                                                         \
    {                                                                                                                                    \
        const type a = LOAD(x), b = right ? LOAD(x + across) : (type)(0.0f), c = down ? LOAD(x + below) : (type)(0.0f),                  \
                   d = right && down ? LOAD(x + across + below) : (type)(0.0f);                                                          \
        const type s = a + b, t = c + d, u = a - b, v = c - d;                                                                           \
        STORE((s + t) * (type)(0.5f), ll);                                                                                               \
        haar_store##N((s - t) * (type)(0.5f), (u + v) * (type)(0.5f), (u - v) * (type)(0.5f), high);                                     \
    }                                                                                                                                    \
    static inline void haar_backward##N(const __global float *low_at, const __global float *high, const int right, const int down,       \
                                        const __global float *other, const uint other_across, const uint other_below, __global float *y, \
                                        const uint across, const uint below, const int has_other, const int is_result)                   \
    {                                                                                                                                    \
        const type low = LOAD(low_at);                                                                                                   \
        type lh, hl, hh;                                                                                                                 \
        haar_load##N(&lh, &hl, &hh, high);                                                                                               \
        const type s = low + lh, t = low - lh, u = hl + hh, v = hl - hh;                                                                 \
        type a = (s + u) * (type)(0.5f), b = (s - u) * (type)(0.5f), c = (t + v) * (type)(0.5f), d = (t - v) * (type)(0.5f);             \
        if (has_other) {                                                                                                                 \
            a += LOAD(other);                                                                                                            \
            b += right ? LOAD(other + other_across) : (type)(0.0f);                                                                      \
            c += down ? LOAD(other + other_below) : (type)(0.0f);                                                                        \
            d += right && down ? LOAD(other + other_across + other_below) : (type)(0.0f);                                                \
        }                                                                                                                                \
        RESULT(a, y);                                                                                                                    \
        if (right)                                                                                                                       \
            RESULT(b, y + across);                                                                                                       \
        if (down)                                                                                                                        \
            RESULT(c, y + below);                                                                                                        \
        if (right && down)                                                                                                               \
            RESULT(d, y + across + below);                                                                                               \
    }

#define HAAR_LOAD1(p)     (*(p))
#define HAAR_STORE1(v, p) (*(p) = (v))
#define HAAR_LOAD4(p)     ((float4)(*(const __global float4u *)(p)))
#define HAAR_STORE4(v, p) (*(__global float4u *)(p) = (v))

#define HAAR_RESULTV(v, p)   \
    do {                     \
        if (is_result)       \
            STREAMV(v, p);   \
        else                 \
            STOREV(v, p);    \
    } while (0)

HAAR_BLOCKS(float, 1, HAAR_LOAD1, HAAR_STORE1, HAAR_STORE1)
HAAR_BLOCKS(float4, 4, HAAR_LOAD4, HAAR_STORE4, HAAR_STORE4)
#if VW == 8
HAAR_BLOCKS(float8, 8, LOADV, STOREV, HAAR_RESULTV)
#elif VW == 16
HAAR_BLOCKS(float16, 16, LOADV, STOREV, HAAR_RESULTV)
#endif

// The same for channels 0 .. channels - 1 of one pixel of the coarser map, in the widest vectors that fit.
#if VW > 4
#define HAAR_LANES        VW
#define HAAR_WIDEST(name) CLMIX_JOIN(name, VW)
#else
#define HAAR_LANES        4
#define HAAR_WIDEST(name) CLMIX_JOIN(name, 4)
#endif

static inline void haar_forward(const __global float *x, const uint across, const uint below, const int right, const int down,
                                __global float *ll, __global float *high, const uint channels)
{
    uint c = 0;
    for (; c + HAAR_LANES <= channels; c += HAAR_LANES)
        HAAR_WIDEST(haar_forward)(x + c, across, below, right, down, ll + c, high + 3 * c);
#if HAAR_LANES > 4
    for (; c + 4 <= channels; c += 4)
        haar_forward4(x + c, across, below, right, down, ll + c, high + 3 * c);
#endif
    for (; c < channels; c++)
        haar_forward1(x + c, across, below, right, down, ll + c, high + 3 * c);
}

static inline void haar_backward(const __global float *low, const __global float *high, const int right, const int down,
                                 const __global float *other, const uint other_across, const uint other_below, __global float *y,
                                 const uint across, const uint below, const int has_other, const int is_result,
                                 const uint channels)
{
    uint c = 0;
    for (; c + HAAR_LANES <= channels; c += HAAR_LANES)
        HAAR_WIDEST(haar_backward)
        (low + c, high + 3 * c, right, down, other + c, other_across, other_below, y + c, across, below, has_other, is_result);
#if HAAR_LANES > 4
    for (; c + 4 <= channels; c += 4)
        haar_backward4(low + c, high + 3 * c, right, down, other + c, other_across, other_below, y + c, across, below, has_other, is_result);
#endif
    for (; c < channels; c++)
        haar_backward1(low + c, high + 3 * c, right, down, other + c, other_across, other_below, y + c, across, below, has_other, is_result);
}

#endif
