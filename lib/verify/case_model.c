/* Cases of kind "model": evaluation, one training pass with gradients, and a few optimizer steps. */
#include "base/status.h"
#include "graph/op.h"
#include "network/config.h"
#include "network/network.h"
#include "runtime/runtime.h"
#include "train/recipe.h"
#include "verify/case_samples.h"
#include <clmix/ops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model_case {
    struct reference_case *of;
    clmix_network *network;
    struct clmix_arenas initial; /* what the case begins with */
    struct case_samples samples;
    clmix_plan *plan;   /* forward, loss, backward */
    clmix_graph *graph; /* of that plan */
    cl_mem gradients;
};

/* ---- what the case gives ------------------------------------------------------------------------------------------------------------ */

/* The configuration with every dropout at 0, as the cases' training numbers are. */
static clmix_status open_config(const struct reference_case *of, clmix_config **config)
{
    static const char *const rates[] = { "dropout", "embedding_dropout", "attention_dropout", "stochastic_depth" };
    cJSON *json = cJSON_Duplicate(of->config, 1);

    if (json == NULL)
        return clmix_fail_memory("the configuration");
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        cJSON *rate = cJSON_GetObjectItemCaseSensitive(json, rates[i]);

        if (cJSON_IsNumber(rate))
            cJSON_SetNumberValue(rate, 0.0);
    }
    return clmix_config_adopt(config, "config", json);
}

/* The case's initial weights and running statistics, for each name of the model. */
static clmix_status take_weights(struct model_case *model)
{
    CLMIX_TRY(clmix_arenas_new(&model->initial, model->network));
    for (size_t i = 0; i < clmix_network_tensor_count(model->network); i++) {
        clmix_tensor_info info;
        float *file = NULL;
        const clmix_stored_tensor *stored;

        CLMIX_TRY(clmix_network_tensor(model->network, i, &info));
        stored = clmix_case_find(model->of, info.trainable ? "param." : "buffer.", info.name);
        if (stored == NULL || stored->count != clmix_shape_count(info.file_shape))
            return clmix_fail(CLMIX_ERROR_FORMAT, "the model needs '%s%s' with %zu values, and the case %s",
                              info.trainable ? "param." : "buffer.", info.name, clmix_shape_count(info.file_shape),
                              stored != NULL ? "has another number" : "has none");
        CLMIX_TRY(clmix_case_floats(stored, &file));
        clmix_layout_to_device(&info, file, clmix_arenas_at(&model->initial, &info));
        free(file);
    }
    return clmix_arenas_upload(&model->initial, model->network);
}

/* That the model knows every weight of the case. */
static clmix_status check_weights(const struct model_case *model)
{
    for (size_t i = 0; i < clmix_safetensors_count(model->of->file); i++) {
        const char *name = clmix_safetensors_at(model->of->file, i)->name;
        bool known = false;

        if (strncmp(name, "param.", 6) != 0)
            continue;
        for (size_t k = 0; !known && k < clmix_network_tensor_count(model->network); k++) {
            clmix_tensor_info info;

            known = clmix_network_tensor(model->network, k, &info) == CLMIX_OK && strcmp(info.name, name + 6) == 0;
        }
        if (!known)
            return clmix_fail(CLMIX_ERROR_FORMAT, "the case has '%s', which the model does not have", name);
    }
    return CLMIX_OK;
}

static clmix_status bind_network(const struct model_case *model, clmix_plan *plan)
{
    if (clmix_network_weights(model->network) != NULL)
        CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, clmix_network_weights(model->network)));
    if (clmix_network_states(model->network) != NULL)
        CLMIX_TRY(clmix_plan_bind_arena(plan, CLMIX_STATES, clmix_network_states(model->network)));
    return CLMIX_OK;
}

static size_t logit_count(const struct model_case *model)
{
    const clmix_config *config = clmix_network_config(model->network);
    const struct clmix_extent extent = model->samples.extent;

    switch (clmix_config_answer(config)) {
    case CLMIX_ANSWER_LOGIT: return extent.batch;
    case CLMIX_ANSWER_TOKENS: return extent.batch * extent.length * clmix_config_vocabulary(config);
    default: return extent.batch * clmix_config_classes(config);
    }
}

