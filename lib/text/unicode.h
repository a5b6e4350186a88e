/* What BERT asks of a character, from utf8proc's tables (inside lib/text). */
#ifndef CLMIX_TEXT_UNICODE_H
#define CLMIX_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum clmix_letter_kind {
    CLMIX_LETTER,      /* stands in words */
    CLMIX_DROPPED,     /* as if it were not there: control and format characters, private use, U+0000, U+FFFD */
    CLMIX_SPACE,       /* between words */
    CLMIX_PUNCTUATION, /* a word of its own; all of ASCII that is no letter, digit or space, such as $ and ^, and Unicode's P* */
    CLMIX_CHINESE,     /* of the blocks of CJK ideographs: a word of its own */
    CLMIX_ACCENT       /* Mn: what lower-casing drops, when characters are decomposed */
};
enum clmix_letter_kind clmix_letter_kind(uint32_t point);

uint32_t clmix_letter_lower(uint32_t point);

/* The canonical decomposition, without the order of its marks; gives how many parts there are, 1 where it is itself. */
#define CLMIX_LETTER_PARTS 8
size_t clmix_letter_decompose(uint32_t point, uint32_t parts[CLMIX_LETTER_PARTS]);

/* The canonical combining class: marks between two characters of class 0 are ordered by it. */
int clmix_letter_order(uint32_t point);

#endif
