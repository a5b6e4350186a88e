/* Training: optimizers, schedules, the loop, checkpoints.
 *
 * A trainer owns a network's gradients and moments as flat arenas, one training plan for each size of batches it meets, and the loop's state.
 * Two runs with one seed on one device give the same bits, and so does a run that was killed and resumed. */
#ifndef CLMIX_TRAIN_H
#define CLMIX_TRAIN_H

#include <clmix/data.h>
#include <clmix/network.h>
#include <clmix/peers.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- options ------------------------------------------------------------------------------------------------------------------------- */

/* How gradients move weights. */
typedef enum clmix_optimizer_kind { CLMIX_ADAMW = 0, CLMIX_ADAM = 1, CLMIX_SGD = 2 } clmix_optimizer_kind;
/* How the learning rate goes; T steps in all, w of warm-up, step t from 0. The first three rise to the peak at step w - 1 and then stay, fall to 0 as half
 * a cosine, or in a line. */
typedef enum clmix_schedule_kind {
    CLMIX_SCHEDULE_CONSTANT = 0,
    CLMIX_SCHEDULE_COSINE = 1,
    CLMIX_SCHEDULE_LINEAR = 2,
    /* PyTorch's OneCycleLR as it is by default: from peak / 25 to the peak at step w - 1, and to peak / 250000 at step T - 1, in lines or in halves of a cosine.
     * Of Adam and AdamW beta1 goes with it, from 0.95 to 0.85 and back to 0.95: the one of the options is not used. Since 0.4 */
    CLMIX_SCHEDULE_ONE_CYCLE = 3,
    CLMIX_SCHEDULE_ONE_CYCLE_COSINE = 4,
    CLMIX_SCHEDULE_TRIANGLE = 5 /* peak t / w before step w, peak (T - t) / (T - w) from it on: the first step has rate 0. Since 0.4 */
} clmix_schedule_kind;

#define CLMIX_FREEZE_BYTES 256 /* of the patterns of names, the zero at the end included */
#define CLMIX_MOST_DEVICES 16  /* that train together. Since 0.4 */

/* How a network is trained; clmix_train_defaults() fills it in. */
typedef struct clmix_train_options {
    unsigned version;               /* CLMIX_TRAIN_OPTIONS_VERSION; clmix_train_defaults sets it */
    size_t batch, epochs;           /* samples of a batch; times that the data set is gone through */
    uint64_t seed;                  /* of order, augmentation, dropout */
    clmix_optimizer_kind optimizer; /* which */
    float rate;                     /* peak learning rate */
    float beta1, beta2, epsilon;    /* Adam, AdamW */
    float weight_decay;             /* AdamW: decoupled; Adam and SGD: added to the gradient */
    float momentum;                 /* SGD */
    bool nesterov;                  /* SGD: the gradient a step ahead */
    float clip_norm;                /* largest global norm of the gradients; 0: off */
    size_t accumulate;            /* batches whose gradients make one step (the mean over all their labels that count); an epoch's last step
                          takes what is left. 1: none */
    clmix_schedule_kind schedule; /* of the learning rate */
    size_t warmup; /* steps of warm-up; of the first three schedules never more than a quarter of the run, of the others less than all */
    float average; /* decay of the exponential average of weights and running statistics that is evaluated and saved
                      as the best model; step t (from 0) uses (1 + t) / (10 + t) where that is less. 0: off */
    float label_smoothing; /* share of a target that is spread over all classes */
    float dropout;         /* below 0: the configuration's */
    clmix_augment augment; /* of the training samples */
    size_t steps;          /* stop after so many steps; 0: epochs decide */
    char freeze
        [CLMIX_FREEZE_BYTES]; /* weights that keep their values: patterns of names, separated by commas, in which * stands for any letters,
                                        ? for one and [abc] for one of some ("conv.*,layers.*"); "": none. They get no step and no decay, and
                                        no work is done for their gradients. Batch normalisation whose running statistics match takes those,
                                        as in inference, and leaves them. A pattern that matches nothing is refused. */
    size_t checkpoint_steps;  /* also write the checkpoint every so many steps; 0: at the end of each epoch only */
    /* Draw the random projections of Performer's features anew every so many steps (Choromanski et al. 2021), from `seed` and the step; 0: they
     * stay as drawn or loaded. An average of weights takes the new ones as they are. Refused for a model that has none. Since 0.3 */
    size_t redraw;
    bool skip_broken; /* go past pictures that cannot be decoded, as clmix_loader_options says, and count them. Otherwise such a one stops
                         the run at a checkpoint */
    /* Weights without weight decay: patterns as in `freeze` ("*bias*,*norm*"); "": all have it. Since 0.4 */
    char no_decay[CLMIX_FREEZE_BYTES];
    /* How long the sequences of a batch are, in training and in evaluation; with CLMIX_LENGTHS_FEW samples of one length make a batch. Since 0.4 */
    clmix_lengths lengths;
    size_t batch_tokens; /* samples of a batch by its length, as clmix_loader_options has it in `tokens`; 0: `batch`. Since 0.4 */
    /* Tokens of the sequences of batches that come from no data set (clmix_trainer_step_arrays, and what they cost); 0: as many as the model takes at most.
     * Since 0.4 */
    size_t length;
    /* Devices that train beside the network's own, which is the first of all: each takes a share of every batch. Borrowed, open as long as the trainer;
     * an OpenCL device that is to take two shares is opened twice. Since 0.4 */
    clmix_device *devices[CLMIX_MOST_DEVICES - 1];
    size_t device_count; /* of these; 0: the network's device trains alone. Since 0.4 */
    /* What parts of a batch the devices take, the network's first: 3 and 1 are three samples of four and the fourth. The samples stay in their order. All 0: equal
     * parts. Not part of a run: it may be resumed with other devices and shares. Since 0.4 */
    unsigned shares[CLMIX_MOST_DEVICES];
    /* Other processes that train the same network, each with devices of its own and a part of every batch of `batch` samples; borrowed, as long as the trainer.
     * NULL: there are none. Not part of a run: it may be resumed by any number of processes. Since 0.4 */
    const clmix_peers *peers;
} clmix_train_options;
#define CLMIX_TRAIN_OPTIONS_VERSION 4 /* of that struct */

