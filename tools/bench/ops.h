/* The ops that clmix-bench times, each as a graph of its own. */
#ifndef CLMIX_TOOLS_BENCH_OPS_H
#define CLMIX_TOOLS_BENCH_OPS_H

#include "bench/bench.h"

struct bench_op {
    char *name, *size;
    const char *pass; /* "forward", "backward": gradients of the inputs, with what of the forward pass they need; "gradient": one of the ops
                         that a backward pass is made of */
    clmix_graph *graph;
};

struct bench_op_list {
    struct bench_op *ops;
    size_t count, capacity;
};

/* Every op that training steps of the usual models consist of, at the request's batch, each size once; and a fixed list at sizes of the Vision
 * X-formers and, unless quick, at 256 MB, beyond all caches. To be freed on failure, too. */
clmix_status bench_op_list_make(struct bench_op_list *list, const struct bench_request *request);
/* Adds every op of a graph, each size once; but views, which launch nothing. */
clmix_status bench_op_list_add(struct bench_op_list *list, const clmix_graph *model);
void bench_op_list_free(struct bench_op_list *list);

#endif
