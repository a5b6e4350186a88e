// Dropout of elements and of whole samples, and their gradients, which are the same maps.
#include "dropout.h"

// Elements begin .. end - 1, of which element i is number i + shift of its op's result for the whole batch.
static inline void drop_run(const __global float *x, __global float *y, const uint4 key, const uint op, const uint threshold, const float factor,
                            const uint begin, const uint end, const uint shift)
{
    uint tail = begin;
#if VW > 1
    if ((begin + shift) % 4 == 0)
        tail = begin + (end - begin) / (4 * VW) * (4 * VW);
    for (uint i = begin + get_local_id(0) * (4 * VW); i < tail; i += WG * 4 * VW) {
        uintv words[4];
        dropout_words(key, op, shift + i, words);
        for (uint k = 0; k < 4; k++)
            STREAMV(words[k] >= (uintv)(threshold) ? LOADV(x + i + k * VW) * factor : (floatv)(0.0f), y + i + k * VW);
    }
#endif
    for (uint i = tail + get_local_id(0); i < end; i += WG)
        y[i] = dropout_word(key, op, shift + i) >= threshold ? x[i] * factor : 0.0f;
}

// y = keep ? x * factor : 0.  Group g does elements [g * chunk, min(count, (g + 1) * chunk)), chunk a multiple of 64; `op` numbers the op
// whose mask it is, in which these elements begin at number `first`; a word below `threshold` drops.  y may be x.  Reads 4, writes 4 bytes an element.
//
// The plan's `samples` are the ones from number random[4] of a batch of random[5]. They lie in `parts` parts one after another, with a .. h elements
// of each sample: sample s of n has the elements n (a + ..) + s b .. of part b, so each part of the whole batch begins later by the samples that the
// plan does not have, and there again by those before its own.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void dropout(
    const uint count, const uint chunk, const __global float *x, const uint x_offset, __global float *y, const uint y_offset,
    const __global uint *random, const uint random_offset, const uint op, const uint threshold, const float factor, const uint first,
    const uint samples, const uint parts, const uint a, const uint b, const uint c, const uint d, const uint e, const uint f, const uint g,
    const uint h)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), sizes[8] = { a, b, c, d, e, f, g, h };
    const uint4 key = vload4(0, random + random_offset);
    const uint place = random[random_offset + 4], batch = random[random_offset + 5];
    x += x_offset;
    y += y_offset;
    if (parts == 0 || batch == samples) {
        drop_run(x, y, key, op, threshold, factor, begin, end, first);
        return;
    }
    for (uint p = 0, before = 0; p < parts; before += sizes[p++]) {
        const uint from = max(begin, samples * before), to = min(end, samples * (before + sizes[p]));
        if (from < to)
            drop_run(x, y, key, op, threshold, factor, from, to, first + (batch - samples) * before + place * sizes[p]);
    }
}

// The same for whole samples of `size` elements: sample s of the plan is number s + first of a share whose own first one is number random[4] of the
// batch, and is dropped by the word of that number.  Reads 4 bytes an element of the samples that stay, writes 4.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void drop_samples(
    const uint count, const uint chunk, const __global float *x, const uint x_offset, __global float *y, const uint y_offset,
    const __global uint *random, const uint random_offset, const uint op, const uint threshold, const float factor, const uint first,
    const uint size)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    const uint4 key = vload4(0, random + random_offset);
    const uint place = random[random_offset + 4] + first;
    x += x_offset;
    y += y_offset;
    for (uint from = begin, sample = begin / size; from < end; sample++) {
        const uint to = min(end, from + size - from % size), tail = from + (to - from) / VW * VW;
        if (dropout_word(key, op, place + sample) >= threshold) {
            for (uint i = from + get_local_id(0) * VW; i < tail; i += WG * VW)
                STREAMV(LOADV(x + i) * factor, y + i);
            for (uint i = tail + get_local_id(0); i < to; i += WG)
                y[i] = x[i] * factor;
        } else {
            for (uint i = from + get_local_id(0) * VW; i < tail; i += WG * VW)
                STREAMV((floatv)(0.0f), y + i);
            for (uint i = tail + get_local_id(0); i < to; i += WG)
                y[i] = 0.0f;
        }
        from = to;
    }
}
