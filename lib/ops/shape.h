/* Copies between strided layouts, for the ops that move elements. */
#ifndef CLMIX_OPS_SHAPE_H
#define CLMIX_OPS_SHAPE_H

#include "graph/op.h"

/* Where a matrix of outer x inner runs of contiguous elements lies: its first element and the distances between runs. */
struct clmix_run_places {
    size_t first, outer, inner;
};
struct clmix_runs {
    size_t outer, inner, columns;
    struct clmix_run_places from, to;
};

/* Elements begin .. begin + length - 1 along `axis` of a tensor with rows at `whole_pitch`, as runs: `whole` is their layout there,
 * `part` that of a tensor of their own with `part_pitch`. */
void clmix_part_runs(clmix_shape shape, size_t whole_pitch, int axis, size_t begin, size_t length, size_t part_pitch,
                     struct clmix_runs *runs, struct clmix_run_places *whole, struct clmix_run_places *part);

/* Appends one launch that copies 4-byte elements between two values. */
void clmix_record_copy(struct clmix_planner *planner, const struct clmix_node *node, struct clmix_runs runs, int32_t from, int32_t to);

/* Axis `axis` of a value, counted from the end if negative; -1 when there is no such axis. */
int clmix_axis_of(clmix_value x, int axis);

#endif
