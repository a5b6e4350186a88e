#include "data/batching.h"

#include "base/lengths.h"
#include "base/size.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* ---- settling --------------------------------------------------------------------------------------------------------------------------- */

/* Places of the longest sequence; 0 where there are none. */
static size_t longest_of(const clmix_dataset *dataset)
{
    for (size_t i = 0; i < dataset->ports.count; i++)
        if (clmix_port_is_along(&dataset->ports.list[i]))
            return dataset->ports.list[i].size[0];
    return 0;
}

/* The number of a length, which is put in its place among those there are. */
static size_t enter(struct clmix_batching *batching, size_t length)
{
    size_t at = 0;

    while (at < batching->length_count && batching->lengths[at] < length)
        at++;
    if (at < batching->length_count && batching->lengths[at] == length)
        return at;
    memmove(batching->lengths + at + 1, batching->lengths + at, (batching->length_count - at) * sizeof *batching->lengths);
    batching->lengths[at] = length;
    batching->length_count++;
    return at;
}

/* The lengths that samples have, and then the length of each. */
static clmix_status find_lengths(struct clmix_batching *batching, const clmix_dataset *dataset, clmix_split split, size_t longest)
{
    for (size_t i = 0; i < batching->count; i++)
        enter(batching, clmix_length_for(dataset->sequences.length(dataset, split, i), longest));
    batching->kinds = malloc(batching->count);
    if (batching->kinds == NULL)
        return clmix_fail_memory("the lengths of samples");
    for (size_t i = 0; i < batching->count; i++) {
        const size_t kind = enter(batching, clmix_length_for(dataset->sequences.length(dataset, split, i), longest));

        batching->kinds[i] = (unsigned char)kind;
        batching->samples[kind]++;
    }
    return CLMIX_OK;
}

/* What is left of each length when its full batches are made, from the longest on; the batches of that. */
static size_t cut_rest(const struct clmix_batching *batching, struct clmix_batch_place *places)
{
    size_t rest[CLMIX_LENGTHS_LIMIT], batches = 0, first = 0;

    for (size_t kind = 0; kind < batching->length_count; kind++) {
        rest[kind] = batching->samples[kind] % batching->rooms[kind];
        first += batching->samples[kind] - rest[kind];
    }
    for (size_t kind = batching->length_count; kind-- > 0;)
        while (rest[kind] > 0) {
            struct clmix_batch_place place = { .first = first, .kind = kind };

            for (size_t from = kind + 1; from-- > 0 && place.count < batching->rooms[kind];) {
                const size_t taken = clmix_smaller(rest[from], batching->rooms[kind] - place.count);

                rest[from] -= taken;
                place.count += taken;
            }
            if (batching->drop_last && place.count < batching->rooms[kind])
                return batches; /* only the last can be so */
            if (places != NULL)
                places[batches] = place;
            first += place.count;
            batches++;
        }
    return batches;
}

static size_t count_batches(const struct clmix_batching *batching)
{
    size_t batches = 0;

    if (!batching->group)
        return batching->drop_last ? batching->count / batching->rooms[0] : clmix_ceil_div(batching->count, batching->rooms[0]);
    for (size_t kind = 0; kind < batching->length_count; kind++)
        batches += batching->samples[kind] / batching->rooms[kind];
    return batches + cut_rest(batching, NULL);
}

clmix_status clmix_batching_make(struct clmix_batching *batching, const clmix_dataset *dataset, clmix_split split, size_t batch,
                                 const clmix_loader_options *options)
{
    const size_t longest = longest_of(dataset);
    const bool few = options->lengths == CLMIX_LENGTHS_FEW && longest > 0 && dataset->sequences.length != NULL;

    *batching = (struct clmix_batching){ .count = dataset->count[split], .drop_last = options->drop_last };
    if (options->tokens > 0 && longest == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "batches of %zu tokens are asked for, and the data set has no sequences of tokens; give the number "
                          "of samples",
                          options->tokens);
    if (few && batching->count > 0)
        CLMIX_TRY(find_lengths(batching, dataset, split, longest));
    else {
        batching->lengths[0] = longest;
        batching->samples[0] = batching->count;
        batching->length_count = 1;
    }
    /* batches by tokens are of another size each, and only groups have as many in every epoch */
    batching->group = few && batching->count > 0 && (options->group || options->tokens > 0);
    for (size_t kind = 0; kind < batching->length_count; kind++)
        batching->rooms[kind] = options->tokens == 0 ? batch : clmix_larger(options->tokens / batching->lengths[kind], 1);
    if (batching->rooms[0] > 0)
        batching->batches = count_batches(batching);
    return CLMIX_OK;
}

