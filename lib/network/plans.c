/* The plans that a network keeps, by the batches that they are for. */
#include "base/status.h"
#include "network/network.h"

clmix_plan *clmix_network_find_plan(const clmix_network *network, struct clmix_extent extent)
{
    for (size_t i = 0; i < network->kept_count; i++)
        if (clmix_extents_equal(network->kept[i].extent, extent))
            return network->kept[i].plan;
    return NULL;
}

clmix_status clmix_network_keep_plan(clmix_network *network, struct clmix_extent extent, clmix_plan *plan)
{
    size_t place;

    if (network->kept_count > 0 && clmix_plan_share(plan, network->kept[0].plan) != CLMIX_OK)
        clmix_network_drop_plans(network);
    CLMIX_TRY(clmix_plan_prepare(plan));

    place = network->kept_count;
    if (place < CLMIX_KEPT_PLANS) {
        network->kept_count++;
    } else {
        place = 1 + network->next_victim++ % (CLMIX_KEPT_PLANS - 1);
        clmix_plan_free(network->kept[place].plan);
    }
    network->kept[place] = (struct clmix_kept_plan){ extent, plan };
    return CLMIX_OK;
}

void clmix_network_drop_plans(clmix_network *network)
{
    for (size_t i = network->kept_count; i-- > 0;) /* the owner of the activation memory last */
        clmix_plan_free(network->kept[i].plan);
    network->kept_count = network->next_victim = 0;
}
