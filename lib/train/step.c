/* One step: a batch goes to the device, forward and backward run, the optimizer follows without the host in between, and then the host
 * looks at what came out. */
#include "train/trainer.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>

/* The average starts as the first weights, which mean nothing: a decay that rises with the steps lets go of them quickly. */
static double average_decay(const clmix_train_options *options, size_t step)
{
    const double rising = (1.0 + (double)step) / (10.0 + (double)step);
    const double decay = (double)options->average;

    return rising < decay ? rising : decay;
}

static clmix_status update_averages(clmix_trainer *trainer)
{
    const double decay = average_decay(&trainer->options, trainer->step);

    if (trainer->average_weights != NULL)
        CLMIX_TRY(clmix_optimizer_average(trainer->optimizer, trainer->average_weights, clmix_network_weights(trainer->network),
                                          trainer->map.weight_count, decay));
    if (trainer->average_states != NULL)
        CLMIX_TRY(clmix_optimizer_average(trainer->optimizer, trainer->average_states, clmix_network_states(trainer->network),
                                          trainer->map.state_count, decay));
    return CLMIX_OK;
}

/* Gradients of several batches are summed weighted by their pictures, so that the step is that of one big batch. */
static clmix_status accumulate(clmix_trainer *trainer, size_t count)
{
    CLMIX_TRY(
        clmix_optimizer_accumulate(trainer->optimizer, trainer->sums, trainer->gradients, (float)count, trainer->summed_pictures == 0));
    trainer->summed_pictures += count;
    return CLMIX_OK;
}

static clmix_status update(clmix_trainer *trainer)
{
    const double rate = (double)clmix_schedule_rate(&trainer->options, trainer->step, trainer->total_steps);
    const cl_mem weights = clmix_network_weights(trainer->network);

    if (trainer->summed_pictures > 0)
        CLMIX_TRY(clmix_optimizer_update(trainer->optimizer, weights, trainer->sums, 1.0f / (float)trainer->summed_pictures, rate,
                                         trainer->step));
    else
        CLMIX_TRY(clmix_optimizer_update(trainer->optimizer, weights, trainer->gradients, 1.0f, rate, trainer->step));
    return update_averages(trainer);
}

/* Everything of the step, enqueued. */
static clmix_status enqueue(clmix_trainer *trainer, clmix_plan *plan, const struct clmix_step_input *input, bool last)
{
    const bool alone = last && trainer->summed_pictures == 0;

    if (trainer->kept_states != NULL && trainer->summed_pictures == 0)
        CLMIX_TRY(clmix_buffer_copy(trainer->device, clmix_network_states(trainer->network), 0, trainer->kept_states, 0,
                                    trainer->map.state_count * sizeof(float)));
    CLMIX_TRY(clmix_trainer_feed(trainer, plan, input));
    CLMIX_TRY(clmix_plan_set_step(plan, trainer->options.seed, trainer->draws));
    CLMIX_TRY(clmix_plan_run(plan));
    if (!alone)
        CLMIX_TRY(accumulate(trainer, input->count));
    return last ? update(trainer) : CLMIX_OK;
}

clmix_status clmix_trainer_run(clmix_trainer *trainer, const struct clmix_step_input *input, bool last, struct clmix_step_result *result)
{
    float scalars[CLMIX_SCALARS];
    clmix_plan *plan;

    CLMIX_TRY(clmix_trainer_prepare(trainer));
    CLMIX_TRY(clmix_trainer_plan(trainer, input->count, &plan));
    CLMIX_TRY(enqueue(trainer, plan, input, last));
    CLMIX_TRY(clmix_optimizer_scalars(trainer->optimizer, scalars));
    if (!isfinite(scalars[CLMIX_SCALAR_LOSS]) || (last && !(scalars[CLMIX_SCALAR_GOOD] > 0.0f))) {
        trainer->summed_pictures = 0;
        return clmix_trainer_explain(trainer, plan, input, scalars);
    }
    trainer->draws++;
    if (last) {
        trainer->summed_pictures = 0;
        trainer->step++;
    }
    result->loss = (double)scalars[CLMIX_SCALAR_LOSS];
    result->correct = (size_t)lrintf(scalars[CLMIX_SCALAR_CORRECT]);
    return CLMIX_OK;
}

clmix_status clmix_trainer_forget(clmix_trainer *trainer, uint64_t draws)
{
    if (trainer->summed_pictures == 0)
        return CLMIX_OK;
    CLMIX_TRY(clmix_trainer_restore_states(trainer));
    trainer->summed_pictures = 0;
    trainer->draws = draws;
    return CLMIX_OK;
}

/* A label that is no class would only show as a loss that is NaN. */
static clmix_status check_labels(const clmix_trainer *trainer, const int32_t *labels, size_t count)
{
    const size_t classes = clmix_config_classes(trainer->recipe.config);
    bool counted = false;

    for (size_t i = 0; i < count; i++) {
        if (labels[i] != CLMIX_NO_LABEL && (labels[i] < 0 || (size_t)labels[i] >= classes))
            return clmix_fail(
                CLMIX_ERROR_ARGUMENT,
                "label %d (number %zu of the batch) is none of the model's %zu classes, which are 0 to %zu; %d leaves a picture "
                "out",
                (int)labels[i], i, classes, classes - 1, CLMIX_NO_LABEL);
        counted = counted || labels[i] != CLMIX_NO_LABEL;
    }
    return counted ? CLMIX_OK
                   : clmix_fail(CLMIX_ERROR_ARGUMENT,
                                "all %zu labels of the batch are %d, which leaves a picture out; nothing is left to learn", count,
                                CLMIX_NO_LABEL);
}

clmix_status clmix_trainer_step(clmix_trainer *trainer, const uint8_t *pictures, const int32_t *labels, size_t count, double *loss)
{
    CLMIX_NEED(trainer);
    CLMIX_NEED(pictures);
    CLMIX_NEED(labels);

    struct clmix_step_input input = { .count = count, .pictures = pictures, .labels = labels, .second_labels = labels };
    struct clmix_step_result result = { 0 };
    clmix_status status;
    float *weights = NULL;

    if (count == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a step on a batch of no pictures");
    CLMIX_TRY(check_labels(trainer, labels, count));
    if (trainer->recipe.mixup) { /* nothing is mixed here: the first label has all the weight */
        weights = malloc(count * sizeof *weights);
        if (weights == NULL)
            return clmix_fail_memory("the weights of the labels");
        for (size_t i = 0; i < count; i++)
            weights[i] = 1.0f;
        input.weights = weights;
    }
    status = clmix_trainer_run(trainer, &input, true, &result);
    free(weights);
    if (status == CLMIX_OK && loss != NULL)
        *loss = result.loss;
    return status;
}
