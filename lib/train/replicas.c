/* The replicas of a run, one a device: made, given networks of their own, and brought to agree. */
#include "train/trainer.h"

#include "base/status.h"
#include "network/config.h"
#include "network/network.h"

/* ---- making ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status check_devices(clmix_device *first, const clmix_train_options *options)
{
    if (options->device_count > CLMIX_MOST_DEVICES - 1)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu devices beside the network's own; %d are possible", options->device_count,
                          CLMIX_MOST_DEVICES - 1);
    for (size_t i = 0; i < options->device_count; i++) {
        bool again = options->devices[i] == first;

        if (options->devices[i] == NULL)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "device %zu beside the network's own is NULL", i + 1);
        for (size_t j = 0; j < i; j++)
            again = again || options->devices[i] == options->devices[j];
        if (again)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "%s is to train in two places at once; open it twice, if it is to take two shares",
                              clmix_device_describe(options->devices[i])->name);
    }
    return CLMIX_OK;
}

/* Batches of single steps are of the options' size. */
static struct clmix_sizes sizes_of_run(const clmix_trainer *trainer)
{
    struct clmix_sizes sizes = trainer->train_sizes;
    const size_t batch = trainer->options.batch;

    if (sizes.count == 0)
        sizes.list[sizes.count++] = (struct clmix_batch_size){ batch, batch, clmix_recipe_length(&trainer->recipe) };
    return sizes;
}

static clmix_status make_replica(clmix_trainer *trainer, clmix_device *device, const struct clmix_sizes *sizes)
{
    static const struct clmix_sizes none = { 0 };
    const size_t index = trainer->replica_count;
    struct clmix_sizes own;

    clmix_shares_sizes(&trainer->shares, index, sizes, &own);
    if (own.count == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "%s has no sample in a batch of %zu among %zu devices; take fewer devices or larger batches",
                          clmix_device_describe(device)->name, trainer->options.batch, trainer->shares.count);
    trainer->replica_count++; /* what is made halfway is cleared with it */
    return clmix_replica_make(&trainer->replicas[index], device, &trainer->recipe, &trainer->options, &own,
                              index == 0 ? &trainer->test_sizes : &none);
}

clmix_status clmix_trainer_make_replicas(clmix_trainer *trainer, clmix_device *device)
{
    const clmix_train_options *options = &trainer->options;
    const struct clmix_sizes sizes = sizes_of_run(trainer);

    CLMIX_TRY(check_devices(device, options));
    CLMIX_TRY(clmix_shares_of_options(&trainer->shares, options));
    CLMIX_TRY(make_replica(trainer, device, &sizes));
    for (size_t i = 0; i < options->device_count; i++)
        CLMIX_TRY(make_replica(trainer, options->devices[i], &sizes));
    return CLMIX_OK;
}

/* The first has the caller's network. */
clmix_status clmix_trainer_make_networks(clmix_trainer *trainer, clmix_network *network)
{
    trainer->replicas[0].network = network;
    for (size_t i = 1; i < trainer->replica_count; i++) {
        struct clmix_replica *replica = &trainer->replicas[i];
        clmix_config *copy = NULL;

        CLMIX_TRY(clmix_config_copy(&copy, clmix_network_config(network)));
        CLMIX_TRY(clmix_network_make(&replica->own_network, replica->device, copy));
        replica->network = replica->own_network;
    }
    if (trainer->replica_count == 1 && trainer->options.peers == NULL)
        return CLMIX_OK;
    return clmix_exchange_make(&trainer->exchange, &trainer->replicas[0], trainer->replica_count);
}

/* ---- at work ------------------------------------------------------------------------------------------------------------------------ */

/* Whether other processes need this one's weights: at the beginning, and where devices may have made something else of an update. */
static bool sends(const clmix_trainer *trainer, bool all)
{
    return trainer->options.peers != NULL && (all || trainer->peering.different);
}

clmix_status clmix_trainer_agree(clmix_trainer *trainer, bool all)
{
    struct clmix_exchange *exchange = &trainer->exchange;
    const bool sent = sends(trainer, all), own = !sent || clmix_peering_is_first(&trainer->peering); /* its weights are the ones */

    if (trainer->replica_count == 1 && !sent)
        return CLMIX_OK;
    if (own)
        CLMIX_TRY(clmix_exchange_read_weights(exchange, &trainer->replicas[0], all));
    if (sent) {
        CLMIX_TRY(clmix_peering_send(&trainer->peering, exchange->weights, exchange->weight_count * sizeof *exchange->weights));
        CLMIX_TRY(clmix_peering_send(&trainer->peering, exchange->state_mean, exchange->state_count * sizeof *exchange->state_mean));
    }
    for (size_t i = own ? 1 : 0; i < trainer->replica_count; i++)
        CLMIX_TRY(clmix_exchange_write_weights(exchange, &trainer->replicas[i], all));
    return CLMIX_OK;
}

clmix_status clmix_trainer_prepare(clmix_trainer *trainer)
{
    CLMIX_NEED(trainer);

    if (!trainer->replicas[0].prepared) /* averages begin as copies of what the networks are */
        CLMIX_TRY(clmix_trainer_agree(trainer, true));
    for (size_t i = 0; i < trainer->replica_count; i++)
        CLMIX_TRY(clmix_replica_prepare(&trainer->replicas[i]));
    return CLMIX_OK;
}

clmix_status clmix_trainer_restart(clmix_trainer *trainer)
{
    CLMIX_TRY(clmix_trainer_agree(trainer, true));
    for (size_t i = 0; i < trainer->replica_count; i++)
        CLMIX_TRY(clmix_replica_restart(&trainer->replicas[i]));
    trainer->step = 0;
    trainer->draws = 0;
    trainer->summed_batches = 0;
    return CLMIX_OK;
}

clmix_status clmix_trainer_restore_states(clmix_trainer *trainer)
{
    for (size_t i = 0; i < trainer->replica_count; i++)
        CLMIX_TRY(clmix_replica_restore_states(&trainer->replicas[i]));
    return CLMIX_OK;
}
