// Attention of blocks of queries to the blocks of keys chosen for each, on GPUs (lib/ops/block_attention.c has the formulas).
#include "attention_simt_rows.h"
#include "block_attention_simt.h"

// The scores of column j and the maxima of the rows, in which masked keys, and those that a block lacks, have a part with 0; and what is no key's
// then.
#define HIDE(j, i)                                                                              \
    scores[i][j] = counts ? scores[i][j] * scale : at < block ? 0.0f : -INFINITY;               \
    now[i] = fmax((j) == 0 ? most[i] : now[i], scores[i][j]);
#define HIDE_COLUMN(j)                                                                          \
    {                                                                                           \
        const uint at = u + (j) * LANES + x;                                                    \
        const bool counts = TOKEN_COUNTS(at, key + (j) * LANES + x);                            \
        ALL(j, HIDE)                                                                            \
    }
#define DROP(j, i) scores[i][j] = counts ? scores[i][j] : -INFINITY;
#define DROP_COLUMN(j)                                                                          \
    {                                                                                           \
        const bool counts = TOKEN_COUNTS(u + (j) * LANES + x, key + (j) * LANES + x);           \
        ALL(j, DROP)                                                                            \
    }
#define BEGIN_ROW(i) most[i] = -INFINITY, total[i] = 0.0f;

// Row i of y, and the logarithm of what its weights are divided by.
#if MASKED
#define ROW_COUNTS(i) (mask[row0 + y * PM + (i)] != 0)
#else
#define ROW_COUNTS(i) true
#endif
#define ADD_REST(c, i, by)                                                                      \
    if (SUM_COLUMN(c, PV) < columns_inside)                                                     \
        sums[i][c] += (by) * rest[SUM_COLUMN(c, PV)];
#if REST
#define JOIN_REST(i)                                                                            \
    const float base = fmax(own_most, other_most), by_own = clmix_exp_1(own_most - base);       \
    const float by_rest = clmix_exp_1(other_most - base);                                       \
    const float whole = total[i] * by_own + other_sum * by_rest + 1e-6f;                        \
    COLUMNS(PV, SHRINK, i, by_own)                                                              \
    COLUMNS(PV, ADD_REST, i, by_rest)
#else
#define JOIN_REST(i) const float base = own_most, whole = total[i] + 1e-6f;
#endif
#define FINISH_ROW(i)                                                                           \
    if (y * PM + i < rows_inside) {                                                             \
        const float own_most = most[i] > -INFINITY ? most[i] : -1e5f;                           \
        JOIN_REST(i)                                                                            \
        store_value_row(y_of + (size_t)(y * PM + i) * y_pitch, sums[i], columns_inside, VALUE % 4 == 0, ROW_COUNTS(i) ? 1.0f / whole : 0.0f, x); \
        if (x == 0 && get_group_id(2) == 0)                                                     \
            log_sum[y * PM + i] = ROW_COUNTS(i) ? base + log(whole) : INFINITY;                 \
    }

// Index space (samples * blocks * parts of TM queries, heads, parts of VALUE), LANES x ROWS work-items a group.  Reads q once for every TN keys (mostly
// from cache), k and v once for every TM queries that chose them; writes y and, of the first part, the logarithm of what each row's weights are
// divided by, (samples, heads, tokens).
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) SUB_GROUPS
void block_attention_simt(const uint tokens, const uint block, const uint blocks, const uint parts, const uint count, const float scale,
                          const __global float *q, const uint q_offset, const uint q_pitch, const __global float *k, const uint k_offset,
                          const uint k_pitch, const __global float *v, const uint v_offset, const uint v_pitch, const __global int *chosen,
                          const uint chosen_offset, const __global int *begins, const uint begins_offset, const __global float *rest,
                          const uint rest_offset, const uint rest_pitch, const __global float *rest_sum, const uint rest_sum_offset,
                          const __global float *rest_most, const uint rest_most_offset, __global float *y_of, const uint y_offset,
                          const uint y_pitch, __global float *log_sum, const uint log_sum_offset MASK_ARGUMENTS)
{
    __local float first[FIRST_FLOATS] __attribute__((aligned(16)));
    __local float second[SECOND_FLOATS(PV)] __attribute__((aligned(16)));
    const int x = get_local_id(0), y = get_local_id(1);
    GROUP_PLACE(get_group_id(0))
    const uint column0 = get_group_id(2) * VALUE_PART;
    const int columns_inside = VALUE - column0;
    q += (size_t)q_offset + ((size_t)sample * tokens + row0) * q_pitch + (size_t)head * HEAD;
    k += (size_t)k_offset + (size_t)sample * tokens * k_pitch + (size_t)head * HEAD;
    v += (size_t)v_offset + (size_t)sample * tokens * v_pitch + (size_t)head * VALUE + column0;
    y_of += (size_t)y_offset + ((size_t)sample * tokens + row0) * y_pitch + (size_t)head * VALUE + column0;
    log_sum += (size_t)log_sum_offset + (size_t)matrix * tokens + row0;
    chosen += (size_t)chosen_offset + (size_t)matrix * count;
    begins += (size_t)begins_offset + (size_t)matrix * (blocks + 1) + own;
#if MASKED
    mask += (size_t)mask_offset + (size_t)sample * tokens;
#endif

    float sums[PM][PV], most[PM], total[PM];
    EACH_2(CLEAR_ROW, sums, PV)
    EACH(BEGIN_ROW)

    for (uint e = begins[0]; e < (uint)begins[1]; e++) {
        const uint j = (uint)chosen[e] % blocks;
        for (uint u = 0; u < block; u += TN) {
            const uint key = j * block + u;
            const int inside = TOKENS_INSIDE(j, u);
            float scores[PM][PN], now[PM];
            make_scores(scores, first, second, HEAD, q, q_pitch, rows_inside, k + (size_t)key * k_pitch, k_pitch, inside, x, y);
            EACH(HIDE_COLUMN)
            join_rows(now, second, false, x, y);
            EACH(DROP_COLUMN)
            EACH(WEIGH_ROW)
            barrier(CLK_LOCAL_MEM_FENCE);
            ADD_SLAB(0, add_value_rows, sums, PV, v + (size_t)key * v_pitch, v_pitch, inside, columns_inside, VALUE % 4 == 0)
#if TN != TK
            MULTIPLY_SLAB(1, add_value_rows, sums, PV, scores, v + (size_t)key * v_pitch, v_pitch, inside, columns_inside, VALUE % 4 == 0)
#endif
        }
    }

    join_rows(total, second, true, x, y);
#if REST
    rest += (size_t)rest_offset + ((size_t)sample * blocks + own) * rest_pitch + (size_t)head * VALUE + column0;
    const float other_sum = rest_sum[rest_sum_offset + (size_t)matrix * blocks + own];
    const float other_most = rest_most[rest_most_offset + (size_t)matrix * blocks + own];
#endif
    EACH(FINISH_ROW)
}
