/* Growing arrays: CLMIX_PUSH(array, count, capacity, item) appends, doubling the capacity as needed; false when the host is out of memory, the array untouched. */
#ifndef CLMIX_BASE_ARRAY_H
#define CLMIX_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

bool clmix_array_reserve(void **items, size_t *capacity, size_t count, size_t item_bytes);

#define CLMIX_PUSH(items, count, capacity, item) \
    (clmix_array_reserve((void **)&(items), &(capacity), (count) + 1, sizeof *(items)) ? ((items)[(count)++] = (item), true) : false)

#endif
