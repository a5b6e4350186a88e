/* A model's graph from the arrays of a batch to its outputs: an input for each port, what stands between that and the model, the model. Built
 * here for all who run a model: inference, training, evaluation, reference cases, measurements. */
#ifndef CLMIX_NETWORK_FRONT_H
#define CLMIX_NETWORK_FRONT_H

#include "base/lengths.h"
#include "models/model.h"
#include <clmix/network.h>

/* What a plan is for: so many samples, of so many tokens each. A length of 0: samples have none, or as many as the configuration says. */
struct clmix_extent {
    size_t batch, length;
};
static inline bool clmix_extents_equal(struct clmix_extent a, struct clmix_extent b)
{
    return a.batch == b.batch && a.length == b.length;
}

struct clmix_front {
    struct clmix_extent extent;
    const float *mean,
        *std; /* of u8 pictures, an entry a channel, for clmix_normalize. NULL: ports of bytes are inputs of floats, and nothing
                                stands in front of the model */

    /* Filled in by clmix_front_inputs: one a port, called as it is. */
    clmix_value inputs[CLMIX_MOST_PORTS];
    /* For clmix_front_model, of a model that answers with tokens: those whose logits are wanted, i32 (B, P). None: all. */
    clmix_value places;
};

/* An input called as the port is, whose first axis is the batch. */
clmix_value clmix_front_input(clmix_graph *graph, const clmix_port *port, clmix_type type, size_t batch);

/* Appends the inputs; behind them the model, and gives what clmix_model gives; both. */
void clmix_front_inputs(struct clmix_front *front, clmix_graph *graph, const clmix_config *config);
clmix_value clmix_front_model(const struct clmix_front *front, clmix_graph *graph, const clmix_config *config);
clmix_value clmix_front_build(struct clmix_front *front, clmix_graph *graph, const clmix_config *config);

/* The port of the tokens that are asked about, of a model that answers with tokens: "places" i32 (clmix_most_labelled), -1 for none. False: of others. */
bool clmix_front_places_port(const clmix_config *config, size_t length, clmix_port *port);
/* Between inputs and model: an input for that port, so that the model answers for these tokens alone. Nothing for other models. */
void clmix_front_ask_places(struct clmix_front *front, clmix_graph *graph, const clmix_config *config);

/* A graph of the model alone, on inputs of floats, for its layers and tensors; its output is called "output". The caller frees it. */
clmix_graph *clmix_front_outline(const clmix_config *config, struct clmix_extent extent);

#endif
