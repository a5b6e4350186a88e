/* Words with their counts (inside lib/text). */
#ifndef CLMIX_TEXT_WORDS_H
#define CLMIX_TEXT_WORDS_H

#include <clmix/text.h>

#include "base/names.h"

struct clmix_counted_word {
    char *text; /* owned */
    size_t bytes;
    uint64_t count;
};

struct clmix_words {
    bool cased;
    struct clmix_counted_word *items;
    size_t count, capacity;
    clmix_names numbers; /* of the items, by text */
};

#endif
