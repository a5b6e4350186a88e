#include "train/recipe.h"

#include "base/array.h"
#include "base/port.h"
#include "base/status.h"
#include "network/config.h"

#include <fnmatch.h>
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
    recipe->length = options->length;
    if (recipe->mixup && recipe->task->unblended == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "mixup blends samples, and %s has no targets for that", recipe->task->name);
    memcpy(recipe->freeze, options->freeze, sizeof recipe->freeze);
    memcpy(recipe->no_decay, options->no_decay, sizeof recipe->no_decay);
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
    return (struct clmix_task_settings){
        .config = recipe->config, .mode = mode, .label_smoothing = recipe->label_smoothing, .mixup = recipe->mixup
    };
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

size_t clmix_recipe_length(const struct clmix_recipe *recipe)
{
    const size_t longest = clmix_config_longest(recipe->config);

    return longest > 0 && recipe->length > 0 ? recipe->length : longest;
}

/* Whether the set's port is what is wanted; its sequences may be shorter than the longest. */
static bool fits(const clmix_port *wanted, const clmix_port *found)
{
    if (clmix_port_is_along(wanted) && clmix_port_is_along(found))
        return found->size[0] <= wanted->size[0];
    return wanted->type == found->type && wanted->rank == found->rank &&
           memcmp(wanted->size, found->size, (size_t)wanted->rank * sizeof *wanted->size) == 0;
}

static void list(const clmix_port *ports, size_t count, char *text, size_t bytes)
{
    char port[CLMIX_PORT_TEXT];
    size_t used = 0;

    snprintf(text, bytes, "nothing");
    for (size_t i = 0; i < count && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", i == 0 ? "" : ", ", clmix_port_text(&ports[i], port));
}

/* What to do about a port that is missing, or another. */
static const char *advice(const clmix_port *wanted, const clmix_port *ports, size_t count)
{
    if (strcmp(wanted->name, CLMIX_TOKEN_LABELS) == 0)
        return "what masks tokens is text:FILE, and models of classes have the head classify";
    if (strcmp(wanted->name, CLMIX_LABELS) == 0 && clmix_port_find(ports, count, CLMIX_TOKEN_LABELS) != NULL)
        return "labelled text is tsv:FILE, csv:FILE and the like, and models that guess masked tokens have the head mlm";
    return "open it with the model's size";
}

/* What a set says of its ids before any is read; each batch is looked at too (feed.c). */
static clmix_status check_vocabulary(const clmix_config *config, const clmix_dataset *data)
{
    const size_t vocabulary = clmix_config_vocabulary(config), free_ids = clmix_config_ids(config), ids = clmix_dataset_ids(data);
    const char *kind = clmix_tokenizer_kind_name(clmix_dataset_tokenizer(data));

    if (ids <= free_ids)
        return CLMIX_OK;
    return clmix_fail(
        CLMIX_ERROR_ARGUMENT,
        "the data set's %s has %zu tokens and '%s' a vocabulary of %zu%s; set the configuration's vocab to %zu or more, or read the data "
        "with the model's own vocabulary",
        kind[0] != '\0' ? kind : "grey values", ids, clmix_config_name(config), vocabulary, clmix_config_why_fewer_ids(config),
        ids + vocabulary - free_ids);
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

        if (found != NULL && fits(&wanted[i], found))
            continue;
        list(wanted, (size_t)count, takes, sizeof takes);
        list(ports, there, has, sizeof has);
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' and %s take %s, and the data set was opened with %s; %s", clmix_config_name(config),
                          task->name, takes, has, advice(&wanted[i], ports, there));
    }
    CLMIX_TRY(check_vocabulary(config, data));
    return task->check_data(config, data);
}

/* ---- graphs ----------------------------------------------------------------------------------------------------------------------- */

struct clmix_task_results clmix_recipe_build(const struct clmix_recipe *recipe, clmix_graph *graph, clmix_mode mode,
                                             struct clmix_extent extent)
{
    const struct clmix_task_settings settings = settings_of(recipe, mode);
    struct clmix_front front = { .extent = extent, .mean = recipe->mean, .std = recipe->std };

    return clmix_task_build(recipe->task, &settings, &front, graph, NULL);
}

/* Patterns of names, one after another, each handed to `match`, which tells how many match. The first that matches nothing is an error. */
static clmix_status match_each(const struct clmix_recipe *recipe, const char *list, const char *what,
                               size_t (*match)(void *user, const char *pattern), void *user)
{
    char patterns[CLMIX_FREEZE_BYTES], *rest = patterns, *pattern;

    memcpy(patterns, list, sizeof patterns);
    while ((pattern = strtok_r(rest, ",", &rest)) != NULL)
        if (match(user, pattern) == 0)
            return clmix_fail(CLMIX_ERROR_ARGUMENT,
                              "the pattern '%s' of weights %s matches none of '%s'; its names are such as conv.0.weight (clmix-summary "
                              "lists the layers), and 'conv.*' matches all that begin so",
                              pattern, what, clmix_config_name(recipe->config));
    return CLMIX_OK;
}

