// Where the steps of a product lie. And what the matrix products may do to A while they read it: layer norm, (x - mean) rstd weight + bias by the rows of x, which A is or which is
// transposed to be A. `stats` is that of cl/norm.cl.
#ifndef CLMIX_GEMM_PROLOGUE_H
#define CLMIX_GEMM_PROLOGUE_H

#ifndef SEGMENTS
#define SEGMENTS 0    // 1: `segment` steps of k are one behind the other, those behind them an outer stride of A and B further
#endif
#if SEGMENTS
#define SEGMENT_ARGUMENT , const uint segment
#define FROM(k, next, stride) ((size_t)((k) / segment) * (stride) + (size_t)((k) % segment) * (next))    // elements to step k
#else
#define SEGMENT_ARGUMENT
#define FROM(k, next, stride) ((size_t)(k) * (next))
#endif

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
