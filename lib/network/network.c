/* Networks: making them, what they know of their classes and data, access to single tensors. */
#include "network/network.h"
#include "base/size.h"
#include "base/status.h"
#include "graph/op.h"
#include "network/config.h"
#include "network/front.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ------------------------------------------------------------------------------------------------------------------------- */

/* The model for one sample, for the names and places of its tensors; they are the same for every batch. */
static clmix_status build_graph(clmix_network *network)
{
    network->graph = clmix_front_outline(network->config, (struct clmix_extent){ .batch = 1 });
    return clmix_graph_check(network->graph);
}

static clmix_status make_arenas(clmix_network *network)
{
    size_t weights = clmix_graph_weight_count(network->graph), states = clmix_graph_state_count(network->graph);

    if (weights > 0)
        CLMIX_TRY(clmix_buffer_create(network->device, weights * sizeof(float), "the weights", &network->weights));
    if (states > 0)
        CLMIX_TRY(clmix_buffer_create(network->device, states * sizeof(float), "the running statistics", &network->states));
    return CLMIX_OK;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; names != NULL && i < count; i++)
        free(names[i]);
    free(names);
}

/* Copies of `names`, or "class 0", "class 1", ... where there are none. NULL when the host is out of memory. */
static char **copy_names(const char *const *names, size_t count)
{
    char **copies = calloc(clmix_at_least_one(count), sizeof *copies);

    for (size_t i = 0; copies != NULL && i < count; i++) {
        char usual[32];

        snprintf(usual, sizeof usual, "class %zu", i);
        copies[i] = strdup(names != NULL && names[i] != NULL ? names[i] : usual);
        if (copies[i] == NULL) {
            free_names(copies, count);
            return NULL;
        }
    }
    return copies;
}

clmix_status clmix_network_make(clmix_network **network, clmix_device *device, clmix_config *config)
{
    clmix_network *made = calloc(1, sizeof *made);
    clmix_status status;

    *network = NULL;
    if (made == NULL) {
        clmix_config_free(config);
        return clmix_fail_memory("a network");
    }
    made->device = device;
    made->config = config;
    for (int c = 0; c < 4; c++)
        made->mean[c] = made->std[c] = 0.5f;

    status = build_graph(made);
    if (status == CLMIX_OK)
        status = make_arenas(made);
    if (status == CLMIX_OK && (made->class_names = copy_names(NULL, clmix_config_classes(config))) == NULL)
        status = clmix_fail_memory("the class names");
    if (status != CLMIX_OK) {
        clmix_network_free(made);
        return status;
    }
    *network = made;
    return CLMIX_OK;
}

clmix_status clmix_network_create(clmix_network **network, clmix_device *device, const clmix_config *config, uint64_t seed)
{
    CLMIX_NEED(network);
    CLMIX_NEED(device);
    CLMIX_NEED(config);

    clmix_config *copy = NULL;
    clmix_network *made = NULL;
    clmix_status status;

    *network = NULL;
    CLMIX_TRY(clmix_config_copy(&copy, config));
    CLMIX_TRY(clmix_network_make(&made, device, copy));
    status = clmix_network_draw(made, seed);
    if (status != CLMIX_OK) {
        clmix_network_free(made);
        return status;
    }
    *network = made;
    return CLMIX_OK;
}

void clmix_network_free(clmix_network *network)
{
    if (network == NULL)
        return;
    clmix_network_drop_plans(network);
    clmix_buffer_release(network->device, network->weights);
    clmix_buffer_release(network->device, network->states);
    free_names(network->class_names, clmix_config_classes(network->config));
    clmix_tokenizer_close(network->tokenizer);
    clmix_graph_free(network->graph);
    clmix_config_free(network->config);
    free(network);
}

/* ---- what it knows ------------------------------------------------------------------------------------------------------------------ */

const clmix_config *clmix_network_config(const clmix_network *network)
{
    return network != NULL ? network->config : NULL;
}

clmix_device *clmix_network_device(const clmix_network *network)
{
    return network != NULL ? network->device : NULL;
}

cl_mem clmix_network_weights(const clmix_network *network)
{
    return network != NULL ? network->weights : NULL;
}

cl_mem clmix_network_states(const clmix_network *network)
{
    return network != NULL ? network->states : NULL;
}

