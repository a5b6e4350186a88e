#include "train/guess.h"
#include "train/trainer.h"

#include "base/status.h"

#include <math.h>
#include <string.h>

/* Scoring plans at work, and what has come of it. */
struct scoring {
    const struct clmix_recipe *recipe;
    const struct clmix_scoring *plans;
    struct clmix_peering *peering; /* with whom the split is shared; NULL: with nobody */
    double loss, counted, metrics[CLMIX_MOST_METRICS];
    struct clmix_label_counts labels;
    size_t skipped;
};

static clmix_status explain(const struct scoring *scoring, clmix_plan *plan, const struct clmix_step_input *input, float loss)
{
    clmix_status status;

    /* anew: their memory may have been used for something else */
    CLMIX_TRY(clmix_feed_plan(scoring->recipe, CLMIX_INFERENCE, plan, input));
    status = clmix_plan_find_not_finite(plan);
    if (status != CLMIX_OK && status != CLMIX_ERROR_NOT_FINITE)
        return status;
    return clmix_fail(CLMIX_ERROR_NOT_FINITE,
                      "the loss of the samples that were evaluated is %s: %s; the weights are damaged, or of a training that diverged",
                      isnan(loss) ? "NaN" : "infinite", status == CLMIX_OK ? "no op was found that begins it" : clmix_error());
}

/* The labels of a batch: every task's first target. */
static clmix_status count_labels(struct scoring *scoring, const clmix_batch *batch, const struct clmix_step_input *input)
{
    clmix_port ports[CLMIX_RECIPE_PORTS];
    int first;

    clmix_recipe_ports(scoring->recipe, CLMIX_INFERENCE, input->extent.length, ports, &first);
    return clmix_label_counts_add(&scoring->labels, input->arrays[first], batch->count * clmix_port_count(&ports[first]));
}

/* What the plan has more room for than the batch has samples are labels that do not count. A logit that is not finite shows in the loss. */
static clmix_status score_batch(struct scoring *scoring, const clmix_batch *batch)
{
    const size_t metric_count = (size_t)scoring->recipe->task->metric_count;
    const struct clmix_sized_plan *sized;
    clmix_plan *plan;
    struct clmix_step_input input;
    float loss, counted, metrics[CLMIX_MOST_METRICS];

    if (batch->count == 0)
        return CLMIX_OK; /* others have all of it */
    CLMIX_TRY(clmix_feed_of_batch(scoring->recipe, CLMIX_INFERENCE, batch, &input));
    CLMIX_TRY(count_labels(scoring, batch, &input));
    sized = clmix_scoring_plan(scoring->plans, input.extent);
    if (sized == NULL)
        return clmix_fail(CLMIX_ERROR_INTERNAL, "no plan was made for an evaluation of %zu samples of %zu places", batch->count,
                          input.extent.length);
    plan = sized->plan;
    input.extent = sized->extent;
    CLMIX_TRY(clmix_feed_plan(scoring->recipe, CLMIX_INFERENCE, plan, &input));
    CLMIX_TRY(clmix_plan_run(plan));
    CLMIX_TRY(clmix_plan_read(plan, CLMIX_LOSS, &loss, sizeof loss));
    if (!isfinite(loss))
        return explain(scoring, plan, &input, loss);
    CLMIX_TRY(clmix_plan_read(plan, CLMIX_COUNTED, &counted, sizeof counted));
    CLMIX_TRY(clmix_plan_read(plan, CLMIX_METRICS, metrics, metric_count * sizeof *metrics));
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
    return clmix_fail(CLMIX_ERROR_INTERRUPTED, "stopped while waiting for samples");
}

