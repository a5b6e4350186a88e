/* What the launches of all window sums have in common: limits, costs and arguments. */
#include "ops/conv_form.h"

#include "base/status.h"

clmix_status clmix_conv_check(const struct clmix_conv_map *map, size_t big_pitch, size_t small_pitch)
{
    const size_t limit = INT32_MAX;
    const size_t big = map->batch * map->big[0] * map->big[1], small = map->batch * map->small[0] * map->small[1];

    if (big > limit / big_pitch || small > limit / small_pitch)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED,
                          "%zu samples of %zux%zu pixels are more than 2^31 elements in one map; use a smaller batch", map->batch,
                          map->big[0], map->big[1]);
    return CLMIX_OK;
}

void clmix_conv_claim_flops(struct clmix_planner *planner, const struct clmix_node *node, struct clmix_record *record)
{
    uint64_t flops = 0, bytes = 0;

    node->op->cost(clmix_planner_graph(planner), node, &flops, &bytes);
    clmix_record_flops(record, flops);
}

void clmix_conv_push_sizes(struct clmix_record *record, int count, const size_t *sizes)
{
    for (int i = 0; i < count; i++)
        clmix_record_int(record, (long)sizes[i]);
}

void clmix_conv_push(struct clmix_record *record, const struct clmix_conv_map *map)
{
    clmix_conv_push_sizes(record, 2, map->kernel);
    clmix_conv_push_sizes(record, 2, map->stride);
    clmix_conv_push_sizes(record, 2, map->padding);
}

void clmix_conv_push_map(struct clmix_record *record, const size_t size[2], size_t channels, size_t pitch)
{
    clmix_conv_push_sizes(record, 2, size);
    clmix_conv_push_sizes(record, 2, (const size_t[]){ channels, pitch });
}

size_t clmix_conv_groups(const clmix_device_info *info)
{
    return 8 * (size_t)clmix_larger(info->compute_units, 1);
}
