/* The training loop: epochs of steps, evaluation, and what is written after each.
 *
 * Whatever is written can be lost and made again: a checkpoint is taken only between steps, everything random is drawn from counters,
 * and the log is rewritten from the checkpoint's history when a run is resumed. */
#include "train/folder.h"
#include "train/identity.h"
#include "train/run.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loop {
    clmix_trainer *trainer;
    const clmix_train_events *events;
    struct clmix_run run;
    clmix_loader *loader;
    struct clmix_run_folder folder;
    double session; /* when this session began, and the run's seconds then */
    double seconds_before;
    struct clmix_run settled; /* at the last step: what a checkpoint can be taken of. Its history is the run's */
    uint64_t settled_draws;
    bool timed; /* the session's first batch is over */
};

static bool writes(const struct loop *loop)
{
    return clmix_peering_is_first(&loop->trainer->peering);
}

static clmix_status write_checkpoint(struct loop *loop)
{
    if (!writes(loop))
        return CLMIX_OK;
    loop->run.seconds = loop->seconds_before + clmix_seconds() - loop->session;
    return clmix_checkpoint_write(loop->trainer, &loop->run, loop->folder.checkpoint);
}

/* ---- batches ---------------------------------------------------------------------------------------------------------------------- */

static bool steps_done(const struct loop *loop)
{
    const size_t steps = loop->trainer->options.steps;

    return steps > 0 && loop->trainer->step >= steps;
}

static void count_batch(struct loop *loop, const clmix_batch *batch, const struct clmix_step_result *result, double seconds)
{
    struct clmix_run *run = &loop->run;

    run->batch++;
    run->counted += result->counted;
    run->metric_sum += result->metric;
    run->skipped += (size_t)result->skipped;
    run->loss_sum += result->loss * result->counted;
    if (loop->timed) {
        run->timed_seconds += seconds;
        run->timed_pictures += batch->whole;
    }
    loop->timed = true;
}

static double speed(const struct clmix_run *run)
{
    return run->timed_seconds > 0.0 ? (double)run->timed_pictures / run->timed_seconds : 0.0;
}

static void tell_step(struct loop *loop)
{
    const struct clmix_run *run = &loop->run;
    const clmix_train_events *events = loop->events;

    if (events == NULL || events->step == NULL)
        return;
    if (!events->step(events->user, run->epoch + 1, run->batch, loop->trainer->batches, run->loss_sum / run->counted,
                      run->metric_sum / run->counted, speed(run)))
        clmix_peering_stop(&loop->trainer->peering);
}

/* Ends the run as the last step left it, with the sentence of what kept it from going on. */
static clmix_status stop_at_checkpoint(struct loop *loop, clmix_status status)
{
    char sentence[700];

    snprintf(sentence, sizeof sentence, "%s", clmix_error());
    if (loop->trainer->summed_batches > 0) {
        CLMIX_TRY(clmix_trainer_forget(loop->trainer, loop->settled_draws));
        loop->run = loop->settled;
    }
    CLMIX_TRY(write_checkpoint(loop));
    return clmix_fail(status, "%s; epoch %zu, %zu of %zu batches: '%s' has everything needed to go on", sentence, loop->run.epoch + 1,
                      loop->run.batch, loop->trainer->batches, loop->folder.checkpoint);
}

/* The next batch, and an optimizer's step when enough of them have come together. */
static clmix_status train_batch(struct loop *loop, bool *stepped)
{
    clmix_trainer *trainer = loop->trainer;
    const double start = clmix_seconds();
    struct clmix_step_input input;
    struct clmix_step_result result;
    clmix_batch batch;
    clmix_status status;

    if (trainer->summed_batches == 0) {
        loop->settled = loop->run;
        loop->settled_draws = trainer->draws;
    }
    status = clmix_next_batch(loop->loader, loop->events, &batch);
    if (status != CLMIX_OK)
        return stop_at_checkpoint(loop, status);
    *stepped = (loop->run.batch + 1) % trainer->options.accumulate == 0 || loop->run.batch + 1 == trainer->batches;
    CLMIX_TRY(clmix_feed_of_batch(&trainer->recipe, CLMIX_TRAINING, &batch, &input));
    status = clmix_trainer_run(trainer, &input, *stepped, &result);
    if (status == CLMIX_ERROR_PEER || status == CLMIX_ERROR_INTERRUPTED)
        return stop_at_checkpoint(loop, status);
    CLMIX_TRY(status);
    count_batch(loop, &batch, &result, clmix_seconds() - start);
    tell_step(loop);
    return CLMIX_OK;
}

