#include "train/trainer.h"

#include "base/array.h"
#include "base/status.h"
#include "network/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

clmix_train_options clmix_train_defaults(void)
{
    return (clmix_train_options){
        .version = CLMIX_TRAIN_OPTIONS_VERSION,
        .batch = 64,
        .epochs = 12,
        .seed = 1,
        .optimizer = CLMIX_ADAMW,
        .rate = 4e-3f,
        .beta1 = 0.9f,
        .beta2 = 0.999f,
        .epsilon = 1e-8f,
        .weight_decay = 0.01f,
        .momentum = 0.9f,
        .clip_norm = 1.0f,
        .accumulate = 1,
        .schedule = CLMIX_SCHEDULE_COSINE,
        .warmup = 100,
        .dropout = -1.0f,
        .augment = { .crop_padding = 4, .flip = true },
    };
}

/* ---- checking --------------------------------------------------------------------------------------------------------------------- */

static bool in_range(float value, float least, float below)
{
    return value >= least && value < below; /* false for NaN */
}

static clmix_status check_options(const clmix_train_options *options)
{
    if (options->version != CLMIX_TRAIN_OPTIONS_VERSION)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "training options of version %u, and this library has version %d; start from clmix_train_defaults()",
                          options->version, CLMIX_TRAIN_OPTIONS_VERSION);
    if (options->batch == 0 || options->accumulate == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a batch of %zu pictures and %zu batches a step; both must be 1 or more", options->batch,
                          options->accumulate);
    if (!(options->rate > 0.0f) || !isfinite(options->rate))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "learning rate %g; it must be above 0", (double)options->rate);
    if (!in_range(options->beta1, 0.0f, 1.0f) || !in_range(options->beta2, 0.0f, 1.0f) || !in_range(options->momentum, 0.0f, 1.0f))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "betas %g and %g, momentum %g; they must be 0 or more and below 1", (double)options->beta1,
                          (double)options->beta2, (double)options->momentum);
    if (!in_range(options->average, 0.0f, 1.0f) || !in_range(options->label_smoothing, 0.0f, 1.0f) || options->dropout >= 1.0f ||
        isnan(options->dropout))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "average %g, label smoothing %g, dropout %g; they must be below 1",
                          (double)options->average, (double)options->label_smoothing, (double)options->dropout);
    if (!in_range(options->epsilon, 0.0f, INFINITY) || !in_range(options->weight_decay, 0.0f, INFINITY) ||
        !in_range(options->clip_norm, 0.0f, INFINITY))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "epsilon %g, weight decay %g, clip norm %g; they must be 0 or more",
                          (double)options->epsilon, (double)options->weight_decay, (double)options->clip_norm);
    if (memchr(options->freeze, '\0', sizeof options->freeze) == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the patterns to freeze do not end within %zu letters", sizeof options->freeze);
    return CLMIX_OK;
}

/* ---- planning --------------------------------------------------------------------------------------------------------------------- */

static size_t activation_bytes(const clmix_plan *plan)
{
    clmix_plan_cost cost;

    clmix_plan_costs(plan, &cost);
    return cost.arena_bytes[CLMIX_ACTIVATIONS];
}

/* Whether `plan` can use the activation memory of the first one, which is the full batch's. */
static bool fits_first(const clmix_trainer *trainer, const clmix_plan *plan)
{
    return plan != trainer->plans[0].plan && activation_bytes(plan) <= activation_bytes(trainer->plans[0].plan);
}

static clmix_status plan_for(clmix_trainer *trainer, size_t batch, clmix_plan **plan)
{
    struct clmix_sized_plan sized = { .batch = batch };
    const bool first = trainer->plan_count == 0;

    for (size_t i = 0; i < trainer->plan_count; i++)
        if (trainer->plans[i].batch == batch) {
            *plan = trainer->plans[i].plan;
            return CLMIX_OK;
        }
    CLMIX_TRY(clmix_recipe_training(&trainer->recipe, trainer->device, batch, &sized.plan, first ? &trainer->map : NULL));
    if (!CLMIX_PUSH(trainer->plans, trainer->plan_count, trainer->plan_capacity, sized)) {
        clmix_plan_free(sized.plan);
        return clmix_fail_memory("the list of plans");
    }
    *plan = sized.plan;
    return CLMIX_OK;
}

