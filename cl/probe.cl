// Compiled when a device is opened. `probe` is never launched: does what the driver claims exist in its compiler? `code` is: what machine code
// does it make?

#ifndef PROBE_HALF
#define PROBE_HALF 0         // 0 or 1: cl_khr_fp16
#endif
#ifndef PROBE_DOUBLE
#define PROBE_DOUBLE 0       // 0 or 1: cl_khr_fp64
#endif
#ifndef PROBE_SUBGROUPS
#define PROBE_SUBGROUPS 0    // 0 or 1: cl_khr_subgroups or cl_intel_subgroups
#endif

#if PROBE_HALF
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#endif
#if PROBE_DOUBLE
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
// Sub-groups have no pragma: OpenCL C 1.2 does not know it, and PoCL 6 and 7 print a warning over the application's output.

__kernel void probe(__global float *data)
{
    float x = data[0];

#if PROBE_HALF
    half4 h = convert_half4((float4)(x));
    x = convert_float4(fma(h, h, exp(h))).x;
#endif
#if PROBE_DOUBLE
    double d = x;
    x = (float)fma(d, d, sqrt(d));
#endif
#if PROBE_SUBGROUPS
    x = sub_group_reduce_add(x) + (float)get_sub_group_size();
#endif
    data[0] = x;
}

// Whether a product and a sum become one instruction with one rounding. Drivers do not say it: CL_FP_FMA and FP_FAST_FMAF are missing on processors
// that have it, and where it is missing fma() is a library's call. Compilers join a product and a sum only where that is faster, and the bits tell.
#if defined(FP_FAST_FMAF) || defined(__FP_FAST_FMAF)
#define FUSED 1
#else
#define FUSED 0
#endif

// Floats in a vector register, by what a compiler for a processor defines; 0: it does not tell, as those for a virtual machine. Every 64-bit Arm has
// vectors of 4, and PoCL's compiler does not say so.
#if defined(__AVX512F__)
#define REGISTER 16
#elif defined(__AVX__)
#define REGISTER 8
#elif defined(__SSE2__) || defined(__ARM_NEON) || defined(__aarch64__) || defined(__ALTIVEC__) || defined(__riscv_vector) || defined(__loongarch_sx) || defined(__wasm_simd128__)
#define REGISTER 4
#else
#define REGISTER 0
#endif

// in: a, b, and -a b rounded, which differs from the product. out: 2 where a b + c is rounded once, else 1; floats in a register. One work-item.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void code(const __global float *in, __global uint *out)
{
    const float a = in[0], b = in[1], c = in[2];

    out[0] = FUSED || a * b + c != 0.0f || mad(a, b, c) != 0.0f ? 2 : 1;
    out[1] = REGISTER;
}