/* The defaults: what a person who names only model and data should get. */
CLMIX_API clmix_train_options clmix_train_defaults(void);

/* Learning rate of step `step` (from 0) of `total`; total 0, as in single steps without a data set: warm-up, then the peak. Pure, for tests
 * and plots. 0 for NULL. */
CLMIX_API float clmix_schedule_rate(const clmix_train_options *options, size_t step, size_t total);
/* Adam's beta1 in that step: of the one-cycle schedules their own, else the options'. 0 for NULL. Since 0.4. */
CLMIX_API float clmix_schedule_beta1(const clmix_train_options *options, size_t step, size_t total);

/* ---- trainers ------------------------------------------------------------------------------------------------------------------------ */

/* A network in training: plans, optimizer, loaders. For one thread at a time. */
typedef struct clmix_trainer clmix_trainer;

/* Plans everything and knows the peak before it allocates; allocation is by the first step, or clmix_trainer_prepare. The network and the
 * data set are borrowed and must outlive the trainer. `data` may be NULL for a trainer that only takes single steps; otherwise the network
 * is told its classes' names and its normalisation. `options` NULL: the defaults.
 * Errors: ARGUMENT (an option out of range; a data set whose ports or classes are not the model's), and what compiling meets. `trainer` and
 * `network` must not be NULL (ARGUMENT). */
CLMIX_API clmix_status clmix_trainer_create(clmix_trainer **trainer, clmix_network *network, clmix_dataset *data,
                                            const clmix_train_options *options);
/* Allocates now. `trainer` must not be NULL. Errors: ARGUMENT, and those of clmix_plan_prepare. */
CLMIX_API clmix_status clmix_trainer_prepare(clmix_trainer *trainer);
CLMIX_API void clmix_trainer_free(clmix_trainer *trainer); /* frees it; NULL is allowed */

/* What a step costs, and the device memory of the whole run, network included, exactly. Either may be NULL. Work and launches are those of
 * the pass forward and backward; moved_bytes and least_bytes are a step's with the optimizer's update, of which the least is its state read
 * and written and the weights written. Zeros of a NULL trainer. */
CLMIX_API void clmix_trainer_cost(const clmix_trainer *trainer, clmix_plan_cost *step, size_t *peak_bytes);
/* The same from a configuration and the numbers of samples, for any device, clmix_device_generic included. `device` and `config` must
 * not be NULL; `options` NULL: the defaults. Errors: as clmix_trainer_create. */
CLMIX_API clmix_status clmix_train_cost(clmix_device *device, const clmix_config *config, size_t train_count, size_t test_count,
                                        const clmix_train_options *options, clmix_plan_cost *step, size_t *peak_bytes);

/* The same for a data set as it is: sequences of several lengths are batches of several sizes, of which the largest decides. *batches (may be NULL) are those
 * of an epoch. `data` must not be NULL (ARGUMENT). Further errors: ARGUMENT (as clmix_loader_open). Since 0.4. */
