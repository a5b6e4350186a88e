// What the kernels of attention on GPUs share. A work-group owns TM rows (queries, or keys in the gradient of these) of one head and goes
// through the others, the columns, TN at a time. Each work-item has PM rows: of the TM x TN scores the columns x, x + LANES ..., and of the sums
// that the group is for, TM x LANES * P, the columns that SUM_COLUMN names. Both products go through local memory in slabs of TK steps:
//   dots:  scores += A B^T, rows of A and B side by side in memory, along the width of a head
//   rows:  sums += weights B, along the columns, whose weights go from registers to local memory a slab at a time.
// Local memory holds two blocks: a slab of A or of weights in `first`, a slab of B in `second`. Outside the matrices are zeros, and nothing is
// stored there; all work-items reach every barrier. An element is one chain of FMA in order, broken where the maximum of its row grows.
#ifndef CLMIX_ATTENTION_SIMT_H
#define CLMIX_ATTENTION_SIMT_H

#ifndef TK
#define TK 32            // steps of a slab: 16, 32; TN or half of it, a multiple of LANES
#endif
#include "math.h"
#include "tile_simt.h"

#ifndef HEAD
#define HEAD 32          // width of a head of queries and keys
#endif
#ifndef VALUE
#define VALUE 32         // and of values
#endif
#ifndef PH
#define PH 2             // columns of HEAD, or of the part of it that a group makes sums of, a work-item: 1, 2, 4, 6, 8
#endif
#ifndef PV
#define PV 2             // and of VALUE
#endif
#ifndef MASKED
#define MASKED 0         // 1: keys have a mask
#endif
#ifndef CAUSAL
#define CAUSAL 0         // 1: query i sees keys 0 .. i
#endif
#ifndef WINDOWED
#define WINDOWED 0       // 1: query i sees the keys of its window and of the two beside it
#endif
#ifndef DROPOUT
#define DROPOUT 0        // 1: weights are dropped
#endif
#if PM != 4 || PN != 4
#error "a work-item has 4 x 4 scores"
#endif
// Some compilers leave loops as loops in spite of pragmas, and then keep what their counters number in memory: rows and columns that lie in
// registers are written out. EACH: the four rows, or columns, of scores, ALL those of row (or column) i; COLUMNS: those of p sums.
#define EACH(DO)               DO(0) DO(1) DO(2) DO(3)
#define EACH_2(DO, a, b)       DO(0, a, b) DO(1, a, b) DO(2, a, b) DO(3, a, b)
#define EACH_3(DO, a, b, c)    DO(0, a, b, c) DO(1, a, b, c) DO(2, a, b, c) DO(3, a, b, c)
#define ALL(i, DO)             DO(i, 0) DO(i, 1) DO(i, 2) DO(i, 3)
#define COLUMNS(p, DO, a, b)   CLMIX_JOIN(COLUMNS_, p)(DO, a, b)
#define COLUMNS_1(DO, a, b)    DO(0, a, b)
#define COLUMNS_2(DO, a, b)    DO(0, a, b) DO(1, a, b)
#define COLUMNS_4(DO, a, b)    COLUMNS_2(DO, a, b) DO(2, a, b) DO(3, a, b)
#define COLUMNS_6(DO, a, b)    COLUMNS_4(DO, a, b) DO(4, a, b) DO(5, a, b)
#define COLUMNS_8(DO, a, b)    COLUMNS_6(DO, a, b) DO(6, a, b) DO(7, a, b)
#include "attention_simt_seen.h"
#define HEAD_PART  (LANES * PH)
#define VALUE_PART (LANES * PV)
#define ROUND4(n)  (((n) + 3) / 4 * 4)
#define LARGER(a, b) ((a) > (b) ? (a) : (b))

// Rows in local memory: on GPUs 4 more, so that the same columns of LANES rows spread over the banks; a slab of B for dots is turned where
// neighbours become vectors.
#if RUNS
#define PITCH    (TK + 4)
#define B_ROW    PITCH
#define B_COLUMN 1
#else
#define PITCH    TK
#define B_ROW    1
#define B_COLUMN TN
#endif
#define FIRST_FLOATS     (TM * PITCH)
#define SECOND_FLOATS(p) LARGER(LARGER(TN * PITCH, TK * LANES * (p)), TM * LANES * 5 / 4)

