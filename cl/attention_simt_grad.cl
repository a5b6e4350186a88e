// Gradients of attention on GPUs. With P = e^(scale q k^T - log sum), dP = dy v^T, delta = rowsum(dy y):
//     dS = P (dP - delta),   dq = scale dS k,   dk = scale dS^T q,   dv = P^T dy,
// where weights are dropped with z P for P in dv and z dP for dP, z what is drawn. Each group makes the P and dS that it needs, so that no two
// add to one element.
#include "attention_simt.h"

#ifndef GRAD_K
#define GRAD_K 1         // 1: attention_simt_keys gives the gradient of k
#endif
#ifndef GRAD_V
#define GRAD_V 1         // and of v
#endif

#define TENSORS                                                                                                                  \
    const __global float *q, const uint q_offset, const uint q_pitch, const __global float *k, const uint k_offset,              \
        const uint k_pitch, const __global float *v, const uint v_offset, const uint v_pitch, const __global float *dy,          \
        const uint dy_offset, const uint dy_pitch, const __global float *log_sum, const uint log_sum_offset,                     \
        const __global float *delta, const uint delta_offset

// delta[sample][head][n] = sum over a head's columns of dy y.  A work-item a row of a head, `count` of them, heads of a row side by side.  Reads
// dy and y once, writes 4 bytes a row of a head.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) SUB_GROUPS
void attention_delta(const uint count, const uint queries, const uint heads, const __global float *dy, const uint dy_offset,
                     const uint dy_pitch, const __global float *y, const uint y_offset, const uint y_pitch, __global float *delta,
                     const uint delta_offset)
{
    const uint at = get_group_id(0) * GROUP + get_local_id(1) * LANES + get_local_id(0), row = at / heads, head = at % heads;
    if (at >= count)
        return;
    dy += (size_t)dy_offset + (size_t)row * dy_pitch + (size_t)head * VALUE;
    y += (size_t)y_offset + (size_t)row * y_pitch + (size_t)head * VALUE;
    float4 sum = (float4)(0.0f);
    float rest = 0.0f;
    for (int c = 0; c < VALUE / 4 * 4; c += 4)
        sum += vload4(0, dy + c) * vload4(0, y + c);
    for (int c = VALUE / 4 * 4; c < VALUE; c++)
        rest += dy[c] * y[c];
    delta[(size_t)delta_offset + ((size_t)(row / queries) * heads + head) * queries + row % queries] = sum.x + sum.y + (sum.z + sum.w) + rest;
}

// Weight (i, j) from its score, and the gradient of the score, but for `scale`, from that of the weight. Rows are queries.
#define WEIGH(j, i)                                                                                                     \
    weights[i][j] = counts && SEES(row0 + y * PM + i, column, WINDOW_OF(row0 + y * PM + i), WINDOW_OF(column))          \
                        ? clmix_exp_1(weights[i][j] * scale - log_of[y * PM + i])                                       \
                        : 0.0f;
#define WEIGH_COLUMN(j)                                                                                                 \
    {                                                                                                                   \
        const uint column = key + (j) * LANES + x;                                                                      \
        const bool counts = KEY_COUNTS(column);                                                                         \
        ALL(j, WEIGH)                                                                                                   \
    }
#define DIFFER(j, i) gradient[i][j] = weights[i][j] * (DROPPED(gradient[i][j], kept, y * PM + i, (j) * LANES + x, TN) - delta_of[y * PM + i]);
#define DIFFER_COLUMN(j) ALL(j, DIFFER)
#define STORE_DQ(i)                                                                                                     \
    if (y * PM + i < (int)rows_inside)                                                                                  \
        store_head_row(dq + (size_t)(y * PM + i) * dq_pitch, sums[i], columns_inside, HEAD % 4 == 0, scale, x);

