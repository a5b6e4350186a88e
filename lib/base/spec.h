/* Specs such as "cifar10:DIR": the name of a kind, and behind a colon what it is made of. */
#ifndef CLMIX_BASE_SPEC_H
#define CLMIX_BASE_SPEC_H

#include <clmix/status.h>
#include <stddef.h>

/* Kinds of one thing. */
#define CLMIX_SPEC_KINDS 16
struct clmix_spec_kinds {
    const char *what; /* "data set" */
    const char *names[CLMIX_SPEC_KINDS];
    const char *arguments[CLMIX_SPEC_KINDS]; /* what stands behind the colon, such as "DIR"; NULL: nothing needs to */
    size_t count;
};

/* The kind whose name are the first `length` bytes of `spec`. ARGUMENT, with all kinds there are, when none is. */
clmix_status clmix_spec_find(const struct clmix_spec_kinds *kinds, const char *spec, size_t length, size_t *kind);

/* The kind whose name stands before the colon; *argument is what stands behind, "" without a colon. ARGUMENT too where that is missing and needed. */
clmix_status clmix_spec_split(const struct clmix_spec_kinds *kinds, const char *spec, size_t *kind, const char **argument);

#endif