// The work-item's c-th column of sums, of p: runs as long as vectors go on GPUs.
#if RUNS
#define SUM_COLUMN(c, p)                                                                                        \
    ((p) % 4 == 0 ? (c) / 4 * 4 * LANES + x * 4 + (c) % 4 : (p) % 2 == 0 ? (c) / 2 * 2 * LANES + x * 2 + (c) % 2 \
                                                                         : (c) * LANES + x)
#else
#define SUM_COLUMN(c, p) ((c) * LANES + x)
#endif

#define CLEAR(c, i, sums)      sums[i][c] = 0.0f;
#define CLEAR_ROW(i, sums, p)  COLUMNS(p, CLEAR, i, sums)

// ---- slabs ----------------------------------------------------------------------------------------------------------------------------

// Copies rows of a matrix, `columns` floats each, a multiple of 4; those that are not inside become zero, and with `fours` four floats are inside
// or not together. Element (r, c) goes to r row + c column.
INLINE void bring(__local float *to, const int row, const int column, const int rows, const int columns, const __global float *from,
                  const size_t pitch, const int rows_inside, const int columns_inside, const bool fours, const int x, const int y)
{
#if RUNS
    for (int t = y * LANES + x; t < rows * (columns / 4); t += GROUP) {
        const int r = t / (columns / 4), c = t % (columns / 4) * 4, inside = r < rows_inside ? columns_inside - c : 0;
        const __global float *p = from + r * pitch + c;
        if (fours)
            *(__local float4 *)(to + r * row + c) = inside > 0 ? vload4(0, p) : (float4)(0.0f);
        else
            *(__local float4 *)(to + r * row + c) = load_part(p, inside);
    }
#else
    for (int r = y; r < rows; r += ROWS)
        for (int c = 0; c < columns; c += LANES)
            if (columns % LANES == 0 || c + x < columns)
                to[r * row + (c + x) * column] = r < rows_inside && c + x < columns_inside ? from[r * pitch + (c + x)] : 0.0f;
#endif
}

// Four steps of each of the work-item's rows.
#define LOAD_FOUR(i, to, from, k)                                                            \
    {                                                                                        \
        const float4 v = *(const __local float4 *)((from) + (y * PM + i) * PITCH + (k));     \
        to[i][0] = v.x, to[i][1] = v.y, to[i][2] = v.z, to[i][3] = v.w;                      \
    }

// scores[i][j] += A[y PM + i] B[j LANES + x] over the steps of a slab.
#define ADD_DOT(j, i)                                                                        \
    scores[i][j] = FMA(av[i][0], v.x, scores[i][j]);                                         \
    scores[i][j] = FMA(av[i][1], v.y, scores[i][j]);                                         \
    scores[i][j] = FMA(av[i][2], v.z, scores[i][j]);                                         \
    scores[i][j] = FMA(av[i][3], v.w, scores[i][j]);
#define ADD_DOTS(j)                                                                          \
    {                                                                                        \
        const float4 v = *(const __local float4 *)(b + ((j) * LANES + x) * PITCH + k);       \
        ALL(j, ADD_DOT)                                                                      \
    }
INLINE void add_dots(float scores[PM][PN], const __local float *a, const __local float *b, const int steps, const int x, const int y)
{
#if RUNS
#pragma unroll 1
    for (int k = 0; k < steps; k += 4) {
        float av[PM][4];
        EACH_3(LOAD_FOUR, av, a, k)
        EACH(ADD_DOTS)
    }
#else
    multiply_slab(scores, a, PITCH, 1, b, TN, steps, x, y);
#endif
}