void clmix_batching_free(struct clmix_batching *batching)
{
    free(batching->kinds);
    memset(batching, 0, sizeof *batching);
}

/* ---- an epoch --------------------------------------------------------------------------------------------------------------------------- */

/* Where each length's samples begin in a list of all, shortest first. */
static void find_begins(const struct clmix_batching *batching, size_t begin[CLMIX_LENGTHS_LIMIT])
{
    for (size_t kind = 0, first = 0; kind < batching->length_count; first += batching->samples[kind++])
        begin[kind] = first;
}

/* Lists the samples by length, each length's in the epoch's order; and the full batches, as they come together. How many. */
static size_t sort_by_length(const struct clmix_batching *batching, const uint32_t *order, uint32_t *sorted,
                             struct clmix_batch_place *places)
{
    size_t next[CLMIX_LENGTHS_LIMIT], left[CLMIX_LENGTHS_LIMIT], batches = 0, at = 0;

    find_begins(batching, next);
    memcpy(left, batching->rooms, sizeof left);
    for (size_t i = 0; i < batching->count; i++) {
        const size_t kind = batching->kinds[order[i]], full = batching->rooms[kind];

        sorted[next[kind]++] = order[i];
        if (--left[kind] > 0)
            continue;
        left[kind] = full;
        places[batches++] = (struct clmix_batch_place){ at, full, kind };
        at += full;
    }
    return batches;
}

void clmix_batching_arrange(const struct clmix_batching *batching, uint32_t *order, uint32_t *room, struct clmix_batch_place *places)
{
    const size_t full = sort_by_length(batching, order, room, places);
    size_t next[CLMIX_LENGTHS_LIMIT], end[CLMIX_LENGTHS_LIMIT], at = 0;

    find_begins(batching, next);
    for (size_t kind = 0; kind < batching->length_count; kind++)
        end[kind] = next[kind] + batching->samples[kind];
    for (size_t i = 0; i < full; at += places[i++].count) {
        memcpy(order + at, room + next[places[i].kind], places[i].count * sizeof *order);
        next[places[i].kind] += places[i].count;
    }
    for (size_t kind = batching->length_count; kind-- > 0; at += end[kind] - next[kind])
        memcpy(order + at, room + next[kind], (end[kind] - next[kind]) * sizeof *order);
    (void)cut_rest(batching, places + full);
}

struct clmix_batch_place clmix_batching_place(const struct clmix_batching *batching, const uint32_t *order, size_t index)
{
    const size_t first = index * batching->rooms[0];
    struct clmix_batch_place place = { first, clmix_smaller(batching->count - first, batching->rooms[0]), 0 };

    for (size_t i = 0; batching->kinds != NULL && i < place.count; i++)
        place.kind = clmix_larger(place.kind, batching->kinds[order[first + i]]);
    return place;
}

/* ---- sizes ------------------------------------------------------------------------------------------------------------------------------ */

static void add_size(struct clmix_batch_size *sizes, size_t *count, struct clmix_batch_size size)
{
    for (size_t i = 0; i < *count; i++)
        if (sizes[i].count == size.count && sizes[i].length == size.length)
            return;
    sizes[(*count)++] = size;
}

size_t clmix_batching_sizes(const struct clmix_batching *batching, struct clmix_batch_size sizes[CLMIX_BATCH_SIZES])
{
    struct clmix_batch_place rest[2 * CLMIX_LENGTHS_LIMIT];
    size_t count = 0;

    for (size_t kind = batching->length_count; kind-- > 0;)
        if (batching->samples[kind] >= batching->rooms[kind])
            add_size(sizes, &count, (struct clmix_batch_size){ batching->rooms[kind], batching->rooms[kind], batching->lengths[kind] });
    for (size_t i = 0, batches = cut_rest(batching, rest); i < batches; i++)
        add_size(sizes, &count, (struct clmix_batch_size){ rest[i].count, batching->rooms[rest[i].kind], batching->lengths[rest[i].kind] });
    return count;
}
