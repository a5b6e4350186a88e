// Attention of blocks of queries to the blocks of keys chosen for each, on CPUs (lib/ops/block_attention.c has the formulas). One work-item owns the
// queries of a block of one head, or some of them, and goes through the keys of its chosen blocks some at a time, as attention_wide.cl does.
#include "attention_wide.h"
#include "block_attention_wide.h"

// Scores of `count` keys for the `vectors` vectors of queries in a panel, and their maxima, in which masked keys have a part; `bias` is added behind.
INLINE void block_scores(const uint vectors, __local float *strip, const __local float *keys, const __local float *bias,
                         const __local float *panel, const uint count, floatv most[NRV])
{
    for (uint t = 0; t < count; t += MR) {
        floatv c[MR][NRV];
        tile_fill(c, vectors, 0.0f);
        tile_products(c, vectors, keys + t * HEAD_PITCH, HEAD_PITCH, 1, panel, NR, HEAD);
#pragma unroll
        for (uint i = 0; i < MR; i++)
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors) {
                    most[j] = t + i < count ? max_of(c[i][j], most[j]) : most[j];
                    STOREV_LOCAL(c[i][j] + (floatv)(bias[t + i]), strip + (t + i) * NR + j * VW);
                }
    }
}

// Index space (blocks * parts, heads, samples), one work-item a group: part g % parts, of QUERIES queries, of block g / parts. `key_block` keys at a
// time, a multiple of 8.  Reads q once, k and v once for each block of queries that chose them, writes y and the logarithm of what each row's
// weights are divided by, (samples, heads, tokens).
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void block_attention(const uint tokens, const uint block, const uint blocks, const uint parts, const uint key_block, const uint count,
                     const float scale, const __global float *q, const uint q_offset, const uint q_pitch, const __global float *k,
                     const uint k_offset, const uint k_pitch, const __global float *v, const uint v_offset, const uint v_pitch,
                     const __global int *chosen, const uint chosen_offset, const __global int *begins, const uint begins_offset,
                     const __global float *rest, const uint rest_offset, const uint rest_pitch, const __global float *rest_sum,
                     const uint rest_sum_offset, const __global float *rest_most, const uint rest_most_offset, __global float *y,
                     const uint y_offset, const uint y_pitch, __global float *log_sum, const uint log_sum_offset MASK_ARGUMENTS)
{
    __local float keys_of[(KEYS + MR) * HEAD_PITCH] __attribute__((aligned(64))), values_of[(KEYS + MR) * VALUE_PITCH] __attribute__((aligned(64)));
    __local float rows[QUERIES * (HEAD_PITCH > VALUE_PITCH ? HEAD_PITCH : VALUE_PITCH)] __attribute__((aligned(64)));
    __local float panels[(QUERIES + NR) * HEAD] __attribute__((aligned(64))), strip[(KEYS + MR) * NR] __attribute__((aligned(64)));
    __local float bias[KEYS + MR], most[QUERIES + NR], sum[QUERIES + NR], before[NR], seen[QUERIES + NR], far_of[QUERIES + NR];
    const uint head = get_group_id(1), sample = get_group_id(2), matrix = sample * get_num_groups(1) + head;
    const uint own = get_group_id(0) / parts, top = own * block + get_group_id(0) % parts * QUERIES, behind = min((own + 1) * block, tokens);
    if (top >= behind)
        return;
    const uint n = min((uint)QUERIES, behind - top);
    q += (size_t)q_offset + ((size_t)sample * tokens + top) * q_pitch + (size_t)head * HEAD;
    k += (size_t)k_offset + (size_t)sample * tokens * k_pitch + (size_t)head * HEAD;
    v += (size_t)v_offset + (size_t)sample * tokens * v_pitch + (size_t)head * VALUE;
    y += (size_t)y_offset + ((size_t)sample * tokens + top) * y_pitch + (size_t)head * VALUE;
    chosen += (size_t)chosen_offset + (size_t)matrix * count;
    begins += (size_t)begins_offset + (size_t)matrix * (blocks + 1) + own;
#if MASKED
    mask += (size_t)mask_offset + (size_t)sample * tokens;
#else
    const __global int *mask = 0;
#endif

    pack_rows(rows, q, q_pitch, n, HEAD, scale);
    turn_rows(panels, rows, n, HEAD);
    for (uint i = 0; i < (n + MR - 1) / MR * MR * VALUE_PITCH; i += VW)    // rows hold y from here on
        STOREV_LOCAL((floatv)(0.0f), rows + i);
    for (uint i = 0; i < n; i += VW) {
        STOREV_LOCAL((floatv)(-INFINITY), most + i);
        STOREV_LOCAL((floatv)(0.0f), sum + i);
    }

    uint at = begins[0], row = 0;
    while (at < (uint)begins[1]) {
        bool short_one;
        const uint some_keys = gather_keys(keys_of, values_of, bias, &at, &row, begins[1], key_block, chosen, blocks, block, tokens, k, k_pitch,
                                           v, v_pitch, mask, &short_one);
        for (uint p = 0; p < n; p += NR) {
            const uint some = min((uint)NR, n - p), vectors = (some + VW - 1) / VW;
            floatv high[NRV];
            for (uint j = 0; j < NRV; j++) {
                high[j] = LOADV_LOCAL(most + p + j * VW);
                high[j] = short_one ? max_of((floatv)(0.0f), high[j]) : high[j];
            }
            if (vectors == NRV)
                block_scores(NRV, strip, keys_of, bias, panels + p * HEAD, some_keys, high);
            else
                block_scores(1, strip, keys_of, bias, panels + p * HEAD, some_keys, high);
            for (uint j = 0; j < vectors; j++) {
                const floatv factor = clmix_exp(LOADV_LOCAL(most + p + j * VW) - high[j]);
                const floatv added = strip_weights(strip + j * VW, some_keys, high[j]);
                STOREV_LOCAL(high[j], most + p + j * VW);
                STOREV_LOCAL(factor, before + j * VW);
                STOREV_LOCAL(LOADV_LOCAL(sum + p + j * VW) * factor + added, sum + p + j * VW);
            }
            for (uint i = 0; i < some; i += MR) {
                __local float *out = rows + (p + i) * VALUE_PITCH;
                for (uint x = 0; x + NR <= VALUE_PITCH; x += NR)
                    tile_add_local(NRV, out + x, VALUE_PITCH, before + i, strip + i, 1, NR, values_of + x, VALUE_PITCH, some_keys);
                if (VALUE_PITCH % NR != 0)
                    tile_add_local(1, out + VALUE_PITCH / NR * NR, VALUE_PITCH, before + i, strip + i, 1, NR,
                                   values_of + VALUE_PITCH / NR * NR, VALUE_PITCH, some_keys);
            }
        }
    }

    // Factors of a row's own sum and of what the rest adds, in `sum` and `far_of`.
    log_sum += (size_t)log_sum_offset + (size_t)matrix * tokens + top;
    for (uint i = 0; i < WHOLE(n); i++) {
        const bool there = !MASKED || mask[top + min(i, n - 1)] != 0;
        seen[i] = there ? 1.0f : 0.0f;
    }
    for (uint i = 0; i < n; i += VW) {
        const floatv high = LOADV_LOCAL(most + i), own_most = high > (floatv)(-INFINITY) ? high : (floatv)(-1e5f);
        const floatv there = LOADV_LOCAL(seen + i);
#if REST
        const floatv other = (floatv)(rest_most[rest_most_offset + (size_t)matrix * blocks + own]), base = max_of(own_most, other);
        const floatv near = clmix_exp(own_most - base), far = clmix_exp(other - base);
        const floatv total = LOADV_LOCAL(sum + i) * near + far * rest_sum[rest_sum_offset + (size_t)matrix * blocks + own] + 1e-6f;
        STOREV_LOCAL(there * far / total, far_of + i);
        STOREV_LOCAL(there * near / total, sum + i);
#else
        const floatv base = own_most, total = LOADV_LOCAL(sum + i) + 1e-6f;
        STOREV_LOCAL(there / total, sum + i);
#endif
        store_lanes(there > (floatv)(0.0f) ? base + log(total) : (floatv)(INFINITY), log_sum + i, n - i);
    }
#if REST
    rest += (size_t)rest_offset + ((size_t)sample * blocks + own) * rest_pitch + (size_t)head * VALUE;
#endif
    for (uint i = 0; i < n; i++)
        for (uint x = 0; x < VALUE; x += VW) {
            floatv out = LOADV_LOCAL(rows + i * VALUE_PITCH + x) * sum[i];
#if REST
            out = FMA(load_lanes(rest + x, VALUE - x), (floatv)(far_of[i]), out);
#endif
            store_lanes(out, y + i * (size_t)y_pitch + x, VALUE - x);
        }
}
