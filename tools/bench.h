/* clmix-bench's subcommands. Each gives the exit status. */
#ifndef CLMIX_TOOLS_BENCH_H
#define CLMIX_TOOLS_BENCH_H

#include "cli.h"

#include <clmix/clmix.h>

struct bench_request {
    int batch;
    double seconds;
    const char *mode;      /* "train" or "infer" */
    const char *filter;    /* of ops: a part of the name, or NULL */
    const char *trace;     /* file for a Chrome trace, or NULL */
    const char **settings; /* KEY=VALUE, ends with NULL; may be NULL */
};

int bench_ceilings(const struct cli *cli, clmix_device *device);
int bench_model(const struct cli *cli, const struct bench_request *request, clmix_device *device, const char *model);
int bench_ops(const struct cli *cli, const struct bench_request *request, clmix_device *device);
int bench_profile(const struct cli *cli, const struct bench_request *request, clmix_device *device, const char *model);
int bench_compare(const struct cli *cli, const char *before, const char *after);

/* ---- bench_common.c --------------------------------------------------------------------------------------------------------------- */

double bench_now(void); /* seconds of a steady clock */

/* Times of repeated work, seconds. */
struct bench_times {
    double *values;
    size_t count, capacity;
};
bool bench_times_add(struct bench_times *times, double seconds);
double bench_times_median(struct bench_times *times); /* sorts */
double bench_times_least(const struct bench_times *times);
void bench_times_free(struct bench_times *times);

clmix_status bench_config(const struct bench_request *request, const char *model, clmix_config **config);

/* A model in training with random pictures, whose every step is the same work. */
struct bench_trainer {
    clmix_network *network;
    clmix_trainer *trainer;
    uint8_t *pictures;
    int32_t *labels;
    size_t batch;
};
clmix_status bench_trainer_make(struct bench_trainer *bench, clmix_device *device, const clmix_config *config, size_t batch);
clmix_status bench_trainer_step(struct bench_trainer *bench);
void bench_trainer_free(struct bench_trainer *bench);

/* `bytes` random bytes, and `count` random labels below `classes`. NULL when out of memory. */
uint8_t *bench_pictures(size_t bytes);
int32_t *bench_labels(size_t count, size_t classes);

/* What share of the time it took work needs at least on the device, by its arithmetic or its memory, whichever binds. */
double bench_fraction(uint64_t flops, uint64_t bytes, double seconds, const clmix_ceilings *ceilings);

/* `value` to so many significant digits, so that results are readable. */
double bench_rounded(double value, int digits);

#endif
