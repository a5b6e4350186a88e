/* How many values a configuration has: those that training changes, by the papers' counting rule, and as they print it. */
#include "base/status.h"
#include "graph/modules.h"
#include "graph/op.h"
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

/* Of all parameters, or of those that an op reads. */
static size_t count_values(const clmix_graph *graph, bool all)
{
    size_t sum = 0;

    for (size_t i = 0; i < clmix_graph_tensor_count(graph); i++) {
        clmix_tensor_info info;

        if (clmix_graph_tensor(graph, i, &info) == CLMIX_OK && info.trainable && (all || clmix_graph_reads(graph, i)))
            sum += clmix_shape_count(info.file_shape);
    }
    return sum;
}

size_t clmix_trained_values(const clmix_graph *graph)
{
    return count_values(graph, true);
}

size_t clmix_used_values(const clmix_graph *graph)
{
    return count_values(graph, false);
}

size_t clmix_config_trained_values(const clmix_config *config)
{
    clmix_graph *graph = clmix_front_outline(config, (struct clmix_extent){ .batch = 1 });
    const size_t sum = clmix_trained_values(graph);

    clmix_graph_free(graph);
    return sum;
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
