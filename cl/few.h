// Rows of few columns, a block of them at a time: turned, so that arithmetic runs on full vectors and no lane waits for a row's end. In the
// wide form a block is VW rows and a column of it one vector; in the simt form it is WG rows, each a work-item's own. The rows of a block
// follow one another in memory and are moved as one run.
#ifndef CLMIX_FEW_H
#define CLMIX_FEW_H

#include "math.h"
#include "reduce.h"

#ifndef FEW
#define FEW 32    // most columns of such a row; the simt form keeps WG * (FEW + 1) floats in local memory
#endif

// FEW_BLOCK(block) declares a block, FEW_AT(block, c) is its column c, FEW_ROWS its rows; fewv holds a value for each of a work-item's rows,
// fewi an integer. FEW_MINE(n): this work-item has rows in a block of n <= FEW_ROWS rows; lanes behind the n-th repeat the last row.
#if WG == 1
#define FEW_ROWS         VW
#define FEW_BLOCK(block) __local floatv block[FEW];
#define FEW_AT(block, c) block[c]
#define FEW_MINE(n)      1
#define FEW_EXP          clmix_exp
typedef floatv fewv;
#if VW == 1
typedef int fewi;
typedef int fewiu;
#define FEW_LANES 0
#else
typedef CLMIX_JOIN(int, VW) fewi;
typedef CLMIX_JOIN(int, VW) __attribute__((aligned(4))) fewiu;
#if VW == 4
#define FEW_LANES (fewi)(0, 1, 2, 3)
#elif VW == 8
#define FEW_LANES (fewi)(0, 1, 2, 3, 4, 5, 6, 7)
#else
#define FEW_LANES (fewi)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#endif

// The float4 at p of each of VW rows as four vectors, one a column, and back. Lane 4 r + c of rows side by side goes to lane r of vector c,
// in two steps of every second lane.
#if VW == 4
#define FEW_SIDE_BY_SIDE(k)   (*(const __global float4u *)(p + (k)*pitch))
#define FEW_PUT_ROWS(k, rows) (*(__global float4u *)(p + (k)*pitch) = (rows))
#elif VW == 8
#define FEW_SIDE_BY_SIDE(k)   (float8)(*(const __global float4u *)(p + 2 * (k)*pitch), *(const __global float4u *)(p + (2 * (k) + 1) * pitch))
#define FEW_PUT_ROWS(k, rows)                                      \
    do {                                                           \
        *(__global float4u *)(p + 2 * (k)*pitch) = (rows).lo;      \
        *(__global float4u *)(p + (2 * (k) + 1) * pitch) = (rows).hi; \
    } while (0)
#else
#define FEW_SIDE_BY_SIDE(k)                                                                                             \
    (float16)(*(const __global float4u *)(p + 4 * (k)*pitch), *(const __global float4u *)(p + (4 * (k) + 1) * pitch),  \
              *(const __global float4u *)(p + (4 * (k) + 2) * pitch), *(const __global float4u *)(p + (4 * (k) + 3) * pitch))
#define FEW_PUT_ROWS(k, rows)                                            \
    do {                                                                 \
        *(__global float4u *)(p + 4 * (k)*pitch) = (rows).s0123;         \
        *(__global float4u *)(p + (4 * (k) + 1) * pitch) = (rows).s4567; \
        *(__global float4u *)(p + (4 * (k) + 2) * pitch) = (rows).s89ab; \
        *(__global float4u *)(p + (4 * (k) + 3) * pitch) = (rows).scdef; \
    } while (0)
#endif

// Every second lane of a and b behind one another, and a0 b0 a1 b1 ... of their lower and upper halves, as one permutation each. Swizzles
// (a.even) change the number of lanes on the way, which crashes a simulator; lane by lane a compiler does not see the permutation.
#if VW == 4
#define FEW_EVEN_LANES     0, 2, 4, 6
#define FEW_ODD_LANES      1, 3, 5, 7
#define FEW_ZIP_LOW_LANES  0, 4, 1, 5
#define FEW_ZIP_HIGH_LANES 2, 6, 3, 7
#elif VW == 8
#define FEW_EVEN_LANES     0, 2, 4, 6, 8, 10, 12, 14
#define FEW_ODD_LANES      1, 3, 5, 7, 9, 11, 13, 15
#define FEW_ZIP_LOW_LANES  0, 8, 1, 9, 2, 10, 3, 11
#define FEW_ZIP_HIGH_LANES 4, 12, 5, 13, 6, 14, 7, 15
#else
#define FEW_EVEN_LANES     0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define FEW_ODD_LANES      1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define FEW_ZIP_LOW_LANES  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define FEW_ZIP_HIGH_LANES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#endif
#ifdef __clang__
#define FEW_LANES_OF(a, b, lanes) __builtin_shufflevector(a, b, lanes)
#else
#define FEW_LANES_OF(a, b, lanes) shuffle2(a, b, (CLMIX_JOIN(uint, VW))(lanes))
#endif
#define FEW_EVEN(a, b)     FEW_LANES_OF(a, b, FEW_EVEN_LANES)
#define FEW_ODD(a, b)      FEW_LANES_OF(a, b, FEW_ODD_LANES)
#define FEW_ZIP_LOW(a, b)  FEW_LANES_OF(a, b, FEW_ZIP_LOW_LANES)
#define FEW_ZIP_HIGH(a, b) FEW_LANES_OF(a, b, FEW_ZIP_HIGH_LANES)

