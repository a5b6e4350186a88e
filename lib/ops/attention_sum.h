/* Gradients of keys and values that ranges of queries make parts of, each in memory of its own, and that are then added in order. */
#ifndef CLMIX_OPS_ATTENTION_SUM_H
#define CLMIX_OPS_ATTENTION_SUM_H

#include "graph/op.h"

/* How many ranges: one, where there are units enough for the device, `units` of `bytes` each that wait to be added; else at most `most`. Depends on shapes
 * and the device's description alone. */
size_t clmix_attention_ranges(const struct clmix_planner *planner, size_t units, size_t bytes, size_t most);
/* Scratch memory for `ranges` parts of a value; CLMIX_NONE for one range, which writes the value itself. */
int32_t clmix_attention_parts(struct clmix_planner *planner, const struct clmix_node *node, int32_t value, size_t ranges);
/* Arguments: where a launch writes a value or its parts, the pitch, and floats from one part to the next. */
void clmix_attention_record_part(struct clmix_planner *planner, struct clmix_record *record, int32_t value, int32_t parts);
/* Appends the launch that adds `ranges` parts of a value; nothing for one range. */
void clmix_attention_record_sum(struct clmix_planner *planner, const struct clmix_node *node, int32_t value, int32_t parts, size_t ranges);

#endif
