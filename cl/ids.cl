// Integers of sequences: a token in front, numbers of tokens, places of labels.
#include "common.h"

// y[b] = id, x[b][0], x[b][1], ...; the last one of a sample is dropped.  An element a work-item, `count` of all samples.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void push_id(const uint count, const uint chunk, const uint tokens,
                                                                     const __global int *x, const uint x_offset, const int id,
                                                                     __global int *y, const uint y_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG)
        y[y_offset + i] = i % tokens == 0 ? id : x[x_offset + i - 1];
}

#ifndef LENGTH
#define LENGTH 64    // tokens that a work-item numbers
#endif

// y[b][n] = first + how many tokens before n have a mask that is not 0, where n's own is not; else first.  LENGTH tokens of a sample a work-item,
// which counts those before them itself; `count` of all samples.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void token_numbers(const uint count, const uint chunk, const uint tokens,
                                                                           const __global int *mask, const uint mask_offset,
                                                                           const int first, __global int *y, const uint y_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), runs = (tokens + LENGTH - 1) / LENGTH;
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const uint sample = i / runs, from = i % runs * LENGTH, behind = min(from + LENGTH, tokens);
        const __global int *there = mask + mask_offset + (size_t)sample * tokens;
        __global int *to = y + y_offset + (size_t)sample * tokens;
        int number = first;
        for (uint n = 0; n < from; n++)
            number += there[n] != 0;
        for (uint n = from; n < behind; n++) {
            to[n] = there[n] != 0 ? number : first;
            number += there[n] != 0;
        }
    }
}

#define NO_LABEL (-100)

// The first `most` places of a sample whose label is one, and the labels there; -1 and no label behind the last.  A sample a work-item.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void labelled_places(const uint count, const uint chunk, const uint tokens,
                                                                             const uint most, const __global int *labels,
                                                                             const uint labels_offset, __global int *places,
                                                                             const uint places_offset, __global int *labelled,
                                                                             const uint labelled_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const __global int *from = labels + labels_offset + (size_t)i * tokens;
        __global int *place = places + places_offset + (size_t)i * most;
        __global int *label = labelled + labelled_offset + (size_t)i * most;
        uint found = 0;
        for (uint n = 0; n < tokens && found < most; n++)
            if (from[n] != NO_LABEL) {
                place[found] = (int)n;
                label[found++] = from[n];
            }
        for (; found < most; found++) {
            place[found] = -1;
            label[found] = NO_LABEL;
        }
    }
}
