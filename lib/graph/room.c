/* A tenant is a rectangle: bytes by steps. The lowest free place for another is found by going up past whatever is in the way.
 *
 * Tenants are kept in search trees by their offset, one tree for each order of magnitude of the time they stay: those that stay about as
 * long lie in the order in which they come and go (what a forward pass keeps for the backward pass is a stack, what a step needs for itself
 * follows the steps), so that nearly all subtrees are wholly in the way, without a gap, or wholly out of it. Either is passed over in one
 * step, and a place is found in a time that hardly grows with their number. The trees are treaps whose priorities come from the tenants'
 * numbers: the same on every host. */
#include "graph/room.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY (-1)

struct clmix_tenant {
    size_t offset, end;
    int32_t first, last;
    int32_t left, right;
    uint32_t priority;
    /* Of the subtree: its lowest offset and highest end, no gap in it is larger than `gap`, and bounds of its tenants' steps. */
    size_t low, top, gap;
    int32_t first_min, first_max, last_min, last_max;
};

/* What is looked for, and how far up it has been pushed. */
struct search {
    const struct clmix_room *room;
    size_t bytes, offset;
    int32_t first, last;
};

void clmix_room_start(struct clmix_room *room)
{
    memset(room, 0, sizeof *room);
    for (int i = 0; i < CLMIX_ROOM_CLASSES; i++)
        room->roots[i] = NOBODY;
}

void clmix_room_clear(struct clmix_room *room)
{
    free(room->tenants);
    clmix_room_start(room);
}

/* ---- finding -------------------------------------------------------------------------------------------------------------------------- */

/* Pushes the search past the tenants of a subtree. True when those that follow are too high to be in the way. */
static bool pass(struct search *search, int32_t number)
{
    const struct clmix_tenant *tenant = number == NOBODY ? NULL : &search->room->tenants[number];

    if (tenant == NULL || tenant->top <= search->offset || tenant->first_min > search->last || tenant->last_max < search->first)
        return false;
    if (tenant->low >= search->offset + search->bytes)
        return true;
    if (tenant->first_max <= search->last && tenant->last_min >= search->first && tenant->gap < search->bytes) {
        search->offset = tenant->top;
        return false;
    }
    if (pass(search, tenant->left))
        return true;
    if (tenant->first <= search->last && tenant->last >= search->first) {
        if (tenant->offset >= search->offset + search->bytes)
            return true;
        if (tenant->end > search->offset)
            search->offset = tenant->end;
    }
    return pass(search, tenant->right);
}

size_t clmix_room_find(const struct clmix_room *room, size_t bytes, int32_t first, int32_t last)
{
    struct search search = { .room = room, .bytes = bytes, .first = first, .last = last };
    size_t before;

    do {
        before = search.offset;
        for (int i = 0; i < CLMIX_ROOM_CLASSES; i++)
            (void)pass(&search, room->roots[i]);
    } while (search.offset != before);
    return search.offset;
}

/* ---- taking --------------------------------------------------------------------------------------------------------------------------- */

static void add_gap(struct clmix_tenant *tenant, size_t from, size_t to)
{
    if (to > from && to - from > tenant->gap)
        tenant->gap = to - from;
}

static void join(struct clmix_tenant *tenant, const struct clmix_tenant *child)
{
    if (child->top > tenant->top)
        tenant->top = child->top;
    if (child->low < tenant->low)
        tenant->low = child->low;
    if (child->gap > tenant->gap)
        tenant->gap = child->gap;
    if (child->first_min < tenant->first_min)
        tenant->first_min = child->first_min;
    if (child->first_max > tenant->first_max)
        tenant->first_max = child->first_max;
    if (child->last_min < tenant->last_min)
        tenant->last_min = child->last_min;
    if (child->last_max > tenant->last_max)
        tenant->last_max = child->last_max;
}

static void sum_up(struct clmix_room *room, int32_t number)
{
    struct clmix_tenant *tenant = &room->tenants[number];

    tenant->low = tenant->offset;
    tenant->top = tenant->end;
    tenant->gap = 0;
    tenant->first_min = tenant->first_max = tenant->first;
    tenant->last_min = tenant->last_max = tenant->last;
    if (tenant->left != NOBODY) {
        add_gap(tenant, room->tenants[tenant->left].top, tenant->offset);
        join(tenant, &room->tenants[tenant->left]);
    }
    if (tenant->right != NOBODY) {
        add_gap(tenant, tenant->top, room->tenants[tenant->right].low);
        join(tenant, &room->tenants[tenant->right]);
    }
}

static bool is_before(const struct clmix_tenant *a, const struct clmix_tenant *b)
{
    return a->offset != b->offset ? a->offset < b->offset : a->first < b->first;
}

/* Puts a tenant into a subtree; the subtree's new root. */
static int32_t insert(struct clmix_room *room, int32_t root, int32_t number)
{
    struct clmix_tenant *at = root == NOBODY ? NULL : &room->tenants[root], *tenant = &room->tenants[number];
    int32_t child;

    if (at == NULL)
        return number;
    if (is_before(tenant, at)) {
        child = at->left = insert(room, at->left, number);
        if (room->tenants[child].priority > at->priority) {
            at->left = room->tenants[child].right;
            room->tenants[child].right = root;
            sum_up(room, root);
            root = child;
        }
    } else {
        child = at->right = insert(room, at->right, number);
        if (room->tenants[child].priority > at->priority) {
            at->right = room->tenants[child].left;
            room->tenants[child].left = root;
            sum_up(room, root);
            root = child;
        }
    }
    sum_up(room, root);
    return root;
}

static uint32_t priority_of(size_t number)
{
    uint32_t x = (uint32_t)number * 0x9e3779b1u;

    x = (x ^ x >> 15) * 0x85ebca77u;
    return x ^ x >> 13;
}

/* The order of magnitude of a time in steps. */
static int class_of(int32_t first, int32_t last)
{
    uint32_t steps = (uint32_t)last - (uint32_t)first + 1;
    int magnitude = 0;

    while (steps > 1) {
        steps >>= 1;
        magnitude++;
    }
    return magnitude;
}

bool clmix_room_take(struct clmix_room *room, size_t offset, size_t end, int32_t first, int32_t last)
{
    struct clmix_tenant tenant = {
        .offset = offset,
        .end = end,
        .first = first,
        .last = last,
        .left = NOBODY,
        .right = NOBODY,
        .priority = priority_of(room->count),
    };
    int32_t *root = &room->roots[class_of(first, last)], number = (int32_t)room->count;

    if (!CLMIX_PUSH(room->tenants, room->count, room->capacity, tenant))
        return false;
    sum_up(room, number);
    *root = insert(room, *root, number);
    return true;
}
