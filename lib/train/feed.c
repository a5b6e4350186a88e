/* A batch on its way to the device. */
#include "train/trainer.h"

#include "base/status.h"

/* Inputs of a plan for `input->count` pictures. */
clmix_status clmix_trainer_feed(clmix_trainer *trainer, clmix_plan *plan, const struct clmix_step_input *input)
{
    size_t height, width, channels;

    clmix_config_picture(trainer->recipe.config, &height, &width, &channels);
    CLMIX_TRY(clmix_plan_write(plan, CLMIX_PICTURES, input->pictures, input->count * height * width * channels));
    CLMIX_TRY(clmix_plan_write(plan, CLMIX_LABELS, input->labels, input->count * sizeof *input->labels));
    if (!trainer->recipe.mixup)
        return CLMIX_OK;
    CLMIX_TRY(clmix_plan_write(plan, CLMIX_SECOND_LABELS, input->second_labels, input->count * sizeof *input->second_labels));
    return clmix_plan_write(plan, CLMIX_LABEL_WEIGHTS, input->weights, input->count * sizeof *input->weights);
}
