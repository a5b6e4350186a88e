/* Ports as words. */
#ifndef CLMIX_BASE_PORT_H
#define CLMIX_BASE_PORT_H

#include <clmix/port.h>

/* Room for what these write; both return `text`. */
#define CLMIX_PORT_TEXT 128
/* "32x32x3", or "1" of a port without axes. */
char *clmix_port_size_text(const clmix_port *port, char text[CLMIX_PORT_TEXT]);
/* "pictures (u8 32x32x3)" */
char *clmix_port_text(const clmix_port *port, char text[CLMIX_PORT_TEXT]);
/* "u8" */
const char *clmix_type_name(clmix_type type);

#endif
