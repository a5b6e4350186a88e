/* Masked language: which tokens of a sequence are to be guessed, and what stands in their place (Devlin et al. 2019; inside lib/data). */
#ifndef CLMIX_DATA_MASKING_H
#define CLMIX_DATA_MASKING_H

#include "base/lengths.h"

#include <clmix/text.h>

/* The largest share of a sequence's places that may be guessed: models have room for so many (at least for one). */
#define CLMIX_MASKED_MOST ((double)CLMIX_LABELLED / CLMIX_LABELLED_OF)

struct clmix_masking {
    /* Of a sequence's tokens, [CLS] and [SEP] among them, that are to be guessed: 0.15. Rounded, half to even; one at least, and at most what any batch
     * with this sequence has room for. */
    double share;
    size_t places;     /* of the longest batches' sequences */
    int32_t mask;      /* the id of [MASK] */
    size_t vocabulary; /* ids are below this */
    /* Ids by clmix_special: none of them is drawn; [PAD], [CLS] and [SEP] are not to be guessed. */
    int32_t special[CLMIX_SPECIALS];
    uint64_t seed;
};

/* The masking of a tokenizer's tokens, in sequences of `places` at most. ARGUMENT where it has no [MASK], or a share that is none or too large. */
clmix_status clmix_masking_make(struct clmix_masking *masking, const clmix_tokenizer *tokenizer, double share, size_t places,
                                uint64_t seed);

/* Masks sequence `index` in `epoch`: of those that are to be guessed 80 % become [MASK], 10 % another word that is drawn, 10 % stay. labels[i] becomes the id that
 * was there, and CLMIX_NO_LABEL where nothing is to be guessed. The result is how many there are. It depends on (seed, epoch, index) and the ids alone. */
size_t clmix_masking_apply(const struct clmix_masking *masking, size_t epoch, size_t index, int32_t *ids, size_t count, int32_t *labels);

#endif
