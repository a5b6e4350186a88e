/* Launches over elements or rows: the units are cut into chunks, one a group; what ops of both kinds share. */
#ifndef CLMIX_OPS_ROW_LAUNCH_H
#define CLMIX_OPS_ROW_LAUNCH_H

#include "graph/op.h"

/* Work-items in a group: 1 in the wide form, else the largest power of two up to `most` that the device takes. */
size_t clmix_group_size(const struct clmix_planner *planner, size_t most);

/* `count` units (elements, rows, samples) in contiguous chunks, one a group. */
struct clmix_chunks {
    size_t groups, chunk;
};
/* Chunks are multiples of `multiple` units and hold no fewer than `least` of them. The wide form gets at most some 64 groups (few a
 * core), the simt form as many as give each work-item of a group of `group` a few units. */
struct clmix_chunks clmix_chunks_of(const struct clmix_planner *planner, size_t count, size_t multiple, size_t least, size_t group);

/* A launch over `count` elements with WG defined and the grid set. The kernel's first arguments, (const uint count, const uint chunk),
 * are passed; the caller adds the rest. Chunks are multiples of `multiple`. */
struct clmix_record *clmix_record_elements(struct clmix_planner *planner, const struct clmix_node *node, const char *file,
                                           const char *kernel, size_t count, size_t multiple);

/* The same over the rows of a matrix; first arguments (const uint rows, const uint chunk, const uint columns). In the simt form a group
 * takes a row at a time (`together`) or its work-items spread over several rows. */
struct clmix_record *clmix_record_rows(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel,
                                       size_t rows, size_t columns, bool together);

/* The same for whole rows a group, by the kernel `few` where there are so few columns that a block of rows is taken at a time (cl/few.h).
 * FEW is defined. */
struct clmix_record *clmix_record_few(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel,
                                      const char *few, size_t rows, size_t columns);
/* How that launch is cut. */
struct clmix_chunks clmix_chunks_of_few(const struct clmix_planner *planner, size_t rows, size_t columns);

/* A value whose rows may lie apart: pointer, offset, and its pitch; of CLMIX_NONE a pitch of 0. */
void clmix_record_pitched(struct clmix_planner *planner, struct clmix_record *record, int32_t value);

/* Defines STREAM where the result, of `count` floats, is so large that it had better be written past the caches (cl/common.h): nothing of it
 * would be found there by what reads it next. */
void clmix_record_stream(const struct clmix_planner *planner, struct clmix_record *record, size_t count);

#endif
