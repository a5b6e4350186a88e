// C = epilogue(A B) on GPUs: a work-group computes a TM x TN tile of C while slabs of TK steps of k pass through local memory. On GPUs a slab
// that lies inside the matrices is loaded into registers while the one before it is multiplied. Outside the matrices zeros are loaded and
// nothing is stored; all work-items reach every barrier.
#include "gemm_epilogue.h"
#include "gemm_prologue.h"

#ifndef TK
#define TK (!RUNS ? 32 : (TM + TN) * 4 > GROUP * 3 ? 8 : 16)    // steps of k in a slab: 4, 8, 16, 32; at most 12 floats a work-item, on GPUs
#endif
#include "tile_simt.h"

#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0   // 0: A is stored M x K, 1: K x M
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0   // 0: B is stored K x N, 1: N x K
#endif

// From a slab to the next one in what A is normalised with.
#define PROLOGUE_NEXT (stats += TRANSPOSE_A ? 2 * TK : 0, norm_weight += TRANSPOSE_A ? 0 : TK, norm_bias += TRANSPOSE_A ? 0 : TK)

#if RUNS
#define A_ROW    1
#define A_STEP   (TM + (TRANSPOSE_A ? 0 : 4))    // 4 more, so that transposing stores spread over the banks
#define B_STEP   (TN + (TRANSPOSE_B ? 4 : 0))
#define A_FLOATS (TK * A_STEP)
// Vectors of A's slab, and of B's, that a work-item takes at most. A constant in every function: compilers unroll some loops before they put
// functions into each other.
#define SHARE (((TM > TN ? TM : TN) * TK / 4 + GROUP - 1) / GROUP)

// Where vector t of a slab lies: along k in memory ([size][k], `along`), or not ([k][size]).
#define SIZE_AT(t, size, along) ((along) ? (t) / (TK / 4) : (t) % ((size) / 4) * 4)
#define K_AT(t, size, along)    ((along) ? (t) % (TK / 4) * 4 : (t) / ((size) / 4))

// Takes a work-item's share of a slab that lies inside.
INLINE void take(float4 *share, const int size, const bool along, const __global float *from, const uint pitch, const int item)
{
    const int t = min(item, size * TK / 4 - 1), s = SIZE_AT(t, size, along), k = K_AT(t, size, along);
    const size_t next = (size_t)(along ? SIZE_AT(GROUP, size, along) : K_AT(GROUP, size, along)) * pitch;
    from += along ? (size_t)s * pitch + k : (size_t)k * pitch + s;
#pragma unroll
    for (int i = 0; i < SHARE; i++)
        if (i * GROUP < size * TK / 4)
            share[i] = vload4(0, from + i * next);
}

// Puts vector t into local memory, which is [k][step].
INLINE void put(__local float *to, const float4 v, const int t, const int size, const int step, const bool along)
{
    to += K_AT(t, size, along) * step + SIZE_AT(t, size, along);
    if (along) {
        to[0] = v.x;
        to[step] = v.y;
        to[2 * step] = v.z;
        to[3 * step] = v.w;
    } else
        *(__local float4 *)to = v;
}

// Puts what was taken.
INLINE void put_share(__local float *to, const float4 *share, const int size, const int step, const bool along, const int item)
{
    const int next = along ? SIZE_AT(GROUP, size, along) : K_AT(GROUP, size, along) * step;
#pragma unroll
    for (int i = 0; i < SHARE; i++)
        if (i * GROUP < size * TK / 4 && (size * TK / 4 % GROUP == 0 || item + i * GROUP < size * TK / 4))
            put(to + i * next, share[i], item, size, step, along);
}

// Brings a slab of which a part lies inside.
INLINE void bring(__local float *to, const int size, const int step, const bool along, const __global float *from, const uint pitch,
                  const int sizes_inside, const int steps_inside, const int item)
{
    for (int t = item; t < size * TK / 4; t += GROUP) {
        const int s = SIZE_AT(t, size, along), k = K_AT(t, size, along);
        const __global float *p = from + (along ? (size_t)s * pitch + k : (size_t)k * pitch + s);
        put(to, load_part(p, s < sizes_inside && k < steps_inside ? (along ? steps_inside - k : sizes_inside - s) : 0), t, size, step, along);
    }
}

