/* The graph's own structs, for lib/graph/ only; ops use graph/op.h. */
#ifndef CLMIX_GRAPH_GRAPH_H
#define CLMIX_GRAPH_GRAPH_H

#include "base/names.h"
#include "graph/modules.h"
#include "graph/op.h"

struct clmix_parameter {
    clmix_tensor_info info;
    int32_t value;
};

/* What fills a constant, and the value that it is. */
struct clmix_constant {
    clmix_constant_fill fill;
    clmix_type type;
    clmix_shape shape;
    void *data;
    size_t data_bytes;
    int32_t value;
};

/* Nodes and tensors are allocated one by one, so that pointers to them stay valid while a graph grows. */
struct clmix_graph {
    const struct clmix_graph_ops *ops;
    struct clmix_tensor **tensors;
    size_t tensor_count, tensor_capacity;
    struct clmix_node **nodes;
    size_t node_count, node_capacity;
    struct clmix_parameter *parameters;
    size_t parameter_count, parameter_capacity;
    struct clmix_constant *constants;
    size_t constant_count, constant_capacity;
    clmix_names constant_names;  /* numbers of the constants, by a hash of what they are made by */
    clmix_names parameter_names; /* numbers of the parameters */
    clmix_names port_names;      /* values of the inputs and outputs */
    char **strings;              /* every name and path, owned */
    size_t string_count, string_capacity;
    int32_t here; /* path named last by clmix_at */
    size_t weight_count, state_count;
    size_t batch;                     /* first axis of the inputs that carry it; 0: none does */
    size_t forward_count;             /* nodes before clmix_backward; 0: there is no backward pass */
    struct clmix_module_count beyond; /* what no op shows of the authors' modules */
    clmix_status status;              /* the first error */
    char error[1024];
};

/* Tensors of the arenas begin at multiples of so many elements. */
#define CLMIX_ARENA_ALIGNMENT 16

/* Owned by the graph; NULL (and a poisoned graph) when out of memory. */
const char *clmix_graph_string(clmix_graph *graph, const char *text);
/* Appends a tensor of one's own storage; CLMIX_POISON when out of memory. */
int32_t clmix_graph_add_tensor(clmix_graph *graph, enum clmix_value_kind kind, clmix_type type, clmix_shape shape, int32_t producer);
/* Whether a value can have this shape; else a sentence. A product of sizes that does not fit 32 bits could not be addressed by the kernels'
 * offsets. */
clmix_status clmix_graph_check_shape(clmix_shape shape);
/* Whether an input, a result or a weight is called so: they are told apart by name alone. */
bool clmix_graph_has_name(const clmix_graph *graph, const char *name);
/* The scope that a node was made in. */
clmix_scope clmix_node_scope(clmix_graph *graph, const struct clmix_node *node);
/* A copy of an op's attributes, to be freed; NULL when out of memory. */
void *clmix_attributes_copy(const void *attributes, size_t bytes);
/* Appends a clone of a node (same op, attributes and place) on other inputs. */
clmix_value clmix_node_again(clmix_graph *graph, const struct clmix_node *node, const clmix_value *inputs);
/* Whether an op reads input `index` with whatever pitch it has. */
bool clmix_op_takes_strided(const struct clmix_op *op, int index);
const char *clmix_path_text(const clmix_graph *graph, int32_t path);

#endif
