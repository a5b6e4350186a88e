/* A step of training. Each replica gets its share of a batch and runs forward and backward; with the last batch of the step (as many as
 * options.accumulate says) the optimizer updates the weights. Of one replica all of that is enqueued without waiting; then the host waits, reads loss and
 * count, and tells whether every number is finite. Several replicas are waited for in between, so that each makes its update from the gradients of all. */
#include "train/labels.h"
#include "train/trainer.h"

#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- shares ----------------------------------------------------------------------------------------------------------------------- */

/* A replica's samples of a batch, and the plan for them: none where the batch is too small to have any for it. */
struct share {
    struct clmix_replica *replica;
    struct clmix_step_input input;
    clmix_plan *plan;
    float scalars[CLMIX_SCALARS];
};

static clmix_status take_share(clmix_trainer *trainer, const struct clmix_step_input *input, size_t index, struct share *share)
{
    clmix_port ports[CLMIX_RECIPE_PORTS];
    const int count = clmix_recipe_ports(&trainer->recipe, CLMIX_TRAINING, input->extent.length, ports, NULL);
    size_t firsts[CLMIX_MOST_DEVICES + 1], samples;

    clmix_shares_part(&trainer->shares, input->extent.batch, firsts);
    samples = firsts[index + 1] - firsts[index];
    *share = (struct share){ .replica = &trainer->replicas[index] };
    share->input = (struct clmix_step_input){ .extent = { samples, input->extent.length },
                                              .first = input->first + firsts[index],
                                              .whole = input->whole };
    for (int i = 0; i < count; i++)
        share->input.arrays[i] = (const unsigned char *)input->arrays[i] + firsts[index] * clmix_port_bytes(&ports[i]);
    return samples == 0 ? CLMIX_OK : clmix_replica_plan(share->replica, share->input.extent, &share->plan);
}

/* ---- enqueueing ------------------------------------------------------------------------------------------------------------------- */

static bool begins_with_redraw(const clmix_trainer *trainer)
{
    return trainer->options.redraw > 0 && trainer->step > 0 && trainer->step % trainer->options.redraw == 0;
}

/* Forward and backward of a share. */
static clmix_status enqueue_pass(clmix_trainer *trainer, const struct share *share)
{
    struct clmix_replica *replica = share->replica;

    if (trainer->summed_batches == 0) {
        if (begins_with_redraw(trainer))
            CLMIX_TRY(clmix_replica_redraw(replica, trainer->options.seed, trainer->step));
        CLMIX_TRY(clmix_replica_keep_states(replica));
    }
    if (share->plan == NULL)
        return CLMIX_OK;
    CLMIX_TRY(clmix_plan_set_place(share->plan, share->input.first, share->input.whole));
    CLMIX_TRY(clmix_plan_set_step(share->plan, trainer->options.seed, trainer->draws));
    CLMIX_TRY(clmix_feed_plan(&trainer->recipe, CLMIX_TRAINING, share->plan, &share->input));
    return clmix_plan_run(share->plan);
}

/* `summed`: as clmix_optimizer_update takes it. */
static clmix_status enqueue_update(clmix_trainer *trainer, const struct share *share, float summed)
{
    const double rate = (double)clmix_schedule_rate(&trainer->options, trainer->step, trainer->total_steps),
                 beta1 = (double)clmix_schedule_beta1(&trainer->options, trainer->step, trainer->total_steps);

    return clmix_replica_update(share->replica, summed, rate, beta1, trainer->step);
}

/* ---- one replica -------------------------------------------------------------------------------------------------------------------- */

/* Gradients of several batches are summed on the device, weighted by their labels that count, so that the step is that of one big batch. */
static clmix_status run_alone(clmix_trainer *trainer, struct share *share, bool last)
{
    const bool alone = last && trainer->summed_batches == 0;
    struct clmix_replica *replica = share->replica;
    const float *scalars = share->scalars;

    CLMIX_TRY(enqueue_pass(trainer, share));
    if (!alone)
        CLMIX_TRY(clmix_optimizer_accumulate(replica->optimizer, replica->sums, replica->gradients, trainer->summed_batches == 0));
    if (last)
        CLMIX_TRY(enqueue_update(trainer, share, alone ? CLMIX_ONE_BATCH : (float)trainer->summed_labels));
    CLMIX_TRY(clmix_optimizer_scalars(replica->optimizer, share->scalars));
    if (isfinite(scalars[CLMIX_SCALAR_LOSS]) && (!last || scalars[CLMIX_SCALAR_GOOD] > 0.0f))
        return CLMIX_OK;
    return clmix_trainer_explain(trainer, replica, share->plan, &share->input, scalars);
}

