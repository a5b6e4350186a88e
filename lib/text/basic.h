/* BERT's basic tokeniser: from text to words (inside lib/text).
 *
 * A word is what stands between blanks, punctuation and Chinese characters; each of the latter two is one itself. Of uncased text a character is taken
 * apart canonically, its accents are dropped and the rest is lower-cased, one character at a time: no final sigma, and "I" with a dot becomes "i". */
#ifndef CLMIX_TEXT_BASIC_H
#define CLMIX_TEXT_BASIC_H

#include <clmix/status.h>
#include <stdbool.h>
#include <stddef.h>

/* Letters of the longest word that BERT looks at. */
#define CLMIX_WORD_LETTERS 100
#define CLMIX_WORD_BYTES   (4 * CLMIX_WORD_LETTERS)

/* Takes the words of a text one after the other. */
struct clmix_word_taker {
    /* A word of at most CLMIX_WORD_LETTERS letters, with a zero byte behind its `bytes`; NULL with 0 for a longer one. A failure ends the walk. */
    clmix_status (*take)(void *user, const char *word, size_t bytes);
    bool (*enough)(const void *user); /* no more words are wanted; NULL: all are */
    void *user;
};

/* Walks through a text. FORMAT where it is no UTF-8, as far as it was walked through. */
clmix_status clmix_basic_walk(const char *text, size_t bytes, bool cased, const struct clmix_word_taker *taker);

/* FORMAT, which names the byte, unless all of a text is UTF-8. */
clmix_status clmix_text_check(const char *text, size_t bytes);

#endif
