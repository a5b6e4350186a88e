/* Inside a trainer: its plans, its arenas, and the parts of a step. */
#ifndef CLMIX_TRAIN_TRAINER_H
#define CLMIX_TRAIN_TRAINER_H

#include "train/optimizer.h"
#include "train/recipe.h"

/* A training plan for one batch size. */
struct clmix_sized_plan {
    size_t batch;
    clmix_plan *plan;
};

struct clmix_trainer {
    clmix_network *network;    /* borrowed; NULL when only planning */
    const clmix_dataset *data; /* borrowed; NULL: single steps only */
    char *data_name;           /* its spec, or NULL */
    char *model_name;          /* the configuration's, or what the run was begun with */
    clmix_device *device;
    clmix_train_options options;
    struct clmix_recipe recipe;
    struct clmix_arena_map map;
    struct clmix_optimizer *optimizer;

    /* The first is for a full batch and owns the activation memory that the others use too. */
    struct clmix_sized_plan *plans;
    size_t plan_count, plan_capacity;
    clmix_plan *scoring; /* full batch, inference mode; NULL without test pictures */

    cl_mem gradients;
    cl_mem sums;        /* of gradients; with accumulation */
    cl_mem kept_states; /* states before the step, should it fail; NULL where the model has none */
    cl_mem average_weights, average_states;
    bool prepared;

    size_t train_count, test_count; /* pictures */
    size_t batches;                 /* in an epoch */
    size_t total_steps;             /* of the whole run, for the schedule */

    size_t step;            /* updates made so far */
    uint64_t draws;         /* batches run so far: the counter that dropout's masks are keyed by */
    size_t summed_pictures; /* in `sums`, since the last update */
};

/* One batch on its way to the device; second_labels and weights may be NULL without mixup. */
struct clmix_step_input {
    size_t count;
    const uint8_t *pictures;
    const int32_t *labels, *second_labels;
    const float *weights;
};

struct clmix_step_result {
    double loss;
    size_t correct;
};

/* The prepared training plan for a batch of so many pictures; made if it is not there yet. */
clmix_status clmix_trainer_plan(clmix_trainer *trainer, size_t batch, clmix_plan **plan);

/* Prepares, and takes the network as it is as the beginning of a run. */
clmix_status clmix_trainer_restart(clmix_trainer *trainer);

/* Forward and backward of one batch, and with `update` the optimizer's step from all gradients since the last one. Waits for the loss.
 * NOT_FINITE: weights, moments and states are as before the step. */
clmix_status clmix_trainer_run(clmix_trainer *trainer, const struct clmix_step_input *input, bool update, struct clmix_step_result *result);

/* Forgets the batches since the last step, as though they had not been run; `draws` is what the counter was then. */
clmix_status clmix_trainer_forget(clmix_trainer *trainer, uint64_t draws);

/* The weights that are evaluated and saved: the averaged ones where averaging is on. */
cl_mem clmix_trainer_best_weights(const clmix_trainer *trainer);
cl_mem clmix_trainer_best_states(const clmix_trainer *trainer);

/* feed.c: the inputs of a plan for as many pictures as `input` has. */
clmix_status clmix_trainer_feed(clmix_trainer *trainer, clmix_plan *plan, const struct clmix_step_input *input);

/* nan.c: finds out what made the loss or the gradients of `input` not finite, puts the states back, and returns NOT_FINITE with the
 * sentence. */
clmix_status clmix_trainer_explain(clmix_trainer *trainer, clmix_plan *plan, const struct clmix_step_input *input,
                                   const float scalars[CLMIX_SCALARS]);
/* The running statistics as they were before the step. */
clmix_status clmix_trainer_restore_states(clmix_trainer *trainer);

/* That a data set has the pictures and classes that a model takes; ARGUMENT with both if not. */
clmix_status clmix_check_data(const clmix_config *config, const clmix_dataset *data);

/* evaluate.c: runs a scoring plan, whose arenas are bound, over a split. */
/* evaluate.c: the loader's next batch; INTERRUPTED when the caller wants to stop while it is waited for. `events` may be NULL. */
clmix_status clmix_next_batch(clmix_loader *loader, const clmix_train_events *events, clmix_batch *batch);
/* The test split, with the best weights. */
clmix_status clmix_trainer_score(clmix_trainer *trainer, const clmix_train_events *events, clmix_score *score);

/* save.c: writes model.safetensors with the weights that were evaluated. */
clmix_status clmix_trainer_save_model(clmix_trainer *trainer, const char *path);

#endif