clmix_status clmix_next_batch(clmix_loader *loader, const clmix_train_events *events, clmix_batch *batch)
{
    const bool asks = events != NULL && events->waiting != NULL;

    while (asks && !clmix_loader_ready(loader, WAIT_SECONDS))
        CLMIX_TRY(go_on(events));
    CLMIX_TRY(clmix_loader_next(loader, batch));
    if (batch->skipped > 0 && events != NULL && events->skipped != NULL)
        events->skipped(events->user, batch->skipped, batch->broken != NULL ? batch->broken : "a sample cannot be decoded");
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

/* What all processes found together. */
static clmix_status hear(struct scoring *scoring, clmix_status own)
{
    struct clmix_word word = { .counted = scoring->counted, .loss = scoring->loss, .skipped = (double)scoring->skipped };

    if (scoring->peering == NULL)
        return own;
    memcpy(word.metrics, scoring->metrics, sizeof word.metrics);
    CLMIX_TRY(clmix_peering_meet(scoring->peering, own, &word));
    scoring->counted = word.counted;
    scoring->loss = word.loss;
    scoring->skipped = (size_t)word.skipped;
    memcpy(scoring->metrics, word.metrics, sizeof word.metrics);
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
                            .guess_loss = clmix_guess_loss(&scoring->labels),
                            .metric_count = (size_t)task->metric_count };
    clmix_task_name_metrics(task, scoring->metrics, task->metric_count, score->metrics);
}

static clmix_status score_split(struct scoring *scoring, const clmix_dataset *data, clmix_split split, const clmix_train_options *options,
                                const clmix_train_events *events, clmix_score *score)
{
    const clmix_loader_options loading = clmix_loading(options, CLMIX_TEST);
    clmix_loader *loader = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_loader_open(&loader, data, split, options->batch, &loading));
    status = score_batches(scoring, loader, events);
    clmix_loader_close(loader);
    status = hear(scoring, status);
    if (status == CLMIX_OK)
        conclude(scoring, score);
    clmix_label_counts_clear(&scoring->labels);
    return status;
}

clmix_status clmix_trainer_score(clmix_trainer *trainer, const clmix_train_events *events, clmix_score *score)
{
    struct scoring scoring = { .recipe = &trainer->recipe, .plans = &trainer->replicas[0].scoring, .peering = &trainer->peering };

    return score_split(&scoring, trainer->data, CLMIX_TEST, &trainer->options, events, score);
}

static clmix_status bind_network(clmix_plan *plan, clmix_network *network)
{
    CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, clmix_network_weights(network)));
    if (clmix_network_states(network) != NULL)
        CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_STATES, clmix_network_states(network)));
    return clmix_plan_prepare(plan);
}

/* The weights as they are. */
static clmix_status evaluate(const struct clmix_recipe *recipe, clmix_network *network, const clmix_dataset *data, clmix_split split,
                             size_t batch, struct clmix_scoring *plans, clmix_score *score)
{
    struct scoring scoring = { .recipe = recipe, .plans = plans };
    const clmix_train_options options = { .batch = batch,
                                          .lengths = clmix_config_padding_matters(recipe->config) ? CLMIX_LENGTHS_ONE : CLMIX_LENGTHS_FEW };
    const size_t count = clmix_dataset_count(data, split);
    struct clmix_sizes sizes;

    CLMIX_TRY(clmix_check_data(recipe->config, data));
    if (count == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the data set has no %s samples", split == CLMIX_TEST ? "test" : "training");
    if (batch == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "evaluation in batches of 0 samples");
    CLMIX_TRY(clmix_sizes_of_data(&sizes, data, split, &options));
    CLMIX_TRY(clmix_recipe_scoring(recipe, clmix_network_device(network), &sizes, plans));
    for (size_t i = 0; i < plans->count; i++) {
        if (i > 0)
            (void)clmix_plan_share(plans->plans[i].plan, plans->plans[0].plan); /* or memory of its own, where that is too small */
        CLMIX_TRY(bind_network(plans->plans[i].plan, network));
    }
    return score_split(&scoring, data, split, &options, NULL, score);
}

clmix_status clmix_evaluate(clmix_network *network, clmix_dataset *data, clmix_split split, size_t batch, clmix_score *score)
{
    CLMIX_NEED(network);
    CLMIX_NEED(data);
    CLMIX_NEED(score);

    struct clmix_recipe recipe;
    struct clmix_scoring plans = { 0 };
    float mean[4], std[4];
    clmix_status status;

    memset(score, 0, sizeof *score);
    clmix_network_normalization(network, mean, std);
    status = clmix_recipe_make(&recipe, clmix_network_config(network), NULL, mean, std);
    if (status == CLMIX_OK)
        status = evaluate(&recipe, network, data, split, batch, &plans, score);
    clmix_scoring_clear(&plans);
    clmix_recipe_clear(&recipe);
    return status;
}
