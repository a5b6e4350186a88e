#include "base/names.h"

#include "base/random.h"
#include "base/size.h"

#include <stdlib.h>
#include <string.h>

/* Where a text is, or where it would go: open addressing, a power of two slots, at most half of them taken. */
static struct clmix_named *slot_of(struct clmix_named *slots, size_t capacity, const char *text)
{
    size_t at = (size_t)clmix_hash_text(text) & (capacity - 1);

    while (slots[at].text != NULL && strcmp(slots[at].text, text) != 0)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static bool grow(clmix_names *names)
{
    const size_t capacity = names->capacity == 0 ? 16 : 2 * names->capacity;
    struct clmix_named *slots = calloc(capacity, sizeof *slots);

    if (slots == NULL)
        return false;
    for (size_t i = 0; i < names->capacity; i++)
        if (names->slots[i].text != NULL)
            *slot_of(slots, capacity, names->slots[i].text) = names->slots[i];
    free(names->slots);
    names->slots = slots;
    names->capacity = capacity;
    return true;
}

bool clmix_names_add(clmix_names *names, const char *text, size_t number)
{
    if (2 * (names->count + 1) > names->capacity && !grow(names))
        return false;
    *slot_of(names->slots, names->capacity, text) = (struct clmix_named){ text, number };
    names->count++;
    names->longest = clmix_larger(names->longest, strlen(text));
    return true;
}

bool clmix_names_find(const clmix_names *names, const char *text, size_t *number)
{
    const struct clmix_named *slot = names->capacity == 0 ? NULL : slot_of(names->slots, names->capacity, text);

    if (slot == NULL || slot->text == NULL)
        return false;
    *number = slot->number;
    return true;
}

size_t clmix_names_prefix(const clmix_names *names, const char *text, size_t bytes, size_t *number)
{
    const size_t most = clmix_smaller(bytes, names->longest);
    uint64_t hash = CLMIX_HASH_TEXT_START;
    size_t found = 0;

    for (size_t length = 1; length <= most; length++) {
        hash = clmix_hash_text_more(hash, (unsigned char)text[length - 1]);
        for (size_t at = (size_t)hash & (names->capacity - 1); names->slots[at].text != NULL; at = (at + 1) & (names->capacity - 1)) {
            const struct clmix_named *slot = &names->slots[at];

            if (strnlen(slot->text, length + 1) == length && memcmp(slot->text, text, length) == 0) {
                found = length;
                *number = slot->number;
                break;
            }
        }
    }
    return found;
}

void clmix_names_clear(clmix_names *names)
{
    free(names->slots);
    memset(names, 0, sizeof *names);
}
