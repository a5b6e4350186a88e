// Compiled when a device is opened, never launched: does what the driver claims exist in its compiler?

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
