/* A network's weights and states as host memory in device order: filled whole, sent whole. */
#include "base/status.h"
#include "network/network.h"
#include <stdlib.h>

clmix_status clmix_arenas_new(struct clmix_arenas *arenas, const clmix_network *network)
{
    arenas->weight_count = clmix_graph_weight_count(network->graph);
    arenas->state_count = clmix_graph_state_count(network->graph);
    arenas->weights = calloc(arenas->weight_count + 1, sizeof(float)); /* one more, so that empty is not NULL */
    arenas->states = calloc(arenas->state_count + 1, sizeof(float));
    if (arenas->weights != NULL && arenas->states != NULL)
        return CLMIX_OK;
    clmix_arenas_free(arenas);
    return clmix_fail_memory("the weights");
}

void clmix_arenas_free(struct clmix_arenas *arenas)
{
    free(arenas->weights);
    free(arenas->states);
    arenas->weights = arenas->states = NULL;
}

float *clmix_arenas_at(const struct clmix_arenas *arenas, const clmix_tensor_info *info)
{
    return (info->trainable ? arenas->weights : arenas->states) + info->offset;
}

clmix_status clmix_arenas_upload(const struct clmix_arenas *arenas, clmix_network *network)
{
    if (arenas->weight_count > 0)
        CLMIX_TRY(clmix_buffer_write(network->device, network->weights, 0, arenas->weights, arenas->weight_count * sizeof(float)));
    if (arenas->state_count > 0)
        CLMIX_TRY(clmix_buffer_write(network->device, network->states, 0, arenas->states, arenas->state_count * sizeof(float)));
    return CLMIX_OK;
}

clmix_status clmix_arenas_download(struct clmix_arenas *arenas, const clmix_network *network)
{
    if (arenas->weight_count > 0)
        CLMIX_TRY(clmix_buffer_read(network->device, network->weights, 0, arenas->weights, arenas->weight_count * sizeof(float)));
    if (arenas->state_count > 0)
        CLMIX_TRY(clmix_buffer_read(network->device, network->states, 0, arenas->states, arenas->state_count * sizeof(float)));
    return CLMIX_OK;
}
