/* Plans: a graph compiled for a device.
 *
 * Compiling orders the kernel launches, lays out one activation arena by liveness, and knows every byte before the first allocation.
 * Where it pays, ops that work sample by sample are launched for a part of the batch at a time (CLMIX_SLICE=off: never).
 * Preparing builds the kernels and allocates. Running is a loop over launches; it allocates nothing. */
#ifndef CLMIX_PLAN_H
#define CLMIX_PLAN_H

#include <clmix/device.h>
#include <clmix/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Launches with every argument bound, and the memory that they need. For one thread at a time. */
typedef struct clmix_plan clmix_plan;

/* In training plans dropout drops and batch normalisation uses the batch's statistics. */
typedef enum clmix_mode { CLMIX_INFERENCE = 0, CLMIX_TRAINING = 1 } clmix_mode;

/* Kinds of device memory. */
typedef enum clmix_arena {
    CLMIX_WEIGHTS,     /* trainable values */
    CLMIX_STATES,      /* what a model keeps and does not train */
    CLMIX_GRADIENTS,   /* of the weights, in the same places */
    CLMIX_ACTIVATIONS, /* everything else that ops make or are given */
    CLMIX_CONSTANTS,   /* every plan's own; they do not grow with the batch. Since 0.2 */
    CLMIX_ARENAS       /* how many kinds there are */
} clmix_arena;

/* Compiles `graph` for `device`; keeps nothing on the device and leaves its queue alone: what has to be measured (CLMIX_TUNE) runs on a queue
 * of its own. The graph may be freed afterwards, the device must outlive the plan.
 * Errors: whatever building the graph met (ARGUMENT, with the op's path), DEVICE_MEMORY when one value exceeds the device's largest
 * allocation. `plan` and `device` must not be NULL (ARGUMENT); a NULL graph is HOST_MEMORY. Further errors: UNSUPPORTED, HOST_MEMORY,
 * and where kernels are measured DRIVER and BUILD. */
CLMIX_API clmix_status clmix_plan_compile(clmix_plan **plan, const clmix_graph *graph, clmix_device *device, clmix_mode mode);
/* Frees a plan and its memory on the device. NULL is allowed. */
CLMIX_API void clmix_plan_free(clmix_plan *plan);

/* What a plan costs, exactly, before anything is allocated: bytes of device memory by arena, the work of a run, and what it moves.
 *
 * moved_bytes is the sum over the launches of what each reads and writes: every value once, whatever a cache may save or a kernel read
 * again; scratch and the partial sums of a split product included. A view counts as far as it reaches, an op in place as a read and a
 * write, what lies in place already as nothing.
 *
 * least_bytes is what no plan of the graph can avoid: inputs and weights read once, results and gradients written once, states read
 * (and where training moves them written) once, and of activations those alone that the backward pass needs of the forward pass, written once and read once.
 */
typedef struct clmix_plan_cost {
    size_t arena_bytes[CLMIX_ARENAS];  /* of each arena */
    size_t peak_bytes;                 /* all arenas of this plan */
    uint64_t flops;                    /* a multiply-add counts as two; only work the ops must do */
    uint64_t moved_bytes, least_bytes; /* of a run, as above */
    size_t launches;                   /* of kernels, in a run */
} clmix_plan_cost;
/* Writes the costs of a plan into `*cost`: zeros of a NULL plan; a NULL `cost` is left alone. */
CLMIX_API void clmix_plan_costs(const clmix_plan *plan, clmix_plan_cost *cost);

/* One line for each value in the activation arena, for tables and for tests of the planner. Values of one `storage` share it on purpose (an
 * op in place, a part of a concatenation); storages whose first_use..last_use (in steps of the plan) overlap never share a byte. */
typedef struct clmix_plan_value {
    const char *path;                /* of the op that makes it; borrowed from the plan, like `op` */
    const char *op;                  /* its name */
    clmix_shape shape;               /* of the whole value */
    size_t offset_bytes, size_bytes; /* place in its slab, and bytes there */
    int slab, storage;               /* numbers, from 0 */
    int first_use, last_use;         /* steps of the plan, from 0 */
} clmix_plan_value;
/* Values in the activation arena; 0 of a NULL plan. */
CLMIX_API size_t clmix_plan_value_count(const clmix_plan *plan);
/* Describes value `index`, from 0. Neither pointer may be NULL. Errors: ARGUMENT. */
CLMIX_API clmix_status clmix_plan_value_at(const clmix_plan *plan, size_t index, clmix_plan_value *value);

