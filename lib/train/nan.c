/* When a loss or a gradient is NaN or infinite: which weight or which op it came from. */
#include "train/trainer.h"

#include "base/status.h"

#include <math.h>

/* The pass once more from the same beginning, with every op watched. */
static clmix_status repeat(clmix_trainer *trainer, clmix_plan *plan, const struct clmix_step_input *input)
{
    CLMIX_TRY(clmix_plan_set_step(plan, trainer->options.seed, trainer->draws));
    CLMIX_TRY(clmix_feed_plan(&trainer->recipe, CLMIX_TRAINING, plan, input));
    return clmix_plan_find_not_finite(plan);
}

clmix_status clmix_trainer_explain(clmix_trainer *trainer, struct clmix_replica *replica, clmix_plan *plan,
                                   const struct clmix_step_input *input, const float scalars[CLMIX_SCALARS])
{
    const bool by_loss = !isfinite(scalars[CLMIX_SCALAR_LOSS]);
    const float value = by_loss ? scalars[CLMIX_SCALAR_LOSS] : scalars[CLMIX_SCALAR_NORM];
    const double rate = (double)clmix_schedule_rate(&trainer->options, trainer->step, trainer->total_steps);
    clmix_status status;

    trainer->summed_batches = 0;
    CLMIX_TRY(clmix_trainer_restore_states(trainer));
    status = repeat(trainer, plan, input);
    if (status == CLMIX_OK)
        status = clmix_fail(CLMIX_ERROR_NOT_FINITE, "every op's results are finite, and their sums are too large");
    if (status != CLMIX_ERROR_NOT_FINITE)
        return status;
    CLMIX_TRY(clmix_replica_restore_states(replica));
    return clmix_fail(status,
                      "step %zu: the %s is %s: %s; the weights are as before this step. A lower learning rate than %g, or a limit on the "
                      "gradients' norm, usually helps",
                      trainer->step + 1, by_loss ? "loss" : "gradients' norm", isnan(value) ? "NaN" : "infinite", clmix_error(), rate);
}
