/* Devices that do the same work by turns, each piece of it in a process of its own. */
#ifndef CLMIX_TOOLS_BENCH_TURNS_H
#define CLMIX_TOOLS_BENCH_TURNS_H

#include "bench/bench.h"

/* One that takes its turns. Its lines are results, and at the end of it all agree in the form of the kernels and in the ceilings, which are the best of
 * all rounds. */
struct bench_contender {
    const clmix_device_info *info;
    char selector[32];      /* "platform:device" */
    bool other_form;        /* it takes the form of the kernels that the first contender does not, on the same device */
    const char *form;       /* "wide" or "simt", where it is prescribed */
    char kernels[8];        /* the form that its latest work took; "" before */
    cJSON *lines;           /* an array */
    bool gave_up, *skipped; /* it is not asked any more; or not for a piece of work, by the pieces' order */
};

struct bench_turns {
    const struct cli *cli;
    const struct bench_request *request;
    const char *const *models; /* NULL at the end */
    struct bench_contender *contenders;
    size_t count;
};

/* Ceilings, each model in inference and in training, the reference cases, and the models' profiles: all rounds of it. What a device does not do is a line of
 * its own ("failed", "message") and ends nothing. Errors: HOST_MEMORY, FILE (no process can be started). */
clmix_status bench_take_turns(struct bench_turns *turns);
/* Frees the contenders, which come from calloc, and what they hold. */
void bench_turns_free(struct bench_turns *turns);

#endif
