/* clmix-bench model: a training step (forward, backward, AdamW) or a classification, on random pictures. The keys are those of
 * torch_step.py. */
#include "base/status.h"
#include "bench.h"
#include "models/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP     2
#define LEAST_STEPS 3

/* What is repeated. */
struct work {
    bool training;
    struct bench_trainer bench;
    clmix_network *network; /* inference */
    float *probabilities;
    size_t batch, parameters, peak_bytes;
    uint64_t flops;
};

static clmix_status make_training(struct work *work, clmix_device *device, const clmix_config *config)
{
    clmix_plan_cost cost;

    CLMIX_TRY(bench_trainer_make(&work->bench, device, config, work->batch));
    clmix_trainer_cost(work->bench.trainer, &cost, NULL);
    work->flops = cost.flops;
    work->parameters = clmix_network_parameter_count(work->bench.network);
    return clmix_trainer_prepare(work->bench.trainer);
}

static clmix_status make_inference(struct work *work, clmix_device *device, const clmix_config *config)
{
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    size_t height, width, channels;
    clmix_plan_cost cost;
    clmix_plan *plan = NULL;

    clmix_config_picture(config, &height, &width, &channels);
    work->bench.pictures = bench_pictures(work->batch * height * width * channels);
    work->probabilities = malloc(work->batch * clmix_config_classes(config) * sizeof *work->probabilities);
    if (work->bench.pictures == NULL || work->probabilities == NULL)
        return clmix_fail_memory("the pictures");
    CLMIX_TRY(clmix_classify_compile(&plan, device, config, half, half, work->batch));
    clmix_plan_costs(plan, &cost);
    clmix_plan_free(plan);
    work->flops = cost.flops;
    CLMIX_TRY(clmix_network_create(&work->network, device, config, 1));
    work->parameters = clmix_network_parameter_count(work->network);
    return CLMIX_OK;
}

static clmix_status do_work(struct work *work)
{
    if (work->training)
        return bench_trainer_step(&work->bench);
    return clmix_network_classify(work->network, work->bench.pictures, work->batch, work->probabilities);
}

static void free_work(struct work *work)
{
    bench_trainer_free(&work->bench);
    clmix_network_free(work->network);
    free(work->probabilities);
}

static clmix_status measure(struct work *work, double seconds, struct bench_times *times)
{
    double end;

    for (int i = 0; i < WARM_UP; i++)
        CLMIX_TRY(do_work(work));
    end = bench_now() + seconds;
    while (bench_now() < end || times->count < LEAST_STEPS) {
        const double start = bench_now();

        CLMIX_TRY(do_work(work));
        if (!bench_times_add(times, bench_now() - start))
            return clmix_fail_memory("the times");
    }
    return CLMIX_OK;
}

static int report(const struct cli *cli, clmix_device *device, const clmix_config *config, const struct work *work,
                  struct bench_times *times, const clmix_ceilings *ceilings)
{
    const double median = bench_times_median(times), gflops = (double)work->flops / median / 1e9;
    const char *name = clmix_device_describe(device)->name, *mode = work->training ? "train" : "infer";
    cJSON *json;

    if (!cli->json) {
        printf("%s, %s, batch of %zu on %s: %.2f ms (least %.2f, %zu runs), %.0f pictures/s, %.1f MB, %.1f GFLOP/s = %.0f %% of this "
               "device's %.0f\n",
               clmix_config_name(config), mode, work->batch, name, 1e3 * median, 1e3 * bench_times_least(times), times->count,
               (double)work->batch / median, (double)work->peak_bytes / 1e6, gflops, 100.0 * gflops / ceilings->fma_gflops,
               ceilings->fma_gflops);
        return 0;
    }
    json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "peer", "clmix " CLMIX_VERSION);
    cJSON_AddStringToObject(json, "model", clmix_config_name(config));
    cJSON_AddStringToObject(json, "mode", mode);
    cJSON_AddNumberToObject(json, "batch", (double)work->batch);
    cJSON_AddNumberToObject(json, "step_ms", bench_rounded(1e3 * median, 5));
    cJSON_AddNumberToObject(json, "step_ms_min", bench_rounded(1e3 * bench_times_least(times), 5));
    cJSON_AddNumberToObject(json, "images_per_second", bench_rounded((double)work->batch / median, 5));
    cJSON_AddNumberToObject(json, "peak_bytes", (double)work->peak_bytes);
    cJSON_AddNumberToObject(json, "parameters", (double)work->parameters);
    cJSON_AddStringToObject(json, "device", name);
    cJSON_AddNumberToObject(json, "gflops", bench_rounded(gflops, 5));
    cJSON_AddNumberToObject(json, "fraction_of_peak", bench_rounded(gflops / ceilings->fma_gflops, 4));
    return cli_print_json(json) ? 0 : cli_error(cli, NULL, "cannot write to standard output");
}

int bench_model(const struct cli *cli, const struct bench_request *request, clmix_device *device, const char *model)
{
    struct work work = { .training = strcmp(request->mode, "train") == 0, .batch = (size_t)request->batch };
    struct bench_times times = { 0 };
    clmix_ceilings ceilings = { 0 };
    clmix_config *config = NULL;
    size_t current_bytes, allocations;
    clmix_status status = bench_config(request, model, &config);
    int exit_status;

    if (status == CLMIX_OK)
        status = work.training ? make_training(&work, device, config) : make_inference(&work, device, config);
    if (status == CLMIX_OK)
        status = measure(&work, request->seconds, &times);
    clmix_device_memory(device, &current_bytes, &work.peak_bytes, &allocations); /* before the ceilings take theirs */
    if (status == CLMIX_OK)
        status = clmix_device_ceilings(device, &ceilings);
    exit_status = status == CLMIX_OK ? report(cli, device, config, &work, &times, &ceilings) : cli_fail(cli, status);
    free_work(&work);
    bench_times_free(&times);
    clmix_config_free(config);
    return exit_status;
}
