/* The checkpoint file: safetensors with param.NAME, buffer.NAME, the moments (exp_avg.NAME, ...) and average.NAME in the files' order
 * of axes, so that any device can go on; and in the metadata
 * "format", "sha256" (of the whole file: lib/io/safetensors.h), "model" (its name), "config", "classes" (their names; since 2), "options", "state",
 * "identity" (JSON; the last since 0.2: what the data set is told by) and "data". */
#ifndef CLMIX_TRAIN_CHECKPOINT_H
#define CLMIX_TRAIN_CHECKPOINT_H

#include "network/file.h"
#include "train/run.h"

#define CLMIX_CHECKPOINT_FORMAT   CLMIX_CHECKPOINT_MARK "2"
#define CLMIX_CHECKPOINT_UNSEALED CLMIX_CHECKPOINT_MARK "1" /* the same without a checksum, as clmix wrote at first: still read */
#define CLMIX_CHECKPOINT_GROUPS   6

/* Tensors of one arena, under names that begin with `prefix`. */
struct clmix_arena_group {
    char prefix[16];
    cl_mem memory;
    size_t count;    /* elements of the arena */
    bool of_weights; /* of the trainable tensors, or of the states */
};
size_t clmix_checkpoint_groups(const struct clmix_replica *replica, struct clmix_arena_group groups[CLMIX_CHECKPOINT_GROUPS]);

/* Opens a checkpoint and makes sure that it is as it was written; FORMAT when it is not, or is no checkpoint. */
clmix_status clmix_checkpoint_open(clmix_safetensors **file, const char *path);
/* The metadata's objects. */
clmix_status clmix_checkpoint_options(const clmix_safetensors *file, const char *path, clmix_train_options *options);
clmix_status clmix_checkpoint_state(const clmix_safetensors *file, const char *path, cJSON **state);

#endif
