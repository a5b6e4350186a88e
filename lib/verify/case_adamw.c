/* The operator "adamw": weights p0, p1, ... through a few optimizer steps with given gradients. */
#include "base/status.h"
#include "runtime/runtime.h"
#include "train/optimizer.h"
#include "verify/case.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TENSORS 1024

struct adamw_case {
    struct reference_case *of;
    const clmix_stored_tensor *tensors[MOST_TENSORS];
    struct clmix_range places[MOST_TENSORS]; /* in the arenas */
    size_t count, arena_count;
    float *host; /* one arena */
    cl_mem weights, gradients;
    struct clmix_optimizer *optimizer;
};

size_t clmix_case_arena_count(size_t count)
{
    return (count + 15) / 16 * 16;
}

clmix_status clmix_case_adamw_options(clmix_train_options *options, const cJSON *json, const char *where)
{
    double rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0.01;

    CLMIX_TRY(clmix_json_number(json, where, "lr", 0.0, 1e6, &rate));
    CLMIX_TRY(clmix_json_number(json, where, "beta1", 0.0, 1.0, &beta1));
    CLMIX_TRY(clmix_json_number(json, where, "beta2", 0.0, 1.0, &beta2));
    CLMIX_TRY(clmix_json_number(json, where, "eps", 0.0, 1e6, &epsilon));
    CLMIX_TRY(clmix_json_number(json, where, "weight_decay", 0.0, 1e6, &decay));
    *options = clmix_train_defaults();
    options->optimizer = CLMIX_ADAMW;
    options->clip_norm = 0.0f;
    options->rate = (float)rate;
    options->beta1 = (float)beta1;
    options->beta2 = (float)beta2;
    options->epsilon = (float)epsilon;
    options->weight_decay = (float)decay;
    return CLMIX_OK;
}

/* Finds p0, p1, ... and gives each its place in the arenas. Those without a gradient are not in the optimizer's ranges. */
static clmix_status lay_out(struct adamw_case *adamw, struct clmix_range *ranges, size_t *range_count)
{
    char name[32];

    for (size_t i = 0; i < MOST_TENSORS; i++) {
        const clmix_stored_tensor *tensor;

        snprintf(name, sizeof name, "param.p%zu", i);
        tensor = clmix_safetensors_find(adamw->of->file, name);
        if (tensor == NULL)
            break;
        adamw->tensors[i] = tensor;
        adamw->places[i] = (struct clmix_range){ adamw->arena_count, clmix_case_arena_count(tensor->count) };
        adamw->arena_count += adamw->places[i].count;
        adamw->count++;
        snprintf(name, sizeof name, "in.g0_%zu", i);
        if (clmix_safetensors_find(adamw->of->file, name) != NULL)
            ranges[(*range_count)++] = adamw->places[i];
    }
    return adamw->arena_count > 0 ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FORMAT, "the case has no weights 'param.p0', 'param.p1', ...");
}

static clmix_status put(struct adamw_case *adamw, size_t i, const clmix_stored_tensor *tensor)
{
    if (tensor->count != adamw->tensors[i]->count)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %zu values and '%s' has %zu", tensor->name, tensor->count, adamw->tensors[i]->name,
                          adamw->tensors[i]->count);
    return clmix_stored_to_float(tensor, adamw->host + adamw->places[i].begin);
}

static clmix_status prepare(struct adamw_case *adamw, const clmix_train_options *options)
{
    struct clmix_range ranges[MOST_TENSORS];
    clmix_device *device = adamw->of->device;
    size_t range_count = 0;

    CLMIX_TRY(lay_out(adamw, ranges, &range_count));
    adamw->host = calloc(adamw->arena_count, sizeof *adamw->host);
    if (adamw->host == NULL)
        return clmix_fail_memory("the weights");
    for (size_t i = 0; i < adamw->count; i++)
        CLMIX_TRY(put(adamw, i, adamw->tensors[i]));
    CLMIX_TRY(clmix_buffer_create(device, adamw->arena_count * sizeof(float), "the weights", &adamw->weights));
    CLMIX_TRY(clmix_buffer_create(device, adamw->arena_count * sizeof(float), "the gradients", &adamw->gradients));
    CLMIX_TRY(clmix_buffer_write(device, adamw->weights, 0, adamw->host, adamw->arena_count * sizeof(float)));
    CLMIX_TRY(clmix_optimizer_new(&adamw->optimizer, device, options, ranges, range_count, adamw->arena_count));
    return clmix_optimizer_prepare(adamw->optimizer);
}

/* Update number `step`, from 0; the answers count from 1. */
static clmix_status run_step(struct adamw_case *adamw, const clmix_train_options *options, size_t step)
{
    clmix_device *device = adamw->of->device;
    size_t bytes = adamw->arena_count * sizeof(float);
    char name[64];

    memset(adamw->host, 0, bytes);
    for (size_t i = 0; i < adamw->count; i++) {
        const clmix_stored_tensor *gradient;

        snprintf(name, sizeof name, "in.g%zu_%zu", step, i);
        gradient = clmix_safetensors_find(adamw->of->file, name);
        if (gradient != NULL)
            CLMIX_TRY(put(adamw, i, gradient));
    }
    CLMIX_TRY(clmix_buffer_write(device, adamw->gradients, 0, adamw->host, bytes));
    CLMIX_TRY(clmix_optimizer_update(adamw->optimizer, adamw->weights, adamw->gradients, CLMIX_ONE_BATCH, (double)options->rate, step));
    CLMIX_TRY(clmix_buffer_read(device, adamw->weights, 0, adamw->host, bytes));
    for (size_t i = 0; i < adamw->count; i++) {
        const clmix_stored_tensor *expected;

        snprintf(name, sizeof name, "out.p%zu_step%zu", i, step + 1);
        expected = clmix_safetensors_find(adamw->of->file, name);
        if (expected != NULL)
            CLMIX_TRY(
                clmix_case_compare(adamw->of, expected, CASE_FORWARD, adamw->host + adamw->places[i].begin, adamw->tensors[i]->count));
    }
    return CLMIX_OK;
}

static clmix_status run(struct adamw_case *adamw)
{
    clmix_train_options options;
    int64_t steps = 1;

    CLMIX_TRY(clmix_json_integer(adamw->of->config, "adamw", "steps", 1, 1000000, &steps));
    CLMIX_TRY(clmix_case_adamw_options(&options, adamw->of->config, "adamw"));
    CLMIX_TRY(prepare(adamw, &options));
    for (size_t step = 0; step < (size_t)steps; step++)
        CLMIX_TRY(run_step(adamw, &options, step));
    return CLMIX_OK;
}

clmix_status clmix_case_run_adamw(struct reference_case *of)
{
    struct adamw_case *adamw = calloc(1, sizeof *adamw);
    clmix_status status;

    if (adamw == NULL)
        return clmix_fail_memory("the case");
    adamw->of = of;
    status = run(adamw);
    clmix_optimizer_free(adamw->optimizer);
    clmix_buffer_release(of->device, adamw->weights);
    clmix_buffer_release(of->device, adamw->gradients);
    free(adamw->host);
    free(adamw);
    return status;
}
