/* The papers' counting rule, which is that of the torchsummary tool: at each call of a module its weights ("weight", "bias") are counted, and
 * the values of its output. The graph shows the modules that own a weight: an op reads it. Of the others only the model knows. */
#ifndef CLMIX_GRAPH_MODULES_H
#define CLMIX_GRAPH_MODULES_H

#include <clmix/graph.h>

/* `x`, which is the output of one more module in the authors' code: an activation, a dropout (of any rate), a pooling, a rearrangement, a
 * module around others. Returns it. */
clmix_value clmix_module(clmix_value x);

/* One more module beside `x` that puts out `values` values, which the graph never makes: attention's softmax. Returns `x`. */
clmix_value clmix_module_values(clmix_value x, size_t values);

/* In the authors' code the modules below `at`, whose weights were the last to be made, are called `calls` times for what the graph computes at
 * once. */
void clmix_module_calls(clmix_scope at, size_t calls);

struct clmix_module_count {
    uint64_t parameters, outputs; /* values */
};
/* By the rule, for a graph without a backward pass. */
struct clmix_module_count clmix_graph_modules(const clmix_graph *graph);

#endif
