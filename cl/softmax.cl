// Softmax along any axis, and its gradient. A row is what is normalised together; the largest element is subtracted first, so that no
// exponential overflows. Results may take the place of the first input.
#include "few.h"

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
            most = max_of(LOADV(in + c), most);
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

// softmax_rows of few columns, by blocks of rows (few.h).  Group g does rows [g * chunk, (g + 1) * chunk).
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_few(const uint rows, const uint chunk, const uint columns,
                                                                          const __global float *x, const uint x_offset, __global float *y,
                                                                          const uint y_offset)
{
    FEW_BLOCK(block)
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    for (uint top = begin; top < end; top += FEW_ROWS) {
        const uint n = min((uint)FEW_ROWS, end - top);
        few_load(x + x_offset + (ulong)top * columns, columns, n, block);
        if (FEW_MINE(n)) {
            fewv most = (fewv)(-INFINITY), sum = (fewv)(0.0f);
            for (uint c = 0; c < columns; c++)
                most = FEW_AT(block, c) > most ? FEW_AT(block, c) : most;
            for (uint c = 0; c < columns; c++) {
                const fewv e = FEW_EXP(FEW_AT(block, c) - most);
                FEW_AT(block, c) = e;
                sum += e;
            }
            const fewv factor = (fewv)(1.0f) / sum;
            for (uint c = 0; c < columns; c++)
                FEW_AT(block, c) *= factor;
        }
        few_store(block, columns, n, y + y_offset + (ulong)top * columns);
    }
}

// softmax_rows_grad of few columns: for the simt form; the wide form gains nothing where there are no exponentials.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_few_grad(const uint rows, const uint chunk, const uint columns,
                                                                               const __global float *dy, const uint dy_offset,
                                                                               const __global float *y, const uint y_offset,
                                                                               __global float *dx, const uint dx_offset)
{
    FEW_BLOCK(up)
    FEW_BLOCK(out)
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    for (uint top = begin; top < end; top += FEW_ROWS) {
        const uint n = min((uint)FEW_ROWS, end - top);
        few_load(dy + dy_offset + (ulong)top * columns, columns, n, up);
        few_load(y + y_offset + (ulong)top * columns, columns, n, out);
        if (FEW_MINE(n)) {
            fewv sum = (fewv)(0.0f);
            for (uint c = 0; c < columns; c++)
                sum += FEW_AT(up, c) * FEW_AT(out, c);
            for (uint c = 0; c < columns; c++)
                FEW_AT(up, c) = (FEW_AT(up, c) - sum) * FEW_AT(out, c);
        }
        few_store(up, columns, n, dx + dx_offset + (ulong)top * columns);
    }
}

// Along another axis: (outer, length, inner), each of the outer * inner rows has a stride of `inner` floats. Bytes as above.
#if CLMIX_WIDE
// The wide form: group g does units [g * chunk, (g + 1) * chunk) of outer * ceil(inner / block), a unit being one outer index and `block`
// neighbouring rows. It goes through their memory in order, some steps along the axis at a time, with what belongs to each row in local
// memory; the host chooses `block` so that a unit stays in a core's cache from pass to pass.
#ifndef AXIS_BLOCK
#define AXIS_BLOCK 1024    // most rows of a unit, a multiple of VW
#endif
#define STEPS 4
// i goes through STEPS of the axis's indices for every vector of rows, in the order of memory; `use` gets vector c, its lanes n.
#define AXIS_PASS(before, step, after)                                                 \
    for (uint top_ = 0; top_ < length; top_ += STEPS)                                  \
        for (uint c = 0; c < width; c += VW) {                                         \
            const uint n = width - c;                                                  \
            before;                                                                    \
            for (uint i_ = top_; i_ < min(top_ + STEPS, length); i_++) {               \
                const ulong at = (ulong)i_ * inner + c;                                \
                step;                                                                  \
            }                                                                          \
            after;                                                                     \
        }

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_axis(const uint units, const uint chunk, const uint length,
                                                                           const uint inner, const uint block, const __global float *x,
                                                                           const uint x_offset, __global float *y, const uint y_offset)
{
    __local floatv most[AXIS_BLOCK / VW], sum[AXIS_BLOCK / VW];
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, units - begin), blocks = (inner + block - 1) / block;
    for (uint unit = begin; unit < end; unit++) {
        const uint left = unit % blocks * block, width = min(block, inner - left);
        const __global float *in = x + x_offset + (ulong)(unit / blocks) * length * inner + left;
        __global float *out = y + y_offset + (ulong)(unit / blocks) * length * inner + left;
        for (uint c = 0; c < width; c += VW) {
            most[c / VW] = (floatv)(-INFINITY);
            sum[c / VW] = (floatv)(0.0f);
        }
        AXIS_PASS(floatv m = most[c / VW], m = max_of(load_lanes(in + at, n), m), most[c / VW] = m)
        AXIS_PASS(const floatv m = most[c / VW]; floatv s = sum[c / VW], const floatv e = clmix_exp(load_lanes(in + at, n) - m);
                  store_lanes(e, out + at, n); s += e, sum[c / VW] = s)
        for (uint c = 0; c < width; c += VW)
            sum[c / VW] = (floatv)(1.0f) / sum[c / VW];
        AXIS_PASS(const floatv factor = sum[c / VW], store_lanes(load_lanes(out + at, n) * factor, out + at, n), )
    }
}

// dx = y (dy - sum of dy y) along another axis.  Units as above.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_axis_grad(const uint units, const uint chunk, const uint length,
                                                                                const uint inner, const uint block,
                                                                                const __global float *dy, const uint dy_offset,
                                                                                const __global float *y, const uint y_offset,
                                                                                __global float *dx, const uint dx_offset)
{
    __local floatv sum[AXIS_BLOCK / VW];
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, units - begin), blocks = (inner + block - 1) / block;
    for (uint unit = begin; unit < end; unit++) {
        const uint left = unit % blocks * block, width = min(block, inner - left);
        const ulong first = (ulong)(unit / blocks) * length * inner + left;
        const __global float *up = dy + dy_offset + first, *out = y + y_offset + first;
        __global float *to = dx + dx_offset + first;
        for (uint c = 0; c < width; c += VW)
            sum[c / VW] = (floatv)(0.0f);
        AXIS_PASS(floatv s = sum[c / VW], s += load_lanes(up + at, n) * load_lanes(out + at, n), sum[c / VW] = s)
        AXIS_PASS(const floatv s = sum[c / VW], store_lanes((load_lanes(up + at, n) - s) * load_lanes(out + at, n), to + at, n), )
    }
}
#else
// The simt form: a work-item does VW neighbouring rows at a time; group g does [g * chunk, (g + 1) * chunk) of the outer * ceil(inner / VW)
// such bundles.
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
            most = max_of(load_lanes(in + (ulong)i * inner, n), most);
        for (uint i = 0; i < length; i++) {
            const floatv e = clmix_exp(load_lanes(in + (ulong)i * inner, n) - most);
            store_lanes(e, out + (ulong)i * inner, n);
            sum += e;
        }
        const floatv factor = (floatv)(1.0f) / sum;
        for (uint i = 0; i < length; i++)
            store_lanes(load_lanes(out + (ulong)i * inner, n) * factor, out + (ulong)i * inner, n);
    }
}

// dx = y (dy - sum of dy y).  Bundles as above.
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
#endif