// dq.  Index space (samples * tiles of queries, heads, parts of HEAD), LANES x ROWS work-items a group.  Reads q and dy once for every TN keys,
// k and v once for every TM queries, writes dq once.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) SUB_GROUPS
void attention_simt_queries(const uint queries, const uint keys, const uint tiles, const uint group, const uint window, const float scale,
                            TENSORS, __global float *dq, const uint dq_offset, const uint dq_pitch MASK_ARGUMENTS RANDOM_ARGUMENTS)
{
    __local float first[FIRST_FLOATS] __attribute__((aligned(16)));
    __local float second[SECOND_FLOATS(PH)] __attribute__((aligned(16)));
    __local float log_of[TM], delta_of[TM];
    const int x = get_local_id(0), y = get_local_id(1);
    const uint sample = get_group_id(0) / tiles, row0 = get_group_id(0) % tiles * TM, head = get_group_id(1), heads = get_num_groups(1);
    const uint column0 = get_group_id(2) * HEAD_PART, rows_inside = min((uint)TM, queries - row0), columns_inside = HEAD - column0;
    q += (size_t)q_offset + ((size_t)sample * queries + row0) * q_pitch + (size_t)head * HEAD;
    k += (size_t)k_offset + (size_t)sample * keys * k_pitch + (size_t)(head / group) * HEAD;
    v += (size_t)v_offset + (size_t)sample * keys * v_pitch + (size_t)(head / group) * VALUE;
    dy += (size_t)dy_offset + ((size_t)sample * queries + row0) * dy_pitch + (size_t)head * VALUE;
    dq += (size_t)dq_offset + ((size_t)sample * queries + row0) * dq_pitch + (size_t)head * HEAD + column0;
    log_sum += (size_t)log_sum_offset + ((size_t)sample * heads + head) * queries + row0;
    delta += (size_t)delta_offset + ((size_t)sample * heads + head) * queries + row0;
#if MASKED
    mask += (size_t)mask_offset + (size_t)sample * keys;
#endif
#if DROPOUT
    __local uint bits[TM * TN / 8];
    const uint2 seed = RANDOM_KEY(sample, head, heads);
#endif

    for (int r = y * LANES + x; r < TM; r += GROUP) {    // read behind the barriers of the first scores
        log_of[r] = r < rows_inside ? log_sum[r] : INFINITY;
        delta_of[r] = r < rows_inside ? delta[r] : 0.0f;
    }
    float sums[PM][PH];
    EACH_2(CLEAR_ROW, sums, PH)

    const uint begin = FIRST_KEY(row0), end = END_KEY(row0 + rows_inside - 1);
    for (uint key = begin; key < end; key += TN) {
        float weights[PM][PN], gradient[PM][PN];
#if DROPOUT
        draw(bits, seed, row0, TM, key, TN, threshold, x, y);
#endif
        make_scores(weights, first, second, HEAD, q, q_pitch, rows_inside, k + (size_t)key * k_pitch, k_pitch, keys - key, x, y);
        EACH(WEIGH_COLUMN)
        make_scores(gradient, first, second, VALUE, dy, dy_pitch, rows_inside, v + (size_t)key * v_pitch, v_pitch, keys - key, x, y);
        EACH(DIFFER_COLUMN)
        MULTIPLY_ROWS(add_head_rows, sums, PH, gradient, k + (size_t)key * k_pitch + column0, k_pitch, keys - key, columns_inside, HEAD % 4 == 0)
    }
    EACH(STORE_DQ)
}

// The same with rows that are keys. A key that the mask hides is seen to at the end: no other row depends on it.
#define WEIGH_KEY(j, i)                                                                                                 \
    weights[i][j] = SEES(column, row0 + y * PM + i, WINDOW_OF(column), WINDOW_OF(row0 + y * PM + i))                    \
                        ? clmix_exp_1(weights[i][j] * scale - log_of)                                                   \
                        : 0.0f;
#define WEIGH_QUERY(j)                                                                                                  \
    {                                                                                                                   \
        const uint column = query + (j) * LANES + x;                                                                    \
        const float log_of = column < queries ? log_sum[column] : INFINITY;                                             \
        ALL(j, WEIGH_KEY)                                                                                               \
    }
#define DIFFER_KEY(j, i) gradient[i][j] = weights[i][j] * (DROPPED(gradient[i][j], kept, (j) * LANES + x, y * PM + i, TM) - delta_of);
#define DIFFER_QUERY(j)                                                                                                 \
    {                                                                                                                   \
        const float delta_of = query + (j) * LANES + x < queries ? delta[query + (j) * LANES + x] : 0.0f;               \
        ALL(j, DIFFER_KEY)                                                                                              \
    }
#define DROP_KEY(j, i) weights[i][j] = DROPPED(weights[i][j], kept, (j) * LANES + x, y * PM + i, TM);
#define DROP_QUERY(j) ALL(j, DROP_KEY)
#define HIDE_ROW(i, sums, p)                                                                                            \
    if (y * PM + i < (int)rows_inside && mask[row0 + y * PM + i] == 0) {                                                \
        CLEAR_ROW(i, sums, p)                                                                                           \
    }

#define STORE_DK(i)                                                                                                     \
    if (y * PM + i < (int)rows_inside)                                                                                  \
        store_head_row(dk + (size_t)(y * PM + i) * dk_pitch, head_sums[i], columns_inside, HEAD % 4 == 0, scale, x);