clmix_status clmix_network_describe_data(clmix_network *network, const char *const *names, const float *mean, const float *std)
{
    CLMIX_NEED(network);
    CLMIX_NEED(mean);
    CLMIX_NEED(std);

    size_t classes = clmix_config_classes(network->config), channels = clmix_config_picture_keys(network->config)->channels;
    char **copies;

    for (size_t c = 0; c < channels && c < 4; c++)
        if (!isfinite(mean[c]) || !(std[c] > 0.0f) || !isfinite(std[c]))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "channel %zu has mean %g and std %g; both must be finite and the std above 0", c,
                              (double)mean[c], (double)std[c]);

    copies = copy_names(names, classes);
    if (copies == NULL)
        return clmix_fail_memory("the class names");
    free_names(network->class_names, classes);
    network->class_names = copies;
    for (size_t c = 0; c < channels && c < 4; c++) {
        network->mean[c] = mean[c];
        network->std[c] = std[c];
    }
    clmix_network_drop_plans(network); /* they have the old normalisation inside */
    return CLMIX_OK;
}

const char *clmix_network_class_name(const clmix_network *network, size_t index)
{
    return network != NULL && index < clmix_config_classes(network->config) ? network->class_names[index] : "";
}

void clmix_network_normalization(const clmix_network *network, float mean[4], float std[4])
{
    for (size_t c = 0; c < 4; c++) {
        if (mean != NULL)
            mean[c] = network != NULL ? network->mean[c] : 0.0f;
        if (std != NULL)
            std[c] = network != NULL ? network->std[c] : 1.0f;
    }
}

size_t clmix_network_parameter_count(const clmix_network *network)
{
    size_t sum = 0;

    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        clmix_tensor_info info;

        if (clmix_graph_tensor(network->graph, i, &info) == CLMIX_OK && info.trainable)
            sum += clmix_shape_count(info.file_shape);
    }
    return sum;
}

/* ---- single tensors ----------------------------------------------------------------------------------------------------------------- */

size_t clmix_network_tensor_count(const clmix_network *network)
{
    return network != NULL ? clmix_graph_tensor_count(network->graph) : 0;
}

clmix_status clmix_network_tensor(const clmix_network *network, size_t index, clmix_tensor_info *info)
{
    CLMIX_NEED(network);
    CLMIX_NEED(info);
    return clmix_graph_tensor(network->graph, index, info);
}

/* The tensor called `name`, and that the caller's array has its size. */
static clmix_status find_tensor(const clmix_network *network, const char *name, size_t count, clmix_tensor_info *info)
{
    size_t index;
    size_t expected;

    if (!clmix_graph_find(network->graph, name, &index))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' has no tensor '%.200s'; clmix_network_tensor lists what it has",
                          clmix_config_name(network->config), name);
    CLMIX_TRY(clmix_graph_tensor(network->graph, index, info));
    expected = clmix_shape_count(info->file_shape);
    return expected == count ? CLMIX_OK
                             : clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' of '%s' has %zu values, and the array has %zu", name,
                                          clmix_config_name(network->config), expected, count);
}

/* The same, with room for its values in the device's order, to be freed. */
static clmix_status find_with_room(const clmix_network *network, const char *name, size_t count, clmix_tensor_info *info, float **device)
{
    CLMIX_TRY(find_tensor(network, name, count, info));
    *device = malloc(count * sizeof **device);
    return *device != NULL ? CLMIX_OK : clmix_fail_memory(name);
}

static cl_mem arena_of(const clmix_network *network, const clmix_tensor_info *info)
{
    return info->trainable ? network->weights : network->states;
}

clmix_status clmix_network_read(clmix_network *network, const char *name, float *values, size_t count)
{
    CLMIX_NEED(network);
    CLMIX_NEED(name);
    CLMIX_NEED(values);

    clmix_tensor_info info;
    float *device = NULL;
    clmix_status status;

    CLMIX_TRY(find_with_room(network, name, count, &info, &device));
    status = clmix_buffer_read(network->device, arena_of(network, &info), info.offset * sizeof(float), device, count * sizeof(float));
    if (status == CLMIX_OK)
        clmix_layout_to_file(&info, device, values);
    free(device);
    return status;
}

clmix_status clmix_network_write(clmix_network *network, const char *name, const float *values, size_t count)
{
    CLMIX_NEED(network);
    CLMIX_NEED(name);
    CLMIX_NEED(values);

    clmix_tensor_info info;
    float *device = NULL;
    clmix_status status;

    CLMIX_TRY(find_with_room(network, name, count, &info, &device));
    clmix_layout_to_device(&info, values, device);
    status = clmix_buffer_write(network->device, arena_of(network, &info), info.offset * sizeof(float), device, count * sizeof(float));
    free(device);
    return status;
}
