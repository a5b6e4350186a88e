// Gradients of attention within chosen blocks on GPUs (lib/ops/block_attention.c has the formulas). Groups of queries give dq from the blocks of keys that
// their block chose, groups of keys dk and dv from the blocks of queries that chose theirs: each makes the P and dS that it needs, so that no two
// add to one element.
#include "block_attention_simt.h"

#ifndef GRAD_K
#define GRAD_K 1         // 1: block_attention_simt_keys gives the gradient of k
#endif
#ifndef GRAD_V
#define GRAD_V 1         // and of v
#endif

#define TENSORS                                                                                                                  \
    const __global float *q, const uint q_offset, const uint q_pitch, const __global float *k, const uint k_offset,              \
        const uint k_pitch, const __global float *v, const uint v_offset, const uint v_pitch, const __global float *dy,          \
        const uint dy_offset, const uint dy_pitch, const __global float *log_sum, const uint log_sum_offset,                     \
        const __global float *delta, const uint delta_offset, const __global int *chosen, const uint chosen_offset,              \
        const __global int *begins, const uint begins_offset

#define WEIGH(j, i) weights[i][j] = counts ? clmix_exp_1(weights[i][j] * scale - log_of[y * PM + i]) : 0.0f;
#define WEIGH_COLUMN(j)                                                                                                 \
    {                                                                                                                   \
        const bool counts = TOKEN_COUNTS(u + (j) * LANES + x, key + (j) * LANES + x);                                   \
        ALL(j, WEIGH)                                                                                                   \
    }
#define DIFFER(j, i) gradient[i][j] = weights[i][j] * (gradient[i][j] - delta_of[y * PM + i]);
#define DIFFER_COLUMN(j) ALL(j, DIFFER)
#define STORE_DQ(i)                                                                                                     \
    if (y * PM + i < rows_inside)                                                                                       \
        store_head_row(dq + (size_t)(y * PM + i) * dq_pitch, sums[i], columns_inside, HEAD % 4 == 0, scale, x);

// dq.  Index space (samples * blocks * parts of TM queries, heads, parts of HEAD), LANES x ROWS work-items a group; of row i the blocks of keys are
// chosen[begins[i]] ... Reads q and dy once for every TN keys, k and v once for every TM queries that chose them, writes dq once.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) SUB_GROUPS
void block_attention_simt_queries(const uint tokens, const uint block, const uint blocks, const uint parts, const uint count,
                                  const float scale, TENSORS, __global float *dq, const uint dq_offset, const uint dq_pitch MASK_ARGUMENTS)
{
    __local float first[FIRST_FLOATS] __attribute__((aligned(16)));
    __local float second[SECOND_FLOATS(PH)] __attribute__((aligned(16)));
    __local float log_of[TM], delta_of[TM];
    const int x = get_local_id(0), y = get_local_id(1);
    GROUP_PLACE(get_group_id(0))
    const uint column0 = get_group_id(2) * HEAD_PART;
    const int columns_inside = HEAD - column0;
    q += (size_t)q_offset + ((size_t)sample * tokens + row0) * q_pitch + (size_t)head * HEAD;
    k += (size_t)k_offset + (size_t)sample * tokens * k_pitch + (size_t)head * HEAD;
    v += (size_t)v_offset + (size_t)sample * tokens * v_pitch + (size_t)head * VALUE;
    dy += (size_t)dy_offset + ((size_t)sample * tokens + row0) * dy_pitch + (size_t)head * VALUE;
    dq += (size_t)dq_offset + ((size_t)sample * tokens + row0) * dq_pitch + (size_t)head * HEAD + column0;
    log_sum += (size_t)log_sum_offset + (size_t)matrix * tokens + row0;
    delta += (size_t)delta_offset + (size_t)matrix * tokens + row0;
    chosen += (size_t)chosen_offset + (size_t)matrix * count;
    begins += (size_t)begins_offset + (size_t)matrix * (blocks + 1) + own;
#if MASKED
    mask += (size_t)mask_offset + (size_t)sample * tokens;
#endif

    for (int r = y * LANES + x; r < TM; r += GROUP) {    // read behind the barriers of the first scores
        log_of[r] = r < rows_inside ? log_sum[r] : INFINITY;
        delta_of[r] = r < rows_inside ? delta[r] : 0.0f;
    }
    float sums[PM][PH];
    EACH_2(CLEAR_ROW, sums, PH)

    for (uint e = begins[0]; e < (uint)begins[1]; e++) {
        const uint j = (uint)chosen[e] % blocks;
        for (uint u = 0; u < block; u += TN) {
            const uint key = j * block + u;
            const int inside = TOKENS_INSIDE(j, u);
            float weights[PM][PN], gradient[PM][PN];
            make_scores(weights, first, second, HEAD, q, q_pitch, rows_inside, k + (size_t)key * k_pitch, k_pitch, inside, x, y);
            EACH(WEIGH_COLUMN)
            make_scores(gradient, first, second, VALUE, dy, dy_pitch, rows_inside, v + (size_t)key * v_pitch, v_pitch, inside, x, y);
            EACH(DIFFER_COLUMN)
            MULTIPLY_ROWS(add_head_rows, sums, PH, gradient, k + (size_t)key * k_pitch + column0, k_pitch, inside, columns_inside, HEAD % 4 == 0)
        }
    }
    EACH(STORE_DQ)
}

// The same with rows that are keys. A masked key is seen to at the end: no other row depends on it.
#define WEIGH_KEY(j, i) weights[i][j] = clmix_exp_1(weights[i][j] * scale - log_of);
#define WEIGH_QUERY(j)                                                                                                  \
    {                                                                                                                   \
        const float log_of = (int)((j) * LANES + x) < inside ? log_sum[query + (j) * LANES + x] : INFINITY;             \
        ALL(j, WEIGH_KEY)                                                                                               \
    }
