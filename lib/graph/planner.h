/* The planner: what passes know of a plan while they make it, one after another, and what may be asked of it. For lib/graph/ only; ops ask
 * through graph/op.h. */
#ifndef CLMIX_GRAPH_PLANNER_H
#define CLMIX_GRAPH_PLANNER_H

#include "graph/plan.h"

/* Steps first..last, launched in slices of `samples` of the batch (the last slice may have fewer). */
struct clmix_chain {
    int32_t first, last;
    size_t samples;
};

/* Scratch of a node, which each slice uses again. */
struct clmix_sliced_scratch {
    int32_t storage, next; /* place in `scratch` of another piece of the same node's, or CLMIX_NONE */
    int number;            /* of the node's pieces of scratch */
};

/* Slices of the batch. A value is inner to a chain when nothing outside needs it: its storage has room for the samples of a slice, and its
 * offsets are those of a batch of that size. Every other value is whole, and a slice has its place in it. */
struct clmix_slices {
    const clmix_graph *graph; /* the whole one; that of the planner is the slice's while its launches are made */
    size_t batch;
    struct clmix_parts *parts; /* for each tensor */
    bool *by_sample;           /* for each node: it works sample by sample */
    int32_t *chain;            /* for each step: the chain it is in, or -1 */
    int32_t *inner;            /* for each tensor that is no view: the chain it is inner to, or -1 */
    struct clmix_chain *chains;
    size_t chain_count, chain_capacity;
    struct clmix_sliced_scratch *scratch;
    size_t scratch_count, scratch_capacity;
    int32_t *node_scratch; /* for each node: place in `scratch` of a piece of its own, or CLMIX_NONE */
    /* The slice whose launches are being made. */
    int number;            /* from 1; 0: none */
    size_t first, samples; /* of the batch */
    int32_t *places;       /* for each tensor: its place in this slice, or CLMIX_NONE */
    int scratches;         /* pieces that the node being launched has asked for */
    int32_t *nodes;        /* of its chain, in order */
    size_t node_count, node_capacity;
    clmix_graph *cut; /* the slice's graph: the whole one, but for the nodes of the chain and the values that these touch */
    int32_t *cut_tensors;
    size_t cut_count, cut_capacity;
};

/* What an op has settled on for a node, in slices of so many samples (0: the whole batch). */
struct clmix_choice {
    size_t samples;
    int32_t next; /* another one of the same node, or CLMIX_NONE */
    void *data;
};

/* The state that passes share. */
struct clmix_planner {
    const clmix_graph *graph;
    clmix_device *device;
    clmix_mode mode;
    struct clmix_plan *plan;
    bool *live;            /* for each node */
    int32_t *absorber;     /* for each node: the node that does its work; itself if not absorbed */
    bool *read_through;    /* for each node: its output 0 is never in memory, those who read it form it again from its inputs */
    int32_t *position;     /* for each node: its step, that of its absorber if absorbed */
    int32_t *absorbed;     /* for each node: the next one that the same node absorbs, after itself or after the absorber; -1: none */
    int32_t *reader_begin; /* for each tensor: where the live nodes that read it begin in `readers`, in order; and where the last ends */
    int32_t *readers;
    int32_t *step_begin; /* for each step: where its live nodes that are no views begin in `step_nodes`, in order; and the end */
    int32_t *step_nodes;
    int32_t *host;         /* for each tensor: the tensor whose storage it lies in */
    size_t *host_offset;   /* elements */
    size_t *host_pitch;    /* for each tensor that lies in columns of its host: elements from one of its rows to the next; else 0 */
    int32_t *first, *last; /* for each host */
    struct clmix_slices slices;
    struct clmix_choice *choices;
    size_t choice_count, choice_capacity;
    int32_t *choice; /* for each node: one of its choices, or CLMIX_NONE */
    clmix_status status;
    char error[1024];
};

/* ---- what passes may ask, besides what ops may (planner.c) --------------------------------------------------------------------------- */

bool clmix_planner_start(struct clmix_planner *planner); /* false when out of memory */
void clmix_planner_clear(struct clmix_planner *planner);
/* The sentence stored last becomes the error that compiling reports, unless there is one. */
void clmix_planner_keep_error(struct clmix_planner *planner, clmix_status status);

