// Dropout, and its gradient, which is the same map.
#include "dropout.h"

// y = keep ? x * factor : 0.  Group g does elements [g * chunk, min(count, (g + 1) * chunk)), chunk a multiple of 64; `op` numbers the op
// whose mask it is, in which these elements begin at number `first`; a word below `threshold` drops.  y may be x.  Reads 4, writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void dropout(const uint count, const uint chunk, const __global float *x,
                                                                      const uint x_offset, __global float *y, const uint y_offset,
                                                                      const __global uint *random, const uint random_offset, const uint op,
                                                                      const uint threshold, const float factor, const uint first)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    const uint4 key = vload4(0, random + random_offset);
    uint tail = begin;
    x += x_offset;
    y += y_offset;
#if VW > 1
    if (first % 4 == 0)
        tail = begin + (end - begin) / (4 * VW) * (4 * VW);
    for (uint i = begin + get_local_id(0) * (4 * VW); i < tail; i += WG * 4 * VW) {
        uintv words[4];
        dropout_words(key, op, first + i, words);
        for (uint k = 0; k < 4; k++)
            STREAMV(words[k] >= (uintv)(threshold) ? LOADV(x + i + k * VW) * factor : (floatv)(0.0f), y + i + k * VW);
    }
#endif
    for (uint i = tail + get_local_id(0); i < end; i += WG)
        y[i] = dropout_word(key, op, first + i) >= threshold ? x[i] * factor : 0.0f;
}
