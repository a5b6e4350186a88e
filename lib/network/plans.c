/* The plans that a network keeps for classification. */
#include "network/network.h"

void clmix_network_drop_plans(clmix_network *network)
{
    for (size_t i = network->kept_count; i-- > 0;) /* the owner of the activation memory last */
        clmix_plan_free(network->kept[i].plan);
    network->kept_count = network->next_victim = 0;
}
