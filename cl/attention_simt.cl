// y = softmax(scale q k^T) v on GPUs, heads as runs of columns; the weights are never in global memory.
#if DROPOUT    // `kept` is for the sums. The work-item's bits are at `mine`.
#define KEPT_WEIGHT(value, i, j) \
    (mine[(i) * (TN / 8) + (j) * LANES / 8] >> ((j) * LANES % 8 + x % 8) & 1 ? (value) : 0.0f)
#endif
#include "attention_simt_rows.h"

// Keys of zeros: so many times e^0, counted once a row.
#define BEGIN_ROW(i) most[i] = zero_keys > 0.0f ? 0.0f : -INFINITY, total[i] = x == 0 ? zero_keys : 0.0f;
// The scores of column j, minus infinity where a key is not seen, and the maxima of the rows.
#define HIDE(j, i)                                                                              \
    scores[i][j] = counts && SEES(row0 + y * PM + i, column, WINDOW_OF(row0 + y * PM + i), WINDOW_OF(column)) ? scores[i][j] * scale : -INFINITY; \
    now[i] = fmax((j) == 0 ? most[i] : now[i], scores[i][j]);
#define HIDE_COLUMN(j)                                                                          \
    {                                                                                           \
        const uint column = key + (j) * LANES + x;                                              \
        const bool counts = KEY_COUNTS(column);                                                 \
        ALL(j, HIDE)                                                                            \
    }

// Row i of y, and the logarithm of its sum.
#if DROPOUT
#define WHOLE kept
#else
#define WHOLE 1.0f
#endif
#define FINISH_ROW(i)                                                                                                    \
    if (y * PM + i < (int)rows_inside) {                                                                                 \
        __global float *to = y_of + (size_t)(y * PM + i) * y_pitch;                                                      \
        const float factor = total[i] == 0.0f ? 0.0f : WHOLE / total[i];                                                 \
        store_value_row(to, sums[i], columns_inside, VALUE % 4 == 0, factor, x);                                         \
        if (x == 0 && get_group_id(2) == 0)                                                                              \
            log_sum[y * PM + i] = total[i] == 0.0f ? INFINITY : most[i] + log(total[i]);                                 \
    }

// Index space (samples * tiles of queries, heads, parts of VALUE), LANES x ROWS work-items a group; head h has keys and values h / group.
// Reads q once for every TN keys (mostly from cache), k and v once for every TM queries; writes y and, of the first part, the logarithm of each
// row's sum, (samples, heads, queries), infinity where a query sees no key. `zero_keys` further keys are zeros, and so are their values.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) SUB_GROUPS
void attention_simt(const uint queries, const uint keys, const uint tiles, const uint group, const uint window, const float scale,
                    const float zero_keys, const __global float *q, const uint q_offset, const uint q_pitch, const __global float *k, const uint k_offset,
                    const uint k_pitch, const __global float *v, const uint v_offset, const uint v_pitch, __global float *y_of,
                    const uint y_offset, const uint y_pitch, __global float *log_sum, const uint log_sum_offset MASK_ARGUMENTS RANDOM_ARGUMENTS)
{
    __local float first[FIRST_FLOATS] __attribute__((aligned(16)));
    __local float second[SECOND_FLOATS(PV)] __attribute__((aligned(16)));
    const int x = get_local_id(0), y = get_local_id(1);
    const uint sample = get_group_id(0) / tiles, row0 = get_group_id(0) % tiles * TM, head = get_group_id(1), heads = get_num_groups(1);
    const uint column0 = get_group_id(2) * VALUE_PART, rows_inside = min((uint)TM, queries - row0), columns_inside = VALUE - column0;
    q += (size_t)q_offset + ((size_t)sample * queries + row0) * q_pitch + (size_t)head * HEAD;
    k += (size_t)k_offset + (size_t)sample * keys * k_pitch + (size_t)(head / group) * HEAD;
    v += (size_t)v_offset + (size_t)sample * keys * v_pitch + (size_t)(head / group) * VALUE + column0;
    y_of += (size_t)y_offset + ((size_t)sample * queries + row0) * y_pitch + (size_t)head * VALUE + column0;
    log_sum += (size_t)log_sum_offset + ((size_t)sample * heads + head) * queries + row0;
#if MASKED
    mask += (size_t)mask_offset + (size_t)sample * keys;
#endif
#if DROPOUT
    __local uint bits[TM * TN / 8];
    const __local uint *mine = bits + y * PM * (TN / 8) + x / 8;
    const uint2 seed = RANDOM_KEY(sample, head, heads);
#endif

    const uint begin = FIRST_KEY(row0), end = END_KEY(row0 + rows_inside - 1);
    float sums[PM][PV], most[PM], total[PM];
    EACH_2(CLEAR_ROW, sums, PV)
    EACH(BEGIN_ROW)

    for (uint key = begin; key < end; key += TN) {
        float scores[PM][PN], now[PM];
#if DROPOUT
        draw(bits, seed, row0, TM, key, TN, threshold, x, y);
#endif
        make_scores(scores, first, second, HEAD, q, q_pitch, rows_inside, k + (size_t)key * k_pitch, k_pitch, keys - key, x, y);
        EACH(HIDE_COLUMN)
        join_rows(now, second, false, x, y);
        EACH(WEIGH_ROW)
        barrier(CLK_LOCAL_MEM_FENCE);
        ADD_SLAB(0, add_value_rows, sums, PV, v + (size_t)key * v_pitch, v_pitch, keys - key, columns_inside, VALUE % 4 == 0)
#if TN != TK
        MULTIPLY_SLAB(1, add_value_rows, sums, PV, scores, v + (size_t)key * v_pitch, v_pitch, keys - key, columns_inside, VALUE % 4 == 0)
#endif
    }

    join_rows(total, second, true, x, y);
    EACH(FINISH_ROW)
}
