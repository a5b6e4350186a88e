/* Rules that many ops share, for their descriptors: of shapes, of costs, of what flows back. */
#ifndef CLMIX_OPS_RULES_H
#define CLMIX_OPS_RULES_H

#include "graph/op.h"

/* ---- shapes and costs ---------------------------------------------------------------------------------------------------------------- */

/* All inputs that are there are f32; else a sentence. */
clmix_status clmix_expect_f32(const clmix_graph *graph, const struct clmix_node *node);
/* Shape rule: f32 inputs, all of the shape of input 0, which the output has too. */
clmix_status clmix_shape_like_inputs(clmix_graph *graph, struct clmix_node *node);
/* Elements of output `index` of a node. */
size_t clmix_result_count(const clmix_graph *graph, const struct clmix_node *node, int index);
/* Cost: every input read and every output written once, one FLOP an element of output 0. */
void clmix_cost_moved(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes);

/* `parts` of an op whose inputs carry the batch, masks too, but for those that it says are the `same` for all samples. */
bool clmix_parts_of_samples(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                            struct clmix_parts *outputs);

/* ---- backward ------------------------------------------------------------------------------------------------------------------------ */

/* Gives input 0 the gradient `op`(dy, kept); nothing when no gradient arrived or none is wanted. */
clmix_status clmix_give_through(struct clmix_backward *backward, const struct clmix_node *node, const struct clmix_op *op,
                                const void *attributes, size_t attributes_bytes, clmix_value kept);

#endif
