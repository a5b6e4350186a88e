/* Several processes in one run: where they meet, and what they add up. Nothing here does anything in a run of one process. */
#ifndef CLMIX_TRAIN_PEERS_H
#define CLMIX_TRAIN_PEERS_H

#include <clmix/train.h>
#include <stdint.h>

/* What a process says of a batch or of an evaluation, and hears as the sum over all: over the labels that counted. */
struct clmix_word {
    double counted; /* labels */
    double loss;    /* sum of the losses */
    double metrics[CLMIX_MOST_METRICS];
    double skipped; /* samples */
};

/* What the processes are to one another. */
struct clmix_peering {
    const clmix_peers *peers;         /* NULL: there is one process */
    const clmix_train_events *events; /* of the run, while there is one: asked while this process waits for others */
    bool wants_stop;                  /* this process was asked to stop */
    bool stopping;                    /* all are to stop after this step: heard when they met last */
    bool told;                        /* the others know of this process's failure, or it has heard of theirs */
    bool different;                   /* devices that may round differently: weights are sent anew at each step */
};

/* A run begins. */
void clmix_peering_begin(struct clmix_peering *peering, const clmix_train_events *events);
/* This process is to stop: alone at once, with others when they have met. */
void clmix_peering_stop(struct clmix_peering *peering);
bool clmix_peering_is_first(const struct clmix_peering *peering);

/* Where all processes meet. `own` is how this one fared: where any has failed, all get a failure, this one its own or PEER with who it was; INTERRUPTED where those
 * were stopped. Otherwise the word becomes the sum of all words. `word` may be NULL. */
clmix_status clmix_peering_meet(struct clmix_peering *peering, clmix_status own, struct clmix_word *word);
/* At the end of a run that failed: tells the others, if they have not heard. Gives `own` back, its sentence kept. */
clmix_status clmix_peering_part(struct clmix_peering *peering, clmix_status own);

clmix_status clmix_peering_sum(struct clmix_peering *peering, double *values, size_t count);
clmix_status clmix_peering_sum_floats(struct clmix_peering *peering, float *values, size_t count);
clmix_status clmix_peering_send(struct clmix_peering *peering, void *data, size_t bytes);

/* Whether `value` is the same everywhere. */
clmix_status clmix_peering_compare(struct clmix_peering *peering, uint64_t value, bool *same);

#endif
