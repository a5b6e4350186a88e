/* Reference cases (format "clmix-case-1"): a model or an operator with its weights, inputs and the numbers that must come out. Running
 * one on a device gives the error of every tensor.
 *
 * The figure of a tensor is max|a - b| / max|b|, a clmix's and b the case's: up to 1e-4 for forward results, 1e-3 for gradients and for
 * the losses of optimizer steps. Weights after optimizer steps are compared by mean|a - b| / max|b|, up to 2e-3. Where b is zero by
 * construction (below 1e-9 of the largest gradient, or forward result, of the case; below 1e-6 where it is zero but for an epsilon, as the case's note
 * says of it by name, or as the gradient of a mixer mra2_sparse's biases of keys is) the figure is max|a - b| itself, up to 1e-5 of that largest value
 * or of 1, whichever is more; the optimizer moves such weights by rounding noise only, so their adamw.param is left out. */
#ifndef CLMIX_VERIFY_CASE_H
#define CLMIX_VERIFY_CASE_H

#include "io/json.h"
#include "io/safetensors.h"
#include <clmix/device.h>
#include <clmix/train.h>
#include <stdbool.h>

/* What a tensor is, which decides how it is compared. */
enum case_kind { CASE_FORWARD, CASE_GRADIENT, CASE_LOSS, CASE_WEIGHT };

struct clmix_case_tensor {
    char *name;
    enum case_kind kind;
    double worst, mean, largest; /* max|a - b|, mean|a - b|, max|b| */
    bool finite;                 /* all of a */
    bool vanishes;               /* b is zero but for an epsilon, where it is small */
    double error, limit;         /* filled in by clmix_case_run at the end */
    bool pass;
};

struct clmix_case_report {
    bool pass;
    double worst; /* the largest error of the tensors */
    struct clmix_case_tensor *tensors;
    size_t count, capacity;
    const char **ops; /* the library's ops that were launched, as clmix_case_run_content lists them */
    size_t op_count, op_capacity;
    clmix_status status; /* of running the case to its end, which a wrong number does not change */
    char sentence[1024]; /* why it could not, or "" */
};

/* Runs one file. Whatever goes wrong is in the report: the case then fails with a sentence. */
void clmix_case_run(struct clmix_case_report *report, clmix_device *device, const char *path);
/* The same on a copy of what such a file holds; `name` is for error texts. The launches are profiled, and so wait for each other, and their ops are
 * listed. */
void clmix_case_run_content(struct clmix_case_report *report, clmix_device *device, const char *name, const void *content, size_t bytes);
void clmix_case_report_free(struct clmix_case_report *report);

/* Enters the ops of launches into the report, each once: launched.c. */
clmix_status clmix_case_list_launched(struct clmix_case_report *report, const clmix_timing *timings, size_t count);

/* --- for case_model.c, case_op.c and case_adamw.c ------------------------------------------------------------------------------------ */

struct reference_case {
    clmix_device *device;
    const char *path;
    const clmix_safetensors *file;
    const cJSON *config;
    struct clmix_case_report *report;
};

clmix_status clmix_case_run_model(struct reference_case *of);
clmix_status clmix_case_run_op(struct reference_case *of);
clmix_status clmix_case_run_adamw(struct reference_case *of);

/* Options of an optimizer step from the case's JSON: lr, beta1, beta2, eps, weight_decay, with PyTorch's defaults. */
clmix_status clmix_case_adamw_options(clmix_train_options *options, const cJSON *json, const char *where);
/* Elements that a tensor takes in an arena: tensors begin at multiples of 16. */
size_t clmix_case_arena_count(size_t count);

/* A tensor of the case; FORMAT when it is missing. The second looks for prefix followed by name, and gives NULL when it is missing. */
clmix_status clmix_case_tensor(const struct reference_case *of, const char *name, const clmix_stored_tensor **tensor);
const clmix_stored_tensor *clmix_case_find(const struct reference_case *of, const char *prefix, const char *name);
/* Its values as floats or 32-bit integers, for free(). */
clmix_status clmix_case_floats(const clmix_stored_tensor *tensor, float **values);
clmix_status clmix_case_integers(const clmix_stored_tensor *tensor, int32_t **values);

/* Enters clmix's values of a tensor into the report. FORMAT when the case has another number of them. */
clmix_status clmix_case_compare(struct reference_case *of, const clmix_stored_tensor *expected, enum case_kind kind, const float *values,
                                size_t count);

#endif
