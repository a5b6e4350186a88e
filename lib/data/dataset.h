/* What a kind of data set provides (inside lib/data). Adding one is a file with a clmix_data_source and a row in open.c. */
#ifndef CLMIX_DATA_DATASET_H
#define CLMIX_DATA_DATASET_H

#include <clmix/data.h>

#include "data/masking.h"
#include "data/ports.h"

#include <stdatomic.h>

typedef struct clmix_data_source {
    const char *name;     /* what stands before the colon of a spec */
    const char *argument; /* what stands behind it, such as "DIR"; NULL where nothing needs to */
    /* Opens `argument` (after the colon, "" when there is none). On return ports, counts, classes and state are set, the ports
     * as dataset->wanted has them where the set can give them so. After a failure close is called. */
    clmix_status (*open)(clmix_dataset *dataset, const char *argument);
    void (*close)(clmix_dataset *dataset);
    /* Fills the arrays of a sample, one a port. `index` has been checked. From several threads at once. */
    clmix_status (*get)(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays);
    bool on_demand; /* get reads what was not read before: it may wait, and it may fail */
} clmix_data_source;

/* What sets of sequences tell beside that; all zero for others. */
struct clmix_sequences {
    /* Places of a sample that hold tokens, all before those that are filled up; the longer of two sequences. NULL: always all of them. */
    size_t (*length)(const clmix_dataset *dataset, clmix_split split, size_t index);
    const struct clmix_masking *masking; /* what is to be guessed of them; NULL: nothing */
    const clmix_tokenizer *tokenizer;    /* that made them; NULL: none */
    size_t ids;                          /* tokens are below this; 0: not known */
};

struct clmix_dataset {
    const clmix_data_source *source;
    clmix_ports ports;
    const clmix_port *wanted; /* as the model reads them; while open runs */
    size_t wanted_count;
    const clmix_tokenizer *given; /* for texts; while open runs. NULL: the set's own */
    /* clmix_dataset_open, for sets within sets; while open runs. */
    clmix_status (*open_within)(clmix_dataset **dataset, const char *spec, const clmix_port *wanted, size_t count);
    size_t count[2];       /* by clmix_split */
    float mean[4], std[4]; /* of the pictures, a channel each, where bytes are 0 to 1; 0.5 unless the source says */
    int classes;
    char **class_names; /* owned, `classes` of them */
    void *state;        /* the source's */
    bool on_demand;     /* the source's, or that of a set within */
    struct clmix_sequences sequences;
    clmix_data_reading reading[2]; /* by clmix_split */
    char *port_names;              /* owned; NULL where they are the library's */
    atomic_int *others;            /* loaders that hold it beside its owner. NULL: it outlives them */
};

/* A loader keeps its set open, for its threads; the last one to let go closes it. */
void clmix_dataset_hold(const clmix_dataset *dataset);
void clmix_dataset_release(const clmix_dataset *dataset);

extern const clmix_data_source clmix_source_shapes, clmix_source_cifar10, clmix_source_cifar100, clmix_source_mnist, clmix_source_folder,
    clmix_source_tinyimagenet, clmix_source_pathfinder, clmix_source_pixels, clmix_source_text, clmix_source_tsv, clmix_source_csv,
    clmix_source_imdb, clmix_source_listops, clmix_source_retrieval;

/* source.c. A set without anything yet, counted as those are that loaders may outlive. */
clmix_status clmix_dataset_new(clmix_dataset **dataset, const clmix_data_source *source);

/* source.c. Sets classes and copies of their names. */
clmix_status clmix_dataset_name_classes(clmix_dataset *dataset, const char *const *names, int count);

#endif