/* Reads an output of `plan` and compares it. */
static clmix_status compare_output(const struct model_case *model, clmix_plan *plan, const char *output, const char *name, size_t count)
{
    const clmix_stored_tensor *expected = clmix_safetensors_find(model->of->file, name);
    float *values;
    clmix_status status;

    if (expected == NULL)
        return CLMIX_OK;
    values = malloc((count + 1) * sizeof *values);
    if (values == NULL)
        return clmix_fail_memory(name);
    status = clmix_plan_read(plan, output, values, count * sizeof *values);
    if (status == CLMIX_OK)
        status = clmix_case_compare(model->of, expected, CASE_FORWARD, values, count);
    free(values);
    return status;
}

/* ---- evaluation --------------------------------------------------------------------------------------------------------------------- */

/* The model alone, its whole output. */
static clmix_status evaluate(struct model_case *model, clmix_mode mode, const char *name)
{
    clmix_plan *plan = NULL;
    clmix_graph *graph;
    clmix_status status;

    if (clmix_safetensors_find(model->of->file, name) == NULL)
        return CLMIX_OK;
    graph = clmix_front_outline(clmix_network_config(model->network), model->samples.extent);
    status = clmix_plan_compile(&plan, graph, model->of->device, mode);
    if (status == CLMIX_OK)
        status = bind_network(model, plan);
    if (status == CLMIX_OK)
        status = clmix_case_feed(&model->samples, plan, model->samples.inputs);
    if (status == CLMIX_OK)
        status = clmix_plan_run(plan);
    if (status == CLMIX_OK)
        status = compare_output(model, plan, "output", name, logit_count(model));
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return status;
}

/* ---- training ----------------------------------------------------------------------------------------------------------------------- */

static clmix_status compile_training(struct model_case *model)
{
    const struct case_samples *samples = &model->samples;
    struct clmix_front front = { .extent = samples->extent };
    struct clmix_task_settings settings = { .config = clmix_network_config(model->network), .mode = CLMIX_TRAINING };
    clmix_graph *graph;
    clmix_value logits, loss;
    clmix_value one = clmix_no_value();

    CLMIX_TRY(clmix_case_take_targets(model->of, &model->samples));
    settings.most = samples->most;

    graph = model->graph = clmix_graph_new();
    loss = clmix_task_build(clmix_task_of(settings.config), &settings, &front, graph, &logits).loss;
    if (samples->ports[0].type != CLMIX_I32)
        clmix_want_gradient(front.inputs[0]);
    clmix_backward(graph, 1, &loss, &one);
    clmix_output(graph, "logits", logits);
    clmix_output(graph, "loss", loss);
    if (samples->ports[0].type != CLMIX_I32)
        clmix_output(graph, "gradient", clmix_gradient_of(front.inputs[0]));

    CLMIX_TRY(clmix_plan_compile(&model->plan, graph, model->of->device, CLMIX_TRAINING));
    CLMIX_TRY(bind_network(model, model->plan));
    CLMIX_TRY(clmix_buffer_create(model->of->device, clmix_graph_weight_count(graph) * sizeof(float), "the gradients", &model->gradients));
    CLMIX_TRY(clmix_buffer_zero(model->of->device, model->gradients, 0, clmix_graph_weight_count(graph) * sizeof(float)));
    return clmix_plan_bind_arena(model->plan, CLMIX_GRADIENTS, model->gradients);
}

static clmix_status run_training(struct model_case *model)
{
    CLMIX_TRY(clmix_case_feed(&model->samples, model->plan, model->samples.count));
    return clmix_plan_run(model->plan);
}

/* Compares what the case has of one tensor of the arena that `device` is a host copy of. */
static clmix_status compare_tensor(const struct model_case *model, const clmix_tensor_info *info, const char *prefix, enum case_kind kind,
                                   const float *device)
{
    const clmix_stored_tensor *expected = clmix_case_find(model->of, prefix, info->name);
    size_t count = clmix_shape_count(info->file_shape);
    float *values;
    clmix_status status;

    if (expected == NULL)
        return CLMIX_OK;
    values = malloc((count + 1) * sizeof *values);
    if (values == NULL)
        return clmix_fail_memory(info->name);
    clmix_layout_to_file(info, device + info->offset, values);
    status = clmix_case_compare(model->of, expected, kind, values, count);
    free(values);
    return status;
}

