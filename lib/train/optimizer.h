/* The optimizer on the device: kernels of cl/optimizer.cl over the flat arenas, and the arenas that only it needs (moments).
 *
 * A step is enqueued without waiting: the kernels find on the device whether the loss and the gradients are finite, and touch nothing
 * when they are not. The host reads the same
 * verdict afterwards from `scalars`. */
#ifndef CLMIX_TRAIN_OPTIMIZER_H
#define CLMIX_TRAIN_OPTIMIZER_H

#include "runtime/runtime.h"

#include <clmix/train.h>

/* Elements begin .. begin + count - 1 of the arenas; multiples of 16. */
struct clmix_range {
    size_t begin, count;
};

/* The step's slate of floats in device memory. The plan writes the loss, how many labels it is the mean over, and the sum of a metric over them;
 * the optimizer the rest. */
enum clmix_scalar {
    CLMIX_SCALAR_LOSS,
    CLMIX_SCALAR_COUNTED,
    CLMIX_SCALAR_METRIC,
    CLMIX_SCALAR_NORM,
    CLMIX_SCALAR_FACTOR,
    CLMIX_SCALAR_GOOD,
    CLMIX_SCALARS
};

/* One launch over a range: groups of `chunk` elements; for the norm, where the range's partial sums begin. */
struct clmix_share {
    struct clmix_range range;
    size_t chunk, groups, partial;
};

struct clmix_optimizer {
    clmix_device *device;
    clmix_train_options options;
    struct clmix_share *shares; /* the parameters that have a gradient */
    size_t share_count, partial_count, weight_count, work_group;
    struct clmix_update_share { /* the same, cut where those without weight decay begin and end */
        struct clmix_share share;
        bool decay;
    } * updates;
    size_t update_count, update_capacity;
    double beta1; /* of the next update */
    int moment_count;
    cl_mem moments[2]; /* the size of the weight arena; Adam: mean and mean square of the gradient, descent: momentum */
    cl_mem partials, scalars;
    cl_kernel square_sums, check_step, update, accumulate, average;
};

/* `ranges` is copied. Allocates nothing on the device. */
clmix_status clmix_optimizer_new(struct clmix_optimizer **optimizer, clmix_device *device, const clmix_train_options *options,
                                 const struct clmix_range *ranges, size_t range_count, size_t weight_count);
void clmix_optimizer_free(struct clmix_optimizer *optimizer); /* NULL is allowed */

/* Leaves weight decay out in these ranges, which do not meet each other. HOST_MEMORY. */
clmix_status clmix_optimizer_exempt(struct clmix_optimizer *optimizer, const struct clmix_range *ranges, size_t count);

/* Bytes that prepare will allocate; allocation (moments zero) and kernels. */
size_t clmix_optimizer_bytes(const struct clmix_optimizer *optimizer);
clmix_status clmix_optimizer_prepare(struct clmix_optimizer *optimizer);

/* Number of moment arenas, and their names in checkpoints. */
const char *clmix_optimizer_moment_name(const struct clmix_optimizer *optimizer, int index);

/* Bytes that an update reads and writes, its norm's pass over the gradients included; and the least of them that it must: moments read
 * and written, weights written. */
uint64_t clmix_optimizer_moved_bytes(const struct clmix_optimizer *optimizer);
uint64_t clmix_optimizer_least_bytes(const struct clmix_optimizer *optimizer);

/* sums = (fresh ? 0 : sums) + counted * gradients, which are of a mean over the labels counted on the slate. */
clmix_status clmix_optimizer_accumulate(struct clmix_optimizer *optimizer, cl_mem sums, cl_mem gradients, bool fresh);

/* Update number `step` (from 0) with learning rate `rate`, clipped as the options say. `gradients` are one batch's (`summed` CLMIX_ONE_BATCH), or
 * sums over several, which are divided by the labels counted on the slate and the `summed` of the batches before. Where the loss on the slate or the
 * norm is not finite nothing changes. */
/* With Adam's beta1 in `optimizer->beta1`, which is the options' unless a schedule sets another. */
#define CLMIX_ONE_BATCH (-1.0f)
clmix_status clmix_optimizer_update(struct clmix_optimizer *optimizer, cl_mem weights, cl_mem gradients, float summed, double rate,
                                    size_t step);

/* averages = decay * averages + (1 - decay) * values, `count` elements from the arenas' start (a multiple of 16), if the last update
 * took place. */
clmix_status clmix_optimizer_average(struct clmix_optimizer *optimizer, cl_mem averages, cl_mem values, size_t count, double decay);

/* Waits, and reads the slate. */
clmix_status clmix_optimizer_scalars(struct clmix_optimizer *optimizer, float scalars[CLMIX_SCALARS]);

#endif
