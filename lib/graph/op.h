/* What an op is to the graph: one descriptor, and the functions an op's file uses to do its part.
 *
 * The graph knows an op only through struct clmix_op: shape rule, backward, launches, cost. Adding an op is one file in lib/ops/, one in
 * cl/, a row in lib/ops/table.c and cases in test/; nothing here changes. */
#ifndef CLMIX_GRAPH_OP_H
#define CLMIX_GRAPH_OP_H

#include <clmix/graph.h>
#include <clmix/plan.h>

/* ---- values ------------------------------------------------------------------------------------------------------------------------- */

enum clmix_value_kind { CLMIX_VALUE_INPUT, CLMIX_VALUE_PARAMETER, CLMIX_VALUE_STATE, CLMIX_VALUE_CONSTANT, CLMIX_VALUE_RESULT };

/* A value inside the graph. A view has the storage of `base` (never itself a view), from element `offset` on, with `pitch` elements from
 * one row (all axes but the last) to the next; a dense value has pitch == its last size. */
struct clmix_tensor {
    enum clmix_value_kind kind;
    clmix_type type;
    clmix_shape shape;
    int32_t base;
    size_t offset;
    size_t pitch;
    int32_t producer;    /* node, or -1 */
    const char *name;    /* inputs, parameters, states: full name */
    const char *output;  /* name as a result of the graph, or NULL */
    int32_t gradient;    /* after clmix_backward: value, or CLMIX_NONE */
    int32_t gradient_of; /* the parameter whose gradient this value is (it lives in the gradient arena), or CLMIX_NONE */
    bool batched;        /* an input whose first axis is the batch */
    bool frozen;         /* a parameter or state that keeps its value */
    bool wants_gradient; /* it or something before it is trainable or was asked for */
    int32_t parameter;   /* index of the parameter or state, or -1 */
};

#define CLMIX_NONE   (-1) /* no value: an optional input left out, a gradient that nothing needs */
#define CLMIX_POISON (-2) /* the result of a failed op */

/* Rows (all axes but the last, flattened) and columns (the last axis; 1 for a scalar) of a shape. */
size_t clmix_shape_rows(clmix_shape shape);
size_t clmix_shape_columns(clmix_shape shape);
bool clmix_shape_equal(clmix_shape a, clmix_shape b);
clmix_shape clmix_shape_make(int rank, const size_t *size);

/* ---- nodes -------------------------------------------------------------------------------------------------------------------------- */

struct clmix_node {
    const struct clmix_op *op;
    const char *path; /* "layers.2.0.ff3", for errors and profiles */
    int32_t scope;    /* the same as a scope's number */
    int input_count, output_count;
    int32_t *inputs, *outputs; /* value ids; inputs may be CLMIX_NONE */
    void *attributes;          /* the op's own struct, copied */
    size_t attribute_bytes;
    int32_t number; /* this node's place in the graph; dropout keys its masks by the place of the node it is or rebuilds */
};

struct clmix_backward;
struct clmix_planner;

/* How the samples of a batch lie in a value: as `count` parts one after another, each (batch, ...) with `rows[i]` rows of every sample. Most
 * values are one part; the bands of a wavelet transform are one a level. A count of 0: the value carries no batch, as weights do not. */
#define CLMIX_MOST_PARTS 8
struct clmix_parts {
    int count;
    size_t rows[CLMIX_MOST_PARTS];
};

enum clmix_op_flags {
    CLMIX_OP_VIEW = 1,     /* moves nothing: the outputs are views of input 0; no launch */
    CLMIX_OP_REBUILD = 2,  /* cheap: when only the backward pass needs the result, it is computed again there instead of being kept */
    CLMIX_OP_IN_PLACE = 4, /* output 0 may take the storage of input 0 when that is not used afterwards and is as large */
    CLMIX_OP_STRIDED = 8,  /* reads inputs whose pitch exceeds their width; other ops are given a dense copy */
    /* Writes its results with whatever pitch clmix_planner_layout gives each, so that they may be made where they are wanted: in columns of a
     * wider value. Not for ops that are CLMIX_OP_IN_PLACE. */
    CLMIX_OP_STRIDED_OUTPUT = 16,
    CLMIX_OP_MOVES_STATES = 32 /* in training plans writes the states that it reads, unless they are frozen */
};

struct clmix_op {
    const char *name;
    unsigned flags;
    unsigned dense; /* inputs, a bit each, that are dense even where the op is CLMIX_OP_STRIDED */
    unsigned same;  /* inputs, a bit each, that are the same for all samples: for `parts` that ask (clmix_parts_of_samples) */