static inline void few_turn_in(const __global float *p, const uint pitch, __local floatv *column)
{
    const floatv a = FEW_SIDE_BY_SIDE(0), b = FEW_SIDE_BY_SIDE(1), c = FEW_SIDE_BY_SIDE(2), d = FEW_SIDE_BY_SIDE(3);
    const floatv even_low = FEW_EVEN(a, b), even_high = FEW_EVEN(c, d), odd_low = FEW_ODD(a, b), odd_high = FEW_ODD(c, d);
    column[0] = FEW_EVEN(even_low, even_high);
    column[1] = FEW_EVEN(odd_low, odd_high);
    column[2] = FEW_ODD(even_low, even_high);
    column[3] = FEW_ODD(odd_low, odd_high);
}

static inline void few_turn_out(const __local floatv *column, __global float *p, const uint pitch)
{
    const floatv even_low = FEW_ZIP_LOW(column[0], column[2]), even_high = FEW_ZIP_HIGH(column[0], column[2]);
    const floatv odd_low = FEW_ZIP_LOW(column[1], column[3]), odd_high = FEW_ZIP_HIGH(column[1], column[3]);
    FEW_PUT_ROWS(0, FEW_ZIP_LOW(even_low, odd_low));
    FEW_PUT_ROWS(1, FEW_ZIP_HIGH(even_low, odd_low));
    FEW_PUT_ROWS(2, FEW_ZIP_LOW(even_high, odd_high));
    FEW_PUT_ROWS(3, FEW_ZIP_HIGH(even_high, odd_high));
}
#endif

// Four columns' share in asking for the next block: a block is read and written across its lines, which no hardware prefetcher follows.
#define FEW_FETCH(p, writing)         \
    for (uint k_ = 0; k_ < 4; k_++)   \
        PREFETCH((p) + (columns + c + k_) * VW, writing)

// n rows of `columns` floats at p into the block, and back. The last four columns overlap those before them where columns is no multiple of
// 4; fewer than four columns, or rows, go one by one.
static inline void few_load(const __global float *p, const uint columns, const uint n, __local floatv *block)
{
    uint c = 0;
#if VW > 1
    if (n >= VW && columns >= 4)
        for (; c < columns; c += 4) {
            FEW_FETCH(p, 0);
            few_turn_in(p + min(c, columns - 4), columns, block + min(c, columns - 4));
        }
#endif
    for (; c < columns; c++)
        for (uint r = 0; r < VW; r++)
            ((__local float *)block)[c * VW + r] = p[min(r, n - 1) * columns + c];
}

static inline void few_store(const __local floatv *block, const uint columns, const uint n, __global float *p)
{
    uint c = 0;
#if VW > 1
    if (n >= VW && columns >= 4)
        for (; c < columns; c += 4) {
            FEW_FETCH(p, 1);
            few_turn_out(block + min(c, columns - 4), p + min(c, columns - 4), columns);
        }
#endif
    for (; c < columns; c++)
        for (uint r = 0; r < n; r++)
            p[r * columns + c] = ((const __local float *)block)[c * VW + r];
}

// The first n of a block's integers at p, zeros behind them.
static inline fewi few_int(const __global int *p, const uint n)
{
    if (n >= VW)
        return *(const __global fewiu *)p;
    int part[VW];
    for (uint r = 0; r < VW; r++)
        part[r] = r < n ? p[r] : 0;
    return *(const fewiu *)part;
}

// Values by rows, one for each of the n rows of a block, at p; their sum over a group; which lanes are rows. FEW_DONE stands behind the last
// use of a block that is not stored.
#define FEW_VALUE(p, n)        load_lanes(p, n)
#define FEW_PUT_VALUE(v, p, n) store_lanes(v, p, n)
#define FEW_INT(p, n)          few_int(p, n)
#define FEW_SUM(v)             sum_lanes(v)
#define FEW_EXISTS(n)          (FEW_LANES < (fewi)(n))
#define FEW_DONE
#else
#define FEW_ROWS  WG
#define FEW_PITCH (FEW + 1 - FEW % 2)    // odd, so that the rows of neighbours lie in different banks
#define FEW_BLOCK(block) __local float block[WG * FEW_PITCH];
#define FEW_AT(block, c) block[get_local_id(0) * FEW_PITCH + (c)]
#define FEW_MINE(n)      (get_local_id(0) < (n))
#define FEW_EXP          clmix_exp_1
typedef float fewv;
typedef int fewi;

static inline void few_load(const __global float *p, const uint columns, const uint n, __local float *block)
{
    for (uint i = get_local_id(0); i < n * columns; i += WG)
        block[i / columns * FEW_PITCH + i % columns] = p[i];
    barrier(CLK_LOCAL_MEM_FENCE);
}

static inline void few_store(const __local float *block, const uint columns, const uint n, __global float *p)
{
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = get_local_id(0); i < n * columns; i += WG)
        p[i] = block[i / columns * FEW_PITCH + i % columns];
    barrier(CLK_LOCAL_MEM_FENCE);
}
#define FEW_VALUE(p, n)        (p)[get_local_id(0)]
#define FEW_PUT_VALUE(v, p, n) ((p)[get_local_id(0)] = (v))
#define FEW_INT(p, n)          (p)[get_local_id(0)]
#define FEW_SUM(v)             GROUP_SUM(v)
#define FEW_EXISTS(n)          1
#define FEW_DONE               barrier(CLK_LOCAL_MEM_FENCE);
#endif

#endif
