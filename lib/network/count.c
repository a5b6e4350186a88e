/* The papers' counting rule for a configuration, and what they print. */
#include "base/status.h"
#include "graph/modules.h"
#include "network/config.h"
#include "network/front.h"
#include "network/presets.h"

/* The tool's "estimated total size": input, every output twice (its gradient), parameters; 4 bytes each. */
static double megabytes_of(const clmix_config *config, const struct clmix_module_count *count)
{
    clmix_port ports[CLMIX_MOST_PORTS];
    int port_count = clmix_config_ports(config, 0, ports);
    double inputs = 0.0;

    for (int i = 0; i < port_count; i++)
        inputs += (double)clmix_port_count(&ports[i]);
    return (4.0 * inputs + 8.0 * (double)count->outputs + 4.0 * (double)count->parameters) / (double)(1 << 20);
}

clmix_status clmix_config_paper_count(const clmix_config *config, size_t *parameters, double *megabytes)
{
    CLMIX_NEED(config);
    CLMIX_NEED(parameters);
    CLMIX_NEED(megabytes);

    clmix_graph *graph;
    struct clmix_module_count count;
    clmix_status status;

    CLMIX_TRY(clmix_config_check(config));
    graph = clmix_front_outline(config, (struct clmix_extent){ .batch = 1 });
    status = clmix_graph_check(graph);
    count = clmix_graph_modules(graph);
    clmix_graph_free(graph);
    CLMIX_TRY(status);
    *parameters = (size_t)count.parameters;
    *megabytes = megabytes_of(config, &count);
    return CLMIX_OK;
}

clmix_status clmix_config_printed(const clmix_config *config, cJSON **printed, size_t *file)
{
    cJSON *preset;
    bool same;

    *printed = NULL;
    CLMIX_TRY(clmix_preset_config(&preset, config->name));
    same = preset != NULL && cJSON_Compare(preset, config->given, 1);
    cJSON_Delete(preset);
    return same ? clmix_preset_printed(printed, file, config->name) : CLMIX_OK;
}