    /* Checks inputs and attributes and declares the outputs (clmix_node_declare). On failure returns clmix_fail(CLMIX_ERROR_ARGUMENT, ...)
     * with a sentence without path and op (the graph puts both in front). */
    clmix_status (*shape)(clmix_graph *graph, struct clmix_node *node);

    /* Appends nodes that compute the inputs' gradients and hands each over with clmix_backward_give. NULL: nothing flows back. */
    clmix_status (*backward)(struct clmix_backward *backward, const struct clmix_node *node);

    /* Where there are several ways to compute the op and the device tells which one is best: asks (lib/ops/tune.h, on a queue of its own and
     * off the application's books), and keeps the answer for `launch` with clmix_planner_settle. NULL: there is one way. Launching asks
     * nothing. */
    clmix_status (*measure)(struct clmix_planner *planner, const struct clmix_node *node);

    /* Appends launches to the plan. NULL for views. */
    clmix_status (*launch)(struct clmix_planner *planner, const struct clmix_node *node);

    /* Takes in the node that consumes this one's only output (say a GELU after a linear layer): returns true when `launch` will then also
     * do the work of `next` and write its result. NULL: never. May be called again with the next consumer. */
    bool (*absorb)(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next);

    /* The mirror image: reads input `index` through `maker`, the node whose output 0 it is: returns true when `launch` will do that part of
     * the maker's work while it reads the maker's inputs. Asked once all absorptions are settled; NULL: never. Where all who read the value
     * say so it is never in memory, and the maker makes its other outputs only. */
    bool (*reads_through)(const struct clmix_planner *planner, const struct clmix_node *node, int index, const struct clmix_node *maker);

    /* Where what the op makes of one sample depends on that sample and on weights alone, so that it may be launched for a few samples at a
     * time: gives the parts of its outputs from those of its inputs (`inputs[i]`, count 0 for weights and what is left out). False where
     * this node is none of the kind; NULL: never. What counts elements of the whole batch asks clmix_planner_first_element. */
    bool (*parts)(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                  struct clmix_parts *outputs);
    /* Whether in this plan the samples of a node are not on their own although its outputs lie as `parts` says: it is launched whole. NULL: never. */
    bool (*mixes)(const struct clmix_planner *planner, const struct clmix_node *node);
    /* Turns attributes for `batch` samples into those for `samples`. NULL: they do not depend on it. */
    void (*cut)(void *attributes, size_t batch, size_t samples);
    /* Makes attributes forget other nodes and values of their graph, for a graph of this op alone. NULL: they know of none. */
    void (*detach)(void *attributes);

    /* Work the op must do, and bytes it must read and write when it runs alone, for its whole output. */
    void (*cost)(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes);
};

/* ---- building (used by the public functions of lib/ops/) --------------------------------------------------------------------------------
 */

/* Appends a node at `path_of` (clmix_here(graph) for ops without a scope) and gives its first output; CLMIX_POISON when an input is
 * poisoned or the shape rule fails. An input whose graph is NULL counts as CLMIX_NONE. Inputs with a pitch are made dense first unless the
 * op says CLMIX_OP_STRIDED. */
clmix_value clmix_node_add(clmix_scope at, const struct clmix_op *op, const void *attributes, size_t attributes_bytes,
                           const clmix_value *inputs, int input_count);