#define STORE_DV(i)                                                                                                     \
    if (y * PM + i < (int)rows_inside)                                                                                  \
        store_value_row(dv + (size_t)(y * PM + i) * dv_pitch, value_sums[i], GRAD_K ? VALUE : columns_inside, VALUE % 4 == 0, 1.0f, x);

// dk, dv, or one of them.  Index space (samples * tiles of keys, heads of keys, parts of HEAD or VALUE; 1 where both are made), LANES x ROWS
// work-items a group; the heads of queries that share a head of keys are added in their order.  Reads k and v once for every TN queries, q and dy
// once for every TM keys, writes dk and dv once.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) SUB_GROUPS
void attention_simt_keys(const uint queries, const uint keys, const uint tiles, const uint group, const uint window, const float scale,
                         TENSORS, __global float *dk, const uint dk_offset, const uint dk_pitch, __global float *dv, const uint dv_offset,
                         const uint dv_pitch MASK_ARGUMENTS RANDOM_ARGUMENTS)
{
    __local float first[FIRST_FLOATS] __attribute__((aligned(16)));
    __local float second[SECOND_FLOATS(LARGER(GRAD_K * PH, GRAD_V * PV))] __attribute__((aligned(16)));
    const int x = get_local_id(0), y = get_local_id(1);
    const uint sample = get_group_id(0) / tiles, row0 = get_group_id(0) % tiles * TM, kv_head = get_group_id(1);
    const uint heads = get_num_groups(1) * group, column0 = get_group_id(2) * (GRAD_K ? HEAD_PART : VALUE_PART);
    const uint rows_inside = min((uint)TM, keys - row0), columns_inside = (GRAD_K ? HEAD : VALUE) - column0;
    q += (size_t)q_offset + (size_t)sample * queries * q_pitch + (size_t)kv_head * group * HEAD;
    dy += (size_t)dy_offset + (size_t)sample * queries * dy_pitch + (size_t)kv_head * group * VALUE;
    k += (size_t)k_offset + ((size_t)sample * keys + row0) * k_pitch + (size_t)kv_head * HEAD;
    v += (size_t)v_offset + ((size_t)sample * keys + row0) * v_pitch + (size_t)kv_head * VALUE;
    log_sum += (size_t)log_sum_offset + ((size_t)sample * heads + kv_head * group) * queries;
    delta += (size_t)delta_offset + ((size_t)sample * heads + kv_head * group) * queries;
#if MASKED
    mask += (size_t)mask_offset + (size_t)sample * keys;
#endif
#if DROPOUT
    __local uint bits[TM * TN / 8];
#endif

#if GRAD_K
    float head_sums[PM][PH];
    EACH_2(CLEAR_ROW, head_sums, PH)
#endif
#if GRAD_V
    float value_sums[PM][PV];
    EACH_2(CLEAR_ROW, value_sums, PV)
#endif

    const uint begin = FIRST_QUERY(row0), end = END_QUERY(row0 + rows_inside - 1);
    for (uint member = 0; member < group; member++) {
#if DROPOUT
        const uint2 seed = RANDOM_KEY(sample, kv_head * group + member, heads);
#endif
        for (uint query = begin; query < end; query += TN) {
            const __global float *q_rows = q + (size_t)query * q_pitch, *dy_rows = dy + (size_t)query * dy_pitch;
            const int inside = queries - query;
            float weights[PM][PN];
#if DROPOUT
            draw(bits, seed, query, TN, row0, TM, threshold, x, y);
#endif
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
#if DROPOUT
            EACH(DROP_QUERY)
#endif
            MULTIPLY_ROWS(add_value_rows, value_sums, PV, weights, dy_rows + (GRAD_K ? 0 : column0), dy_pitch, inside, GRAD_K ? VALUE : columns_inside,
                          VALUE % 4 == 0)
#endif
        }
        q += HEAD;
        dy += VALUE;
        log_sum += queries;
        delta += queries;
    }
#if MASKED && GRAD_K
    EACH_2(HIDE_ROW, head_sums, PH)
#endif
#if MASKED && GRAD_V
    EACH_2(HIDE_ROW, value_sums, PV)
#endif
#if GRAD_K
    dk += (size_t)dk_offset + ((size_t)sample * keys + row0) * dk_pitch + (size_t)kv_head * HEAD + column0;
    EACH(STORE_DK)
#endif
#if GRAD_V
    dv += (size_t)dv_offset + ((size_t)sample * keys + row0) * dv_pitch + (size_t)kv_head * VALUE + (GRAD_K ? 0 : column0);
    EACH(STORE_DV)
#endif
}
