// C = epilogue(A B) on GPUs: a work-group computes a TM x TN tile of C, each work-item PM x PN of it in registers, while slabs of TK steps
// of k pass through local memory. Outside the matrices zeros are loaded and nothing is stored; all work-items reach every barrier. Each
// element of C is one chain of fma over k in order, so its bits do not depend on the tile.
#include "gemm_epilogue.h"

#ifndef TM
#define TM 64           // rows of the tile: 16 .. 256, a multiple of 4 and of PM
#endif
#ifndef TN
#define TN 64           // columns of the tile: 16 .. 128, a multiple of 4 and of PN
#endif
#ifndef TK
#define TK 16           // steps of k in a slab: 4, 8, 16, 32
#endif
#ifndef PM
#define PM 4            // rows of a work-item: 4, 8, 12, 16
#endif
#ifndef PN
#define PN 4            // columns of a work-item: 4, 8; also 1 and 2 without RUNS
#endif
#ifndef RUNS
#define RUNS 1          // 1: a work-item's columns are runs of 4 (float4 local loads: GPUs);
                        // 0: TN / PN apart, so that neighbours are adjacent: for CPU compilers, which vectorise over work-items;
                        //    with PN 1 and PM = TM they see that B's loads are contiguous and A's uniform, and else they gather
#endif
#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0   // 0: A is stored M x K, 1: K x M
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0   // 0: B is stored K x N, 1: N x K
#endif
#define LANES (TN / PN)                     // work-items along a row of the tile
#define GROUP ((TM / PM) * LANES)           // work-items of the group
#define A_PITCH (TM + 4)                    // 4 more, so that transposing stores spread over the banks
#define B_PITCH (TN + (TRANSPOSE_B ? 4 : 0))

#define INLINE static inline __attribute__((always_inline))

// Four floats of which the first `inside` exist, the others zero.
INLINE float4 load_part(const __global float *p, const uint inside)
{
    if (inside >= 4)
        return vload4(0, p);
    float4 v = (float4)(0.0f);
    if (inside > 0)
        v.x = p[0];
    if (inside > 1)
        v.y = p[1];
    if (inside > 2)
        v.z = p[2];
    return v;
}

// Brings TK steps of a matrix whose k runs along the rows (stored [k][size]) or along the columns ([size][k]) to local memory as
// [k][pitch].
INLINE void fetch(__local float *to, const uint size, const uint pitch, const bool transposed, const __global float *from,
                  const uint from_pitch, const uint sizes_inside, const uint steps_inside, const uint item)
{
    for (uint t = item; t < size * TK / 4; t += GROUP) {
        if (transposed) {
            const uint s = t / (TK / 4), k = t % (TK / 4) * 4;
            const float4 v = load_part(from + (size_t)s * from_pitch + k, s < sizes_inside && k < steps_inside ? steps_inside - k : 0);
            to[k * pitch + s] = v.x;
            to[(k + 1) * pitch + s] = v.y;
            to[(k + 2) * pitch + s] = v.z;
            to[(k + 3) * pitch + s] = v.w;
        } else {
            const uint k = t / (size / 4), s = t % (size / 4) * 4;
            const float4 v = load_part(from + (size_t)k * from_pitch + s, k < steps_inside && s < sizes_inside ? sizes_inside - s : 0);
            *(__local float4 *)(to + k * pitch + s) = v;
        }
    }
}

