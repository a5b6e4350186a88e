// The optimizer: weights, gradients and moments are flat arenas with the same offsets, so one `begin` serves them all.
//
// Every kernel works on elements begin .. begin + count - 1; both are multiples of 16 (tensors begin at multiples of 16 and what lies
// between them is zero), so there is no tail for any VW.
// One group owns `chunk` consecutive elements, a multiple of 16 * WG. Groups: ceil(count / chunk).
//
// `scalars` is the step's slate, written and read on the device so that the host need not wait between backward pass and update:
#include "common.h"

#define LOSS 0       // mean loss of the batch, by the plan
#define COUNTED 1    // labels that it is the mean over, by the plan
#define NORM 3       // length of the gradient
#define FACTOR 4     // what the gradients are multiplied with: accumulation's mean and clipping
#define GOOD 5       // 1 when loss and gradients are finite; 0: the kernels below leave everything as it is

// Sum of the lanes, in a fixed order.
static inline float lanes(const floatv v)
{
#if VW == 1
    return v;
#elif VW == 2
    return v.x + v.y;
#else
#if VW == 16
    const float8 half_sum = v.lo + v.hi;
    const float4 quarter_sum = half_sum.lo + half_sum.hi;
#elif VW == 8
    const float4 quarter_sum = v.lo + v.hi;
#else
    const float4 quarter_sum = v;
#endif
    return (quarter_sum.x + quarter_sum.y) + (quarter_sum.z + quarter_sum.w);
#endif
}

// Sum over the work-items of a group, in a fixed order; the result is in work-item 0. All work-items must come here.
static inline float group_sum(const float value, __local float *shared)
{
#if WG == 1
    shared[0] = value;
    return value;
#else
    const uint lane = get_local_id(0);

    shared[lane] = value;
    for (uint width = WG / 2; width > 0; width /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < width)
            shared[lane] += shared[lane + width];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return shared[0];
#endif
}

// By the bits: what a compiler may assume of NaN does not matter.
static inline bool finite(const float x)
{
    return (as_uint(x) & 0x7f800000u) != 0x7f800000u;
}

// partials[partial + group] = sum of the squares of the group's elements.  Reads 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void square_sums(
    const __global float *gradients, __global float *partials, const uint begin, const uint count, const uint chunk,
    const uint partial)
{
    __local float shared[WG];
    const uint first = get_group_id(0) * chunk;
    const uint end = begin + min(first + chunk, count);
    floatv sum = (floatv)(0.0f);

    for (uint i = begin + first + get_local_id(0) * VW; i < end; i += WG * VW) {
        const floatv g = LOADV(gradients + i);
        sum = FMA(g, g, sum);
    }
    const float total = group_sum(lanes(sum), shared);
    if (get_local_id(0) == 0)
        partials[partial + get_group_id(0)] = total;
}

// One group. The norm is scale * sqrt(sum of partials); clip > 0 is the largest norm that passes unchanged. The gradients are one batch's
// (summed < 0, scale 1), or sums weighted by labels, of which `summed` are of the batches before this one. Reads 4 bytes a partial.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void check_step(
    const __global float *partials, __global float *scalars, const uint count, const float summed, const float clip)
{
    __local float shared[WG];
    const float scale = summed < 0.0f ? 1.0f : 1.0f / fmax(summed + scalars[COUNTED], 1.0f);
    float sum = 0.0f;

    for (uint i = get_local_id(0); i < count; i += WG)
        sum += partials[i];
    const float norm = scale * sqrt(group_sum(sum, shared));
    if (get_local_id(0) == 0) {
        scalars[NORM] = norm;
        scalars[FACTOR] = scale * (clip > 0.0f ? min(1.0f, clip / (norm + 1e-6f)) : 1.0f);
        scalars[GOOD] = finite(norm) && finite(scalars[LOSS]) ? 1.0f : 0.0f;
    }
}

