// Gradients of attention within chosen blocks on CPUs, in one pass (lib/ops/block_attention.c has the formulas). One work-item owns a head, or a range
// of its blocks of queries, and takes these one after the other: dq of some queries stays in local memory, and for the keys of the blocks that are
// chosen for them the weights and dS are formed again, [key][query], and multiplied with dy, q and k. dk and dv are added to where they lie. Every
// sum is one chain in order of blocks and elements.
#include "attention_wide_grad.h"
#include "block_attention_wide.h"

// Index space (ranges of blocks, heads, samples), one work-item a group. A range is `range` blocks of queries, each taken QUERIES queries at a time;
// `key_block` keys at a time, a multiple of 8. The g-th range writes its own dk and dv at dk + g * dk_part and dv + g * dv_part.  Reads q, dy and y
// once, k and v once for each block of queries that chose them, and reads and writes dk and dv as often.
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void block_attention_grad(const uint tokens, const uint block, const uint blocks, const uint range, const uint key_block, const uint count,
                          const float scale, const __global float *q, const uint q_offset, const uint q_pitch, const __global float *k,
                          const uint k_offset, const uint k_pitch, const __global float *v, const uint v_offset, const uint v_pitch,
                          const __global int *chosen, const uint chosen_offset, const __global int *begins, const uint begins_offset,
                          const __global float *rest_most, const uint rest_most_offset, const __global float *dy, const uint dy_offset,
                          const uint dy_pitch, const __global float *y, const uint y_offset, const uint y_pitch,
                          const __global float *log_sum, const uint log_sum_offset, __global float *dq, const uint dq_offset,
                          const uint dq_pitch, __global float *dk, const uint dk_offset, const uint dk_pitch, const uint dk_part,
                          __global float *dv, const uint dv_offset, const uint dv_pitch, const uint dv_part, __global float *drest,
                          const uint drest_offset, const uint drest_pitch, __global float *dsum, const uint dsum_offset MASK_ARGUMENTS)
{
    __local float keys_of[(KEYS + MR) * HEAD_PITCH] __attribute__((aligned(64))), values_of[(KEYS + MR) * VALUE_PITCH] __attribute__((aligned(64)));
    __local float q_rows[QUERIES * HEAD_PITCH] __attribute__((aligned(64))), dy_rows[QUERIES * VALUE_PITCH] __attribute__((aligned(64)));
    __local float q_panels[(QUERIES + NR) * HEAD] __attribute__((aligned(64))), dy_panels[(QUERIES + NR) * VALUE] __attribute__((aligned(64)));
    __local float dq_rows[QUERIES * HEAD_PITCH] __attribute__((aligned(64))), far_sum[VALUE_PITCH] __attribute__((aligned(64)));
    __local float weights[(KEYS + MR) * QUERIES] __attribute__((aligned(64))), gradient[(KEYS + MR) * QUERIES] __attribute__((aligned(64)));
    __local float bias[KEYS + MR], delta[QUERIES], row_log_sum[QUERIES], ones[MR];
    const uint head = get_group_id(1), sample = get_group_id(2), matrix = sample * get_num_groups(1) + head;
    const uint range_end = min(blocks, (uint)(get_group_id(0) + 1) * range);
    const intv first[NRV] = { (intv)(0), (intv)(0) };    // all queries see all keys
    k += (size_t)k_offset + (size_t)sample * tokens * k_pitch + (size_t)head * HEAD;
    v += (size_t)v_offset + (size_t)sample * tokens * v_pitch + (size_t)head * VALUE;
    dk += (size_t)dk_offset + (size_t)get_group_id(0) * dk_part + (size_t)sample * tokens * dk_pitch + (size_t)head * HEAD;
    dv += (size_t)dv_offset + (size_t)get_group_id(0) * dv_part + (size_t)sample * tokens * dv_pitch + (size_t)head * VALUE;
    chosen += (size_t)chosen_offset + (size_t)matrix * count;
    begins += (size_t)begins_offset + (size_t)matrix * (blocks + 1);
#if MASKED
    mask += (size_t)mask_offset + (size_t)sample * tokens;
#else
    const __global int *mask = 0;
#endif
    for (uint i = 0; i < MR; i++)
        ones[i] = 1.0f;
    clear_rows(weights, KEYS + MR, QUERIES);
    clear_rows(gradient, KEYS + MR, QUERIES);
    for (uint j = 0; j < tokens; j++) {
        for (uint x = 0; x < HEAD; x += VW)
            store_lanes((floatv)(0.0f), dk + (size_t)j * dk_pitch + x, HEAD - x);
        for (uint x = 0; x < VALUE; x += VW)
            store_lanes((floatv)(0.0f), dv + (size_t)j * dv_pitch + x, VALUE - x);
    }

    for (uint own = get_group_id(0) * range; own < range_end; own++) {
        const uint behind = min((own + 1) * block, tokens);
        float far_delta = 0.0f;
        clear_rows(far_sum, 1, VALUE_PITCH);
        for (uint top = own * block; top < behind; top += QUERIES) {
            const uint n = min((uint)QUERIES, behind - top);
            const size_t token = (size_t)sample * tokens + top;
            const __global float *rows_dy = dy + (size_t)dy_offset + token * dy_pitch + (size_t)head * VALUE;
            pack_rows(q_rows, q + (size_t)q_offset + token * q_pitch + (size_t)head * HEAD, q_pitch, n, HEAD, scale);
            pack_rows(dy_rows, rows_dy, dy_pitch, n, VALUE, 1.0f);
            turn_rows(q_panels, q_rows, n, HEAD);
            turn_rows(dy_panels, dy_rows, n, VALUE);
            row_sums(delta, row_log_sum, n, rows_dy, dy_pitch, y + (size_t)y_offset + token * y_pitch + (size_t)head * VALUE, y_pitch,
                     log_sum + (size_t)log_sum_offset + (size_t)matrix * tokens + top);
            clear_rows(dq_rows, (n + MR - 1) / MR * MR, HEAD_PITCH);
#if REST
            for (uint i = 0; i < n; i++) {
                const float alpha = clmix_exp_1(rest_most[rest_most_offset + (size_t)matrix * blocks + own] - row_log_sum[i]);
                for (uint x = 0; x < VALUE_PITCH; x += VW)
                    STOREV_LOCAL(FMA((floatv)(alpha), LOADV_LOCAL(dy_rows + i * VALUE_PITCH + x), LOADV_LOCAL(far_sum + x)), far_sum + x);
                far_delta = FMA(alpha, delta[i], far_delta);
            }
#endif

            uint at = begins[own], row = 0;
            while (at < (uint)begins[own + 1]) {
                uint from = at, from_row = row;
                bool short_one;
                const uint some = gather_keys(keys_of, values_of, bias, &at, &row, begins[own + 1], key_block, chosen, blocks, block, tokens, k,
                                              k_pitch, v, v_pitch, mask, &short_one);
                for (uint p = 0; p < n; p += NR) {
                    const uint vectors = (min((uint)NR, n - p) + VW - 1) / VW;
                    __local float *w = weights + p, *g = gradient + p;
                    if (vectors == NRV) {
                        weights_again(NRV, w, keys_of, bias, q_panels + p * HEAD, some, row_log_sum + p, first, first, 0);
                        scores_gradient(NRV, g, w, values_of, dy_panels + p * VALUE, some, delta + p);
                    } else {
                        weights_again(1, w, keys_of, bias, q_panels + p * HEAD, some, row_log_sum + p, first, first, 0);
                        scores_gradient(1, g, w, values_of, dy_panels + p * VALUE, some, delta + p);
                    }
                }
                for (uint done = 0; done < some;) {
                    uint key;
                    const uint run = next_run(&from, &from_row, &key, chosen, blocks, block, tokens, some - done);
                    add_rows(dv + (size_t)key * dv_pitch, dv_pitch, run, VALUE, weights + done * QUERIES, dy_rows, n);
                    add_rows(dk + (size_t)key * dk_pitch, dk_pitch, run, HEAD, gradient + done * QUERIES, q_rows, n);
                    done += run;
                }
                for (uint i = 0; i < n; i += MR) {
                    __local float *c = dq_rows + i * HEAD_PITCH;
                    for (uint x = 0; x + NR <= HEAD_PITCH; x += NR)
                        tile_add_local(NRV, c + x, HEAD_PITCH, ones, gradient + i, 1, QUERIES, keys_of + x, HEAD_PITCH, some);
                    if (HEAD_PITCH % NR != 0)
                        tile_add_local(1, c + HEAD_PITCH / NR * NR, HEAD_PITCH, ones, gradient + i, 1, QUERIES, keys_of + HEAD_PITCH / NR * NR,
                                       HEAD_PITCH, some);
                }
            }
            for (uint i = 0; i < n; i++)
                for (uint x = 0; x < HEAD; x += VW)
                    store_lanes(LOADV_LOCAL(dq_rows + i * HEAD_PITCH + x) * scale,
                                dq + (size_t)dq_offset + (token + i) * dq_pitch + (size_t)head * HEAD + x, HEAD - x);
        }
#if REST
        for (uint x = 0; x < VALUE; x += VW)
            store_lanes(LOADV_LOCAL(far_sum + x),
                        drest + (size_t)drest_offset + ((size_t)sample * blocks + own) * drest_pitch + (size_t)head * VALUE + x, VALUE - x);
        dsum[dsum_offset + (size_t)matrix * blocks + own] = -far_delta;
#endif
    }
}
