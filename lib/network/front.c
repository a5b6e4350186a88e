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

clmix_value clmix_front_build(struct clmix_front *front, clmix_graph *graph, const clmix_config *config)
{
    clmix_port ports[CLMIX_MOST_PORTS];
    clmix_value values[CLMIX_MOST_PORTS] = { { 0 } };
    clmix_status status = clmix_config_check(config);
    int count;

    if (status != CLMIX_OK)
        return clmix_poison(clmix_root(graph), status, "%s", clmix_error());
    count = clmix_config_ports(config, front->extent.length, ports);
    for (int i = 0; i < count; i++) {
        bool bytes = ports[i].type == CLMIX_U8;

        values[i] = front->inputs[i] =
            clmix_front_input(graph, &ports[i], bytes && front->mean == NULL ? CLMIX_F32 : ports[i].type, front->extent.batch);
        if (bytes && front->mean != NULL)
            values[i] = clmix_normalize(values[i], front->mean, front->std);
    }
    return clmix_model(clmix_root(graph), values, config);
}

clmix_graph *clmix_front_outline(const clmix_config *config, struct clmix_extent extent)
{
    clmix_graph *graph = clmix_graph_new();
    struct clmix_front front = { .extent = extent };

    clmix_output(graph, "output", clmix_front_build(&front, graph, config));
    return graph;
}
