/* Graphs: a model as a static list of ops on values that have shapes and no data.
 *
 * Building is sticky: a bad shape poisons the value it would have produced, ops on a poisoned value pass it on, and compiling a plan
 * (or clmix_graph_check) reports the first error with the op's path. No check is needed after each line.
 * Images are (batch, height, width, channels), tokens (batch, tokens, channels); the last axis is contiguous.
 * A graph knows no device; one thread builds it; after that it may be compiled for any number of devices. */
#ifndef CLMIX_GRAPH_H
#define CLMIX_GRAPH_H

#include <clmix/port.h>
#include <clmix/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Values and the ops between them. */
typedef struct clmix_graph clmix_graph;

/* A value of a graph: small, copied freely, valid as long as its graph. */
typedef struct clmix_value {
    clmix_graph *graph; /* NULL: no value, as for what may be left out */
    int32_t id;         /* its number there; below 0 where it is poisoned */
} clmix_value;

/* A place in the model's tree of names, such as "layers.2.0": weights made there carry it as a prefix. */
typedef struct clmix_scope {
    clmix_graph *graph; /* whose names */
    int32_t path;       /* number of the place */
    bool shared;        /* clmix_shared: parameters and states are those that are there */
} clmix_scope;

/* Sizes of a value's axes, channels last. */
typedef struct clmix_shape {
    int rank;                    /* how many; 0 for a scalar, -1 for what is poisoned */
    size_t size[CLMIX_MAX_RANK]; /* of each axis, in elements */
} clmix_shape;

/* A new, empty graph; NULL when the host is out of memory (every function here accepts a NULL graph and stays harmless, so the check can
 * wait for compile). */
CLMIX_API clmix_graph *clmix_graph_new(void);
/* Frees a graph; plans that were compiled of it stay. NULL is allowed. */
CLMIX_API void clmix_graph_free(clmix_graph *graph);

/* CLMIX_OK, or the first error made while building; clmix_error() then has its text. A NULL graph is HOST_MEMORY: clmix_graph_new had
 * none. */
CLMIX_API clmix_status clmix_graph_check(const clmix_graph *graph);

