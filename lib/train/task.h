/* A task: what a model is trained for. It lists its targets and builds loss and metrics from the model's outputs. One file a task, and its row
 * in task.c; the trainer, evaluation and the log know none of them by name. */
#ifndef CLMIX_TRAIN_TASK_H
#define CLMIX_TRAIN_TASK_H

#include "network/front.h"

#include <clmix/train.h>

#define CLMIX_MOST_TARGETS 4

/* What targets, loss and metrics depend on. */
struct clmix_task_settings {
    const clmix_config *config; /* borrowed */
    clmix_mode mode;            /* of the plan; the rest is 0 when scoring */
    float label_smoothing;
    bool mixup;  /* samples are blended with others, whose targets are fed too */
    size_t most; /* labelled tokens of a sample that count, where tokens are labelled. 0: as many as training takes (clmix_most_labelled) */
};

struct clmix_task_results {
    clmix_value loss;    /* f32 scalar, the mean over the labels that count; 0 where none does */
    clmix_value counted; /* f32 scalar, how many these are */
    clmix_value metrics; /* f32: for each metric (in training for the first) its sum over them */
};

struct clmix_task {
    const char *name;
    int metric_count; /* the first is known in training too, and the epoch that is best in it is the best */
    struct clmix_task_metric {
        const char *name, *title; /* as the log has it, "top1", and people, "top-1" */
    } metrics[CLMIX_MOST_METRICS];

    /* Whether it is what a configuration's model is made for. */
    bool (*takes)(const clmix_config *config);
    /* Lists the targets for samples of `length` tokens, first those that a data set has, of which the first are labels i32, then those that blending adds:
     * how many. */
    int (*targets)(const struct clmix_task_settings *settings, size_t length, clmix_port ports[CLMIX_MOST_TARGETS]);
    /* What target `index`, one of those that blending adds, holds where nothing is blended. */
    void (*unblended)(int index, const void *const *targets, size_t count, void *array);
    /* Of a model that answers with tokens: which of them the loss needs, i32 (B, P), found in the targets, which become those of these tokens. NULL: the
     * model has no choice. */
    clmix_value (*select)(const struct clmix_task_settings *settings, clmix_value *targets);
    /* Appends loss and metrics of the model's output; `targets` has a value a target, as `select` left them. */
    struct clmix_task_results (*build)(const struct clmix_task_settings *settings, clmix_value output, const clmix_value *targets);
    /* Whether what a data set has fits beyond its ports, such as its number of classes; ARGUMENT with both if not. */
    clmix_status (*check_data)(const clmix_config *config, const clmix_dataset *data);
    /* Whether targets of these samples hold what the loss can take; ARGUMENT with the first that is wrong if not. */
    clmix_status (*check_targets)(const clmix_config *config, const void *const *targets, struct clmix_extent extent);
};

extern const struct clmix_task clmix_task_binary, clmix_task_classification, clmix_task_masked_language;

/* The task of a configuration's model. */
const struct clmix_task *clmix_task_of(const clmix_config *config);

/* Inputs and targets, the model on what the task selects, and its results; *output, which may be NULL, becomes what the model gives. */
struct clmix_task_results clmix_task_build(const struct clmix_task *task, const struct clmix_task_settings *settings,
                                           struct clmix_front *front, clmix_graph *graph, clmix_value *output);

/* The metrics of a task with these values; those beyond `count` have none. */
void clmix_task_name_metrics(const struct clmix_task *task, const double *values, int count, clmix_metric metrics[CLMIX_MOST_METRICS]);

#endif