static clmix_status compare_gradients(struct model_case *model)
{
    size_t count = clmix_graph_weight_count(model->graph);
    float *device = malloc((count + 1) * sizeof *device);
    clmix_status status;

    if (device == NULL)
        return clmix_fail_memory("the gradients");
    status = clmix_buffer_read(model->of->device, model->gradients, 0, device, count * sizeof *device);
    for (size_t i = 0; status == CLMIX_OK && i < clmix_graph_tensor_count(model->graph); i++) {
        clmix_tensor_info info;

        status = clmix_graph_tensor(model->graph, i, &info);
        if (status == CLMIX_OK && info.trainable)
            status = compare_tensor(model, &info, "grad.", CASE_GRADIENT, device);
    }
    free(device);
    return status;
}

static clmix_status compare_input_gradient(struct model_case *model)
{
    const clmix_stored_tensor *expected = clmix_safetensors_find(model->of->file, "grad.input"), *input;
    size_t count = clmix_case_elements(&model->samples, 0);
    float *device;
    clmix_tensor_info layout;
    clmix_status status;

    if (expected == NULL)
        return CLMIX_OK;
    CLMIX_TRY(clmix_case_tensor(model->of, "input", &input));
    device = malloc(2 * count * sizeof *device);
    if (device == NULL)
        return clmix_fail_memory("the input's gradient");
    layout = clmix_case_port_layout(&model->samples.ports[0], input);
    status = clmix_plan_read(model->plan, "gradient", device, count * sizeof *device);
    if (status == CLMIX_OK) {
        clmix_layout_to_file(&layout, device, device + count);
        status = clmix_case_compare(model->of, expected, CASE_GRADIENT, device + count, count);
    }
    free(device);
    return status;
}

/* Running statistics or weights as they are now. */
static clmix_status compare_arenas(struct model_case *model, const char *prefix, bool trainable, enum case_kind kind)
{
    struct clmix_arenas now;
    clmix_status status;

    CLMIX_TRY(clmix_arenas_new(&now, model->network));
    status = clmix_arenas_download(&now, model->network);
    for (size_t i = 0; status == CLMIX_OK && i < clmix_network_tensor_count(model->network); i++) {
        clmix_tensor_info info;

        status = clmix_network_tensor(model->network, i, &info);
        if (status == CLMIX_OK && info.trainable == trainable)
            status = compare_tensor(model, &info, prefix, kind, trainable ? now.weights : now.states);
    }
    clmix_arenas_free(&now);
    return status;
}

static clmix_status train_once(struct model_case *model)
{
    CLMIX_TRY(compile_training(model));
    CLMIX_TRY(run_training(model));
    if (clmix_config_answer(clmix_network_config(model->network)) == CLMIX_ANSWER_TOKENS) /* the task wants some of them only */
        CLMIX_TRY(evaluate(model, CLMIX_TRAINING, "train.output"));
    else
        CLMIX_TRY(compare_output(model, model->plan, "logits", "train.output", logit_count(model)));
    CLMIX_TRY(compare_output(model, model->plan, "loss", "train.loss", 1));
    CLMIX_TRY(compare_gradients(model));
    CLMIX_TRY(compare_input_gradient(model));
    return compare_arenas(model, "train.buffer.", false, CASE_FORWARD);
}

/* ---- optimizer steps ---------------------------------------------------------------------------------------------------------------- */

static clmix_status read_optimizer(const struct model_case *model, clmix_train_options *options)
{
    const char *text = clmix_safetensors_metadata(model->of->file, "optimizer");
    cJSON *json = NULL;
    clmix_status status;

    if (text == NULL)
        return clmix_fail(CLMIX_ERROR_FORMAT, "the case has optimizer steps and no metadata 'optimizer'");
    CLMIX_TRY(clmix_json_parse(&json, "optimizer", text, strlen(text)));
    status = clmix_case_adamw_options(options, json, "optimizer");
    cJSON_Delete(json);
    return status;
}