/* Poisons where one of the first `count` inputs was left out (a value of no graph): those that `op` cannot do without. */
void clmix_expect_values(clmix_scope at, const struct clmix_op *op, const clmix_value *inputs, int count);
clmix_scope clmix_here(clmix_graph *graph);                  /* the scope named last by clmix_at */
clmix_value clmix_node_output(clmix_value first, int index); /* a further output of the node that made `first` */
clmix_value clmix_no_value(void);                            /* an optional input left out */
bool clmix_is_value(clmix_value value);                      /* there is one, and it is not poisoned */
const struct clmix_op *clmix_maker_of(clmix_value value);    /* the op whose output a value is; NULL for inputs and weights */
bool clmix_is_ones(clmix_value value);                       /* a constant of ones, as the gradient 1 of a loss is */
/* Poisons: records the first error of the graph, with the path in front, and gives a poisoned value. */
clmix_value clmix_poison(clmix_scope at, clmix_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same for a pointer that a public function cannot do without. */
clmix_value clmix_poison_null(clmix_scope at, const char *function, const char *parameter);

/* Access by id; only for valid ids. Pointers stay valid until the next node or value is added. */
const struct clmix_tensor *clmix_tensor_at(const clmix_graph *graph, int32_t value);
const struct clmix_tensor *clmix_node_input(const clmix_graph *graph, const struct clmix_node *node, int index); /* NULL when left out */
const struct clmix_tensor *clmix_node_result(const clmix_graph *graph, const struct clmix_node *node, int index);
clmix_value clmix_value_of(clmix_graph *graph, int32_t id);
/* Whether a parameter or state is called `name`, and which: the index of clmix_graph_tensor(). */
bool clmix_graph_find(const clmix_graph *graph, const char *name, size_t *index);
/* Whether an op reads parameter or state `index`. */
bool clmix_graph_reads(const clmix_graph *graph, size_t index);

/* Inside a shape rule: declares the next output, dense, or as a view of input 0. */
clmix_status clmix_node_declare(clmix_graph *graph, struct clmix_node *node, clmix_type type, clmix_shape shape);
clmix_status clmix_node_declare_view(clmix_graph *graph, struct clmix_node *node, clmix_shape shape, size_t offset, size_t pitch);

/* ---- backward ----------------------------------------------------------------------------------------------------------------------- */

clmix_graph *clmix_backward_graph(struct clmix_backward *backward);
/* The gradient that reached output `index`; not a value (clmix_is_value) when none did: then it is zero. */
clmix_value clmix_backward_gradient(struct clmix_backward *backward, const struct clmix_node *node, int index);
bool clmix_backward_wants(struct clmix_backward *backward, const struct clmix_node *node, int input);
/* A forward value for use in the backward pass: kept, or rebuilt when its op is CLMIX_OP_REBUILD. */
clmix_value clmix_backward_input(struct clmix_backward *backward, const struct clmix_node *node, int input);
clmix_value clmix_backward_output(struct clmix_backward *backward, const struct clmix_node *node, int output);
/* Adds to the gradient of an input; shapes must agree. Contributions to parts (views) of a value are assembled by the graph. */
clmix_status clmix_backward_give(struct clmix_backward *backward, const struct clmix_node *node, int input, clmix_value gradient);
/* The scope for nodes added in backward of `node`: its path. */
clmix_scope clmix_backward_scope(struct clmix_backward *backward, const struct clmix_node *node);

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

const clmix_graph *clmix_planner_graph(const struct clmix_planner *planner);
const clmix_device_info *clmix_planner_device(const struct clmix_planner *planner);
clmix_device *clmix_planner_open_device(const struct clmix_planner *planner); /* to measure on; NULL when planning for a generic device */
clmix_mode clmix_planner_mode(const struct clmix_planner *planner);
bool clmix_planner_wide(const struct clmix_planner *planner); /* the kernel form in force */
/* The nodes that `node` has absorbed, in order: 0, 1, ...; NULL beyond the last. The result to write is then output 0 of the last one. */
const struct clmix_node *clmix_planner_absorbed(const struct clmix_planner *planner, const struct clmix_node *node, int index);
int32_t clmix_planner_result(const struct clmix_planner *planner,
                             const struct clmix_node *node); /* the value to write: output 0, or that of the last absorbed node */

/* Whether all who read output 0 of `node` read through it, so that its launch leaves it out. */
bool clmix_planner_is_read_through(const struct clmix_planner *planner, const struct clmix_node *node);
/* The node that input `index` of `node` is read through, or NULL: then the input is in memory. */
const struct clmix_node *clmix_planner_maker(const struct clmix_planner *planner, const struct clmix_node *node, int index);

/* What `measure` settles on for a node (of the slice at hand), copied; and what it has settled on, NULL for nothing: then the way that is
 * taken unmeasured is. */
clmix_status clmix_planner_settle(struct clmix_planner *planner, const struct clmix_node *node, const void *data, size_t bytes);
const void *clmix_planner_settled(const struct clmix_planner *planner, const struct clmix_node *node);

/* Scratch memory of `bytes` that lives during this node only: a value id for clmix_record_value. */
int32_t clmix_planner_scratch(struct clmix_planner *planner, const struct clmix_node *node, size_t bytes);

/* A launch under construction. Errors are sticky and reported by clmix_plan_compile. Options are -D definitions; the same (file, options)
 * is one program. */
struct clmix_record;
struct clmix_record *clmix_record_kernel(struct clmix_planner *planner, const struct clmix_node *node, const char *file,
                                         const char *kernel);
void clmix_record_define(struct clmix_record *record, const char *name, long value); /* -Dname=value */
void clmix_record_value(struct clmix_record *record,
                        int32_t value); /* two arguments: __global pointer, uint offset in elements of the value's type; CLMIX_NONE: a
                                           null-like pointer to some valid memory, 0 */
void clmix_record_uint(struct clmix_record *record, size_t value); /* must fit 32 bits */
void clmix_record_int(struct clmix_record *record, long value);
void clmix_record_float(struct clmix_record *record, float value);
void clmix_record_grid(struct clmix_record *record, size_t groups_x, size_t groups_y, size_t groups_z,
                       size_t work_group);                                /* groups along each axis; work_group work-items along x */
void clmix_record_group(struct clmix_record *record, size_t x, size_t y); /* after that: x by y work-items a group */
/* Work of this launch where a node has several; by default the first launch carries the node's. */
void clmix_record_flops(struct clmix_record *record, uint64_t flops);
/* Bytes that this launch reads and writes where it touches only parts of its values; by default all of each value it was given, once. */
void clmix_record_bytes(struct clmix_record *record, uint64_t bytes);
/* Instead of a kernel: a call that enqueues work on the device's queue (CLBlast). Values become (cl_mem, offset in elements) pairs in
 * `memory` and `offset`, in the order given by clmix_record_value; `data` is copied. */
typedef clmix_status (*clmix_library_call)(clmix_device *device, const cl_mem *memory, const size_t *offset, const void *data,
                                           cl_event *event);
struct clmix_record *clmix_record_library(struct clmix_planner *planner, const struct clmix_node *node, const char *name,
                                          clmix_library_call call, const void *data, size_t data_bytes);

/* How a value lies in memory: rows of `columns` elements of `type`, `pitch` elements from one to the next (a single row, which has none
 * behind it: its width). It is the planner's decision: launches ask for it and assume nothing. A result has the pitch of its width but
 * where its op is CLMIX_OP_STRIDED_OUTPUT, and so has an input but where its reader is CLMIX_OP_STRIDED. */
struct clmix_layout {
    clmix_type type;
    size_t rows, columns, pitch;
};
struct clmix_layout clmix_planner_layout(const struct clmix_planner *planner, int32_t value);

/* True when input `index` already lies where the result wants it, so that nothing need be copied: a part of a concatenation that was
 * produced in place, or input 0 of a CLMIX_OP_IN_PLACE op whose output took its storage. */
bool clmix_planner_in_place(const struct clmix_planner *planner, const struct clmix_node *node, int index);

/* How the samples lie in `value`; a count of 0: it carries no batch, or ops before it could not tell. */
struct clmix_parts clmix_planner_parts(const struct clmix_planner *planner, int32_t value);
/* Elements of `value` in the samples before those being launched: 0 unless the batch is launched in slices. */
size_t clmix_planner_first_element(const struct clmix_planner *planner, int32_t value);

/* Rules for `parts`. By row: every row of the outputs comes from the same row of the inputs. By sample: every sample of the outputs comes from
 * the same sample of the inputs, which are one part each. */
bool clmix_parts_by_row(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                        struct clmix_parts *outputs);
bool clmix_parts_by_sample(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                           struct clmix_parts *outputs);
bool clmix_parts_equal(const struct clmix_parts *a, const struct clmix_parts *b);
size_t clmix_planner_batch(const struct clmix_planner *planner); /* samples of the whole batch */
/* For `cut`: the first axis of a shape from `batch` samples to `samples`. */
void clmix_shape_cut(clmix_shape *shape, size_t batch, size_t samples);

/* Words in device memory for ops that draw random numbers, a value of type CLMIX_I32, shape (6): seed low, seed high, step low, step high, and of the
 * batch that the plan's samples are a share of the number of the first one and the size (clmix_plan_set_place). An op that cannot tell where its
 * samples lie says so: such a plan has all of the batch. */
int32_t clmix_planner_random(struct clmix_planner *planner);
void clmix_planner_not_placed(struct clmix_planner *planner);

/* ---- what the graph needs of the ops --------------------------------------------------------------------------------------------------
 */

struct clmix_concat_attributes {
    int axis; /* from 0 */
};
struct clmix_slice_attributes {
    int axis;
    size_t begin, length;
};
struct clmix_reshape_attributes {
    clmix_shape shape;
};
struct clmix_fill_attributes {
    clmix_shape shape; /* f32 */
};

/* The few ops that the graph itself appends when it assembles gradients. The graph states what it needs; lib/ops/graph_ops.c fills it in and makes graphs
 * that know them (clmix_graph_new). */
struct clmix_graph_ops {
    const struct clmix_op *copy;    /* x -> dense x */
    const struct clmix_op *add;     /* a, b -> a + b */
    const struct clmix_op *concat;  /* clmix_concat_attributes */
    const struct clmix_op *reshape; /* clmix_reshape_attributes, a view */
    const struct clmix_op *zeros;   /* no inputs; clmix_fill_attributes */
    const struct clmix_op *ones;    /* likewise */
};
/* What is underneath clmix_graph_new: an empty graph, NULL when out of memory. `ops` must outlive it. */
clmix_graph *clmix_graph_create(const struct clmix_graph_ops *ops);
/* And underneath clmix_plan_compile, for measuring too: compiles for the form of kernels that is in force. */
clmix_status clmix_plan_make(clmix_plan **plan, const clmix_graph *graph, clmix_device *device, clmix_mode mode);

#endif
