#include "train/trainer.h"

#include "base/status.h"

#include <math.h>
#include <string.h>

/* A scoring plan at work, and what has come of it. */
struct scoring {
    const struct clmix_recipe *recipe;
    clmix_plan *plan;
    size_t capacity; /* samples of the plan */
    double loss, counted, metrics[CLMIX_MOST_METRICS];
    size_t skipped;
};

static clmix_status explain(const struct scoring *scoring, const struct clmix_step_input *input, float loss)
{
    clmix_status status;

    /* anew: their memory may have been used for something else */
    CLMIX_TRY(clmix_feed_plan(scoring->recipe, CLMIX_INFERENCE, scoring->plan, input));
    status = clmix_plan_find_not_finite(scoring->plan);
    if (status != CLMIX_OK && status != CLMIX_ERROR_NOT_FINITE)
        return status;
    return clmix_fail(CLMIX_ERROR_NOT_FINITE,
                      "the loss of the samples that were evaluated is %s: %s; the weights are damaged, or of a training that diverged",
                      isnan(loss) ? "NaN" : "infinite", status == CLMIX_OK ? "no op was found that begins it" : clmix_error());
}

/* The last batch is filled up with labels that do not count, so one plan serves all batches. A logit that is not finite shows in the loss. */
static clmix_status score_batch(struct scoring *scoring, const clmix_batch *batch)
{
    const size_t metric_count = (size_t)scoring->recipe->task->metric_count;
    struct clmix_step_input input;
    float loss, counted, metrics[CLMIX_MOST_METRICS];

    CLMIX_TRY(clmix_feed_of_batch(scoring->recipe, CLMIX_INFERENCE, batch, &input));
    input.extent.batch = scoring->capacity;
    CLMIX_TRY(clmix_feed_plan(scoring->recipe, CLMIX_INFERENCE, scoring->plan, &input));
    CLMIX_TRY(clmix_plan_run(scoring->plan));
    CLMIX_TRY(clmix_plan_read(scoring->plan, CLMIX_LOSS, &loss, sizeof loss));
    if (!isfinite(loss))
        return explain(scoring, &input, loss);
    CLMIX_TRY(clmix_plan_read(scoring->plan, CLMIX_COUNTED, &counted, sizeof counted));
    CLMIX_TRY(clmix_plan_read(scoring->plan, CLMIX_METRICS, metrics, metric_count * sizeof *metrics));
    scoring->skipped += batch->skipped;
    scoring->counted += (double)counted;
    scoring->loss += (double)loss * (double)counted;
    for (size_t i = 0; i < metric_count; i++)
        scoring->metrics[i] += (double)metrics[i];
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

static clmix_status score_batches(struct scoring *scoring, clmix_loader *loader, const clmix_train_events *events)
{
    const size_t batches = clmix_loader_batches(loader);

    for (size_t i = 0; i < batches; i++) {
        clmix_batch batch;

        CLMIX_TRY(go_on(events));
        CLMIX_TRY(clmix_next_batch(loader, events, &batch));
        CLMIX_TRY(score_batch(scoring, &batch));
    }
    return CLMIX_OK;
}

/* Means over the labels that counted; NaN where none did. */
static void conclude(struct scoring *scoring, clmix_score *score)
{
    const struct clmix_task *task = scoring->recipe->task;

    for (int i = 0; i < task->metric_count; i++)
        scoring->metrics[i] /= scoring->counted;
    *score = (clmix_score){ .count = (size_t)scoring->counted,
                            .skipped = scoring->skipped,
                            .loss = scoring->loss / scoring->counted,
                            .metric_count = (size_t)task->metric_count };
    clmix_task_name_metrics(task, scoring->metrics, task->metric_count, score->metrics);
}

static clmix_status score_split(struct scoring *scoring, const clmix_dataset *data, clmix_split split, bool skip_broken,
                                const clmix_train_events *events, clmix_score *score)
{
    const clmix_loader_options options = { .skip_broken = skip_broken };
    clmix_loader *loader = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_loader_open(&loader, data, split, scoring->capacity, &options));
    status = score_batches(scoring, loader, events);
    clmix_loader_close(loader);
    if (status == CLMIX_OK)
        conclude(scoring, score);
    return status;
}

clmix_status clmix_trainer_score(clmix_trainer *trainer, const clmix_train_events *events, clmix_score *score)
{
    struct scoring scoring = { .recipe = &trainer->recipe, .plan = trainer->replicas[0].scoring, .capacity = trainer->options.batch };

    return score_split(&scoring, trainer->data, CLMIX_TEST, trainer->options.skip_broken, events, score);
}

static clmix_status bind_network(clmix_plan *plan, clmix_network *network)
{
    CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, clmix_network_weights(network)));
    if (clmix_network_states(network) != NULL)
        CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_STATES, clmix_network_states(network)));
    return clmix_plan_prepare(plan);
}

/* The weights as they are. */
static clmix_status evaluate(struct scoring *scoring, clmix_network *network, const clmix_dataset *data, clmix_split split,
                             clmix_score *score)
{
    CLMIX_TRY(clmix_check_data(scoring->recipe->config, data));
    if (clmix_dataset_count(data, split) == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the data set has no %s samples", split == CLMIX_TEST ? "test" : "training");
    if (scoring->capacity == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "evaluation in batches of 0 samples");
    CLMIX_TRY(clmix_recipe_scoring(scoring->recipe, clmix_network_device(network), (struct clmix_extent){ .batch = scoring->capacity },
                                   &scoring->plan));
    CLMIX_TRY(bind_network(scoring->plan, network));
    return score_split(scoring, data, split, false, NULL, score);
}

clmix_status clmix_evaluate(clmix_network *network, clmix_dataset *data, clmix_split split, size_t batch, clmix_score *score)
{
    CLMIX_NEED(network);
    CLMIX_NEED(data);
    CLMIX_NEED(score);

    struct clmix_recipe recipe;
    struct scoring scoring = { .recipe = &recipe, .capacity = batch };
    float mean[4], std[4];
    clmix_status status;

    memset(score, 0, sizeof *score);
    clmix_network_normalization(network, mean, std);
    status = clmix_recipe_make(&recipe, clmix_network_config(network), NULL, mean, std);
    if (status == CLMIX_OK)
        status = evaluate(&scoring, network, data, split, score);
    clmix_plan_free(scoring.plan);
    clmix_recipe_clear(&recipe);
    return status;
}