CLMIX_API clmix_status clmix_train_cost_of_data(clmix_device *device, const clmix_config *config, const clmix_dataset *data,
                                                const clmix_train_options *options, clmix_plan_cost *step, size_t *peak_bytes,
                                                size_t *batches);

/* Remembers how the data set was named, so that the checkpoint says it; copied. Neither may be NULL. Errors: ARGUMENT, HOST_MEMORY. */
CLMIX_API clmix_status clmix_trainer_name_data(clmix_trainer *trainer, const char *spec);

/* What a step is fed: the model's ports, then the task's targets, behind them those that mixup adds where options ask for it ("pictures",
 * "labels"; "second_labels", "label_weights"). The count is 0 for a NULL trainer. Neither pointer may be NULL. Errors: ARGUMENT (there is no such
 * port). Since 0.2. */
CLMIX_API int clmix_trainer_port_count(const clmix_trainer *trainer);
CLMIX_API clmix_status clmix_trainer_port(const clmix_trainer *trainer, int index, clmix_port *port);

/* One optimizer step on `count` samples, outside of clmix_train: arrays[i] has count times clmix_port_bytes of port i, borrowed for the call. An
 * array that mixup adds may be NULL: nothing is mixed. *loss (may be NULL) is the one before the step. Labels are classes or CLMIX_NO_LABEL, not
 * all of them the latter: ARGUMENT names the first that is neither, its place and the number of classes. NOT_FINITE names the op; the weights are
 * then as before. The other pointers must not be NULL (ARGUMENT). Further errors: those of clmix_plan_run. Since 0.2. */
CLMIX_API clmix_status clmix_trainer_step_arrays(clmix_trainer *trainer, size_t count, const void *const *arrays, double *loss);

/* The same on pictures u8 (count, H, W, C) and their labels, for a model of pictures (ARGUMENT for another). */
CLMIX_API clmix_status clmix_trainer_step(clmix_trainer *trainer, const uint8_t *pictures, const int32_t *labels, size_t count,
                                          double *loss);

/* ---- the loop ------------------------------------------------------------------------------------------------------------------------ */

/* Metrics of a task, at most. Since 0.2. */
#define CLMIX_MOST_METRICS 4
/* A figure of a task beside its loss, for each label that counts: "top1" is the fraction whose class is the first choice. Names belong to the
 * library. Since 0.2. */
typedef struct clmix_metric {
    const char *name;  /* as the log has it behind "train_" and "test_": "top1" */
    const char *title; /* for people: "top-1" */
    double value;      /* a fraction, not per cent; NaN where nothing was counted */
} clmix_metric;

/* One line of the log. Losses and metrics are means over the labels that count. Has the task's metrics by name since 0.2. */
typedef struct clmix_epoch {
    size_t epoch, step;              /* finished so far */
    double train_loss, train_metric; /* over this epoch, as it was trained: augmented, with dropout; the metric is the first below */
    double test_loss;                /* NaN (null in the log) without test samples, as the metrics then are */
    size_t metric_count;             /* of the task: "top1", "top5" */
    clmix_metric metrics[CLMIX_MOST_METRICS]; /* over the test samples; the first decides which epoch is the best */
    double images_per_second;                 /* trained, without evaluation and the session's first batch, which compiles kernels */
    double seconds;                           /* the run so far, all its sessions */
    size_t peak_device_bytes;                 /* device memory held at most so far */
    size_t skipped;                           /* samples that could not be decoded, of both splits */
    bool best;                                /* the best so far: model.safetensors has it */
} clmix_epoch;
/* Whether training has come apart, although every number is finite: loss over the training pictures, and over the test pictures where there
 * are any, is more than twice that of guessing among so many classes. False for NULL. */
CLMIX_API bool clmix_epoch_diverged(const clmix_epoch *epoch, size_t classes);
/* The line of log.jsonl, without a newline; the caller frees it with clmix_free. Neither may be NULL. Errors: ARGUMENT, HOST_MEMORY. */
CLMIX_API clmix_status clmix_epoch_line(const clmix_epoch *epoch, char **json);

