/* Reference cases: opening one, judging what came out. */
#include "case.h"
#include "base/array.h"
#include "base/status.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZERO_BY_CONSTRUCTION 1e-9 /* of the largest: far above the noise of float64, far below what float32 resolves */
#define ZERO_LIMIT           1e-5

/* ---- access ------------------------------------------------------------------------------------------------------------------------- */

clmix_status case_tensor(const struct reference_case *of, const char *name, const clmix_stored_tensor **tensor)
{
    *tensor = clmix_safetensors_find(of->file, name);
    return *tensor ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FORMAT, "the case has no tensor '%s'", name);
}

const clmix_stored_tensor *case_find(const struct reference_case *of, const char *prefix, const char *name)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return clmix_safetensors_find(of->file, full);
}

clmix_status case_floats(const clmix_stored_tensor *tensor, float **values)
{
    *values = malloc((tensor->count + 1) * sizeof **values);
    if (!*values)
        return clmix_fail_memory(tensor->name);
    clmix_status status = clmix_stored_to_float(tensor, *values);
    if (status) {
        free(*values);
        *values = NULL;
    }
    return status;
}

clmix_status case_integers(const clmix_stored_tensor *tensor, int32_t **values)
{
    *values = NULL;
    if (tensor->type != CLMIX_STORED_I32 && tensor->type != CLMIX_STORED_I64)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is %s and must be I32 or I64", tensor->name, clmix_stored_name(tensor->type));
    *values = malloc((tensor->count + 1) * sizeof **values);
    if (!*values)
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

/* ---- judging ------------------------------------------------------------------------------------------------------------------------ */

clmix_status case_compare(struct reference_case *of, const clmix_stored_tensor *expected, enum case_kind kind, const float *values,
                          size_t count)
{
    struct case_report *report = of->report;
    struct case_tensor tensor = { .kind = kind, .finite = true };
    float *b = NULL;

    if (expected->count != count)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %zu values in the case, and %zu came out", expected->name, expected->count, count);
    CLMIX_TRY(case_floats(expected, &b));
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)values[i] - (double)b[i]);
        tensor.finite = tensor.finite && isfinite(values[i]);
        tensor.worst = fmax(tensor.worst, difference);
        tensor.mean += difference / (double)count;
        tensor.largest = fmax(tensor.largest, fabs((double)b[i]));
    }
    free(b);
    tensor.name = strdup(expected->name);
    if (!tensor.name || !CLMIX_PUSH(report->tensors, report->count, report->capacity, tensor)) {
        free(tensor.name);
        return clmix_fail_memory("the report");
    }
    return CLMIX_OK;
}

/* The largest value of all tensors of a kind. */
static double largest_of(const struct case_report *report, enum case_kind kind)
{
    double largest = 0.0;
    for (size_t i = 0; i < report->count; i++)
        if (report->tensors[i].kind == kind)
            largest = fmax(largest, report->tensors[i].largest);
    return largest;
}

static bool is_zero(const struct case_report *report, const struct case_tensor *tensor)
{
    return tensor->largest <= ZERO_BY_CONSTRUCTION * largest_of(report, tensor->kind);
}

static void judge(const struct case_report *report, struct case_tensor *tensor)
{
    static const double limits[] = { [CASE_FORWARD] = 1e-4, [CASE_GRADIENT] = 1e-3, [CASE_LOSS] = 1e-3, [CASE_WEIGHT] = 2e-3 };

    if (is_zero(report, tensor)) {
        tensor->error = tensor->worst;
        tensor->limit = ZERO_LIMIT * fmax(1.0, largest_of(report, tensor->kind));
    } else {
        tensor->error = (tensor->kind == CASE_WEIGHT ? tensor->mean : tensor->worst) / tensor->largest;
        tensor->limit = limits[tensor->kind];
    }
    if (!tensor->finite)
        tensor->error = NAN;
    tensor->pass = tensor->finite && tensor->error <= tensor->limit;
}

