/* What a kind of data set provides (inside lib/data). Adding one is a file with a clmix_data_source and a row in dataset.c. */
#ifndef CLMIX_DATA_DATASET_H
#define CLMIX_DATA_DATASET_H

#include <clmix/data.h>

#include "io/picture.h"

#include <stdatomic.h>

typedef struct clmix_data_source {
    const char *name; /* what stands before the colon of a spec */
    /* Opens `argument` (after the colon, "" when there is none). On entry dataset->size holds what the model wants, 0 where it does not
     * care; on return every 0 is replaced by what the set has, and counts, classes and state are set. After a failure close is called. */
    clmix_status (*open)(clmix_dataset *dataset, const char *argument);
    void (*close)(clmix_dataset *dataset);
    /* Writes the picture in dataset->size. `index` has been checked. From several threads at once. */
    clmix_status (*get)(const clmix_dataset *dataset, clmix_split split, size_t index, unsigned char *picture, int *label);
    bool reads_files; /* get does, and may fail */
} clmix_data_source;

struct clmix_dataset {
    const clmix_data_source *source;
    struct {
        size_t height, width, channels;
    } size;
    size_t count[2]; /* by clmix_split */
    int classes;
    char **class_names; /* owned, `classes` of them */
    void *state;        /* the source's */
    atomic_int *others; /* loaders that hold it beside its owner. NULL: it outlives them */
};

/* A loader keeps its set open, for its threads; the last one to let go closes it. */
void clmix_dataset_hold(const clmix_dataset *dataset);
void clmix_dataset_release(const clmix_dataset *dataset);

extern const clmix_data_source clmix_source_shapes, clmix_source_cifar10, clmix_source_cifar100, clmix_source_mnist, clmix_source_folder;

/* source.c. Sets classes and copies of their names. */
clmix_status clmix_dataset_name_classes(clmix_dataset *dataset, const char *const *names, int count);

/* Replaces the zeros of dataset->size. */
void clmix_dataset_default_size(clmix_dataset *dataset, size_t height, size_t width, size_t channels);

#endif