/* What happens while training; every member may be NULL. Called in the thread that trains. */
typedef struct clmix_train_events {
    /* After each batch: the epoch (from 1), its batches done and in all, and the means over this epoch so far, of the loss and of the task's
     * first metric. Return false to stop: a checkpoint is written and clmix_train returns CLMIX_ERROR_INTERRUPTED. */
    bool (*step)(void *user, size_t epoch, size_t batch, size_t batches, double loss, double metric, double images_per_second);
    /* After each epoch, whose line of the log this is. */
    void (*epoch)(void *user, const clmix_epoch *epoch);
    void *user; /* handed to each of these */
    /* A new run found an older one in its folder, whose files are now in `folder` inside of it. */
    void (*moved)(void *user, const char *folder);
    /* Called some ten times a second while the run waits for pictures, and between the batches of an evaluation. Return false to stop, as from
     * `step`; what was not yet a whole step is done again when the run is resumed. */
    bool (*waiting)(void *user);
    /* `count` pictures of a batch could not be decoded and were skipped; what is wrong with the first of them. */
    void (*skipped)(void *user, size_t count, const char *sentence);
} clmix_train_events;

/* Trains until the epochs (or steps) are done, writing into `folder`: model.safetensors (best so far), checkpoint.safetensors, log.jsonl,
 * curves.svg. The folder is made. With `resume` the checkpoint there is continued bit for bit; options that change the result must agree
 * with it; a finished run is left as it is, CLMIX_OK. Otherwise the files of an older run are moved to `folder`/previous-1 (2, 3, ...), which
 * is the last act before training: until then nothing on disk has changed, whatever fails. The folder is one trainer's at a time, over all
 * threads, processes and, where the file system carries locks, hosts; its file `lock` says whose.
 * Errors: INTERRUPTED when an event asked to stop, at a checkpoint; FORMAT and FILE when a picture cannot be decoded or read, at a checkpoint
 * too; NOT_FINITE naming the step and the op; ARGUMENT when the checkpoint is of another run, or of other data (their number, ports, classes, or a few
 * samples), naming what differs; FORMAT when it is
 * damaged; FILE when the disk is full (the previous checkpoint stays), and when another trainer has the folder, naming its process.
 * `trainer` and `folder` must not be NULL (ARGUMENT); `events` may be. */
CLMIX_API clmix_status clmix_train(clmix_trainer *trainer, const char *folder, bool resume, const clmix_train_events *events);

/* What a folder's checkpoint says of its run. */
typedef struct clmix_run_info {
    clmix_train_options options; /* as it was begun with */
    char *model;                 /* the model's name */
    char *config;                /* its configuration, JSON */
    char *data;                  /* the data set's spec; "" when it was not named */
    size_t epoch, step;          /* finished */
    bool finished;               /* nothing is left to do under these options */
    size_t best_epoch;           /* 0: none yet; without test pictures the last */
    double best;                 /* its metric; NaN without test samples */
    clmix_epoch last;            /* as finished last; all zero before the first */
    clmix_tokenizer *tokenizer;  /* that makes the ids of texts; NULL: none does. Since 0.4 */
} clmix_run_info;
/* Reads a folder's checkpoint; what it fills in is for clmix_run_info_clear. Neither may be NULL. Errors: ARGUMENT, FILE (there is no checkpoint), FORMAT, HOST_MEMORY. */
CLMIX_API clmix_status clmix_run_inspect(const char *folder, clmix_run_info *info);
/* Frees the texts and the tokenizer. NULL is allowed. */
CLMIX_API void clmix_run_info_clear(clmix_run_info *info);

/* ---- evaluation ---------------------------------------------------------------------------------------------------------------------- */

/* What clmix_evaluate found: means over the labels that count. */
typedef struct clmix_score {
    size_t count;        /* labels that counted */
    size_t skipped;      /* samples that could not be decoded; clmix_evaluate fails instead */
    double loss;         /* the mean */
    double guess_loss;   /* that of guessing by how often each label occurs here, and by no more: their entropy in nats. Since 0.4 */
    size_t metric_count; /* of the task: "top1", "top5". Since 0.2 */
    clmix_metric metrics[CLMIX_MOST_METRICS]; /* their means */
} clmix_score;
/* Loss and metrics of a network over a split, `batch` samples at a time, weights as they are; the last batch is as small as the samples leave it, and of
 * a model whose samples meet (clmix_config_across) the figures depend on `batch`. None may be NULL. Errors: ARGUMENT (a data set
 * whose ports or classes are not the model's, an empty split, batches of 0), NOT_FINITE (a loss is NaN or infinite: the text names the weight
 * or the op that it begins with), what reading a sample met, and those of clmix_plan_run. */
CLMIX_API clmix_status clmix_evaluate(clmix_network *network, clmix_dataset *data, clmix_split split, size_t batch, clmix_score *score);

#ifdef __cplusplus
}
#endif
#endif
