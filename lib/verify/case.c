/* Reference cases: opening one, comparing what came out. */
#include "verify/case.h"
#include "base/status.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the largest one: far above the noise of float64, far below what float32 resolves; and what an epsilon of 1e-6 leaves of a sum that vanishes. */
#define ZERO_BY_CONSTRUCTION 1e-9
#define ZERO_BUT_FOR_EPSILON 1e-6
#define ZERO_LIMIT           1e-5

/* ---- comparing ------------------------------------------------------------------------------------------------------------------------ */

/* The largest value of all tensors of a kind. */
static double largest_of(const struct clmix_case_report *report, enum case_kind kind)
{
    double largest = 0.0;

    for (size_t i = 0; i < report->count; i++)
        if (report->tensors[i].kind == kind)
            largest = fmax(largest, report->tensors[i].largest);
    return largest;
}

static bool is_zero(const struct clmix_case_report *report, const struct clmix_case_tensor *tensor)
{
    const double least = tensor->vanishes ? ZERO_BUT_FOR_EPSILON : ZERO_BY_CONSTRUCTION;

    return tensor->largest <= least * largest_of(report, tensor->kind);
}

static void compare(const struct clmix_case_report *report, struct clmix_case_tensor *tensor)
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
static void drop_noise(struct clmix_case_report *report)
{
    size_t kept = 0;

    for (size_t i = 0; i < report->count; i++) {
        struct clmix_case_tensor *tensor = &report->tensors[i];
        bool noise = false;

        for (size_t g = 0; tensor->kind == CASE_WEIGHT && g < report->count; g++) {
            const struct clmix_case_tensor *gradient = &report->tensors[g];

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
    return *text != NULL ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FORMAT, "the file has no metadata '%s'; it is not a reference case", key);
}

static clmix_status run_file(struct reference_case *of)
{
    const char *format, *kind, *text;
    cJSON *config = NULL;
    clmix_status status;

    CLMIX_TRY(metadata(of, "format", &format));
    CLMIX_TRY(metadata(of, "kind", &kind));
    CLMIX_TRY(metadata(of, "config", &text));
    if (strcmp(format, "clmix-case-1") != 0)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "the file's format is '%.80s', and this version reads clmix-case-1", format);
    CLMIX_TRY(clmix_json_parse(&config, "config", text, strlen(text)));
    of->config = config;

    if (strcmp(kind, "model") == 0)
        status = clmix_case_run_model(of);
    else if (strcmp(kind, "op") == 0)
        status = clmix_case_run_op(of);
    else
        status = clmix_fail(CLMIX_ERROR_UNSUPPORTED, "a case of kind '%.80s' is unknown; this version knows model and op", kind);
    cJSON_Delete(config);
    return status != CLMIX_OK ? status : check_complete(of);
}

static void judge(struct clmix_case_report *report)
{
    drop_noise(report);
    for (size_t i = 0; i < report->count; i++) {
        struct clmix_case_tensor *tensor = &report->tensors[i];

        compare(report, tensor);
        report->pass = report->pass && tensor->pass;
        if (!isnan(report->worst) && !(tensor->error <= report->worst)) /* a NaN stays */
            report->worst = tensor->error;
    }
}

static void keep_failure(struct clmix_case_report *report, clmix_status status)
{
    report->status = status;
    report->pass = false;
    snprintf(report->sentence, sizeof report->sentence, "%s", clmix_error());
}

/* `opened`: what became of opening `file`, which is closed. */
static void run_opened(struct clmix_case_report *report, clmix_device *device, const char *path, clmix_status opened,
                       clmix_safetensors *file)
{
    struct reference_case of = { .device = device, .path = path, .file = file, .report = report };
    clmix_status status = opened;

    *report = (struct clmix_case_report){ .pass = true };
    if (opened == CLMIX_OK) {
        status = run_file(&of);
        if (status != CLMIX_OK)
            clmix_fail_at(status, "'%s'", path);
    }
    if (status != CLMIX_OK)
        keep_failure(report, status);
    clmix_safetensors_close(file);
    judge(report);
}

void clmix_case_run(struct clmix_case_report *report, clmix_device *device, const char *path)
{
    clmix_safetensors *file = NULL;
    clmix_status opened = clmix_safetensors_open(&file, path);

    run_opened(report, device, path, opened, file);
}

/* A copy of `content` as a file. */
static clmix_status open_copy(clmix_safetensors **file, const char *name, const void *content, size_t bytes)
{
    void *copy = malloc(bytes + 1);

    if (copy == NULL)
        return clmix_fail_memory(name);
    memcpy(copy, content, bytes);
    return clmix_safetensors_adopt(file, name, copy, bytes);
}

void clmix_case_run_content(struct clmix_case_report *report, clmix_device *device, const char *name, const void *content, size_t bytes)
{
    clmix_safetensors *file = NULL;
    const clmix_timing *timings = NULL;
    size_t count = 0;
    clmix_status opened = open_copy(&file, name, content, bytes), listed;

    if (opened == CLMIX_OK)
        opened = clmix_profile_start(device);
    run_opened(report, device, name, opened, file);
    if (opened != CLMIX_OK)
        return;
    listed = clmix_profile_stop(device, &timings, &count);
    if (listed == CLMIX_OK)
        listed = clmix_case_list_launched(report, timings, count);
    if (listed != CLMIX_OK && report->status == CLMIX_OK)
        keep_failure(report, listed);
}

void clmix_case_report_free(struct clmix_case_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free(report->tensors[i].name);
    free(report->tensors);
    free(report->ops);
    *report = (struct clmix_case_report){ 0 };
}