/* To the end of the epoch, or of the run, or until the caller wants to stop. */
static clmix_status train_epoch(struct loop *loop)
{
    const size_t every = loop->trainer->options.checkpoint_steps;
    bool stepped = true;

    while (loop->run.batch < loop->trainer->batches && !(stepped && (loop->trainer->peering.stopping || steps_done(loop)))) {
        CLMIX_TRY(train_batch(loop, &stepped));
        if (stepped && every > 0 && loop->trainer->step % every == 0 && loop->run.batch < loop->trainer->batches)
            CLMIX_TRY(write_checkpoint(loop));
    }
    return CLMIX_OK;
}

/* ---- the end of an epoch ---------------------------------------------------------------------------------------------------------- */

/* Of all devices. */
static size_t peak_bytes(const clmix_trainer *trainer)
{
    size_t sum = 0;

    for (size_t i = 0; i < trainer->replica_count; i++) {
        size_t peak;

        clmix_device_memory(trainer->replicas[i].device, NULL, &peak, NULL);
        sum += peak;
    }
    return sum;
}

static clmix_status summarize(struct loop *loop, clmix_epoch *epoch)
{
    const struct clmix_run *run = &loop->run;
    const struct clmix_task *task = loop->trainer->recipe.task;
    clmix_score score = { .loss = NAN, .metric_count = (size_t)task->metric_count };

    clmix_task_name_metrics(task, NULL, 0, score.metrics);
    if (loop->trainer->test_count > 0) {
        const clmix_status status = clmix_trainer_score(loop->trainer, loop->events, &score);

        if (status != CLMIX_OK)
            return stop_at_checkpoint(loop, status);
    }
    *epoch = (clmix_epoch){
        .epoch = run->epoch + 1,
        .step = loop->trainer->step,
        .train_loss = run->loss_sum / run->counted,
        .train_metric = run->metric_sum / run->counted,
        .test_loss = score.loss,
        .metric_count = score.metric_count,
        .images_per_second = speed(run),
        .seconds = loop->seconds_before + clmix_seconds() - loop->session,
        .skipped = run->skipped + score.skipped,
        .best = run->best_epoch == 0 || isnan(score.metrics[0].value) || score.metrics[0].value > run->best,
    };
    memcpy(epoch->metrics, score.metrics, sizeof epoch->metrics);
    epoch->peak_device_bytes = peak_bytes(loop->trainer);
    return CLMIX_OK;
}

static clmix_status enter_epoch(struct clmix_run *run, const clmix_epoch *epoch)
{
    if (!CLMIX_PUSH(run->history, run->history_count, run->history_capacity, *epoch))
        return clmix_fail_memory("the run's history");
    if (epoch->best) {
        run->best_epoch = epoch->epoch;
        run->best = epoch->metrics[0].value;
    }
    run->epoch++;
    run->batch = run->skipped = run->timed_pictures = 0;
    run->counted = run->metric_sum = run->loss_sum = run->timed_seconds = 0.0;
    return CLMIX_OK;
}

static clmix_status finish_epoch(struct loop *loop)
{
    clmix_epoch epoch;

    CLMIX_TRY(summarize(loop, &epoch));
    if (epoch.best && writes(loop))
        CLMIX_TRY(clmix_trainer_save_model(loop->trainer, loop->folder.model));
    CLMIX_TRY(enter_epoch(&loop->run, &epoch));
    if (writes(loop)) {
        CLMIX_TRY(clmix_log_append(&epoch, loop->folder.log));
        CLMIX_TRY(clmix_curves_write(&loop->run, loop->trainer->model_name, loop->folder.curves));
    }
    CLMIX_TRY(write_checkpoint(loop));
    if (loop->events != NULL && loop->events->epoch != NULL)
        loop->events->epoch(loop->events->user, &epoch);
    return CLMIX_OK;
}

