/* What ops that take in a scale or an addition ask of it. */
#ifndef CLMIX_OPS_ARITHMETIC_H
#define CLMIX_OPS_ARITHMETIC_H

#include "graph/op.h"

/* What a node of clmix_op_scale multiplies by. */
float clmix_scale_factor(const struct clmix_node *node);

/* For `absorb` of ops that take in an addition and nothing else, as where a residual or another gradient of the same value is added. */
bool clmix_absorb_addition(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next);
/* The other term of the addition that a node has taken in; CLMIX_NONE where it has none. */
int32_t clmix_other_term(const struct clmix_planner *planner, const struct clmix_node *node);

#endif
