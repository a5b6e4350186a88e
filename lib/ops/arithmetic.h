/* What a product asks of the scale that it takes in. */
#ifndef CLMIX_OPS_ARITHMETIC_H
#define CLMIX_OPS_ARITHMETIC_H

#include "graph/op.h"

/* What a node of clmix_op_scale multiplies by. */
float clmix_scale_factor(const struct clmix_node *node);

#endif
