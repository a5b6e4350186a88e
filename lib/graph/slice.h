/* Slices of the batch: runs of ops that work image by image, launched for a few images at a time so that what lies between them stays in
 * a cache and needs memory for those images only. For lib/graph/ only; ops see a planner whose values are smaller. */
#ifndef CLMIX_GRAPH_SLICE_H
#define CLMIX_GRAPH_SLICE_H

#include "graph/graph.h"

struct clmix_planner;

/* Steps first..last, launched in slices of `images` of the batch (the last slice may have fewer). */
struct clmix_chain {
    int32_t first, last;
    size_t images;
};

/* Scratch of a node, which each slice uses again. */
struct clmix_sliced_scratch {
    int32_t storage, next; /* place in `scratch` of another piece of the same node's, or CLMIX_NONE */
    int number;            /* of the node's pieces of scratch */
};

/* Part of a planner. A value is inner to a chain when nothing outside needs it: its storage has room for the images of a slice, and its
 * offsets are those of a batch of that size. Every other value is whole, and a slice has its place in it. */
struct clmix_slices {
    const clmix_graph *graph; /* the whole one; that of the planner is the slice's while its launches are made */
    size_t batch;
    struct clmix_parts *parts; /* for each tensor */
    int32_t *chain;            /* for each step: the chain it is in, or -1 */
    int32_t *inner;            /* for each tensor that is no view: the chain it is inner to, or -1 */
    struct clmix_chain *chains;
    size_t chain_count, chain_capacity;
    struct clmix_sliced_scratch *scratch;
    size_t scratch_count, scratch_capacity;
    int32_t *node_scratch; /* for each node: place in `scratch` of a piece of its own, or CLMIX_NONE */
    /* The slice whose launches are being made. */
    int number;           /* from 1; 0: none */
    size_t first, images; /* of the batch */
    int32_t *places;      /* for each tensor: its place in this slice, or CLMIX_NONE */
    int scratches;        /* pieces that the node being launched has asked for */
    int32_t *nodes;       /* of its chain, in order */
    size_t node_count, node_capacity;
    clmix_graph *cut; /* the slice's graph: the whole one, but for the nodes of the chain and the values that these touch */
    int32_t *cut_tensors;
    size_t cut_count, cut_capacity;
};

/* parts.c: parts of all values, and for each node whether it works image by image. */
void clmix_plan_part_values(struct clmix_planner *planner, bool *by_image);

/* chain.c: finds the chains and decides which are launched in slices. Before values are placed. */
clmix_status clmix_slices_find(struct clmix_planner *planner);
void clmix_slices_free(struct clmix_planner *planner);
/* The chain that step begins, or NULL. */
const struct clmix_chain *clmix_slices_at(const struct clmix_planner *planner, int32_t step);

/* slice.c */
clmix_status clmix_slices_launch(struct clmix_planner *planner, const struct clmix_chain *chain); /* launches of all slices */
/* Elements from the start of a value's storage to the value: of the whole batch, or of the images of a slice where it is inner. */
size_t clmix_slices_offset(const struct clmix_planner *planner, int32_t tensor);
/* Of `size` elements of a value of the whole batch those that lie in memory: all, or where the value is inner those of a slice. And the
 * shape that a value then has. */
size_t clmix_slices_size(const struct clmix_planner *planner, int32_t base, size_t size);
clmix_shape clmix_slices_shape(const struct clmix_planner *planner, int32_t tensor);
/* The place that stands for a value in the slice being launched; the value itself otherwise. */
int32_t clmix_slices_place(const struct clmix_planner *planner, int32_t value);

#endif
