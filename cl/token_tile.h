// Tiles of tokens in local memory: TOKENS tokens of one head, their channels or their features side by side, whole vectors wide. A tile times
// a matrix in global memory is a tile again; rows of a tile are shared out to teams of work-items.
// A group does tokens [chunk x, chunk (x + 1)) of head y of sample z, a tile at a time, in the simt form a single one; tokens of a value with
// `heads` heads lie `pitch` apart.
#ifndef CLMIX_TOKEN_TILE_H
#define CLMIX_TOKEN_TILE_H

#include "math.h"
#include "reduce.h"

#ifndef TOKENS
#define TOKENS 16    // 1, 2, 4, 8, 16: tokens in a tile
#endif
#define PADDED(n) (((n) + 15) / 16 * 16)             // the pitch of n columns in tables and tiles
#define WHOLE(n)  (((n) + VW - 1) / VW * VW)         // whole vectors: what of a tile's row is defined
#define TEAM      (WG > TOKENS ? WG / TOKENS : 1)    // work-items for a row of a tile; groups are at least TOKENS work-items, or one
// What follows is done for each row r, in the simt form by its team; and for each tile, n tokens from `first` on. In the simt form there is no
// loop around a barrier: PoCL 3.1 gets such loops wrong.
#if WG > 1
#define EACH_ROW(r)                 const uint r = get_local_id(0) / TEAM;
#define EACH_TILE(first, n, chunk, tokens) const uint first = get_group_id(0) * TOKENS, n = min((uint)TOKENS, tokens - first);
#else
#define EACH_ROW(r) for (uint r = 0; r < TOKENS; r++)
#define EACH_TILE(first, n, chunk, tokens)                                                                                               \
    for (uint first = get_group_id(0) * chunk, n, end_ = first + min(chunk, tokens - first);                                              \
         first < end_ && (n = min((uint)TOKENS, end_ - first), true); first += TOKENS)
#endif
// A number a row that is kept from one pass over the tile to the next. In the simt form it is a variable, since passes have barriers between
// them: see tile_times for what PoCL 3.1 makes of arrays then.
#if WG > 1
#define KEPT(name)       float name;
#define KEPT_OF(name, r) name
#else
#define KEPT(name)       float name[TOKENS];
#define KEPT_OF(name, r) name[r]
#endif
#define EACH_VECTOR(c, columns) for (uint c = get_local_id(0) % TEAM * VW; c < WHOLE(columns); c += TEAM * VW)
// Asks for what lies at `at` a tile further on: between two tiles there is so much work that no hardware prefetcher has seen it coming.
#define NEXT_TILE(at, pitch) PREFETCH((at) + (size_t)TOKENS * (pitch), 0)
#define INLINE static inline __attribute__((always_inline))
#if WG > 1
#define TILE_BARRIER barrier(CLK_LOCAL_MEM_FENCE);
#else
#define TILE_BARRIER
#endif

// ---- rows of a tile and their teams -------------------------------------------------------------------------------------------------------

#if WG > 1
#define TEAM_SCRATCH __local float team_scratch[WG];
INLINE float team_sum(const float value, __local float *scratch)
{
    scratch[get_local_id(0)] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint first = get_local_id(0) / TEAM * TEAM;
    float sum = 0.0f;
    for (uint i = 0; i < TEAM; i++)
        sum += scratch[first + i];
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
}
INLINE float team_max(const float value, __local float *scratch)
{
    scratch[get_local_id(0)] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint first = get_local_id(0) / TEAM * TEAM;
    float most = scratch[first];
    for (uint i = 1; i < TEAM; i++)
        most = fmax(most, scratch[first + i]);
    barrier(CLK_LOCAL_MEM_FENCE);
    return most;
}
#define TEAM_SUM(value) team_sum(value, team_scratch)
#define TEAM_MAX(value) team_max(value, team_scratch)
#else
#define TEAM_SCRATCH __local float team_scratch[1];
#define TEAM_SUM(value) (value)
#define TEAM_MAX(value) (value)
#endif

// ---- in and out ------------------------------------------------------------------------------------------------------------------------

// The first `count` rows at x, `columns` wide; zeros in the other rows and behind the last column.
INLINE void tile_load(const __global float *x, const uint pitch, const uint count, const uint columns, __local float *tile,
                      const uint tile_pitch)
{
    EACH_ROW(r)
        EACH_VECTOR(c, columns) {
            NEXT_TILE(x + (size_t)r * pitch + c, pitch);
            STOREV_LOCAL(r < count ? load_lanes(x + (size_t)r * pitch + c, columns - c) : (floatv)(0.0f), tile + r * tile_pitch + c);
        }
}

