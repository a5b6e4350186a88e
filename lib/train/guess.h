/* What guessing would score: how often each label occurs among those that count. */
#ifndef CLMIX_TRAIN_GUESS_H
#define CLMIX_TRAIN_GUESS_H

#include <clmix/status.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is none yet. */
struct clmix_label_counts {
    size_t *counts; /* of each label from 0 */
    size_t size, total;
};

/* Counts `count` labels; those below 0 are left out. HOST_MEMORY. */
clmix_status clmix_label_counts_add(struct clmix_label_counts *labels, const int32_t *values, size_t count);
void clmix_label_counts_clear(struct clmix_label_counts *labels);

/* The loss of one who knows how often each label occurs and no more, their entropy in nats; NaN where there is none. */
double clmix_guess_loss(const struct clmix_label_counts *labels);

#endif