bool clmix_planner_is_asked_for(const struct clmix_planner *planner, int32_t value); /* a result of the graph, or a weight's gradient */
bool clmix_planner_has_work(const struct clmix_planner *planner, size_t node);       /* needed and no view: part of a step */
bool clmix_planner_leads(const struct clmix_planner *planner, size_t node);          /* and the one whose launches do the step's work */

/* The type that a value's elements have in memory; launches learn it from its layout. */
clmix_type clmix_planner_type(const struct clmix_planner *planner, int32_t value);
/* The value in whose storage a value that is no view lies, and how many elements from its start. */
int32_t clmix_planner_host(const struct clmix_planner *planner, int32_t tensor, size_t *offset);
/* Elements from the start of a value's storage to the value: of the whole batch, or of the samples of a slice where it is inner; and from an
 * inner value to a view of it, in a batch of `samples`. */
size_t clmix_slices_offset(const struct clmix_planner *planner, int32_t tensor);
size_t clmix_slices_view_offset(const struct clmix_planner *planner, int32_t view, size_t samples);
/* Of `size` elements of a value of the whole batch those that lie in memory: all, or where the value is inner those of a slice. And the
 * shape that a value then has. */
size_t clmix_slices_size(const struct clmix_planner *planner, int32_t base, size_t size);
clmix_shape clmix_slices_shape(const struct clmix_planner *planner, int32_t tensor);
/* The place that stands for a value in the slice being launched; the value itself otherwise. */
int32_t clmix_slices_place(const struct clmix_planner *planner, int32_t value);
/* The chain that step begins or is in, or NULL. */
const struct clmix_chain *clmix_slices_at(const struct clmix_planner *planner, int32_t step);

/* ---- passes, in their order (compile.c) ---------------------------------------------------------------------------------------------- */

clmix_status clmix_plan_find_needed(struct clmix_planner *planner);   /* needed.c: live nodes, readers of values */
void clmix_plan_fuse(struct clmix_planner *planner);                  /* fusion.c: absorption, reading through */
clmix_status clmix_plan_number_steps(struct clmix_planner *planner);  /* steps.c: what is launched, in order */
clmix_status clmix_plan_part_values(struct clmix_planner *planner);   /* parts.c: how values carry the batch */
clmix_status clmix_plan_find_chains(struct clmix_planner *planner);   /* chain.c: which steps are launched in slices of the batch */
clmix_status clmix_plan_place_values(struct clmix_planner *planner);  /* liveness.c: hosts and lifetimes */
clmix_status clmix_plan_add_random(struct clmix_planner *planner);    /* scratch.c: the place of seed and step */
clmix_status clmix_plan_measure(struct clmix_planner *planner);       /* measure.c: which way to compute a step, where there are several */
clmix_status clmix_plan_make_launches(struct clmix_planner *planner); /* launches.c: launch records */
clmix_status clmix_plan_add_constants(struct clmix_planner *planner); /* tables.c: constants that are read, in their arena */
clmix_status clmix_plan_lay_out(struct clmix_planner *planner);       /* layout.c: storages and slabs */
clmix_status clmix_plan_add_costs(struct clmix_planner *planner);     /* cost.c: of the plan and of each launch */

/* ---- used by a pass ------------------------------------------------------------------------------------------------------------------ */

/* cost.c: the work of a step's node, with what it has absorbed. */
uint64_t clmix_plan_step_flops(const struct clmix_planner *planner, const struct clmix_node *node);

/* slice.c: calls `visit` for the node that leads each step; in a chain with the planner's graph that of a slice. All slices, with places for
 * their values, or one of each size. */
enum clmix_visit { CLMIX_VISIT_SLICES, CLMIX_VISIT_SIZES };
typedef clmix_status (*clmix_visitor)(struct clmix_planner *planner, const struct clmix_node *node);
clmix_status clmix_plan_visit_steps(struct clmix_planner *planner, enum clmix_visit kind, clmix_visitor visit);

#endif
