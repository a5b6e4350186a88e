#include "train/trainer.h"

#include "base/status.h"

#include <math.h>
#include <string.h>

static clmix_status feed(clmix_plan *plan, const clmix_batch *batch, size_t capacity)
{
    const clmix_port *pictures = clmix_port_find(batch->ports, batch->port_count, CLMIX_PICTURES);

    CLMIX_TRY(clmix_plan_write(plan, CLMIX_PICTURES, clmix_batch_array(batch, CLMIX_PICTURES), capacity * clmix_port_bytes(pictures)));
    return clmix_plan_write(plan, CLMIX_LABELS, clmix_batch_array(batch, CLMIX_LABELS), capacity * sizeof(int32_t));
}

static clmix_status explain(clmix_plan *plan, const clmix_batch *batch, size_t capacity, float loss)
{
    clmix_status status;

    CLMIX_TRY(feed(plan, batch, capacity)); /* anew: their memory may have been used for something else */
    status = clmix_plan_find_not_finite(plan);
    if (status != CLMIX_OK && status != CLMIX_ERROR_NOT_FINITE)
        return status;
    return clmix_fail(CLMIX_ERROR_NOT_FINITE,
                      "the loss of the pictures that were evaluated is %s: %s; the weights are damaged, or of a training that diverged",
                      isnan(loss) ? "NaN" : "infinite", status == CLMIX_OK ? "no op was found that begins it" : clmix_error());
}

/* The last batch is filled up with labels that no sum counts, so one plan serves all batches. A logit that is not finite shows in the loss. */
static clmix_status score_batch(clmix_plan *plan, const clmix_batch *batch, size_t capacity, clmix_score *sums)
{
    const size_t counted = batch->count - batch->skipped;
    float loss, correct[2];

    sums->skipped += batch->skipped;
    if (counted == 0)
        return CLMIX_OK;
    CLMIX_TRY(feed(plan, batch, capacity));
    CLMIX_TRY(clmix_plan_run(plan));
    CLMIX_TRY(clmix_plan_read(plan, CLMIX_LOSS, &loss, sizeof loss));
    if (!isfinite(loss))
        return explain(plan, batch, capacity, loss);
    CLMIX_TRY(clmix_plan_read(plan, CLMIX_CORRECT, correct, sizeof correct));
    sums->count += counted;
    sums->loss += (double)loss * (double)counted;
    sums->top1 += rint((double)correct[0]);
    sums->top5 += rint((double)correct[1]);
    return CLMIX_OK;
}

#define WAIT_SECONDS 0.1

static clmix_status go_on(const clmix_train_events *events)
{
    if (events == NULL || events->waiting == NULL || events->waiting(events->user))
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_INTERRUPTED, "stopped while waiting for pictures");
}

clmix_status clmix_next_batch(clmix_loader *loader, const clmix_train_events *events, clmix_batch *batch)
{
    const bool asks = events != NULL && events->waiting != NULL;

    while (asks && !clmix_loader_ready(loader, WAIT_SECONDS))
        CLMIX_TRY(go_on(events));
    CLMIX_TRY(clmix_loader_next(loader, batch));
    if (batch->skipped > 0 && events != NULL && events->skipped != NULL)
        events->skipped(events->user, batch->skipped, batch->broken != NULL ? batch->broken : "a picture cannot be decoded");
    return CLMIX_OK;
}

static clmix_status score_batches(clmix_plan *plan, clmix_loader *loader, size_t capacity, const clmix_train_events *events,
                                  clmix_score *sums)
{
    const size_t batches = clmix_loader_batches(loader);

    for (size_t i = 0; i < batches; i++) {
        clmix_batch batch;

        CLMIX_TRY(go_on(events));
        CLMIX_TRY(clmix_next_batch(loader, events, &batch));
        CLMIX_TRY(score_batch(plan, &batch, capacity, sums));
    }
    return CLMIX_OK;
}

