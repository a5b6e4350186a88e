/* The work that is measured: models, and samples to feed them. */
#include "base/random.h"
#include "base/status.h"
#include "bench/bench.h"
#include "network/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static clmix_status append(char **text, const char *more)
{
    const size_t length = strlen(*text), bytes = length + strlen(more) + 3;
    char *grown = realloc(*text, bytes);

    if (grown == NULL)
        return clmix_fail_memory("a model's name");
    *text = grown;
    snprintf(grown + length, bytes - length, ", %s", more);
    return CLMIX_OK;
}

/* Results of models that differ must not pass for results of one. */
static clmix_status name_changes(const struct bench_request *request, clmix_config *config)
{
    const char **settings = request->what.settings;

    if (request->what.mixer != NULL)
        CLMIX_TRY(append(&config->name, request->what.mixer));
    for (; settings != NULL && *settings != NULL; settings++)
        CLMIX_TRY(append(&config->name, *settings));
    return CLMIX_OK;
}

clmix_status bench_config(const struct bench_request *request, const char *model, clmix_config **config)
{
    CLMIX_TRY(model_options_config(&request->what, model, config));
    return name_changes(request, *config);
}

int bench_pictures(const struct bench_request *request)
{
    return request->batch == MODEL_USUAL_BATCH ? MODEL_PICTURES : request->batch;
}

int bench_fail(const struct cli *cli, clmix_status status)
{
    return status == CLMIX_ERROR_ARGUMENT ? cli_bad_usage(cli, "%s", clmix_error()) : cli_fail(cli, status);
}

static clmix_status make_recipe(struct clmix_recipe *recipe, const clmix_config *config)
{
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };

    return clmix_recipe_make(recipe, config, NULL, half, half);
}

clmix_status bench_build_pass(clmix_graph *graph, const clmix_config *config, struct clmix_extent extent, bool backward)
{
    const clmix_value one = { 0 };
    struct clmix_recipe recipe;
    clmix_status status = make_recipe(&recipe, config);

    if (status == CLMIX_OK) {
        const clmix_value loss = clmix_recipe_build(&recipe, graph, CLMIX_TRAINING, extent).loss;

        clmix_output(graph, CLMIX_LOSS, loss);
        if (backward)
            clmix_backward(graph, 1, &loss, &one);
    }
    clmix_recipe_clear(&recipe);
    return status;
}

uint8_t *bench_bytes(size_t bytes)
{
    uint8_t *values = malloc(bytes + 1);
    clmix_random random = clmix_random_stream(1, 0);

    for (size_t i = 0; values != NULL && i < bytes; i++)
        values[i] = (uint8_t)clmix_random_below(&random, 256);
    return values;
}

/* A bound for what a port's numbers are below, from 0 on. */
static size_t numbers_of(const char *port, const clmix_config *config)
{
    const bool of_tokens =
        strcmp(port, CLMIX_TOKENS) == 0 || strcmp(port, CLMIX_SECOND_TOKENS) == 0 || strcmp(port, CLMIX_TOKEN_LABELS) == 0;

    return of_tokens ? clmix_config_ids(config) : clmix_config_classes(config);
}

/* Of the places of each sample, all but the `kept` first of them are no labels. */
static void leave_out(int32_t *labels, size_t samples, size_t length, size_t kept)
{
    for (size_t i = 0; i < samples * length; i++)
        if (i % length >= kept)
            labels[i] = CLMIX_NO_LABEL;
}

/* Random bytes, or numbers below the number of classes or ids; masks of ones. */
static void *random_array(const clmix_port *port, size_t samples, const clmix_config *config)
{
    const size_t count = samples * clmix_port_count(port);
    const bool mask = strcmp(port->name, CLMIX_TOKEN_MASK) == 0 || strcmp(port->name, CLMIX_SECOND_MASK) == 0;
    const size_t below = port->type == CLMIX_U8 || mask ? 0 : numbers_of(port->name, config);
    clmix_random random = clmix_random_stream(1, 1);
    int32_t *values;

    if (port->type == CLMIX_U8)
        return bench_bytes(count);
    values = malloc((count + 1) * sizeof *values);
    for (size_t i = 0; values != NULL && i < count; i++)
        values[i] = mask ? 1 : (int32_t)clmix_random_below(&random, (uint32_t)below);
    if (values != NULL && strcmp(port->name, CLMIX_TOKEN_LABELS) == 0)
        leave_out(values, samples, port->size[0], clmix_most_labelled(port->size[0]));
    return values;
}

clmix_status bench_feed_make(struct bench_trainer *bench, const clmix_config *config)
{
    struct clmix_recipe recipe;
    clmix_status status = make_recipe(&recipe, config);

    if (status == CLMIX_OK)
        bench->port_count = clmix_recipe_ports(&recipe, CLMIX_TRAINING, bench->extent.length, bench->ports, NULL);
    for (int i = 0; status == CLMIX_OK && i < bench->port_count; i++) {
        bench->arrays[i] = random_array(&bench->ports[i], bench->extent.batch, config);
        if (bench->arrays[i] == NULL)
            status = clmix_fail_memory(bench->ports[i].name);
    }
    clmix_recipe_clear(&recipe);
    return status;
}

clmix_status bench_trainer_make(struct bench_trainer *bench, clmix_device *device, const clmix_config *config, struct clmix_extent extent)
{
    clmix_train_options options = clmix_train_defaults();

    memset(bench, 0, sizeof *bench);
    bench->extent = extent;
    options.batch = extent.batch;
    options.length = extent.length;
    CLMIX_TRY(model_network(device, config, 1, &bench->network));
    CLMIX_TRY(clmix_trainer_create(&bench->trainer, bench->network, NULL, &options));
    CLMIX_TRY(clmix_trainer_prepare(bench->trainer));
    return bench_feed_make(bench, config);
}

clmix_status bench_trainer_step(struct bench_trainer *bench, double *loss)
{
    return clmix_trainer_step_arrays(bench->trainer, bench->extent.batch, (const void *const *)bench->arrays, loss);
}

void bench_trainer_free(struct bench_trainer *bench)
{
    clmix_trainer_free(bench->trainer);
    clmix_network_free(bench->network);
    for (int i = 0; i < bench->port_count; i++)
        free(bench->arrays[i]);
    memset(bench, 0, sizeof *bench);
}