/* The root of a graph's names. */
CLMIX_API clmix_scope clmix_root(clmix_graph *graph);
/* A place below another: clmix_in(at, "ff%d", 3) gives "layers.2.0.ff3". A NULL `format` is an error of the graph (ARGUMENT). */
CLMIX_API clmix_scope clmix_in(clmix_scope at, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* The same place, at which and below which parameters and states are not made but are those made there before: one encoder for two inputs,
 *
 *     a = encoder(clmix_in(root, "encoder"), first);
 *     b = encoder(clmix_shared(clmix_in(root, "encoder")), second);
 *
 * a matrix that serves twice (clmix_parameter at such a place). The tensor is one in files, counts and arenas; its initialiser is the one it
 * was made with, and the gradients of all uses add up, in the graph's order. Errors of the graph (ARGUMENT): there is no tensor of the name
 * yet, or it has another shape, order of axes or kind. Since 0.2. */
CLMIX_API clmix_scope clmix_shared(clmix_scope at);

/* Ops without weights take no scope; for error texts and profiles they count to the place named last with clmix_at. A scope of no graph
 * is left alone. */
CLMIX_API void clmix_at(clmix_scope at);

/* What is fed at each run. The name is what clmix_plan_bind and clmix_plan_write use. A NULL `name`, or `size` where there are axes, is
 * an error of the graph (ARGUMENT), and so is a shape that cannot be, and a name that an input, an output or a weight has already. */
CLMIX_API clmix_value clmix_input(clmix_graph *graph, const char *name, clmix_type type, int rank, const size_t *size);

/* An input whose first axis is the batch: samples that models keep apart. Ops that do so may be launched for a part of the batch at a time
 * (CLMIX_SLICE), which is never guessed from sizes. Errors: besides those of clmix_input, an input without axes, and a batch of another
 * size than an earlier one's. */
CLMIX_API clmix_value clmix_batch_input(clmix_graph *graph, const char *name, clmix_type type, int rank, const size_t *size);

/* Names a value as a result of the graph, to be read after a run. A NULL `name` is an error of the graph (ARGUMENT), and so is a name that
 * is given already, and a value of another graph or of none. */
CLMIX_API void clmix_output(clmix_graph *graph, const char *name, clmix_value value);

/* Fills a constant, or a tensor of CLMIX_FILLED: `values` is room for all elements of `shape`, row by row, of its type, and zeros before;
 * `data` is a copy of what was given with a constant, NULL for a tensor. It gives the same values whenever it is called: for a constant once
 * for each plan, on the thread that prepares it; for a tensor where fresh weights are drawn. What is not CLMIX_OK fails that, with the
 * sentence of clmix_error_set. Since 0.2. */
typedef clmix_status (*clmix_constant_fill)(void *values, clmix_shape shape, const void *data);

/* Distributions that tensors begin with, each with the fields of clmix_initializer that it reads. fan_in and fan_out are PyTorch's, of the
 * file's shape (out, in, window...): in and out times the window's elements. */
typedef enum clmix_distribution {
    CLMIX_ZEROS,            /* all 0 */
    CLMIX_ONES,             /* all 1 */
    CLMIX_UNIFORM,          /* mean - bound .. mean + bound */
    CLMIX_NORMAL,           /* mean, std */
    CLMIX_TRUNCATED_NORMAL, /* mean, std, of which only low .. high are drawn: values, not multiples of std. Since 0.2 */
    CLMIX_XAVIER_UNIFORM,   /* -b .. b, b = gain sqrt(6 / (fan_in + fan_out)). Since 0.2 */
    CLMIX_XAVIER_NORMAL,    /* std gain sqrt(2 / (fan_in + fan_out)). Since 0.2 */
    CLMIX_KAIMING_UNIFORM,  /* -b .. b, b = sqrt(6 / ((1 + slope^2) fan)). Since 0.2 */
    CLMIX_KAIMING_NORMAL,   /* std sqrt(2 / ((1 + slope^2) fan)). Since 0.2 */
    CLMIX_ORTHOGONAL, /* gain Q, of the file's (out, everything else): rows, or columns where there are fewer, orthonormal. Since 0.2 */
    CLMIX_FILLED,     /* what `fill` says, of the file's shape: tables that belong to the model and travel in its files. Since 0.3 */
    /* Performer's projection (features, d): blocks of d orthonormal rows, the last one cut, each row as long as a normal vector of its own.
     * Since 0.3 */
    CLMIX_ORTHOGONAL_FEATURES
} clmix_distribution;

/* The fan that Kaiming's distributions keep the variance over. Since 0.2. */
typedef enum clmix_fan {
    CLMIX_FAN_IN, /* of the forward pass */
    CLMIX_FAN_OUT /* of the backward pass */
} clmix_fan;

/* How a parameter or state begins: drawn from one seed and the tensor's name, in the file's order, the same on every device and whatever
 * other tensors there are. Errors of the graph (ARGUMENT): numbers that are not finite, a negative bound, std or slope, a std of 0 or a low
 * that is not below high for CLMIX_TRUNCATED_NORMAL, fewer than two axes where there are fans or rows, no function for CLMIX_FILLED. A struct since 0.2. */
typedef struct clmix_initializer {
    clmix_distribution kind;  /* tells which of the others count */
    float mean;               /* of uniform and normal distributions */
    float std;                /* of normal distributions, before they are cut */
    float bound;              /* half-width of the uniform distribution */
    float low;                /* where the normal distribution is cut */
    float high;               /* and at its other end */
    float gain;               /* factor of Xavier's distributions and of orthogonal matrices; 0 counts as 1 */
    float slope;              /* of the leaky ReLU behind the layer, PyTorch's `a`; 0 for a ReLU */
    clmix_fan fan;            /* of Kaiming's distributions */
    clmix_constant_fill fill; /* of CLMIX_FILLED */
} clmix_initializer;

/* A trainable tensor in the shape that files have (PyTorch's); `order` (rank entries, or NULL for as it is) tells which file axis each
 * device axis is, each once. A NULL `name`, or `file_size` where there are axes, is an error of the graph (ARGUMENT), and so is a name that is
 * there already, unless `at` is clmix_shared. */
CLMIX_API clmix_value clmix_parameter(clmix_scope at, const char *name, int rank, const size_t *file_size, const int *order,
                                      clmix_initializer initializer);

/* A tensor that is part of the model, saved with it and not trained: running statistics, a random projection that is drawn once. Errors as
 * for clmix_parameter. */
CLMIX_API clmix_value clmix_state(clmix_scope at, const char *name, int rank, const size_t *size, clmix_initializer initializer);

/* Other beginnings for the tensors below `below` that were made by now, have `rank` axes in files, and whose names from there on match `pattern` (as
 * clmix_freeze has it): what a model says of layers that know nothing of it, such as the linear layers of any mixer. Returns how many match: 0 for
 * NULL. Errors of the graph (ARGUMENT): an initialiser that clmix_parameter would refuse. Since 0.3. */
CLMIX_API size_t clmix_initialize(clmix_scope below, const char *pattern, int rank, clmix_initializer initializer);

/* A value that is computed once, when a plan is prepared, and stays: tables of angles, matrices of cosines, indices. It serves wherever a
 * value of its shape does, is the same for all samples, and has no gradient. The `data_bytes` of `data` are copied (NULL where there are
 * none) and are all that `fill` may depend on. The same function, data, type and shape are the same value: a plan holds it once, in memory
 * of its own (CLMIX_CONSTANTS). Errors of the graph (ARGUMENT): NULL of `fill`, of `size` where there are axes, of `data` where there are
 * bytes; a shape or type that cannot be. Since 0.2. */
CLMIX_API clmix_value clmix_constant(clmix_graph *graph, clmix_type type, int rank, const size_t *size, clmix_constant_fill fill,
                                     const void *data, size_t data_bytes);

/* Shape of a value; rank 0 and no sizes for a scalar; rank -1 when the value is poisoned. */
CLMIX_API clmix_shape clmix_shape_of(clmix_value value);
/* Number of elements. */
CLMIX_API size_t clmix_shape_count(clmix_shape shape);
/* "8x32x32x64", "a scalar", or "nothing" for what is poisoned, into `text`, which has room for 64 bytes and is returned. A NULL `text` gives "".
 * Since 0.2. */
CLMIX_API const char *clmix_shape_text(clmix_shape shape, char *text);

/* Asks for the gradient of an input (weights that are not frozen always have theirs). To be called before clmix_backward. A poisoned
 * value is left alone. */
CLMIX_API void clmix_want_gradient(clmix_value input);

/* Weights and states whose full names match `pattern` (* for any letters, ? for one, [abc] for one of some) are constants from now on: the
 * backward pass does nothing for them, and batch normalisation takes its running statistics in training too and leaves them. To be called
 * before clmix_backward. Returns how many match: 0 for NULL of either. */
CLMIX_API size_t clmix_freeze(clmix_graph *graph, const char *pattern);

/* Appends the backward pass. `of[i]` are results, `gradient[i]` the gradients fed into them; a gradient whose graph is NULL stands for 1
 * and belongs to a scalar. After it every parameter that `of` depends on has a gradient, written to the gradient arena of the plan. A
 * NULL `of` or `gradient` is an error of the graph (ARGUMENT), and so is a value of another graph, and a second backward pass. */
CLMIX_API void clmix_backward(clmix_graph *graph, int count, const clmix_value *of, const clmix_value *gradient);

/* The gradient of an input for which clmix_want_gradient was called; after clmix_backward. A zero tensor if nothing depends on it.
 * Poisoned for a poisoned value. */
CLMIX_API clmix_value clmix_gradient_of(clmix_value input);

/* Parameters and states, in the order of the arenas. Names are borrowed from the graph. */
typedef struct clmix_tensor_info {
    const char *name;              /* in full, "layers.2.0.ff3.weight" */
    clmix_shape file_shape;        /* as in files */
    clmix_shape device_shape;      /* as on the device */
    int order[CLMIX_MAX_RANK];     /* device axis i is file axis order[i] */
    size_t offset;                 /* elements from the start of its arena */
    bool trainable;                /* a parameter; else a state */
    clmix_initializer initializer; /* how it begins */
} clmix_tensor_info;
/* How many there are. Counts of a NULL graph are 0, and it has no gradient. */
CLMIX_API size_t clmix_graph_tensor_count(const clmix_graph *graph);
/* Describes tensor `index`, from 0. Errors: ARGUMENT, there is no such tensor (a NULL graph has none), or `info` is NULL. */
CLMIX_API clmix_status clmix_graph_tensor(const clmix_graph *graph, size_t index, clmix_tensor_info *info);
/* Whether clmix_backward found a gradient for tensor `index`: a parameter that no result depends on has none, and optimizers leave it
 * alone. */
CLMIX_API bool clmix_graph_has_gradient(const clmix_graph *graph, size_t index);
/* Elements of the weight arena (which the gradient arena and each optimizer moment share) and of the state arena. */
CLMIX_API size_t clmix_graph_weight_count(const clmix_graph *graph);
CLMIX_API size_t clmix_graph_state_count(const clmix_graph *graph);

/* ---- what a graph is made of: for listings, and for timing ops one by one; nothing here is needed to run it ------------------------------ */

/* An input, as clmix_input made it. Since 0.2. */
typedef struct clmix_input_info {
    const char *name;  /* borrowed from the graph */
    clmix_type type;   /* of an element */
    clmix_shape shape; /* the batch included */
} clmix_input_info;
/* Inputs, in the order they were made; none of a NULL graph. Since 0.2. */
CLMIX_API size_t clmix_graph_input_count(const clmix_graph *graph);
/* Describes input `index`, from 0. Errors: ARGUMENT, there is no such input (a NULL graph has none), or `info` is NULL. Since 0.2. */
CLMIX_API clmix_status clmix_graph_input(const clmix_graph *graph, size_t index, clmix_input_info *info);

/* An op as it was written down; what a plan makes of it depends on the device. Since 0.2. */
typedef struct clmix_node_info {
    const char *op;          /* "linear"; borrowed from the graph, like `path` */
    const char *path;        /* where it was made, "layers.2.0.ff3" */
    bool view;               /* another name for memory that is there: it computes nothing */
    bool backward;           /* appended by clmix_backward */
    clmix_shape operands[2]; /* its first two inputs; rank -1 where there is none */
    clmix_shape result;      /* its first output */
    size_t parameters;       /* values of the weights that it reads */
    uint64_t flops, bytes;   /* the work that it must do, and what it must read and write when it runs alone */
} clmix_node_info;
/* Ops, in order; none of a NULL graph. Since 0.2. */
CLMIX_API size_t clmix_graph_node_count(const clmix_graph *graph);
/* Describes op `index`, from 0. Errors: ARGUMENT, there is no such op (a NULL graph has none), or `info` is NULL. Since 0.2. */
CLMIX_API clmix_status clmix_graph_node(const clmix_graph *graph, size_t index, clmix_node_info *info);
/* The one op as a graph of its own, which the caller frees: what it reads, weights too, are inputs "in0", "in1", ... (states are states
 * of these names), and what it makes are outputs "out0", "out1", .... NULL, with the reason in clmix_error(), where there is no such op (a NULL graph has none) or the host is out of
 * memory; any other error is the new graph's (clmix_graph_check). Since 0.2. */
CLMIX_API clmix_graph *clmix_graph_isolate(const clmix_graph *graph, size_t index);

#ifdef __cplusplus
}
#endif
#endif
