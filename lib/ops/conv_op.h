/* What the ops of convolutions and of transposed convolutions have in common: attributes, parameters, gradients and cost. */
#ifndef CLMIX_OPS_CONV_OP_H
#define CLMIX_OPS_CONV_OP_H

#include "ops/conv_sum.h"

#include <clmix/ops.h>

enum { CLMIX_CONV_X, CLMIX_CONV_WEIGHT, CLMIX_CONV_BIAS }; /* inputs of either */

/* `x` and `weight` are shapes on the device: what the gradients' ops need to know besides their inputs. */
struct clmix_conv_attributes {
    clmix_window window;
    clmix_shape x, weight;
};

/* Adds `op` to the graph, with attributes of which only the weight's shape is missing. Shapes are checked already; `bias` may be left out. */
clmix_value clmix_conv_add(clmix_scope at, const struct clmix_op *op, struct clmix_conv_attributes attributes, clmix_value x,
                           clmix_value weight, clmix_value bias);
/* Whether weights given as values are float32 and the weight has the shape `wanted` (the last axis: the result's channels); else a sentence.
 */
clmix_status clmix_conv_check_weights(clmix_value weight, clmix_value bias, clmix_shape wanted);

/* The parameters of a layer: a weight that has `size` (one side's channels, the other's, kernel) in a file and is permuted by `order` on the
 * device, and a bias of `channels`. */
struct clmix_conv_layer {
    clmix_value weight, bias; /* bias: no value where there is none */
};
struct clmix_conv_layer clmix_conv_make(clmix_scope at, const size_t size[4], const int order[4], size_t channels, bool bias);

/* A value of four axes as a map. */
struct clmix_conv_pixels clmix_conv_pixels_of(const struct clmix_planner *planner, int32_t value);

/* The same for an op and its gradients: each element of x and of the output once, and one multiply-add a tap. */
void clmix_conv_cost(const clmix_graph *graph, const struct clmix_node *node, const struct clmix_conv_map *map, clmix_shape output,
                     uint64_t *flops, uint64_t *bytes);

/* The backward pass, by `grad_input` (inputs: the output's gradient, weight) and `grad_weight` (inputs: x, the output's gradient), which
 * have the attributes of `node`; and these ops' shapes. */
clmix_status clmix_conv_backward(struct clmix_backward *backward, const struct clmix_node *node, const struct clmix_op *grad_input,
                                 const struct clmix_op *grad_weight);
/* For `parts` of all but the weight gradients: sample by sample, of a weight that is the same for all. */
bool clmix_conv_parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                      struct clmix_parts *outputs);
/* For `cut` of the same. */
void clmix_conv_cut(void *attributes, size_t batch, size_t samples);
clmix_status clmix_conv_grad_input_shape(clmix_graph *graph, struct clmix_node *node);
clmix_status clmix_conv_grad_weight_shape(clmix_graph *graph, struct clmix_node *node);

#endif
