/* Launches of attention in the simt form. */
#include "ops/attention.h"

#include "base/status.h"

clmix_status clmix_attention_simt(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_attention *attention)
{
    (void)planner, (void)node, (void)attention;
    return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "attention has no kernels of the simt form yet");
}

clmix_status clmix_attention_simt_grad(struct clmix_planner *planner, const struct clmix_node *node,
                                       const struct clmix_attention *attention)
{
    return clmix_attention_simt(planner, node, attention);
}