/* Leaves out the optimizer's results for weights whose gradient is zero by construction. */
static void drop_noise(struct case_report *report)
{
    size_t kept = 0;
    for (size_t i = 0; i < report->count; i++) {
        struct case_tensor *tensor = &report->tensors[i];
        bool noise = false;
        for (size_t g = 0; tensor->kind == CASE_WEIGHT && g < report->count; g++) {
            const struct case_tensor *gradient = &report->tensors[g];
            noise = noise || (gradient->kind == CASE_GRADIENT && is_zero(report, gradient) && strncmp(gradient->name, "grad.", 5) == 0 &&
                              strncmp(tensor->name, "adamw.param.", 12) == 0 && strcmp(gradient->name + 5, tensor->name + 12) == 0);
        }
        if (noise)
            free(tensor->name);
        else
            report->tensors[kept++] = *tensor;
    }
    report->count = kept;
}

/* That everything the case knows the answer to has been compared. */
static clmix_status check_complete(const struct reference_case *of)
{
    static const char *const answers[] = { "out.", "gin.", "grad.", "eval.", "train.", "adamw." };

    for (size_t i = 0; i < clmix_safetensors_count(of->file); i++) {
        const clmix_stored_tensor *tensor = clmix_safetensors_at(of->file, i);
        bool is_answer = false, compared = tensor->count == 0 || strstr(tensor->name, "num_batches_tracked") != NULL;
        for (size_t a = 0; a < sizeof answers / sizeof *answers; a++)
            is_answer = is_answer || strncmp(tensor->name, answers[a], strlen(answers[a])) == 0;
        for (size_t r = 0; is_answer && !compared && r < of->report->count; r++)
            compared = strcmp(of->report->tensors[r].name, tensor->name) == 0;
        if (is_answer && !compared)
            return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "the case has '%s', and this version does not know how to compute it", tensor->name);
    }
    return of->report->count > 0 ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FORMAT, "the case has nothing to compare with");
}

/* ---- running ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status metadata(const struct reference_case *of, const char *key, const char **text)
{
    *text = clmix_safetensors_metadata(of->file, key);
    return *text ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FORMAT, "the file has no metadata '%s'; it is not a reference case", key);
}

static clmix_status run_file(struct reference_case *of)
{
    const char *format, *kind, *text;
    cJSON *config = NULL;

    CLMIX_TRY(metadata(of, "format", &format));
    CLMIX_TRY(metadata(of, "kind", &kind));
    CLMIX_TRY(metadata(of, "config", &text));
    if (strcmp(format, "clmix-case-1") != 0)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "the file's format is '%.80s', and this version reads clmix-case-1", format);
    CLMIX_TRY(clmix_json_parse(&config, "config", text, strlen(text)));
    of->config = config;

    clmix_status status;
    if (strcmp(kind, "model") == 0)
        status = case_run_model(of);
    else if (strcmp(kind, "op") == 0)
        status = case_run_op(of);
    else
        status = clmix_fail(CLMIX_ERROR_UNSUPPORTED, "a case of kind '%.80s' is unknown; this version knows model and op", kind);
    cJSON_Delete(config);
    return status ? status : check_complete(of);
}

void case_run(struct case_report *report, clmix_device *device, const char *path)
{
    clmix_safetensors *file = NULL;
    struct reference_case of = { .device = device, .path = path, .report = report };

    *report = (struct case_report){ .pass = true };
    clmix_status status = clmix_safetensors_open(&file, path);
    if (!status) {
        of.file = file;
        status = run_file(&of);
        if (status)
            clmix_fail_at(status, "'%s'", path);
    }
    report->status = status;
    if (status) {
        report->pass = false;
        snprintf(report->sentence, sizeof report->sentence, "%s", clmix_error());
    }
    clmix_safetensors_close(file);

    drop_noise(report);
    for (size_t i = 0; i < report->count; i++) {
        struct case_tensor *tensor = &report->tensors[i];
        judge(report, tensor);
        report->pass = report->pass && tensor->pass;
        if (!isnan(report->worst) && !(tensor->error <= report->worst)) /* a NaN stays */
            report->worst = tensor->error;
    }
}

void case_report_free(struct case_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free(report->tensors[i].name);
    free(report->tensors);
    *report = (struct case_report){ 0 };
}
