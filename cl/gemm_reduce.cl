// What is left of a matrix product after its plain sums are in memory: adding the splits' in order, and the epilogue. Also the
// epilogue alone, after a library's product.
#include "gemm_epilogue.h"

// c[row][column] = epilogue(sum over s of sums[s][row][column]); of one split they may be c itself. Index space (chunks of `chunk` rows,
// batch), WG work-items a group, which walk the chunk's vectors of VW columns. The strides of c and of
// the residual are as in gemm_wide.cl. Reads splits (+ 1) and writes one float an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void gemm_reduce(const uint rows, const uint columns, const uint inner_batch, const uint splits, const uint chunk,
                 const __global float *sums, const uint p_offset, const uint p_skip, const uint p_pitch,
                 const uint p_outer, const uint p_inner, const uint p_split,
                 __global float *c, const uint c_offset, const uint c_skip, const uint c_pitch, const uint c_outer, const uint c_inner,
                 const __global float *residual, const uint r_offset, const uint r_skip, const uint r_pitch,
                 const uint r_outer, const uint r_inner,
                 const __global float *bias, const uint bias_offset, const float scale)
{
    const uint outer = get_group_id(1) / inner_batch, inner = get_group_id(1) % inner_batch;
    const uint row0 = get_group_id(0) * chunk, vectors = (columns + VW - 1) / VW, count = min(chunk, rows - row0) * vectors;
    sums += (size_t)p_offset + p_skip + (size_t)outer * p_outer + (size_t)inner * p_inner;
    c += (size_t)c_offset + c_skip + (size_t)outer * c_outer + (size_t)inner * c_inner;
    residual += (size_t)r_offset + r_skip + (size_t)outer * r_outer + (size_t)inner * r_inner;
    bias += bias_offset;
    for (uint t = get_local_id(0); t < count; t += WG) {
        const uint row = row0 + t / vectors, column = t % vectors * VW;
        const __global float *p = sums + (size_t)row * p_pitch + column, *r = residual + (size_t)row * r_pitch + column;
        __global float *to = c + (size_t)row * c_pitch + column;
        if (column + VW <= columns) {
            floatv sum = LOADV(p);
            for (uint s = 1; s < splits; s++)
                sum += LOADV(p + (size_t)s * p_split);
            STOREV(clmix_finish(sum, bias + column, r, scale), to);
        } else {
            for (uint j = 0; j < columns - column; j++) {
                float sum = p[j];
                for (uint s = 1; s < splits; s++)
                    sum += p[(size_t)s * p_split + j];
                to[j] = clmix_finish_1(sum, bias + column + j, r + j, scale);
            }
        }
    }
}
