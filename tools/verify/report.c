/* What became of a case: the object, and the lines. */
#include "verify/report.h"
#include "common/terminal.h"

#include <math.h>
#include <string.h>

/* ---- the object ----------------------------------------------------------------------------------------------------------------------- */

/* What is not a number has none in JSON. */
static void add_figure(cJSON *object, const char *name, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(object, name, value);
    else
        cJSON_AddNullToObject(object, name);
}

cJSON *report_json(const struct clmix_case_report *report, const char *path, const clmix_device *device)
{
    cJSON *object = cJSON_CreateObject(), *tensors;

    cJSON_AddStringToObject(object, "case", path);
    cJSON_AddStringToObject(object, "device", clmix_device_describe(device)->name);
    cJSON_AddBoolToObject(object, "pass", report->pass);
    add_figure(object, "worst", report->count > 0 ? report->worst : NAN);
    tensors = cJSON_AddArrayToObject(object, "tensors");
    for (size_t i = 0; i < report->count; i++) {
        const struct clmix_case_tensor *tensor = &report->tensors[i];
        cJSON *row = cJSON_CreateObject();

        cJSON_AddStringToObject(row, "name", tensor->name);
        add_figure(row, "error", tensor->error);
        add_figure(row, "limit", tensor->limit);
        cJSON_AddBoolToObject(row, "pass", tensor->pass);
        cJSON_AddItemToArray(tensors, row);
    }
    if (report->status != CLMIX_OK)
        cli_add_error(object, report->status, report->sentence);
    return object;
}

const char *report_text(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

    return text != NULL ? text : "";
}

bool report_passes(const cJSON *report)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(report, "pass"));
}

/* ---- the lines ------------------------------------------------------------------------------------------------------------------------ */

static double figure(const cJSON *object, const char *key)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, key)); /* NaN where there is none */
}

static const cJSON *worst_tensor(const cJSON *tensors)
{
    const cJSON *worst = NULL, *tensor;

    cJSON_ArrayForEach(tensor, tensors)
    {
        if (worst == NULL || !(figure(tensor, "error") / figure(tensor, "limit") <= figure(worst, "error") / figure(worst, "limit")))
            worst = tensor;
    }
    return worst;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

void report_print(const cJSON *report, bool verbose)
{
    const cJSON *tensors = cJSON_GetObjectItemCaseSensitive(report, "tensors"), *worst = worst_tensor(tensors), *tensor;
    const char *verdict = report_passes(report) ? "pass" : "FAIL", *name = base_name(report_text(report, "case"));

    if (worst != NULL)
        terminal_say(6, "%s  %-40s  %3d tensors  worst %.1e of %.0e  %s", verdict, name, cJSON_GetArraySize(tensors),
                     figure(worst, "error"), figure(worst, "limit"), report_text(worst, "name"));
    else
        terminal_say(6, "%s  %s", verdict, name);
    cJSON_ArrayForEach(tensor, tensors)
    {
        if (verbose || !report_passes(tensor))
            terminal_say(12, "      %s  %.2e of %.0e  %s", report_passes(tensor) ? "pass" : "FAIL", figure(tensor, "error"),
                         figure(tensor, "limit"), report_text(tensor, "name"));
    }
}
