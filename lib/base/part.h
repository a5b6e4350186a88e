/* How a batch is parted among those who share it: samples in their order, a run of them each. */
#ifndef CLMIX_BASE_PART_H
#define CLMIX_BASE_PART_H

#include <stddef.h>
#include <stdint.h>

/* Samples from `first` on, before `end`. */
struct clmix_part {
    size_t first, end;
};

/* The part `index` of `parts` of a batch, by weights (NULL: all equal). None is a single sample, which a plan could not tell from a value without a batch, but of
 * a batch of one: a neighbour takes it. */
struct clmix_part clmix_part_of(const uint64_t *weights, size_t parts, size_t index, size_t batch);

/* Samples of part `index` of equal parts at most, in a batch of up to `batch`. */
size_t clmix_part_most(size_t parts, size_t index, size_t batch);

#endif
