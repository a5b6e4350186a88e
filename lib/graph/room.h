/* Room in a slab of memory: who has which bytes during which steps of a plan, and the lowest place that is free for long enough. For
 * lib/graph/ only. */
#ifndef CLMIX_GRAPH_ROOM_H
#define CLMIX_GRAPH_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLMIX_ROOM_CLASSES 32

struct clmix_tenant;

/* All -1 in `roots` and zero otherwise (clmix_room_start) is an empty slab. */
struct clmix_room {
    struct clmix_tenant *tenants;
    size_t count, capacity;
    int32_t roots[CLMIX_ROOM_CLASSES];
};

void clmix_room_start(struct clmix_room *room);
void clmix_room_clear(struct clmix_room *room);

/* The lowest offset from which `bytes` are free in the steps first..last; offsets are 0 or ends of what is there. */
size_t clmix_room_find(const struct clmix_room *room, size_t bytes, int32_t first, int32_t last);
/* Takes bytes offset..end in those steps, which must be free. False when the host is out of memory. */
bool clmix_room_take(struct clmix_room *room, size_t offset, size_t end, int32_t first, int32_t last);

#endif
