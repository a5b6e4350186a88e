#include "train/replica.h"

#include "base/array.h"
#include "base/status.h"
#include "network/network.h"

#include <stdlib.h>
#include <string.h>

/* ---- planning --------------------------------------------------------------------------------------------------------------------- */

static size_t activation_bytes(const clmix_plan *plan)
{
    clmix_plan_cost cost;

    clmix_plan_costs(plan, &cost);
    return cost.arena_bytes[CLMIX_ACTIVATIONS];
}

/* Whether `plan` can use the activation memory of the first one, which is the largest batch's. */
static bool fits_first(const struct clmix_replica *replica, const clmix_plan *plan)
{
    return plan != replica->plans[0].plan && activation_bytes(plan) <= activation_bytes(replica->plans[0].plan);
}

static clmix_status plan_for(struct clmix_replica *replica, struct clmix_extent extent, clmix_plan **plan)
{
    struct clmix_sized_plan sized = { .extent = extent };
    const bool first = replica->plan_count == 0;

    for (size_t i = 0; i < replica->plan_count; i++)
        if (clmix_extents_equal(replica->plans[i].extent, extent)) {
            *plan = replica->plans[i].plan;
            return CLMIX_OK;
        }
    CLMIX_TRY(clmix_recipe_training(replica->recipe, replica->device, extent, &sized.plan, first ? &replica->map : NULL));
    if (!CLMIX_PUSH(replica->plans, replica->plan_count, replica->plan_capacity, sized)) {
        clmix_plan_free(sized.plan);
        return clmix_fail_memory("the list of plans");
    }
    *plan = sized.plan;
    return CLMIX_OK;
}

/* The plan that needs the most memory becomes the first. */
static void put_largest_first(struct clmix_replica *replica)
{
    size_t largest = 0;

    for (size_t i = 1; i < replica->plan_count; i++)
        if (activation_bytes(replica->plans[i].plan) > activation_bytes(replica->plans[largest].plan))
            largest = i;
    if (largest > 0) {
        const struct clmix_sized_plan first = replica->plans[0];

        replica->plans[0] = replica->plans[largest];
        replica->plans[largest] = first;
    }
}

/* Those of training, then what evaluation takes. */
static clmix_status plan_all(struct clmix_replica *replica, const struct clmix_sizes *train, const struct clmix_sizes *test)
{
    clmix_plan *plan;

    for (size_t i = 0; i < train->count; i++)
        CLMIX_TRY(plan_for(replica, (struct clmix_extent){ train->list[i].count, train->list[i].length }, &plan));
    put_largest_first(replica);
    return clmix_recipe_scoring(replica->recipe, replica->device, test, &replica->scoring);
}

clmix_status clmix_replica_make(struct clmix_replica *replica, clmix_device *device, const struct clmix_recipe *recipe,
                                const clmix_train_options *options, const struct clmix_sizes *train, const struct clmix_sizes *test)
{
    *replica = (struct clmix_replica){ .device = device, .recipe = recipe, .options = options };
    CLMIX_TRY(plan_all(replica, train, test));
    CLMIX_TRY(clmix_optimizer_new(&replica->optimizer, device, options, replica->map.ranges, replica->map.range_count,
                                  replica->map.weight_count));
    return clmix_optimizer_exempt(replica->optimizer, replica->map.undecayed, replica->map.undecayed_count);
}

void clmix_replica_clear(struct clmix_replica *replica)
{
    clmix_scoring_clear(&replica->scoring);
    for (size_t i = replica->plan_count; i-- > 0;) /* the first, whose memory the others use, last */
        clmix_plan_free(replica->plans[i].plan);
    free(replica->plans);
    clmix_optimizer_free(replica->optimizer);
    clmix_buffer_release(replica->device, replica->gradients);
    clmix_buffer_release(replica->device, replica->sums);
    clmix_buffer_release(replica->device, replica->kept_states);
    clmix_buffer_release(replica->device, replica->average_weights);
    clmix_buffer_release(replica->device, replica->average_states);
    clmix_arena_map_clear(&replica->map);
    clmix_network_free(replica->own_network);
}

/* ---- costs ------------------------------------------------------------------------------------------------------------------------ */

static size_t all_activation_bytes(const struct clmix_replica *replica)
{
    size_t bytes = activation_bytes(replica->plans[0].plan);

    for (size_t i = 1; i < replica->plan_count; i++)
        if (!fits_first(replica, replica->plans[i].plan))
            bytes += activation_bytes(replica->plans[i].plan);
    for (size_t i = 0; i < replica->scoring.count; i++)
        if (!fits_first(replica, replica->scoring.plans[i].plan))
            bytes += activation_bytes(replica->scoring.plans[i].plan);
    return bytes;
}

