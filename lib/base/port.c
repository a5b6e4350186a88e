/* What a port holds. */
#include "base/port.h"

#include <stdio.h>
#include <string.h>

size_t clmix_type_bytes(clmix_type type)
{
    return type == CLMIX_U8 ? 1 : 4;
}

size_t clmix_port_count(const clmix_port *port)
{
    size_t count = port != NULL;

    for (int i = 0; port != NULL && i < port->rank; i++)
        count *= port->size[i];
    return count;
}

size_t clmix_port_bytes(const clmix_port *port)
{
    return port == NULL ? 0 : clmix_port_count(port) * clmix_type_bytes(port->type);
}

const char *clmix_type_name(clmix_type type)
{
    return type == CLMIX_U8 ? "u8" : type == CLMIX_I32 ? "i32" : "f32";
}

char *clmix_port_size_text(const clmix_port *port, char text[CLMIX_PORT_TEXT])
{
    int used = 0;

    snprintf(text, CLMIX_PORT_TEXT, "1");
    for (int axis = 0; axis < port->rank; axis++)
        used += snprintf(text + used, (size_t)(CLMIX_PORT_TEXT - used), axis == 0 ? "%zu" : "x%zu", port->size[axis]);
    return text;
}

char *clmix_port_text(const clmix_port *port, char text[CLMIX_PORT_TEXT])
{
    char size[CLMIX_PORT_TEXT];

    snprintf(text, CLMIX_PORT_TEXT, "%.40s (%s %.70s)", port->name, clmix_type_name(port->type), clmix_port_size_text(port, size));
    return text;
}

const clmix_port *clmix_port_find(const clmix_port *ports, size_t count, const char *name)
{
    for (size_t i = 0; ports != NULL && name != NULL && i < count; i++)
        if (ports[i].name != NULL && strcmp(ports[i].name, name) == 0)
            return &ports[i];
    return NULL;
}
