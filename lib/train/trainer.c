#include "train/trainer.h"

#include "base/array.h"
#include "base/status.h"
#include "network/config.h"
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
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a batch of %zu samples and %zu batches a step; both must be 1 or more", options->batch,
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
    if (options->peers != NULL && options->peers->index >= options->peers->count)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "process %zu of %zu; processes are counted from 0", options->peers->index,
                          options->peers->count);
    if (options->peers != NULL && options->peers->count > 1 && options->batch / 2 < options->peers->count)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "batches of %zu samples among %zu processes, of which each takes two or more; start fewer processes, or take "
                          "larger batches",
                          options->batch, options->peers->count);
    if (memchr(options->freeze, '\0', sizeof options->freeze) == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the patterns to freeze do not end within %zu letters", sizeof options->freeze);
    if (memchr(options->no_decay, '\0', sizeof options->no_decay) == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the patterns without weight decay do not end within %zu letters",
                          sizeof options->no_decay);
    if ((unsigned)options->schedule > CLMIX_SCHEDULE_TRIANGLE || (unsigned)options->lengths > CLMIX_LENGTHS_FEW)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "schedule number %d and lengths number %d; take those that clmix/train.h names",
                          (int)options->schedule, (int)options->lengths);
    return CLMIX_OK;
}

/* The schedules that have a turn need it before the end. */
static clmix_status check_warmup(const clmix_train_options *options, size_t total)
{
    if (options->schedule < CLMIX_SCHEDULE_ONE_CYCLE || total == 0 || options->warmup < total)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_ARGUMENT,
                      "a warm-up of %zu steps is asked for, and this schedule must come down again within the run's %zu; use "
                      "fewer, such as %zu",
                      options->warmup, total, total / 20);
}

static void count_steps(clmix_trainer *trainer)
{
    const clmix_train_options *options = &trainer->options;

    trainer->batches = trainer->train_sizes.batches;
    trainer->total_steps = options->epochs * ((trainer->batches + options->accumulate - 1) / options->accumulate);
    if (options->steps > 0 && (options->epochs == 0 || trainer->train_count == 0 || options->steps < trainer->total_steps))
        trainer->total_steps = options->steps;
}

/* The samples of a run: those of a set, or so many. */
struct samples {
    const clmix_dataset *data; /* NULL: none */
    size_t count[2];           /* by split */
};

static struct samples samples_of(const clmix_dataset *data)
{
    return (struct samples){ data, { clmix_dataset_count(data, CLMIX_TRAIN), clmix_dataset_count(data, CLMIX_TEST) } };
}

static clmix_status find_whole_sizes(clmix_trainer *trainer, const struct samples *samples)
{
    const clmix_train_options *options = &trainer->options;
    const size_t longest = clmix_recipe_length(&trainer->recipe);

    if (samples->data == NULL) {
        clmix_sizes_of_samples(&trainer->train_sizes, trainer->train_count, options->batch, longest);
        clmix_sizes_of_samples(&trainer->test_sizes, trainer->test_count, options->batch, longest);
        return CLMIX_OK;
    }
    CLMIX_TRY(clmix_sizes_of_data(&trainer->train_sizes, samples->data, CLMIX_TRAIN, options));
    return clmix_sizes_of_data(&trainer->test_sizes, samples->data, CLMIX_TEST, options);
}

static clmix_status find_sizes(clmix_trainer *trainer, const struct samples *samples)
{
    const clmix_peers *peers = trainer->options.peers;

    trainer->train_count = samples->count[CLMIX_TRAIN];
    trainer->test_count = samples->count[CLMIX_TEST];
    CLMIX_TRY(find_whole_sizes(trainer, samples));
    if (peers == NULL)
        return CLMIX_OK;
    clmix_sizes_part(&trainer->train_sizes, peers);
    clmix_sizes_part(&trainer->test_sizes, peers);
    return CLMIX_OK;
}

/* Crops and flips are on by default, and of pictures. */
static void suit_options(clmix_train_options *options, const clmix_config *config)
{
    clmix_port ports[CLMIX_MOST_PORTS];
    const int count = clmix_config_ports(config, 0, ports);

    if (clmix_port_find(ports, (size_t)count, CLMIX_PICTURES) != NULL)
        return;
    options->augment.crop_padding = 0;
    options->augment.flip = false;
}

/* The recipe, the replicas: everything is planned. */
static clmix_status plan(clmix_trainer *trainer, clmix_device *device, const clmix_config *config, const float mean[4], const float std[4],
                         const struct samples *samples)
{
    suit_options(&trainer->options, config);
    CLMIX_TRY(clmix_recipe_make(&trainer->recipe, config, &trainer->options, mean, std));
    CLMIX_TRY(find_sizes(trainer, samples));
    count_steps(trainer);
    CLMIX_TRY(check_warmup(&trainer->options, trainer->total_steps));
    return clmix_trainer_make_replicas(trainer, device);
}

/* A trainer without a network knows its costs and can do nothing else. */
static clmix_status make(clmix_trainer **trainer, clmix_device *device, const clmix_config *config, const float mean[4], const float std[4],
                         const struct samples *samples, const clmix_train_options *options)
{
    clmix_trainer *made;
    clmix_status status;

    CLMIX_TRY(check_options(options));
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return clmix_fail_memory("a trainer");
    made->options = *options;
    if (options->peers != NULL && options->peers->count < 2)
        made->options.peers = NULL; /* one process meets nobody */
    made->peering.peers = made->options.peers;
    made->model_name = strdup(clmix_config_name(config));
    status = made->model_name == NULL ? clmix_fail_memory("a trainer") : plan(made, device, config, mean, std, samples);
    if (status != CLMIX_OK) {
        clmix_trainer_free(made);
        return status;
    }
    *trainer = made;
    return CLMIX_OK;
}

