/* Sums over rows: the gradient of a bias. */
#ifndef CLMIX_OPS_COLUMN_SUM_H
#define CLMIX_OPS_COLUMN_SUM_H

#include "graph/op.h"

/* Appends launches that write out[column] = sum over rows of x[row][column], in a fixed order. `x` is a value with rows x columns
 * elements (its own pitch), `out` a dense value of `columns` elements; all f32. */
void clmix_column_sum_plan(struct clmix_planner *planner, const struct clmix_node *node, int32_t x, size_t rows, size_t columns,
                           int32_t out);

/* The op: x (..., C) -> (C). */
extern const struct clmix_op clmix_op_column_sum;
clmix_value clmix_column_sum(clmix_scope at, clmix_value x);
/* The gradient of a value of the shape `part` of which dy has several, one behind another: their sum, with as many elements as it. */
clmix_value clmix_sum_of_parts(clmix_scope at, clmix_value dy, clmix_shape part);

#endif
