/* What a graph owns besides its nodes: parameters and states, shared where that is meant. */
#include "graph/graph.h"

#include "base/array.h"
#include "base/status.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

/* ---- making and sharing -------------------------------------------------------------------------------------------------------------- */

static size_t round_up(size_t count)
{
    return (count + CLMIX_ARENA_ALIGNMENT - 1) / CLMIX_ARENA_ALIGNMENT * CLMIX_ARENA_ALIGNMENT;
}

static clmix_value poisoned(clmix_graph *graph)
{
    return (clmix_value){ .graph = graph, .id = CLMIX_POISON };
}

/* The shape on the device: the file's axes in the order that `info` says, each of them once. */
static clmix_status order_axes(clmix_tensor_info *info)
{
    bool used[CLMIX_MAX_RANK] = { false };

    CLMIX_TRY(clmix_graph_check_shape(info->file_shape));
    info->device_shape.rank = info->file_shape.rank;
    for (int i = 0; i < info->file_shape.rank; i++) {
        if (info->order[i] < 0 || info->order[i] >= info->file_shape.rank || used[info->order[i]])
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the order of axes names %d for axis %d; it must name each of %d axes once, from 0 on",
                              info->order[i], i, info->file_shape.rank);
        used[info->order[i]] = true;
        info->device_shape.size[i] = info->file_shape.size[info->order[i]];
    }
    return CLMIX_OK;
}

/* Whether tensors of a shape can begin so; else a sentence. */
static clmix_status check_initializer(const clmix_initializer *initializer, clmix_shape file)
{
    const float numbers[] = { initializer->mean, initializer->std,  initializer->bound, initializer->low,
                              initializer->high, initializer->gain, initializer->slope };
    const bool truncated = initializer->kind == CLMIX_TRUNCATED_NORMAL;

    if ((unsigned)initializer->kind > CLMIX_ORTHOGONAL_FEATURES || (unsigned)initializer->fan > CLMIX_FAN_OUT)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "an initialiser of kind %d and fan %d; there is none", (int)initializer->kind,
                          (int)initializer->fan);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!isfinite(numbers[i]))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "an initialiser with a number that is not finite");
    if (initializer->std < 0.0f || initializer->bound < 0.0f || initializer->slope < 0.0f)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "an initialiser with std %g, bound %g and slope %g; none may be negative",
                          (double)initializer->std, (double)initializer->bound, (double)initializer->slope);
    if (truncated && !(initializer->std > 0.0f && initializer->low < initializer->high))
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "a truncated normal initialiser of std %g between %g and %g; std must be positive, and low below high",
                          (double)initializer->std, (double)initializer->low, (double)initializer->high);
    if (initializer->kind == CLMIX_FILLED && initializer->fill == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "an initialiser that is filled by no function");
    if (initializer->kind > CLMIX_TRUNCATED_NORMAL && initializer->kind != CLMIX_FILLED && file.rank < 2)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "an initialiser that needs rows and columns, for a tensor of %d axes", file.rank);
    return CLMIX_OK;
}

static clmix_value add_parameter(clmix_scope full, clmix_tensor_info info)
{
    clmix_graph *graph = full.graph;
    struct clmix_parameter parameter = { .info = info };
    size_t *arena = info.trainable ? &graph->weight_count : &graph->state_count;

    if (check_initializer(&info.initializer, info.file_shape) != CLMIX_OK)
        return clmix_poison(full, CLMIX_ERROR_ARGUMENT, "%s", clmix_error());
    if (clmix_graph_has_name(graph, info.name))
        return clmix_poison(full, CLMIX_ERROR_ARGUMENT, "a weight of the name of an input or output; give another");
    parameter.info.offset = *arena;
    parameter.value =
        clmix_graph_add_tensor(graph, info.trainable ? CLMIX_VALUE_PARAMETER : CLMIX_VALUE_STATE, CLMIX_F32, info.device_shape, -1);
    if (parameter.value < 0)
        return poisoned(graph);
    if (!clmix_names_add(&graph->parameter_names, info.name, graph->parameter_count) ||
        !CLMIX_PUSH(graph->parameters, graph->parameter_count, graph->parameter_capacity, parameter))
        return clmix_poison(full, clmix_fail_memory("a graph's weights"), "%s", clmix_error());
    *arena += round_up(clmix_shape_count(info.device_shape));
    graph->tensors[parameter.value]->name = info.name;
    graph->tensors[parameter.value]->parameter = (int32_t)graph->parameter_count - 1;
    return (clmix_value){ .graph = graph, .id = parameter.value };
}

/* The tensor that is there, if it is what is wanted once more. */
static clmix_value share_parameter(clmix_scope full, const clmix_tensor_info *wanted, const struct clmix_parameter *there)
{
    static const char *const kinds[2] = { "a state", "a parameter" };
    char text[2][64];

    if (there->info.trainable != wanted->trainable)
        return clmix_poison(full, CLMIX_ERROR_ARGUMENT, "what is to be shared is %s, and %s is wanted", kinds[there->info.trainable],
                            kinds[wanted->trainable]);
    if (!clmix_shape_equal(there->info.file_shape, wanted->file_shape))
        return clmix_poison(full, CLMIX_ERROR_ARGUMENT, "the tensor to be shared is %s in files, and %s is wanted",
                            clmix_shape_text(there->info.file_shape, text[0]), clmix_shape_text(wanted->file_shape, text[1]));
    for (int i = 0; i < wanted->file_shape.rank; i++)
        if (there->info.order[i] != wanted->order[i])
            return clmix_poison(full, CLMIX_ERROR_ARGUMENT,
                                "the tensor to be shared is %s on the device, and its axes are wanted in another order, as %s",
                                clmix_shape_text(there->info.device_shape, text[0]), clmix_shape_text(wanted->device_shape, text[1]));
    return (clmix_value){ .graph = full.graph, .id = there->value };
}

