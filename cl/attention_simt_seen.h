// For the kernels of attention on GPUs: which keys a query sees, and which weights are dropped. What is MASKED, CAUSAL, WINDOWED, DROPOUT stands
// in attention_simt.h; `mask`, `keys`, `queries`, `window` and what is drawn from are the kernels' arguments.
#ifndef CLMIX_ATTENTION_SIMT_SEEN_H
#define CLMIX_ATTENTION_SIMT_SEEN_H

#include "attention_dropout.h"
#include "tile_simt.h"

// ---- which keys a query sees ------------------------------------------------------------------------------------------------------------

#if MASKED
#define MASK_ARGUMENTS , const __global int *mask, const uint mask_offset
#define KEY_COUNTS(key) ((key) < keys && mask[key] != 0)
#else
#define MASK_ARGUMENTS
#define KEY_COUNTS(key) ((key) < keys)
#endif
// A query and a key of which each counts; in windows also the numbers of theirs.
#if CAUSAL && WINDOWED
#define SEES(query, key, query_window, key_window) ((key) <= (query) && (key_window) + 1 >= (query_window))
#elif CAUSAL
#define SEES(query, key, query_window, key_window) ((key) <= (query))
#elif WINDOWED
#define SEES(query, key, query_window, key_window) ((key_window) + 1 >= (query_window) && (query_window) + 1 >= (key_window))
#else
#define SEES(query, key, query_window, key_window) true
#endif
#if WINDOWED
#define WINDOW_OF(n) ((n) / window)
#else
#define WINDOW_OF(n) 0
#endif

// Columns that the rows of a group see: of keys for rows of queries, of queries for rows of keys; from whole tiles on, so that multiples of 8
// are drawn for. row: the first, last: the last that is inside.
#if WINDOWED
#define BEFORE(row)     ((row) < window ? 0 : ((row) / window - 1) * window / TN * TN)
#define BEHIND(last, n) min(n, ((last) / window + 2) * window)
#else
#define BEFORE(row)     0
#define BEHIND(last, n) (n)
#endif
#define FIRST_KEY(row)   BEFORE(row)
#define END_KEY(last)    (CAUSAL ? min(BEHIND(last, keys), (last) + 1) : BEHIND(last, keys))
#define FIRST_QUERY(row) (CAUSAL ? (row) / TN * TN : BEFORE(row))
#define END_QUERY(last)  BEHIND(last, queries)

// ---- dropped weights --------------------------------------------------------------------------------------------------------------------

#if DROPOUT
#define RANDOM_ARGUMENTS                                                                                        \
    , const __global uint *random, const uint random_offset, const uint op, const uint threshold, const float kept, \
        const uint share, const uint first_sample
// Of a sample of the plan and a head of queries.
#define RANDOM_KEY(sample, head, heads)                                                                         \
    attention_key(vload4(0, random + random_offset), op,                                                        \
                  (random[random_offset + 4] * share + first_sample + (sample)) * (heads) + (head))

// Whether the weights (query, 8 block .. 8 block + 7) are kept, a bit each.
INLINE uint kept_bits(const uint2 key, const uint query, const uint block, const uint threshold)
{
    const uint4 words = attention_words(key, query, block);
    const uint parts[4] = { words.x, words.y, words.z, words.w };
    uint bits = 0;
#pragma unroll
    for (int w = 0; w < 4; w++) {
        bits |= (uint)((parts[w] & 0xFFFFu) >= threshold) << (2 * w);
        bits |= (uint)((parts[w] >> 16) >= threshold) << (2 * w + 1);
    }
    return bits;
}

// Draws for `queries` queries from `query` on and `count` keys from `key` on, multiples of 8: bits[query][key / 8].
INLINE void draw(__local uint *bits, const uint2 seed, const uint query, const int queries, const uint key, const int count,
                 const uint threshold, const int x, const int y)
{
    for (int t = y * LANES + x; t < queries * (count / 8); t += GROUP)
        bits[t] = kept_bits(seed, query + t / (count / 8), key / 8 + t % (count / 8), threshold);
}
#define KEPT(bits, query, key, count) ((bits)[(query) * ((count) / 8) + (key) / 8] >> ((key) % 8) & 1)
#define DROPPED(value, factor, query, key, count) (KEPT(bits, query, key, count) ? (value) * (factor) : 0.0f)
#else
#define DROPPED(value, factor, query, key, count) (value)
#define RANDOM_ARGUMENTS
#endif

#endif
