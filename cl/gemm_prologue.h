// What the matrix products may do to A while they read it: layer norm, (x - mean) rstd weight + bias by the rows of x, which A is or which is
// transposed to be A. `stats` is that of cl/norm.cl.
#ifndef CLMIX_GEMM_PROLOGUE_H
#define CLMIX_GEMM_PROLOGUE_H

#ifndef PROLOGUE
#define PROLOGUE 0    // 0 none, 1 layer norm
#endif

#if PROLOGUE
#define PROLOGUE_ARGUMENTS                                                                                                        \
    , const __global float *stats, const uint stats_offset, const __global float *norm_weight, const uint norm_weight_offset, \
        const __global float *norm_bias, const uint norm_bias_offset
#else
#define PROLOGUE_ARGUMENTS
#endif

#endif
