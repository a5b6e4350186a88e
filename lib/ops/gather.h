/* The gradient of a table that rows were picked from. */
#ifndef CLMIX_OPS_GATHER_H
#define CLMIX_OPS_GATHER_H

#include "graph/op.h"

/* Appends it: of dy (..., C) and the numbers of the rows, i32 (...), for a table of this shape. */
clmix_value clmix_gather_gradient(clmix_scope at, clmix_value dy, clmix_value index, clmix_shape table);

#endif
