/* Classifying pictures: u8 -> normalised -> the model -> softmax, one plan a size of batches. */
#include "base/status.h"
#include "io/picture.h"
#include "network/config.h"
#include "network/network.h"
#include <clmix/ops.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

clmix_status clmix_classify_compile(clmix_plan **plan, clmix_device *device, const clmix_config *config, const float mean[4],
                                    const float std[4], struct clmix_extent extent)
{
    struct clmix_front front = { .extent = extent, .mean = mean, .std = std };
    clmix_graph *graph = clmix_graph_new();
    clmix_value logits = clmix_front_build(&front, graph, config);
    clmix_status status;

    clmix_output(graph, "logits", logits);
    clmix_output(graph, "probabilities", clmix_softmax(logits, -1));
    status = clmix_plan_compile(plan, graph, device, CLMIX_INFERENCE);
    clmix_graph_free(graph);
    return status;
}

static clmix_status compile(clmix_network *network, struct clmix_extent extent, clmix_plan **plan)
{
    clmix_status status = CLMIX_OK;

    CLMIX_TRY(clmix_classify_compile(plan, network->device, network->config, network->mean, network->std, extent));
    if (network->weights != NULL)
        status = clmix_plan_bind_arena(*plan, CLMIX_WEIGHTS, network->weights);
    if (status == CLMIX_OK && network->states != NULL)
        status = clmix_plan_bind_arena(*plan, CLMIX_STATES, network->states);
    if (status != CLMIX_OK) {
        clmix_plan_free(*plan);
        *plan = NULL;
    }
    return status;
}

static clmix_status plan_for(clmix_network *network, struct clmix_extent extent, clmix_plan **plan)
{
    clmix_status status;

    *plan = clmix_network_find_plan(network, extent);
    if (*plan != NULL)
        return CLMIX_OK;
    CLMIX_TRY(compile(network, extent, plan));
    status = clmix_network_keep_plan(network, extent, *plan);
    if (status != CLMIX_OK)
        clmix_plan_free(*plan);
    return status;
}

static clmix_status feed(const clmix_network *network, clmix_plan *plan, const uint8_t *pictures, size_t count)
{
    const struct clmix_picture_keys *picture = clmix_config_picture_keys(network->config);

    return clmix_plan_write(plan, CLMIX_PICTURES, pictures, count * picture->height * picture->width * picture->channels);
}

/* Finite logits have finite probabilities; an infinite one may look like a probability of 0. */
static clmix_status all_finite(const clmix_network *network, clmix_plan *plan, size_t count, bool *finite)
{
    const size_t values = count * clmix_config_picture_keys(network->config)->classes;
    float *logits = malloc(values * sizeof *logits);
    clmix_status status;

    if (logits == NULL)
        return clmix_fail_memory("the logits");

    status = clmix_plan_read(plan, "logits", logits, values * sizeof *logits);
    for (size_t i = 0; status == CLMIX_OK && i < values; i++)
        *finite &= isfinite(logits[i]);
    free(logits);
    return status;
}

static clmix_status explain(const clmix_network *network, clmix_plan *plan, const uint8_t *pictures, size_t count)
{
    clmix_status status;

    CLMIX_TRY(feed(network, plan, pictures, count)); /* anew: their memory may have been used for something else */
    status = clmix_plan_find_not_finite(plan);
    if (status != CLMIX_OK && status != CLMIX_ERROR_NOT_FINITE)
        return status;
    return clmix_fail(
        CLMIX_ERROR_NOT_FINITE,
        "'%s' gives no probabilities, its results are not finite: %s; its weights are damaged, or of a training that diverged",
        clmix_config_name(network->config), status != CLMIX_OK ? clmix_error() : "no op was found that begins it");
}

clmix_status clmix_network_classify(clmix_network *network, const uint8_t *pictures, size_t count, float *probabilities)
{
    CLMIX_NEED(network);
    CLMIX_NEED(pictures);
    CLMIX_NEED(probabilities);

    const struct clmix_picture_keys *picture = clmix_config_picture_keys(network->config);
    clmix_plan *plan = NULL;
    bool finite = true;

    if (count == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "clmix_network_classify needs pictures, and got none");
    CLMIX_TRY(plan_for(network, (struct clmix_extent){ .batch = count }, &plan));
    CLMIX_TRY(feed(network, plan, pictures, count));
    CLMIX_TRY(clmix_plan_run(plan));
    CLMIX_TRY(all_finite(network, plan, count, &finite));
    if (!finite)
        return explain(network, plan, pictures, count);
    return clmix_plan_read(plan, "probabilities", probabilities, count * picture->classes * sizeof *probabilities);
}

/* The file's picture at the model's size. */
static clmix_status read_picture(const clmix_network *network, const char *path, uint8_t **pixels)
{
    const struct clmix_picture_keys *size = clmix_config_picture_keys(network->config);
    clmix_status status;
    clmix_picture picture = { 0 };

    if (size->channels != 1 && size->channels != 3)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "'%s' takes pictures of %zu channels; picture files give 1 or 3",
                          clmix_config_name(network->config), size->channels);

    CLMIX_TRY(clmix_picture_read(&picture, path, size->channels));
    *pixels = malloc(size->height * size->width * size->channels);
    status = *pixels != NULL ? clmix_picture_fit(&picture, *pixels, size->height, size->width, size->channels) : clmix_fail_memory(path);
    clmix_picture_free(&picture);
    if (status != CLMIX_OK) {
        free(*pixels);
        *pixels = NULL;
    }
    return status;
}

clmix_status clmix_network_probabilities_of_file(clmix_network *network, const char *path, float *probabilities)
{
    uint8_t *pixels = NULL;
    clmix_status status;

    CLMIX_TRY(read_picture(network, path, &pixels));
    status = clmix_network_classify(network, pixels, 1, probabilities);
    free(pixels);
    return status;
}

clmix_status clmix_network_classify_file(clmix_network *network, const char *path, clmix_prediction *prediction)
{
    CLMIX_NEED(network);
    CLMIX_NEED(path);
    CLMIX_NEED(prediction);

    size_t classes = clmix_config_classes(network->config);
    float *probabilities = malloc(classes * sizeof *probabilities);
    clmix_status status;

    if (probabilities == NULL)
        return clmix_fail_memory("the probabilities");

    status = clmix_network_probabilities_of_file(network, path, probabilities);
    if (status == CLMIX_OK) {
        size_t best = 0;

        for (size_t i = 1; i < classes; i++)
            if (probabilities[i] > probabilities[best])
                best = i;
        *prediction = (clmix_prediction){ (int)best, probabilities[best], clmix_network_class_name(network, best) };
    }
    free(probabilities);
    return status;
}
