/* Sentences packed into sequences, for language models (inside lib/data), as BERT's are made without its next-sentence task. */
#ifndef CLMIX_DATA_PACKING_H
#define CLMIX_DATA_PACKING_H

#include "data/token_set.h"

/* A sequence: `count` ids from `first` on in the set's list. */
struct clmix_packed_sequence {
    size_t first, count;
};

struct clmix_packed {
    struct clmix_packed_sequence *sequences;
    size_t count, capacity;
};

struct clmix_packing_options {
    size_t room;        /* ids at most: a sequence's length less [CLS] and [SEP] */
    double short_share; /* of the sequences, those for which a shorter length from 2 to `room` is drawn: 0.1 of BERT's */
    uint64_t seed;
};

/* Packs sentences, bare ids in their order, one behind the other as long as they fit. A sequence stays within a document; it begins with a sentence, but for those
 * that go on with one that is longer than all the room: no token is lost. To be freed in any case. HOST_MEMORY. */
clmix_status clmix_pack(struct clmix_packed *packed, const struct clmix_token_set *sentences, const struct clmix_packing_options *options);
void clmix_packed_free(struct clmix_packed *packed);

#endif
