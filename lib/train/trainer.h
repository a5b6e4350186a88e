/* Inside a trainer: the run above its replicas, and the parts of a step. */
#ifndef CLMIX_TRAIN_TRAINER_H
#define CLMIX_TRAIN_TRAINER_H

#include "train/exchange.h"
#include "train/peers.h"
#include "train/shares.h"

#include <cjson/cJSON.h>

struct clmix_trainer {
    const clmix_dataset *data; /* borrowed; NULL: single steps only */
    char *data_name;           /* its spec, or NULL */
    cJSON *identity;           /* what the data set is told by; NULL before a run */
    char *model_name;          /* the configuration's, or what the run was begun with */
    clmix_train_options options;
    struct clmix_recipe recipe;
    struct clmix_replica
        replicas[CLMIX_MOST_DEVICES]; /* a step begins with the weights and statistics of the first on all of them: it speaks for all */
    size_t replica_count;
    struct clmix_shares shares;     /* of a batch, a replica each */
    struct clmix_exchange exchange; /* where there are several, or several processes */
    struct clmix_peering peering;   /* with the other processes */

    size_t train_count, test_count; /* samples */
    struct clmix_sizes train_sizes, test_sizes;
    size_t batches;     /* in an epoch */
    size_t total_steps; /* of the whole run, for the schedule */

    size_t step;           /* updates made so far */
    uint64_t draws;        /* batches run so far: the counter that dropout's masks are keyed by */
    size_t summed_batches; /* whose gradients are in the replicas' sums, since the last update */
    double summed_labels;  /* that counted in them */
};

/* What came of a batch. */
struct clmix_step_result {
    double loss;    /* mean over the labels that counted */
    double counted; /* how many these are */
    double metric;  /* sum of the task's first metric over them */
    double skipped; /* samples that could not be decoded */
};

/* replicas.c: plans a replica for this device, which is the first, and for each of the options' devices; gives all but the first, which has the caller's,
 * networks of their own. */
clmix_status clmix_trainer_make_replicas(clmix_trainer *trainer, clmix_device *device);
clmix_status clmix_trainer_make_networks(clmix_trainer *trainer, clmix_network *network);
/* Gives all replicas, of all processes, the weights and states of the first: all weights, or those that training changes. */
clmix_status clmix_trainer_agree(clmix_trainer *trainer, bool all);
/* Prepares, and takes the network as it is as the beginning of a run. */
clmix_status clmix_trainer_restart(clmix_trainer *trainer);
/* The running statistics of all replicas as they were before the step. */
clmix_status clmix_trainer_restore_states(clmix_trainer *trainer);

/* Forward and backward of one batch, each replica doing its share of the samples, and with `update` the optimizer's step from all gradients since
 * the last one. Waits for the loss; of several processes, for all of them, and the result is that of all. NOT_FINITE, PEER, INTERRUPTED: weights, moments and
 * states are as before the step. */
clmix_status clmix_trainer_run(clmix_trainer *trainer, const struct clmix_step_input *input, bool update, struct clmix_step_result *result);

/* Forgets the batches since the last step, as though they had not been run; `draws` is what the counter was then. */
clmix_status clmix_trainer_forget(clmix_trainer *trainer, uint64_t draws);

/* feed.c: what a loader's batch holds for the ports that a recipe takes in `mode`. INTERNAL where one is missing: that was checked. ARGUMENT as
 * clmix_feed_check has it. */
clmix_status clmix_feed_of_batch(const struct clmix_recipe *recipe, clmix_mode mode, const clmix_batch *batch,
                                 struct clmix_step_input *input);
/* That ids of tokens, of which a model has no row, go to no device: ARGUMENT with the first. */
clmix_status clmix_feed_check(const struct clmix_recipe *recipe, const struct clmix_step_input *input);
/* Writes the inputs of a plan. */
clmix_status clmix_feed_plan(const struct clmix_recipe *recipe, clmix_mode mode, clmix_plan *plan, const struct clmix_step_input *input);

/* nan.c: finds out what made the loss or the gradients of a replica's share of a batch not finite, puts the states back, and returns NOT_FINITE
 * with the sentence. */
clmix_status clmix_trainer_explain(clmix_trainer *trainer, struct clmix_replica *replica, clmix_plan *plan,
                                   const struct clmix_step_input *input, const float scalars[CLMIX_SCALARS]);

/* redraw.c: refuses redrawing for a model that has nothing of the kind (ARGUMENT). */
clmix_status clmix_check_redraw(const clmix_network *network, const clmix_train_options *options);

/* evaluate.c: the loader's next batch; INTERRUPTED when the caller wants to stop while it is waited for. `events` may be NULL. */
clmix_status clmix_next_batch(clmix_loader *loader, const clmix_train_events *events, clmix_batch *batch);
/* The test split, with the best weights. */
clmix_status clmix_trainer_score(clmix_trainer *trainer, const clmix_train_events *events, clmix_score *score);

/* save.c: writes model.safetensors with the weights that were evaluated. */
clmix_status clmix_trainer_save_model(clmix_trainer *trainer, const char *path);

#endif
