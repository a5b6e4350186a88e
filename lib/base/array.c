#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>

bool clmix_array_reserve(void **items, size_t *capacity, size_t count, size_t item_bytes)
{
    size_t wanted = *capacity < 8 ? 8 : *capacity;
    void *larger;

    if (count <= *capacity)
        return true;
    while (wanted < count)
        wanted *= 2;
    if (wanted > SIZE_MAX / item_bytes)
        return false;
    larger = realloc(*items, wanted * item_bytes);
    if (larger == NULL)
        return false;
    *items = larger;
    *capacity = wanted;
    return true;
}
