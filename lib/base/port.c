/* What a port holds. */
#include <clmix/port.h>

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