// Asks for `count` rows at x, where there is work to do before they are read.
INLINE void tile_prefetch(const __global float *x, const uint pitch, const uint count, const uint columns)
{
    EACH_ROW(r)
        if (r < count)
            EACH_VECTOR(c, columns) {
                PREFETCH(x + (size_t)r * pitch + c, 0);
            }
}

INLINE void tile_store(const __local float *tile, const uint tile_pitch, const uint count, const uint columns, __global float *x,
                       const uint pitch)
{
    EACH_ROW(r)
        if (r < count)
            EACH_VECTOR(c, columns)
                store_lanes(LOADV_LOCAL(tile + r * tile_pitch + c), x + (size_t)r * pitch + c, columns - c);
}

// ---- a tile times a matrix ---------------------------------------------------------------------------------------------------------------
// out = a b, (TOKENS x depth)(depth x columns), whole vectors of columns; b's rows are defined so far. An element is one chain of FMA over
// the depth, in order, whichever form and wherever it is computed again.
#if CLMIX_WIDE
#define MOST_ROWS    (VW == 16 && TOKENS >= 8 ? 8 : TOKENS >= 4 ? 4 : 1)
#define MOST_VECTORS (VW == 8 ? 2 : 4)

// `rows` and `vectors` are known when compiled, and loops count to a macro: see gemm_wide.cl.
INLINE void tile_panel(const uint rows, const uint vectors, const __local float *a, const uint a_pitch, const __global float *b,
                       const uint b_pitch, const uint depth, __local float *out, const uint out_pitch)
{
    for (uint top = 0; top < TOKENS; top += rows) {
        floatv sum[MOST_ROWS][MOST_VECTORS];
#pragma unroll
        for (uint i = 0; i < MOST_ROWS; i++)
#pragma unroll
            for (uint j = 0; j < MOST_VECTORS; j++)
                sum[i][j] = (floatv)(0.0f);
        for (uint k = 0; k < depth; k++) {
            floatv step[MOST_VECTORS];
#pragma unroll
            for (uint j = 0; j < MOST_VECTORS; j++)
                if (j < vectors)
                    step[j] = LOADV(b + k * b_pitch + j * VW);
#pragma unroll
            for (uint i = 0; i < MOST_ROWS; i++)
                if (i < rows) {
                    const floatv v = (floatv)(a[(top + i) * a_pitch + k]);
#pragma unroll
                    for (uint j = 0; j < MOST_VECTORS; j++)
                        if (j < vectors)
                            sum[i][j] = FMA(v, step[j], sum[i][j]);
                }
        }
#pragma unroll
        for (uint i = 0; i < MOST_ROWS; i++)
#pragma unroll
            for (uint j = 0; j < MOST_VECTORS; j++)
                if (i < rows && j < vectors)
                    STOREV_LOCAL(sum[i][j], out + (top + i) * out_pitch + j * VW);
    }
}

INLINE void tile_times(const __local float *a, const uint a_pitch, const __global float *b, const uint b_pitch, const uint depth,
                       const uint columns, __local float *out, const uint out_pitch)
{
    const uint few = MOST_ROWS > 4 ? 4 : MOST_ROWS, whole = WHOLE(columns);
    uint c = 0;
#if MOST_VECTORS == 4
    for (; c + 4 * VW <= whole; c += 4 * VW)
        tile_panel(few, 4, a, a_pitch, b + c, b_pitch, depth, out + c, out_pitch);
    if (c + 3 * VW == whole) {
        tile_panel(few, 3, a, a_pitch, b + c, b_pitch, depth, out + c, out_pitch);
        return;
    }
#endif
    for (; c + 2 * VW <= whole; c += 2 * VW)
        tile_panel(MOST_ROWS, 2, a, a_pitch, b + c, b_pitch, depth, out + c, out_pitch);
    if (c < whole)
        tile_panel(MOST_ROWS, 1, a, a_pitch, b + c, b_pitch, depth, out + c, out_pitch);
}
#else
// A work-item takes four rows of a column at a time, in variables of their own: PoCL 3.1 makes vectors of work-items, and of an array that
// lives between two barriers one for all of them.
#define ITEM_ROWS (TOKENS >= 4 ? 4 : 1)

// sum + a[0] b0 + a[1] b1 + a[2] b2 + a[3] b3, in order.
INLINE float four_steps(const __local float *a, const float b0, const float b1, const float b2, const float b3, const float sum)
{
    const float4 v = vload4(0, a);
    return FMA(v.w, b3, FMA(v.z, b2, FMA(v.y, b1, FMA(v.x, b0, sum))));
}

