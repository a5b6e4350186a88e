/* Shared by the ops that go over elements or rows: how such a launch is cut into groups, and the checks and gradients that they have in
 * common. */
#ifndef CLMIX_OPS_ELEMENTWISE_H
#define CLMIX_OPS_ELEMENTWISE_H

#include "graph/op.h"

/* ---- launches ------------------------------------------------------------------------------------------------------------------------ */

/* Work-items in a group: 1 in the wide form, else the largest power of two up to `most` that the device takes. */
size_t clmix_group_size(const struct clmix_planner *planner, size_t most);

/* `count` units (elements, rows, pictures) in contiguous chunks, one a group. */
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

/* Defines STREAM where the result, of `count` floats, is so large that it had better be written past the caches (cl/common.h): nothing of it
 * would be found there by what reads it next. */
void clmix_record_stream(const struct clmix_planner *planner, struct clmix_record *record, size_t count);

/* ---- shapes and costs ---------------------------------------------------------------------------------------------------------------- */

/* All inputs that are there are f32; else a sentence. */
clmix_status clmix_expect_f32(const clmix_graph *graph, const struct clmix_node *node);
/* Shape rule: f32 inputs, all of the shape of input 0, which the output has too. */
clmix_status clmix_shape_like_inputs(clmix_graph *graph, struct clmix_node *node);
/* Elements of output `index` of a node. */
size_t clmix_result_count(const clmix_graph *graph, const struct clmix_node *node, int index);
/* Cost: every input read and every output written once, one FLOP an element of output 0. */
void clmix_cost_moved(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes);

/* ---- backward ------------------------------------------------------------------------------------------------------------------------ */

/* Gives input 0 the gradient `op`(dy, kept); nothing when no gradient arrived or none is wanted. */
clmix_status clmix_give_through(struct clmix_backward *backward, const struct clmix_node *node, const struct clmix_op *op,
                                const void *attributes, size_t attributes_bytes, clmix_value kept);

/* ---- small ops ----------------------------------------------------------------------------------------------------------------------- */

/* x, copied to contiguous rows if it is a view that is not. */
clmix_value clmix_dense(clmix_scope at, clmix_value x);
/* What a node of clmix_op_scale multiplies by. */
float clmix_scale_factor(const struct clmix_node *node);

#endif
