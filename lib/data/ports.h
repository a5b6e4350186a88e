/* The ports of a data set, or of a loader's batches (inside lib/data). */
#ifndef CLMIX_DATA_PORTS_H
#define CLMIX_DATA_PORTS_H

#include <clmix/port.h>
#include <stdbool.h>

#define CLMIX_PORTS_LIMIT 8

typedef struct clmix_ports {
    clmix_port list[CLMIX_PORTS_LIMIT];
    size_t count;
} clmix_ports;

/* Adds a port of no axes. ARGUMENT when there is one of that name, or no room. */
clmix_status clmix_ports_add(clmix_ports *ports, const char *name, clmix_type type);

/* The place of a port in the list, or `count` where it is none of them. */
size_t clmix_ports_place(const clmix_ports *ports, const char *name);

/* Whether a port's one axis is the places of a sequence: that of tokens, of their masks and labels. */
bool clmix_port_is_along(const clmix_port *port);

/* `samples` samples of a port as they are where there is none: zero, labels CLMIX_NO_LABEL. */
void clmix_port_blank(const clmix_port *port, void *array, size_t samples);

#endif
