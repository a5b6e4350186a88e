/* Training by hand: steps of plain descent from graphs built here and sums on the host, to compare a trainer's with. */
#ifndef CLMIX_TEST_SUPPORT_HAND_H
#define CLMIX_TEST_SUPPORT_HAND_H

#include "support_train.h"

enum { HAND_MOST = 24, HAND_SIDE = 16, HAND_CHANNELS = 3 };

/* One batch, and what a step is made of. A label of CLMIX_NO_LABEL does not count. */
struct part {
    size_t count;
    uint8_t pictures[HAND_MOST * TRAIN_PICTURE];
    int32_t labels[HAND_MOST], second[HAND_MOST];
    float weights[HAND_MOST];
};

/* Steps of plain descent as the options ask for them; `network` and `average` are where they have come to. */
struct hand {
    clmix_train_options options;
    float mean[4], std[4];
    size_t total, step, weight_count, state_count;
    uint64_t draws;
    double counted, correct; /* labels of all batches so far: that counted, and of these the first choices */
    clmix_config *config;
    clmix_network *network;
    clmix_plan *plans[HAND_MOST + 1]; /* by the number of pictures */
    cl_mem gradients;
    float *start, *average, *average_states;
};

/* `model` has the dropout that is wanted, whatever the trainer's model has. */
void hand_open(struct hand *hand, const char *model, const clmix_train_options *options);
void hand_close(struct hand *hand);

/* Device memory as numbers, freed by the caller, and the reverse (NULL: zeros). */
float *hand_read(cl_mem memory, size_t count);
cl_mem hand_room(size_t count, const float *values);

/* "loss" of so many pictures, with everything that the options change of it, and how many labels are first choices, "correct". */
clmix_plan *hand_compile(const struct hand *hand, size_t count, clmix_mode mode, cl_mem weights, cl_mem states);

/* Labels of a batch that count: with mixup, where both do. */
size_t hand_labels(const struct hand *hand, const struct part *part);

/* One step on all of the parts, descending along the mean over their labels; `losses` are theirs. The norm before clipping. */
double hand_step(struct hand *hand, const struct part *parts, size_t count, double *losses);

/* That the trainer has come to the same weights, statistics and averages. */
void hand_same_place(const struct train_run *run, const struct hand *hand);

#endif
