/* The work that is measured: models, and pictures to feed them. */
#include "base/random.h"
#include "base/status.h"
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

clmix_status bench_config(const struct bench_request *request, const char *model, clmix_config **config)
{
    return model_options_config(&request->what, model, config);
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

clmix_status bench_build_pass(clmix_graph *graph, const clmix_config *config, size_t batch, bool backward)
{
    const clmix_value one = { 0 };
    struct clmix_recipe recipe;
    clmix_status status = make_recipe(&recipe, config);

    if (status == CLMIX_OK) {
        const clmix_value loss = clmix_recipe_build(&recipe, graph, CLMIX_TRAINING, (struct clmix_extent){ .batch = batch }).loss;

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

/* Random bytes, or numbers below the number of classes. */
static void *random_array(const clmix_port *port, size_t samples, size_t classes)
{
    const size_t count = samples * clmix_port_count(port);
    clmix_random random = clmix_random_stream(1, 1);
    int32_t *values;

    if (port->type == CLMIX_U8)
        return bench_bytes(count);
    values = malloc((count + 1) * sizeof *values);
    for (size_t i = 0; values != NULL && i < count; i++)
        values[i] = (int32_t)clmix_random_below(&random, (uint32_t)classes);
    return values;
}

clmix_status bench_feed_make(struct bench_trainer *bench, const clmix_config *config)
{
    struct clmix_recipe recipe;
    clmix_status status = make_recipe(&recipe, config);

    if (status == CLMIX_OK)
        bench->port_count = clmix_recipe_ports(&recipe, CLMIX_TRAINING, 0, bench->ports, NULL);
    for (int i = 0; status == CLMIX_OK && i < bench->port_count; i++) {
        bench->arrays[i] = random_array(&bench->ports[i], bench->batch, clmix_config_classes(config));
        if (bench->arrays[i] == NULL)
            status = clmix_fail_memory(bench->ports[i].name);
    }
    clmix_recipe_clear(&recipe);
    return status;
}

clmix_status bench_trainer_make(struct bench_trainer *bench, clmix_device *device, const clmix_config *config, size_t batch)
{
    clmix_train_options options = clmix_train_defaults();

    memset(bench, 0, sizeof *bench);
    bench->batch = options.batch = batch;
    CLMIX_TRY(model_network(device, config, 1, &bench->network));
    CLMIX_TRY(clmix_trainer_create(&bench->trainer, bench->network, NULL, &options));
    CLMIX_TRY(clmix_trainer_prepare(bench->trainer));
    return bench_feed_make(bench, config);
}

clmix_status bench_trainer_step(struct bench_trainer *bench)
{
    return clmix_trainer_step_arrays(bench->trainer, bench->batch, (const void *const *)bench->arrays, NULL);
}

void bench_trainer_free(struct bench_trainer *bench)
{
    clmix_trainer_free(bench->trainer);
    clmix_network_free(bench->network);
    for (int i = 0; i < bench->port_count; i++)
        free(bench->arrays[i]);
    memset(bench, 0, sizeof *bench);
}
