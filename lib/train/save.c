/* Saving the evaluated weights. The averaged ones take the network's place while the file is written: first the network's own move to
 * the gradients' arena, whose content has done its duty. */
#include "train/trainer.h"

#include "base/status.h"

static clmix_status copy_both(struct clmix_replica *replica, cl_mem from_weights, cl_mem to_weights, cl_mem from_states, cl_mem to_states)
{
    const size_t weight_bytes = replica->map.weight_count * sizeof(float), state_bytes = replica->map.state_count * sizeof(float);

    CLMIX_TRY(clmix_buffer_copy(replica->device, from_weights, 0, to_weights, 0, weight_bytes));
    return state_bytes == 0 ? CLMIX_OK : clmix_buffer_copy(replica->device, from_states, 0, to_states, 0, state_bytes);
}

clmix_status clmix_trainer_save_model(clmix_trainer *trainer, const char *path)
{
    struct clmix_replica *replica = &trainer->replicas[0];
    const cl_mem weights = clmix_network_weights(replica->network), states = clmix_network_states(replica->network);
    clmix_status status, back;

    if (replica->average_weights == NULL)
        return clmix_network_save(replica->network, path);
    CLMIX_TRY(copy_both(replica, weights, replica->gradients, states, replica->kept_states));
    status = copy_both(replica, replica->average_weights, weights, replica->average_states, states);
    if (status == CLMIX_OK)
        status = clmix_network_save(replica->network, path);
    back = copy_both(replica, replica->gradients, weights, replica->kept_states, states); /* whatever came of it */
    return back != CLMIX_OK ? back : status;
}