/* ---- several replicas --------------------------------------------------------------------------------------------------------------- */

/* Waits for the passes, and reads their gradients and states. `labels`: that count, of each share. */
static clmix_status gather(clmix_trainer *trainer, struct share *shares, double labels[CLMIX_MOST_DEVICES])
{
    for (size_t i = 0; i < trainer->replica_count; i++) {
        struct clmix_replica *replica = shares[i].replica;

        labels[i] = 0.0;
        if (shares[i].plan == NULL)
            continue;
        CLMIX_TRY(clmix_optimizer_scalars(replica->optimizer, shares[i].scalars));
        CLMIX_TRY(clmix_exchange_read(&trainer->exchange, i, replica));
        labels[i] = (double)shares[i].scalars[CLMIX_SCALAR_COUNTED];
    }
    return CLMIX_OK;
}

static clmix_status look_at_losses(clmix_trainer *trainer, const struct share *shares)
{
    for (size_t i = 0; i < trainer->replica_count; i++)
        if (shares[i].plan != NULL && !isfinite(shares[i].scalars[CLMIX_SCALAR_LOSS]))
            return clmix_trainer_explain(trainer, shares[i].replica, shares[i].plan, &shares[i].input, shares[i].scalars);
    return CLMIX_OK;
}

static clmix_status run_passes(clmix_trainer *trainer, struct share *shares, double labels[CLMIX_MOST_DEVICES])
{
    for (size_t i = 0; i < trainer->replica_count; i++) {
        CLMIX_TRY(enqueue_pass(trainer, &shares[i]));
        CLMIX_TRY(clmix_replica_flush(shares[i].replica));
    }
    CLMIX_TRY(gather(trainer, shares, labels));
    return look_at_losses(trainer, shares);
}

/* Every replica makes the update from the mean gradient of all, with moments of its own: should one fail, none are lost. The first one's tells whether it
 * took place. */
static clmix_status update_all(clmix_trainer *trainer, struct share *shares, const double labels[CLMIX_MOST_DEVICES])
{
    float scalars[CLMIX_SCALARS];
    size_t blamed;

    for (size_t i = 0; i < trainer->replica_count; i++) {
        CLMIX_TRY(clmix_exchange_write_gradients(&trainer->exchange, shares[i].replica));
        CLMIX_TRY(enqueue_update(trainer, &shares[i], CLMIX_ONE_BATCH));
        CLMIX_TRY(clmix_replica_flush(shares[i].replica));
    }
    CLMIX_TRY(clmix_optimizer_scalars(shares[0].replica->optimizer, scalars));
    if (scalars[CLMIX_SCALAR_GOOD] > 0.0f)
        return CLMIX_OK;
    blamed = clmix_exchange_find_not_finite(&trainer->exchange, &trainer->replicas[0], labels);
    for (size_t i = 0; blamed == trainer->replica_count && i < trainer->replica_count; i++)
        if (shares[i].plan != NULL)
            blamed = i; /* none alone: the sum of all is too large */
    scalars[CLMIX_SCALAR_LOSS] = shares[blamed].scalars[CLMIX_SCALAR_LOSS];
    return clmix_trainer_explain(trainer, shares[blamed].replica, shares[blamed].plan, &shares[blamed].input, scalars);
}

/* What the processes have added up, over all of them. Until the last batch of a step each keeps its own sums and statistics. */
static clmix_status sum_processes(clmix_trainer *trainer)
{
    struct clmix_exchange *exchange = &trainer->exchange;
    const struct clmix_arena_map *map = &trainer->replicas[0].map;

    for (size_t i = 0; i < map->range_count; i++)
        CLMIX_TRY(clmix_peering_sum_floats(&trainer->peering, exchange->gradient_sum + map->ranges[i].begin, map->ranges[i].count));
    return clmix_peering_sum(&trainer->peering, exchange->state_sum, exchange->state_count);
}

