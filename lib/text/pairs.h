/* Neighbouring tokens, how often they stand side by side, and which of them do so most often (inside lib/text). */
#ifndef CLMIX_TEXT_PAIRS_H
#define CLMIX_TEXT_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clmix_pair {
    uint32_t left, right;
    uint64_t count;
    uint32_t *words; /* that it stands in, or stood in; some twice */
    size_t word_count, word_capacity;
    bool raised; /* may be more than the heap says */
};

struct clmix_heap_entry {
    uint64_t count;
    uint32_t pair;
};

/* All zero is none. */
struct clmix_pairs {
    struct clmix_pair *items;
    size_t count, capacity;
    uint32_t *slots; /* 1 + the number of a pair, by hash; 0: free */
    size_t slot_count;
    struct clmix_heap_entry *heap; /* an entry for each pair at least, with its count or a larger one */
    size_t heap_count, heap_capacity;
    uint32_t *raised;
    size_t raised_count, raised_capacity;
};

/* A pair stands `count` times more in a word, which is new to it, or which it was taken out of just before; or less, which it did before. False when the
 * host is out of memory. */
bool clmix_pairs_add(struct clmix_pairs *pairs, uint32_t left, uint32_t right, uint64_t count, uint32_t word, bool word_is_new);
void clmix_pairs_remove(struct clmix_pairs *pairs, uint32_t left, uint32_t right, uint64_t count);

/* Tells the heap of what was added since; to be called before clmix_pairs_most. */
bool clmix_pairs_settle(struct clmix_pairs *pairs);

/* The most frequent pair, of several the one with the smaller left, then the smaller right token; NULL where none is left that stands anywhere. It is
 * off the heap then. */
struct clmix_pair *clmix_pairs_most(struct clmix_pairs *pairs);

void clmix_pairs_free(struct clmix_pairs *pairs);

#endif
