/* What stands in front of a model. */
#include "network/front.h"
#include "base/status.h"
#include "graph/op.h"
#include "network/config.h"
#include <clmix/ops.h>
#include <string.h>

clmix_value clmix_front_input(clmix_graph *graph, const clmix_port *port, clmix_type type, size_t batch)
{
    size_t size[CLMIX_MAX_RANK] = { batch };

    memcpy(size + 1, port->size, (size_t)port->rank * sizeof *size);
    return clmix_batch_input(graph, port->name, type, port->rank + 1, size);
}

void clmix_front_inputs(struct clmix_front *front, clmix_graph *graph, const clmix_config *config)
{
    clmix_port ports[CLMIX_MOST_PORTS];
    const int count = clmix_config_ports(config, front->extent.length, ports);

    for (int i = 0; i < count; i++) {
        const bool floats = ports[i].type == CLMIX_U8 && front->mean == NULL;

        front->inputs[i] = clmix_front_input(graph, &ports[i], floats ? CLMIX_F32 : ports[i].type, front->extent.batch);
    }
}

clmix_value clmix_front_model(const struct clmix_front *front, clmix_graph *graph, const clmix_config *config)
{
    clmix_port ports[CLMIX_MOST_PORTS];
    clmix_value values[CLMIX_MOST_PORTS] = { { 0 } };
    const clmix_status status = clmix_config_check(config);
    const int count = clmix_config_ports(config, front->extent.length, ports);

    if (status != CLMIX_OK)
        return clmix_poison(clmix_root(graph), status, "%s", clmix_error());
    for (int i = 0; i < count; i++)
        values[i] = ports[i].type == CLMIX_U8 && front->mean != NULL ? clmix_normalize(front->inputs[i], front->mean, front->std)
                                                                     : front->inputs[i];
    return clmix_config_build(clmix_root(graph), values, front->places, config);
}

clmix_value clmix_front_build(struct clmix_front *front, clmix_graph *graph, const clmix_config *config)
{
    clmix_front_inputs(front, graph, config);
    return clmix_front_model(front, graph, config);
}

bool clmix_front_places_port(const clmix_config *config, size_t length, clmix_port *port)
{
    if (clmix_config_answer(config) != CLMIX_ANSWER_TOKENS)
        return false;
    *port = (clmix_port){ "places", CLMIX_I32, 1, { clmix_most_labelled(length > 0 ? length : clmix_config_longest(config)) } };
    return true;
}

void clmix_front_ask_places(struct clmix_front *front, clmix_graph *graph, const clmix_config *config)
{
    clmix_port port;

    if (clmix_front_places_port(config, front->extent.length, &port))
        front->places = clmix_front_input(graph, &port, port.type, front->extent.batch);
}

clmix_graph *clmix_front_outline(const clmix_config *config, struct clmix_extent extent)
{
    clmix_graph *graph = clmix_graph_new();
    struct clmix_front front = { .extent = extent };

    clmix_output(graph, "output", clmix_front_build(&front, graph, config));
    return graph;
}
