/* The kernel sources of cl/ inside the library, generated at build time by lib/embed.cmake. */
#ifndef CLMIX_RUNTIME_EMBEDDED_H
#define CLMIX_RUNTIME_EMBEDDED_H

#include <stddef.h>

struct clmix_embedded {
    const char *name;          /* "gemm_wide.cl" */
    const unsigned char *text; /* a zero byte follows */
    size_t bytes;
};

extern const struct clmix_embedded clmix_embedded_files[]; /* sorted by name */
extern const size_t clmix_embedded_count;

#endif