static clmix_status describe_network(clmix_network *network, const clmix_dataset *data, const float mean[4], const float std[4])
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
    if (status == CLMIX_OK && clmix_dataset_tokenizer(data) != NULL)
        status = clmix_network_describe_text(network, clmix_dataset_tokenizer(data));
    return status;
}

/* All networks; the caller's last, so that a failure leaves it as it was. */
static clmix_status describe_data(clmix_trainer *trainer, const float mean[4], const float std[4])
{
    for (size_t i = trainer->replica_count; trainer->data != NULL && i-- > 0;)
        CLMIX_TRY(describe_network(trainer->replicas[i].network, trainer->data, mean, std));
    return CLMIX_OK;
}

clmix_status clmix_trainer_create(clmix_trainer **trainer, clmix_network *network, clmix_dataset *data, const clmix_train_options *options)
{
    CLMIX_NEED(trainer);
    CLMIX_NEED(network);

    clmix_train_options defaults = clmix_train_defaults();
    struct samples samples;
    float mean[4], std[4];
    clmix_trainer *made = NULL;
    clmix_status status;

    *trainer = NULL;
    if (network == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "clmix_trainer_create needs a network, and NULL was given");
    clmix_network_normalization(network, mean, std);
    if (data != NULL) {
        CLMIX_TRY(clmix_check_data(clmix_network_config(network), data));
        if (clmix_dataset_count(data, CLMIX_TRAIN) == 0)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the data set has no training samples");
        clmix_dataset_normalization(data, mean, std);
    }
    CLMIX_TRY(clmix_check_redraw(network, options == NULL ? &defaults : options));
    samples = samples_of(data);
    CLMIX_TRY(make(&made, clmix_network_device(network), clmix_network_config(network), mean, std, &samples,
                   options == NULL ? &defaults : options));
    made->data = data;
    status = clmix_trainer_make_networks(made, network);
    if (status == CLMIX_OK)
        status = describe_data(made, mean, std);
    if (status != CLMIX_OK) {
        clmix_trainer_free(made);
        return status;
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

/* ---- what it costs ---------------------------------------------------------------------------------------------------------------- */

void clmix_trainer_cost(const clmix_trainer *trainer, clmix_plan_cost *step, size_t *peak_bytes)
{
    if (step != NULL)
        clmix_plan_costs(NULL, step);
    if (peak_bytes != NULL)
        *peak_bytes = 0;
    if (trainer == NULL)
        return;
    for (size_t i = 0; i < trainer->replica_count; i++) {
        if (step != NULL)
            clmix_replica_add_cost(&trainer->replicas[i], step);
        if (peak_bytes != NULL)
            *peak_bytes += clmix_replica_bytes(&trainer->replicas[i]);
    }
}

static clmix_status find_cost(clmix_device *device, const clmix_config *config, const struct samples *samples,
                              const clmix_train_options *options, clmix_plan_cost *step, size_t *peak_bytes, size_t *batches)
{
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    const clmix_train_options defaults = clmix_train_defaults();
    clmix_trainer *trainer = NULL;

    CLMIX_TRY(make(&trainer, device, config, half, half, samples, options == NULL ? &defaults : options));
    clmix_trainer_cost(trainer, step, peak_bytes);
    if (batches != NULL)
        *batches = trainer->batches;
    clmix_trainer_free(trainer);
    return CLMIX_OK;
}

clmix_status clmix_train_cost(clmix_device *device, const clmix_config *config, size_t train_count, size_t test_count,
                              const clmix_train_options *options, clmix_plan_cost *step, size_t *peak_bytes)
{
    CLMIX_NEED(device);
    CLMIX_NEED(config);

    const struct samples samples = { NULL, { train_count, test_count } };

    return find_cost(device, config, &samples, options, step, peak_bytes, NULL);
}

clmix_status clmix_train_cost_of_data(clmix_device *device, const clmix_config *config, const clmix_dataset *data,
                                      const clmix_train_options *options, clmix_plan_cost *step, size_t *peak_bytes, size_t *batches)
{
    CLMIX_NEED(device);
    CLMIX_NEED(config);
    CLMIX_NEED(data);

    const struct samples samples = samples_of(data);

    CLMIX_TRY(clmix_check_data(config, data));
    return find_cost(device, config, &samples, options, step, peak_bytes, batches);
}

void clmix_trainer_free(clmix_trainer *trainer)
{
    if (trainer == NULL)
        return;
    for (size_t i = 0; i < trainer->replica_count; i++)
        clmix_replica_clear(&trainer->replicas[i]);
    clmix_exchange_clear(&trainer->exchange);
    free(trainer->data_name);
    cJSON_Delete(trainer->identity);
    free(trainer->model_name);
    clmix_recipe_clear(&trainer->recipe);
    free(trainer);
}

/* ---- ports ------------------------------------------------------------------------------------------------------------------------ */

int clmix_trainer_port_count(const clmix_trainer *trainer)
{
    clmix_port ports[CLMIX_RECIPE_PORTS];

    return trainer == NULL ? 0 : clmix_recipe_ports(&trainer->recipe, CLMIX_TRAINING, 0, ports, NULL);
}

clmix_status clmix_trainer_port(const clmix_trainer *trainer, int index, clmix_port *port)
{
    CLMIX_NEED(trainer);
    CLMIX_NEED(port);

    clmix_port ports[CLMIX_RECIPE_PORTS];
    const int count = clmix_recipe_ports(&trainer->recipe, CLMIX_TRAINING, 0, ports, NULL);

    if (index < 0 || index >= count)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "port %d of a trainer that has %d", index, count);
    *port = ports[index];
    return CLMIX_OK;
}
