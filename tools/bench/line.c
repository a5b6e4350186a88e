#include "bench/line.h"
#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what a result needs ---------------------------------------------------------------------------------------------------------- */

#define MOST_KEYS 4

/* A kind is known by its figure, which is above 0 as the other numbers are. */
static const struct {
    const char *what, *figure, *texts[MOST_KEYS], *numbers[MOST_KEYS];
} needs[BENCH_KINDS] = {
    [BENCH_CEILING] = { "a line of ceilings", "fma_gflops", { NULL }, { "copy_gbs" } },
    [BENCH_MODEL] = { "a result of a model", "step_ms", { "model", "mode" }, { "batch" } },
    [BENCH_START] = { "a result of a start", "start_ms", { "model", "mode", "start" }, { "batch" } },
    [BENCH_OP] = { "a result of an op", "ms", { "op", "size", "pass" }, { NULL } },
    [BENCH_STEP] = { "an op of a step", "ms", { "model", "mode", "op" }, { "batch" } },
    [BENCH_STEP_SUM] = { "the sum of a step", "kernels_ms", { "model", "mode" }, { "batch", "ceiling_ms", "free_ms" } },
};

/* Numbers that any result may have, none of them negative. null stands for one that is not known. */
static const char *const others[] = { "fraction_of_peak",
                                      "fraction_of_copy",
                                      "fraction_of_ceiling",
                                      "gflops",
                                      "gbs",
                                      "least_bytes",
                                      "moved_bytes",
                                      "peak_bytes",
                                      "images_per_second",
                                      "launches",
                                      "share",
                                      "runs",
                                      "ms_min",
                                      "ms_q1",
                                      "ms_q3",
                                      "step_ms_min",
                                      "step_ms_q1",
                                      "step_ms_q3",
                                      "launch_us",
                                      "sync_launch_us",
                                      "parameters",
                                      "host_ms",
                                      "host_share",
                                      "uploads",
                                      "upload_bytes",
                                      "compute_units" };

static clmix_status fail_key(const cJSON *object, const char *where, const char *what, const char *key, const char *needed)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    char *found = item != NULL ? cJSON_PrintUnformatted(item) : NULL;

    clmix_fail(CLMIX_ERROR_FORMAT, "%s: %s needs \"%s\", %s, and %s %.60s", where, what, key, needed, item != NULL ? "has" : "has none",
               found != NULL ? found : "");
    cJSON_free(found);
    return CLMIX_ERROR_FORMAT;
}

static bool is_positive(double value)
{
    return isfinite(value) && value > 0.0;
}

static clmix_status check_others(const cJSON *object, const char *where)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, others[i]);

        if (item != NULL && !cJSON_IsNull(item) && !(bench_number(object, others[i]) >= 0.0))
            return fail_key(object, where, "a result", others[i], "0 or more where it is there");
    }
    return CLMIX_OK;
}

static clmix_status check_needs(const cJSON *object, const char *where, enum bench_kind kind)
{
    const char *what = needs[kind].what;

    if (!is_positive(bench_number(object, needs[kind].figure)))
        return fail_key(object, where, what, needs[kind].figure, "a number above 0");
    for (int i = 0; i < MOST_KEYS && needs[kind].texts[i] != NULL; i++)
        if (bench_text(object, needs[kind].texts[i])[0] == '\0')
            return fail_key(object, where, what, needs[kind].texts[i], "a text");
    for (int i = 0; i < MOST_KEYS && needs[kind].numbers[i] != NULL; i++)
        if (!is_positive(bench_number(object, needs[kind].numbers[i])))
            return fail_key(object, where, what, needs[kind].numbers[i], "a number above 0");
    return check_others(object, where);
}

clmix_status bench_line_kind(const cJSON *object, const char *where, enum bench_kind *kind)
{
    int found = BENCH_CEILING;

    while (found < BENCH_KINDS && !cJSON_HasObjectItem(object, needs[found].figure))
        found++;
    if (found == BENCH_OP && cJSON_HasObjectItem(object, "model"))
        found = BENCH_STEP;
    *kind = (enum bench_kind)found;
    return found < BENCH_KINDS ? check_needs(object, where, *kind) : CLMIX_OK;
}