#if PROLOGUE
// Normalises a work-item's share of A, whose slab lies inside: its vectors belong to the same channels of tokens some way apart. `stats`,
// `weight` and `bias` are at the slab's first place in x.
INLINE void layer_norm_share(float4 *share, const __global float *stats, const __global float *weight, const __global float *bias,
                            const int item)
{
    const int t = min(item, TM * TK / 4 - 1), s = SIZE_AT(t, TM, !TRANSPOSE_A), k = K_AT(t, TM, !TRANSPOSE_A);
    const int token = TRANSPOSE_A ? k : s, next = TRANSPOSE_A ? K_AT(GROUP, TM, false) : SIZE_AT(GROUP, TM, true);
    const float4 w = vload4(0, weight + (TRANSPOSE_A ? s : k)), b = vload4(0, bias + (TRANSPOSE_A ? s : k));
#pragma unroll
    for (int i = 0; i < SHARE; i++)
        if (i * GROUP < TM * TK / 4) {
            const float2 row = vload2(min(token + i * next, (TRANSPOSE_A ? TK : TM) - 1), stats);
            share[i] = (share[i] - row.x) * row.y * w + b;
        }
}

// Brings a slab of A of which a part lies inside, normalised; outside there are zeros.
INLINE void bring_layer_norm(__local float *to, const __global float *a, const uint pitch, const __global float *stats,
                             const __global float *weight, const __global float *bias, const int rows_inside, const int steps_inside,
                             const int item)
{
    for (int t = item; t < TM * TK / 4; t += GROUP) {
        const int s = SIZE_AT(t, TM, !TRANSPOSE_A), k = K_AT(t, TM, !TRANSPOSE_A);
        const int token = TRANSPOSE_A ? k : s, channel = TRANSPOSE_A ? s : k;
        const int tokens = TRANSPOSE_A ? steps_inside : rows_inside, channels = TRANSPOSE_A ? rows_inside : steps_inside;
        const int left = token < tokens ? channels - channel : 0;
        const float2 row = vload2(min(token, tokens - 1), stats);
        const float4 v = load_part(a + (size_t)token * pitch + channel, left);
        put(to, (v - row.x) * row.y * load_part(weight + channel, left) + load_part(bias + channel, left), t, TM, A_STEP, !TRANSPOSE_A);
    }
}
#endif
#else
#define A_ROW    (TRANSPOSE_A ? 1 : TK)
#define A_STEP   (TRANSPOSE_A ? TM : 1)
#define B_STEP   TN
#define A_FLOATS (TM * TK)

// Copies `lines` lines of `count` floats; what is not inside becomes zero. Element (l, e) goes to l line + e step. (In `e + x` compilers see
// that neighbours are adjacent, with x folded into e they do not.)
INLINE void copy(__local float *to, const int line, const int step, const int lines, const int count, const __global float *from,
                 const uint pitch, const int lines_inside, const int count_inside, const int x, const int y)
{
    for (int l = y; l < lines; l += ROWS)
        for (int e = 0; e < count; e += LANES)
            if (count % LANES == 0 || e + x < count)
                to[l * line + (e + x) * step] = l < lines_inside && e + x < count_inside ? from[(size_t)l * pitch + (e + x)] : 0.0f;
}
#endif

#if PROLOGUE && !RUNS
// Copies A, whose lines are rows of x, normalised.
INLINE void copy_layer_norm(__local float *to, const int line, const int lines, const int count, const __global float *from, const uint pitch,
                            const __global float *stats, const __global float *weight, const __global float *bias, const int lines_inside,
                            const int count_inside, const int x, const int y)
{
    for (int l = y; l < lines; l += ROWS) {
        const float2 s = vload2(min(l, lines_inside - 1), stats);
        for (int e = 0; e < count; e += LANES)
            if (count % LANES == 0 || e + x < count)
                to[l * line + (e + x)] = l < lines_inside && e + x < count_inside
                                             ? (from[(size_t)l * pitch + (e + x)] - s.x) * s.y * weight[e + x] + bias[e + x]
                                             : 0.0f;
    }
}
#endif