// Adam and AdamW (Kingma & Ba 2015; Loshchilov & Hutter 2019):
//     g += couple w;  m += take1 (g - m);  v += take2 (g^2 - v);  w = keep w - rate m / (sqrt(v) root + epsilon)
// AdamW: keep = 1 - lr wd, couple = 0; Adam: keep = 1, couple = wd.
// rate = lr / (1 - beta1^t), root = 1 / sqrt(1 - beta2^t), take = 1 - beta.
// Reads 16 bytes and writes 12 an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void adam(
    __global float *weights, const __global float *gradients, __global float *means, __global float *squares,
    const __global float *scalars, const uint begin, const uint count, const uint chunk, const float keep, const float couple,
    const float take1, const float take2, const float rate, const float root, const float epsilon)
{
    const uint first = get_group_id(0) * chunk;
    const uint end = begin + min(first + chunk, count);
    const float factor = scalars[FACTOR];

    if (scalars[GOOD] == 0.0f)
        return;
    for (uint i = begin + first + get_local_id(0) * VW; i < end; i += WG * VW) {
        const floatv w = LOADV(weights + i);
        const floatv g = FMA((floatv)(couple), w, factor * LOADV(gradients + i));
        floatv m = LOADV(means + i), v = LOADV(squares + i);

        m = FMA((floatv)(take1), g - m, m);
        v = FMA((floatv)(take2), FMA(g, g, -v), v);
        STOREV(m, means + i);
        STOREV(v, squares + i);
        STOREV(keep * w - rate * m / FMA(sqrt(v), (floatv)(root), (floatv)(epsilon)), weights + i);
    }
}

// Gradient descent with momentum:  g += couple w;  m = momentum m + g;  w -= rate (nesterov ? g + momentum m : m).
// Reads 12 bytes and writes 8 an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void momentum_descent(
    __global float *weights, const __global float *gradients, __global float *means, const __global float *scalars,
    const uint begin, const uint count, const uint chunk, const float couple, const float momentum, const float rate,
    const uint nesterov)
{
    const uint first = get_group_id(0) * chunk;
    const uint end = begin + min(first + chunk, count);
    const float factor = scalars[FACTOR];

    if (scalars[GOOD] == 0.0f)
        return;
    for (uint i = begin + first + get_local_id(0) * VW; i < end; i += WG * VW) {
        const floatv w = LOADV(weights + i);
        const floatv g = FMA((floatv)(couple), w, factor * LOADV(gradients + i));
        const floatv m = FMA((floatv)(momentum), LOADV(means + i), g);

        STOREV(m, means + i);
        STOREV(w - rate * (nesterov ? FMA((floatv)(momentum), m, g) : m), weights + i);
    }
}

// The same without momentum: no arena of moments.  Reads 8 bytes and writes 4 an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void descent(
    __global float *weights, const __global float *gradients, const __global float *scalars, const uint begin, const uint count,
    const uint chunk, const float couple, const float rate)
{
    const uint first = get_group_id(0) * chunk;
    const uint end = begin + min(first + chunk, count);
    const float factor = scalars[FACTOR];

    if (scalars[GOOD] == 0.0f)
        return;
    for (uint i = begin + first + get_local_id(0) * VW; i < end; i += WG * VW) {
        const floatv w = LOADV(weights + i);
        STOREV(w - rate * FMA((floatv)(couple), w, factor * LOADV(gradients + i)), weights + i);
    }
}

// sum = (fresh ? 0 : sum) + counted * gradients: gradients of several batches for one step.  Reads 8 bytes and writes 4 an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void accumulate(
    __global float *sums, const __global float *gradients, const __global float *scalars, const uint begin, const uint count,
    const uint chunk, const uint fresh)
{
    const float counted = scalars[COUNTED];
    const uint first = get_group_id(0) * chunk;
    const uint end = begin + min(first + chunk, count);

    for (uint i = begin + first + get_local_id(0) * VW; i < end; i += WG * VW) {
        const floatv g = counted * LOADV(gradients + i);
        STOREV(fresh ? g : g + LOADV(sums + i), sums + i);
    }
}

// average += take (values - average): the exponential average of weights or states.  Reads 8 bytes and writes 4 an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void average(
    __global float *averages, const __global float *values, const __global float *scalars, const uint begin, const uint count,
    const uint chunk, const float take)
{
    const uint first = get_group_id(0) * chunk;
    const uint end = begin + min(first + chunk, count);

    if (scalars[GOOD] == 0.0f)
        return;
    for (uint i = begin + first + get_local_id(0) * VW; i < end; i += WG * VW) {
        const floatv a = LOADV(averages + i);
        STOREV(FMA((floatv)(take), LOADV(values + i) - a, a), averages + i);
    }
}