static clmix_status plan_all(clmix_trainer *trainer)
{
    const size_t batch = trainer->options.batch, rest = trainer->train_count % batch;
    clmix_plan *plan;

    CLMIX_TRY(plan_for(trainer, trainer->train_count > 0 && trainer->train_count < batch ? trainer->train_count : batch, &plan));
    if (rest > 0 && trainer->train_count > batch)
        CLMIX_TRY(plan_for(trainer, rest, &plan));
    if (trainer->test_count > 0)
        CLMIX_TRY(clmix_recipe_scoring(&trainer->recipe, trainer->device, batch, &trainer->scoring));
    return clmix_optimizer_new(&trainer->optimizer, trainer->device, &trainer->options, trainer->map.ranges, trainer->map.range_count,
                               trainer->map.weight_count);
}

static void count_steps(clmix_trainer *trainer)
{
    const clmix_train_options *options = &trainer->options;

    trainer->batches = (trainer->train_count + options->batch - 1) / options->batch;
    trainer->total_steps = options->epochs * ((trainer->batches + options->accumulate - 1) / options->accumulate);
    if (options->steps > 0 && (options->epochs == 0 || trainer->train_count == 0 || options->steps < trainer->total_steps))
        trainer->total_steps = options->steps;
}

/* A trainer without a network knows its costs and can do nothing else. */
static clmix_status make(clmix_trainer **trainer, clmix_device *device, const clmix_config *config, const float mean[4], const float std[4],
                         size_t train_count, size_t test_count, const clmix_train_options *options)
{
    clmix_trainer *made;
    clmix_status status;

    CLMIX_TRY(check_options(options));
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return clmix_fail_memory("a trainer");
    made->device = device;
    made->options = *options;
    made->train_count = train_count;
    made->test_count = test_count;
    count_steps(made);
    made->model_name = strdup(clmix_config_name(config));
    status = made->model_name == NULL ? clmix_fail_memory("a trainer") : clmix_recipe_make(&made->recipe, config, options, mean, std);
    if (status == CLMIX_OK)
        status = plan_all(made);
    if (status != CLMIX_OK) {
        clmix_trainer_free(made);
        return status;
    }
    *trainer = made;
    return CLMIX_OK;
}

static clmix_status describe_data(clmix_network *network, const clmix_dataset *data, const float mean[4], const float std[4])
{
    const size_t classes = (size_t)clmix_dataset_classes(data);
    const char **names = malloc((classes + 1) * sizeof *names);
    clmix_status status;

    if (names == NULL)
        return clmix_fail_memory("the names of the classes");
    for (size_t i = 0; i < classes; i++)
        names[i] = clmix_dataset_class_name(data, (int)i);
    status = clmix_network_describe_data(network, names, mean, std);
    free(names);
    return status;
}

clmix_status clmix_trainer_create(clmix_trainer **trainer, clmix_network *network, clmix_dataset *data, const clmix_train_options *options)
{
    CLMIX_NEED(trainer);
    CLMIX_NEED(network);

    clmix_train_options defaults = clmix_train_defaults();
    float mean[4], std[4];
    clmix_trainer *made = NULL;

    *trainer = NULL;
    if (network == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "clmix_trainer_create needs a network, and NULL was given");
    clmix_network_normalization(network, mean, std);
    if (data != NULL) {
        CLMIX_TRY(clmix_check_data(clmix_network_config(network), data));
        if (clmix_dataset_count(data, CLMIX_TRAIN) == 0)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the data set has no training pictures");
        clmix_dataset_normalization(data, mean, std);
    }
    CLMIX_TRY(make(&made, clmix_network_device(network), clmix_network_config(network), mean, std,
                   data == NULL ? 0 : clmix_dataset_count(data, CLMIX_TRAIN), data == NULL ? 0 : clmix_dataset_count(data, CLMIX_TEST),
                   options == NULL ? &defaults : options));
    made->network = network;
    made->data = data;
    if (data != NULL) { /* last, so that a failure leaves the network as it was */
        clmix_status status = describe_data(network, data, mean, std);

        if (status != CLMIX_OK) {
            clmix_trainer_free(made);
            return status;
        }
    }
    *trainer = made;
    return CLMIX_OK;
}

clmix_status clmix_trainer_name_data(clmix_trainer *trainer, const char *spec)
{
    CLMIX_NEED(trainer);
    CLMIX_NEED(spec);

    char *copy = strdup(spec);

    if (copy == NULL)
        return clmix_fail_memory("the data set's name");
    free(trainer->data_name);
    trainer->data_name = copy;
    return CLMIX_OK;
}

