/* A replica: one device's part in a training run. Device and network, plans, gradients, the optimizer's state, and the arenas of sums, copies and
 * averages. The run (trainer.h) is above replicas and tells each which samples of a batch are its own. */
#ifndef CLMIX_TRAIN_REPLICA_H
#define CLMIX_TRAIN_REPLICA_H

#include "train/optimizer.h"
#include "train/recipe.h"

struct clmix_replica {
    clmix_network *network;     /* the caller's, or its own; NULL when only planning */
    clmix_network *own_network; /* NULL: it has none */
    clmix_device *device;
    const struct clmix_recipe *recipe;  /* the run's */
    const clmix_train_options *options; /* the run's */
    struct clmix_arena_map map;
    struct clmix_optimizer *optimizer;

    /* The first is for the largest batch and owns the activation memory that the others use too. */
    struct clmix_sized_plan *plans;
    size_t plan_count, plan_capacity;
    struct clmix_scoring scoring; /* of the test samples; none without them */

    cl_mem gradients;
    cl_mem sums;        /* of gradients; with accumulation, of a replica that is alone */
    cl_mem kept_states; /* states before the step, should it fail; NULL where the model has none */
    cl_mem average_weights, average_states;
    bool prepared;
};

/* Samples on their way to a device: an array for each port of the recipe, in its order. */
struct clmix_step_input {
    struct clmix_extent extent;
    size_t first, whole; /* place of the first of them in the batch, and how many that has */
    size_t skipped;      /* of them that could not be decoded */
    const void *arrays[CLMIX_RECIPE_PORTS];
};

/* Compiles the plans for a run of batches of such sizes, and makes the optimizer; allocates nothing on the device. */
clmix_status clmix_replica_make(struct clmix_replica *replica, clmix_device *device, const struct clmix_recipe *recipe,
                                const clmix_train_options *options, const struct clmix_sizes *train, const struct clmix_sizes *test);
void clmix_replica_clear(struct clmix_replica *replica);

/* Device memory of all of it, network included, exactly. */
size_t clmix_replica_bytes(const struct clmix_replica *replica);
/* Adds the work of a step of the largest batch. */
void clmix_replica_add_cost(const struct clmix_replica *replica, clmix_plan_cost *step);

/* Allocates. */
clmix_status clmix_replica_prepare(struct clmix_replica *replica);
/* Moments zero, averages as the network is. */
clmix_status clmix_replica_restart(struct clmix_replica *replica);

/* The prepared training plan for batches of this extent; made if it is not there yet. */
clmix_status clmix_replica_plan(struct clmix_replica *replica, struct clmix_extent extent, clmix_plan **plan);

/* The states as they are, should the step fail; and back to them. */
clmix_status clmix_replica_keep_states(struct clmix_replica *replica);
clmix_status clmix_replica_restore_states(struct clmix_replica *replica);

/* What is enqueued begins now, also where a driver would wait for more. */
clmix_status clmix_replica_flush(struct clmix_replica *replica);

/* redraw.c: draws random features anew, keyed by `seed` and `step`, in the states and in their average. Waits. */
clmix_status clmix_replica_redraw(struct clmix_replica *replica, uint64_t seed, size_t step);

/* Enqueues the optimizer's update number `step` with this rate and Adam's `beta1`, and the averages' behind it. `summed`: labels that counted in the batches before
 * the last one, of all that are in `sums`; CLMIX_ONE_BATCH: the step is the last batch alone, in `gradients`. */
clmix_status clmix_replica_update(struct clmix_replica *replica, float summed, double rate, double beta1, size_t step);

/* The weights that are evaluated and saved: the averaged ones where averaging is on. */
cl_mem clmix_replica_best_weights(const struct clmix_replica *replica);
cl_mem clmix_replica_best_states(const struct clmix_replica *replica);

#endif
