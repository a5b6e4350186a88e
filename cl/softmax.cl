// Softmax along any axis, and its gradient. A row is what is normalised together; the largest element is subtracted first, so that no
// exponential overflows. Results may take the place of the first input.
#include "math.h"
#include "reduce.h"

// Rows that are contiguous.  Group g does rows [g * chunk, (g + 1) * chunk), all its work-items together a row at a time.
// Reads and writes 4 bytes an element; the further passes over a row are in the cache.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_rows(const uint rows, const uint chunk, const uint columns,
                                                                           const __global float *x, const uint x_offset, __global float *y,
                                                                           const uint y_offset)
{
    GROUP_SCRATCH
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), item = get_local_id(0), whole = columns / VW * VW;
    for (uint r = begin; r < end; r++) {
        const __global float *in = x + x_offset + (ulong)r * columns;
        __global float *out = y + y_offset + (ulong)r * columns;
        floatv most = (floatv)(-INFINITY), sum = (floatv)(0.0f);
        float tail = -INFINITY;
        for (uint c = item * VW; c < whole; c += WG * VW)
            most = fmax(most, LOADV(in + c));
        for (uint c = whole + item; c < columns; c += WG)
            tail = fmax(tail, in[c]);
        const float peak = GROUP_MAX(fmax(max_lanes(most), tail));
        tail = 0.0f;
        for (uint c = item * VW; c < whole; c += WG * VW) {
            const floatv e = clmix_exp(LOADV(in + c) - peak);
            STOREV(e, out + c);
            sum += e;
        }
        for (uint c = whole + item; c < columns; c += WG) {
            const float e = clmix_exp_1(in[c] - peak);
            out[c] = e;
            tail += e;
        }
        const float factor = 1.0f / GROUP_SUM(sum_lanes(sum) + tail);
        for (uint c = item * VW; c < whole; c += WG * VW)
            STOREV(LOADV(out + c) * factor, out + c);
        for (uint c = whole + item; c < columns; c += WG)
            out[c] *= factor;
    }
}

// dx = y (dy - sum of dy y over the row).  Rows as above.  Reads 8, writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_rows_grad(const uint rows, const uint chunk, const uint columns,
                                                                                const __global float *dy, const uint dy_offset,
                                                                                const __global float *y, const uint y_offset,
                                                                                __global float *dx, const uint dx_offset)
{
    GROUP_SCRATCH
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), item = get_local_id(0), whole = columns / VW * VW;
    for (uint r = begin; r < end; r++) {
        const __global float *up = dy + dy_offset + (ulong)r * columns, *out = y + y_offset + (ulong)r * columns;
        __global float *to = dx + dx_offset + (ulong)r * columns;
        floatv sum = (floatv)(0.0f);
        float tail = 0.0f;
        for (uint c = item * VW; c < whole; c += WG * VW)
            sum += LOADV(up + c) * LOADV(out + c);
        for (uint c = whole + item; c < columns; c += WG)
            tail += up[c] * out[c];
        const float mean = GROUP_SUM(sum_lanes(sum) + tail);
        for (uint c = item * VW; c < whole; c += WG * VW)
            STOREV((LOADV(up + c) - mean) * LOADV(out + c), to + c);
        for (uint c = whole + item; c < columns; c += WG)
            to[c] = (up[c] - mean) * out[c];
    }
}

// Along another axis: (outer, length, inner), each of the outer * inner rows has a stride of `inner` floats.  A work-item does VW
// neighbouring rows at a time; group g does [g * chunk, (g + 1) * chunk) of the outer * ceil(inner / VW) such bundles. Bytes as above.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_axis(const uint outer, const uint length, const uint inner,
                                                                           const __global float *x, const uint x_offset, __global float *y,
                                                                           const uint y_offset)
{
    const uint bundles = (inner + VW - 1) / VW, all = outer * bundles, chunk = (all + get_num_groups(0) - 1) / get_num_groups(0);
    const uint begin = min(all, (uint)get_group_id(0) * chunk), end = min(all, begin + chunk);
    for (uint bundle = begin + get_local_id(0); bundle < end; bundle += WG) {
        const uint c = bundle % bundles * VW, n = inner - c;
        const __global float *in = x + x_offset + (ulong)(bundle / bundles) * length * inner + c;
        __global float *out = y + y_offset + (ulong)(bundle / bundles) * length * inner + c;
        floatv most = load_lanes(in, n), sum = (floatv)(0.0f);
        for (uint i = 1; i < length; i++)
            most = fmax(most, load_lanes(in + (ulong)i * inner, n));
        for (uint i = 0; i < length; i++) {
            const floatv e = clmix_exp(load_lanes(in + (ulong)i * inner, n) - most);
            store_lanes(e, out + (ulong)i * inner, n);
            sum += e;
        }
        for (uint i = 0; i < length; i++)
            store_lanes(load_lanes(out + (ulong)i * inner, n) / sum, out + (ulong)i * inner, n);
    }
}

// dx = y (dy - sum of dy y) along another axis.  Bundles as above.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_axis_grad(const uint outer, const uint length, const uint inner,
                                                                                const __global float *dy, const uint dy_offset,
                                                                                const __global float *y, const uint y_offset,
                                                                                __global float *dx, const uint dx_offset)
{
    const uint bundles = (inner + VW - 1) / VW, all = outer * bundles, chunk = (all + get_num_groups(0) - 1) / get_num_groups(0);
    const uint begin = min(all, (uint)get_group_id(0) * chunk), end = min(all, begin + chunk);
    for (uint bundle = begin + get_local_id(0); bundle < end; bundle += WG) {
        const uint c = bundle % bundles * VW, n = inner - c;
        const ulong first = (ulong)(bundle / bundles) * length * inner + c;
        const __global float *up = dy + dy_offset + first, *out = y + y_offset + first;
        __global float *to = dx + dx_offset + first;
        floatv sum = (floatv)(0.0f);
        for (uint i = 0; i < length; i++)
            sum += load_lanes(up + (ulong)i * inner, n) * load_lanes(out + (ulong)i * inner, n);
        for (uint i = 0; i < length; i++)
            store_lanes((load_lanes(up + (ulong)i * inner, n) - sum) * load_lanes(out + (ulong)i * inner, n), to + (ulong)i * inner, n);
    }
}