static size_t all_activation_bytes(const clmix_trainer *trainer)
{
    size_t bytes = activation_bytes(trainer->plans[0].plan);

    for (size_t i = 1; i < trainer->plan_count; i++)
        if (!fits_first(trainer, trainer->plans[i].plan))
            bytes += activation_bytes(trainer->plans[i].plan);
    if (trainer->scoring != NULL && !fits_first(trainer, trainer->scoring))
        bytes += activation_bytes(trainer->scoring);
    return bytes;
}

static size_t all_bytes(const clmix_trainer *trainer)
{
    const size_t weights = trainer->map.weight_count, states = trainer->map.state_count;
    size_t values = 2 * weights + 2 * states; /* values and gradients; states and the copy kept of them */

    if (trainer->options.accumulate > 1)
        values += weights;
    if (trainer->options.average > 0.0f)
        values += weights + states;
    return values * sizeof(float) + clmix_optimizer_bytes(trainer->optimizer) + all_activation_bytes(trainer);
}

void clmix_trainer_cost(const clmix_trainer *trainer, clmix_plan_cost *step, size_t *peak_bytes)
{
    if (trainer == NULL) {
        clmix_plan_costs(NULL, step);
        if (peak_bytes != NULL)
            *peak_bytes = 0;
        return;
    }
    if (step != NULL) {
        clmix_plan_costs(trainer->plans[0].plan, step);
        step->moved_bytes += clmix_optimizer_moved_bytes(trainer->optimizer);
        step->least_bytes += clmix_optimizer_least_bytes(trainer->optimizer);
    }
    if (peak_bytes != NULL)
        *peak_bytes = all_bytes(trainer);
}

clmix_status clmix_train_cost(clmix_device *device, const clmix_config *config, size_t train_count, size_t test_count,
                              const clmix_train_options *options, clmix_plan_cost *step, size_t *peak_bytes)
{
    CLMIX_NEED(device);
    CLMIX_NEED(config);

    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    const clmix_train_options defaults = clmix_train_defaults();
    clmix_trainer *trainer = NULL;

    CLMIX_TRY(make(&trainer, device, config, half, half, train_count, test_count, options == NULL ? &defaults : options));
    clmix_trainer_cost(trainer, step, peak_bytes);
    clmix_trainer_free(trainer);
    return CLMIX_OK;
}

/* ---- allocating ------------------------------------------------------------------------------------------------------------------- */

static clmix_status prepare_plan(clmix_trainer *trainer, clmix_plan *plan, cl_mem weights, cl_mem states)
{
    CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, weights));
    if (trainer->map.state_count > 0)
        CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_STATES, states));
    if (plan != trainer->scoring) {
        CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, trainer->gradients));
        CLMIX_TRY(clmix_plan_bind(plan, CLMIX_LOSS, trainer->optimizer->scalars, CLMIX_SCALAR_LOSS * sizeof(float)));
        CLMIX_TRY(clmix_plan_bind(plan, CLMIX_CORRECT, trainer->optimizer->scalars, CLMIX_SCALAR_CORRECT * sizeof(float)));
    }
    if (fits_first(trainer, plan))
        CLMIX_TRY(clmix_plan_share(plan, trainer->plans[0].plan));
    return clmix_plan_prepare(plan);
}

clmix_status clmix_trainer_plan(clmix_trainer *trainer, size_t batch, clmix_plan **plan)
{
    const size_t before = trainer->plan_count;
    clmix_status status;

    CLMIX_TRY(plan_for(trainer, batch, plan));
    if (trainer->plan_count == before)
        return CLMIX_OK;
    status = prepare_plan(trainer, *plan, clmix_network_weights(trainer->network), clmix_network_states(trainer->network));
    if (status != CLMIX_OK)
        clmix_plan_free(trainer->plans[--trainer->plan_count].plan);
    return status;
}

