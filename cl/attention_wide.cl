// y = softmax(scale q k^T) v on CPUs, heads as runs of columns.  One work-item owns a block of queries of one head. It goes through the keys a
// block at a time, and through its queries a panel of NR at a time: the panel's scores, [key][NR], stay in the first cache; a running maximum
// and a running sum a query; the panel's rows of y are scaled once a block and the weights' products with the values added to them.
// An element of y is one chain of FMA over its keys, in order, broken by a scaling wherever a block begins.
#include "attention_wide.h"

// Scores of `count` keys for the `vectors` vectors of queries in a panel, and their maxima.
INLINE void scores(const uint vectors, __local float *strip, const __local float *keys, const __local float *bias, const __local float *panel,
                   const uint count, floatv most[NRV], const intv first[NRV], const intv end[NRV], const uint key)
{
    for (uint t = 0; t < count; t += MR) {
        floatv c[MR][NRV];
        tile_scores(c, vectors, keys + t * HEAD_PITCH, bias + t, panel);
#pragma unroll
        for (uint i = 0; i < MR; i++)
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors) {
                    const floatv s = SEEN(c[i][j], key + t + i, first[j], end[j], -INFINITY);
                    most[j] = max_of(s, most[j]);
                    STOREV_LOCAL(s, strip + (t + i) * NR + j * VW);
                }
    }
}

