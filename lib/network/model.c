/* A configuration as a model: the ports that it reads, what it answers, and its graph on values of theirs. */
#include "base/port.h"
#include "base/status.h"
#include "graph/op.h"
#include "network/config.h"

int clmix_config_ports(const clmix_config *config, size_t length, clmix_port ports[CLMIX_MOST_PORTS])
{
    return config != NULL ? clmix_model_of(config->model.table)->ports(config->model.keys, length, ports) : 0;
}

int clmix_config_port_count(const clmix_config *config)
{
    clmix_port ports[CLMIX_MOST_PORTS];

    return clmix_config_ports(config, 0, ports);
}

clmix_status clmix_config_port(const clmix_config *config, int index, clmix_port *port)
{
    CLMIX_NEED(config);
    CLMIX_NEED(port);

    clmix_port ports[CLMIX_MOST_PORTS];
    int count = clmix_config_ports(config, 0, ports);

    if (index < 0 || index >= count)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "port %d of '%s', which has %d", index, config->name, count);
    *port = ports[index];
    return CLMIX_OK;
}

struct clmix_model_answer clmix_config_answers(const clmix_config *config)
{
    return config != NULL ? clmix_model_of(config->model.table)->answer(config->model.keys) : (struct clmix_model_answer){ 0 };
}

clmix_answer clmix_config_answer(const clmix_config *config)
{
    return clmix_config_answers(config).answer;
}

size_t clmix_config_classes(const clmix_config *config)
{
    return clmix_config_answers(config).classes;
}

size_t clmix_config_vocabulary(const clmix_config *config)
{
    return clmix_config_answers(config).vocabulary;
}

size_t clmix_config_longest(const clmix_config *config)
{
    return clmix_config_answers(config).longest;
}

bool clmix_config_across(const clmix_config *config)
{
    return config != NULL && clmix_model_across(&config->model);
}

bool clmix_config_padding_matters(const clmix_config *config)
{
    clmix_port ports[CLMIX_MOST_PORTS];
    const int count = clmix_config_ports(config, 0, ports);

    return clmix_port_find(ports, (size_t)count, CLMIX_TOKENS) != NULL && clmix_model_padding_matters(&config->model);
}

/* Whether a value is a batch of what a port has. */
static bool fits(clmix_shape shape, const clmix_port *port)
{
    bool same = shape.rank == port->rank + 1;

    for (int axis = 0; same && axis < port->rank; axis++)
        same = shape.size[axis + 1] == port->size[axis];
    return same;
}

clmix_value clmix_model(clmix_scope at, const clmix_value *inputs, const clmix_config *config)
{
    clmix_status status = clmix_config_check(config);
    clmix_shape first;
    int count;
    clmix_port ports[CLMIX_MOST_PORTS];

    if (status != CLMIX_OK)
        return clmix_poison(at, status, "%s", clmix_error());
    if (inputs == NULL)
        return clmix_poison_null(at, "clmix_model", "inputs");

    first = clmix_shape_of(inputs[0]);
    count = clmix_config_ports(config, first.rank == 2 ? first.size[1] : 0, ports);
    for (int i = 0; i < count; i++) {
        clmix_shape shape;
        char found[64], wanted[CLMIX_PORT_TEXT];

        if (!clmix_is_value(inputs[i]))
            return inputs[i];
        shape = clmix_shape_of(inputs[i]);
        if (!fits(shape, &ports[i]))
            return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "'%s' takes %s of %s in a batch, and %s was given", config->name, ports[i].name,
                                clmix_port_size_text(&ports[i], wanted), clmix_shape_text(shape, found));
    }
    return clmix_model_of(config->model.table)->build(at, inputs, config->model.keys);
}
