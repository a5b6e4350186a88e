/* Names with numbers: a hash table from texts, so that looking one of many thousands up costs what looking one of ten up does. */
#ifndef CLMIX_BASE_NAMES_H
#define CLMIX_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct clmix_named {
    const char *text; /* NULL: free */
    size_t number;
};

/* All zero is an empty table. Texts are borrowed and must outlive it. */
typedef struct clmix_names {
    struct clmix_named *slots;
    size_t count, capacity;
    size_t longest; /* bytes of the longest name */
} clmix_names;

/* Adds a name that is not in the table; false when the host is out of memory, the table untouched. */
bool clmix_names_add(clmix_names *names, const char *text, size_t number);
/* Whether a name is in the table, and its number (left alone where it is not). */
bool clmix_names_find(const clmix_names *names, const char *text, size_t *number);
/* Bytes of the longest name, not the empty one, that the text of so many bytes begins with, and its number (left alone where there is none: 0). */
size_t clmix_names_prefix(const clmix_names *names, const char *text, size_t bytes, size_t *number);
void clmix_names_clear(clmix_names *names);

#endif
