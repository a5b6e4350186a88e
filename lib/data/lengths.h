/* How long the sequences of a batch are: one of few lengths, so that few plans are compiled (inside lib/data). */
#ifndef CLMIX_DATA_LENGTHS_H
#define CLMIX_DATA_LENGTHS_H

#include <stddef.h>

/* Each length is a multiple of it, but for the longest. */
#define CLMIX_LENGTH_STEP 16

#endif