/* The parts of the weight arena that have a gradient: the others the optimizer must not touch. */
static clmix_status make_optimizer(const struct model_case *model, const clmix_train_options *options, struct clmix_optimizer **optimizer)
{
    size_t tensors = clmix_graph_tensor_count(model->graph), count = 0;
    struct clmix_range *ranges = calloc(tensors + 1, sizeof *ranges);
    clmix_status status;

    if (ranges == NULL)
        return clmix_fail_memory("the optimizer");
    for (size_t i = 0; i < tensors; i++) {
        clmix_tensor_info info;

        if (clmix_graph_tensor(model->graph, i, &info) == CLMIX_OK && info.trainable && clmix_graph_has_gradient(model->graph, i))
            ranges[count++] = (struct clmix_range){ info.offset, clmix_case_arena_count(clmix_shape_count(info.file_shape)) };
    }
    status = clmix_optimizer_new(optimizer, model->of->device, options, ranges, count, clmix_graph_weight_count(model->graph));
    free(ranges);
    return status != CLMIX_OK ? status : clmix_optimizer_prepare(*optimizer);
}

/* losses[s] is the loss before update s + 1. */
static clmix_status optimize(struct model_case *model, struct clmix_optimizer *optimizer, const clmix_train_options *options, float *losses,
                             size_t steps)
{
    float scalars[CLMIX_SCALARS];

    CLMIX_TRY(clmix_arenas_upload(&model->initial, model->network));
    CLMIX_TRY(clmix_plan_bind(model->plan, "loss", optimizer->scalars, CLMIX_SCALAR_LOSS * sizeof(float)));
    for (size_t s = 0; s < steps; s++) {
        CLMIX_TRY(run_training(model));
        CLMIX_TRY(clmix_optimizer_update(optimizer, clmix_network_weights(model->network), model->gradients, CLMIX_ONE_BATCH,
                                         (double)options->rate, s));
        CLMIX_TRY(clmix_optimizer_scalars(optimizer, scalars));
        losses[s] = scalars[CLMIX_SCALAR_LOSS];
    }
    return CLMIX_OK;
}

static clmix_status run_optimizer(struct model_case *model)
{
    const clmix_stored_tensor *expected = clmix_safetensors_find(model->of->file, "adamw.loss");
    clmix_train_options options;
    struct clmix_optimizer *optimizer = NULL;
    float *losses;
    clmix_status status;

    if (expected == NULL)
        return CLMIX_OK;

    CLMIX_TRY(read_optimizer(model, &options));
    losses = calloc(expected->count + 1, sizeof *losses);
    status = losses != NULL ? make_optimizer(model, &options, &optimizer) : clmix_fail_memory("the losses");
    if (status == CLMIX_OK)
        status = optimize(model, optimizer, &options, losses, expected->count);
    if (status == CLMIX_OK)
        status = clmix_case_compare(model->of, expected, CASE_LOSS, losses, expected->count);
    if (status == CLMIX_OK)
        status = compare_arenas(model, "adamw.param.", true, CASE_WEIGHT);
    clmix_plan_free(model->plan); /* before the memory that its loss is bound to */
    model->plan = NULL;
    clmix_optimizer_free(optimizer);
    free(losses);
    return status;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status run_all(struct model_case *model, const clmix_config *config)
{
    CLMIX_TRY(clmix_network_create(&model->network, model->of->device, config, 0));
    CLMIX_TRY(clmix_case_take_samples(model->of, config, &model->samples));
    CLMIX_TRY(check_weights(model));
    CLMIX_TRY(take_weights(model));
    CLMIX_TRY(evaluate(model, CLMIX_INFERENCE, "eval.output"));
    CLMIX_TRY(train_once(model));
    return run_optimizer(model);
}

clmix_status clmix_case_run_model(struct reference_case *of)
{
    struct model_case model = { .of = of };
    clmix_config *config = NULL;
    clmix_status status;

    CLMIX_TRY(open_config(of, &config));
    status = run_all(&model, config);
    clmix_plan_free(model.plan);
    clmix_graph_free(model.graph);
    clmix_buffer_release(of->device, model.gradients);
    clmix_network_free(model.network);
    clmix_arenas_free(&model.initial);
    clmix_config_free(config);
    clmix_case_drop_samples(&model.samples);
    return status;
}
