/* How long the sequences of a batch are: one of few lengths, so that few plans are compiled. */
#ifndef CLMIX_BASE_LENGTHS_H
#define CLMIX_BASE_LENGTHS_H

#include <stddef.h>

/* Each length is a multiple of it, but for the longest. */
#define CLMIX_LENGTH_STEP 16

/* The shortest of the lengths that has room for `count` places: 16, 32, 48, 64, 96, 128, 192 and so on, powers of two and the middle between two of
 * them, and `longest`, which none is beyond. */
size_t clmix_length_for(size_t count, size_t longest);

#endif
