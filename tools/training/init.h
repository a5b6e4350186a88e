/* clmix-train's beginning from a trained network: --init; and what stays as it is, or without weight decay: --freeze and --no-decay. */
#ifndef CLMIX_TOOLS_TRAIN_INIT_H
#define CLMIX_TOOLS_TRAIN_INIT_H

#include "common/progress.h"

#include <clmix/train.h>
#include <popt.h>

struct train_init {
    char *init;
    const char **freeze, **no_decay; /* patterns, NULL at the end; may be NULL */
    struct poptOption table[4];
};
void train_init_start(struct train_init *init);
void train_init_end(struct train_init *init);

/* Puts the patterns into the options; ARGUMENT when they are too long. */
clmix_status train_init_patterns(const struct train_init *init, clmix_train_options *options);

/* Takes over what fits, and says what did and what begins afresh. */
clmix_status train_init_network(const struct train_init *init, clmix_network *network, struct progress *progress);

#endif
