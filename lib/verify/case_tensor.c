/* The tensors of a case: finding them, and comparing one with what came out. */
#include "base/array.h"
#include "base/status.h"
#include "verify/case.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

clmix_status clmix_case_tensor(const struct reference_case *of, const char *name, const clmix_stored_tensor **tensor)
{
    *tensor = clmix_safetensors_find(of->file, name);
    return *tensor != NULL ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FORMAT, "the case has no tensor '%s'", name);
}

const clmix_stored_tensor *clmix_case_find(const struct reference_case *of, const char *prefix, const char *name)
{
    char full[512];

    snprintf(full, sizeof full, "%s%s", prefix, name);
    return clmix_safetensors_find(of->file, full);
}

clmix_status clmix_case_floats(const clmix_stored_tensor *tensor, float **values)
{
    clmix_status status;

    *values = malloc((tensor->count + 1) * sizeof **values);
    if (*values == NULL)
        return clmix_fail_memory(tensor->name);
    status = clmix_stored_to_float(tensor, *values);
    if (status != CLMIX_OK) {
        free(*values);
        *values = NULL;
    }
    return status;
}

clmix_status clmix_case_integers(const clmix_stored_tensor *tensor, int32_t **values)
{
    *values = NULL;
    if (tensor->type != CLMIX_STORED_I32 && tensor->type != CLMIX_STORED_I64)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is %s and must be I32 or I64", tensor->name, clmix_stored_name(tensor->type));
    *values = malloc((tensor->count + 1) * sizeof **values);
    if (*values == NULL)
        return clmix_fail_memory(tensor->name);
    for (size_t i = 0; i < tensor->count; i++) {
        int64_t wide = 0;

        if (tensor->type == CLMIX_STORED_I64)
            memcpy(&wide, (const char *)tensor->data + 8 * i, 8);
        else
            memcpy(*values + i, (const char *)tensor->data + 4 * i, 4);
        if (tensor->type == CLMIX_STORED_I64)
            (*values)[i] = (int32_t)wide;
    }
    return CLMIX_OK;
}

/* Whether a gradient is zero but for an epsilon. MRA-2-s: its weights of a query sum to 1 less that epsilon, so that a bias added to all keys changes
 * nothing more. */
static bool vanishes(const struct reference_case *of, const char *name)
{
    static const char says[] = "vanish by construction up to an epsilon";
    const char *note = clmix_safetensors_metadata(of->file, "note"), *kind = cJSON_GetStringValue(cJSON_GetObjectItem(of->config, "kind"));

    if (strncmp(name, "grad.", 5) != 0)
        return false;
    note = note == NULL ? NULL : strstr(note, says);
    return (note != NULL && strstr(note, name + 5) != NULL) ||
           (kind != NULL && strcmp(kind, "mra2_sparse") == 0 && strcmp(name + 5, "fc_k.bias") == 0);
}

clmix_status clmix_case_compare(struct reference_case *of, const clmix_stored_tensor *expected, enum case_kind kind, const float *values,
                                size_t count)
{
    struct clmix_case_report *report = of->report;
    struct clmix_case_tensor tensor = { .kind = kind, .finite = true, .vanishes = vanishes(of, expected->name) };
    float *b = NULL;

    if (expected->count != count)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %zu values in the case, and %zu came out", expected->name, expected->count, count);
    CLMIX_TRY(clmix_case_floats(expected, &b));
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)values[i] - (double)b[i]);

        tensor.finite = tensor.finite && isfinite(values[i]);
        tensor.worst = fmax(tensor.worst, difference);
        tensor.mean += difference / (double)count;
        tensor.largest = fmax(tensor.largest, fabs((double)b[i]));
    }
    free(b);
    tensor.name = strdup(expected->name);
    if (tensor.name == NULL || !CLMIX_PUSH(report->tensors, report->count, report->capacity, tensor)) {
        free(tensor.name);
        return clmix_fail_memory("the report");
    }
    return CLMIX_OK;
}