// scores = A B^T over the `width` of a head, of rows in global memory.
INLINE void make_scores(float scores[PM][PN], __local float *first, __local float *second, const int width, const __global float *a,
                        const size_t a_pitch, const int a_inside, const __global float *b, const size_t b_pitch, const int b_inside,
                        const int x, const int y)
{
    EACH_2(CLEAR_ROW, scores, 4)
    for (int k = 0; k < width; k += TK) {
        barrier(CLK_LOCAL_MEM_FENCE);
        bring(first, PITCH, 1, TM, TK, a + k, a_pitch, a_inside, width - k, width % 4 == 0, x, y);
        bring(second, B_ROW, B_COLUMN, TN, TK, b + k, b_pitch, b_inside, width - k, width % 4 == 0, x, y);
        barrier(CLK_LOCAL_MEM_FENCE);
        add_dots(scores, first, second, width % TK == 0 ? TK : min(TK, ROUND4(width - k)), x, y);
    }
}

// A function that adds to sums[i][c] the weights of a slab, [row][PITCH], times the rows of another, [step][LANES * P].
#define ADD(c, i, step)         sums[i][c] = FMA(av[i][step], bv[c], sums[i][c]);
#define ADD_ROW(i, p, step)     COLUMNS(p, ADD, i, step)
#if RUNS
#define LOAD_4(to, from, c, p)                                                             \
    {                                                                                      \
        const float4 v = *(const __local float4 *)((from) + SUM_COLUMN(c, p));             \
        to[c] = v.x, to[c + 1] = v.y, to[c + 2] = v.z, to[c + 3] = v.w;                    \
    }
#define LOAD_2(to, from, c, p)                                                             \
    {                                                                                      \
        const float2 v = *(const __local float2 *)((from) + SUM_COLUMN(c, p));             \
        to[c] = v.x, to[c + 1] = v.y;                                                      \
    }
#define ADD_STEP(step, p)                                                                  \
    {                                                                                      \
        const __local float *from = b + (k + (step)) * (LANES * (p));                      \
        float bv[8];                                                                       \
        if ((p) % 4 == 0) {                                                                \
            LOAD_4(bv, from, 0, p)                                                         \
            if ((p) > 4)                                                                   \
                LOAD_4(bv, from, 4, p)                                                     \
        } else if ((p) % 2 == 0) {                                                         \
            LOAD_2(bv, from, 0, p)                                                         \
            if ((p) > 2) {                                                                 \
                LOAD_2(bv, from, 2, p)                                                     \
                LOAD_2(bv, from, 4, p)                                                     \
            }                                                                              \
        } else                                                                             \
            bv[0] = from[x];                                                               \
        EACH_2(ADD_ROW, p, step)                                                           \
    }
#define DEFINE_ADD_ROWS(name, p)                                                                                     \
    INLINE void name(float sums[PM][p], const __local float *a, const __local float *b, const int x, const int y)    \
    {                                                                                                                \
        _Pragma("unroll 1") for (int k = 0; k < TK; k += 4) {                                                        \
            float av[PM][4];                                                                                         \
            EACH_3(LOAD_FOUR, av, a, k)                                                                              \
            ADD_STEP(0, p)                                                                                           \
            ADD_STEP(1, p)                                                                                           \
            ADD_STEP(2, p)                                                                                           \
            ADD_STEP(3, p)                                                                                           \
        }                                                                                                            \
    }
#else
#define LOAD_WEIGHT(i, to, from)    to[i][0] = (from)[(y * PM + (i)) * PITCH + k];
#define LOAD_SUMMAND(c, to, from)   to[c] = (from)[(c) * LANES + x];
#define DEFINE_ADD_ROWS(name, p)                                                                                     \
    INLINE void name(float sums[PM][p], const __local float *a, const __local float *b, const int x, const int y)    \
    {                                                                                                                \
        for (int k = 0; k < TK; k++) {                                                                               \
            float av[PM][1], bv[p];                                                                                  \
            EACH_2(LOAD_WEIGHT, av, a)                                                                               \
            COLUMNS(p, LOAD_SUMMAND, bv, b + k * (LANES * (p)))                                                      \
            EACH_2(ADD_ROW, p, 0)                                                                                    \
        }                                                                                                            \
    }
#endif
DEFINE_ADD_ROWS(add_value_rows, PV)
DEFINE_ADD_ROWS(add_head_rows, PH)