bool bench_line_is_note(const cJSON *object)
{
    return (bench_text(object, "case")[0] != '\0' && cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(object, "pass"))) ||
           (bench_text(object, "failed")[0] != '\0' && bench_text(object, "message")[0] != '\0');
}

/* ---- figures ---------------------------------------------------------------------------------------------------------------------- */

struct bench_figure bench_line_figure(const cJSON *object, enum bench_kind kind)
{
    const char *key = needs[kind].figure;
    struct bench_figure figure = { .value = bench_number(object, key), .least = NAN, .q1 = NAN, .q3 = NAN, .runs = 1, .unit = "ms" };
    char name[32];

    snprintf(name, sizeof name, "%s_min", key);
    if (is_positive(bench_number(object, name)))
        figure.least = fmin(bench_number(object, name), figure.value);
    snprintf(name, sizeof name, "%s_q1", key);
    figure.q1 = bench_number(object, name);
    snprintf(name, sizeof name, "%s_q3", key);
    figure.q3 = bench_number(object, name);
    if (!(is_positive(figure.q1) && figure.q1 <= figure.value && isfinite(figure.q3) && figure.q3 >= figure.value))
        figure.q1 = figure.q3 = NAN;
    if (bench_number(object, "runs") >= 1.0)
        figure.runs = (size_t)fmin(bench_number(object, "runs"), 1e9);
    return figure;
}

bool bench_line_ceiling(const cJSON *object, size_t index, const char **subject, struct bench_figure *figure)
{
    static const struct {
        const char *key, *subject, *unit;
        bool rate;
    } ceilings[] = { { "fma_gflops", "multiply-adds", "GFLOP/s", true },
                     { "copy_gbs", "copying", "GB/s", true },
                     { "launch_us", "a launch in a batch", "us", false },
                     { "sync_launch_us", "a launch with a wait", "us", false } };

    if (index >= sizeof ceilings / sizeof *ceilings)
        return false;
    *subject = ceilings[index].subject;
    *figure = (struct bench_figure){ .value = bench_number(object, ceilings[index].key),
                                     .least = NAN,
                                     .q1 = NAN,
                                     .q3 = NAN,
                                     .runs = 1,
                                     .rate = ceilings[index].rate,
                                     .unit = ceilings[index].unit };
    if (!is_positive(figure->value))
        figure->value = NAN;
    return true;
}

void bench_line_subject(const cJSON *object, enum bench_kind kind, char *subject, size_t bytes)
{
    const char *model = bench_text(object, "model"), *mode = bench_text(object, "mode"), *op = bench_text(object, "op");
    char text[64];
    const char *batch = bench_batch(object, text);

    switch (kind) {
    case BENCH_OP: snprintf(subject, bytes, "%s, %s, %s", op, bench_text(object, "size"), bench_text(object, "pass")); break;
    case BENCH_STEP: snprintf(subject, bytes, "%s, %s, %s: %s", model, mode, batch, op); break;
    case BENCH_START: snprintf(subject, bytes, "%s, %s, %s: %s start", model, mode, batch, bench_text(object, "start")); break;
    case BENCH_STEP_SUM: snprintf(subject, bytes, "%s, %s, %s: all kernels", model, mode, batch); break;
    default: snprintf(subject, bytes, "%s, %s, %s", model, mode, batch); break;
    }
}

enum bench_excess bench_line_excess(const cJSON *object)
{
    if (cJSON_HasObjectItem(object, "fraction_of_peak"))
        return bench_excess(bench_number(object, "fraction_of_peak"), "multiply-adds", NAN);
    return bench_excess(bench_number(object, "fraction_of_ceiling"), bench_text(object, "bound_by"), bench_number(object, "least_bytes"));
}
