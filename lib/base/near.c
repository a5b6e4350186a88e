#include "base/near.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LONGEST 64 /* letters of words that are compared */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Letters to insert, remove, replace or swap with their neighbours: the rows of the usual table, of which the last three are kept. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *free_row = before;

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(above[j - 1] + !same_letter(a[i - 1], b[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = free_row;
    }
    return above[b_length];
}

static bool begins_with(const char *word, const char *beginning, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!same_letter(word[i], beginning[i]))
            return false;
    return true;
}

const char *clmix_nearest(const char *word, const char *const *words, size_t count)
{
    const size_t length = strlen(word);
    const char *nearest = NULL;
    size_t best = length / 3 + 1;

    if (length < 2 || length > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const size_t other = strlen(words[i]), steps = other <= LONGEST ? distance(word, length, words[i], other) : best;

        if (steps < best) {
            best = steps;
            nearest = words[i];
        }
    }
    for (size_t i = 0; nearest == NULL && length > 2 && i < count; i++)
        if (begins_with(words[i], word, length))
            nearest = words[i];
    return nearest;
}

const char *clmix_meant(char text[CLMIX_MEANT_BYTES], const char *word, const char *const *words, size_t count)
{
    const char *nearest = clmix_nearest(word, words, count);

    text[0] = '\0';
    if (nearest != NULL)
        snprintf(text, CLMIX_MEANT_BYTES, "; did you mean '%.64s'?", nearest);
    return text;
}