// sums += weights B, of the `inside` rows of B in global memory, `width` floats each (`fours` as in bring): the weights go to `first` a slab
// at a time.
#ifndef KEPT_WEIGHT
#define KEPT_WEIGHT(value, i, j) (value)    // what is put of a weight
#endif
#define PUT(i, to, weights, j)                                                                                       \
    first[(y * PM + (i)) * PITCH + (to) * LANES + x] = KEPT_WEIGHT(weights[i][j], i, j);
#define PUT_ROW(i, weights, slab)                                                                                    \
    PUT(i, 0, weights, (slab) * (TK / LANES))                                                                        \
    if (TK > LANES)                                                                                                  \
        PUT(i, 1, weights, ((slab) * (TK / LANES) + 1) % PN)                                                         \
    if (TK > 2 * LANES) {                                                                                            \
        PUT(i, 2, weights, 2)                                                                                        \
        PUT(i, 3, weights, 3)                                                                                        \
    }
#define ADD_SLAB(slab, add, sums, p, from, pitch, inside, width, fours)                                              \
    {                                                                                                                \
        bring(second, LANES * (p), 1, TK, LANES * (p), (from) + (slab) * TK * (size_t)(pitch), pitch,                \
              (int)(inside) - (slab) * TK, width, fours, x, y);                                                      \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                \
        add(sums, first, second, x, y);                                                                              \
    }
#define MULTIPLY_SLAB(slab, add, sums, p, weights, from, pitch, inside, width, fours)                                \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                                    \
    EACH_2(PUT_ROW, weights, slab)                                                                                   \
    ADD_SLAB(slab, add, sums, p, from, pitch, inside, width, fours)
#if TN == TK
#define MULTIPLY_ROWS(add, sums, p, weights, from, pitch, inside, width, fours)                                      \
    MULTIPLY_SLAB(0, add, sums, p, weights, from, pitch, inside, width, fours)
#else
#define MULTIPLY_ROWS(add, sums, p, weights, from, pitch, inside, width, fours)                                      \
    MULTIPLY_SLAB(0, add, sums, p, weights, from, pitch, inside, width, fours)                                       \
    MULTIPLY_SLAB(1, add, sums, p, weights, from, pitch, inside, width, fours)
#endif

// Writes factor sums of a work-item's row, of columns that are inside; `fours` as in bring.
#define TAKE(c, to, from)       to[c] = from[c];
#define STORE_4(to, p, c, inside)                                                                                    \
    if (SUM_COLUMN(c, p) < (inside))                                                                                 \
        vstore4((float4)(row[c], row[c + 1], row[c + 2], row[c + 3]) * factor, 0, (to) + SUM_COLUMN(c, p));
#define STORE_2(to, p, c, inside)                                                                                    \
    if (SUM_COLUMN(c, p) < (inside))                                                                                 \
        vstore2((float2)(row[c], row[c + 1]) * factor, 0, (to) + SUM_COLUMN(c, p));
#define STORE_1(c, to, inside)                                                                                       \
    if (SUM_COLUMN(c, SUMS) < (inside))                                                                              \
        (to)[SUM_COLUMN(c, SUMS)] = row[c] * factor;
#define DEFINE_STORE_ROW(name, p)                                                                                    \
    INLINE void name(__global float *to, const float sums[p], const int inside, const bool fours, const float factor, const int x) \
    {                                                                                                                \
        enum { SUMS = p };                                                                                           \
        float row[8];                                                                                                \
        COLUMNS(p, TAKE, row, sums)                                                                                  \
        if (RUNS && fours && (p) % 4 == 0) {                                                                         \
            STORE_4(to, p, 0, inside)                                                                                \
            if ((p) > 4)                                                                                             \
                STORE_4(to, p, 4, inside)                                                                            \
        } else if (RUNS && fours && (p) % 2 == 0) {                                                                  \
            STORE_2(to, p, 0, inside)                                                                                \
            if ((p) > 2) {                                                                                           \
                STORE_2(to, p, 2, inside)                                                                            \
                STORE_2(to, p, 4, inside)                                                                            \
            }                                                                                                        \
        } else {                                                                                                     \
            COLUMNS(p, STORE_1, to, inside)                                                                          \
        }                                                                                                            \
    }
DEFINE_STORE_ROW(store_value_row, PV)
DEFINE_STORE_ROW(store_head_row, PH)

#endif
