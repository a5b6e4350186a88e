/* The samples of a model case. */
#ifndef CLMIX_VERIFY_CASE_SAMPLES_H
#define CLMIX_VERIFY_CASE_SAMPLES_H

#include "train/recipe.h"
#include "verify/case.h"

struct case_samples {
    struct clmix_extent extent;
    clmix_port ports[CLMIX_RECIPE_PORTS]; /* of the model, then of its task */
    int inputs, count;
    size_t most;                      /* labels of a sample that count; known with the targets */
    void *arrays[CLMIX_RECIPE_PORTS]; /* one a port, in the device's order of axes: integers, or floats also where the port is of bytes */
};

/* The model's inputs, and the ports of all; then the task's targets. What was taken before a failure is there to be dropped. */
clmix_status clmix_case_take_samples(const struct reference_case *of, const clmix_config *config, struct case_samples *samples);
clmix_status clmix_case_take_targets(const struct reference_case *of, struct case_samples *samples);
void clmix_case_drop_samples(struct case_samples *samples);

/* Elements of a port, over all samples. */
size_t clmix_case_elements(const struct case_samples *samples, int port);
/* Writes the first `count` ports to a plan. */
clmix_status clmix_case_feed(const struct case_samples *samples, clmix_plan *plan, int count);
/* How the case's tensor of a port is laid out. */
clmix_tensor_info clmix_case_port_layout(const clmix_port *port, const clmix_stored_tensor *stored);

#endif