// Index space (tiles of rows, tiles of columns, batch * splits), GROUP work-items a group. z = batch * splits + split; batch = outer *
// inner_batch + inner, and each matrix has a stride for outer and one for inner. With splits > 1 a group takes `chunk` steps of k and
// writes its own plain product at c + split * c_split; otherwise chunk >= depth. Reads A once a tile of columns and B once a tile of rows,
// writes C once.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void gemm_simt(const uint rows, const uint columns, const uint depth, const uint inner_batch, const uint splits, const uint chunk,
               const __global float *restrict a, const uint a_offset, const uint a_skip, const uint a_pitch,
               const uint a_outer, const uint a_inner,
               const __global float *restrict b, const uint b_offset, const uint b_skip, const uint b_pitch,
               const uint b_outer, const uint b_inner,
               __global float *c, const uint c_offset, const uint c_skip, const uint c_pitch,
               const uint c_outer, const uint c_inner, const uint c_split,
               const __global float *residual, const uint r_offset, const uint r_skip, const uint r_pitch,
               const uint r_outer, const uint r_inner,
               const __global float *bias, const uint bias_offset)
{
    __local float a_tile[TK * A_PITCH] __attribute__((aligned(16)));
    __local float b_tile[TK * B_PITCH] __attribute__((aligned(16)));
    const uint item = get_local_id(0), x = LANES == GROUP ? item : item % LANES, y = LANES == GROUP ? 0 : item / LANES;
    const uint z = get_group_id(2), split = z % splits, outer = z / splits / inner_batch, inner = z / splits % inner_batch;
    const uint row0 = get_group_id(0) * TM, column0 = get_group_id(1) * TN, begin = split * chunk, end = min(depth, begin + chunk);
    a += (size_t)a_offset + a_skip + (size_t)outer * a_outer + (size_t)inner * a_inner + (size_t)row0 * (TRANSPOSE_A ? 1u : a_pitch);
    b += (size_t)b_offset + b_skip + (size_t)outer * b_outer + (size_t)inner * b_inner + (size_t)column0 * (TRANSPOSE_B ? b_pitch : 1u);
    c += (size_t)c_offset + c_skip + (size_t)outer * c_outer + (size_t)inner * c_inner + (size_t)split * c_split;
    residual += (size_t)r_offset + r_skip + (size_t)outer * r_outer + (size_t)inner * r_inner;
    bias += bias_offset;

    float sum[PM][PN];
#pragma unroll
    for (uint i = 0; i < PM; i++)
#pragma unroll
        for (uint j = 0; j < PN; j++)
            sum[i][j] = 0.0f;

    for (uint k0 = begin; k0 < end; k0 += TK) {
        fetch(a_tile, TM, A_PITCH, !TRANSPOSE_A, a + (size_t)k0 * (TRANSPOSE_A ? a_pitch : 1u), a_pitch, rows - row0, end - k0, item);
        fetch(b_tile, TN, B_PITCH, TRANSPOSE_B, b + (size_t)k0 * (TRANSPOSE_B ? 1u : b_pitch), b_pitch, columns - column0, end - k0, item);
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
        for (uint k = 0; k < TK; k++) {
            float av[PM], bv[PN];
#pragma unroll
            for (uint i = 0; i < PM; i += 4) {
                const float4 v = *(const __local float4 *)(a_tile + k * A_PITCH + y * PM + i);
                av[i] = v.x, av[i + 1] = v.y, av[i + 2] = v.z, av[i + 3] = v.w;
            }
#if RUNS
#pragma unroll
            for (uint j = 0; j < PN; j += 4) {
                const float4 v = *(const __local float4 *)(b_tile + k * B_PITCH + j * LANES + x * 4);
                bv[j] = v.x, bv[j + 1] = v.y, bv[j + 2] = v.z, bv[j + 3] = v.w;
            }
#else
#pragma unroll
            for (uint j = 0; j < PN; j++)
                bv[j] = b_tile[k * B_PITCH + j * LANES + x];
#endif
#pragma unroll
            for (uint i = 0; i < PM; i++)
#pragma unroll
                for (uint j = 0; j < PN; j++)
                    sum[i][j] = fma(av[i], bv[j], sum[i][j]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

#pragma unroll
    for (uint i = 0; i < PM; i++) {
        const uint row = row0 + y * PM + i;
#pragma unroll
        for (uint j = 0; j < PN; j++) {
            const uint column = column0 + (RUNS ? j / 4 * 4 * LANES + x * 4 + j % 4 : j * LANES + x);
            if (row < rows && column < columns)
                c[(size_t)row * c_pitch + column] = clmix_finish_1(sum[i][j], bias + column, residual + (size_t)row * r_pitch + column);
        }
    }
}
