/* What the processes of a run must have in common, and what they need not. */
#include "train/run.h"

#include "base/random.h"
#include "base/status.h"
#include "network/network.h"

#include <stdio.h>
#include <stdlib.h>

/* Options, configuration, data set and the place in the run, as one number. */
static clmix_status hash_run(const clmix_trainer *trainer, const struct clmix_run *run, uint64_t *hash)
{
    cJSON *json = cJSON_CreateObject();
    clmix_status status = json == NULL ? clmix_fail_memory("a run's options") : clmix_options_write(&trainer->options, json);
    char *options = status == CLMIX_OK ? cJSON_PrintUnformatted(json) : NULL;
    char *identity = status == CLMIX_OK ? cJSON_PrintUnformatted(trainer->identity) : NULL;
    char *config = NULL;
    char numbers[160];

    if (status == CLMIX_OK)
        status = clmix_config_text(clmix_network_config(trainer->replicas[0].network), &config);
    if (status == CLMIX_OK && (options == NULL || identity == NULL))
        status = clmix_fail_memory("a run's options");
    if (status == CLMIX_OK) {
        snprintf(numbers, sizeof numbers, "%zu %zu %zu %zu %zu", trainer->train_count, trainer->test_count, trainer->step, run->epoch,
                 run->batch);
        *hash = clmix_hash_text(options) ^ 3 * clmix_hash_text(identity) ^ 5 * clmix_hash_text(config) ^ 7 * clmix_hash_text(numbers);
    }
    cJSON_free(options);
    cJSON_free(identity);
    clmix_free(config);
    cJSON_Delete(json);
    return status;
}

/* Devices of one kind make the same update of the same gradients, to the bit. */
static uint64_t hash_device(const clmix_trainer *trainer)
{
    const clmix_device_info *info = clmix_device_describe(trainer->replicas[0].device);
    char text[640];

    snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%llx %llx %d", info->name, info->vendor, info->driver, info->platform,
             (unsigned long long)info->target, (unsigned long long)info->quirks, (int)info->form);
    return clmix_hash_text(text);
}

clmix_status clmix_run_compare(clmix_trainer *trainer, const struct clmix_run *run)
{
    struct clmix_peering *peering = &trainer->peering;
    uint64_t hash = 0;
    bool same;

    if (peering->peers == NULL)
        return CLMIX_OK;
    CLMIX_TRY(clmix_peering_meet(peering, hash_run(trainer, run, &hash), NULL));
    CLMIX_TRY(clmix_peering_compare(peering, hash, &same));
    if (!same)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "the %zu processes of this run do not have the same options, model, data set or checkpoint; "
                          "start all of them with the same command, on hosts that see the same files",
                          peering->peers->count);
    CLMIX_TRY(clmix_peering_compare(peering, hash_device(trainer), &same));
    peering->different = !same;
    return CLMIX_OK;
}
