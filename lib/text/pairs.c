#include "text/pairs.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

/* ---- by hash ------------------------------------------------------------------------------------------------------------------------------ */

/* Where a pair is, or would go: open addressing, a power of two slots, at most half of them taken. */
static uint32_t *slot_of(const struct clmix_pairs *pairs, uint32_t left, uint32_t right)
{
    uint64_t hash = ((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15u;
    size_t at = (size_t)(hash ^ hash >> 32) & (pairs->slot_count - 1);

    while (pairs->slots[at] != 0) {
        const struct clmix_pair *pair = &pairs->items[pairs->slots[at] - 1];

        if (pair->left == left && pair->right == right)
            break;
        at = (at + 1) & (pairs->slot_count - 1);
    }
    return &pairs->slots[at];
}

static bool grow(struct clmix_pairs *pairs)
{
    const size_t larger = pairs->slot_count == 0 ? 1024 : 2 * pairs->slot_count;
    uint32_t *slots = calloc(larger, sizeof *slots);

    if (slots == NULL)
        return false;
    free(pairs->slots);
    pairs->slots = slots;
    pairs->slot_count = larger;
    for (size_t i = 0; i < pairs->count; i++)
        *slot_of(pairs, pairs->items[i].left, pairs->items[i].right) = (uint32_t)i + 1;
    return true;
}

bool clmix_pairs_add(struct clmix_pairs *pairs, uint32_t left, uint32_t right, uint64_t count, uint32_t word, bool word_is_new)
{
    struct clmix_pair *pair;
    uint32_t *slot, number;

    if (2 * (pairs->count + 1) > pairs->slot_count && !grow(pairs))
        return false;
    slot = slot_of(pairs, left, right);
    if (*slot == 0) {
        const struct clmix_pair fresh = { .left = left, .right = right };

        if (!CLMIX_PUSH(pairs->items, pairs->count, pairs->capacity, fresh))
            return false;
        *slot = (uint32_t)pairs->count;
    }
    number = *slot - 1;
    pair = &pairs->items[number];
    pair->count += count;
    if (!word_is_new)
        return true; /* it was there before, and has not become more */
    if (!pair->raised && !CLMIX_PUSH(pairs->raised, pairs->raised_count, pairs->raised_capacity, number))
        return false;
    pair->raised = true;
    if (pair->word_count > 0 && pair->words[pair->word_count - 1] == word)
        return true;
    return CLMIX_PUSH(pair->words, pair->word_count, pair->word_capacity, word);
}

void clmix_pairs_remove(struct clmix_pairs *pairs, uint32_t left, uint32_t right, uint64_t count)
{
    pairs->items[*slot_of(pairs, left, right) - 1].count -= count;
}

/* ---- by count ----------------------------------------------------------------------------------------------------------------------------- */

static bool is_before(const struct clmix_pairs *pairs, struct clmix_heap_entry a, struct clmix_heap_entry b)
{
    const struct clmix_pair *x = &pairs->items[a.pair], *y = &pairs->items[b.pair];

    if (a.count != b.count)
        return a.count > b.count;
    return x->left != y->left ? x->left < y->left : x->right < y->right;
}

static void sink(struct clmix_pairs *pairs, struct clmix_heap_entry entry)
{
    size_t at = 0, below;

    while ((below = 2 * at + 1) < pairs->heap_count) {
        if (below + 1 < pairs->heap_count && is_before(pairs, pairs->heap[below + 1], pairs->heap[below]))
            below++;
        if (!is_before(pairs, pairs->heap[below], entry))
            break;
        pairs->heap[at] = pairs->heap[below];
        at = below;
    }
    pairs->heap[at] = entry;
}

static bool push(struct clmix_pairs *pairs, struct clmix_heap_entry entry)
{
    size_t at = pairs->heap_count;

    if (!CLMIX_PUSH(pairs->heap, pairs->heap_count, pairs->heap_capacity, entry))
        return false;
    for (; at > 0 && is_before(pairs, entry, pairs->heap[(at - 1) / 2]); at = (at - 1) / 2)
        pairs->heap[at] = pairs->heap[(at - 1) / 2];
    pairs->heap[at] = entry;
    return true;
}

bool clmix_pairs_settle(struct clmix_pairs *pairs)
{
    for (size_t i = 0; i < pairs->raised_count; i++) {
        struct clmix_pair *pair = &pairs->items[pairs->raised[i]];

        pair->raised = false;
        if (pair->count > 0 && !push(pairs, (struct clmix_heap_entry){ pair->count, pairs->raised[i] }))
            return false;
    }
    pairs->raised_count = 0;
    return true;
}

struct clmix_pair *clmix_pairs_most(struct clmix_pairs *pairs)
{
    while (pairs->heap_count > 0) {
        const struct clmix_heap_entry top = pairs->heap[0];
        struct clmix_pair *pair = &pairs->items[top.pair];

        if (pair->count > 0 && pair->count < top.count) { /* it sinks to where it belongs by now */
            sink(pairs, (struct clmix_heap_entry){ pair->count, top.pair });
            continue;
        }
        pairs->heap_count--;
        if (pairs->heap_count > 0)
            sink(pairs, pairs->heap[pairs->heap_count]);
        if (pair->count == top.count)
            return pair;
    }
    return NULL;
}

void clmix_pairs_free(struct clmix_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        free(pairs->items[i].words);
    free(pairs->items);
    free(pairs->slots);
    free(pairs->heap);
    free(pairs->raised);
    memset(pairs, 0, sizeof *pairs);
}
