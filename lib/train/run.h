/* A run: where the loop stands beside the weights and moments, and how that is written down. */
#ifndef CLMIX_TRAIN_RUN_H
#define CLMIX_TRAIN_RUN_H

#include "train/trainer.h"

#include <cjson/cJSON.h>

struct clmix_run {
    size_t epoch, batch; /* epochs finished, and batches of the next one */
    double counted;      /* of that begun epoch: labels that counted */
    double loss_sum;     /* sums over them: of the loss, and of the task's first metric */
    double metric_sum;
    size_t skipped;
    double timed_seconds; /* of that epoch, spent on so many pictures: the first batch of a session, which compiles kernels, is not timed */
    size_t timed_pictures;
    double seconds;       /* the whole run up to now, all sessions */
    size_t best_epoch;    /* 0: none yet */
    double best;          /* its metric */
    clmix_epoch *history; /* the log's lines */
    size_t history_count, history_capacity;
};
void clmix_run_clear(struct clmix_run *run);

/* options.c: options as JSON, exactly. */
clmix_status clmix_options_write(const clmix_train_options *options, cJSON *json);
clmix_status clmix_options_read(const cJSON *json, const char *where, clmix_train_options *options);
/* ARGUMENT naming each option that decides about the result and differs, with both values. */
clmix_status clmix_options_agree(const clmix_train_options *stored, const clmix_train_options *asked);

/* alike.c: that all processes are in the same run, at the same place (ARGUMENT); and whether their devices are of one kind. */
clmix_status clmix_run_compare(clmix_trainer *trainer, const struct clmix_run *run);

/* Whether the epochs or steps are done. */
bool clmix_run_finished(const clmix_train_options *options, const struct clmix_run *run, size_t step);

/* state.c: the run as JSON. */
clmix_status clmix_run_write(const clmix_trainer *trainer, const struct clmix_run *run, cJSON *json);
clmix_status clmix_run_read(const cJSON *json, const char *where, const struct clmix_task *task, struct clmix_run *run, uint64_t *step,
                            uint64_t *draws);

/* checkpoint.c */
clmix_status clmix_checkpoint_write(clmix_trainer *trainer, const struct clmix_run *run, const char *path);
/* Everything is checked before anything is changed. */
clmix_status clmix_checkpoint_read(clmix_trainer *trainer, struct clmix_run *run, const char *path);

/* log.c: log.jsonl. */
clmix_status clmix_log_start(const struct clmix_run *run, const char *path); /* the lines of the history, and no others */
clmix_status clmix_log_append(const clmix_epoch *epoch, const char *path);

/* curves.c: curves.svg. */
clmix_status clmix_curves_write(const struct clmix_run *run, const char *title, const char *path);

#endif