/* Of one replica: several have theirs summed on the host. */
static bool sums_gradients(const clmix_train_options *options)
{
    return options->accumulate > 1 && options->device_count == 0;
}

size_t clmix_replica_bytes(const struct clmix_replica *replica)
{
    const size_t weights = replica->map.weight_count, states = replica->map.state_count;
    size_t values = 2 * weights + 2 * states; /* values and gradients; states and the copy kept of them */

    if (sums_gradients(replica->options))
        values += weights;
    if (replica->options->average > 0.0f)
        values += weights + states;
    return values * sizeof(float) + clmix_optimizer_bytes(replica->optimizer) + all_activation_bytes(replica);
}

void clmix_replica_add_cost(const struct clmix_replica *replica, clmix_plan_cost *step)
{
    clmix_plan_cost own;

    clmix_plan_costs(replica->plans[0].plan, &own);
    for (int i = 0; i < CLMIX_ARENAS; i++)
        step->arena_bytes[i] += own.arena_bytes[i];
    step->peak_bytes += own.peak_bytes;
    step->flops += own.flops;
    step->launches += own.launches;
    step->moved_bytes += own.moved_bytes + clmix_optimizer_moved_bytes(replica->optimizer);
    step->least_bytes += own.least_bytes + clmix_optimizer_least_bytes(replica->optimizer);
}

/* ---- allocating ------------------------------------------------------------------------------------------------------------------- */

static clmix_status prepare_plan(struct clmix_replica *replica, clmix_plan *plan, bool training, cl_mem weights, cl_mem states)
{
    CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, weights));
    if (replica->map.state_count > 0)
        CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_STATES, states));
    if (training) {
        const cl_mem slate = replica->optimizer->scalars;

        CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, replica->gradients));
        CLMIX_TRY(clmix_plan_bind(plan, CLMIX_LOSS, slate, CLMIX_SCALAR_LOSS * sizeof(float)));
        CLMIX_TRY(clmix_plan_bind(plan, CLMIX_COUNTED, slate, CLMIX_SCALAR_COUNTED * sizeof(float)));
        CLMIX_TRY(clmix_plan_bind(plan, CLMIX_METRICS, slate, CLMIX_SCALAR_METRIC * sizeof(float)));
    }
    if (fits_first(replica, plan))
        CLMIX_TRY(clmix_plan_share(plan, replica->plans[0].plan));
    return clmix_plan_prepare(plan);
}

clmix_status clmix_replica_plan(struct clmix_replica *replica, struct clmix_extent extent, clmix_plan **plan)
{
    const size_t before = replica->plan_count;
    clmix_status status;

    CLMIX_TRY(plan_for(replica, extent, plan));
    if (replica->plan_count == before)
        return CLMIX_OK;
    status = prepare_plan(replica, *plan, true, clmix_network_weights(replica->network), clmix_network_states(replica->network));
    if (status != CLMIX_OK)
        clmix_plan_free(replica->plans[--replica->plan_count].plan);
    return status;
}

/* An arena of its own, as a copy of `from` or, where that is NULL, zero. What could not be filled is not kept: it may be tried again. */
static clmix_status allocate(struct clmix_replica *replica, size_t count, const char *what, cl_mem from, cl_mem *memory)
{
    const size_t bytes = count * sizeof(float);
    clmix_status status;

    if (count == 0 || *memory != NULL)
        return CLMIX_OK;
    CLMIX_TRY(clmix_buffer_create(replica->device, bytes, what, memory));
    status = from != NULL ? clmix_buffer_copy(replica->device, from, 0, *memory, 0, bytes)
                          : clmix_buffer_zero(replica->device, *memory, 0, bytes);
    if (status != CLMIX_OK) {
        clmix_buffer_release(replica->device, *memory);
        *memory = NULL;
    }
    return status;
}

