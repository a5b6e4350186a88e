/* A program run to its end with an eye on it: what it printed, and how it ended. A driver that ends its process, or never answers, takes the child
 * with it and not the caller. */
#ifndef CLMIX_TOOLS_BENCH_CHILD_H
#define CLMIX_TOOLS_BENCH_CHILD_H

#include <clmix/status.h>
#include <stdbool.h>
#include <stddef.h>

struct bench_child {
    char *output;  /* all that it printed on standard output, for bench_child_free(); ends with a zero byte */
    bool good;     /* it ended by itself, with exit status 0 */
    bool late;     /* it was ended, since its time was over */
    char end[512]; /* otherwise how it ended, and its last line on standard error: "it ended with signal 11, Segmentation fault" */
};

/* Runs `arguments` (NULL at the end; the first is the program, looked for on $PATH where it has no slash) and waits for its end, at most
 * `limit_seconds`. `form` is $CLMIX_KERNELS for it; NULL: as it is here. Nothing is read from standard input. Errors: FILE (it cannot be
 * started), HOST_MEMORY. */
clmix_status bench_child_run(const char *const *arguments, const char *form, double limit_seconds, struct bench_child *child);
void bench_child_free(struct bench_child *child);

#endif