// Index space (blocks of queries, heads, samples), one work-item a group. `block` queries and `key_block` keys a block, multiples of 8; head h
// has keys and values h / group.  Reads q once, k and v once a block of queries, writes y and the logarithm of each row's sum, (samples, heads,
// queries).
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void attention(const uint queries, const uint keys, const uint group, const uint block, const uint key_block, const uint window,
               const uint causal, const float scale, const float zero_keys, const __global float *q, const uint q_offset, const uint q_pitch,
               const __global float *k, const uint k_offset, const uint k_pitch, const __global float *v, const uint v_offset,
               const uint v_pitch, __global float *y, const uint y_offset, const uint y_pitch, __global float *log_sum,
               const uint log_sum_offset MASK_ARGUMENTS RANDOM_ARGUMENTS)
{
    __local float keys_of[KEYS * HEAD_PITCH] __attribute__((aligned(64))), values_of[KEYS * VALUE_PITCH] __attribute__((aligned(64)));
    __local float rows[QUERIES * (HEAD_PITCH > VALUE_PITCH ? HEAD_PITCH : VALUE_PITCH)] __attribute__((aligned(64)));
    __local float panels[(QUERIES + NR) * HEAD] __attribute__((aligned(64))), strip[KEYS * NR] __attribute__((aligned(64)));
    __local float bias[KEYS], most[QUERIES + NR], sum[QUERIES + NR], before[NR];
    const uint head = get_group_id(1), sample = get_group_id(2), top = get_group_id(0) * block, n = min(block, queries - top);
    q += (size_t)q_offset + ((size_t)sample * queries + top) * q_pitch + (size_t)head * HEAD;
    k += (size_t)k_offset + (size_t)sample * keys * k_pitch + (size_t)(head / group) * HEAD;
    v += (size_t)v_offset + (size_t)sample * keys * v_pitch + (size_t)(head / group) * VALUE;
    y += (size_t)y_offset + ((size_t)sample * queries + top) * y_pitch + (size_t)head * VALUE;
#if MASKED
    mask += (size_t)mask_offset + (size_t)sample * keys;
#else
    const __global int *mask = 0;
#endif
#if DROPOUT
    const uint2 seed = RANDOM_KEY(sample, head, get_num_groups(1));
#endif

    pack_rows(rows, q, q_pitch, n, HEAD, scale);
    turn_rows(panels, rows, n, HEAD);
    for (uint i = 0; i < (n + MR - 1) / MR * MR * VALUE_PITCH; i += VW)    // rows hold y from here on
        STOREV_LOCAL((floatv)(0.0f), rows + i);
    for (uint i = 0; i < n; i += VW) {
        STOREV_LOCAL((floatv)(zero_keys > 0.0f ? 0.0f : -INFINITY), most + i);    // their score is 0
        STOREV_LOCAL((floatv)(zero_keys), sum + i);
    }

    const uint begin = first_key(top, window) / 8 * 8, end = end_key(top + n - 1, keys, window, causal);
    for (uint key = begin; key < end; key += key_block) {
        const uint count = min(key_block, end - key);
        pack_rows(keys_of, k + (size_t)key * k_pitch, k_pitch, count, HEAD, 1.0f);
        pack_rows(values_of, v + (size_t)key * v_pitch, v_pitch, count, VALUE, 1.0f);
        key_bias(bias, mask + key, count);
        for (uint p = 0; p < n; p += NR) {
            const uint some = min((uint)NR, n - p), vectors = (some + VW - 1) / VW;
            floatv high[NRV];
            intv first[NRV], last[NRV];
            if (RANGED && (first_key(top + p, window) >= key + count || end_key(top + p + some - 1, keys, window, causal) <= key))
                continue;
            key_range(first, last, top + p, keys, window, causal);
            for (uint j = 0; j < NRV; j++)
                high[j] = LOADV_LOCAL(most + p + j * VW);
            if (vectors == NRV)
                scores(NRV, strip, keys_of, bias, panels + p * HEAD, count, high, first, last, key);
            else
                scores(1, strip, keys_of, bias, panels + p * HEAD, count, high, first, last, key);
            for (uint j = 0; j < vectors; j++) {
                const floatv base = high[j] > (floatv)(-INFINITY) ? high[j] : (floatv)(0.0f);
                const floatv factor = clmix_exp(LOADV_LOCAL(most + p + j * VW) - base);
                const floatv added = strip_weights(strip + j * VW, count, base);
                STOREV_LOCAL(high[j], most + p + j * VW);
                STOREV_LOCAL(factor, before + j * VW);
                STOREV_LOCAL(LOADV_LOCAL(sum + p + j * VW) * factor + added, sum + p + j * VW);
#if DROPOUT
                DROP_WEIGHTS(strip + j * VW, NR, seed, top + p + j * VW, key, count, threshold, (floatv)(0.0f))
#endif
            }
            for (uint i = 0; i < some; i += MR) {
                __local float *out = rows + (p + i) * VALUE_PITCH;
                for (uint x = 0; x + NR <= VALUE_PITCH; x += NR)
                    tile_add_local(NRV, out + x, VALUE_PITCH, before + i, strip + i, 1, NR, values_of + x, VALUE_PITCH, count);
                if (VALUE_PITCH % NR != 0)
                    tile_add_local(1, out + VALUE_PITCH / NR * NR, VALUE_PITCH, before + i, strip + i, 1, NR,
                                   values_of + VALUE_PITCH / NR * NR, VALUE_PITCH, count);
            }
        }
    }

    log_sum += (size_t)log_sum_offset + ((size_t)sample * get_num_groups(1) + head) * queries + top;
    for (uint i = 0; i < n; i += VW) {
        const floatv total = LOADV_LOCAL(sum + i);
        store_lanes(total > (floatv)(0.0f) ? LOADV_LOCAL(most + i) + log(total) : (floatv)(INFINITY), log_sum + i, n - i);
    }
    for (uint i = 0; i < n; i++) {
#if DROPOUT
        const float factor = sum[i] == 0.0f ? 0.0f : kept / sum[i];
#else
        const float factor = sum[i] == 0.0f ? 0.0f : 1.0f / sum[i];
#endif
        for (uint x = 0; x < VALUE; x += VW)
            store_lanes(LOADV_LOCAL(rows + i * VALUE_PITCH + x) * factor, y + i * (size_t)y_pitch + x, VALUE - x);
    }
}
