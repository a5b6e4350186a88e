/* All op descriptors, for the table and for ops whose backward pass is made of other ops. */
#ifndef CLMIX_OPS_TABLE_H
#define CLMIX_OPS_TABLE_H

#include "graph/op.h"

extern const struct clmix_op clmix_op_copy;
extern const struct clmix_op clmix_op_add;
extern const struct clmix_op clmix_op_concat;
extern const struct clmix_op clmix_op_reshape;
extern const struct clmix_op clmix_op_zeros;

#endif
