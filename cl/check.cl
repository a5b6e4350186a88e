// The start-up self-test: a tiny kernel for each thing that training leans on. in: N floats; out: N floats, compared with the host's answer for each.
// Every kernel runs N work-items in groups of GROUP, unless it says otherwise, and reads and writes 4 N bytes.
#include "random.h"

#ifndef GROUP
#define GROUP 64    // work-items in a group: a power of two up to 64
#endif
#define N 256

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void check_arithmetic(const __global float *in, __global float *out)
{
    const uint i = get_global_id(0);

    out[i] = (in[i] * 3.0f - 1.0f) / 7.0f + sqrt(fabs(in[i]));
}

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void check_functions(const __global float *in, __global float *out)
{
    const uint i = get_global_id(0);

    out[i] = erf(in[i]) + exp(-fabs(in[i])) + tanh(in[i]) + log(1.0f + fabs(in[i]));
}

// Each group reverses its part, through local memory.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void check_barrier(const __global float *in, __global float *out)
{
    __local float part[GROUP];
    const uint lane = get_local_id(0);

    part[lane] = in[get_global_id(0)];
    barrier(CLK_LOCAL_MEM_FENCE);
    out[get_global_id(0)] = part[GROUP - 1 - lane];
}

// The sum of a group by a tree, given to all its work-items.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void check_reduction(const __global float *in, __global float *out)
{
    __local float part[GROUP];
    const uint lane = get_local_id(0);

    part[lane] = in[get_global_id(0)];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint half_size = GROUP / 2; half_size > 0; half_size /= 2) {
        if (lane < half_size)
            part[lane] += part[lane + half_size];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    out[get_global_id(0)] = part[0];
}

typedef float16 __attribute__((aligned(4))) float16u;

// One work-item: vectors of 16 that start one float off, out[i] = 2 in[i + 1], the last one 2 in[0]; a private array of vectors between.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void check_vectors(const __global float *in, __global float *out)
{
    float16 kept[4];

    for (uint i = 0; i < N; i += 64) {
        for (uint j = 0; j < 4; j++)
            kept[j] = i + 16 * j + 17 <= N ? *(const __global float16u *)(in + i + 16 * j + 1) : (float16)(0.0f);
        for (uint j = 0; j < 4; j++)
            *(__global float16u *)(out + i + 16 * j) = kept[j] * 2.0f;
    }
    for (uint i = N - 16; i < N; i++)
        out[i] = 2.0f * in[(i + 1) % N];
}

// Through half precision and back, as stored activations go. The halves have a memory of their own, which nothing accesses as another type: a
// compiler may move loads of one type past stores of another. (Without cl_khr_fp16 it cannot be declared as one of halves.)
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void check_half(const __global float *in, __global float *out)
{
    __local ushort stored[GROUP];
    const uint i = get_global_id(0), lane = get_local_id(0);

    vstore_half_rte(in[i], lane, (__local half *)stored);
    out[i] = vload_half(lane, (const __local half *)stored);
}

// Words of the random stream (key 1, 2; stream 3, 4), four a work-item, as bits. A quarter of the work-items.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void check_random(const __global float *in, __global uint *out)
{
    const uint block = get_global_id(0);

    (void)in;
    vstore4(clmix_random_words((uint2)(1, 2), (uint2)(3, 4), block), block, out);
}