#define DIFFER_KEY(j, i) gradient[i][j] = weights[i][j] * (gradient[i][j] - delta_of);
#define DIFFER_QUERY(j)                                                                                                 \
    {                                                                                                                   \
        const float delta_of = (int)((j) * LANES + x) < inside ? delta[query + (j) * LANES + x] : 0.0f;                 \
        ALL(j, DIFFER_KEY)                                                                                              \
    }
#define HIDE_ROW(i, sums, p)                                                                                            \
    if (y * PM + i < rows_inside && mask[row0 + y * PM + i] == 0) {                                                     \
        CLEAR_ROW(i, sums, p)                                                                                           \
    }
#define STORE_DK(i)                                                                                                     \
    if (y * PM + i < rows_inside)                                                                                       \
        store_head_row(dk + (size_t)(y * PM + i) * dk_pitch, head_sums[i], columns_inside, HEAD % 4 == 0, scale, x);
#define STORE_DV(i)                                                                                                     \
    if (y * PM + i < rows_inside)                                                                                       \
        store_value_row(dv + (size_t)(y * PM + i) * dv_pitch, value_sums[i], GRAD_K ? VALUE : columns_inside, VALUE % 4 == 0, 1.0f, x);

// dk, dv, or one of them.  Index space (samples * blocks * parts of TM keys, heads, parts of HEAD or VALUE; 1 where both are made), LANES x ROWS
// work-items a group; of column j the blocks of queries are chosen[begins[j]] ...  Reads k and v once for every TN queries, q and dy once for every
// TM keys that they chose, writes dk and dv once.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) SUB_GROUPS
void block_attention_simt_keys(const uint tokens, const uint block, const uint blocks, const uint parts, const uint count, const float scale,
                               TENSORS, __global float *dk, const uint dk_offset, const uint dk_pitch, __global float *dv,
                               const uint dv_offset, const uint dv_pitch MASK_ARGUMENTS)
{
    __local float first[FIRST_FLOATS] __attribute__((aligned(16)));
    __local float second[SECOND_FLOATS(LARGER(GRAD_K * PH, GRAD_V * PV))] __attribute__((aligned(16)));
    const int x = get_local_id(0), y = get_local_id(1);
    GROUP_PLACE(get_group_id(0))
    const uint column0 = get_group_id(2) * (GRAD_K ? HEAD_PART : VALUE_PART);
    const int columns_inside = (GRAD_K ? HEAD : VALUE) - column0;
    q += (size_t)q_offset + (size_t)sample * tokens * q_pitch + (size_t)head * HEAD;
    dy += (size_t)dy_offset + (size_t)sample * tokens * dy_pitch + (size_t)head * VALUE;
    k += (size_t)k_offset + ((size_t)sample * tokens + row0) * k_pitch + (size_t)head * HEAD;
    v += (size_t)v_offset + ((size_t)sample * tokens + row0) * v_pitch + (size_t)head * VALUE;
    log_sum += (size_t)log_sum_offset + (size_t)matrix * tokens;
    delta += (size_t)delta_offset + (size_t)matrix * tokens;
    chosen += (size_t)chosen_offset + (size_t)matrix * count;
    begins += (size_t)begins_offset + (size_t)matrix * (blocks + 1) + own;
#if MASKED
    mask += (size_t)mask_offset + (size_t)sample * tokens;
#endif

#if GRAD_K
    float head_sums[PM][PH];
    EACH_2(CLEAR_ROW, head_sums, PH)
#endif
#if GRAD_V
    float value_sums[PM][PV];
    EACH_2(CLEAR_ROW, value_sums, PV)
#endif

    for (uint e = begins[0]; e < (uint)begins[1]; e++) {
        const uint j = chosen[e];
        for (uint u = 0; u < block; u += TN) {
            const uint query = j * block + u;
            const __global float *q_rows = q + (size_t)query * q_pitch, *dy_rows = dy + (size_t)query * dy_pitch;
            const int inside = TOKENS_INSIDE(j, u);
            float weights[PM][PN];
            make_scores(weights, first, second, HEAD, k, k_pitch, rows_inside, q_rows, q_pitch, inside, x, y);
            EACH(WEIGH_QUERY)
#if GRAD_K
            float gradient[PM][PN];
            make_scores(gradient, first, second, VALUE, v, v_pitch, rows_inside, dy_rows, dy_pitch, inside, x, y);
            EACH(DIFFER_QUERY)
            MULTIPLY_ROWS(add_head_rows, head_sums, PH, gradient, q_rows + (GRAD_V ? 0 : column0), q_pitch, inside, GRAD_V ? HEAD : columns_inside,
                          HEAD % 4 == 0)
#endif
#if GRAD_V
            MULTIPLY_ROWS(add_value_rows, value_sums, PV, weights, dy_rows + (GRAD_K ? 0 : column0), dy_pitch, inside, GRAD_K ? VALUE : columns_inside,
                          VALUE % 4 == 0)
#endif
        }
    }
#if MASKED && GRAD_K
    EACH_2(HIDE_ROW, head_sums, PH)
#endif
#if MASKED && GRAD_V
    EACH_2(HIDE_ROW, value_sums, PV)
#endif
#if GRAD_K
    dk += (size_t)dk_offset + ((size_t)sample * tokens + row0) * dk_pitch + (size_t)head * HEAD + column0;
    EACH(STORE_DK)
#endif
#if GRAD_V
    dv += (size_t)dv_offset + ((size_t)sample * tokens + row0) * dv_pitch + (size_t)head * VALUE + (GRAD_K ? 0 : column0);
    EACH(STORE_DV)
#endif
}