/* The replicas' gradients, multiplied with `scale`, and their states. */
static void sum_replicas(clmix_trainer *trainer, const struct share *shares, const double labels[CLMIX_MOST_DEVICES], double scale)
{
    double samples[CLMIX_MOST_DEVICES];

    for (size_t i = 0; i < trainer->replica_count; i++)
        samples[i] = (double)shares[i].input.extent.batch;
    clmix_exchange_sum_states(&trainer->exchange, samples);
    clmix_exchange_add(&trainer->exchange, &trainer->replicas[0], labels, trainer->summed_batches == 0, scale);
}

/* The mean of the states over so many samples, to all replicas. */
static clmix_status mix_states(clmix_trainer *trainer, struct share *shares, double samples)
{
    struct clmix_exchange *exchange = &trainer->exchange;

    if (samples <= 0.0)
        return CLMIX_OK;
    clmix_exchange_mix_states(exchange, samples);
    for (size_t i = 0; i < trainer->replica_count; i++)
        CLMIX_TRY(clmix_exchange_write_states(exchange, shares[i].replica));
    return CLMIX_OK;
}

/* The step has not begun for anyone who comes after: another process failed, and nothing but the statistics has changed here. */
static clmix_status give_up(clmix_trainer *trainer, clmix_status status)
{
    char sentence[1024];

    snprintf(sentence, sizeof sentence, "%s", clmix_error());
    CLMIX_TRY(clmix_trainer_restore_states(trainer));
    return clmix_error_set(status, sentence);
}

static void say(const clmix_trainer *trainer, const struct share *shares, const struct clmix_step_input *input, struct clmix_word *word)
{
    *word = (struct clmix_word){ .skipped = (double)input->skipped };
    for (size_t i = 0; i < trainer->replica_count; i++) {
        const float *scalars = shares[i].scalars;

        word->loss += (double)scalars[CLMIX_SCALAR_LOSS] * (double)scalars[CLMIX_SCALAR_COUNTED];
        word->counted += (double)scalars[CLMIX_SCALAR_COUNTED];
        word->metrics[0] += (double)scalars[CLMIX_SCALAR_METRIC];
    }
}

/* Several replicas, several processes, or both. */
static clmix_status run_together(clmix_trainer *trainer, struct share *shares, const struct clmix_step_input *input, bool last,
                                 struct clmix_word *word)
{
    const bool all = last && trainer->options.peers != NULL;
    const double samples = (double)(all ? input->whole : input->extent.batch);
    double labels[CLMIX_MOST_DEVICES], whole;
    clmix_status status;

    if (trainer->summed_batches == 0)
        CLMIX_TRY(clmix_trainer_agree(trainer, false));
    status = run_passes(trainer, shares, labels);
    say(trainer, shares, input, word);
    status = clmix_peering_meet(&trainer->peering, status, word);
    whole = word->counted + (trainer->summed_batches == 0 ? 0.0 : trainer->summed_labels);
    if (status == CLMIX_OK)
        sum_replicas(trainer, shares, labels, last && whole > 0.0 ? 1.0 / whole : 1.0);
    if (status == CLMIX_OK && all)
        status = sum_processes(trainer);
    if (status == CLMIX_ERROR_PEER || status == CLMIX_ERROR_INTERRUPTED)
        return give_up(trainer, status);
    CLMIX_TRY(status);
    CLMIX_TRY(mix_states(trainer, shares, samples));
    return last ? update_all(trainer, shares, labels) : CLMIX_OK;
}

/* ---- a batch ------------------------------------------------------------------------------------------------------------------------ */

static struct clmix_step_result result_of(const struct clmix_word *word)
{
    return (struct clmix_step_result){ .loss = word->counted > 0.0 ? word->loss / word->counted : 0.0,
                                       .counted = word->counted,
                                       .metric = word->metrics[0],
                                       .skipped = word->skipped };
}

