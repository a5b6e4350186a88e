/* The work that is measured: models, and pictures to feed them. */
#include "base/random.h"
#include "base/status.h"
#include "bench/bench.h"
#include "network/front.h"

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

void bench_build_pass(clmix_graph *graph, const clmix_config *config, size_t batch, bool backward)
{
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    const clmix_value none = { 0 };
    struct clmix_front front = { .batch = batch, .mean = half, .std = half };
    clmix_value logits = clmix_front_build(&front, graph, config), labels = clmix_batch_input(graph, "labels", CLMIX_I32, 1, &batch), loss;

    loss = clmix_cross_entropy(logits, labels, 0.0f, none, none);
    clmix_output(graph, "loss", loss);
    if (backward)
        clmix_backward(graph, 1, &loss, &none);
}

uint8_t *bench_pictures(size_t bytes)
{
    uint8_t *pictures = malloc(bytes + 1);
    clmix_random random = clmix_random_stream(1, 0);

    for (size_t i = 0; pictures != NULL && i < bytes; i++)
        pictures[i] = (uint8_t)clmix_random_below(&random, 256);
    return pictures;
}

int32_t *bench_labels(size_t count, size_t classes)
{
    int32_t *labels = malloc((count + 1) * sizeof *labels);
    clmix_random random = clmix_random_stream(1, 1);

    for (size_t i = 0; labels != NULL && i < count; i++)
        labels[i] = (int32_t)clmix_random_below(&random, (uint32_t)classes);
    return labels;
}

clmix_status bench_feed_make(struct bench_trainer *bench, const clmix_config *config)
{
    size_t height, width, channels;

    clmix_config_picture(config, &height, &width, &channels);
    bench->pictures = bench_pictures(bench->batch * height * width * channels);
    bench->labels = bench_labels(bench->batch, clmix_config_classes(config));
    return bench->pictures != NULL && bench->labels != NULL ? CLMIX_OK : clmix_fail_memory("the pictures");
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
    return clmix_trainer_step(bench->trainer, bench->pictures, bench->labels, bench->batch, NULL);
}

void bench_trainer_free(struct bench_trainer *bench)
{
    clmix_trainer_free(bench->trainer);
    clmix_network_free(bench->network);
    free(bench->pictures);
    free(bench->labels);
    memset(bench, 0, sizeof *bench);
}