// Stores the tile's sums that lie inside C, through the epilogue.
INLINE void store_tile(float sum[PM][PN], __global float *c, const uint c_pitch, const __global float *residual, const uint r_pitch,
                       const __global float *bias, const float scale, const int rows_inside, const int columns_inside, const int x,
                       const int y)
{
#pragma unroll
    for (int i = 0; i < PM; i++) {
        const int row = y * PM + i;
        __global float *to = c + (size_t)row * c_pitch;
        const __global float *r = residual + (size_t)row * r_pitch;
#if RUNS
#pragma unroll
        for (int j = 0; j < PN; j += 4) {
            const int column = j * LANES + x * 4;
            if (row < rows_inside && column + 4 <= columns_inside)
                STOREV(clmix_finish((float4)(sum[i][j], sum[i][j + 1], sum[i][j + 2], sum[i][j + 3]), bias + column, r + column, scale),
                       to + column);
            else
#pragma unroll
                for (int n = 0; n < 4; n++)
                    if (row < rows_inside && column + n < columns_inside)
                        to[column + n] = clmix_finish_1(sum[i][j + n], bias + column + n, r + column + n, scale);
        }
#else
#pragma unroll
        for (int j = 0; j < PN; j++) {
            const int column = j * LANES + x;
            if (row < rows_inside && column < columns_inside)
                to[column] = clmix_finish_1(sum[i][j], bias + column, r + column, scale);
        }
#endif
    }
}

