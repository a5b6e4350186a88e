/* What a network answers to a batch: the arrays of its ports -> the model -> probabilities, one plan a length and size of batches. */
#include "base/status.h"
#include "network/config.h"
#include "network/network.h"
#include <clmix/ops.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Ports of the model and, where it answers with tokens, the places. */
static int list_ports(const clmix_config *config, struct clmix_extent extent, clmix_port ports[CLMIX_ANSWER_PORTS])
{
    const int count = clmix_config_ports(config, extent.length, ports);

    return clmix_front_places_port(config, extent.length, &ports[count]) ? count + 1 : count;
}

clmix_status clmix_classify_compile(clmix_plan **plan, clmix_device *device, const clmix_config *config, const float mean[4],
                                    const float std[4], struct clmix_extent extent)
{
    struct clmix_front front = { .extent = extent, .mean = mean, .std = std };
    clmix_graph *graph = clmix_graph_new();
    clmix_value logits;
    clmix_status status;

    clmix_front_inputs(&front, graph, config);
    clmix_front_ask_places(&front, graph, config);
    logits = clmix_front_model(&front, graph, config);
    if (clmix_config_answer(config) == CLMIX_ANSWER_LOGIT)
        logits = clmix_class_logits(clmix_root(graph), logits);
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

/* ---- answers ------------------------------------------------------------------------------------------------------------------------ */

/* A batch as it is asked about: an array for each of the ports. */
struct batch {
    struct clmix_extent extent;
    const void *const *arrays;
    clmix_port ports[CLMIX_ANSWER_PORTS];
    int port_count;
    size_t values; /* answers of a sample */
};

static clmix_status feed(clmix_plan *plan, const struct batch *batch)
{
    clmix_plan_array arrays[CLMIX_ANSWER_PORTS];

    for (int i = 0; i < batch->port_count; i++)
        arrays[i] = (clmix_plan_array){ batch->ports[i].name, batch->arrays[i], batch->extent.batch * clmix_port_bytes(&batch->ports[i]) };
    return clmix_plan_feed(plan, arrays, (size_t)batch->port_count);
}

static clmix_status explain(const clmix_network *network, clmix_plan *plan, const struct batch *batch)
{
    clmix_status status;

    CLMIX_TRY(feed(plan, batch)); /* anew: their memory may have been used for something else */
    status = clmix_plan_find_not_finite(plan);
    if (status != CLMIX_OK && status != CLMIX_ERROR_NOT_FINITE)
        return status;
    return clmix_fail(
        CLMIX_ERROR_NOT_FINITE,
        "'%s' gives no probabilities, its results are not finite: %s; its weights are damaged, or of a training that diverged",
        clmix_config_name(network->config), status != CLMIX_OK ? clmix_error() : "no op was found that begins it");
}

/* Logits, which must be finite: finite ones have finite probabilities, an infinite one may look like a probability of 0. */
static clmix_status read_logits(const clmix_network *network, clmix_plan *plan, const struct batch *batch, float *logits)
{
    const size_t values = batch->extent.batch * batch->values;
    bool finite = true;

    CLMIX_TRY(clmix_plan_read(plan, "logits", logits, values * sizeof *logits));
    for (size_t i = 0; i < values; i++)
        finite &= isfinite(logits[i]);
    return finite ? CLMIX_OK : explain(network, plan, batch);
}

static clmix_status read_answers(const clmix_network *network, clmix_plan *plan, const struct batch *batch, size_t count, float *answers)
{
    const size_t bytes = batch->extent.batch * batch->values * sizeof *answers;
    float *room = malloc(bytes);
    clmix_status status;

    if (room == NULL)
        return clmix_fail_memory("the logits");
    status = read_logits(network, plan, batch, room);
    if (status == CLMIX_OK)
        status = clmix_plan_read(plan, "probabilities", room, bytes);
    if (status == CLMIX_OK)
        memcpy(answers, room, count * batch->values * sizeof *answers);
    free(room);
    return status;
}

size_t clmix_network_answers(const clmix_config *config, struct clmix_extent extent)
{
    clmix_port ports[CLMIX_ANSWER_PORTS];
    const int count = list_ports(config, extent, ports);

    return clmix_config_answer(config) == CLMIX_ANSWER_TOKENS ? ports[count - 1].size[0] * clmix_config_vocabulary(config)
                                                              : clmix_config_classes(config);
}

clmix_status clmix_network_answer(clmix_network *network, struct clmix_extent extent, const void *const *arrays, size_t count,
                                  float *answers)
{
    struct batch batch = { .extent = extent, .arrays = arrays, .values = clmix_network_answers(network->config, extent) };
    clmix_plan *plan = NULL;

    batch.port_count = list_ports(network->config, extent, batch.ports);
    CLMIX_TRY(plan_for(network, extent, &plan));
    CLMIX_TRY(feed(plan, &batch));
    CLMIX_TRY(clmix_plan_run(plan));
    return read_answers(network, plan, &batch, count, answers);
}

clmix_prediction clmix_network_best(const clmix_network *network, const float *probabilities)
{
    const size_t classes = clmix_config_classes(network->config);
    size_t best = 0;

    for (size_t i = 1; i < classes; i++)
        if (probabilities[i] > probabilities[best])
            best = i;
    return (clmix_prediction){ (int)best, probabilities[best], clmix_network_class_name(network, best) };
}
