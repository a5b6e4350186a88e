/* A step of training. Each replica gets its share of a batch and runs forward and backward; with the last batch of the step (as many as
 * options.accumulate says) the optimizer updates the weights. All of that is enqueued without waiting. Then the host waits, reads losses and
 * counts, and tells whether every number is finite. */
#include "train/labels.h"
#include "train/trainer.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>

/* ---- shares ----------------------------------------------------------------------------------------------------------------------- */

/* A replica's samples of a batch, and the plan for them. */
struct share {
    struct clmix_replica *replica;
    struct clmix_step_input input;
    size_t first, batch; /* the first of them, in the whole batch */
    clmix_plan *plan;
    float scalars[CLMIX_SCALARS];
};

static clmix_status take_share(clmix_trainer *trainer, const struct clmix_step_input *input, size_t index, struct share *share)
{
    const size_t batch = input->extent.batch, first = batch * index / trainer->replica_count,
                 end = batch * (index + 1) / trainer->replica_count;
    clmix_port ports[CLMIX_RECIPE_PORTS];
    const int count = clmix_recipe_ports(&trainer->recipe, CLMIX_TRAINING, input->extent.length, ports, NULL);

    share->replica = &trainer->replicas[index];
    share->first = first;
    share->batch = batch;
    share->input.extent = (struct clmix_extent){ end - first, input->extent.length };
    for (int i = 0; i < count; i++)
        share->input.arrays[i] = (const unsigned char *)input->arrays[i] + first * clmix_port_bytes(&ports[i]);
    return clmix_replica_plan(share->replica, share->input.extent, &share->plan);
}

/* ---- enqueueing ------------------------------------------------------------------------------------------------------------------- */

static bool begins_with_redraw(const clmix_trainer *trainer)
{
    return trainer->options.redraw > 0 && trainer->step > 0 && trainer->step % trainer->options.redraw == 0;
}

/* Forward and backward of a share. Gradients of several batches are summed weighted by their labels that count, so that the step is that of one
 * big batch. */
static clmix_status enqueue_pass(clmix_trainer *trainer, const struct share *share, bool alone)
{
    struct clmix_replica *replica = share->replica;

    if (trainer->summed_batches == 0) {
        if (begins_with_redraw(trainer))
            CLMIX_TRY(clmix_replica_redraw(replica, trainer->options.seed, trainer->step));
        CLMIX_TRY(clmix_replica_keep_states(replica));
    }
    CLMIX_TRY(clmix_plan_set_place(share->plan, share->first, share->batch));
    CLMIX_TRY(clmix_plan_set_step(share->plan, trainer->options.seed, trainer->draws));
    CLMIX_TRY(clmix_feed_plan(&trainer->recipe, CLMIX_TRAINING, share->plan, &share->input));
    CLMIX_TRY(clmix_plan_run(share->plan));
    if (alone)
        return CLMIX_OK;
    return clmix_optimizer_accumulate(replica->optimizer, replica->sums, replica->gradients, trainer->summed_batches == 0);
}

/* Everything of the step. */
static clmix_status enqueue(clmix_trainer *trainer, const struct share *shares, bool last)
{
    const bool alone = last && trainer->summed_batches == 0;
    const double rate = (double)clmix_schedule_rate(&trainer->options, trainer->step, trainer->total_steps),
                 beta1 = (double)clmix_schedule_beta1(&trainer->options, trainer->step, trainer->total_steps);

    for (size_t i = 0; i < trainer->replica_count; i++)
        CLMIX_TRY(enqueue_pass(trainer, &shares[i], alone));
    for (size_t i = 0; last && i < trainer->replica_count; i++)
        CLMIX_TRY(
            clmix_replica_update(shares[i].replica, alone ? CLMIX_ONE_BATCH : (float)trainer->summed_labels, rate, beta1, trainer->step));
    return CLMIX_OK;
}

/* ---- looking ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status look(clmix_trainer *trainer, struct share *shares, bool last)
{
    for (size_t i = 0; i < trainer->replica_count; i++) {
        const float *scalars = shares[i].scalars;

        CLMIX_TRY(clmix_optimizer_scalars(shares[i].replica->optimizer, shares[i].scalars));
        if (isfinite(scalars[CLMIX_SCALAR_LOSS]) && (!last || scalars[CLMIX_SCALAR_GOOD] > 0.0f))
            continue;
        trainer->summed_batches = 0;
        return clmix_trainer_explain(trainer, shares[i].replica, shares[i].plan, &shares[i].input, scalars);
    }
    return CLMIX_OK;
}

static void sum_up(const clmix_trainer *trainer, const struct share *shares, struct clmix_step_result *result)
{
    *result = (struct clmix_step_result){ 0 };
    for (size_t i = 0; i < trainer->replica_count; i++) {
        const float *scalars = shares[i].scalars;

        result->loss += (double)scalars[CLMIX_SCALAR_LOSS] * (double)scalars[CLMIX_SCALAR_COUNTED];
        result->counted += (double)scalars[CLMIX_SCALAR_COUNTED];
        result->metric += (double)scalars[CLMIX_SCALAR_METRIC];
    }
    if (result->counted > 0.0)
        result->loss /= result->counted;
}

clmix_status clmix_trainer_run(clmix_trainer *trainer, const struct clmix_step_input *input, bool last, struct clmix_step_result *result)
{
    struct share shares[CLMIX_MOST_REPLICAS];

    CLMIX_TRY(clmix_trainer_prepare(trainer));
    for (size_t i = 0; i < trainer->replica_count; i++)
        CLMIX_TRY(take_share(trainer, input, i, &shares[i]));
    CLMIX_TRY(enqueue(trainer, shares, last));
    CLMIX_TRY(look(trainer, shares, last));
    sum_up(trainer, shares, result);
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

    struct clmix_step_input input = { .extent = { count, clmix_recipe_length(&trainer->recipe) } };
    struct clmix_step_result result = { 0 };
    void *made[CLMIX_RECIPE_PORTS] = { NULL };
    clmix_status status;

    if (count == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a step on a batch of no samples");
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
