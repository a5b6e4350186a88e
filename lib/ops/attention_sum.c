/* Sums of gradients that are made in parts. Kernel: cl/attention_wide_sum.cl. */
#include "ops/attention_sum.h"

#include "base/size.h"
#include "ops/row_launch.h"

#define MOST_RANGES  16
#define MOST_WAITING ((size_t)256 << 20) /* bytes of parts, but for two ranges */

size_t clmix_attention_ranges(const struct clmix_planner *planner, size_t units, size_t bytes, size_t most)
{
    const size_t wanted = 4 * (size_t)clmix_planner_device(planner)->compute_units;
    size_t ranges = clmix_smaller(clmix_ceil_div(wanted, units), most);

    ranges = clmix_smaller(ranges, clmix_smaller(clmix_larger(MOST_WAITING / (units * bytes), 2), MOST_RANGES));
    return units >= wanted ? 1 : clmix_larger(ranges, 1);
}

int32_t clmix_attention_parts(struct clmix_planner *planner, const struct clmix_node *node, int32_t value, size_t ranges)
{
    const struct clmix_layout layout = clmix_planner_layout(planner, value);

    return ranges == 1 ? CLMIX_NONE : clmix_planner_scratch(planner, node, ranges * layout.rows * layout.columns * sizeof(float));
}

void clmix_attention_record_part(struct clmix_planner *planner, struct clmix_record *record, int32_t value, int32_t parts)
{
    const struct clmix_layout layout = clmix_planner_layout(planner, value);

    clmix_record_value(record, parts == CLMIX_NONE ? value : parts);
    clmix_record_uint(record, parts == CLMIX_NONE ? layout.pitch : layout.columns);
    clmix_record_uint(record, parts == CLMIX_NONE ? 0 : layout.rows * layout.columns);
}

void clmix_attention_record_sum(struct clmix_planner *planner, const struct clmix_node *node, int32_t value, int32_t parts, size_t ranges)
{
    const struct clmix_layout layout = clmix_planner_layout(planner, value);
    struct clmix_record *record;

    if (ranges == 1)
        return;
    record = clmix_record_rows(planner, node, "attention_wide_sum.cl", "attention_sum", layout.rows, layout.columns, false);
    clmix_record_uint(record, ranges);
    clmix_record_value(record, parts);
    clmix_record_pitched(planner, record, value);
    clmix_record_flops(record, 0);
}
