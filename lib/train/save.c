/* Saving the evaluated weights. The averaged ones take the network's place while the file is written: first the network's own move to
 * the gradients' arena, whose content has done its duty. */
#include "train/trainer.h"

#include "base/status.h"

static clmix_status copy_both(clmix_trainer *trainer, cl_mem from_weights, cl_mem to_weights, cl_mem from_states, cl_mem to_states)
{
    const size_t weight_bytes = trainer->map.weight_count * sizeof(float), state_bytes = trainer->map.state_count * sizeof(float);

    CLMIX_TRY(clmix_buffer_copy(trainer->device, from_weights, 0, to_weights, 0, weight_bytes));
    return state_bytes == 0 ? CLMIX_OK : clmix_buffer_copy(trainer->device, from_states, 0, to_states, 0, state_bytes);
}

clmix_status clmix_trainer_save_model(clmix_trainer *trainer, const char *path)
{
    const cl_mem weights = clmix_network_weights(trainer->network), states = clmix_network_states(trainer->network);
    clmix_status status, back;

    if (trainer->average_weights == NULL)
        return clmix_network_save(trainer->network, path);
    CLMIX_TRY(copy_both(trainer, weights, trainer->gradients, states, trainer->kept_states));
    status = copy_both(trainer, trainer->average_weights, weights, trainer->average_states, states);
    if (status == CLMIX_OK)
        status = clmix_network_save(trainer->network, path);
    back = copy_both(trainer, trainer->gradients, weights, trainer->kept_states, states); /* whatever came of it */
    return back != CLMIX_OK ? back : status;
}