/* Uses the application's memory for an input or output (contiguous, channels-last): no copy. Before clmix_plan_prepare, or between runs. The
 * memory is borrowed: it must stay until another is bound or the plan is freed. None may be NULL. Errors: ARGUMENT (no such name, too small), DRIVER. */
CLMIX_API clmix_status clmix_plan_bind(clmix_plan *plan, const char *name, cl_mem memory, size_t offset_bytes);
/* The same for a whole arena. `plan` must not be NULL, nor `memory` unless the arena is empty. Errors: ARGUMENT, DRIVER. */
CLMIX_API clmix_status clmix_plan_bind_arena(clmix_plan *plan, clmix_arena arena, cl_mem memory);
/* Lets `plan` use the activation memory of `other` of the same device, which must be at least as large; the two must not run at the same
 * time. Neither may be NULL. Errors: ARGUMENT, and those of clmix_plan_prepare. */
CLMIX_API clmix_status clmix_plan_share(clmix_plan *plan, clmix_plan *other);

/* Builds kernels, allocates what is not bound, fills constants. Called by the first run if not before. Errors: BUILD, DEVICE_MEMORY (nothing is left half
 * done). `plan` must not be NULL (ARGUMENT). Further errors: NO_DEVICE (a plan for a generic device), DRIVER, HOST_MEMORY. */
CLMIX_API clmix_status clmix_plan_prepare(clmix_plan *plan);

/* Copies `bytes` bytes to an input, state or weight; sizes must agree. None may be NULL. Errors: ARGUMENT (no such name, another size),
 * DRIVER, and those of clmix_plan_prepare. */
CLMIX_API clmix_status clmix_plan_write(clmix_plan *plan, const char *name, const void *data, size_t bytes);
/* Copies from an output, an input, a state or a weight, after waiting for the queue. Otherwise as clmix_plan_write. */
CLMIX_API clmix_status clmix_plan_read(clmix_plan *plan, const char *name, void *data, size_t bytes);

/* One of several arrays for a plan: what clmix_plan_write takes of each. */
typedef struct clmix_plan_array {
    const char *name; /* of an input, state or weight */
    const void *data; /* to be copied from */
    size_t bytes;     /* of it, as many as the value has */
} clmix_plan_array;
/* Does the same as clmix_plan_write for each of `count` arrays. Inputs that carry the batch (clmix_batch_input) lie side by side in the device's memory, but for
 * those that are bound: given together, they go there in one transfer, and seed and step of an earlier clmix_plan_set_step with them. Neither may be NULL, nor
 * name or data of an array. Errors: those of clmix_plan_write, before anything is copied where an array is refused; HOST_MEMORY. Since 0.4. */
CLMIX_API clmix_status clmix_plan_feed(clmix_plan *plan, const clmix_plan_array *arrays, size_t count);

/* Seed and step number that dropout's masks of the next run are keyed by. They go to the device with what clmix_plan_feed copies next, or else when the
 * plan is run. `plan` must not be NULL (ARGUMENT). */
CLMIX_API clmix_status clmix_plan_set_step(clmix_plan *plan, uint64_t seed, uint64_t step);

/* Says which samples of a larger batch the plan's are from the next clmix_plan_set_step on: those from number `first`, counted from 0, of a batch of
 * `batch` samples. For each of them dropout then draws what a plan for all of that batch would, so that no split of a batch changes a mask. Until it
 * is called the plan's samples are all there are. `plan` must not be NULL. Errors: ARGUMENT (the graph declares no batch (clmix_batch_input), or the
 * plan's samples are not in that one), UNSUPPORTED (dropout behind an op that does not say where samples lie). Since 0.2. */
CLMIX_API clmix_status clmix_plan_set_place(clmix_plan *plan, size_t first, size_t batch);

/* Enqueues one run and returns; clmix_plan_read or clmix_plan_wait waits. `plan` must not be NULL. Errors of both: ARGUMENT, DRIVER; of
 * running those of clmix_plan_prepare too. */
CLMIX_API clmix_status clmix_plan_run(clmix_plan *plan);
CLMIX_API clmix_status clmix_plan_wait(clmix_plan *plan);

/* Runs once more with every value examined, inputs (which must be written anew), weights and states first: CLMIX_ERROR_NOT_FINITE naming
 * the first of those that holds a NaN or an infinity, or the first op that makes one from finite values. CLMIX_OK when all are finite.
 * `plan` must not be NULL. Further errors: ARGUMENT, DRIVER, HOST_MEMORY, and those of clmix_plan_prepare. */
CLMIX_API clmix_status clmix_plan_find_not_finite(clmix_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