static clmix_status score_split(clmix_plan *plan, const clmix_dataset *data, clmix_split split, size_t batch, bool skip_broken,
                                const clmix_train_events *events, clmix_score *score)
{
    const clmix_loader_options options = { .skip_broken = skip_broken };
    clmix_loader *loader = NULL;
    clmix_score sums = { 0 };
    clmix_status status;

    CLMIX_TRY(clmix_loader_open(&loader, data, split, batch, &options));
    status = score_batches(plan, loader, batch, events, &sums);
    clmix_loader_close(loader);
    if (status != CLMIX_OK)
        return status;
    *score = sums;
    score->loss = sums.loss / (double)sums.count; /* NaN where no picture could be decoded */
    score->top1 = sums.top1 / (double)sums.count;
    score->top5 = sums.top5 / (double)sums.count;
    return CLMIX_OK;
}

clmix_status clmix_trainer_score(clmix_trainer *trainer, const clmix_train_events *events, clmix_score *score)
{
    return score_split(trainer->scoring, trainer->data, CLMIX_TEST, trainer->options.batch, trainer->options.skip_broken, events, score);
}

static clmix_status bind_network(clmix_plan *plan, clmix_network *network)
{
    CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, clmix_network_weights(network)));
    if (clmix_network_states(network) != NULL)
        CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_STATES, clmix_network_states(network)));
    return clmix_plan_prepare(plan);
}

clmix_status clmix_check_data(const clmix_config *config, const clmix_dataset *data)
{
    const clmix_port *ports, *pictures, *labels;
    size_t height, width, channels, count;

    clmix_config_picture(config, &height, &width, &channels);
    ports = clmix_dataset_ports(data, &count);
    pictures = clmix_port_find(ports, count, CLMIX_PICTURES);
    labels = clmix_port_find(ports, count, CLMIX_LABELS);
    if (pictures == NULL || pictures->type != CLMIX_U8 || pictures->rank != 3 || labels == NULL || labels->type != CLMIX_I32 ||
        labels->rank != 0)
        return clmix_fail(
            CLMIX_ERROR_ARGUMENT,
            "'%s' takes the ports '%s' u8 (height, width, channels) and '%s' i32 of no axes, which the data set does not fill",
            clmix_config_name(config), CLMIX_PICTURES, CLMIX_LABELS);
    if (pictures->size[0] != height || pictures->size[1] != width || pictures->size[2] != channels)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' takes pictures of %zux%zux%zu and the data set was opened for %zux%zux%zu; open it with the model's size",
                          clmix_config_name(config), height, width, channels, pictures->size[0], pictures->size[1], pictures->size[2]);
    if ((size_t)clmix_dataset_classes(data) == clmix_config_classes(config))
        return CLMIX_OK;
    if (clmix_config_weights(config) != NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' is trained for %zu classes and the data set has %d; begin a network of %d from it, with a fresh head "
                          "(clmix_network_init; clmix-train --init %s)",
                          clmix_config_name(config), clmix_config_classes(config), clmix_dataset_classes(data), clmix_dataset_classes(data),
                          clmix_config_weights(config));
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' tells %zu classes apart and the data set has %d; set the configuration's classes to %d",
                      clmix_config_name(config), clmix_config_classes(config), clmix_dataset_classes(data), clmix_dataset_classes(data));
}

clmix_status clmix_evaluate(clmix_network *network, clmix_dataset *data, clmix_split split, size_t batch, clmix_score *score)
{
    CLMIX_NEED(network);
    CLMIX_NEED(data);
    CLMIX_NEED(score);

    struct clmix_recipe recipe;
    clmix_plan *plan = NULL;
    float mean[4], std[4];
    clmix_status status;

    memset(score, 0, sizeof *score);
    CLMIX_TRY(clmix_check_data(clmix_network_config(network), data));
    if (clmix_dataset_count(data, split) == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the data set has no %s pictures", split == CLMIX_TEST ? "test" : "training");
    if (batch == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "evaluation in batches of 0 pictures");
    clmix_network_normalization(network, mean, std);
    status = clmix_recipe_make(&recipe, clmix_network_config(network), NULL, mean, std);
    if (status == CLMIX_OK)
        status = clmix_recipe_scoring(&recipe, clmix_network_device(network), batch, &plan);
    if (status == CLMIX_OK)
        status = bind_network(plan, network);
    if (status == CLMIX_OK)
        status = score_split(plan, data, split, batch, false, NULL, score);
    clmix_plan_free(plan);
    clmix_recipe_clear(&recipe);
    return status;
}