// Index space (tiles of rows, tiles of columns, batch * splits), LANES x ROWS work-items a group. z = batch * splits + split; batch = outer *
// inner_batch + inner, and each matrix has a stride for outer and one for inner. With splits > 1 a group takes `chunk` steps of k and
// writes its own plain product at c + split * c_split; otherwise chunk >= depth. Reads A once a tile of columns and B once a tile of rows,
// writes C once.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) SUB_GROUPS
void gemm_simt(const uint rows, const uint columns, const uint depth, const uint inner_batch, const uint splits, const uint chunk,
               const __global float *restrict a, const uint a_offset, const uint a_skip, const uint a_pitch,
               const uint a_outer, const uint a_inner,
               const __global float *restrict b, const uint b_offset, const uint b_skip, const uint b_pitch,
               const uint b_outer, const uint b_inner,
               __global float *c, const uint c_offset, const uint c_skip, const uint c_pitch,
               const uint c_outer, const uint c_inner, const uint c_split,
               const __global float *residual, const uint r_offset, const uint r_skip, const uint r_pitch,
               const uint r_outer, const uint r_inner,
               const __global float *bias, const uint bias_offset, const float scale SEGMENT_ARGUMENT PROLOGUE_ARGUMENTS)
{
    __local float a_tile[A_FLOATS] __attribute__((aligned(16)));
    __local float b_tile[TK * B_STEP] __attribute__((aligned(16)));
    const int x = get_local_id(0), y = get_local_id(1);
    const uint z = get_group_id(2), split = z % splits, outer = z / splits / inner_batch, inner = z / splits % inner_batch;
    const uint row0 = get_group_id(0) * TM, column0 = get_group_id(1) * TN, begin = split * chunk, end = min(depth, begin + chunk);
    const int rows_inside = min(rows - row0, (uint)TM), columns_inside = min(columns - column0, (uint)TN);
    const size_t a_next = TRANSPOSE_A ? a_pitch : 1u, b_next = TRANSPOSE_B ? 1u : b_pitch;    // elements to the next step of k
    a += (size_t)a_offset + a_skip + (size_t)outer * a_outer + (size_t)inner * a_inner + (size_t)row0 * (TRANSPOSE_A ? 1u : a_pitch);
    b += (size_t)b_offset + b_skip + (size_t)outer * b_outer + (size_t)inner * b_inner + (size_t)column0 * (TRANSPOSE_B ? b_pitch : 1u);
#if SEGMENTS
    const __global float *a_first = a, *b_first = b;
#else
    a += begin * a_next;
    b += begin * b_next;
#endif

#if PROLOGUE
    stats += (size_t)stats_offset + 2 * (size_t)(TRANSPOSE_A ? begin : row0);
    norm_weight += norm_weight_offset + (TRANSPOSE_A ? row0 : begin);
    norm_bias += norm_bias_offset + (TRANSPOSE_A ? row0 : begin);
#endif

    float sum[PM][PN];
    clear_tile(sum);
#if SEGMENTS
    for (uint at = begin, part; at < end; at += part) {    // a segment, or what of it is in these steps
        part = min(end - at, segment - at % segment);
        a = a_first + FROM(at, a_next, a_outer);
        b = b_first + FROM(at, b_next, b_outer);
#else
    {
        const uint part = end - begin;
#endif
#if RUNS
        const int item = y * LANES + x;
        int left = part;
        if (rows_inside >= TM && columns_inside >= TN && left >= TK) {    // the same for all of the group
            float4 a_share[SHARE], b_share[SHARE];
            take(a_share, TM, !TRANSPOSE_A, a, a_pitch, item);
            take(b_share, TN, TRANSPOSE_B, b, b_pitch, item);
            for (; left >= TK; left -= TK) {
                barrier(CLK_LOCAL_MEM_FENCE);
#if PROLOGUE
                layer_norm_share(a_share, stats, norm_weight, norm_bias, item);
                PROLOGUE_NEXT;
#endif
                put_share(a_tile, a_share, TM, A_STEP, !TRANSPOSE_A, item);
                put_share(b_tile, b_share, TN, B_STEP, TRANSPOSE_B, item);
                barrier(CLK_LOCAL_MEM_FENCE);
                a += TK * a_next;
                b += TK * b_next;
                if (left >= 2 * TK) {
                    take(a_share, TM, !TRANSPOSE_A, a, a_pitch, item);
                    take(b_share, TN, TRANSPOSE_B, b, b_pitch, item);
                }
                multiply_slab(sum, a_tile, A_ROW, A_STEP, b_tile, B_STEP, TK, x, y);
            }
        }
        for (; left > 0; left -= TK) {
            barrier(CLK_LOCAL_MEM_FENCE);
#if PROLOGUE
            bring_layer_norm(a_tile, a, a_pitch, stats, norm_weight, norm_bias, rows_inside, left, item);
            PROLOGUE_NEXT;
#else
            bring(a_tile, TM, A_STEP, !TRANSPOSE_A, a, a_pitch, rows_inside, left, item);
#endif
            bring(b_tile, TN, B_STEP, TRANSPOSE_B, b, b_pitch, columns_inside, left, item);
            barrier(CLK_LOCAL_MEM_FENCE);
            multiply_slab(sum, a_tile, A_ROW, A_STEP, b_tile, B_STEP, TK, x, y);
            a += TK * a_next;
            b += TK * b_next;
        }
#else
        for (int left = part; left > 0; left -= TK) {
            const int steps = min(left, TK);
#if PROLOGUE
            copy_layer_norm(a_tile, TRANSPOSE_A ? TM : TK, TRANSPOSE_A ? steps : TM, TRANSPOSE_A ? TM : TK, a, a_pitch, stats, norm_weight,
                            norm_bias, TRANSPOSE_A ? steps : rows_inside, TRANSPOSE_A ? rows_inside : steps, x, y);
            PROLOGUE_NEXT;
#else
            if (TRANSPOSE_A)
                copy(a_tile, TM, 1, steps, TM, a, a_pitch, steps, rows_inside, x, y);
            else
                copy(a_tile, TK, 1, TM, TK, a, a_pitch, rows_inside, steps, x, y);
#endif
            if (TRANSPOSE_B)
                copy(b_tile, 1, TN, TN, TK, b, b_pitch, columns_inside, steps, x, y);
            else
                copy(b_tile, TN, 1, steps, TN, b, b_pitch, steps, columns_inside, x, y);
            a += TK * a_next;
            b += TK * b_next;
            barrier(CLK_LOCAL_MEM_FENCE);
            multiply_slab(sum, a_tile, A_ROW, A_STEP, b_tile, B_STEP, steps, x, y);
            barrier(CLK_LOCAL_MEM_FENCE);
        }
#endif
    }

    c += (size_t)c_offset + c_skip + (size_t)outer * c_outer + (size_t)inner * c_inner + (size_t)split * c_split;
    residual += (size_t)r_offset + r_skip + (size_t)outer * r_outer + (size_t)inner * r_inner;
    store_tile(sum, c + (size_t)row0 * c_pitch + column0, c_pitch, residual + (size_t)row0 * r_pitch + column0, r_pitch,
               bias + bias_offset + column0, scale, rows_inside, columns_inside, x, y);
}