static size_t freeze_one(void *graph, const char *pattern)
{
    return clmix_freeze(graph, pattern);
}

static clmix_status freeze(const struct clmix_recipe *recipe, clmix_graph *graph)
{
    return match_each(recipe, recipe->freeze, "to freeze", freeze_one, graph);
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

/* Which tensors of a graph have no weight decay: a mark each. */
struct marks {
    const clmix_graph *graph;
    bool *set;
};

static size_t mark_one(void *user, const char *pattern)
{
    struct marks *marks = user;
    size_t matches = 0;

    for (size_t i = 0; i < clmix_graph_tensor_count(marks->graph); i++) {
        clmix_tensor_info info;

        if (clmix_graph_tensor(marks->graph, i, &info) != CLMIX_OK || fnmatch(pattern, info.name, 0) != 0)
            continue;
        marks->set[i] = true;
        matches++;
    }
    return matches;
}

/* The marked tensors that are trainable, as ranges that reach to where the next begins. */
static clmix_status list_undecayed(const struct marks *marks, struct clmix_arena_map *map)
{
    size_t capacity = 0, end = map->weight_count;

    for (size_t i = clmix_graph_tensor_count(marks->graph); i-- > 0;) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_graph_tensor(marks->graph, i, &info));
        if (!info.trainable)
            continue;
        if (marks->set[i] &&
            !CLMIX_PUSH(map->undecayed, map->undecayed_count, capacity, ((struct clmix_range){ info.offset, end - info.offset })))
            return clmix_fail_memory("the list of parameters");
        end = info.offset;
    }
    return CLMIX_OK;
}

static clmix_status map_undecayed(const struct clmix_recipe *recipe, const clmix_graph *graph, struct clmix_arena_map *map)
{
    struct marks marks = { graph, calloc(clmix_graph_tensor_count(graph) + 1, sizeof *marks.set) };
    clmix_status status;

    if (marks.set == NULL)
        return clmix_fail_memory("the list of parameters");
    status = match_each(recipe, recipe->no_decay, "without weight decay", mark_one, &marks);
    if (status == CLMIX_OK)
        status = list_undecayed(&marks, map);
    free(marks.set);
    return status;
}

void clmix_arena_map_clear(struct clmix_arena_map *map)
{
    free(map->ranges);
    free(map->undecayed);
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
    if (status == CLMIX_OK && map != NULL)
        status = map_undecayed(recipe, graph, map);
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

static clmix_status add_scoring(const struct clmix_recipe *recipe, clmix_device *device, struct clmix_extent extent,
                                struct clmix_scoring *scoring)
{
    struct clmix_sized_plan *sized = &scoring->plans[scoring->count];
    clmix_graph *graph;
    clmix_status status;

    for (size_t i = 0; i < scoring->count; i++)
        if (clmix_extents_equal(scoring->plans[i].extent, extent))
            return CLMIX_OK;
    graph = clmix_graph_new();
    sized->extent = extent;
    build_outputs(recipe, graph, CLMIX_INFERENCE, sized->extent);
    status = clmix_plan_compile(&sized->plan, graph, device, CLMIX_INFERENCE);
    clmix_graph_free(graph);
    if (status == CLMIX_OK)
        scoring->count++;
    return status;
}

clmix_status clmix_recipe_scoring(const struct clmix_recipe *recipe, clmix_device *device, const struct clmix_sizes *sizes,
                                  struct clmix_scoring *scoring)
{
    const bool across = clmix_config_across(recipe->config);
    clmix_status status = CLMIX_OK;

    *scoring = (struct clmix_scoring){ 0 };
    for (size_t i = 0; status == CLMIX_OK && i < sizes->count; i++) {
        const struct clmix_batch_size *size = &sizes->list[i];

        status = add_scoring(recipe, device, (struct clmix_extent){ across ? size->count : size->room, size->length }, scoring);
    }
    if (status != CLMIX_OK)
        clmix_scoring_clear(scoring);
    return status;
}

const struct clmix_sized_plan *clmix_scoring_plan(const struct clmix_scoring *scoring, struct clmix_extent extent)
{
    const struct clmix_sized_plan *found = NULL;

    for (size_t i = 0; i < scoring->count; i++) {
        const struct clmix_sized_plan *plan = &scoring->plans[i];

        if (plan->extent.length == extent.length && plan->extent.batch >= extent.batch &&
            (found == NULL || plan->extent.batch < found->extent.batch))
            found = plan;
    }
    return found;
}

void clmix_scoring_clear(struct clmix_scoring *scoring)
{
    while (scoring->count > 0) /* the first, whose memory the other may use, last */
        clmix_plan_free(scoring->plans[--scoring->count].plan);
}
