/* Training: optimizers, schedules, the loop, checkpoints.
 *
 * A trainer owns a network's gradients and moments as flat arenas, one training plan for each batch size it meets, and the loop's state. Two runs with one seed on one device give the same bits, and so does
 * a run that was killed and resumed. */
#ifndef CLMIX_TRAIN_H
#define CLMIX_TRAIN_H

#include <clmix/data.h>
#include <clmix/network.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum clmix_optimizer_kind { CLMIX_ADAMW = 0, CLMIX_ADAM = 1, CLMIX_SGD = 2 } clmix_optimizer_kind;
typedef enum clmix_schedule_kind { CLMIX_SCHEDULE_CONSTANT = 0, CLMIX_SCHEDULE_COSINE = 1, CLMIX_SCHEDULE_LINEAR = 2 } clmix_schedule_kind;

typedef struct clmix_train_options {
    unsigned version;                  /* CLMIX_TRAIN_OPTIONS sets it */
    size_t batch, epochs;
    uint64_t seed;
    clmix_optimizer_kind optimizer;
    float rate;                        /* peak learning rate */
    float beta1, beta2, epsilon;       /* Adam, AdamW */
    float weight_decay;                /* AdamW: decoupled; Adam and SGD: added to the gradient */
    float momentum;                    /* SGD */
    bool nesterov;
    float clip_norm;                   /* global norm of the gradients; 0: off */
    size_t accumulate;                 /* batches whose gradients make one step (their mean); 1: none */
    clmix_schedule_kind schedule;
    size_t warmup;                     /* steps of linear warm-up */
    float average;                     /* decay of the exponential weight average used for evaluation and the best model; 0: off */
    float label_smoothing;
    float dropout;                     /* below 0: the configuration's */
    clmix_augment augment;
    size_t steps;                      /* stop after so many steps; 0: epochs decide */
    size_t checkpoint_steps;           /* also write the checkpoint every so many steps; 0: at the end of each epoch only */
} clmix_train_options;
#define CLMIX_TRAIN_OPTIONS_VERSION 1
/* The defaults: what a person who names only model and data should get. */
CLMIX_API clmix_train_options clmix_train_defaults(void);

/* Learning rate of step `step` (from 0) of `total`: pure, for tests and plots. */
CLMIX_API float clmix_schedule_rate(const clmix_train_options *options, size_t step, size_t total);

typedef struct clmix_trainer clmix_trainer;

/* Plans everything and knows the peak before it allocates; allocation is by the first step, or clmix_trainer_prepare. The network and data set are borrowed and must outlive the trainer. */
CLMIX_API clmix_status clmix_trainer_create(clmix_trainer **trainer, clmix_network *network, clmix_dataset *data, const clmix_train_options *options);
CLMIX_API clmix_status clmix_trainer_prepare(clmix_trainer *trainer);
CLMIX_API void clmix_trainer_free(clmix_trainer *trainer);
CLMIX_API void clmix_trainer_cost(const clmix_trainer *trainer, clmix_plan_cost *step, size_t *peak_bytes);

/* One line of the log. */
typedef struct clmix_epoch {
    size_t epoch, step;
    double train_loss, train_top1;
    double test_loss, test_top1, test_top5;    /* fractions, not per cent */
    double images_per_second, seconds;
    size_t peak_device_bytes;
    bool best;
} clmix_epoch;

/* What happens while training; every member may be NULL. Return false from `step` to stop: a checkpoint is written and clmix_train returns CLMIX_ERROR_INTERRUPTED. */
typedef struct clmix_train_events {
    bool (*step)(void *user, size_t epoch, size_t batch, size_t batches, double loss, double top1, double images_per_second);
    void (*epoch)(void *user, const clmix_epoch *epoch);
    void *user;
} clmix_train_events;

/* Trains until the epochs (or steps) are done, writing into `folder`: model.safetensors (best so far), checkpoint.safetensors, log.jsonl, curves.svg. The folder is made. With `resume` the checkpoint there is
 * continued bit for bit; options that change the result must agree with it. Errors: NOT_FINITE naming the op; FILE when the disk is full (the previous checkpoint stays). */
CLMIX_API clmix_status clmix_train(clmix_trainer *trainer, const char *folder, bool resume, const clmix_train_events *events);

/* One optimizer step on a batch of pictures u8 (batch, H, W, C) and labels, outside of clmix_train: loss before the step. */
CLMIX_API clmix_status clmix_trainer_step(clmix_trainer *trainer, const uint8_t *pictures, const int32_t *labels, size_t count, double *loss);

/* Mean loss and accuracies (fractions) over a split, weights as they are. */
typedef struct clmix_score {
    size_t count;
    double loss, top1, top5;
} clmix_score;
CLMIX_API clmix_status clmix_evaluate(clmix_network *network, clmix_dataset *data, clmix_split split, size_t batch, clmix_score *score);

#ifdef __cplusplus
}
#endif
#endif
