/* Data sets whose pictures all have one size and are held in memory as they are in the files (CIFAR, MNIST). */
#ifndef CLMIX_DATA_HELD_H
#define CLMIX_DATA_HELD_H

#include "data/pictures.h"

typedef struct clmix_held_split {
    unsigned char *pictures; /* (count, height, width, channels) */
    unsigned char *labels;
} clmix_held_split;

/* The state of such a data set. */
typedef struct clmix_held {
    clmix_held_split split[2];
    size_t height, width, channels;
    size_t padding; /* up to so many missing pixels are padded with zeros, half on each side, instead of scaling */
} clmix_held;

/* Makes dataset->state and the ports. */
clmix_status clmix_held_new(clmix_dataset *dataset, size_t height, size_t width, size_t channels, size_t padding);

/* Makes room for `more` pictures behind those that a split has, without counting them yet. */
clmix_status clmix_held_grow(clmix_dataset *dataset, clmix_split split, size_t more);

/* These two are a source's close and get. */
void clmix_held_close(clmix_dataset *dataset);
clmix_status clmix_held_get(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays);

#endif
