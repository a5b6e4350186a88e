/* What changes samples on their way from the source into a batch (inside lib/data). Whatever is random in it depends on (seed, epoch, number
 * of the sample) alone. Adding one is a descriptor, a row in batch_recipe.c and what switches it on, in clmix_augment or in the data set. */
#ifndef CLMIX_DATA_TRANSFORM_H
#define CLMIX_DATA_TRANSFORM_H

#include "base/random.h"
#include "data/dataset.h"

/* What samples of one epoch have in common. */
typedef struct clmix_transform_call {
    const clmix_dataset *dataset;
    clmix_split split;
    const clmix_augment *augment;
    uint64_t seed;
    size_t epoch;
    const clmix_ports *ports;
    void *scratch; /* room for one sample of any port */
    bool beside;   /* behind a batch's samples is the one that follows them, for those who blend neighbours; else they follow in a ring */
} clmix_transform_call;

typedef struct clmix_transform {
    bool of_test; /* it is for the test split too */
    /* Whether it is asked for, by the caller or by the set. */
    bool (*asked)(const clmix_augment *augment, const clmix_dataset *dataset);
    /* That what is asked fits the ports, to which it adds those that it fills. ARGUMENT when not. */
    clmix_status (*settle)(const clmix_augment *augment, clmix_ports *ports);
    /* Changes sample `index`, one array a port, in place. NULL: nothing to do by sample. */
    void (*sample)(const clmix_transform_call *call, uint32_t index, void *const *arrays);
    /* Changes the first `count` samples of a batch that has room for `batch`, whose numbers are `indices`; the rest is blank. NULL: nothing. */
    void (*batch)(const clmix_transform_call *call, const uint32_t *indices, size_t count, size_t batch, void *const *arrays);
} clmix_transform;

extern const clmix_transform clmix_transform_augment, clmix_transform_mixup, clmix_transform_masking;

/* The draws of one sample for one purpose. Samples and epochs are below 2^32: both fit in the stream's number. */
static inline clmix_random clmix_sample_draws(const char *purpose, uint64_t seed, size_t epoch, size_t index)
{
    return clmix_random_stream(seed ^ clmix_hash_text(purpose), (uint64_t)epoch << 32 | (uint64_t)index);
}

#endif
