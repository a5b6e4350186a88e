#include "data/ports.h"

#include "base/status.h"

#include <stdint.h>
#include <string.h>

clmix_status clmix_ports_add(clmix_ports *ports, const char *name, clmix_type type)
{
    if (clmix_port_find(ports->list, ports->count, name) != NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the data set fills a port '%s' itself, which mixup would fill; rename it", name);
    if (ports->count == CLMIX_PORTS_LIMIT)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the port '%s' is one more than the %d that a batch can have", name, CLMIX_PORTS_LIMIT);
    ports->list[ports->count++] = (clmix_port){ .name = name, .type = type };
    return CLMIX_OK;
}

size_t clmix_ports_place(const clmix_ports *ports, const char *name)
{
    const clmix_port *port = clmix_port_find(ports->list, ports->count, name);

    return port == NULL ? ports->count : (size_t)(port - ports->list);
}

bool clmix_port_is_along(const clmix_port *port)
{
    static const char *const names[] = { CLMIX_TOKENS, CLMIX_TOKEN_MASK, CLMIX_SECOND_TOKENS, CLMIX_SECOND_MASK, CLMIX_TOKEN_LABELS };
    bool along = false;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        along = along || strcmp(port->name, names[i]) == 0;
    return along && port->type == CLMIX_I32 && port->rank == 1;
}

static bool is_labels(const clmix_port *port)
{
    return port->type == CLMIX_I32 && (strcmp(port->name, CLMIX_LABELS) == 0 || strcmp(port->name, CLMIX_SECOND_LABELS) == 0 ||
                                       strcmp(port->name, CLMIX_TOKEN_LABELS) == 0);
}

void clmix_port_blank(const clmix_port *port, void *array, size_t samples)
{
    memset(array, 0, samples * clmix_port_bytes(port));
    if (is_labels(port))
        for (size_t i = 0; i < samples * clmix_port_count(port); i++)
            ((int32_t *)array)[i] = CLMIX_NO_LABEL;
}