/* Makes the tensor, or where `at` is shared takes the one that is there. */
static clmix_value need_parameter(clmix_scope at, const char *name, clmix_tensor_info info)
{
    clmix_scope full = clmix_in(at, "%s", name);
    size_t index;

    if (at.graph == NULL)
        return poisoned(NULL);
    if (order_axes(&info) != CLMIX_OK)
        return clmix_poison(full, CLMIX_ERROR_ARGUMENT, "%s", clmix_error());
    info.name = clmix_path_text(at.graph, full.path);
    if (!clmix_names_find(&at.graph->parameter_names, info.name, &index))
        return at.shared ? clmix_poison(full, CLMIX_ERROR_ARGUMENT,
                                        "there is no tensor of this name to be shared; make it first, in a scope that is not shared")
                         : add_parameter(full, info);
    if (!at.shared)
        return clmix_poison(full, CLMIX_ERROR_ARGUMENT,
                            "two tensors of this name; every weight needs its own place, unless it is shared on purpose (clmix_shared)");
    return share_parameter(full, &info, &at.graph->parameters[index]);
}

clmix_scope clmix_shared(clmix_scope at)
{
    at.shared = true;
    return at;
}

clmix_value clmix_parameter(clmix_scope at, const char *name, int rank, const size_t *file_size, const int *order,
                            clmix_initializer initializer)
{
    clmix_tensor_info info = { .file_shape = clmix_shape_make(rank, file_size), .trainable = true, .initializer = initializer };

    for (int i = 0; i < rank && i < CLMIX_MAX_RANK; i++)
        info.order[i] = order == NULL ? i : order[i];
    if (name == NULL || (rank > 0 && file_size == NULL))
        return clmix_poison_null(at, "clmix_parameter", name == NULL ? "name" : "file_size");
    return need_parameter(at, name, info);
}

clmix_value clmix_state(clmix_scope at, const char *name, int rank, const size_t *size, clmix_initializer initializer)
{
    clmix_tensor_info info = { .file_shape = clmix_shape_make(rank, size), .trainable = false, .initializer = initializer };

    for (int i = 0; i < rank && i < CLMIX_MAX_RANK; i++)
        info.order[i] = i;
    if (name == NULL || (rank > 0 && size == NULL))
        return clmix_poison_null(at, "clmix_state", name == NULL ? "name" : "size");
    return need_parameter(at, name, info);
}

/* ---- what there is -------------------------------------------------------------------------------------------------------------------- */

size_t clmix_graph_tensor_count(const clmix_graph *graph)
{
    return graph == NULL ? 0 : graph->parameter_count;
}

clmix_status clmix_graph_tensor(const clmix_graph *graph, size_t index, clmix_tensor_info *info)
{
    CLMIX_NEED(info);

    if (index >= clmix_graph_tensor_count(graph))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "tensor %zu of a graph that has %zu", index, clmix_graph_tensor_count(graph));
    *info = graph->parameters[index].info;
    return CLMIX_OK;
}

bool clmix_graph_find(const clmix_graph *graph, const char *name, size_t *index)
{
    return graph != NULL && clmix_names_find(&graph->parameter_names, name, index);
}

/* What of the name is below `path`; NULL: it is not there. */
static const char *name_below(const char *name, const char *path)
{
    const size_t length = strlen(path);

    if (length == 0)
        return name;
    return strncmp(name, path, length) == 0 && name[length] == '.' ? name + length + 1 : NULL;
}

size_t clmix_initialize(clmix_scope below, const char *pattern, int rank, clmix_initializer initializer)
{
    const char *path = below.graph == NULL ? "" : clmix_path_text(below.graph, below.path);
    size_t count = 0;

    for (size_t i = 0; pattern != NULL && i < clmix_graph_tensor_count(below.graph); i++) {
        clmix_tensor_info *info = &below.graph->parameters[i].info;
        const char *name = name_below(info->name, path);

        if (name == NULL || info->file_shape.rank != rank || fnmatch(pattern, name, 0) != 0)
            continue;
        if (check_initializer(&initializer, info->file_shape) != CLMIX_OK) {
            (void)clmix_poison(below, CLMIX_ERROR_ARGUMENT, "%s", clmix_error());
            return count;
        }
        info->initializer = initializer;
        count++;
    }
    return count;
}

size_t clmix_freeze(clmix_graph *graph, const char *pattern)
{
    size_t count = 0;

    for (size_t i = 0; pattern != NULL && i < clmix_graph_tensor_count(graph); i++)
        if (fnmatch(pattern, graph->parameters[i].info.name, 0) == 0) {
            graph->tensors[graph->parameters[i].value]->frozen = true;
            count++;
        }
    return count;
}

bool clmix_graph_has_gradient(const clmix_graph *graph, size_t index)
{
    return index < clmix_graph_tensor_count(graph) && graph->tensors[graph->parameters[index].value]->gradient != CLMIX_NONE;
}

size_t clmix_graph_weight_count(const clmix_graph *graph)
{
    return graph == NULL ? 0 : graph->weight_count;
}

size_t clmix_graph_state_count(const clmix_graph *graph)
{
    return graph == NULL ? 0 : graph->state_count;
}
