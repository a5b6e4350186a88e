/* Words that were probably meant: of options, presets, keys and devices. */
#ifndef CLMIX_BASE_NEAR_H
#define CLMIX_BASE_NEAR_H

#include <stddef.h>

/* The word of a list that `word` is a slip of: one letter in three or fewer is missing, too many, another or swapped with its neighbour,
 * or the word is the beginning of it; letter case does not count. The nearest, of several the first; NULL where none is near. */
const char *clmix_nearest(const char *word, const char *const *words, size_t count);

/* "; did you mean 'WORD'?" in `text`, or nothing; returns `text`. */
#define CLMIX_MEANT_BYTES 112
const char *clmix_meant(char text[CLMIX_MEANT_BYTES], const char *word, const char *const *words, size_t count);

#endif
