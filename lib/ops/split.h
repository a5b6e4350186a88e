/* Parting of the last axis into dense values; parts are outputs 0, 1, ... of the node (clmix_node_output). */
#ifndef CLMIX_OPS_SPLIT_H
#define CLMIX_OPS_SPLIT_H

#include "graph/op.h"

#define CLMIX_SPLIT_PARTS      8
#define CLMIX_SPLIT_LINE_BYTES 64 /* slices at least so wide are better read in place */

struct clmix_split_attributes {
    int count;                       /* 2 .. CLMIX_SPLIT_PARTS */
    size_t width[CLMIX_SPLIT_PARTS]; /* columns; they add up to the last axis */
};

/* The first part; it has no backward pass (it serves backward passes). */
clmix_value clmix_split(clmix_scope at, clmix_value x, const struct clmix_split_attributes *attributes);

#endif
