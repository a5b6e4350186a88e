/* Launches of attention in the wide form. */
#include "ops/attention.h"

#include "base/status.h"

clmix_status clmix_attention_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention *attention)
{
    (void)planner, (void)node, (void)attention;
    return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "attention has no kernels of the wide form yet");
}

clmix_status clmix_attention_wide_grad(struct clmix_planner *planner, const struct clmix_node *node,
                                       const struct clmix_attention *attention)
{
    return clmix_attention_wide(planner, node, attention);
}
