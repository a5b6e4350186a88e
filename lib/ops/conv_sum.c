/* The window sums in either form. */
#include "ops/conv_form.h"

#include "base/status.h"

clmix_status clmix_conv_gather(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                               struct clmix_conv_pixels big, struct clmix_conv_weights weights, int32_t bias,
                               struct clmix_conv_pixels small)
{
    CLMIX_TRY(clmix_conv_check(map, big.pitch, small.pitch));
    if (!clmix_planner_wide(planner) || !clmix_conv_gather_wide(planner, node, map, big, &weights, bias, small))
        clmix_conv_product_simt(planner, node, map, false, big, small, &weights, bias);
    return CLMIX_OK;
}

clmix_status clmix_conv_scatter(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                                struct clmix_conv_pixels small, struct clmix_conv_weights weights, int32_t bias,
                                struct clmix_conv_pixels big)
{
    CLMIX_TRY(clmix_conv_check(map, big.pitch, small.pitch));
    if (!clmix_planner_wide(planner) || !clmix_conv_scatter_wide(planner, node, map, small, &weights, bias, big))
        clmix_conv_product_simt(planner, node, map, true, small, big, &weights, bias);
    return CLMIX_OK;
}

clmix_status clmix_conv_weight(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                               struct clmix_conv_pixels big, struct clmix_conv_pixels small, struct clmix_conv_weights weights)
{
    CLMIX_TRY(clmix_conv_check(map, big.pitch, small.pitch));
    if (!clmix_planner_wide(planner) || !clmix_conv_weight_wide(planner, node, map, big, small, &weights))
        clmix_conv_weight_simt(planner, node, map, big, small, &weights);
    return CLMIX_OK;
}
