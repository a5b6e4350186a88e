// Gradients of attention on CPUs: dq, dk and dv in one pass.  One work-item owns a head of keys and values, and of each head of queries that
// shares it a range of queries, which it takes a block at a time: dq of a block stays in local memory, and for each block of keys the weights P
// and dS = P (dP - delta) are formed again, [key][query], and multiplied with dy, q and k (lib/ops/attention.c has the formulas). dk and dv are
// added to where they lie. Every sum is one chain in order of heads, blocks and elements.
#include "attention_wide_grad.h"

// Index space (ranges of queries, heads of keys, samples), one work-item a group. A range is `range` queries, taken in blocks of `block`;
// `group` heads of queries share one of keys. `key_block` keys a block, multiples of 8. The g-th range writes its own dk and dv at dk + g *
// dk_part and dv + g * dv_part.  Reads q, dy and y once, k and v once a block of queries, and reads and writes dk and dv as often.
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void attention_grad(const uint queries, const uint keys, const uint group, const uint range, const uint block, const uint key_block,
                    const uint window, const uint causal, const float scale, const __global float *q, const uint q_offset,
                    const uint q_pitch, const __global float *k, const uint k_offset, const uint k_pitch, const __global float *v,
                    const uint v_offset, const uint v_pitch, const __global float *dy, const uint dy_offset, const uint dy_pitch,
                    const __global float *y, const uint y_offset, const uint y_pitch, const __global float *log_sum,
                    const uint log_sum_offset, __global float *dq, const uint dq_offset, const uint dq_pitch, __global float *dk,
                    const uint dk_offset, const uint dk_pitch, const uint dk_part, __global float *dv, const uint dv_offset,
                    const uint dv_pitch, const uint dv_part MASK_ARGUMENTS RANDOM_ARGUMENTS)
{
    __local float keys_of[KEYS * HEAD_PITCH] __attribute__((aligned(64))), values_of[KEYS * VALUE_PITCH] __attribute__((aligned(64)));
    __local float q_rows[QUERIES * HEAD_PITCH] __attribute__((aligned(64))), dy_rows[QUERIES * VALUE_PITCH] __attribute__((aligned(64)));
    __local float q_panels[(QUERIES + NR) * HEAD] __attribute__((aligned(64))), dy_panels[(QUERIES + NR) * VALUE] __attribute__((aligned(64)));
    __local float dq_rows[QUERIES * HEAD_PITCH] __attribute__((aligned(64)));
    __local float weights[KEYS * QUERIES] __attribute__((aligned(64))), gradient[KEYS * QUERIES] __attribute__((aligned(64)));
    __local float bias[KEYS], delta[QUERIES], row_log_sum[QUERIES], ones[MR];
    const uint kv_head = get_group_id(1), sample = get_group_id(2), heads = get_num_groups(1) * group;
    const uint range_begin = get_group_id(0) * range, range_end = min(queries, range_begin + range);
    k += (size_t)k_offset + (size_t)sample * keys * k_pitch + (size_t)kv_head * HEAD;
    v += (size_t)v_offset + (size_t)sample * keys * v_pitch + (size_t)kv_head * VALUE;
    dk += (size_t)dk_offset + (size_t)get_group_id(0) * dk_part + (size_t)sample * keys * dk_pitch + (size_t)kv_head * HEAD;
    dv += (size_t)dv_offset + (size_t)get_group_id(0) * dv_part + (size_t)sample * keys * dv_pitch + (size_t)kv_head * VALUE;
#if MASKED
    mask += (size_t)mask_offset + (size_t)sample * keys;
#else
    const __global int *mask = 0;
#endif
    for (uint i = 0; i < MR; i++)
        ones[i] = 1.0f;
    for (uint j = 0; j < keys; j++) {
        for (uint x = 0; x < HEAD; x += VW)
            store_lanes((floatv)(0.0f), dk + (size_t)j * dk_pitch + x, HEAD - x);
        for (uint x = 0; x < VALUE; x += VW)
            store_lanes((floatv)(0.0f), dv + (size_t)j * dv_pitch + x, VALUE - x);
    }

    for (uint head = kv_head * group; head < (kv_head + 1) * group; head++) {
#if DROPOUT
        const uint2 seed = RANDOM_KEY(sample, head, heads);
#else
        const float kept = 1.0f;
#endif
        for (uint top = range_begin; top < range_end; top += block) {
            const uint n = min(block, range_end - top);
            const size_t row = (size_t)sample * queries + top;
            const __global float *block_dy = dy + (size_t)dy_offset + row * dy_pitch + (size_t)head * VALUE;
            pack_rows(q_rows, q + (size_t)q_offset + row * q_pitch + (size_t)head * HEAD, q_pitch, n, HEAD, scale);
            pack_rows(dy_rows, block_dy, dy_pitch, n, VALUE, kept);
            turn_rows(q_panels, q_rows, n, HEAD);
            turn_rows(dy_panels, dy_rows, n, VALUE);
            row_sums(delta, row_log_sum, n, block_dy, dy_pitch, y + (size_t)y_offset + row * y_pitch + (size_t)head * VALUE, y_pitch,
                     log_sum + (size_t)log_sum_offset + ((size_t)sample * heads + head) * queries + top);
            for (uint i = 0; i < (n + MR - 1) / MR * MR * HEAD_PITCH; i += VW)
                STOREV_LOCAL((floatv)(0.0f), dq_rows + i);

            const uint begin = first_key(top, window) / 8 * 8, end = end_key(top + n - 1, keys, window, causal);
            for (uint key = begin; key < end; key += key_block) {
                const uint count = min(key_block, end - key);
                pack_rows(keys_of, k + (size_t)key * k_pitch, k_pitch, count, HEAD, 1.0f);
                pack_rows(values_of, v + (size_t)key * v_pitch, v_pitch, count, VALUE, 1.0f);
                key_bias(bias, mask + key, count);
                for (uint p = 0; p < n; p += NR) {
                    const uint vectors = (min((uint)NR, n - p) + VW - 1) / VW;
                    __local float *w = weights + p, *g = gradient + p;
                    intv first[NRV], last[NRV];
                    key_range(first, last, top + p, keys, window, causal);
                    if (vectors == NRV)
                        weights_again(NRV, w, keys_of, bias, q_panels + p * HEAD, count, row_log_sum + p, first, last, key);
                    else
                        weights_again(1, w, keys_of, bias, q_panels + p * HEAD, count, row_log_sum + p, first, last, key);
#if DROPOUT
                    for (uint j = 0; j < vectors; j++)
                        DROP_WEIGHTS(w + j * VW, QUERIES, seed, top + p + j * VW, key, count, threshold, -x)
#endif
                    if (vectors == NRV)
                        scores_gradient(NRV, g, w, values_of, dy_panels + p * VALUE, count, delta + p);
                    else
                        scores_gradient(1, g, w, values_of, dy_panels + p * VALUE, count, delta + p);
                }
                add_rows(dv + (size_t)key * dv_pitch, dv_pitch, count, VALUE, weights, dy_rows, n);
                add_rows(dk + (size_t)key * dk_pitch, dk_pitch, count, HEAD, gradient, q_rows, n);
                for (uint i = 0; i < n; i += MR) {
                    __local float *c = dq_rows + i * HEAD_PITCH;
                    for (uint x = 0; x + NR <= HEAD_PITCH; x += NR)
                        tile_add_local(NRV, c + x, HEAD_PITCH, ones, gradient + i, 1, QUERIES, keys_of + x, HEAD_PITCH, count);
                    if (HEAD_PITCH % NR != 0)
                        tile_add_local(1, c + HEAD_PITCH / NR * NR, HEAD_PITCH, ones, gradient + i, 1, QUERIES, keys_of + HEAD_PITCH / NR * NR,
                                       HEAD_PITCH, count);
                }
            }
            for (uint i = 0; i < n; i++)
                for (uint x = 0; x < HEAD; x += VW)
                    store_lanes(LOADV_LOCAL(dq_rows + i * HEAD_PITCH + x) * scale,
                                dq + (size_t)dq_offset + (row + i) * dq_pitch + (size_t)head * HEAD + x, HEAD - x);
        }
    }
}
