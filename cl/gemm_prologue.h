// What the matrix products may do to A while they read it: layer norm, (x - mean) rstd weight + bias by the rows of x, which A is or which is
// transposed to be A. `stats` is that of cl/norm.cl.
#ifndef CLMIX_GEMM_PROLOGUE_H
#define CLMIX_GEMM_PROLOGUE_H

#ifndef NORMALIZED
#define NORMALIZED 0    // 0, 1
#endif

#if NORMALIZED
#define NORMAL_ARGUMENTS                                                                                                        \
    , const __global float *stats, const uint stats_offset, const __global float *normal_weight, const uint normal_weight_offset, \
        const __global float *normal_bias, const uint normal_bias_offset
#else
#define NORMAL_ARGUMENTS
#endif

#endif
