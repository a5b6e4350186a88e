/* How long the sequences of a batch are: one of few lengths, so that few plans are compiled. */
#ifndef CLMIX_BASE_LENGTHS_H
#define CLMIX_BASE_LENGTHS_H

#include <stddef.h>

/* Each length is a multiple of it, but for the longest. */
#define CLMIX_LENGTH_STEP 16

/* The shortest of the lengths that has room for `count` places: 16, 32, 48, 64, 96, 128, 192 and so on, powers of two and the middle between two of
 * them, and `longest`, which none is beyond. */
size_t clmix_length_for(size_t count, size_t longest);

/* Of a sequence of so many tokens, how many may be labelled: 5 in 32, as BERT's 20 of 128, and one at least. The model answers for so many of each
 * sample only, and masking labels no more. */
#define CLMIX_LABELLED    5
#define CLMIX_LABELLED_OF 32
static inline size_t clmix_most_labelled(size_t length)
{
    return length * CLMIX_LABELLED / CLMIX_LABELLED_OF > 0 ? length * CLMIX_LABELLED / CLMIX_LABELLED_OF : 1;
}

#endif
