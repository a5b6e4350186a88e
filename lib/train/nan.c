/* When a loss or a gradient is NaN or infinite: which weight or which op it came from. */
#include "train/trainer.h"

#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static clmix_status restore_states(clmix_trainer *trainer)
{
    if (trainer->kept_states == NULL)
        return CLMIX_OK;
    return clmix_buffer_copy(trainer->device, trainer->kept_states, 0, clmix_network_states(trainer->network), 0,
                             trainer->map.state_count * sizeof(float));
}

/* NOT_FINITE when a weight or a running statistic is; then no op is to blame. */
static clmix_status check_tensor(clmix_network *network, const clmix_tensor_info *info)
{
    const size_t count = clmix_shape_count(info->file_shape);
    float *values = malloc(count * sizeof *values);
    clmix_status status;

    if (values == NULL)
        return clmix_fail_memory(info->name);
    status = clmix_network_read(network, info->name, values, count);
    for (size_t i = 0; status == CLMIX_OK && i < count; i++)
        if (!isfinite(values[i]))
            status = clmix_fail(CLMIX_ERROR_NOT_FINITE, "%s was %s before the step (element %zu)", info->name,
                                isnan(values[i]) ? "NaN" : "infinite", i);
    free(values);
    return status;
}

static clmix_status check_weights(clmix_network *network)
{
    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_network_tensor(network, i, &info));
        CLMIX_TRY(check_tensor(network, &info));
    }
    return CLMIX_OK;
}

/* The step once more from the same beginning, with every op watched. */
static clmix_status repeat(clmix_trainer *trainer, clmix_plan *plan, const struct clmix_step_input *input)
{
    CLMIX_TRY(clmix_trainer_feed(trainer, plan, input));
    CLMIX_TRY(clmix_plan_set_step(plan, trainer->options.seed, trainer->draws));
    return clmix_plan_find_not_finite(plan);
}

clmix_status clmix_trainer_explain(clmix_trainer *trainer, clmix_plan *plan, const struct clmix_step_input *input,
                                   const float scalars[CLMIX_SCALARS])
{
    const bool by_loss = !isfinite(scalars[CLMIX_SCALAR_LOSS]);
    const float value = by_loss ? scalars[CLMIX_SCALAR_LOSS] : scalars[CLMIX_SCALAR_NORM];
    const double rate = (double)clmix_schedule_rate(&trainer->options, trainer->step, trainer->total_steps);
    clmix_status status;

    CLMIX_TRY(restore_states(trainer));
    status = check_weights(trainer->network);
    if (status == CLMIX_OK)
        status = repeat(trainer, plan, input);
    if (status == CLMIX_OK)
        status = clmix_fail(CLMIX_ERROR_NOT_FINITE, "every op's results are finite, and their sums are too large");
    if (status != CLMIX_ERROR_NOT_FINITE)
        return status;
    CLMIX_TRY(restore_states(trainer));
    return clmix_fail(status,
                      "step %zu: the %s is %s: %s; the weights are as before this step. A lower learning rate than %g, or a limit on the "
                      "gradients' norm, usually helps",
                      trainer->step + 1, by_loss ? "loss" : "gradients' norm", isnan(value) ? "NaN" : "infinite", clmix_error(), rate);
}
