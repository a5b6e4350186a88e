/* Random features drawn anew during a run (Choromanski et al. 2021): every so many steps Performer's projections are replaced by others of the
 * same distribution, keyed by the seed, the step and their name, so that a resumed run draws the same ones. */
#include "train/trainer.h"

#include "base/random.h"
#include "base/status.h"
#include "network/initial.h"
#include "network/network.h"

#include <stdlib.h>

static bool is_redrawn(const clmix_tensor_info *info)
{
    return !info->trainable && info->initializer.kind == CLMIX_ORTHOGONAL_FEATURES;
}

/* A seed of its own for each step. */
static uint64_t seed_of_step(uint64_t seed, size_t step)
{
    const uint32_t counter[4] = { (uint32_t)step, (uint32_t)((uint64_t)step >> 32) };
    uint32_t words[4];

    clmix_philox(seed, counter, words);
    return (uint64_t)words[1] << 32 | words[0];
}

static clmix_status write_state(struct clmix_replica *replica, const clmix_tensor_info *info, const float *values)
{
    const size_t at = info->offset * sizeof(float), bytes = clmix_shape_count(info->device_shape) * sizeof(float);

    CLMIX_TRY(clmix_buffer_write(replica->device, clmix_network_states(replica->network), at, values, bytes));
    if (replica->average_states == NULL)
        return CLMIX_OK;
    return clmix_buffer_write(replica->device, replica->average_states, at, values, bytes);
}

static clmix_status redraw(struct clmix_replica *replica, const clmix_tensor_info *info, uint64_t seed)
{
    float *values = calloc(clmix_shape_count(info->device_shape), sizeof *values);
    clmix_status status = values == NULL ? clmix_fail_memory(info->name) : clmix_initial_on_device(info, seed, values);

    if (status == CLMIX_OK)
        status = write_state(replica, info, values);
    free(values);
    return status;
}

clmix_status clmix_replica_redraw(struct clmix_replica *replica, uint64_t seed, size_t step)
{
    const uint64_t of_step = seed_of_step(seed, step);

    for (size_t i = 0; i < clmix_network_tensor_count(replica->network); i++) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_network_tensor(replica->network, i, &info));
        if (is_redrawn(&info))
            CLMIX_TRY(redraw(replica, &info, of_step));
    }
    return CLMIX_OK;
}

clmix_status clmix_check_redraw(const clmix_network *network, const clmix_train_options *options)
{
    if (options->redraw == 0)
        return CLMIX_OK;
    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_network_tensor(network, i, &info));
        if (is_redrawn(&info))
            return CLMIX_OK;
    }
    return clmix_fail(CLMIX_ERROR_ARGUMENT,
                      "random features are to be drawn anew every %zu steps, and %s has none; leave redraw at 0, or take the "
                      "mixer 'performer'",
                      options->redraw, clmix_config_name(clmix_network_config(network)));
}