INLINE void tile_times(const __local float *a, const uint a_pitch, const __global float *b, const uint b_pitch, const uint depth,
                       const uint columns, __local float *out, const uint out_pitch)
{
    const uint lanes = column_lanes(WHOLE(columns) * VW), item = get_local_id(0), whole = WHOLE(columns), steps = depth / 4 * 4;
    for (uint c = item % lanes; c < whole; c += lanes)
        for (uint r = item / lanes * ITEM_ROWS; r < TOKENS; r += WG / lanes * ITEM_ROWS) {
            const __local float *row = a + r * a_pitch;
            const __global float *at = b + c;
            float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
            for (uint k = 0; k < steps; k += 4) {
                const float b0 = at[0], b1 = at[b_pitch], b2 = at[2 * b_pitch], b3 = at[3 * b_pitch];
                s0 = four_steps(row + k, b0, b1, b2, b3, s0);
                if (ITEM_ROWS == 4) {
                    s1 = four_steps(row + a_pitch + k, b0, b1, b2, b3, s1);
                    s2 = four_steps(row + 2 * a_pitch + k, b0, b1, b2, b3, s2);
                    s3 = four_steps(row + 3 * a_pitch + k, b0, b1, b2, b3, s3);
                }
                at += 4 * b_pitch;
            }
            for (uint k = steps; k < depth; k++) {
                s0 = FMA(row[k], at[0], s0);
                if (ITEM_ROWS == 4) {
                    s1 = FMA(row[a_pitch + k], at[0], s1);
                    s2 = FMA(row[2 * a_pitch + k], at[0], s2);
                    s3 = FMA(row[3 * a_pitch + k], at[0], s3);
                }
                at += b_pitch;
            }
            out[r * out_pitch + c] = s0;
            if (ITEM_ROWS == 4) {
                out[(r + 1) * out_pitch + c] = s1;
                out[(r + 2) * out_pitch + c] = s2;
                out[(r + 3) * out_pitch + c] = s3;
            }
        }
}
#endif

// ---- the transpose of a tile times a tile --------------------------------------------------------------------------------------------------
// s = a^T b, or with `more` s + a^T b, over the tokens in order: `rows` columns of a, whole vectors of them, by `columns` of b.
#if WG == 1
#define OUTER_ROWS (VW == 16 ? 8 : VW >= 4 ? 4 : 1)    // of a register tile

INLINE void outer_panel(const uint vectors, const __local float *a, const uint a_pitch, const uint rows, const __local float *b,
                        const uint b_pitch, const bool more, __global float *s, const uint s_pitch)
{
    for (uint f = 0; f < WHOLE(rows); f += OUTER_ROWS) {
        floatv sum[OUTER_ROWS][2];
#pragma unroll
        for (uint i = 0; i < OUTER_ROWS; i++)
#pragma unroll
            for (uint j = 0; j < 2; j++)
                if (j < vectors)
                    sum[i][j] = more ? LOADV(s + (f + i) * s_pitch + j * VW) : (floatv)(0.0f);
        for (uint t = 0; t < TOKENS; t++) {
            floatv step[2];
#pragma unroll
            for (uint j = 0; j < 2; j++)
                if (j < vectors)
                    step[j] = LOADV_LOCAL(b + t * b_pitch + j * VW);
#pragma unroll
            for (uint i = 0; i < OUTER_ROWS; i++) {
                const floatv p = (floatv)(a[t * a_pitch + f + i]);
#pragma unroll
                for (uint j = 0; j < 2; j++)
                    if (j < vectors)
                        sum[i][j] = FMA(p, step[j], sum[i][j]);
            }
        }
#pragma unroll
        for (uint i = 0; i < OUTER_ROWS; i++)
#pragma unroll
            for (uint j = 0; j < 2; j++)
                if (j < vectors)
                    STOREV(sum[i][j], s + (f + i) * s_pitch + j * VW);
    }
}

INLINE void tile_outer(const __local float *a, const uint a_pitch, const uint rows, const __local float *b, const uint b_pitch,
                       const uint columns, const bool more, __global float *s, const uint s_pitch)
{
    for (uint c = 0; c < WHOLE(columns); c += 2 * VW)
        if (c + VW < WHOLE(columns))
            outer_panel(2, a, a_pitch, rows, b + c, b_pitch, more, s + c, s_pitch);
        else
            outer_panel(1, a, a_pitch, rows, b + c, b_pitch, more, s + c, s_pitch);
}
#endif

#endif