/* An arena of its own, as a copy of `from` or, where that is NULL, zero. What could not be filled is not kept: it may be tried again. */
static clmix_status allocate(clmix_trainer *trainer, size_t count, const char *what, cl_mem from, cl_mem *memory)
{
    const size_t bytes = count * sizeof(float);
    clmix_status status;

    if (count == 0 || *memory != NULL)
        return CLMIX_OK;
    CLMIX_TRY(clmix_buffer_create(trainer->device, bytes, what, memory));
    status = from != NULL ? clmix_buffer_copy(trainer->device, from, 0, *memory, 0, bytes)
                          : clmix_buffer_zero(trainer->device, *memory, 0, bytes);
    if (status != CLMIX_OK) {
        clmix_buffer_release(trainer->device, *memory);
        *memory = NULL;
    }
    return status;
}

clmix_status clmix_trainer_prepare(clmix_trainer *trainer)
{
    CLMIX_NEED(trainer);

    const size_t weights = trainer->map.weight_count, states = trainer->map.state_count;

    if (trainer->prepared)
        return CLMIX_OK;
    CLMIX_TRY(clmix_optimizer_prepare(trainer->optimizer));
    CLMIX_TRY(allocate(trainer, weights, "the gradients", NULL, &trainer->gradients));
    CLMIX_TRY(allocate(trainer, states, "the copy of the running statistics", NULL, &trainer->kept_states));
    if (trainer->options.accumulate > 1)
        CLMIX_TRY(allocate(trainer, weights, "the sum of the gradients", NULL, &trainer->sums));
    if (trainer->options.average > 0.0f) {
        CLMIX_TRY(allocate(trainer, weights, "the averaged weights", clmix_network_weights(trainer->network), &trainer->average_weights));
        CLMIX_TRY(
            allocate(trainer, states, "the averaged running statistics", clmix_network_states(trainer->network), &trainer->average_states));
    }
    for (size_t i = 0; i < trainer->plan_count; i++)
        CLMIX_TRY(
            prepare_plan(trainer, trainer->plans[i].plan, clmix_network_weights(trainer->network), clmix_network_states(trainer->network)));
    if (trainer->scoring != NULL)
        CLMIX_TRY(prepare_plan(trainer, trainer->scoring, clmix_trainer_best_weights(trainer), clmix_trainer_best_states(trainer)));
    trainer->prepared = true;
    return CLMIX_OK;
}

clmix_status clmix_trainer_restart(clmix_trainer *trainer)
{
    const size_t weight_bytes = trainer->map.weight_count * sizeof(float), state_bytes = trainer->map.state_count * sizeof(float);

    CLMIX_TRY(clmix_trainer_prepare(trainer));
    for (int i = 0; i < trainer->optimizer->moment_count; i++)
        CLMIX_TRY(clmix_buffer_zero(trainer->device, trainer->optimizer->moments[i], 0, weight_bytes));
    if (trainer->average_weights != NULL)
        CLMIX_TRY(
            clmix_buffer_copy(trainer->device, clmix_network_weights(trainer->network), 0, trainer->average_weights, 0, weight_bytes));
    if (trainer->average_states != NULL)
        CLMIX_TRY(clmix_buffer_copy(trainer->device, clmix_network_states(trainer->network), 0, trainer->average_states, 0, state_bytes));
    trainer->step = 0;
    trainer->draws = 0;
    trainer->summed_pictures = 0;
    return CLMIX_OK;
}

void clmix_trainer_free(clmix_trainer *trainer)
{
    if (trainer == NULL)
        return;
    clmix_plan_free(trainer->scoring);
    for (size_t i = trainer->plan_count; i-- > 0;) /* the first, whose memory the others use, last */
        clmix_plan_free(trainer->plans[i].plan);
    free(trainer->plans);
    clmix_optimizer_free(trainer->optimizer);
    clmix_buffer_release(trainer->device, trainer->gradients);
    clmix_buffer_release(trainer->device, trainer->sums);
    clmix_buffer_release(trainer->device, trainer->kept_states);
    clmix_buffer_release(trainer->device, trainer->average_weights);
    clmix_buffer_release(trainer->device, trainer->average_states);
    free(trainer->data_name);
    free(trainer->model_name);
    clmix_recipe_clear(&trainer->recipe);
    clmix_arena_map_clear(&trainer->map);
    free(trainer);
}

cl_mem clmix_trainer_best_weights(const clmix_trainer *trainer)
{
    return trainer->average_weights != NULL ? trainer->average_weights : clmix_network_weights(trainer->network);
}

cl_mem clmix_trainer_best_states(const clmix_trainer *trainer)
{
    return trainer->average_states != NULL ? trainer->average_states : clmix_network_states(trainer->network);
}