/* ---- the run ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status open_loader(struct loop *loop)
{
    const clmix_trainer *trainer = loop->trainer;
    const bool between = loop->run.batch >= trainer->batches; /* trained, and not yet evaluated */
    clmix_loader_options options = clmix_loading(&trainer->options, CLMIX_TRAIN);

    options.first_epoch = loop->run.epoch + (between ? 1 : 0);
    options.first_batch = between ? 0 : loop->run.batch;
    return clmix_loader_open(&loop->loader, trainer->data, CLMIX_TRAIN, trainer->options.batch, &options);
}

static clmix_status run_epochs(struct loop *loop)
{
    const clmix_train_options *options = &loop->trainer->options;

    while (!clmix_run_finished(options, &loop->run, loop->trainer->step)) {
        CLMIX_TRY(train_epoch(loop));
        if (loop->run.batch < loop->trainer->batches && !steps_done(loop)) {
            CLMIX_TRY(write_checkpoint(loop));
            return clmix_fail(CLMIX_ERROR_INTERRUPTED, "stopped in epoch %zu after %zu of %zu batches; '%s' has everything needed to go on",
                              loop->run.epoch + 1, loop->run.batch, loop->trainer->batches, loop->folder.checkpoint);
        }
        CLMIX_TRY(finish_epoch(loop));
        if (loop->trainer->peering.stopping && !clmix_run_finished(options, &loop->run, loop->trainer->step))
            return clmix_fail(CLMIX_ERROR_INTERRUPTED, "stopped after epoch %zu; '%s' has everything needed to go on", loop->run.epoch,
                              loop->folder.checkpoint);
    }
    return CLMIX_OK;
}

/* The last act before training: until here nothing on disk has changed. */
static clmix_status settle_in(struct loop *loop, bool resume)
{
    char *moved = NULL;

    if (!writes(loop))
        return CLMIX_OK;
    if (!resume)
        CLMIX_TRY(clmix_run_folder_move(&loop->folder, &moved));
    if (moved != NULL && loop->events != NULL && loop->events->moved != NULL)
        loop->events->moved(loop->events->user, moved);
    free(moved);
    clmix_run_folder_sweep(&loop->folder);
    return clmix_log_start(&loop->run, loop->folder.log);
}

/* The first process has the folder; the others read its checkpoint. */
static clmix_status open_folder(struct loop *loop, const char *path, bool resume)
{
    return writes(loop) ? clmix_run_folder_open(&loop->folder, path, !resume) : clmix_run_folder_name(&loop->folder, path);
}

static clmix_status begin(struct loop *loop, bool resume)
{
    clmix_trainer *trainer = loop->trainer;

    cJSON_Delete(trainer->identity);
    trainer->identity = NULL;
    CLMIX_TRY(clmix_identity_take(trainer->data, loop->events, &trainer->identity));
    CLMIX_TRY(clmix_run_compare(trainer, &loop->run)); /* before weights are sent, whose number depends on it */
    CLMIX_TRY(clmix_trainer_restart(trainer));
    if (resume) {
        CLMIX_TRY(clmix_checkpoint_read(loop->trainer, &loop->run, loop->folder.checkpoint));
        CLMIX_TRY(clmix_run_compare(trainer, &loop->run));
    }
    loop->session = clmix_seconds();
    loop->seconds_before = loop->run.seconds;
    if (clmix_run_finished(&loop->trainer->options, &loop->run, loop->trainer->step))
        return CLMIX_OK;
    CLMIX_TRY(open_loader(loop));
    return settle_in(loop, resume);
}

clmix_status clmix_train(clmix_trainer *trainer, const char *folder, bool resume, const clmix_train_events *events)
{
    CLMIX_NEED(trainer);
    CLMIX_NEED(folder);

    struct loop loop = { .trainer = trainer, .events = events };
    clmix_status status;

    if (trainer->data == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "this trainer was made without a data set; it takes single steps only");
    clmix_peering_begin(&trainer->peering, events);
    status = clmix_peering_meet(&trainer->peering, open_folder(&loop, folder, resume), NULL);
    if (status == CLMIX_OK)
        status = begin(&loop, resume);
    if (status == CLMIX_OK)
        status = run_epochs(&loop);
    status = clmix_peering_part(&trainer->peering, status);
    trainer->peering.events = NULL;
    clmix_loader_close(loop.loader);
    clmix_run_clear(&loop.run);
    clmix_run_folder_close(&loop.folder);
    return status;
}
