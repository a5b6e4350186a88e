#include "train/recipe.h"

#include "base/array.h"
#include "base/port.h"
#include "base/status.h"
#include "network/config.h"

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
    recipe->task = clmix_task_of(recipe->config);
    if (options == NULL)
        return CLMIX_OK;
    recipe->label_smoothing = options->label_smoothing;
    recipe->mixup = options->augment.mixup > 0.0f;
    if (recipe->mixup && recipe->task->unblended == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "mixup blends samples, and %s has no targets for that", recipe->task->name);
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

static struct clmix_task_settings settings_of(const struct clmix_recipe *recipe, clmix_mode mode)
{
    if (mode == CLMIX_INFERENCE)
        return (struct clmix_task_settings){ .config = recipe->config };
    return (struct clmix_task_settings){ recipe->config, mode, recipe->label_smoothing, recipe->mixup };
}

/* ---- ports ------------------------------------------------------------------------------------------------------------------------ */

int clmix_recipe_ports(const struct clmix_recipe *recipe, clmix_mode mode, size_t length, clmix_port ports[CLMIX_RECIPE_PORTS], int *inputs)
{
    const struct clmix_task_settings settings = settings_of(recipe, mode);
    const int count = clmix_config_ports(recipe->config, length, ports);

    if (inputs != NULL)
        *inputs = count;
    return count + recipe->task->targets(&settings, length, ports + count);
}

static bool same(const clmix_port *a, const clmix_port *b)
{
    return a->type == b->type && a->rank == b->rank && memcmp(a->size, b->size, (size_t)a->rank * sizeof *a->size) == 0;
}

static void list(const clmix_port *ports, size_t count, char *text, size_t bytes)
{
    char port[CLMIX_PORT_TEXT];
    size_t used = 0;

    snprintf(text, bytes, "nothing");
    for (size_t i = 0; i < count && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", i == 0 ? "" : ", ", clmix_port_text(&ports[i], port));
}

/* What blending adds comes from the loader. */
clmix_status clmix_check_data(const clmix_config *config, const clmix_dataset *data)
{
    const struct clmix_task *task = clmix_task_of(config);
    const struct clmix_task_settings settings = { .config = config };
    clmix_port wanted[CLMIX_RECIPE_PORTS];
    const int inputs = clmix_config_ports(config, 0, wanted), count = inputs + task->targets(&settings, 0, wanted + inputs);
    size_t there;
    const clmix_port *ports = clmix_dataset_ports(data, &there);
    char takes[512], has[512];

    for (int i = 0; i < count; i++) {
        const clmix_port *found = clmix_port_find(ports, there, wanted[i].name);

        if (found != NULL && same(&wanted[i], found))
            continue;
        list(wanted, (size_t)count, takes, sizeof takes);
        list(ports, there, has, sizeof has);
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' and %s take %s, and the data set was opened with %s; open it with the model's size",
                          clmix_config_name(config), task->name, takes, has);
    }
    return task->check_data(config, data);
}

/* ---- graphs ----------------------------------------------------------------------------------------------------------------------- */

struct clmix_task_results clmix_recipe_build(const struct clmix_recipe *recipe, clmix_graph *graph, clmix_mode mode,
                                             struct clmix_extent extent)
{
    const struct clmix_task_settings settings = settings_of(recipe, mode);
    struct clmix_front front = { .extent = extent, .mean = recipe->mean, .std = recipe->std };
    clmix_value targets[CLMIX_MOST_TARGETS] = { { 0 } };
    clmix_port ports[CLMIX_MOST_TARGETS];
    const clmix_value output = clmix_front_build(&front, graph, recipe->config);
    const int count = recipe->task->targets(&settings, extent.length, ports);

    for (int i = 0; i < count; i++)
        targets[i] = clmix_front_input(graph, &ports[i], ports[i].type, extent.batch);
    return recipe->task->build(&settings, output, targets);
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

static clmix_value build_outputs(const struct clmix_recipe *recipe, clmix_graph *graph, clmix_mode mode, struct clmix_extent extent)
{
    const struct clmix_task_results results = clmix_recipe_build(recipe, graph, mode, extent);

    clmix_output(graph, CLMIX_LOSS, results.loss);
    clmix_output(graph, CLMIX_COUNTED, results.counted);
    clmix_output(graph, CLMIX_METRICS, results.metrics);
    return results.loss;
}

static clmix_status build_training(const struct clmix_recipe *recipe, clmix_graph *graph, struct clmix_extent extent)
{
    const clmix_value loss = build_outputs(recipe, graph, CLMIX_TRAINING, extent), one = { 0 };

    CLMIX_TRY(clmix_graph_check(graph));
    CLMIX_TRY(freeze(recipe, graph));
    clmix_backward(graph, 1, &loss, &one);
    return CLMIX_OK;
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

clmix_status clmix_recipe_training(const struct clmix_recipe *recipe, clmix_device *device, struct clmix_extent extent, clmix_plan **plan,
                                   struct clmix_arena_map *map)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_status status;

    *plan = NULL;
    if (map != NULL)
        memset(map, 0, sizeof *map);
    status = build_training(recipe, graph, extent);
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

/* ---- evaluation ------------------------------------------------------------------------------------------------------------------- */

static clmix_status add_scoring(const struct clmix_recipe *recipe, clmix_device *device, size_t batch, struct clmix_scoring *scoring)
{
    struct clmix_sized_plan *sized = &scoring->plans[scoring->count];
    clmix_graph *graph = clmix_graph_new();
    clmix_status status;

    sized->extent = (struct clmix_extent){ .batch = batch };
    build_outputs(recipe, graph, CLMIX_INFERENCE, sized->extent);
    status = clmix_plan_compile(&sized->plan, graph, device, CLMIX_INFERENCE);
    clmix_graph_free(graph);
    if (status == CLMIX_OK)
        scoring->count++;
    return status;
}

clmix_status clmix_recipe_scoring(const struct clmix_recipe *recipe, clmix_device *device, size_t batch, size_t count,
                                  struct clmix_scoring *scoring)
{
    const bool across = clmix_config_across(recipe->config);
    clmix_status status = CLMIX_OK;

    *scoring = (struct clmix_scoring){ 0 };
    if (!across || count >= batch)
        status = add_scoring(recipe, device, batch, scoring);
    if (status == CLMIX_OK && across && count % batch > 0)
        status = add_scoring(recipe, device, count % batch, scoring);
    if (status != CLMIX_OK)
        clmix_scoring_clear(scoring);
    return status;
}

const struct clmix_sized_plan *clmix_scoring_plan(const struct clmix_scoring *scoring, size_t samples)
{
    for (size_t i = 0; i < scoring->count; i++)
        if (scoring->plans[i].extent.batch == samples)
            return &scoring->plans[i];
    return &scoring->plans[0];
}

void clmix_scoring_clear(struct clmix_scoring *scoring)
{
    while (scoring->count > 0) /* the first, whose memory the other may use, last */
        clmix_plan_free(scoring->plans[--scoring->count].plan);
}