clmix_status clmix_trainer_run(clmix_trainer *trainer, const struct clmix_step_input *input, bool last, struct clmix_step_result *result)
{
    struct share shares[CLMIX_MOST_DEVICES];
    struct clmix_word word;

    CLMIX_TRY(clmix_trainer_prepare(trainer));
    for (size_t i = 0; i < trainer->replica_count; i++)
        CLMIX_TRY(take_share(trainer, input, i, &shares[i]));
    if (trainer->exchange.count == 0) {
        CLMIX_TRY(run_alone(trainer, shares, last));
        say(trainer, shares, input, &word);
    } else {
        CLMIX_TRY(run_together(trainer, shares, input, last, &word));
    }
    *result = result_of(&word);
    trainer->draws++;
    if (last) {
        trainer->summed_batches = 0;
        trainer->step++;
    } else {
        trainer->summed_labels = (trainer->summed_batches++ == 0 ? 0.0 : trainer->summed_labels) + result->counted;
    }
    return CLMIX_OK;
}

clmix_status clmix_trainer_forget(clmix_trainer *trainer, uint64_t draws)
{
    if (trainer->summed_batches == 0)
        return CLMIX_OK;
    CLMIX_TRY(clmix_trainer_restore_states(trainer));
    trainer->summed_batches = 0;
    trainer->draws = draws;
    return CLMIX_OK;
}

/* ---- single steps ----------------------------------------------------------------------------------------------------------------- */

/* Arrays for the targets that blending adds, where the caller has none: nothing is blended. `made` keeps what is to be freed. */
static clmix_status fill_in(const struct clmix_recipe *recipe, struct clmix_step_input *input, void *made[CLMIX_RECIPE_PORTS])
{
    clmix_port ports[CLMIX_RECIPE_PORTS];
    int inputs;
    const int own = clmix_recipe_ports(recipe, CLMIX_INFERENCE, input->extent.length, ports, NULL),
              count = clmix_recipe_ports(recipe, CLMIX_TRAINING, input->extent.length, ports, &inputs);

    for (int i = 0; i < count; i++) {
        if (input->arrays[i] != NULL)
            continue;
        if (i < own)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "a step needs an array for '%s', and NULL was given", ports[i].name);
        made[i] = malloc(input->extent.batch * clmix_port_bytes(&ports[i]));
        if (made[i] == NULL)
            return clmix_fail_memory(ports[i].name);
        recipe->task->unblended(i - inputs, input->arrays + inputs, input->extent.batch, made[i]);
        input->arrays[i] = made[i];
    }
    CLMIX_TRY(clmix_feed_check(recipe, input));
    return clmix_check_counted(input->arrays[inputs], input->extent.batch * clmix_port_count(&ports[inputs]));
}

clmix_status clmix_trainer_step_arrays(clmix_trainer *trainer, size_t count, const void *const *arrays, double *loss)
{
    CLMIX_NEED(trainer);
    CLMIX_NEED(arrays);

    struct clmix_step_input input = { .extent = { count, clmix_recipe_length(&trainer->recipe) }, .whole = count };
    struct clmix_step_result result = { 0 };
    void *made[CLMIX_RECIPE_PORTS] = { NULL };
    clmix_status status;

    if (count == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a step on a batch of no samples");
    if (trainer->options.peers != NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a single step of one process of %zu; several processes train by clmix_train",
                          trainer->options.peers->count);
    for (int i = 0; i < clmix_trainer_port_count(trainer); i++)
        input.arrays[i] = arrays[i];
    status = fill_in(&trainer->recipe, &input, made);
    if (status == CLMIX_OK)
        status = clmix_trainer_run(trainer, &input, true, &result);
    for (int i = 0; i < CLMIX_RECIPE_PORTS; i++)
        free(made[i]);
    if (status == CLMIX_OK && loss != NULL)
        *loss = result.loss;
    return status;
}

clmix_status clmix_trainer_step(clmix_trainer *trainer, const uint8_t *pictures, const int32_t *labels, size_t count, double *loss)
{
    CLMIX_NEED(trainer);
    CLMIX_NEED(pictures);
    CLMIX_NEED(labels);

    const void *arrays[CLMIX_RECIPE_PORTS] = { pictures, labels };
    clmix_port ports[CLMIX_RECIPE_PORTS];
    const int count_of_ports = clmix_recipe_ports(&trainer->recipe, CLMIX_INFERENCE, 0, ports, NULL);

    if (count_of_ports != 2 || ports[0].type != CLMIX_U8 || ports[1].type != CLMIX_I32 || ports[1].rank != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "this trainer takes no labelled pictures; give clmix_trainer_step_arrays what its ports hold");
    return clmix_trainer_step_arrays(trainer, count, arrays, loss);
}
