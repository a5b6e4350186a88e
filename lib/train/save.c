/* Saving the evaluated weights. The averaged ones take the network's place while the file is written: first the network's own move to the gradients' arena, whose content has done its duty. */
#include "train/trainer.h"

#include "base/status.h"

static clmix_status exchange(clmix_trainer *trainer, bool in)
{
    const cl_mem weights = clmix_network_weights(trainer->network), states = clmix_network_states(trainer->network);
    const size_t weight_bytes = trainer->map.weight_count * sizeof(float), state_bytes = trainer->map.state_count * sizeof(float);

    if (in) {
        CLMIX_TRY(clmix_buffer_copy(trainer->device, weights, 0, trainer->gradients, 0, weight_bytes));
        CLMIX_TRY(clmix_buffer_copy(trainer->device, trainer->average_weights, 0, weights, 0, weight_bytes));
        if (state_bytes == 0)
            return CLMIX_OK;
        CLMIX_TRY(clmix_buffer_copy(trainer->device, states, 0, trainer->kept_states, 0, state_bytes));
        return clmix_buffer_copy(trainer->device, trainer->average_states, 0, states, 0, state_bytes);
    }
    CLMIX_TRY(clmix_buffer_copy(trainer->device, trainer->gradients, 0, weights, 0, weight_bytes));
    return state_bytes == 0 ? CLMIX_OK : clmix_buffer_copy(trainer->device, trainer->kept_states, 0, states, 0, state_bytes);
}

clmix_status clmix_trainer_save_model(clmix_trainer *trainer, const char *path)
{
    clmix_status status, back;

    if (trainer->average_weights == NULL)
        return clmix_network_save(trainer->network, path);
    CLMIX_TRY(exchange(trainer, true));
    status = clmix_network_save(trainer->network, path);
    back = exchange(trainer, false);
    return status != CLMIX_OK ? status : back;
}
