#include "data/packing.h"

#include "base/array.h"
#include "base/random.h"
#include "base/size.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* Ids that sequence `number` is to have at most. */
static size_t draw_room(const struct clmix_packing_options *options, size_t number)
{
    clmix_random random = clmix_random_stream(options->seed ^ clmix_hash_text("packing"), number);

    if (options->room <= 2 || (double)clmix_random_uniform(&random) >= options->short_share)
        return options->room;
    return 2 + clmix_random_below(&random, (uint32_t)(options->room - 1));
}

/* The sequence that is being filled. */
struct filling {
    struct clmix_packed *packed;
    const struct clmix_packing_options *options;
    struct clmix_packed_sequence sequence;
    size_t room;
};

static clmix_status finish(struct filling *filling)
{
    struct clmix_packed *packed = filling->packed;

    if (filling->sequence.count == 0)
        return CLMIX_OK;
    if (!CLMIX_PUSH(packed->sequences, packed->count, packed->capacity, filling->sequence))
        return clmix_fail_memory("sequences");
    filling->sequence.count = 0;
    filling->room = draw_room(filling->options, packed->count);
    return CLMIX_OK;
}

/* A sentence behind what is there; or, where it does not fit, at the beginning of the next sequence, and of as many as it takes. */
static clmix_status add(struct filling *filling, size_t first, size_t count)
{
    if (filling->sequence.count + count > filling->room)
        CLMIX_TRY(finish(filling));
    while (count > 0) {
        const size_t taken = clmix_smaller(count, filling->room - filling->sequence.count);

        if (filling->sequence.count == 0)
            filling->sequence.first = first;
        filling->sequence.count += taken;
        first += taken;
        count -= taken;
        if (filling->sequence.count == filling->room)
            CLMIX_TRY(finish(filling));
    }
    return CLMIX_OK;
}

clmix_status clmix_pack(struct clmix_packed *packed, const struct clmix_token_set *sentences, const struct clmix_packing_options *options)
{
    struct filling filling = { .packed = packed, .options = options, .room = draw_room(options, 0) };

    memset(packed, 0, sizeof *packed);
    for (size_t i = 0; i < sentences->count; i++) {
        const struct clmix_token_sample *sentence = &sentences->samples[i];

        if (i > 0 && sentence->document != sentence[-1].document)
            CLMIX_TRY(finish(&filling));
        CLMIX_TRY(add(&filling, sentence->first, sentence->count));
    }
    return finish(&filling);
}

void clmix_packed_free(struct clmix_packed *packed)
{
    free(packed->sequences);
    memset(packed, 0, sizeof *packed);
}
