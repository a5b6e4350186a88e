#include "train/recipe.h"

#include "base/array.h"
#include "base/status.h"
#include "network/config.h"
#include "network/front.h"

#include <clmix/ops.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

clmix_status clmix_recipe_make(struct clmix_recipe *recipe, const clmix_config *config, const clmix_train_options *options,
                               const float mean[4], const float std[4])
{
    memset(recipe, 0, sizeof *recipe);
    memcpy(recipe->mean, mean, sizeof recipe->mean);
    memcpy(recipe->std, std, sizeof recipe->std);
    CLMIX_TRY(clmix_config_copy(&recipe->config, config));
    if (options == NULL)
        return CLMIX_OK;
    recipe->label_smoothing = options->label_smoothing;
    recipe->mixup = options->augment.mixup > 0.0f;
    memcpy(recipe->freeze, options->freeze, sizeof recipe->freeze);
    if (options->dropout >= 0.0f) {
        char setting[40];

        snprintf(setting, sizeof setting, "dropout=%.9g", (double)options->dropout);
        return clmix_config_set(recipe->config, setting);
    }
    return CLMIX_OK;
}

void clmix_recipe_clear(struct clmix_recipe *recipe)
{
    clmix_config_free(recipe->config);
    recipe->config = NULL;
}

/* Pictures to logits; `label` is the input made on the way. */
static clmix_value build_logits(const struct clmix_recipe *recipe, clmix_graph *graph, size_t batch, clmix_value *label)
{
    struct clmix_front front = { .batch = batch, .mean = recipe->mean, .std = recipe->std };
    clmix_value logits = clmix_front_build(&front, graph, recipe->config);

    *label = clmix_batch_input(graph, CLMIX_LABELS, CLMIX_I32, 1, &batch);
    return logits;
}

/* The patterns one after another; the first that matches nothing is an error. */
static clmix_status freeze(const struct clmix_recipe *recipe, clmix_graph *graph)
{
    char patterns[CLMIX_FREEZE_BYTES], *rest = patterns, *pattern;

    memcpy(patterns, recipe->freeze, sizeof patterns);
    while ((pattern = strtok_r(rest, ",", &rest)) != NULL)
        if (clmix_freeze(graph, pattern) == 0)
            return clmix_fail(
                CLMIX_ERROR_ARGUMENT,
                "the pattern '%s' of weights to freeze matches none of '%s'; its names are such as conv.0.weight (clmix-summary "
                "lists the layers), and 'conv.*' matches all that begin so",
                pattern, clmix_config_name(recipe->config));
    return CLMIX_OK;
}

static clmix_status build_training(const struct clmix_recipe *recipe, clmix_graph *graph, size_t batch)
{
    const int first_choice = 1;
    clmix_value label, second = { 0 }, weight = { 0 }, loss, logits = build_logits(recipe, graph, batch, &label);
    const clmix_value one = { 0 };

    if (recipe->mixup) {
        second = clmix_batch_input(graph, CLMIX_SECOND_LABELS, CLMIX_I32, 1, &batch);
        weight = clmix_batch_input(graph, CLMIX_LABEL_WEIGHTS, CLMIX_F32, 1, &batch);
    }
    loss = clmix_cross_entropy(logits, label, recipe->label_smoothing, second, weight);
    clmix_output(graph, CLMIX_LOSS, loss);
    clmix_output(graph, CLMIX_CORRECT, clmix_top_k(logits, label, 1, &first_choice));
    CLMIX_TRY(clmix_graph_check(graph));
    CLMIX_TRY(freeze(recipe, graph));
    clmix_backward(graph, 1, &loss, &one);
    return CLMIX_OK;
}

static void build_scoring(const struct clmix_recipe *recipe, clmix_graph *graph, size_t batch)
{
    const size_t classes = clmix_config_classes(recipe->config);
    const int choices[2] = { 1, classes < 5 ? (int)classes : 5 };
    clmix_value label, none = { 0 }, logits = build_logits(recipe, graph, batch, &label);

    clmix_output(graph, CLMIX_LOSS, clmix_cross_entropy(logits, label, 0.0f, none, none));
    clmix_output(graph, CLMIX_CORRECT, clmix_top_k(logits, label, 2, choices));
}

/* Parameters with a gradient, as ranges that reach to where the next tensor begins; neighbours become one range. */
static clmix_status map_arenas(const clmix_graph *graph, struct clmix_arena_map *map)
{
    size_t capacity = 0, end = clmix_graph_weight_count(graph);

    map->weight_count = end;
    map->state_count = clmix_graph_state_count(graph);
    for (size_t i = clmix_graph_tensor_count(graph); i-- > 0;) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_graph_tensor(graph, i, &info));
        if (!info.trainable)
            continue;
        if (clmix_graph_has_gradient(graph, i)) {
            struct clmix_range range = { info.offset, end - info.offset };
            struct clmix_range *next = map->range_count > 0 ? &map->ranges[map->range_count - 1] : NULL;

            if (next != NULL && next->begin == end)
                *next = (struct clmix_range){ range.begin, range.count + next->count };
            else if (!CLMIX_PUSH(map->ranges, map->range_count, capacity, range))
                return clmix_fail_memory("the list of parameters");
        }
        end = info.offset;
    }
    if (map->range_count == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "this model has nothing to train: the loss depends on no parameter, or all are frozen");
    return CLMIX_OK;
}

void clmix_arena_map_clear(struct clmix_arena_map *map)
{
    free(map->ranges);
    memset(map, 0, sizeof *map);
}

clmix_status clmix_recipe_training(const struct clmix_recipe *recipe, clmix_device *device, size_t batch, clmix_plan **plan,
                                   struct clmix_arena_map *map)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_status status;

    *plan = NULL;
    if (map != NULL)
        memset(map, 0, sizeof *map);
    status = build_training(recipe, graph, batch);
    if (status == CLMIX_OK)
        status = clmix_plan_compile(plan, graph, device, CLMIX_TRAINING);
    if (status == CLMIX_OK && map != NULL)
        status = map_arenas(graph, map);
    if (status != CLMIX_OK) {
        if (map != NULL)
            clmix_arena_map_clear(map);
        clmix_plan_free(*plan);
        *plan = NULL;
    }
    clmix_graph_free(graph);
    return status;
}

clmix_status clmix_recipe_scoring(const struct clmix_recipe *recipe, clmix_device *device, size_t batch, clmix_plan **plan)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_status status;

    *plan = NULL;
    build_scoring(recipe, graph, batch);
    status = clmix_plan_compile(plan, graph, device, CLMIX_INFERENCE);
    clmix_graph_free(graph);
    return status;
}