clmix_status clmix_replica_prepare(struct clmix_replica *replica)
{
    const size_t weights = replica->map.weight_count, states = replica->map.state_count;

    if (replica->prepared)
        return CLMIX_OK;
    CLMIX_TRY(clmix_optimizer_prepare(replica->optimizer));
    CLMIX_TRY(allocate(replica, weights, "the gradients", NULL, &replica->gradients));
    CLMIX_TRY(allocate(replica, states, "the copy of the running statistics", NULL, &replica->kept_states));
    if (sums_gradients(replica->options))
        CLMIX_TRY(allocate(replica, weights, "the sum of the gradients", NULL, &replica->sums));
    if (replica->options->average > 0.0f) {
        CLMIX_TRY(allocate(replica, weights, "the averaged weights", clmix_network_weights(replica->network), &replica->average_weights));
        CLMIX_TRY(
            allocate(replica, states, "the averaged running statistics", clmix_network_states(replica->network), &replica->average_states));
    }
    for (size_t i = 0; i < replica->plan_count; i++)
        CLMIX_TRY(prepare_plan(replica, replica->plans[i].plan, true, clmix_network_weights(replica->network),
                               clmix_network_states(replica->network)));
    for (size_t i = 0; i < replica->scoring.count; i++)
        CLMIX_TRY(prepare_plan(replica, replica->scoring.plans[i].plan, false, clmix_replica_best_weights(replica),
                               clmix_replica_best_states(replica)));
    replica->prepared = true;
    return CLMIX_OK;
}

clmix_status clmix_replica_restart(struct clmix_replica *replica)
{
    const size_t weight_bytes = replica->map.weight_count * sizeof(float), state_bytes = replica->map.state_count * sizeof(float);

    CLMIX_TRY(clmix_replica_prepare(replica));
    for (int i = 0; i < replica->optimizer->moment_count; i++)
        CLMIX_TRY(clmix_buffer_zero(replica->device, replica->optimizer->moments[i], 0, weight_bytes));
    if (replica->average_weights != NULL)
        CLMIX_TRY(
            clmix_buffer_copy(replica->device, clmix_network_weights(replica->network), 0, replica->average_weights, 0, weight_bytes));
    if (replica->average_states == NULL)
        return CLMIX_OK;
    return clmix_buffer_copy(replica->device, clmix_network_states(replica->network), 0, replica->average_states, 0, state_bytes);
}

cl_mem clmix_replica_best_weights(const struct clmix_replica *replica)
{
    return replica->average_weights != NULL ? replica->average_weights : clmix_network_weights(replica->network);
}

cl_mem clmix_replica_best_states(const struct clmix_replica *replica)
{
    return replica->average_states != NULL ? replica->average_states : clmix_network_states(replica->network);
}

/* ---- states before a step --------------------------------------------------------------------------------------------------------- */

clmix_status clmix_replica_keep_states(struct clmix_replica *replica)
{
    if (replica->kept_states == NULL)
        return CLMIX_OK;
    return clmix_buffer_copy(replica->device, clmix_network_states(replica->network), 0, replica->kept_states, 0,
                             replica->map.state_count * sizeof(float));
}

clmix_status clmix_replica_restore_states(struct clmix_replica *replica)
{
    if (replica->kept_states == NULL)
        return CLMIX_OK;
    return clmix_buffer_copy(replica->device, replica->kept_states, 0, clmix_network_states(replica->network), 0,
                             replica->map.state_count * sizeof(float));
}

clmix_status clmix_replica_flush(struct clmix_replica *replica)
{
    const cl_int code = clFlush(clmix_device_queue(replica->device));

    return code == CL_SUCCESS ? CLMIX_OK : clmix_fail_cl(replica->device, code, "starting what is enqueued");
}

/* ---- the update ------------------------------------------------------------------------------------------------------------------- */

/* The average starts as the first weights, which mean nothing: a decay that rises with the steps lets go of them quickly. */
static double average_decay(const clmix_train_options *options, size_t step)
{
    const double rising = (1.0 + (double)step) / (10.0 + (double)step);
    const double decay = (double)options->average;

    return rising < decay ? rising : decay;
}

static clmix_status update_averages(struct clmix_replica *replica, size_t step)
{
    const double decay = average_decay(replica->options, step);

    if (replica->average_weights != NULL)
        CLMIX_TRY(clmix_optimizer_average(replica->optimizer, replica->average_weights, clmix_network_weights(replica->network),
                                          replica->map.weight_count, decay));
    if (replica->average_states != NULL)
        CLMIX_TRY(clmix_optimizer_average(replica->optimizer, replica->average_states, clmix_network_states(replica->network),
                                          replica->map.state_count, decay));
    return CLMIX_OK;
}

clmix_status clmix_replica_update(struct clmix_replica *replica, float summed, double rate, double beta1, size_t step)
{
    replica->optimizer->beta1 = beta1;
    CLMIX_TRY(clmix_optimizer_update(replica->optimizer, clmix_network_weights(replica->network),
                                     summed < 0.0f ? replica->gradients : replica->sums, summed, rate, step));
    return update_averages(replica, step);
}
