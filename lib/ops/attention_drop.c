/* What the kernels of attention need to draw which weights they drop (cl/attention_dropout.h). */
#include "ops/attention.h"

void clmix_attention_record_random(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_attention *attention)
{
    const struct clmix_parts parts = clmix_planner_parts(planner, attention->value);
    const clmix_shape y = clmix_tensor_at(clmix_planner_graph(planner), attention->value)->shape;

    clmix_record_define(record, "DROPOUT", attention->dropping);
    if (!attention->dropping)
        return;
    if (parts.count != 1)
        clmix_planner_not_placed(planner);
    clmix_record_value(record, clmix_planner_random(planner));
    clmix_record_uint(record, (size_t)attention->key);
    clmix_record_uint(record, (size_t)((double)attention->rate * CLMIX_ATTENTION_STEPS));
    clmix_record_float(record, 1.0f / (1.0f - attention->rate));
    clmix_record_uint(record, parts.count == 1 ? parts.rows[0] / attention->queries : 0);
    clmix_record_uint(record, clmix_planner_first_element(planner, attention->value) / (y.size[1] * y.size[2]));
}
