/* What replicas tell each other, through host memory: devices of several vendors share nothing else. Each one's gradients and states are read and brought
 * together in the replicas' order, whichever was done first, so that the same shares give the same bits. */
#ifndef CLMIX_TRAIN_EXCHANGE_H
#define CLMIX_TRAIN_EXCHANGE_H

#include "train/replica.h"

struct clmix_exchange {
    size_t count; /* of replicas; 0: nothing is allocated */
    size_t weight_count, state_count;
    float *gradients[CLMIX_MOST_DEVICES], *states[CLMIX_MOST_DEVICES]; /* as they were read */
    float *gradient_sum; /* of all since the last update, weighted by their labels; their mean when it is time for the next */
    double *state_sum;   /* of the states, each weighted by the samples that it comes of */
    float *state_mean;
    float *weights;
};

/* For `count` replicas like this one, which is planned. HOST_MEMORY. */
clmix_status clmix_exchange_make(struct clmix_exchange *exchange, const struct clmix_replica *replica, size_t count);
void clmix_exchange_clear(struct clmix_exchange *exchange);

/* Gradients and states that a replica has come to; waits for them. */
clmix_status clmix_exchange_read(struct clmix_exchange *exchange, size_t index, struct clmix_replica *replica);

/* Adds what was read to the sum of gradients, each by the labels that it is the mean over (0: it has none, and was not read), and multiplies that with
 * `scale`. `fresh`: the sum begins here. */
void clmix_exchange_add(struct clmix_exchange *exchange, const struct clmix_replica *replica, const double *labels, bool fresh,
                        double scale);
/* The sum of the states, each by the samples that it comes of; and their mean over all of these. */
void clmix_exchange_sum_states(struct clmix_exchange *exchange, const double *samples);
void clmix_exchange_mix_states(struct clmix_exchange *exchange, double samples);

/* To a replica's gradients and states. */
clmix_status clmix_exchange_write_gradients(const struct clmix_exchange *exchange, struct clmix_replica *replica);
clmix_status clmix_exchange_write_states(const struct clmix_exchange *exchange, struct clmix_replica *replica);

/* Weights and states of one replica, and to another: all of them, or of the weights those alone that training changes. */
clmix_status clmix_exchange_read_weights(struct clmix_exchange *exchange, struct clmix_replica *from, bool all);
clmix_status clmix_exchange_write_weights(const struct clmix_exchange *exchange, struct clmix_replica *to, bool all);

/* The first replica whose gradients were read and are not finite; `count` where there is none. */
size_t clmix_exchange_find_not_finite(const struct clmix_exchange *exchange, const struct clmix_replica *replica, const double *labels);

#endif
