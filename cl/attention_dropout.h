// Which of attention's weights are dropped. Drawn from counters, so that forward and backward agree and nothing is stored: each matrix of
// weights (a sample of the whole batch, a head) has a key of its own, and weight (i, j) is half j % 8 of the words of Philox(that key,
// counter (j / 8, i)); it is kept when that is at least the rate in steps of 2^-16. So a work-item with eight keys of a query draws once.
#ifndef CLMIX_ATTENTION_DROPOUT_H
#define CLMIX_ATTENTION_DROPOUT_H

#include "common.h"
#include "random.h"

// random: seed low, seed high, step low, step high; op: the forward op's number.
static inline uint2 attention_key(const uint4 random, const uint op, const uint matrix)
{
    return clmix_philox(random.xy, (uint4)(matrix, op, random.z, random.w)).xy;
}

// The 16-bit numbers of weights (i, 8 block .. 8 block + 7): word w holds those of keys 2 w (low half) and 2 w + 1 (high half).
static inline uint4 attention_words(const uint2 key, const uint i, const uint block)
{
    return clmix_philox(key, (uint4)(block, i, 0, 0));
}

#endif
